/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Local mobility anchor (RFC 5213 5), with the multicast part of the draft: binding cache, authorisation, one upstream
 * join per group, one copy per MAG. Pure: messages and time in, effects (fx/fx.h) out. */
#include "base/heartbeat.h"
#include "fx/ctl_err.h"
#include "fx/fx.h"
#include "mld/host.h"
#include "mld/router.h"
#include "policy/context.h"
#include "wire/mh.h"

struct lma;

/* Which MAGs may register: every peer address inside one of these. */
struct lma_mag_conf {
	char name[32];
	struct prefix proxy_coa;  /* a single address or a range */
	uint32_t groups_max;	  /* of this MAG; 0 = lma_conf.groups_per_mag_max */
	uint16_t n_allow, n_deny; /* group ranges for what this MAG asks by MLD, where no node is named; none = all */
	struct profile_range *allow, *deny;
};

enum lma_signalling {
	LMA_ACCEPT_BOTH,
	LMA_ACCEPT_MLD_ONLY, /* no capability is announced, AMS is ignored */
};

struct lma_conf {
	struct in6_addr lmaa;
	uint32_t pen;
	/* who may register */
	uint16_t n_mags;
	struct lma_mag_conf *mags;
	/* home network prefixes: /prefix_len out of the pools */
	uint8_t n_pools;
	struct prefix pools[8];
	uint8_t pool_prefix_len;   /* 64 */
	uint8_t prefixes_per_node; /* 1..8 when the profile has none */
	/* RFC 5213 9.1 and RFC 6275 */
	span_t lifetime_max;		    /* granted at most; 3600 s */
	span_t min_delay_before_bce_delete; /* 10 s */
	span_t max_delay_before_new_bce;    /* 1.5 s; 0 = do not wait */
	span_t timestamp_window;	    /* 300 ms */
	bool timestamp_required;	    /* false: sequence mode where a PBU has no timestamp */
	bool timestamp_of_node;		    /* nodes make them: only their order counts, not our clock */
	span_t refresh_advice;		    /* 0 = none given */
	struct in6_addr fixed_link_local;   /* RFC 6543 address told to MAGs that ask; :: = fe80::200:5eff:fe00:5213 */
	/* RFC 5846 */
	span_t bri_delay_initial, bri_delay_max; /* 1 s, 2 s */
	uint8_t bri_retries;			 /* 1 */
	/* RFC 7077 */
	span_t upn_delay;    /* 1 s */
	uint8_t upn_retries; /* 1 */
	/* RFC 5847 */
	span_t heartbeat_interval;  /* HEARTBEAT_INTERVAL 60 s; 0 = nothing is asked, only answered */
	uint8_t heartbeats_missing; /* MISSING_HEARTBEATS_ALLOWED 3 */
	/* answers that a stranger can provoke */
	uint32_t be_per_s;	/* Binding Errors; 10 */
	uint32_t refusal_per_s; /* 131 and 154 to unknown peers; 10 */
	/* limits */
	uint32_t bindings_max, pending_max; /* pending: PBUs that wait for the policy store or for a de-registration */
	uint32_t peers_max;
	uint32_t groups_max, groups_per_mag_max, groups_per_node_max, sources_per_group_max, entries_max;
	/* multicast */
	bool multicast;
	enum lma_signalling signalling;
	uint16_t role; /* enum mh_role, in which MAGs that offer it are to serve nodes; 0 = as they prefer: proxy */
	enum mn_context_mode context;
	span_t query_delay;    /* Subscription Query: repeated after 100 ms, doubling */
	uint8_t query_tries;   /* 3 */
	span_t pba_timer;      /* a PBA may wait this long for the context (RFC 7161 4.4); 0 = never; below 1 s */
	bool implicit_join;    /* capability bit is announced only where the mechanism is on */
	span_t implicit_guard; /* what was replicated unasked is to be confirmed within; 1 s */
	struct policy_scopes scopes;
	struct mld_router_conf tunnel_mld; /* querier towards MAGs */
	struct mld_host_conf upstream_mld;
	uint32_t upstream_ifindex;	   /* 0 = no upstream yet: it comes by lma_upstream() */
	struct in6_addr tunnel_link_local; /* our inner source of MLD in tunnels */
};
void lma_conf_defaults(struct lma_conf *conf);

/* The engine copies the configuration. `seed` keys hashes and random delays. NULL: out of memory. */
struct lma *lma_new(const struct lma_conf *conf, struct now now, uint64_t seed);
struct lma *lma_free(struct lma *lma); /* without further effects; returns NULL */
/* New configuration in place: what changed is applied, bindings stay (those whose MAG is no longer permitted are
 * revoked). lmaa and multicast stay as they were: they take a new engine. */
void lma_reconf(struct lma *lma, struct now now, const struct lma_conf *conf);
/* Orderly stop: leaves all groups upstream. Drain the effects afterwards. */
void lma_stop(struct lma *lma, struct now now);

/* Inputs. Bytes are not kept. */
void lma_recv_mh(struct lma *lma, struct now now, const struct in6_addr *src, const struct in6_addr *dst,
		 const uint8_t *bytes, size_t len);
/* A message that lma_recv_mh() will be given after some others: what it will read of the tables is fetched meanwhile, and
 * nothing else comes of it. True: *ret is the prefix whose route it may be about, for dp_route_ahead(). */
bool lma_ahead(struct lma *lma, const uint8_t *bytes, size_t len, struct prefix *ret);
void lma_recv_tunnel(struct lma *lma, struct now now, const struct dp_tunnel *tunnel, const uint8_t *packet,
		     size_t len);
