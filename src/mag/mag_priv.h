/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the files of the MAG engine share. Objects and who owns them:
 *
 *   mag ── links ── nodes ── subscriptions (one per node and group)
 *    │               │            │
 *    ├─ strangers    └── peers ── groups        peer: an LMA, with its proxy instance, its tunnel, its MLD upstream
 *
 * A stranger is a link-layer address that was heard and is not (yet) a node: the policy store is being asked, or said
 * that it knows no such node. A node holds a reference on its peer from its first PBU until its record goes. */
#include "base/heap.h"
#include "base/heartbeat.h"
#include "base/htab.h"
#include "base/limiter.h"
#include "base/list.h"
#include "base/rng.h"
#include "base/slab.h"
#include "mag/mag.h"
#include "mag/handover.h"
#include "proxy/proxy.h"
#include "wire/nd.h"

#define MAG_RS_BURST 3 /* Router Solicitations of a node that are answered at once */

/* Which of its deadlines an object owns; deadline.kind. */
enum mag_deadline {
	DL_NODE_BINDING, /* transmission, refresh, end of lifetime, end of the record */
	DL_NODE_RA,
	DL_NODE_NUD,
	DL_NODE_POLICY,	 /* start or end of a static subscription, joins held back by their rate */
	DL_NODE_REVOKED, /* probing whether a node that is to be revoked is still here */
	DL_LINK_PROBE,
	DL_STRANGER,
	DL_PEER_IDLE,
	DL_PEER_HEARTBEAT,
	DL_PEER_RENEW,
	DL_HANDOVER,
	DL_NODE_TRANSFER, /* the anchor was asked for the node's context */
	DL_KEPT,	  /* the context of a node that has gone */
};

/* Why something was ignored or refused, and what was done. Each has a name in show.c. */
enum mag_counter {
	MAG_C_PBU_SENT,
	MAG_C_PBU_RETRANSMITTED,
	MAG_C_PBU_REFRESH,
	MAG_C_PBU_DEREGISTRATION,
	MAG_C_PBU_MERGED,
	MAG_C_PBU_OVERFLOW,
	MAG_C_PBA_ACCEPTED,
	MAG_C_PBA_REFUSED,
	MAG_C_PBA_UNMATCHED,
	MAG_C_PBA_NOT_PROXY,
	MAG_C_PBA_ECHO_MISMATCH,
	MAG_C_PBA_WITHOUT_PREFIX,
	MAG_C_BRI_RECEIVED,
	MAG_C_BRI_ACCEPTED,
	MAG_C_BRI_REJECTED,
	MAG_C_UPN_RECEIVED,
	MAG_C_UPN_DUPLICATE,
	MAG_C_HEARTBEAT_ANSWERED,
	MAG_C_HEARTBEAT_SENT,
	MAG_C_HEARTBEAT_HEARD,
	MAG_C_HEARTBEAT_IGNORED,
	MAG_C_HEARTBEAT_PEER_DEAD,
	MAG_C_HEARTBEAT_PEER_RESTARTED,
	MAG_C_BINDING_ERROR_SENT,
	MAG_C_BINDING_ERROR_LIMITED,
	MAG_C_BINDING_ERROR_RECEIVED,
	MAG_C_MH_STRANGER,
	MAG_C_MH_BAD_SOURCE,
	MAG_C_MH_WRONG_DESTINATION,
	MAG_C_MH_NOT_FOR_MAG,
	MAG_C_RA_SENT,
	MAG_C_RA_WITHDRAWN,
	MAG_C_RS_RECEIVED,
	MAG_C_RS_LIMITED,
	MAG_C_NS_SENT,
	MAG_C_LINK_PROBES,
	MAG_C_LINK_UNKNOWN,
	MAG_C_LINK_OWN_FRAME,
	MAG_C_LINK_OTHER_PACKET,
	MAG_C_NODE_NOT_READY,
	MAG_C_STORE_ASKED,
	MAG_C_STORE_UNKNOWN,
	MAG_C_STORE_LATE,
	MAG_C_STORE_LIMITED,
	MAG_C_STRANGER_HELD,
	MAG_C_INTERFACE_TAKEN_OVER,
	MAG_C_INTERFACE_REFUSED,
	MAG_C_LIMIT_NODES,
	MAG_C_LIMIT_NODES_LINK,
	MAG_C_LIMIT_STRANGERS,
	MAG_C_LIMIT_PEERS,
	MAG_C_LIMIT_LINKS,
	MAG_C_LIMIT_ENTRIES,
	MAG_C_LIMIT_GROUPS,
	MAG_C_LIMIT_JOIN_RATE,
	MAG_C_MLD_DISABLED,
	MAG_C_MLD_UNSPECIFIED_SOURCE,
	MAG_C_TUNNEL_UNKNOWN,
	MAG_C_SUBSCRIPTION_REFUSED_LOCAL,
	MAG_C_SUBSCRIPTION_REFUSED_LMA,
	MAG_C_HI_SENT,
	MAG_C_HI_RETRANSMITTED,
	MAG_C_HI_UNANSWERED,
	MAG_C_HI_RECEIVED,
	MAG_C_HI_DUPLICATE,
	MAG_C_HI_MALFORMED,
	MAG_C_HACK_SENT,
	MAG_C_HACK_UNMATCHED,
	MAG_C_HANDOVER_COMPLETED,
	MAG_C_HANDOVER_CANCELLED,
	MAG_C_HANDOVER_FAILED,
	MAG_C_HANDOVER_REFUSED,
	MAG_C_HANDOVER_UNMARKED,
	MAG_C_HANDOVER_OVERFLOWN,
	MAG_C_ANCHOR_ASKED,
	MAG_C_ANCHOR_SILENT,
	MAG_C_ANCHOR_UNMATCHED,
	MAG_C_LIMIT_HANDOVERS,
	MAG_C_LIMIT_HANDOVER_RATE,
	MAG_C_LIMIT_HANDOVER_GROUPS,
	MAG_C_QUERY_SENT,
	MAG_C_QUERY_GIVEN_UP,
	MAG_C_QUERY_RECEIVED,
	MAG_C_RESPONSE_SENT,
	MAG_C_RESPONSE_RECEIVED,
	MAG_C_RESPONSE_UNMATCHED,
	MAG_C_CONTEXT_TAKEN,
	MAG_C_CONTEXT_NOT_KEPT,
	MAG_C_OUT_OF_MEMORY,
	MAG_COUNTER_N
};

