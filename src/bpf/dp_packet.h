/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
#pragma once
/* Reading and changing a packet, counting, drops and samples. */
#include "dp_maps.h"

#define ETH_LEN 14
#define IP6_LEN 40
#define PASS TC_ACT_UNSPEC /* not ours: other filters, then the kernel */

/* A volatile access: once, in one piece. */
#define ONCE(x) (*(volatile typeof(x) *)&(x))

/* The verifier wants the context's fields read at a constant offset; the compiler may keep a pointer to the field. */
#define CONTEXT(skb, field)                                                        \
	({                                                                         \
		__u64 v_;                                                          \
		asm volatile("%0 = *(u32 *)(%1 + %2)"                              \
			     : "=r"(v_)                                            \
			     : "r"(skb), "i"(__builtin_offsetof(struct __sk_buff, field))); \
		v_;                                                                \
	})
#define DATA(skb) ((void *)CONTEXT(skb, data))
#define DATA_END(skb) ((void *)CONTEXT(skb, data_end))

/* Unrolled. Addresses and headers lie so that eight octets at a time are no worse than four; what is stored and soon
 * loaded again must be of the same size, or the load waits. */
#define COPY(type, to, from, n)                                                                       \
	do {                                                                                          \
		type *to_ = (type *)(to);                                                             \
		const type *from_ = (const type *)(from);                                             \
		_Pragma("unroll") for (int i_ = 0; i_ < (int)((n) / sizeof(type)); i_++) to_[i_] = from_[i_]; \
	} while (0)
#define copy_macs(to, from) COPY(__u32, to, from, sizeof(struct abi_macs))
#define copy_addr(to, from) COPY(__u64, to, from, sizeof(struct abi_addr))
#define copy_addr_pair(to, from) COPY(__u64, to, from, 2 * sizeof(struct abi_addr))

struct pkt {
	struct abi_addr src, dst __attribute__((aligned(8)));
	__u32 len;	/* octets from its IPv6 header on; of all segments together */
	__u32 longest;	/* what one packet of it takes on a wire */
	__u32 packets;	/* a GSO packet stands for several */
	__u32 bytes;	/* of these */
	__u32 word;	/* its first: version, traffic class and flow label */
	__u32 row;	/* of the CPU's counters */
	__u8 next;
	__u8 hop_limit;
};

#define ECN_SHIFT 20 /* within the word, in host order */

static __always_inline __u8 ecn_of(__u32 word) { return bpf_ntohl(word) >> ECN_SHIFT & 3; }
static __always_inline bool is_ipv6(__u32 word)
{
	return (word & bpf_htonl(0xf0000000)) == bpf_htonl(0x60000000);
}

/* Programs do not interrupt each other on one CPU: what stands in its row nobody else raises. */
static __always_inline __u32 count_row(void) { return bpf_get_smp_processor_id() * counts_row; }

static __always_inline void count(const __u32 kind, __u32 index, const struct pkt *p)
{
	__u32 at = p->row + counts_base[kind] + index;
	struct abi_count *c = bpf_map_lookup_elem(&counts, &at);

	if (c) {
		c->packets += p->packets;
		c->bytes += p->bytes;
	}
}

static __always_inline int drop(__u32 reason)
{
	__u32 at = count_row() + counts_base[ABI_COUNT_DROP] + reason;
	struct abi_count *c = bpf_map_lookup_elem(&counts, &at);

	if (c)
		c->packets++;
	return TC_ACT_SHOT;
}

/* Have the daemon tell the source: hands it the start of the packet that begins at `offset`. The rate is that of a
 * bucket of one second. */
