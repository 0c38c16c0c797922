/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp.h"

#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dp/dp_priv.h"

const char *dp_drop_name(enum dp_drop reason)
{
	switch (reason) {
	case DP_DROP_OUTER_SOURCE:
		return "outer-source";
	case DP_DROP_OUTER_MALFORMED:
		return "outer-malformed";
	case DP_DROP_INNER_SOURCE:
		return "inner-source";
	case DP_DROP_INNER_MALFORMED:
		return "inner-malformed";
	case DP_DROP_HOP_LIMIT:
		return "hop-limit";
	case DP_DROP_TOO_BIG:
		return "too-big";
	case DP_DROP_ECN:
		return "ecn";
	case DP_DROP_NO_NODE:
		return "no-node";
	case DP_DROP_NO_GROUP:
		return "no-group";
	case DP_DROP_UPLINK_UNREGISTERED:
		return "uplink-unregistered";
	case DP_DROP_UPLINK_SOURCE:
		return "uplink-source";
	case DP_DROP_UPLINK_MULTICAST:
		return "uplink-multicast";
	case DP_DROP_LINK_LOCAL:
		return "link-local";
	case DP_DROP_NO_NEIGHBOUR:
		return "no-neighbour";
	case DP_DROP_OUTPUT:
		return "output";
	case DP_DROP_N:
		break;
	}
	return "?";
}

void dp_problem(struct dp *dp, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!dp->events.problem)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	dp->events.problem(dp->arg, text);
}

static void conf_defaults(struct dp_conf *c)
{
	if (!c->nodes_max)
		c->nodes_max = 16384;
	if (!c->routes_max)
		c->routes_max = 1048576;
	if (!c->tunnels_max)
		c->tunnels_max = 4096;
	if (!c->flows_max)
		c->flows_max = 16384;
	if (!c->outs_max)
		c->outs_max = 131072;
	if (!c->ptb_per_s)
		c->ptb_per_s = 10;
	if (!c->hop_limit)
		c->hop_limit = 64;
}

/* ---- next hops ---------------------------------------------------------------------------------------- */

static bool nexthop_same(const struct dp_nexthop *a, const struct dp_nexthop *b)
{
	return a->route == b->route && a->valid == b->valid && a->ifindex == b->ifindex && a->mtu == b->mtu &&
	       addr_eq(&a->gateway, &b->gateway) && !memcmp(a->dmac, b->dmac, 6) && !memcmp(a->smac, b->smac, 6);
}

static bool neighbour_in_use(const struct dp *dp, const struct dp_nexthop *nh)
{
	list_each(e, &dp->tunnels) {
		const struct dp_tun *t = list_owner(e, struct dp_tun, entry);

		if (t->nh.route && t->nh.ifindex == nh->ifindex && addr_eq(&t->nh.gateway, &nh->gateway))
			return true;
	}
	return false;
}

/* RFC 2473 7.1: inner packets of 1280 pass at any rate, by outer fragments if it must be. */
void dp_tunnel_resolve(struct dp *dp, struct dp_tun *t)
{
	struct dp_nexthop nh = {0};
	uint32_t path;

	if (dp_netlink_resolve(dp->nl, &t->ends.local, &t->ends.remote, &nh))
		nh = (struct dp_nexthop){0};
	path = nh.route && nh.mtu ? nh.mtu : 1500;
	t->nh = nh;
	t->whole = path - OUTER_LEN;
	t->mtu = t->whole < IPV6_MTU_MIN ? IPV6_MTU_MIN : t->whole;
	t->limit = dp->conf.outer_fragmentation ? PACKET_MAX - 1 - OUTER_LEN : t->mtu;
}

static void publish_later(struct dp *dp) { event_add(dp->soon, &(struct timeval){.tv_usec = 5000}); }

bool dp_tunnel_refresh(struct dp *dp, struct dp_tun *t)
{
	struct dp_nexthop old = t->nh;

	dp_tunnel_resolve(dp, t);
	if (nexthop_same(&t->nh, &old))
		return false;
	t->nh_dirty = true;
	dp->ops->tunnel_set(dp, t);
	if (t->nh_dirty)
		publish_later(dp);
	if (old.route && !neighbour_in_use(dp, &old))
		dp_netlink_release(dp->nl, old.ifindex, &old.gateway);
	return true;
}

