/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_ebpf.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "dp/dp_icmp.h"
#include "dp.skel.h"

#define TC_PRIORITY 50
#define TC_HANDLE 0x5213
#define TCX_ACCESS_MAX 16 /* access links; taking one away takes 9 ms at the end */
#define TCX_ACCESS_AGE 2  /* seconds: those of nodes that move do not stay for so long */

_Static_assert((int)ABI_DROPS == DP_DROP_N, "the drop reasons of both sides are the same list");
_Static_assert(ABI_OUTPUT == (int)DP_DROP_OUTPUT && ABI_TOO_BIG == (int)DP_DROP_TOO_BIG, "and in the same order");
_Static_assert(ABI_ACCESS == (int)DP_LINK_ACCESS && ABI_TRANSPORT == (int)DP_LINK_TRANSPORT &&
		       ABI_UPSTREAM == (int)DP_LINK_UPSTREAM && ABI_DOWNSTREAM == (int)DP_LINK_DOWNSTREAM,
	       "the roles are the same bits");

/* ---- counters ----------------------------------------------------------------------------------------- */

void dp_ebpf_count_add(const struct dp_ebpf *e, unsigned kind, uint32_t index, struct dp_count *to)
{
	struct abi_count sum = counts_read(&e->counts, kind, index);

	to->packets += sum.packets;
	to->bytes += sum.bytes;
}

static void node_count(struct dp *dp, const struct dp_nod *n, struct dp_count *up, struct dp_count *down)
{
	dp_ebpf_count_add(dp->ebpf, ABI_COUNT_NODE, 2 * n->index, up);
	dp_ebpf_count_add(dp->ebpf, ABI_COUNT_NODE, 2 * n->index + 1, down);
}

static void flow_count(struct dp *dp, const struct dp_flw *f, struct dp_count *in)
{
	dp_ebpf_count_add(dp->ebpf, ABI_COUNT_FLOW, f->index, in);
}

static void link_count(struct dp *dp, const struct dp_link *l, struct dp_count *to_upstream)
{
	if (l->has_counter)
		dp_ebpf_count_add(dp->ebpf, ABI_COUNT_OUT, l->counter, to_upstream);
}

static void out_count(struct dp *dp, const struct dp_o *o, struct dp_count *sent)
{
	dp_ebpf_count_add(dp->ebpf, ABI_COUNT_OUT, o->counter, sent);
}

static void tunnel_count(struct dp *dp, const struct dp_tun *t, struct dp_count *in, struct dp_count *out)
{
	dp_ebpf_count_add(dp->ebpf, ABI_COUNT_TUNNEL, 2 * t->index, in);
	dp_ebpf_count_add(dp->ebpf, ABI_COUNT_TUNNEL, 2 * t->index + 1, out);
}

static uint64_t drop_count(struct dp *dp, enum dp_drop reason)
{
	return counts_read(&dp->ebpf->counts, ABI_COUNT_DROP, reason).packets;
}

/* ---- links -------------------------------------------------------------------------------------------- */

static const struct bpf_program *program_for(const struct dp *dp, unsigned roles)
{
	switch (roles) {
	case DP_LINK_ACCESS:
		return dp->ebpf->skel->progs.rc_access;
	case DP_LINK_TRANSPORT:
		return dp->ebpf->skel->progs.rc_transport;
	case DP_LINK_UPSTREAM:
		return dp->ebpf->skel->progs.rc_upstream;
	case DP_LINK_DOWNSTREAM:
		return dp->ebpf->skel->progs.rc_downstream;
	default: /* several bits */
		return dp->ebpf->skel->progs.rc_several;
	}
}

static int attach_clsact(struct dp_link *l, int prog)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)l->ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY, .flags = BPF_TC_F_REPLACE,
		    .prog_fd = prog);
	int r = bpf_tc_hook_create(&hook);

	if (r && r != -EEXIST)
		return r;
	l->made_clsact |= !r;
	r = bpf_tc_attach(&hook, &opts);
	l->attached = !r;
	return r;
}

