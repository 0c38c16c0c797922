/* SPDX-License-Identifier: BSD-2-Clause */
/* Handovers: the objects, HI and HAck (RFC 5949 6.1, RFC 5568 6.2), and time. What a message means is the matter of
 * handover_out.c and handover_in.c. */
#include <string.h>

#include "mag/mag_priv.h"

/* ---- objects ---- */

static uint64_t mn_hash(const struct mag *mag, const struct nai *mn)
{
	return htab_hash(&mag->handovers_by_mn, mn->s, mn->len);
}

/* Any of the node (`with` NULL: that goes on, whoever it is with). */
static struct mag_handover *find(const struct mag *mag, const struct nai *mn, const struct mag_neighbour *with,
				 enum mag_handover_side side)
{
	const struct htab *t = &mag->handovers_by_mn;

	for (struct hnode *i = htab_first(t, mn_hash(mag, mn)); i; i = htab_same(i)) {
		struct mag_handover *h = hnode_owner(i, struct mag_handover, by_mn);

		if (h->side == side && h->state != MAG_HANDOVER_ENDING && (!with || h->with == with) &&
		    nai_eq(&h->mn, mn))
			return h;
	}
	return NULL;
}

struct mag_handover *mag_handover_of(const struct mag *mag, const struct nai *mn, enum mag_handover_side side)
{
	return find(mag, mn, NULL, side);
}

struct mag_handover *mag_handover_with(const struct mag *mag, const struct nai *mn, const struct mag_neighbour *n,
				       enum mag_handover_side side)
{
	return find(mag, mn, n, side);
}

struct mag_handover *mag_handover_new(struct mag *mag, struct now now, struct mag_neighbour *with, const struct nai *mn,
				      enum mag_handover_side side)
{
	struct mag_handover *h = slab_get(&mag->handover_slab);

	if (!h) {
		mag_count(mag, MAG_C_LIMIT_HANDOVERS);
		struct event e = mag_event_of(EV_LIMIT, NULL);

		e.mn = *mn;
		mag_limit_event(mag, now, &e, "handovers");
		return NULL;
	}
	h->mag = mag;
	h->with = with;
	h->mn = *mn;
	h->side = side;
	h->began = now.mono;
	h->hi.next = h->ask.next = MONO_NEVER;
	h->ends = mono_add(now.mono, mag->conf.handover.hold);
	deadline_init(&h->due, DL_HANDOVER);
	if (!htab_add(&mag->handovers_by_mn, &h->by_mn, mn_hash(mag, mn))) {
		mag_count(mag, MAG_C_OUT_OF_MEMORY);
		slab_put(&mag->handover_slab, h);
		return NULL;
	}
	list_add(&mag->handovers, &h->in_all);
	with->n_handovers++;
	return h;
}

/* What it has of the data plane and of the node. */
static void let_go(struct mag_handover *h)
{
	struct mag *mag = h->mag;
	struct mag_node *node = h->node;
	struct dp_op op = {.kind = DP_HANDOVER_END};

	if (h->number) {
		op.handover.node = h->number;
		fxq_dp(mag->fxq, &op);
	}
	h->number = 0;
	if (node && node->handover[h->side] == h) {
		node->handover[h->side] = NULL;
		mag_node_let_go(node);
		if (node->in_dp && node->served && node->state == MAG_NODE_REGISTERING)
			mag_node_forward(node); /* not by way of the other gateway any more */
	}
	h->node = NULL;
	mag_handover_tunnel(h, false);
	if (h->asking)
		htab_del(&mag->handover_requests, &h->by_request);
	h->asking = false;
	h->forwarding = false;
	h->ask.next = MONO_NEVER;
	mn_context_drop(&h->context);
	mn_context_drop(&h->coming);
	h->gathering = false;
}

void mag_handover_free(struct mag_handover *h)
{
	struct mag *mag = h->mag;
	struct mag_neighbour *with = h->with;

	let_go(h);
	heap_clear(&mag->heap, &h->due);
	htab_del(&mag->handovers_by_mn, &h->by_mn);
	list_del(&h->in_all);
	slab_put(&mag->handover_slab, h);
	with->n_handovers--;
	mag_neighbour_release(with);
}

void mag_handovers_free(struct mag *mag)
{
	while (!list_empty(&mag->handovers))
		mag_handover_free(list_owner(list_first(&mag->handovers), struct mag_handover, in_all));
	mag_neighbours_free(mag);
}

