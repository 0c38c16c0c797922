/* SPDX-License-Identifier: BSD-2-Clause */
/* A mobile node at this gateway, from its identification to the end of its record (RFC 5213 6.1, 6.13).
 *
 *   IDENTIFYING ──► REGISTERING ◄──► REGISTERED
 *        │            │  ▲  │          │  │
 *        ▼            ▼  │  └────┬─────┘  │
 *     REFUSED ◄───────┘──┘       ▼        ▼
 *                         DEREGISTERING  HELD ──► gone; REGISTERING again, or REFUSED,
 *                                                when it comes back; DEREGISTERING, when
 *                                                the anchor is to hear of it after all
 *
 *     another gateway hands it over ──► EXPECTED ──► REGISTERING ──► REGISTERED
 *
 * The node is served (data is forwarded, or held for it) in REGISTERED, in EXPECTED, and on the way from there to
 * REGISTERED: "acceptance is a PBA, or an accepted HI". Becoming so programs the data plane, ceasing to undoes it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mag/mag_priv.h"

uint64_t mag_lladdr_hash(const struct htab *t, uint32_t ifindex, const struct lladdr *lladdr)
{
	uint8_t key[sizeof(ifindex) + LLADDR_MAX];

	memcpy(key, &ifindex, sizeof(ifindex));
	memcpy(key + sizeof(ifindex), lladdr->b, lladdr->len);
	return htab_hash(t, key, sizeof(ifindex) + lladdr->len);
}

struct mag_node *mag_node_find(const struct mag *mag, uint32_t ifindex, const struct lladdr *lladdr)
{
	const struct htab *t = &mag->nodes_by_lladdr;

	for (struct hnode *h = htab_first(t, mag_lladdr_hash(t, ifindex, lladdr)); h; h = htab_same(h)) {
		struct mag_node *node = hnode_owner(h, struct mag_node, by_lladdr);

		if (node->ifindex == ifindex && lladdr_eq(&node->lladdr, lladdr))
			return node;
	}
	return NULL;
}

struct mag_node *mag_node_find_mn(const struct mag *mag, const struct nai *mn)
{
	const struct htab *t = &mag->nodes_by_mn;

	for (struct hnode *h = htab_first(t, htab_hash(t, mn->s, mn->len)); h; h = htab_same(h)) {
		struct mag_node *node = hnode_owner(h, struct mag_node, by_mn);

		if (nai_eq(&node->mn, mn))
			return node;
	}
	return NULL;
}

bool mag_node_present(const struct mag_node *node)
{
	switch (node->state) {
	case MAG_NODE_REFUSED:
	case MAG_NODE_REGISTERING:
	case MAG_NODE_REGISTERED:
		return node->link != NULL;
	case MAG_NODE_IDENTIFYING:
	case MAG_NODE_UNKNOWN:
	case MAG_NODE_DEREGISTERING:
	case MAG_NODE_HELD:
	case MAG_NODE_EXPECTED:
		return false;
	}
	return false;
}

/* ---- numbers: small and dense, since the data plane indexes by them ---- */

static bool number_take(struct mag *mag, struct mag_node *node)
{
	uint32_t cap = mag->numbers_cap ? mag->numbers_cap * 2 : 64, i;
	struct mag_node **v;

	for (i = mag->numbers_hint ? mag->numbers_hint : 1; i < mag->numbers_cap && mag->numbers[i]; i++)
		;
	if (i >= mag->numbers_cap) {
		v = realloc(mag->numbers, cap * sizeof(struct mag_node *));
		if (!v)
			return false;
		memset(v + mag->numbers_cap, 0, (cap - mag->numbers_cap) * sizeof(struct mag_node *));
		mag->numbers = v;
		mag->numbers_cap = cap;
	}
	mag->numbers[i] = node;
	mag->numbers_hint = i + 1;
	node->number = i;
	return true;
}

static void number_give(struct mag *mag, uint32_t number)
{
	mag->numbers[number] = NULL;
	if (number < mag->numbers_hint)
		mag->numbers_hint = number;
}

