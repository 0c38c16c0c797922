/* SPDX-License-Identifier: BSD-2-Clause */
/* The decisions of src/bpf/dp.bpf.c, in user space and on the tables themselves. */
#include "dp/dp_handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dp/dp_icmp.h"

static void count(struct dp_count *c, const struct dp_pkt *p)
{
	c->packets++;
	c->bytes += p->len;
}

static void drop_tell(struct dp *dp, enum dp_drop reason, uint32_t mtu, const struct dp_pkt *p)
{
	struct timespec ts;

	dp_plane_drop(dp, reason);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (limiter_take(&dp->plane->errors, (mono_t){ts.tv_sec * 1000000000 + ts.tv_nsec}))
		dp_icmp_error(dp, reason, mtu, p->bytes, p->len);
}

bool dp_plane_to_tunnel(struct dp *dp, struct dp_pkt *p, struct dp_tun *t, bool hop, uint32_t label)
{
	if (hop && p->hop_limit <= 1) {
		drop_tell(dp, DP_DROP_HOP_LIMIT, 0, p);
		return false;
	}
	if (p->len > t->limit) {
		drop_tell(dp, DP_DROP_TOO_BIG, t->limit, p);
		return false;
	}
	dp_pkt_rewrite(p, hop);
	dp_send_tunnel(dp, p, t, NULL, label);
	return true;
}

static bool to_tunnel(struct dp *dp, struct dp_pkt *p, struct dp_tun *t, bool hop)
{
	return dp_plane_to_tunnel(dp, p, t, hop, DP_LABEL_NONE);
}

bool dp_plane_to_node(struct dp *dp, struct dp_pkt *p, struct dp_nod *n)
{
	const struct dp_link *l = dp_link_find(dp, n->conf.ifindex);

	if (!l) {
		dp_plane_drop(dp, DP_DROP_OUTPUT);
		return false;
	}
	if (p->hop_limit <= 1) {
		drop_tell(dp, DP_DROP_HOP_LIMIT, 0, p);
		return false;
	}
	if (p->len > l->mtu) {
		drop_tell(dp, DP_DROP_TOO_BIG, l->mtu, p);
		return false;
	}
	dp_pkt_rewrite(p, true);
	dp_send_link(dp, p, l, n->conf.mac, &n->down);
	return true;
}

static void note_too_big(struct dp *dp, uint32_t mtu, uint32_t *too_big)
{
	dp_plane_drop(dp, DP_DROP_TOO_BIG);
	if (!*too_big || mtu < *too_big)
		*too_big = mtu;
}

static void copy_out(struct dp *dp, struct dp_pkt *p, struct dp_o *o, uint32_t label, uint32_t *too_big)
{
	const struct dp_link *l = o->tun ? NULL : dp_link_find(dp, o->conf.ifindex);
	uint32_t mtu = o->tun ? o->tun->limit : l ? l->mtu : 0;

	if (!o->tun && o->gate) {
		dp_gate_copy(dp, o->gate, p, label);
	} else if (!o->tun && dp_out_is_held(&o->conf)) {
		return; /* a link has taken its place, or the handover is over */
	} else if (!mtu) {
		dp_plane_drop(dp, DP_DROP_OUTPUT);
	} else if (p->len > mtu) {
		note_too_big(dp, mtu, too_big);
	} else if (o->tun) {
		dp_send_tunnel(dp, p, o->tun, &o->sent, o->flow->label);
	} else {
		dp_send_link(dp, p, l, o->conf.dmac, &o->sent);
	}
}

/* RFC 4605 4.2: what comes from below goes up in any case. */
static void copy_up(struct dp *dp, const struct dp_pkt *p, struct dp_link *from, uint32_t *too_big)
{
	const struct dp_link *up = dp_link_find(dp, from->proxy);
	uint8_t mac[6];

	if (!up)
		return;
	if (p->len > up->mtu) {
		note_too_big(dp, up->mtu, too_big);
		return;
	}
	addr_multicast_mac(&p->dst, mac);
	dp_send_link(dp, p, up, mac, &from->to_upstream);
}

