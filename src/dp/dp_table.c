/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations on the tables. Each leaves the tables and the backend alike: on failure as they were. */
#include "dp/dp_handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct mac_key {
	uint32_t ifindex;
	uint8_t mac[6];
	uint8_t zero[2];
};

struct out_key {
	const void *flow;
	struct dp_tunnel tunnel;
	uint32_t ifindex;
	uint8_t dmac[6];
	uint8_t zero[6];
};

/* ---- finding ------------------------------------------------------------------------------------------ */

static struct mac_key mac_key_of(uint32_t ifindex, const uint8_t mac[6])
{
	struct mac_key k = {.ifindex = ifindex};

	memcpy(k.mac, mac, 6);
	return k;
}

static struct out_key out_key_of(const struct dp_flw *f, const struct dp_out *o)
{
	struct out_key k;

	memset(&k, 0, sizeof(k));
	k.flow = f;
	if (dp_out_is_held(o)) {
		memcpy(k.dmac, &o->node, sizeof(o->node));
	} else if (o->ifindex) {
		k.ifindex = o->ifindex;
		memcpy(k.dmac, o->dmac, 6);
	} else {
		k.tunnel = o->tunnel;
	}
	return k;
}

struct dp_link *dp_link_find(const struct dp *dp, uint32_t ifindex)
{
	uint64_t h = dp_link_hash(ifindex);

	for (struct hnode *n = htab_first(&dp->by_ifindex, h); n; n = htab_same(n)) {
		struct dp_link *l = hnode_owner(n, struct dp_link, by_ifindex);

		if (l->ifindex == ifindex)
			return l;
	}
	return NULL;
}

struct dp_tun *dp_tun_find(const struct dp *dp, const struct dp_tunnel *ends)
{
	uint64_t h = htab_hash(&dp->tuns, ends, sizeof(*ends));

	for (struct hnode *n = htab_first(&dp->tuns, h); n; n = htab_same(n)) {
		struct dp_tun *t = hnode_owner(n, struct dp_tun, by_ends);

		if (dp_tunnel_eq(&t->ends, ends))
			return t;
	}
	return NULL;
}

struct dp_nod *dp_nod_find(const struct dp *dp, uint32_t number)
{
	uint64_t h = htab_hash(&dp->nodes, &number, sizeof(number));

	for (struct hnode *n = htab_first(&dp->nodes, h); n; n = htab_same(n)) {
		struct dp_nod *nod = hnode_owner(n, struct dp_nod, by_number);

		if (nod->conf.node == number)
			return nod;
	}
	return NULL;
}

struct dp_nod *dp_nod_by_mac(const struct dp *dp, uint32_t ifindex, const uint8_t mac[6])
{
	struct mac_key k = mac_key_of(ifindex, mac);
	uint64_t h = htab_hash(&dp->macs, &k, sizeof(k));

	for (struct hnode *n = htab_first(&dp->macs, h); n; n = htab_same(n)) {
		struct dp_nod *nod = hnode_owner(n, struct dp_nod, by_mac);

		if (nod->conf.ifindex == ifindex && !memcmp(nod->conf.mac, mac, 6))
			return nod;
	}
	return NULL;
}

static bool flow_eq(const struct dp_flow *a, const struct dp_flow *b)
{
	return addr_eq(&a->group, &b->group) && addr_eq(&a->source, &b->source) && a->in.ifindex == b->in.ifindex &&
	       (a->in.ifindex || dp_tunnel_eq(&a->in.tunnel, &b->in.tunnel));
}

static struct dp_flow flow_normal(const struct dp_flow *f)
{
	struct dp_flow n;

	memset(&n, 0, sizeof(n));
	n.in.ifindex = f->in.ifindex;
	if (!n.in.ifindex)
		n.in.tunnel = f->in.tunnel;
	n.source = f->source;
	n.group = f->group;
	return n;
}

struct dp_flw *dp_flw_find(const struct dp *dp, const struct dp_flow *key)
{
	struct dp_flow k;
	uint64_t h;

	if (!dp->flow_keys.count)
		return NULL;
	k = flow_normal(key);
	h = htab_hash(&dp->flow_keys, &k, sizeof(k));

	for (struct hnode *n = htab_first(&dp->flow_keys, h); n; n = htab_same(n)) {
		struct dp_flw *f = hnode_owner(n, struct dp_flw, by_key);

		if (flow_eq(&f->key, &k))
			return f;
	}
	return NULL;
}

