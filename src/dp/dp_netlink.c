/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_netlink.h"

#include <errno.h>
#include <event2/event.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dp/dp_priv.h"

#define RULE_PRIORITY 5213 /* after table local, before main */
#define ROUTE_PROTOCOL 213 /* in `ip route show proto 213`: ours */

struct dp_netlink {
	struct mnl_socket *request, *notify;
	struct event *event, *settle;
	struct dp_netlink_events events;
	void *arg;
	uint32_t seq;
	bool settling;
	_Alignas(8) uint8_t buf[16384]; /* netlink headers are laid over it */
};

/* ---- asking ------------------------------------------------------------------------------------------- */

static struct nlmsghdr *message(struct dp_netlink *nl, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(nl->buf);

	m->nlmsg_type = type;
	m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	m->nlmsg_seq = ++nl->seq;
	return m;
}

/* Send what stands in nl->buf and read the answer into it. 0 or negative errno. */
static int ask(struct dp_netlink *nl, struct nlmsghdr *m, mnl_cb_t answer, void *arg)
{
	unsigned port = mnl_socket_get_portid(nl->request);
	ssize_t n;
	int r;

	if (mnl_socket_sendto(nl->request, m, m->nlmsg_len) < 0)
		return -errno;
	do {
		do
			n = mnl_socket_recvfrom(nl->request, nl->buf, sizeof(nl->buf));
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return -errno;
		r = mnl_cb_run(nl->buf, (size_t)n, nl->seq, port, answer, arg);
		if (r < 0)
			return -errno;
	} while (r > MNL_CB_STOP);
	return 0;
}

static uint32_t interface_mtu(uint32_t ifindex, uint8_t mac[6])
{
	struct dp_ifinfo i;

	if (dp_ifinfo_get(ifindex, &i))
		return 0;
	memcpy(mac, i.mac, 6);
	return i.mtu;
}

/* The path of a route's multipath attribute: the first hop serves. */
static void read_multipath(const struct nlattr *a, struct dp_nexthop *nh)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(a);
	const struct nlattr *b = (const struct nlattr *)RTNH_DATA(hop);

	nh->ifindex = (uint32_t)hop->rtnh_ifindex;
	if (hop->rtnh_len >= sizeof(*hop) + sizeof(*b) + sizeof(nh->gateway) && b->nla_type == RTA_GATEWAY)
		memcpy(&nh->gateway, mnl_attr_get_payload(b), sizeof(nh->gateway));
}

struct route_answer {
	struct dp_nexthop nh;
	uint8_t type;
};

static int read_route(const struct nlmsghdr *m, void *arg)
{
	struct route_answer *ans = arg;
	const struct rtmsg *rt = mnl_nlmsg_get_payload(m);
	const struct nlattr *a, *b;

	if (m->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	ans->type = rt->rtm_type;
	mnl_attr_for_each(a, m, sizeof(*rt)) {
		switch (mnl_attr_get_type(a)) {
		case RTA_OIF:
			ans->nh.ifindex = mnl_attr_get_u32(a);
			break;
		case RTA_GATEWAY:
			if (mnl_attr_get_payload_len(a) == 16)
				memcpy(&ans->nh.gateway, mnl_attr_get_payload(a), 16);
			break;
		case RTA_MULTIPATH:
			if (mnl_attr_get_payload_len(a) >= sizeof(struct rtnexthop))
				read_multipath(a, &ans->nh);
			break;
		case RTA_METRICS:
			mnl_attr_for_each_nested(b, a)
				if (mnl_attr_get_type(b) == RTAX_MTU)
					ans->nh.mtu = mnl_attr_get_u32(b);
			break;
		default: /* the kernel has more, and new ones */
			break;
		}
	}
	return MNL_CB_STOP;
}

static int route_get(struct dp_netlink *nl, const struct in6_addr *local, const struct in6_addr *remote,
		     struct route_answer *ans)
{
	struct nlmsghdr *m = message(nl, RTM_GETROUTE, 0);
	struct rtmsg *rt = mnl_nlmsg_put_extra_header(m, sizeof(*rt));

	rt->rtm_family = AF_INET6;
	rt->rtm_dst_len = 128;
	rt->rtm_src_len = 128;
	mnl_attr_put(m, RTA_DST, 16, remote);
	mnl_attr_put(m, RTA_SRC, 16, local);
	return ask(nl, m, read_route, ans);
}

static int read_neighbour(const struct nlmsghdr *m, void *arg)
{
	struct dp_nexthop *nh = arg;
	const struct ndmsg *nd = mnl_nlmsg_get_payload(m);
	const struct nlattr *a;

	if (m->nlmsg_type != RTM_NEWNEIGH)
		return MNL_CB_OK;
	if (!(nd->ndm_state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)))
		return MNL_CB_STOP;
	mnl_attr_for_each(a, m, sizeof(*nd)) {
		if (mnl_attr_get_type(a) == NDA_LLADDR && mnl_attr_get_payload_len(a) == 6) {
			memcpy(nh->dmac, mnl_attr_get_payload(a), 6);
			nh->valid = true;
		}
	}
	return MNL_CB_STOP;
}

