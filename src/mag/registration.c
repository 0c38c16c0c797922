/* SPDX-License-Identifier: BSD-2-Clause */
/* Registration at the anchor: PBUs, their retransmission, what the answers mean (RFC 5213 6.9.1, RFC 6275 11.8). */
#include <string.h>

#include "mag/mag_priv.h"

/* A PBU stays below the minimum IPv6 MTU, so that it is never fragmented; groups that find no room go by MLD. */
#define PBU_MAX (1280 - 40)
#define SILENT_AFTER 3 /* transmissions without an answer before it is told */
#define RETRIES_MAX 3  /* soon, after refusals that invite one; then in the slow rhythm */
#define CLOCKS_APART span_ms(150) /* 0 + 150 + 300 ms are more than TimestampValidityWindow (RFC 5213 9.1) */
#define NUMBERS_LEFT_OUT 16
#define FAREWELLS 3    /* transmissions of a de-registration within the time that its answer has */

/* ---- building ---- */

/* Strictly increasing over all nodes, so that a node that leaves and comes back within one tick of the option's clock
 * is not taken for a replay; but after a step of the clock backwards it follows the clock. */
static uint64_t next_timestamp(struct mag *mag, struct now now)
{
	const uint64_t step = 1 << 16; /* one second */
	uint64_t ts = mh_timestamp_of(now.wall.ns);

	if (ts <= mag->timestamp_last && mag->timestamp_last - ts < step)
		ts = mag->timestamp_last + 1;
	mag->timestamp_last = ts;
	return ts;
}

static uint16_t next_seq(struct mag_node *node)
{
	return node->mag->conf.timestamps ? ++node->mag->seq_last : ++node->seq;
}

static void put_prefixes(const struct mag_node *node, struct mh_msg *m)
{
	const struct profile *p = node->profile;

	if (node->ask_any_prefix || (!node->n_prefixes && !p->n_prefixes)) {
		m->n_hnp = 1;
		memset(&m->hnp[0], 0, sizeof(m->hnp[0]));
	} else if (node->n_prefixes) {
		m->n_hnp = node->n_prefixes;
		memcpy(m->hnp, node->prefixes, node->n_prefixes * sizeof(m->hnp[0]));
	} else {
		m->n_hnp = p->n_prefixes;
		memcpy(m->hnp, p->prefixes, p->n_prefixes * sizeof(m->hnp[0]));
	}
}

struct mh_capabilities mag_capabilities(const struct mag *mag)
{
	const struct mag_conf *c = &mag->conf;
	struct mh_capabilities v = {.version = 1};

	if (!c->multicast)
		return v;
	v.roles = mag_roles(mag);
	v.features = MH_FEATURE_MLDV1 | MH_FEATURE_MLDV2 | MH_FEATURE_DELIVERY_L2_UNICAST;
	if (c->signalling != MAG_SIGNALLING_MLD)
		v.features |= MH_FEATURE_AMS_IN_PBU;
	if (mag_context_is_on(mag))
		v.features |= MH_FEATURE_CONTEXT;
	if (c->context == MN_CONTEXT_KEPT && c->signalling != MAG_SIGNALLING_MLD)
		v.features |= MH_FEATURE_CONTEXT_KEPT;
	if (c->implicit_join)
		v.features |= MH_FEATURE_IMPLICIT_JOIN;
	if (c->handover.enabled)
		v.features |= MH_FEATURE_MULTICAST_MOBILITY | MH_FEATURE_SEAM;
	v.groups_max = c->groups_per_node_max > UINT16_MAX ? UINT16_MAX : (uint16_t)c->groups_per_node_max;
	return v;
}

static void put_fixed(struct mag_node *node, struct mh_msg *m)
{
	const struct mag_conf *c = &node->mag->conf;
	int64_t units = (c->lifetime.ns + span_s(4).ns - 1) / span_s(4).ns;

	mh_init(m, MH_BU);
	m->flags = MH_BU_A | MH_BU_P;
	if (node->tx.what != MAG_REQUEST_DEREGISTER)
		m->lifetime_4s = units > UINT16_MAX ? UINT16_MAX : (uint16_t)units;
	m->has |= MH_HAS_MN_ID | MH_HAS_HANDOFF | MH_HAS_ATT;
	m->mn_id_subtype = MH_MNID_NAI;
	m->mn_id = node->mn;
	m->handoff = node->tx.handoff;
	m->att = c->att;
	put_prefixes(node, m);
	if (node->lladdr.len) {
		m->has |= MH_HAS_LLID; /* decision 14 */
		m->llid = node->lladdr;
	}
	if (c->ask_link_local) {
		m->has |= MH_HAS_LINK_LOCAL;
		m->link_local = node->state == MAG_NODE_REGISTERED ? node->mag_link_local : addr_any;
	}
	m->has |= MH_HAS_CAPABILITIES;
	m->capabilities = mag_capabilities(node->mag);
}

