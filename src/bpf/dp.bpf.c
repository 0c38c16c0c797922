// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* The data plane's program: on tc ingress of every link.
 *
 *   access     node -> tunnel, after the check of its MAC and source
 *   transport  tunnel -> node (MAG), -> anywhere or another tunnel (LMA)
 *   upstream   prefix -> tunnel, stream -> tunnels (LMA); stream -> links (plain proxy)
 *   downstream stream -> upstream link and other links (plain proxy)
 *
 * What is for this host goes on to the kernel. The rules by which the daemon changes the maps under the running
 * program are in docs/dataplane.md. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "dp_lookup.h"

#define AF_INET6 10

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* ---- into a tunnel ------------------------------------------------------------------------------------ */

/* What is the same in all tunnels. The word with version, traffic class and flow label is the inner one's: DSCP and ECN
 * are copied (RFC 2983 uniform model, RFC 6040 normal mode), and the flow label lets routers between spread the flows
 * (RFC 6438). The Ethernet header has the type that it came with. */
static __always_inline void outer_write(void *data, const struct pkt *p, __u32 word)
{
	__u32 *h = data + ETH_LEN;

	h[0] = word;
	h[1] = SECOND(p->len & 0xffff, IPPROTO_IPV6, outer_hop_limit);
}

static __always_inline void outer_address(void *data, const struct abi_tunnel *t, const struct abi_hop *hop)
{
	copy_macs(data, &hop->macs);
	copy_addr_pair(data + ETH_LEN + 8, &t->local);
}

/* The packet at `offset` (14: as it came; 54: inside the tunnel that it leaves) goes into tunnel `index`. */
static __always_inline int to_tunnel(struct __sk_buff *skb, const __u32 offset, const struct pkt *p, __u32 index)
{
	struct abi_tunnel *t = bpf_map_lookup_elem(&tunnels, &index);
	struct abi_hop *hop;
	void *data;

	if (!t)
		return drop(ABI_NO_NEIGHBOUR);
	if (p->hop_limit <= 1)
		return drop_tell(skb, offset, ABI_HOP_LIMIT, 0);
	if (p->longest > t->mtu)
		return drop_tell(skb, offset, ABI_TOO_BIG, t->mtu);
	if (!set_hop(skb, offset, p))
		return drop(ABI_INNER_MALFORMED);
	if (p->longest > t->whole) { /* user space makes the fragments, and counts */
		if (offset != ETH_LEN && !decapsulate(skb))
			return drop(ABI_OUTPUT);
		return bpf_redirect(punt_ifindex, 0);
	}
	if (offset == ETH_LEN && !encapsulate(skb))
		return drop(ABI_OUTPUT);
	hop = &t->hop[t->sel & 1];
	data = DATA(skb);
	if (data + ETH_LEN + IP6_LEN > DATA_END(skb))
		return drop(ABI_OUTPUT);
	outer_write(data, p, p->word);
	outer_address(data, t, hop);
	if (!hop->ifindex)
		return drop(ABI_NO_NEIGHBOUR);
	count(ABI_COUNT_TUNNEL, 2 * index + 1, p);
	return hop->valid ? bpf_redirect(hop->ifindex, 0) : bpf_redirect_neigh(hop->ifindex, NULL, 0, 0);
}

/* ---- replication -------------------------------------------------------------------------------------- */

struct copies {
	struct __sk_buff *skb;
	const struct pkt *p;
	__u32 offset;
	__u32 label;   /* of the tunnel that it came out of */
	__u32 from;    /* the link that gets no copy since it came from there, or 0 */
	__u32 too_big; /* MTU of the narrowest output that it did not fit; 0 = it fit all */
};

static __always_inline void note_too_big(struct copies *c, __u32 mtu)
{
	if (!c->too_big || mtu < c->too_big)
		c->too_big = mtu;
	drop(ABI_TOO_BIG);
}

