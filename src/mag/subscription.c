/* SPDX-License-Identifier: BSD-2-Clause */
/* What a node is to receive: one decision per group from all that speaks for it. The wishes of the profile (as its
 * initiation says), of the node's reports and of the operator are united; the profile's ranges, the scopes and the
 * limits cut that down; what the anchor refused goes too. The rest is delivered, and signalling.c sees to it that the
 * anchor sends it. Decisions 18 to 23; draft 4.1 and 4.3. */
#include <string.h>

#include "mag/mag_priv.h"

bool mag_multicast_permitted(const struct mag_node *node)
{
	return node->mag->conf.multicast && node->profile->multicast && !node->terminated;
}

struct mag_sub *mag_sub_find(const struct mag_node *node, const struct in6_addr *group)
{
	list_each (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		if (addr_eq(&sub->group, group))
			return sub;
	}
	return NULL;
}

struct mag_sub *mag_sub_get(struct mag_node *node, struct now now, const struct in6_addr *group)
{
	struct mag *mag = node->mag;
	struct mag_sub *sub = mag_sub_find(node, group);
	struct event e;

	if (sub)
		return sub;
	sub = slab_get(&mag->sub_slab);
	if (!sub) {
		mag_count(mag, MAG_C_LIMIT_ENTRIES);
		e = mag_event_of(EV_LIMIT, node);
		e.group = *group;
		mag_limit_event(mag, now, &e, "subscriptions");
		return NULL;
	}
	sub->node = node;
	sub->group = *group;
	sub->end = WALL_NEVER;
	list_init(&sub->in_node);
	list_init(&sub->in_group);
	list_init(&sub->in_bearers);
	if (!mag_group_attach(sub)) {
		slab_put(&mag->sub_slab, sub);
		mag_count(mag, MAG_C_LIMIT_GROUPS);
		e = mag_event_of(EV_LIMIT, node);
		e.group = *group;
		mag_limit_event(mag, now, &e, "groups");
		return NULL;
	}
	list_add(&node->subs, &sub->in_node);
	node->n_subs++;
	return sub;
}

void mag_sub_free(struct mag_sub *sub)
{
	struct mag_node *node = sub->node;
	struct filter *v[] = {&sub->mld,  &sub->admin, &sub->context, &sub->declined,	 &sub->wish,
			      &sub->want, &sub->asked, &sub->carried, &sub->refused_wish, &sub->refused_sources};

	if (!filter_is_none(&sub->want)) {
		node->n_active--;
		if (node->member)
			(void)proxy_set(node->member, &sub->group, &FILTER_NONE);
	}
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		filter_drop(v[i]);
	mag_group_detach(sub);
	list_del(&sub->in_node);
	node->n_subs--;
	slab_put(&node->mag->sub_slab, sub);
}

bool mag_sub_gone(struct mag_sub *sub)
{
	/* While the binding at the anchor still carries it, it is remembered: somebody has to take it back. */
	if (!filter_is_none(&sub->mld) || !filter_is_none(&sub->admin) || !filter_is_none(&sub->context) || sub->in_profile ||
	    !filter_is_none(&sub->want) || !filter_is_none(&sub->asked) || !filter_is_none(&sub->carried))
		return false;
	mag_sub_free(sub);
	return true;
}

enum mag_sub_state mag_sub_state(const struct mag_sub *sub)
{
	const struct mag_node *node = sub->node;

	if (filter_is_none(&sub->want)) {
		if (sub->verdict == POLICY_SCOPE)
			return MAG_SUB_LOCAL;
		if (sub->verdict != POLICY_PERMIT || sub->result || sub->ended)
			return MAG_SUB_REFUSED;
		return MAG_SUB_WAITING;
	}
	if (node->state != MAG_NODE_REGISTERED)
		return MAG_SUB_PENDING;
	if (filter_is_none(&sub->carried) && filter_is_none(&sub->at->mld) && !filter_is_none(&sub->asked))
		return MAG_SUB_PENDING;
	return MAG_SUB_ACTIVE;
}

/* ---- wishes ---- */