struct mag_link {
	struct hnode by_ifindex;
	uint32_t ifindex;
	char name[32];
	enum mag_link_kind kind;
	uint32_t mtu;
	uint8_t mac[6];
	struct list nodes; /* mag_node.in_link */
	uint32_t n_nodes;
	uint8_t probes_left;
	bool queried_once;
	mono_t queried;
	span_t probe_gap;
	struct deadline probe;
};

struct mag_stranger {
	struct hnode by_lladdr;	 /* key (ifindex, lladdr); attached by name alone: not in the table */
	struct hnode by_request; /* while `asking` */
	struct list in_held;	 /* known to be unknown, oldest first */
	bool asking, keyed;
	bool sent_away;	  /* a node that an operator detached; held for a moment */
	bool heard_again; /* since then */
	bool second;	  /* another interface of `mn`, which is served: interface.c */
	uint32_t request, ifindex;
	struct lladdr lladdr;
	struct in6_addr link_local;
	struct nai mn; /* told by an operator */
	struct in6_addr from; /* likewise: the gateway where it was; :: not told */
	uint8_t handoff;
	const char *trigger;
	mono_t heard;
	uint8_t *report; /* the last MLD report that came while the store was asked; owned */
	size_t report_len;
	struct deadline hold;
};

/* What a node listened to that has gone (decision 13). */
struct mag_kept {
	struct hnode by_mn;
	struct nai mn;
	struct in6_addr lmaa; /* whom it may be told */
	struct mn_context context;
	bool asked; /* the anchor has gone on from it: another gateway had the node */
	struct deadline end;
};

/* A request to the LMA that waits for its answer. */
enum mag_request { MAG_REQUEST_NONE, MAG_REQUEST_REGISTER, MAG_REQUEST_REFRESH, MAG_REQUEST_DEREGISTER };
struct mag_tx {
	enum mag_request what;
	uint16_t first_seq, last_seq; /* sent with the same contents, modulo 2^16 */
	uint32_t n;
	span_t timeout;
	mono_t next;
	bool answered; /* by a refusal that permits another try at `next` */
	uint8_t handoff;
};

