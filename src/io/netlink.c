/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/netlink.h"

#include <errno.h>
#include <event2/event.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/htab.h"
#include "base/list.h"

struct link_entry {
	struct hnode node;
	struct list changed; /* in netlink.changed: to be told */
	struct link_info info, told;
	bool known;    /* `told` is of this link */
	uint32_t dump; /* the last dump that told of it */
};

struct netlink {
	struct mnl_socket *watch; /* notifications */
	struct mnl_socket *talk;  /* requests */
	struct event *ev;
	struct netlink_events events;
	void *arg;
	struct htab links; /* by ifindex */
	struct list changed;
	uint32_t seq;
	uint32_t dump;
	bool telling; /* false during the first dump */
};

static struct link_entry *find(const struct netlink *n, uint32_t ifindex)
{
	for (struct hnode *h = htab_first(&n->links, htab_hash(&n->links, &ifindex, sizeof(ifindex))); h; h = htab_same(h)) {
		struct link_entry *e = hnode_owner(h, struct link_entry, node);
		if (e->info.ifindex == ifindex)
			return e;
	}
	return NULL;
}

static void forget(struct netlink *n, struct link_entry *e)
{
	htab_del(&n->links, &e->node);
	list_del(&e->changed);
	if (n->telling)
		n->events.gone(n->arg, &e->info);
	free(e);
}

static void tell(struct netlink *n, struct link_entry *e)
{
	struct link_info told = e->told;
	bool known = e->known;

	list_del(&e->changed);
	if (known && !memcmp(&told, &e->info, sizeof(told)))
		return;
	e->told = e->info;
	e->known = true;
	n->events.link(n->arg, &e->told, known ? &told : NULL);
}

static void tell_later(struct netlink *n, struct link_entry *e)
{
	if (n->telling && list_empty(&e->changed))
		list_add(&n->changed, &e->changed);
}

static void tell_changed(struct netlink *n)
{
	for (struct list *l; (l = list_first(&n->changed));)
		tell(n, list_owner(l, struct link_entry, changed));
}

static struct link_entry *entry_new(struct netlink *n, uint32_t ifindex)
{
	struct link_entry *e = calloc(1, sizeof(*e));

	if (!e || !htab_add(&n->links, &e->node, htab_hash(&n->links, &ifindex, sizeof(ifindex)))) {
		free(e);
		return NULL;
	}
	list_init(&e->changed);
	e->info.ifindex = ifindex;
	return e;
}

static void link_read(const struct nlmsghdr *nlh, struct link_info *l)
{
	const struct ifinfomsg *ifm = mnl_nlmsg_get_payload(nlh);
	struct nlattr *a;

	l->running = (ifm->ifi_flags & IFF_UP) && (ifm->ifi_flags & IFF_LOWER_UP);
	l->operational = l->running && (ifm->ifi_flags & IFF_RUNNING);
	mnl_attr_for_each(a, nlh, sizeof(*ifm)) {
		switch (mnl_attr_get_type(a)) {
		case IFLA_IFNAME:
			memset(l->name, 0, sizeof(l->name));
			snprintf(l->name, sizeof(l->name), "%s", mnl_attr_get_str(a));
			break;
		case IFLA_MTU:
			l->mtu = mnl_attr_get_u32(a);
			break;
		case IFLA_CARRIER_DOWN_COUNT:
			l->carrier_downs = mnl_attr_get_u32(a);
			break;
		case IFLA_ADDRESS:
			if (mnl_attr_get_payload_len(a) == 6)
				memcpy(l->mac, mnl_attr_get_payload(a), 6);
			break;
		default:
			break;
		}
	}
}

static void link_changed(struct netlink *n, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifm = mnl_nlmsg_get_payload(nlh);
	struct link_entry *e = find(n, (uint32_t)ifm->ifi_index);

	/* bridge ports are told of again under AF_BRIDGE */
	if (ifm->ifi_family != AF_UNSPEC)
		return;
	if (nlh->nlmsg_type == RTM_DELLINK) {
		if (e)
			forget(n, e);
		return;
	}
	if (!e && !(e = entry_new(n, (uint32_t)ifm->ifi_index)))
		return;
	link_read(nlh, &e->info);
	e->dump = n->dump;
	tell_later(n, e);
	if (e->known && e->told.running && !e->info.running)
		tell(n, e); /* it may be up again in the next message, and somebody else on it */
}

/* ---- addresses ---- */

bool link_info_has(const struct link_info *l, const struct in6_addr *link_local)
{
	for (unsigned i = 0; i < LINK_LOCALS_MAX; i++)
		if (addr_eq(&l->link_locals[i], link_local))
			return true;
	return false;
}

