/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/proxy_priv.h"

#include <stdlib.h>

#define MOVED_MAX  256 /* sources: from more of them the merged list is made anew */
#define QUEUE_KEPT 32 /* entries of the queue that stay for the next burst */

/* The merge is never computed over the members: counts per named source, kept as filters change, say for each source
 * whether it stands in the merged list. */

/* The merged state without the member of `e` (NULL: of all). */
static struct filter merge_without(const struct proxy_group *g, const struct proxy_entry *e, bool *oom)
{
	enum filter_mode mode = e ? e->filter.mode : FILTER_INCLUDE;
	uint32_t excludes = g->n[FILTER_EXCLUDE] - (e && mode == FILTER_EXCLUDE);
	size_t n = 0;
	struct in6_addr *sources;
	struct filter f;

	if (!g->sources.count)
		return excludes ? FILTER_ANY : FILTER_NONE;
	sources = malloc((e ? g->sources.count : g->n_merged + 1) * sizeof(*sources));
	if (!sources) {
		*oom = true;
		return FILTER_NONE;
	}
	for (struct proxy_source *s = NULL; (s = proxy_source_next(g, s));) {
		uint32_t named[2] = {s->named[FILTER_INCLUDE], s->named[FILTER_EXCLUDE]};

		if (e && filter_has_source(&e->filter, &s->addr))
			named[mode]--;
		if (e ? proxy_source_merges(excludes, named[FILTER_INCLUDE], named[FILTER_EXCLUDE]) : s->merged)
			sources[n++] = s->addr;
	}
	f = filter_of(excludes ? FILTER_EXCLUDE : FILTER_INCLUDE, sources, n, oom);
	free(sources);
	return f;
}

/* ---- what has changed since it was told ---- */

void proxy_moved_forget(struct proxy *p, struct proxy_group *g)
{
	free(g->moved);
	p->list_bytes -= g->moved_cap * sizeof(*g->moved);
	g->moved = NULL;
	g->n_moved = g->moved_cap = 0;
	g->moved_lost = false;
}

void proxy_moved(struct proxy *p, struct proxy_group *g, const struct in6_addr *source)
{
	if (g->moved_lost)
		return;
	if (g->n_moved == g->moved_cap) {
		uint32_t cap = g->moved_cap ? g->moved_cap * 2 : 4;
		struct in6_addr *v = cap <= MOVED_MAX ? realloc(g->moved, cap * sizeof(*v)) : NULL;

		if (!v) {
			proxy_moved_forget(p, g);
			g->moved_lost = true;
			return;
		}
		p->list_bytes += (cap - g->moved_cap) * sizeof(*v);
		g->moved = v;
		g->moved_cap = cap;
	}
	g->moved[g->n_moved++] = *source;
}

/* The told list and what has moved since make the merged list, which may be long. */
static struct filter merge_moved(const struct proxy_group *g, bool *oom)
{
	struct in6_addr in[MOVED_MAX];
	struct filter moved, come, kept, f;
	size_t n = 0;

	for (uint32_t i = 0; i < g->n_moved; i++) {
		const struct proxy_source *s = proxy_source_find(g, &g->moved[i]);

		if (s && s->merged)
			in[n++] = s->addr;
	}
	moved = filter_of(FILTER_INCLUDE, g->moved, g->n_moved, oom);
	come = filter_of(FILTER_INCLUDE, in, n, oom);
	kept = filter_list_minus(&g->told, &moved, oom);
	f = filter_list_union(&kept, &come, oom);
	filter_drop(&moved);
	filter_drop(&come);
	filter_drop(&kept);
	f.mode = g->n[FILTER_EXCLUDE] ? FILTER_EXCLUDE : FILTER_INCLUDE;
	if (*oom)
		filter_drop(&f);
	return f;
}

/* False: out of memory, and nothing has changed. */
static bool group_tell(struct proxy *p, struct proxy_group *g, struct filter *merged, bool *news)
{
	bool oom = false;
	struct filter f = g->moved_lost ? merge_without(g, NULL, &oom) : merge_moved(g, &oom);

	if (oom)
		return false;
	proxy_moved_forget(p, g);
	g->queued = false;
	*news = !filter_eq(&f, &g->told);
	if (*news)
		*merged = filter_dup(&f);
	filter_move(&g->told, f);
	proxy_group_release(p, g);
	return true;
}

