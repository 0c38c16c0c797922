/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_ebpf.h"

#include <bpf/bpf.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp.skel.h"
#include "dp/dp_handover.h"

#define FD(e, map) bpf_map__fd((e)->skel->maps.map)

static struct abi_addr addr_of(const struct in6_addr *a)
{
	struct abi_addr r;

	memcpy(r.b, a, 16);
	return r;
}

static int update(struct dp *dp, int fd, const char *what, const void *key, const void *value)
{
	int r = bpf_map_update_elem(fd, key, value, BPF_ANY) ? -errno : 0;

	if (r == -E2BIG || r == -ENOSPC) {
		dp_problem(dp, "table full: eBPF map of %s", what);
		r = -ENOSPC;
	}
	return r;
}

/* ---- tunnels ------------------------------------------------------------------------------------------ */

static struct abi_hop hop_of(const struct dp_nexthop *nh)
{
	struct abi_hop h = {.ifindex = nh->route ? nh->ifindex : 0, .valid = nh->valid};

	memcpy(h.macs.dst, nh->dmac, 6);
	memcpy(h.macs.src, nh->smac, 6);
	return h;
}

/* Addresses to which only tunnel peers may send encapsulated packets; counted, since tunnels share them, and the
 * configuration may name them. */
static int local_count(struct dp_ebpf *e, const struct in6_addr *local, int by)
{
	struct abi_addr key = addr_of(local);
	uint32_t n = 0;

	bpf_map_lookup_elem(FD(e, locals), &key, &n);
	n += (uint32_t)by;
	if (!n)
		return bpf_map_delete_elem(FD(e, locals), &key) ? -errno : 0;
	return bpf_map_update_elem(FD(e, locals), &key, &n, BPF_ANY) ? -errno : 0;
}

int dp_ebpf_locals(struct dp *dp)
{
	int r = 0;

	for (int i = 0; i < DP_LOCALS_MAX && !r; i++)
		if (!addr_is_any(&dp->conf.locals[i]))
			r = local_count(dp->ebpf, &dp->conf.locals[i], 1);
	return r;
}

static struct abi_ends ends_of(const struct dp_tun *t)
{
	return (struct abi_ends){addr_of(&t->ends.local), addr_of(&t->ends.remote)};
}

int dp_ebpf_tunnel_name(struct dp *dp, struct dp_tun *t)
{
	struct abi_ends ends = ends_of(t);
	uint32_t id = t->index | (t->between ? ABI_GATE : 0);

	return update(dp, FD(dp->ebpf, tunnel_ids), "tunnels", &ends, &id);
}

static int tunnel_new(struct dp *dp, struct dp_tun *t)
{
	struct dp_ebpf *e = dp->ebpf;
	struct abi_tunnel *m = &e->tunnels[t->index];
	struct abi_ends ends = ends_of(t);
	int r;

	memset(m, 0, sizeof(*m));
	m->local = ends.local;
	m->remote = ends.remote;
	m->mtu = t->limit;
	m->whole = t->whole;
	m->hop[0] = hop_of(&t->nh);
	counts_reset(&e->counts, ABI_COUNT_TUNNEL, 2 * t->index);
	counts_reset(&e->counts, ABI_COUNT_TUNNEL, 2 * t->index + 1);
	r = local_count(e, &t->ends.local, 1);
	if (r)
		return r;
	r = dp_ebpf_tunnel_name(dp, t);
	if (r) {
		local_count(e, &t->ends.local, -1);
		return r;
	}
	t->in_backend = true;
	return 0;
}

/* Of the two next hops, the one not in force is written and then chosen; a packet that began before the last choice
 * may still be reading it, so the dp comes again until that is over. */
int dp_ebpf_tunnel_set(struct dp *dp, struct dp_tun *t)
{
	struct abi_tunnel *m = &dp->ebpf->tunnels[t->index];

	if (!t->in_backend)
		return tunnel_new(dp, t);
	m->mtu = t->limit;
	m->whole = t->whole;
	if (t->nh_epoch && !dp_grace_over(dp->grace, t->nh_epoch))
		return 0;
	m->hop[(m->sel & 1) ^ 1] = hop_of(&t->nh);
	__atomic_store_n(&m->sel, m->sel ^ 1, __ATOMIC_RELEASE);
	t->nh_epoch = dp_grace_epoch(dp->grace);
	t->nh_dirty = false;
	return 0;
}

void dp_ebpf_tunnel_del(struct dp *dp, struct dp_tun *t)
{
	struct abi_ends ends = ends_of(t);

	bpf_map_delete_elem(FD(dp->ebpf, tunnel_ids), &ends);
	dp_ebpf_forget(dp->ebpf);
	local_count(dp->ebpf, &t->ends.local, -1);
}