bool dp_lone_find(struct dp *dp, const struct dp_flow *key, struct dp_lone *ret)
{
	return dp->n_lones && key->in.ifindex && dp->ops->lone_find(dp, key, ret);
}

struct dp_o *dp_out_find(const struct dp *dp, const struct dp_flw *f, const struct dp_out *out)
{
	struct out_key k = out_key_of(f, out);
	uint64_t h = htab_hash(&dp->outs, &k, sizeof(k));

	for (struct hnode *n = htab_first(&dp->outs, h); n; n = htab_same(n)) {
		struct dp_o *o = hnode_owner(n, struct dp_o, by_out);
		struct out_key ok = out_key_of(o->flow, &o->conf);

		if (!memcmp(&ok, &k, sizeof(k)))
			return o;
	}
	return NULL;
}

/* ---- tunnels ------------------------------------------------------------------------------------------ */

static int tunnel_add(struct dp *dp, const struct dp_tunnel *ends)
{
	struct dp_tun *t = dp_tun_find(dp, ends);
	int r;

	if (t)
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	if (!dp_ids_get(&dp->tun_ids, dp->grace, &t->index)) {
		dp_problem(dp, "table full: %u tunnels", dp->conf.tunnels_max);
		free(t);
		return -ENOSPC;
	}
	t->ends = *ends;
	list_init(&t->outs);
	if (!htab_add(&dp->tuns, &t->by_ends, htab_hash(&dp->tuns, ends, sizeof(*ends)))) {
		dp_ids_put(&dp->tun_ids, dp->grace, t->index);
		free(t);
		return -ENOMEM;
	}
	list_add(&dp->tunnels, &t->entry);
	dp_tunnel_resolve(dp, t);
	r = dp->ops->tunnel_set(dp, t);
	if (r) {
		htab_del(&dp->tuns, &t->by_ends);
		list_del(&t->entry);
		dp_ids_put(&dp->tun_ids, dp->grace, t->index);
		free(t);
		return r;
	}
	return 0;
}

static void tunnel_drop(struct dp *dp, struct dp_tun *t)
{
	dp->ops->tunnel_del(dp, t);
	htab_del(&dp->tuns, &t->by_ends);
	list_del(&t->entry);
	dp_ids_put(&dp->tun_ids, dp->grace, t->index);
	free(t);
}

static int tunnel_del(struct dp *dp, const struct dp_tunnel *ends)
{
	struct dp_tun *t = dp_tun_find(dp, ends);

	if (!t)
		return 0;
	dp_handover_tunnel_goes(dp, t);
	if (t->refs)
		return -EBUSY;
	tunnel_drop(dp, t);
	return 0;
}

/* ---- routes ------------------------------------------------------------------------------------------- */

bool dp_home_covers(const struct dp *dp, const struct prefix *prefix)
{
	list_each(e, &dp->homes) {
		const struct dp_home *h = list_owner(e, struct dp_home, entry);

		if (h->prefix.len <= prefix->len && prefix_contains(&h->prefix, &prefix->addr))
			return true;
	}
	return false;
}

static void home_drop(struct dp *dp, struct dp_home *h)
{
	dp_netlink_route(dp->nl, false, &h->prefix, dp_plane_tun_ifindex(dp));
	list_del(&h->entry);
	free(h);
}

int dp_home_set(struct dp *dp, const struct prefix *home, bool on)
{
	struct prefix p = prefix_masked(*home);
	struct dp_home *h;
	int r;

	list_each_safe(e, &dp->homes) {
		h = list_owner(e, struct dp_home, entry);
		if (!prefix_eq(&h->prefix, &p))
			continue;
		if (!on)
			home_drop(dp, h);
		return 0;
	}
	if (!on)
		return 0;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	r = dp_netlink_route(dp->nl, true, &p, dp_plane_tun_ifindex(dp));
	if (r) {
		free(h);
		return r;
	}
	h->prefix = p;
	list_add(&dp->homes, &h->entry);
	return 0;
}

static void route_drop(struct dp *dp, struct dp_pfx *x)
{
	dp->ops->route_del(dp, x);
	dp_handover_route_gone(dp, &x->prefix);
	if (x->kernel_route)
		dp_netlink_route(dp->nl, false, &x->prefix, dp_plane_tun_ifindex(dp));
	x->tun->refs--;
	dp_lpm_del(&dp->routes, x);
}

