/* SPDX-License-Identifier: BSD-2-Clause */
/* What an anchor says unasked: Binding Revocation (RFC 5846 9), Update Notification (RFC 7077), Binding Error
 * (RFC 6275 9.3.3). */
#include <string.h>

#include "mag/mag_priv.h"

#define GROUP_ALL_SESSIONS 1	       /* RFC 6602 */
#define BRI_REPEATED_WITHIN span_s(10) /* the anchor repeats it after 1 and 2 s (RFC 5846 12) */

static void send_mh(struct mag *mag, const struct in6_addr *src, const struct in6_addr *dst, const struct mh_msg *m)
{
	uint8_t bytes[MH_LEN_MAX];
	size_t len = mh_encode(&mag->mh, m, src, dst, bytes, sizeof(bytes));

	if (len)
		fxq_mh(mag->fxq, src, dst, bytes, len);
}

/* ---- revocation ---- */

struct bri {
	struct in6_addr src, dst;
	uint16_t seq, flags;
	struct nai mn;
	bool has_mn;
	bool expectation; /* it says that a node which is expected is at another gateway */
	uint8_t n_prefixes;
	struct prefix prefixes[MH_HNP_MAX];
};

static void answer(struct mag *mag, const struct bri *bri, enum mh_bra_status status)
{
	struct mh_msg m;

	mh_init(&m, MH_REVOCATION);
	m.revocation = MH_BRA;
	m.status = (uint8_t)status;
	m.seq = bri->seq;
	m.flags = bri->flags;
	if (bri->has_mn) {
		m.has |= MH_HAS_MN_ID;
		m.mn_id_subtype = MH_MNID_NAI;
		m.mn_id = bri->mn;
	}
	m.n_hnp = bri->n_prefixes;
	memcpy(m.hnp, bri->prefixes, bri->n_prefixes * sizeof(m.hnp[0]));
	mag_count(mag, status == MH_BRA_SUCCESS ? MAG_C_BRI_ACCEPTED : MAG_C_BRI_REJECTED);
	send_mh(mag, &bri->dst, &bri->src, &m);
}

static void bri_of(const struct mh_msg *m, const struct in6_addr *src, const struct in6_addr *dst, struct bri *ret)
{
	*ret = (struct bri){.src = *src, .dst = *dst, .seq = m->seq};
	ret->flags = m->flags & (MH_REVOCATION_P | MH_REVOCATION_V | MH_REVOCATION_G);
	ret->has_mn = (m->has & MH_HAS_MN_ID) && m->mn_id_subtype == MH_MNID_NAI;
	if (ret->has_mn)
		ret->mn = m->mn_id;
	ret->expectation = (m->has & MH_HAS_MARK) && m->mark == MH_MARK_JOIN;
	ret->n_prefixes = m->n_hnp;
	memcpy(ret->prefixes, m->hnp, m->n_hnp * sizeof(m->hnp[0]));
}

static void moved_away(struct mag_node *node, struct now now)
{
	mag_registration_cancel(node);
	mag_handover_revoked(node, now);
	mag_transfer_keep(node, now);
	mag_transfer_passed_on(node->mag, &node->mn);
	mag_event(node->mag, EV_NODE_MOVED_AWAY, node, NULL);
	mag_node_become(node, now, MAG_NODE_HELD);
	mag_asked_save(node); /* it may come back while its record is kept */
	mag_subs_stop(node);
	heap_clear(&node->mag->heap, &node->nud);
	mag_set(node->mag, &node->binding, mono_add(now.mono, node->mag->conf.record_hold));
}

void mag_node_moved_away(struct mag_node *node, struct now now)
{
	moved_away(node, now);
	/* Nobody saw it go, and whoever has it may not have seen it go on: one that is here again, and silent, answers. */
	if (node->link)
		mag_reach_probe(node, now);
}

/* The session is over by the anchor's will: the node may be here, but is not served until somebody acts. */
static void ended_by_anchor(struct mag_node *node, struct now now)
{
	if (node->link)
		mag_node_refuse(node, now, -1, "revoked by the anchor");
	else
		mag_node_moved_away(node, now); /* handed over: it is not here */
}