static struct filter static_wish(const struct mag_sub *sub, const struct profile_subscription *st)
{
	bool oom = false;
	struct filter f, rest;

	if (!st->n_sources)
		return sub->declined_all && !st->mandatory ? FILTER_NONE : FILTER_ANY;
	if (sub->declined_all && !st->mandatory)
		return FILTER_NONE;
	f = filter_of(FILTER_INCLUDE, st->sources, st->n_sources, &oom);
	if (st->mandatory || !filter_count(&sub->declined))
		return f;
	rest = filter_list_minus(&f, &sub->declined, &oom);
	filter_drop(&f);
	return rest;
}

static bool profile_will_name(const struct profile *p, const struct in6_addr *group, wall_t now)
{
	for (uint16_t i = 0; i < p->n_subscriptions; i++)
		if (addr_eq(&p->subscriptions[i].group, group) && p->subscriptions[i].end.ns > now.ns)
			return true;
	return false;
}

/* The profile's share, as the initiation says (decision 19). */
static void add_static(struct mag_sub *sub, struct now now, struct filter *wish)
{
	const struct profile *p = sub->node->profile;
	const struct profile_subscription *st = profile_static(p, &sub->group, now.wall);
	struct filter f;

	sub->in_profile = profile_will_name(p, &sub->group, now.wall);
	sub->mandatory = st && st->mandatory;
	sub->end = st ? st->end : WALL_NEVER;
	sub->waiting = false;
	if (!st)
		return;
	if (!filter_is_none(&sub->mld) || !filter_is_none(&sub->context))
		sub->confirmed = true;
	else if (!st->mandatory)
		sub->confirmed = false;
	switch (p->initiation) {
	case PROFILE_INITIATION_NETWORK:
		break;
	case PROFILE_INITIATION_QUERY:
		sub->waiting = !sub->confirmed;
		if (sub->waiting)
			return;
		if (!st->mandatory) { /* what it confirms is what it reported, and no more */
			sub->origins |= SUB_ORIGIN_PROFILE;
			return;
		}
		break;
	case PROFILE_INITIATION_NODE:
		return;
	}
	f = static_wish(sub, st);
	if (!filter_is_none(&f)) {
		sub->origins |= SUB_ORIGIN_PROFILE;
		filter_add(wish, &f);
	}
	filter_drop(&f);
}

static struct filter united(struct mag_sub *sub, struct now now)
{
	struct filter wish = FILTER_NONE;
	bool came_along = mag_context_review(sub, now);

	sub->origins = 0;
	add_static(sub, now, &wish);
	if (!filter_is_none(&sub->mld)) {
		sub->origins |= SUB_ORIGIN_MLD;
		filter_add(&wish, &sub->mld);
	}
	if (!filter_is_none(&sub->admin)) {
		sub->origins |= SUB_ORIGIN_ADMIN;
		filter_add(&wish, &sub->admin);
	}
	if (came_along) {
		sub->origins |= SUB_ORIGIN_CONTEXT;
		filter_add(&wish, &sub->context);
	}
	return wish;
}

static uint32_t limit_of(uint32_t profile, uint32_t conf)
{
	return profile ? profile : conf;
}

static struct filter permitted(struct mag_sub *sub, const struct filter *wish)
{
	const struct mag_node *node = sub->node;
	const struct profile *p = node->profile;
	const struct mag_conf *c = &node->mag->conf;

	sub->verdict = POLICY_PERMIT;
	if (filter_is_none(wish))
		return FILTER_NONE;
	sub->verdict = policy_scope(&c->scopes, &sub->group);
	if (sub->verdict != POLICY_PERMIT)
		return FILTER_NONE;
	return profile_restrict(p, &sub->group, wish, limit_of(p->sources_max, c->sources_per_group_max),
				&sub->verdict);
}

/* ---- what the anchor refused ---- */

/* The wish less what was refused of it; a wish that has changed since is a new one. */
static struct filter less_refused(struct mag_sub *sub)
{
	bool oom = false;
	struct filter u;