/* In the order in which they came: the first is the link's as long as it is there. */
static void link_local_set(struct link_info *l, const struct in6_addr *a, bool there)
{
	unsigned n = 0;

	if (there && link_info_has(l, a))
		return;
	for (unsigned i = 0; i < LINK_LOCALS_MAX; i++)
		if (!addr_is_any(&l->link_locals[i]) && !addr_eq(&l->link_locals[i], a))
			l->link_locals[n++] = l->link_locals[i];
	if (there && n < LINK_LOCALS_MAX)
		l->link_locals[n++] = *a;
	while (n < LINK_LOCALS_MAX)
		l->link_locals[n++] = addr_any;
	l->link_local = l->link_locals[0];
}

static void address_changed(struct netlink *n, const struct nlmsghdr *nlh)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct link_entry *e = find(n, ifa->ifa_index);
	const struct in6_addr *addr = NULL;
	uint32_t flags = ifa->ifa_flags;
	struct nlattr *a;

	if (!e || ifa->ifa_family != AF_INET6)
		return;
	mnl_attr_for_each(a, nlh, sizeof(*ifa)) {
		if (mnl_attr_get_type(a) == IFA_ADDRESS && mnl_attr_get_payload_len(a) == 16)
			addr = mnl_attr_get_payload(a);
		else if (mnl_attr_get_type(a) == IFA_FLAGS)
			flags = mnl_attr_get_u32(a);
	}
	struct in6_addr self;
	if (!addr)
		return;
	memcpy(&self, addr, sizeof(self));
	if (!addr_is_link_local(&self))
		return;
	if (nlh->nlmsg_type == RTM_NEWADDR && (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)))
		return;
	link_local_set(&e->info, &self, nlh->nlmsg_type == RTM_NEWADDR);
	tell_later(n, e);
}

static int on_message(const struct nlmsghdr *nlh, void *arg)
{
	struct netlink *n = arg;

	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		link_changed(n, nlh);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		address_changed(n, nlh);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

/* One request on the talking socket, answers to `cb` until the end or the acknowledgement. */
static int talk(struct netlink *n, struct nlmsghdr *nlh, mnl_cb_t cb)
{
	static uint8_t buf[1 << 15];
	unsigned port = mnl_socket_get_portid(n->talk);
	uint32_t seq = nlh->nlmsg_seq = ++n->seq;

	if (mnl_socket_sendto(n->talk, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t len = mnl_socket_recvfrom(n->talk, buf, sizeof(buf));
		if (len < 0)
			return -errno;
		int r = mnl_cb_run(buf, (size_t)len, seq, port, cb, n);
		if (r < 0)
			return -errno;
		if (r == MNL_CB_STOP)
			return 0;
	}
}

static int dump(struct netlink *n, uint16_t type, uint8_t family)
{
	uint8_t buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	if (type == RTM_GETLINK) {
		struct ifinfomsg *ifm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifm));
		ifm->ifi_family = family;
	} else {
		struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
		ifa->ifa_family = family;
	}
	return talk(n, nlh, on_message);
}

/* The truth anew: links that are not in it are gone. After a notification was lost. */
static int resync(struct netlink *n)
{
	n->dump++;
	int r = dump(n, RTM_GETLINK, AF_UNSPEC);
	if (r < 0)
		return r;
	for (struct hnode *h = htab_next(&n->links, NULL), *next; h; h = next) {
		next = htab_next(&n->links, h);
		struct link_entry *e = hnode_owner(h, struct link_entry, node);
		if (e->dump != n->dump)
			forget(n, e);
	}
	return dump(n, RTM_GETADDR, AF_INET6);
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	static uint8_t buf[1 << 16];
	struct netlink *n = arg;

	(void)fd;
	(void)what;
	for (int turn = 0; turn < 64; turn++) {
		ssize_t len = mnl_socket_recvfrom(n->watch, buf, sizeof(buf));
		if (len < 0) {
			if (errno == ENOBUFS) {
				(void)resync(n);
				continue;
			}
			break;
		}
		(void)mnl_cb_run(buf, (size_t)len, 0, 0, on_message, n);
	}
	tell_changed(n);
	n->events.batch(n->arg);
}

