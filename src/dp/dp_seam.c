/* SPDX-License-Identifier: BSD-2-Clause */
/* The packets of handovers: forwarded at the old MAG, and at the new one through the node's seam (seam/seam.h). */
#include "dp/dp_handover.h"

#include <stdlib.h>
#include <string.h>

#define RELEASE_BATCH 64
#define TICK_MS 1
#define OVERDUE_MS 500 /* what waits to be read is not waited for any longer */
/* Held packets go out at this rate: a burst of more than net.core.netdev_max_backlog loses some, whosever it is. */
#define RELEASE_PER_S 100000
#define RELEASE_BURST 100
#define CLOSING_MAX_MS 200 /* a gate that has not closed by then is opened: the fast path is worth more than the order */

static struct dp_pkt packet_of(const uint8_t *bytes, size_t len)
{
	struct dp_pkt p = {0};

	dp_pkt_parse((uint8_t *)(uintptr_t)bytes, len, &p); /* it was one when it was held */
	return p;
}

static bool has_prefix(const struct dp_ho *ho, const struct in6_addr *a)
{
	for (int i = 0; i < ho->conf.n_prefixes; i++)
		if (prefix_contains(&ho->conf.prefixes[i], a))
			return true;
	return false;
}

/* ---- to the node -------------------------------------------------------------------------------------- */

/* The list that serves the stream. */
static struct dp_flw *list_of(const struct dp *dp, const struct dp_ho *ho, const struct dp_pkt *p)
{
	struct dp_flow key = {.in.tunnel = ho->anchor->ends, .source = p->src, .group = p->dst};
	struct dp_flw *f = dp_flw_find(dp, &key);

	if (f)
		return f;
	key.source = addr_any;
	return dp_flw_find(dp, &key);
}

/* The node's output of that list: its link, or what is held for it. NULL: the stream is none of the node's, whoever
 * forwards it. */
static struct dp_o *output_of(const struct dp *dp, const struct dp_ho *ho, const struct dp_pkt *p)
{
	const struct dp_flw *f = list_of(dp, ho, p);
	struct dp_out link = {.node = ho->conf.node}, held = link;
	struct dp_o *o = NULL;

	if (!f)
		return NULL;
	if (ho->node) {
		link.ifindex = ho->node->conf.ifindex;
		addr_multicast_mac(&p->dst, link.dmac);
		o = dp_out_find(dp, f, &link);
		if (!o || o->conf.node != link.node) {
			memcpy(link.dmac, ho->node->conf.mac, sizeof(link.dmac));
			o = dp_out_find(dp, f, &link);
		}
	}
	return o && o->conf.node == link.node ? o : dp_out_find(dp, f, &held);
}

/* Its hop is taken. Where the output does not say where to, it is the node's own MAC (RFC 6085), so that no other node on
 * the link gets it. */
static void deliver(struct dp *dp, struct dp_ho *ho, const struct dp_pkt *p, struct dp_o *o)
{
	struct dp_nod *n = ho->node;
	struct dp_o *to = o && o->conf.ifindex ? o : NULL;
	uint32_t ifindex = to ? to->conf.ifindex : n ? n->conf.ifindex : 0;
	const struct dp_link *l = ifindex ? dp_link_find(dp, ifindex) : NULL;

	if (!o && addr_is_multicast(&p->dst))
		dp_plane_drop(dp, DP_DROP_NO_GROUP);
	else if (!l || !n)
		dp_plane_drop(dp, DP_DROP_OUTPUT);
	else if (p->len > l->mtu)
		dp_plane_drop(dp, DP_DROP_TOO_BIG);
	else
		dp_send_link(dp, p, l, to ? to->conf.dmac : n->conf.mac, to ? &to->sent : &n->down);
}

static void into_seam(struct dp *dp, struct dp_ho *ho, const struct dp_pkt *p, enum seam_path path, uint32_t label,
		      struct dp_o *o)
{
	bool multicast = addr_is_multicast(&p->dst);
	struct seam_stream key = {0};

	if (multicast)
		key = (struct seam_stream){p->src, p->dst};
	if (seam_put(ho->seam, dp_clock(), path, &key, label, p->bytes, (uint32_t)p->len) != SEAM_PASS)
		return;
	deliver(dp, ho, p, multicast && (!o || !o->conf.ifindex) ? output_of(dp, ho, p) : o);
}

/* ---- at a gate ---------------------------------------------------------------------------------------- */

static void forward(struct dp *dp, struct dp_ho *ho, struct dp_pkt *p, uint32_t label)
{
	if (dp_plane_to_tunnel(dp, p, ho->tun, false, (uint32_t)ho->conf.key << 8 | (label & 0xff)))
		dp->handovers->counts[DP_SEAM_FORWARDED]++;
}

