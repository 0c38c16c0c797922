/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Mobile access gateway (RFC 5213 6), with the multicast part of the draft: attachment, binding update list, router
 * advertisements, subscriptions of each node from profile, MLD and operator, one proxy instance per LMA. Pure. */
#include "base/heartbeat.h"
#include "fx/ctl_err.h"
#include "fx/fx.h"
#include "mld/host.h"
#include "mld/router.h"
#include "policy/context.h"
#include "wire/mh.h"

struct mag;

enum mag_signalling {
	MAG_SIGNALLING_AUTO,	     /* AMS in the PBU; MLD for an LMA that announced no such capability */
	MAG_SIGNALLING_REGISTRATION, /* the same as AUTO, but groups are not asked for by MLD at a legacy LMA */
	MAG_SIGNALLING_MLD,	     /* MLD in the tunnel always */
};

/* A gateway that nodes may be handed over to, or come from. */
#define MAG_CANDIDATES_MAX 32
#define MAG_ACCESS_POINTS_MAX 8
struct mag_candidate {
	char name[32];
	struct in6_addr address; /* its Proxy-CoA */
	bool context;		 /* it knows options 60 and 61 (RFC 7411), for as long as it has not said so itself */
	uint8_t n_access_points;
	char access_points[MAG_ACCESS_POINTS_MAX][32];
};

/* Predictive handover (RFC 5949, RFC 7411; docs/handover-predictive.md). */
struct mag_handover_conf {
	bool enabled;
	span_t retransmit;	/* of the first HI; doubling: 100 ms */
	uint8_t retries;	/* HI_RETRIES 3 */
	span_t hold;		/* a node is expected, and may be sent over, for so long: 5 s */
	span_t after_leave;	/* it is forwarded to for so long once it has left (decision 13): 2 s */
	uint32_t handovers_max; /* under way at once, both sides: 1024 */
	uint32_t per_s;		/* that others may begin: 200 */
	uint32_t groups_max;	/* taken of one context: 256 */
	/* what is held for a node until it comes (decision 32); 0 = the data plane's default */
	uint32_t buffer_packets, buffer_octets;
	span_t buffer_age;
	span_t seam_wait;	/* the forwarded path may be silent for so long before it is taken as ended: 200 ms */
};

struct mag_conf {
	char name[32];
	struct in6_addr proxy_coa;
	struct in6_addr lma; /* for profiles that name none; :: = such nodes are refused */
	uint32_t pen;
	/* RFC 5213, RFC 6275 */
	span_t lifetime;		  /* requested; 3600 s */
	span_t refresh_before;		  /* re-register this long before the end; 10 % of the lifetime if 0 */
	span_t bindack_initial, bindack_max; /* 1 s, 32 s */
	uint32_t updates_per_s;		  /* MAX_UPDATE_RATE 3; refreshes only (decision 12) */
	span_t dereg_wait;		  /* for the PBA of a de-registration: 1 s */
	span_t refusal_retry;		  /* after a refusal that time may heal: 32 s */
	bool timestamps;		  /* TimestampBasedApproachInUse: true */
	bool ask_link_local;		  /* send the Link-local Address option: false = the fixed one */
	struct in6_addr link_local;	  /* RFC 6543 address unless set */
	uint8_t att;			  /* access technology type told for links: 3 */
	/* RFC 5847 */
	span_t heartbeat_interval;	  /* HEARTBEAT_INTERVAL 60 s; 0 = nothing is asked, only answered */
	uint8_t heartbeats_missing;	  /* MISSING_HEARTBEATS_ALLOWED 3 */
	/* router advertisements */
	span_t ra_interval;		  /* periodic, per node: 600 s */
	uint16_t ra_router_lifetime_s;	  /* 1800 */
	uint32_t ra_valid_s, ra_preferred_s; /* at most the binding's lifetime, which 0xffffffff follows */
	bool ra_on_link, ra_autonomous, ra_managed, ra_other;
	uint8_t ra_repeat;		  /* sent this often after registration: 3 */
	span_t ra_repeat_interval;	  /* and so far apart: 1 s */
	uint32_t ra_solicited_per_s;	  /* to one node, three at once: 1 */
	uint8_t ra_hop_limit;		  /* AdvCurHopLimit 64; 0 = not said */
	span_t ra_reachable, ra_retrans;  /* AdvReachableTime, AdvRetransTimer; 0 = not said */
	uint32_t ra_mtu;		  /* AdvLinkMTU; 0 = what the path allows, which is the most in any case */
	uint32_t be_per_s;		  /* Binding Errors: 10 */
	/* a link came up: what is on it is made to speak (Echo Request to ff02::1, and MLD General Query) */
	uint8_t link_probes;		  /* 13, the interval doubling; 0 = wait in silence */
	span_t link_probe_response;	  /* Maximum Response Delay: 1 ms */
	span_t link_probe_interval;	  /* 1 ms; on a shared link those below 100 ms are left out */
	/* detachment */
	span_t nud_interval;		  /* probe a node silent this long; 0 = never; 30 s */
	span_t nud_retrans;		  /* 1 s */
	uint8_t nud_probes;		  /* 3 */
	span_t unknown_hold;		  /* remember a refused link-layer address this long: 30 s */
	span_t record_hold;		  /* what a node listened to is kept that has gone (decision 13): 2 s */
	span_t deregister_after;	  /* the link went down; 0 = at once */
	uint8_t revoke_probes;		  /* is a node that is revoked by a handover still here? 3 probes */
	span_t revoke_probe_interval;	  /* 100 ms apart */
	/* multicast */
	bool multicast;
	enum mag_signalling signalling;
	enum mn_context_mode context;
	bool implicit_join;		  /* take streams that the LMA sends before they were asked for */
	/* Subscription Query: sent this often, the wait doubling from the first to the last */
	span_t query_delay, query_delay_max; /* 100 ms, 400 ms */
	uint8_t query_tries;		  /* 6 */
	bool node_mld;			  /* process MLD of nodes: true */
	struct policy_scopes scopes;
	struct mld_router_conf access_mld;
	span_t attach_query_response;	  /* 100 ms */
	uint8_t attach_queries;		  /* 2, 1 s apart */
	span_t attach_query_interval;	  /* 1 s */
	struct mld_host_conf tunnel_mld;
	uint32_t groups_per_node_max, sources_per_group_max, groups_max, entries_max;
	uint32_t joins_per_s, joins_burst; /* per node: 10, 20 */
	/* handover */
	struct mag_handover_conf handover;
	uint16_t n_candidates;
	struct mag_candidate candidates[MAG_CANDIDATES_MAX];
	/* limits */
	uint32_t nodes_max, nodes_per_link_max, unknown_max, lmas_max, links_max;
	struct in6_addr tunnel_link_local; /* inner source of MLD in tunnels */
};
void mag_conf_defaults(struct mag_conf *conf);