static void routes_changed(void *arg)
{
	struct dp *dp = arg;

	list_each(e, &dp->tunnels)
		dp_tunnel_refresh(dp, list_owner(e, struct dp_tun, entry));
	if (dp->ops)
		dp->ops->routes_changed(dp);
}

static void neighbour_changed(void *arg, uint32_t ifindex, const struct in6_addr *addr)
{
	struct dp *dp = arg;

	list_each(e, &dp->tunnels) {
		struct dp_tun *t = list_owner(e, struct dp_tun, entry);

		if (t->nh.route && t->nh.ifindex == ifindex && addr_eq(&t->nh.gateway, addr))
			dp_tunnel_refresh(dp, t);
	}
	if (dp->ops)
		dp->ops->routes_changed(dp);
}

/* A next hop may be published only when nobody reads the one before the last any more. */
static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct dp *dp = arg;
	bool again = false;

	(void)fd;
	(void)what;
	list_each(e, &dp->tunnels) {
		struct dp_tun *t = list_owner(e, struct dp_tun, entry);

		if (t->nh_dirty)
			dp->ops->tunnel_set(dp, t);
		again |= t->nh_dirty;
	}
	if (again)
		publish_later(dp);
}

/* A way that is not complete is asked for again. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct dp *dp = arg;

	(void)fd;
	(void)what;
	list_each(e, &dp->tunnels) {
		struct dp_tun *t = list_owner(e, struct dp_tun, entry);

		if (!t->nh.valid)
			dp_tunnel_refresh(dp, t);
	}
}

/* ---- life --------------------------------------------------------------------------------------------- */

static int open_backend(struct dp *dp, char *why, size_t why_size)
{
	int r = -ENOTSUP;

	if (dp->conf.backend != DP_BACKEND_USER) {
		dp->ops = &dp_backend_ebpf;
		dp->running = DP_BACKEND_EBPF;
		r = dp->ops->open(dp, why, why_size);
		if (!r || dp->conf.backend == DP_BACKEND_EBPF)
			return r;
		snprintf(dp->fallback, sizeof(dp->fallback), "%s", why);
	}
	dp->ops = &dp_backend_user;
	dp->running = DP_BACKEND_USER;
	return dp->ops->open(dp, why, why_size);
}

static int open_all(struct dp *dp, char *why, size_t why_size)
{
	static const struct dp_netlink_events nl_events = {routes_changed, neighbour_changed};
	static const struct timeval every = {.tv_usec = 250000};
	int r;

	if (!dp_ids_init(&dp->tun_ids, dp->conf.tunnels_max) || !dp_ids_init(&dp->node_ids, dp->conf.nodes_max) ||
	    !dp_ids_init(&dp->flow_ids, dp->conf.flows_max)) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	r = dp_netlink_new(&dp->nl, dp->base, &nl_events, dp);
	if (r) {
		snprintf(why, why_size, "netlink: %s; CAP_NET_ADMIN is needed", strerror(-r));
		return r;
	}
	dp->grace = dp_grace_new(dp->base);
	dp->tick = event_new(dp->base, -1, EV_PERSIST, on_tick, dp);
	dp->soon = event_new(dp->base, -1, 0, on_soon, dp);
	if (!dp->grace || !dp->tick || !dp->soon || event_add(dp->tick, &every)) {
		snprintf(why, why_size, "out of memory, or no thread to be had");
		return -ENOMEM;
	}
	r = dp_plane_open(dp, why, why_size);
	if (r)
		return r;
	r = open_backend(dp, why, why_size);
	if (r)
		dp->ops = NULL;
	return r;
}

int dp_new(struct dp **ret, const struct dp_conf *conf, struct event_base *base, const struct dp_events *events,
	   void *arg, char *why, size_t why_size)
{
	struct dp *dp = calloc(1, sizeof(*dp));
	int r;

	if (!dp) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	dp->conf = *conf;
	conf_defaults(&dp->conf);
	dp->allmulti = -1;
	dp->base = base;
	dp->events = *events;
	dp->arg = arg;
	dp_tables_init(dp);
	r = open_all(dp, why, why_size);
	if (r) {
		dp_free(dp);
		return r;
	}
	*ret = dp;
	return 0;
}