struct mag_node {
	struct mag *mag;
	uint32_t number;
	struct hnode by_lladdr, by_mn;
	bool keyed; /* stands in the table of link-layer addresses */
	struct list in_link, in_peer, in_dirty;
	struct mag_link *link; /* NULL: it left, or its link did */
	uint32_t ifindex;
	struct lladdr lladdr;
	struct nai mn;
	struct in6_addr link_local; /* of the node; :: not known */
	struct {
		uint32_t ifindex;
		struct lladdr lladdr;
	} left; /* its interface that the session was taken over from */
	enum mag_node_state state;
	const char *trigger;
	uint8_t handoff; /* as told; 0 = not known */
	bool step_done[MAG_STEP_N];
	const struct profile *profile;
	struct mag_peer *peer;

	/* binding update list entry (RFC 5213 6.1) */
	struct mag_tx tx;
	bool dirty;		 /* its wishes are to be sent by a refresh */
	bool ask_any_prefix;	 /* the LMA refused those we knew: the next request asks for assignment */
	bool ask_again;		 /* the anchor wants another registration than the one under way */
	bool halted;		 /* not to be sent again before an operator acts */
	bool willing;		 /* refused, to be tried again once it is heard */
	mono_t prefixes_changed; /* its profile has named others since; MONO_NEVER: it has not */
	uint8_t retries;	 /* after refusals that permit one */
	int32_t status;
	uint16_t seq;		 /* where sequence numbers order requests */
	uint8_t n_prefixes;
	struct prefix prefixes[DP_NODE_PREFIX_MAX];
	struct in6_addr mag_link_local; /* ours on its link */
	span_t lifetime;
	mono_t registered_at, refresh_at, expires, update_at;
	struct limiter updates;
	struct deadline binding;

	/* advertisements and reachability */
	mono_t heard, ra_last;
	uint8_t ra_left, nud_tries;
	struct limiter rs;
	struct deadline ra, nud;

	/* revocation under examination (decision 13) */
	struct {
		bool pending;
		uint16_t seq, flags;
		uint8_t tries;
		mono_t asked;
		struct in6_addr src, dst;
		bool with_prefixes;
	} bri;
	struct deadline revoked;
	uint16_t ended_seq; /* of the BRI that ended a session of it; a repetition does not end the next one */
	mono_t ended_at;    /* MONO_NEVER: none has */

	/* handover */
	struct mag_handover *handover[2]; /* by side, while they go on */
	bool served;  /* the data plane delivers to it, or holds for it */
	bool in_dp;   /* DP_NODE_ADD was said */
	bool unsaid; /* held: the anchor is yet to be told that its link went down */

	/* its context from the anchor (RFC 7161) */
	struct {
		bool open; /* a Subscription Query is to be answered */
		uint8_t seq, tries;
		mono_t began;
		uint8_t parts; /* that came before; asked for is what is behind the place */
		struct mn_context_place place;
		bool ours;    /* it is back before the anchor heard that it had left: what is kept here is the latest */
		struct mn_context given; /* taken, and not yet confirmed by VSM 19/2 */
		struct deadline due;
	} transfer;

	/* multicast */
	struct mag_asked *asked; /* by an operator, while there is no session; NULL: nothing */
	bool terminated; /* an operator ended its multicast */
	bool unheard;	 /* the anchor wants its MLD not listened to */
	struct mld_link *mld;
	bool heard_report; /* since a context came with it */
	bool nameless; /* it reported from ::, and is to be asked as soon as it has an address */
	struct proxy_member *member;
	struct list subs; /* mag_sub.in_node */
	uint32_t n_subs, n_active;
	bool limited;	  /* a subscription waits for room among the others */
	struct limiter joins;
	struct deadline policy;
};