void dp_route_ahead(struct dp *dp, const struct prefix *prefix)
{
	struct prefix p = prefix_masked(*prefix);
	uint64_t hash = dp_pfx_hash(&dp->routes, &p), *turn = &dp->ahead[dp->ahead_turn++ % AHEAD_NODES];

	htab_ahead(&dp->routes.table, hash);
	htab_ahead_node(&dp->routes.table, *turn);
	dp->ops->route_ahead(dp, &p);
	*turn = hash;
}

static int route_add(struct dp *dp, const struct dp_route *route)
{
	struct prefix prefix = prefix_masked(route->prefix);
	uint64_t hash = dp_pfx_hash(&dp->routes, &prefix);
	struct dp_tun *t, *old;
	struct dp_pfx *x;
	int r;

	/* Of a million routes none is in the processor's cache: both tables are fetched at once. */
	htab_ahead(&dp->routes.table, hash);
	dp->ops->route_ahead(dp, &prefix);
	t = dp_tun_find(dp, &route->tunnel);
	if (!t)
		return -ENOENT;
	x = dp_pfx_of_hash(&dp->routes, &prefix, hash);
	if (x && x->tun == t)
		return 0;
	if (!x) {
		if (dp->routes.table.count >= dp->conf.routes_max) {
			dp_problem(dp, "table full: %u routes", dp->conf.routes_max);
			return -ENOSPC;
		}
		x = dp_lpm_add(&dp->routes, &prefix, hash);
		if (!x)
			return -ENOMEM;
	}
	old = x->tun;
	x->tun = t;
	t->lma_side = true;
	r = dp->ops->route_set(dp, x);
	if (r) {
		x->tun = old;
		if (!old)
			dp_lpm_del(&dp->routes, x);
		return r;
	}
	t->refs++;
	if (old && route->end_marker)
		dp_handover_moved(dp, x, old);
	if (old)
		old->refs--;
	else if (!dp_home_covers(dp, &x->prefix))
		x->kernel_route = !dp_netlink_route(dp->nl, true, &x->prefix, dp_plane_tun_ifindex(dp));
	return 0;
}

/* A route that has moved to another tunnel since is not the one meant. */
static int route_del(struct dp *dp, const struct dp_route *route)
{
	struct dp_pfx *x = dp_pfx_find(&dp->routes, &route->prefix);

	if (x && dp_tunnel_eq(&x->tun->ends, &route->tunnel))
		route_drop(dp, x);
	return 0;
}

/* ---- nodes -------------------------------------------------------------------------------------------- */

static bool node_has_prefix(const struct dp_node *n, const struct prefix *p)
{
	for (int i = 0; i < n->n_prefixes; i++)
		if (prefix_eq(&n->prefixes[i], p))
			return true;
	return false;
}

static int node_prefixes_set(struct dp *dp, struct dp_nod *n)
{
	for (int i = 0; i < n->conf.n_prefixes; i++) {
		const struct prefix *p = &n->conf.prefixes[i]; /* masked */
		uint64_t hash = dp_pfx_hash(&dp->node_prefixes, p);
		struct dp_pfx *x = dp_pfx_of_hash(&dp->node_prefixes, p, hash);
		int r;

		if (!x)
			x = dp_lpm_add(&dp->node_prefixes, p, hash);
		if (!x)
			return -ENOMEM;
		x->node = n;
		r = dp->ops->node_prefix_set(dp, x);
		if (r)
			return r;
	}
	return 0;
}

/* Those prefixes that are still this node's; one that a younger node took over stays. */
static void node_prefixes_drop(struct dp *dp, struct dp_nod *n, const struct dp_node *of, const struct dp_node *keep)
{
	for (int i = 0; i < of->n_prefixes; i++) {
		struct dp_pfx *x = dp_pfx_find(&dp->node_prefixes, &of->prefixes[i]);

		if (!x || x->node != n || (keep && node_has_prefix(keep, &of->prefixes[i])))
			continue;
		dp->ops->node_prefix_del(dp, x);
		dp_lpm_del(&dp->node_prefixes, x);
	}
}

