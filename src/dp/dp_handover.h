/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Predictive handovers in the data plane: docs/handover-predictive.md. dp_handover.c keeps them in step with the tables,
 * dp_seam.c carries their packets, in user space in both backends.
 *
 * What leads from the fast path into a handover is a gate: of an output of a list (the node's link at the old MAG; at the new
 * one what is held, whose place the link takes when the node comes), and of the node's unicast. */
#include "base/limiter.h"
#include "dp/dp_plane.h"

enum gate_state {
	GATE_HELD,    /* everything comes to the plane */
	GATE_CLOSING, /* as soon as nothing is on the way, the program sends by itself again */
};

struct dp_gate {
	struct list entry; /* dp_ho.gates; the one of unicast: alone */
	struct dp_ho *ho;
	struct dp_o *out;  /* NULL: unicast */
	enum gate_state state;
	bool in_backend;
	uint32_t index;	  /* in the eBPF maps */
	uint64_t done;	  /* packets it was given that have gone their way */
	mono_t since;	  /* closing */
	uint64_t epoch;	  /* a grace period since nothing was on the way, or 0 */
};

struct dp_ho {
	struct hnode by_node;
	struct list entry; /* dp_handovers.all */
	struct dp_handover conf; /* prefixes masked */
	bool forward;		 /* old MAG */
	bool there;		 /* new MAG: the node was there before it was expected */
	bool awaited;		 /* the backend has its prefixes, since no node does */
	bool told_closed, told_overflow;
	struct dp_tun *tun, *anchor;
	struct dp_nod *node; /* or NULL */
	struct seam *seam;   /* new MAG, unless `there` */
	uint64_t counts[SEAM_COUNTS]; /* its own; added to all when it ends */
	struct list gates;
	struct dp_gate unicast;
	bool unicast_gate;   /* it stands */
	mono_t closes;	     /* `there` */
};

/* LMA: the node's packets may still come out of the tunnel that its route has left; and that tunnel is sent the end marker
 * when no program can send anything after it. */
struct dp_former {
	struct list entry;
	struct prefix prefix;
	struct dp_tun *tun;
	bool marked;
	uint64_t epoch;
	mono_t until;
};

#define DP_KEYS (1 << 12)

struct dp_handovers {
	struct htab by_node;
	struct dp_ho *by_key[DP_KEYS]; /* of the nodes that come here: whose a forwarded packet is */
	struct list all, formers;
	struct dp_lpm awaited; /* prefixes of nodes that come here */
	struct event *timer;
	uint32_t n_formers;
	struct limiter pace;
	struct seam_pool pool;
	uint64_t seed;
	uint64_t counts[DP_SEAM_N];
};

/* dp_handover.c */
int dp_handover_apply(struct dp *dp, const struct dp_op *op);
void dp_handovers_deinit(struct dp *dp);
struct dp_ho *dp_handover_of(const struct dp *dp, uint32_t node);
void dp_handover_node_here(struct dp *dp, struct dp_nod *n); /* before it is in force */
void dp_handover_node_gone(struct dp *dp, struct dp_nod *n);
/* Around the output's coming into force: finds or makes its gate (0 or negative errno), and what was before steps back. */
int dp_handover_out_comes(struct dp *dp, struct dp_o *o);
void dp_handover_out_came(struct dp *dp, struct dp_o *o, bool in_force);
void dp_handover_out_gone(struct dp *dp, struct dp_o *o);
void dp_handover_gate_free(struct dp *dp, struct dp_gate *g);
void dp_handover_moved(struct dp *dp, const struct dp_pfx *route, struct dp_tun *from);
void dp_handover_route_gone(struct dp *dp, const struct prefix *p); /* nothing of it may come by any way now */
void dp_handover_tunnel_goes(struct dp *dp, const struct dp_tun *t); /* if nothing else names it */
mono_t dp_handover_formers(struct dp *dp, mono_t now); /* when to come again */
bool dp_former_allows(const struct dp *dp, const struct dp_tun *t, const struct in6_addr *source);
mono_t dp_clock(void);

/* dp_seam.c */
/* A packet out of a tunnel, rewritten or not. True: it is a handover's, and has been dealt with. */
bool dp_handover_take(struct dp *dp, struct dp_tun *t, struct dp_pkt *p, uint32_t label);
/* A packet at a gate, with its hop taken. `label`: that it came with. */
void dp_gate_copy(struct dp *dp, struct dp_gate *g, struct dp_pkt *p, uint32_t label);
/* After a batch, when nothing is queued any more: release, close gates, set the timer. */
void dp_handover_pump(struct dp *dp);
void dp_handover_time(struct dp *dp); /* the timer has come */
void dp_handover_pace(struct dp_handovers *hs); /* the usual rate of release */
/* All that is held for a node that is there, now. */
void dp_handover_flush(struct dp *dp, struct dp_ho *ho);
