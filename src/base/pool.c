/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/pool.h"

#include <assert.h>
#include <stdbool.h>
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
	free(p->live);
	p->live = NULL;
	p->made = 0;
	p->free = 0;
}

void pool_deinit(struct pool *p)
{
	assert(!p->used);
	release(p);
}

/* For the chunk's objects and all before them: POOL_FIRST << (i + 1) of them, less POOL_FIRST. */
static size_t live_words(unsigned i)
{
	return (((size_t)POOL_FIRST << (i + 1)) + 63) / 64;
}

static bool chunk_add(struct pool *p, unsigned i)
{
	size_t had = i ? live_words(i - 1) : 0;
	uint64_t *live = realloc(p->live, live_words(i) * sizeof(*live));

	if (!live)
		return false;
	memset(live + had, 0, (live_words(i) - had) * sizeof(*live));
	p->live = live;
	p->chunk[i] = malloc(chunk_bytes(p, i));
	if (!p->chunk[i])
		return false;
	poison(p->chunk[i], chunk_bytes(p, i));
	return true;
}

/* The next number that was never given out; 0: no memory. */
static uint32_t make(struct pool *p)
{
	uint32_t at = p->made + POOL_FIRST;
	unsigned i = 31 - (unsigned)__builtin_clz(at) - 3;

	if (!(at & (at - 1)) && !p->chunk[i]) { /* the first one of a chunk */
		if (i >= POOL_CHUNKS || !chunk_add(p, i))
			return 0;
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
	p->live[(number - 1) / 64] |= UINT64_C(1) << (number - 1) % 64;
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
	p->live[(number - 1) / 64] &= ~(UINT64_C(1) << (number - 1) % 64);
	poison(obj, p->size);
	if (!--p->used && p->made > POOL_FIRST)
		release(p);
}

uint32_t pool_next(const struct pool *p, uint32_t number)
{
	for (uint32_t at = number; at < p->made; at = (at / 64 + 1) * 64) {
		uint64_t rest = p->live[at / 64] >> at % 64;

		if (rest)
			return at + (uint32_t)__builtin_ctzll(rest) + 1;
	}
	return 0;
}

size_t pool_bytes(const struct pool *p)
{
	return (size_t)p->made * p->size + (p->made + 7) / 8;
}
