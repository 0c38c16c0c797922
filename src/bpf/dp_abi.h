/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
#pragma once
/* What the programs in the kernel and the daemon share: the maps' keys and values. The daemon is the only
 * writer of all of them but the counters, the samples and the route cache. */
#include <linux/types.h>

struct abi_addr {
	union {
		__u8 b[16];
		__u32 w[4]; /* copied by words: the compiler copies octets where it knows of no alignment */
	};
};

struct abi_macs { /* as they stand in a frame */
	union {
		struct {
			__u8 dst[6], src[6];
		};
		__u32 w[3];
	};
};

enum { ABI_ACCESS = 1, ABI_TRANSPORT = 2, ABI_UPSTREAM = 4, ABI_DOWNSTREAM = 8 }; /* as enum dp_link_role */

struct abi_ends { /* tunnel_ids: -> __u32, as the packet has them that comes in */
	struct abi_addr local, remote;
} __attribute__((aligned(8)));

struct abi_hop {
	__u32 ifindex; /* 0: no route */
	__u32 valid;   /* the MACs stand */
	struct abi_macs macs;
};

struct abi_tunnel { /* tunnels: index -> */
	struct abi_addr local, remote;
	struct abi_hop hop[2];
	__u32 sel;	/* which of the two holds: the other may be written once nobody reads it any more */
	__u32 mtu;	/* for inner packets */
	__u32 whole;	/* the longest that passes without outer fragments; user space makes those */
	__u32 lma_side; /* how to name what nobody takes */
};

struct abi_mac { /* senders: -> abi_sender */
	union {
		struct {
			__u32 ifindex;
			__u8 mac[6];
			__u8 zero[2];
		};
		__u32 w[3];
		__u16 h[6];
	};
};

#define ABI_PREFIXES 8
struct abi_prefix {
	__u64 hi, lo;		/* in network order */
	__u64 mask_hi, mask_lo; /* likewise */
};

struct abi_sender {
	__u32 node;   /* index of its counters */
	__u32 tunnel; /* index */
	__u32 n_prefixes;
	__u32 zero;
	struct abi_prefix prefixes[ABI_PREFIXES];
};

/* A way that leads into a handover: abi_receiver.ifindex, and abi_out.target in a list of links, are then ABI_GATE | index of
 * the gate instead of the link. In tunnel_ids, the flag says that the tunnel is one between MAGs in handovers. */
#define ABI_GATE 0x80000000u
struct abi_gate { /* gates: index -> */
	__u64 given;   /* packets that were given to the daemon: the programs count */
	__u64 sent;    /* so many of them have gone their way: the daemon counts */
	__u32 closing; /* once both are equal the program sends to the link by itself */
	__u32 ifindex;
	__u64 zero;
};

/* What the daemon is given: punts. */
enum { ABI_PUNT_GATE, ABI_PUNT_TUNNEL };
struct abi_punt {
	__u32 what;
	__u32 index;	/* of the gate, or of the tunnel that it came out of */
	__u32 outer;	/* the first word of the tunnel's header: its flow label, and the ECN field << 20 */
	__u32 gso_size; /* as the kernel has it; 0 = one packet */
	__u32 len;
	__u32 zero;
	__u8 bytes[];	/* from the inner IPv6 header on */
};

/* formers: -> __u32. What may still come out of a tunnel that its route has left. */
struct abi_former {
	__u32 len; /* bits of what follows: of the tunnel, and of the prefix */
	__u32 tunnel;
	struct abi_addr addr;
};
#define ABI_FORMER_TUNNEL 32

struct abi_lpm { /* key of node_lpm and route_lpm; those of 64 bits stand in node_64 and routes */
	__u32 len;
	struct abi_addr addr;
};

struct abi_receiver { /* node_64, node_lpm */
	__u32 ifindex;
	__u32 node;
	__u32 tunnel; /* the one its packets come out of */
	__u32 mtu;
	struct abi_macs macs;
	__u32 len; /* of the prefix */
};

struct abi_via { /* route_lpm; and route_64, where a line of `routes` was full */
	__u32 tunnel;
	__u32 len;
};

/* Small numbers by key, each a word in one of two lines that its key chooses (dp_lines.h). A word is what it keeps of the key,
 * and below that the number + 1; 0 is a place that is free. */
#define ABI_LINE_WORDS 8
struct abi_line {
	__u64 word[ABI_LINE_WORDS];
};

struct abi_place {
	__u32 line[2];
	__u64 want[2];	   /* the word without the number */
	__u32 number_bits; /* below 33 */
};

/* The number + 1 if it is the word that is wanted, or 0. */
static inline __u32 abi_number(__u64 word, __u64 want, __u32 number_bits)
{
	__u64 rest = word ^ want;

	return rest >> number_bits ? 0 : (__u32)rest;
}

/* routes: those of 64 bits, upper half of an address -> index of a tunnel. A word keeps what its line does not tell of the
 * mixed key, and a bit for which of the two lines it is. */
#define ABI_ROUTE_BITS_MAX 26

/* The mix can be undone: different keys stay different. The second line follows from the rest that the word holds. */
static inline struct abi_place abi_route_place(__u64 key, __u64 seed, __u32 bits)
{
	struct abi_place at;
	__u64 x = key ^ seed;

	/* A multiplication carries differences upwards only, and the prefixes of a pool differ in the high bits: they are
	 * brought down before each. */
	x = (x ^ x >> 33) * 0xff51afd7ed558ccdu;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53u;
	x ^= x >> 33;
	at.number_bits = bits - 1;
	at.want[0] = x << bits;
	at.want[1] = at.want[0] | 1ull << (bits - 1);
	at.line[0] = (__u32)(x >> (64 - bits));
	at.line[1] = at.line[0] ^ (__u32)(at.want[0] * 0x9e3779b97f4a7c15u >> (64 - bits));
	return at;
}