/* A node's subscription to a group: its wishes, what was decided, and what the LMA has been told of it. */
struct mag_sub {
	struct mag_node *node;
	struct list in_node, in_group, in_bearers;
	struct mag_group *at; /* at the node's peer, while the node is served or being registered */
	struct in6_addr group;
	struct filter mld, admin, context; /* wishes by origin; the profile's is read from the profile */
	mono_t context_until;		/* while `context` is any */
	struct filter declined;		/* list: sources of a static subscription that the node left */
	bool declined_all, confirmed, deferred, in_profile;
	struct filter wish;		/* union of the origins after profile and scopes */
	struct filter want;		/* what is delivered: the wish less what limits and the LMA took */
	struct filter asked;		/* in the PBU that is under way */
	struct filter carried;		/* in the binding, as accepted */
	struct filter refused_wish;	/* the wish that the LMA refused, in whole or part */
	struct filter refused_sources;	/* list; empty: all of it */
	uint8_t result;			/* enum mh_sub_result of that refusal */
	bool silent;			/* it was no refusal: the source has fallen silent, and that ended it */
	bool no_room;			/* did not fit the last PBU */
	bool edged;			/* its seam of a handover has its edge (handover_in.c) */
	uint8_t anchor;			/* likewise, what the anchor was asked (handover_anchor.c) */
	bool ended;			/* terminated by the network: until nobody wishes it, or the profile changes */
	bool queried, waiting;		/* initiation `query`: the node was asked, its answer is awaited */
	uint8_t origins;
	bool mandatory, v1;
	enum policy_verdict verdict;
	wall_t end;
};

/* A group at a peer: what is asked for by MLD in its tunnel. */
struct mag_group {
	struct hnode by_group; /* in mag_peer.groups */
	struct mag_peer *peer;
	struct in6_addr group;
	struct list subs;	/* mag_sub.in_group */
	struct list bearers;	/* mag_sub.in_bearers: all whose binding may carry the group, and maybe more */
	struct filter need;	/* when it was last signalled */
	struct list in_touched; /* to be looked at again before the call returns */
	struct filter mld;	/* as set at the upstream */
	bool joined;		/* told as an event */
};

struct mag_peer {
	struct hnode by_lmaa;
	struct mag *mag;
	struct in6_addr lmaa;
	struct dp_tunnel tunnel;
	bool tunnel_up;
	uint32_t mtu;
	bool heard, heard_capabilities, silent;
	bool no_seam; /* it knows nothing of VSM 19/7 */
	bool no_query;	      /* it knows no Subscription Query, by its Binding Error */
	bool answers_queries; /* it has */
	struct mh_capabilities capabilities;
	struct list nodes; /* mag_node.in_peer */
	uint32_t n_nodes;
	struct proxy *proxy;
	struct mld_upstream *upstream;
	struct htab groups;
	bool upn_seen;
	uint16_t upn_seq;
	uint8_t upn_status;
	struct deadline idle;
	struct heartbeat heartbeat;
	bool announce;	   /* it lost what MLD had told it: told again once its end of the tunnel is there */
	uint32_t n_renew;  /* nodes from the head of the list on that are to be registered anew */
	struct deadline renew;
};

struct mag {
	struct mag_conf conf;
	struct mh_conf mh;
	struct fxq *fxq;
	struct heap heap;
	struct rng rng;
	bool stopping;
	struct now now; /* of the last call: views tell times from it */

	struct slab link_slab, stranger_slab, node_slab, sub_slab, group_slab, peer_slab, neighbour_slab, handover_slab;
	struct htab handovers_by_mn, handover_requests;
	struct list neighbours, handovers;
	bool handovers_changed; /* what a node listens to that is handed over */
	struct limiter handovers_begun;
	uint16_t hi_seq, key_last;
	uint8_t ask_seq;
	struct slab kept_slab;
	struct htab kept; /* mag_kept.by_mn */
	struct htab links, strangers, requests, nodes_by_lladdr, nodes_by_mn, peers;
	struct mag_node **numbers; /* by node number; [0] is never used */
	uint32_t numbers_cap, numbers_hint;
	uint32_t request_last;
	uint16_t seq_last;
	uint32_t query_last;
	uint64_t timestamp_last;
	uint32_t restart_counter;

	struct mld_routers *routers;
	struct mld_hosts *hosts;
	struct list dirty;   /* nodes that have a refresh to send */
	struct list touched; /* groups to be signalled */
	struct list held;    /* strangers */

	struct limiter errors, refusal_events, store;
	mono_t mld_told[MLD_ROUTER_COUNTER_N + 1]; /* until then an event of such a notice would be no news; the last one:
						    * of a query that was refused */
	uint64_t counter[MAG_COUNTER_N];
	uint64_t mh_errors[MH_ERR_N], nd_errors[ND_ERR_N], mld_errors[MLD_ERR_N];
};

static inline void mag_count(struct mag *mag, enum mag_counter c) { mag->counter[c]++; }

