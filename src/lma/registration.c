/* SPDX-License-Identifier: BSD-2-Clause */
/* A Proxy Binding Update from its checks, in the order of RFC 5213 5.3.1, to its effects. Nothing is allocated before
 * the sender is known to be a MAG of ours, and nothing is changed before every check has passed. */
#include "lma/lma_priv.h"

#include <string.h>

/* 131, 154 and 160 can be provoked by anybody: they cost nothing, and are few. */
static void refuse_stranger(struct lma *l, const struct pbu *r, uint8_t status)
{
	if (!limiter_take(&l->refusal_limiter, l->now.mono)) {
		lma_count(l, LMA_PBU_REFUSALS_LIMITED);
		return;
	}
	answer_refuse(l, r, status, NULL);
}

static uint32_t lifetime_granted(const struct lma *l, uint16_t asked_4s)
{
	int64_t max = l->conf.lifetime_max.ns / 4000000000;

	if (max < 1)
		max = 1;
	return asked_4s < max ? asked_4s : (uint32_t)(max > UINT16_MAX ? UINT16_MAX : max);
}

static bool is_duplicate(const struct pbu *r, const struct binding *b)
{
	uint64_t ts = r->m->has & MH_HAS_TIMESTAMP ? r->m->timestamp : 0;

	return b->peer && addr_eq(&b->peer->proxy_coa, &r->proxy_coa) && b->seq == r->m->seq && b->timestamp == ts &&
	       (r->m->lifetime_4s == 0) == (b->state == LMA_BINDING_DELAYED_DELETE);
}

/* RFC 5213 5.5, RFC 6275 9.5.1. Compared as 48.16 numbers: a hostile timestamp has no room to overflow. */
static uint8_t check_order(const struct lma *l, const struct pbu *r, const struct binding *b)
{
	const struct mh_msg *m = r->m;
	uint64_t here = mh_timestamp_of(r->arrived.wall.ns);
	uint64_t window = (uint64_t)l->conf.timestamp_window.ns / 1000 * 65536 / 1000000;

	if (b && is_duplicate(r, b))
		return MH_ACCEPTED;
	if (!(m->has & MH_HAS_TIMESTAMP)) {
		if (l->conf.timestamp_required)
			return MH_TIMESTAMP_MISMATCH;
		/* An entry made in the other mode has no sequence number worth comparing. */
		if (b && b->timestamp == 0 && (int16_t)(uint16_t)(m->seq - b->seq) <= 0)
			return MH_SEQUENCE_OUT_OF_WINDOW;
		return MH_ACCEPTED;
	}
	if (b && m->timestamp <= b->timestamp)
		return MH_TIMESTAMP_LOWER_THAN_PREV_ACCEPTED;
	if (l->conf.timestamp_of_node) /* MobileNodeGeneratedTimestampInUse, RFC 5213 9.3 */
		return MH_ACCEPTED;
	if ((m->timestamp > here ? m->timestamp - here : here - m->timestamp) > window)
		return MH_TIMESTAMP_MISMATCH;
	return MH_ACCEPTED;
}

static uint8_t check_options(const struct mh_msg *m)
{
	unsigned zeros = 0;

	if (m->n_hnp == 0)
		return MH_MISSING_HNP;
	if (!(m->has & MH_HAS_HANDOFF))
		return MH_MISSING_HI;
	if (!(m->has & MH_HAS_ATT))
		return MH_MISSING_ATT;
	for (unsigned i = 0; i < m->n_hnp; i++)
		zeros += addr_is_any(&m->hnp[i].addr);
	if (zeros && m->n_hnp > 1) /* an all-zero prefix stands alone (RFC 5213 6.9.1.1) */
		return MH_UNSPECIFIED;
	return MH_ACCEPTED;
}

/* Steps 5 to 8. */
static uint8_t check_node(const struct pbu *r)
{
	if (r->profile && !profile_allows_mag(r->profile, &r->proxy_coa))
		return MH_MAG_NOT_AUTHORIZED_FOR_PROXY_REG;
	if (!r->profile)
		return MH_NOT_LMA_FOR_THIS_MOBILE_NODE;
	if (!r->profile->enabled)
		return MH_PROXY_REG_NOT_ENABLED;
	if (r->m->flags & MH_BU_F) /* forced UDP encapsulation, which is never granted (RFC 5844 4.1) */
		return MH_PROHIBITED;
	return MH_ACCEPTED;
}

