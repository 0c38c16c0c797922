/* SPDX-License-Identifier: BSD-2-Clause */
/* A node with several interfaces here. By RFC 5213 5.4 each would have a session of its own; this MAG has one for a node,
 * and it is at the interface that came last. The one that it came from does not take it back while the other is alive,
 * or they would have it in turns; when the other has gone, it is asked about at once. */
#include <stdio.h>
#include <string.h>

#include "mag/mag_priv.h"

/* Without reachability probing: so long is one that is not heard believed to be there. */
#define ALIVE_UNHEARD span_s(60)

static bool alive(const struct mag_node *node, struct now now)
{
	const struct mag_conf *c = &node->mag->conf;

	/* What is probed for leaves when it does not answer. */
	return c->nud_interval.ns || mono_before(now.mono, mono_add(node->heard, ALIVE_UNHEARD));
}

static void refuse(struct mag_node *node, struct now now, const struct mag_stranger *seen)
{
	struct mag *mag = node->mag;
	struct mag_stranger held = *seen;
	char served[LLADDR_STR_MAX];
	struct event e;

	mag_count(mag, MAG_C_INTERFACE_REFUSED);
	held.mn = node->mn;
	held.second = true;
	mag_stranger_hold(mag, now, &held, mag->conf.unknown_hold);
	if (!limiter_take(&mag->refusal_events, now.mono))
		return;
	e = mag_event_of(EV_NODE_REFUSED, NULL);
	e.mn = node->mn;
	e.lladdr = seen->lladdr;
	e.ifindex = seen->ifindex;
	snprintf(e.detail, sizeof(e.detail), "it is served at its interface %s", lladdr_str(&node->lladdr, served));
	fxq_event(mag->fxq, &e);
}

bool mag_interface_refused(struct mag_node *node, struct now now, const struct mag_stranger *seen,
			   const struct lladdr *lladdr)
{
	if (!node->link || !lladdr->len || !node->lladdr.len || lladdr_eq(lladdr, &node->lladdr) ||
	    (node->state != MAG_NODE_REGISTERED && node->state != MAG_NODE_REGISTERING))
		return false;
	if (lladdr_eq(lladdr, &node->left.lladdr) && strcmp(seen->trigger, "operator") && alive(node, now)) {
		refuse(node, now, seen);
		return true;
	}
	mag_count(node->mag, MAG_C_INTERFACE_TAKEN_OVER);
	node->left.lladdr = node->lladdr;
	node->left.ifindex = node->ifindex;
	return false;
}

void mag_interface_gone(struct mag_node *node, struct now now)
{
	struct mag *mag = node->mag;
	struct mag_stranger *s = mag_stranger_find(mag, node->left.ifindex, &node->left.lladdr), again;

	memset(&node->left, 0, sizeof(node->left));
	if (!s || !s->second || mag->stopping)
		return;
	again = *s;
	again.second = false;
	(void)mag_stranger_heard(mag, now, &again);
}
