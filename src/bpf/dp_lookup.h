/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
#pragma once
/* Looking up: in the daemon's tables, and before that among what this CPU has found in them lately. */
#include "dp_packet.h"

/* ---- the tables --------------------------------------------------------------------------------------- */

static __always_inline __u32 in_line(void *lines, const struct abi_place *at, int which)
{
	__u32 index = at->line[which];
	struct abi_line *l = bpf_map_lookup_elem(lines, &index);

	for (int i = 0; l && i < ABI_LINE_WORDS; i++) {
		__u32 number = abi_number(ONCE(l->word[i]), at->want[which], at->number_bits);

		if (number)
			return number;
	}
	return 0;
}

static __always_inline __u32 route_64_of(__u64 key)
{
	struct abi_place at = abi_route_place(key, routes_seed, routes_bits);
	__u32 tunnel = in_line(&routes, &at, 0);
	struct abi_via *v;

	if (!tunnel)
		tunnel = in_line(&routes, &at, 1);
	if (tunnel || !full_routes)
		return tunnel;
	v = bpf_map_lookup_elem(&route_64, &key);
	return v ? v->tunnel + 1 : 0;
}

/* The tunnel's index + 1, or 0. */
static __always_inline __u32 route_of(const struct abi_addr *a)
{
	struct abi_via *odd = NULL;
	__u32 tunnel;

	if (odd_routes) {
		struct abi_lpm k = {128, *a};

		odd = bpf_map_lookup_elem(&route_lpm, &k);
		if (odd && odd->len > 64)
			return odd->tunnel + 1;
	}
	tunnel = route_64_of(half(a, 0));
	return tunnel || !odd ? tunnel : odd->tunnel + 1;
}

static __always_inline struct abi_head *head_of(const struct abi_flow *key, __u32 index)
{
	struct abi_head *h = bpf_map_lookup_elem(&heads, &index);

	return h && h->key.in == key->in && same_addr(&h->key.group, &key->group) &&
	       same_addr(&h->key.source, &key->source) ? h : NULL;
}

/* The flow's index, or -1. A word, or an element of the hash map, may be another flow's: the head tells. */
static __noinline long flow_index(const struct abi_flow *key)
{
	struct abi_place at = abi_flow_place(key, flows_seed, flows_bits);
	__u32 number = in_line(&flows, &at, 0);
	struct abi_flow_id *id;

	if (!number)
		number = in_line(&flows, &at, 1);
	if (number && head_of(key, number - 1))
		return number - 1;
	id = ONCE(full_flows) ? bpf_map_lookup_elem(&flow_ids, key) : NULL;
	return id && head_of(key, id->index) ? (long)id->index : -1;
}

/* (S,G), else (*,G). Where the one takes the other's place both are there for a while, but between the two look-ups (S,G) may
 * have come and (*,G) gone. */
static __always_inline long flow_of(const struct pkt *p, __u32 in)
{
	struct abi_flow key = {.source = p->src, .group = p->dst, .in = in}, any = {.group = p->dst, .in = in};
	long index = ONCE(source_flows) ? flow_index(&key) : -1;

	if (index < 0)
		index = flow_index(&any);
	if (index < 0 && ONCE(source_flows))
		index = flow_index(&key);
	return index;
}

static __always_inline struct abi_receiver *node_of(const struct abi_addr *a)
{
	__u64 key = half(a, 0);
	struct abi_receiver *odd = NULL, *v;

	if (odd_nodes) {
		struct abi_lpm k = {128, *a};

		odd = bpf_map_lookup_elem(&node_lpm, &k);
		if (odd && odd->len > 64)
			return odd;
	}
	v = bpf_map_lookup_elem(&node_64, &key);
	return v ? v : odd;
}

static __always_inline bool source_allowed(const struct abi_sender *s, const struct abi_addr *src)
{
	const __u64 hi = half(src, 0), lo = half(src, 1);

#pragma unroll
	for (__u32 i = 0; i < ABI_PREFIXES; i++) {
		const struct abi_prefix *x = &s->prefixes[i];

		if (i < s->n_prefixes && (hi & x->mask_hi) == x->hi && (lo & x->mask_lo) == x->lo)
			return true;
	}
	return false;
}

