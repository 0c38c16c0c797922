/* SPDX-License-Identifier: BSD-2-Clause */
/* Home network prefixes out of the pools. A node's own place there follows from its identifier, so that it is given the
 * same prefix again, also by an anchor that was started anew and to which others come first. Where that place and those
 * behind it are taken the prefixes are given out in turn, which costs the same however full the pools are. */
#include "lma/lma_priv.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* Places that are looked at before it is the turn of another: of pools half full one node in 2^32 finds none. */
#define PLACES 32

/* A prefix that came free rests behind this many others before it is given to another node (or as many as the pools
 * allow): packets and caches that still mean the former owner die out meanwhile. */
#define REST 4096

static unsigned __int128 number(const struct in6_addr *a)
{
	uint64_t half[2];

	memcpy(half, a, sizeof(half));
	return (unsigned __int128)be64toh(half[0]) << 64 | be64toh(half[1]);
}

static struct in6_addr address(unsigned __int128 v)
{
	uint64_t half[2] = {htobe64((uint64_t)(v >> 64)), htobe64((uint64_t)v)};
	struct in6_addr a;

	memcpy(&a, half, sizeof(a));
	return a;
}

/* The bits [from, to) of an address as a number. */
static unsigned __int128 bits(const struct in6_addr *a, unsigned from, unsigned to)
{
	return from == to ? 0 : number(a) << from >> (128 - (to - from));
}

/* Pools are numbered in 32 bits: of a larger one the first 2^32 - 1 prefixes are used. */
static struct prefix prefix_at(const struct prefix_pool *pool, uint64_t n)
{
	struct prefix p = {.len = pool->len};
	unsigned i = 0;

	while (n >= pool->size[i])
		n -= pool->size[i++];
	p.addr = prefix_masked(pool->pools[i]).addr;
	if (n)
		p.addr = address(number(&p.addr) | (unsigned __int128)n << (128 - pool->len));
	return p;
}

static bool number_of(const struct prefix_pool *pool, const struct prefix *p, uint64_t *ret)
{
	uint64_t base = 0;

	if (p->len != pool->len)
		return false;
	for (unsigned i = 0; i < pool->n; base += pool->size[i++])
		if (prefix_contains(&pool->pools[i], &p->addr)) {
			unsigned __int128 n = bits(&p->addr, pool->pools[i].len, pool->len);

			if (n >= pool->size[i])
				return false;
			*ret = base + (uint64_t)n;
			return true;
		}
	return false;
}

void prefix_pool_conf(struct lma *l)
{
	struct prefix_pool *pool = &l->pool, fresh = {.len = l->conf.pool_prefix_len};
	bool same = pool->n == l->conf.n_pools && pool->len == fresh.len;

	for (unsigned i = 0; i < l->conf.n_pools && i < 8; i++) {
		unsigned spread;

		same = same && prefix_eq(&pool->pools[i], &l->conf.pools[i]);
		if (l->conf.pools[i].len > fresh.len)
			continue; /* smaller than one prefix */
		spread = fresh.len - l->conf.pools[i].len;
		fresh.pools[fresh.n] = l->conf.pools[i];
		fresh.size[fresh.n] = spread >= 32 ? UINT32_MAX : 1ull << spread;
		if (fresh.total + fresh.size[fresh.n] > UINT32_MAX)
			fresh.size[fresh.n] = UINT32_MAX - fresh.total;
		fresh.total += fresh.size[fresh.n++];
	}
	if (same && pool->total == fresh.total)
		return;
	/* Numbers mean other prefixes now: those in use are met, and marked, when their number comes up. */
	for (struct hnode *n = htab_next(&l->by_prefix, NULL); n; n = htab_next(&l->by_prefix, n))
		hnode_owner(n, struct hnp, by_prefix)->pooled = false;
	free(pool->queue);
	*pool = fresh;
	for (struct hnode *n = htab_next(&l->by_prefix, NULL); n; n = htab_next(&l->by_prefix, n))
		pool->used += prefix_pool_owns(l, &hnode_owner(n, struct hnp, by_prefix)->prefix);
}

static bool queue_push(struct prefix_pool *pool, uint32_t n)
{
	if (pool->count == pool->cap) {
		uint32_t cap = pool->cap ? 2 * pool->cap : 64;
		uint32_t *q = malloc(cap * sizeof(*q));

		if (!q)
			return false;
		for (uint32_t i = 0; i < pool->count; i++)
			q[i] = pool->queue[(pool->head + i) % pool->cap];
		free(pool->queue);
		pool->queue = q;
		pool->cap = cap;
		pool->head = 0;
	}
	pool->queue[(pool->head + pool->count++) % pool->cap] = n;
	return true;
}

