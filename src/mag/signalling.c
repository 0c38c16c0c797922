/* SPDX-License-Identifier: BSD-2-Clause */
/* How the anchor learns what is wanted: of each group once (draft 4.1.2), by the registration of whoever came first, or
 * by MLD in the tunnel. At the anchor the subscription of this gateway to a group is the union of both (decision 18),
 * so that MLD state is kept exactly for what the registrations do not carry:
 *
 *   need     what all nodes served here want of the group
 *   planned  what the bindings carry once every PBU that is due has been sent and accepted
 *   secure   what they carry now and go on carrying
 *
 * planned covers need: MLD none, as soon as secure covers it too. Otherwise MLD = need. */
#include "mag/mag_priv.h"

static struct mag_group *group_find(const struct mag_peer *peer, const struct in6_addr *group)
{
	const struct htab *t = &peer->groups;

	for (struct hnode *h = htab_first(t, htab_hash(t, group, sizeof(*group))); h; h = htab_same(h)) {
		struct mag_group *g = hnode_owner(h, struct mag_group, by_group);

		if (addr_eq(&g->group, group))
			return g;
	}
	return NULL;
}

static struct mag_group *group_new(struct mag_peer *peer, const struct in6_addr *group)
{
	struct mag_group *g;

	g = slab_get(&peer->mag->group_slab);
	if (!g)
		return NULL;
	g->peer = peer;
	g->group = *group;
	list_init(&g->subs);
	list_init(&g->bearers);
	list_init(&g->in_touched);
	if (!htab_add(&peer->groups, &g->by_group, htab_hash(&peer->groups, group, sizeof(*group)))) {
		slab_put(&peer->mag->group_slab, g);
		return NULL;
	}
	return g;
}

void mag_group_free(struct mag_group *g)
{
	filter_drop(&g->mld);
	filter_drop(&g->need);
	list_del(&g->in_touched);
	htab_del(&g->peer->groups, &g->by_group);
	slab_put(&g->peer->mag->group_slab, g);
}

bool mag_group_attach(struct mag_sub *sub)
{
	struct mag_group *g = group_find(sub->node->peer, &sub->group);

	if (!g)
		g = group_new(sub->node->peer, &sub->group);
	if (!g)
		return false;
	sub->at = g;
	list_add(&g->subs, &sub->in_group);
	return true;
}

void mag_group_detach(struct mag_sub *sub)
{
	list_del(&sub->in_group);
	list_del(&sub->in_bearers);
	mag_group_touch(sub->at);
	sub->at = NULL;
}

void mag_group_touch(struct mag_group *g)
{
	if (list_empty(&g->in_touched))
		list_add(&g->peer->mag->touched, &g->in_touched);
}

bool mag_peer_by_registration(const struct mag_peer *peer)
{
	if (peer->mag->conf.signalling == MAG_SIGNALLING_MLD)
		return false;
	/* The first PBU to an anchor carries groups on trust (decision 7). */
	return !peer->heard || (peer->heard_capabilities && (peer->capabilities.features & MH_FEATURE_AMS_IN_PBU));
}

bool mag_peer_keeps(const struct mag_peer *peer)
{
	return peer->mag->conf.context == MN_CONTEXT_KEPT && mag_peer_by_registration(peer) &&
	       (peer->capabilities.features & MH_FEATURE_CONTEXT_KEPT);
}

/* ---- what registrations carry ---- */

static bool registering(const struct mag_node *node)
{
	return node->tx.what == MAG_REQUEST_REGISTER || node->tx.what == MAG_REQUEST_REFRESH;
}

static bool bound(const struct mag_node *node)
{
	return node->state == MAG_NODE_REGISTERED || node->state == MAG_NODE_REGISTERING;
}

static const struct filter *planned(const struct mag_sub *sub)
{
	static const struct filter none = {FILTER_INCLUDE, NULL};
	const struct mag_node *node = sub->node;

	if (!bound(node))
		return &none;
	if (node->dirty && !sub->no_room)
		return &sub->want;
	return registering(node) ? &sub->asked : &sub->carried;
}

static const struct filter *secure(const struct mag_sub *sub)
{
	static const struct filter none = {FILTER_INCLUDE, NULL};
	const struct filter *next = planned(sub);

	if (filter_covers(next, &sub->carried))
		return bound(sub->node) ? &sub->carried : &none;
	return filter_covers(&sub->carried, next) ? next : &none;
}

/* A group may have thousands of listeners, and few whose bindings carry it: only those are walked. */
static void bear(struct mag_sub *sub)
{
	if (list_empty(&sub->in_bearers))
		list_add(&sub->at->bearers, &sub->in_bearers);
}

