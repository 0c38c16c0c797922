/* SPDX-License-Identifier: BSD-2-Clause */
/* The user-space backend: the plane reads the links itself. The tables are all it needs, so that most operations have
 * nothing more to do. */
#include "dp/dp_plane.h"

#include <errno.h>

static int open_backend(struct dp *dp, char *why, size_t why_size)
{
	(void)dp;
	(void)why;
	(void)why_size;
	return 0;
}

static void close_backend(struct dp *dp) { (void)dp; }

static int link_set(struct dp *dp, struct dp_link *l)
{
	int r = 0;

	if (l->roles & (DP_LINK_ACCESS | DP_LINK_UPSTREAM | DP_LINK_DOWNSTREAM))
		r = dp_plane_listen(dp, l);
	else
		dp_plane_unlisten(dp, l);
	/* The kernel must not forward around the checks. */
	if (!r && l->roles & DP_LINK_ACCESS && !l->blackhole) {
		r = dp_netlink_blackhole(dp->nl, true, l->name);
		l->blackhole = !r;
	}
	return r;
}

static void link_del(struct dp *dp, struct dp_link *l)
{
	dp_plane_unlisten(dp, l);
	if (l->blackhole)
		dp_netlink_blackhole(dp->nl, false, l->name);
	l->blackhole = false;
}

static int link_proxy(struct dp *dp, struct dp_link *l) { return (void)dp, (void)l, 0; }

static int tunnel_set(struct dp *dp, struct dp_tun *t)
{
	(void)dp;
	t->nh_dirty = false;
	return 0;
}

static int node_set(struct dp *dp, struct dp_nod *n) { return dp_link_find(dp, n->conf.ifindex) ? 0 : -ENODEV; }
static int out_add(struct dp *dp, struct dp_o *o) 
{
	return o->tun || dp_out_is_held(&o->conf) || dp_link_find(dp, o->conf.ifindex) ? 0 : -ENODEV;
}

static void tunnel_nothing(struct dp *dp, struct dp_tun *t) { (void)dp, (void)t; }
static int prefix_nothing(struct dp *dp, struct dp_pfx *p) { return (void)dp, (void)p, 0; }
static void prefix_gone(struct dp *dp, struct dp_pfx *p) { (void)dp, (void)p; }
static void node_gone(struct dp *dp, struct dp_nod *n) { (void)dp, (void)n; }
static int flow_nothing(struct dp *dp, struct dp_flw *f) { return (void)dp, (void)f, 0; }
static void flow_gone(struct dp *dp, struct dp_flw *f) { (void)dp, (void)f; }
static void out_gone(struct dp *dp, struct dp_o *o) { (void)dp, (void)o; }
static void route_not_ahead(struct dp *dp, const struct prefix *p) { (void)dp, (void)p; }
static void flow_same(struct dp *dp, struct dp_flw *f) { (void)dp, (void)f; }
static void routes_nothing(struct dp *dp) { (void)dp; }

/* Everything is counted in the tables. */
static void node_count(struct dp *dp, const struct dp_nod *n, struct dp_count *up, struct dp_count *down)
{
	(void)dp, (void)n, (void)up, (void)down;
}

static void link_count(struct dp *dp, const struct dp_link *l, struct dp_count *to_upstream)
{
	(void)dp, (void)l, (void)to_upstream;
}

static void flow_count(struct dp *dp, const struct dp_flw *f, struct dp_count *in) { (void)dp, (void)f, (void)in; }
static void out_count(struct dp *dp, const struct dp_o *o, struct dp_count *sent) { (void)dp, (void)o, (void)sent; }

static void tunnel_count(struct dp *dp, const struct dp_tun *t, struct dp_count *in, struct dp_count *out)
{
	(void)dp, (void)t, (void)in, (void)out;
}

static uint64_t drop_count(struct dp *dp, enum dp_drop reason) { return (void)dp, (void)reason, 0; }

const struct dp_backend_ops dp_backend_user = {
	.name = "user",
	.open = open_backend,
	.close = close_backend,
	.link_set = link_set,
	.link_del = link_del,
	.link_proxy = link_proxy,
	.link_count = link_count,
	.tunnel_set = tunnel_set,
	.tunnel_del = tunnel_nothing,
	.route_ahead = route_not_ahead,
	.route_set = prefix_nothing,
	.route_del = prefix_gone,
	.node_set = node_set,
	.node_del = node_gone,
	.node_prefix_set = prefix_nothing,
	.node_prefix_del = prefix_gone,
	.flow_set = flow_nothing,
	.flow_del = flow_gone,
	.flow_lists_free = flow_gone,
	.flow_label = flow_same,
	.out_add = out_add,
	.out_del = out_gone,
	.routes_changed = routes_nothing,
	.node_count = node_count,
	.flow_count = flow_count,
	.out_count = out_count,
	.tunnel_count = tunnel_count,
	.drop_count = drop_count,
};