static bool lone_tell(struct proxy *p, struct proxy_lone *x, struct filter *merged)
{
	bool news = x->told != (x->member != 0);

	*merged = x->member ? FILTER_ANY : FILTER_NONE;
	x->queued = false;
	x->told = x->member != 0;
	if (!x->member)
		proxy_lone_free(p, x);
	return news;
}

/* 1: it was told, 0: nothing new, negative: out of memory. */
static int tell(struct proxy *p, const struct in6_addr *group, struct filter *merged)
{
	struct proxy_lone *x = proxy_lone_find(p, group);
	struct proxy_group *g = x ? NULL : proxy_group_find(p, group);
	bool news = false;

	if (x)
		return x->queued && lone_tell(p, x, merged);
	if (!g || !g->queued)
		return 0;
	return group_tell(p, g, merged, &news) ? news : -1;
}

/* Those that the queue had no room for. */
static bool find_lost(const struct proxy *p, struct in6_addr *ret)
{
	for (const struct proxy_lone *x = NULL; (x = itab_next(&p->lones, x));)
		if (x->queued) {
			*ret = x->addr;
			return true;
		}
	for (struct hnode *n = htab_next(&p->groups, NULL); n; n = htab_next(&p->groups, n))
		if (hnode_owner(n, struct proxy_group, node)->queued) {
			*ret = hnode_owner(n, struct proxy_group, node)->addr;
			return true;
		}
	return false;
}

static void queue_restart(struct proxy *p)
{
	p->changed.head = p->changed.n = 0;
	if (p->changed.cap <= QUEUE_KEPT)
		return;
	free(p->changed.v);
	p->changed.v = NULL;
	p->changed.cap = 0;
}

bool proxy_pop_changed(struct proxy *p, struct in6_addr *group, struct filter *merged)
{
	struct in6_addr lost;

	while (p->changed.head < p->changed.n) {
		const struct in6_addr next = p->changed.v[p->changed.head];
		int r = tell(p, &next, merged);

		if (r < 0)
			return false; /* it stays first for the next call */
		p->changed.head++;
		if (r) {
			*group = next;
			return true;
		}
	}
	queue_restart(p);
	while (p->changed.lost) {
		int r = find_lost(p, &lost) ? tell(p, &lost, merged) : -1;

		if (r < 0) {
			p->changed.lost = find_lost(p, &lost);
			return false;
		}
		if (r) {
			*group = lost;
			return true;
		}
	}
	return false;
}

bool proxy_merged_without(const struct proxy *p, const struct in6_addr *group, const struct proxy_member *without,
			  struct filter *ret)
{
	const struct proxy_lone *x = proxy_lone_find(p, group);
	const struct proxy_group *g = x ? NULL : proxy_group_find(p, group);
	const struct proxy_entry *e = g && without ? proxy_entry_find(without, g) : NULL;
	bool oom = false;
	struct filter f;

	if (x) {
		if (!x->member || proxy_lone_member(p, x) == without)
			return false;
		*ret = FILTER_ANY;
		return true;
	}
	if (!g || proxy_group_members(g) == (e ? 1 : 0))
		return false;
	f = merge_without(g, e, &oom);
	if (oom)
		return false;
	*ret = f;
	return true;
}

bool proxy_merged(const struct proxy *p, const struct in6_addr *group, struct filter *ret)
{
	return proxy_merged_without(p, group, NULL, ret);
}

void proxy_each_group(const struct proxy *p,
		      void (*each)(void *arg, const struct in6_addr *group, const struct filter *merged,
				   uint32_t members),
		      void *arg)
{
	const struct filter any = FILTER_ANY;

	for (const struct proxy_lone *x = NULL; (x = itab_next(&p->lones, x));)
		if (x->member)
			each(arg, &x->addr, &any, 1);
	for (struct hnode *n = htab_next(&p->groups, NULL); n; n = htab_next(&p->groups, n)) {
		const struct proxy_group *g = hnode_owner(n, struct proxy_group, node);
		bool oom = false;
		struct filter f;

		if (!proxy_group_members(g))
			continue;
		f = merge_without(g, NULL, &oom);
		if (!oom)
			each(arg, &g->addr, &f, proxy_group_members(g));
		filter_drop(&f);
	}
}
