/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Inside of the eBPF backend: dp_ebpf.c loads, attaches and counts; dp_ebpf_tables.c mirrors the tables. */
#include "bpf/dp_abi.h"
#include "dp/dp_counts.h"
#include "dp/dp_flows.h"
#include "dp/dp_priv.h"
#include "dp/dp_rlist.h"
#include "dp/dp_routes.h"

struct ring_buffer;
struct dp_tcx;

struct dp_ebpf {
	struct dp_bpf *skel;
	struct abi_tunnel *tunnels; /* the mapped arrays */
	struct abi_head *heads;
	struct abi_out *outs;
	struct abi_line *route_lines, *flow_lines;
	size_t tunnels_size, heads_size, outs_size, route_lines_size, flow_lines_size, counts_size;
	struct counts counts;
	struct rlists lists;
	struct routes routes;
	struct flows flows;
	struct dp_ids counter_ids;
	struct dp_tcx *tcx;
	uint32_t tcx_access; /* access links that have tcx, or will */
	struct ring_buffer *samples, *punts;
	struct event *samples_event, *punts_event, *second;
	struct abi_gate *gates; /* mapped, too */
	size_t gates_size;
	struct dp_ids gate_ids;
	struct dp_gate **gate_of; /* by index */
	uint8_t *room; /* for packets that the programs gave us, until they are sent */
	size_t room_used;
	bool draining;
};

/* What the programs have looked up and remember no longer holds: a table has been changed, or the kernel's routes. */
void dp_ebpf_forget(struct dp_ebpf *e);

#define GATES_MAX 4096
#define PUNTS_OCTETS (8u << 20) /* 4096 packets of a stream: 400 ms at 10 000 a second */

/* dp_ebpf_gate.c */
int dp_ebpf_gates_open(struct dp *dp);
void dp_ebpf_gates_close(struct dp_ebpf *e);
int dp_ebpf_gate_new(struct dp *dp, struct dp_gate *g);
void dp_ebpf_gate_set(struct dp *dp, struct dp_gate *g);
void dp_ebpf_gate_free(struct dp *dp, struct dp_gate *g);
bool dp_ebpf_gate_through(struct dp *dp, struct dp_gate *g);
int dp_ebpf_between(struct dp *dp, struct dp_tun *t);
int dp_ebpf_await(struct dp *dp, struct dp_ho *ho, const struct prefix *p, bool on);
void dp_ebpf_drain(struct dp *dp);
void dp_ebpf_former(struct dp *dp, const struct dp_former *f, bool on);
uint64_t dp_ebpf_punts_lost(struct dp *dp);

void dp_ebpf_count_add(const struct dp_ebpf *e, unsigned kind, uint32_t index, struct dp_count *to);

struct flow_lists {
	struct rlist of[OUT_KINDS];
};

/* dp_ebpf_flows.c. The head of a flow that nobody finds yet; then, with its lists, it comes into force: 0 or negative errno. */
void dp_ebpf_head_set(struct dp_ebpf *e, uint32_t index, const struct abi_flow *key, uint64_t links);
int dp_ebpf_flow_publish(struct dp *dp, const struct abi_flow *key, uint32_t index);
void dp_ebpf_flow_unpublish(struct dp *dp, const struct abi_flow *key);
bool dp_ebpf_flow_find(const struct dp_ebpf *e, const struct abi_flow *key, uint32_t *index);
void dp_ebpf_flow_each(const struct dp_ebpf *e, void (*each)(void *arg, uint32_t index), void *arg);

/* dp_ebpf_tcx.c. The descriptor of the attachment, or negative errno; takes 12 ms. */
int dp_tcx_attach(uint32_t ifindex, int prog);
/* The same in a thread: `attached` is told from the loop, and is then the owner of the descriptor. */
struct dp_tcx *dp_tcx_new(struct event_base *base, void (*attached)(void *arg, uint32_t ifindex, int fd), void *arg);
struct dp_tcx *dp_tcx_free(struct dp_tcx *t); /* once all is taken away; what was not attached yet is not */
bool dp_tcx_attach_later(struct dp_tcx *t, uint32_t ifindex, int prog);
void dp_tcx_close_later(struct dp_tcx *t, int fd, int meanwhile); /* a program that takes its place until it is gone */

int dp_ebpf_locals(struct dp *dp); /* those of the configuration, before any link is there */
int dp_ebpf_tunnel_name(struct dp *dp, struct dp_tun *t); /* (local, remote) -> what the programs call it */
int dp_ebpf_tunnel_set(struct dp *dp, struct dp_tun *t);
void dp_ebpf_tunnel_del(struct dp *dp, struct dp_tun *t);
void dp_ebpf_route_ahead(struct dp *dp, const struct prefix *p);
int dp_ebpf_route_set(struct dp *dp, struct dp_pfx *p);
void dp_ebpf_route_del(struct dp *dp, struct dp_pfx *p);
int dp_ebpf_node_set(struct dp *dp, struct dp_nod *n);
void dp_ebpf_node_del(struct dp *dp, struct dp_nod *n);
int dp_ebpf_node_prefix_set(struct dp *dp, struct dp_pfx *p);
void dp_ebpf_node_prefix_del(struct dp *dp, struct dp_pfx *p);
int dp_ebpf_flow_set(struct dp *dp, struct dp_flw *f);
void dp_ebpf_flow_del(struct dp *dp, struct dp_flw *f);
void dp_ebpf_flow_lists_free(struct dp *dp, struct dp_flw *f);
void dp_ebpf_flow_label(struct dp *dp, struct dp_flw *f);
int dp_ebpf_out_add(struct dp *dp, struct dp_o *o);
void dp_ebpf_out_del(struct dp *dp, struct dp_o *o);
int dp_ebpf_lone_add(struct dp *dp, const struct dp_flow *flow, const struct dp_out *out);
bool dp_ebpf_lone_find(struct dp *dp, const struct dp_flow *flow, struct dp_lone *ret);
bool dp_ebpf_lone_del(struct dp *dp, const struct dp_flow *flow);
int dp_ebpf_lone_unfold(struct dp *dp, const struct dp_lone *x, struct dp_flw *f, struct dp_o *o);
void dp_ebpf_lone_count(struct dp *dp, const struct dp_lone *x, struct dp_count *in, struct dp_count *sent);
void dp_ebpf_lone_each(struct dp *dp, void (*each)(void *arg, const struct dp_flow *flow, const struct dp_lone *x),
		       void *arg);
int dp_ebpf_link_proxy(struct dp *dp, struct dp_link *l);
void dp_ebpf_link_unproxy(struct dp *dp, struct dp_link *l);
uint32_t dp_ebpf_slot_link(const struct dp_ebpf *e, uint32_t target); /* of a list's slot, also where that is a gate */
void dp_ebpf_link_changed(struct dp *dp, const struct dp_link *l); /* MTU or MAC */
