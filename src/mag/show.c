/* SPDX-License-Identifier: BSD-2-Clause */
/* Views of the engine's state, and the names of its counters. */
#include <stdio.h>
#include <string.h>

#include "mag/mag_priv.h"

const char *mag_node_state_name(enum mag_node_state s)
{
	switch (s) {
	case MAG_NODE_IDENTIFYING: return "identifying";
	case MAG_NODE_UNKNOWN: return "unknown";
	case MAG_NODE_REFUSED: return "refused";
	case MAG_NODE_REGISTERING: return "registering";
	case MAG_NODE_REGISTERED: return "registered";
	case MAG_NODE_DEREGISTERING: return "deregistering";
	case MAG_NODE_HELD: return "held";
	case MAG_NODE_EXPECTED: return "expected";
	}
	return "?";
}

const char *mag_sub_state_name(enum mag_sub_state s)
{
	switch (s) {
	case MAG_SUB_PENDING: return "pending";
	case MAG_SUB_ACTIVE: return "active";
	case MAG_SUB_REFUSED: return "refused";
	case MAG_SUB_WAITING: return "waiting";
	case MAG_SUB_LOCAL: return "local";
	}
	return "?";
}

/* ---- nodes ---- */

static struct mag_node_view node_view(const struct mag_node *node)
{
	struct mag_node_view v = {
		.node = node->number,
		.mn = &node->mn,
		.state = node->state,
		.ifindex = node->ifindex,
		.link_name = node->link ? node->link->name : "",
		.lladdr = node->lladdr,
		.link_local = node->link_local,
		.lma = node->peer ? node->peer->lmaa : node->profile->lma,
		.n_prefixes = node->n_prefixes,
		.prefixes = node->prefixes,
		.lifetime = node->lifetime,
		.status = node->status,
		.transmissions = node->tx.n,
		.trigger = node->trigger,
		.profile = node->profile,
		.idle = mono_sub(node->mag->now.mono, node->heard),
		.terminated = node->terminated,
		.listens = mag_node_listens(node),
		.handing_over = mag_handover_keeps(node),
		.context_asked = node->transfer.open,
		.context_queries = node->transfer.open ? node->transfer.tries : 0,
	};

	list_each (n, &node->subs)
		v.n_context += !filter_is_none(&list_owner(n, struct mag_sub, in_node)->context);
	if (node->state == MAG_NODE_REGISTERED)
		v.left = mono_sub(node->expires, node->mag->now.mono);
	memcpy(v.step_done, node->step_done, sizeof(v.step_done));
	return v;
}

static struct mag_node_view stranger_view(const struct mag *mag, const struct mag_stranger *s)
{
	const struct mag_link *link = mag_link_find(mag, s->ifindex);
	struct mag_node_view v = {
		.mn = &s->mn,
		.state = s->asking ? MAG_NODE_IDENTIFYING : s->second ? MAG_NODE_REFUSED : MAG_NODE_UNKNOWN,
		.ifindex = s->ifindex,
		.link_name = link ? link->name : "",
		.lladdr = s->lladdr,
		.link_local = s->link_local,
		.status = -1,
		.trigger = s->trigger,
		.idle = mono_sub(mag->now.mono, s->heard),
	};

	v.step_done[MAG_STEP_SEEN] = true;
	return v;
}

void mag_each_node(const struct mag *mag, void (*each)(void *arg, const struct mag_node_view *v), void *arg)
{
	struct mag_node_view v;

	for (uint32_t i = 1; i < mag->numbers_cap; i++) {
		if (!mag->numbers[i])
			continue;
		v = node_view(mag->numbers[i]);
		each(arg, &v);
	}
	for (struct hnode *h = htab_next(&mag->strangers, NULL); h; h = htab_next(&mag->strangers, h)) {
		v = stranger_view(mag, hnode_owner(h, struct mag_stranger, by_lladdr));
		each(arg, &v);
	}
}

bool mag_find_node(const struct mag *mag, const struct nai *mn, struct mag_node_view *ret)
{
	const struct mag_node *node = mag_node_find_mn(mag, mn);

	if (!node)
		return false;
	*ret = node_view(node);
	return true;
}