static bool bears(const struct mag_sub *sub)
{
	return !filter_is_none(&sub->carried) || !filter_is_none(&sub->asked) ||
	       (sub->node->dirty && !filter_is_none(&sub->want));
}

static bool registrations_cover(const struct mag_group *g, const struct filter *need,
				const struct filter *(*share)(const struct mag_sub *sub), const struct filter *besides)
{
	struct filter all = besides ? filter_dup(besides) : FILTER_NONE;
	bool covered = filter_covers(&all, need);

	list_each_safe (n, &g->bearers) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_bearers);

		if (covered)
			break;
		if (!bears(sub)) {
			list_del(n);
			continue;
		}
		filter_add(&all, share(sub));
		covered = filter_covers(&all, need);
	}
	filter_drop(&all);
	return covered;
}

static void take_back_one(const struct mag_sub *sub, const struct filter *need)
{
	struct mag_node *node = sub->node;

	if (node->state != MAG_NODE_REGISTERED || registering(node) || node->dirty)
		return;
	if (!filter_covers(need, &sub->carried) && !filter_eq(&sub->carried, &sub->want))
		mag_registration_touch(node);
}

/* Its own binding carries other than it wants: does anybody need that? */
static void take_back_own(const struct mag_sub *sub)
{
	struct filter need = FILTER_NONE;

	if (filter_is_none(&sub->carried) || filter_eq(&sub->carried, &sub->want))
		return;
	(void)proxy_merged(sub->at->peer->proxy, &sub->group, &need);
	take_back_one(sub, &need);
	filter_drop(&need);
}

bool mag_signal_is_asked(const struct mag_sub *sub)
{
	const struct mag_node *node = sub->node;

	if (node->dirty)
		return !sub->no_room && mag_peer_by_registration(node->peer);
	return registering(node) && !filter_is_none(&sub->asked) && filter_covers(&sub->asked, &sub->want);
}

bool mag_signal_withdrawn(struct mag_sub *sub)
{
	if (filter_is_none(&sub->carried) || sub->node->halted)
		return false;
	filter_drop(&sub->carried);
	mag_registration_touch(sub->node);
	return true;
}

void mag_sub_changed(struct mag_sub *sub)
{
	struct mag_node *node = sub->node;

	mag_group_touch(sub->at);
	take_back_own(sub);
	if (!bound(node) || !mag_peer_by_registration(node->peer))
		return;
	/* An anchor that keeps contexts hears of each change, whoever else listens. */
	if (mag_peer_keeps(node->peer) && !filter_eq(planned(sub), &sub->want))
		mag_registration_touch(node);
	if (filter_is_none(&sub->want))
		return;
	if (node->dirty) { /* a PBU is due anyway, and will hold this */
		bear(sub);
		mag_count(node->mag, MAG_C_PBU_MERGED);
		return;
	}
	/* The anchor hears of first comers alone. */
	if (!registrations_cover(sub->at, &sub->want, planned, &sub->at->mld))
		mag_registration_touch(node);
}

/* ---- MLD in the tunnel ---- */

static struct filter mld_target(const struct mag_group *g, const struct filter *need)
{
	const struct mag_peer *peer = g->peer;

	if (!peer->tunnel_up)
		return FILTER_NONE;
	if (!mag_peer_by_registration(peer))
		return peer->mag->conf.signalling == MAG_SIGNALLING_REGISTRATION ? FILTER_NONE : filter_dup(need);
	if (!registrations_cover(g, need, planned, NULL))
		return filter_dup(need);
	if (filter_is_none(&g->mld) || registrations_cover(g, need, secure, NULL))
		return FILTER_NONE;
	return filter_dup(need); /* the PBU is on its way: MLD holds the stream until it is accepted */
}

static void tell_joined(struct mag_group *g, bool joined)
{
	struct event e = mag_event_of(joined ? EV_GROUP_JOINED : EV_GROUP_LEFT, NULL);

	if (g->joined == joined)
		return;
	g->joined = joined;
	e.peer = g->peer->lmaa;
	e.group = g->group;
	fxq_event(g->peer->mag->fxq, &e);
}

/* The need shrank: bindings that carry what nobody needs any more are to be brought up to date. */
static void take_back(const struct mag_group *g, const struct filter *need)
{
	list_each (n, &g->bearers)
		take_back_one(list_owner(n, struct mag_sub, in_bearers), need);
}