/* ---- objects ---- */

static void node_init(struct mag_node *node, struct mag *mag)
{
	const struct mag_conf *c = &mag->conf;

	node->mag = mag;
	node->status = -1;
	node->prefixes_changed = node->ended_at = MONO_NEVER;
	node->seq = (uint16_t)rng_u64(&mag->rng);
	list_init(&node->in_link);
	list_init(&node->in_peer);
	list_init(&node->in_dirty);
	list_init(&node->subs);
	limiter_init(&node->updates, c->updates_per_s, c->updates_per_s);
	limiter_init(&node->rs, c->ra_solicited_per_s, MAG_RS_BURST);
	limiter_init(&node->joins, c->joins_per_s, c->joins_burst);
	deadline_init(&node->binding, DL_NODE_BINDING);
	deadline_init(&node->ra, DL_NODE_RA);
	deadline_init(&node->nud, DL_NODE_NUD);
	deadline_init(&node->policy, DL_NODE_POLICY);
	deadline_init(&node->revoked, DL_NODE_REVOKED);
	deadline_init(&node->transfer.due, DL_NODE_TRANSFER);
	node->state = MAG_NODE_IDENTIFYING;
}

struct mag_node *mag_node_new(struct mag *mag, const struct nai *mn, const struct profile *p)
{
	struct mag_node *node = slab_get(&mag->node_slab);

	if (!node)
		return NULL;
	node_init(node, mag);
	node->mn = *mn;
	if (!number_take(mag, node)) {
		slab_put(&mag->node_slab, node);
		return NULL;
	}
	if (!htab_add(&mag->nodes_by_mn, &node->by_mn, htab_hash(&mag->nodes_by_mn, mn->s, mn->len))) {
		number_give(mag, node->number);
		slab_put(&mag->node_slab, node);
		return NULL;
	}
	node->profile = profile_ref(p);
	return node;
}

void mag_node_leave_link(struct mag_node *node)
{
	struct mag *mag = node->mag;

	if (node->keyed)
		htab_del(&mag->nodes_by_lladdr, &node->by_lladdr);
	node->keyed = false;
	if (!node->link)
		return;
	list_del(&node->in_link);
	node->link->n_nodes--;
	node->link = NULL;
}

bool mag_node_join_link(struct mag_node *node, struct mag_link *link, const struct lladdr *lladdr)
{
	struct htab *t = &node->mag->nodes_by_lladdr;

	mag_node_leave_link(node);
	if (lladdr->len && !htab_add(t, &node->by_lladdr, mag_lladdr_hash(t, link->ifindex, lladdr)))
		return false;
	node->keyed = lladdr->len != 0;
	node->lladdr = *lladdr;
	node->ifindex = link->ifindex;
	node->link = link;
	list_add(&link->nodes, &node->in_link);
	link->n_nodes++;
	return true;
}

void mag_node_expect_lladdr(struct mag_node *node, const struct lladdr *lladdr)
{
	struct htab *t = &node->mag->nodes_by_lladdr;

	mag_node_leave_link(node);
	node->ifindex = 0;
	node->lladdr = *lladdr;
	node->keyed = htab_add(t, &node->by_lladdr, mag_lladdr_hash(t, 0, lladdr));
}

static void clear_deadlines(struct mag_node *node)
{
	struct heap *h = &node->mag->heap;

	heap_clear(h, &node->binding);
	heap_clear(h, &node->ra);
	heap_clear(h, &node->nud);
	heap_clear(h, &node->policy);
	heap_clear(h, &node->revoked);
}

static void leave_dp(struct mag_node *node)
{
	struct dp_op op = {.kind = DP_NODE_DEL};

	op.node.node = node->number;
	if (node->in_dp)
		fxq_dp(node->mag->fxq, &op);
	node->in_dp = false;
}

void mag_node_let_go(struct mag_node *node)
{
	if (!node->served)
		leave_dp(node);
}

