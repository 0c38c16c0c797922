/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/proxy_priv.h"

uint32_t proxy_groups(const struct proxy *p)
{
	return p->n_groups;
}

void proxy_each_member(const struct proxy *p, const struct in6_addr *group,
		       void (*each)(void *arg, void *owner, const struct filter *f), void *arg)
{
	const struct proxy_lone *x = proxy_lone_find(p, group);
	const struct proxy_group *g = x ? NULL : proxy_group_find(p, group);
	const struct filter any = FILTER_ANY;

	if (x && x->member)
		each(arg, proxy_lone_member(p, x)->owner, &any);
	for (int mode = 0; g && mode < 2; mode++)
		for (const struct proxy_entry *e = g->entries[mode]; e; e = e->next)
			each(arg, e->member->owner, &e->filter);
}

void proxy_member_each(const struct proxy_member *m,
		       void (*each)(void *arg, const struct in6_addr *group, const struct filter *f), void *arg)
{
	for (struct hnode *n = htab_next(&m->entries, NULL); n; n = htab_next(&m->entries, n)) {
		const struct proxy_entry *e = hnode_owner(n, struct proxy_entry, node);

		each(arg, &e->group->addr, &e->filter);
	}
}

void proxy_member_flows(const struct proxy_member *m, const struct in6_addr *group,
			void (*each)(void *arg, const struct dp_flow *flow, const struct dp_out *out), void *arg)
{
	const struct proxy *p = m->proxy;
	const struct proxy_lone *x = proxy_lone_find(p, group);
	const struct proxy_group *g = x ? NULL : proxy_group_find(p, group);
	const struct proxy_entry *e = g ? proxy_entry_find(m, g) : NULL;
	struct dp_flow flow;
	struct dp_out out;

	if (m->silent || (x ? proxy_lone_member(p, x) != m : !e))
		return;
	out = proxy_out(m, group);
	if (x || e->filter.mode == FILTER_EXCLUDE) {
		flow = proxy_flow(p, group, NULL);
		each(arg, &flow, &out);
	}
	if (x)
		return;
	for (struct proxy_source *s = NULL; (s = proxy_source_next(g, s));) {
		if (!filter_accepts(&e->filter, &s->addr))
			continue;
		flow = proxy_flow(p, group, &s->addr);
		each(arg, &flow, &out);
	}
}

struct proxy_usage proxy_usage(const struct proxy *p)
{
	return (struct proxy_usage){
		.groups = p->group_slab.used + p->lone_pool.used,
		.entries = p->entry_slab.used + p->lone_pool.used,
		.sources = p->source_slab.used,
		.refused_groups = p->refused_groups,
		.refused_entries = p->refused_entries,
		.refused_sources = p->refused_sources,
	};
}

size_t proxy_bytes(const struct proxy *p)
{
	size_t sum = sizeof(*p) + p->outs_cap * sizeof(*p->outs) + htab_bytes(&p->groups) + p->list_bytes;

	sum += slab_bytes(&p->group_slab) + slab_bytes(&p->entry_slab) + slab_bytes(&p->source_slab);
	sum += pool_bytes(&p->members_pool) + pool_bytes(&p->lone_pool) + itab_bytes(&p->lones);
	sum += p->changed.cap * sizeof(*p->changed.v);
	list_each(l, &p->members)
		sum += htab_bytes(&list_owner(l, struct proxy_member, link)->entries);
	for (struct hnode *n = htab_next(&p->groups, NULL); n; n = htab_next(&p->groups, n)) {
		const struct proxy_group *g = hnode_owner(n, struct proxy_group, node);

		sum += htab_bytes(&g->sources) + filter_bytes(&g->told);
	}
	return sum;
}
