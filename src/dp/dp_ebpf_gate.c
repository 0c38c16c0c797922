/* SPDX-License-Identifier: BSD-2-Clause */
/* Handovers under eBPF: the gates by which the programs hand packets to the plane, the ring in which they do it, and how they
 * come to send by themselves again. */
#include "dp/dp_ebpf.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dp.skel.h"
#include "dp/dp_handover.h"
#include "dp/dp_offload.h"

#define FD(e, map) bpf_map__fd((e)->skel->maps.map)
#define ROOM (1u << 20) /* for several super-packets */

/* ---- gates -------------------------------------------------------------------------------------------- */

int dp_ebpf_gate_new(struct dp *dp, struct dp_gate *g)
{
	struct dp_ebpf *e = dp->ebpf;

	if (!dp->conf.handovers)
		return -EOPNOTSUPP;
	if (!dp_ids_get(&e->gate_ids, dp->grace, &g->index)) {
		dp_problem(dp, "table full: %u streams in handover", GATES_MAX);
		return -ENOSPC;
	}
	e->gates[g->index] = (struct abi_gate){0};
	e->gate_of[g->index] = g;
	g->in_backend = true;
	return 0;
}

static uint32_t link_of(const struct dp_gate *g)
{
	return g->out ? g->out->conf.ifindex : g->ho->node ? g->ho->node->conf.ifindex : 0;
}

static void node_prefixes_again(struct dp *dp, struct dp_nod *n)
{
	for (int i = 0; n && i < n->conf.n_prefixes; i++) {
		struct dp_pfx *x = dp_pfx_find(&dp->node_prefixes, &n->conf.prefixes[i]);

		if (x && x->node == n)
			dp_ebpf_node_prefix_set(dp, x);
	}
}

static void slot_point(struct dp *dp, const struct dp_o *o, uint32_t target)
{
	if (o->slot != SLOTS_NONE)
		__atomic_store_n(&dp->ebpf->outs[o->slot].target, target, __ATOMIC_RELEASE);
}

void dp_ebpf_gate_set(struct dp *dp, struct dp_gate *g)
{
	struct abi_gate *a = &dp->ebpf->gates[g->index];

	__atomic_store_n(&a->ifindex, link_of(g), __ATOMIC_RELAXED);
	__atomic_store_n(&a->sent, g->done, __ATOMIC_RELEASE);
	__atomic_store_n(&a->closing, g->state == GATE_CLOSING, __ATOMIC_RELEASE);
	if (g->state == GATE_CLOSING)
		return;
	if (g->out)
		slot_point(dp, g->out, ABI_GATE | g->index);
	else
		node_prefixes_again(dp, g->ho->node);
}

uint32_t dp_ebpf_slot_link(const struct dp_ebpf *e, uint32_t target)
{
	const struct dp_gate *g;

	if (!(target & ABI_GATE) || !e->gate_of)
		return target;
	g = (target & ~ABI_GATE) < GATES_MAX ? e->gate_of[target & ~ABI_GATE] : NULL;
	return g && g->out ? g->out->conf.ifindex : 0;
}

/* What it has given us until now still goes its way. */
void dp_ebpf_gate_free(struct dp *dp, struct dp_gate *g)
{
	struct dp_ebpf *e = dp->ebpf;

	if (!g->in_backend)
		return;
	if (g->out)
		slot_point(dp, g->out, g->out->conf.ifindex);
	else
		node_prefixes_again(dp, g->ho->node);
	dp_ebpf_drain(dp);
	e->gate_of[g->index] = NULL;
	dp_ids_put(&e->gate_ids, dp->grace, g->index);
	g->in_backend = false;
}