/* `from`: the downstream link of a plain proxy that it came from, or NULL. `label`: of the tunnel that it came from. */
static void replicate(struct dp *dp, struct dp_pkt *p, const struct dp_in *in, struct dp_link *from, uint32_t label)
{
	struct dp_flow key = {.in = *in, .source = p->src, .group = p->dst};
	struct dp_flw *f = dp_flw_find(dp, &key);
	uint32_t too_big = 0;

	if (!f) {
		key.source = addr_any;
		f = dp_flw_find(dp, &key);
	}
	if (!f && !from) {
		dp_plane_drop(dp, DP_DROP_NO_GROUP);
		return;
	}
	if (f)
		count(&f->in, p);
	if (p->hop_limit <= 1) {
		dp_plane_drop(dp, DP_DROP_HOP_LIMIT);
		return;
	}
	if (!from && !f->n_outs[OUT_LINK] && !f->n_outs[OUT_TUNNEL])
		dp_plane_drop(dp, DP_DROP_NO_GROUP);
	dp_pkt_rewrite(p, true);
	if (from)
		copy_up(dp, p, from, &too_big);
	for (int k = 0; f && k < OUT_KINDS; k++) {
		list_each(e, &f->outs[k]) {
			struct dp_o *o = list_owner(e, struct dp_o, entry);

			if (!from || o->conf.ifindex != from->ifindex)
				copy_out(dp, p, o, label, &too_big);
		}
	}
	if (too_big) {
		dp->drops[DP_DROP_TOO_BIG]--; /* counted copy by copy */
		drop_tell(dp, DP_DROP_TOO_BIG, too_big, p);
	}
}

void dp_plane_from_tunnel(struct dp *dp, struct dp_tun *t, uint8_t *inner, size_t len, uint8_t outer_ecn, uint32_t label)
{
	struct dp_in in = {.tunnel = t->ends};
	struct dp_pfx *x;
	struct dp_pkt p;

	if (!dp_pkt_parse(inner, len, &p) || addr_is_multicast(&p.src)) {
		dp_plane_drop(dp, DP_DROP_INNER_MALFORMED);
		return;
	}
	count(&t->in, &p);
	if (!dp_pkt_routable(&p)) {
		if (!dp_pkt_control(&p)) {
			dp_plane_drop(dp, DP_DROP_LINK_LOCAL);
		} else if (dp->events.tunnel_packet) {
			struct dp_tunnel ends = t->ends;

			dp_send_flush(dp); /* the engines may take away what the queue counts by, and the tunnel */
			dp->events.tunnel_packet(dp->arg, &ends, p.bytes, p.len);
		}
		return;
	}
	if (!dp_pkt_merge_ecn(&p, outer_ecn)) {
		dp_plane_drop(dp, DP_DROP_ECN);
		return;
	}
	if (dp->handovers && dp_handover_take(dp, t, &p, label))
		return;
	if (addr_is_multicast(&p.dst)) {
		replicate(dp, &p, &in, NULL, label);
		return;
	}
	x = dp_pfx_match(&dp->node_prefixes, &p.dst);
	if (x && x->node->tun == t) {
		dp_plane_to_node(dp, &p, x->node);
		return;
	}
	x = dp_pfx_match(&dp->routes, &p.src);
	if (!x || (x->tun != t && !dp_former_allows(dp, t, &p.src))) {
		dp_plane_drop(dp, t->lma_side ? DP_DROP_INNER_SOURCE : DP_DROP_NO_NODE);
		return;
	}
	x = dp_pfx_match(&dp->routes, &p.dst);
	if (x) {
		to_tunnel(dp, &p, x->tun, true);
		return;
	}
	dp_pkt_rewrite(&p, false);
	if (write(dp->plane->tun, p.bytes, p.len) < 0) /* the kernel forwards it, or it is for this host */
		dp_plane_drop(dp, DP_DROP_OUTPUT);
}

/* By a route of ours to the TUN device; or handed up by the eBPF program for outer fragments. */
void dp_plane_from_host(struct dp *dp, uint8_t *packet, size_t len)
{
	struct dp_pfx *x;
	struct dp_pkt p;

	if (!dp_pkt_parse(packet, len, &p) || dp_pkt_link_scope(&p.dst) || addr_is_link_local(&p.dst))
		return; /* the kernel's own chatter on the device */
	x = dp_pfx_match(&dp->routes, &p.dst);
	if (x) {
		to_tunnel(dp, &p, x->tun, false);
		return;
	}
	x = dp_pfx_match(&dp->node_prefixes, &p.src);
	if (!x)
		dp_plane_drop(dp, DP_DROP_NO_NODE);
	else if (to_tunnel(dp, &p, x->node->tun, false))
		count(&x->node->up, &p);
}

