/* SPDX-License-Identifier: BSD-2-Clause */
/* The old side of a handover: the node is on a link here, and another gateway shall have it.
 *
 *   (WAITING until the anchor has accepted the node) ─► INITIATING, and then
 *
 *   INITIATING ──HAck──► FORWARDING ──HAck──► READY ──► over: the new side has done, or the node was told to be there
 *        │                   │                  │
 *        └───────────────────┴──────────────────┴─────► cancelled: the node is served here as before
 *
 * While it forwards, the node's binding is not touched from here: a refresh would take it back from where it goes. */
#include <stdio.h>
#include <string.h>

#include "mag/mag_priv.h"

#define BUFFER_AGE_DEFAULT span_ms(500) /* decision 32 */
#define HI_MAX (1280 - 40) /* never fragmented; what finds no room goes in the next one */
#define MORE_SIZE 16	   /* of the option that says so, and the padding of the last one */

/* ---- what is told of the node ---- */

static void put_node(const struct mag_node *node, struct mh_msg *m)
{
	m->n_hnp = node->n_prefixes;
	memcpy(m->hnp, node->prefixes, node->n_prefixes * sizeof(m->hnp[0]));
	m->has |= MH_HAS_LMA_ADDRESS;
	m->lma_address = node->peer->lmaa;
	if (node->lladdr.len) {
		m->has |= MH_HAS_LLID;
		m->llid = node->lladdr;
	}
	if (addr_is_link_local(&node->link_local)) {
		m->has |= MH_HAS_MN_IID;
		memcpy(m->mn_iid, node->link_local.s6_addr + 8, sizeof(m->mn_iid));
	}
}

/* Of a node that is served, or what is kept of one that was (decision 13). */
static bool context_of(const struct mag_handover *h, struct mn_context *ret)
{
	const struct mag_kept *k;

	if (h->node && h->node->served)
		return mag_multicast_permitted(h->node) && mag_context_of(h->node, ret);
	k = mag_kept_find(h->mag, &h->mn);
	return k && mn_context_copy(&k->context, ret);
}

void mag_handover_out_put_groups(struct mag_handover *h, struct mh_msg *m)
{
	struct mn_context_place place = h->tell.from;
	bool describe = mag_neighbour_knows(h->with, MH_FEATURE_CONTEXT), all = true;
	uint8_t bytes[HI_MAX];
	struct mn_context c;
	size_t used;

	h->tell.more = false;
	if (!mag_neighbour_knows(h->with, MH_FEATURE_MULTICAST_MOBILITY) || !context_of(h, &c))
		return;
	used = mh_encode(&h->mag->mh, m, NULL, NULL, bytes, sizeof(bytes));
	if (used && used + 2 * MORE_SIZE < sizeof(bytes))
		all = mn_context_put_reports(&c, &place, h->mag->now, m, sizeof(bytes) - used - 2 * MORE_SIZE, describe);
	m->has |= MH_HAS_MMO; /* none is an answer, too */
	mn_context_drop(&c);
	if (all)
		return;
	if (h->tell.parts && (!m->mmo.n || h->tell.parts >= MN_CONTEXT_PARTS_MAX)) {
		mag_count(h->mag, MAG_C_LIMIT_HANDOVER_GROUPS); /* the anchor knows the rest */
		return;
	}
	m->has |= MH_HAS_MORE;
	h->tell.more = true;
	h->tell.to = place;
}

void mag_handover_out_put(struct mag_handover *h, struct mh_msg *m)
{
	if (h->node && h->node->peer)
		put_node(h->node, m);
	mag_handover_out_put_groups(h, m);
}

/* ---- forwarding ---- */

/* What the new side will not give the node is not sent there either. */
static void withhold(struct mag_handover *h, const struct mh_msg *m)
{
	h->n_refused = 0;
	for (uint16_t i = m->mma.first; i < m->mma.first + m->mma.n; i++) {
		struct mag_sub *sub = mag_sub_find(h->node, &m->records[i].group);

		if (!sub || !h->node->member)
			continue;
		h->n_refused++;
		(void)proxy_set(h->node->member, &sub->group, &FILTER_NONE);
		mag_group_touch(sub->at);
	}
}

