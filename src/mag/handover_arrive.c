/* SPDX-License-Identifier: BSD-2-Clause */
/* The new side of a handover from the moment when the node is on a link: what was held is released, it is advertised
 * its prefixes and its packets pass by way of the old gateway at once, "acceptance is an accepted HI", and it is
 * registered. And the reactive way, where the node comes first and its context is fetched (RFC 5949 4.1, Figure 3). */
#include <string.h>

#include "mag/mag_priv.h"

struct mag_node *mag_handover_expected(const struct mag *mag, const struct lladdr *lladdr)
{
	struct mag_node *node = lladdr->len ? mag_node_find(mag, 0, lladdr) : NULL;

	return node && node->state == MAG_NODE_EXPECTED ? node : NULL;
}

struct dp_out mag_handover_output(const struct mag_node *node) { return (struct dp_out){.node = node->number}; }

/* The node's place is its link from now on: it gets there what was held, and then what comes. */
static void release(struct mag_node *node)
{
	struct dp_out out = mag_node_output(node);

	mag_node_forward(node);
	if (node->member)
		proxy_member_output(node->member, &out, mag_node_l2_unicast(node));
}

bool mag_handover_arrived(struct mag_node *node, struct now now, struct mag_link *link, const struct lladdr *lladdr,
			  const struct in6_addr *link_local, const char *trigger)
{
	struct mag *mag = node->mag;
	struct mag_handover *h = node->handover[MAG_HANDOVER_IN];

	if (!mag_node_join_link(node, link, lladdr)) {
		mag_count(mag, MAG_C_OUT_OF_MEMORY);
		return false;
	}
	node->trigger = trigger;
	node->handoff = MH_HANDOFF_BETWEEN_MAGS;
	node->heard = now.mono;
	node->step_done[MAG_STEP_SEEN] = true;
	node->lifetime = mag->conf.lifetime; /* of what is advertised, until the anchor says */
	if (!addr_is_any(link_local))
		node->link_local = *link_local;
	if (mag_handover_takes_from_another(h)) /* which has come since: then the anchor is to say what this one has */
		node->n_prefixes = 0;
	mag_node_become(node, now, MAG_NODE_REGISTERING);
	release(node);
	mag_advertise_start(node, now);
	mag_link_quiet(mag, link);
	if (mag_multicast_permitted(node))
		mag_listen_start(node, now);
	h->state = MAG_HANDOVER_ARRIVED;
	h->ends = mono_add(now.mono, mag->conf.handover.hold);
	mag_handover_schedule(h);
	mag_event(mag, EV_NODE_ATTACHED, node, trigger);
	mag_handover_event(h, EV_HANDOVER_ARRIVED, -1, h->forwarding ? "" : "before the old gateway forwarded");
	mag_subs_forget_refusals(node, now); /* of an anchor that it was not registered at */
	mag_registration_send(node, now, MAG_REQUEST_REGISTER);
	mag_reach_watch(node, now);
	return true;
}

void mag_handover_in_complete(struct mag_handover *h, struct now now)
{
	mag_count(h->mag, MAG_C_HANDOVER_COMPLETED);
	mag_handover_event(h, EV_HANDOVER_COMPLETED, -1, "");
	mag_handover_finish(h, now, true);
}

/* The node goes on without; and should the other side forward, it is to end that. */
void mag_handover_in_silent(struct mag_handover *h, struct now now)
{
	mag_count(h->mag, MAG_C_HANDOVER_FAILED);
	mag_handover_event(h, EV_HANDOVER_FAILED, -1, "no answer");
	mag_handover_finish(h, now, true);
}

void mag_handover_registered(struct mag_node *node, struct now now)
{
	struct mag_handover *h = node->handover[MAG_HANDOVER_IN];

	if (h && h->done)
		mag_handover_in_complete(h, now);
	mag_handover_out_registered(node, now);
}

