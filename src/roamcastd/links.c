/* SPDX-License-Identifier: BSD-2-Clause */
/* Which network interfaces play which part, as they come and go: access links of the MAG, transport of the tunnels, upstream of the LMA;
 * upstream and downstream links of a plain proxy. */
#include "roamcastd/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/log.h"

static const struct conf_access *access_of(const struct conf *c, const char *name)
{
	for (unsigned i = 0; c->has_mag && i < c->n_access; i++)
		if (fnmatch(c->access[i].pattern, name, 0) == 0)
			return &c->access[i];
	return NULL;
}

static bool is_transport(const struct conf *c, const char *name)
{
	/* LMA and MAG in one daemon: their tunnel runs over the loopback interface */
	if (c->has_lma && c->has_mag && strcmp(name, "lo") == 0)
		return true;
	for (unsigned i = 0; i < c->n_transport; i++)
		if (fnmatch(c->transport[i], name, 0) == 0)
			return true;
	return false;
}

static bool is_upstream(const struct conf *c, const char *name)
{
	return (c->has_lma && strcmp(c->upstream, name) == 0) || (c->has_proxy && strcmp(c->proxy_upstream, name) == 0);
}

static bool is_downstream(const struct conf *c, const char *name)
{
	if (!c->has_proxy || strcmp(name, "lo") == 0 || strcmp(name, c->proxy_upstream) == 0)
		return false;
	for (unsigned i = 0; i < c->n_downstream; i++)
		if (fnmatch(c->downstream[i], name, 0) == 0)
			return true;
	return false;
}