/* Another node of the same anchor, where such may be reached directly. One that takes part in a handover is left to the
 * tunnel. */
static struct dp_nod *neighbour_of(struct dp *dp, const struct dp_pkt *p, const struct dp_nod *from)
{
	struct dp_pfx *x = dp->conf.local_routing ? dp_pfx_match(&dp->node_prefixes, &p->dst) : NULL;

	return x && x->node->tun == from->tun && !x->node->ho ? x->node : NULL;
}

void dp_plane_from_node(struct dp *dp, struct dp_link *l, const uint8_t mac[6], uint8_t *packet, size_t len)
{
	struct dp_nod *n, *to;
	struct dp_pkt p;
	bool ours = false;

	if (!dp_pkt_parse(packet, len, &p)) {
		dp_plane_drop(dp, DP_DROP_INNER_MALFORMED);
		return;
	}
	if (addr_is_link_local(&p.dst) || dp_pkt_link_scope(&p.dst))
		return; /* the kernel and the engines have their own copies */
	if (addr_is_link_local(&p.src) || dp_pkt_nobody(&p.src)) {
		if (!dp_pkt_control(&p))
			dp_plane_drop(dp, DP_DROP_LINK_LOCAL);
		return;
	}
	n = dp_nod_by_mac(dp, l->ifindex, mac);
	if (!n) {
		dp_plane_drop(dp, DP_DROP_UPLINK_UNREGISTERED);
		return;
	}
	if (addr_is_multicast(&p.dst)) {
		dp_plane_drop(dp, DP_DROP_UPLINK_MULTICAST);
		return;
	}
	for (int i = 0; i < n->conf.n_prefixes; i++)
		ours |= prefix_contains(&n->conf.prefixes[i], &p.src);
	if (!ours) {
		dp_plane_drop(dp, DP_DROP_UPLINK_SOURCE);
		return;
	}
	if (dp_pkt_nobody(&p.dst)) {
		dp_plane_drop(dp, DP_DROP_LINK_LOCAL);
		return;
	}
	to = neighbour_of(dp, &p, n);
	if (to ? dp_plane_to_node(dp, &p, to) : to_tunnel(dp, &p, n->tun, true))
		count(&n->up, &p);
}

void dp_plane_from_upstream(struct dp *dp, struct dp_link *l, uint8_t *packet, size_t len)
{
	struct dp_in in = {.ifindex = l->ifindex};
	struct dp_pkt p;

	if (dp_pkt_parse(packet, len, &p) && addr_is_multicast(&p.dst) && dp_pkt_routable(&p))
		replicate(dp, &p, &in, NULL, 0);
}

void dp_plane_from_downstream(struct dp *dp, struct dp_link *l, uint8_t *packet, size_t len)
{
	struct dp_in in = {.ifindex = l->proxy};
	struct dp_pkt p;

	if (l->proxy && dp_pkt_parse(packet, len, &p) && addr_is_multicast(&p.dst) && dp_pkt_routable(&p))
		replicate(dp, &p, &in, l, 0);
}

/* ---- face --------------------------------------------------------------------------------------------- */

int dp_plane_send(struct dp *dp, struct dp_tun *t, const uint8_t *inner, size_t len)
{
	uint8_t *copy;
	struct dp_pkt p;

	if (len > PACKET_MAX)
		return -EMSGSIZE;
	copy = malloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, inner, len);
	if (!dp_pkt_parse(copy, len, &p)) {
		free(copy);
		return -EINVAL;
	}
	dp_send_tunnel(dp, &p, t, NULL, DP_LABEL_NONE);
	dp_send_flush(dp);
	free(copy);
	return 0;
}

uint32_t dp_plane_tun_ifindex(const struct dp *dp) { return dp->plane->tun_ifindex; }

int dp_plane_open(struct dp *dp, char *why, size_t why_size)
{
	dp->plane = calloc(1, sizeof(*dp->plane));
	if (!dp->plane)
		return -ENOMEM;
	dp->plane->raw = dp->plane->header = dp->plane->frames = dp->plane->tun = -1;
	limiter_init(&dp->plane->errors, dp->conf.ptb_per_s, dp->conf.ptb_per_s);
	return dp_port_open(dp, why, why_size);
}

void dp_plane_close(struct dp *dp)
{
	if (!dp->plane)
		return;
	dp_port_close(dp);
	free(dp->plane);
	dp->plane = NULL;
}