struct mag *mag_new(const struct mag_conf *conf, struct now now, uint64_t seed);
struct mag *mag_free(struct mag *mag);
void mag_reconf(struct mag *mag, struct now now, const struct mag_conf *conf);
/* Orderly stop: de-registers every node and leaves every group. Drain, and give it dereg_wait, before mag_free(). */
void mag_stop(struct mag *mag, struct now now);

/* ---- links and nodes ---- */
enum mag_link_kind { MAG_LINK_POINT_TO_POINT, MAG_LINK_SHARED };
/* An access link came or changed. */
void mag_link_up(struct mag *mag, struct now now, uint32_t ifindex, const char *name, enum mag_link_kind kind,
		 uint32_t mtu, const uint8_t mac[6]);
void mag_link_down(struct mag *mag, struct now now, uint32_t ifindex); /* its nodes are detached */
/* An IPv6 packet from the access link: RS, NS, NA, MLD; others are ignored. It reveals its sender. */
void mag_recv_link(struct mag *mag, struct now now, uint32_t ifindex, const uint8_t smac[6], const uint8_t *packet,
		   size_t len);
/* Attach by an operator or a link-layer event; the MN identifier may be empty: then the policy store tells it. */
enum ctl_err mag_attach(struct mag *mag, struct now now, uint32_t ifindex, const struct lladdr *lladdr,
			const struct nai *mn, uint8_t handoff /* enum mh_handoff, 0 = not known */);
/* The same, told where it was before: what is there of it is fetched (RFC 5949, reactive). */
enum ctl_err mag_attach_from(struct mag *mag, struct now now, uint32_t ifindex, const struct lladdr *lladdr,
			     const struct nai *mn, uint8_t handoff, const char *from /* candidate */);
enum ctl_err mag_detach(struct mag *mag, struct now now, const struct nai *mn);

/* ---- handover ---- */
/* Prepare another gateway (by name, address, or one of its access points) for the node: EV_HANDOVER_READY when the node
 * may be sent over, EV_HANDOVER_FAILED or EV_HANDOVER_CANCELLED when that will not be. */
enum ctl_err mag_handover(struct mag *mag, struct now now, const struct nai *mn, const char *to);
enum ctl_err mag_handover_cancel(struct mag *mag, struct now now, const struct nai *mn);
/* The data plane says that all seams of the node are closed: its own path serves alone. */
void mag_handover_done(struct mag *mag, struct now now, uint32_t node);
/* It could not hold all that came for the node. */
void mag_handover_overflown(struct mag *mag, struct now now, uint32_t node);