void mag_handover_event(const struct mag_handover *h, enum event_kind kind, int32_t status, const char *detail)
{
	struct event e = mag_event_of(kind, h->node);

	e.mn = h->mn;
	e.peer = h->with->address;
	e.status = status;
	memcpy(e.detail, detail, strnlen(detail, sizeof(e.detail) - 1));
	fxq_event(h->mag->fxq, &e);
}

/* ---- messages out ---- */

static void begin(struct mag *mag, struct mh_msg *m, enum mh_type type, const struct nai *mn)
{
	mh_init(m, type);
	m->has = MH_HAS_MN_ID | MH_HAS_CAPABILITIES;
	m->mn_id_subtype = MH_MNID_NAI;
	m->mn_id = *mn;
	m->capabilities = mag_capabilities(mag);
}

static void send_mh(struct mag *mag, const struct in6_addr *to, const struct mh_msg *m)
{
	const struct in6_addr *from = &mag->conf.proxy_coa;
	uint8_t bytes[MH_LEN_MAX];
	size_t len = mh_encode(&mag->mh, m, from, to, bytes, sizeof(bytes));

	if (len)
		fxq_mh(mag->fxq, from, to, bytes, len);
}

static void put_key(const struct mag_handover *h, struct mh_msg *m)
{
	if (!h->key)
		return;
	m->has |= MH_HAS_MARK;
	m->mark = MH_MARK_KEY;
	m->key = h->key;
}

/* 40: what it wants to know of the node (RFC 5949 6.2.1). */
static void put_request(struct mh_msg *m)
{
	static const uint8_t types[] = {22 /* prefixes */, 25 /* link-layer identifier */, 60 /* subscriptions */};

	m->has |= MH_HAS_CONTEXT_REQUEST;
	for (size_t i = 0; i < sizeof(types); i++)
		m->context_request[m->n_context_request++].type = types[i];
}

static void transmit(struct mag_handover *h)
{
	struct mag *mag = h->mag;
	struct mh_msg m;

	begin(mag, &m, MH_HI, &h->mn);
	m.seq = h->hi.seq;
	m.flags = MH_HI_P | (h->hi.forward ? MH_HI_F : 0);
	m.status = h->hi.code;
	put_key(h, &m);
	if (h->state == MAG_HANDOVER_INITIATING) {
		m.flags |= MH_HI_U;
		if (h->tell.parts)
			mag_handover_out_put_groups(h, &m);
		else
			mag_handover_out_put(h, &m);
	} else if (h->state == MAG_HANDOVER_FETCHING) {
		put_request(&m);
	} else if (h->hi.code == MH_HI_CONTEXT_COMPLETE && h->update) {
		mag_handover_out_put_groups(h, &m);
		if (h->tell.more)
			m.status = MH_HI_DEFAULT; /* the last one says that it is all (RFC 5949 6.1.1) */
	}
	send_mh(mag, &h->with->address, &m);
	mag_count(mag, MAG_C_HI_SENT);
}

static void send_hi(struct mag_handover *h, struct now now)
{
	h->hi.seq = ++h->mag->hi_seq;
	h->hi.tries = 1;
	h->hi.timeout = h->mag->conf.handover.retransmit;
	h->hi.next = mono_add(now.mono, h->hi.timeout);
	transmit(h);
	mag_handover_schedule(h);
}

void mag_handover_hi(struct mag_handover *h, struct now now, uint8_t code, bool forward)
{
	h->hi.code = code;
	h->hi.forward = forward;
	h->update = h->changed;
	h->changed = false;
	memset(&h->tell, 0, sizeof(h->tell));
	send_hi(h, now);
}

void mag_handover_hi_more(struct mag_handover *h, struct now now)
{
	h->tell.from = h->tell.to;
	h->tell.parts++;
	h->ends = mono_add(now.mono, h->mag->conf.handover.hold);
	send_hi(h, now);
}

/* An answer without an object: there is none, or none any more. */
void mag_handover_answer_bare(struct mag *mag, const struct in6_addr *to, const struct mh_msg *hi, uint8_t code)
{
	struct mh_msg m;

	begin(mag, &m, MH_HACK, &hi->mn_id);
	m.mn_id_subtype = hi->mn_id_subtype;
	m.seq = hi->seq;
	m.flags = (uint16_t)((hi->flags & (MH_HI_U | MH_HI_P | MH_HI_F)) << 1);
	m.status = code;
	send_mh(mag, to, &m);
	mag_count(mag, MAG_C_HACK_SENT);
}

