/* SPDX-License-Identifier: BSD-2-Clause */
/* What a node listens to, on its way from the MAG where it was to the MAG where it is (RFC 7161).
 *
 * Reactive (5.2): the node is registered by a new MAG while its old one has it still. The old one is asked (MH 22), and
 * revoked when it has answered, since it would know nothing afterwards (decision 13). The new one is told in the PBA, if
 * that waits for it (4.4), or when it asks (MH 22).
 * Proactive (5.1): the old MAG de-registered the node, and said in that what it listened to.
 * Kept: the old MAG's registrations said all along what it listens to. Nobody has to be asked.
 *
 * In all three the context belongs to the binding until the new MAG is known to have it, or for so long that no answer of
 * ours can be on the way any more; a node that moves on meanwhile takes it along, united with what comes from the MAGs
 * since. Meanwhile the streams are kept coming from upstream (decision 15), and are sent to the new MAG at once where it
 * takes them unasked (implicit.c). docs/handover.md has the states. */
#include "lma/lma_priv.h"

#include <string.h>

#define QUESTIONS_MAX 4	      /* MAGs that one node's context may be owed by */
#define KEPT_FOR span_s(10)   /* behind the handover: PBUs and queries are repeated within that */
#define MESSAGE_MAX (1280 - 40) /* never fragmented; the rest goes in another one */
#define MORE_SIZE 48		/* of the option that says so */

static uint64_t features_of(const struct peer *p)
{
	return p->heard_capabilities ? p->capabilities.features : 0;
}

static bool may_ask(const struct lma *l, const struct peer *p, const struct binding *b)
{
	if (!l->conf.multicast || l->conf.context == MN_CONTEXT_OFF || p->no_query)
		return false;
	return p->heard_capabilities ? (features_of(p) & MH_FEATURE_CONTEXT) != 0 : b->signals;
}

/* Can the MAG that registers make use of a context? */
static bool takes(const struct lma *l, const struct mh_msg *m)
{
	if (!l->conf.multicast || l->conf.context == MN_CONTEXT_OFF || !(m->flags & MH_BU_S))
		return false;
	return !(m->has & MH_HAS_CAPABILITIES) || (m->capabilities.features & MH_FEATURE_CONTEXT);
}

static bool is_kept(const struct lma *l, const struct peer *p, const struct binding *b)
{
	return l->conf.context == MN_CONTEXT_KEPT && l->conf.signalling != LMA_ACCEPT_MLD_ONLY && (features_of(p) & MH_FEATURE_CONTEXT_KEPT) && b->signals &&
	       !b->partial;
}

/* ---- the context of a binding ---- */

static struct carried *carried_get(struct lma *l, struct binding *b)
{
	struct carried *c = b->carried;

	if (c)
		return c;
	c = slab_get(&l->carried_slab);
	if (!c) {
		lma_count(l, LMA_CONTEXTS_FULL);
		return NULL;
	}
	deadline_init(&c->timer, LMA_TIMER_CARRIED);
	list_init(&c->questions);
	list_add(&l->contexts, &c->of_all);
	c->binding = b;
	b->carried = c;
	return c;
}

static void let_go(struct lma *l, struct carried *c)
{
	struct share *held = c->held;

	c->held = NULL;
	c->let_go = true;
	shares_drop(l, held);
}

static void question_free(struct lma *l, struct question *q)
{
	q->carried->n_questions--;
	list_del(&q->of_carried);
	list_del(&q->of_all);
	heap_clear(&l->heap, &q->timer);
	slab_put(&l->question_slab, q);
}

static void revoke_after(struct lma *l, const struct question *q)
{
	struct peer *old = q->revoke ? peer_find(l, &q->mag) : NULL;

	if (old)
		revocation_send(l, q->carried->binding, old, q->revoke, false);
}

void context_drop(struct lma *l, struct binding *b)
{
	struct carried *c = b->carried;

	if (!c)
		return;
	list_each_safe (n, &c->questions) {
		struct question *q = list_owner(n, struct question, of_carried);

		revoke_after(l, q);
		question_free(l, q);
	}
	let_go(l, c);
	mn_context_drop(&c->context);
	mn_context_drop(&c->known);
	heap_clear(&l->heap, &c->timer);
	b->carried = NULL;
	list_del(&c->of_all);
	slab_put(&l->carried_slab, c);
}