/* Prepare the copy for an output. NULL: nothing stands there, or it may not go. */
static __always_inline struct abi_out *link_copy(struct copies *c, __u32 slot, __u32 *target)
{
	struct abi_out *o = bpf_map_lookup_elem(&outs, &slot);

	if (!o)
		return NULL;
	*target = ONCE(o->target);
	if (*target & ABI_GATE)
		*target = at_gate(c->skb, ETH_LEN, *target & ~ABI_GATE, c->label);
	if (!*target || *target == c->from)
		return NULL;
	if (c->p->longest > o->mtu) {
		note_too_big(c, o->mtu);
		return NULL;
	}
	return set_macs(c->skb, &o->macs) ? o : NULL;
}

static __always_inline void send_copy(struct copies *c, const struct abi_out *o, __u32 ifindex)
{
	if (bpf_clone_redirect(c->skb, ifindex, 0))
		drop(ABI_OUTPUT);
	else
		count(ABI_COUNT_OUT, o->counter, c->p); /* for a tunnel the daemon adds these up */
}

static long link_clone(__u32 i, struct copies *c)
{
	__u32 target = 0;
	struct abi_out *o = link_copy(c, c->offset + i, &target);

	if (o)
		send_copy(c, o, target);
	return 0;
}

static __always_inline struct abi_out *tunnel_copy(struct copies *c, __u32 slot, __u32 *ifindex)
{
	struct abi_out *o = bpf_map_lookup_elem(&outs, &slot);
	struct abi_tunnel *t;
	struct abi_hop *hop;
	__u32 index;
	void *data;

	if (!o)
		return NULL;
	index = ONCE(o->target) - 1;
	t = bpf_map_lookup_elem(&tunnels, &index);
	if (!t)
		return NULL;
	if (c->p->longest > t->whole) { /* of streams no outer fragments are made */
		note_too_big(c, t->whole);
		return NULL;
	}
	hop = &t->hop[t->sel & 1];
	if (!hop->valid) {
		drop(ABI_NO_NEIGHBOUR);
		return NULL;
	}
	data = DATA(c->skb);
	if (data + ETH_LEN + IP6_LEN > DATA_END(c->skb))
		return NULL;
	outer_address(data, t, hop);
	*ifindex = hop->ifindex;
	return o;
}

static long tunnel_clone(__u32 i, struct copies *c)
{
	__u32 ifindex = 0;
	struct abi_out *o = tunnel_copy(c, c->offset + i, &ifindex);

	if (o)
		send_copy(c, o, ifindex);
	return 0;
}

static __always_inline int copies_done(struct __sk_buff *skb, const struct copies *c, __u32 offset)
{
	if (c->too_big)
		tell(skb, offset, ABI_TOO_BIG, c->too_big); /* the copies have been counted one by one */
	return TC_ACT_SHOT;
}

/* How many a list has, in all 64 bits of a register: the inlined bpf_loop compares the whole of it, and the compiler
 * leaves the upper half of a __u32 as it happens to be. */
static __always_inline __u64 list_count(__u64 list, __u32 less)
{
	__u64 n = list & 0xffffffff;

	n -= less;
	asm volatile("" : "+r"(n));
	return n;
}

static __always_inline int to_links(struct __sk_buff *skb, struct copies *c, __u64 list, bool last)
{
	__u64 n = list_count(list, last);
	__u32 ifindex = 0;
	struct abi_out *o;

	c->offset = list >> 32;
	bpf_loop(n, link_clone, c, 0);
	if (!last)
		return TC_ACT_SHOT;
	o = link_copy(c, c->offset + n, &ifindex);
	if (!o)
		return copies_done(skb, c, ETH_LEN);
	if (c->too_big)
		copies_done(skb, c, ETH_LEN);
	count(ABI_COUNT_OUT, o->counter, c->p);
	return bpf_redirect(ifindex, 0);
}

