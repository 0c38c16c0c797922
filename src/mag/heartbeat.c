/* SPDX-License-Identifier: BSD-2-Clause */
/* Heartbeat (RFC 5847): whether an anchor lives, and whether it still knows the bindings that it accepted. One that
 * lost them gets them again, of all nodes there, without the nodes noticing. */
#include "mag/mag_priv.h"

#define RENEW_BATCH 256		/* nodes at a time ... */
#define RENEW_GAP span_ms(50)	/* ... and so often: 5000/s are little for an anchor, and no burst for a socket */

static void send_mh(struct mag *mag, const struct in6_addr *dst, const struct mh_msg *m)
{
	uint8_t bytes[64];
	size_t len = mh_encode(&mag->mh, m, &mag->conf.proxy_coa, dst, bytes, sizeof(bytes));

	if (len)
		fxq_mh(mag->fxq, &mag->conf.proxy_coa, dst, bytes, len);
}

static void respond(struct mag *mag, const struct in6_addr *dst, uint16_t flags, uint32_t seq)
{
	struct mh_msg m;

	mh_init(&m, MH_HEARTBEAT);
	m.flags = (uint16_t)(MH_HEARTBEAT_R | flags);
	m.heartbeat_seq = seq;
	m.has |= MH_HAS_RESTART_COUNTER;
	m.restart_counter = mag->restart_counter;
	send_mh(mag, dst, &m);
}

void mag_heartbeat_announce(struct mag *mag)
{
	if (mag->conf.heartbeat_interval.ns && !addr_is_any(&mag->conf.lma))
		respond(mag, &mag->conf.lma, MH_HEARTBEAT_U, 0);
}

/* ---- nodes are registered anew ---- */

/* Whatever is under way may be answered by what the anchor knew before, so it is followed by another. */
static void renew(struct mag_node *node, struct now now)
{
	if (node->state != MAG_NODE_REGISTERED && node->state != MAG_NODE_REGISTERING)
		return;
	node->halted = false;
	mag_subs_forget_refusals(node, now);
	if (node->state == MAG_NODE_REGISTERED && node->tx.what == MAG_REQUEST_NONE) {
		mag_registration_touch(node);
		return;
	}
	node->ask_again = true;
	if (node->tx.n > 1 && !node->tx.answered) { /* its next repetition may be half a minute away */
		node->tx.next = now.mono;
		mag_registration_schedule(node);
	}
}

void mag_peer_renew(struct mag_peer *peer, struct now now)
{
	peer->n_renew = peer->n_nodes;
	mag_set(peer->mag, &peer->renew, now.mono);
}

/* The list is turned: those that were renewed, or came meanwhile, stand behind the others. */
void mag_peer_renew_expire(struct mag_peer *peer, struct now now)
{
	for (unsigned n = 0; n < RENEW_BATCH && peer->n_renew && !list_empty(&peer->nodes); n++) {
		struct list *first = list_first(&peer->nodes);

		list_del(first);
		list_add(&peer->nodes, first);
		peer->n_renew--;
		renew(list_owner(first, struct mag_node, in_peer), now);
	}
	if (peer->n_renew && !list_empty(&peer->nodes))
		mag_set(peer->mag, &peer->renew, mono_add(now.mono, RENEW_GAP));
}

/* ---- the anchor ---- */

static bool bound_there(const struct mag_peer *peer)
{
	/* One that was given up is asked for as long as somebody waits for it. */
	if (peer->heartbeat.dead)
		return peer->n_nodes != 0;
	list_each (n, &peer->nodes)
		if (list_owner(n, struct mag_node, in_peer)->state == MAG_NODE_REGISTERED)
			return true;
	return false;
}

void mag_heartbeat_start(struct mag_peer *peer, struct now now)
{
	const struct mag_conf *c = &peer->mag->conf;

	if (!c->heartbeat_interval.ns || peer->heartbeat.unsupported || !mono_is_never(peer->heartbeat.due.at))
		return;
	mag_set(peer->mag, &peer->heartbeat.due, mono_add(now.mono, span_min(c->heartbeat_interval, HEARTBEAT_FIRST)));
}