static bool authorised(const struct lma *l, const struct binding *b, const struct mn_group *g, struct filter *ret)
{
	enum policy_verdict verdict;
	enum mh_sub_result result;

	if (!b->profile->multicast)
		return false;
	*ret = share_authorised(l, b, &g->group, &g->filter, &result, &verdict);
	return result == MH_SUB_ACCEPTED;
}

/* Decision 15: the streams go on coming from upstream. */
static void hold(struct lma *l, struct carried *c, const struct mn_context *what)
{
	for (uint16_t i = 0; i < what->n && !c->let_go; i++) {
		struct filter f;

		if (authorised(l, c->binding, &what->v[i], &f)) {
			shares_hold(l, &c->held, &what->v[i].group, &f);
			filter_drop(&f);
		}
	}
}

/* Registrations say not whose wish a group is. What the profile gives of its own the new MAG knows from the profile, for
 * as long as that says so. */
static bool is_static(const struct lma *l, const struct binding *b, const struct share *sh, wall_t *end)
{
	const struct profile_subscription *st = profile_static(b->profile, &sh->group, l->now.wall);
	bool oom = false, covered;
	struct filter f;

	if (!st || b->profile->initiation != PROFILE_INITIATION_NETWORK)
		return false;
	f = st->n_sources ? filter_of(FILTER_INCLUDE, st->sources, st->n_sources, &oom) : FILTER_ANY;
	covered = !oom && filter_covers(&f, &sh->demand->filter);
	filter_drop(&f);
	if (covered)
		*end = st->end;
	return covered;
}

static void know(struct lma *l, struct binding *b)
{
	struct carried *c = shares_in_force(b) ? carried_get(l, b) : NULL;

	if (!c)
		return;
	for (const struct share *sh = b->shares; sh; sh = sh->next) {
		wall_t end = WALL_NEVER;

		if (!sh->demand || sh->stale || (is_static(l, b, sh, &end) && end.ns == WALL_NEVER.ns))
			continue;
		if (!mn_context_add(&c->known, &sh->group, &sh->demand->filter, 2, SUB_ORIGIN_MLD, end))
			lma_count(l, LMA_OUT_OF_MEMORY);
	}
	hold(l, c, &c->known);
}

/* What was terminated lately: a MAG that the node has left may not have heard of it. What the node has asked for since, by
 * registration, it has again. */
static void leave_out(struct lma *l, struct carried *c)
{
	for (unsigned i = 0; i < LMA_TERMINATED_MAX; i++) {
		const struct terminated *t = &l->terminated[i];
		const struct share *sh = share_find(c->binding, &t->group);
		bool again = (sh && sh->demand) || mn_context_find(&c->known, &t->group);

		if (mono_before(l->now.mono, t->until) && !again)
			(void)mn_context_end(&c->context, &t->group, &t->source);
	}
}

unsigned context_terminate(struct lma *l, const struct in6_addr *group, const struct in6_addr *source)
{
	struct sub *held = sub_find(l, &l->hold, group);
	unsigned n = 0;

	list_each (i, &l->contexts) {
		struct carried *c = list_owner(i, struct carried, of_all);
		bool told = mn_context_end(&c->context, group, source), known = mn_context_end(&c->known, group, source);

		n += told || known;
	}
	if (held)
		shares_terminate(l, held, source);
	l->terminated[l->n_terminated++ % LMA_TERMINATED_MAX] =
		(struct terminated){*group, *source, mono_add(l->now.mono, KEPT_FOR)};
	return n;
}

static void take(struct lma *l, struct carried *c, const struct mh_msg *m)
{
	if (!mn_context_take(&c->context, l->now, m, &m->ams))
		lma_count(l, LMA_OUT_OF_MEMORY);
	leave_out(l, c);
	hold(l, c, &c->context);
}