/* Is it still here? An answer within the probes says so, RFC 5846 9.1. */
static void examine(struct mag_node *node, struct now now, const struct bri *bri)
{
	node->bri.pending = true;
	node->bri.seq = bri->seq;
	node->bri.flags = bri->flags;
	node->bri.src = bri->src;
	node->bri.dst = bri->dst;
	node->bri.with_prefixes = bri->n_prefixes != 0;
	node->bri.asked = now.mono;
	node->bri.tries = 1;
	mag_reach_probe(node, now);
	mag_set(node->mag, &node->revoked, mono_add(now.mono, node->mag->conf.revoke_probe_interval));
}

static void examined(struct mag_node *node, enum mh_bra_status status)
{
	struct bri bri = {.src = node->bri.src, .dst = node->bri.dst, .seq = node->bri.seq, .flags = node->bri.flags};

	bri.has_mn = true;
	bri.mn = node->mn;
	if (node->bri.with_prefixes) {
		bri.n_prefixes = node->n_prefixes;
		memcpy(bri.prefixes, node->prefixes, node->n_prefixes * sizeof(bri.prefixes[0]));
	}
	node->bri.pending = false;
	heap_clear(&node->mag->heap, &node->revoked);
	answer(node->mag, &bri, status);
}

void mag_revocation_left(struct mag_node *node) { examined(node, MH_BRA_SUCCESS); }

void mag_revocation_heard(struct mag_node *node, struct now now)
{
	examined(node, MH_BRA_MN_ATTACHED);
	/* The anchor took it for gone, so its binding is elsewhere, or nowhere: it is asserted anew, and what the former one
	 * was refused is asked for again. */
	mag_subs_forget_refusals(node, now);
	mag_registration_touch(node);
}

void mag_revocation_expire(struct mag_node *node, struct now now)
{
	const struct mag_conf *c = &node->mag->conf;

	if (!node->bri.pending)
		return;
	if (node->bri.tries < c->revoke_probes) {
		node->bri.tries++;
		mag_reach_probe(node, now);
		mag_set(node->mag, &node->revoked, mono_add(now.mono, c->revoke_probe_interval));
		return;
	}
	examined(node, MH_BRA_SUCCESS);
	moved_away(node, now);
}

static void handed_over(struct mag_node *node, struct now now, const struct bri *bri)
{
	if (node->bri.pending) { /* a repetition: the answer is being found out */
		node->bri.seq = bri->seq;
		return;
	}
	switch (node->state) {
	case MAG_NODE_REGISTERING: /* it came back, and its registration overtakes this */
		answer(node->mag, bri, MH_BRA_MN_ATTACHED);
		/* Or this has overtaken the answer, and the binding is elsewhere by now: once accepted it is asserted anew,
		 * or the node would be here and its service there until the next refresh. */
		node->ask_again = true;
		return;
	case MAG_NODE_REGISTERED:
		if (!node->link) {
			answer(node->mag, bri, MH_BRA_SUCCESS);
			mag_node_moved_away(node, now);
			return;
		}
		examine(node, now, bri);
		return;
	case MAG_NODE_HELD:
	case MAG_NODE_DEREGISTERING:
		node->unsaid = false;			/* nor has the anchor to be told */
		mag_transfer_passed_on(node->mag, &node->mn);
		answer(node->mag, bri, MH_BRA_SUCCESS); /* released already */
		return;
	case MAG_NODE_REFUSED:
	case MAG_NODE_IDENTIFYING:
	case MAG_NODE_UNKNOWN:
	case MAG_NODE_EXPECTED: /* of a stay before this one */
		answer(node->mag, bri, MH_BRA_NO_BINDING);
		return;
	}
}

/* Its answer was lost, or is on its way; the node may have another session by now. Numbers come again after a while. */
static bool is_repeated(const struct mag_node *node, struct now now, const struct bri *bri)
{
	return !mono_is_never(node->ended_at) && node->ended_seq == bri->seq &&
	       mono_before(now.mono, mono_add(node->ended_at, BRI_REPEATED_WITHIN));
}

static void end_session(struct mag_node *node, struct now now)
{
	/* With other prefixes in its profile the node is to have another session. */
	if (node->link && mag_node_prefixes_changed(node, now))
		mag_node_restart(node, now, "prefixes");
	else
		ended_by_anchor(node, now);
}

