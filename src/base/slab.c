/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/slab.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/poison.h"

#define CHUNK_FIRST 8		/* objects in the first chunk */
#define CHUNK_BYTES (64 * 1024) /* chunks double up to about this */

struct chunk {
	struct chunk *next;
	size_t bytes; /* of the objects */
	alignas(max_align_t) char objects[];
};

struct spare {
	struct spare *next;
};

void slab_init(struct slab *s, size_t size, uint32_t max)
{
	size_t unit = sizeof(struct spare); /* nothing here needs more alignment than a pointer */

	*s = (struct slab){.size = (size + unit - 1) / unit * unit, .max = max};
}

static void release(struct slab *s)
{
	struct chunk *next;

	for (struct chunk *c = s->chunks; c; c = next) {
		next = c->next;
		unpoison(c->objects, c->bytes);
		free(c);
	}
	s->chunks = s->free = NULL;
	s->room = 0;
}

void slab_deinit(struct slab *s)
{
	assert(!s->used);
	release(s);
}

void slab_set_max(struct slab *s, uint32_t max)
{
	s->max = max;
}

/* As many again as there are, within a chunk's size and the maximum. */
static bool grow(struct slab *s)
{
	size_t most = CHUNK_BYTES / s->size;
	uint32_t n = s->room < CHUNK_FIRST ? CHUNK_FIRST : s->room;
	struct chunk *c;

	if (most < 1)
		most = 1;
	if (n > most)
		n = (uint32_t)most;
	if (n > s->max - s->used) /* all there are are in use: this is the room left to the maximum */
		n = s->max - s->used;
	c = malloc(sizeof(*c) + n * s->size);
	if (!c)
		return false;
	c->bytes = n * s->size;
	c->next = s->chunks;
	s->chunks = c;
	s->room += n;
	for (uint32_t i = n; i-- > 0;) {
		struct spare *o = (void *)(c->objects + i * s->size);

		o->next = s->free;
		s->free = o;
	}
	poison(c->objects, c->bytes);
	return true;
}

void *slab_get(struct slab *s)
{
	struct spare *o;

	if (s->used >= s->max || (!s->free && !grow(s)))
		return NULL;
	o = s->free;
	unpoison(o, s->size);
	s->free = o->next;
	s->used++;
	return memset(o, 0, s->size);
}

void slab_put(struct slab *s, void *obj)
{
	struct spare *o = obj;

	if (!o)
		return;
	assert(s->used);
	o->next = s->free;
	s->free = o;
	s->used--;
	poison(o, s->size);
	if (!s->used && s->room > CHUNK_FIRST)
		release(s);
}

size_t slab_bytes(const struct slab *s)
{
	size_t sum = 0;

	for (const struct chunk *c = s->chunks; c; c = c->next)
		sum += sizeof(*c) + c->bytes;
	return sum;
}
