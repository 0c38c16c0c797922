/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/heap.h"

#include <assert.h>
#include <stdlib.h>

#define HEAP_MIN 16

/* The root stands in v[0] and has slot 1. */
static void place(struct heap *h, uint32_t i, struct deadline *d)
{
	h->v[i] = d;
	d->slot = i + 1;
}

static void sift_up(struct heap *h, uint32_t i, struct deadline *d)
{
	while (i) {
		uint32_t parent = (i - 1) / 2;

		if (!mono_before(d->at, h->v[parent]->at))
			break;
		place(h, i, h->v[parent]);
		i = parent;
	}
	place(h, i, d);
}

static void sift_down(struct heap *h, uint32_t i, struct deadline *d)
{
	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= h->n)
			break;
		if (child + 1 < h->n && mono_before(h->v[child + 1]->at, h->v[child]->at))
			child++;
		if (!mono_before(h->v[child]->at, d->at))
			break;
		place(h, i, h->v[child]);
		i = child;
	}
	place(h, i, d);
}

/* `d` shall stand where v[i] is free; its `at` may lie on either side of its neighbours. */
static void sift(struct heap *h, uint32_t i, struct deadline *d)
{
	if (i && mono_before(d->at, h->v[(i - 1) / 2]->at))
		sift_up(h, i, d);
	else
		sift_down(h, i, d);
}

static bool resize(struct heap *h, uint32_t cap)
{
	struct deadline **v = realloc(h->v, cap * sizeof(*v));

	if (!v)
		return false;
	h->v = v;
	h->cap = cap;
	return true;
}

void heap_init(struct heap *h)
{
	*h = (struct heap){0};
}

void heap_deinit(struct heap *h)
{
	assert(!h->n);
	free(h->v);
	*h = (struct heap){0};
}

void deadline_init(struct deadline *d, uint32_t kind)
{
	*d = (struct deadline){.at = MONO_NEVER, .kind = kind};
}

bool heap_set(struct heap *h, struct deadline *d, mono_t at)
{
	if (mono_is_never(at)) {
		heap_clear(h, d);
		return true;
	}
	if (d->slot) {
		assert(d->slot <= h->n && h->v[d->slot - 1] == d);
		d->at = at;
		sift(h, d->slot - 1, d);
		return true;
	}
	if (h->n == h->cap && !resize(h, h->cap ? h->cap * 2 : HEAP_MIN))
		return false;
	d->at = at;
	sift_up(h, h->n++, d);
	return true;
}

void heap_clear(struct heap *h, struct deadline *d)
{
	if (d->slot) {
		uint32_t i = d->slot - 1;
		struct deadline *last;

		assert(i < h->n && h->v[i] == d);
		last = h->v[--h->n];
		if (last != d)
			sift(h, i, last);
		d->slot = 0;
		if (h->cap > HEAP_MIN && h->n < h->cap / 4)
			resize(h, h->cap / 2); /* on failure the old array serves on */
	}
	d->at = MONO_NEVER;
}

mono_t heap_next(const struct heap *h)
{
	return h->n ? h->v[0]->at : MONO_NEVER;
}

struct deadline *heap_pop_due(struct heap *h, mono_t now)
{
	struct deadline *d;

	if (!h->n || !mono_reached(h->v[0]->at, now))
		return NULL;
	d = h->v[0];
	heap_clear(h, d);
	return d;
}