/* Where a message ends that is not all: as it says, or with its last group, for they stand in order. */
static struct mn_context_place end_of(const struct mh_msg *m)
{
	struct mn_context_place end = mn_context_place_of(m);

	for (uint16_t i = 0; !(m->has & MH_HAS_MORE_AFTER) && i < m->ams.n; i++)
		if (addr_cmp(&m->records[m->ams.first + i].group, &end.group) > 0)
			end.group = m->records[m->ams.first + i].group;
	return end;
}

/* ---- telling the MAG of now ---- */

static void send_now(struct lma *l, struct binding *b)
{
	const struct mn_context *x = &b->carried->context;

	if (!implicit_permitted(l, b->peer))
		return;
	for (uint16_t i = 0; i < x->n; i++) {
		struct filter f;

		if (authorised(l, b, &x->v[i], &f)) {
			implicit_add(l, b->peer, &x->v[i].group, &f);
			filter_drop(&f);
		}
	}
}

static void put_identity(const struct nai *mn, struct mh_msg *m)
{
	m->has |= MH_HAS_MN_ID;
	m->mn_id_subtype = MH_MNID_NAI;
	m->mn_id = *mn;
}

/* What is behind *place into the message, which has `used` octets; the rest is announced to whom knows that. */
static bool put_context(const struct lma *l, const struct carried *c, struct mn_context_place *place, struct mh_msg *m,
			size_t used, const struct peer *to)
{
	bool knows = features_of(to) & MH_FEATURE_CONTEXT;
	size_t room = knows ? MESSAGE_MAX - MORE_SIZE : MH_LEN_MAX - 16;

	if (mn_context_put(&c->context, place, l->now, m, room > used ? room - used : 0, knows))
		return true;
	if (knows && m->ams.n)
		mn_context_put_more(place, m);
	return false;
}

static size_t encoded(const struct lma *l, const struct mh_msg *m)
{
	uint8_t bytes[MH_LEN_MAX];

	return mh_encode(&l->mh, m, NULL, NULL, bytes, sizeof(bytes));
}

static void respond(struct lma *l, const struct carried *c, const struct nai *mn, const struct peer *to,
		    const struct in6_addr *dst, uint8_t seq, struct mn_context_place place)
{
	struct mh_msg *m = &l->tx;

	mh_init(m, MH_SUBSCRIPTION_RESPONSE);
	m->seq = seq;
	put_identity(mn, m);
	if (c && to)
		(void)put_context(l, c, &place, m, encoded(l, m), to);
	if (m->ams.n)
		m->flags = MH_SUBSCRIPTION_I;
	if (lma_send(l, &l->conf.lmaa, dst))
		lma_count(l, LMA_RESPONSES_SENT);
}

static void respond_asked(struct lma *l, struct carried *c)
{
	const struct nai mn = binding_mn(c->binding);

	if (!c->asked.waits)
		return;
	c->asked.waits = false;
	respond(l, c, &mn, c->binding->peer, &c->asked.src, c->asked.seq, c->asked.place);
}

/* Nobody is to be waited for any more. */
static void complete(struct lma *l, struct carried *c)
{
	struct binding *b = c->binding;

	if (c->unanswered && !mn_context_merge(&c->context, &c->known))
		lma_count(l, LMA_OUT_OF_MEMORY);
	mn_context_drop(&c->known);
	c->unanswered = false;
	hold(l, c, &c->context);
	if (b->state != LMA_BINDING_ACTIVE)
		return; /* it waits for the new MAG, as long as the entry does */
	send_now(l, b);
	respond_asked(l, c);
	pending_context(l, binding_id(b), b->id_len);
	heap_set(&l->heap, &c->timer, mono_add(l->now.mono, span_mul(l->conf.implicit_guard, 3)));
}

void context_expire(struct lma *l, struct carried *c)
{
	if (!c->let_go) {
		let_go(l, c);
		if (heap_set(&l->heap, &c->timer, mono_add(l->now.mono, KEPT_FOR)))
			return;
	}
	context_drop(l, c->binding);
}

/* ---- asking the MAG of before ---- */

