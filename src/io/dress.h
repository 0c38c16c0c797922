/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* All MAGs look the same to a node: an access link has one MAC address and one link-local address (RFC 6543), no others of
 * the kernel's making, and neighbour advertisements from it are a router's. What that needs is done once when a link
 * comes, and again only as far as it has come undone. */
#include "io/netlink.h"

struct dress;

struct dress_conf {
	struct in6_addr self; /* the link-local address */
	bool fixed_mac;	      /* the MAC address is that of RFC 6543, too */
};

/* What is done to links; 0 or negative errno each. -ENODEV: the link is gone, which is not this module's news. */
struct dress_ops {
	int (*set)(void *arg, const char *link, const char *key, const char *value); /* /proc/sys/net/ipv6/conf */
	int (*set_mac)(void *arg, uint32_t ifindex, const uint8_t mac[6]);
	int (*add_address)(void *arg, uint32_t ifindex, const struct in6_addr *a);
	int (*del_address)(void *arg, uint32_t ifindex, const struct in6_addr *a);
	void (*problem)(void *arg, const char *link, const char *text);
};

/* NULL: out of memory. */
struct dress *dress_new(const struct dress_ops *ops, void *arg);
struct dress *dress_free(struct dress *d);
/* *l is as the kernel told it last, with what was done to it since. */
void dress_link(struct dress *d, const struct link_info *l, const struct dress_conf *c);
/* It is gone, or no access link any more. */
void dress_forget(struct dress *d, uint32_t ifindex);
/* Whatever was done to links is done again, for them whom somebody else has changed. */
void dress_forget_all(struct dress *d);
/* The operations on this host's kernel; `arg` is the struct netlink. Problems are logged. */
extern const struct dress_ops dress_kernel;
