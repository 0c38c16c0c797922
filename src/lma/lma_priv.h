/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the files of the LMA engine share. Each of them does one thing:
 *
 *	lma.c		the face: messages in, deadlines, effects out
 *	ahead.c		what the look-ups of messages to come will read
 *	conf.c		configuration: defaults, our copy, which MAG an address is
 *	registration.c	a Proxy Binding Update, from its checks to its effects (RFC 5213 5.3)
 *	answer.c	the Proxy Binding Acknowledgement (RFC 5213 5.3.6)
 *	binding.c	the binding cache and its look-ups (RFC 5213 5.4)
 *	pending.c	updates that wait, for the policy store or for a de-registration
 *	prefix_pool.c	home network prefixes
 *	peer.c		MAGs: tunnel, MLD link, proxy member
 *	revocation.c	BRI and BRA (RFC 5846)
 *	notify.c	UPN and UPA (RFC 7077)
 *	heartbeat.c	does a MAG live, has it kept its state (RFC 5847)
 *	expect.c	a MAG that expects a node: streams beforehand, and marks
 *	multicast.c	subscriptions of (MAG, group), upstream
 *	share.c		what bindings ask for by registration
 *	context.c	what a node listens to, from its old MAG to its new one (RFC 7161)
 *	implicit.c	streams that are sent to the new MAG before it asked (decision 16)
 *	change.c	profile changes, termination, reconfiguration
 *	show.c		views and counters */
#include "lma/lma.h"

#include "base/heap.h"
#include "base/heartbeat.h"
#include "base/htab.h"
#include "base/limiter.h"
#include "base/list.h"
#include "base/slab.h"
#include "proxy/proxy.h"

