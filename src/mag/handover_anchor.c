/* SPDX-License-Identifier: BSD-2-Clause */
/* What the new side of a handover asks of the node's anchor: to send its streams here before it is here, and to mark
 * them (Subscription Query of RFC 7161 with VSM 19/7). An anchor that knows neither is asked by MLD in the tunnel, as
 * for every node that no registration speaks for; that happens beside this, and holds the streams while the node is
 * expected. */
#include <string.h>

#include "mag/mag_priv.h"

#define QUERY_MAX (1280 - 40)
#define TRIES 2
#define TIMEOUT span_ms(100) /* twice, doubling: less than the old side is ready to wait */

static bool can(const struct mag_peer *peer)
{
	return !peer->no_seam && (!peer->heard || (peer->capabilities.features & MH_FEATURE_SEAM));
}

/* mag_sub.anchor, in this round of questions. */
enum { TO_ASK, ASKED, ANSWERED };

static bool is_asked(const struct mag_handover *h, const struct mag_sub *sub)
{
	return !filter_is_none(&sub->want) && sub->anchor != ANSWERED && (h->ask.what == MH_MARK_JOIN || !sub->edged);
}

/* To mark it the anchor needs the group alone. */
static bool put(const struct mag_handover *h, const struct mag_sub *sub, struct mh_msg *m, size_t *room)
{
	const size_t size = 24;

	if (h->ask.what == MH_MARK_JOIN)
		return mag_signal_put(m, sub, room);
	if (size > *room || !mh_add_record(m, &m->ams, MH_PROTO_MLDV2, MLD_MODE_IS_EXCLUDE, &sub->group, NULL, 0,
					   MH_AMS_SOURCES))
		return false;
	*room -= size;
	m->has |= MH_HAS_AMS;
	return true;
}

/* What finds no room goes in the next one; a group that finds none alone is asked for by MLD. */
static void put_groups(const struct mag_handover *h, struct mh_msg *m, size_t room)
{
	list_each (i, &h->node->subs) {
		struct mag_sub *sub = list_owner(i, struct mag_sub, in_node);

		if (!is_asked(h, sub))
			continue;
		if (put(h, sub, m, &room))
			sub->anchor = ASKED;
		else
			sub->anchor = m->ams.n ? TO_ASK : ANSWERED;
	}
}

static bool transmit(struct mag_handover *h)
{
	struct mag *mag = h->mag;
	struct mag_node *node = h->node;
	const struct dp_tunnel *t = &node->peer->tunnel;
	uint8_t bytes[QUERY_MAX];
	struct mh_msg m;
	size_t len;

	mh_init(&m, MH_SUBSCRIPTION_QUERY);
	m.seq = h->ask.seq;
	m.has = MH_HAS_MN_ID | MH_HAS_MARK;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = h->mn;
	m.n_hnp = node->n_prefixes;
	memcpy(m.hnp, node->prefixes, node->n_prefixes * sizeof(m.hnp[0]));
	m.mark = h->ask.what;
	len = mh_encode(&mag->mh, &m, &t->local, &t->remote, bytes, sizeof(bytes));
	put_groups(h, &m, sizeof(bytes) - len);
	len = mh_encode(&mag->mh, &m, &t->local, &t->remote, bytes, sizeof(bytes));
	if (!len)
		return false;
	fxq_mh(mag->fxq, &t->local, &t->remote, bytes, len);
	mag_count(mag, MAG_C_ANCHOR_ASKED);
	return true;
}

/* With an answer or without: it goes on. */
static void over(struct mag_handover *h, struct now now)
{
	h->ask.next = MONO_NEVER;
	if (h->ask.what == MH_MARK_JOIN)
		mag_handover_in_joined(h, now);
	else
		mag_handover_in_marked(h, now);
}