	if (sub->ended)
		return FILTER_NONE;
	if (sub->result && !filter_eq(&sub->wish, &sub->refused_wish)) {
		sub->result = MH_SUB_ACCEPTED;
		sub->silent = false;
		filter_drop(&sub->refused_wish);
		filter_drop(&sub->refused_sources);
	}
	if (!sub->result)
		return filter_dup(&sub->wish);
	if (!filter_count(&sub->refused_sources))
		return FILTER_NONE;
	if (sub->wish.mode == FILTER_INCLUDE)
		return filter_list_minus(&sub->wish, &sub->refused_sources, &oom);
	u = filter_list_union(&sub->wish, &sub->refused_sources, &oom);

	u.mode = FILTER_EXCLUDE;
	return u;
}

static void tell_refused(struct mag_sub *sub, struct now now, int32_t result, const char *detail)
{
	struct event e = mag_event_of(EV_SUBSCRIPTION_REFUSED, sub->node);

	if (!limiter_take(&sub->node->mag->refusal_events, now.mono))
		return;
	e.group = sub->group;
	e.status = result;
	e.origin = sub->origins;
	memcpy(e.detail, detail, strnlen(detail, sizeof(e.detail) - 1));
	fxq_event(sub->node->mag->fxq, &e);
}

/* These sources (none: all of it) are not to be had; `result` says why. */
static void take_away(struct mag_sub *sub, struct now now, uint8_t result, const struct in6_addr *sources, size_t n)
{
	bool more = sub->result && filter_count(&sub->refused_sources) && filter_eq(&sub->wish, &sub->refused_wish);
	bool oom = false;
	struct filter list = filter_of(FILTER_INCLUDE, sources, n, &oom);

	if (more && n) {
		filter_move(&sub->refused_sources, filter_list_union(&sub->refused_sources, &list, &oom));
		filter_drop(&list);
	} else {
		filter_move(&sub->refused_sources, list);
	}
	sub->result = result;
	filter_move(&sub->refused_wish, filter_dup(&sub->wish));
	mag_sub_decide(sub, now);
}

void mag_sub_refused(struct mag_sub *sub, struct now now, uint8_t result, const struct in6_addr *sources, size_t n)
{
	mag_count(sub->node->mag, MAG_C_SUBSCRIPTION_REFUSED_LMA);
	sub->silent = false;
	take_away(sub, now, result, sources, n);
	tell_refused(sub, now, result, mh_sub_result_name(result));
	/* Nothing of it is in the binding any more that is not wanted either. */
	if (!filter_covers(&sub->want, &sub->carried))
		filter_move(&sub->carried, filter_dup(&sub->want));
}

void mag_sub_ended(struct mag_sub *sub, struct now now, const struct in6_addr *source)
{
	if (source) {
		sub->silent = true;
		take_away(sub, now, MH_SUB_PROHIBITED, source, 1);
		return;
	}
	sub->ended = true;
	mag_sub_decide(sub, now);
}

/* ---- the decision ---- */

static void tell(struct mag_sub *sub, bool subscribed)
{
	struct event e = mag_event_of(subscribed ? EV_SUBSCRIBED : EV_UNSUBSCRIBED, sub->node);

	e.group = sub->group;
	e.origin = sub->origins;
	if (sub->want.mode == FILTER_INCLUDE && filter_count(&sub->want) == 1)
		e.source = filter_sources(&sub->want)[0];
	fxq_event(sub->node->mag->fxq, &e);
}

/* May the node have one group more, now? */
static bool within_limits(struct mag_sub *sub, struct now now)
{
	struct mag_node *node = sub->node;
	const struct mag_conf *c = &node->mag->conf;

	if (node->n_active >= limit_of(node->profile->groups_max, c->groups_per_node_max)) {
		sub->verdict = POLICY_LIMIT_GROUPS;
		node->limited = true;
		return false;
	}
	/* The profile's own groups are not the node's doing, and what came along with it was counted where it was. */
	if (!(sub->origins & (SUB_ORIGIN_PROFILE | SUB_ORIGIN_CONTEXT)) && !limiter_take(&node->joins, now.mono)) {
		mag_count(node->mag, MAG_C_LIMIT_JOIN_RATE);
		sub->deferred = true;
		mag_set(node->mag, &node->policy,
			mono_min(node->policy.at,
				 mono_add(now.mono, span_ns(span_s(1).ns / (c->joins_per_s ? c->joins_per_s : 1)))));
		return false;
	}
	return true;
}