void mag_heartbeat_reconf(struct mag_peer *peer, struct now now)
{
	heartbeat_rest(&peer->heartbeat, &peer->mag->heap);
	if (bound_there(peer))
		mag_heartbeat_start(peer, now);
}

void mag_heartbeat_expire(struct mag_peer *peer, struct now now)
{
	struct mag *mag = peer->mag;
	const struct mag_conf *c = &mag->conf;
	struct heartbeat *h = &peer->heartbeat;
	struct event e = mag_event_of(EV_PEER_DOWN, NULL);
	struct mh_msg m;

	if (!bound_there(peer)) {
		heartbeat_rest(h, &mag->heap);
		return;
	}
	if (heartbeat_ask(h, c->heartbeats_missing)) {
		mag_count(mag, MAG_C_HEARTBEAT_PEER_DEAD);
		e.peer = peer->lmaa;
		fxq_event(mag->fxq, &e);
	}
	mh_init(&m, MH_HEARTBEAT);
	m.heartbeat_seq = h->seq;
	mag_count(mag, MAG_C_HEARTBEAT_SENT);
	send_mh(mag, &peer->lmaa, &m);
	mag_set(mag, &h->due, mono_add(now.mono, heartbeat_gap(h, c->heartbeat_interval, c->heartbeats_missing)));
}

static void peer_news(struct mag_peer *peer, struct now now, enum heartbeat_news news)
{
	struct event e = mag_event_of(EV_PEER_UP, NULL);

	e.peer = peer->lmaa;
	switch (news) {
	case HEARTBEAT_UNMATCHED:
		mag_count(peer->mag, MAG_C_HEARTBEAT_IGNORED);
		return;
	case HEARTBEAT_ALIVE:
		mag_count(peer->mag, MAG_C_HEARTBEAT_HEARD);
		return;
	case HEARTBEAT_RESTARTED:
		mag_count(peer->mag, MAG_C_HEARTBEAT_PEER_RESTARTED);
		e.kind = EV_PEER_RESTARTED;
		break;
	case HEARTBEAT_BACK: /* it may have given us up, too, and what it knew of us */
		mag_count(peer->mag, MAG_C_HEARTBEAT_HEARD);
		break;
	}
	fxq_event(peer->mag->fxq, &e);
	peer->announce = true;
	mag_peer_renew(peer, now);
}

void mag_heartbeat_alive(struct mag_peer *peer, struct now now)
{
	if (!peer->heartbeat.dead)
		return;
	peer->heartbeat.dead = false;
	peer->heartbeat.missed = 0;
	peer_news(peer, now, HEARTBEAT_BACK);
}

void mag_heartbeat_recv(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m)
{
	struct mag_peer *peer = mag_peer_find(mag, src);
	const uint32_t *counter = m->has & MH_HAS_RESTART_COUNTER ? &m->restart_counter : NULL;
	bool soon;

	if (!peer && ((m->flags & MH_HEARTBEAT_R) || !addr_eq(src, &mag->conf.lma))) {
		mag_count(mag, MAG_C_MH_STRANGER);
		return;
	}
	if (!(m->flags & MH_HEARTBEAT_R)) {
		mag_count(mag, MAG_C_HEARTBEAT_ANSWERED);
		respond(mag, src, 0, m->heartbeat_seq);
		return;
	}
	soon = !peer->heartbeat.known;
	peer_news(peer, now,
		  m->flags & MH_HEARTBEAT_U
			  ? heartbeat_unsolicited(&peer->heartbeat, now.mono, counter)
			  : heartbeat_answer(&peer->heartbeat, now.mono, m->heartbeat_seq, counter));
	if (soon && peer->heartbeat.known && !mono_is_never(peer->heartbeat.due.at))
		mag_set(mag, &peer->heartbeat.due, mono_add(now.mono, mag->conf.heartbeat_interval));
}

bool mag_heartbeat_refused(struct mag_peer *peer)
{
	/* A Binding Error names no message; what else is sent to an anchor, it knows. */
	if (!peer->heartbeat.awaited)
		return false;
	heartbeat_rest(&peer->heartbeat, &peer->mag->heap);
	peer->heartbeat.unsupported = true;
	peer->heartbeat.dead = false;
	return true;
}