static void ask(struct mag_handover *h, struct now now)
{
	h->ask.seq = ++h->mag->ask_seq;
	h->ask.tries = 1;
	h->ask.timeout = TIMEOUT;
	h->ask.next = mono_add(now.mono, h->ask.timeout);
	if (transmit(h))
		mag_handover_schedule(h);
	else
		over(h, now);
}

static bool can_be_asked(const struct mag_handover *h) { return h->node && h->node->peer && can(h->node->peer); }

static bool has_more(const struct mag_handover *h)
{
	list_each (i, &h->node->subs)
		if (is_asked(h, list_owner(i, struct mag_sub, in_node)))
			return true;
	return false;
}

void mag_handover_ask_rest(struct mag_handover *h, struct now now)
{
	h->ask.what = MH_MARK_JOIN;
	if (can_be_asked(h) && has_more(h))
		ask(h, now);
	else
		over(h, now);
}

void mag_handover_ask(struct mag_handover *h, struct now now, uint8_t what)
{
	h->ask.what = what;
	if (h->node)
		list_each (i, &h->node->subs)
			list_owner(i, struct mag_sub, in_node)->anchor = TO_ASK;
	/* To mark is asked also where there is no stream: the anchor then ends the old way of unicast by a marker. */
	if (can_be_asked(h) && (what == MH_MARK_LABEL || has_more(h)))
		ask(h, now);
	else
		over(h, now);
}

void mag_handover_ask_again(struct mag_handover *h, struct now now)
{
	if (h->ask.tries == TRIES || !h->node || !transmit(h)) {
		mag_count(h->mag, MAG_C_ANCHOR_SILENT);
		over(h, now);
		return;
	}
	h->ask.tries++;
	h->ask.timeout = span_mul(h->ask.timeout, 2);
	h->ask.next = mono_add(now.mono, h->ask.timeout);
	mag_handover_schedule(h);
}

static void answered(struct mag_handover *h, struct now now)
{
	list_each (i, &h->node->subs) {
		struct mag_sub *sub = list_owner(i, struct mag_sub, in_node);

		if (sub->anchor == ASKED)
			sub->anchor = ANSWERED;
	}
	if (has_more(h))
		ask(h, now);
	else
		over(h, now);
}

static void take_results(struct mag_node *node, struct now now, const struct mh_msg *m)
{
	for (uint16_t i = m->result.first; i < m->result.first + m->result.n; i++) {
		const struct mh_record *r = &m->records[i];
		struct mag_sub *sub = mag_sub_find(node, &r->group);

		if (sub && r->result != MH_SUB_ACCEPTED)
			mag_sub_refused(sub, now, r->result, &m->sources[r->first],
					r->type == MLD_MODE_IS_INCLUDE ? r->n : 0);
	}
}

bool mag_handover_anchor_recv(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m)
{
	struct mag_handover *h;

	if (!(m->has & MH_HAS_MARK) || !(m->has & MH_HAS_MN_ID))
		return false;
	h = mag_handover_of(mag, &m->mn_id, MAG_HANDOVER_IN);
	if (!h || mono_is_never(h->ask.next) || h->ask.seq != m->seq || !h->node || !h->node->peer ||
	    !addr_eq(&h->node->peer->lmaa, src)) {
		mag_count(mag, MAG_C_ANCHOR_UNMATCHED);
		return true;
	}
	if (m->has & MH_HAS_RESULT)
		take_results(h->node, now, m);
	if (h->ask.what == MH_MARK_LABEL)
		mag_handover_in_edges(h, m);
	answered(h, now);
	return true;
}

bool mag_handover_anchor_refused(struct mag *mag, struct now now, const struct in6_addr *src)
{
	struct mag_peer *peer = mag_peer_find(mag, src);
	bool some = false;

	if (!peer || peer->no_seam)
		return false;
	list_each_safe (i, &mag->handovers) {
		struct mag_handover *h = list_owner(i, struct mag_handover, in_all);

		if (mono_is_never(h->ask.next) || !h->node || h->node->peer != peer)
			continue;
		some = peer->no_seam = true;
		over(h, now);
	}
	return some;
}
