/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/poison.h"

void pool_init(struct pool *p, size_t size, uint32_t max)
{
	assert(size >= sizeof(uint32_t) && size <= UINT32_MAX);
	*p = (struct pool){.size = (uint32_t)size, .max = max};
}

void pool_set_max(struct pool *p, uint32_t max)
{
	p->max = max;
}

static size_t chunk_bytes(const struct pool *p, unsigned i)
{
	return ((size_t)POOL_FIRST << i) * p->size;
}

static void release(struct pool *p)
{
	for (unsigned i = 0; i < POOL_CHUNKS && p->chunk[i]; i++) {
		unpoison(p->chunk[i], chunk_bytes(p, i));
		free(p->chunk[i]);
		p->chunk[i] = NULL;
	}
	p->made = 0;
	p->free = 0;
}

void pool_deinit(struct pool *p)
{
	assert(!p->used);
	release(p);
}

/* The next number that was never given out; 0: no memory. */
static uint32_t make(struct pool *p)
{
	uint32_t at = p->made + POOL_FIRST;
	unsigned i = 31 - (unsigned)__builtin_clz(at) - 3;

	if (!(at & (at - 1)) && !p->chunk[i]) { /* the first one of a chunk */
		if (i >= POOL_CHUNKS)
			return 0;
		p->chunk[i] = malloc(chunk_bytes(p, i));
		if (!p->chunk[i])
			return 0;
		poison(p->chunk[i], chunk_bytes(p, i));
	}
	return ++p->made;
}

void *pool_get(struct pool *p)
{
	uint32_t number = p->used < p->max ? p->free : 0;
	void *obj;

	if (p->used >= p->max || (!number && !(number = make(p))))
		return NULL;
	obj = pool_at(p, number);
	unpoison(obj, p->size);
	if (number == p->free)
		memcpy(&p->free, obj, sizeof(p->free));
	p->used++;
	return memset(obj, 0, p->size);
}

uint32_t pool_number(const struct pool *p, const void *obj)
{
	/* Half of all objects are in the last chunk. */
	for (unsigned i = p->made ? 31 - (unsigned)__builtin_clz(p->made - 1 + POOL_FIRST) - 3 : 0;; i--) {
		uintptr_t at = (uintptr_t)obj - (uintptr_t)p->chunk[i];

		if (at < chunk_bytes(p, i))
			return (uint32_t)(at / p->size) + ((uint32_t)POOL_FIRST << i) - POOL_FIRST + 1;
		assert(i);
	}
}

void pool_put(struct pool *p, void *obj)
{
	uint32_t number = pool_number(p, obj);

	assert(p->used);
	memcpy(obj, &p->free, sizeof(p->free));
	p->free = number;
	poison(obj, p->size);
	if (!--p->used && p->made > POOL_FIRST)
		release(p);
}

size_t pool_bytes(const struct pool *p)
{
	return (size_t)p->made * p->size;
}
