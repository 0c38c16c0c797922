/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Network interfaces as the kernel tells of them (rtnetlink): they come, change and go. */
#include "base/addr.h"

struct event_base;
struct netlink;

struct link_info {
	uint32_t ifindex;
	char name[16];
	uint8_t mac[6];
	uint32_t mtu;
	bool running;		    /* up, with carrier */
	struct in6_addr link_local; /* a valid one, or :: */
};

struct netlink_events {
	void (*link)(void *arg, const struct link_info *l); /* new, or something of it has changed */
	void (*gone)(void *arg, const struct link_info *l);
	void (*batch)(void *arg);
};

/* Tells of all links that exist before it returns. 0 or negative errno. */
int netlink_new(struct netlink **ret, struct event_base *base, const struct netlink_events *events, void *arg);
struct netlink *netlink_free(struct netlink *n);
/* Call events.link for every known link again (after a reload). */
void netlink_each(struct netlink *n, void (*each)(void *arg, const struct link_info *l), void *arg);
const struct link_info *netlink_find(struct netlink *n, uint32_t ifindex);
const struct link_info *netlink_find_name(struct netlink *n, const char *name);

/* Changes; 0 or negative errno. */
int netlink_set_mac(struct netlink *n, uint32_t ifindex, const uint8_t mac[6]);
/* Without duplicate address detection: the same address stands at every MAG (RFC 6543). -EEXIST counts as success. */
int netlink_add_address(struct netlink *n, uint32_t ifindex, const struct in6_addr *a, uint8_t prefix_len);
int netlink_del_address(struct netlink *n, uint32_t ifindex, const struct in6_addr *a, uint8_t prefix_len);
