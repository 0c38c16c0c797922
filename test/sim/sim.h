/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A whole domain in one process, in virtual time: MAG and LMA engines as they are, a model of the data plane, of mobile nodes, of the
 * upstream router and of a network that delays, loses, doubles and reorders. Everything follows from the seed.
 *
 *     model router -- LMA engine == network == MAG engines -- model nodes
 */
#include "base/rng.h"
#include "lma/lma.h"
#include "mag/mag.h"
#include "wire/nd.h"

#include <stdio.h>

#define SIM_MAGS_MAX 6
#define SIM_NODES_MAX 24
#define SIM_GROUPS 6	/* groups that anybody may want */
#define SIM_SOURCES 3	/* sources that exist */
#define SIM_UPSTREAM 1u /* ifindex of the LMA's upstream */
#define SIM_SHARED 2u	/* ifindex of a MAG's shared link */

/* ---- dpmodel.c: obeys data-plane operations and notes every one that makes no sense ---- */
struct dpm;
struct sim;
struct dpm *dpm_new(struct sim *sim, const char *name);
struct dpm *dpm_free(struct dpm *m);
void dpm_apply(struct dpm *m, const struct dp_op *op);
bool dpm_has_tunnel(const struct dpm *m, const struct dp_tunnel *t);
/* The outputs that a packet of the flow takes: (S,G) before (*,G). */
unsigned dpm_forward(const struct dpm *m, const struct dp_in *in, const struct in6_addr *source, const struct in6_addr *group,
		     struct dp_out *outs, unsigned max);
const struct dp_route *dpm_route(const struct dpm *m, const struct in6_addr *dst);
const struct dp_node *dpm_node(const struct dpm *m, const struct in6_addr *dst);
/* A handover of the node, at its old MAG (forward) or its new one; NULL: none. */
struct dpm_handover {
	struct dp_handover conf;
	bool forward;
	bool unicast; /* the node was there when it was said: its copies do not pass a seam */
};
const struct dpm_handover *dpm_handover(const struct dpm *m, uint32_t node);
/* The one for which packets with that key come from that MAG. */
const struct dpm_handover *dpm_expects(const struct dpm *m, const struct dp_tunnel *tunnel, uint16_t key);
unsigned dpm_handovers(const struct dpm *m);
const struct dp_node *dpm_node_numbered(const struct dpm *m, uint32_t node);
bool dpm_empty(const struct dpm *m); /* nothing left in it */
void dpm_print(const struct dpm *m, FILE *to);

/* ---- host.c: a mobile node, as a stock kernel behaves ---- */
struct want {
	bool on;
	struct filter filter;
};
struct host {
	unsigned index;
	struct nai mn;
	uint8_t mac[6];
	struct in6_addr self; /* link-local */
	bool v1;	      /* an MLDv1 implementation */
	bool mute;	      /* it has spoken by MLD, and does so no more */
	int at;		      /* index of the MAG, -1 = nowhere */
	uint32_t ifindex;
	uint32_t visit;	      /* counts attachments: what was scheduled in an earlier one is void */
	struct want wants[SIM_GROUPS];
	struct profile *profile;
	mono_t profile_at; /* it last changed */
	/* when both gateways had said that they are ready for it: its groups at the old one; 0: nothing is known */
	int announced_to;
	int unheard_at; /* the MAG that acknowledged no revocation of it, -1: none; and since when */
	mono_t unheard_since;
	unsigned announced; /* bits of groups */
	struct want admin[SIM_GROUPS]; /* what an operator subscribed at the present MAG */
	bool was_admin[SIM_GROUPS];    /* or at one before: it may have come along */
	bool has_prefix;
	struct prefix prefix; /* from the RA */
};
void host_attached(struct sim *sim, struct host *h);
void host_recv(struct sim *sim, struct host *h, const uint8_t *packet, size_t len);
void host_timer(struct sim *sim, struct host *h, unsigned what, unsigned group);
/* Sets what the node listens to, and reports it. */
void host_want(struct sim *sim, struct host *h, unsigned group, const struct filter *f);
void host_free(struct host *h);

/* ---- net.c: what happens when ---- */
enum ev {
	EVT_MH,		/* to LMA or MAG, by address */
	EVT_TUNNEL,	/* to LMA or MAG, by address */
	EVT_TO_MAG,	/* a packet from a node on an access link */
	EVT_TO_HOST,
	EVT_TO_LMA,	/* a packet from the upstream router */
	EVT_TO_ROUTER,
	EVT_HOST_TIMER,
	EVT_PROFILE,	/* the policy store's answer */
	EVT_CHANGED,	/* an LMA's or MAG's store has heard of a change */
	EVT_CLOSED,	/* a MAG's data plane has closed the seams of a node */
};
struct ev_data {
	struct in6_addr src, dst;
	uint32_t ifindex, visit, request;
	int mag, host;
	uint8_t smac[6];
	unsigned what, group;
	uint64_t number; /* of a message, in the order of sending */
	size_t len;
	const uint8_t *bytes;
};
struct net;
struct net *net_new(void);
struct net *net_free(struct net *n);
void net_at(struct net *n, mono_t at, enum ev kind, const struct ev_data *d); /* copies the bytes */
mono_t net_next(const struct net *n);
/* Takes out the next one; its bytes are to be freed with free((void *)d->bytes). */
bool net_pop(struct net *n, mono_t now, enum ev *kind, struct ev_data *d);

