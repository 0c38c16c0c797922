/* SPDX-License-Identifier: BSD-2-Clause */
/* Flows with one output, a link: the eBPF maps alone hold them, the tables do not. A plain proxy may have a million of
 * them, and each would cost half a kilobyte here for what the maps must hold anyway. */
#include "dp/dp_ebpf.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp.skel.h"

#define WALK 4096 /* elements read by one system call */

static int flow_ids_fd(const struct dp *dp) { return bpf_map__fd(dp->ebpf->skel->maps.flow_ids); }

static struct abi_flow key_of(const struct dp_flow *f)
{
	struct abi_flow k = {.in = ABI_IN_LINK | f->in.ifindex};

	memcpy(k.source.b, &f->source, 16);
	memcpy(k.group.b, &f->group, 16);
	return k;
}

static struct dp_flow flow_of(const struct abi_flow *k)
{
	struct dp_flow f = {.in = {.ifindex = k->in & ~ABI_IN_LINK}};

	memcpy(&f.source, k->source.b, 16);
	memcpy(&f.group, k->group.b, 16);
	return f;
}

/* What its maps say of a flow that is known to be alone. */
static struct dp_lone lone_of(const struct dp *dp, uint32_t index)
{
	struct dp_lone x = {.index = index, .slot = (uint32_t)(dp->ebpf->heads[index].links >> 32)};
	const struct abi_out *o = &dp->ebpf->outs[x.slot];

	x.counter = o->counter;
	x.out.ifindex = o->target;
	memcpy(x.out.dmac, o->macs.dst, 6);
	return x;
}

static int content_of(const struct dp *dp, const struct dp_out *out, uint32_t counter, struct abi_out *ret)
{
	const struct dp_link *l = dp_link_find(dp, out->ifindex);

	if (!l)
		return -ENODEV;
	*ret = (struct abi_out){.target = out->ifindex, .counter = counter, .mtu = l->mtu};
	memcpy(ret->macs.dst, out->dmac, 6);
	memcpy(ret->macs.src, l->mac, 6);
	return 0;
}

/* Its numbers and its slot; not yet in force. */
static int prepare(struct dp *dp, const struct dp_out *out, struct dp_lone *ret)
{
	struct dp_ebpf *e = dp->ebpf;
	struct abi_out content;
	int r;

	if (!dp_ids_get(&dp->flow_ids, dp->grace, &ret->index)) {
		dp_problem(dp, "table full: %u flows", dp->conf.flows_max);
		return -ENOSPC;
	}
	if (!dp_ids_get(&e->counter_ids, dp->grace, &ret->counter)) {
		dp_problem(dp, "table full: %u outputs", dp->conf.outs_max);
		dp_ids_put(&dp->flow_ids, dp->grace, ret->index);
		return -ENOSPC;
	}
	r = content_of(dp, out, ret->counter, &content);
	if (!r) {
		ret->slot = rlist_lone_add(&e->lists, &content);
		if (ret->slot != SLOTS_NONE)
			return 0;
		dp_problem(dp, "table full: slots of the replication lists");
		r = -ENOSPC;
	}
	dp_ids_put(&e->counter_ids, dp->grace, ret->counter);
	dp_ids_put(&dp->flow_ids, dp->grace, ret->index);
	return r;
}

/* Who has found it already is served: another list may be about to take its place. */
static void give_back(struct dp *dp, const struct dp_lone *x)
{
	rlist_lone_del(&dp->ebpf->lists, x->slot);
	dp_ids_put(&dp->ebpf->counter_ids, dp->grace, x->counter);
	dp_ids_put(&dp->flow_ids, dp->grace, x->index);
}

/* 0, positive where there is one of that key, or negative errno: then it is given back. */
static int publish(struct dp *dp, const struct abi_flow *key, const struct abi_flow_id *id, uint64_t flags)
{
	struct dp_lone x;
	int r;

	if (!bpf_map_update_elem(flow_ids_fd(dp), key, id, flags))
		return 0;
	r = errno == EEXIST ? 1 : errno == E2BIG ? -ENOSPC : -errno;
	if (r == -ENOSPC)
		dp_problem(dp, "table full: eBPF map of flows");
	x = lone_of(dp, id->index);
	give_back(dp, &x);
	return r;
}

