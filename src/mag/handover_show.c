/* SPDX-License-Identifier: BSD-2-Clause */
/* Views of handovers. */
#include "mag/mag_priv.h"

const char *mag_handover_state_name(enum mag_handover_state s)
{
	switch (s) {
	case MAG_HANDOVER_WAITING:
		return "waiting";
	case MAG_HANDOVER_INITIATING:
		return "initiating";
	case MAG_HANDOVER_FORWARDING:
		return "forwarding";
	case MAG_HANDOVER_PREPARING:
		return "preparing";
	case MAG_HANDOVER_PREPARED:
		return "prepared";
	case MAG_HANDOVER_MARKING:
		return "marking";
	case MAG_HANDOVER_READY:
		return "ready";
	case MAG_HANDOVER_FETCHING:
		return "fetching";
	case MAG_HANDOVER_ARRIVED:
		return "arrived";
	case MAG_HANDOVER_ENDING:
		return "ending";
	}
	return "unknown";
}

static uint16_t groups_of(const struct mag_handover *h)
{
	uint16_t n = 0;

	if (!h->node)
		return h->context.n;
	list_each (i, &h->node->subs)
		n = (uint16_t)(n + !filter_is_none(&list_owner(i, struct mag_sub, in_node)->want));
	return n;
}

void mag_each_handover(const struct mag *mag, void (*each)(void *arg, const struct mag_handover_view *v), void *arg)
{
	list_each (i, &mag->handovers) {
		const struct mag_handover *h = list_owner(i, struct mag_handover, in_all);
		struct mag_handover_view v = {
			.mn = &h->mn,
			.incoming = h->side == MAG_HANDOVER_IN,
			.reactive = h->reactive,
			.state = h->state,
			.peer_name = h->with->name,
			.peer = h->with->address,
			.node = h->node ? h->node->number : 0,
			.key = h->key,
			.groups = groups_of(h),
			.refused = h->n_refused,
			.forwarding = h->forwarding,
			.marked = h->marked,
			.left = h->left,
			.age = mono_sub(mag->now.mono, h->began),
		};

		each(arg, &v);
	}
}