static void detach_clsact(struct dp_link *l)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)l->ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);

	if (l->attached && !l->gone)
		bpf_tc_detach(&hook, &opts);
	if (l->made_clsact && !l->gone) {
		hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
		bpf_tc_hook_destroy(&hook);
	}
	l->attached = false;
	l->made_clsact = false;
}

static void tcx_away(struct dp_ebpf *e, int fd)
{
	dp_tcx_close_later(e->tcx, fd, bpf_program__fd(e->skel->progs.rc_pass));
	e->tcx_access--;
}

static void tcx_drop(struct dp_ebpf *e, struct dp_link *l)
{
	if (l->tcx >= 0)
		tcx_away(e, l->tcx);
	l->tcx = -1;
	l->tcx_wanted = false;
	l->seconds = 0;
}

static void on_attached(void *arg, uint32_t ifindex, int fd)
{
	struct dp *dp = arg;
	struct dp_link *l = dp_link_find(dp, ifindex);

	if (fd < 0)
		dp->ebpf->tcx_access--;
	else if (l && l->tcx_wanted && l->tcx < 0)
		l->tcx = fd;
	else
		tcx_away(dp->ebpf, fd);
}

/* Links of nodes come and go by the hundred, and the node waits for its own: they begin with clsact. Those that stay get
 * tcx besides, as many as can be taken away in reasonable time; clsact stays below it, where only what passes comes, and
 * is there if this process is killed. */
static void tcx_for_access(struct dp *dp)
{
	struct dp_ebpf *e = dp->ebpf;

	list_each(entry, &dp->links) {
		struct dp_link *l = list_owner(entry, struct dp_link, entry);

		if (e->tcx_access >= TCX_ACCESS_MAX)
			break;
		if (l->roles != DP_LINK_ACCESS || !l->attached || l->tcx_wanted || l->seconds++ < TCX_ACCESS_AGE)
			continue;
		/* Asked once: a kernel that cannot will not. */
		l->tcx_wanted = true;
		if (dp_tcx_attach_later(e->tcx, l->ifindex, bpf_program__fd(e->skel->progs.rc_access)))
			e->tcx_access++;
	}
}

static int attach(struct dp *dp, struct dp_link *l)
{
	int prog = bpf_program__fd(program_for(dp, l->roles)), old;

	if (l->tcx_wanted)
		tcx_drop(dp->ebpf, l);
	old = l->tcx;
	if (!(l->roles & (DP_LINK_ACCESS | DP_LINK_DOWNSTREAM))) {
		int fd = dp_tcx_attach(l->ifindex, prog);

		if (fd >= 0) {
			l->tcx = fd;
			detach_clsact(l);
		}
		/* The old one goes once the new one is in force. */
		if (old >= 0)
			close(old);
		if (fd >= 0)
			return 0;
		l->tcx = -1;
	}
	if (attach_clsact(l, prog))
		return -errno;
	if (l->tcx >= 0)
		close(l->tcx);
	l->tcx = -1;
	return 0;
}

static int link_set(struct dp *dp, struct dp_link *l)
{
	uint32_t roles = l->roles;
	bool there = l->attached || l->tcx >= 0;

	if (bpf_map_update_elem(bpf_map__fd(dp->ebpf->skel->maps.link_roles), &l->ifindex, &roles, BPF_ANY))
		return -errno;
	if (there)
		dp_ebpf_link_changed(dp, l);
	if (there && l->roles == l->attached_roles)
		return 0;
	l->attached_roles = l->roles;
	return attach(dp, l);
}

static void link_del(struct dp *dp, struct dp_link *l)
{
	bpf_map_delete_elem(bpf_map__fd(dp->ebpf->skel->maps.link_roles), &l->ifindex);
	dp_ebpf_link_unproxy(dp, l);
	if (l->tcx_wanted)
		tcx_drop(dp->ebpf, l);
	detach_clsact(l);
	if (l->tcx >= 0)
		close(l->tcx);
	l->tcx = -1;
}

/* ---- samples ------------------------------------------------------------------------------------------ */