static void signal_group(struct mag_group *g, struct now now)
{
	struct mag_peer *peer = g->peer;
	struct in6_addr group;
	struct filter need = FILTER_NONE, target, merged;

	while (proxy_pop_changed(peer->proxy, &group, &merged))
		filter_drop(&merged);
	(void)proxy_merged(peer->proxy, &g->group, &need);
	if (!filter_covers(&need, &g->need))
		take_back(g, &need);
	filter_move(&g->need, filter_dup(&need));
	target = mld_target(g, &need);
	if (!filter_eq(&target, &g->mld)) {
		if (mld_upstream_set(peer->upstream, now, &g->group, &target))
			filter_move(&g->mld, filter_dup(&target));
		else
			mag_count(peer->mag, MAG_C_LIMIT_GROUPS);
	}
	filter_drop(&target);
	tell_joined(g, !filter_is_none(&need));
	filter_drop(&need);
	if (list_empty(&g->subs) && filter_is_none(&g->mld))
		mag_group_free(g);
}

void mag_signal_drain(struct mag *mag, struct now now)
{
	struct list *n;

	while ((n = list_first(&mag->touched))) {
		list_del(n);
		signal_group(list_owner(n, struct mag_group, in_touched), now);
	}
}

/* ---- registrations ---- */

/* Octets of the options for one group: AMS options begin at 8n+1 and hold at most 14 sources. */
static size_t ams_size(const struct filter *f)
{
	size_t n = filter_count(f);
	size_t size = 0;

	do {
		size_t part = n < MH_AMS_SOURCES ? n : MH_AMS_SOURCES;

		size += 24 + 16 * part;
		n = f->mode == FILTER_INCLUDE ? n - part : 0; /* an EXCLUDE list is cut */
	} while (n);
	return size;
}

bool mag_signal_put(struct mh_msg *m, const struct mag_sub *sub, size_t *room)
{
	const struct filter *f = &sub->want;
	size_t size = ams_size(f);

	if (size > *room || !mh_add_record(m, &m->ams, MH_PROTO_MLDV2,
					   f->mode == FILTER_INCLUDE ? MLD_MODE_IS_INCLUDE : MLD_MODE_IS_EXCLUDE,
					   &sub->group, filter_sources(f), filter_count(f), MH_AMS_SOURCES))
		return false;
	*room -= size;
	m->has |= MH_HAS_AMS;
	return true;
}

bool mag_signal_ams(struct mag_node *node, struct mh_msg *m, size_t room)
{
	bool all = true;

	list_each (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		sub->no_room = false;
		mag_group_touch(sub->at);
		filter_drop(&sub->asked);
		if (filter_is_none(&sub->want))
			continue;
		sub->no_room = !mag_signal_put(m, sub, &room);
		all &= !sub->no_room;
		if (!sub->no_room)
			sub->asked = filter_dup(&sub->want);
		bear(sub);
	}
	return all;
}

static void take_results(struct mag_node *node, struct now now, const struct mh_msg *m)
{
	for (uint16_t i = m->result.first; i < m->result.first + m->result.n; i++) {
		const struct mh_record *r = &m->records[i];
		struct mag_sub *sub = mag_sub_find(node, &r->group);

		if (!sub || r->result == MH_SUB_ACCEPTED)
			continue;
		/* Asked for with other sources meanwhile: the next answer is about those. */
		if (!filter_eq(&sub->carried, &sub->want))
			filter_drop(&sub->carried);
		else
			mag_sub_refused(sub, now, r->result, &m->sources[r->first],
					r->type == MLD_MODE_IS_INCLUDE ? r->n : 0);
	}
}

void mag_signal_result(struct mag_node *node, struct now now, const struct mh_msg *m)
{
	bool counts = mag_peer_by_registration(node->peer);

	list_each (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		if (counts)
			filter_move(&sub->carried, sub->asked);
		else
			filter_drop(&sub->carried);
		if (!counts)
			filter_drop(&sub->asked);
		sub->asked = FILTER_NONE;
		mag_group_touch(sub->at);
	}
	if (counts && (m->has & MH_HAS_RESULT))
		take_results(node, now, m);
	list_each_safe (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		take_back_own(sub);
		(void)mag_sub_gone(sub);
	}
}

bool mag_signal_carries(const struct mag_node *node)
{
	list_each (n, &node->subs)
		if (!filter_is_none(&list_owner(n, struct mag_sub, in_node)->carried))
			return true;
	return false;
}

void mag_signal_review(struct mag_node *node)
{
	list_each (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		mag_group_touch(sub->at);
		if (!filter_is_none(&sub->want))
			bear(sub);
	}
}

void mag_signal_reset(struct mag_node *node)
{
	list_each (n, &node->subs) {
		struct mag_sub *sub = list_owner(n, struct mag_sub, in_node);

		filter_drop(&sub->asked);
		filter_drop(&sub->carried);
		mag_group_touch(sub->at);
	}
}