/* ---- conf.c ---- */
/* Bounds that the engine relies on: no zero capacity, no interval that would spin. */
void mag_conf_sane(struct mag_conf *conf);
struct mld_router_conf mag_access_mld(const struct mag *mag);
struct proxy_conf mag_proxy_limits(const struct mag *mag);
struct mld_host_conf mag_tunnel_mld(const struct mag *mag, const struct mag_peer *peer);

/* ---- mag.c ---- */
/* Carry out what inputs made due: membership changes, MLD and then PBUs to LMAs. Ends every call into the engine. */
void mag_settle(struct mag *mag, struct now now);
/* Only MLD into the tunnels: before a PBU that gives something up. */
void mag_signal_flush(struct mag *mag, struct now now);
void mag_set(struct mag *mag, struct deadline *d, mono_t at);
struct event mag_event_of(enum event_kind kind, const struct mag_node *node);
void mag_event(struct mag *mag, enum event_kind kind, const struct mag_node *node, const char *detail);
/* `who` it is about, made by mag_event_of(): node, link, group as far as they are known. */
void mag_limit_event(struct mag *mag, struct now now, const struct event *who, const char *what);
/* The same of a node, which may be NULL. */
void mag_limit_event_of(struct mag *mag, struct now now, const struct mag_node *node, const char *what);

/* ---- link.c ---- */
struct mag_link *mag_link_find(const struct mag *mag, uint32_t ifindex);
void mag_link_expire(struct mag *mag, struct now now, struct mag_link *link);
void mag_link_free(struct mag *mag, struct mag_link *link);
void mag_link_quiet(struct mag *mag, struct mag_link *link); /* a node was seen: no more probes */
void mag_link_deserted(struct mag *mag, struct now now, struct mag_link *link); /* its node was taken for gone */

/* ---- stranger.c ---- */
struct mag_stranger *mag_stranger_find(const struct mag *mag, uint32_t ifindex, const struct lladdr *lladdr);
/* Heard, or told of: the policy store is asked unless it answered not long ago. False: no room. */
bool mag_stranger_heard(struct mag *mag, struct now now, const struct mag_stranger *seen);
/* It is not to be asked about for a while: there is no room for it, or it was sent away. */
void mag_stranger_hold(struct mag *mag, struct now now, const struct mag_stranger *seen, span_t hold);
uint32_t mag_request_number(struct mag *mag); /* of a question to the policy store */
/* Keep a report that came before the store answered: an SSM report is not repeated by itself. */
void mag_stranger_keep(struct mag *mag, struct mag_stranger *s, const uint8_t *packet, size_t len);
void mag_stranger_free(struct mag *mag, struct mag_stranger *s);
void mag_stranger_expire(struct mag *mag, struct now now, struct mag_stranger *s);
void mag_strangers_forget_link(struct mag *mag, uint32_t ifindex);

/* ---- node.c ---- */
uint64_t mag_lladdr_hash(const struct htab *t, uint32_t ifindex, const struct lladdr *lladdr);
struct mag_node *mag_node_find(const struct mag *mag, uint32_t ifindex, const struct lladdr *lladdr);
struct mag_node *mag_node_find_mn(const struct mag *mag, const struct nai *mn);
bool mag_node_may_become(enum mag_node_state from, enum mag_node_state to);
void mag_node_become(struct mag_node *node, struct now now, enum mag_node_state to);
/* A record in no link yet; false or NULL: limit or out of memory. */
struct mag_node *mag_node_new(struct mag *mag, const struct nai *mn, const struct profile *p);
bool mag_node_join_link(struct mag_node *node, struct mag_link *link, const struct lladdr *lladdr);
/* It left: data stops, groups are left, the LMA is told (`deregister`) and the record goes. */
void mag_node_leave(struct mag_node *node, struct now now, bool deregister, const char *why);
void mag_node_free(struct mag_node *node, struct now now);
/* It is off its link, and its record may stay: by a handover, or while the anchor is told. */
void mag_node_departed(struct mag_node *node, struct now now, const char *why);
void mag_node_leave_link(struct mag_node *node);
/* It will be known by that address when it comes, on whatever link. */
void mag_node_expect_lladdr(struct mag_node *node, const struct lladdr *lladdr);
void mag_node_let_go(struct mag_node *node); /* a handover had it in the data plane, and has it no longer */
/* Held since its link went down: the anchor is told now. */
void mag_node_say_goodbye(struct mag_node *node, struct now now);
void mag_node_refuse(struct mag_node *node, struct now now, int32_t status, const char *why);
/* May its packets be processed: is it on a link, and its record not on the way out? */
bool mag_node_present(const struct mag_node *node);