/* Every way a message can end without service, and what else is worth counting. The text is the counter's name. */
#define LMA_COUNTERS(X)                                                                                                \
	X(MH_RECEIVED, "mh-received")                                                                                  \
	X(MH_NOT_FOR_US, "mh-not-for-us")                                                                              \
	X(MH_BAD_SOURCE, "mh-bad-source")                                                                              \
	X(MH_NOT_TAKEN, "mh-type-not-taken")                                                                           \
	X(MH_STRANGER, "mh-from-stranger")                                                                             \
	X(MH_ENCODE, "mh-too-long-to-send")                                                                            \
	X(BINDING_ERRORS_SENT, "binding-errors-sent")                                                                  \
	X(BINDING_ERRORS_LIMITED, "binding-errors-limited")                                                            \
	X(BINDING_ERRORS_HEARD, "binding-errors-heard")                                                                \
	X(HEARTBEATS_ANSWERED, "heartbeats-answered")                                                                  \
	X(HEARTBEATS_IGNORED, "heartbeat-responses-ignored")                                                           \
	X(HEARTBEATS_SENT, "heartbeats-sent")                                                                          \
	X(HEARTBEATS_HEARD, "heartbeats-heard")                                                                        \
	X(HEARTBEAT_PEERS_DEAD, "heartbeat-peers-dead")                                                                \
	X(HEARTBEAT_PEERS_RESTARTED, "heartbeat-peers-restarted")                                                      \
	X(PBU_RECEIVED, "pbu-received")                                                                                \
	X(PBU_ACCEPTED_NEW, "pbu-accepted-new")                                                                        \
	X(PBU_ACCEPTED_REFRESH, "pbu-accepted-refresh")                                                                \
	X(PBU_ACCEPTED_HANDOVER, "pbu-accepted-handover")                                                              \
	X(PBU_ACCEPTED_REVIVED, "pbu-accepted-revived")                                                                \
	X(PBU_ACCEPTED_DEREGISTRATION, "pbu-accepted-deregistration")                                                  \
	X(PBU_DUPLICATE, "pbu-duplicate")                                                                              \
	X(PBU_REFUSED, "pbu-refused")                                                                                  \
	X(PBU_REFUSALS_LIMITED, "pbu-refusals-limited")                                                                \
	X(DEREGISTRATION_NO_BINDING, "deregistration-no-binding")                                                      \
	X(DEREGISTRATION_OTHER_MAG, "deregistration-other-mag")                                                        \
	X(PENDING_FULL, "pbu-dropped-pending-full")                                                                    \
	X(PENDING_REPLACED, "pbu-replaced-while-waiting")                                                              \
	X(PENDING_TIMEOUT, "pbu-dropped-no-profile-answer")                                                            \
	X(PROFILE_ANSWER_UNKNOWN, "profile-answer-unknown")                                                            \
	X(BINDINGS_EXPIRED, "bindings-expired")                                                                        \
	X(BINDINGS_FULL, "bindings-full")                                                                              \
	X(SESSIONS_FULL, "sessions-of-a-node-full")                                                                    \
	X(PEERS_FULL, "peers-full")                                                                                    \
	X(PREFIXES_EXHAUSTED, "prefixes-exhausted")                                                                    \
	X(BRI_SENT, "bri-sent")                                                                                        \
	X(BRI_GIVEN_UP, "bri-given-up")                                                                                \
	X(BRI_NOT_TRACKED, "bri-not-tracked")                                                                          \
	X(BRA_UNKNOWN, "bra-unknown")                                                                                  \
	X(UPN_SENT, "upn-sent")                                                                                        \
	X(UPN_GIVEN_UP, "upn-given-up")                                                                                \
	X(UPN_NOT_SENT, "upn-not-sent")                                                                                \
	X(UPA_UNKNOWN, "upa-unknown")                                                                                  \
	X(QUERIES_SENT, "subscription-queries-sent")                                                                   \
	X(QUERIES_ANSWERED, "subscription-queries-answered")                                                           \
	X(QUERIES_GIVEN_UP, "subscription-queries-given-up")                                                           \
	X(QUERIES_HEARD, "subscription-queries-heard")                                                                 \
	X(QUERIES_NOT_OURS, "subscription-queries-of-other-mags")                                                      \
	X(RESPONSES_SENT, "subscription-responses-sent")                                                               \
	X(RESPONSES_UNKNOWN, "subscription-responses-unknown")                                                         \
	X(CONTEXTS_CROSSED, "contexts-crossed")                                                                        \
	X(CONTEXTS_TOLD, "contexts-told-in-answers")                                                                   \
	X(CONTEXTS_FULL, "contexts-full")                                                                              \
	X(IMPLICIT_JOINS, "implicit-joins")                                                                            \
	X(IMPLICIT_CONFIRMED, "implicit-joins-confirmed")                                                              \
	X(IMPLICIT_REFUSED, "implicit-joins-refused")                                                                  \
	X(IMPLICIT_ENDED, "implicit-joins-unconfirmed")                                                                \
	X(AMS_IGNORED, "ams-ignored")                                                                                  \
	X(AMS_ACCEPTED, "ams-accepted")                                                                                \
	X(AMS_REFUSED, "ams-refused")                                                                                  \
	X(MLD_REFUSED, "mld-group-refused")                                                                            \
	X(EXPECTED_HEARD, "handover-queries-heard")                                                                    \
	X(EXPECTED_NOT_THERE, "handover-queries-not-permitted")                                                        \
	X(EXPECTED_JOINED, "handover-groups-joined")                                                                   \
	X(EXPECTED_REFUSED, "handover-groups-refused")                                                                 \
	X(EXPECTED_ELSEWHERE, "handover-nodes-elsewhere")                                                              \
	X(GROUPS_MARKED, "handover-groups-marked")                                                                     \
	X(TUNNEL_STRANGER, "tunnel-from-stranger")                                                                     \
	X(TUNNEL_NO_MULTICAST, "tunnel-mld-without-service")                                                           \
	X(UPSTREAM_OTHER_LINK, "upstream-other-link")                                                                  \
	X(UPSTREAM_NOT_QUERY, "upstream-not-a-query")                                                                  \
	X(UPSTREAM_LIMIT, "upstream-limit")                                                                            \
	X(SOURCES_FULL, "sources-of-a-group-full")                                                                     \
	X(REPLICATION_LIMIT, "replication-limit")                                                                      \
	X(EVENTS_LIMITED, "events-limited")                                                                            \
	X(OUT_OF_MEMORY, "out-of-memory")

enum lma_counter {
#define X(id, name) LMA_##id,
	LMA_COUNTERS(X)
#undef X
	LMA_COUNTER_N
};

enum lma_timer {
	LMA_TIMER_BINDING,
	LMA_TIMER_PENDING,
	LMA_TIMER_PEER,
	LMA_TIMER_REVOCATION,
	LMA_TIMER_NOTIFY,
	LMA_TIMER_HEARTBEAT,
	LMA_TIMER_CARRIED,
	LMA_TIMER_QUESTION,
	LMA_TIMER_IMPLICIT
};

