/* SPDX-License-Identifier: BSD-2-Clause */
/* The face of the engine: it comes and goes, inputs are handed to the file that knows them, deadlines too. Every call
 * that may change something ends in mag_settle(), which turns what became due into messages: first MLD into the
 * tunnels, then PBUs, so that what a registration gives up is held by MLD before. RFC 5213 6, RFC 6224. */
#include "mag/mag.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mag/mag_priv.h"

#define REFUSALS_PER_S 10  /* events of refusals and limits, which a node can provoke */
#define STORE_PER_S 2000   /* questions to the policy store, which any frame with a new address can provoke */

static void slabs_limit(struct mag *mag)
{
	mag->link_slab.max = mag->conf.links_max;
	mag->stranger_slab.max = mag->conf.unknown_max;
	mag->node_slab.max = mag->conf.nodes_max;
	mag->sub_slab.max = mag->conf.entries_max;
	mag->group_slab.max = mag->conf.entries_max;
	mag->peer_slab.max = mag->conf.lmas_max;
	mag->neighbour_slab.max = 2 * MAG_CANDIDATES_MAX;
	mag->handover_slab.max = mag->conf.handover.handovers_max;
	mag->kept_slab.max = mag->conf.nodes_max;
}

static void slabs_init(struct mag *mag)
{
	slab_init(&mag->link_slab, sizeof(struct mag_link), 0);
	slab_init(&mag->stranger_slab, sizeof(struct mag_stranger), 0);
	slab_init(&mag->node_slab, sizeof(struct mag_node), 0);
	slab_init(&mag->sub_slab, sizeof(struct mag_sub), 0);
	slab_init(&mag->group_slab, sizeof(struct mag_group), 0);
	slab_init(&mag->peer_slab, sizeof(struct mag_peer), 0);
	slab_init(&mag->neighbour_slab, sizeof(struct mag_neighbour), 0);
	slab_init(&mag->handover_slab, sizeof(struct mag_handover), 0);
	slab_init(&mag->kept_slab, sizeof(struct mag_kept), 0);
	slabs_limit(mag);
}

static void tables_init(struct mag *mag)
{
	htab_init(&mag->links, rng_u64(&mag->rng));
	htab_init(&mag->strangers, rng_u64(&mag->rng));
	htab_init(&mag->requests, rng_u64(&mag->rng));
	htab_init(&mag->nodes_by_lladdr, rng_u64(&mag->rng));
	htab_init(&mag->nodes_by_mn, rng_u64(&mag->rng));
	htab_init(&mag->peers, rng_u64(&mag->rng));
	htab_init(&mag->handovers_by_mn, rng_u64(&mag->rng));
	htab_init(&mag->handover_requests, rng_u64(&mag->rng));
	htab_init(&mag->kept, rng_u64(&mag->rng));
}

/* Each node has a link of its own in the membership engine; the engine's default bounds are made to fit ours. */
static struct mld_routers *routers_new(struct mag *mag)
{
	struct mld_routers_conf c = {
		.links_max = mag->conf.nodes_max,
		.groups_max = mag->conf.entries_max,
		.memory_max = UINT32_MAX,
	};

	return mld_routers_new(&c, rng_u64(&mag->rng));
}

struct mag *mag_new(const struct mag_conf *conf, struct now now, uint64_t seed)
{
	struct mag *mag = calloc(1, sizeof(*mag));

	if (!mag)
		return NULL;
	mag->conf = *conf;
	mag_conf_sane(&mag->conf);
	mag->mh.pen = conf->pen;
	mag->now = now;
	mag->rng = rng_of(seed);
	heap_init(&mag->heap);
	list_init(&mag->dirty);
	list_init(&mag->touched);
	list_init(&mag->held);
	list_init(&mag->neighbours);
	list_init(&mag->handovers);
	slabs_init(mag);
	tables_init(mag);
	limiter_init(&mag->errors, conf->be_per_s, conf->be_per_s);
	limiter_init(&mag->refusal_events, REFUSALS_PER_S, REFUSALS_PER_S);
	limiter_init(&mag->store, STORE_PER_S, STORE_PER_S);
	limiter_init(&mag->handovers_begun, conf->handover.per_s, conf->handover.per_s);
	mag->seq_last = (uint16_t)rng_u64(&mag->rng);
	mag->hi_seq = (uint16_t)rng_u64(&mag->rng);
	/* It must grow with every start (RFC 5847 3.2), and nothing of ours outlives us but the clock. */
	mag->restart_counter = (uint32_t)(now.wall.ns / 1000000000);
	mag->fxq = fxq_new();
	mag->routers = routers_new(mag);
	mag->hosts = mld_hosts_new(rng_u64(&mag->rng));
	if (!mag->fxq || !mag->routers || !mag->hosts)
		return mag_free(mag);
	mag_neighbours_conf(mag, now);
	mag_heartbeat_announce(mag);
	return mag;
}