/* Why not: the profile's word, or a limit, which RFC 7411 has among what is not supported. */
static uint8_t refusal_of(const struct mag_handover *h, uint16_t place, const struct mag_sub *sub)
{
	enum mh_sub_result result = MH_SUB_LIMIT;

	if (!h->node || !mag_multicast_permitted(h->node))
		result = MH_SUB_PROHIBITED;
	else if (place < h->mag->conf.handover.groups_max && sub && sub->verdict != POLICY_PERMIT)
		result = (enum mh_sub_result)policy_verdict_result(sub->verdict);
	else if (sub && !filter_is_none(&sub->refused_wish))
		result = (enum mh_sub_result)sub->result; /* the anchor's */
	return result == MH_SUB_PROHIBITED || result == MH_SUB_SERVICE_OFF ? MH_MMA_GROUP_PROHIBITED
									   : MH_MMA_GROUP_UNSUPPORTED;
}

/* Groups that the node will not have here: known are those that it has. */
static void put_refused(struct mag_handover *h, struct mh_msg *m)
{
	h->n_refused = 0;
	for (uint16_t i = 0; i < h->context.n; i++) {
		const struct mn_group *g = &h->context.v[i];
		const struct mag_sub *sub = h->node ? mag_sub_find(h->node, &g->group) : NULL;

		if (sub && !filter_is_none(&sub->want))
			continue;
		if (!mh_add_record(m, &m->mma, MH_PROTO_MLDV2, MLD_MODE_IS_EXCLUDE, &g->group, NULL, 0, MH_MMO_SOURCES))
			break;
		m->records[m->mma.first + m->mma.n - 1].result = refusal_of(h, i, sub);
		h->n_refused++;
	}
	if (h->n_refused) /* else no option 61: all is accepted (RFC 7411 has no status for that) */
		m->has |= MH_HAS_MMA;
}

void mag_handover_answer(struct mag_handover *h, uint8_t code)
{
	struct mag *mag = h->mag;
	struct mh_msg m;

	begin(mag, &m, MH_HACK, &h->mn);
	m.seq = h->heard.seq;
	m.flags = (uint16_t)((h->heard.flags & (MH_HI_U | MH_HI_P | MH_HI_F)) << 1);
	m.status = code;
	h->heard.answered = true;
	h->heard.code = code;
	if (h->side == MAG_HANDOVER_OUT) { /* reactive: the context is in the answer; the anchor has what finds no room */
		mag_handover_out_put(h, &m);
		if (code == MH_HACK_CONTEXT_COMPLETE && (m.has & MH_HAS_MORE))
			m.status = MH_HACK_CONTEXT_ACCEPTED;
	} else if (code < MH_HACK_NOT_ACCEPTED) {
		put_key(h, &m);
		if (mag_neighbour_knows(h->with, MH_FEATURE_MULTICAST_MOBILITY))
			put_refused(h, &m);
	}
	send_mh(mag, &h->with->address, &m);
	mag_count(mag, MAG_C_HACK_SENT);
}

void mag_handover_note(struct mag_handover *h, struct now now, const struct mh_msg *hi)
{
	h->heard.any = true;
	h->heard.answered = false;
	h->heard.at = now.mono;
	h->heard.seq = hi->seq;
	h->heard.flags = (uint8_t)hi->flags;
}

void mag_handover_finish(struct mag_handover *h, struct now now, bool done)
{
	if (h->state == MAG_HANDOVER_WAITING) { /* the other side has not heard of it */
		mag_handover_free(h);
		return;
	}
	let_go(h);
	h->ends = MONO_NEVER;
	h->state = MAG_HANDOVER_ENDING;
	mag_handover_hi(h, now, MH_HI_FORWARDING_COMPLETE, done);
}

void mag_handover_drop(struct mag_handover *h, struct now now, const char *why)
{
	if (h->side == MAG_HANDOVER_OUT)
		mag_handover_out_cancel(h, now, why);
	else
		mag_handover_in_ends(h, now, true, why);
}

void mag_handovers_drop(struct mag *mag, struct now now, const char *why)
{
	/* One may end several, and none begins by that: what ends stays in the list until it is answered. */
	for (bool some = true; some;) {
		some = false;
		list_each (i, &mag->handovers) {
			struct mag_handover *h = list_owner(i, struct mag_handover, in_all);

			if (h->state == MAG_HANDOVER_ENDING)
				continue;
			mag_handover_drop(h, now, why);
			some = true;
			break;
		}
	}
}