int netlink_new(struct netlink **ret, struct event_base *base, const struct netlink_events *events, void *arg)
{
	int err, buffer = 4 << 20;
	struct netlink *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->events = *events;
	n->arg = arg;
	htab_init(&n->links, 1);
	list_init(&n->changed);
	n->watch = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
	n->talk = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!n->watch || !n->talk ||
	    mnl_socket_bind(n->watch, RTMGRP_LINK | RTMGRP_IPV6_IFADDR, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_bind(n->talk, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		goto fail;
	}
	(void)setsockopt(mnl_socket_get_fd(n->watch), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	n->ev = event_new(base, mnl_socket_get_fd(n->watch), EV_READ | EV_PERSIST, readable, n);
	if (!n->ev || event_add(n->ev, NULL) < 0) {
		err = -ENOMEM;
		goto fail;
	}
	err = resync(n);
	if (err < 0)
		goto fail;
	n->telling = true;
	*ret = n;
	return 0;
fail:
	netlink_free(n);
	return err;
}

struct netlink *netlink_free(struct netlink *n)
{
	if (!n)
		return NULL;
	for (struct hnode *h = htab_next(&n->links, NULL), *next; h; h = next) {
		next = htab_next(&n->links, h);
		htab_del(&n->links, h);
		free(hnode_owner(h, struct link_entry, node));
	}
	htab_deinit(&n->links);
	if (n->ev)
		event_free(n->ev);
	if (n->watch)
		mnl_socket_close(n->watch);
	if (n->talk)
		mnl_socket_close(n->talk);
	free(n);
	return NULL;
}

void netlink_tell_all(struct netlink *n)
{
	for (struct hnode *h = htab_next(&n->links, NULL); h; h = htab_next(&n->links, h)) {
		struct link_entry *e = hnode_owner(h, struct link_entry, node);

		e->known = false;
		tell(n, e);
	}
}

void netlink_each(struct netlink *n, void (*each)(void *arg, const struct link_info *l), void *arg)
{
	for (struct hnode *h = htab_next(&n->links, NULL); h; h = htab_next(&n->links, h))
		each(arg, &hnode_owner(h, struct link_entry, node)->info);
}

const struct link_info *netlink_find(struct netlink *n, uint32_t ifindex)
{
	struct link_entry *e = find(n, ifindex);

	return e ? &e->info : NULL;
}

const struct link_info *netlink_find_name(struct netlink *n, const char *name)
{
	for (struct hnode *h = htab_next(&n->links, NULL); h; h = htab_next(&n->links, h)) {
		struct link_entry *e = hnode_owner(h, struct link_entry, node);
		if (strcmp(e->info.name, name) == 0)
			return &e->info;
	}
	return NULL;
}

bool netlink_name(struct netlink *n, uint32_t ifindex, char ret[16])
{
	struct ifreq r = {.ifr_ifindex = (int)ifindex};

	if (ioctl(mnl_socket_get_fd(n->talk), SIOCGIFNAME, &r) < 0)
		return false;
	memcpy(ret, r.ifr_name, 16);
	return true;
}

/* What was done here is known: the kernel's word of it is no news. */
static void done(struct netlink *n, uint32_t ifindex, const uint8_t *mac, const struct in6_addr *link_local, bool there)
{
	struct link_entry *e = find(n, ifindex);

	for (struct link_info *l = e ? &e->info : NULL; l; l = l == &e->info ? &e->told : NULL) {
		if (mac)
			memcpy(l->mac, mac, 6);
		if (link_local)
			link_local_set(l, link_local, there);
	}
}

int netlink_set_mac(struct netlink *n, uint32_t ifindex, const uint8_t mac[6])
{
	uint8_t buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct ifinfomsg *ifm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifm));
	ifm->ifi_index = (int)ifindex;
	mnl_attr_put(nlh, IFLA_ADDRESS, 6, mac);
	int r = talk(n, nlh, NULL);
	if (!r)
		done(n, ifindex, mac, NULL, false);
	return r;
}

static int address(struct netlink *n, uint16_t type, uint16_t flags, uint32_t ifindex, const struct in6_addr *a, uint8_t len)
{
	uint8_t buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = AF_INET6;
	ifa->ifa_prefixlen = len;
	ifa->ifa_flags = IFA_F_NODAD;
	ifa->ifa_scope = RT_SCOPE_LINK;
	ifa->ifa_index = ifindex;
	mnl_attr_put(nlh, IFA_ADDRESS, 16, a);
	mnl_attr_put(nlh, IFA_LOCAL, 16, a);
	return talk(n, nlh, NULL);
}

int netlink_add_address(struct netlink *n, uint32_t ifindex, const struct in6_addr *a, uint8_t prefix_len)
{
	int r = address(n, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex, a, prefix_len);

	if (r && r != -EEXIST)
		return r;
	done(n, ifindex, NULL, a, true);
	return 0;
}

int netlink_del_address(struct netlink *n, uint32_t ifindex, const struct in6_addr *a, uint8_t prefix_len)
{
	int r = address(n, RTM_DELADDR, 0, ifindex, a, prefix_len);

	if (r && r != -EADDRNOTAVAIL)
		return r;
	done(n, ifindex, NULL, a, false);
	return 0;
}