/* ---- what was found lately ---------------------------------------------------------------------------- */

/* For what is looked up next: it is as old as this, or younger. */
static __always_inline __u32 generation_before(void)
{
	__u32 now = ONCE(generation), fence = 0;

	__sync_fetch_and_add(&fence, 0);
	return now;
}

static __always_inline __u32 recent_place(const struct abi_addr *a, __u64 more)
{
	return (half(a, 0) * 0x9e3779b97f4a7c15u + (half(a, 1) ^ more) * 0xc4ceb9fe1a85ec53u) >> (64 - ABI_RECENT_BITS);
}

/* Whose packet it is that has come from `key`: 0, or why it may not go on. */
static __noinline int sender_learn(struct abi_recent_sender *r, const struct pkt *p, const struct abi_mac *key)
{
	__u32 now = generation_before();
	struct abi_sender *s;

	if (!r || !p || !key)
		return -ABI_UPLINK_UNREGISTERED;
	s = bpf_map_lookup_elem(&senders, key);
	if (!s)
		return -ABI_UPLINK_UNREGISTERED;
	if (is_multicast(&p->dst))
		return -ABI_UPLINK_MULTICAST;
	if (!source_allowed(s, &p->src))
		return -ABI_UPLINK_SOURCE;
	r->src = p->src;
	r->mac = *key;
	r->node = s->node;
	r->tunnel = s->tunnel;
	r->generation = now;
	return 0;
}

/* NULL: *why. */
static __always_inline struct abi_recent_sender *sender_of(struct __sk_buff *skb, const struct pkt *p, int *why)
{
	__u32 place = recent_place(&p->src, 0), ifindex = CONTEXT(skb, ifindex);
	struct abi_recent_sender *r = bpf_map_lookup_elem(&recent_senders, &place);
	void *data = DATA(skb), *end = DATA_END(skb);
	const __u16 *mac = data + ETH_ALEN;
	struct abi_mac key = {.ifindex = ifindex};

	*why = -ABI_INNER_MALFORMED;
	if (!r || data + ETH_LEN > end)
		return NULL;
	*why = -ABI_UPLINK_MULTICAST;
	if (r->generation == ONCE(generation) && same_addr(&r->src, &p->src) && r->mac.ifindex == ifindex &&
	    !((r->mac.h[2] ^ mac[0]) | (r->mac.h[3] ^ mac[1]) | (r->mac.h[4] ^ mac[2])))
		return is_multicast(&p->dst) ? NULL : r;
	COPY(__u16, key.mac, mac, 6);
	*why = sender_learn(r, p, &key);
	return *why ? NULL : r;
}

static __always_inline bool way_is_recent(const struct abi_recent_way *r, const struct abi_addr *outer_src,
					  const struct abi_addr *outer_dst, const struct abi_addr *dst)
{
	return r->generation == ONCE(generation) && same_addr(&r->dst, dst) && same_addr(&r->ends.remote, outer_src) &&
	       same_addr(&r->ends.local, outer_dst);
}

/* Where it goes that has come by the tunnel `from` of these ends. False: to no node, and the kernel has not been asked
 * in this generation. */
static __noinline bool way_learn(struct abi_recent_way *r, const struct pkt *p, const struct abi_ends *ends, __u32 from)
{
	__u32 now = generation_before();
	struct abi_receiver *n;
	struct abi_route *k;

	if (!r || !p || !ends)
		return false;
	n = any_nodes ? node_of(&p->dst) : NULL;
	if (n) {
		r->tunnel = n->tunnel + 1;
		r->node = n->node;
		r->ifindex = n->ifindex;
		r->mtu = n->mtu;
		r->macs = n->macs;
	} else {
		k = bpf_map_lookup_elem(&route_cache, &p->dst);
		if (!k || k->generation != now)
			return false;
		r->tunnel = 0;
		r->ifindex = k->ifindex;
		r->mtu = k->mtu;
		r->macs = k->macs;
	}
	r->ends = *ends;
	r->from = from;
	r->dst = p->dst;
	r->generation = now;
	return true;
}