void mag_handover_done(struct mag *mag, struct now now, uint32_t number)
{
	struct mag_node *node = number && number < mag->numbers_cap ? mag->numbers[number] : NULL;
	struct mag_handover *h = node ? node->handover[MAG_HANDOVER_IN] : NULL;

	mag->now = now;
	if (!h || h->state != MAG_HANDOVER_ARRIVED)
		return;
	h->done = true; /* what the node sends goes by way of the old gateway until it is registered */
	if (node->state == MAG_NODE_REGISTERED)
		mag_handover_in_complete(h, now);
	mag_settle(mag, now);
}

void mag_handover_overflown(struct mag *mag, struct now now, uint32_t number)
{
	const struct mag_node *node = number && number < mag->numbers_cap ? mag->numbers[number] : NULL;

	mag->now = now;
	if (!node)
		return;
	mag_count(mag, MAG_C_HANDOVER_OVERFLOWN);
	mag_event(mag, EV_LIMIT, node, "handover-buffer");
}

/* ---- reactive ---- */

void mag_handover_fetch(struct mag_node *node, struct now now, struct mag_neighbour *from)
{
	struct mag *mag = node->mag;
	struct mag_handover *h;

	if (node->handover[MAG_HANDOVER_IN] || !from->candidate || !mag->conf.handover.enabled)
		return;
	h = mag_handover_new(mag, now, from, &node->mn, MAG_HANDOVER_IN);
	if (!h)
		return;
	if (!mag_handover_take_key(h)) {
		mag_handover_free(h);
		return;
	}
	h->node = node;
	node->handover[MAG_HANDOVER_IN] = h;
	h->reactive = true;
	h->state = MAG_HANDOVER_FETCHING;
	mag_handover_event(h, EV_HANDOVER_STARTED, -1, "fetched from where it was");
	mag_handover_hi(h, now, MH_HI_DEFAULT, true);
}

/* The node is not registered yet, and served by way of the old gateway until it is. */
static void serve_early(struct mag_handover *h, struct now now)
{
	struct mag_node *node = h->node;

	memcpy(node->prefixes, h->prefixes, h->n_prefixes * sizeof(h->prefixes[0]));
	node->n_prefixes = h->n_prefixes;
	node->lifetime = node->mag->conf.lifetime;
	mag_subs_deliver(node, now);
	node->served = true;
	release(node);
	mag_advertise_start(node, now);
}

void mag_handover_in_hack(struct mag_handover *h, struct now now, const struct mh_msg *m)
{
	struct mag_node *node = h->node;
	const char *why = mh_hack_name(m->status);
	bool told;

	if (h->state != MAG_HANDOVER_FETCHING || !node || !mag_node_present(node) || !node->peer) {
		mag_handover_free(h);
		return;
	}
	told = mag_handover_take(h, now, m) && addr_eq(&h->lmaa, &node->peer->lmaa);
	if (told && mag_handover_takes_from_another(h)) {
		told = false;
		why = "another node here has its prefix";
	}
	h->forwarding = m->status < MH_HACK_NOT_ACCEPTED && told;
	mag_handover_give(h, now); /* also where nothing can be forwarded: it is told what the node listens to */
	if (!h->forwarding) {
		mag_handover_event(h, EV_HANDOVER_FAILED, m->status, why);
		mag_count(h->mag, MAG_C_HANDOVER_FAILED);
		mag_handover_free(h);
		return;
	}
	mag_handover_expect(h, node);
	h->state = MAG_HANDOVER_ARRIVED;
	h->ends = mono_add(now.mono, h->mag->conf.handover.after_leave);
	if (node->state == MAG_NODE_REGISTERING && !node->served)
		serve_early(h, now);
	mag_handover_event(h, EV_HANDOVER_ARRIVED, -1, "fetched");
	mag_handover_ask(h, now, MH_MARK_LABEL); /* the anchor is to end the old way by a marker */
	mag_handover_schedule(h);
}