/* MLD queries are what matters there. */
void lma_recv_upstream(struct lma *lma, struct now now, uint32_t ifindex, const uint8_t *packet, size_t len);
/* The upstream link is there (its link-local address, MTU), or has gone (ifindex 0). */
void lma_upstream(struct lma *lma, struct now now, uint32_t ifindex, const struct in6_addr *self, uint32_t mtu);
/* Answer to FX_PROFILE; NULL: the store knows no such node. Unknown request numbers are ignored. Takes its own
 * reference. */
void lma_profile(struct lma *lma, struct now now, uint32_t request, const struct profile *p);
/* The store's profile of this node has changed (NULL: removed): applied to its bindings. */
void lma_profile_changed(struct lma *lma, struct now now, const struct nai *mn, const struct profile *p);
/* No packet of the flow for the configured time (decision 21); `terminate`: its subscriptions end. */
void lma_source_silent(struct lma *lma, struct now now, const struct in6_addr *source, const struct in6_addr *group,
		       bool terminate);

/* Operator. */
enum ctl_err lma_terminate_group(struct lma *lma, struct now now, const struct in6_addr *group);
enum ctl_err lma_terminate_node(struct lma *lma, struct now now,
				const struct nai *mn); /* revokes its bindings (trigger 1) */

/* Have the node's MAG ask it what it listens to (draft Figure 2), or whether to this group (NULL: to all). */
enum ctl_err lma_query_node(struct lma *lma, struct now now, const struct nai *mn, const struct in6_addr *group);

mono_t lma_next_deadline(const struct lma *lma);
void lma_expire(struct lma *lma, struct now now);
bool lma_pop(struct lma *lma, struct fx *ret);

/* ---- views: for show, why and tests. Pointers are valid until the next call on the engine. ---- */
enum lma_binding_state {
	LMA_BINDING_ACTIVE,
	LMA_BINDING_DELAYED_DELETE
};
/* What the node listened to, on its way from the MAG where it was (RFC 7161). */
enum lma_context_state {
	LMA_CONTEXT_NONE,    /* nothing is on its way: the MAG has it, or there was nothing */
	LMA_CONTEXT_ASKING,  /* MAGs where it was are being asked */
	LMA_CONTEXT_AT_HAND, /* for the MAG where it is, or, of a binding that was given up, for the next one */
};
const char *lma_context_state_name(enum lma_context_state s);
struct lma_context_view {
	enum lma_context_state state;
	uint32_t groups;     /* known so far */
	uint8_t questions;   /* MAGs that owe an answer */
	struct in6_addr mag; /* one of them, asked that often; :: none */
	uint8_t tries;
	bool has;	     /* lma_context(): the group is among them */
};
struct lma_binding_view {
	const struct nai *mn; /* a copy that the view owns */
	enum lma_binding_state state;
	struct in6_addr proxy_coa;
	struct lladdr llid;
	uint8_t att, handoff, n_prefixes;
	const struct prefix *prefixes;
	span_t lifetime, left;
	uint16_t seq;
	uint64_t timestamp;
	const struct profile *profile;
	uint32_t n_groups; /* asked for by registration */
	struct lma_context_view context;
};
struct lma_peer_view {
	struct in6_addr proxy_coa;
	const char *name;
	bool heard_capabilities;
	struct mh_capabilities capabilities;
	uint32_t bindings, groups;
	struct dp_tunnel tunnel;
	bool tunnel_up;
	struct heartbeat_view heartbeat;
};
/* One subscription of a (MAG, group): its filter and where it comes from. */
struct lma_subscription_view {
	struct in6_addr proxy_coa, group;
	const struct filter *filter; /* in force */
	uint8_t origins;	     /* enum sub_origin bits: MLD, REGISTRATION, IMPLICIT */
	uint32_t bindings;	     /* that asked for it by registration */
};
struct lma_group_view {
	struct in6_addr group;
	const struct filter *merged;
	uint32_t mags;
	bool held;   /* for nodes that are between two MAGs, too */
	bool joined; /* reported upstream */
};
void lma_each_binding(const struct lma *lma, void (*each)(void *arg, const struct lma_binding_view *v), void *arg);
/* All bindings of the node. */
void lma_find_bindings(const struct lma *lma, const struct nai *mn,
		       void (*each)(void *arg, const struct lma_binding_view *v), void *arg);
void lma_each_peer(const struct lma *lma, void (*each)(void *arg, const struct lma_peer_view *v), void *arg);
void lma_each_subscription(const struct lma *lma, void (*each)(void *arg, const struct lma_subscription_view *v),
			   void *arg);
void lma_each_group(const struct lma *lma, void (*each)(void *arg, const struct lma_group_view *v), void *arg);
/* What the binding was granted or refused of a group, for `why`; false: it never asked. */
bool lma_group_result(const struct lma *lma, const struct nai *mn, const struct in6_addr *group, uint8_t *result);
/* What there is of the node's context, and whether this group is in it. */
struct lma_context_view lma_context(const struct lma *lma, const struct nai *mn, const struct in6_addr *group);
/* Every counter has a name; those of the MLD engines are included. */
void lma_each_counter(const struct lma *lma, void (*each)(void *arg, const char *name, uint64_t value), void *arg);
struct lma_totals {
	uint32_t bindings, peers, groups, pending, prefixes_free_log2;
	uint32_t contexts; /* of nodes between two MAGs */
	size_t bytes; /* memory held by the engine */
};
struct lma_totals lma_totals(const struct lma *lma);