void dp_gate_copy(struct dp *dp, struct dp_gate *g, struct dp_pkt *p, uint32_t label)
{
	if (g->ho->forward)
		forward(dp, g->ho, p, label);
	else
		into_seam(dp, g->ho, p, SEAM_NATIVE, label, g->out);
}

/* ---- out of a tunnel ---------------------------------------------------------------------------------- */

static bool take_hop(struct dp *dp, struct dp_pkt *p)
{
	if (p->hop_limit > 1) {
		dp_pkt_rewrite(p, true);
		return true;
	}
	dp_plane_drop(dp, DP_DROP_HOP_LIMIT);
	return false;
}

/* To a node that has not come yet, the old MAG took the hop: the two count as one. */
static void forwarded(struct dp *dp, struct dp_ho *ho, struct dp_pkt *p, uint32_t label)
{
	bool multicast = addr_is_multicast(&p->dst);

	dp_pkt_rewrite(p, false);
	if (!ho->seam) {
		if (multicast)
			ho->counts[SEAM_COUNT_PAST_EDGE]++;
		else
			deliver(dp, ho, p, NULL);
	} else if (!multicast && dp_pkt_is_end_marker(p, &ho->anchor->ends.remote)) {
		seam_end_marker(ho->seam, dp_clock());
	} else {
		into_seam(dp, ho, p, SEAM_FORWARDED, label & 0xff, NULL);
	}
}

static bool from_mag(struct dp *dp, struct dp_tun *t, struct dp_pkt *p, uint32_t label)
{
	struct dp_ho *ho = dp->handovers->by_key[label >> 8 & (DP_KEYS - 1)];
	bool multicast = addr_is_multicast(&p->dst);
	const struct dp_pfx *x;

	if (ho && ho->tun == t && (multicast || has_prefix(ho, &p->dst))) {
		forwarded(dp, ho, p, label);
		return true;
	}
	x = multicast ? NULL : dp_pfx_match(&dp->node_prefixes, &p->src);
	ho = x ? x->node->ho : NULL;
	if (!ho || !ho->forward || ho->tun != t)
		return false;
	if (dp_plane_to_tunnel(dp, p, ho->anchor, false, DP_LABEL_NONE))
		dp->handovers->counts[DP_SEAM_UPLINK]++;
	return true;
}

/* The handover of the node, here or awaited, to which unicast out of this tunnel goes. */
static struct dp_ho *unicast_of(const struct dp *dp, const struct dp_tun *t, const struct dp_pkt *p)
{
	const struct dp_pfx *x = dp_pfx_match(&dp->node_prefixes, &p->dst);

	if (x)
		return x->node->ho && x->node->ho->anchor == t ? x->node->ho : NULL;
	x = dp_pfx_match(&dp->handovers->awaited, &p->dst);
	return x && x->ho->anchor == t ? x->ho : NULL;
}

bool dp_handover_take(struct dp *dp, struct dp_tun *t, struct dp_pkt *p, uint32_t label)
{
	struct dp_ho *ho;

	if (t->between && from_mag(dp, t, p, label))
		return true;
	if (addr_is_multicast(&p->dst) || list_empty(&dp->handovers->all))
		return false;
	ho = unicast_of(dp, t, p);
	if (!ho || !ho->unicast_gate)
		return false;
	if (take_hop(dp, p))
		dp_gate_copy(dp, &ho->unicast, p, 0);
	return true;
}

/* ---- after each batch --------------------------------------------------------------------------------- */

static void release(struct dp *dp, struct dp_ho *ho, mono_t now)
{
	struct seam_packet *kept[RELEASE_BATCH];
	unsigned n;

	do {
		n = 0;
		while (n < RELEASE_BATCH && seam_ready(ho->seam) && limiter_take(&dp->handovers->pace, now)) {
			struct seam_packet *sp = seam_pop(ho->seam, now);
			struct dp_pkt p = packet_of(sp->bytes, sp->len);

			kept[n++] = sp;
			deliver(dp, ho, &p, addr_is_multicast(&p.dst) ? output_of(dp, ho, &p) : NULL);
		}
		dp_send_flush(dp);
		for (unsigned i = 0; i < n; i++)
			free(kept[i]);
	} while (n == RELEASE_BATCH);
}

void dp_handover_pace(struct dp_handovers *hs) { limiter_init(&hs->pace, RELEASE_PER_S, RELEASE_BURST); }

void dp_handover_flush(struct dp *dp, struct dp_ho *ho)
{
	if (!ho->seam || !ho->node)
		return;
	seam_finish(ho->seam, dp_clock());
	limiter_init(&dp->handovers->pace, 0, 0);
	release(dp, ho, dp_clock());
	dp_handover_pace(dp->handovers);
}