static void node_mac_drop(struct dp *dp, struct dp_nod *n)
{
	if (!n->mac_owner)
		return;
	dp->ops->node_del(dp, n);
	htab_del(&dp->macs, &n->by_mac);
	n->mac_owner = false;
}

static int node_mac_set(struct dp *dp, struct dp_nod *n)
{
	struct mac_key k = mac_key_of(n->conf.ifindex, n->conf.mac);
	struct dp_nod *other = dp_nod_by_mac(dp, n->conf.ifindex, n->conf.mac);

	if (other && other != n) { /* the backend's entry is replaced below, not removed */
		htab_del(&dp->macs, &other->by_mac);
		other->mac_owner = false;
	}
	if (!n->mac_owner) {
		if (!htab_add(&dp->macs, &n->by_mac, htab_hash(&dp->macs, &k, sizeof(k))))
			return -ENOMEM;
		n->mac_owner = true;
	}
	return dp->ops->node_set(dp, n);
}

static void node_drop(struct dp *dp, struct dp_nod *n)
{
	dp_handover_node_gone(dp, n);
	node_mac_drop(dp, n);
	node_prefixes_drop(dp, n, &n->conf, NULL);
	n->tun->refs--;
	htab_del(&dp->nodes, &n->by_number);
	dp_ids_put(&dp->node_ids, dp->grace, n->index);
	free(n);
}

static struct dp_nod *node_new(struct dp *dp, const struct dp_node *conf)
{
	struct dp_nod *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	if (!dp_ids_get(&dp->node_ids, dp->grace, &n->index)) {
		dp_problem(dp, "table full: %u nodes", dp->conf.nodes_max);
		free(n);
		return NULL;
	}
	n->conf.node = conf->node;
	if (!htab_add(&dp->nodes, &n->by_number, htab_hash(&dp->nodes, &conf->node, sizeof(conf->node)))) {
		dp_ids_put(&dp->node_ids, dp->grace, n->index);
		free(n);
		return NULL;
	}
	return n;
}

static int node_add(struct dp *dp, const struct dp_node *conf)
{
	struct dp_tun *t = dp_tun_find(dp, &conf->tunnel);
	struct dp_nod *n = dp_nod_find(dp, conf->node);
	struct dp_node old;
	int r;

	if (!t)
		return -ENOENT;
	if (!conf->node || !conf->ifindex || conf->n_prefixes > DP_NODE_PREFIX_MAX)
		return -EINVAL;
	if (!n) {
		n = node_new(dp, conf);
		if (!n)
			return -ENOSPC;
	} else {
		n->tun->refs--;
	}
	old = n->conf;
	if (n->mac_owner && (old.ifindex != conf->ifindex || memcmp(old.mac, conf->mac, 6)))
		node_mac_drop(dp, n);
	n->conf = *conf;
	n->tun = t;
	t->refs++;
	t->lma_side = false;
	for (int i = 0; i < n->conf.n_prefixes; i++)
		n->conf.prefixes[i] = prefix_masked(conf->prefixes[i]);
	dp_handover_node_here(dp, n);
	r = node_mac_set(dp, n);
	if (!r)
		r = node_prefixes_set(dp, n);
	node_prefixes_drop(dp, n, &old, &n->conf);
	if (r)
		node_drop(dp, n); /* nothing of a node half programmed is forwarded */
	return r;
}

/* ---- flows -------------------------------------------------------------------------------------------- */

static int out_kind(const struct dp_out *o) { return o->ifindex || dp_out_is_held(o) ? OUT_LINK : OUT_TUNNEL; }

static void out_drop(struct dp *dp, struct dp_o *o)
{
	if (!o->tun && o->gate)
		dp_handover_out_gone(dp, o);
	dp->ops->out_del(dp, o);
	if (o->tun) {
		o->tun->out.packets += o->sent.packets;
		o->tun->out.bytes += o->sent.bytes;
		dp->ops->out_count(dp, o, &o->tun->out);
		list_del(&o->of_tunnel);
	}
	o->flow->n_outs[out_kind(&o->conf)]--;
	list_del(&o->entry);
	htab_del(&dp->outs, &o->by_out);
	if (o->tun)
		o->tun->refs--;
	free(o);
}

static bool outs_room(struct dp *dp)
{
	if (dp->outs.count + dp->n_lones < dp->conf.outs_max)
		return true;
	dp_problem(dp, "table full: %u outputs", dp->conf.outs_max);
	return false;
}