static int on_sample(void *arg, void *data, size_t size)
{
	const struct abi_sample *s = data;

	if (size >= sizeof(*s) && s->len <= ABI_SAMPLE_BYTES)
		dp_icmp_error(arg, s->reason, s->mtu, s->bytes, s->len);
	return 0;
}

static void on_samples(evutil_socket_t fd, short what, void *arg)
{
	struct dp *dp = arg;

	(void)fd;
	(void)what;
	ring_buffer__consume(dp->ebpf->samples);
}

void dp_ebpf_forget(struct dp_ebpf *e) { __atomic_add_fetch(&e->skel->data->generation, 1, __ATOMIC_RELEASE); }

/* The kernel's routes are asked for again once a second even if no change of them was heard. */
static void on_second(evutil_socket_t fd, short what, void *arg)
{
	struct dp *dp = arg;

	(void)fd;
	(void)what;
	dp_ebpf_forget(dp->ebpf);
	tcx_for_access(dp);
}

static void routes_changed(struct dp *dp) { dp_ebpf_forget(dp->ebpf); }

static int open_events(struct dp *dp)
{
	static const struct timeval second = {.tv_sec = 1};
	struct dp_ebpf *e = dp->ebpf;

	e->samples = ring_buffer__new(bpf_map__fd(e->skel->maps.samples), on_sample, dp, NULL);
	if (!e->samples)
		return -errno;
	e->samples_event =
		event_new(dp->base, ring_buffer__epoll_fd(e->samples), EV_READ | EV_PERSIST, on_samples, dp);
	e->second = event_new(dp->base, -1, EV_PERSIST, on_second, dp);
	e->tcx = dp_tcx_new(dp->base, on_attached, dp);
	if (!e->tcx || !e->samples_event || !e->second || event_add(e->samples_event, NULL) ||
	    event_add(e->second, &second))
		return -ENOMEM;
	return 0;
}

/* ---- life --------------------------------------------------------------------------------------------- */

static char libbpf_said[192]; /* libbpf's print function has no argument of ours */

static int on_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	/* The first complaint names the cause; those after it are its consequences. */
	if (level == LIBBPF_WARN && !libbpf_said[0]) {
		vsnprintf(libbpf_said, sizeof(libbpf_said), fmt, ap);
		libbpf_said[strcspn(libbpf_said, "\n")] = 0;
	}
	return 0;
}

/* Peers may name prefixes: which of them share a line is not to be known. */
static uint64_t secret(void)
{
	uint64_t v;

	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != sizeof(v))
		v = (uint64_t)(uintptr_t)&v * 0x9e3779b97f4a7c15u;
	return v;
}

static void set_sizes(struct dp *dp, struct dp_bpf *s)
{
	const struct dp_conf *c = &dp->conf;

	bpf_map__set_max_entries(s->maps.link_roles, 65536);
	bpf_map__set_max_entries(s->maps.downstreams, 65536);
	bpf_map__set_max_entries(s->maps.locals, c->tunnels_max + DP_LOCALS_MAX);
	bpf_map__set_max_entries(s->maps.tunnel_ids, c->tunnels_max);
	bpf_map__set_max_entries(s->maps.tunnels, c->tunnels_max);
	bpf_map__set_max_entries(s->maps.senders, c->nodes_max);
	bpf_map__set_max_entries(s->maps.node_64, c->nodes_max * 2);
	bpf_map__set_max_entries(s->maps.node_lpm, c->nodes_max * 2);
	s->rodata->routes_bits = routes_bits(c->routes_max, c->tunnels_max);
	s->rodata->routes_seed = secret();
	bpf_map__set_max_entries(s->maps.routes, 1u << s->rodata->routes_bits);
	bpf_map__set_max_entries(s->maps.route_64, c->routes_max / 64 + 1024);
	bpf_map__set_max_entries(s->maps.route_lpm, c->routes_max);
	bpf_map__set_max_entries(s->maps.route_cache, 65536);
	s->rodata->flows_bits = flows_bits(c->flows_max);
	s->rodata->flows_seed = secret();
	bpf_map__set_max_entries(s->maps.flows, 1u << s->rodata->flows_bits);
	bpf_map__set_max_entries(s->maps.flow_ids, c->flows_max);
	bpf_map__set_max_entries(s->maps.heads, c->flows_max);
	bpf_map__set_max_entries(s->maps.gates, c->handovers ? GATES_MAX : 1);
	bpf_map__set_max_entries(s->maps.formers, 4096);
	if (c->handovers)
		bpf_map__set_max_entries(s->maps.punts, PUNTS_OCTETS);
	s->rodata->punt_ifindex = dp_plane_tun_ifindex(dp);
	s->rodata->outer_hop_limit = c->hop_limit;
	s->rodata->local_routing = c->local_routing;
	s->rodata->sample_interval_ns = 1000000000u / c->ptb_per_s;
}