#define LMA_ID_INLINE	    24 /* longer identifiers are on the heap */
#define LMA_EVENTS_PER_S    20 /* of the kinds that hostile input can cause */
#define LMA_UPNS_PER_PEER   16
#define LMA_RECORDS_PER_UPN 40
#define LMA_SESSIONS_MAX    16	 /* of one node: they are looked through one by one */
#define LMA_SOURCES_MAX	    1024 /* of all that one MAG wants of a group */
#define LMA_REFUSED_MAX	    256	 /* refusals of MLD that one call may tell */

/* A home network prefix of a binding, found by its value. */
struct hnp {
	struct hnode by_prefix;
	struct binding *binding;
	struct prefix prefix;
	bool pooled; /* goes back to the pool's queue when it is free again */
};

/* Binding Cache entry (RFC 5213 5.1). There may be a million: 512 octets are the budget, tables included. */
struct binding {
	struct hnode by_mn;
	struct deadline timer; /* end of the lifetime, or of the delayed deletion */
	struct list of_peer;
	struct peer *peer; /* its Proxy-CoA */
	const struct profile *profile;
	struct share *shares;
	struct carried *carried; /* NULL: nothing is known of what it listened to before */
	struct expectation *expected; /* NULL: no MAG waits for it */
	union {
		char in[LMA_ID_INLINE];
		char *out;
	} id;
	uint64_t timestamp; /* last accepted; 0 = none had one */
	struct in6_addr link_local;
	struct hnp *more; /* prefixes behind the first */
	uint16_t lifetime_4s;
	uint16_t seq;
	uint16_t bri_seq; /* of the last revocation of it */
	uint16_t epoch;	  /* of the MAG, when it registered it other than by a refresh */
	uint8_t id_len, n_hnps, state, att, handoff;
	bool awaited : 1;   /* a PBU waits for its de-registration */
	bool refused : 1;   /* groups, since the profile last changed: with another they may be granted */
	bool ask_again : 1; /* the MAG is to register it again, for groups that it would be granted now */
	bool signals : 1;   /* its MAG registered it with S=1 (RFC 7161 4.2.1) */
	bool partial : 1;   /* its shares are not all that the node wants, though its MAG tells each change */
	bool forwarded : 1; /* its MAG forwards for it to another one, which has told so */
	bool told : 1;	    /* its MAG told what there is to tell when it de-registered it */
	struct lladdr llid;
	struct hnp first;
};

struct lma_mag {
	struct lma_mag_conf conf;
	struct profile *ranges; /* what it may ask by MLD, as a profile */
};

struct peer {
	struct hnode by_addr;
	struct deadline linger; /* runs while nothing uses the peer */
	struct list bindings, subs, upns;
	struct in6_addr proxy_coa;
	const struct lma_mag *mag;
	uint32_t n_bindings, n_subs, n_upns;
	struct mld_link *mld;	     /* NULL without multicast */
	struct proxy_member *member; /* NULL while there is no upstream or no subscription */
	bool heard_capabilities;
	/* answered by a Binding Error: not asked again (RFC 7077 4.1) */
	bool no_revocation, no_notify, no_query;
	bool answers_queries; /* it has */
	struct mh_capabilities capabilities;
	struct heartbeat heartbeat;
	uint16_t epoch; /* counts its heartbeats: what was registered since the last one is known by that */
	bool lost;	/* given up; to be told when it is heard again */
};

/* The subscription of (MAG, group): the union of MLD and of what bindings ask for (decision 18). */
struct sub {
	struct hnode by_key;
	struct list of_peer;
	struct peer *peer;
	struct in6_addr group;
	struct filter mld, force;
	struct list demands;
	struct implicit *implicit; /* NULL: nothing is sent unasked */
	uint32_t n_shares;
};

/* What is sent to a MAG before it has asked (decision 16), until it has, or the guard ends it. */
struct implicit {
	struct deadline guard;
	struct sub *sub;
	struct filter filter;
	bool asked; /* about the group by MLD, after the first half of the guard */
};

/* Bindings that ask for the same of a subscription: most ask for exactly the same, so that unions are over few. */
struct demand {
	struct list of_sub;
	struct list shares;
	struct sub *sub;
	struct filter filter;
};

