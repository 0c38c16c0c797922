/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/proxy_priv.h"

#include <stdlib.h>

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

bool proxy_pop_changed(struct proxy *p, struct in6_addr *group, struct filter *merged)
{
	while (!list_empty(&p->changed)) {
		struct proxy_group *g = list_owner(p->changed.next, struct proxy_group, changed);
		bool oom = false, news;
		struct filter f = merge_without(g, NULL, &oom);

		if (oom)
			return false; /* it stays first for the next call */
		list_del(&g->changed);
		news = !filter_eq(&f, &g->told);
		if (news) {
			*group = g->addr;
			*merged = filter_dup(&f);
		}
		filter_move(&g->told, f);
		proxy_group_release(p, g);
		if (news)
			return true;
	}
	return false;
}

bool proxy_merged_without(const struct proxy *p, const struct in6_addr *group, const struct proxy_member *without,
			  struct filter *ret)
{
	const struct proxy_group *g = proxy_group_find(p, group);
	const struct proxy_entry *e = g && without ? proxy_entry_find(without, g) : NULL;
	bool oom = false;
	struct filter f;

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
