/* SPDX-License-Identifier: BSD-2-Clause */
/* Which network interfaces play which part, as they come and go: access links of the MAG, transport of the tunnels, upstream of the LMA;
 * upstream and downstream links of a plain proxy. */
#include "roamcastd/daemon.h"

#include <errno.h>
#include <fnmatch.h>
#include <net/if.h>
#include <string.h>

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

/* All MAGs look the same to a node. */
static void dress_access(struct daemon *d, const struct conf_access *a, const struct link_info *l)
{
	struct dress_conf c = {.self = d->conf->mag.link_local, .fixed_mac = a->fixed_mac};

	if (addr_is_any(&c.self))
		c.self = addr_mag_link_local;
	dress_link(d->dress, l, &c);
}

/* Is there anything in it of which a MAG must know? Its own address, which comes and goes, is not. Each time that it is told
 * it asks who is on the link. */
static bool is_news(const struct link_info *l, const struct link_info *told)
{
	return !told || !told->running || l->carrier_downs != told->carrier_downs || (l->operational && !told->operational) ||
	       l->mtu != told->mtu || strcmp(l->name, told->name) != 0 || memcmp(l->mac, told->mac, sizeof(l->mac)) != 0;
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

/* Told first, before the kernel is asked for anything: that may wait, for it is busy with the link, too. */
static void link_down(struct daemon *d, const struct link_info *l)
{
	if (d->mag)
		mag_link_down(d->mag, clock_now(), l->ifindex);
	if (d->proxy)
		mldproxy_downstream_down(d->proxy, clock_now(), l->ifindex);
	lose_upstream(d, l->ifindex);
	daemon_pump(d);
}

void daemon_link_changed(void *arg, const struct link_info *l, const struct link_info *told)
{
	struct daemon *d = arg;
	const struct conf_access *access = access_of(d->conf, l->name);
	bool upstream = is_upstream(d->conf, l->name), downstream = is_downstream(d->conf, l->name);
	unsigned roles = (access ? DP_LINK_ACCESS : 0u) | (is_transport(d->conf, l->name) ? DP_LINK_TRANSPORT : 0u) |
			 (upstream ? DP_LINK_UPSTREAM : 0u) | (downstream ? DP_LINK_DOWNSTREAM : 0u);
	char name[IF_NAMESIZE];

	/* What is told may be past: a link that is moved to another namespace is told of several times, and each attempt to
	 * set it up would wait for the kernel, while the nodes of other links wait for us. */
	if (!netlink_name(d->netlink, l->ifindex, name)) {
		daemon_link_gone(d, l);
		return;
	}
	if (!l->running)
		link_down(d, l);
	if (strcmp(name, l->name) != 0)
		return; /* what it is now will be told */
	if (!access && d->mag)
		mag_link_down(d->mag, clock_now(), l->ifindex);
	if (!access)
		dress_forget(d->dress, l->ifindex);
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
	/* Also before it runs, for devices whose address can only change then. */
	if (access)
		dress_access(d, access, l);
	int r = dp_link_set(d->dp, l->ifindex, l->name, roles, l->mtu, access && access->fixed_mac ? mac_mag_fixed : l->mac);
	if (r < 0 && r != -ENODEV) /* gone meanwhile: its end will be told */
		log_error("%s: the data plane cannot use this link: %s", l->name, strerror(-r));
	if (access || upstream || downstream)
		(void)link_socket_allmulti(d->link_socket, l->ifindex, true);
	if (access && l->running && is_news(l, told))
		mag_link_up(d->mag, clock_now(), l->ifindex, l->name, access->kind, l->mtu, l->mac);
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

	link_down(d, l); /* whatever its name is now: it may have been an access link under another */
	dress_forget(d->dress, l->ifindex);
	link_socket_forget(d->link_socket, l->ifindex); /* its number may come again */
	dp_link_del(d->dp, l->ifindex);
}
