/* SPDX-License-Identifier: BSD-2-Clause */
/* An anchor as this gateway sees it: the tunnel to it, one isolated proxy instance (RFC 6224 4.2, decision 24) and one
 * MLD listener state towards it. It exists while nodes are bound there, and a little longer, so that the last leave can
 * be repeated before the tunnel goes. */
#include <string.h>

#include "mag/mag_priv.h"

#define TUNNEL_MTU_DEFAULT 1460 /* 1500 less the outer header */
#define IDLE_HOLD span_s(3)	/* longer than the listener repeats its last report */

struct mag_peer *mag_peer_find(const struct mag *mag, const struct in6_addr *lmaa)
{
	const struct htab *t = &mag->peers;

	for (struct hnode *h = htab_first(t, htab_hash(t, lmaa, sizeof(*lmaa))); h; h = htab_same(h)) {
		struct mag_peer *peer = hnode_owner(h, struct mag_peer, by_lmaa);

		/* One whose tunnel began at an earlier address of ours serves nobody new. */
		if (addr_eq(&peer->lmaa, lmaa) && addr_eq(&peer->tunnel.local, &mag->conf.proxy_coa))
			return peer;
	}
	return NULL;
}

static bool instance_new(struct mag_peer *peer)
{
	struct mag *mag = peer->mag;
	struct proxy_conf c = mag_proxy_limits(mag);
	struct dp_in in = {.tunnel = peer->tunnel};
	struct mld_host_conf host = mag_tunnel_mld(mag, peer);

	peer->proxy = proxy_new(&c, &in, mag->fxq, rng_u64(&mag->rng));
	peer->upstream = mld_upstream_new(mag->hosts, &host, &mag->conf.tunnel_link_local, peer);
	return peer->proxy && peer->upstream;
}

static struct mag_peer *peer_new(struct mag *mag, const struct in6_addr *lmaa)
{
	struct mag_peer *peer = slab_get(&mag->peer_slab);

	if (!peer)
		return NULL;
	peer->mag = mag;
	peer->lmaa = *lmaa;
	peer->tunnel = (struct dp_tunnel){.local = mag->conf.proxy_coa, .remote = *lmaa};
	peer->mtu = TUNNEL_MTU_DEFAULT;
	list_init(&peer->nodes);
	htab_init(&peer->groups, rng_u64(&mag->rng));
	deadline_init(&peer->idle, DL_PEER_IDLE);
	deadline_init(&peer->renew, DL_PEER_RENEW);
	heartbeat_init(&peer->heartbeat, DL_PEER_HEARTBEAT, (uint32_t)rng_u64(&mag->rng));
	if (!instance_new(peer) ||
	    !htab_add(&mag->peers, &peer->by_lmaa, htab_hash(&mag->peers, lmaa, sizeof(*lmaa)))) {
		if (peer->proxy)
			proxy_free(peer->proxy);
		if (peer->upstream)
			mld_upstream_free(peer->upstream);
		slab_put(&mag->peer_slab, peer);
		return NULL;
	}
	return peer;
}

void mag_peer_free(struct mag_peer *peer)
{
	struct mag *mag = peer->mag;
	struct dp_op op = {.kind = DP_TUNNEL_DEL, .tunnel = peer->tunnel};
	struct hnode *h;

	while ((h = htab_next(&peer->groups, NULL)))
		mag_group_free(hnode_owner(h, struct mag_group, by_group));
	proxy_free(peer->proxy);
	mld_upstream_free(peer->upstream);
	if (peer->tunnel_up)
		fxq_dp(mag->fxq, &op);
	heap_clear(&mag->heap, &peer->idle);
	heap_clear(&mag->heap, &peer->renew);
	heap_clear(&mag->heap, &peer->heartbeat.due);
	htab_del(&mag->peers, &peer->by_lmaa);
	htab_deinit(&peer->groups);
	slab_put(&mag->peer_slab, peer);
}

struct mag_peer *mag_peer_get(struct mag *mag, const struct in6_addr *lmaa)
{
	struct mag_peer *peer = mag_peer_find(mag, lmaa);