/* What one binding asked for of one group, and what became of it. */
struct share {
	struct list of_demand;
	struct share *next;    /* of the binding */
	struct demand *demand; /* NULL: refused or withdrawn */
	struct in6_addr group;
	uint8_t result;	 /* enum mh_sub_result */
	uint8_t partial; /* why sources of an accepted group were refused, if any were */
	bool stale;
	bool ended; /* by the network: refused until a registration comes without it, or the profile changes */
};

/* A node's context on its way from MAG to MAG: it belongs to the binding, until it is used or the entry dies. */
struct carried {
	struct list of_all;
	struct deadline timer; /* runs when nobody is being asked: first the streams are let go, then it ends */
	struct binding *binding;
	struct mn_context context; /* as MAGs told it */
	struct mn_context known;   /* as registrations told it before: taken where a MAG does not answer */
	struct list questions;
	uint8_t n_questions;
	bool unanswered; /* some MAG gave no answer, or has no record of the node */
	bool in_answer;	 /* it stood whole in a PBA to the MAG of now */
	bool let_go;	 /* the streams were */
	struct share *held; /* upstream joins that are kept, though no MAG is sent the stream (decision 15) */
	struct {
		bool waits;
		uint8_t seq;
		struct in6_addr src;
		struct mn_context_place place; /* for what is behind it */
	} asked; /* the MAG of now waits for the answer to its Subscription Query */
};

/* By the network, lately (:: any source). */
#define LMA_TERMINATED_MAX 32
struct terminated {
	struct in6_addr group, source;
	mono_t until;
};

/* A MAG that holds what comes for the node until it is there (expect.c). */
struct expectation {
	struct in6_addr mag;
	uint16_t seq; /* of the revocation that ended it */
	bool ended;
};

/* A Subscription Query that is under way to a MAG where the node was. */
struct question {
	struct list of_carried, of_all;
	struct deadline timer;
	struct carried *carried;
	struct in6_addr mag;
	uint8_t seq, tries;
	uint8_t revoke; /* trigger of the BRI that follows (decision 13); 0: none does */
	uint8_t parts;	/* that came before: it is about what is behind the place */
	struct mn_context_place place;
};

enum pending_kind {
	PENDING_PROFILE,
	PENDING_DEREGISTRATION,
	PENDING_CONTEXT, /* accepted: its answer waits for the context (RFC 7161 4.4) */
	PENDING_READY
};

/* A PBU that waits, as bytes: the identifier, then the message. */
struct pending {
	struct hnode by_mn, by_request;
	struct deadline timer;
	struct list ready;
	enum pending_kind kind;
	uint32_t request;
	struct now arrived;
	struct in6_addr src, dst;
	uint16_t len;
	uint8_t id_len;
	bool ordered, waited; /* as of struct pbu */
	bool for_context;
	uint8_t bytes[];
};

struct revocation {
	struct hnode by_seq;
	struct deadline timer;
	struct in6_addr peer;
	struct nai mn;
	struct prefix hnp[DP_NODE_PREFIX_MAX];
	uint8_t n_hnps, trigger, tries;
	uint16_t seq;
	bool handover_unknown; /* a PBU waits for the answer (decision 14) */
	bool expectation;      /* the MAG has not registered the node: it holds what comes for it */
};

/* A group that a MAG has asked for in vain, or sources of it. */
struct refused {
	struct peer *peer;
	struct in6_addr group;
	uint8_t result;
	struct filter sources; /* none: all of the group */
};

struct notice {
	struct list of_peer;
	struct deadline timer;
	struct peer *peer;
	uint16_t seq, reason, n;
	uint8_t tries;
	bool named; /* mn, else all sessions of the pair (MN Group ID 1) */
	bool query; /* the node is to be asked by MLD: about this group, :: about all */
	struct in6_addr group;
	struct nai mn;
	struct refused v[LMA_RECORDS_PER_UPN];
};

/* Prefixes are numbers: of the first pool from 0 on, then of the next. Those below `next` had their turn once, and are
 * either held by an hnp that is `pooled`, or in the queue; one in the queue may be in use, as its node's own place. */
struct prefix_pool {
	uint8_t n;
	uint8_t len;
	struct prefix pools[8];
	uint64_t size[8], total;
	uint64_t next;
	uint64_t used;	 /* by bindings, however they came by them */
	uint32_t held;	 /* prefixes in use that are `pooled` */
	uint32_t *queue; /* ring of free ones, oldest first */
	uint32_t cap, head, count;
};

/* Hashes of what messages to come will look for. */
#define LMA_AHEAD_NODES 4
struct lma_ahead {
	uint64_t mn[LMA_AHEAD_NODES], prefix[LMA_AHEAD_NODES];
	unsigned turn;
};

