/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_rlist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool rlists_init(struct rlists *ls, struct abi_out *outs, uint32_t n, struct dp_grace *grace)
{
	memset(ls, 0, sizeof(*ls));
	ls->outs = outs;
	ls->grace = grace;
	ls->limbo_max = n; /* runs have at least one slot */
	ls->limbo = malloc(n * sizeof(*ls->limbo));
	return ls->limbo && slots_init(&ls->slots, n);
}

void rlists_deinit(struct rlists *ls)
{
	free(ls->limbo);
	slots_deinit(&ls->slots);
	memset(ls, 0, sizeof(*ls));
}

/* ---- runs --------------------------------------------------------------------------------------------- */

static void limbo_oldest_back(struct rlists *ls)
{
	const struct rlist_limbo *x = &ls->limbo[ls->limbo_head];

	memset(ls->outs + x->first, 0, sizeof(*ls->outs) << x->order);
	slots_put(&ls->slots, x->first, x->order);
	ls->limbo_head = (ls->limbo_head + 1) % ls->limbo_max;
	ls->limbo_n--;
}

/* Those before it come back here, and not when one is wanted, for then a stream waits. */
static void limbo_put(struct rlists *ls, uint32_t first, uint32_t order)
{
	while (ls->limbo_n && dp_grace_over(ls->grace, ls->limbo[ls->limbo_head].epoch))
		limbo_oldest_back(ls);
	ls->limbo[(ls->limbo_head + ls->limbo_n++) % ls->limbo_max] =
		(struct rlist_limbo){first, order, dp_grace_epoch(ls->grace)};
}

static uint32_t run_get(struct rlists *ls, unsigned order)
{
	uint32_t first;

	while ((first = slots_get(&ls->slots, order)) == SLOTS_NONE && ls->limbo_n) {
		dp_grace_wait(ls->grace, ls->limbo[ls->limbo_head].epoch);
		limbo_oldest_back(ls);
	}
	return first;
}

/* ---- lists -------------------------------------------------------------------------------------------- */

static void publish(struct rlist *l)
{
	__atomic_store_n(l->word, ABI_LIST(l->first, l->count), __ATOMIC_RELEASE);
}

static void slot_write(struct rlists *ls, uint32_t slot, const struct abi_out *content)
{
	struct abi_out *o = &ls->outs[slot];

	o->counter = content->counter;
	o->mtu = content->mtu;
	o->macs = content->macs;
	__atomic_store_n(&o->target, content->target, __ATOMIC_RELEASE);
}

void rlist_init(struct rlist *l, uint64_t *word)
{
	memset(l, 0, sizeof(*l));
	l->word = word;
	__atomic_store_n(word, 0, __ATOMIC_RELEASE);
}

static void run_leave(struct rlists *ls, struct rlist *l)
{
	if (l->members)
		limbo_put(ls, l->first, l->order);
	free(l->members);
	free(l->holes);
	l->members = NULL;
	l->holes = NULL;
	l->count = 0;
	l->hole_head = 0;
	l->hole_n = 0;
}

void rlist_deinit(struct rlists *ls, struct rlist *l) { run_leave(ls, l); }

/* Copy the members to a run of 2^order slots, which comes into force when it is published; 0: `l` is there now, and the old
 * run, which the caller lets go after that, in `old`. */
static int move(struct rlists *ls, struct rlist *l, unsigned order, struct rlist *old)
{
	struct rlist next = {.word = l->word, .order = order, .live = l->live};

	next.members = calloc((size_t)1 << order, sizeof(struct dp_o *));
	next.holes = calloc((size_t)1 << order, sizeof(*next.holes));
	next.first = next.members && next.holes ? run_get(ls, order) : SLOTS_NONE;
	if (next.first == SLOTS_NONE) {
		int r = next.members && next.holes ? -ENOSPC : -ENOMEM;

		free(next.members);
		free(next.holes);
		return r;
	}
	for (uint32_t i = 0; i < l->count; i++) {
		struct dp_o *o = l->members[i];

		if (!o)
			continue;
		slot_write(ls, next.first + next.count, &ls->outs[o->slot]);
		o->slot = next.first + next.count;
		next.members[next.count++] = o;
	}
	*old = *l;
	*l = next;
	return 0;
}