static void put_groups(struct mag_node *node, struct now now, struct mh_msg *m, size_t room)
{
	const size_t results = mag_context_is_on(node->mag) ? 36u * node->transfer.given.n : 0;

	if (node->tx.what == MAG_REQUEST_DEREGISTER) {
		if (mag_transfer_farewell(node, now, m, room))
			m->flags |= MH_BU_S;
		return;
	}
	if (mag_context_is_on(node->mag))
		m->flags |= MH_BU_S; /* RFC 7161 4.2.1 */
	if (!mag_peer_by_registration(node->peer)) {
		mag_transfer_confirm(node, m, room);
		/* Groups that the binding still has are taken back: with the flag the list is all there is. */
		if (mag_signal_carries(node))
			m->flags |= MH_BU_S;
		return;
	}
	if (!node->mag->conf.multicast && !node->n_subs)
		return;
	m->flags |= MH_BU_S;
	/* The groups first; what is said of those that came along may be left out. */
	if (!mag_signal_ams(node, m, room - (results < room / 3 ? results : room / 3))) {
		mag_count(node->mag, MAG_C_PBU_OVERFLOW);
		if (mag_peer_keeps(node->peer))
			m->has |= MH_HAS_MORE; /* what the anchor keeps is not all */
	}
	mag_transfer_confirm(node, m, results < room / 3 ? results : room / 3);
}

static void transmit(struct mag_node *node, struct now now)
{
	struct mag *mag = node->mag;
	uint8_t bytes[PBU_MAX];
	struct mh_msg m;
	size_t base, len;

	put_fixed(node, &m);
	m.seq = next_seq(node);
	if (mag->conf.timestamps) {
		m.has |= MH_HAS_TIMESTAMP;
		m.timestamp = next_timestamp(mag, now);
	}
	base = mh_encode(&mag->mh, &m, &node->peer->tunnel.local, &node->peer->lmaa, bytes, sizeof(bytes));
	put_groups(node, now, &m, sizeof(bytes) - base);
	len = mh_encode(&mag->mh, &m, &node->peer->tunnel.local, &node->peer->lmaa, bytes, sizeof(bytes));
	if (!node->tx.n || node->tx.answered)
		node->tx.first_seq = m.seq;
	node->tx.answered = false;
	node->tx.last_seq = m.seq;
	node->tx.n++;
	if (len)
		fxq_mh(mag->fxq, &node->peer->tunnel.local, &node->peer->lmaa, bytes, len);
	mag_count(mag, MAG_C_PBU_SENT);
}

/* ---- sending ---- */

void mag_registration_cancel(struct mag_node *node)
{
	node->tx = (struct mag_tx){.next = MONO_NEVER};
	node->dirty = false;
	list_del(&node->in_dirty);
}

/* While it is handed over no refresh goes out: it would take the binding back from where the node goes. */
static bool halted(const struct mag_node *node) { return node->halted || mag_handover_keeps(node); }

void mag_registration_schedule(struct mag_node *node)
{
	mono_t at = node->tx.what != MAG_REQUEST_NONE ? node->tx.next : MONO_NEVER;

	if (node->state == MAG_NODE_REGISTERED) {
		at = mono_min(at, node->expires);
		if (node->tx.what == MAG_REQUEST_NONE && !halted(node))
			at = mono_min(at, node->dirty ? node->update_at : node->refresh_at);
	}
	mag_set(node->mag, &node->binding, at);
}