/* ---- subscriptions ---- */

static struct mag_subscription_view sub_view(const struct mag_sub *sub)
{
	const struct mag_node *node = sub->node;

	return (struct mag_subscription_view){
		.node = node->number,
		.mn = &node->mn,
		.group = sub->group,
		.filter = &sub->want,
		.origins = sub->origins,
		.mandatory = sub->mandatory,
		.v1 = sub->v1,
		.state = mag_sub_state(sub),
		.verdict = sub->verdict,
		.result = sub->silent ? MH_SUB_ACCEPTED : sub->result,
		.ended = sub->ended || (sub->silent && filter_is_none(&sub->want)),
		.silent = sub->silent,
		.by_registration = !filter_is_none(&sub->want) && filter_is_none(&sub->at->mld),
		.lma = sub->at->peer->lmaa,
		.end = sub->end,
	};
}

static void each_of_node(const struct mag_node *node, void (*each)(void *arg, const struct mag_subscription_view *v),
			 void *arg)
{
	list_each (n, &node->subs) {
		struct mag_subscription_view v = sub_view(list_owner(n, struct mag_sub, in_node));

		each(arg, &v);
	}
}

void mag_each_subscription(const struct mag *mag, const struct nai *mn,
			   void (*each)(void *arg, const struct mag_subscription_view *v), void *arg)
{
	const struct mag_node *node = mn ? mag_node_find_mn(mag, mn) : NULL;

	if (node)
		each_of_node(node, each, arg);
	for (uint32_t i = 1; !mn && i < mag->numbers_cap; i++)
		if (mag->numbers[i])
			each_of_node(mag->numbers[i], each, arg);
}

void mag_subscription_flows(const struct mag *mag, uint32_t node, const struct in6_addr *group,
			    void (*each)(void *arg, const struct dp_flow *flow, const struct dp_out *out), void *arg)
{
	if (node && node < mag->numbers_cap && mag->numbers[node] && mag->numbers[node]->member)
		proxy_member_flows(mag->numbers[node]->member, group, each, arg);
}

/* ---- peers, links, groups ---- */

void mag_each_lma(const struct mag *mag, void (*each)(void *arg, const struct mag_lma_view *v), void *arg)
{
	for (struct hnode *h = htab_next(&mag->peers, NULL); h; h = htab_next(&mag->peers, h)) {
		const struct mag_peer *peer = hnode_owner(h, struct mag_peer, by_lmaa);
		struct mag_lma_view v = {
			.lmaa = peer->lmaa,
			.tunnel = peer->tunnel,
			.heard = peer->heard,
			.heard_capabilities = peer->heard_capabilities,
			.capabilities = peer->capabilities,
			.nodes = peer->n_nodes,
			.groups = proxy_groups(peer->proxy),
			.mtu = peer->mtu,
			.heartbeat = heartbeat_look(&peer->heartbeat, mag->now.mono),
			.signalling = mag_peer_by_registration(peer) ? "registration" : "mld",
		};

		each(arg, &v);
	}
}

void mag_each_link(const struct mag *mag, void (*each)(void *arg, const struct mag_link_view *v), void *arg)
{
	for (struct hnode *h = htab_next(&mag->links, NULL); h; h = htab_next(&mag->links, h)) {
		const struct mag_link *link = hnode_owner(h, struct mag_link, by_ifindex);
		struct mag_link_view v = {link->ifindex, link->name, link->kind, link->n_nodes, link->mtu};

		each(arg, &v);
	}
}

struct group_walk {
	const struct mag_peer *peer;
	void (*each)(void *arg, const struct mag_group_view *v);
	void *arg;
};

static void one_group(void *arg, const struct in6_addr *group, const struct filter *merged, uint32_t members)
{
	const struct group_walk *w = arg;
	struct mag_group_view v = {.lmaa = w->peer->lmaa, .group = *group, .merged = merged, .nodes = members};
	struct filter f;

	if (mld_upstream_get(w->peer->upstream, group, &f)) {
		v.by_mld = !filter_is_none(&f);
		filter_drop(&f);
	}
	w->each(w->arg, &v);
}

