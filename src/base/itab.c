/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/itab.h"

#include <assert.h>
#include <stdlib.h>

#include "base/rng.h"

#define BUCKETS_MIN 2

static uint32_t hash_of(const struct itab_kind *k, const struct in6_addr *addr)
{
	return (uint32_t)siphash_short(&k->key, addr->s6_addr);
}

void itab_kind_init(struct itab_kind *k, struct pool *pool, size_t addr, size_t next, uint64_t seed)
{
	struct rng r = rng_of(seed);

	*k = (struct itab_kind){.pool = pool, .addr = addr, .next = next};
	k->key.k[0] = rng_u64(&r);
	k->key.k[1] = rng_u64(&r);
	k->last.hash = hash_of(k, &k->last.addr);
}

/* ---- places ---- */

static const struct in6_addr *addr_of(const struct itab *t, const void *obj)
{
	return (const void *)((const char *)obj + t->kind->addr);
}

static uint32_t *next_of(const struct itab *t, const void *obj)
{
	return (uint32_t *)(uintptr_t)((const char *)obj + t->kind->next);
}

static void *at(const struct itab *t, uint32_t number)
{
	return pool_at(t->kind->pool, number);
}

/* The part that a bucket is in: 0 has the first two, i the next 1 << i. */
static unsigned part_of(uint32_t b)
{
	return b < BUCKETS_MIN ? 0 : 31 - (unsigned)__builtin_clz(b);
}

static uint32_t *bucket(const struct itab *t, uint32_t b)
{
	unsigned i = part_of(b);

	return &t->part[i][i ? b - (UINT32_C(1) << i) : b];
}

/* The largest power of two that is not more. */
static uint32_t power_below(uint32_t n)
{
	return UINT32_C(1) << (31 - (unsigned)__builtin_clz(n));
}

/* Buckets 0..n-1; those that were not split yet serve for two. */
static uint32_t *bucket_of_hash(const struct itab *t, uint32_t hash)
{
	uint32_t m = power_below(t->n), b = hash & (2 * m - 1);

	return bucket(t, b < t->n ? b : b - m);
}

static uint32_t *bucket_of(const struct itab *t, const struct in6_addr *addr)
{
	struct itab_kind *k = t->kind;

	if (!addr_eq(&k->last.addr, addr)) {
		k->last.addr = *addr;
		k->last.hash = hash_of(k, addr);
	}
	return bucket_of_hash(t, k->last.hash);
}

/* ---- size ---- */

static bool part_add(struct itab *t, unsigned i)
{
	uint32_t **parts = realloc(t->part, (i + 1) * sizeof(*parts));

	if (!parts)
		return false;
	t->part = parts;
	parts[i] = malloc((i ? (size_t)1 << i : BUCKETS_MIN) * sizeof(*parts[i]));
	return parts[i] != NULL;
}

/* Compilers leave out calls of what does nothing but fetch. */
#define INLINE static inline __attribute__((always_inline))

/* Of the chain in bucket `b`, the object after the first `after`: fetched meanwhile, as those were before. */
INLINE void chain_ahead(const struct itab *t, uint32_t b, unsigned after)
{
	uint32_t number = *bucket(t, b);

	while (number && after--)
		number = *next_of(t, at(t, number));
	if (number)
		__builtin_prefetch(at(t, number));
}

/* What the next splits will read: they come in the order of the buckets, but the objects lie anywhere. */
INLINE void split_ahead(const struct itab *t)
{
	uint32_t m = power_below(t->n), from = t->n - m;

	for (unsigned i = 0, ahead = 8; i < 3 && from + ahead < m; i++, ahead /= 2)
		chain_ahead(t, from + ahead, i);
}

/* One more bucket: half of what is in the one that served for it too. Failure is no harm, the chains get longer. */
static void split(struct itab *t)
{
	uint32_t fresh = t->n, m = power_below(fresh), *from, *to;

	if (!(fresh & (fresh - 1)) && !part_add(t, part_of(fresh)))
		return;
	t->n++;
	from = bucket(t, fresh - m);
	to = bucket(t, fresh);
	*to = 0;
	while (*from) {
		void *obj = at(t, *from);
		uint32_t number = *from, *next = next_of(t, obj);
		uint32_t hash = hash_of(t->kind, addr_of(t, obj));

		if ((hash & (2 * m - 1)) != fresh) {
			from = next;
			continue;
		}
		*from = *next;
		*next = *to;
		*to = number;
	}
	split_ahead(t);
}