struct dp *dp_free(struct dp *dp)
{
	if (!dp)
		return NULL;
	if (dp->ops) {
		list_each_safe(e, &dp->links)
			dp_link_del(dp, list_owner(e, struct dp_link, entry)->ifindex);
	}
	dp_tables_deinit(dp);
	if (dp->ops)
		dp->ops->close(dp);
	dp_plane_close(dp);
	if (dp->tick)
		event_free(dp->tick);
	if (dp->soon)
		event_free(dp->soon);
	dp_grace_free(dp->grace);
	dp_netlink_free(dp->nl);
	dp_sysctl_restore(&dp->saved);
	if (dp->allmulti >= 0)
		close(dp->allmulti);
	dp_ids_deinit(&dp->tun_ids);
	dp_ids_deinit(&dp->node_ids);
	dp_ids_deinit(&dp->flow_ids);
	free(dp);
	return NULL;
}

enum dp_backend dp_running(const struct dp *dp) { return dp->running; }
const char *dp_fallback_reason(const struct dp *dp) { return dp->fallback[0] ? dp->fallback : NULL; }

int dp_apply(struct dp *dp, const struct dp_op *op) { return dp_table_apply(dp, op); }

int dp_tunnel_send(struct dp *dp, const struct dp_tunnel *tunnel, const uint8_t *inner, size_t len)
{
	struct dp_tun *t = dp_tun_find(dp, tunnel);

	return t ? dp_plane_send(dp, t, inner, len) : -ENOENT;
}

/* ---- what is there ------------------------------------------------------------------------------------ */

bool dp_node_count(struct dp *dp, uint32_t node, struct dp_count *up, struct dp_count *down)
{
	const struct dp_nod *n = dp_nod_find(dp, node);

	if (!n)
		return false;
	*up = n->up;
	*down = n->down;
	dp->ops->node_count(dp, n, up, down);
	return true;
}

bool dp_flow_count(struct dp *dp, const struct dp_flow *flow, struct dp_count *in)
{
	const struct dp_flw *f = dp_flw_find(dp, flow);
	struct dp_count none = {0};
	struct dp_lone x;

	if (!f) {
		if (!dp_lone_find(dp, flow, &x))
			return false;
		*in = none;
		dp->ops->lone_count(dp, &x, in, &none);
		return true;
	}
	*in = f->in;
	dp->ops->flow_count(dp, f, in);
	return true;
}

bool dp_out_count(struct dp *dp, const struct dp_flow *flow, const struct dp_out *out, struct dp_count *sent)
{
	const struct dp_flw *f = dp_flw_find(dp, flow);
	const struct dp_o *o = f ? dp_out_find(dp, f, out) : NULL;
	struct dp_count none = {0};
	struct dp_lone x;

	if (!f && dp_lone_find(dp, flow, &x)) {
		if (x.out.ifindex != out->ifindex || memcmp(x.out.dmac, out->dmac, 6))
			return false;
		*sent = none;
		dp->ops->lone_count(dp, &x, &none, sent);
		return true;
	}
	if (!o)
		return false;
	*sent = o->sent;
	dp->ops->out_count(dp, o, sent);
	return true;
}

bool dp_tunnel_count(struct dp *dp, const struct dp_tunnel *tunnel, struct dp_count *in, struct dp_count *out)
{
	const struct dp_tun *t = dp_tun_find(dp, tunnel);

	if (!t)
		return false;
	*in = t->in;
	*out = t->out;
	dp->ops->tunnel_count(dp, t, in, out);
	list_each(e, &t->outs) {
		const struct dp_o *o = list_owner(e, struct dp_o, of_tunnel);

		out->packets += o->sent.packets;
		out->bytes += o->sent.bytes;
		dp->ops->out_count(dp, o, out);
	}
	return true;
}

uint64_t dp_drop_count(struct dp *dp, enum dp_drop reason)
{
	return reason < DP_DROP_N ? dp->drops[reason] + dp->ops->drop_count(dp, reason) : 0;
}

uint32_t dp_tunnel_mtu(struct dp *dp, const struct dp_tunnel *tunnel)
{
	const struct dp_tun *t = dp_tun_find(dp, tunnel);

	return t ? t->mtu : 1500 - OUTER_LEN;
}

struct lone_walk {
	void (*each)(void *arg, const struct dp_flow *flow, const struct dp_out *outs, uint32_t n_outs);
	void *arg;
};