static void revoked(struct mag_node *node, struct now now, const struct bri *bri)
{
	if (is_repeated(node, now, bri)) {
		answer(node->mag, bri, MH_BRA_SUCCESS);
		return;
	}
	node->ended_seq = bri->seq;
	node->ended_at = now.mono;
	switch (node->state) {
	case MAG_NODE_REGISTERING:
		/* No session of ours is known to it: this is late news of one before, or the answer that told of one is
		 * lost. Neither says that the node may not register. Whatever the trigger: where that is forbidden the
		 * anchor refuses, while a node that stopped asking because of old news would stay without service until
		 * somebody acts. */
		if (node->n_prefixes)
			end_session(node, now);
		answer(node->mag, bri, MH_BRA_SUCCESS);
		return;
	case MAG_NODE_REGISTERED:
		end_session(node, now);
		answer(node->mag, bri, MH_BRA_SUCCESS);
		return;
	case MAG_NODE_HELD:
	case MAG_NODE_DEREGISTERING:
		answer(node->mag, bri, MH_BRA_SUCCESS);
		return;
	case MAG_NODE_REFUSED:
	case MAG_NODE_IDENTIFYING:
	case MAG_NODE_UNKNOWN:
	case MAG_NODE_EXPECTED:
		answer(node->mag, bri, MH_BRA_NO_BINDING);
		return;
	}
}

static bool holds_prefixes(const struct mag_node *node, const struct bri *bri)
{
	if (!node->n_prefixes)
		return true; /* being registered: the anchor is about to tell them */
	for (uint8_t i = 0; i < bri->n_prefixes; i++) {
		bool found = addr_is_any(&bri->prefixes[i].addr);

		for (uint8_t j = 0; j < node->n_prefixes && !found; j++)
			found = prefix_eq(&bri->prefixes[i], &node->prefixes[j]);
		if (!found)
			return false;
	}
	return true;
}

/* Of all nodes at that anchor, or of those of a realm ("@example.com"). */
static void revoke_many(struct mag *mag, struct now now, struct mag_peer *peer, const struct bri *bri, bool by_realm)
{
	list_each_safe (n, &peer->nodes) {
		struct mag_node *node = list_owner(n, struct mag_node, in_peer);
		size_t skip = node->mn.len >= bri->mn.len ? (size_t)(node->mn.len - bri->mn.len) : 0;

		if (by_realm && (node->mn.len < bri->mn.len || memcmp(node->mn.s + skip, bri->mn.s, bri->mn.len)))
			continue;
		if (node->state == MAG_NODE_REGISTERED || node->state == MAG_NODE_REGISTERING)
			ended_by_anchor(node, now);
	}
	answer(mag, bri, MH_BRA_SUCCESS);
}

static void revoke_global(struct mag *mag, struct now now, const struct bri *bri, uint8_t trigger)
{
	struct mag_peer *peer = mag_peer_find(mag, &bri->src);

	if (trigger == MH_BRI_PEER_POLICY)
		revoke_many(mag, now, peer, bri, false);
	else if (trigger != MH_BRI_REVOKER_POLICY)
		answer(mag, bri, MH_BRA_TRIGGER_NOT_SUPPORTED);
	else if (!bri->has_mn || !bri->mn.len)
		answer(mag, bri, MH_BRA_MN_ID_REQUIRED);
	else
		revoke_many(mag, now, peer, bri, true);
}

/* What is held it has had elsewhere by the time it comes here. Its old gateway hears of that from the anchor, too. */
static void not_expected(struct mag_node *node, struct now now, const struct bri *bri)
{
	if (node->state != MAG_NODE_EXPECTED || !node->handover[MAG_HANDOVER_IN]) {
		handed_over(node, now, bri); /* nor has it come: if it is taken to be here, it is asked */
		return;
	}
	answer(node->mag, bri, MH_BRA_SUCCESS);
	mag_handover_in_ends(node->handover[MAG_HANDOVER_IN], now, false, "it is at another gateway");
}