static void tables_deinit(struct mag *mag)
{
	htab_deinit(&mag->links);
	htab_deinit(&mag->strangers);
	htab_deinit(&mag->requests);
	htab_deinit(&mag->nodes_by_lladdr);
	htab_deinit(&mag->nodes_by_mn);
	htab_deinit(&mag->peers);
	htab_deinit(&mag->handovers_by_mn);
	htab_deinit(&mag->handover_requests);
	slab_deinit(&mag->neighbour_slab);
	slab_deinit(&mag->handover_slab);
	htab_deinit(&mag->kept);
	slab_deinit(&mag->link_slab);
	slab_deinit(&mag->stranger_slab);
	slab_deinit(&mag->node_slab);
	slab_deinit(&mag->sub_slab);
	slab_deinit(&mag->group_slab);
	slab_deinit(&mag->peer_slab);
	slab_deinit(&mag->kept_slab);
	heap_deinit(&mag->heap);
}

static struct hnode *any(const struct htab *t) { return htab_next(t, NULL); }

struct mag *mag_free(struct mag *mag)
{
	struct now never = {0};
	struct hnode *h;

	if (!mag)
		return NULL;
	mag_handovers_free(mag);
	while ((h = any(&mag->nodes_by_mn)))
		mag_node_free(hnode_owner(h, struct mag_node, by_mn), never);
	while ((h = any(&mag->kept)))
		mag_kept_free(mag, hnode_owner(h, struct mag_kept, by_mn));
	while ((h = any(&mag->strangers)))
		mag_stranger_free(mag, hnode_owner(h, struct mag_stranger, by_lladdr));
	while ((h = any(&mag->requests)))
		mag_stranger_free(mag, hnode_owner(h, struct mag_stranger, by_request));
	while ((h = any(&mag->peers)))
		mag_peer_free(hnode_owner(h, struct mag_peer, by_lmaa));
	while ((h = any(&mag->links)))
		mag_link_free(mag, hnode_owner(h, struct mag_link, by_ifindex));
	mld_routers_free(mag->routers);
	mld_hosts_free(mag->hosts);
	fxq_free(mag->fxq);
	free(mag->numbers);
	tables_deinit(mag);
	free(mag);
	return NULL;
}

/* ---- new configuration ---- */

static bool node_is_elsewhere(const struct mag_node *node)
{
	const struct mag *mag = node->mag;
	struct in6_addr lma = addr_is_any(&node->profile->lma) ? mag->conf.lma : node->profile->lma;

	return node->peer &&
	       (!addr_eq(&node->peer->lmaa, &lma) || !addr_eq(&node->peer->tunnel.local, &mag->conf.proxy_coa));
}

static void node_reconf(struct mag_node *node, struct now now, bool resignal)
{
	struct mld_router_conf access = mag_access_mld(node->mag);

	if (node->mld)
		mld_link_reconf(node->mld, now, &access);
	limiter_init(&node->updates, node->mag->conf.updates_per_s, node->mag->conf.updates_per_s);
	limiter_init(&node->rs, node->mag->conf.ra_solicited_per_s, MAG_RS_BURST);
	if (mag_node_present(node) && node_is_elsewhere(node)) {
		mag_node_restart(node, now, "configuration");
		return;
	}
	if (!mag_node_present(node))
		return;
	mag_subs_review(node, now);
	if (resignal && node->state == MAG_NODE_REGISTERED && node->n_subs)
		mag_registration_touch(node); /* its binding holds groups, or does not, by the former rule */
}