/* ---- attach.c ---- */
/* The store knows who it is: begin, move, or refuse. */
void mag_node_identified(struct mag *mag, struct now now, const struct mag_stranger *seen, const struct profile *p);
/* A node that is expected is on that link. False: no room. */
bool mag_node_arrives(struct mag_node *node, struct now now, struct mag_link *link, const struct lladdr *lladdr,
		      const struct in6_addr *link_local, const char *trigger);
void mag_node_take_profile(struct mag_node *node, struct now now, const struct profile *p);
/* The report that was kept meanwhile. */
void mag_node_report(struct mag *mag, struct now now, const struct mag_stranger *seen);
/* It was heard on its link. */
void mag_node_heard(struct mag_node *node, struct now now, const struct in6_addr *link_local);
void mag_node_register(struct mag_node *node, struct now now);
/* A refused node is to be tried again: at once if it was heard just now, else when it answers. */
void mag_node_reconsider(struct mag_node *node, struct now now);
/* The session at this anchor ends and another begins: the anchor or our own address has changed. */
void mag_node_restart(struct mag_node *node, struct now now, const char *why);
/* Did the anchor revoke the binding since the profile gives the node other prefixes now? */
bool mag_node_prefixes_changed(const struct mag_node *node, struct now now);

/* ---- interface.c ---- */
/* It is heard from another interface, of this address: is that refused? Else the session is taken over by it. */
bool mag_interface_refused(struct mag_node *node, struct now now, const struct mag_stranger *seen,
			   const struct lladdr *lladdr);
void mag_interface_gone(struct mag_node *node, struct now now); /* its session ends */

/* ---- registration.c ---- */
void mag_registration_send(struct mag_node *node, struct now now, enum mag_request what);
void mag_registration_expire(struct mag_node *node, struct now now);
void mag_registration_recv(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m);
void mag_registration_cancel(struct mag_node *node);
/* Its wishes have to be sent; merged and delayed by the rate of updates. */
void mag_registration_touch(struct mag_node *node);
/* Nothing of it is to be sent while another gateway is about to have it; and again, what it wants now. */
void mag_registration_suspend(struct mag_node *node);
void mag_registration_resume(struct mag_node *node);
struct mh_capabilities mag_capabilities(const struct mag *mag);
bool mag_registration_flush(struct mag_node *node, struct now now); /* false: not now */
void mag_registration_schedule(struct mag_node *node);

/* ---- advertise.c ---- */
void mag_advertise_start(struct mag_node *node, struct now now);
void mag_advertise_renewed(struct mag_node *node, struct now now);
void mag_advertise_withdraw(struct mag_node *node, struct now now, const struct prefix *prefixes, uint8_t n);
void mag_advertise_solicited(struct mag_node *node, struct now now);
void mag_advertise_expire(struct mag_node *node, struct now now);
void mag_reach_expire(struct mag_node *node, struct now now);
void mag_reach_watch(struct mag_node *node, struct now now);
void mag_reach_probe(struct mag_node *node, struct now now);
struct in6_addr mag_link_local_of(const struct mag_node *node);

/* ---- subscription.c ---- */
bool mag_subs_start(struct mag_node *node, struct now now); /* the node may have multicast: link, static groups */
void mag_subs_stop(struct mag_node *node);		    /* and all state of it ends */
void mag_subs_deliver(struct mag_node *node, struct now now); /* the node is registered: lists are set */
void mag_subs_withdraw(struct mag_node *node);		    /* and taken back */
struct mag_sub *mag_sub_find(const struct mag_node *node, const struct in6_addr *group);
struct mag_sub *mag_sub_get(struct mag_node *node, struct now now, const struct in6_addr *group);
void mag_sub_decide(struct mag_sub *sub, struct now now);
void mag_sub_refused(struct mag_sub *sub, struct now now, uint8_t result, const struct in6_addr *sources, size_t n);
void mag_subs_decide_all(struct mag_node *node, struct now now);
void mag_subs_expire(struct mag_node *node, struct now now);
void mag_subs_forget_refusals(struct mag_node *node, struct now now); /* the anchor invites to ask again */
void mag_subs_off(struct mag_node *node, struct now now);
void mag_subs_profile_changed(struct mag_node *node, struct now now);
void mag_subs_review(struct mag_node *node, struct now now); /* decided anew; what was ended or left stays so */
/* By the network; one source of it, or (NULL) all. */
void mag_sub_ended(struct mag_sub *sub, struct now now, const struct in6_addr *source);
bool mag_sub_gone(struct mag_sub *sub); /* frees it when nothing speaks for it any more */
void mag_sub_free(struct mag_sub *sub);
enum mag_sub_state mag_sub_state(const struct mag_sub *sub);
bool mag_multicast_permitted(const struct mag_node *node);