void mag_handover_give_up(struct mag_handover *h, struct now now, bool done, const char *why)
{
	mag_count(h->mag, MAG_C_HANDOVER_CANCELLED);
	mag_handover_event(h, EV_HANDOVER_CANCELLED, -1, why);
	mag_handover_finish(h, now, done);
}

void mag_handover_node_gone(struct mag_node *node, struct now now)
{
	for (int side = MAG_HANDOVER_OUT; side <= MAG_HANDOVER_IN; side++)
		if (node->handover[side])
			mag_handover_give_up(node->handover[side], now, false, "the node is not served");
}

/* ---- time ---- */

void mag_handover_schedule(struct mag_handover *h)
{
	mag_set(h->mag, &h->due, mono_min(mono_min(h->hi.next, h->ask.next), h->ends));
}

static void unanswered(struct mag_handover *h, struct now now)
{
	mag_count(h->mag, MAG_C_HI_UNANSWERED);
	h->hi.next = MONO_NEVER;
	if (h->state == MAG_HANDOVER_ENDING)
		mag_handover_free(h);
	else if (h->side == MAG_HANDOVER_OUT)
		mag_handover_out_silent(h, now);
	else
		mag_handover_in_silent(h, now);
}

static void repeat_hi(struct mag_handover *h, struct now now)
{
	if (h->hi.tries > h->mag->conf.handover.retries) {
		unanswered(h, now);
		return;
	}
	h->hi.tries++;
	h->hi.timeout = span_mul(h->hi.timeout, 2);
	h->hi.next = mono_add(now.mono, h->hi.timeout);
	mag_count(h->mag, MAG_C_HI_RETRANSMITTED);
	transmit(h);
	mag_handover_schedule(h);
}

void mag_handover_expire(struct mag_handover *h, struct now now)
{
	if (mono_reached(h->hi.next, now.mono))
		repeat_hi(h, now);
	else if (mono_reached(h->ask.next, now.mono))
		mag_handover_ask_again(h, now);
	else if (!mono_reached(h->ends, now.mono))
		mag_handover_schedule(h);
	else if (h->side == MAG_HANDOVER_OUT)
		mag_handover_out_ends(h, now);
	else
		mag_handover_in_ends(h, now, true, h->state == MAG_HANDOVER_ARRIVED ? "seams left open" : "it did not come");
}

/* ---- messages in ---- */

bool mag_handover_refused(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m)
{
	const struct mag_neighbour *n = mag_neighbour_find(mag, src);

	if (!n || m->status != MH_BE_UNKNOWN_TYPE)
		return false;
	mag_count(mag, MAG_C_BINDING_ERROR_RECEIVED);
	list_each (i, &mag->handovers) {
		struct mag_handover *h = list_owner(i, struct mag_handover, in_all);

		if (h->with != n || mono_is_never(h->hi.next))
			continue;
		h->hi.tries = UINT8_MAX; /* nothing else will come */
		h->hi.next = now.mono;
		mag_handover_schedule(h);
	}
	return true;
}

/* It is over by the other side's word. Without a key its number decides what it is about. */
static void over(struct mag *mag, struct now now, struct mag_neighbour *n, const struct mh_msg *m)
{
	bool keyed = (m->has & MH_HAS_MARK) && m->mark == MH_MARK_KEY;
	struct mag_handover *h = mag_handover_with(mag, &m->mn_id, n, MAG_HANDOVER_IN);

	if (h && (keyed ? m->key == h->key : h->heard.any && (int16_t)(uint16_t)(m->seq - h->heard.seq) > 0)) {
		mag_handover_answer_bare(mag, &n->address, m, MH_HACK_ACCEPTED);
		mag_handover_in_ends(h, now, false, "the old gateway cancelled it");
		return;
	}
	h = mag_handover_with(mag, &m->mn_id, n, MAG_HANDOVER_OUT);
	mag_handover_answer_bare(mag, &n->address, m, MH_HACK_ACCEPTED);
	/* Before it was accepted, it is about an earlier one. */
	if (h && h->state != MAG_HANDOVER_WAITING && h->state != MAG_HANDOVER_INITIATING && (!keyed || m->key == h->key))
		mag_handover_out_complete(h, now, m->flags & MH_HI_F);
}