static int out_add(struct dp *dp, struct dp_flw *f, const struct dp_out *out)
{
	struct dp_o *o = dp_out_find(dp, f, out);
	struct dp_tun *t = NULL;
	struct out_key k = out_key_of(f, out);
	int kind = out_kind(out), r;

	if (o)
		return 0;
	if (kind == OUT_TUNNEL) {
		t = dp_tun_find(dp, &out->tunnel);
		if (!t)
			return -ENOENT;
	}
	if (!outs_room(dp))
		return -ENOSPC;
	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->conf = *out;
	o->flow = f;
	o->tun = t;
	if (t)
		t->lma_side = true;
	r = htab_add(&dp->outs, &o->by_out, htab_hash(&dp->outs, &k, sizeof(k))) ? 0 : -ENOMEM;
	if (!r) {
		r = t ? 0 : dp_handover_out_comes(dp, o);
		if (!r)
			r = dp->ops->out_add(dp, o);
		if (!t)
			dp_handover_out_came(dp, o, !r);
		if (r)
			htab_del(&dp->outs, &o->by_out);
	}
	if (r) {
		free(o);
		return r;
	}
	list_add(&f->outs[kind], &o->entry);
	f->n_outs[kind]++;
	if (t) {
		t->refs++;
		list_add(&t->outs, &o->of_tunnel);
	}
	return 0;
}

static void flow_drop(struct dp *dp, struct dp_flw *f)
{
	dp->ops->flow_del(dp, f); /* first: then the outputs end at once, not one by one */
	for (int k = 0; k < OUT_KINDS; k++)
		list_each_safe(e, &f->outs[k])
			out_drop(dp, list_owner(e, struct dp_o, entry));
	if (f->lists)
		dp->ops->flow_lists_free(dp, f);
	if (f->tun)
		f->tun->refs--;
	list_del(&f->entry);
	htab_del(&dp->flow_keys, &f->by_key);
	dp_ids_put(&dp->flow_ids, dp->grace, f->index);
	free(f);
}

static struct dp_flw *flow_new(struct dp *dp, const struct dp_flow *key, struct dp_tun *t)
{
	struct dp_flw *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->key = flow_normal(key);
	f->tun = t;
	for (int k = 0; k < OUT_KINDS; k++)
		list_init(&f->outs[k]);
	if (!dp_ids_get(&dp->flow_ids, dp->grace, &f->index)) {
		dp_problem(dp, "table full: %u flows", dp->conf.flows_max);
		free(f);
		return NULL;
	}
	if (!htab_add(&dp->flow_keys, &f->by_key, htab_hash(&dp->flow_keys, &f->key, sizeof(f->key)))) {
		dp_ids_put(&dp->flow_ids, dp->grace, f->index);
		free(f);
		return NULL;
	}
	list_add(&dp->flows, &f->entry);
	if (t)
		t->refs++;
	return f;
}

static bool out_listed(const struct dp *dp, const struct dp_o *o, const struct dp_out *outs, uint32_t n)
{
	(void)dp;
	for (uint32_t i = 0; i < n; i++) {
		struct out_key a = out_key_of(o->flow, &o->conf), b = out_key_of(o->flow, &outs[i]);

		if (!memcmp(&a, &b, sizeof(a)))
			return true;
	}
	return false;
}

/* Said again: the outputs become those named, and the ones that stay see no interruption. */
static int flow_again(struct dp *dp, struct dp_flw *f, const struct dp_out *outs, uint32_t n_outs)
{
	for (uint32_t i = 0; i < n_outs; i++) {
		int r = out_add(dp, f, &outs[i]);

		if (r)
			return r;
	}
	for (int k = 0; k < OUT_KINDS; k++) {
		list_each_safe(e, &f->outs[k]) {
			struct dp_o *o = list_owner(e, struct dp_o, entry);

			if (!out_listed(dp, o, outs, n_outs))
				out_drop(dp, o);
		}
	}
	return 0;
}

/* ---- flows of one output that the backend holds by itself ---- */

static bool may_be_lone(const struct dp *dp, const struct dp_flow *key, const struct dp_out *outs, uint32_t n_outs)
{
	/* Without tunnels no copy bears a label, which it would have to remember. */
	return dp->ops->lone_add && dp->conf.multicast_only && n_outs == 1 && key->in.ifindex && outs->ifindex &&
	       !outs->node;
}

