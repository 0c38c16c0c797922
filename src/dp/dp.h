/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The data plane: carries out the engines' operations on a kernel. Backends: eBPF on tc (dp_ebpf*) and user
 * space (dp_user*). Which one runs is the operator's choice; "auto" takes eBPF and falls back, and says why. */
#include "base/time.h"
#include "fx/dp_op.h"
#include "seam/seam.h"

struct event_base;
struct dp;

enum dp_backend { DP_BACKEND_AUTO, DP_BACKEND_EBPF, DP_BACKEND_USER };

#define DP_LOCALS_MAX 2

struct dp_conf {
	enum dp_backend backend;
	/* Where tunnels of this host end, or will; :: = none. What comes there encapsulated before its tunnel is there
	 * is dropped: kept for the tunnel it would arrive late, behind what came after it. */
	struct in6_addr locals[DP_LOCALS_MAX];
	uint32_t nodes_max, routes_max, tunnels_max, flows_max, outs_max; /* sizes of the maps */
	bool outer_fragmentation; /* decision 31: off by default */
	uint32_t ptb_per_s;	  /* Packet Too Big at most; the default is 10 */
	uint8_t hop_limit;	  /* of the outer header; the default is 64 */
	bool local_routing;	  /* a MAG: between two of its nodes of one LMA, not by way of it (RFC 5213 6.10.3) */
	bool handovers;		  /* a MAG: it may take part in predictive ones */
	bool multicast_only;	  /* a plain proxy: no tunnels, and the kernel's settings of unicast stay as they are */
};

/* A link may have several roles. */
enum dp_link_role {
	DP_LINK_ACCESS = 1,   /* nodes */
	DP_LINK_TRANSPORT = 2, /* tunnels run over it */
	DP_LINK_UPSTREAM = 4, /* LMA: multicast streams and the nodes' correspondents come from it; plain proxy: streams */
	DP_LINK_DOWNSTREAM = 8, /* plain proxy: listeners, and senders too */
};

enum dp_handover_news {
	DP_HANDOVER_CLOSED,	/* every stream of the node comes by the new path alone, and nothing is held any more */
	DP_HANDOVER_OVERFLOWN,	/* the buffer was full: something was lost. Told once for each handover */
};

struct dp_events {
	/* A packet out of a tunnel that is for this host and not for a node: MLD between MAG and LMA. It came
	 * from a tunnel in force. `inner` is valid during the call. */
	void (*tunnel_packet)(void *arg, const struct dp_tunnel *tunnel, const uint8_t *inner, size_t len);
	/* Of a predictive handover at the new MAG (DP_HANDOVER_EXPECT). It may change what it likes from there. */
	void (*handover)(void *arg, uint32_t node, enum dp_handover_news news);
	/* Something for the operator: a link that could not be attached, a map that is full. */
	void (*problem)(void *arg, const char *text);
};

/* Reasons for which the data plane drops a packet, each with a name and a counter (both backends alike). */
enum dp_drop {
	DP_DROP_OUTER_SOURCE,	 /* encapsulated, from an address that is no tunnel peer */
	DP_DROP_OUTER_MALFORMED, /* encapsulated, headers cut or wrong */
	DP_DROP_INNER_SOURCE,	 /* LMA: inner source not of a prefix behind that tunnel */
	DP_DROP_INNER_MALFORMED,
	DP_DROP_HOP_LIMIT,	 /* would reach 0 */
	DP_DROP_TOO_BIG,	 /* above the tunnel's MTU; Packet Too Big goes to the source */
	DP_DROP_ECN,		 /* CE outside, not ECN-capable inside (RFC 6040) */
	DP_DROP_NO_NODE,	 /* MAG downlink: no node has that prefix */
	DP_DROP_NO_GROUP,	 /* multicast nobody here asked for */
	DP_DROP_UPLINK_UNREGISTERED, /* access link: sender is not a registered node */
	DP_DROP_UPLINK_SOURCE,	 /* access link: source not of the node's prefixes */
	DP_DROP_UPLINK_MULTICAST, /* access link: multicast data from a node (not permitted) */
	DP_DROP_LINK_LOCAL,	 /* link-local or unspecified address where a routable one must stand */
	DP_DROP_NO_NEIGHBOUR,	 /* next hop not resolved */
	DP_DROP_OUTPUT,		 /* the output device refused the copy */
	DP_DROP_N
};
const char *dp_drop_name(enum dp_drop reason); /* "outer-source", ... */