struct lma {
	struct lma_conf conf;
	uint16_t n_mags;
	struct lma_mag *mags;
	struct mh_conf mh;
	uint64_t seed;
	struct now now; /* of the call that runs */
	uint32_t restart_counter;
	bool stopped;

	struct fxq *fxq;
	struct heap heap;
	struct heap waits; /* of pending updates: soon due among bindings that are not, they would go all the way up and down */
	struct slab binding_slab, peer_slab, sub_slab, demand_slab, share_slab, revocation_slab;
	struct slab carried_slab, question_slab, implicit_slab, expectation_slab;
	struct list contexts; /* carried.of_all */
	struct terminated terminated[LMA_TERMINATED_MAX]; /* a ring */
	unsigned n_terminated;
	struct htab by_mn, by_prefix, peers, subs, pending_by_mn, pending_by_request, revocations;
	struct prefix_pool pool;
	struct list ready; /* pending updates to be gone on with before the call returns */
	struct peer hold;  /* no MAG: holds upstream joins for nodes that are between two */
	struct list questions; /* question.of_all */
	uint8_t next_query;
	uint32_t n_pending, n_notices;
	uint32_t next_request;
	uint16_t next_bri, next_upn;
	size_t heap_bytes; /* of what is neither in a slab nor in a table */

	struct mld_routers *routers;
	struct mld_hosts *hosts;
	struct mld_upstream *upstream;
	struct proxy *proxy; /* exists with the upstream link */
	uint32_t upstream_ifindex;
	struct in6_addr upstream_self;
	uint32_t n_refused;
	struct refused refused[LMA_REFUSED_MAX]; /* MLD refusals of this call, to be told by UPN */

	struct limiter be_limiter, refusal_limiter, event_limiter;
	/* Limits of the membership engine, by its counters, and of what is made of it: until then an event is no news. */
	mono_t limit_told[MLD_ROUTER_COUNTER_N + 2], query_told;
	uint64_t counters[LMA_COUNTER_N];
	uint64_t statuses[256];
	uint64_t decode_errors[MH_ERR_N];
	uint64_t mld_errors[MLD_ERR_N];
	struct mh_msg rx, tx; /* large: kept off the stack */
	struct lma_ahead ahead;
	const struct pending *rx_of; /* the update whose message rx is, or NULL */
};

static inline void lma_count(struct lma *l, enum lma_counter c)
{
	l->counters[c]++;
}

/* lma.c */
/* Carry out what the parts queued inside: MLD, proxy, upstream, updates that need wait no longer. At the end of every
 * call. */
void lma_settle(struct lma *l);
void lma_event(struct lma *l, const struct event *e);
void lma_event_limited(struct lma *l, const struct event *e); /* for what hostile input can cause */
/* Whose it is: node, MAG and group, NULL each where there is none or it is not known. */
void lma_limit_event(struct lma *l, const char *which, const struct nai *mn, const struct in6_addr *mag,
		     const struct in6_addr *group);
/* Encode l->tx and send it from our address. */
bool lma_send(struct lma *l, const struct in6_addr *src, const struct in6_addr *dst);

/* conf.c */
bool lma_conf_set(struct lma *l, const struct lma_conf *conf); /* deep copy; false: out of memory, the old one stays */
void lma_conf_free(struct lma *l);
const struct lma_mag *lma_mag_of(const struct lma *l,
				 const struct in6_addr *proxy_coa); /* longest prefix; NULL: a stranger */
uint32_t lma_mag_groups_max(const struct lma *l, const struct lma_mag *mag);

/* binding.c */
const char *binding_id(const struct binding *b);
struct nai binding_mn(const struct binding *b);
struct hnp *binding_hnp(const struct binding *b, unsigned i);
uint8_t binding_prefixes(const struct binding *b, struct prefix ret[DP_NODE_PREFIX_MAX]);
struct binding *binding_of_mn(const struct lma *l, const struct nai *mn); /* the first; then binding_next() */
struct binding *binding_of_hash(const struct lma *l, const struct nai *mn,
				uint64_t hash);	       /* the same, hashed already */