/* The data plane's and the LMA's view of the node end; called when it is served no more, whatever follows. What a
 * handover forwards is forwarded until that ends. */
static void serve_stop(struct mag_node *node)
{
	node->served = false;
	mag_subs_withdraw(node);
	if (!mag_handover_keeps(node))
		leave_dp(node);
}

void mag_node_free(struct mag_node *node, struct now now)
{
	struct mag *mag = node->mag;

	if (node->served)
		serve_stop(node);
	mag_handover_node_gone(node, now);
	mag_subs_stop(node);
	if (node->peer)
		mag_peer_leave(node, now);
	mag_asked_drop(node);
	mag_node_leave_link(node);
	list_del(&node->in_dirty);
	clear_deadlines(node);
	htab_del(&mag->nodes_by_mn, &node->by_mn);
	number_give(mag, node->number);
	profile_unref(node->profile);
	slab_put(&mag->node_slab, node);
}

/* ---- states ---- */

#define BIT(s) (1u << MAG_NODE_##s)
static const uint16_t may_become[] = {
	[MAG_NODE_IDENTIFYING] = BIT(REGISTERING) | BIT(REFUSED) | BIT(EXPECTED),
	[MAG_NODE_UNKNOWN] = 0,
	[MAG_NODE_REFUSED] = BIT(REGISTERING) | BIT(HELD) | BIT(EXPECTED),
	[MAG_NODE_REGISTERING] = BIT(REGISTERED) | BIT(REFUSED) | BIT(DEREGISTERING) | BIT(HELD),
	[MAG_NODE_REGISTERED] = BIT(REGISTERING) | BIT(REFUSED) | BIT(DEREGISTERING) | BIT(HELD),
	[MAG_NODE_DEREGISTERING] = BIT(REGISTERING) | BIT(REFUSED) | BIT(EXPECTED),
	[MAG_NODE_HELD] = BIT(REGISTERING) | BIT(REFUSED) | BIT(EXPECTED) | BIT(DEREGISTERING),
	[MAG_NODE_EXPECTED] = BIT(REGISTERING) | BIT(REFUSED),
};

bool mag_node_may_become(enum mag_node_state from, enum mag_node_state to) { return may_become[from] & (1u << to); }

void mag_node_become(struct mag_node *node, struct now now, enum mag_node_state to)
{
	enum mag_node_state from = node->state;

	bool goes_on = to == MAG_NODE_REGISTERED || (to == MAG_NODE_REGISTERING && from == MAG_NODE_EXPECTED);

	assert(mag_node_may_become(from, to));
	node->state = to;
	if (node->served && !goes_on)
		serve_stop(node);
	if (to != MAG_NODE_REGISTERED && to != MAG_NODE_REGISTERING)
		mag_handover_not_registered(node, now);
	switch (to) {
	case MAG_NODE_REGISTERED:
		mag_peer_serve(node->peer);
		mag_node_forward(node); /* by way of its anchor, where it was by that of another gateway */
		if (!node->member)
			mag_subs_deliver(node, now);
		node->served = true;
		return;
	case MAG_NODE_EXPECTED:
		mag_subs_deliver(node, now);
		node->served = true;
		return;
	case MAG_NODE_REFUSED:
	case MAG_NODE_DEREGISTERING:
	case MAG_NODE_HELD:
		heap_clear(&node->mag->heap, &node->ra);
		heap_clear(&node->mag->heap, &node->revoked);
		node->bri.pending = false;
		return;
	case MAG_NODE_REGISTERING:
		heap_clear(&node->mag->heap, &node->ra);
		return;
	case MAG_NODE_IDENTIFYING:
	case MAG_NODE_UNKNOWN:
		return;
	}
}