static uint32_t queue_pop(struct prefix_pool *pool)
{
	uint32_t n = pool->queue[pool->head];

	pool->head = (pool->head + 1) % pool->cap;
	pool->count--;
	return n;
}

static bool take_one(struct lma *l, struct prefix *ret)
{
	struct prefix_pool *pool = &l->pool;

	for (;;) {
		struct prefix p;
		struct hnp *held;

		if (pool->count > REST || (pool->next == pool->total && pool->count))
			p = prefix_at(pool, queue_pop(pool));
		else if (pool->next < pool->total)
			p = prefix_at(pool, pool->next++);
		else
			return false;
		/* Where all that are in use came from here, a free one is free. */
		held = pool->held < l->by_prefix.count ? binding_of_prefix(l, &p) : NULL;
		if (!held) {
			*ret = p;
			return true;
		}
		/* A profile or a gateway named it before its turn came: from here on it is as if we had given it. */
		held->pooled = true;
		pool->held++;
	}
}

/* What one node is given at a time. */
struct grant {
	struct prefix prefixes[DP_NODE_PREFIX_MAX];
	unsigned n;
	uint8_t pooled; /* those that came by turn, by bit */
	uint64_t place;
	unsigned places_left;
};

/* Always the same for the same identifier. */
static uint64_t own_place(const struct prefix_pool *pool, const void *mn, size_t mn_len)
{
	static const struct siphash_key key = {{0x726f616d63617374, 0x2e707265666978}};

	return pool->total ? siphash(&key, mn, mn_len) % pool->total : 0;
}

bool prefix_pool_own(const struct lma *l, const void *mn, size_t mn_len, struct prefix *ret)
{
	if (!l->pool.total)
		return false;
	*ret = prefix_at(&l->pool, own_place(&l->pool, mn, mn_len));
	return true;
}

static bool take_own(const struct lma *l, struct grant *g)
{
	const struct prefix_pool *pool = &l->pool;

	while (g->places_left && pool->used + g->n < pool->total) {
		struct prefix p = prefix_at(pool, g->place);

		g->place = g->place + 1 < pool->total ? g->place + 1 : 0;
		g->places_left--;
		if (!binding_of_prefix(l, &p)) {
			g->prefixes[g->n++] = p;
			return true;
		}
	}
	return false;
}

static bool take_in_turn(struct lma *l, struct grant *g)
{
	struct prefix p;

	while (take_one(l, &p)) {
		unsigned i = 0;

		while (i < g->n && !prefix_eq(&g->prefixes[i], &p))
			i++;
		g->pooled |= (uint8_t)(1u << i);
		g->prefixes[i] = p;
		if (i < g->n)
			continue; /* the node was about to be given it anyway */
		g->n++;
		return true;
	}
	return false;
}

bool prefix_pool_take(struct lma *l, const struct nai *mn, struct prefix *ret, unsigned n, uint8_t *ret_pooled)
{
	struct grant g = {.place = own_place(&l->pool, mn->s, mn->len), .places_left = PLACES};

	while (g.n < n) {
		if (take_own(l, &g) || take_in_turn(l, &g))
			continue;
		for (unsigned i = 0; i < g.n; i++)
			if (g.pooled >> i & 1)
				prefix_pool_put(l, &g.prefixes[i]);
		lma_count(l, LMA_PREFIXES_EXHAUSTED);
		lma_limit_event(l, "prefixes", mn, NULL, NULL);
		return false;
	}
	memcpy(ret, g.prefixes, n * sizeof(*ret));
	*ret_pooled = g.pooled;
	return true;
}

void prefix_pool_put(struct lma *l, const struct prefix *p)
{
	uint64_t n;

	if (number_of(&l->pool, p, &n) && !queue_push(&l->pool, (uint32_t)n))
		lma_count(l, LMA_OUT_OF_MEMORY);
}

bool prefix_pool_owns(const struct lma *l, const struct prefix *p)
{
	uint64_t n;
	struct prefix masked = prefix_masked(*p);

	return number_of(&l->pool, p, &n) && prefix_eq(&masked, p);
}

uint64_t prefix_pool_free(const struct lma *l)
{
	return l->pool.total - l->pool.used;
}

size_t prefix_pool_bytes(const struct lma *l)
{
	return l->pool.cap * sizeof(*l->pool.queue);
}