static void show_lone(void *arg, const struct dp_flow *flow, const struct dp_lone *x)
{
	const struct lone_walk *w = arg;

	w->each(w->arg, flow, &x->out, 1);
}

void dp_each_flow(struct dp *dp,
		  void (*each)(void *arg, const struct dp_flow *flow, const struct dp_out *outs, uint32_t n_outs),
		  void *arg)
{
	list_each(e, &dp->flows) {
		const struct dp_flw *f = list_owner(e, struct dp_flw, entry);
		uint32_t n = 0, n_outs = f->n_outs[OUT_LINK] + f->n_outs[OUT_TUNNEL];
		struct dp_out *outs = calloc(n_outs + 1, sizeof(*outs));

		if (!outs)
			return;
		for (int k = 0; k < OUT_KINDS; k++)
			list_each(oe, &f->outs[k])
				outs[n++] = list_owner(oe, struct dp_o, entry)->conf;
		each(arg, &f->key, outs, n);
		free(outs);
	}
	if (dp->n_lones)
		dp->ops->lone_each(dp, show_lone, &(struct lone_walk){each, arg});
}

/* ---- links -------------------------------------------------------------------------------------------- */

/* The downstream links whose instance the link is the upstream of. */
static void upstream_changed(struct dp *dp, uint32_t ifindex)
{
	list_each(e, &dp->links) {
		struct dp_link *l = list_owner(e, struct dp_link, entry);

		if (l->roles & DP_LINK_DOWNSTREAM && l->proxy == ifindex)
			dp->ops->link_proxy(dp, l);
	}
}

int dp_link_proxy(struct dp *dp, uint32_t ifindex, uint32_t upstream)
{
	struct dp_link *l = dp_link_find(dp, ifindex);

	if (!l || !(l->roles & DP_LINK_DOWNSTREAM))
		return -ENODEV;
	l->proxy = upstream;
	return dp->ops->link_proxy(dp, l);
}

bool dp_link_count(struct dp *dp, uint32_t ifindex, struct dp_count *to_upstream)
{
	const struct dp_link *l = dp_link_find(dp, ifindex);

	if (!l || !(l->roles & DP_LINK_DOWNSTREAM))
		return false;
	*to_upstream = l->to_upstream;
	dp->ops->link_count(dp, l, to_upstream);
	return true;
}

int dp_link_set(struct dp *dp, uint32_t ifindex, const char *name, unsigned roles, uint32_t mtu, const uint8_t mac[6])
{
	struct dp_link *l = dp_link_find(dp, ifindex);
	bool fresh = !l;
	int r;

	if (!ifindex || !roles)
		return -EINVAL;
	if (fresh) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return -ENOMEM;
		l->ifindex = ifindex;
		if (!htab_add(&dp->by_ifindex, &l->by_ifindex, dp_link_hash(ifindex))) {
			free(l);
			return -ENOMEM;
		}
		l->dp = dp;
		l->rx = -1;
		l->tcx = -1;
		list_add(&dp->links, &l->entry);
	}
	snprintf(l->name, sizeof(l->name), "%s", name);
	l->roles = roles;
	l->mtu = mtu;
	memcpy(l->mac, mac, 6);
	l->loopback = !strcmp(name, "lo");
	r = dp_link_open(dp, l);
	if (!r)
		r = dp->ops->link_set(dp, l);
	if (r) {
		dp_problem(dp, "link %s: cannot attach the data plane: %s", name, strerror(-r));
		if (fresh)
			dp_link_del(dp, ifindex);
	} else if (roles & DP_LINK_UPSTREAM) {
		upstream_changed(dp, ifindex);
	}
	return r;
}

void dp_link_del(struct dp *dp, uint32_t ifindex)
{
	struct dp_link *l = dp_link_find(dp, ifindex);
	char name[IF_NAMESIZE];

	if (!l)
		return;
	/* To undo it would wait for what the kernel still does with the device: 20 ms where it moves to another namespace. */
	l->gone = !if_indextoname(ifindex, name);
	dp->ops->link_del(dp, l);
	dp_link_close(l);
	list_del(&l->entry);
	htab_del(&dp->by_ifindex, &l->by_ifindex);
	if (l->roles & DP_LINK_UPSTREAM)
		upstream_changed(dp, ifindex);
	free(l);
}