void mag_registration_send(struct mag_node *node, struct now now, enum mag_request what)
{
	struct mag *mag = node->mag;

	node->tx = (struct mag_tx){.what = what, .timeout = mag->conf.bindack_initial};
	switch (what) {
	case MAG_REQUEST_REGISTER:
		node->tx.handoff = node->handoff ? node->handoff : MH_HANDOFF_UNKNOWN;
		break;
	case MAG_REQUEST_REFRESH:
		node->tx.handoff = MH_HANDOFF_REREGISTRATION;
		mag_count(mag, MAG_C_PBU_REFRESH);
		break;
	case MAG_REQUEST_DEREGISTER:
		node->tx.handoff = MH_HANDOFF_UNKNOWN;
		node->tx.timeout = span_ns(mag->conf.dereg_wait.ns / FAREWELLS);
		mag_count(mag, MAG_C_PBU_DEREGISTRATION);
		break;
	case MAG_REQUEST_NONE:
		return;
	}
	node->dirty = false;
	list_del(&node->in_dirty);
	transmit(node, now);
	node->tx.next = mono_add(now.mono, node->tx.timeout);
	mag_registration_schedule(node);
}

static void retransmit(struct mag_node *node, struct now now)
{
	struct mag *mag = node->mag;
	struct mag_tx *tx = &node->tx;

	mag_count(mag, MAG_C_PBU_RETRANSMITTED);
	if (node->dirty)
		/* Other contents: an older answer is not the answer to them. */
		tx->first_seq = (uint16_t)(tx->last_seq + 1);
	if (tx->n == SILENT_AFTER && !tx->answered) {
		node->peer->silent = true;
		mag_event(mag, EV_NODE_LMA_SILENT, node, NULL);
	}
	if (node->dirty) {
		tx->n = 0;
		node->dirty = false;
	}
	transmit(node, now);
	tx->timeout = span_min(span_mul(tx->timeout, 2), mag->conf.bindack_max);
	tx->next = mono_add(now.mono, tx->timeout);
	mag_registration_schedule(node);
}

void mag_registration_suspend(struct mag_node *node)
{
	node->tx = (struct mag_tx){.next = MONO_NEVER};
	mag_registration_schedule(node);
}

void mag_registration_resume(struct mag_node *node)
{
	mag_registration_touch(node); /* also where nothing has changed: the anchor may have heard otherwise */
	mag_registration_schedule(node);
}

void mag_registration_touch(struct mag_node *node)
{
	if (!node->dirty)
		mag_signal_review(node); /* what its binding carries for others may be given up by that */
	node->dirty = true;
	list_del(&node->in_dirty);
	list_add(&node->mag->dirty, &node->in_dirty);
}

bool mag_registration_flush(struct mag_node *node, struct now now)
{
	const struct mag *mag = node->mag;

	if (!node->dirty || node->state != MAG_NODE_REGISTERED || halted(node) || node->tx.what != MAG_REQUEST_NONE)
		return false; /* the answer to the request under way comes first */
	if (!limiter_take(&node->updates, now.mono)) {
		/* MAX_UPDATE_RATE (decision 12): what comes until then goes in the same PBU. */
		node->update_at = mono_add(now.mono, span_ns(span_s(1).ns / mag->conf.updates_per_s + 1));
		mag_registration_schedule(node);
		return false;
	}
	mag_registration_send(node, now, MAG_REQUEST_REFRESH);
	return true;
}

/* ---- time ---- */

/* The binding ran out before a refresh was answered: the anchor has none any more, and nothing may be forwarded. */
static void ran_out(struct mag_node *node, struct now now)
{
	mag_advertise_withdraw(node, now, node->prefixes, node->n_prefixes);
	mag_registration_cancel(node);
	mag_node_become(node, now, MAG_NODE_REGISTERING);
	mag_signal_reset(node);
	mag_subs_forget_refusals(node, now); /* of a binding that is no more */
	node->handoff = 0;
	mag_event(node->mag, EV_NODE_LMA_SILENT, node, "the binding ran out");
	mag_registration_send(node, now, MAG_REQUEST_REGISTER);
}

static void expire_registered(struct mag_node *node, struct now now)
{
	if (mono_reached(node->expires, now.mono)) {
		ran_out(node, now);
		return;
	}
	if (node->tx.what != MAG_REQUEST_NONE) {
		if (mono_reached(node->tx.next, now.mono))
			retransmit(node, now);
		else
			mag_registration_schedule(node);
		return;
	}
	if (halted(node) || (!node->dirty && !mono_reached(node->refresh_at, now.mono)))
		mag_registration_schedule(node);
	else
		mag_registration_touch(node);
}