/* Delivery first, so that data stops before anything is signalled. False: the proxy instance has no room. */
static bool deliver(struct mag_sub *sub, const struct filter *want)
{
	return !sub->node->member || proxy_set(sub->node->member, &sub->group, want) == PROXY_OK;
}

static void set_want(struct mag_sub *sub, struct filter want)
{
	struct mag_node *node = sub->node;
	bool had = !filter_is_none(&sub->want);

	if (filter_eq(&want, &sub->want)) {
		filter_drop(&want);
		return;
	}
	if (!deliver(sub, &want)) {
		mag_count(node->mag, MAG_C_LIMIT_GROUPS);
		sub->verdict = POLICY_LIMIT_GROUPS;
		node->limited = true;
		filter_drop(&want);
		(void)deliver(sub, &want);
	}
	if (filter_is_none(&want) && had) {
		tell(sub, false);
		node->n_active--;
	}
	filter_move(&sub->want, want);
	if (!filter_is_none(&want) && !had) {
		node->n_active++;
		tell(sub, true);
	}
	mag_sub_changed(sub);
	if (node->handover[MAG_HANDOVER_OUT])
		mag_handover_changed(node);
}

static void review_limited(struct mag_node *node, struct now now)
{
	if (!node->limited)
		return;
	node->limited = false;
	list_each (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		if (sub->verdict == POLICY_LIMIT_GROUPS && filter_is_none(&sub->want))
			mag_sub_decide(sub, now);
	}
}

void mag_sub_decide(struct mag_sub *sub, struct now now)
{
	struct mag_node *node = sub->node;
	enum policy_verdict before = sub->verdict;
	bool had = !filter_is_none(&sub->want);
	struct filter wish, want;

	sub->deferred = false;
	if (mag_multicast_permitted(node)) {
		wish = united(sub, now);
		filter_move(&sub->wish, permitted(sub, &wish));
	} else {
		wish = FILTER_NONE;
		sub->verdict = POLICY_SERVICE_OFF;
		filter_drop(&sub->wish);
	}
	want = less_refused(sub);
	if (!had && !filter_is_none(&want) && !within_limits(sub, now))
		filter_drop(&want);
	set_want(sub, want);
	if (sub->verdict != POLICY_PERMIT && sub->verdict != before && !filter_is_none(&wish)) {
		mag_count(node->mag, MAG_C_SUBSCRIPTION_REFUSED_LOCAL);
		tell_refused(sub, now, policy_verdict_result(sub->verdict), policy_verdict_name(sub->verdict));
	}
	filter_drop(&wish);
	if (had && filter_is_none(&sub->want))
		review_limited(node, now);
}

/* ---- all of a node ---- */

/* Initiation `query`: the node is asked about each group of its profile once it is in force (draft Figure 2). */
static void query_node(struct mag_node *node, struct now now)
{
	list_each (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		if (!sub->waiting || sub->queried || !node->mld)
			continue;
		sub->queried = true;
		mld_link_query_group(node->mld, now, &sub->group, node->mag->conf.attach_query_response);
	}
}

void mag_subs_schedule(struct mag_node *node, struct now now)
{
	wall_t next = profile_next_change(node->profile, now.wall);
	mono_t at = MONO_NEVER;

	if (next.ns != WALL_NEVER.ns)
		at = mono_add(now.mono, span_ns(next.ns - now.wall.ns));
	list_each (n, &node->subs) {
		const struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		if (sub->deferred)
			at = mono_min(at, mono_add(now.mono, span_ms(100)));
		if (!filter_is_none(&sub->context) && !mag_handover_keeps(node))
			at = mono_min(at, sub->context_until);
	}
	mag_set(node->mag, &node->policy, at);
}