void mag_reconf(struct mag *mag, struct now now, const struct mag_conf *conf)
{
	bool resignal = mag->conf.signalling != conf->signalling || mag->conf.context != conf->context ||
			mag->conf.implicit_join != conf->implicit_join;
	bool heartbeats = mag->conf.heartbeat_interval.ns != conf->heartbeat_interval.ns;
	struct hnode *h, *next;

	mag->now = now;
	if (!addr_eq(&mag->conf.proxy_coa, &conf->proxy_coa))
		mag_handovers_drop(mag, now, "configuration"); /* from the address that they began with */
	mag->conf = *conf;
	mag_conf_sane(&mag->conf);
	mag->mh.pen = conf->pen;
	slabs_limit(mag);
	limiter_init(&mag->errors, mag->conf.be_per_s, mag->conf.be_per_s);
	limiter_init(&mag->handovers_begun, conf->handover.per_s, conf->handover.per_s);
	mag_neighbours_conf(mag, now);
	for (h = htab_next(&mag->peers, NULL); h; h = htab_next(&mag->peers, h)) {
		struct mag_peer *peer = hnode_owner(h, struct mag_peer, by_lmaa);
		struct mld_host_conf c = mag_tunnel_mld(mag, peer);

		struct proxy_conf limits = mag_proxy_limits(mag);

		mld_upstream_reconf(peer->upstream, &c);
		proxy_reconf(peer->proxy, &limits);
		if (heartbeats)
			mag_heartbeat_reconf(peer, now);
	}
	for (h = any(&mag->nodes_by_mn); h; h = next) {
		next = htab_next(&mag->nodes_by_mn, h);
		node_reconf(hnode_owner(h, struct mag_node, by_mn), now, resignal);
	}
	mag_settle(mag, now);
}

void mag_clock_stepped(struct mag *mag, struct now now)
{
	for (struct hnode *h = any(&mag->nodes_by_mn); h; h = htab_next(&mag->nodes_by_mn, h)) {
		struct mag_node *node = hnode_owner(h, struct mag_node, by_mn);

		if (mag_node_present(node) && node->peer && mag_multicast_permitted(node))
			mag_subs_decide_all(node, now);
	}
	mag_settle(mag, now);
}

void mag_stop(struct mag *mag, struct now now)
{
	struct hnode *h, *next;

	mag->stopping = true;
	mag->now = now;
	mag_handovers_drop(mag, now, "stop");
	for (h = any(&mag->nodes_by_mn); h; h = next) {
		next = htab_next(&mag->nodes_by_mn, h);
		mag_node_leave(hnode_owner(h, struct mag_node, by_mn), now, true, "stop");
	}
	while ((h = any(&mag->strangers)))
		mag_stranger_free(mag, hnode_owner(h, struct mag_stranger, by_lladdr));
	while ((h = any(&mag->requests)))
		mag_stranger_free(mag, hnode_owner(h, struct mag_stranger, by_request));
	mag_settle(mag, now);
}

/* ---- what all files use ---- */

void mag_set(struct mag *mag, struct deadline *d, mono_t at)
{
	if (!heap_set(&mag->heap, d, at))
		mag_count(mag, MAG_C_OUT_OF_MEMORY);
}

struct event mag_event_of(enum event_kind kind, const struct mag_node *node)
{
	struct event e = {.kind = kind, .status = -1};

	if (!node)
		return e;
	e.mn = node->mn;
	e.node = node->number;
	e.ifindex = node->ifindex;
	if (node->link)
		memcpy(e.link, node->link->name, sizeof(e.link));
	e.lladdr = node->lladdr;
	if (node->peer)
		e.peer = node->peer->lmaa;
	return e;
}

void mag_event(struct mag *mag, enum event_kind kind, const struct mag_node *node, const char *detail)
{
	struct event e = mag_event_of(kind, node);
	size_t n = detail ? strnlen(detail, sizeof(e.detail) - 1) : 0;

	memcpy(e.detail, detail ? detail : "", n);
	fxq_event(mag->fxq, &e);
}

void mag_limit_event(struct mag *mag, struct now now, const struct event *who, const char *what)
{
	struct event e = *who;

	if (!limiter_take(&mag->refusal_events, now.mono))
		return;
	memcpy(e.detail, what, strnlen(what, sizeof(e.detail) - 1));
	fxq_event(mag->fxq, &e);
}

void mag_limit_event_of(struct mag *mag, struct now now, const struct mag_node *node, const char *what)
{
	struct event e = mag_event_of(EV_LIMIT, node);

	mag_limit_event(mag, now, &e, what);
}

