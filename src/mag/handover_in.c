/* SPDX-License-Identifier: BSD-2-Clause */
/* The new side of a handover until the node comes: the policy store is asked who it is, its context becomes its
 * subscriptions, the anchor is asked for the streams, and they are held (draft Figure 5, steps 2 to 7).
 *
 *   HI ─► PREPARING ─► PREPARED ─HI: forwarding has begun─► MARKING ─► READY ─► ARRIVED (handover_arrive.c)
 *
 * Each HI is answered when what it asks for is done. Nothing goes to a link before the node is on it. */
#include <string.h>

#include "mag/mag_priv.h"

void mag_handover_in_refuse(struct mag_handover *h, struct now now, uint8_t code, const char *why)
{
	(void)now;
	mag_count(h->mag, MAG_C_HANDOVER_REFUSED);
	mag_handover_event(h, EV_HANDOVER_FAILED, code, why);
	mag_handover_answer(h, code);
	mag_handover_free(h);
}

/* ---- what the HI tells ---- */

static bool is_home(const struct prefix *p)
{
	return p->len > 0 && p->len <= 128 && !addr_is_any(&p->addr) && !addr_is_multicast(&p->addr) &&
	       !addr_is_link_local(&p->addr);
}

bool mag_handover_take(struct mag_handover *h, struct now now, const struct mh_msg *m)
{
	for (uint8_t i = 0; i < m->n_hnp && h->n_prefixes < DP_NODE_PREFIX_MAX; i++)
		if (is_home(&m->hnp[i]))
			h->prefixes[h->n_prefixes++] = prefix_masked(m->hnp[i]);
	if (m->has & MH_HAS_LMA_ADDRESS)
		h->lmaa = m->lma_address;
	if (m->has & MH_HAS_LLID)
		h->llid = m->llid;
	if (m->has & MH_HAS_MN_IID) {
		h->link_local = addr_any;
		h->link_local.s6_addr[0] = 0xfe;
		h->link_local.s6_addr[1] = 0x80;
		memcpy(h->link_local.s6_addr + 8, m->mn_iid, sizeof(m->mn_iid));
	}
	if ((m->has & MH_HAS_MMO) && !mn_context_take(&h->context, now, m, &m->mmo))
		mag_count(h->mag, MAG_C_OUT_OF_MEMORY);
	return h->n_prefixes && (m->has & MH_HAS_LMA_ADDRESS);
}

/* Our own word on groups is the profile's; on their number, too. What is over is refused in the answer. */
void mag_handover_give(struct mag_handover *h, struct now now)
{
	struct mn_context c = {.v = NULL};

	if (h->context.n <= h->mag->conf.handover.groups_max) {
		mag_context_give(h->node, now, &h->context);
		return;
	}
	mag_count(h->mag, MAG_C_LIMIT_HANDOVER_GROUPS);
	if (!mn_context_copy(&h->context, &c)) {
		mag_count(h->mag, MAG_C_OUT_OF_MEMORY);
		return;
	}
	while (c.n > h->mag->conf.handover.groups_max)
		mn_context_remove(&c, &c.v[c.n - 1].group);
	mag_context_give(h->node, now, &c);
	mn_context_drop(&c);
}

/* ---- the key: 12 bits, unique among all that come here ---- */

bool mag_handover_take_key(struct mag_handover *h)
{
	struct mag *mag = h->mag;

	for (unsigned n = 0; n < MH_KEY_MAX; n++) {
		uint16_t key = (uint16_t)(mag->key_last % MH_KEY_MAX + 1); /* 1 .. 4095: 0 is no key */
		bool used = false;

		mag->key_last = key;
		list_each (i, &mag->handovers)
			used |= list_owner(i, struct mag_handover, in_all)->key == key &&
				list_owner(i, struct mag_handover, in_all)->side == MAG_HANDOVER_IN;
		if (used)
			continue;
		h->key = key;
		return true;
	}
	return false;
}

/* ---- the node ---- */

static struct mag_peer *anchor_of(const struct mag_handover *h, const struct profile *p, const char **why)
{
	const struct mag_conf *c = &h->mag->conf;
	struct in6_addr lma;

	*why = NULL;
	if (!p) {
		*why = "not in the policy store";
		return NULL;
	}
	lma = addr_is_any(&p->lma) ? c->lma : p->lma;
	if (!p->enabled)
		*why = "profile: no mobility service";
	else if (!profile_allows_mag(p, &c->proxy_coa))
		*why = "profile: not at this gateway";
	else if (!addr_eq(&lma, &h->lmaa))
		*why = "the profile has it at another anchor";
	return *why ? NULL : mag_peer_get(h->mag, &lma);
}