static void revoke_one(struct mag *mag, struct now now, const struct bri *bri, uint8_t trigger)
{
	struct mag_node *node = mag_node_find_mn(mag, &bri->mn);

	if (!node || !node->peer || !addr_eq(&node->peer->lmaa, &bri->src) || !holds_prefixes(node, bri)) {
		answer(mag, bri, MH_BRA_NO_BINDING);
		return;
	}
	if (bri->expectation) {
		not_expected(node, now, bri);
		return;
	}
	switch ((enum mh_bri_trigger)trigger) {
	case MH_BRI_HANDOVER_SAME_ATT:
	case MH_BRI_HANDOVER_OTHER_ATT:
	case MH_BRI_HANDOVER_UNKNOWN:
	case MH_BRI_OUT_OF_SYNC:
		handed_over(node, now, bri);
		return;
	case MH_BRI_UNSPECIFIED:
	case MH_BRI_ADMINISTRATIVE:
	case MH_BRI_USER_TERMINATED:
	case MH_BRI_NETWORK_TERMINATED:
		revoked(node, now, bri);
		return;
	case MH_BRI_PEER_POLICY:
	case MH_BRI_REVOKER_POLICY:
		break;
	}
	answer(mag, bri, MH_BRA_TRIGGER_NOT_SUPPORTED);
}

void mag_revocation_recv(struct mag *mag, struct now now, const struct in6_addr *src, const struct in6_addr *dst,
			 const struct mh_msg *m)
{
	struct bri bri;

	if (m->revocation != MH_BRI) {
		mag_count(mag, MAG_C_MH_NOT_FOR_MAG); /* an answer to what we never ask */
		return;
	}
	mag_count(mag, MAG_C_BRI_RECEIVED);
	bri_of(m, src, dst, &bri);
	if (!(bri.flags & MH_REVOCATION_P))
		answer(mag, &bri, MH_BRA_NOT_SUPPORTED);
	else if (bri.flags & MH_REVOCATION_G)
		revoke_global(mag, now, &bri, m->trigger);
	else if (!bri.has_mn)
		answer(mag, &bri, MH_BRA_MN_ID_REQUIRED);
	else if (bri.flags & MH_REVOCATION_V)
		answer(mag, &bri, MH_BRA_NO_BINDING); /* of an IPv4 home address */
	else
		revoke_one(mag, now, &bri, m->trigger);
}

/* ---- Update Notification ---- */

/* Decision 17: groups that the anchor does not serve, asked for by MLD, which has no answer of its own. */
static void refuse_groups(struct now now, struct mag_peer *peer, const struct mh_msg *m)
{
	for (uint16_t i = m->result.first; i < m->result.first + m->result.n; i++) {
		const struct mh_record *r = &m->records[i];

		if (r->result == MH_SUB_ACCEPTED)
			continue;
		list_each (n, &peer->nodes) {
			struct mag_node *node = list_owner(n, struct mag_node, in_peer);
			struct mag_sub *sub = mag_sub_find(node, &r->group);

			if (!sub || filter_is_none(&sub->want) ||
			    ((m->has & MH_HAS_MN_ID) && !nai_eq(&m->mn_id, &node->mn)))
				continue;
			/* It may be about an earlier wish; the answer that is awaited is about this one. */
			if (mag_signal_is_asked(sub) || mag_signal_withdrawn(sub))
				continue;
			mag_sub_refused(sub, now, r->result, &m->sources[r->first],
					r->type == MLD_MODE_IS_EXCLUDE ? 0 : r->n);
		}
	}
}

static uint8_t reregister(struct mag_node *node, struct now now)
{
	if (!node || (node->state != MAG_NODE_REGISTERED && node->state != MAG_NODE_REGISTERING))
		return MH_UPA_NOT_ATTACHED;
	node->halted = false;
	mag_subs_forget_refusals(node, now);
	if (node->state == MAG_NODE_REGISTERED && node->tx.what == MAG_REQUEST_NONE)
		mag_registration_touch(node);
	else
		node->ask_again = true; /* the answer under way may be from before */
	return MH_UPA_OK;
}