/* ---- prefixes of a new session ---- */

static bool in_profile(const struct profile *p, const struct prefix *prefix)
{
	for (unsigned i = 0; i < p->n_prefixes; i++)
		if (prefix_eq(&p->prefixes[i], prefix))
			return true;
	return false;
}

/* Prefixes that the MAG names, as after a restart of ours: those of the node's profile, or free ones of the pools where
 * the profile has none (RFC 5213 5.3.2, 3). */
static uint8_t prefixes_named(const struct lma *l, const struct pbu *r, struct prefix *ret, uint8_t *n)
{
	const struct mh_msg *m = r->m;
	unsigned most = r->profile->n_prefixes ? r->profile->n_prefixes : l->conf.prefixes_per_node;

	if (m->n_hnp > most || m->n_hnp > DP_NODE_PREFIX_MAX)
		return MH_NOT_AUTHORIZED_FOR_HNP;
	for (unsigned i = 0; i < m->n_hnp; i++) {
		bool mine =
			r->profile->n_prefixes ? in_profile(r->profile, &m->hnp[i]) : prefix_pool_owns(l, &m->hnp[i]);

		if (!mine || binding_of_prefix(l, &m->hnp[i]))
			return MH_NOT_AUTHORIZED_FOR_HNP;
		for (unsigned k = 0; k < i; k++)
			if (prefix_eq(&m->hnp[k], &m->hnp[i]))
				return MH_NOT_AUTHORIZED_FOR_HNP;
		ret[i] = m->hnp[i];
	}
	*n = m->n_hnp;
	return MH_ACCEPTED;
}

static uint8_t prefixes_assigned(struct lma *l, const struct pbu *r, struct prefix *ret, uint8_t *n, uint8_t *pooled)
{
	const struct profile *p = r->profile;
	unsigned want = l->conf.prefixes_per_node;

	if (p->n_prefixes) {
		unsigned free_ones = 0;

		/* Another session of the node may have them: then this one is served from the pools. */
		while (free_ones < p->n_prefixes && !binding_of_prefix(l, &p->prefixes[free_ones]))
			free_ones++;
		if (free_ones == p->n_prefixes) {
			memcpy(ret, p->prefixes, p->n_prefixes * sizeof(*ret));
			*n = p->n_prefixes;
			return MH_ACCEPTED;
		}
	}
	if (want < 1)
		want = 1;
	if (want > DP_NODE_PREFIX_MAX)
		want = DP_NODE_PREFIX_MAX;
	if (!prefix_pool_take(l, &r->m->mn_id, ret, want, pooled))
		return MH_NO_RESOURCES;
	*n = (uint8_t)want;
	return MH_ACCEPTED;
}

/* ---- acceptance ---- */

static void take_values(struct lma *l, struct binding *b, const struct pbu *r, uint16_t lifetime_4s)
{
	const struct mh_msg *m = r->m;

	b->lifetime_4s = lifetime_4s;
	b->seq = m->seq;
	if (!(m->has & MH_HAS_TIMESTAMP))
		b->timestamp = 0;
	else if (m->timestamp > b->timestamp)
		b->timestamp = m->timestamp;
	b->att = m->att;
	b->handoff = m->handoff;
	b->signals = (m->flags & MH_BU_S) != 0;
	b->partial = (m->has & MH_HAS_MORE) != 0;
	b->llid = (struct lladdr){.len = 0};
	if (m->has & MH_HAS_LLID)
		b->llid = m->llid;
	if (m->has & MH_HAS_LINK_LOCAL) {
		if (!addr_is_any(&m->link_local))
			b->link_local = m->link_local;
		else if (addr_is_any(&b->link_local))
			b->link_local = l->conf.fixed_link_local;
	}
	heap_set(&l->heap, &b->timer, mono_add(l->now.mono, span_s((int64_t)lifetime_4s * 4)));
}

static void take_capabilities(struct lma *l, struct peer *p, const struct mh_msg *m)
{
	struct event e = {.peer = p->proxy_coa, .status = -1};
	bool first = p->n_bindings == 0 && !p->heard_capabilities;

	heartbeat_alive(l, p);
	if (m->has & MH_HAS_CAPABILITIES) {
		first = !p->heard_capabilities;
		p->heard_capabilities = true;
		p->capabilities = m->capabilities;
		e.kind = EV_PEER_UP;
	} else {
		e.kind = EV_PEER_LEGACY;
	}
	if (first)
		lma_event_limited(l, &e);
}