/* Nothing is on the way, and was not for a grace period: whatever program still runs has seen that it may send. */
bool dp_ebpf_gate_through(struct dp *dp, struct dp_gate *g)
{
	struct abi_gate *a = &dp->ebpf->gates[g->index];

	if (g->done != a->sent || !g->epoch) {
		__atomic_store_n(&a->sent, g->done, __ATOMIC_RELEASE);
		g->epoch = 0;
	}
	if (__atomic_load_n(&a->given, __ATOMIC_ACQUIRE) != g->done) {
		g->epoch = 0;
		return false;
	}
	if (!g->epoch)
		g->epoch = dp_grace_epoch(dp->grace);
	return dp_grace_over(dp->grace, g->epoch);
}

/* ---- unicast of a node that is not there, tunnels between MAGs, former routes --------------------------- */

static struct abi_lpm lpm_of(const struct prefix *p)
{
	struct abi_lpm k = {.len = p->len};

	memcpy(k.addr.b, &p->addr, 16);
	return k;
}

int dp_ebpf_await(struct dp *dp, struct dp_ho *ho, const struct prefix *p, bool on)
{
	struct dp_ebpf *e = dp->ebpf;
	struct abi_receiver v = {.ifindex = ABI_GATE | ho->unicast.index, .tunnel = ho->anchor->index, .mtu = UINT32_MAX,
				 .len = p->len};
	struct abi_lpm lpm = lpm_of(p);
	int fd = p->len == 64 ? FD(e, node_64) : FD(e, node_lpm), r = 0;
	uint64_t upper;
	const void *key = &lpm;

	memcpy(&upper, &p->addr, sizeof(upper));
	if (p->len == 64)
		key = &upper;
	if (on && !dp_pfx_find(&dp->node_prefixes, p))
		r = bpf_map_update_elem(fd, key, &v, BPF_ANY) ? -errno : 0;
	else if (!on && !dp_pfx_find(&dp->node_prefixes, p)) /* else the node has taken its place */
		bpf_map_delete_elem(fd, key);
	e->skel->bss->any_nodes += on ? 1 : -1;
	e->skel->bss->odd_nodes += p->len == 64 ? 0 : on ? 1 : -1;
	dp_ebpf_forget(e);
	return r;
}

int dp_ebpf_between(struct dp *dp, struct dp_tun *t)
{
	int r = dp_ebpf_tunnel_name(dp, t);

	dp_ebpf_forget(dp->ebpf);
	return r;
}

void dp_ebpf_former(struct dp *dp, const struct dp_former *f, bool on)
{
	struct dp_ebpf *e = dp->ebpf;
	struct abi_former k = {.len = ABI_FORMER_TUNNEL + f->prefix.len, .tunnel = f->tun->index};
	uint32_t one = 1;

	memcpy(k.addr.b, &f->prefix.addr, sizeof(k.addr.b));
	if (on && !bpf_map_update_elem(FD(e, formers), &k, &one, BPF_NOEXIST))
		e->skel->bss->any_formers++;
	else if (!on && !bpf_map_delete_elem(FD(e, formers), &k))
		e->skel->bss->any_formers--;
}

uint64_t dp_ebpf_punts_lost(struct dp *dp) { return __atomic_load_n(&dp->ebpf->skel->bss->punts_lost, __ATOMIC_RELAXED); }

/* ---- the ring ----------------------------------------------------------------------------------------- */

static void flush(struct dp *dp)
{
	dp_send_flush(dp);
	dp->ebpf->room_used = 0;
}

static void one_packet(struct dp *dp, const struct abi_punt *r, uint8_t *bytes, size_t len)
{
	struct dp_gate *g;
	struct dp_pkt p;

	dp_offload_finish(bytes, len);
	if (r->what == ABI_PUNT_TUNNEL) {
		list_each(e, &dp->tunnels) {
			struct dp_tun *t = list_owner(e, struct dp_tun, entry);

			if (t->between && t->index == r->index) {
				dp_plane_from_tunnel(dp, t, bytes, len, r->outer >> 20 & 3, r->outer & DP_LABEL_MASK);
				return;
			}
		}
		return;
	}
	g = r->index < GATES_MAX ? dp->ebpf->gate_of[r->index] : NULL;
	if (g && dp_pkt_parse(bytes, len, &p))
		dp_gate_copy(dp, g, &p, r->outer);
}