static void give_back(struct mag_node *node)
{
	list_each (i, &node->subs) {
		struct mag_sub *sub = list_owner(i, struct mag_sub, in_node);

		if (node->member)
			(void)proxy_set(node->member, &sub->group, &sub->want);
		mag_group_touch(sub->at);
	}
}

static void forward(struct mag_handover *h)
{
	struct mag_node *node = h->node;
	struct dp_op op = {.kind = DP_HANDOVER_FORWARD};

	if (node->handover[MAG_HANDOVER_IN]) /* the data plane has one of a node */
		mag_handover_in_complete(node->handover[MAG_HANDOVER_IN], h->mag->now);
	mag_handover_tunnel(h, true);
	h->number = node->number;
	h->forwarding = true;
	op.handover.node = node->number;
	op.handover.key = h->key;
	op.handover.n_prefixes = node->n_prefixes;
	memcpy(op.handover.prefixes, node->prefixes, node->n_prefixes * sizeof(op.handover.prefixes[0]));
	op.handover.tunnel = mag_handover_path(h);
	op.handover.anchor = node->peer->tunnel;
	fxq_dp(h->mag->fxq, &op);
	mag_registration_suspend(node);
	heap_clear(&h->mag->heap, &node->nud);
}

/* ---- begin ---- */

/* The node is registered: until then nothing is known that could be told of it, and nothing comes that could be forwarded. */
static void start(struct mag_handover *h, struct now now, const char *detail)
{
	if (h->node->handover[MAG_HANDOVER_IN]) /* it goes on before the one that brought it has ended */
		mag_handover_in_complete(h->node->handover[MAG_HANDOVER_IN], now);
	h->state = MAG_HANDOVER_INITIATING;
	mag_handover_event(h, EV_HANDOVER_STARTED, -1, detail);
	mag_handover_hi(h, now, MH_HI_DEFAULT, false);
}

enum ctl_err mag_handover(struct mag *mag, struct now now, const struct nai *mn, const char *to)
{
	struct mag_node *node = mag_node_find_mn(mag, mn);
	struct mag_neighbour *n = mag_neighbour_named(mag, to);
	struct mag_handover *h;

	mag->now = now;
	if (!node)
		return CTL_NO_SUCH_NODE;
	if ((node->state != MAG_NODE_REGISTERED && node->state != MAG_NODE_REGISTERING) || !node->link || mag->stopping)
		return CTL_NOT_SERVED;
	if (!n)
		return CTL_NO_SUCH_MAG;
	if (node->handover[MAG_HANDOVER_OUT])
		return CTL_ALREADY;
	h = mag_handover_new(mag, now, n, mn, MAG_HANDOVER_OUT);
	if (!h)
		return CTL_LIMIT;
	h->node = node;
	node->handover[MAG_HANDOVER_OUT] = h;
	if (node->state == MAG_NODE_REGISTERED) {
		start(h, now, "");
	} else {
		h->state = MAG_HANDOVER_WAITING;
		mag_handover_schedule(h);
	}
	mag_settle(mag, now);
	return CTL_OK;
}

void mag_handover_out_registered(struct mag_node *node, struct now now)
{
	struct mag_handover *h = node->handover[MAG_HANDOVER_OUT];

	if (!h || h->state != MAG_HANDOVER_WAITING)
		return;
	h->ends = mono_add(now.mono, node->mag->conf.handover.hold);
	start(h, now, "once it was registered");
}

static void not_begun(struct mag_handover *h, const char *why)
{
	mag_count(h->mag, MAG_C_HANDOVER_FAILED);
	mag_handover_event(h, EV_HANDOVER_FAILED, -1, why);
	mag_handover_free(h);
}