struct binding *binding_next(const struct binding *b); /* of the same node */
struct hnp *binding_of_prefix(const struct lma *l, const struct prefix *p);
uint64_t binding_prefix_hash(const struct lma *l, const struct prefix *p); /* in l->by_prefix */
struct pbu;
/* For a new session of the node. False: a limit is reached, and counted. */
bool binding_room(struct lma *l, const struct pbu *r, const struct binding *first);
/* A new entry with its prefixes in the tables, at no MAG yet. NULL: limit or memory. The prefixes must be free. */
struct binding *binding_new(struct lma *l, const struct nai *mn, uint64_t mn_hash, const struct prefix *prefixes,
			    uint8_t n, uint8_t pooled_mask);
/* Takes it out of everything, with its effects on data plane and subscriptions; prefixes go back. */
void binding_delete(struct lma *l, struct binding *b);
void binding_attach(struct lma *l, struct binding *b, struct peer *peer);
void binding_detach(struct lma *l, struct binding *b);
void binding_route(struct lma *l, const struct binding *b, bool add);
/* Data stops, the entry stays for MinDelayBeforeBCEDelete. `how`: told in the event. */
void binding_deregister(struct lma *l, struct binding *b, const char *how);
void binding_event(struct lma *l, enum event_kind kind, const struct binding *b);

enum lookup_kind {
	LOOKUP_NEW,
	LOOKUP_UPDATE,
	LOOKUP_WAIT,
	LOOKUP_REFUSED
};
struct lookup {
	enum lookup_kind kind;
	uint8_t status;		 /* LOOKUP_REFUSED */
	struct binding *binding; /* LOOKUP_NEW: the session that the interface had, which the new one ends */
};
/* RFC 5213 5.4.1; `first` is the node's first binding, or NULL. */
struct lookup binding_lookup(const struct lma *l, const struct mh_msg *m, const struct in6_addr *proxy_coa,
			     struct binding *first);

/* registration.c */
struct pbu {
	const struct mh_msg *m;
	struct in6_addr src, dst, proxy_coa;
	const uint8_t *bytes;
	size_t len;
	struct now arrived;
	const struct lma_mag *mag;
	uint64_t mn_hash; /* of the identifier, in both tables of it; 0 = not known yet */
	const struct profile *profile;
	bool profile_known; /* the store has answered, or a binding holds it */
	bool ordered;	    /* its timestamp was good when it came */
	bool waited;	    /* long enough for a de-registration, or for the context */
};
void lma_registration(struct lma *l, struct pbu *r);

/* answer.c */
void answer_accept(struct lma *l, const struct pbu *r, const struct binding *b, uint16_t lifetime_4s,
		   bool with_results);
void answer_refuse(struct lma *l, const struct pbu *r, uint8_t status, const struct binding *b);

/* pending.c */
/* Keep the update until the store answers, or the old MAG de-registers. */
void pending_add(struct lma *l, const struct pbu *r, enum pending_kind kind);
void pending_profile(struct lma *l, uint32_t request, const struct profile *p);
/* Whoever waits for a de-registration of this node goes on now. */
void pending_wake(struct lma *l, const char *id, uint8_t id_len);
/* They go on as well, but as a new session: the node is known to be at the other MAG still. */
void pending_give_up(struct lma *l, const char *id, uint8_t id_len);
void pending_expire(struct lma *l, struct pending *p);
/* The context of the node is there: whoever waits for it is answered. */
void pending_context(struct lma *l, const char *id, uint8_t id_len);
void pending_run(struct lma *l); /* those that are ready */
void pending_free_all(struct lma *l);

/* prefix_pool.c */
void prefix_pool_conf(struct lma *l); /* from l->conf; a no-op when it is the same */
/* `n` free ones for that node. *ret_pooled: those that prefix_pool_put() gives back, by bit. False: exhausted; nothing is
 * taken. */
bool prefix_pool_take(struct lma *l, const struct nai *mn, struct prefix *ret, unsigned n, uint8_t *ret_pooled);
void prefix_pool_put(struct lma *l, const struct prefix *p);
/* The node's own place, which it is given if nobody has it. False: there are no pools. */
bool prefix_pool_own(const struct lma *l, const void *mn, size_t mn_len, struct prefix *ret);
bool prefix_pool_owns(const struct lma *l, const struct prefix *p);
uint64_t prefix_pool_free(const struct lma *l);
size_t prefix_pool_bytes(const struct lma *l);

