/* SPDX-License-Identifier: BSD-2-Clause */
/* A binary heap of groups by their deadlines, by number: 8 octets for each. */
#include <assert.h>
#include <stdlib.h>

#include "mld/router_priv.h"

#define CAP_MIN 16

static struct group *at(const struct mld_routers *set, uint32_t i)
{
	return pool_at(&set->groups, set->due.v[i]);
}

static void place(struct mld_routers *set, uint32_t i, uint32_t number, struct group *g)
{
	set->due.v[i] = number;
	g->slot = i + 1;
}

static void sift_up(struct mld_routers *set, uint32_t i, uint32_t number, struct group *g)
{
	while (i) {
		uint32_t parent = (i - 1) / 2;
		struct group *p = at(set, parent);

		if (!tick_before(g->deadline, p->deadline))
			break;
		place(set, i, set->due.v[parent], p);
		i = parent;
	}
	place(set, i, number, g);
}

static void sift_down(struct mld_routers *set, uint32_t i, uint32_t number, struct group *g)
{
	for (;;) {
		uint32_t child = 2 * i + 1;
		struct group *c, *other;

		if (child >= set->due.n)
			break;
		c = at(set, child);
		other = child + 1 < set->due.n ? at(set, child + 1) : NULL;
		if (other && tick_before(other->deadline, c->deadline)) {
			c = other;
			child++;
		}
		if (!tick_before(c->deadline, g->deadline))
			break;
		place(set, i, set->due.v[child], c);
		i = child;
	}
	place(set, i, number, g);
}

/* The group shall stand at i, which is free; its deadline may lie on either side of its neighbours'. */
static void sift(struct mld_routers *set, uint32_t i, uint32_t number, struct group *g)
{
	if (i && tick_before(g->deadline, at(set, (i - 1) / 2)->deadline))
		sift_up(set, i, number, g);
	else
		sift_down(set, i, number, g);
}

static bool resize(struct mld_routers *set, uint32_t cap)
{
	uint32_t *v = realloc(set->due.v, cap * sizeof(*v));

	if (!v)
		return false;
	set->due.v = v;
	set->due.cap = cap;
	return true;
}

bool due_set(struct mld_routers *set, struct group *g, uint32_t tick)
{
	if (g->slot) {
		g->deadline = tick;
		sift(set, g->slot - 1, set->due.v[g->slot - 1], g);
		return true;
	}
	if (set->due.n == set->due.cap && !resize(set, set->due.cap ? set->due.cap * 2 : CAP_MIN))
		return false;
	g->deadline = tick;
	sift_up(set, set->due.n++, pool_number(&set->groups, g), g);
	return true;
}

void due_clear(struct mld_routers *set, struct group *g)
{
	uint32_t i = g->slot - 1, last;

	if (!g->slot)
		return;
	assert(i < set->due.n && at(set, i) == g);
	last = set->due.v[--set->due.n];
	g->slot = 0;
	if (i < set->due.n)
		sift(set, i, last, pool_at(&set->groups, last));
	if (set->due.cap > CAP_MIN && set->due.n < set->due.cap / 4)
		resize(set, set->due.cap / 2); /* on failure the old array serves on */
}

struct group *due_first(const struct mld_routers *set)
{
	return set->due.n ? at(set, 0) : NULL;
}

bool due_reached(const struct group *g, mono_t now)
{
	return g->slot && !tick_before((uint32_t)(now.ns / TICK), g->deadline);
}