void mag_subs_decide_all(struct mag_node *node, struct now now)
{
	const struct profile *p = node->profile;

	if (mag_multicast_permitted(node))
		for (uint16_t i = 0; i < p->n_subscriptions; i++)
			if (p->subscriptions[i].end.ns > now.wall.ns)
				(void)mag_sub_get(node, now, &p->subscriptions[i].group);
	list_each_safe (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		mag_sub_decide(sub, now);
		(void)mag_sub_gone(sub);
	}
	query_node(node, now);
	mag_subs_schedule(node, now);
}

bool mag_subs_start(struct mag_node *node, struct now now)
{
	if (!mag_multicast_permitted(node))
		return false;
	mag_listen_start(node, now);
	mag_subs_decide_all(node, now);
	return true;
}

void mag_subs_stop(struct mag_node *node)
{
	mag_transfer_end(node);
	mag_listen_stop(node);
	node->heard_report = false;
	list_each_safe (n, &node->subs)
		mag_sub_free(list_owner(n, struct mag_sub, in_node));
	heap_clear(&node->mag->heap, &node->policy);
	node->limited = false;
}

void mag_subs_deliver(struct mag_node *node, struct now now)
{
	struct dp_out out = node->state == MAG_NODE_EXPECTED ? mag_handover_output(node) : mag_node_output(node);

	if (!mag_multicast_permitted(node))
		return;
	node->member = proxy_member_new(node->peer->proxy, &out, mag_node_l2_unicast(node), node);
	if (!node->member) {
		mag_count(node->mag, MAG_C_LIMIT_GROUPS);
		mag_limit_event_of(node->mag, now, node, "proxy-members");
		return;
	}
	list_each (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		if (!filter_is_none(&sub->want) && !deliver(sub, &sub->want)) {
			sub->verdict = POLICY_LIMIT_GROUPS;
			node->limited = true;
			node->n_active--;
			filter_drop(&sub->want);
		}
		mag_sub_changed(sub);
	}
}

void mag_subs_withdraw(struct mag_node *node)
{
	if (node->member)
		proxy_member_free(node->member);
	node->member = NULL;
	list_each (n, &node->subs)
		mag_group_touch(list_owner(n, struct mag_sub, in_node)->at);
}

void mag_subs_expire(struct mag_node *node, struct now now) { mag_subs_decide_all(node, now); }

void mag_subs_forget_refusals(struct mag_node *node, struct now now)
{
	list_each (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		if (!sub->result || sub->silent)
			continue;
		sub->result = MH_SUB_ACCEPTED;
		mag_sub_decide(sub, now);
	}
}

/* Multicast service of the node ends while the node stays: what its binding carries is remembered until it is taken
 * back. */
void mag_subs_off(struct mag_node *node, struct now now)
{
	mag_listen_stop(node);
	mag_subs_decide_all(node, now);
	list_each_safe (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		filter_drop(&sub->mld);
		filter_drop(&sub->admin);
		filter_drop(&sub->context);
		sub->in_profile = false;
		(void)mag_sub_gone(sub);
	}
	if (node->member)
		proxy_member_free(node->member);
	node->member = NULL;
}

void mag_subs_review(struct mag_node *node, struct now now)
{
	struct dp_out out = mag_node_output(node);
	bool was_on = node->member || node->mld;

	if (!node->peer)
		return;
	if (mag_multicast_permitted(node) && !node->mld)
		mag_listen_start(node, now);
	if (node->mld && !mag_node_listens(node))
		mag_listen_end(node, now);
	if (mag_multicast_permitted(node) && !was_on && node->served)
		mag_subs_deliver(node, now);
	if (node->member)
		proxy_member_output(node->member, &out, mag_node_l2_unicast(node));
	mag_subs_decide_all(node, now);
	if (!mag_multicast_permitted(node))
		mag_subs_off(node, now);
}

void mag_subs_profile_changed(struct mag_node *node, struct now now)
{
	node->terminated = false;
	list_each (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		/* What was refused is asked for again, and what the network had ended may begin again. */
		sub->result = MH_SUB_ACCEPTED;
		sub->ended = sub->silent = sub->queried = sub->declined_all = false;
		filter_drop(&sub->declined);
	}
	mag_subs_review(node, now);
}