static struct dp_op expect(const struct mag_handover *h)
{
	const struct mag_handover_conf *c = &h->mag->conf.handover;
	struct dp_op op = {.kind = DP_HANDOVER_EXPECT};

	op.handover.node = h->node->number;
	op.handover.key = h->key;
	op.handover.n_prefixes = h->n_prefixes;
	memcpy(op.handover.prefixes, h->prefixes, h->n_prefixes * sizeof(op.handover.prefixes[0]));
	op.handover.tunnel = mag_handover_path(h);
	op.handover.anchor = h->node->peer->tunnel;
	op.handover.packets = c->buffer_packets;
	op.handover.octets = c->buffer_octets;
	op.handover.age = c->buffer_age;
	op.handover.seam_wait = c->seam_wait;
	return op;
}

void mag_handover_expect(struct mag_handover *h, struct mag_node *node)
{
	struct dp_op op;

	h->node = node;
	node->handover[MAG_HANDOVER_IN] = h;
	h->number = node->number;
	mag_peer_serve(node->peer);
	mag_handover_tunnel(h, true);
	op = expect(h);
	fxq_dp(h->mag->fxq, &op);
}

/* It is here already: it came earlier than it was announced. Its context counts, and what is forwarded to it. */
static void is_here(struct mag_handover *h, struct mag_node *node, struct now now)
{
	mag_handover_expect(h, node);
	h->state = MAG_HANDOVER_ARRIVED;
	mag_handover_give(h, now);
	mag_handover_event(h, EV_HANDOVER_ARRIVED, -1, "it was here before it was announced");
	mag_handover_answer(h, MH_HACK_CONTEXT_ACCEPTED);
	mag_handover_schedule(h);
}

static struct mag_node *record_for(struct mag_handover *h, struct now now, struct mag_node *node,
				   const struct profile *p, struct mag_peer *peer)
{
	struct mag *mag = h->mag;
	struct mag_link *link = node ? node->link : NULL;

	if (node) { /* of an earlier stay */
		if (node->handover[MAG_HANDOVER_OUT])
			mag_handover_finish(node->handover[MAG_HANDOVER_OUT], now, false);
		mag_registration_cancel(node);
		if (node->state == MAG_NODE_REGISTERED) {
			mag_transfer_keep(node, now); /* it may be the only one that has it */
			mag_node_become(node, now, MAG_NODE_HELD);
		}
		mag_subs_stop(node);
		heap_clear(&mag->heap, &node->binding);
		mag_node_take_profile(node, now, p);
	} else if (!(node = mag_node_new(mag, &h->mn, p))) {
		mag_count(mag, MAG_C_LIMIT_NODES);
		struct event e = mag_event_of(EV_LIMIT, NULL);

		e.mn = h->mn;
		mag_limit_event(mag, now, &e, "nodes");
		return NULL;
	}
	mag_node_leave_link(node);
	if (link) /* nobody saw it go, or it came back, and nobody saw that: it is asked */
		mag_link_deserted(mag, now, link);
	if (node->peer && node->peer != peer)
		mag_peer_leave(node, now);
	if (!node->peer)
		mag_peer_join(peer, node);
	return node;
}

/* Who has that address gets the session: where the policy store knows the node's, another gateway's word is not enough,
 * and the store is asked when somebody comes. */
static bool may_be_its_lladdr(const struct profile *p, const struct lladdr *lladdr)
{
	for (uint8_t i = 0; i < p->n_lladdrs; i++)
		if (lladdr_eq(&p->lladdrs[i], lladdr))
			return true;
	return !p->n_lladdrs;
}

static void await(struct mag_handover *h, struct mag_node *node, struct now now)
{
	memcpy(node->prefixes, h->prefixes, h->n_prefixes * sizeof(h->prefixes[0]));
	node->n_prefixes = h->n_prefixes;
	node->link_local = h->link_local;
	node->trigger = "handover";
	node->heard = now.mono;
	node->halted = node->willing = node->ask_any_prefix = node->terminated = false;
	node->status = -1;
	memset(node->step_done, 0, sizeof(node->step_done));
	node->step_done[MAG_STEP_IDENTIFIED] = node->step_done[MAG_STEP_AUTHORISED] = true;
	memset(&node->bri, 0, sizeof(node->bri));
	if (h->llid.len && may_be_its_lladdr(node->profile, &h->llid))
		mag_node_expect_lladdr(node, &h->llid);
	mag_handover_expect(h, node);
	mag_node_become(node, now, MAG_NODE_EXPECTED);
	mag_subs_decide_all(node, now);
	mag_handover_give(h, now);
	mag_handover_ask(h, now, MH_MARK_JOIN);
}