void mag_each_group(const struct mag *mag, void (*each)(void *arg, const struct mag_group_view *v), void *arg)
{
	for (struct hnode *h = htab_next(&mag->peers, NULL); h; h = htab_next(&mag->peers, h)) {
		struct group_walk w = {hnode_owner(h, struct mag_peer, by_lmaa), each, arg};

		proxy_each_group(w.peer->proxy, one_group, &w);
	}
}

/* ---- counters ---- */

static const char *const counter_names[MAG_COUNTER_N] = {
	[MAG_C_PBU_SENT] = "pbu-sent",
	[MAG_C_PBU_RETRANSMITTED] = "pbu-retransmitted",
	[MAG_C_PBU_REFRESH] = "pbu-refresh",
	[MAG_C_PBU_DEREGISTRATION] = "pbu-deregistration",
	[MAG_C_PBU_MERGED] = "pbu-merged",
	[MAG_C_PBU_OVERFLOW] = "pbu-groups-overflow",
	[MAG_C_PBA_ACCEPTED] = "pba-accepted",
	[MAG_C_PBA_REFUSED] = "pba-refused",
	[MAG_C_PBA_UNMATCHED] = "pba-unmatched",
	[MAG_C_PBA_NOT_PROXY] = "pba-not-proxy",
	[MAG_C_PBA_ECHO_MISMATCH] = "pba-echo-mismatch",
	[MAG_C_PBA_WITHOUT_PREFIX] = "pba-without-prefix",
	[MAG_C_BRI_RECEIVED] = "bri-received",
	[MAG_C_BRI_ACCEPTED] = "bri-accepted",
	[MAG_C_BRI_REJECTED] = "bri-rejected",
	[MAG_C_UPN_RECEIVED] = "upn-received",
	[MAG_C_UPN_DUPLICATE] = "upn-duplicate",
	[MAG_C_HEARTBEAT_ANSWERED] = "heartbeat-answered",
	[MAG_C_HEARTBEAT_SENT] = "heartbeat-sent",
	[MAG_C_HEARTBEAT_HEARD] = "heartbeat-heard",
	[MAG_C_HEARTBEAT_IGNORED] = "heartbeat-unmatched",
	[MAG_C_HEARTBEAT_PEER_DEAD] = "heartbeat-peer-dead",
	[MAG_C_HEARTBEAT_PEER_RESTARTED] = "heartbeat-peer-restarted",
	[MAG_C_BINDING_ERROR_SENT] = "binding-error-sent",
	[MAG_C_BINDING_ERROR_LIMITED] = "binding-error-rate-limited",
	[MAG_C_BINDING_ERROR_RECEIVED] = "binding-error-received",
	[MAG_C_MH_STRANGER] = "mh-unknown-peer",
	[MAG_C_MH_BAD_SOURCE] = "mh-bad-source",
	[MAG_C_MH_WRONG_DESTINATION] = "mh-wrong-destination",
	[MAG_C_MH_NOT_FOR_MAG] = "mh-not-for-mag",
	[MAG_C_RA_SENT] = "ra-sent",
	[MAG_C_RA_WITHDRAWN] = "ra-withdrawn",
	[MAG_C_RS_RECEIVED] = "rs-received",
	[MAG_C_RS_LIMITED] = "rs-rate-limited",
	[MAG_C_NS_SENT] = "ns-probes-sent",
	[MAG_C_LINK_PROBES] = "link-probes-sent",
	[MAG_C_LINK_UNKNOWN] = "link-unknown",
	[MAG_C_LINK_OWN_FRAME] = "link-own-frame",
	[MAG_C_LINK_OTHER_PACKET] = "link-other-packet",
	[MAG_C_NODE_NOT_READY] = "node-not-ready",
	[MAG_C_STORE_ASKED] = "store-asked",
	[MAG_C_STORE_UNKNOWN] = "store-unknown",
	[MAG_C_STORE_LATE] = "store-late",
	[MAG_C_STORE_LIMITED] = "store-rate-limited",
	[MAG_C_INTERFACE_TAKEN_OVER] = "interface-taken-over",
	[MAG_C_INTERFACE_REFUSED] = "interface-refused",
	[MAG_C_STRANGER_HELD] = "unknown-node-held",
	[MAG_C_LIMIT_NODES] = "limit-nodes",
	[MAG_C_LIMIT_NODES_LINK] = "limit-nodes-per-link",
	[MAG_C_LIMIT_STRANGERS] = "limit-unknown-nodes",
	[MAG_C_LIMIT_PEERS] = "limit-lmas",
	[MAG_C_LIMIT_LINKS] = "limit-links",
	[MAG_C_LIMIT_ENTRIES] = "limit-entries",
	[MAG_C_LIMIT_GROUPS] = "limit-groups",
	[MAG_C_LIMIT_JOIN_RATE] = "limit-join-rate",
	[MAG_C_MLD_DISABLED] = "mld-disabled",
	[MAG_C_MLD_UNSPECIFIED_SOURCE] = "mld-unspecified-source",
	[MAG_C_TUNNEL_UNKNOWN] = "tunnel-unknown",
	[MAG_C_SUBSCRIPTION_REFUSED_LOCAL] = "subscription-refused-here",
	[MAG_C_SUBSCRIPTION_REFUSED_LMA] = "subscription-refused-by-lma",
	[MAG_C_HI_SENT] = "hi-sent",
	[MAG_C_HI_RETRANSMITTED] = "hi-retransmitted",
	[MAG_C_HI_UNANSWERED] = "hi-unanswered",
	[MAG_C_HI_RECEIVED] = "hi-received",
	[MAG_C_HI_DUPLICATE] = "hi-duplicate",
	[MAG_C_HI_MALFORMED] = "hi-not-of-a-gateway",
	[MAG_C_HACK_SENT] = "hack-sent",
	[MAG_C_HACK_UNMATCHED] = "hack-unmatched",
	[MAG_C_HANDOVER_COMPLETED] = "handovers-completed",
	[MAG_C_HANDOVER_CANCELLED] = "handovers-cancelled",
	[MAG_C_HANDOVER_FAILED] = "handovers-failed",
	[MAG_C_HANDOVER_REFUSED] = "handovers-refused",
	[MAG_C_HANDOVER_UNMARKED] = "handovers-unmarked",
	[MAG_C_HANDOVER_OVERFLOWN] = "handover-buffers-overflown",
	[MAG_C_ANCHOR_ASKED] = "handover-queries-sent",
	[MAG_C_ANCHOR_SILENT] = "handover-queries-unanswered",
	[MAG_C_ANCHOR_UNMATCHED] = "handover-responses-unmatched",
	[MAG_C_LIMIT_HANDOVERS] = "limit-handovers",
	[MAG_C_LIMIT_HANDOVER_RATE] = "limit-handover-rate",
	[MAG_C_LIMIT_HANDOVER_GROUPS] = "limit-handover-groups",
	[MAG_C_QUERY_SENT] = "subscription-queries-sent",
	[MAG_C_QUERY_GIVEN_UP] = "subscription-queries-given-up",
	[MAG_C_QUERY_RECEIVED] = "subscription-queries-heard",
	[MAG_C_RESPONSE_SENT] = "subscription-responses-sent",
	[MAG_C_RESPONSE_RECEIVED] = "subscription-queries-answered",
	[MAG_C_RESPONSE_UNMATCHED] = "subscription-responses-unknown",
	[MAG_C_CONTEXT_TAKEN] = "contexts-taken",
	[MAG_C_CONTEXT_NOT_KEPT] = "contexts-not-kept",
	[MAG_C_OUT_OF_MEMORY] = "out-of-memory",
};

