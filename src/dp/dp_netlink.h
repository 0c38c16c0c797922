/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the data plane asks of the kernel's routing: where a next hop is, and routes and rules of its own. */
#include "base/addr.h"

struct event_base;
struct dp_netlink;
struct dp_nexthop;

struct dp_netlink_events {
	void (*routes_changed)(void *arg); /* at most once per turn of the loop */
	void (*neighbour_changed)(void *arg, uint32_t ifindex, const struct in6_addr *addr);
};

/* 0 or negative errno. */
int dp_netlink_new(struct dp_netlink **ret, struct event_base *base, const struct dp_netlink_events *events,
		   void *arg);
struct dp_netlink *dp_netlink_free(struct dp_netlink *nl);

/* The way to `remote`. Asks the kernel to resolve, and to keep resolved, the next hop's address. 0 or negative
 * errno (-ENETUNREACH: no route); `ret->valid` is false while the address is not resolved. */
int dp_netlink_resolve(struct dp_netlink *nl, const struct in6_addr *local, const struct in6_addr *remote,
		       struct dp_nexthop *ret);
/* Stop keeping the neighbour resolved. */
void dp_netlink_release(struct dp_netlink *nl, uint32_t ifindex, const struct in6_addr *neighbour);

/* A route to the device. Idempotent. */
int dp_netlink_route(struct dp_netlink *nl, bool add, const struct prefix *p, uint32_t ifindex);
/* The rule that nothing which comes in by this link is forwarded (local delivery stays). */
int dp_netlink_blackhole(struct dp_netlink *nl, bool add, const char *ifname);