/* What the kernel kept together. */
static void super_packet(struct dp *dp, const struct abi_punt *r, const uint8_t *frame, size_t len)
{
	struct dp_ebpf *e = dp->ebpf;
	struct virtio_net_hdr h = {.gso_size = (uint16_t)r->gso_size};
	size_t at = 0, n;

	h.gso_type = frame[ETH_LEN + 6] == IPPROTO_TCP ? VIRTIO_NET_HDR_GSO_TCPV6 : 5; /* UDP_L4, younger than the header */
	while (e->room_used + PACKET_MAX <= ROOM &&
	       (n = dp_offload_segment(&h, frame + ETH_LEN, len - ETH_LEN, &at, e->room + e->room_used, ROOM - e->room_used))) {
		uint8_t *bytes = e->room + e->room_used;

		e->room_used += (n + 7) & ~(size_t)7;
		one_packet(dp, r, bytes, n);
	}
}

/* The ring's memory is not ours to write, and is gone when this returns. */
static int on_punt(void *arg, void *data, size_t size)
{
	struct dp *dp = arg;
	struct dp_ebpf *e = dp->ebpf;
	const struct abi_punt *r = data;
	uint8_t *frame;

	if (size < sizeof(*r) || r->len > size - sizeof(*r) || r->len < OUTER_LEN)
		return 0;
	if (e->room_used + 4 * PACKET_MAX > ROOM)
		flush(dp);
	frame = e->room + e->room_used;
	memcpy(frame + ETH_LEN, r->bytes, r->len);
	e->room_used += (ETH_LEN + r->len + 7) & ~(size_t)7;
	if (r->gso_size)
		super_packet(dp, r, frame, ETH_LEN + r->len);
	else
		one_packet(dp, r, frame + ETH_LEN, r->len);
	if (r->what == ABI_PUNT_GATE && r->index < GATES_MAX && e->gate_of[r->index])
		e->gate_of[r->index]->done++;
	return 0;
}

void dp_ebpf_drain(struct dp *dp)
{
	struct dp_ebpf *e = dp->ebpf;

	if (e->draining || !e->punts)
		return;
	e->draining = true;
	ring_buffer__consume(e->punts);
	flush(dp);
	e->draining = false;
}

static void on_punts(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	dp_ebpf_drain(arg);
	dp_handover_pump(arg);
}

int dp_ebpf_gates_open(struct dp *dp)
{
	struct dp_ebpf *e = dp->ebpf;

	if (!dp->conf.handovers)
		return 0;
	e->gates_size = GATES_MAX * sizeof(*e->gates);
	e->gates = mmap(NULL, e->gates_size, PROT_READ | PROT_WRITE, MAP_SHARED, FD(e, gates), 0);
	if (e->gates == MAP_FAILED) {
		e->gates = NULL;
		return -errno;
	}
	e->gate_of = calloc(GATES_MAX, sizeof(struct dp_gate *));
	e->room = malloc(ROOM);
	if (!e->gate_of || !e->room || !dp_ids_init(&e->gate_ids, GATES_MAX))
		return -ENOMEM;
	e->punts = ring_buffer__new(FD(e, punts), on_punt, dp, NULL);
	if (!e->punts)
		return -errno;
	e->punts_event = event_new(dp->base, ring_buffer__epoll_fd(e->punts), EV_READ | EV_PERSIST, on_punts, dp);
	return e->punts_event && !event_add(e->punts_event, NULL) ? 0 : -ENOMEM;
}

void dp_ebpf_gates_close(struct dp_ebpf *e)
{
	if (e->punts_event)
		event_free(e->punts_event);
	ring_buffer__free(e->punts);
	if (e->gates)
		munmap(e->gates, e->gates_size);
	dp_ids_deinit(&e->gate_ids);
	free(e->gate_of);
	free(e->room);
}