struct abi_flow {
	struct abi_addr source, group;
	__u32 in; /* ABI_IN_LINK | ifindex, or a tunnel's index */
	__u32 zero;
} __attribute__((aligned(8)));
#define ABI_IN_LINK 0x80000000u

/* flows: -> the flow's number, index of its head. A word keeps 32 bits of the mixed key; the head has it all. */
#define ABI_FLOW_BITS_MAX 26

static inline __u64 abi_flow_mix(__u64 x, __u64 more)
{
	x = (x ^ more) * 0xff51afd7ed558ccdu;
	return x ^ x >> 32;
}

/* Flows of which a word keeps the same have both lines in common, or none. */
static inline struct abi_place abi_flow_place(const struct abi_flow *key, __u64 seed, __u32 bits)
{
	struct abi_place at = {.number_bits = 32};
	__u64 half[4], x = seed;

	__builtin_memcpy(half, key, sizeof(half));
	x = abi_flow_mix(x, half[3]);
	x = abi_flow_mix(x, half[2]);
	x = abi_flow_mix(x, key->in);
	x = abi_flow_mix(x, half[1]);
	x = abi_flow_mix(x, half[0]);
	x *= 0xc4ceb9fe1a85ec53u;
	at.line[0] = (__u32)(x >> (64 - bits));
	x ^= x >> 32;
	at.want[0] = at.want[1] = x << 32;
	at.line[1] = at.line[0] ^ (__u32)(at.want[0] * 0x9e3779b97f4a7c15u >> (64 - bits));
	return at;
}

struct abi_flow_id { /* flow_ids: abi_flow -> ; where its lines in `flows` were full */
	__u32 index;
	__u32 zero;
};

/* heads: index -> . A list is one word, so that a packet sees the old one or the new one. */
struct abi_head {
	struct abi_flow key; /* a word of `flows` keeps but some of it */
	__u64 links, tunnels; /* ABI_LIST() */
	__u32 label; /* of the copies into tunnels, as it stands in the outer header */
	__u32 zero;
};
#define ABI_LIST(offset, count) ((__u64)(offset) << 32 | (count))

struct abi_out { /* outs: slot -> */
	__u32 target; /* ifindex or gate, or tunnel index + 1; 0 = nothing. Written last, and with it the slot is in force */
	__u32 counter;
	__u32 mtu;
	struct abi_macs macs;
};

struct abi_downstream { /* downstreams: ifindex of a link below a plain proxy -> */
	__u32 instance; /* the upstream link's index names it */
	__u32 upstream; /* the link itself, or 0 while it is not there */
	__u32 mtu;
	__u32 counter; /* ABI_COUNT_OUT */
	__u8 smac[6];
	__u8 zero[2];
};

/* counts: each CPU has a row, so that no two write the same word nor the same line of a cache. In a row the kinds follow
 * each other: what is counted of `kind` under `index` on CPU c stands at c * counts_row + counts_base[kind] + index. */
enum { ABI_COUNT_DROP, ABI_COUNT_TUNNEL, ABI_COUNT_NODE, ABI_COUNT_FLOW, ABI_COUNT_OUT, ABI_COUNT_KINDS };

struct abi_count {
	__u64 packets, bytes; /* of drops no bytes */
};

/* A tunnel's and a node's counters lie side by side: 2 * index is in (up), 2 * index + 1 is out (down). */

struct abi_route { /* route_cache: destination -> ; what the kernel's tables said */
	__u32 generation;
	__u32 ifindex;
	__u32 mtu;
	struct abi_macs macs;
};

/* What a CPU has looked up lately, in the place that its key chooses: what stands there costs the next packet no hash
 * look-up. True for one generation. A program runs to its end before the next begins on its CPU. */
#define ABI_RECENT_BITS 10
#define ABI_RECENT (1 << ABI_RECENT_BITS)

struct abi_recent_sender {
	struct abi_addr src;
	__u32 generation; /* 0: nothing stands here */
	struct abi_mac mac;
	__u32 node, tunnel; /* indices */
};

struct abi_recent_way { /* of what comes out of a tunnel */
	struct abi_ends ends;
	struct abi_addr dst;
	__u32 generation;
	__u32 from;   /* index of the tunnel of these ends */
	__u32 tunnel; /* index + 1 of that of the node; 0: no node's, but the kernel's route */
	__u32 node;
	__u32 ifindex;
	__u32 mtu;
	struct abi_macs macs;
};

/* ICMPv6 errors are built in user space, of these. */
#define ABI_SAMPLE_BYTES 1232 /* 1280 less the IPv6 and ICMPv6 headers */
struct abi_sample {
	__u32 reason; /* enum dp_drop */
	__u32 ifindex;
	__u32 mtu;
	__u32 len;
	__u8 bytes[ABI_SAMPLE_BYTES];
};

/* The order of enum dp_drop. */
enum {
	ABI_OUTER_SOURCE,
	ABI_OUTER_MALFORMED,
	ABI_INNER_SOURCE,
	ABI_INNER_MALFORMED,
	ABI_HOP_LIMIT,
	ABI_TOO_BIG,
	ABI_ECN,
	ABI_NO_NODE,
	ABI_NO_GROUP,
	ABI_UPLINK_UNREGISTERED,
	ABI_UPLINK_SOURCE,
	ABI_UPLINK_MULTICAST,
	ABI_LINK_LOCAL,
	ABI_NO_NEIGHBOUR,
	ABI_OUTPUT,
	ABI_DROPS,
};