/* False: memory is out for its timer, and it was not asked. */
static bool ask(struct lma *l, struct question *q)
{
	const struct binding *b = q->carried->binding;
	const struct nai mn = binding_mn(b);
	struct mh_msg *m = &l->tx;

	if (!heap_set(&l->heap, &q->timer, mono_add(l->now.mono, span_mul(l->conf.query_delay, INT64_C(1) << q->tries)))) {
		lma_count(l, LMA_OUT_OF_MEMORY);
		return false;
	}
	mh_init(m, MH_SUBSCRIPTION_QUERY);
	m->seq = q->seq;
	put_identity(&mn, m);
	m->n_hnp = binding_prefixes(b, m->hnp);
	if (q->parts)
		mn_context_put_more(&q->place, m);
	if (lma_send(l, &l->conf.lmaa, &q->mag))
		lma_count(l, LMA_QUERIES_SENT);
	q->tries++;
	return true;
}

static struct question *question_of(const struct carried *c, const struct in6_addr *mag)
{
	list_each (n, &c->questions) {
		struct question *q = list_owner(n, struct question, of_carried);

		if (addr_eq(&q->mag, mag))
			return q;
	}
	return NULL;
}

/* The question is settled; the MAG is revoked if that waited for it. */
static void settle(struct lma *l, struct question *q)
{
	struct carried *c = q->carried;

	revoke_after(l, q);
	question_free(l, q);
	if (!c->n_questions)
		complete(l, c);
}

static struct question *question_new(struct lma *l, struct carried *c, const struct in6_addr *mag)
{
	struct question *q;

	if (c->n_questions == QUESTIONS_MAX) {
		c->unanswered = true;
		lma_count(l, LMA_QUERIES_GIVEN_UP);
		settle(l, list_owner(list_first(&c->questions), struct question, of_carried));
	}
	q = slab_get(&l->question_slab);
	if (!q) {
		lma_count(l, LMA_CONTEXTS_FULL);
		return NULL;
	}
	deadline_init(&q->timer, LMA_TIMER_QUESTION);
	q->carried = c;
	q->mag = *mag;
	list_add(&c->questions, &q->of_carried);
	list_add(&l->questions, &q->of_all);
	c->n_questions++;
	return q;
}

/* From the beginning, or the rest: what is behind the place, after that many parts. */
static bool begin(struct lma *l, struct carried *c, const struct in6_addr *mag, uint8_t revoke,
		  const struct mn_context_place *place, uint8_t parts)
{
	struct question *q = question_of(c, mag);

	if (!q)
		q = question_new(l, c, mag);
	if (!q)
		return false;
	q->seq = ++l->next_query;
	q->tries = 0;
	q->revoke = revoke;
	q->place = *place;
	q->parts = parts;
	heap_clear(&l->heap, &c->timer);
	if (ask(l, q))
		return true;
	c->unanswered = true;
	question_free(l, q);
	return false;
}

/* For the rest of what that MAG tells. */
static void go_on(struct lma *l, struct carried *c, const struct in6_addr *mag, uint8_t revoke,
		  const struct mn_context_place *place, uint8_t parts)
{
	if (!begin(l, c, mag, revoke, place, parts) && !c->n_questions)
		complete(l, c);
}

void context_question_expire(struct lma *l, struct question *q)
{
	if (q->tries < l->conf.query_tries && ask(l, q))
		return;
	lma_count(l, LMA_QUERIES_GIVEN_UP);
	q->carried->unanswered = true;
	settle(l, q);
}

static struct question *asked_by(struct lma *l, const struct in6_addr *src, const struct mh_msg *m)
{
	for (struct binding *b = binding_of_mn(l, &m->mn_id); b; b = binding_next(b)) {
		struct question *q = b->carried ? question_of(b->carried, src) : NULL;

		if (q && q->seq == m->seq)
			return q;
	}
	return NULL;
}