/* The draft's "triggered by the LMA": the node is asked what it listens to (Figure 2). */
static uint8_t have_queried(struct mag_node *node, struct now now, const struct mh_msg *m)
{
	if (!node || !mag_node_present(node))
		return MH_UPA_NOT_ATTACHED;
	if (!m->query.n)
		return mag_listen_query(node, now, NULL) ? MH_UPA_OK : MH_UPA_FAILED;
	for (uint16_t i = 0; i < m->query.n; i++)
		if (!mag_listen_query(node, now, &m->records[m->query.first + i].group))
			return MH_UPA_FAILED;
	return MH_UPA_OK;
}

static uint8_t update(struct mag *mag, struct now now, struct mag_peer *peer, const struct mh_msg *m)
{
	struct mag_node *node = (m->has & MH_HAS_MN_ID) ? mag_node_find_mn(mag, &m->mn_id) : NULL;

	if (node && node->peer != peer)
		node = NULL;
	switch (m->reason) {
	case MH_UPN_FORCE_REREGISTRATION:
	case MH_UPN_UPDATE_SESSION_PARAMETERS:
		if (!(m->has & MH_HAS_MN_ID) && (m->has & MH_HAS_GROUP_ID) && m->group_id == GROUP_ALL_SESSIONS) {
			mag_peer_renew(peer, now);
			return MH_UPA_OK;
		}
		return reregister(node, now);
	case MH_UPN_VENDOR_SPECIFIC:
		if (m->has & MH_HAS_RESULT) {
			refuse_groups(now, peer, m);
			return MH_UPA_OK;
		}
		if (m->has & MH_HAS_QUERY)
			return have_queried(node, now, m);
		return m->n_vsm ? MH_UPA_FAILED : MH_UPA_NO_VENDOR_OPTION;
	default: /* reasons of other RFCs */
		return MH_UPA_FAILED;
	}
}

void mag_update_recv(struct mag *mag, struct now now, const struct in6_addr *src, const struct in6_addr *dst,
		     const struct mh_msg *m)
{
	struct mag_peer *peer = mag_peer_find(mag, src);
	struct mh_msg a;
	uint8_t status = MH_UPA_OK;

	mag_count(mag, MAG_C_UPN_RECEIVED);
	if (peer->upn_seen && peer->upn_seq == m->seq && (m->flags & MH_UPN_D)) {
		mag_count(mag, MAG_C_UPN_DUPLICATE); /* done before; its answer was lost */
		status = peer->upn_status;
	} else {
		status = update(mag, now, peer, m);
	}
	peer->upn_seen = true;
	peer->upn_seq = m->seq;
	peer->upn_status = status;
	if (!(m->flags & MH_UPN_A))
		return;
	mh_init(&a, MH_UPA);
	a.seq = m->seq;
	a.status = status;
	if (m->has & MH_HAS_MN_ID) {
		a.has |= MH_HAS_MN_ID;
		a.mn_id_subtype = m->mn_id_subtype;
		a.mn_id = m->mn_id;
	}
	send_mh(mag, dst, src, &a);
}

/* ---- Binding Error ---- */

void mag_binding_error_send(struct mag *mag, struct now now, const struct in6_addr *src, const struct in6_addr *dst)
{
	struct mh_msg m;

	if (!limiter_take(&mag->errors, now.mono)) {
		mag_count(mag, MAG_C_BINDING_ERROR_LIMITED);
		return;
	}
	mh_init(&m, MH_BE);
	m.status = MH_BE_UNKNOWN_TYPE;
	mag_count(mag, MAG_C_BINDING_ERROR_SENT);
	send_mh(mag, src, dst, &m);
}

void mag_binding_error_recv(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m)
{
	struct event e = mag_event_of(EV_PEER_DOWN, NULL);

	mag_count(mag, MAG_C_BINDING_ERROR_RECEIVED);
	if (m->status == MH_BE_UNKNOWN_TYPE &&
	    (mag_heartbeat_refused(mag_peer_find(mag, src)) || mag_handover_anchor_refused(mag, now, src) ||
	     mag_transfer_refused(mag_peer_find(mag, src))))
		return;
	/* All else that we send unasked is PBUs: an anchor that knows no Binding Update is none. They go on. */
	e.peer = *src;
	e.status = m->status;
	if (limiter_take(&mag->refusal_events, now.mono))
		fxq_event(mag->fxq, &e);
}