/* ---- peers and store ---- */
void mag_recv_mh(struct mag *mag, struct now now, const struct in6_addr *src, const struct in6_addr *dst,
		 const uint8_t *bytes, size_t len);
void mag_recv_tunnel(struct mag *mag, struct now now, const struct dp_tunnel *tunnel, const uint8_t *packet,
		     size_t len);
/* Inner MTU of the tunnel, told by the shell when it learns it (path MTU less 40); until then 1460. */
void mag_tunnel_mtu(struct mag *mag, struct now now, const struct dp_tunnel *tunnel, uint32_t mtu);
void mag_profile(struct mag *mag, struct now now, uint32_t request, const struct profile *p);
void mag_profile_changed(struct mag *mag, struct now now, const struct nai *mn, const struct profile *p);
/* The wall clock was set: starts and ends of static subscriptions are at other instants now. */
void mag_clock_stepped(struct mag *mag, struct now now);
void mag_source_silent(struct mag *mag, struct now now, const struct in6_addr *source, const struct in6_addr *group,
		       bool terminate);

/* ---- operator: acts for a node (draft 7.1), origin admin ---- */
enum ctl_err mag_subscribe(struct mag *mag, struct now now, const struct nai *mn, const struct in6_addr *group,
			   const struct in6_addr *source /* :: = any */, enum policy_verdict *verdict);
enum ctl_err mag_unsubscribe(struct mag *mag, struct now now, const struct nai *mn, const struct in6_addr *group,
			     const struct in6_addr *source);
enum ctl_err mag_terminate_group(struct mag *mag, struct now now, const struct in6_addr *group);
enum ctl_err mag_terminate_node(struct mag *mag, struct now now, const struct nai *mn); /* ends its multicast */

/* Ask the node what it listens to, or whether to this group (NULL: to all). */
enum ctl_err mag_query_node(struct mag *mag, struct now now, const struct nai *mn, const struct in6_addr *group);

mono_t mag_next_deadline(const struct mag *mag);
void mag_expire(struct mag *mag, struct now now);
bool mag_pop(struct mag *mag, struct fx *ret);

/* ---- views: times are told from the last call that had a `now`; pointers are valid until the next call ---- */
enum mag_node_state {
	MAG_NODE_IDENTIFYING,  /* the policy store is asked */
	MAG_NODE_UNKNOWN,      /* not in the store */
	MAG_NODE_REFUSED,      /* by the profile or the LMA: not forwarded */
	MAG_NODE_REGISTERING,  /* PBU sent, no answer yet */
	MAG_NODE_REGISTERED,
	MAG_NODE_DEREGISTERING,
	MAG_NODE_HELD,	       /* revoked or left: record kept for a while */
	MAG_NODE_EXPECTED,     /* another gateway hands it over: streams are held for it, nothing goes to a link */
};
const char *mag_node_state_name(enum mag_node_state s);