void mag_node_refuse(struct mag_node *node, struct now now, int32_t status, const char *why)
{
	struct event e;

	mag_registration_cancel(node);
	if (node->served && node->link)
		mag_advertise_withdraw(node, now, node->prefixes, node->n_prefixes);
	node->status = status;
	if (node->state != MAG_NODE_REFUSED)
		mag_node_become(node, now, MAG_NODE_REFUSED);
	mag_handover_node_gone(node, now);
	mag_asked_save(node);
	mag_subs_stop(node);
	if (node->peer)
		mag_peer_leave(node, now);
	heap_clear(&node->mag->heap, &node->binding);
	e = mag_event_of(status < 0 ? EV_NODE_REFUSED : EV_NODE_REGISTRATION_FAILED, node);
	e.status = status;
	memcpy(e.detail, why, strnlen(why, sizeof(e.detail) - 1));
	fxq_event(node->mag->fxq, &e);
	mag_reach_watch(node, now);
}

/* ---- departure ---- */

static void gone(struct mag_node *node, struct now now, const char *why)
{
	mag_event(node->mag, EV_NODE_DETACHED, node, why);
	mag_node_free(node, now);
}

void mag_node_departed(struct mag_node *node, struct now now, const char *why)
{
	if (!mag_handover_left(node, now))
		mag_node_leave(node, now, true, why);
}

/* The anchor hears nothing for a while: it is told when the node has come to neither us nor another gateway. */
static void go_unsaid(struct mag_node *node, struct now now, const char *why)
{
	mag_transfer_keep(node, now);
	mag_node_become(node, now, MAG_NODE_HELD);
	mag_node_leave_link(node);
	heap_clear(&node->mag->heap, &node->nud);
	node->unsaid = true;
	mag_event(node->mag, EV_NODE_DETACHED, node, why);
	mag_subs_stop(node);
	mag_set(node->mag, &node->binding, mono_add(now.mono, node->mag->conf.deregister_after));
}

void mag_node_say_goodbye(struct mag_node *node, struct now now)
{
	node->unsaid = false;
	mag_node_become(node, now, MAG_NODE_DEREGISTERING);
	mag_registration_send(node, now, MAG_REQUEST_DEREGISTER);
}

void mag_node_leave(struct mag_node *node, struct now now, bool deregister, const char *why)
{
	bool link_down = !strcmp(why, "link-down");
	bool bound = node->state == MAG_NODE_REGISTERED || node->tx.what == MAG_REQUEST_REGISTER;

	if (node->bri.pending)
		mag_revocation_left(node);
	mag_handover_node_gone(node, now);
	if (node->left.lladdr.len)
		mag_interface_gone(node, now);
	mag_registration_cancel(node);
	switch (node->state) {
	case MAG_NODE_REGISTERED:
	case MAG_NODE_REGISTERING:
		if (!bound || !deregister) {
			gone(node, now, why);
			return;
		}
		if (link_down && node->state == MAG_NODE_REGISTERED && node->mag->conf.deregister_after.ns &&
		    !node->mag->stopping) {
			go_unsaid(node, now, why);
			return;
		}
		if (node->served && node->link && !link_down)
			mag_advertise_withdraw(node, now, node->prefixes, node->n_prefixes);
		mag_transfer_keep(node, now);
		mag_node_become(node, now, MAG_NODE_DEREGISTERING);
		mag_node_leave_link(node);
		heap_clear(&node->mag->heap, &node->nud);
		/* What others still want of the groups that its binding carried is asked for before it goes. */
		mag_signal_reset(node);
		mag_signal_flush(node->mag, now);
		mag_registration_send(node, now, MAG_REQUEST_DEREGISTER);
		mag_event(node->mag, EV_NODE_DETACHED, node, why);
		mag_subs_stop(node);
		return;
	case MAG_NODE_DEREGISTERING:
	case MAG_NODE_HELD:
		mag_node_leave_link(node); /* its record has its own end */
		if (!node->mag->stopping || node->state != MAG_NODE_HELD)
			return;
		if (node->unsaid)
			mag_node_say_goodbye(node, now);
		else
			mag_node_free(node, now);
		return;
	case MAG_NODE_REFUSED:
	case MAG_NODE_IDENTIFYING:
	case MAG_NODE_UNKNOWN:
	case MAG_NODE_EXPECTED:
		gone(node, now, why);
		return;
	}
}
