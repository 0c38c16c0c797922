/* SPDX-License-Identifier: BSD-2-Clause */
/* Of a million bindings none is in the processor's cache, and each place that a registration looks at costs as much as
 * decoding it. The shell has several messages at a time: of each it tells some time before, and what the look-ups will
 * read is fetched while others are being answered. All of it is a guess. */
#include "lma/lma_priv.h"

#define AHEAD_FROM 4096 /* bindings; fewer stay in the cache by themselves */

/* *of: what was given LMA_AHEAD_NODES messages ago, whose buckets are there by now. */
static uint64_t in_turn(uint64_t *of, uint64_t hash)
{
	uint64_t before = *of;

	*of = hash;
	return before;
}

bool lma_ahead(struct lma *l, const uint8_t *bytes, size_t len, struct prefix *ret)
{
	struct mh_glance g;
	unsigned turn = l->ahead.turn++ % LMA_AHEAD_NODES;
	uint64_t hash;

	if (l->by_mn.count < AHEAD_FROM || !mh_glance(bytes, len, &g))
		return false;
	hash = htab_hash(&l->by_mn, g.mn_id, g.mn_id_len);
	htab_ahead(&l->by_mn, hash);
	htab_ahead_node(&l->by_mn, in_turn(&l->ahead.mn[turn], hash));
	if (!g.hnp.len && !prefix_pool_own(l, g.mn_id, g.mn_id_len, &g.hnp))
		return false;
	hash = binding_prefix_hash(l, &g.hnp);
	htab_ahead(&l->by_prefix, hash);
	htab_ahead_node(&l->by_prefix, in_turn(&l->ahead.prefix[turn], hash));
	*ret = g.hnp;
	return true;
}
