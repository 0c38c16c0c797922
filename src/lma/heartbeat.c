/* SPDX-License-Identifier: BSD-2-Clause */
/* Heartbeat (RFC 5847): whether a MAG lives, and whether it still knows the nodes that it registered.
 *
 * The bindings of one that lost its state are invalid (3): their data stops, and the entries stay for
 * MinDelayBeforeBCEDelete, so that a node that is registered anew meanwhile, there or elsewhere, has its prefixes
 * again.
 * The news of a restart may come later than the first registrations after it: what was registered for the first time
 * since the last answer of before is left alone, and its lifetime decides. */
#include "lma/lma_priv.h"

static void respond(struct lma *l, const struct in6_addr *to)
{
	uint32_t seq = l->rx.heartbeat_seq;

	mh_init(&l->tx, MH_HEARTBEAT);
	l->tx.flags = MH_HEARTBEAT_R;
	l->tx.heartbeat_seq = seq;
	l->tx.has = MH_HAS_RESTART_COUNTER;
	l->tx.restart_counter = l->restart_counter;
	if (lma_send(l, &l->conf.lmaa, to))
		lma_count(l, LMA_HEARTBEATS_ANSWERED);
}

void heartbeat_start(struct lma *l, struct peer *p)
{
	span_t first = span_min(l->conf.heartbeat_interval, HEARTBEAT_FIRST);

	if (l->conf.heartbeat_interval.ns && !p->heartbeat.unsupported && mono_is_never(p->heartbeat.due.at))
		heap_set(&l->heap, &p->heartbeat.due, mono_add(l->now.mono, first));
}

void heartbeat_reconf(struct lma *l, struct peer *p)
{
	heartbeat_rest(&p->heartbeat, &l->heap);
	if (p->n_bindings)
		heartbeat_start(l, p);
}

static void tell(struct lma *l, const struct peer *p, enum event_kind kind)
{
	struct event e = {.kind = kind, .peer = p->proxy_coa, .status = -1};

	lma_event_limited(l, &e);
}

/* What it told by MLD went with it; on a new link it is asked at once. */
static void forget_mld(struct lma *l, struct peer *p)
{
	if (!p->mld)
		return;
	mld_link_free(p->mld);
	p->mld = mld_link_new(l->routers, l->now, &l->conf.tunnel_mld, &l->conf.tunnel_link_local, p);
	if (!p->mld)
		lma_count(l, LMA_OUT_OF_MEMORY);
	list_each_safe (n, &p->subs) {
		struct sub *s = list_owner(n, struct sub, of_peer);

		if (filter_is_none(&s->mld))
			continue;
		filter_drop(&s->mld);
		sub_apply(l, s);
		sub_release(l, s);
	}
}

/* `fresh`: the news is a restart, and what was registered since the last answer may be from after it. */
static void lost_state(struct lma *l, struct peer *p, bool fresh)
{
	notify_forget(l, p);
	list_each (n, &p->bindings) {
		struct binding *b = list_owner(n, struct binding, of_peer);

		if (b->state == LMA_BINDING_ACTIVE && !(fresh && b->epoch == p->epoch))
			binding_deregister(l, b, p->lost ? "its MAG is silent" : "its MAG was restarted");
	}
	forget_mld(l, p);
}

static void give_up(struct lma *l, struct peer *p)
{
	lma_count(l, LMA_HEARTBEAT_PEERS_DEAD);
	tell(l, p, EV_PEER_DOWN);
	p->lost = true;
	lost_state(l, p, false);
}

void heartbeat_alive(struct lma *l, struct peer *p)
{
	if (!p->lost)
		return;
	/* It was given up, and may have noticed nothing: it is to register again what it has. */
	p->lost = p->heartbeat.dead = false;
	peer_check_linger(l, p);
	tell(l, p, EV_PEER_UP);
	notify_reregister(l, p, NULL);
}

void heartbeat_expire(struct lma *l, struct peer *p)
{
	struct heartbeat *h = &p->heartbeat;

	if (!p->n_bindings) {
		heartbeat_rest(h, &l->heap);
		return;
	}
	if (heartbeat_ask(h, l->conf.heartbeats_missing))
		give_up(l, p);
	mh_init(&l->tx, MH_HEARTBEAT);
	l->tx.heartbeat_seq = h->seq;
	if (lma_send(l, &l->conf.lmaa, &p->proxy_coa))
		lma_count(l, LMA_HEARTBEATS_SENT);
	heap_set(&l->heap, &h->due,
		 mono_add(l->now.mono, heartbeat_gap(h, l->conf.heartbeat_interval, l->conf.heartbeats_missing)));
}

static void news(struct lma *l, struct peer *p, enum heartbeat_news what)
{
	switch (what) {
	case HEARTBEAT_UNMATCHED:
		lma_count(l, LMA_HEARTBEATS_IGNORED);
		return;
	case HEARTBEAT_RESTARTED:
		lma_count(l, LMA_HEARTBEAT_PEERS_RESTARTED);
		tell(l, p, EV_PEER_RESTARTED);
		lost_state(l, p, true);
		break;
	case HEARTBEAT_ALIVE:
	case HEARTBEAT_BACK:
		lma_count(l, LMA_HEARTBEATS_HEARD);
		break;
	}
	p->epoch++;
	heartbeat_alive(l, p);
}

void heartbeat_recv(struct lma *l, const struct in6_addr *src)
{
	const struct mh_msg *m = &l->rx;
	const uint32_t *counter = m->has & MH_HAS_RESTART_COUNTER ? &m->restart_counter : NULL;
	struct peer *p = peer_find(l, src);
	bool soon;

	if (!(m->flags & MH_HEARTBEAT_R)) {
		respond(l, src); /* whatever we ourselves want to know of the peer (3.2) */
		if (p)
			heartbeat_alive(l, p);
		return;
	}
	if (!p) {
		lma_count(l, LMA_HEARTBEATS_IGNORED);
		return;
	}
	soon = !p->heartbeat.known;
	news(l, p,
	     m->flags & MH_HEARTBEAT_U ? heartbeat_unsolicited(&p->heartbeat, l->now.mono, counter)
				       : heartbeat_answer(&p->heartbeat, l->now.mono, m->heartbeat_seq, counter));
	if (soon && p->heartbeat.known && !mono_is_never(p->heartbeat.due.at))
		heap_set(&l->heap, &p->heartbeat.due, mono_add(l->now.mono, l->conf.heartbeat_interval));
}

bool heartbeat_refused(struct lma *l, struct peer *p)
{
	/* A Binding Error names no message. A MAG that has answered before knows this one. */
	if (!p->heartbeat.awaited || p->heartbeat.known)
		return false;
	heartbeat_rest(&p->heartbeat, &l->heap);
	p->heartbeat.unsupported = true;
	return true;
}