static void sysctl(const char *link, const char *key, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", link, key);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return; /* the link went while we were told of it: that news is on its way */
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		log_warning("%s: cannot set %s to %s: %s", link, path, value, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* All MAGs look the same to a node: one MAC address and one link-local address (RFC 6543), no others of the kernel's making. */
static void dress_access(struct daemon *d, const struct conf_access *a, const struct link_info *l)
{
	const struct in6_addr *self = &d->conf->mag.link_local;
	int r;

	sysctl(l->name, "accept_ra", "0");
	/* Neighbour Advertisements of this host say that a router sends them: a node forgets a default router that answers its
	 * probe without that (RFC 4861 7.2.5). By itself it makes the kernel forward nothing. */
	sysctl(l->name, "forwarding", "1");
	sysctl(l->name, "addr_gen_mode", "1");
	/* sets the Router flag in the kernel's Neighbour Advertisements: without it a host drops its default route (RFC 4861 7.2.5) */
	sysctl(l->name, "forwarding", "1");
	if (addr_is_any(self))
		self = &addr_mag_link_local;
	if (a->fixed_mac && memcmp(l->mac, mac_mag_fixed, 6) != 0) {
		r = netlink_set_mac(d->netlink, l->ifindex, mac_mag_fixed);
		if (r < 0 && r != -ENODEV)
			log_warning("%s: cannot take the MAC address 00:00:5e:00:52:13: %s; nodes will see another router at each MAG "
				    "(or set fixed-mac: no)", l->name, strerror(-r));
	}
	if (!addr_is_any(&l->link_local) && !addr_eq(&l->link_local, self))
		(void)netlink_del_address(d->netlink, l->ifindex, &l->link_local, 64);
	r = netlink_add_address(d->netlink, l->ifindex, self, 64);
	if (r < 0 && r != -ENODEV)
		log_warning("%s: cannot add the link-local address: %s", l->name, strerror(-r));
}

static void mag_link(struct daemon *d, const struct conf_access *a, const struct link_info *l)
{
	if (!l->running) {
		mag_link_down(d->mag, clock_now(), l->ifindex);
		return;
	}
	mag_link_up(d->mag, clock_now(), l->ifindex, l->name, a->kind, l->mtu, l->mac);
}

static void lose_upstream(struct daemon *d, uint32_t ifindex)
{
	if (d->upstream_ifindex != ifindex)
		return;
	d->upstream_ifindex = 0;
	if (d->lma)
		lma_upstream(d->lma, clock_now(), 0, &addr_any, 0);
	if (d->proxy)
		mldproxy_upstream(d->proxy, clock_now(), 0, &addr_any, 0);
}

static void lma_link(struct daemon *d, const struct link_info *l)
{
	bool usable = l->running && !addr_is_any(&l->link_local);

	if (usable) {
		d->upstream_ifindex = l->ifindex;
		lma_upstream(d->lma, clock_now(), l->ifindex, &l->link_local, l->mtu);
	} else {
		lose_upstream(d, l->ifindex);
	}
}

/* A link that may be another instance's now: where its streams go. */
static void join_instance(void *arg, const struct link_info *l)
{
	struct daemon *d = arg;

	if (is_downstream(d->conf, l->name))
		(void)dp_link_proxy(d->dp, l->ifindex, d->instance);
}

static void proxy_upstream(struct daemon *d, const struct link_info *l)
{
	if (!l->running || addr_is_any(&l->link_local)) {
		lose_upstream(d, l->ifindex);
		return;
	}
	d->upstream_ifindex = l->ifindex;
	mldproxy_upstream(d->proxy, clock_now(), l->ifindex, &l->link_local, l->mtu);
	if (d->instance == l->ifindex)
		return;
	d->instance = l->ifindex;
	netlink_each(d->netlink, join_instance, d);
}

static void proxy_downstream(struct daemon *d, const struct link_info *l)
{
	join_instance(d, l);
	if (l->running && !addr_is_any(&l->link_local))
		mldproxy_downstream_up(d->proxy, clock_now(), l->ifindex, l->name, &l->link_local, l->mtu);
	else
		mldproxy_downstream_down(d->proxy, clock_now(), l->ifindex);
}

/* What is told may be past: a link that is moved to another namespace is told of several times, and each attempt to
 * set it up would wait for the kernel, while the nodes of other links wait for us. */
static bool is_there(const struct link_info *l)
{
	char name[IF_NAMESIZE];

	return if_indextoname(l->ifindex, name) && strcmp(name, l->name) == 0;
}

void daemon_link_changed(void *arg, const struct link_info *l)
{
	struct daemon *d = arg;
	const struct conf_access *access = access_of(d->conf, l->name);
	bool upstream = is_upstream(d->conf, l->name), downstream = is_downstream(d->conf, l->name);
	unsigned roles = (access ? DP_LINK_ACCESS : 0u) | (is_transport(d->conf, l->name) ? DP_LINK_TRANSPORT : 0u) |
			 (upstream ? DP_LINK_UPSTREAM : 0u) | (downstream ? DP_LINK_DOWNSTREAM : 0u);

	/* the first round is told again, when there is a socket to dress links with */
	if (!d->netlink)
		return;
	if (!is_there(l)) {
		daemon_link_gone(d, l);
		return;
	}
	if (!access && d->mag)
		mag_link_down(d->mag, clock_now(), l->ifindex);
	if (!downstream && d->proxy)
		mldproxy_downstream_down(d->proxy, clock_now(), l->ifindex);
	if (!upstream)
		lose_upstream(d, l->ifindex);
	if (!access && !upstream && !downstream) /* by a reload */
		(void)link_socket_allmulti(d->link_socket, l->ifindex, false);
	if (!roles) {
		daemon_pump(d);
		dp_link_del(d->dp, l->ifindex);
		return;
	}
	/* Before it runs, once, for devices whose address can only change then; not again when it goes down: its nodes' leaving
	 * is to be told at once. */
	if (access && (l->running || memcmp(l->mac, mac_mag_fixed, 6) != 0))
		dress_access(d, access, l);
	int r = dp_link_set(d->dp, l->ifindex, l->name, roles, l->mtu, access && access->fixed_mac ? mac_mag_fixed : l->mac);
	if (r < 0 && r != -ENODEV) /* gone meanwhile: its end will be told */
		log_error("%s: the data plane cannot use this link: %s", l->name, strerror(-r));
	if (access || upstream || downstream)
		(void)link_socket_allmulti(d->link_socket, l->ifindex, true);
	if (access)
		mag_link(d, access, l);
	if (upstream && d->lma)
		lma_link(d, l);
	if (upstream && d->proxy)
		proxy_upstream(d, l);
	if (downstream)
		proxy_downstream(d, l);
	daemon_pump(d);
}

void daemon_link_gone(void *arg, const struct link_info *l)
{
	struct daemon *d = arg;

	if (d->mag) /* whatever its name is now: it may have been an access link under another */
		mag_link_down(d->mag, clock_now(), l->ifindex);
	if (d->proxy)
		mldproxy_downstream_down(d->proxy, clock_now(), l->ifindex);
	lose_upstream(d, l->ifindex);
	(void)link_socket_allmulti(d->link_socket, l->ifindex, false); /* its number may come again */
	daemon_pump(d);
	dp_link_del(d->dp, l->ifindex);
}
