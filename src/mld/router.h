/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Multicast router part of MLD (RFC 3810 6-8, RFC 2710, RFC 3590), per link, with explicit tracking of hosts. A set
 * holds any number of links with one deadline for all. Pure: packets and time in; queries and changes out. Timers of groups
 * and sources run out at whole milliseconds, never early. */
#include "base/time.h"
#include "mld/filter.h"
#include "wire/mld.h"

struct mld_routers; /* a set of links */
struct mld_link;    /* one link: the router side's state on it */

/* RFC 3810 9, one set per link. Zero in a field means its default. */
struct mld_router_conf {
	uint8_t robustness;	       /* 2 */
	span_t query_interval;	       /* 125 s */
	span_t query_response;	       /* 10 s */
	span_t startup_query_interval; /* query_interval / 4 */
	uint8_t startup_query_count;   /* robustness */
	span_t startup_query_response; /* query_response: Maximum Response Delay of the start-up queries */
	span_t last_listener_interval; /* 1 s */
	uint8_t last_listener_count;   /* robustness */
	span_t other_querier_present;  /* robustness * query_interval + query_response / 2 */
	bool fast_leave;     /* explicit tracking decides at once when the last listener of the group or source leaves;
			      * where it knows of others they are asked, in case they are gone. Done of MLDv1 counts
			      * so with querier_always only: such hosts keep silent when others report. Set it where
			      * reports are seldom lost: a listener not yet heard of is not waited for */
	bool querier_always; /* on links where a listener must never become querier (RFC 5213 point-to-point): foreign
			      * queries are counted and dropped, no election */
	bool v2_only;	     /* MLDv1 messages are counted and dropped */
	bool v1_mode;	     /* there is an MLDv1 router on the link: we speak MLDv1 too (RFC 3810 8.3.1) */
	uint32_t groups_max, sources_max, hosts_max; /* per link / per group / per group */
	uint32_t host_groups_max;		     /* groups of one host; zero means no limit of its own */
	uint32_t host_rate_max, link_rate_max;	     /* reports a second of one host, and of all on the link; zero: no limit.
						      * Those beyond are not looked at: the host says it all again when it
						      * is asked */
};

struct mld_routers_conf {
	uint32_t links_max, groups_max, memory_max; /* in total; memory_max in octets */
};

enum mld_router_fx_kind {
	MLD_ROUTER_QUERY,  /* send this packet on the link */
	MLD_ROUTER_CHANGE, /* the listening state of the group on the link has changed */
};
struct mld_router_fx {
	enum mld_router_fx_kind kind;
	struct mld_link *link;
	void *owner;	       /* as given to mld_link_new */
	const uint8_t *packet; /* whole IPv6 packet; valid until the next call on the set */
	size_t len;
	struct in6_addr group;
};

/* Reasons a well-formed message was ignored, and what limits refused; with the decoder's own they are the counters. */
enum mld_router_counter {
	MLD_ROUTER_QUERIES_SENT,
	MLD_ROUTER_QUERIES_HEARD,
	MLD_ROUTER_QUERIES_REFUSED, /* querier_always */
	MLD_ROUTER_QUERIES_VERSION, /* of another version than we are told to speak: worth a warning (RFC 3810 8.3.1) */
	MLD_ROUTER_REPORTS_V1,
	MLD_ROUTER_DONES_V1,
	MLD_ROUTER_REPORTS_V2,
	MLD_ROUTER_RECORDS,
	MLD_ROUTER_V1_REFUSED,	/* v2_only */
	MLD_ROUTER_V1_SSM,	/* MLDv1 join in the SSM range, ignored (RFC 4604) */
	MLD_ROUTER_EXCLUDE_SSM, /* EXCLUDE record in the SSM range, ignored (RFC 4604) */
	MLD_ROUTER_RECORD_UNKNOWN,
	MLD_ROUTER_LIMIT_GROUPS,
	MLD_ROUTER_LIMIT_SOURCES,
	MLD_ROUTER_LIMIT_HOSTS,
	MLD_ROUTER_LIMIT_HOST_GROUPS,
	MLD_ROUTER_LIMIT_MEMORY,
	MLD_ROUTER_LIMIT_HOST_RATE,
	MLD_ROUTER_LIMIT_LINK_RATE,
	MLD_ROUTER_GROUP_LOCAL, /* interface- and link-local groups: they never leave the link and are not kept */
	MLD_ROUTER_COUNTER_N
};
const char *mld_router_counter_name(enum mld_router_counter c);