bool mag_handover_takes_from_another(const struct mag_handover *h)
{
	const struct mag *mag = h->mag;

	for (uint32_t i = 1; i < mag->numbers_cap; i++) {
		const struct mag_node *node = mag->numbers[i];

		if (!node || nai_eq(&node->mn, &h->mn))
			continue;
		for (uint8_t own = 0; own < node->n_prefixes; own++)
			for (uint8_t k = 0; k < h->n_prefixes; k++)
				if (prefix_contains(&node->prefixes[own], &h->prefixes[k].addr) ||
				    prefix_contains(&h->prefixes[k], &node->prefixes[own].addr))
					return true;
	}
	return false;
}

static void prepare(struct mag_handover *h, struct now now, const struct profile *p)
{
	struct mag_node *node = mag_node_find_mn(h->mag, &h->mn);
	const char *why;
	struct mag_peer *peer = anchor_of(h, p, &why);

	if (!peer) {
		mag_handover_in_refuse(h, now, why ? MH_HACK_PROHIBITED : MH_HACK_NO_RESOURCES,
				       why ? why : "too many anchors");
		return;
	}
	if (node && node->state == MAG_NODE_REFUSED && node->link) {
		mag_handover_in_refuse(h, now, MH_HACK_PROHIBITED, "it is here, and refused");
		return;
	}
	if (mag_handover_takes_from_another(h)) {
		mag_handover_in_refuse(h, now, MH_HACK_PROHIBITED, "another node here has its prefix");
		return;
	}
	if (!mag_handover_take_key(h)) {
		mag_handover_in_refuse(h, now, MH_HACK_NO_RESOURCES, "no key is free");
		return;
	}
	/* One that we forward for has left, though nobody saw it: it is where this comes from. */
	if (node && mag_node_present(node) && !mag_handover_keeps(node)) {
		is_here(h, node, now);
		return;
	}
	node = record_for(h, now, node, p, peer);
	if (!node)
		mag_handover_in_refuse(h, now, MH_HACK_NO_RESOURCES, "too many nodes");
	else
		await(h, node, now);
}

/* ---- the policy store ---- */

static struct mag_handover *find_request(const struct mag *mag, uint32_t request)
{
	const struct htab *t = &mag->handover_requests;

	for (struct hnode *i = htab_first(t, htab_hash(t, &request, sizeof(request))); i; i = htab_same(i)) {
		struct mag_handover *h = hnode_owner(i, struct mag_handover, by_request);

		if (h->request == request)
			return h;
	}
	return NULL;
}

static void ask_store(struct mag_handover *h, struct now now)
{
	struct mag *mag = h->mag;
	struct fx_profile q = {.id_len = h->mn.len, .id = (const uint8_t *)h->mn.s};

	if (!limiter_take(&mag->store, now.mono)) {
		mag_count(mag, MAG_C_STORE_LIMITED);
		mag_handover_in_refuse(h, now, MH_HACK_NO_RESOURCES, "too many questions to the policy store");
		return;
	}
	h->request = mag_request_number(mag);
	if (!htab_add(&mag->handover_requests, &h->by_request,
		      htab_hash(&mag->handover_requests, &h->request, sizeof(h->request)))) {
		mag_count(mag, MAG_C_OUT_OF_MEMORY);
		mag_handover_in_refuse(h, now, MH_HACK_NO_RESOURCES, "out of memory");
		return;
	}
	h->asking = true;
	q.request = h->request;
	mag_count(mag, MAG_C_STORE_ASKED);
	fxq_profile(mag->fxq, &q);
}

bool mag_handover_request_taken(const struct mag *mag, uint32_t request) { return find_request(mag, request); }

bool mag_handover_profile(struct mag *mag, struct now now, uint32_t request, const struct profile *p)
{
	struct mag_handover *h = find_request(mag, request);

	if (!h)
		return false;
	htab_del(&mag->handover_requests, &h->by_request);
	h->asking = false;
	prepare(h, now, p);
	return true;
}

/* ---- messages ---- */