static int set_counts(struct dp *dp, struct dp_bpf *s)
{
	const struct dp_conf *c = &dp->conf;
	const uint32_t n[ABI_COUNT_KINDS] = {
		[ABI_COUNT_DROP] = ABI_DROPS,
		[ABI_COUNT_TUNNEL] = 2 * c->tunnels_max,
		[ABI_COUNT_NODE] = 2 * c->nodes_max,
		[ABI_COUNT_FLOW] = c->flows_max,
		[ABI_COUNT_OUT] = c->outs_max,
	};
	struct counts *counts = &dp->ebpf->counts;
	uint32_t cpus = counts_cpus_here();

	if (!cpus)
		return -ENODATA;
	counts_init(counts, cpus, n);
	if (!counts_elements(counts))
		return -ENOMEM;
	bpf_map__set_max_entries(s->maps.counts, counts_elements(counts));
	s->rodata->counts_row = counts->row;
	memcpy(s->rodata->counts_base, counts->base, sizeof(counts->base));
	return 0;
}

static uint32_t power_of_two(uint32_t at_least)
{
	uint32_t n = 1;

	while (n < at_least)
		n *= 2;
	return n;
}

static void *map_array(const struct bpf_map *map, size_t element, size_t *size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p;

	*size = (bpf_map__max_entries(map) * ((element + 7) & ~(size_t)7) + page - 1) & ~(page - 1);
	p = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	return p == MAP_FAILED ? NULL : p;
}

static int load(struct dp *dp)
{
	struct dp_ebpf *e = dp->ebpf;
	uint32_t slots = power_of_two(2 * dp->conf.outs_max); /* a list is copied to grow */
	int r;

	e->skel = dp_bpf__open();
	if (!e->skel)
		return -errno;
	set_sizes(dp, e->skel);
	bpf_map__set_max_entries(e->skel->maps.outs, slots);
	r = set_counts(dp, e->skel);
	if (!r)
		r = dp_bpf__load(e->skel);
	if (r)
		return r;
	e->tunnels = map_array(e->skel->maps.tunnels, sizeof(*e->tunnels), &e->tunnels_size);
	e->heads = map_array(e->skel->maps.heads, sizeof(*e->heads), &e->heads_size);
	e->outs = map_array(e->skel->maps.outs, sizeof(*e->outs), &e->outs_size);
	e->route_lines = map_array(e->skel->maps.routes, sizeof(*e->route_lines), &e->route_lines_size);
	e->flow_lines = map_array(e->skel->maps.flows, sizeof(*e->flow_lines), &e->flow_lines_size);
	e->counts.at = map_array(e->skel->maps.counts, sizeof(*e->counts.at), &e->counts_size);
	if (!e->tunnels || !e->heads || !e->outs || !e->route_lines || !e->flow_lines || !e->counts.at ||
	    !dp_ids_init(&e->counter_ids, dp->conf.outs_max) || !rlists_init(&e->lists, e->outs, slots, dp->grace))
		return -ENOMEM;
	routes_init(&e->routes, e->route_lines, (uint8_t)e->skel->rodata->routes_bits, e->skel->rodata->routes_seed);
	flows_init(&e->flows, e->flow_lines, (uint8_t)e->skel->rodata->flows_bits, e->skel->rodata->flows_seed, e->heads);
	r = dp_ebpf_locals(dp);
	if (!r)
		r = dp_ebpf_gates_open(dp);
	return r ? r : open_events(dp);
}

