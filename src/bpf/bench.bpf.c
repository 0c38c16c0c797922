// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* What the data plane is measured against, and with (bench/dp_inject.c). */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define HEADERS 112 /* Ethernet, outer IPv6, inner IPv6, UDP and a little */

__u64 headers[HEADERS / 8];
__u32 first = 0; /* ifindex of the first output; the others follow */
__u32 outputs = 0;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} copies SEC(".maps");

/* The frames' pages go round, and come back as the stack left them. */
SEC("xdp")
int inject(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (data + HEADERS > end)
		return XDP_DROP;
#pragma unroll
	for (int i = 0; i < HEADERS / 8; i++)
		((__u64 *)data)[i] = headers[i];
	return XDP_PASS;
}

static __always_inline void count(void)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&copies, &zero);

	if (n)
		(*n)++;
}

/* Counted and gone, as if sent: a device that costs nothing. */
SEC("tc")
int sink(struct __sk_buff *skb)
{
	count();
	return TC_ACT_STOLEN;
}

/* tcx knows no such end and would let the packet go on. */
SEC("tc")
int sink_tcx(struct __sk_buff *skb)
{
	count();
	return TC_ACT_SHOT;
}

static long clone(__u32 i, struct __sk_buff **skb)
{
	bpf_clone_redirect(*skb, first + i, 0);
	return 0;
}

/* Nothing but the copies: the ceiling of any design that sends by bpf_clone_redirect. */
SEC("tc")
int clone_loop(struct __sk_buff *skb)
{
	__u64 n = outputs - 1;

	n &= 0xffffff;
	asm volatile("" : "+r"(n));
	bpf_loop(n, clone, &skb, 0);
	return bpf_redirect(first + n, 0);
}

SEC("tc")
int redirect(struct __sk_buff *skb)
{
	return bpf_redirect(first, 0);
}