void context_response(struct lma *l, const struct in6_addr *src, const struct mh_msg *m)
{
	struct question *q = (m->has & MH_HAS_MN_ID) ? asked_by(l, src, m) : NULL;
	struct peer *p = peer_find(l, src);

	if (!q) {
		lma_count(l, LMA_RESPONSES_UNKNOWN);
		return;
	}
	lma_count(l, LMA_QUERIES_ANSWERED);
	if (p)
		p->answers_queries = true;
	if (!(m->flags & MH_SUBSCRIPTION_I)) {
		/* "Nothing", or (without the description) "no such node": then what we know is what there is. */
		q->carried->unanswered = q->carried->unanswered || !(m->has & MH_HAS_CONTEXT);
		settle(l, q);
		return;
	}
	take(l, q->carried, m);
	if ((m->has & MH_HAS_MORE) && m->ams.n && q->parts < MN_CONTEXT_PARTS_MAX) {
		struct mn_context_place end = end_of(m);

		if (mn_context_is_behind(&end, &q->place)) {
			go_on(l, q->carried, src, q->revoke, &end, (uint8_t)(q->parts + 1));
			return;
		}
	}
	settle(l, q);
}

bool context_unsupported(struct lma *l, struct peer *p)
{
	bool any = false;

	if (p->answers_queries) /* a Binding Error names no message: this one it knows */
		return false;
	list_each_safe (n, &l->questions) {
		struct question *q = list_owner(n, struct question, of_all);

		if (!addr_eq(&q->mag, &p->proxy_coa))
			continue;
		any = p->no_query = true;
		q->carried->unanswered = true;
		settle(l, q);
	}
	return any;
}

/* ---- what happens to bindings ---- */

void context_keep(struct lma *l, struct binding *b)
{
	if (!l->conf.multicast || l->conf.context == MN_CONTEXT_OFF)
		return;
	know(l, b);
	if (b->carried) {
		b->carried->let_go = b->carried->in_answer = false;
		heap_clear(&l->heap, &b->carried->timer); /* it lives as long as the entry now */
	}
}

/* A MAG tells what it knows, and it may never have got what the node brought from another one: that stays. */
static void forget_known(struct lma *l, struct carried *c)
{
	if (c->n_questions)
		return;
	mn_context_drop(&c->known);
	if (!c->context.n)
		let_go(l, c);
	c->let_go = false;
}

void context_told(struct lma *l, struct binding *b, const struct mh_msg *m)
{
	bool speaks = b->peer->heard_capabilities ? features_of(b->peer) & MH_FEATURE_CONTEXT : b->signals;
	struct carried *c;

	if (!l->conf.multicast || l->conf.context == MN_CONTEXT_OFF || (!(m->flags & MH_BU_S) && !speaks))
		return;
	b->told = true;
	c = m->flags & MH_BU_S ? carried_get(l, b) : b->carried;
	if (!c)
		return;
	forget_known(l, c);
	take(l, c, m);
	if (m->has & MH_HAS_MORE) {
		struct mn_context_place end = end_of(m);

		go_on(l, c, &b->peer->proxy_coa, 0, &end, 1);
	}
	if (!c->n_questions && !c->context.n)
		context_drop(l, b);
}

void context_crossed(struct lma *l, struct binding *b, const struct in6_addr *mag, const struct mh_msg *m)
{
	struct question *q = b->carried ? question_of(b->carried, mag) : NULL;

	if (!q)
		return;
	lma_count(l, LMA_CONTEXTS_CROSSED);
	q->revoke = 0; /* it has said by itself that the node is gone */
	if (m->flags & MH_BU_S) {
		take(l, b->carried, m);
		if (m->has & MH_HAS_MORE) {
			struct mn_context_place end = end_of(m);

			go_on(l, b->carried, mag, 0, &end, 1);
			return;
		}
	}
	settle(l, q);
}

