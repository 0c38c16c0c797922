/* SPDX-License-Identifier: BSD-2-Clause */
/* The members of a group, and how one of them is found. Mostly there is one, or a few, which are looked through. From
 * INDEX_MIN places on, an index of twice as many stands behind them in the same block: the members' places + 1, each at
 * where its host's number hashes to, or after it where that was taken. */
#include <stdlib.h>
#include <string.h>

#include "mld/router_priv.h"

#define INDEX_MIN 32 /* places; a power of two, as is what follows from it */

static uint32_t *index_of(const struct detail *d)
{
	return (uint32_t *)(void *)&d->members[d->members_cap];
}

static uint32_t index_size(uint32_t cap)
{
	return cap < INDEX_MIN ? 0 : 2 * cap;
}

static size_t block_size(uint32_t cap)
{
	return cap * sizeof(struct member) + index_size(cap) * sizeof(uint32_t);
}

/* Peers choose how many hosts there are, not their numbers. */
static uint32_t place_of(const struct mld_routers *set, const struct host *h, uint32_t size)
{
	return pool_number(&set->hosts, h) * UINT32_C(0x9e3779b9) >> (32 - (uint32_t)__builtin_ctz(size));
}

/* Where the index names the host's member, or has the place for it. */
static uint32_t *index_at(struct mld_routers *set, const struct detail *d, const struct host *h)
{
	uint32_t size = index_size(d->members_cap), i = place_of(set, h, size), *index = index_of(d);

	while (index[i] && d->members[index[i] - 1].host != h) {
		i = (i + 1) & (size - 1);
		set->member_looks++;
	}
	set->member_looks++;
	return &index[i];
}

static void index_fill(struct mld_routers *set, const struct detail *d)
{
	uint32_t size = index_size(d->members_cap);

	if (!size)
		return;
	memset(index_of(d), 0, size * sizeof(uint32_t));
	for (uint32_t i = 0; i < d->n_members; i++)
		*index_at(set, d, d->members[i].host) = i + 1;
}

/* Those behind the gap that would be sought from before it move up, one after the other. */
static void index_forget(struct mld_routers *set, const struct detail *d, const struct host *h)
{
	uint32_t size = index_size(d->members_cap), *index = index_of(d);
	uint32_t gap = (uint32_t)(index_at(set, d, h) - index), i = gap;

	for (;;) {
		uint32_t from;

		i = (i + 1) & (size - 1);
		if (!index[i])
			break;
		from = place_of(set, d->members[index[i] - 1].host, size);
		if (((i - from) & (size - 1)) < ((i - gap) & (size - 1)))
			continue;
		index[gap] = index[i];
		gap = i;
	}
	index[gap] = 0;
}

struct member *member_find(struct mld_routers *set, const struct detail *d, const struct host *h)
{
	if (!d)
		return NULL;
	if (index_size(d->members_cap)) {
		uint32_t place = *index_at(set, d, h);

		return place ? &d->members[place - 1] : NULL;
	}
	for (uint32_t i = 0; i < d->n_members; i++) {
		set->member_looks++;
		if (d->members[i].host == h)
			return &d->members[i];
	}
	return NULL;
}

struct member *member_add(struct mld_link *link, struct detail *d, struct host *h)
{
	if (d->n_members == d->members_cap) {
		uint32_t cap = d->members_cap ? d->members_cap * 2 : 1;
		struct member *v = mem_resize(link, d->members, block_size(d->members_cap), block_size(cap));

		if (!v)
			return NULL;
		d->members = v;
		d->members_cap = cap;
		index_fill(link->set, d);
	}
	d->members[d->n_members] = (struct member){.host = h, .filter = FILTER_NONE};
	if (index_size(d->members_cap))
		*index_at(link->set, d, h) = d->n_members + 1;
	return &d->members[d->n_members++];
}

void member_remove(struct mld_link *link, struct detail *d, struct member *m)
{
	struct member *last = &d->members[d->n_members - 1];

	if (d->n_members == 1) {
		members_free(link->set, d);
		return;
	}
	if (index_size(d->members_cap)) {
		index_forget(link->set, d, m->host);
		if (m != last)
			*index_at(link->set, d, last->host) = (uint32_t)(m - d->members) + 1;
	}
	*m = *last;
	d->n_members--;
}

void members_free(struct mld_routers *set, struct detail *d)
{
	names_free(set, d);
	mem_free(set, d->members, block_size(d->members_cap));
	d->members = NULL;
	d->n_members = d->members_cap = 0;
}
