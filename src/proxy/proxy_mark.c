/* SPDX-License-Identifier: BSD-2-Clause */
/* Labels: the flow label that the copies of a group bear in all tunnels, so that whoever gets the group by two paths can
 * tell which packet is which (docs/handover-predictive.md). A label is what the group's address gives, which spreads
 * groups over the paths of the network below (RFC 6438), and a stamp that grows by one with every mark of the group: what a
 * MAG forwards bears the lowest bits of it alone. A group that begins takes the highest stamp that any has, so that its
 * label is no less than it was when it ended. */
#include "proxy/proxy_priv.h"

uint32_t proxy_label_of(const struct in6_addr *group, uint32_t stamp)
{
	uint32_t fold = 0;

	for (unsigned i = 0; i < sizeof(*group); i++)
		fold = fold * 31 + group->s6_addr[i];
	return (fold + stamp) & DP_LABEL_MASK;
}

/* Lone groups have the stamp that the instance began with. */
static uint32_t stamp_of(const struct proxy *p, const struct in6_addr *group)
{
	const struct proxy_group *g = proxy_group_find(p, group);

	return proxy_lone_find(p, group) ? p->first_stamp : g ? g->stamp : p->stamp;
}

uint32_t proxy_label(const struct proxy *p, const struct in6_addr *group)
{
	return proxy_label_of(group, stamp_of(p, group));
}

static void mark(struct proxy *p, const struct in6_addr *group, const struct in6_addr *source, uint32_t label)
{
	struct dp_op op = {.kind = DP_FLOW_MARK};

	op.flow = proxy_flow(p, group, source);
	op.label = label;
	fxq_dp(p->fxq, &op);
}

uint32_t proxy_mark(struct proxy *p, const struct in6_addr *group)
{
	struct proxy_lone *x = proxy_lone_find(p, group);
	struct proxy_group *g = x ? NULL : proxy_group_find(p, group);
	uint32_t label;

	if (x && proxy_lone_unfold(p, x, &g) != PROXY_OK)
		return proxy_label(p, group); /* out of memory: it stays */
	if (!g)
		return proxy_label_of(group, ++p->stamp);
	g->stamp++;
	if ((int32_t)(g->stamp - p->stamp) > 0)
		p->stamp = g->stamp;
	label = proxy_label_of(group, g->stamp);
	if (g->n[FILTER_EXCLUDE])
		mark(p, group, NULL, label);
	for (struct proxy_source *s = NULL; (s = proxy_source_next(g, s));)
		if (s->listed)
			mark(p, group, &s->addr, label);
	return label;
}
