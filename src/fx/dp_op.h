/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What an engine asks of the data plane. Plain values: each backend in dp/ carries them out, the
 * simulation's model obeys them, and an event trace can print them.
 *
 * Operations are idempotent and name things by what they are (a tunnel is its two endpoints, a flow its
 * source, group and where it comes in), so that no handle has to be kept in step on both sides. */
#include "base/addr.h"

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

/* One output of a replication list. */
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
};

struct dp_op {
	enum dp_op_kind kind;
	union {
		struct dp_tunnel tunnel;
		struct dp_route route;
		struct dp_node node;
		struct {
			struct dp_flow flow;
			struct dp_out out;	    /* DP_OUT_* */
			const struct dp_out *outs;  /* DP_FLOW_ADD; valid while the operation is carried out */
			uint32_t n_outs;
		};
	};
};

const char *dp_op_name(enum dp_op_kind kind);
static inline bool dp_tunnel_eq(const struct dp_tunnel *a, const struct dp_tunnel *b)
{
	return addr_eq(&a->local, &b->local) && addr_eq(&a->remote, &b->remote);
}
