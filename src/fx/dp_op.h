/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What an engine asks of the data plane. Plain values: each backend in dp/ carries them out, the
 * simulation's model obeys them, and an event trace can print them.
 *
 * Operations are idempotent and name things by what they are (a tunnel is its two endpoints, a flow its
 * source, group and where it comes in), so that no handle has to be kept in step on both sides. */
#include "base/addr.h"
#include "base/time.h"

#define DP_NODE_PREFIX_MAX 8

/* IPv6-in-IPv6 between the two addresses (RFC 2473). On a MAG local is the Proxy-CoA and remote the
 * LMAA; on an LMA the other way round. */
struct dp_tunnel {
	struct in6_addr local, remote;
};

/* Where a multicast stream comes in: out of a tunnel (MAG) or from a link (LMA). Streams of several LMAs
 * (or upstream links) never mix (RFC 6224 4.2). */
struct dp_in {
	uint32_t ifindex;	 /* the link; 0 = out of the tunnel */
	struct dp_tunnel tunnel; /* all zero when ifindex is set */
};

/* Key of a replication list. source :: is (*,G): it serves only sources for which no (S,G) list exists. */
struct dp_flow {
	struct dp_in in;
	struct in6_addr source;
	struct in6_addr group;
};

/* One output of a replication list. Neither link nor tunnel: held for the node, which a DP_HANDOVER_EXPECT awaits. */
struct dp_out {
	uint32_t ifindex;	 /* access link; 0 = into the tunnel */
	struct dp_tunnel tunnel; /* all zero when ifindex is set */
	uint32_t node;		 /* counts are kept per node: dp_op_node.node; 0 on an LMA */
	uint8_t dmac[6];	 /* access link only: the group's or the node's own (RFC 6085) */
};

/* A mobile node on an access link. Until this was said, and after it was taken back, nothing of the node
 * is forwarded. Uplink: packets from (ifindex, lladdr) with a source inside a prefix go into the tunnel,
 * others are dropped and counted (RFC 5213 6.10.5). Downlink: packets out of the tunnel for a prefix go to
 * the link, to the node's own MAC. Saying it again for the same node replaces it at once. */
struct dp_node {
	uint32_t node; /* the engine's number of the node, never 0, reused only after DP_NODE_DEL */
	uint32_t ifindex;
	uint8_t mac[6];
	uint8_t n_prefixes;
	struct prefix prefixes[DP_NODE_PREFIX_MAX];
	struct dp_tunnel tunnel;
};

/* LMA: packets for the prefix go into the tunnel; packets out of that tunnel may bear sources of it.
 * DP_ROUTE_ADD for a prefix that has a route moves it to the new tunnel at once (handover). */
struct dp_route {
	struct prefix prefix;
	struct dp_tunnel tunnel;
	/* On a move: the MAG at the other end of the old tunnel forwards to the new one. It is sent the end marker after the
	 * last packet, and what the node sent by way of it may still come out of the old tunnel for a while. */
	bool end_marker;
};

/* Multicast copies bear the label of their list as the flow label of the outer header, the same in all tunnels: a change of
 * it falls between the same two packets everywhere (docs/handover-predictive.md). They only grow, modulo 2^20; where an
 * anchor begins is its choice, and different ones for different groups let the routers between spread them (RFC 6438). */
#define DP_LABEL_BITS 20
#define DP_LABEL_MASK 0xfffffu
#define DP_LABEL_NONE UINT32_MAX /* DP_HANDOVER_EDGE: the anchor does not mark */

/* A predictive handover of one node, as one of the two MAGs sees it. `node` is that MAG's number of the node: at the new
 * one it is chosen before the node is there, and the same in the DP_NODE_ADD of its arrival. */
struct dp_handover {
	uint32_t node;
	uint16_t key;		 /* 12 bits; names the node in the tunnel between the MAGs */
	uint8_t n_prefixes;
	struct prefix prefixes[DP_NODE_PREFIX_MAX];
	struct dp_tunnel tunnel; /* between the MAGs; local is us */
	struct dp_tunnel anchor; /* to the node's LMA; local is us */
	/* What the new MAG holds at most for the node; the oldest is dropped. 0 = the default of decision 32. */
	uint32_t packets, octets;
	span_t age;
	span_t seam_wait;	 /* how long the forwarded path may be silent before it is taken as ended; 0 = 200 ms */
};

/* From this label on the new MAG's own path serves the group; before it, the forwarded one. */
struct dp_edge {
	uint32_t node;
	struct in6_addr group; /* :: = all groups of the node of which nothing else was said */
	uint32_t label;	       /* or DP_LABEL_NONE */
};

enum dp_op_kind {
	DP_TUNNEL_ADD, /* accept encapsulated packets from the peer. Before anything that names it */
	DP_TUNNEL_DEL, /* after everything that names it */
	DP_ROUTE_ADD,
	DP_ROUTE_DEL,
	DP_NODE_ADD,
	DP_NODE_DEL,  /* by dp_node.node alone */
	DP_FLOW_ADD,  /* with its first outputs, in force as a whole; no outputs = drop these packets */
	DP_FLOW_DEL,
	DP_OUT_ADD,   /* to a flow that exists; an output is (ifindex, dmac) or tunnel: adding one twice is one */
	DP_OUT_DEL,
	DP_FLOW_MARK, /* flow, label: the copies of this list bear it from the next packet on. The flow may be gone */

	/* handover. The node's outputs are those whose dp_out.node it is, also those that are added later.
	 *
	 * Old MAG: from now on what would go to the node's link goes into the tunnel between the MAGs, with the flow label
	 * key << 8 | the low 8 bits of the label it came with. What comes out of that tunnel with a source of the node's
	 * goes into the anchor's. Needs both tunnels and the node. */
	DP_HANDOVER_FORWARD,
	/* New MAG: the node is awaited. What the held outputs get, what is forwarded with its key, and unicast for its
	 * prefixes out of either tunnel is held. Arrival is DP_NODE_ADD with this number (its tunnel the one between the
	 * MAGs until the LMA has accepted it, then said again with the anchor's). After it, in each list, first DP_OUT_ADD
	 * of the link and then DP_OUT_DEL of the held output: the one takes the other's place, without a gap. Said for a
	 * node that is there it takes forwarded unicast alone. */
	DP_HANDOVER_EXPECT,
	DP_HANDOVER_EDGE, /* new MAG; `edge` */
	/* By handover.node alone. Old MAG: what is left of the node's outputs goes to its link again. New MAG: what is still
	 * held goes to the node if it is there, at once, else it is dropped and counted; then the node's links get what comes. */
	DP_HANDOVER_END,
};

struct dp_op {
	enum dp_op_kind kind;
	union {
		struct dp_tunnel tunnel;
		struct dp_route route;
		struct dp_node node;
		struct dp_handover handover;
		struct dp_edge edge;
		struct {
			struct dp_flow flow;
			uint32_t label;		    /* DP_FLOW_MARK; DP_FLOW_ADD of a new flow */
			struct dp_out out;	    /* DP_OUT_* */
			const struct dp_out *outs;  /* DP_FLOW_ADD; valid while the operation is carried out */
			uint32_t n_outs;
		};
	};
};

const char *dp_op_name(enum dp_op_kind kind);

/* An output that holds for a node. */
static inline bool dp_out_is_held(const struct dp_out *o)
{
	return !o->ifindex && addr_is_any(&o->tunnel.remote);
}

static inline bool dp_tunnel_eq(const struct dp_tunnel *a, const struct dp_tunnel *b)
{
	return addr_eq(&a->local, &b->local) && addr_eq(&a->remote, &b->remote);
}
