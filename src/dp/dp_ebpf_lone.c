/* SPDX-License-Identifier: BSD-2-Clause */
/* Flows with one output, a link: the eBPF maps alone hold them, the tables do not. A plain proxy may have a million of
 * them, and each would cost half a kilobyte here for what the maps must hold anyway. */
#include "dp/dp_ebpf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp.skel.h"

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

int dp_ebpf_lone_add(struct dp *dp, const struct dp_flow *flow, const struct dp_out *out)
{
	struct dp_ebpf *e = dp->ebpf;
	struct abi_flow key = key_of(flow);
	struct dp_lone x;
	uint32_t index;
	int r;

	if (dp_ebpf_flow_find(e, &key, &index))
		return 1;
	r = prepare(dp, out, &x);
	if (r)
		return r;
	counts_reset(&e->counts, ABI_COUNT_FLOW, x.index);
	counts_reset(&e->counts, ABI_COUNT_OUT, x.counter);
	dp_ebpf_head_set(e, x.index, &key, ABI_LIST(x.slot, 1));
	r = dp_ebpf_flow_publish(dp, &key, x.index);
	if (r)
		give_back(dp, &x);
	return r;
}

bool dp_ebpf_lone_find(struct dp *dp, const struct dp_flow *flow, struct dp_lone *ret)
{
	struct abi_flow key = key_of(flow);
	uint32_t index;

	if (!dp_ebpf_flow_find(dp->ebpf, &key, &index))
		return false;
	*ret = lone_of(dp, index);
	return true;
}

bool dp_ebpf_lone_del(struct dp *dp, const struct dp_flow *flow)
{
	struct abi_flow key = key_of(flow);
	struct dp_lone x;

	if (!dp_ebpf_lone_find(dp, flow, &x))
		return false;
	dp_ebpf_flow_unpublish(dp, &key);
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

struct walk {
	struct dp *dp;
	void (*each)(void *arg, const struct dp_flow *flow, const struct dp_lone *x);
	void *arg;
};

static void each_index(void *arg, uint32_t index)
{
	struct walk *w = arg;
	const struct abi_flow *key = &w->dp->ebpf->heads[index].key;
	struct dp_flow flow = flow_of(key);
	struct dp_lone x;

	if (!(key->in & ABI_IN_LINK) || dp_flw_find(w->dp, &flow))
		return;
	x = lone_of(w->dp, index);
	w->each(w->arg, &flow, &x);
}

void dp_ebpf_lone_each(struct dp *dp, void (*each)(void *arg, const struct dp_flow *flow, const struct dp_lone *x),
		       void *arg)
{
	dp_ebpf_flow_each(dp->ebpf, each_index, &(struct walk){dp, each, arg});
}