static uint64_t host_counter(const struct mag *mag, enum mld_host_counter c)
{
	uint64_t sum = 0;

	for (struct hnode *h = htab_next(&mag->peers, NULL); h; h = htab_next(&mag->peers, h))
		sum += mld_upstream_counter(hnode_owner(h, struct mag_peer, by_lmaa)->upstream, c);
	return sum;
}

void mag_each_counter(const struct mag *mag, void (*each)(void *arg, const char *name, uint64_t value), void *arg)
{
	char name[96];

	for (int i = 0; i < MAG_COUNTER_N; i++)
		each(arg, counter_names[i], mag->counter[i]);
	for (int i = MH_OK + 1; i < MH_ERR_N; i++) {
		snprintf(name, sizeof(name), "mh-%s", mh_err_name((enum mh_err)i));
		each(arg, name, mag->mh_errors[i]);
	}
	for (int i = ND_OK + 1; i < ND_ERR_N; i++) {
		snprintf(name, sizeof(name), "nd-%s", nd_err_name((enum nd_err)i));
		each(arg, name, mag->nd_errors[i]);
	}
	for (int i = MLD_OK + 1; i < MLD_ERR_N; i++) {
		snprintf(name, sizeof(name), "mld-%s", mld_err_name((enum mld_err)i));
		each(arg, name, mag->mld_errors[i]);
	}
	for (int i = 0; i < MLD_ROUTER_COUNTER_N; i++) {
		snprintf(name, sizeof(name), "access-%s", mld_router_counter_name((enum mld_router_counter)i));
		each(arg, name, mld_routers_counter(mag->routers, (enum mld_router_counter)i));
	}
	for (int i = 0; i < MLD_HOST_COUNTER_N; i++) {
		snprintf(name, sizeof(name), "tunnel-%s", mld_host_counter_name((enum mld_host_counter)i));
		each(arg, name, host_counter(mag, (enum mld_host_counter)i));
	}
	each(arg, "effects-lost", fxq_lost(mag->fxq));
}