static struct ndmsg *neighbour_message(struct nlmsghdr *m, uint32_t ifindex, const struct in6_addr *addr)
{
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(m, sizeof(*nd));

	nd->ndm_family = AF_INET6;
	nd->ndm_ifindex = (int)ifindex;
	mnl_attr_put(m, NDA_DST, 16, addr);
	return nd;
}

/* Managed: the kernel resolves it and keeps it resolved though none of its own packets go there. Kernels before
 * 5.16 only resolve, once. An entry set by hand stays as it is. */
static void neighbour_keep(struct dp_netlink *nl, uint32_t ifindex, const struct in6_addr *addr)
{
	struct nlmsghdr *m = message(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_ACK);
	struct ndmsg *nd = neighbour_message(m, ifindex, addr);

	nd->ndm_flags = NTF_USE;
	mnl_attr_put_u32(m, NDA_FLAGS_EXT, NTF_EXT_MANAGED);
	ask(nl, m, NULL, NULL);
}

int dp_netlink_resolve(struct dp_netlink *nl, const struct in6_addr *local, const struct in6_addr *remote,
		       struct dp_nexthop *ret)
{
	struct route_answer ans = {0};
	struct nlmsghdr *m;
	uint32_t mtu;
	int r = route_get(nl, local, remote, &ans);

	if (r)
		return r;
	if (!ans.nh.ifindex || (ans.type != RTN_UNICAST && ans.type != RTN_LOCAL))
		return -ENETUNREACH;
	ans.nh.route = true;
	mtu = interface_mtu(ans.nh.ifindex, ans.nh.smac);
	if (!ans.nh.mtu || ans.nh.mtu > mtu)
		ans.nh.mtu = mtu;
	if (ans.type == RTN_LOCAL) { /* both ends are here: over lo, whose addresses are zero */
		ans.nh.ifindex = 1;
		ans.nh.mtu = interface_mtu(1, ans.nh.smac);
		ans.nh.valid = true;
		*ret = ans.nh;
		return 0;
	}
	if (addr_is_any(&ans.nh.gateway))
		ans.nh.gateway = *remote;
	m = message(nl, RTM_GETNEIGH, 0);
	neighbour_message(m, ans.nh.ifindex, &ans.nh.gateway);
	if (ask(nl, m, read_neighbour, &ans.nh) || !ans.nh.valid)
		neighbour_keep(nl, ans.nh.ifindex, &ans.nh.gateway);
	*ret = ans.nh;
	return 0;
}

void dp_netlink_release(struct dp_netlink *nl, uint32_t ifindex, const struct in6_addr *neighbour)
{
	struct nlmsghdr *m = message(nl, RTM_NEWNEIGH, NLM_F_ACK);
	struct ndmsg *nd = neighbour_message(m, ifindex, neighbour);

	nd->ndm_flags = NTF_USE;
	mnl_attr_put_u32(m, NDA_FLAGS_EXT, 0);
	ask(nl, m, NULL, NULL);
}

int dp_netlink_route(struct dp_netlink *nl, bool add, const struct prefix *p, uint32_t ifindex)
{
	struct nlmsghdr *m = message(nl, add ? RTM_NEWROUTE : RTM_DELROUTE,
				     (uint16_t)(NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_REPLACE : 0)));
	struct rtmsg *rt = mnl_nlmsg_put_extra_header(m, sizeof(*rt));

	rt->rtm_family = AF_INET6;
	rt->rtm_dst_len = p->len;
	rt->rtm_table = RT_TABLE_MAIN;
	rt->rtm_protocol = ROUTE_PROTOCOL;
	rt->rtm_scope = RT_SCOPE_UNIVERSE;
	rt->rtm_type = RTN_UNICAST;
	mnl_attr_put(m, RTA_DST, 16, &p->addr);
	mnl_attr_put_u32(m, RTA_OIF, ifindex);
	return ask(nl, m, NULL, NULL);
}