/* The groups of the message (decision 8): a registration with S=1 carries the node's whole set. */
static bool take_groups(struct lma *l, struct binding *b, const struct mh_msg *m)
{
	bool asks = (m->flags & MH_BU_S) != 0;

	if (!l->conf.multicast || l->conf.signalling == LMA_ACCEPT_MLD_ONLY || !asks) {
		if (m->has & MH_HAS_AMS)
			lma_count(l, LMA_AMS_IGNORED);
		/* Those of before a reload: the answer, which announces no such capability, makes the MAG report by
		 * MLD. */
		if (l->conf.signalling == LMA_ACCEPT_MLD_ONLY)
			shares_clear(l, b);
		return false;
	}
	shares_replace(l, b, m);
	return true;
}

static uint8_t handover_trigger(const struct binding *b, const struct mh_msg *m)
{
	if (m->handoff == MH_HANDOFF_UNKNOWN)
		return MH_BRI_HANDOVER_UNKNOWN;
	return m->att == b->att ? MH_BRI_HANDOVER_SAME_ATT : MH_BRI_HANDOVER_OTHER_ATT;
}

/* An interface has one session (5.4): one that the node had with it, under prefixes that are not named any more, ends.
 */
static void supersede(struct lma *l, const struct binding *now)
{
	struct nai mn = binding_mn(now);
	struct binding *next;

	for (struct binding *b = binding_of_hash(l, &mn, now->by_mn.hash); b; b = next) {
		next = binding_next(b);
		if (b == now || !now->llid.len || b->att != now->att || !lladdr_eq(&b->llid, &now->llid))
			continue;
		if (b->state == LMA_BINDING_ACTIVE && b->peer != now->peer)
			revocation_send(l, b, b->peer, MH_BRI_HANDOVER_SAME_ATT, false);
		binding_event(l, EV_BINDING_DELETED, b);
		binding_delete(l, b);
	}
}

static void accept_new(struct lma *l, struct pbu *r)
{
	struct prefix prefixes[DP_NODE_PREFIX_MAX];
	uint8_t n = 0, pooled = 0, status;
	uint16_t lifetime = (uint16_t)lifetime_granted(l, r->m->lifetime_4s);
	struct binding *b;
	struct peer *p;
	bool results;

	/* Before a prefix is taken, and given back. */
	if (!binding_room(l, r, binding_of_hash(l, &r->m->mn_id, r->mn_hash))) {
		answer_refuse(l, r, MH_NO_RESOURCES, NULL);
		return;
	}
	status = addr_is_any(&r->m->hnp[0].addr) ? prefixes_assigned(l, r, prefixes, &n, &pooled)
						 : prefixes_named(l, r, prefixes, &n);
	if (status != MH_ACCEPTED) {
		answer_refuse(l, r, status, NULL);
		return;
	}
	b = binding_new(l, &r->m->mn_id, r->mn_hash, prefixes, n, pooled);
	p = b ? peer_get(l, &r->proxy_coa, r->mag) : NULL;
	if (!p) {
		if (b)
			binding_delete(l, b);
		else
			for (unsigned i = 0; i < n; i++)
				if (pooled >> i & 1)
					prefix_pool_put(l, &prefixes[i]);
		answer_refuse(l, r, MH_NO_RESOURCES, NULL);
		return;
	}
	b->profile = profile_ref(r->profile);
	take_capabilities(l, p, r->m);
	binding_attach(l, b, p);
	take_values(l, b, r, lifetime);
	binding_route(l, b, true);
	binding_event(l, EV_BINDING_CREATED, b);
	lma_count(l, LMA_PBU_ACCEPTED_NEW);
	results = take_groups(l, b, r->m);
	context_arrived(l, b, r->m);
	supersede(l, b); /* after its groups are taken over: what both want never stops upstream */
	multicast_settle(l);
	answer_accept(l, r, b, lifetime, results);
}