/* One that got lost would leave its streams flowing to nobody for as long as the binding lives. */
static void farewell_again(struct mag_node *node, struct now now)
{
	mag_count(node->mag, MAG_C_PBU_RETRANSMITTED);
	transmit(node, now);
	node->tx.next = mono_add(now.mono, node->tx.timeout);
	mag_registration_schedule(node);
}

/* Its probes may have got lost, and it is here all the same, silent: the link is asked now and then. */
static void record_ends(struct mag_node *node, struct now now)
{
	struct mag *mag = node->mag;
	struct mag_link *link = node->link;

	if (node->unsaid) {
		mag_node_say_goodbye(node, now);
		return;
	}
	mag_node_free(node, now);
	if (link)
		mag_link_deserted(mag, now, link);
}

void mag_registration_expire(struct mag_node *node, struct now now)
{
	switch (node->state) {
	case MAG_NODE_REGISTERING:
		retransmit(node, now);
		return;
	case MAG_NODE_REGISTERED:
		expire_registered(node, now);
		return;
	case MAG_NODE_REFUSED:
		mag_node_reconsider(node, now);
		return;
	case MAG_NODE_DEREGISTERING:
		if (node->tx.what == MAG_REQUEST_DEREGISTER && node->tx.n < FAREWELLS)
			farewell_again(node, now);
		else
			mag_node_free(node, now);
		return;
	case MAG_NODE_HELD:
		record_ends(node, now);
		return;
	case MAG_NODE_IDENTIFYING:
	case MAG_NODE_UNKNOWN:
	case MAG_NODE_EXPECTED:
		return;
	}
}

/* ---- answers ---- */

static bool seq_within(const struct mag_tx *tx, uint16_t seq)
{
	return (uint16_t)(seq - tx->first_seq) <= (uint16_t)(tx->last_seq - tx->first_seq);
}

/* The request that it answers, or NULL. */
static struct mag_node *match(struct mag *mag, const struct in6_addr *src, const struct mh_msg *m)
{
	struct mag_node *node;

	if (!(m->has & MH_HAS_MN_ID) || m->mn_id_subtype != MH_MNID_NAI || !m->mn_id.len)
		return NULL;
	node = mag_node_find_mn(mag, &m->mn_id);
	if (!node || !node->peer || !addr_eq(&node->peer->lmaa, src))
		return NULL;
	if (node->tx.what == MAG_REQUEST_NONE || node->tx.answered)
		return NULL;
	/* 135 bears the number that the anchor last accepted, RFC 6275 9.5.4. */
	if (!seq_within(&node->tx, m->seq) && m->status != MH_SEQUENCE_OUT_OF_WINDOW)
		return NULL;
	return node;
}

/* 135 bears what the anchor accepted last. Numbers that are beyond that already it has not refused: a copy that the
 * network made of the answer to an earlier request. */
static bool is_old_refusal(const struct mag_node *node, const struct mh_msg *m)
{
	return m->status == MH_SEQUENCE_OUT_OF_WINDOW && !node->mag->conf.timestamps &&
	       (int16_t)(uint16_t)(node->tx.first_seq - m->seq) > 0;
}

static bool echoes(const struct mag_node *node, const struct mh_msg *m)
{
	if ((m->has & MH_HAS_HANDOFF) && m->handoff != node->tx.handoff)
		return false;
	if ((m->has & MH_HAS_ATT) && m->att != node->mag->conf.att)
		return false;
	return !(m->has & MH_HAS_LLID) || lladdr_eq(&m->llid, &node->lladdr);
}

static uint8_t take_prefixes(const struct mh_msg *m, struct prefix ret[DP_NODE_PREFIX_MAX])
{
	uint8_t n = 0;

	for (uint8_t i = 0; i < m->n_hnp && n < DP_NODE_PREFIX_MAX; i++)
		if (!addr_is_any(&m->hnp[i].addr) && !addr_is_multicast(&m->hnp[i].addr) &&
		    !addr_is_link_local(&m->hnp[i].addr))
			ret[n++] = prefix_masked(m->hnp[i]);
	return n;
}

static bool prefix_among(const struct prefix *p, const struct prefix *v, uint8_t n)
{
	for (uint8_t i = 0; i < n; i++)
		if (prefix_eq(p, &v[i]))
			return true;
	return false;
}

