/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A replication list in the eBPF maps, changed while packets are copied by it: a member that stays gets each packet
 * once, whatever else changes.
 *
 * Removal clears the slot's target. Addition fills a slot that nobody can be reading and stores the target last; a
 * slot behind the end comes into force with the length. Growing and compacting copy the list to another run of slots
 * and publish that by one store. A slot or run is used again only after a grace period. Members never move within
 * a run: a packet half way through would meet them twice, or never. */
#include "bpf/dp_abi.h"
#include "dp/dp_priv.h"
#include "dp/dp_slots.h"

/* Runs given back that a packet may still be reading. */
struct rlist_limbo {
	uint32_t first;
	uint32_t order;
	uint64_t epoch;
};

struct rlists {
	struct slots slots;
	struct abi_out *outs;	/* the mapped array */
	struct dp_grace *grace;
	struct rlist_limbo *limbo; /* oldest first, a ring */
	uint32_t limbo_max, limbo_head, limbo_n;
};

struct rlist {
	uint64_t *word; /* where it is published, ABI_LIST() */
	uint32_t first, order, count, live;
	struct dp_o **members; /* by slot; NULL = hole */
	struct rlist_hole {
		uint32_t at;
		uint64_t epoch;
	} *holes; /* oldest first, a ring of the run's size */
	uint32_t hole_head, hole_n;
};

bool rlists_init(struct rlists *ls, struct abi_out *outs, uint32_t n, struct dp_grace *grace);
void rlists_deinit(struct rlists *ls);
void rlist_init(struct rlist *l, uint64_t *word);
/* Nobody finds the list any more, and who did reads it to its end: neither word nor slots change until the grace period is
 * over, and the word has to stay where it is so long. */
void rlist_deinit(struct rlists *ls, struct rlist *l);
/* Add with the slot's content; sets o->slot. 0, -ENOMEM or -ENOSPC. */
int rlist_add(struct rlists *ls, struct rlist *l, struct dp_o *o, const struct abi_out *content);
/* `o` takes the place of `old`, which has none then (o->slot is SLOTS_NONE). */
void rlist_replace(struct rlist *l, struct dp_o *old, struct dp_o *o);
void rlist_del(struct rlists *ls, struct rlist *l, struct dp_o *o);

/* A list of one member without a struct rlist: the slot is all there is. It comes into force when the caller publishes
 * ABI_LIST(slot, 1). SLOTS_NONE: no room. */
uint32_t rlist_lone_add(struct rlists *ls, const struct abi_out *content);
void rlist_lone_del(struct rlists *ls, uint32_t slot); /* as rlist_deinit() */
/* It becomes an ordinary list, in force all the while: `l` was initialised by zero, `word` holds it. 0 or -ENOMEM. */
int rlist_adopt(struct rlist *l, uint64_t *word, uint32_t slot, struct dp_o *o);