void mag_handover_not_registered(struct mag_node *node, struct now now)
{
	struct mag_handover *h = node->handover[MAG_HANDOVER_OUT];

	(void)now;
	if (h && h->state == MAG_HANDOVER_WAITING)
		not_begun(h, "it is not registered here");
}

/* ---- answers ---- */

static void accepted(struct mag_handover *h, struct now now, const struct mh_msg *m)
{
	if (!h->node || h->node->state != MAG_NODE_REGISTERED) { /* it was revoked meanwhile: nothing comes any more */
		mag_handover_give_up(h, now, true, "it is elsewhere, by the anchor's word");
		return;
	}
	if ((m->has & MH_HAS_MARK) && m->mark == MH_MARK_KEY)
		h->key = m->key;
	if (h->tell.more) {
		mag_handover_hi_more(h, now);
		return;
	}
	forward(h);
	h->state = MAG_HANDOVER_FORWARDING;
	mag_handover_hi(h, now, MH_HI_CONTEXT_COMPLETE, true);
}

static void ready(struct mag_handover *h, struct now now)
{
	char detail[64] = "";

	h->state = MAG_HANDOVER_READY;
	h->ready = now.mono;
	if (!h->left)
		h->ends = mono_add(now.mono, h->mag->conf.handover.hold);
	if (h->n_refused)
		snprintf(detail, sizeof(detail), "groups it will not have there: %u", h->n_refused);
	mag_handover_event(h, EV_HANDOVER_READY, -1, detail);
	mag_handover_schedule(h);
}

static void failed(struct mag_handover *h, struct now now, int32_t status, const char *why);

void mag_handover_out_hack(struct mag_handover *h, struct now now, const struct mh_msg *m)
{
	if (m->status >= MH_HACK_NOT_ACCEPTED)
		failed(h, now, m->status, mh_hack_name(m->status));
	else if (h->state == MAG_HANDOVER_INITIATING)
		accepted(h, now, m);
	else if (h->update && h->tell.more)
		mag_handover_hi_more(h, now);
	else if (h->state == MAG_HANDOVER_FORWARDING)
		ready(h, now);
	else
		mag_handover_schedule(h);
	if (m->status < MH_HACK_NOT_ACCEPTED && h->node && h->forwarding)
		withhold(h, m);
	h->mag->handovers_changed |= h->changed;
}

/* ---- ends ---- */

/* The node is not handed over any more. It is at the new gateway (`elsewhere`); or it is here, and served; or it is gone,
 * and its binding ends. */
static void resume(struct mag_node *node, struct now now, bool elsewhere, const char *why)
{
	if (!node || node->state != MAG_NODE_REGISTERED)
		return; /* its record has its own end */
	if (elsewhere) { /* also where its link did not show that it went: a registration from here would take it back */
		mag_node_moved_away(node, now);
		return;
	}
	if (!node->link) {
		mag_node_leave(node, now, true, why);
		return;
	}
	mag_subs_decide_all(node, now);
	give_back(node);
	mag_registration_resume(node);
	mag_reach_watch(node, now);
}

static void end(struct mag_handover *h, struct now now, bool elsewhere, const char *why)
{
	struct mag_node *node = h->node;
	bool forwarded = h->forwarding || h->left;

	mag_handover_finish(h, now, elsewhere); /* which may have freed it */
	if (forwarded)
		resume(node, now, elsewhere, why);
}

static void failed(struct mag_handover *h, struct now now, int32_t status, const char *why)
{
	mag_count(h->mag, MAG_C_HANDOVER_FAILED);
	mag_handover_event(h, EV_HANDOVER_FAILED, status, why);
	end(h, now, false, why);
}

void mag_handover_out_silent(struct mag_handover *h, struct now now) { failed(h, now, -1, "no answer"); }

void mag_handover_out_cancel(struct mag_handover *h, struct now now, const char *why)
{
	mag_count(h->mag, MAG_C_HANDOVER_CANCELLED);
	mag_handover_event(h, EV_HANDOVER_CANCELLED, -1, why);
	end(h, now, false, why);
}

