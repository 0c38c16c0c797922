/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Inside of the plain proxy:
 *
 *   mldproxy.c    life, the upstream, what is heard, time
 *   downstream.c  downstream links and what they ask for
 *   settle.c      what the engines below queued, carried on
 *   tell.c        events: limits, warnings, queriers
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

/* In the order of mldproxy_each_limit(). */
enum mldproxy_limit {
	LIMIT_LINKS,
	LIMIT_GROUPS,
	LIMIT_ENTRIES,
	LIMIT_SOURCES,
	LIMIT_MEMORY,
	LIMIT_LINK_GROUPS,
	LIMIT_LINK_SOURCES,
	LIMIT_LINK_HOSTS,
	LIMIT_HOST_GROUPS,
	LIMIT_HOST_RATE,
	LIMIT_LINK_RATE,
	LIMIT_UP_GROUPS,
	LIMIT_UP_MEMORY,
	LIMITS
};

enum mldproxy_warning {
	WARN_QUERY_SOURCE,
	WARN_QUERY_VERSION,
	WARN_V1_SSM,
	WARN_EXCLUDE_SSM,
	WARNINGS
};

/* Whom an event is about; what is not known of it is zero. */
struct mldproxy_who {
	uint32_t ifindex;
	char link[MLDPROXY_NAME_MAX];
	struct in6_addr host, group;
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
	struct in6_addr querier; /* who last sent a query there */
	uint8_t version;	 /* of MLD, as last told; 0: none */

	uint32_t unplaced; /* links with subscriptions that found no room */
	bool unreported;   /* the same of the host side */
	mono_t retry_at;   /* while any of the two */

	struct limiter events;
	struct {
		struct mldproxy_who last; /* who reached it */
		mono_t told_until;	  /* until then an event would be no news */
	} at_limit[LIMITS];
	mono_t warned[WARNINGS];	   /* the same of the upstream */
	struct proxy_usage lists;	   /* of the instance, at its last refusal */
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
	mono_t warned[WARNINGS]; /* until then it would be no news */
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

/* tell.c */
void mldproxy_event_limited(struct mldproxy *p, const struct event *e);
const char *mldproxy_limit_name(enum mldproxy_limit limit); /* the setting */
void mldproxy_limit_event(struct mldproxy *p, enum mldproxy_limit limit, const struct mldproxy_who *who);
struct mldproxy_who mldproxy_who_link(const struct downstream *l, const struct in6_addr *group);
/* A packet that the decoder refused; `l` NULL: upstream. */
void mldproxy_warn_refused(struct mldproxy *p, struct downstream *l, enum mld_err err, const uint8_t *packet, size_t len);
void mldproxy_warn_upstream(struct mldproxy *p, const struct mld_packet *mld);
void mldproxy_tell_notices(struct mldproxy *p);
void mldproxy_querier_event(struct mldproxy *p, const struct downstream *l); /* it has changed */
void mldproxy_version_event(struct mldproxy *p); /* if it has changed */
