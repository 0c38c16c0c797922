/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_priv.h"

#include <stdlib.h>

bool dp_ids_init(struct dp_ids *ids, uint32_t max)
{
	*ids = (struct dp_ids){.max = max};
	ids->ring = malloc(max * sizeof(*ids->ring));
	return ids->ring;
}

void dp_ids_deinit(struct dp_ids *ids)
{
	free(ids->ring);
	*ids = (struct dp_ids){0};
}

/* Numbers never used come first; then the one that rests longest. Only when all have been used up within one
 * grace period does the caller wait for its end. */
bool dp_ids_get(struct dp_ids *ids, struct dp_grace *g, uint32_t *ret)
{
	if (ids->n && (ids->next == ids->max || dp_grace_over(g, ids->ring[ids->head].epoch))) {
		dp_grace_wait(g, ids->ring[ids->head].epoch);
		*ret = ids->ring[ids->head].id;
		ids->head = (ids->head + 1) % ids->max;
		ids->n--;
		return true;
	}
	if (ids->next == ids->max)
		return false;
	*ret = ids->next++;
	return true;
}

void dp_ids_put(struct dp_ids *ids, struct dp_grace *g, uint32_t id)
{
	uint32_t at = (ids->head + ids->n) % ids->max;

	ids->ring[at] = (struct dp_id_resting){dp_grace_epoch(g), id};
	ids->n++;
}