void mag_subs_schedule(struct mag_node *node, struct now now); /* when its subscriptions are to be decided again */

/* ---- context.c ---- */
/* What goes along with the node when it moves; to be dropped. False: memory is out. */
bool mag_context_of(const struct mag_node *node, struct mn_context *ret);
/* It came along. */
void mag_context_give(struct mag_node *node, struct now now, const struct mn_context *c);
/* What came along, and is not in this one, does not count any more. */
void mag_context_forget(struct mag_node *node, struct now now, const struct mn_context *but);
/* The node sent an MLD report: what it does not name soon it does not want. */
void mag_context_reported(struct mag_node *node, struct now now);
/* Does the wish that came along hold still? */
bool mag_context_review(struct mag_sub *sub, struct now now);

/* ---- transfer.c: contexts and the anchor (RFC 7161) ---- */
bool mag_context_is_on(const struct mag *mag);
/* It leaves, and its subscriptions are about to go. */
void mag_transfer_keep(struct mag_node *node, struct now now);
/* Another gateway has the node, or had it: what is kept here is not the latest any more. */
void mag_transfer_passed_on(struct mag *mag, const struct nai *mn);
struct mag_kept *mag_kept_find(const struct mag *mag, const struct nai *mn);
void mag_kept_free(struct mag *mag, struct mag_kept *k);
/* Into its de-registration: returns how many records. */
size_t mag_transfer_farewell(const struct mag_node *node, struct now now, struct mh_msg *m, size_t room);
/* The answer to its registration, or (false) to a refresh. */
void mag_transfer_accepted(struct mag_node *node, struct now now, const struct mh_msg *m, bool registered);
void mag_transfer_query(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m);
void mag_transfer_response(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m);
void mag_transfer_expire(struct mag_node *node, struct now now);
bool mag_transfer_refused(struct mag_peer *peer); /* by a Binding Error; false: that was about something else */
/* Which of what came along is wanted, in a registration. */
void mag_transfer_confirm(const struct mag_node *node, struct mh_msg *m, size_t room);
void mag_transfer_confirmed(struct mag_node *node);
void mag_transfer_end(struct mag_node *node);

/* ---- role.c ---- */
uint16_t mag_roles(const struct mag *mag); /* that we offer */
bool mag_node_listens(const struct mag_node *node); /* do we listen to its MLD? */
void mag_role_take(struct mag_node *node, struct now now, const struct mh_msg *m); /* as the anchor's answer says */

/* ---- listen.c: MLD of nodes ---- */
void mag_listen_start(struct mag_node *node, struct now now);
void mag_listen_stop(struct mag_node *node);
/* And what it had said is forgotten, but that it wanted it: for as long as a context holds. */
void mag_listen_end(struct mag_node *node, struct now now);
/* A packet whose source the decoder did not take: queries of that kind are told of (RFC 3810 5.1.14). `where`: an
 * EV_MLD_WARNING with the link or the peer that it came from. */
void mag_listen_refused(struct mag *mag, struct now now, const struct event *where, const uint8_t *packet, size_t len);
void mag_listen_recv(struct mag_node *node, struct now now, const struct mld_packet *p);
void mag_listen_nameless(struct mag_node *node, struct now now); /* a report came from :: */
void mag_listen_named(struct mag_node *node, struct now now);	 /* something came from its link-local address */
/* Ask the node, about one group or (NULL) all. False: nobody listens to its answers. */
bool mag_listen_query(struct mag_node *node, struct now now, const struct in6_addr *group);
bool mag_listen_drain(struct mag *mag, struct now now);