static bool gate_may_close(const struct dp_gate *g)
{
	struct seam_stream key;

	/* While the node's own tunnel is the one between the MAGs, the gate alone knows that of the anchor. */
	if (!g->out)
		return seam_unicast_is_closed(g->ho->seam) && g->ho->node && g->ho->node->tun == g->ho->anchor;
	if (!g->out->conf.ifindex)
		return false;
	key = (struct seam_stream){g->out->flow->key.source, g->out->flow->key.group};
	return seam_is_closed(g->ho->seam, &key);
}

/* When to come again. */
static mono_t gate_work(struct dp *dp, struct dp_gate *g, mono_t now)
{
	if (g->state == GATE_HELD) {
		if (!gate_may_close(g))
			return MONO_NEVER;
		g->state = GATE_CLOSING;
		g->since = now;
		if (dp->ops->gate_set)
			dp->ops->gate_set(dp, g);
	}
	if (dp->ops->gate_through && !dp->ops->gate_through(dp, g)) {
		if (mono_sub(now, g->since).ns < span_ms(CLOSING_MAX_MS).ns)
			return mono_add(now, span_ms(TICK_MS));
		dp->handovers->counts[DP_SEAM_FORCED]++;
	}
	dp_handover_gate_free(dp, g);
	return MONO_NEVER;
}

static mono_t handover_work(struct dp *dp, struct dp_ho *ho, mono_t now, bool expire)
{
	mono_t next;

	if (!ho->seam)
		return ho->there && !ho->told_closed ? ho->closes : MONO_NEVER;
	if (expire || mono_sub(now, seam_next_deadline(ho->seam)).ns > span_ms(OVERDUE_MS).ns)
		seam_expire(ho->seam, now);
	release(dp, ho, now);
	next = seam_next_deadline(ho->seam);
	list_each_safe(e, &ho->gates)
		next = mono_min(next, gate_work(dp, list_owner(e, struct dp_gate, entry), now));
	if (ho->unicast_gate)
		next = mono_min(next, gate_work(dp, &ho->unicast, now));
	return seam_ready(ho->seam) ? mono_min(next, mono_add(now, span_ms(TICK_MS))) : next;
}

static bool closed(const struct dp_ho *ho, mono_t now)
{
	if (ho->forward || ho->told_closed)
		return false;
	return ho->there ? mono_reached(ho->closes, now) : !ho->unicast_gate && list_empty(&ho->gates);
}

static bool overflown(const struct dp_ho *ho)
{
	return !ho->told_overflow && (ho->counts[SEAM_COUNT_OVERFLOW] || ho->counts[SEAM_COUNT_AGED]);
}

static bool news_of(struct dp_ho *ho, mono_t now, enum dp_handover_news *ret)
{
	if (overflown(ho)) {
		ho->told_overflow = true;
		*ret = DP_HANDOVER_OVERFLOWN;
		return true;
	}
	if (!closed(ho, now))
		return false;
	ho->told_closed = true;
	*ret = DP_HANDOVER_CLOSED;
	return true;
}

static bool pending_news(struct dp *dp, mono_t now, uint32_t *node, enum dp_handover_news *ret)
{
	list_each(e, &dp->handovers->all) {
		struct dp_ho *ho = list_owner(e, struct dp_ho, entry);

		if (news_of(ho, now, ret)) {
			*node = ho->conf.node;
			return true;
		}
	}
	return false;
}

/* Told from the timer alone: who hears it changes the tables. */
static void tell(struct dp *dp)
{
	enum dp_handover_news news;
	uint32_t node;

	while (pending_news(dp, dp_clock(), &node, &news))
		if (dp->events.handover)
			dp->events.handover(dp->arg, node, news);
}

static void pump(struct dp *dp, bool expire)
{
	struct dp_handovers *hs = dp->handovers;
	bool news = false;
	mono_t now, next;
	int64_t us;

	if (!hs || (list_empty(&hs->all) && list_empty(&hs->formers)))
		return;
	now = dp_clock();
	next = dp_handover_formers(dp, now);
	list_each(e, &hs->all) {
		struct dp_ho *ho = list_owner(e, struct dp_ho, entry);

		next = mono_min(next, handover_work(dp, ho, now, expire));
		if (closed(ho, now) || overflown(ho))
			news = true;
	}
	if (dp->plane->more) /* the timer would come to no purpose */
		next = mono_max(next, mono_add(now, span_ms(TICK_MS)));
	if (news)
		next = now;
	if (mono_is_never(next)) {
		event_del(hs->timer);
		return;
	}
	us = mono_before(next, now) ? 0 : (mono_sub(next, now).ns + 999) / 1000;
	event_add(hs->timer, &(struct timeval){us / 1000000, us % 1000000});
}

/* What is taken for silence must not be what waits to be read: time passes only when all has been. */
void dp_handover_pump(struct dp *dp) { pump(dp, false); }

void dp_handover_time(struct dp *dp)
{
	tell(dp);
	pump(dp, !dp->plane->more);
}
