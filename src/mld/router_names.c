/* SPDX-License-Identifier: BSD-2-Clause */
/* How many members of a group name a source, by filter mode: so that nobody need look through thousands of hosts, for each of
 * thousands of sources, to learn whether one of them wants it. Kept for groups of NAMES_MIN members and more, from the first
 * leave on. */
#include <stdlib.h>

#include "mld/router_priv.h"

struct name {
	struct in6_addr addr;
	uint32_t next;	   /* of the table */
	uint32_t named[2]; /* members, by filter mode */
};

void names_init(struct mld_routers *set, uint64_t seed)
{
	pool_init(&set->names, sizeof(struct name), UINT32_MAX);
	itab_kind_init(&set->names_kind, &set->names, offsetof(struct name, addr), offsetof(struct name, next), seed);
}

size_t names_estimate(const struct mld_routers *set)
{
	return set->names.used * (sizeof(struct name) + sizeof(uint32_t));
}

void names_free(struct mld_routers *set, struct detail *d)
{
	if (!d->names)
		return;
	for (struct name *n; (n = itab_pop(d->names));)
		pool_put(&set->names, n);
	itab_deinit(d->names);
	mem_free(set, d->names, sizeof(*d->names));
	d->names = NULL;
}

static struct name *name_get(struct mld_link *link, struct detail *d, const struct in6_addr *addr)
{
	struct name *n = itab_find(d->names, addr);

	if (n)
		return n;
	if (!mem_room(link, sizeof(*n) + sizeof(uint32_t)))
		return NULL;
	n = pool_get(&link->set->names);
	if (!n)
		return NULL;
	n->addr = *addr;
	if (itab_add(d->names, n))
		return n;
	pool_put(&link->set->names, n);
	return NULL;
}

static bool name_add(struct mld_link *link, struct detail *d, const struct in6_addr *addr, enum filter_mode mode)
{
	struct name *n = name_get(link, d, addr);

	if (n)
		n->named[mode]++;
	return n;
}

static void name_del(struct mld_link *link, struct detail *d, const struct in6_addr *addr, enum filter_mode mode)
{
	struct name *n = itab_find(d->names, addr);

	n->named[mode]--;
	if (n->named[FILTER_INCLUDE] + n->named[FILTER_EXCLUDE])
		return;
	itab_del(d->names, n);
	pool_put(&link->set->names, n);
}

/* Both lists are sorted; of the same mode, what they have in common stays. */
void names_change(struct mld_link *link, struct detail *d, const struct filter *old, const struct filter *new)
{
	const struct in6_addr *so = filter_sources(old), *sn = filter_sources(new);
	size_t n_old = filter_count(old), n_new = filter_count(new), i = 0, j = 0;
	bool same = old->mode == new->mode;

	if (!d->names || (same && old->list == new->list))
		return;
	while (i < n_old || j < n_new) {
		int c = i == n_old ? 1 : j == n_new ? -1 : addr_cmp(&so[i], &sn[j]);

		if ((c > 0 || (c == 0 && !same)) && !name_add(link, d, &sn[j], new->mode)) {
			names_free(link->set, d);
			return;
		}
		if (c < 0 || (c == 0 && !same))
			name_del(link, d, &so[i], old->mode);
		i += c <= 0;
		j += c >= 0;
	}
}

bool names_build(struct mld_link *link, struct detail *d)
{
	d->names = mem_resize(link, NULL, 0, sizeof(*d->names));
	if (!d->names)
		return false;
	itab_init(d->names, &link->set->names_kind);
	for (uint32_t i = 0; d->names && i < d->n_members; i++) {
		struct filter none = {d->members[i].filter.mode, NULL};

		link->set->member_looks++;
		names_change(link, d, &none, &d->members[i].filter);
	}
	return d->names;
}

bool names_want(const struct detail *d, const struct in6_addr *source)
{
	const struct name *n = itab_find(d->names, source);

	return n ? n->named[FILTER_INCLUDE] || d->n_excludes > n->named[FILTER_EXCLUDE] : d->n_excludes > 0;
}

bool names_include(const struct detail *d, const struct in6_addr *source)
{
	const struct name *n = itab_find(d->names, source);

	return n && n->named[FILTER_INCLUDE];
}

static int source_cmp(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

bool names_included(const struct detail *d, struct in6_addr **ret, uint32_t *ret_n)
{
	struct in6_addr *v = d->names->count ? malloc(d->names->count * sizeof(*v)) : NULL;
	uint32_t n = 0;

	if (d->names->count && !v)
		return false;
	for (const struct name *name = NULL; (name = itab_next(d->names, name));)
		if (name->named[FILTER_INCLUDE])
			v[n++] = name->addr;
	if (n > 1)
		qsort(v, n, sizeof(*v), source_cmp);
	*ret = v;
	*ret_n = n;
	return true;
}