static __noinline int tell(struct __sk_buff *skb, __u32 offset, __u32 reason, __u32 mtu)
{
	__u64 now = bpf_ktime_get_ns(), due = ONCE(sample_due);
	__u64 total = (__u32)CONTEXT(skb, len), len = total - offset;
	struct abi_sample *s;

	if (due < now)
		due = now;
	if (due >= now + sample_burst_ns || offset >= total)
		return 0;
	s = bpf_ringbuf_reserve(&samples, sizeof(*s), 0);
	if (!s)
		return 0;
	ONCE(sample_due) = due + sample_interval_ns;
	if (len > ABI_SAMPLE_BYTES)
		len = ABI_SAMPLE_BYTES;
	s->reason = reason;
	s->ifindex = CONTEXT(skb, ifindex);
	s->mtu = mtu;
	s->len = len;
	asm volatile("" : "+r"(len)); /* one register for the checks and the use, or the verifier sees no bound */
	if (len < 1 || len > ABI_SAMPLE_BYTES || bpf_skb_load_bytes(skb, offset, s->bytes, len))
		bpf_ringbuf_discard(s, 0);
	else
		bpf_ringbuf_submit(s, 0);
	return 0;
}

static __always_inline int drop_tell(struct __sk_buff *skb, __u32 offset, __u32 reason, __u32 mtu)
{
	tell(skb, offset, reason, mtu);
	return drop(reason);
}

/* ---- to the daemon ------------------------------------------------------------------------------------ */

static __always_inline int punt_sized(struct __sk_buff *skb, __u32 offset, __u64 what_index, __u32 outer, __u64 len,
				      const __u32 size)
{
	struct abi_punt *r = bpf_ringbuf_reserve(&punts, sizeof(*r) + size, 0);

	if (!r)
		return 1;
	r->what = what_index >> 32;
	r->index = what_index;
	r->outer = outer;
	r->gso_size = CONTEXT(skb, gso_size);
	r->len = len;
	asm volatile("" : "+r"(len)); /* as in tell() */
	if (len < 1 || len > size || bpf_skb_load_bytes(skb, offset, r->bytes, len)) {
		bpf_ringbuf_discard(r, 0);
		return 1;
	}
	bpf_ringbuf_submit(r, 0);
	return 0;
}

/* The packet that begins at `offset`. Not 0: there was no room. The sizes are those of records of 512 and 2048 octets. */
static __noinline int punt(struct __sk_buff *skb, __u32 offset, __u64 what_index, __u32 outer)
{
	__u32 total = CONTEXT(skb, len), len = total - offset;
	int r = 1;

	if (offset >= total)
		return 1;
	if (len <= 480)
		r = punt_sized(skb, offset, what_index, outer, len, 480);
	else if (len <= 2016)
		r = punt_sized(skb, offset, what_index, outer, len, 2016);
	else if (len <= 65600)
		r = punt_sized(skb, offset, what_index, outer, len, 65600);
	if (r)
		__sync_fetch_and_add(&punts_lost, 1);
	return r;
}

/* The link to which the packet may go from here, or 0: the daemon has it.
 *
 * What is counted before it is compared cannot slip through while the daemon takes the gate away: both counts equal says that
 * nobody has a packet, nor is about to hand one up. On one processor a stream's packets so keep their order. */
static __noinline int at_gate(struct __sk_buff *skb, __u32 offset, __u32 index, __u32 outer)
{
	struct abi_gate *g = bpf_map_lookup_elem(&gates, &index);
	__u64 given;

	if (!g)
		return 0;
	given = __sync_fetch_and_add(&g->given, 1);
	if (ONCE(g->closing) && given == ONCE(g->sent)) {
		__sync_fetch_and_add(&g->given, -1);
		return g->ifindex;
	}
	if (punt(skb, offset, (__u64)ABI_PUNT_GATE << 32 | index, outer))
		__sync_fetch_and_add(&g->given, -1);
	return 0;
}