void dp_ebpf_lone_flush(struct dp *dp)
{
	struct dp_ebpf *e = dp->ebpf;
	uint32_t n = e->fresh.n, done = n > 1 ? n : 0;

	if (done && bpf_map_update_batch(flow_ids_fd(dp), e->fresh.key, e->fresh.id, &done, NULL) && done > n)
		done = 0;
	for (uint32_t i = done; i < n; i++) { /* one is dearer in a batch; and on from where a batch stopped */
		int r = publish(dp, &e->fresh.key[i], &e->fresh.id[i], BPF_ANY);

		if (!r)
			continue;
		dp->n_lones--;
		if (r != -ENOSPC)
			dp_problem(dp, "a flow cannot be added: %s", strerror(-r));
	}
	e->fresh.n = 0;
}

int dp_ebpf_lone_add(struct dp *dp, const struct dp_flow *flow, const struct dp_out *out, bool fresh)
{
	struct dp_ebpf *e = dp->ebpf;
	struct abi_flow key = key_of(flow);
	struct abi_flow_id id = {0};
	struct dp_lone x;
	int r;

	if (!fresh || e->fresh.n == LONE_BATCH)
		dp_ebpf_lone_flush(dp);
	r = prepare(dp, out, &x);
	if (r)
		return r;
	id.index = x.index;
	counts_reset(&e->counts, ABI_COUNT_FLOW, x.index);
	counts_reset(&e->counts, ABI_COUNT_OUT, x.counter);
	dp_ebpf_head_set(e, x.index, &key, ABI_LIST(x.slot, 1));
	if (!fresh)
		return publish(dp, &key, &id, BPF_NOEXIST);
	e->fresh.key[e->fresh.n] = key;
	e->fresh.id[e->fresh.n++] = id;
	return 0;
}

bool dp_ebpf_lone_find(struct dp *dp, const struct dp_flow *flow, struct dp_lone *ret)
{
	struct abi_flow key = key_of(flow);
	struct abi_flow_id id;

	dp_ebpf_lone_flush(dp);
	if (bpf_map_lookup_elem(flow_ids_fd(dp), &key, &id))
		return false;
	*ret = lone_of(dp, id.index);
	return true;
}

bool dp_ebpf_lone_del(struct dp *dp, const struct dp_flow *flow)
{
	struct abi_flow key = key_of(flow);
	struct abi_flow_id id;
	struct dp_lone x;

	dp_ebpf_lone_flush(dp);
	if (bpf_map_lookup_and_delete_elem(flow_ids_fd(dp), &key, &id))
		return false;
	x = lone_of(dp, id.index);
	give_back(dp, &x);
	return true;
}

int dp_ebpf_lone_unfold(struct dp *dp, const struct dp_lone *x, struct dp_flw *f, struct dp_o *o)
{
	struct flow_lists *ls = calloc(1, sizeof(*ls));
	struct abi_head *h = &dp->ebpf->heads[x->index];

	if (!ls || rlist_adopt(&ls->of[OUT_LINK], (uint64_t *)&h->links, x->slot, o)) {
		free(ls);
		return -ENOMEM;
	}
	rlist_init(&ls->of[OUT_TUNNEL], (uint64_t *)&h->tunnels);
	f->lists = ls;
	f->index = x->index;
	o->counter = x->counter;
	return 0;
}

void dp_ebpf_lone_count(struct dp *dp, const struct dp_lone *x, struct dp_count *in, struct dp_count *sent)
{
	dp_ebpf_count_add(dp->ebpf, ABI_COUNT_FLOW, x->index, in);
	dp_ebpf_count_add(dp->ebpf, ABI_COUNT_OUT, x->counter, sent);
}

void dp_ebpf_lone_each(struct dp *dp, void (*each)(void *arg, const struct dp_flow *flow, const struct dp_lone *x),
		       void *arg)
{
	uint32_t room = WALK, n, *in = NULL, batch;
	struct abi_flow *keys = malloc(room * sizeof(*keys));
	struct abi_flow_id *ids = malloc(room * sizeof(*ids));
	int r = 0;

	dp_ebpf_lone_flush(dp);
	while (keys && ids && !r) {
		n = room;
		r = bpf_map_lookup_batch(flow_ids_fd(dp), in, &batch, keys, ids, &n, NULL) ? -errno : 0;
		if (r && r != -ENOENT) /* -ENOENT: these are the last */
			break;
		in = &batch;
		for (uint32_t i = 0; i < n; i++) {
			struct dp_flow flow = flow_of(&keys[i]);
			struct dp_lone x;

			if (!(keys[i].in & ABI_IN_LINK) || dp_flw_find(dp, &flow))
				continue;
			x = lone_of(dp, ids[i].index);
			each(arg, &flow, &x);
		}
	}
	free(keys);
	free(ids);
}