enum ctl_err mag_handover_cancel(struct mag *mag, struct now now, const struct nai *mn)
{
	struct mag_node *node = mag_node_find_mn(mag, mn);

	mag->now = now;
	if (!node)
		return CTL_NO_SUCH_NODE;
	if (node->handover[MAG_HANDOVER_OUT])
		mag_handover_out_cancel(node->handover[MAG_HANDOVER_OUT], now, "operator");
	else if (node->state == MAG_NODE_EXPECTED)
		mag_handover_in_ends(node->handover[MAG_HANDOVER_IN], now, true, "operator");
	else
		return CTL_NO_HANDOVER;
	mag_settle(mag, now);
	return CTL_OK;
}

void mag_handover_out_complete(struct mag_handover *h, struct now now, bool elsewhere)
{
	struct mag_node *node = h->node;
	bool forwarded = h->forwarding || h->left;

	if (elsewhere) {
		mag_count(h->mag, MAG_C_HANDOVER_COMPLETED);
		mag_handover_event(h, EV_HANDOVER_COMPLETED, -1, "");
	} else {
		mag_count(h->mag, MAG_C_HANDOVER_CANCELLED);
		mag_handover_event(h, EV_HANDOVER_CANCELLED, -1, "the new gateway expects it no longer");
	}
	mag_handover_free(h);
	if (forwarded)
		resume(node, now, elsewhere, "it came to no gateway");
}

void mag_handover_out_ends(struct mag_handover *h, struct now now)
{
	if (h->state == MAG_HANDOVER_WAITING)
		not_begun(h, "the anchor has not answered");
	else
		mag_handover_out_cancel(h, now, h->left ? "it came to no gateway" : "it did not leave");
}

/* ---- what happens to the node meanwhile ---- */

bool mag_handover_left(struct mag_node *node, struct now now)
{
	struct mag_handover *h = node->handover[MAG_HANDOVER_OUT];

	if (!h || node->state != MAG_NODE_REGISTERED || node->mag->stopping)
		return false;
	mag_node_leave_link(node);
	heap_clear(&node->mag->heap, &node->nud);
	if (h->left)
		return true;
	mag_transfer_keep(node, now);
	h->left = true;
	h->ends = mono_add(now.mono, node->mag->conf.handover.after_leave); /* decision 13 */
	mag_handover_schedule(h);
	return true;
}

void mag_handover_revoked(struct mag_node *node, struct now now)
{
	struct mag_handover *h = node->handover[MAG_HANDOVER_OUT];

	if (!h)
		return;
	h->left = true;
	h->ends = mono_add(now.mono, node->mag->conf.handover.after_leave);
	mag_handover_schedule(h);
}

void mag_handover_heard(struct mag_node *node, struct now now, bool anew)
{
	struct mag_handover *h = node->handover[MAG_HANDOVER_OUT];
	span_t age = node->mag->conf.handover.buffer_age;

	if (!h || (!h->forwarding && !h->left))
		return;
	/* Not all that it sends means that it came back: it may be about to leave. But once the new side cannot hold any
	 * more what comes for it, it is better served here. */
	if (!anew && (h->state != MAG_HANDOVER_READY ||
		      mono_before(now.mono, mono_add(h->ready, age.ns ? age : BUFFER_AGE_DEFAULT))))
		return;
	mag_handover_out_cancel(h, now, anew ? "it came back" : "it is still here");
}

void mag_handover_changed(struct mag_node *node)
{
	node->handover[MAG_HANDOVER_OUT]->changed = true;
	node->mag->handovers_changed = true;
}

/* One HI at a time: what it cannot say any more is said when it is answered. */
void mag_handovers_tell(struct mag *mag, struct now now)
{
	mag->handovers_changed = false;
	list_each (i, &mag->handovers) {
		struct mag_handover *h = list_owner(i, struct mag_handover, in_all);

		if (h->changed && h->side == MAG_HANDOVER_OUT && h->state == MAG_HANDOVER_READY && !h->reactive &&
		    !h->left && mono_is_never(h->hi.next))
			mag_handover_hi(h, now, MH_HI_CONTEXT_COMPLETE, true);
	}
}