/* Prefixes that the anchor took back are withdrawn on the link (RFC 5213 6.12). True: the set has changed. */
static bool change_prefixes(struct mag_node *node, struct now now, const struct prefix *v, uint8_t n)
{
	struct prefix lost[DP_NODE_PREFIX_MAX];
	uint8_t n_lost = 0;
	bool changed = n != node->n_prefixes;

	for (uint8_t i = 0; i < node->n_prefixes; i++)
		if (!prefix_among(&node->prefixes[i], v, n))
			lost[n_lost++] = node->prefixes[i];
	if (n_lost && node->served)
		mag_advertise_withdraw(node, now, lost, n_lost);
	memcpy(node->prefixes, v, n * sizeof(*v));
	node->n_prefixes = n;
	return changed || n_lost;
}

static void take_lifetime(struct mag_node *node, struct now now, const struct mh_msg *m)
{
	const struct mag_conf *c = &node->mag->conf;
	span_t granted = span_min(span_mul(span_s(4), m->lifetime_4s), span_max(c->lifetime, span_s(4)));
	span_t before = c->refresh_before.ns ? c->refresh_before : span_ns(granted.ns / 10);
	span_t advice = span_mul(span_s(4), m->refresh_advice_4s);

	node->lifetime = granted;
	node->expires = mono_add(now.mono, granted);
	if (before.ns >= granted.ns)
		before = span_ns(granted.ns / 2);
	node->refresh_at = mono_add(now.mono, span_ns(granted.ns - before.ns));
	if ((m->has & MH_HAS_REFRESH_ADVICE) && advice.ns > 0 && advice.ns < granted.ns)
		node->refresh_at = mono_min(node->refresh_at, mono_add(now.mono, advice));
}

static void take_link_local(struct mag_node *node, const struct mh_msg *m)
{
	const struct mag_conf *c = &node->mag->conf;

	node->mag_link_local = c->link_local;
	/* Not when the node itself uses that address (RFC 5213 6.9.1.2). */
	if (c->ask_link_local && (m->has & MH_HAS_LINK_LOCAL) && addr_is_link_local(&m->link_local) &&
	    !addr_eq(&m->link_local, &node->link_local))
		node->mag_link_local = m->link_local;
}

static void accepted(struct mag_node *node, struct now now, const struct mh_msg *m, const struct prefix *v, uint8_t n)
{
	struct mag *mag = node->mag;
	bool changed = change_prefixes(node, now, v, n);
	bool registered = node->tx.what == MAG_REQUEST_REGISTER;
	struct event e;

	mag_count(mag, MAG_C_PBA_ACCEPTED);
	node->status = m->status;
	node->step_done[MAG_STEP_REGISTERED] = true;
	node->retries = 0;
	node->ask_any_prefix = false;
	take_lifetime(node, now, m);
	take_link_local(node, m);
	node->tx = (struct mag_tx){.next = MONO_NEVER};
	mag_transfer_confirmed(node);
	mag_signal_result(node, now, m);
	if (node->state == MAG_NODE_REGISTERED) {
		if (changed) {
			mag_node_forward(node);
			mag_subs_forget_refusals(node, now); /* of another session */
		}
		changed ? mag_advertise_start(node, now) : mag_advertise_renewed(node, now);
	} else {
		node->registered_at = now.mono;
		mag_node_become(node, now, MAG_NODE_REGISTERED);
		e = mag_event_of(EV_NODE_REGISTERED, node);
		e.status = m->status;
		fxq_event(mag->fxq, &e);
		mag_advertise_start(node, now);
	}
	mag_role_take(node, now, m);
	mag_transfer_accepted(node, now, m, registered);
	mag_heartbeat_start(node->peer, now);
	if (node->peer->announce) { /* the anchor has a tunnel to us again */
		node->peer->announce = false;
		mld_upstream_announce(node->peer->upstream, now);
	}
	mag_handover_registered(node, now);
	if (node->ask_again) {
		node->ask_again = false;
		node->dirty = true;
		mag_subs_forget_refusals(node, now);
	}
	if (node->dirty) {
		node->dirty = false;
		mag_registration_touch(node);
	}
	mag_registration_schedule(node);
}

/* Try again after `wait`, with what was changed meanwhile. */
static void again(struct mag_node *node, struct now now, span_t wait)
{
	node->tx.answered = true;
	node->tx.next = mono_add(now.mono, wait);
	mag_registration_schedule(node);
}

static void refused_for_good(struct mag_node *node, struct now now, uint8_t status, bool heals)
{
	mag_node_refuse(node, now, status, mh_status_name(status));
	if (heals)
		mag_set(node->mag, &node->binding, mono_add(now.mono, node->mag->conf.refusal_retry));
}