static void begin(struct mag *mag, struct now now, struct mag_neighbour *n, const struct mh_msg *m)
{
	struct mag_handover *h = mag_handover_of(mag, &m->mn_id, MAG_HANDOVER_IN);

	if (!limiter_take(&mag->handovers_begun, now.mono)) {
		mag_count(mag, MAG_C_LIMIT_HANDOVER_RATE);
		mag_handover_answer_bare(mag, &n->address, m, MH_HACK_NO_RESOURCES);
		return;
	}
	if (h) /* the latest word counts; another gateway is told that its own does not */
		mag_handover_in_ends(h, now, h->with != n, "it is handed over anew");
	h = mag_handover_new(mag, now, n, &m->mn_id, MAG_HANDOVER_IN);
	if (!h) {
		mag_handover_answer_bare(mag, &n->address, m, MH_HACK_NO_RESOURCES);
		return;
	}
	h->state = MAG_HANDOVER_PREPARING;
	h->forwarding = m->flags & MH_HI_F; /* of a gateway that says all in one message */
	mag_handover_note(h, now, m);
	if (!mag_handover_take(h, now, m)) {
		mag_handover_in_refuse(h, now, MH_HACK_NOT_ACCEPTED, "no prefix, or no anchor");
		return;
	}
	mag_handover_event(h, EV_HANDOVER_STARTED, -1, "");
	mag_handover_schedule(h);
	ask_store(h, now);
}

static void take_groups(struct mag_handover *h, struct now now, const struct mh_msg *m, struct mn_context *into)
{
	if (!mn_context_take(into, now, m, &m->mmo))
		mag_count(h->mag, MAG_C_LIMIT_HANDOVER_GROUPS);
}

/* What the node listens to has changed since: the whole of it is said again, in one message or several. */
static bool update(struct mag_handover *h, struct now now, const struct mh_msg *m)
{
	if (!(m->has & MH_HAS_MMO) || !h->node)
		return false;
	if (!h->gathering)
		mn_context_drop(&h->coming);
	take_groups(h, now, m, &h->coming);
	h->parts = h->gathering ? (uint8_t)(h->parts + 1) : 1;
	h->gathering = (m->has & MH_HAS_MORE) && h->parts <= MN_CONTEXT_PARTS_MAX;
	if (h->gathering)
		return false;
	mn_context_move(&h->context, h->coming);
	h->coming = (struct mn_context){.v = NULL};
	mag_context_forget(h->node, now, &h->context);
	mag_handover_give(h, now);
	return true;
}

bool mag_handover_in_goes_on(const struct mag_handover *h, const struct mh_msg *m)
{
	bool keyed = (m->has & MH_HAS_MARK) && m->mark == MH_MARK_KEY;

	if (!(m->has & MH_HAS_MMO) || (m->has & MH_HAS_CONTEXT_REQUEST) || m->n_hnp)
		return false;
	return keyed ? m->key == h->key : !(m->flags & MH_HI_F);
}

/* More of the context, before anything is forwarded (RFC 7411 5.5): joined, and answered, like what came first. */
static void go_on(struct mag_handover *h, struct now now, const struct mh_msg *m)
{
	mag_handover_note(h, now, m);
	if (++h->parts > MN_CONTEXT_PARTS_MAX) {
		mag_count(h->mag, MAG_C_LIMIT_HANDOVER_GROUPS);
		mag_handover_answer(h, MH_HACK_NO_RESOURCES);
		return;
	}
	take_groups(h, now, m, &h->context);
	if (!h->node)
		return; /* the policy store is being asked */
	h->ends = mono_add(now.mono, h->mag->conf.handover.hold);
	mag_handover_give(h, now);
	if (h->state == MAG_HANDOVER_PREPARED)
		h->state = MAG_HANDOVER_PREPARING;
	if (h->state == MAG_HANDOVER_PREPARING)
		mag_handover_ask_rest(h, now);
	else
		mag_handover_answer(h, MH_HACK_CONTEXT_ACCEPTED);
}