/* All copies bear the list's label (docs/handover-predictive.md). */
static __always_inline int to_tunnels(struct __sk_buff *skb, struct copies *c, __u64 list, __u32 label)
{
	__u64 n = list_count(list, 1);
	__u32 ifindex = 0;
	struct abi_out *o;
	void *data;

	c->offset = list >> 32;
	if (!encapsulate(skb))
		return drop(ABI_OUTPUT);
	data = DATA(skb);
	if (data + ETH_LEN + IP6_LEN > DATA_END(skb))
		return drop(ABI_OUTPUT);
	outer_write(data, c->p, (c->p->word & bpf_htonl(0xfff00000)) | label);
	bpf_loop(n, tunnel_clone, c, 0);
	o = tunnel_copy(c, c->offset + n, &ifindex);
	if (!o)
		return copies_done(skb, c, ETH_LEN + IP6_LEN);
	if (c->too_big)
		copies_done(skb, c, ETH_LEN + IP6_LEN);
	count(ABI_COUNT_OUT, o->counter, c->p);
	return bpf_redirect(ifindex, 0);
}

/* `in_label`: of the tunnel that it came out of. */
static __always_inline int replicate(struct __sk_buff *skb, const __u32 offset, const struct pkt *p, __u32 in,
				     __u32 in_label)
{
	struct copies c = {.skb = skb, .p = p, .label = in_label};
	long found = flow_of(p, in);
	struct abi_head *head;
	__u64 links_, tunnels_;
	__u32 index = found, label;

	head = found < 0 ? NULL : bpf_map_lookup_elem(&heads, &index);
	if (!head) {
		drop(ABI_NO_GROUP);
		return offset == ETH_LEN ? PASS : TC_ACT_SHOT; /* from a link, this host may listen itself */
	}
	links_ = ONCE(head->links);
	tunnels_ = ONCE(head->tunnels);
	label = ONCE(head->label);
	count(ABI_COUNT_FLOW, index, p);
	if (p->hop_limit <= 1)
		return drop(ABI_HOP_LIMIT); /* no Time Exceeded to a multicast's source (RFC 4443 2.4) */
	if (!(__u32)links_ && !(__u32)tunnels_)
		return drop(ABI_NO_GROUP);
	if (!set_hop(skb, offset, p) || (offset != ETH_LEN && !decapsulate(skb)))
		return drop(ABI_OUTPUT);
	if ((__u32)links_) {
		int act = to_links(skb, &c, links_, !(__u32)tunnels_);

		if (!(__u32)tunnels_)
			return act;
	}
	return to_tunnels(skb, &c, tunnels_, label);
}

/* ---- below a plain proxy ------------------------------------------------------------------------------ */

static __always_inline bool set_upstream_macs(struct __sk_buff *skb, const struct pkt *p, const struct abi_downstream *d)
{
	struct abi_macs macs = {.dst = {0x33, 0x33, p->dst.b[12], p->dst.b[13], p->dst.b[14], p->dst.b[15]}};

	__builtin_memcpy(macs.src, d->smac, 6);
	return set_macs(skb, &macs);
}

/* To the upstream whoever listens, and to the other links by what they ask for (RFC 4605 4.2). */
static __always_inline int from_downstream(struct __sk_buff *skb, const struct pkt *p)
{
	__u32 ifindex = CONTEXT(skb, ifindex);
	struct copies c = {.skb = skb, .p = p, .from = ifindex};
	struct abi_downstream *d;
	struct abi_head *head;
	__u32 index, upstream;
	__u64 links = 0;
	long found;

	if (is_link_local(&p->src) || is_nobody(&p->src) || is_multicast(&p->src) || is_link_scope(&p->dst))
		return PASS;
	d = bpf_map_lookup_elem(&downstreams, &ifindex);
	if (!d)
		return PASS;
	found = flow_of(p, ABI_IN_LINK | d->instance);
	index = found;
	head = found < 0 ? NULL : bpf_map_lookup_elem(&heads, &index);
	if (head) {
		links = ONCE(head->links);
		count(ABI_COUNT_FLOW, index, p);
	}
	if (p->hop_limit <= 1) /* MLD, wherever it goes, is for the daemon to judge */
		return p->next == IPPROTO_HOPOPTS ? PASS : drop(ABI_HOP_LIMIT);
	if (!set_hop(skb, ETH_LEN, p))
		return drop(ABI_OUTPUT);
	upstream = ONCE(d->upstream);
	if (upstream && p->longest > d->mtu) {
		note_too_big(&c, d->mtu);
	} else if (upstream) {
		if (!set_upstream_macs(skb, p, d))
			return drop(ABI_OUTPUT);
		if (!(__u32)links) {
			count(ABI_COUNT_OUT, d->counter, p);
			return bpf_redirect(upstream, 0);
		}
		if (bpf_clone_redirect(skb, upstream, 0))
			drop(ABI_OUTPUT);
		else
			count(ABI_COUNT_OUT, d->counter, p);
	}
	return (__u32)links ? to_links(skb, &c, links, true) : copies_done(skb, &c, ETH_LEN);
}