int dp_netlink_blackhole(struct dp_netlink *nl, bool add, const char *ifname)
{
	struct nlmsghdr *m = message(nl, add ? RTM_NEWRULE : RTM_DELRULE,
				     (uint16_t)(NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0)));
	struct fib_rule_hdr *h = mnl_nlmsg_put_extra_header(m, sizeof(*h));
	int r;

	h->family = AF_INET6;
	h->action = FR_ACT_BLACKHOLE;
	mnl_attr_put_strz(m, FRA_IIFNAME, ifname);
	mnl_attr_put_u32(m, FRA_PRIORITY, RULE_PRIORITY);
	r = ask(nl, m, NULL, NULL);
	return r == -EEXIST ? 0 : r;
}

/* ---- being told --------------------------------------------------------------------------------------- */

static int read_notification(const struct nlmsghdr *m, void *arg)
{
	struct dp_netlink *nl = arg;
	const struct ndmsg *nd;
	const struct nlattr *a;

	if (m->nlmsg_type != RTM_NEWNEIGH && m->nlmsg_type != RTM_DELNEIGH) {
		nl->settling = true;
		return MNL_CB_OK;
	}
	nd = mnl_nlmsg_get_payload(m);
	if (nd->ndm_family != AF_INET6)
		return MNL_CB_OK;
	mnl_attr_for_each(a, m, sizeof(*nd)) {
		if (mnl_attr_get_type(a) == NDA_DST && mnl_attr_get_payload_len(a) == 16) {
			struct in6_addr addr;

			memcpy(&addr, mnl_attr_get_payload(a), 16);
			nl->events.neighbour_changed(nl->arg, (uint32_t)nd->ndm_ifindex, &addr);
		}
	}
	return MNL_CB_OK;
}

static void on_notification(evutil_socket_t fd, short what, void *arg)
{
	struct dp_netlink *nl = arg;
	static _Alignas(8) uint8_t buf[32768];

	(void)what;
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0 && errno == ENOBUFS) { /* some were lost: look at everything */
			nl->settling = true;
			continue;
		}
		if (n <= 0)
			break;
		mnl_cb_run(buf, (size_t)n, 0, 0, read_notification, nl);
	}
	if (nl->settling)
		event_add(nl->settle, &(struct timeval){.tv_usec = 10000});
}

/* Routes come in crowds. */
static void on_settle(evutil_socket_t fd, short what, void *arg)
{
	struct dp_netlink *nl = arg;

	(void)fd;
	(void)what;
	nl->settling = false;
	nl->events.routes_changed(nl->arg);
}

static struct mnl_socket *open_socket(unsigned groups)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (s && mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) < 0) {
		mnl_socket_close(s);
		return NULL;
	}
	return s;
}

int dp_netlink_new(struct dp_netlink **ret, struct event_base *base, const struct dp_netlink_events *events,
		   void *arg)
{
	struct dp_netlink *nl = calloc(1, sizeof(*nl));
	int r;

	if (!nl)
		return -ENOMEM;
	nl->events = *events;
	nl->arg = arg;
	nl->seq = (uint32_t)time(NULL);
	errno = ENOMEM;
	nl->request = open_socket(0);
	nl->notify = open_socket(RTMGRP_NEIGH | RTMGRP_IPV6_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_LINK);
	if (nl->request && nl->notify) {
		nl->event = event_new(base, mnl_socket_get_fd(nl->notify), EV_READ | EV_PERSIST, on_notification, nl);
		nl->settle = event_new(base, -1, 0, on_settle, nl);
	}
	if (!nl->event || !nl->settle || event_add(nl->event, NULL)) {
		r = -errno;
		dp_netlink_free(nl);
		return r;
	}
	*ret = nl;
	return 0;
}

struct dp_netlink *dp_netlink_free(struct dp_netlink *nl)
{
	if (!nl)
		return NULL;
	if (nl->event)
		event_free(nl->event);
	if (nl->settle)
		event_free(nl->settle);
	if (nl->request)
		mnl_socket_close(nl->request);
	if (nl->notify)
		mnl_socket_close(nl->notify);
	free(nl);
	return NULL;
}