/* ---- prefixes ----------------------------------------------------------------------------------------- */

static uint64_t upper64(const struct in6_addr *a)
{
	uint64_t v;

	memcpy(&v, a, sizeof(v));
	return v;
}

static struct abi_lpm lpm_of(const struct prefix *p) { return (struct abi_lpm){p->len, addr_of(&p->addr)}; }

static int route_lpm_set(struct dp *dp, struct dp_pfx *p)
{
	struct abi_via via = {p->tun->index, p->prefix.len};
	struct abi_lpm lpm = lpm_of(&p->prefix);
	int r = update(dp, FD(dp->ebpf, route_lpm), "routes", &lpm, &via);

	if (!r && !p->in_backend)
		dp->ebpf->skel->bss->odd_routes++;
	return r;
}

/* One stands in the hash map, with which the programs go on, only where both of its lines were full. */
static int route_64_set(struct dp *dp, struct dp_pfx *p)
{
	struct dp_ebpf *e = dp->ebpf;
	struct abi_via via = {p->tun->index, 64};
	uint64_t key = upper64(&p->prefix.addr);
	int r;

	if (!p->overflown && routes_set(&e->routes, key, p->tun->index))
		return 0;
	r = update(dp, FD(e, route_64), "routes", &key, &via);
	if (!r && !p->overflown) {
		p->overflown = true;
		e->skel->bss->full_routes++;
	}
	return r;
}

void dp_ebpf_route_ahead(struct dp *dp, const struct prefix *p)
{
	if (p->len == 64)
		routes_ahead(&dp->ebpf->routes, upper64(&p->addr));
}

int dp_ebpf_route_set(struct dp *dp, struct dp_pfx *p)
{
	struct dp_ebpf *e = dp->ebpf;
	int r;

	e->tunnels[p->tun->index].lma_side = true;
	r = p->prefix.len == 64 ? route_64_set(dp, p) : route_lpm_set(dp, p);
	if (r || p->in_backend)
		return r;
	p->in_backend = true;
	/* Now, after the route: the cache may have learned that these addresses are elsewhere. */
	dp_ebpf_forget(e);
	return 0;
}

void dp_ebpf_route_del(struct dp *dp, struct dp_pfx *p)
{
	struct dp_ebpf *e = dp->ebpf;
	struct abi_lpm lpm = lpm_of(&p->prefix);
	uint64_t key = upper64(&p->prefix.addr);

	if (p->prefix.len != 64) {
		bpf_map_delete_elem(FD(e, route_lpm), &lpm);
		e->skel->bss->odd_routes -= p->in_backend;
	} else if (p->overflown) {
		bpf_map_delete_elem(FD(e, route_64), &key);
		e->skel->bss->full_routes--;
	} else {
		routes_del(&e->routes, key);
	}
}

int dp_ebpf_node_prefix_set(struct dp *dp, struct dp_pfx *p)
{
	struct dp_ebpf *e = dp->ebpf;
	const struct dp_nod *n = p->node;
	const struct dp_link *l = dp_link_find(dp, n->conf.ifindex);
	struct abi_receiver v = {.ifindex = n->conf.ifindex, .node = n->index, .tunnel = n->tun->index,
				 .len = p->prefix.len};
	struct abi_lpm lpm = lpm_of(&p->prefix);
	uint64_t key = upper64(&p->prefix.addr);
	bool odd = p->prefix.len != 64;
	int r;

	if (!l)
		return -ENODEV;
	if (n->ho && n->ho->unicast_gate) {
		v.ifindex = ABI_GATE | n->ho->unicast.index;
		v.tunnel = n->ho->anchor->index;
	}
	v.mtu = l->mtu;
	memcpy(v.macs.dst, n->conf.mac, 6);
	memcpy(v.macs.src, l->mac, 6);
	r = odd ? update(dp, FD(e, node_lpm), "node prefixes", &lpm, &v) :
		  update(dp, FD(e, node_64), "node prefixes", &key, &v);
	if (!r && !p->in_backend) {
		p->in_backend = true;
		e->skel->bss->any_nodes++;
		e->skel->bss->odd_nodes += odd;
	}
	dp_ebpf_forget(e);
	return r;
}

void dp_ebpf_node_prefix_del(struct dp *dp, struct dp_pfx *p)
{
	struct dp_ebpf *e = dp->ebpf;
	struct abi_lpm lpm = lpm_of(&p->prefix);
	uint64_t key = upper64(&p->prefix.addr);

	if (p->prefix.len == 64)
		bpf_map_delete_elem(FD(e, node_64), &key);
	else
		bpf_map_delete_elem(FD(e, node_lpm), &lpm);
	e->skel->bss->any_nodes -= p->in_backend;
	e->skel->bss->odd_nodes -= p->in_backend && p->prefix.len != 64;
	dp_ebpf_forget(e);
}