/* What an operator should read of, beside its counter: a limit that refused, or one of the points at which RFC 3810 8.3.1
 * and RFC 4604 3 have a router log. */
struct mld_router_notice {
	enum mld_router_counter counter;
	struct mld_link *link;
	void *owner;	       /* as given to mld_link_new */
	struct in6_addr host;  /* whose message it was; :: if nobody's */
	struct in6_addr group; /* :: where it is of none */
};

struct mld_routers *mld_routers_new(const struct mld_routers_conf *conf, uint64_t seed);
struct mld_routers *mld_routers_free(struct mld_routers *set); /* frees links too; returns NULL */

/* A link; `self` is our link-local address there, the source of queries. Starts with a start-up query at once. NULL:
 * limit. */
struct mld_link *mld_link_new(struct mld_routers *set, struct now now, const struct mld_router_conf *conf,
			      const struct in6_addr *self, void *owner);
void mld_link_free(struct mld_link *link); /* its state goes without further effects */
void mld_link_reconf(struct mld_link *link, struct now now, const struct mld_router_conf *conf);
/* Our link-local address has changed. */
void mld_link_set_self(struct mld_link *link, const struct in6_addr *self);
/* General Queries, `count` of them, the first at once, the others each `again` later (handover: the attach query), with
 * Maximum Response Delay `max_resp`. Like the next, it does nothing while another router is the querier. */
void mld_link_query(struct mld_link *link, struct now now, span_t max_resp, unsigned count, span_t again);
/* One General Query, not later than `delay` from now: one that mld_link_query() has yet to send may be it. */
void mld_link_query_within(struct mld_link *link, struct now now, span_t max_resp, span_t delay);
/* Ask about this group (draft Figure 2), once now, with S set: nobody's timers are lowered. */
void mld_link_query_group(struct mld_link *link, struct now now, const struct in6_addr *group, span_t max_resp);

/* A decoded packet heard on the link (report, done or query). Hosts are tracked by their source address. */
void mld_link_recv(struct mld_link *link, struct now now, const struct mld_packet *p);
/* Remove a group as if nobody had asked for it (termination by the network). Effects as for a leave. */
void mld_link_drop_group(struct mld_link *link, struct now now, const struct in6_addr *group);

/* The state for forwarding and for the proxy: the caller releases it with filter_drop(). False: no listener. */
bool mld_link_state(const struct mld_link *link, const struct in6_addr *group, struct filter *ret);
/* Are there listeners? Where this is true and mld_link_state() is not, memory is out. */
bool mld_link_has(const struct mld_link *link, const struct in6_addr *group);
uint32_t mld_link_groups(const struct mld_link *link); /* with listeners */
bool mld_link_group_is_v1(const struct mld_link *link, const struct in6_addr *group); /* compatibility mode */
/* A group whose filter finds no memory is passed over. */
void mld_link_each(const struct mld_link *link,
		   void (*each)(void *arg, const struct in6_addr *group, const struct filter *f, uint32_t hosts),
		   void *arg);
bool mld_link_is_querier(const struct mld_link *link);
/* The querier's address, our own while we are it, and the version of MLD that it speaks. */
struct in6_addr mld_link_querier(const struct mld_link *link, uint8_t *ret_version);
uint64_t mld_link_counter(const struct mld_link *link, enum mld_router_counter c);
uint64_t mld_routers_counter(const struct mld_routers *set, enum mld_router_counter c); /* sum, links gone included */

/* When to call mld_routers_expire() at the latest; it may find nothing to do. */
mono_t mld_routers_next_deadline(const struct mld_routers *set);
void mld_routers_expire(struct mld_routers *set, struct now now);
bool mld_routers_pop(struct mld_routers *set, struct mld_router_fx *ret); /* drain after each call */
/* Of each counter one notice at most waits, the first since it was last asked for. False: there is none. */
bool mld_routers_notice(struct mld_routers *set, struct mld_router_notice *ret);
size_t mld_routers_bytes(const struct mld_routers *set);		  /* memory held */
size_t mld_routers_used(const struct mld_routers *set);			  /* what memory_max is held against */
