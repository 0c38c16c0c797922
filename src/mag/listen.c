/* SPDX-License-Identifier: BSD-2-Clause */
/* MLD of the nodes. Each has a link of its own in the membership engine, also where several share a wire: a query goes
 * to it alone, and what it reports is its own (RFC 6224 5). */
#include "mag/mag_priv.h"

#define NOTICE_S 10 /* one event of a limit of the membership engine in so many seconds */

void mag_listen_start(struct mag_node *node, struct now now)
{
	struct mag *mag = node->mag;
	struct mld_router_conf c = mag_access_mld(mag);
	struct in6_addr self = mag_link_local_of(node);

	if (node->mld || !mag_node_listens(node))
		return;
	node->mld = mld_link_new(mag->routers, now, &c, &self, node);
	if (!node->mld) {
		mag_count(mag, MAG_C_LIMIT_ENTRIES);
		mag_limit_event_of(mag, now, node, "mld-links");
	}
}

void mag_listen_stop(struct mag_node *node)
{
	if (node->mld)
		mld_link_free(node->mld);
	node->mld = NULL;
	node->nameless = false;
}

void mag_listen_end(struct mag_node *node, struct now now)
{
	struct mn_context c;
	bool told = mag_context_of(node, &c);

	mag_listen_stop(node);
	list_each (n, &node->subs)
		filter_drop(&list_owner(n, struct mag_sub, in_node)->mld);
	if (told) {
		mag_context_give(node, now, &c);
		mn_context_drop(&c);
	}
}

/* ---- leaves of groups that the node never reported: only the packet tells of them ---- */

static struct filter list_of(const struct mld_record *r)
{
	struct in6_addr v[PROFILE_SOURCE_MAX];
	bool oom = false;
	size_t n = r->n < PROFILE_SOURCE_MAX ? r->n : PROFILE_SOURCE_MAX;

	for (size_t i = 0; i < n; i++)
		v[i] = mld_source(r->sources, i);
	return filter_of(FILTER_INCLUDE, v, n, &oom);
}

static void decline_all(struct mag_sub *sub, bool declined)
{
	sub->declined_all = declined;
	filter_drop(&sub->declined);
}

/* BLOCK adds to what the node left, a wish takes it out again. */
static void decline_some(struct mag_sub *sub, const struct mld_record *r, bool declined)
{
	struct filter list = list_of(r);
	bool oom = false;
	struct filter v =
	    declined ? filter_list_union(&sub->declined, &list, &oom) : filter_list_minus(&sub->declined, &list, &oom);

	if (oom)
		filter_drop(&v);
	else
		filter_move(&sub->declined, v);
	if (!declined)
		sub->declined_all = false;
	filter_drop(&list);
}

static void note_record(struct mag_sub *sub, const struct mld_record *r)
{
	switch ((enum mld_record_type)r->type) {
	case MLD_MODE_IS_EXCLUDE:
	case MLD_CHANGE_TO_EXCLUDE:
		decline_all(sub, false);
		return;
	case MLD_CHANGE_TO_INCLUDE:
		decline_all(sub, !r->n);
		return;
	case MLD_MODE_IS_INCLUDE:
	case MLD_ALLOW_NEW_SOURCES:
		decline_some(sub, r, false);
		return;
	case MLD_BLOCK_OLD_SOURCES:
		decline_some(sub, r, true);
		return;
	}
}

/* The same of what came along with the node from where it was before. */
static void leave_context(struct mag_sub *sub, const struct mld_record *r)
{
	struct filter list;
	bool oom = false;

	if (r->type == MLD_CHANGE_TO_INCLUDE && !r->n) {
		filter_drop(&sub->context);
	} else if (r->type == MLD_BLOCK_OLD_SOURCES && sub->context.mode == FILTER_INCLUDE) {
		list = list_of(r);
		filter_move(&sub->context, filter_list_minus(&sub->context, &list, &oom));
		filter_drop(&list);
	}
}

static bool came_along(const struct mag_sub *sub) { return sub && !filter_is_none(&sub->context); }

static bool may_decline(const struct mag_sub *sub) { return sub && sub->in_profile && !sub->mandatory; }

static void note(struct mag_node *node, struct now now, const struct mld_record *r)
{
	struct mag_sub *sub = mag_sub_find(node, &r->group);

	if (!may_decline(sub) && !came_along(sub))
		return;
	if (came_along(sub))
		leave_context(sub, r);
	if (may_decline(sub))
		note_record(sub, r);
	mag_sub_decide(sub, now);
	(void)mag_sub_gone(sub);
}

static void note_declined(struct mag_node *node, struct now now, const struct mld_packet *p)
{
	struct mld_record r = {.group = p->group};
	size_t cursor = 0;

	switch (p->type) {
	case MLD_QUERY:
		return;
	case MLD_V1_REPORT:
	case MLD_V1_DONE: /* as RFC 3810 8.3.2 reads them */
		r.type = p->type == MLD_V1_DONE ? MLD_CHANGE_TO_INCLUDE : MLD_MODE_IS_EXCLUDE;
		note(node, now, &r);
		return;
	case MLD_V2_REPORT:
		while (mld_next_record(p, &cursor, &r))
			note(node, now, &r);
		return;
	}
}