static void close_backend(struct dp *dp)
{
	struct dp_ebpf *e = dp->ebpf;

	if (!e)
		return;
	if (e->samples_event)
		event_free(e->samples_event);
	if (e->second)
		event_free(e->second);
	dp_tcx_free(e->tcx);
	ring_buffer__free(e->samples);
	dp_ebpf_gates_close(e);
	rlists_deinit(&e->lists);
	dp_ids_deinit(&e->counter_ids);
	if (e->tunnels)
		munmap(e->tunnels, e->tunnels_size);
	if (e->heads)
		munmap(e->heads, e->heads_size);
	if (e->outs)
		munmap(e->outs, e->outs_size);
	if (e->route_lines)
		munmap(e->route_lines, e->route_lines_size);
	if (e->flow_lines)
		munmap(e->flow_lines, e->flow_lines_size);
	if (e->counts.at)
		munmap(e->counts.at, e->counts_size);
	dp_bpf__destroy(e->skel);
	free(e);
	dp->ebpf = NULL;
}

static int open_backend(struct dp *dp, char *why, size_t why_size)
{
	libbpf_print_fn_t old = libbpf_set_print(on_libbpf);
	int r;

	libbpf_said[0] = 0;
	dp->ebpf = calloc(1, sizeof(*dp->ebpf));
	r = dp->ebpf ? load(dp) : -ENOMEM;
	libbpf_set_print(old);
	if (!r)
		return 0;
	close_backend(dp);
	snprintf(why, why_size, "eBPF: %s%s%s%s", strerror(-r), libbpf_said[0] ? ": " : "", libbpf_said,
		 r == -EPERM || r == -EACCES ? "; it needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON (or root)" : "");
	return r;
}

const struct dp_backend_ops dp_backend_ebpf = {
	.name = "ebpf",
	.open = open_backend,
	.close = close_backend,
	.link_set = link_set,
	.link_del = link_del,
	.link_proxy = dp_ebpf_link_proxy,
	.link_count = link_count,
	.tunnel_set = dp_ebpf_tunnel_set,
	.tunnel_del = dp_ebpf_tunnel_del,
	.route_ahead = dp_ebpf_route_ahead,
	.route_set = dp_ebpf_route_set,
	.route_del = dp_ebpf_route_del,
	.node_set = dp_ebpf_node_set,
	.node_del = dp_ebpf_node_del,
	.node_prefix_set = dp_ebpf_node_prefix_set,
	.node_prefix_del = dp_ebpf_node_prefix_del,
	.flow_set = dp_ebpf_flow_set,
	.flow_del = dp_ebpf_flow_del,
	.flow_lists_free = dp_ebpf_flow_lists_free,
	.flow_label = dp_ebpf_flow_label,
	.gate_new = dp_ebpf_gate_new,
	.gate_set = dp_ebpf_gate_set,
	.gate_free = dp_ebpf_gate_free,
	.gate_through = dp_ebpf_gate_through,
	.between = dp_ebpf_between,
	.await = dp_ebpf_await,
	.drain = dp_ebpf_drain,
	.former = dp_ebpf_former,
	.punts_lost = dp_ebpf_punts_lost,
	.out_add = dp_ebpf_out_add,
	.out_del = dp_ebpf_out_del,
	.lone_add = dp_ebpf_lone_add,
	.lone_find = dp_ebpf_lone_find,
	.lone_del = dp_ebpf_lone_del,
	.lone_unfold = dp_ebpf_lone_unfold,
	.lone_count = dp_ebpf_lone_count,
	.lone_each = dp_ebpf_lone_each,
	.routes_changed = routes_changed,
	.node_count = node_count,
	.flow_count = flow_count,
	.out_count = out_count,
	.tunnel_count = tunnel_count,
	.drop_count = drop_count,
};
