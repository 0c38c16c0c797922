/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Inside of the plain proxy:
 *
 *   mldproxy.c    life, the upstream, what is heard, time
 *   downstream.c  downstream links and what they ask for
 *   settle.c      what the engines below queued, carried on; limits
 *   show.c        views, counters */
#include "base/htab.h"
#include "base/limiter.h"
#include "base/list.h"
#include "base/slab.h"
#include "mldproxy/mldproxy.h"
#include "proxy/proxy.h"

/* Told to operators at most so often; the rest is counted. */
#define EVENTS_PER_S 100
/* What found no room is tried again so often. */
#define RETRY_S 10

#define MLDPROXY_COUNTERS(X)                         \
	X(LINKS_LIMIT, "links-limit")                \
	X(REPLICATION_LIMIT, "replication-limit")    \
	X(UPSTREAM_LIMIT, "upstream-limit")          \
	X(OUT_OF_MEMORY, "out-of-memory")            \
	X(OTHER_LINK, "other-link")                  \
	X(UPSTREAM_NOT_QUERY, "upstream-not-query")  \
	X(QUERIER_LOST, "querier-lost")              \
	X(QUERIER_BECOME, "querier-become")          \
	X(EVENTS_LIMITED, "events-limited")

enum mldproxy_counter {
#define X(id, name) MLDPROXY_##id,
	MLDPROXY_COUNTERS(X)
#undef X
	MLDPROXY_COUNTER_N
};

/* The limits that are told of: those of the router side in the order of tell_limits(), and our own. */
enum mldproxy_limit {
	LIMIT_ROUTER,
	LIMIT_LINKS = LIMIT_ROUTER + 7,
	LIMIT_LISTS,
	LIMIT_UPSTREAM,
	LIMITS
};

enum { SIDE_UPSTREAM, SIDE_DOWNSTREAM, SIDES };

struct mldproxy {
	struct mldproxy_conf conf;
	struct now now;
	uint64_t seed;
	struct fxq *fxq;
	bool stopped;

	struct htab links; /* by ifindex */
	struct slab link_slab;
	struct list listening; /* links on which another router is the querier */
	struct mld_routers *routers;
	struct mld_hosts *own; /* we as a listener on these links, for what a router listens to itself */

	struct proxy *proxy; /* the instance: there is one once there has been an upstream */
	uint32_t instance;   /* its upstream, which names its lists in the data plane */
	struct mld_hosts *hosts;
	struct mld_upstream *upstream; /* NULL: not usable */
	uint32_t upstream_mtu;
	struct in6_addr self;

	uint32_t unplaced; /* links with subscriptions that found no room */
	bool unreported;   /* the same of the host side */
	mono_t retry_at;   /* while any of the two */

	struct limiter events;
	uint64_t refused[LIMIT_LINKS]; /* the router side's limits, as last seen */
	mono_t told_until[LIMITS];     /* until then an event of the limit would be no news */
	uint64_t counters[MLDPROXY_COUNTER_N];
	uint64_t errors[SIDES][MLD_ERR_N];
};

struct downstream {
	struct hnode by_ifindex;
	struct list listening; /* mldproxy.listening, or in no list */
	uint32_t ifindex, mtu;
	char name[MLDPROXY_NAME_MAX];
	struct in6_addr self;
	struct mld_link *mld;
	struct mld_upstream *own; /* ff02::16: RFC 3810 7 */
	struct proxy_member *member; /* NULL while there is no instance, or no room for it */
	bool unplaced;
};

static inline void mldproxy_count(struct mldproxy *p, enum mldproxy_counter c)
{
	p->counters[c]++;
}

/* mldproxy.c */
struct mld_host_conf mldproxy_host_conf(const struct mldproxy *p);

/* downstream.c */
struct downstream *downstream_find(const struct mldproxy *p, uint32_t ifindex);
void downstream_free(struct mldproxy *p, struct downstream *l);
/* Is the link in the instance, with all that it asks for? */
void downstream_place(struct mldproxy *p, struct downstream *l);
void downstream_changed(struct mldproxy *p, struct downstream *l, const struct in6_addr *group);
void downstream_querier(struct mldproxy *p, struct downstream *l); /* after it may have changed who is */
struct mld_router_conf downstream_conf(const struct mldproxy *p);

/* settle.c */
void mldproxy_settle(struct mldproxy *p);
/* The host side gets what the instance has; for an upstream that is new or had no room. */
void mldproxy_upstream_fill(struct mldproxy *p);
void mldproxy_retry_later(struct mldproxy *p);
void mldproxy_event_limited(struct mldproxy *p, const struct event *e);
void mldproxy_limit_event(struct mldproxy *p, enum mldproxy_limit limit);