static void send_refreshes(struct mag *mag, struct now now)
{
	list_each_safe (n, &mag->dirty) {
		struct mag_node *node = list_owner(n, struct mag_node, in_dirty);

		list_del(n);
		(void)mag_registration_flush(node, now); /* what has to wait stays dirty and has a deadline */
	}
}

static void drain_hosts(struct mag *mag)
{
	struct mld_host_fx fx;

	while (mld_hosts_pop(mag->hosts, &fx)) {
		const struct mag_peer *peer = fx.owner;

		fxq_tunnel(mag->fxq, &peer->tunnel, fx.packet, fx.len);
	}
}

void mag_signal_flush(struct mag *mag, struct now now)
{
	mag_signal_drain(mag, now);
	drain_hosts(mag);
}

void mag_settle(struct mag *mag, struct now now)
{
	mag->now = now;
	if (mag->handovers_changed)
		mag_handovers_tell(mag, now);
	while (mag_listen_drain(mag, now) || !list_empty(&mag->touched) || !list_empty(&mag->dirty)) {
		mag_signal_flush(mag, now);
		send_refreshes(mag, now);
	}
	drain_hosts(mag);
}

/* ---- messages from peers ---- */

static void recv_decoded(struct mag *mag, struct now now, const struct in6_addr *src, const struct in6_addr *dst,
			 const struct mh_msg *m)
{
	switch (m->type) {
	case MH_BA:
		mag_registration_recv(mag, now, src, m);
		return;
	case MH_REVOCATION:
		mag_revocation_recv(mag, now, src, dst, m);
		return;
	case MH_UPN:
		mag_update_recv(mag, now, src, dst, m);
		return;
	case MH_HEARTBEAT:
		mag_heartbeat_recv(mag, now, src, m);
		return;
	case MH_BE:
		mag_binding_error_recv(mag, now, src, m);
		return;
	case MH_SUBSCRIPTION_QUERY:
		if (!mag_context_is_on(mag))
			break;
		mag_transfer_query(mag, now, src, m);
		return;
	case MH_SUBSCRIPTION_RESPONSE:
		if (mag_handover_anchor_recv(mag, now, src, m))
			return;
		if (!mag_context_is_on(mag))
			break;
		mag_transfer_response(mag, now, src, m);
		return;
	case MH_BU:
	case MH_UPA:
	case MH_HI:
	case MH_HACK:
		break;
	}
	/* Types that a MAG of these features does not know: the answer tells the peer so (RFC 6275 9.2). */
	mag_count(mag, MAG_C_MH_NOT_FOR_MAG);
	mag_binding_error_send(mag, now, dst, src);
}

void mag_recv_mh(struct mag *mag, struct now now, const struct in6_addr *src, const struct in6_addr *dst,
		 const uint8_t *bytes, size_t len)
{
	struct mh_msg m;
	enum mh_err err;

	if (!addr_eq(dst, &mag->conf.proxy_coa)) {
		mag_count(mag, MAG_C_MH_WRONG_DESTINATION);
		return;
	}
	if (addr_is_any(src) || addr_is_multicast(src) || addr_is_link_local(src)) { /* nobody to answer to */
		mag_count(mag, MAG_C_MH_BAD_SOURCE);
		return;
	}
	err = mh_decode(&mag->mh, bytes, len, src, dst, &m);
	if (err != MH_OK) {
		mag->mh_errors[err]++;
		if (err == MH_ERR_TYPE)
			mag_binding_error_send(mag, now, dst, src);
		return;
	}
	mag->now = now;
	if ((m.type == MH_HI || m.type == MH_HACK) && mag->conf.n_candidates) {
		mag_handover_recv(mag, now, src, &m);
		mag_settle(mag, now);
		return;
	}
	if (m.type == MH_BE && mag_handover_refused(mag, now, src, &m)) {
		mag_settle(mag, now);
		return;
	}
	if (!mag_peer_find(mag, src) && m.type != MH_HEARTBEAT) {
		/* Nothing was asked of it, so there is nothing that it could tell. */
		mag_count(mag, MAG_C_MH_STRANGER);
		return;
	}
	recv_decoded(mag, now, src, dst, &m);
	mag_settle(mag, now);
}