/* peer.c */
struct peer *peer_find(const struct lma *l, const struct in6_addr *proxy_coa);
struct peer *peer_get(struct lma *l, const struct in6_addr *proxy_coa, const struct lma_mag *mag); /* NULL: limit */
void peer_check_linger(struct lma *l, struct peer *p);
void peer_expire(struct lma *l, struct peer *p);
void peer_free(struct lma *l, struct peer *p);
struct dp_tunnel peer_tunnel(const struct lma *l, const struct peer *p);
struct proxy_member *peer_member(struct lma *l, struct peer *p);

/* revocation.c */
void revocation_send(struct lma *l, struct binding *b, const struct peer *to, uint8_t trigger, bool handover_unknown);
/* The node is at that MAG again: what is under way to it is not repeated. */
/* It expects the node, which is registered by another one. Returns the number. */
uint16_t revocation_of_expectation(struct lma *l, const struct binding *b, const struct peer *to, uint8_t trigger);
void revocation_drop(struct lma *l, const struct in6_addr *peer, uint16_t seq); /* it is not repeated any more */
void revocation_cancel(struct lma *l, const struct binding *b, const struct peer *at);
void revocation_answered(struct lma *l, const struct in6_addr *src, const struct mh_msg *m);
void revocation_expire(struct lma *l, struct revocation *v);
void revocation_unsupported(struct lma *l, struct peer *p);
void revocation_free_all(struct lma *l);

/* notify.c */
/* mn NULL: all sessions of the pair. Results are told in VSM 19/2 under reason 3. The sources of `v` are taken over. */
void notify_results(struct lma *l, struct peer *p, const struct nai *mn, struct refused *v, size_t n);
/* The node is to be registered again; binding.ask_again ends when the MAG has acknowledged that. */
void notify_reregister(struct lma *l, struct peer *p, const struct nai *mn);
/* The node is to be asked by MLD (VSM 19/6), about one group or (::) about all. False: it cannot be told. */
bool notify_query(struct lma *l, struct peer *p, const struct nai *mn, const struct in6_addr *group);
/* Is the MAG being asked to? */
bool notify_pending_reregister(const struct peer *p, const struct nai *mn);
void notify_answered(struct lma *l, const struct in6_addr *src, const struct mh_msg *m);
/* What is under way to the MAG about this node is not repeated. */
void notify_cancel(struct lma *l, struct peer *p, const struct nai *mn);
void notify_expire(struct lma *l, struct notice *n);
void notify_forget(struct lma *l, struct peer *p);

/* heartbeat.c */
void heartbeat_start(struct lma *l, struct peer *p); /* it has a binding */
void heartbeat_reconf(struct lma *l, struct peer *p);
void heartbeat_expire(struct lma *l, struct peer *p);
void heartbeat_recv(struct lma *l, const struct in6_addr *src);
/* It has said something else. */
void heartbeat_alive(struct lma *l, struct peer *p);
/* By a Binding Error; false: that was about something else. */
bool heartbeat_refused(struct lma *l, struct peer *p);

/* multicast.c */
bool multicast_start(struct lma *l);
void multicast_stop(struct lma *l);
void multicast_settle(struct lma *l);
struct sub *sub_find(const struct lma *l, const struct peer *p, const struct in6_addr *group);
enum mh_sub_result sub_get(struct lma *l, struct peer *p, const struct in6_addr *group, struct sub **ret);
/* Bring the union into force. Not MH_SUB_ACCEPTED: nothing has changed. */
enum mh_sub_result sub_apply(struct lma *l, struct sub *s);
/* The union without what is sent unasked; to be released. */
struct filter sub_explicit(const struct sub *s, bool *oom);
/* The same where nothing was taken away and `added` came: without a look at all the others. */
enum mh_sub_result sub_apply_more(struct lma *l, struct sub *s, const struct filter *added);
uint8_t sub_origins(const struct sub *s); /* enum sub_origin bits */
void sub_release(struct lma *l, struct sub *s); /* frees it when nobody is left */
/* What the MAG reports by MLD of the group is to be looked at again. */
void multicast_mld_changed(struct lma *l, struct peer *p, const struct in6_addr *group);
void multicast_mld_all(struct lma *l, struct peer *p);
/* `sources` NULL: all of the group. */
void multicast_refused(struct lma *l, struct peer *p, const struct in6_addr *group, uint8_t result,
		       const struct filter *sources);
/* What of `wish` is not in `granted`, as a list; FILTER_NONE: all is. */
struct filter refused_sources(const struct filter *wish, const struct filter *granted);