void mag_handover_in_hi(struct mag_handover *h, struct mag *mag, struct now now, struct mag_neighbour *n,
			const struct mh_msg *m)
{
	bool updated;

	if (mag->stopping) {
		mag_handover_answer_bare(mag, &n->address, m, MH_HACK_NO_RESOURCES);
		return;
	}
	if (!h || (!(m->flags & MH_HI_F) && !mag_handover_in_goes_on(h, m))) {
		begin(mag, now, n, m);
		return;
	}
	if (!(m->flags & MH_HI_F)) {
		go_on(h, now, m);
		return;
	}
	mag_handover_note(h, now, m);
	h->forwarding = true;
	updated = update(h, now, m);
	if (h->gathering) {
		mag_handover_answer(h, MH_HACK_CONTEXT_ACCEPTED);
		return;
	}
	switch (h->state) {
	case MAG_HANDOVER_PREPARED:
	case MAG_HANDOVER_READY:
		h->ends = mono_add(now.mono, mag->conf.handover.hold);
		h->state = MAG_HANDOVER_MARKING;
		mag_handover_ask(h, now, updated ? MH_MARK_JOIN : MH_MARK_LABEL);
		return;
	case MAG_HANDOVER_ARRIVED: /* before this came */
		if (h->node && h->node->state == MAG_NODE_REGISTERING)
			mag_node_forward(h->node);
		mag_handover_ask(h, now, MH_MARK_LABEL);
		return;
	case MAG_HANDOVER_PREPARING: /* answered when that is done */
	case MAG_HANDOVER_MARKING:
		return;
	case MAG_HANDOVER_WAITING:
	case MAG_HANDOVER_INITIATING:
	case MAG_HANDOVER_FORWARDING:
	case MAG_HANDOVER_FETCHING:
	case MAG_HANDOVER_ENDING:
		return;
	}
}

/* ---- the anchor has answered, or will not ---- */

void mag_handover_in_joined(struct mag_handover *h, struct now now)
{
	if (h->state == MAG_HANDOVER_PREPARING && !h->forwarding) {
		h->state = MAG_HANDOVER_PREPARED;
		mag_handover_answer(h, MH_HACK_CONTEXT_ACCEPTED);
		mag_handover_schedule(h);
		return;
	}
	if (h->state == MAG_HANDOVER_PREPARING)
		h->state = MAG_HANDOVER_MARKING;
	mag_handover_ask(h, now, MH_MARK_LABEL);
}

static void edge(const struct mag_handover *h, const struct in6_addr *group, uint32_t label)
{
	struct dp_op op = {.kind = DP_HANDOVER_EDGE};

	op.edge.node = h->number;
	op.edge.group = *group;
	op.edge.label = label;
	fxq_dp(h->mag->fxq, &op);
}

void mag_handover_in_edges(struct mag_handover *h, const struct mh_msg *m)
{
	for (uint16_t i = 0; h->node && i < m->labels.n; i++) {
		const struct mh_record *r = &m->records[m->labels.first + i];
		struct mag_sub *sub = mag_sub_find(h->node, &r->group);

		if (!sub || sub->edged)
			continue; /* a stream has one edge, or what is past it would be before it again */
		sub->edged = true;
		edge(h, &r->group, r->label);
	}
}

void mag_handover_in_marked(struct mag_handover *h, struct now now)
{
	(void)now;
	if (!h->node)
		return;
	h->marked = true;
	list_each (i, &h->node->subs) {
		const struct mag_sub *sub = list_owner(i, struct mag_sub, in_node);

		h->marked = h->marked && (sub->edged || filter_is_none(&sub->want));
	}
	if (!h->marked) {
		mag_count(h->mag, MAG_C_HANDOVER_UNMARKED);
		edge(h, &addr_any, DP_LABEL_NONE);
	}
	if (h->heard.any && !h->heard.answered)
		mag_handover_answer(h, MH_HACK_ACCEPTED);
	if (h->state == MAG_HANDOVER_MARKING) {
		h->state = MAG_HANDOVER_READY;
		if (!h->told)
			mag_handover_event(h, EV_HANDOVER_READY, -1, h->marked ? "" : "the anchor does not mark");
		h->told = true;
	}
	mag_handover_schedule(h);
}

/* ---- ends ---- */

void mag_handover_in_ends(struct mag_handover *h, struct now now, bool tell, const char *why)
{
	struct mag *mag = h->mag;
	struct mag_node *node = h->node;
	bool expected = node && node->state == MAG_NODE_EXPECTED;

	if (expected) /* nothing is held any more, before there is nothing that holds */
		mag_subs_withdraw(node);
	if (h->state == MAG_HANDOVER_ARRIVED) {
		mag_handover_event(h, EV_HANDOVER_COMPLETED, -1, why);
		mag_count(mag, MAG_C_HANDOVER_COMPLETED);
	} else {
		mag_handover_event(h, EV_HANDOVER_CANCELLED, -1, why);
		mag_count(mag, MAG_C_HANDOVER_CANCELLED);
	}
	if (tell)
		mag_handover_finish(h, now, h->state == MAG_HANDOVER_ARRIVED);
	else
		mag_handover_free(h);
	if (expected)
		mag_node_free(node, now);
}