/* Which refusals a change, or time, may heal (RFC 5213 6.9.1.2). */
static void refused(struct mag_node *node, struct now now, const struct mh_msg *m)
{
	const struct mag_conf *c = &node->mag->conf;
	bool retry = node->retries < RETRIES_MAX;

	mag_count(node->mag, MAG_C_PBA_REFUSED);
	node->status = m->status;
	switch (m->status) {
	case MH_NO_RESOURCES:
		node->tx.timeout = span_min(span_mul(node->tx.timeout, 2), c->bindack_max);
		again(node, now, node->tx.timeout);
		return;
	case MH_NOT_AUTHORIZED_FOR_HNP:
	case MH_BCE_PBU_PREFIX_SET_DO_NOT_MATCH:
		if (node->ask_any_prefix || (!node->n_prefixes && !node->profile->n_prefixes))
			break;
		node->ask_any_prefix = true;
		again(node, now, span_ns(0));
		return;
	case MH_TIMESTAMP_MISMATCH:
	case MH_TIMESTAMP_LOWER_THAN_PREV_ACCEPTED:
		if (!retry)
			break;
		/* The clocks differ: time may bring ours right. Or that of the gateway before us is ahead, by no more
		 * than the anchor's window: a newer timestamp exists at once, and surely after that. */
		again(node, now,
		      m->status == MH_TIMESTAMP_MISMATCH ? c->bindack_initial : span_mul(CLOCKS_APART, node->retries));
		node->retries++;
		return;
	case MH_SEQUENCE_OUT_OF_WINDOW:
		if (!retry)
			break;
		node->retries++;
		/* Not the next one: an answer to who used it, ourselves before we began anew, may be on its way. */
		node->seq = (uint16_t)(m->seq + NUMBERS_LEFT_OUT);
		again(node, now, span_ns(0));
		return;
	case MH_PROXY_REG_NOT_ENABLED:
	case MH_MISSING_HNP:
	case MH_MISSING_MN_ID:
	case MH_MISSING_HI:
	case MH_MISSING_ATT:
		refused_for_good(node, now, m->status, false);
		return;
	default: /* numbers that other RFCs define, or will */
		break;
	}
	refused_for_good(node, now, m->status, true);
}

static void answered(struct mag_node *node, struct now now, const struct mh_msg *m)
{
	struct prefix v[DP_NODE_PREFIX_MAX];
	uint8_t n = take_prefixes(m, v);

	if (node->tx.what == MAG_REQUEST_DEREGISTER) {
		mag_node_free(node, now);
		return;
	}
	if (m->status >= MH_UNSPECIFIED) {
		refused(node, now, m);
		return;
	}
	if (!n || !m->lifetime_4s) {
		mag_count(node->mag, MAG_C_PBA_WITHOUT_PREFIX);
		mag_node_refuse(node, now, m->status, "accepted without a prefix or a lifetime");
		mag_set(node->mag, &node->binding, mono_add(now.mono, node->mag->conf.refusal_retry));
		return;
	}
	accepted(node, now, m, v, n);
}

void mag_registration_recv(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m)
{
	struct mag_node *node;

	if (!(m->flags & MH_BA_P)) {
		mag_count(mag, MAG_C_PBA_NOT_PROXY);
		return;
	}
	node = match(mag, src, m);
	if (node && (is_old_refusal(node, m) || (m->status == MH_SEQUENCE_OUT_OF_WINDOW && !echoes(node, m))))
		node = NULL; /* its number does not tell to what it is the answer: to an earlier request */
	if (!node) {
		mag_count(mag, MAG_C_PBA_UNMATCHED);
		return;
	}
	if (!echoes(node, m)) {
		/* Not asked again before somebody looked (RFC 5213 6.9.1.2, 6). A binding that stands, stands. */
		mag_count(mag, MAG_C_PBA_ECHO_MISMATCH);
		node->halted = true;
		mag_registration_cancel(node);
		if (node->state == MAG_NODE_REGISTERING)
			mag_node_refuse(node, now, -1, "the anchor's answer does not echo the request");
		else if (node->state == MAG_NODE_DEREGISTERING)
			mag_set(mag, &node->binding, now.mono);
		else
			mag_registration_schedule(node);
		return;
	}
	mag_peer_heard(node->peer, now, m);
	answered(node, now, m);
}