/* One less: what is in the last goes back to the one that serves for it. */
static void join(struct itab *t)
{
	uint32_t last = t->n - 1, *from = bucket(t, last), *to = bucket(t, last - power_below(last));

	while (*to)
		to = next_of(t, at(t, *to));
	*to = *from;
	t->n--;
	if (!(last & (last - 1)))
		free(t->part[part_of(last)]);
}

static void release(struct itab *t)
{
	for (unsigned i = 0; t->n && i <= part_of(t->n - 1); i++)
		free(t->part[i]);
	free(t->part);
	t->part = NULL;
	t->n = 0;
}

/* ---- face ---- */

void itab_init(struct itab *t, struct itab_kind *kind)
{
	*t = (struct itab){.kind = kind};
}

void itab_deinit(struct itab *t)
{
	assert(!t->count);
	release(t);
}

void *itab_find(const struct itab *t, const struct in6_addr *addr)
{
	if (!t->count)
		return NULL;
	for (uint32_t number = *bucket_of(t, addr); number;) {
		void *obj = at(t, number);

		if (addr_eq(addr_of(t, obj), addr))
			return obj;
		number = *next_of(t, obj);
	}
	return NULL;
}

bool itab_add(struct itab *t, void *obj)
{
	uint32_t *head;

	if (!t->n) {
		if (!part_add(t, 0)) {
			release(t);
			return false;
		}
		t->part[0][0] = t->part[0][1] = 0;
		t->n = BUCKETS_MIN;
	}
	if (t->count >= t->n && t->n < UINT32_C(1) << 31)
		split(t);
	head = bucket_of(t, addr_of(t, obj));
	*next_of(t, obj) = *head;
	*head = pool_number(t->kind->pool, obj);
	t->count++;
	return true;
}

void itab_ahead(const struct itab *t, const struct in6_addr *addrs, size_t n)
{
	const uint32_t *head[ITAB_AHEAD];

	assert(n <= ITAB_AHEAD);
	if (!t->count)
		return;
	for (size_t i = 0; i < n; i++) {
		head[i] = bucket_of_hash(t, hash_of(t->kind, &addrs[i]));
		__builtin_prefetch(head[i], 1);
	}
	for (size_t i = 0; i < n; i++)
		if (*head[i])
			__builtin_prefetch(at(t, *head[i]));
	for (size_t i = 0; i < n; i++) {
		uint32_t second = *head[i] ? *next_of(t, at(t, *head[i])) : 0;

		if (second)
			__builtin_prefetch(at(t, second));
	}
}

static void removed(struct itab *t)
{
	if (!--t->count)
		release(t);
	else if (t->n > BUCKETS_MIN && t->count < t->n / 4)
		join(t);
}

void itab_del(struct itab *t, void *obj)
{
	uint32_t *link = bucket_of(t, addr_of(t, obj));

	while (assert(*link), at(t, *link) != obj)
		link = next_of(t, at(t, *link));
	*link = *next_of(t, obj);
	removed(t);
}

void *itab_pop(struct itab *t)
{
	uint32_t *head;
	void *obj;

	if (!t->count)
		return NULL;
	while (t->n > BUCKETS_MIN && !*bucket(t, t->n - 1))
		join(t);
	head = bucket(t, t->n - 1);
	if (!*head)
		head = bucket(t, 0);
	obj = at(t, *head);
	*head = *next_of(t, obj);
	removed(t);
	return obj;
}

void *itab_next(const struct itab *t, const void *obj)
{
	uint32_t b = 0, number = 0;

	if (obj) {
		number = *next_of(t, obj);
		if (!number) {
			uint32_t m = power_below(t->n);

			b = hash_of(t->kind, addr_of(t, obj)) & (2 * m - 1);
			b = (b < t->n ? b : b - m) + 1;
		}
	}
	while (!number && b < t->n)
		number = *bucket(t, b++);
	return number ? at(t, number) : NULL;
}

size_t itab_bytes(const struct itab *t)
{
	return t->n * sizeof(uint32_t);
}