struct dp_count {
	uint64_t packets, bytes; /* bytes of inner IPv6 packets */
};

/* 0, or a negative errno with the reason and the remedy in `why`. The dp uses `base` for its sockets. */
int dp_new(struct dp **ret, const struct dp_conf *conf, struct event_base *base, const struct dp_events *events,
	   void *arg, char *why, size_t why_size);
struct dp *dp_free(struct dp *dp); /* takes everything back out of the kernel. Returns NULL */
enum dp_backend dp_running(const struct dp *dp);
const char *dp_fallback_reason(const struct dp *dp); /* why not eBPF; NULL where it runs */

/* The shell tells which links exist. `mtu` and `mac` are the link's; a second call changes roles, MTU or MAC.
 * 0 or negative errno. */
int dp_link_set(struct dp *dp, uint32_t ifindex, const char *name, unsigned roles, uint32_t mtu, const uint8_t mac[6]);
void dp_link_del(struct dp *dp, uint32_t ifindex);

/* LMA: the prefix out of which DP_ROUTE_ADDs will come (a pool). It becomes one route of this host, for what the
 * host itself sends to nodes and so that unused addresses lead nowhere; without it every route becomes one,
 * which is slower. Before the routes that lie in it. 0 or negative errno. */
int dp_home_set(struct dp *dp, const struct prefix *home, bool on);

/* 0; -ENOSPC when a table is full (problem() was called), another negative errno when the kernel refused. */
int dp_apply(struct dp *dp, const struct dp_op *op);
/* A route that is likely to be added, or deleted, after some others: what that will read is fetched meanwhile. */
void dp_route_ahead(struct dp *dp, const struct prefix *prefix);

/* Send an inner packet (MLD) into the tunnel as it stands: no hop limit change. Negative errno on failure. */
int dp_tunnel_send(struct dp *dp, const struct dp_tunnel *tunnel, const uint8_t *inner, size_t len);

/* Streams that come in on this DOWNSTREAM link belong to the plain proxy whose upstream link that is (RFC 4605 4.2): a
 * packet goes to `upstream`, whoever listens, and to the outputs of the flow (in.ifindex = `upstream`), but not back. 0:
 * they go nowhere. The upstream link may come and go meanwhile. 0 or negative errno. */
int dp_link_proxy(struct dp *dp, uint32_t ifindex, uint32_t upstream);

/* Counts of handovers: those of the seam (seam/seam.h), and of the data plane around it. */
enum dp_seam {
	DP_SEAM_FORWARDED = SEAM_COUNTS, /* at the old MAG, to the new one; unicast and copies */
	DP_SEAM_UPLINK,			 /* at the old MAG, from the new one to the LMA */
	DP_SEAM_LOST,			 /* between program and daemon: its ring was full */
	DP_SEAM_FORCED,			 /* streams that were given to the fast path while packets were on their way */
	DP_SEAM_N
};
const char *dp_seam_name(unsigned which); /* "seam-held", ... */
uint64_t dp_seam_count(struct dp *dp, unsigned which);
/* What is held for the node. False: nothing is expected. */
bool dp_seam_held(struct dp *dp, uint32_t node, uint32_t *packets, uint32_t *octets);

/* Counters. False: no such thing. */
bool dp_link_count(struct dp *dp, uint32_t ifindex, struct dp_count *to_upstream); /* of a DOWNSTREAM link */
bool dp_node_count(struct dp *dp, uint32_t node, struct dp_count *up, struct dp_count *down); /* unicast */
bool dp_flow_count(struct dp *dp, const struct dp_flow *flow, struct dp_count *in);
bool dp_out_count(struct dp *dp, const struct dp_flow *flow, const struct dp_out *out, struct dp_count *sent);
bool dp_tunnel_count(struct dp *dp, const struct dp_tunnel *t, struct dp_count *in, struct dp_count *out);
uint64_t dp_drop_count(struct dp *dp, enum dp_drop reason);
/* Path MTU of a tunnel less the outer header: what the RA announces. */
uint32_t dp_tunnel_mtu(struct dp *dp, const struct dp_tunnel *t);
/* Walk the replication lists in force. */
void dp_each_flow(struct dp *dp, void (*each)(void *arg, const struct dp_flow *flow, const struct dp_out *outs,
					      uint32_t n_outs), void *arg);