/* share.c */
/* The set of the binding becomes what the message asks for. Results stay with the shares. */
void shares_replace(struct lma *l, struct binding *b, const struct mh_msg *m);
struct share *shares_detach(struct binding *b); /* take the whole set off; to be dropped with shares_drop() */
void shares_drop(struct lma *l, struct share *s);
void shares_clear(struct lma *l, struct binding *b);
uint32_t shares_in_force(const struct binding *b);
struct share *share_find(const struct binding *b, const struct in6_addr *group);
/* What the node may have of its wish (draft Figure 1, step 6); to be released. */
struct filter share_authorised(const struct lma *l, const struct binding *b, const struct in6_addr *group,
			       const struct filter *wish, enum mh_sub_result *result, enum policy_verdict *verdict);
/* Have the group's stream come from upstream, for the chain, to no MAG. */
void shares_hold(struct lma *l, struct share **chain, const struct in6_addr *group, const struct filter *f);
/* Authorise again by the binding's profile; what is withdrawn is told to the MAG. */
void shares_reauthorise(struct lma *l, struct binding *b);
/* End the part of `source` (:: = all) of all shares in `s`, and remember it as refused. */
void shares_terminate(struct lma *l, struct sub *s, const struct in6_addr *source);

/* context.c */
/* Its MAG goes, or has nothing of it any more: what its registrations said is kept as what is known. */
void context_keep(struct lma *l, struct binding *b);
/* A de-registration by the MAG of the binding tells what there is (RFC 7161 4.2.1). Behind binding_deregister(). */
void context_told(struct lma *l, struct binding *b, const struct mh_msg *m);
/* One of a MAG where the node was before has crossed our query (5.2.3). */
void context_crossed(struct lma *l, struct binding *b, const struct in6_addr *mag, const struct mh_msg *m);
/* The binding moves from `old`, its peer still, to `to`, which registers it by `m`. True: `old` is asked, and revoked
 * (with this trigger) when it has answered. */
bool context_moves(struct lma *l, struct binding *b, const struct peer *old, const struct peer *to,
		   const struct mh_msg *m, uint8_t trigger);
/* Its own MAG registers it as one that is new there. */
void context_returns(struct lma *l, struct binding *b, const struct mh_msg *m);
/* The binding is at its MAG, and its groups were taken from `m`: what is at hand is sent to it. */
void context_arrived(struct lma *l, struct binding *b, const struct mh_msg *m);
bool context_awaited(const struct binding *b); /* some MAG has yet to answer */
/* Into the answer to a registration. */
void context_answer(struct lma *l, const struct pbu *r, const struct binding *b, struct mh_msg *a);
void context_query(struct lma *l, const struct in6_addr *src, const struct mh_msg *m);
void context_response(struct lma *l, const struct in6_addr *src, const struct mh_msg *m);
void context_expire(struct lma *l, struct carried *c);
/* What is on its way of the group, too. Returns how many nodes' contexts had it. */
unsigned context_terminate(struct lma *l, const struct in6_addr *group, const struct in6_addr *source);
void context_question_expire(struct lma *l, struct question *q);
/* By a Binding Error; false: that was about something else. */
bool context_unsupported(struct lma *l, struct peer *p);
void context_drop(struct lma *l, struct binding *b);

/* expect.c */
void expect_query(struct lma *l, const struct in6_addr *src, const struct mh_msg *m);
/* The binding has moved: a MAG that expected the node, and is not the one, is told. */
void expect_moved(struct lma *l, struct binding *b, uint8_t trigger);
void expect_forget(struct lma *l, struct binding *b);

/* implicit.c */
bool implicit_permitted(const struct lma *l, const struct peer *p);
/* Send it to the MAG, which has not asked, until it does or the guard ends it. */
void implicit_add(struct lma *l, struct peer *p, const struct in6_addr *group, const struct filter *f);
/* Static subscriptions of the profile, to a MAG that asks for them later than it registers. */
void implicit_profile(struct lma *l, struct binding *b);
/* What of it was asked for is no longer implicit. */
void implicit_review(struct lma *l, struct sub *s, const struct filter *asked);
/* The MAG says which of them it takes (VSM 19/2). */
void implicit_results(struct lma *l, struct peer *p, const struct mh_msg *m);
void implicit_expire(struct lma *l, struct implicit *i);
void implicit_withdraw(struct lma *l, struct sub *s); /* the subscription may be gone with it */
void implicit_drop(struct lma *l, struct sub *s); /* without a look at what remains */