struct mag_totals mag_totals(const struct mag *mag)
{
	struct mag_totals t = {
		.nodes = mag->nodes_by_mn.count,
		.links = mag->links.count,
		.lmas = mag->peers.count,
	};

	for (struct hnode *h = htab_next(&mag->nodes_by_mn, NULL); h; h = htab_next(&mag->nodes_by_mn, h)) {
		const struct mag_node *node = hnode_owner(h, struct mag_node, by_mn);

		t.registered += node->state == MAG_NODE_REGISTERED;
		t.bytes += mn_context_bytes(&node->transfer.given);
	}
	for (struct hnode *h = htab_next(&mag->kept, NULL); h; h = htab_next(&mag->kept, h)) {
		t.contexts++;
		t.bytes += mn_context_bytes(&hnode_owner(h, struct mag_kept, by_mn)->context);
	}
	for (struct hnode *h = htab_next(&mag->peers, NULL); h; h = htab_next(&mag->peers, h)) {
		const struct mag_peer *peer = hnode_owner(h, struct mag_peer, by_lmaa);

		t.groups += proxy_groups(peer->proxy);
		t.bytes += proxy_bytes(peer->proxy) + htab_bytes(&peer->groups);
	}
	t.bytes += sizeof(*mag) + mag->numbers_cap * sizeof(struct mag_node *);
	t.bytes += slab_bytes(&mag->link_slab) + slab_bytes(&mag->stranger_slab) + slab_bytes(&mag->node_slab) +
		   slab_bytes(&mag->sub_slab) + slab_bytes(&mag->group_slab) + slab_bytes(&mag->peer_slab);
	t.bytes += htab_bytes(&mag->links) + htab_bytes(&mag->strangers) + htab_bytes(&mag->requests) +
		   htab_bytes(&mag->nodes_by_lladdr) + htab_bytes(&mag->nodes_by_mn) + htab_bytes(&mag->peers);
	list_each (i, &mag->handovers) {
		t.handovers++;
		t.bytes += mn_context_bytes(&list_owner(i, struct mag_handover, in_all)->context);
	}
	t.bytes += slab_bytes(&mag->kept_slab) + htab_bytes(&mag->kept);
	t.bytes += slab_bytes(&mag->neighbour_slab) + slab_bytes(&mag->handover_slab) +
		   htab_bytes(&mag->handovers_by_mn) + htab_bytes(&mag->handover_requests);
	t.bytes += mld_routers_bytes(mag->routers) + mld_hosts_bytes(mag->hosts);
	return t;
}
