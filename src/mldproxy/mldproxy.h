/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A plain MLD proxy (RFC 4605): one upstream link, on which it is a listener, and downstream links, on which it is the
 * multicast router; hosts need no registration. What the downstream links ask for is merged and asked for upstream, and
 * kept as replication lists for the data plane. Pure: packets, links and time in; effects out. */
#include "fx/fx.h"
#include "mld/host.h"
#include "mld/router.h"

struct mldproxy;

#define MLDPROXY_NAME_MAX 16

struct mldproxy_conf {
	struct mld_router_conf downstream_mld; /* groups_max, sources_max, hosts_max of zero: as the limits below say */
	struct mld_host_conf upstream_mld;     /* mtu, groups_max, memory_max of zero: the link's, and the limits below */
	bool forward_always; /* also to links on which another router is the querier (RFC 4605 3: only where no other
			      * forwarder is); the default is not to */
	uint32_t links_max;  /* downstream */
	uint32_t groups_max;
	uint32_t entries_max; /* (link, group) pairs */
	uint32_t sources_max; /* (group, named source) pairs */
	uint32_t hosts_per_group_max, sources_per_group_max; /* on one link */
	uint32_t memory_max; /* octets for what is heard downstream */
};
void mldproxy_conf_defaults(struct mldproxy_conf *conf);

/* NULL: out of memory. `seed` makes its random delays and keys its tables. */
struct mldproxy *mldproxy_new(const struct mldproxy_conf *conf, struct now now, uint64_t seed);
struct mldproxy *mldproxy_free(struct mldproxy *p); /* without a word to anybody; accepts NULL, returns NULL */
/* Limits that become smaller take nothing away. links_max, entries_max and memory_max stay as at the start. */
void mldproxy_reconf(struct mldproxy *p, struct now now, const struct mldproxy_conf *conf);
/* Says goodbye: leaves all groups upstream and takes the lists out of the data plane. Nothing is heard after it. */
void mldproxy_stop(struct mldproxy *p, struct now now);

/* The upstream link is usable: its index, our link-local address there (the source of reports), its MTU. Said again it
 * is a change, or with nothing changed the link came back: everything is reported anew. `ifindex` 0: it is not usable;
 * what the downstream links ask for is kept, and streams still pass between them. */
void mldproxy_upstream(struct mldproxy *p, struct now now, uint32_t ifindex, const struct in6_addr *self, uint32_t mtu);
/* A downstream link is usable, or its address or MTU changed. False: there are links_max of them, or memory is out. */
bool mldproxy_downstream_up(struct mldproxy *p, struct now now, uint32_t ifindex, const char *name,
			    const struct in6_addr *self, uint32_t mtu);
/* It is gone: so are its memberships, at once. An unknown one is ignored. */
void mldproxy_downstream_down(struct mldproxy *p, struct now now, uint32_t ifindex);

/* IPv6 packets heard on a link, whatever they are. */
void mldproxy_recv_upstream(struct mldproxy *p, struct now now, const uint8_t *packet, size_t len);
void mldproxy_recv_downstream(struct mldproxy *p, struct now now, uint32_t ifindex, const uint8_t *packet, size_t len);

/* A stream that is asked for has fallen silent (decision 21); the source may be ::. It is told as an event. */
void mldproxy_source_silent(struct mldproxy *p, struct now now, const struct in6_addr *source,
			    const struct in6_addr *group);

/* When to call mldproxy_expire() at the latest; it may find nothing to do. */
mono_t mldproxy_next_deadline(const struct mldproxy *p);
void mldproxy_expire(struct mldproxy *p, struct now now);
bool mldproxy_pop(struct mldproxy *p, struct fx *ret); /* drain after each call: FX_LINK, FX_DP, FX_EVENT */

/* ---- views: valid during the callback, which must not change the engine ---- */
#define MLDPROXY_LINK_LIMITS 7
struct mldproxy_link_view {
	uint32_t ifindex;
	const char *name;
	struct in6_addr self;
	uint32_t mtu;
	bool querier;	 /* we are */
	bool forwarding; /* streams are forwarded to it */
	uint32_t groups; /* asked for there and in the lists */
	uint64_t reports, records, queries; /* heard, heard, sent */
	struct in6_addr querier_address;    /* whoever it is */
	uint8_t querier_version;
	bool waiting; /* a limit of the whole keeps some of its groups out of the lists */
	struct {
		const char *setting;
		uint64_t n;
	} refused[MLDPROXY_LINK_LIMITS]; /* on this link */
};
struct mldproxy_subscription_view { /* of a downstream link */
	uint32_t ifindex;
	const char *link;
	struct in6_addr group;
	const struct filter *filter;
	uint32_t hosts; /* that are tracked */
	bool v1;	/* compatibility mode */
	bool placed;	/* false: a limit keeps it out of the lists */
};
struct mldproxy_group_view {
	struct in6_addr group;
	const struct filter *merged;
	uint32_t links;
	bool joined; /* reported upstream */
};
void mldproxy_each_link(const struct mldproxy *p, void (*each)(void *arg, const struct mldproxy_link_view *v),
			void *arg);
/* `group` NULL: of all. */
void mldproxy_each_subscription(const struct mldproxy *p, const struct in6_addr *group,
				void (*each)(void *arg, const struct mldproxy_subscription_view *v), void *arg);
void mldproxy_each_group(const struct mldproxy *p, void (*each)(void *arg, const struct mldproxy_group_view *v),
			 void *arg);
/* The lists that serve a link's subscription, for readers of the data plane's counts. */
void mldproxy_subscription_flows(const struct mldproxy *p, uint32_t ifindex, const struct in6_addr *group,
				 void (*each)(void *arg, const struct dp_flow *flow, const struct dp_out *out),
				 void *arg);
/* Every counter has a name. */
void mldproxy_each_counter(const struct mldproxy *p, void (*each)(void *arg, const char *name, uint64_t value),
			   void *arg);
struct mldproxy_limit_view {
	const char *setting;
	uint64_t used, max; /* used: 0 and `each` where it is not of the whole */
	bool each;
	uint64_t refused;
	const char *then; /* what happens to what is beyond */
	/* Who was refused last: what is not known or does not apply is zero, an empty link's name too. */
	uint32_t ifindex;
	const char *link;
	struct in6_addr host, group;
};
void mldproxy_each_limit(const struct mldproxy *p, void (*each)(void *arg, const struct mldproxy_limit_view *v),
			 void *arg);
struct mldproxy_totals {
	uint32_t links, groups, unplaced; /* unplaced: links with subscriptions that wait for room */
	uint32_t upstream;		  /* ifindex; 0 while there is none */
	uint8_t upstream_version;	  /* MLD version spoken there; 0 while there is none */
	struct in6_addr upstream_querier; /* who last sent a query there, or :: */
	size_t bytes;			  /* memory held by the engine */
};
struct mldproxy_totals mldproxy_totals(const struct mldproxy *p);