bool context_moves(struct lma *l, struct binding *b, const struct peer *old, const struct peer *to,
		   const struct mh_msg *m, uint8_t trigger)
{
	bool had = b->state == LMA_BINDING_ACTIVE, told = b->told && !had;
	struct carried *c;
	struct question *q;

	b->told = false;
	if (!takes(l, m)) {
		context_drop(l, b);
		return false;
	}
	if (had)
		know(l, b);
	c = carried_get(l, b);
	if (!c)
		return false;
	heap_clear(&l->heap, &c->timer);
	c->in_answer = c->asked.waits = c->let_go = false;
	q = question_of(c, &to->proxy_coa);
	if (q)
		q->revoke = 0; /* the node came back to it */
	if (told)
		return false;
	if (is_kept(l, old, b) || !may_ask(l, old, b)) {
		c->unanswered = true;
		return false;
	}
	return begin(l, c, &old->proxy_coa, had ? trigger : 0, &(struct mn_context_place){.group = addr_any}, 0);
}

void context_returns(struct lma *l, struct binding *b, const struct mh_msg *m)
{
	b->told = false;
	if (!takes(l, m)) {
		context_drop(l, b);
		return;
	}
	/* One of ours says so of a node that it knows nothing of any more: it was restarted, maybe. */
	if (b->state == LMA_BINDING_ACTIVE && (features_of(b->peer) & MH_FEATURE_CONTEXT))
		know(l, b);
	if (!b->carried)
		return;
	heap_clear(&l->heap, &b->carried->timer);
	b->carried->in_answer = b->carried->asked.waits = b->carried->let_go = false;
	b->carried->unanswered = true;
}

void context_arrived(struct lma *l, struct binding *b, const struct mh_msg *m)
{
	bool again = m->handoff == MH_HANDOFF_REREGISTRATION;
	struct carried *c = b->carried;

	if (m->has & MH_HAS_RESULT)
		implicit_results(l, b->peer, m);
	if (!again)
		implicit_profile(l, b);
	if (!c || c->n_questions)
		return;
	if (again && !c->asked.waits && (c->in_answer || (m->has & MH_HAS_RESULT))) {
		context_drop(l, b); /* the MAG has it, and has asked for what it wants of it */
		return;
	}
	if (!again || mono_is_never(c->timer.at))
		complete(l, c);
}

bool context_awaited(const struct binding *b) { return b->carried && b->carried->n_questions; }

/* ---- answers to MAGs ---- */

void context_answer(struct lma *l, const struct pbu *r, const struct binding *b, struct mh_msg *a)
{
	struct carried *c = b->carried;
	struct mn_context_place place = {.group = addr_any};
	struct mh_msg plain;
	bool whole;

	if (!c || !takes(l, r->m) || !r->m->lifetime_4s)
		return;
	if (c->n_questions) {
		a->flags |= MH_BA_S; /* there may be something: to be asked for */
		return;
	}
	if (!c->context.n)
		return;
	a->flags |= MH_BA_S;
	plain = *a;
	whole = put_context(l, c, &place, a, encoded(l, a), b->peer);
	/* A refresh shows that the MAG has the answer to what it sent before, if that was none. */
	c->in_answer = whole && r->m->handoff != MH_HANDOFF_REREGISTRATION;
	if (!whole && !(a->has & MH_HAS_MORE))
		*a = plain; /* part of it would be taken for all */
	else
		lma_count(l, LMA_CONTEXTS_TOLD);
}

void context_query(struct lma *l, const struct in6_addr *src, const struct mh_msg *m)
{
	struct binding *b = (m->has & MH_HAS_MN_ID) ? binding_of_mn(l, &m->mn_id) : NULL;
	struct carried *c;

	lma_count(l, LMA_QUERIES_HEARD);
	if (!(m->has & MH_HAS_MN_ID))
		return;
	while (b && (b->state != LMA_BINDING_ACTIVE || !addr_eq(&b->peer->proxy_coa, src)))
		b = binding_next(b);
	if (!b) {
		lma_count(l, LMA_QUERIES_NOT_OURS); /* its registration may be on the way: it will ask again */
		return;
	}
	c = b->carried;
	if (!c) {
		const struct nai mn = m->mn_id;

		respond(l, NULL, &mn, NULL, src, (uint8_t)m->seq, mn_context_place_of(m));
		return;
	}
	c->asked.waits = true;
	c->asked.src = *src;
	c->asked.seq = (uint8_t)m->seq;
	c->asked.place = mn_context_place_of(m);
	if (!c->n_questions)
		respond_asked(l, c);
}