static bool hole_get(struct rlists *ls, struct rlist *l, uint32_t *at)
{
	if (!l->hole_n || !dp_grace_over(ls->grace, l->holes[l->hole_head].epoch))
		return false;
	*at = l->holes[l->hole_head].at;
	l->hole_head = (l->hole_head + 1) & ((1u << l->order) - 1);
	l->hole_n--;
	return true;
}

static unsigned order_for(uint32_t n)
{
	unsigned order = 0;

	while (UINT32_C(1) << order < n)
		order++;
	return order;
}

int rlist_add(struct rlists *ls, struct rlist *l, struct dp_o *o, const struct abi_out *content)
{
	struct rlist old = {0};
	uint32_t at;

	if (hole_get(ls, l, &at)) {
		o->slot = l->first + at;
		l->members[at] = o;
		l->live++;
		slot_write(ls, o->slot, content);
		return 0;
	}
	if (!l->members || l->count == UINT32_C(1) << l->order) {
		int r = move(ls, l, order_for(l->live + 1 + l->live / 4), &old);

		if (r)
			return r;
	}
	at = l->count++;
	o->slot = l->first + at;
	l->members[at] = o;
	l->live++;
	slot_write(ls, o->slot, content);
	publish(l);
	run_leave(ls, &old); /* last: it wakes a thread, and the new output waits for nothing */
	return 0;
}

void rlist_replace(struct rlist *l, struct dp_o *old, struct dp_o *o)
{
	l->members[old->slot - l->first] = o;
	o->slot = old->slot;
	old->slot = SLOTS_NONE;
}

void rlist_del(struct rlists *ls, struct rlist *l, struct dp_o *o)
{
	uint32_t at = o->slot - l->first;
	struct rlist old;

	if (!l->members || o->slot == SLOTS_NONE) /* the list went before its members */
		return;
	__atomic_store_n(&ls->outs[o->slot].target, 0, __ATOMIC_RELEASE);
	l->members[at] = NULL;
	l->live--;
	l->holes[(l->hole_head + l->hole_n++) & ((1u << l->order) - 1)] =
		(struct rlist_hole){at, dp_grace_epoch(ls->grace)};
	if (!l->live) {
		__atomic_store_n(l->word, 0, __ATOMIC_RELEASE);
		run_leave(ls, l);
	} else if (l->order >= 3 && l->live < UINT32_C(1) << l->order >> 2 && !move(ls, l, l->order - 1, &old)) {
		publish(l); /* no room to move to: the holes stay, and cost little */
		run_leave(ls, &old);
	}
}

/* ---- lists of one ------------------------------------------------------------------------------------- */

uint32_t rlist_lone_add(struct rlists *ls, const struct abi_out *content)
{
	uint32_t slot = run_get(ls, 0);

	if (slot != SLOTS_NONE)
		slot_write(ls, slot, content);
	return slot;
}

void rlist_lone_del(struct rlists *ls, uint32_t slot) { limbo_put(ls, slot, 0); }

int rlist_adopt(struct rlist *l, uint64_t *word, uint32_t slot, struct dp_o *o)
{
	struct rlist next = {.word = word, .first = slot, .count = 1, .live = 1};

	next.members = calloc(1, sizeof(struct dp_o *));
	next.holes = calloc(1, sizeof(*next.holes));
	if (!next.members || !next.holes) {
		free(next.members);
		free(next.holes);
		return -ENOMEM;
	}
	next.members[0] = o;
	o->slot = slot;
	*l = next;
	return 0;
}