/* ---- peer.c ---- */
struct mag_peer *mag_peer_find(const struct mag *mag, const struct in6_addr *lmaa);
struct mag_peer *mag_peer_get(struct mag *mag, const struct in6_addr *lmaa);
void mag_peer_join(struct mag_peer *peer, struct mag_node *node);
void mag_peer_leave(struct mag_node *node, struct now now);
void mag_peer_serve(struct mag_peer *peer); /* its tunnel is up from now on */
void mag_peer_heard(struct mag_peer *peer, struct now now, const struct mh_msg *m);
void mag_peer_expire(struct mag_peer *peer, struct now now);
void mag_peer_free(struct mag_peer *peer);
struct dp_out mag_node_output(const struct mag_node *node);
bool mag_node_l2_unicast(const struct mag_node *node);
void mag_node_forward(struct mag_node *node); /* DP_NODE_ADD as it stands */

/* ---- operator.c: what an operator asked for, over the end of a session ---- */
void mag_asked_save(struct mag_node *node);
void mag_asked_restore(struct mag_node *node, struct now now);
void mag_asked_drop(struct mag_node *node);

/* ---- signalling.c ---- */
/* Do PBUs to this LMA carry the groups, and do they count? */
bool mag_peer_by_registration(const struct mag_peer *peer);
/* Does this LMA keep what each node listens to, so that it is told of each change? */
bool mag_peer_keeps(const struct mag_peer *peer);
bool mag_group_attach(struct mag_sub *sub); /* false: limit */
void mag_group_detach(struct mag_sub *sub);
void mag_group_touch(struct mag_group *g);
/* Does a PBU that is under way, or due, ask for what is wanted? */
bool mag_signal_is_asked(const struct mag_sub *sub);
/* The anchor says that it took from the binding what that carried. That may be old news: it is asked once more, and its
 * answer decides. False: no binding carries it, or none may be sent. */
bool mag_signal_withdrawn(struct mag_sub *sub);
void mag_sub_changed(struct mag_sub *sub); /* after a new want: who is to be told? */
void mag_signal_drain(struct mag *mag, struct now now);
void mag_group_free(struct mag_group *g);
/* Fill the AMS options; what is put in becomes `asked`. `room` in octets. False: not all did fit. */
bool mag_signal_ams(struct mag_node *node, struct mh_msg *m, size_t room);
bool mag_signal_put(struct mh_msg *m, const struct mag_sub *sub, size_t *room); /* one of them */
void mag_signal_result(struct mag_node *node, struct now now, const struct mh_msg *m);
bool mag_signal_carries(const struct mag_node *node); /* does its binding carry groups? */
void mag_signal_review(struct mag_node *node); /* its groups are to be looked at again */
void mag_signal_reset(struct mag_node *node); /* the LMA holds nothing of it any more */

/* ---- heartbeat.c ---- */
void mag_heartbeat_announce(struct mag *mag); /* after a start: to the anchor that is known by name */
void mag_heartbeat_start(struct mag_peer *peer, struct now now); /* a node is bound there */
void mag_heartbeat_reconf(struct mag_peer *peer, struct now now);
void mag_heartbeat_expire(struct mag_peer *peer, struct now now);
void mag_heartbeat_recv(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m);
void mag_heartbeat_alive(struct mag_peer *peer, struct now now); /* it has said something else */
bool mag_heartbeat_refused(struct mag_peer *peer); /* by a Binding Error; false: none was sent */
/* Register all its nodes anew, some at a time. */
void mag_peer_renew(struct mag_peer *peer, struct now now);
void mag_peer_renew_expire(struct mag_peer *peer, struct now now);

/* ---- notice.c: BRI, UPN, Binding Error ---- */
void mag_revocation_recv(struct mag *mag, struct now now, const struct in6_addr *src, const struct in6_addr *dst,
			 const struct mh_msg *m);
/* It is at another gateway: nothing is delivered any more, and its record stays for a while (decision 13). */
void mag_node_moved_away(struct mag_node *node, struct now now);
void mag_revocation_expire(struct mag_node *node, struct now now);
void mag_revocation_left(struct mag_node *node); /* the question is answered: it is not here */
void mag_revocation_heard(struct mag_node *node, struct now now);
void mag_update_recv(struct mag *mag, struct now now, const struct in6_addr *src, const struct in6_addr *dst,
		     const struct mh_msg *m);
void mag_binding_error_send(struct mag *mag, struct now now, const struct in6_addr *src, const struct in6_addr *dst);
void mag_binding_error_recv(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m);