	return peer ? peer : peer_new(mag, lmaa);
}

void mag_peer_join(struct mag_peer *peer, struct mag_node *node)
{
	node->peer = peer;
	list_add(&peer->nodes, &node->in_peer);
	peer->n_nodes++;
	heap_clear(&peer->mag->heap, &peer->idle);
}

void mag_peer_leave(struct mag_node *node, struct now now)
{
	struct mag_peer *peer = node->peer;

	list_del(&node->in_peer);
	node->peer = NULL;
	if (--peer->n_nodes)
		return;
	mag_set(peer->mag, &peer->idle, peer->mag->stopping ? now.mono : mono_add(now.mono, IDLE_HOLD));
}

void mag_peer_expire(struct mag_peer *peer, struct now now)
{
	(void)now;
	if (!peer->n_nodes)
		mag_peer_free(peer);
}

void mag_peer_serve(struct mag_peer *peer)
{
	struct dp_op op = {.kind = DP_TUNNEL_ADD, .tunnel = peer->tunnel};

	if (peer->tunnel_up)
		return;
	fxq_dp(peer->mag->fxq, &op);
	peer->tunnel_up = true;
	for (struct hnode *h = htab_next(&peer->groups, NULL); h; h = htab_next(&peer->groups, h))
		mag_group_touch(hnode_owner(h, struct mag_group, by_group));
}

void mag_peer_heard(struct mag_peer *peer, struct now now, const struct mh_msg *m)
{
	bool first = !peer->heard;
	bool had = peer->heard_capabilities;
	struct event e;

	peer->silent = false;
	mag_heartbeat_alive(peer, now);
	if (m->status >= MH_UNSPECIFIED && !(m->has & MH_HAS_CAPABILITIES))
		return; /* a refusal may be said without; what an acceptance lacks the anchor lacks (decision 7) */
	peer->heard = true;
	peer->heard_capabilities = m->has & MH_HAS_CAPABILITIES;
	peer->capabilities = peer->heard_capabilities ? m->capabilities : (struct mh_capabilities){0};
	if (!first && had == peer->heard_capabilities)
		return;
	e = mag_event_of(peer->heard_capabilities ? EV_PEER_UP : EV_PEER_LEGACY, NULL);
	e.peer = peer->lmaa;
	fxq_event(peer->mag->fxq, &e);
	/* What its registrations carried may count from now on, or not any more. */
	for (struct hnode *h = htab_next(&peer->groups, NULL); h; h = htab_next(&peer->groups, h))
		mag_group_touch(hnode_owner(h, struct mag_group, by_group));
}

/* ---- a node's place in the data plane ---- */

bool mag_node_l2_unicast(const struct mag_node *node)
{
	return node->profile->delivery == PROFILE_DELIVERY_L2_UNICAST ||
	       (node->link && node->link->kind == MAG_LINK_SHARED);
}

struct dp_out mag_node_output(const struct mag_node *node)
{
	struct dp_out out = {.ifindex = node->ifindex, .node = node->number};

	if (node->lladdr.len == sizeof(out.dmac))
		memcpy(out.dmac, node->lladdr.b, sizeof(out.dmac));
	return out;
}

void mag_node_forward(struct mag_node *node)
{
	const struct mag_handover *h = node->handover[MAG_HANDOVER_IN];
	struct dp_op op = {.kind = DP_NODE_ADD};

	op.node.node = node->number;
	op.node.ifindex = node->ifindex;
	if (node->lladdr.len == sizeof(op.node.mac))
		memcpy(op.node.mac, node->lladdr.b, sizeof(op.node.mac));
	op.node.n_prefixes = node->n_prefixes;
	memcpy(op.node.prefixes, node->prefixes, node->n_prefixes * sizeof(op.node.prefixes[0]));
	op.node.tunnel = node->peer->tunnel;
	/* Handed over and not yet registered: what it sends is its anchor's to take from the old gateway alone. */
	if (node->state != MAG_NODE_REGISTERED && h && h->forwarding)
		op.node.tunnel = mag_handover_path(h);
	fxq_dp(node->mag->fxq, &op);
	node->in_dp = true;
}