/* ---- world.c ---- */
struct sim_mag {
	struct mag *engine;
	struct mag_conf conf;
	struct dpm *dp;
	struct in6_addr coa;
	bool shared; /* all its nodes on one link */
	size_t bytes; /* memory that the engine held before the first node came */
};
struct faults {
	bool on;
	unsigned loss_pm, dup_pm; /* per mille, of messages between MAG and LMA */
	unsigned radio_loss_pm;
	span_t delay, jitter;
};
/* What befell the messages of a kind: of each MH type, and, as the last, of MLD in tunnels. */
#define SIM_KINDS 33
struct sim_kind {
	uint64_t sent, lost, doubled, overtaken;
};
struct sim {
	uint64_t seed;
	struct rng rng;
	struct now now;
	struct faults faults;
	struct net *net;
	struct lma *lma;
	struct lma_conf lma_conf;
	struct lma_mag_conf lma_mags; /* which may register */
	struct dpm *lma_dp;
	size_t lma_bytes;
	struct in6_addr lmaa;
	unsigned n_mags, n_hosts;
	struct sim_mag mags[SIM_MAGS_MAX];
	struct host hosts[SIM_NODES_MAX];
	struct in6_addr groups[SIM_GROUPS], sources[SIM_SOURCES];
	struct mld_routers *router; /* upstream, querier */
	struct mld_link *router_link;
	span_t heartbeats; /* HEARTBEAT_INTERVAL of all; 0 = none */
	bool contexts;	 /* a run of context.c */
	uint8_t lost[1 << 16]; /* in such a one: so many messages of that kind will not be lost */
	bool timestamps; /* order registrations; else sequence numbers do */
	uint64_t profiles; /* made so far */
	bool verbose;
	bool changed; /* a data plane, since the last check */
	unsigned failures; /* broken invariants; the first is printed */
	uint64_t steps, handovers, messages;
	bool lost_track; /* of a node: check.c */
	uint64_t announced, arrived; /* predictive handovers: begun, and come to where they were announced */
	uint64_t restarts_lma, restarts_mag;
	struct sim_kind kinds[SIM_KINDS];
	uint64_t arrivals[SIM_MAGS_MAX + 1][SIM_MAGS_MAX + 1]; /* number of the latest message that came, from where to where */
};

struct sim *sim_new(uint64_t seed, bool contexts, bool verbose);
void sim_free(struct sim *sim);
void sim_run(struct sim *sim, span_t time); /* with the invariants after every step */
void sim_attach(struct sim *sim, struct host *h, int mag);
void sim_detach(struct sim *sim, struct host *h, bool seen); /* unseen: a shared link, or a radio that just fell silent */
/* A daemon dies with all that it knew, its data plane included, and begins anew. */
void sim_restart_lma(struct sim *sim);
void sim_restart_mag(struct sim *sim, unsigned mag);
/* handover.c: the node is handed over, and then does what nodes do. */
void sim_handover(struct sim *sim, struct host *h);
bool sim_announce(struct sim *sim, struct host *h, int to); /* it is to be handed over; false: its MAG refuses */
void sim_arrived(struct sim *sim, int mag, const struct event *e); /* a MAG says that a node has come as announced */
void sim_drain(struct sim *sim);	    /* carry out the engines' effects */
void sim_broken(struct sim *sim, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sim_trace(struct sim *sim, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sim_profile(struct sim *sim, struct host *h, bool tell); /* a random profile */
struct host *sim_host_by_mac(struct sim *sim, const uint8_t mac[6]);
int sim_mag_by_coa(const struct sim *sim, const struct in6_addr *coa);
void sim_to_mag(struct sim *sim, struct host *h, const uint8_t *packet, size_t len); /* over the radio */

struct filter sim_random_want(struct sim *sim, const struct host *h, unsigned g);

/* ---- kinds.c: messages between MAGs and LMA ---- */
void kinds_sent(struct sim *sim, enum ev kind, struct ev_data *d, unsigned copies); /* gives it its number */
void kinds_arrived(struct sim *sim, enum ev kind, const struct ev_data *d);
void kinds_add(struct sim *totals, const struct sim *sim);
bool kinds_print(const struct sim *totals, bool all); /* or those alone that were spared; false: there were some */

/* ---- context.c ---- */
void context_run(struct sim *sim);

/* ---- check.c ---- */
void check_step(struct sim *sim);   /* what holds at any time */
void check_settled(struct sim *sim); /* what holds once messages have stopped */
void check_empty(struct sim *sim);  /* after every node has left and its state has run out */