static __always_inline bool is_multicast(const struct abi_addr *a) { return a->b[0] == 0xff; }
static __always_inline bool is_link_local(const struct abi_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* 2000::/3: what most packets are from and to, and nothing below can be. */
static __always_inline bool is_global(const struct abi_addr *a) { return (a->b[0] & 0xe0) == 0x20; }

/* :: and ::1. IPv4-compatible addresses go with them: nothing may bear one. */
static __always_inline bool is_nobody(const struct abi_addr *a)
{
	return !(a->w[0] | a->w[1] | a->w[2]);
}

static __always_inline bool is_link_scope(const struct abi_addr *a) { return is_multicast(a) && (a->b[1] & 0xf) <= 2; }
/* As it lies in memory. */
static __always_inline __u64 half(const struct abi_addr *a, const int i) { return ((const __u64 *)a)[i]; }

static __always_inline bool same_addr(const struct abi_addr *a, const struct abi_addr *b)
{
	return !((half(a, 0) ^ half(b, 0)) | (half(a, 1) ^ half(b, 1)));
}

/* Fill in what a super-packet stands for. */
static __always_inline void parse_gso(struct __sk_buff *skb, __u32 offset, struct pkt *p)
{
	__u32 header = IP6_LEN + 8;
	__u8 doff;

	if (p->next == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, offset + IP6_LEN + 12, &doff, 1))
			doff = 0x50;
		header = IP6_LEN + (doff >> 4) * 4;
	}
	p->len = (__u32)CONTEXT(skb, len) - offset;
	p->packets = CONTEXT(skb, gso_segs);
	p->packets = p->packets ? p->packets : 1;
	p->bytes = p->len + (p->packets - 1) * header;
	p->longest = (__u32)CONTEXT(skb, gso_size) + header;
}

/* What stands behind the first word: length, next header, hop limit. */
static __always_inline __u32 second_word(const struct ipv6hdr *h) { return bpf_ntohl(((const __u32 *)h)[1]); }
#define SECOND_LEN(word) ((word) >> 16)
#define SECOND_NEXT(word) ((__u8)((word) >> 8))
#define SECOND_HOP(word) ((__u8)(word))
#define SECOND(len, next, hop) bpf_htonl((len) << 16 | (next) << 8 | (hop))

/* The IPv6 header at `offset`. False: there is none, or the packet is cut. */
static __always_inline bool parse(struct __sk_buff *skb, const __u32 offset, struct pkt *p)
{
	void *data = DATA(skb), *end = DATA_END(skb);
	struct ipv6hdr *h = data + offset;
	__u32 second;

	if (data + offset + IP6_LEN > end)
		return false;
	p->word = *(__u32 *)h;
	if (!is_ipv6(p->word))
		return false;
	copy_addr_pair(&p->src, &h->saddr);
	second = second_word(h);
	p->next = SECOND_NEXT(second);
	p->hop_limit = SECOND_HOP(second);
	if ((__u32)CONTEXT(skb, gso_size)) {
		parse_gso(skb, offset, p);
		return true;
	}
	p->len = IP6_LEN + SECOND_LEN(second);
	p->packets = 1;
	p->bytes = p->len;
	p->longest = p->len;
	return offset + p->len <= (__u32)CONTEXT(skb, len);
}

/* Forwarding: one hop less, and the ECN field. */
static __always_inline bool set_hop(struct __sk_buff *skb, const __u32 offset, const struct pkt *p)
{
	void *data = DATA(skb), *end = DATA_END(skb);
	struct ipv6hdr *h = data + offset;

	if (data + offset + IP6_LEN > end)
		return false;
	*(__u32 *)h = p->word;
	h->hop_limit = p->hop_limit - 1;
	return true;
}

static __always_inline bool set_macs(struct __sk_buff *skb, const struct abi_macs *macs)
{
	void *data = DATA(skb), *end = DATA_END(skb);

	if (data + ETH_LEN > end)
		return false;
	copy_macs(data, macs);
	return true;
}

/* Room for an outer header. */
static __always_inline bool encapsulate(struct __sk_buff *skb)
{
	return !bpf_skb_adjust_room(skb, IP6_LEN, BPF_ADJ_ROOM_MAC,
				    BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV6);
}

static __always_inline bool decapsulate(struct __sk_buff *skb)
{
	return !bpf_skb_adjust_room(skb, -IP6_LEN, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
}

/* RFC 6040 4.2, the ECN field on decapsulation. False: drop. */
static __always_inline bool merge_ecn(__u32 outer_word, struct pkt *inner)
{
	__u8 out = ecn_of(outer_word), in;

	if (!out)
		return true;
	in = ecn_of(inner->word);
	if (out == 3 && !in)
		return false;
	if (out == 3)
		inner->word |= bpf_htonl(3 << ECN_SHIFT);
	else if (out == 1 && in == 2)
		inner->word ^= bpf_htonl(3 << ECN_SHIFT);
	return true;
}