/* ---- nodes -------------------------------------------------------------------------------------------- */

static struct abi_mac mac_of(const struct dp_nod *n)
{
	struct abi_mac k = {.ifindex = n->conf.ifindex};

	memcpy(k.mac, n->conf.mac, 6);
	return k;
}

static uint64_t mask64(int bits) { return bits <= 0 ? 0 : bits >= 64 ? UINT64_MAX : htobe64(UINT64_MAX << (64 - bits)); }

int dp_ebpf_node_set(struct dp *dp, struct dp_nod *n)
{
	struct dp_ebpf *e = dp->ebpf;
	struct abi_mac key = mac_of(n);
	struct abi_sender v = {.node = n->index, .tunnel = n->tun->index, .n_prefixes = n->conf.n_prefixes};
	int r;

	if (!dp_link_find(dp, n->conf.ifindex))
		return -ENODEV;
	for (int i = 0; i < n->conf.n_prefixes; i++) {
		const struct prefix *p = &n->conf.prefixes[i];

		memcpy(&v.prefixes[i].hi, &p->addr, 16);
		v.prefixes[i].mask_hi = mask64(p->len);
		v.prefixes[i].mask_lo = mask64(p->len - 64);
	}
	e->tunnels[n->tun->index].lma_side = n->tun->lma_side;
	if (!n->in_backend) {
		counts_reset(&e->counts, ABI_COUNT_NODE, 2 * n->index);
		counts_reset(&e->counts, ABI_COUNT_NODE, 2 * n->index + 1);
		n->in_backend = true;
	}
	r = update(dp, FD(e, senders), "nodes", &key, &v);
	dp_ebpf_forget(e);
	return r;
}

void dp_ebpf_node_del(struct dp *dp, struct dp_nod *n)
{
	struct abi_mac key = mac_of(n);

	bpf_map_delete_elem(FD(dp->ebpf, senders), &key);
	dp_ebpf_forget(dp->ebpf);
}

/* ---- flows -------------------------------------------------------------------------------------------- */

static struct abi_flow flow_of(const struct dp_flw *f)
{
	return (struct abi_flow){
		.source = addr_of(&f->key.source),
		.group = addr_of(&f->key.group),
		.in = f->tun ? f->tun->index : ABI_IN_LINK | f->key.in.ifindex,
	};
}

static struct flow_lists *lists_of(struct dp *dp, struct dp_flw *f)
{
	struct dp_ebpf *e = dp->ebpf;
	struct abi_head *h = &e->heads[f->index];
	struct flow_lists *ls = f->lists;
	struct abi_flow key = flow_of(f);

	if (ls)
		return ls;
	ls = calloc(1, sizeof(*ls));
	if (!ls)
		return NULL;
	dp_ebpf_head_set(e, f->index, &key, 0);
	rlist_init(&ls->of[OUT_LINK], (uint64_t *)&h->links);
	rlist_init(&ls->of[OUT_TUNNEL], (uint64_t *)&h->tunnels);
	f->lists = ls;
	return ls;
}

int dp_ebpf_flow_set(struct dp *dp, struct dp_flw *f)
{
	struct abi_flow key = flow_of(f);

	if (!lists_of(dp, f))
		return -ENOMEM;
	dp_ebpf_flow_label(dp, f);
	counts_reset(&dp->ebpf->counts, ABI_COUNT_FLOW, f->index);
	return dp_ebpf_flow_publish(dp, &key, f->index);
}

void dp_ebpf_flow_del(struct dp *dp, struct dp_flw *f)
{
	struct abi_flow key = flow_of(f);
	struct flow_lists *ls = f->lists;

	dp_ebpf_flow_unpublish(dp, &key);
	for (int k = 0; ls && k < OUT_KINDS; k++)
		rlist_deinit(&dp->ebpf->lists, &ls->of[k]);
}

void dp_ebpf_flow_lists_free(struct dp *dp, struct dp_flw *f)
{
	(void)dp;
	free(f->lists);
	f->lists = NULL;
}

void dp_ebpf_flow_label(struct dp *dp, struct dp_flw *f)
{
	__atomic_store_n(&dp->ebpf->heads[f->index].label, htobe32(f->label), __ATOMIC_RELEASE);
}

