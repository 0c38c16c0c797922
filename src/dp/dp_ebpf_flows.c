/* SPDX-License-Identifier: BSD-2-Clause */
/* Which number a flow has, in the table that the programs read, or in the hash map for those that found no place there. */
#include "dp/dp_ebpf.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp.skel.h"

#define WALK 4096 /* elements read by one system call */

static int flow_ids_fd(const struct dp_ebpf *e) { return bpf_map__fd(e->skel->maps.flow_ids); }

static bool is_source_flow(const struct abi_flow *key)
{
	return key->source.w[0] | key->source.w[1] | key->source.w[2] | key->source.w[3];
}

void dp_ebpf_head_set(struct dp_ebpf *e, uint32_t index, const struct abi_flow *key, uint64_t links)
{
	struct abi_head *h = &e->heads[index];

	h->key = *key;
	h->tunnels = 0;
	__atomic_store_n(&h->links, links, __ATOMIC_RELEASE);
}

bool dp_ebpf_flow_find(const struct dp_ebpf *e, const struct abi_flow *key, uint32_t *index)
{
	uint32_t number = flows_find(&e->flows, key);
	struct abi_flow_id id;

	if (number)
		*index = number - 1;
	else if (e->skel->bss->full_flows && !bpf_map_lookup_elem(flow_ids_fd(e), key, &id))
		*index = id.index;
	else
		return false;
	return true;
}

int dp_ebpf_flow_publish(struct dp *dp, const struct abi_flow *key, uint32_t index)
{
	struct abi_flow_id id = {.index = index};
	struct dp_ebpf *e = dp->ebpf;
	int r = 0;

	/* Before it is there: (*,G) may go next, and who does not find that looks here again. */
	__atomic_add_fetch(&e->skel->bss->source_flows, is_source_flow(key), __ATOMIC_RELEASE);
	if (flows_add(&e->flows, key, index))
		return 0;
	e->skel->bss->full_flows++;
	if (!bpf_map_update_elem(flow_ids_fd(e), key, &id, BPF_ANY))
		return 0;
	r = errno == E2BIG || errno == ENOSPC ? -ENOSPC : -errno;
	if (r == -ENOSPC)
		dp_problem(dp, "table full: eBPF map of flows");
	e->skel->bss->full_flows--;
	e->skel->bss->source_flows -= is_source_flow(key);
	return r;
}

void dp_ebpf_flow_unpublish(struct dp *dp, const struct abi_flow *key)
{
	struct dp_ebpf *e = dp->ebpf;

	if (!flows_del(&e->flows, key)) {
		if (!e->skel->bss->full_flows || bpf_map_delete_elem(flow_ids_fd(e), key))
			return;
		e->skel->bss->full_flows--;
	}
	e->skel->bss->source_flows -= is_source_flow(key);
}

static void each_overflown(const struct dp_ebpf *e, void (*each)(void *arg, uint32_t index), void *arg)
{
	uint32_t room = WALK, n, *in = NULL, batch;
	struct abi_flow *keys = malloc(room * sizeof(*keys));
	struct abi_flow_id *ids = malloc(room * sizeof(*ids));
	int r = 0;

	while (keys && ids && !r) {
		n = room;
		r = bpf_map_lookup_batch(flow_ids_fd(e), in, &batch, keys, ids, &n, NULL) ? -errno : 0;
		if (r && r != -ENOENT) /* -ENOENT: these are the last */
			break;
		in = &batch;
		for (uint32_t i = 0; i < n; i++)
			each(arg, ids[i].index);
	}
	free(keys);
	free(ids);
}

void dp_ebpf_flow_each(const struct dp_ebpf *e, void (*each)(void *arg, uint32_t index), void *arg)
{
	flows_each(&e->flows, each, arg);
	if (e->skel->bss->full_flows)
		each_overflown(e, each, arg);
}
