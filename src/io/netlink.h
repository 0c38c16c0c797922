/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Network interfaces as the kernel tells of them (rtnetlink): they come, change and go. */
#include "base/addr.h"

struct event_base;
struct netlink;

#define LINK_LOCALS_MAX 4 /* addresses of a link that are kept; more are not looked at */

struct link_info {
	uint32_t ifindex;
	char name[16];
	uint8_t mac[6];
	uint32_t mtu;
	bool running;		/* up, with carrier */
	bool operational;	/* and the kernel is done with that (RFC 2863): what is sent goes out */
	uint32_t carrier_downs; /* how often the carrier went: it may be back before that is told */
	struct in6_addr link_local; /* a valid one, or ::; the first of these */
	struct in6_addr link_locals[LINK_LOCALS_MAX]; /* valid ones, then :: */
};

struct netlink_events {
	/* Something of a link has changed since it was `told`; NULL: it is new, or told of again. What has changed by then is one
	 * piece of news, but that a link went down is always told. What the functions below change is in *l at once, and no news. */
	void (*link)(void *arg, const struct link_info *l, const struct link_info *told);
	void (*gone)(void *arg, const struct link_info *l);
	void (*batch)(void *arg);
};

/* Knows all links that exist when it returns, and has told of none. 0 or negative errno. */
int netlink_new(struct netlink **ret, struct event_base *base, const struct netlink_events *events, void *arg);
struct netlink *netlink_free(struct netlink *n);
/* Tell of every link that exists, as if it were new. */
void netlink_tell_all(struct netlink *n);
void netlink_each(struct netlink *n, void (*each)(void *arg, const struct link_info *l), void *arg);
const struct link_info *netlink_find(struct netlink *n, uint32_t ifindex);
const struct link_info *netlink_find_name(struct netlink *n, const char *name);
/* What is told may be past: the name that a link has now. False: it is gone. */
bool netlink_name(struct netlink *n, uint32_t ifindex, char ret[16]);
bool link_info_has(const struct link_info *l, const struct in6_addr *link_local);

/* Changes; 0 or negative errno. */
int netlink_set_mac(struct netlink *n, uint32_t ifindex, const uint8_t mac[6]);
/* Link-local ones. Without duplicate address detection: the same address stands at every MAG (RFC 6543). That it is there
 * already, or is not, counts as success. */
int netlink_add_address(struct netlink *n, uint32_t ifindex, const struct in6_addr *a, uint8_t prefix_len);
int netlink_del_address(struct netlink *n, uint32_t ifindex, const struct in6_addr *a, uint8_t prefix_len);