bool mag_handover_keeps(const struct mag_node *node)
{
	const struct mag_handover *h = node->handover[MAG_HANDOVER_OUT];

	return h && h->forwarding;
}

/* ---- asked for by the new gateway ---- */

/* It is served here no more: nothing can be forwarded, but what it listened to is known for a while. */
static void tell_what_is_kept(struct mag *mag, struct now now, struct mag_neighbour *n, const struct mh_msg *m)
{
	struct mag_handover *h = mag_kept_find(mag, &m->mn_id) ? mag_handover_new(mag, now, n, &m->mn_id, MAG_HANDOVER_OUT)
							       : NULL;

	if (!h) {
		mag_handover_answer_bare(mag, &n->address, m, MH_HACK_NO_CONTEXT);
		return;
	}
	mag_handover_note(h, now, m);
	mag_handover_answer(h, m->flags & MH_HI_F ? MH_HACK_NO_FORWARDING : MH_HACK_CONTEXT_COMPLETE);
	mag_handover_free(h);
}

void mag_handover_out_reactive(struct mag *mag, struct now now, struct mag_neighbour *n, const struct mh_msg *m)
{
	struct mag_node *node = mag_node_find_mn(mag, &m->mn_id);
	struct mag_handover *h = mag_handover_with(mag, &m->mn_id, n, MAG_HANDOVER_OUT);
	uint8_t code = MH_HACK_CONTEXT_COMPLETE;

	if (h && h->heard.any && h->heard.seq == m->seq) {
		mag_count(mag, MAG_C_HI_DUPLICATE);
		mag_handover_answer(h, h->heard.code);
		return;
	}
	if (node && node->state == MAG_NODE_EXPECTED) { /* it went to another one than was announced */
		mag_handover_in_ends(node->handover[MAG_HANDOVER_IN], now, true, "it is at another gateway");
		node = NULL;
	}
	if (!limiter_take(&mag->handovers_begun, now.mono)) {
		mag_count(mag, MAG_C_LIMIT_HANDOVER_RATE);
		mag_handover_answer_bare(mag, &n->address, m, MH_HACK_NO_RESOURCES);
		return;
	}
	if (!node || !node->peer || !node->served) {
		tell_what_is_kept(mag, now, n, m);
		return;
	}
	if (node->handover[MAG_HANDOVER_IN]) /* it has gone on since it came */
		mag_handover_in_complete(node->handover[MAG_HANDOVER_IN], now);
	if (node->handover[MAG_HANDOVER_OUT]) /* to there: it came before all was ready; or to another one */
		mag_handover_give_up(node->handover[MAG_HANDOVER_OUT], now, false, "it is at another gateway already");
	h = mag_handover_new(mag, now, n, &m->mn_id, MAG_HANDOVER_OUT);
	if (!h) {
		mag_handover_answer_bare(mag, &n->address, m, MH_HACK_NO_RESOURCES);
		return;
	}
	h->node = node;
	node->handover[MAG_HANDOVER_OUT] = h;
	h->reactive = true;
	h->state = MAG_HANDOVER_READY;
	h->ready = now.mono;
	h->ends = mono_add(now.mono, mag->conf.handover.after_leave);
	mag_handover_note(h, now, m);
	if ((m->has & MH_HAS_MARK) && m->mark == MH_MARK_KEY)
		h->key = m->key;
	if ((m->flags & MH_HI_F) && node->state == MAG_NODE_REGISTERED)
		forward(h);
	else if (m->flags & MH_HI_F)
		code = MH_HACK_NO_FORWARDING; /* nothing comes for it here */
	mag_handover_event(h, EV_HANDOVER_READY, -1, "it is at the other gateway already");
	mag_handover_answer(h, code);
	mag_handover_schedule(h);
}