/* 5.3.4: the session moves to another MAG. */
static bool move(struct lma *l, struct binding *b, struct pbu *r, struct share **left)
{
	struct peer *old = b->peer, *p = peer_get(l, &r->proxy_coa, r->mag);
	struct event e = {.kind = EV_BINDING_MOVED,
			  .mn = r->m->mn_id,
			  .old_peer = old->proxy_coa,
			  .peer = r->proxy_coa,
			  .lladdr = r->m->llid,
			  .status = -1};

	if (!p) {
		answer_refuse(l, r, MH_NO_RESOURCES, b);
		return false;
	}
	revocation_cancel(l, b, p);
	/* Asked first, and revoked when it has answered (decision 13). */
	if (!context_moves(l, b, old, p, r->m, handover_trigger(b, r->m)) && b->state == LMA_BINDING_ACTIVE)
		revocation_send(l, b, old, handover_trigger(b, r->m), false);
	take_capabilities(l, p, r->m);
	*left = shares_detach(b);
	binding_detach(l, b);
	binding_attach(l, b, p);
	expect_moved(l, b, handover_trigger(b, r->m));
	lma_event(l, &e);
	return true;
}

/* The MAG was to register the node again, and has not said that it heard of it: it is there now. Another MAG asks for all
 * groups by itself. */
static void remind(struct lma *l, struct binding *b, bool moved)
{
	struct nai mn = binding_mn(b);

	if (moved)
		b->ask_again = false;
	else if (!notify_pending_reregister(b->peer, &mn))
		notify_reregister(l, b->peer, &mn);
}

static void accept_update(struct lma *l, struct binding *b, struct pbu *r)
{
	bool moved = !addr_eq(&b->peer->proxy_coa, &r->proxy_coa), revived = b->state == LMA_BINDING_DELAYED_DELETE;
	uint16_t lifetime = (uint16_t)lifetime_granted(l, r->m->lifetime_4s);
	struct share *left = NULL;
	bool results;

	if (moved && !move(l, b, r, &left))
		return;
	if (!moved) {
		revocation_cancel(l, b, b->peer);
		take_capabilities(l, b->peer, r->m);
		if (r->m->handoff != MH_HANDOFF_REREGISTRATION) {
			b->epoch = b->peer->epoch;
			if (!is_duplicate(r, b))
				context_returns(l, b, r->m);
		}
		heartbeat_start(l, b->peer);
	}
	b->state = LMA_BINDING_ACTIVE;
	take_values(l, b, r, lifetime);
	if (moved || revived)
		binding_route(l, b, true);
	b->forwarded = false; /* it has gone; or it stays: a MAG that forwards for it refreshes nothing */
	results = take_groups(l, b, r->m);
	context_arrived(l, b, r->m);
	shares_drop(l, left); /* after the new share stands: what both want never stops upstream */
	multicast_settle(l);
	if (!moved)
		binding_event(l, EV_BINDING_REFRESHED, b);
	lma_count(l, moved ? LMA_PBU_ACCEPTED_HANDOVER : revived ? LMA_PBU_ACCEPTED_REVIVED : LMA_PBU_ACCEPTED_REFRESH);
	if (context_awaited(b) && l->conf.pba_timer.ns && !r->waited && r->m->handoff != MH_HANDOFF_REREGISTRATION)
		pending_add(l, r, PENDING_CONTEXT);
	else
		answer_accept(l, r, b, lifetime, results);
	if (b->ask_again)
		remind(l, b, moved);
	if (b->awaited) /* the session lives: who waited for its end is another one */
		pending_give_up(l, binding_id(b), b->id_len);
	b->awaited = false;
}

/* 5.3.5. */
static void accept_deregistration(struct lma *l, struct binding *b, struct pbu *r)
{
	b->seq = r->m->seq;
	b->timestamp = r->m->has & MH_HAS_TIMESTAMP ? r->m->timestamp : 0;
	binding_deregister(l, b, "by its MAG");
	context_told(l, b, r->m);
	multicast_settle(l);
	lma_count(l, LMA_PBU_ACCEPTED_DEREGISTRATION);
	answer_accept(l, r, b, 0, false);
}

/* Decision 14: a node that says not whether it moved is asked for at the MAG that has it. */
static void wait_for_old_mag(struct lma *l, struct binding *b, struct pbu *r)
{
	if (!b->awaited)
		revocation_send(l, b, b->peer, MH_BRI_HANDOVER_UNKNOWN, true);
	b->awaited = true;
	pending_add(l, r, PENDING_DEREGISTRATION);
}