void mag_recv_tunnel(struct mag *mag, struct now now, const struct dp_tunnel *tunnel, const uint8_t *packet, size_t len)
{
	struct mag_peer *peer = mag_peer_find(mag, &tunnel->remote);
	struct mld_packet p;
	enum mld_err err;

	if (!peer || !dp_tunnel_eq(&peer->tunnel, tunnel)) {
		mag_count(mag, MAG_C_TUNNEL_UNKNOWN);
		return;
	}
	err = mld_decode(packet, len, &p);
	if (err != MLD_OK) {
		struct event e = {.kind = EV_MLD_WARNING, .peer = peer->lmaa, .status = -1};

		mag->mld_errors[err]++;
		if (err == MLD_ERR_SOURCE)
			mag_listen_refused(mag, now, &e, packet, len);
		return;
	}
	if (p.type == MLD_QUERY)
		mld_upstream_recv(peer->upstream, now, &p);
	mag_settle(mag, now);
}

void mag_tunnel_mtu(struct mag *mag, struct now now, const struct dp_tunnel *tunnel, uint32_t mtu)
{
	struct mag_peer *peer = mag_peer_find(mag, &tunnel->remote);
	struct mld_host_conf c;

	if (!peer || !dp_tunnel_eq(&peer->tunnel, tunnel) || peer->mtu == mtu)
		return;
	/* Every IPv6 link carries 1280; below that the tunnel fragments (RFC 2473 7.1). */
	peer->mtu = mtu < 1280 ? 1280 : mtu;
	c = mag_tunnel_mld(mag, peer);
	mld_upstream_reconf(peer->upstream, &c);
	list_each (n, &peer->nodes) {
		struct mag_node *node = list_owner(n, struct mag_node, in_peer);

		if (node->state == MAG_NODE_REGISTERED)
			mag_advertise_start(node, now);
	}
	mag_settle(mag, now);
}

/* ---- time ---- */

mono_t mag_next_deadline(const struct mag *mag)
{
	mono_t t = heap_next(&mag->heap);

	t = mono_min(t, mld_routers_next_deadline(mag->routers));
	return mono_min(t, mld_hosts_next_deadline(mag->hosts));
}

static void expire_one(struct mag *mag, struct now now, struct deadline *d)
{
	switch ((enum mag_deadline)d->kind) {
	case DL_NODE_BINDING:
		mag_registration_expire(deadline_owner(d, struct mag_node, binding), now);
		return;
	case DL_NODE_RA:
		mag_advertise_expire(deadline_owner(d, struct mag_node, ra), now);
		return;
	case DL_NODE_NUD:
		mag_reach_expire(deadline_owner(d, struct mag_node, nud), now);
		return;
	case DL_NODE_POLICY:
		mag_subs_expire(deadline_owner(d, struct mag_node, policy), now);
		return;
	case DL_NODE_REVOKED:
		mag_revocation_expire(deadline_owner(d, struct mag_node, revoked), now);
		return;
	case DL_LINK_PROBE:
		mag_link_expire(mag, now, deadline_owner(d, struct mag_link, probe));
		return;
	case DL_STRANGER:
		mag_stranger_expire(mag, now, deadline_owner(d, struct mag_stranger, hold));
		return;
	case DL_PEER_IDLE:
		mag_peer_expire(deadline_owner(d, struct mag_peer, idle), now);
		return;
	case DL_PEER_HEARTBEAT:
		mag_heartbeat_expire(deadline_owner(d, struct mag_peer, heartbeat.due), now);
		return;
	case DL_PEER_RENEW:
		mag_peer_renew_expire(deadline_owner(d, struct mag_peer, renew), now);
		return;
	case DL_HANDOVER:
		mag_handover_expire(deadline_owner(d, struct mag_handover, due), now);
		return;
	case DL_NODE_TRANSFER:
		mag_transfer_expire(deadline_owner(d, struct mag_node, transfer.due), now);
		return;
	case DL_KEPT:
		mag_kept_free(mag, deadline_owner(d, struct mag_kept, end));
		return;
	}
}

void mag_expire(struct mag *mag, struct now now)
{
	struct deadline *d;

	mag->now = now;
	while ((d = heap_pop_due(&mag->heap, now.mono))) {
		expire_one(mag, now, d);
		mag_settle(mag, now);
	}
	mld_routers_expire(mag->routers, now);
	mld_hosts_expire(mag->hosts, now);
	mag_settle(mag, now);
}

bool mag_pop(struct mag *mag, struct fx *ret) { return fxq_pop(mag->fxq, ret); }