/* Positive: it is to be an ordinary flow. */
static int lone_add(struct dp *dp, const struct dp_op *op)
{
	int r = outs_room(dp) ? dp->ops->lone_add(dp, &op->flow, op->outs) : -ENOSPC;

	if (!r)
		dp->n_lones++;
	return r;
}

/* Into the tables, in force all the while. */
static struct dp_flw *lone_unfold(struct dp *dp, const struct dp_flow *key, const struct dp_lone *x)
{
	struct dp_flw *f = calloc(1, sizeof(*f));
	struct dp_o *o = calloc(1, sizeof(*o));
	struct out_key k;

	if (!f || !o)
		goto no_memory;
	f->key = flow_normal(key);
	for (int i = 0; i < OUT_KINDS; i++)
		list_init(&f->outs[i]);
	o->flow = f;
	o->conf = x->out;
	k = out_key_of(f, &x->out);
	if (!htab_add(&dp->flow_keys, &f->by_key, htab_hash(&dp->flow_keys, &f->key, sizeof(f->key))))
		goto no_memory;
	if (!htab_add(&dp->outs, &o->by_out, htab_hash(&dp->outs, &k, sizeof(k))))
		goto no_memory_keyed;
	if (dp->ops->lone_unfold(dp, x, f, o)) {
		htab_del(&dp->outs, &o->by_out);
		goto no_memory_keyed;
	}
	list_add(&f->outs[OUT_LINK], &o->entry);
	f->n_outs[OUT_LINK] = 1;
	list_add(&dp->flows, &f->entry);
	dp->n_lones--;
	return f;

no_memory_keyed:
	htab_del(&dp->flow_keys, &f->by_key);
no_memory:
	free(f);
	free(o);
	return NULL;
}

/* The flow as the tables have it, whoever holds it now. 0; -ENOENT, or -ENOMEM where it cannot be unfolded. */
static int flow_get(struct dp *dp, const struct dp_flow *key, struct dp_flw **ret)
{
	struct dp_flw *f = dp_flw_find(dp, key);
	struct dp_lone x;

	if (!f) {
		if (!dp_lone_find(dp, key, &x))
			return -ENOENT;
		f = lone_unfold(dp, key, &x);
		if (!f)
			return -ENOMEM;
	}
	*ret = f;
	return 0;
}

/* ---- operations on flows ---- */

static int flow_mark(struct dp *dp, const struct dp_flow *key, uint32_t label)
{
	struct dp_flw *f = dp_flw_find(dp, key);

	if (f) {
		f->label = label & DP_LABEL_MASK;
		dp->ops->flow_label(dp, f);
	}
	return 0;
}

static int flow_add(struct dp *dp, const struct dp_op *op)
{
	const struct dp_flow *key = &op->flow;
	const struct dp_out *outs = op->outs;
	uint32_t n_outs = op->n_outs;
	struct dp_flw *f = dp_flw_find(dp, key);
	struct dp_tun *t = NULL;
	int r;

	if (f)
		return flow_again(dp, f, outs, n_outs);
	if (!addr_is_multicast(&key->group))
		return -EINVAL;
	if (may_be_lone(dp, key, outs, n_outs)) {
		r = lone_add(dp, op);
		if (r <= 0)
			return r;
	}
	r = flow_get(dp, key, &f);
	if (r != -ENOENT)
		return r ? r : flow_again(dp, f, outs, n_outs);
	r = 0;
	if (!key->in.ifindex) {
		t = dp_tun_find(dp, &key->in.tunnel);
		if (!t)
			return -ENOENT;
	}
	f = flow_new(dp, key, t);
	if (!f)
		return -ENOSPC;
	f->label = op->label & DP_LABEL_MASK;
	for (uint32_t i = 0; i < n_outs && !r; i++)
		r = out_add(dp, f, &outs[i]);
	if (!r)
		r = dp->ops->flow_set(dp, f);
	if (r)
		flow_drop(dp, f);
	return r;
}

static int flow_del(struct dp *dp, const struct dp_flow *key)
{
	struct dp_flw *f = dp_flw_find(dp, key);

	if (f)
		flow_drop(dp, f);
	else if (dp->n_lones && key->in.ifindex && dp->ops->lone_del(dp, key))
		dp->n_lones--;
	return 0;
}