/* The steps of a node's way to service, for `why`: when each last succeeded, and what the last failure was. */
enum mag_step {
	MAG_STEP_SEEN,
	MAG_STEP_IDENTIFIED,
	MAG_STEP_AUTHORISED, /* by the profile, for this MAG */
	MAG_STEP_REGISTERED,
	MAG_STEP_ADVERTISED, /* RA sent */
	MAG_STEP_N
};
struct mag_node_view {
	uint32_t node; /* number, as in the data plane */
	const struct nai *mn;
	enum mag_node_state state;
	uint32_t ifindex;
	const char *link_name;
	struct lladdr lladdr;
	struct in6_addr link_local; /* of the node; :: not known */
	struct in6_addr lma;
	uint8_t n_prefixes;
	const struct prefix *prefixes;
	span_t lifetime, left;
	int32_t status;		 /* of the last PBA; -1 none */
	uint32_t transmissions;	 /* of the PBU under way */
	bool step_done[MAG_STEP_N];
	const char *trigger; /* what made it attach: "router-solicitation", "neighbour-discovery", "mld", "link-up",
				"operator", "data" */
	const struct profile *profile; /* NULL while not known */
	span_t idle;		 /* since it was last heard */
	bool terminated;	 /* an operator ended its multicast */
	bool listens;		 /* to its MLD: in the role of a proxy; else in that of a listener */
	bool handing_over;	 /* it may be sent to another gateway, which gets what comes for it */
	bool context_asked;	 /* the anchor owes what it listened to at the gateway before (RFC 7161) */
	uint32_t context_queries; /* sent for that */
	uint32_t n_context;	 /* groups that came along with it, and that it has not spoken of itself */
};
/* A node's subscription to a group. */
enum mag_sub_state {
	MAG_SUB_PENDING,  /* asked of the LMA, no answer yet */
	MAG_SUB_ACTIVE,
	MAG_SUB_REFUSED,  /* result says why */
	MAG_SUB_WAITING,  /* initiation query: profile group not yet confirmed; or start time not reached */
	MAG_SUB_LOCAL,	  /* link-scope or not proxied: stays on the link */
};
const char *mag_sub_state_name(enum mag_sub_state s);
struct mag_subscription_view {
	uint32_t node;
	const struct nai *mn;
	struct in6_addr group;
	const struct filter *filter; /* in force for this node */
	uint8_t origins;	     /* enum sub_origin bits */
	bool mandatory, v1;
	enum mag_sub_state state;
	enum policy_verdict verdict; /* local decision */
	uint8_t result;		     /* the LMA's, enum mh_sub_result */
	bool ended;		     /* terminated by the network */
	bool silent;		     /* since its source had fallen silent */
	bool by_registration;	     /* carried by AMS; false: by MLD */
	struct in6_addr lma;
	wall_t end;
};
struct mag_lma_view {
	struct in6_addr lmaa;
	struct dp_tunnel tunnel;
	bool heard, heard_capabilities;
	struct mh_capabilities capabilities;
	uint32_t nodes, groups, mtu;
	struct heartbeat_view heartbeat;
	const char *signalling; /* "registration" or "mld" */
};
struct mag_link_view {
	uint32_t ifindex;
	const char *name;
	enum mag_link_kind kind;
	uint32_t nodes, mtu;
};
struct mag_group_view {
	struct in6_addr lmaa, group;
	const struct filter *merged;
	uint32_t nodes;
	bool by_mld; /* reported by MLD in the tunnel */
};
/* A handover under way. */
enum mag_handover_state {
	MAG_HANDOVER_WAITING,	 /* old side: the node's own registration here is to be accepted first */
	MAG_HANDOVER_INITIATING, /* the other gateway is asked */
	MAG_HANDOVER_FORWARDING, /* it has accepted, and is told that forwarding has begun */
	MAG_HANDOVER_PREPARING,	 /* new side: policy store and anchor are asked */
	MAG_HANDOVER_PREPARED,	 /* streams are held */
	MAG_HANDOVER_MARKING,	 /* the anchor is asked to mark the streams */
	MAG_HANDOVER_READY,	 /* either: the node may move */
	MAG_HANDOVER_FETCHING,	 /* new side, reactive: the old gateway is asked */
	MAG_HANDOVER_ARRIVED,	 /* the node is here, seams are open */
	MAG_HANDOVER_ENDING,	 /* the other gateway is told that it is over */
};
const char *mag_handover_state_name(enum mag_handover_state s);
struct mag_handover_view {
	const struct nai *mn;
	bool incoming; /* from the other gateway to us */
	bool reactive;
	enum mag_handover_state state;
	const char *peer_name;
	struct in6_addr peer;
	uint32_t node; /* 0: no record */
	uint16_t key, groups, refused;
	bool forwarding, marked, left;
	span_t age;
};
void mag_each_handover(const struct mag *mag, void (*each)(void *arg, const struct mag_handover_view *v), void *arg);

void mag_each_node(const struct mag *mag, void (*each)(void *arg, const struct mag_node_view *v), void *arg);
bool mag_find_node(const struct mag *mag, const struct nai *mn, struct mag_node_view *ret);
void mag_each_subscription(const struct mag *mag, const struct nai *mn /* NULL = all */,
			   void (*each)(void *arg, const struct mag_subscription_view *v), void *arg);
void mag_each_lma(const struct mag *mag, void (*each)(void *arg, const struct mag_lma_view *v), void *arg);
void mag_each_link(const struct mag *mag, void (*each)(void *arg, const struct mag_link_view *v), void *arg);
void mag_each_group(const struct mag *mag, void (*each)(void *arg, const struct mag_group_view *v), void *arg);
/* The lists in which the data plane counts the node's share of a group. */
void mag_subscription_flows(const struct mag *mag, uint32_t node, const struct in6_addr *group,
			    void (*each)(void *arg, const struct dp_flow *flow, const struct dp_out *out), void *arg);
void mag_each_counter(const struct mag *mag, void (*each)(void *arg, const char *name, uint64_t value), void *arg);
struct mag_totals {
	uint32_t nodes, registered, links, lmas, groups, handovers;
	uint32_t contexts; /* of nodes that have left, kept for a while */
	size_t bytes;
};
struct mag_totals mag_totals(const struct mag *mag);