static int out_content(struct dp *dp, const struct dp_o *o, struct abi_out *c)
{
	const struct dp_link *l;

	*c = (struct abi_out){.counter = o->counter};
	if (o->tun) {
		c->target = o->tun->index + 1;
		return 0;
	}
	c->target = o->gate ? ABI_GATE | o->gate->index : o->conf.ifindex;
	if (dp_out_is_held(&o->conf))
		return 0;
	l = dp_link_find(dp, o->conf.ifindex);
	if (!l)
		return -ENODEV;
	c->mtu = l->mtu;
	memcpy(c->macs.dst, o->conf.dmac, 6);
	memcpy(c->macs.src, l->mac, 6);
	return 0;
}

/* At its gate: the program reads the rest of the slot only once it may send. */
static void take_over(struct dp *dp, struct flow_lists *ls, struct dp_o *held, struct dp_o *o, const struct abi_out *content)
{
	struct abi_out *slot = &dp->ebpf->outs[held->slot];

	slot->counter = content->counter;
	slot->mtu = content->mtu;
	slot->macs = content->macs;
	rlist_replace(&ls->of[OUT_LINK], held, o);
}

int dp_ebpf_out_add(struct dp *dp, struct dp_o *o)
{
	struct dp_ebpf *e = dp->ebpf;
	struct flow_lists *ls = lists_of(dp, o->flow);
	struct abi_out content;
	int r;

	if (!ls)
		return -ENOMEM;
	if (!dp_ids_get(&e->counter_ids, dp->grace, &o->counter)) {
		dp_problem(dp, "table full: %u outputs", dp->conf.outs_max);
		return -ENOSPC;
	}
	r = out_content(dp, o, &content);
	if (!r) {
		counts_reset(&e->counts, ABI_COUNT_OUT, o->counter);
		if (o->tun)
			e->tunnels[o->tun->index].lma_side = true;
		if (!o->tun && o->gate && o->gate->out)
			take_over(dp, ls, o->gate->out, o, &content);
		else
			r = rlist_add(&e->lists, &ls->of[o->tun ? OUT_TUNNEL : OUT_LINK], o, &content);
		if (r == -ENOSPC)
			dp_problem(dp, "table full: slots of the replication lists");
	}
	if (r)
		dp_ids_put(&e->counter_ids, dp->grace, o->counter);
	return r;
}

void dp_ebpf_out_del(struct dp *dp, struct dp_o *o)
{
	struct flow_lists *ls = o->flow->lists;

	rlist_del(&dp->ebpf->lists, &ls->of[o->tun ? OUT_TUNNEL : OUT_LINK], o);
	dp_ids_put(&dp->ebpf->counter_ids, dp->grace, o->counter);
}

/* ---- downstream links of a plain proxy ------------------------------------------------------------------ */

int dp_ebpf_link_proxy(struct dp *dp, struct dp_link *l)
{
	struct dp_ebpf *e = dp->ebpf;
	const struct dp_link *up = l->proxy ? dp_link_find(dp, l->proxy) : NULL;
	struct abi_downstream d = {.instance = l->proxy};

	if (!l->proxy) {
		bpf_map_delete_elem(FD(e, downstreams), &l->ifindex);
		return 0;
	}
	if (!l->has_counter) {
		if (!dp_ids_get(&e->counter_ids, dp->grace, &l->counter))
			return -ENOSPC;
		counts_reset(&e->counts, ABI_COUNT_OUT, l->counter);
		l->has_counter = true;
	}
	d.counter = l->counter;
	if (up) {
		d.upstream = up->ifindex;
		d.mtu = up->mtu;
		memcpy(d.smac, up->mac, 6);
	}
	return update(dp, FD(e, downstreams), "downstream links", &l->ifindex, &d);
}

void dp_ebpf_link_unproxy(struct dp *dp, struct dp_link *l)
{
	bpf_map_delete_elem(FD(dp->ebpf, downstreams), &l->ifindex);
	if (l->has_counter)
		dp_ids_put(&dp->ebpf->counter_ids, dp->grace, l->counter);
	l->has_counter = false;
}

void dp_ebpf_link_changed(struct dp *dp, const struct dp_link *l)
{
	/* A tunnel's slot has no MTU of its own. Slots that are in no list any more do no harm. */
	for (uint32_t i = 0; i < dp->ebpf->lists.slots.used; i++) {
		struct abi_out *o = &dp->ebpf->outs[i];

		if (!o->mtu || dp_ebpf_slot_link(dp->ebpf, o->target) != l->ifindex)
			continue;
		o->mtu = l->mtu;
		memcpy(o->macs.src, l->mac, 6);
	}
	for (struct hnode *n = htab_next(&dp->node_prefixes.table, NULL); n; n = htab_next(&dp->node_prefixes.table, n)) {
		struct dp_pfx *p = hnode_owner(n, struct dp_pfx, by_prefix);

		if (p->node->conf.ifindex == l->ifindex)
			dp_ebpf_node_prefix_set(dp, p);
	}
}