static int flow_out_add(struct dp *dp, const struct dp_flow *key, const struct dp_out *out)
{
	struct dp_flw *f;
	int r = flow_get(dp, key, &f);

	return r ? r : out_add(dp, f, out);
}

static int flow_out_del(struct dp *dp, const struct dp_flow *key, const struct dp_out *out)
{
	struct dp_flw *f;
	struct dp_o *o;
	int r = flow_get(dp, key, &f);

	if (r == -ENOMEM) /* an ending never fails: nobody is better than one too many */
		return flow_del(dp, key);
	o = r ? NULL : dp_out_find(dp, f, out);
	if (o)
		out_drop(dp, o);
	return 0;
}

/* ---- all ---------------------------------------------------------------------------------------------- */

int dp_table_apply(struct dp *dp, const struct dp_op *op)
{
	struct dp_nod *n;

	switch (op->kind) {
	case DP_TUNNEL_ADD:
		return tunnel_add(dp, &op->tunnel);
	case DP_TUNNEL_DEL:
		return tunnel_del(dp, &op->tunnel);
	case DP_ROUTE_ADD:
		return route_add(dp, &op->route);
	case DP_ROUTE_DEL:
		return route_del(dp, &op->route);
	case DP_NODE_ADD:
		return node_add(dp, &op->node);
	case DP_NODE_DEL:
		n = dp_nod_find(dp, op->node.node);
		if (n)
			node_drop(dp, n);
		return 0;
	case DP_FLOW_ADD:
		return flow_add(dp, op);
	case DP_FLOW_DEL:
		return flow_del(dp, &op->flow);
	case DP_OUT_ADD:
		return flow_out_add(dp, &op->flow, &op->out);
	case DP_OUT_DEL:
		return flow_out_del(dp, &op->flow, &op->out);
	case DP_FLOW_MARK:
		return flow_mark(dp, &op->flow, op->label);
	case DP_HANDOVER_FORWARD:
	case DP_HANDOVER_EXPECT:
	case DP_HANDOVER_EDGE:
	case DP_HANDOVER_END:
		return dp_handover_apply(dp, op);
	}
	return -EINVAL;
}

void dp_tables_init(struct dp *dp)
{
	uint64_t seed;

	/* Peers choose what becomes a key. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uint64_t)(uintptr_t)dp ^ 0x9e3779b97f4a7c15u;

	list_init(&dp->links);
	list_init(&dp->tunnels);
	list_init(&dp->flows);
	list_init(&dp->homes);
	htab_init(&dp->tuns, seed);
	htab_init(&dp->by_ifindex, seed + 7);
	htab_init(&dp->nodes, seed + 1);
	htab_init(&dp->macs, seed + 2);
	htab_init(&dp->flow_keys, seed + 3);
	htab_init(&dp->outs, seed + 4);
	dp_lpm_init(&dp->routes, seed + 5);
	dp_lpm_init(&dp->node_prefixes, seed + 6);
}

void dp_tables_deinit(struct dp *dp)
{
	struct hnode *n, *next;

	dp_handovers_deinit(dp);
	list_each_safe(e, &dp->flows)
		flow_drop(dp, list_owner(e, struct dp_flw, entry));
	/* On from each one: a search from the front of the table would pass over all that are gone. */
	for (n = htab_next(&dp->nodes, NULL); n; n = next) {
		next = htab_next(&dp->nodes, n);
		node_drop(dp, hnode_owner(n, struct dp_nod, by_number));
	}
	for (n = htab_next(&dp->routes.table, NULL); n; n = next) {
		next = htab_next(&dp->routes.table, n);
		route_drop(dp, hnode_owner(n, struct dp_pfx, by_prefix));
	}
	list_each_safe(e, &dp->homes)
		home_drop(dp, list_owner(e, struct dp_home, entry));
	list_each_safe(e, &dp->tunnels)
		tunnel_drop(dp, list_owner(e, struct dp_tun, entry));
	htab_deinit(&dp->by_ifindex);
	htab_deinit(&dp->tuns);
	htab_deinit(&dp->nodes);
	htab_deinit(&dp->macs);
	htab_deinit(&dp->flow_keys);
	htab_deinit(&dp->outs);
	htab_deinit(&dp->routes.table);
	htab_deinit(&dp->node_prefixes.table);
}
