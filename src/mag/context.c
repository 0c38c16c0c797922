/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes along with a node from gateway to gateway (RFC 7161, RFC 7411, draft 9.2): its subscriptions become a
 * context, and a context that comes with a node becomes wishes of origin `context`. Such a wish holds until the node
 * itself has spoken of the group, or might have: until a report that names it, until the queries that follow its first
 * report are answered without it, or for the membership interval where it never reports at all. */
#include <string.h>

#include "mag/mag_priv.h"

/* Of what the profile says each gateway has its own word, which may end, or change. */
static bool own_wish(const struct mag_sub *sub, struct filter *ret)
{
	struct filter f = filter_dup(&sub->mld);

	if (filter_add(&f, &sub->admin) && filter_add(&f, &sub->context)) {
		*ret = f;
		return true;
	}
	filter_drop(&f);
	return false;
}

bool mag_context_of(const struct mag_node *node, struct mn_context *ret)
{
	struct mn_context c = {
		.described = true,
		.delivery = (uint8_t)node->profile->delivery,
		.policy_version = node->profile->version,
	};

	list_each (n, &node->subs) {
		const struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);
		const uint8_t origins = sub->origins & (uint8_t)~SUB_ORIGIN_PROFILE;
		struct filter own = FILTER_NONE;
		bool added;

		if (filter_is_none(&sub->want))
			continue;
		added = own_wish(sub, &own) &&
			mn_context_add(&c, &sub->group, &own, sub->v1 ? 1 : 2, origins, WALL_NEVER);
		filter_drop(&own);
		if (!added) {
			mag_count(node->mag, MAG_C_OUT_OF_MEMORY);
			mn_context_drop(&c);
			return false;
		}
	}
	*ret = c;
	return true;
}

static span_t membership_interval(const struct mag *mag)
{
	struct mld_router_conf c = mag_access_mld(mag);

	return span_ns(c.robustness * c.query_interval.ns + c.query_response.ns);
}

static void give(struct mag_node *node, struct now now, const struct mn_group *g)
{
	struct mag_sub *sub = mag_sub_get(node, now, &g->group);
	const uint8_t own = SUB_ORIGIN_MLD | SUB_ORIGIN_CONTEXT | SUB_ORIGIN_IMPLICIT | SUB_ORIGIN_REGISTRATION;

	if (!sub)
		return; /* counted there */
	if ((g->origins & SUB_ORIGIN_ADMIN) && !(g->origins & own)) {
		(void)filter_add(&sub->admin, &g->filter);
		return;
	}
	if (!filter_is_none(&sub->mld))
		return; /* it has spoken for itself */
	filter_move(&sub->context, filter_dup(&g->filter));
	sub->context_until = mono_add(now.mono, membership_interval(node->mag));
	if (g->end.ns != WALL_NEVER.ns)
		sub->context_until =
			mono_min(sub->context_until, mono_add(now.mono, span_ns(g->end.ns - now.wall.ns)));
	sub->v1 = g->compat == 1;
}

void mag_context_forget(struct mag_node *node, struct now now, const struct mn_context *but)
{
	list_each_safe (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		if (filter_is_none(&sub->context) || mn_context_find(but, &sub->group))
			continue;
		filter_drop(&sub->context);
		mag_sub_decide(sub, now);
		(void)mag_sub_gone(sub);
	}
}

void mag_context_give(struct mag_node *node, struct now now, const struct mn_context *c)
{
	if (!mag_multicast_permitted(node))
		return;
	node->heard_report = false;
	for (uint16_t i = 0; i < c->n; i++)
		if (c->v[i].end.ns > now.wall.ns)
			give(node, now, &c->v[i]);
	mag_subs_decide_all(node, now);
}

void mag_context_reported(struct mag_node *node, struct now now)
{
	const struct mag_conf *c = &node->mag->conf;
	span_t asked = span_ns(2 * (c->attach_query_interval.ns + c->attach_query_response.ns));

	if (node->heard_report)
		return;
	node->heard_report = true;
	list_each (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		if (!filter_is_none(&sub->context))
			sub->context_until = mono_min(sub->context_until, mono_add(now.mono, asked));
	}
	mag_subs_schedule(node, now);
}

bool mag_context_review(struct mag_sub *sub, struct now now)
{
	if (filter_is_none(&sub->context))
		return false;
	/* A node that is handed over may not be there to confirm it any more. */
	if (filter_is_none(&sub->mld) &&
	    (mono_before(now.mono, sub->context_until) || mag_handover_keeps(sub->node)))
		return true;
	filter_drop(&sub->context);
	return false;
}