void mag_listen_recv(struct mag_node *node, struct now now, const struct mld_packet *p)
{
	if (!node->mld) {
		mag_count(node->mag, MAG_C_MLD_DISABLED);
		return;
	}
	mld_link_recv(node->mld, now, p);
	(void)mag_listen_drain(node->mag, now); /* joins first: a report may both take back and renew */
	note_declined(node, now, p);
	if (p->type != MLD_QUERY)
		mag_context_reported(node, now);
}

/* ---- reports that do not count ---- */

/* A report from :: does not count, and nothing of it is looked at (RFC 3590 4). But somebody wants something and has no
 * address to say so from: it is asked when it has one. Not every host repeats by itself what it said too early: an
 * MLDv1 host may take 10 s for it, and does not at all once a query was answered from :: too. */
void mag_listen_nameless(struct mag_node *node, struct now now)
{
	const struct mag_conf *c = &node->mag->conf;

	if (!node->mld)
		return;
	node->nameless = true;
	mld_link_query_within(node->mld, now, c->attach_query_response, c->attach_query_interval);
}

void mag_listen_named(struct mag_node *node, struct now now)
{
	if (!node->nameless || !node->mld)
		return;
	node->nameless = false;
	mld_link_query_within(node->mld, now, node->mag->conf.attach_query_response, span_ns(0));
}

bool mag_listen_query(struct mag_node *node, struct now now, const struct in6_addr *group)
{
	span_t response = node->mag->conf.attach_query_response;

	if (!node->mld)
		return false;
	if (group)
		mld_link_query_group(node->mld, now, group, response);
	else
		mld_link_query_within(node->mld, now, response, span_ns(0));
	return true;
}

/* ---- what the membership engine says ---- */

static void changed(struct mag_node *node, struct now now, const struct in6_addr *group)
{
	struct filter f = FILTER_NONE;
	struct mag_sub *sub;
	bool some;

	if (addr_scope(group) <= MC_SCOPE_LINK)
		return; /* solicited-node and the like: of no interest beyond the link (decision 23) */
	some = mld_link_state(node->mld, group, &f);
	sub = some ? mag_sub_get(node, now, group) : mag_sub_find(node, group);
	if (!sub) {
		filter_drop(&f);
		return;
	}
	filter_move(&sub->mld, f);
	sub->v1 = some && mld_link_group_is_v1(node->mld, group);
	mag_sub_decide(sub, now);
	(void)mag_sub_gone(sub);
}

void mag_listen_refused(struct mag *mag, struct now now, const struct event *where, const uint8_t *packet, size_t len)
{
	static const char what[] = "a query whose source address is not link-local";
	mono_t *told = &mag->mld_told[MLD_ROUTER_COUNTER_N];
	struct event e = *where;

	if (mono_before(now.mono, *told) || !mld_query_from(packet, len, &e.source))
		return;
	*told = mono_add(now.mono, span_s(NOTICE_S));
	memcpy(e.detail, what, sizeof(what));
	fxq_event(mag->fxq, &e);
}

/* Limits of the membership engine, and what RFC 4604 3 has logged, with the node: each once in a while. */
static void tell_notices(struct mag *mag, struct now now)
{
	struct mld_router_notice n;

	while (mld_routers_notice(mag->routers, &n)) {
		bool warning = n.counter == MLD_ROUTER_V1_SSM || n.counter == MLD_ROUTER_EXCLUDE_SSM ||
			       n.counter == MLD_ROUTER_QUERIES_VERSION;
		struct event e = mag_event_of(warning ? EV_MLD_WARNING : EV_LIMIT, n.owner);
		const char *what = mld_router_counter_name(n.counter);

		if (mono_before(now.mono, mag->mld_told[n.counter]))
			continue;
		mag->mld_told[n.counter] = mono_add(now.mono, span_s(NOTICE_S));
		e.group = n.group;
		memcpy(e.detail, what, strnlen(what, sizeof(e.detail) - 1));
		fxq_event(mag->fxq, &e); /* seldom enough: refusals, of which there may be many, do not hide it */
	}
}

bool mag_listen_drain(struct mag *mag, struct now now)
{
	struct mld_router_fx fx;
	bool some = false;

	while (mld_routers_pop(mag->routers, &fx)) {
		struct mag_node *node = fx.owner;

		some = true;
		switch (fx.kind) {
		case MLD_ROUTER_QUERY:
			if (node->link && node->lladdr.len == 6)
				fxq_link(mag->fxq, node->link->ifindex, node->lladdr.b, fx.packet, fx.len);
			break;
		case MLD_ROUTER_CHANGE:
			changed(node, now, &fx.group);
			break;
		}
	}
	tell_notices(mag, now);
	return some;
}
