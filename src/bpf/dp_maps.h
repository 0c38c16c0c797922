/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
#pragma once
/* The maps. Sizes of 1 are set by the daemon before loading. */
#include "dp_abi.h"

#define MAP(name_, type_, key_, value_, flags_)     \
	struct {                                    \
		__uint(type, BPF_MAP_TYPE_##type_); \
		__uint(max_entries, 1);             \
		__uint(map_flags, flags_);          \
		__type(key, key_);                  \
		__type(value, value_);              \
	} name_ SEC(".maps")

MAP(link_roles, HASH, __u32, __u32, 0); /* ifindex -> ABI_ACCESS, ...; for rc_several */

MAP(downstreams, HASH, __u32, struct abi_downstream, BPF_F_NO_PREALLOC);
MAP(locals, HASH, struct abi_addr, __u32, 0); /* addresses that are the local end of a tunnel */
MAP(tunnel_ids, HASH, struct abi_ends, __u32, BPF_F_NO_PREALLOC);
MAP(tunnels, ARRAY, __u32, struct abi_tunnel, BPF_F_MMAPABLE);

MAP(senders, HASH, struct abi_mac, struct abi_sender, BPF_F_NO_PREALLOC);
MAP(node_64, HASH, __u64, struct abi_receiver, BPF_F_NO_PREALLOC);
MAP(node_lpm, LPM_TRIE, struct abi_lpm, struct abi_receiver, BPF_F_NO_PREALLOC);
MAP(routes, ARRAY, __u32, struct abi_line, BPF_F_MMAPABLE);
MAP(route_64, HASH, __u64, struct abi_via, BPF_F_NO_PREALLOC);
MAP(route_lpm, LPM_TRIE, struct abi_lpm, struct abi_via, BPF_F_NO_PREALLOC);
MAP(route_cache, LRU_HASH, struct abi_addr, struct abi_route, 0);

#define RECENT(name_, value_)                            \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); \
		__uint(max_entries, ABI_RECENT);         \
		__type(key, __u32);                      \
		__type(value, value_);                   \
	} name_ SEC(".maps")

RECENT(recent_senders, struct abi_recent_sender);
RECENT(recent_ways, struct abi_recent_way);

MAP(flows, ARRAY, __u32, struct abi_line, BPF_F_MMAPABLE);
MAP(flow_ids, HASH, struct abi_flow, struct abi_flow_id, BPF_F_NO_PREALLOC);
MAP(heads, ARRAY, __u32, struct abi_head, BPF_F_MMAPABLE);
MAP(outs, ARRAY, __u32, struct abi_out, BPF_F_MMAPABLE);

MAP(gates, ARRAY, __u32, struct abi_gate, BPF_F_MMAPABLE);
MAP(formers, LPM_TRIE, struct abi_former, __u32, BPF_F_NO_PREALLOC);

MAP(counts, ARRAY, __u32, struct abi_count, BPF_F_MMAPABLE);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 12);
} punts SEC(".maps");

/* Set before loading. */
const volatile __u32 punt_ifindex;	/* the TUN device of the daemon */
const volatile __u8 outer_hop_limit = 64;
const volatile __u8 local_routing; /* RFC 5213 6.10.3 */
const volatile __u32 routes_bits = 1;	/* 1 << routes_bits lines */
const volatile __u64 routes_seed;
const volatile __u32 flows_bits = 1;	/* likewise of flows */
const volatile __u64 flows_seed;
const volatile __u32 counts_row; /* elements */
const volatile __u32 counts_base[ABI_COUNT_KINDS];
const volatile __u64 sample_interval_ns = 100000000;
const volatile __u64 sample_burst_ns = 1000000000;

/* Set by the daemon while it runs. */
__u32 generation = 1;	/* of what was looked up: raised when it may have changed, and every second; never 0 */
__u32 any_nodes = 0;	/* node prefixes */
__u32 odd_nodes = 0;	/* node prefixes that are not of 64 bits */
__u32 odd_routes = 0;
__u32 full_routes = 0;	/* in route_64 */
__u32 source_flows = 0; /* (S,G) */
__u32 full_flows = 0;	/* in flow_ids */
__u32 any_formers = 0;
__u64 punts_lost = 0;	/* the ring was full; the programs count */
__u64 sample_due = 0;	/* when the next sample is due, were they evenly spaced */
