/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Objects of one size that are named by 32-bit numbers, in half the room of a pointer: for what there may be a million of.
 * They never move. Chunks double, and of the last one only what is in use is touched, so that memory follows the number of
 * objects. It goes back when the last object does. */
#include <stddef.h>
#include <stdint.h>

#define POOL_CHUNKS 29
#define POOL_FIRST  8 /* objects in the first chunk */

struct pool {
	char *chunk[POOL_CHUNKS]; /* POOL_FIRST << i objects */
	uint64_t *live;		  /* a bit for each number less one: is it in use? */
	uint32_t size;		  /* of an object */
	uint32_t max;		  /* objects at most */
	uint32_t used;
	uint32_t made; /* numbers given out so far: 1..made */
	uint32_t free; /* the last one given back, or 0; it names the one before */
};

/* `size` of at least 4, and a multiple of what the object's fields are aligned to. */
void pool_init(struct pool *p, size_t size, uint32_t max);
/* A maximum below what is in use takes nothing away: there are no new ones until fewer are in use. */
void pool_set_max(struct pool *p, uint32_t max);
void pool_deinit(struct pool *p); /* asserts that nothing is in use */
void *pool_get(struct pool *p);	  /* zeroed, or NULL at the maximum or out of memory */
void pool_put(struct pool *p, void *obj);
/* From 1; 0 names none. */
uint32_t pool_number(const struct pool *p, const void *obj);
/* Walk all in use, by number: 0 first; 0 at the end. Whatever comes and goes meanwhile. */
uint32_t pool_next(const struct pool *p, uint32_t number);
size_t pool_bytes(const struct pool *p);

/* The object of a number that was given out. */
static inline void *pool_at(const struct pool *p, uint32_t number)
{
	uint32_t i = number - 1 + POOL_FIRST, k = 31 - (uint32_t)__builtin_clz(i);

	return p->chunk[k - 3] + (size_t)(i - (UINT32_C(1) << k)) * p->size;
}
_Static_assert(POOL_FIRST == 1 << 3, "the first object's place is a power of two, the third");