static void carry_out(struct lma *l, struct pbu *r, const struct lookup *found)
{
	bool ends = r->m->lifetime_4s == 0;

	switch (found->kind) {
	case LOOKUP_REFUSED:
		if (ends && found->status == MH_NOT_AUTHORIZED_FOR_HNP && found->binding) {
			lma_count(l, LMA_DEREGISTRATION_NO_BINDING); /* of no session of the node (5.4.1.1, 6) */
			return;
		}
		answer_refuse(l, r, found->status, found->binding);
		return;
	case LOOKUP_UPDATE:
		if (is_duplicate(r, found->binding))
			lma_count(l, LMA_PBU_DUPLICATE);
		if (ends)
			accept_deregistration(l, found->binding, r);
		else
			accept_update(l, found->binding, r);
		return;
	case LOOKUP_WAIT:
		if (!ends && !r->waited && l->conf.max_delay_before_new_bce.ns > 0) {
			wait_for_old_mag(l, found->binding, r);
			return;
		}
		break;
	case LOOKUP_NEW:
		break;
	}
	if (ends)
		lma_count(l, LMA_DEREGISTRATION_NO_BINDING);
	else
		accept_new(l, r);
}

/* A de-registration that the new MAG's registration has overtaken: ignored (5.3.5), but for what it tells (RFC 7161
 * 5.2.3). Its order does not matter to that. */
static bool is_of_another(const struct pbu *r, const struct lookup *found)
{
	return r->m->lifetime_4s == 0 && found->kind == LOOKUP_UPDATE &&
	       !addr_eq(&found->binding->peer->proxy_coa, &r->proxy_coa);
}

void lma_registration(struct lma *l, struct pbu *r)
{
	const struct mh_msg *m = r->m;
	const struct lma_mag *of_coa;
	struct binding *known;
	struct lookup found;
	uint8_t status;

	if (!(m->flags & MH_BU_P)) {
		refuse_stranger(l, r, MH_HOME_REGISTRATION_NOT_SUPPORTED);
		return;
	}
	r->proxy_coa = m->has & MH_HAS_ALT_COA ? m->alt_coa : r->src;
	r->mag = lma_mag_of(l, &r->src);
	of_coa = m->has & MH_HAS_ALT_COA ? lma_mag_of(l, &r->proxy_coa) : r->mag;
	if (!(m->has & MH_HAS_MN_ID) || m->mn_id.len == 0) {
		refuse_stranger(l, r, MH_MISSING_MN_ID);
		return;
	}
	if (!r->mag || of_coa != r->mag) { /* nor may one MAG speak for another */
		lma_count(l, LMA_MH_STRANGER);
		refuse_stranger(l, r, MH_MAG_NOT_AUTHORIZED_FOR_PROXY_REG);
		return;
	}
	if (m->mn_id_subtype != MH_MNID_NAI) {
		answer_refuse(l, r, MH_NOT_LMA_FOR_THIS_MOBILE_NODE, NULL);
		return;
	}
	if (!r->mn_hash)
		r->mn_hash = htab_hash(&l->by_mn, m->mn_id.s, m->mn_id.len);
	known = binding_of_hash(l, &m->mn_id, r->mn_hash);
	if (!known && m->lifetime_4s == 0) {
		lma_count(l, LMA_DEREGISTRATION_NO_BINDING);
		return;
	}
	if (known && !r->profile_known) {
		r->profile = known->profile;
		r->profile_known = true;
	}
	if (!r->profile_known) {
		pending_add(l, r, PENDING_PROFILE);
		return;
	}
	found = binding_lookup(l, m, &r->proxy_coa, known);
	if (is_of_another(r, &found)) {
		lma_count(l, LMA_DEREGISTRATION_OTHER_MAG);
		context_crossed(l, found.binding, &r->proxy_coa, m);
		return;
	}
	status = check_node(r);
	if (status == MH_ACCEPTED && !r->ordered) /* the de-registration that it waited for is newer */
		status = check_order(l, r, found.binding);
	if (status == MH_ACCEPTED)
		status = check_options(m);
	if (status != MH_ACCEPTED)
		answer_refuse(l, r, status, found.binding);
	else
		carry_out(l, r, &found);
}