/* ---- out of a tunnel ---------------------------------------------------------------------------------- */

#define OTHER (-2) /* for no tunnel of ours */

/* What the route cache does not know, the kernel does. The packet that asks goes by the kernel's neighbour entry, so
 * that the kernel sees it in use and keeps it true; those after it, until the next generation, do not. */
static __noinline int to_world_slowly(struct __sk_buff *skb, const struct pkt *p, __u32 now)
{
	struct bpf_fib_lookup fib = {.family = AF_INET6, .ifindex = (__u32)CONTEXT(skb, ifindex)};
	struct abi_route fresh = {.generation = now};
	long r;

	if (!p)
		return TC_ACT_SHOT;
	fib.tot_len = p->longest;
	copy_addr_pair(fib.ipv6_src, &p->src);
	r = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
	if (r == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return drop_tell(skb, ETH_LEN + IP6_LEN, ABI_TOO_BIG, fib.mtu_result);
	if (r != BPF_FIB_LKUP_RET_SUCCESS && r != BPF_FIB_LKUP_RET_NO_NEIGH)
		return decapsulate(skb) ? PASS : drop(ABI_OUTPUT); /* for this host, or unreachable */
	if (p->hop_limit <= 1)
		return drop_tell(skb, ETH_LEN + IP6_LEN, ABI_HOP_LIMIT, 0);
	if (r == BPF_FIB_LKUP_RET_SUCCESS) {
		fresh.ifindex = fib.ifindex;
		fresh.mtu = fib.mtu_result;
		__builtin_memcpy(fresh.macs.dst, fib.dmac, 6);
		__builtin_memcpy(fresh.macs.src, fib.smac, 6);
		bpf_map_update_elem(&route_cache, &p->dst, &fresh, BPF_ANY);
	}
	if (!set_hop(skb, ETH_LEN + IP6_LEN, p) || !decapsulate(skb))
		return drop(ABI_OUTPUT);
	return bpf_redirect_neigh(fib.ifindex, NULL, 0, 0);
}

static __always_inline int to_way(struct __sk_buff *skb, const struct pkt *p, const struct abi_recent_way *w)
{
	__u32 ifindex = w->ifindex;

	if (p->hop_limit <= 1)
		return drop_tell(skb, ETH_LEN + IP6_LEN, ABI_HOP_LIMIT, 0);
	if (p->longest > w->mtu)
		return drop_tell(skb, ETH_LEN + IP6_LEN, ABI_TOO_BIG, w->mtu);
	if (!set_hop(skb, ETH_LEN + IP6_LEN, p))
		return drop(ABI_OUTPUT);
	if (ifindex & ABI_GATE) {
		ifindex = at_gate(skb, ETH_LEN + IP6_LEN, ifindex & ~ABI_GATE, 0);
		if (!ifindex)
			return TC_ACT_SHOT;
	}
	if (!decapsulate(skb) || !set_macs(skb, &w->macs))
		return drop(ABI_OUTPUT);
	if (w->tunnel)
		count(ABI_COUNT_NODE, 2 * w->node + 1, p);
	return bpf_redirect(ifindex, 0);
}

/* Another node behind this LMA, or the world. The cache holds no destination that has a route of ours: a new route
 * begins a new generation. */
static __always_inline int to_anywhere(struct __sk_buff *skb, const struct pkt *p, const struct abi_recent_way *w)
{
	__u32 now, to;

	if (w && !w->tunnel)
		return to_way(skb, p, w);
	now = generation_before();
	to = route_of(&p->dst);
	return to ? to_tunnel(skb, ETH_LEN + IP6_LEN, p, to - 1) : to_world_slowly(skb, p, now);
}

static __always_inline bool is_mld(const struct pkt *p)
{
	if (is_multicast(&p->dst))
		return p->next == IPPROTO_HOPOPTS || p->next == IPPROTO_ICMPV6;
	return is_link_local(&p->dst) && p->next == IPPROTO_HOPOPTS;
}

/* MLD between MAG and LMA, which the daemon's raw socket has next, and what does not belong in a tunnel. */
static __always_inline int from_tunnel_oddly(const struct pkt *p)
{
	return is_mld(p) ? PASS : drop(ABI_LINK_LOCAL);
}

/* `local` is where tunnels end, but nothing is known of this one. The first query of an LMA may come before the daemon
 * has read the registration that it follows: the daemon decides. What else is early is dropped, for it would be late. */
static __always_inline int from_stranger(const struct abi_addr *local, const struct pkt *p)
{
	if (!bpf_map_lookup_elem(&locals, local))
		return OTHER;
	return p && is_link_local(&p->src) && is_mld(p) ? PASS : drop(ABI_OUTER_SOURCE);
}

struct outer {
	__u32 word; /* its first */
	__u32 len;
	__u32 tunnel;	      /* index */
	struct abi_ends ends; /* unless the way is recent */
};

/* The node has moved, and these it sent before. */
static __always_inline bool former_source(const struct abi_addr *src, __u32 tunnel)
{
	struct abi_former key = {ABI_FORMER_TUNNEL + 128, tunnel, *src};

	return any_formers && bpf_map_lookup_elem(&formers, &key);
}

/* `recent`: the way is known, so the destination has passed the checks before, and the tunnel is none between MAGs. */
static __always_inline int from_tunnel(struct __sk_buff *skb, const struct outer *outer, struct pkt *p,
				       struct abi_recent_way *w, const bool recent)
{
	__u32 index = outer->tunnel & ~ABI_GATE;
	struct abi_tunnel *t;

	if (recent || !(outer->tunnel & ABI_GATE))
		count(ABI_COUNT_TUNNEL, 2 * index, p);
	if (!is_global(&p->src) && (is_link_local(&p->src) || is_nobody(&p->src)))
		return from_tunnel_oddly(p);
	if (!recent && !is_global(&p->dst) && (is_link_local(&p->dst) || is_link_scope(&p->dst) || is_nobody(&p->dst)))
		return from_tunnel_oddly(p);
	if (!recent && outer->tunnel & ABI_GATE) { /* between MAGs: only the daemon knows what it is */
		punt(skb, ETH_LEN + IP6_LEN, (__u64)ABI_PUNT_TUNNEL << 32 | index, bpf_ntohl(outer->word));
		return TC_ACT_SHOT;
	}
	if (!merge_ecn(outer->word, p))
		return drop(ABI_ECN);
	if (!recent && is_multicast(&p->dst))
		return replicate(skb, ETH_LEN + IP6_LEN, p, index, bpf_ntohl(outer->word) & 0xfffff);
	if (!recent && !way_learn(w, p, &outer->ends, index))
		w = NULL;
	if (w && w->tunnel == index + 1)
		return to_way(skb, p, w);
	if (route_of(&p->src) != index + 1 && !former_source(&p->src, index)) {
		t = bpf_map_lookup_elem(&tunnels, &index);
		return drop(t && t->lma_side ? ABI_INNER_SOURCE : ABI_NO_NODE);
	}
	return to_anywhere(skb, p, w);
}

static __always_inline int from_transport(struct __sk_buff *skb, __u32 row)
{
	void *data = DATA(skb), *end = DATA_END(skb);
	struct ipv6hdr *h = data + ETH_LEN;
	const struct abi_addr *a = data + ETH_LEN + 8; /* source and destination */
	__u32 *id, place, len = CONTEXT(skb, len);
	struct abi_recent_way *w = NULL;
	struct outer outer;
	bool whole;
	struct pkt p;

	if (data + ETH_LEN + IP6_LEN > end || h->nexthdr != IPPROTO_IPV6)
		return OTHER;
	outer.word = *(__u32 *)h;
	outer.len = (__u32)CONTEXT(skb, gso_size) ? len - ETH_LEN : IP6_LEN + SECOND_LEN(second_word(h));
	if (!is_ipv6(outer.word) || ETH_LEN + outer.len > len)
		return OTHER;
	p.row = row;
	whole = parse(skb, ETH_LEN + IP6_LEN, &p) && p.len <= outer.len - IP6_LEN && !is_multicast(&p.src);
	if (whole) {
		place = recent_place(&p.dst, half(a, 1));
		w = bpf_map_lookup_elem(&recent_ways, &place);
	}
	if (w && way_is_recent(w, a, a + 1, &p.dst)) {
		outer.tunnel = w->from;
		return from_tunnel(skb, &outer, &p, w, true);
	}
	copy_addr(&outer.ends.remote, a);
	copy_addr(&outer.ends.local, a + 1);
	id = bpf_map_lookup_elem(&tunnel_ids, &outer.ends);
	if (!id)
		return from_stranger(&outer.ends.local, whole ? &p : NULL);
	if (!whole)
		return drop(outer.len < 2 * IP6_LEN ? ABI_OUTER_MALFORMED : ABI_INNER_MALFORMED);
	outer.tunnel = *id;
	return from_tunnel(skb, &outer, &p, w, false);
}

/* ---- from a node -------------------------------------------------------------------------------------- */

/* From one node to another of the same anchor. One that takes part in a handover is left to the tunnel. */
static __always_inline int to_neighbour(struct __sk_buff *skb, const struct pkt *p, const struct abi_receiver *n, __u32 from)
{
	__u32 ifindex = ONCE(n->ifindex);

	if (p->hop_limit <= 1)
		return drop_tell(skb, ETH_LEN, ABI_HOP_LIMIT, 0);
	if (p->longest > n->mtu)
		return drop_tell(skb, ETH_LEN, ABI_TOO_BIG, n->mtu);
	if (!set_hop(skb, ETH_LEN, p) || !set_macs(skb, &n->macs))
		return drop(ABI_OUTPUT);
	count(ABI_COUNT_NODE, 2 * from, p);
	count(ABI_COUNT_NODE, 2 * n->node + 1, p);
	return bpf_redirect(ifindex, 0);
}

static __always_inline int from_node(struct __sk_buff *skb, const struct pkt *p)
{
	const bool odd = !(is_global(&p->src) && is_global(&p->dst));
	struct abi_recent_sender *s;
	struct abi_receiver *n;
	__u32 node;
	int act, why;

	if (odd && (is_link_local(&p->dst) || is_link_scope(&p->dst)))
		return PASS;
	/* A Report of MLDv1 goes to the group. */
	if (odd && (is_link_local(&p->src) || is_nobody(&p->src)))
		return is_multicast(&p->dst) && (p->next == IPPROTO_HOPOPTS || p->next == IPPROTO_ICMPV6) ?
			       PASS :
			       drop(ABI_LINK_LOCAL);
	s = sender_of(skb, p, &why);
	if (!s)
		return drop(-why);
	if (odd && is_nobody(&p->dst))
		return drop(ABI_LINK_LOCAL);
	node = s->node;
	n = local_routing ? node_of(&p->dst) : NULL;
	if (n && n->tunnel == s->tunnel && !(n->ifindex & ABI_GATE))
		return to_neighbour(skb, p, n, node);
	act = to_tunnel(skb, ETH_LEN, p, s->tunnel);
	if (act == TC_ACT_REDIRECT)
		count(ABI_COUNT_NODE, 2 * node, p);
	return act;
}

/* ---- all ---------------------------------------------------------------------------------------------- */

static __always_inline int from_upstream(struct __sk_buff *skb, const struct pkt *p)
{
	if (is_link_local(&p->src) || is_nobody(&p->src) || is_multicast(&p->src) || is_link_scope(&p->dst))
		return PASS;
	return replicate(skb, ETH_LEN, p, ABI_IN_LINK | (__u32)CONTEXT(skb, ifindex), 0);
}

/* The address of every MAG to every node (RFC 6543), which the device need not have as its own. */
static __always_inline bool to_fixed_mac(struct __sk_buff *skb)
{
	void *data = DATA(skb), *end = DATA_END(skb);
	const __u16 *mac = data;

	return data + ETH_LEN <= end && mac[0] == bpf_htons(0x0000) && mac[1] == bpf_htons(0x5e00) &&
	       mac[2] == bpf_htons(0x5213);
}

static __always_inline int ingress(struct __sk_buff *skb, const __u32 roles)
{
	struct pkt p;
	__u32 row, len, to;
	int act;

	if ((__u32)CONTEXT(skb, protocol) != bpf_htons(ETH_P_IPV6) || (__u32)CONTEXT(skb, vlan_present))
		return PASS;
	if ((__u32)CONTEXT(skb, pkt_type) == PACKET_OTHERHOST && !(roles & ABI_ACCESS && to_fixed_mac(skb)))
		return PASS;
	if (DATA(skb) + ETH_LEN + 2 * IP6_LEN > DATA_END(skb)) {
		len = CONTEXT(skb, len);
		bpf_skb_pull_data(skb, len < ETH_LEN + 2 * IP6_LEN ? len : ETH_LEN + 2 * IP6_LEN);
	}
	row = count_row();
	if (roles & ABI_TRANSPORT) {
		act = from_transport(skb, row);
		if (act != OTHER)
			return act;
	}
	p.row = row;
	if (!parse(skb, ETH_LEN, &p))
		return roles & ABI_ACCESS ? drop(ABI_INNER_MALFORMED) : PASS;
	if (roles & (ABI_TRANSPORT | ABI_UPSTREAM)) {
		if (is_multicast(&p.dst))
			return roles & ABI_UPSTREAM ? from_upstream(skb, &p) : PASS;
		to = route_of(&p.dst);
		if (to && (is_link_local(&p.src) || is_nobody(&p.src) || is_multicast(&p.src)))
			return drop(ABI_LINK_LOCAL);
		if (to)
			return to_tunnel(skb, ETH_LEN, &p, to - 1);
	}
	if (roles & ABI_DOWNSTREAM && is_multicast(&p.dst))
		return from_downstream(skb, &p);
	return roles & ABI_ACCESS ? from_node(skb, &p) : PASS;
}

/* A program for each of the usual roles, in which the role is a constant, and one for several at once. */
SEC("tc")
int rc_access(struct __sk_buff *skb)
{
	return ingress(skb, ABI_ACCESS);
}

SEC("tc")
int rc_transport(struct __sk_buff *skb)
{
	return ingress(skb, ABI_TRANSPORT);
}

SEC("tc")
int rc_upstream(struct __sk_buff *skb)
{
	return ingress(skb, ABI_UPSTREAM);
}

SEC("tc")
int rc_downstream(struct __sk_buff *skb)
{
	return ingress(skb, ABI_DOWNSTREAM);
}

SEC("tc")
int rc_several(struct __sk_buff *skb)
{
	__u32 ifindex = CONTEXT(skb, ifindex);
	__u32 *roles = bpf_map_lookup_elem(&link_roles, &ifindex);

	return roles ? ingress(skb, *roles) : PASS;
}

/* In the place of another that is about to be taken away. */
SEC("tc")
int rc_pass(struct __sk_buff *skb)
{
	return PASS;
}