/* One that was overtaken is not long behind. One that is far behind is of a gateway that has begun anew. */
#define OVERTAKEN_WITHIN span_s(2)
#define OVERTAKEN_BY 1024

/* Of a node that is there, RFC 5949 4.1 (Figure 3). What is asked for need not be named; who hands a node over tells of it,
 * or has done so before. */
static bool is_request(const struct mh_msg *m)
{
	return (m->has & MH_HAS_CONTEXT_REQUEST) ||
	       (m->status == MH_HI_DEFAULT && !m->n_hnp && !(m->has & MH_HAS_LMA_ADDRESS));
}

static void recv_hi(struct mag *mag, struct now now, struct mag_neighbour *n, const struct mh_msg *m)
{
	struct mag_handover *h = mag_handover_with(mag, &m->mn_id, n, MAG_HANDOVER_IN);

	if (m->status == MH_HI_FORWARDING_COMPLETE) {
		over(mag, now, n, m);
		return;
	}
	if (is_request(m) && !(h && mag_handover_in_goes_on(h, m))) {
		mag_handover_out_reactive(mag, now, n, m);
		return;
	}
	if (h && h->heard.any && h->heard.seq == m->seq) {
		mag_count(mag, MAG_C_HI_DUPLICATE);
		if (h->heard.answered)
			mag_handover_answer(h, h->heard.code); /* it got lost; else it is being found out */
		return;
	}
	if (h && h->heard.any && (uint16_t)(h->heard.seq - m->seq) < OVERTAKEN_BY &&
	    mono_before(now.mono, mono_add(h->heard.at, OVERTAKEN_WITHIN))) {
		mag_count(mag, MAG_C_HI_DUPLICATE);
		return;
	}
	mag_handover_in_hi(h, mag, now, n, m);
}

/* The request that it answers. */
static struct mag_handover *match(const struct mag *mag, const struct mag_neighbour *n, const struct mh_msg *m)
{
	const struct htab *t = &mag->handovers_by_mn;

	for (struct hnode *i = htab_first(t, mn_hash(mag, &m->mn_id)); i; i = htab_same(i)) {
		struct mag_handover *h = hnode_owner(i, struct mag_handover, by_mn);

		if (h->with == n && nai_eq(&h->mn, &m->mn_id) && !mono_is_never(h->hi.next) && h->hi.seq == m->seq)
			return h;
	}
	return NULL;
}

static void recv_hack(struct mag *mag, struct now now, struct mag_neighbour *n, const struct mh_msg *m)
{
	struct mag_handover *h = match(mag, n, m);

	if (!h) {
		mag_count(mag, MAG_C_HACK_UNMATCHED);
		return;
	}
	mag_neighbour_heard(n, m);
	h->hi.next = MONO_NEVER;
	if (h->state == MAG_HANDOVER_ENDING)
		mag_handover_free(h);
	else if (h->side == MAG_HANDOVER_OUT)
		mag_handover_out_hack(h, now, m);
	else
		mag_handover_in_hack(h, now, m);
}

static void refuse_stranger(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m)
{
	mag_count(mag, MAG_C_MH_STRANGER);
	if (m->type == MH_HI && (m->flags & MH_HI_P) && limiter_take(&mag->errors, now.mono))
		mag_handover_answer_bare(mag, src, m, MH_HACK_PROHIBITED);
}

void mag_handover_recv(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m)
{
	struct mag_neighbour *n = mag_neighbour_find(mag, src);
	/* With one that was a candidate what goes on is ended, and nothing is begun. */
	bool is_begun = n && (m->type == MH_HACK || m->status == MH_HI_FORWARDING_COMPLETE);

	if (!n || (!n->candidate && !is_begun) || !mag->conf.handover.enabled) {
		refuse_stranger(mag, now, src, m);
		return;
	}
	if (!(m->flags & (m->type == MH_HI ? MH_HI_P : MH_HACK_P)) || !(m->has & MH_HAS_MN_ID) ||
	    m->mn_id_subtype != MH_MNID_NAI || !m->mn_id.len) {
		mag_count(mag, MAG_C_HI_MALFORMED); /* of mobile nodes' own handovers (RFC 5568), or of nobody */
		return;
	}
	if (m->type == MH_HI) {
		mag_count(mag, MAG_C_HI_RECEIVED);
		mag_neighbour_heard(n, m);
		recv_hi(mag, now, n, m);
	} else {
		recv_hack(mag, now, n, m);
	}
}
