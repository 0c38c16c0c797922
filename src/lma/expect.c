/* SPDX-License-Identifier: BSD-2-Clause */
/* A MAG that expects a node, and has not registered it: by a Subscription Query with VSM 19/7 it asks for the node's
 * streams beforehand, and has them marked (docs/handover-predictive.md).
 *
 * "Join": the groups are sent to it as if it had asked (implicit.c, with the guard of that), as far as the node's profile
 * goes. "Label": the copies of the groups get their next label, in all tunnels at the same packet; and the anchor knows
 * that the old MAG forwards to this one, so that the end of the node's unicast in the old tunnel is to be marked when the
 * binding moves.
 *
 * A node that is then registered by a third MAG gets its streams there. What the MAG that expected it holds it must not get
 * once more, should it come there after all: so that one is told, by a revocation with VSM 19/7. */
#include "lma/lma_priv.h"

#include <string.h>

/* A node may have several sessions; one that is named by no prefix is any of them. */
static bool has_prefix(const struct binding *b, const struct mh_msg *m)
{
	for (unsigned i = 0; i < b->n_hnps; i++)
		for (uint8_t k = 0; k < m->n_hnp; k++)
			if (prefix_eq(&m->hnp[k], &binding_hnp(b, i)->prefix))
				return true;
	return !m->n_hnp;
}

/* The binding whose profile decides, and whose route is going to move. */
static struct binding *binding_here(const struct lma *l, const struct mh_msg *m)
{
	struct binding *b = binding_of_mn(l, &m->mn_id);

	while (b && (!b->peer || !has_prefix(b, m)))
		b = binding_next(b);
	return b;
}

static enum mh_sub_result join(struct lma *l, struct peer *p, const struct binding *b, const struct mn_group *g)
{
	enum mh_sub_result result;
	enum policy_verdict verdict;
	struct filter f = share_authorised(l, b, &g->group, &g->filter, &result, &verdict);
	const struct sub *s;

	if (result == MH_SUB_ACCEPTED) {
		implicit_add(l, p, &g->group, &f);
		s = sub_find(l, p, &g->group);
		if (!s || !filter_covers(&s->force, &f))
			result = MH_SUB_LIMIT;
	}
	filter_drop(&f);
	return result;
}

static void tell_result(struct mh_msg *a, const struct mn_group *g, enum mh_sub_result result)
{
	bool includes = g->filter.mode == FILTER_INCLUDE;

	if (!mh_add_record(a, &a->result, MH_PROTO_MLDV2, includes ? MLD_MODE_IS_INCLUDE : MLD_MODE_IS_EXCLUDE,
			   &g->group, NULL, 0, MH_AMS_SOURCES))
		return;
	a->has |= MH_HAS_RESULT;
	a->records[a->result.first + a->result.n - 1].result = (uint8_t)result;
}

static void tell_label(struct mh_msg *a, const struct in6_addr *group, uint32_t label)
{
	if (mh_add_record(a, &a->labels, MH_PROTO_MLDV2, MLD_MODE_IS_EXCLUDE, group, NULL, 0, MH_AMS_SOURCES))
		a->records[a->labels.first + a->labels.n - 1].label = label;
}

static void join_all(struct lma *l, struct peer *p, const struct binding *b, const struct mn_context *c)
{
	for (uint16_t i = 0; i < c->n; i++) {
		enum mh_sub_result result = p ? join(l, p, b, &c->v[i]) : MH_SUB_PROHIBITED;

		tell_result(&l->tx, &c->v[i], result);
		lma_count(l, result == MH_SUB_ACCEPTED ? LMA_EXPECTED_JOINED : LMA_EXPECTED_REFUSED);
	}
}

static void label_all(struct lma *l, struct peer *p, struct binding *b, const struct mn_context *c)
{
	if (!p)
		return;
	b->forwarded = true;
	for (uint16_t i = 0; l->proxy && i < c->n; i++) {
		const struct sub *s = sub_find(l, p, &c->v[i].group);

		if (!s || filter_is_none(&s->force))
			continue; /* nothing of it goes there */
		tell_label(&l->tx, &s->group, proxy_mark(l->proxy, &s->group));
		lma_count(l, LMA_GROUPS_MARKED);
	}
}

/* ---- who expects it ---- */

static void note(struct lma *l, struct binding *b, const struct in6_addr *mag)
{
	struct expectation *e = b->expected;

	if (addr_eq(&b->peer->proxy_coa, mag))
		return;
	if (e && e->ended)
		revocation_drop(l, &e->mag, e->seq); /* it expects it anew, maybe */
	if (!e)
		e = b->expected = slab_get(&l->expectation_slab);
	if (e)
		*e = (struct expectation){.mag = *mag};
}

void expect_moved(struct lma *l, struct binding *b, uint8_t trigger)
{
	struct expectation *e = b->expected;
	const struct peer *p = e && !e->ended ? peer_find(l, &e->mag) : NULL;

	if (!e)
		return;
	if (addr_eq(&e->mag, &b->peer->proxy_coa) || !p) {
		expect_forget(l, b);
		return;
	}
	lma_count(l, LMA_EXPECTED_ELSEWHERE);
	e->ended = true;
	e->seq = revocation_of_expectation(l, b, p, trigger);
}

void expect_forget(struct lma *l, struct binding *b)
{
	if (!b->expected)
		return;
	if (b->expected->ended)
		revocation_drop(l, &b->expected->mag, b->expected->seq);
	slab_put(&l->expectation_slab, b->expected);
	b->expected = NULL;
}

void expect_query(struct lma *l, const struct in6_addr *src, const struct mh_msg *m)
{
	const struct lma_mag *mag = lma_mag_of(l, src);
	struct mn_context c = {.v = NULL};
	struct in6_addr to = *src;
	struct binding *b;
	struct peer *p;

	lma_count(l, LMA_EXPECTED_HEARD);
	if (!(m->has & MH_HAS_MN_ID) || (m->mark != MH_MARK_JOIN && m->mark != MH_MARK_LABEL))
		return;
	b = binding_here(l, m);
	p = b && b->profile->enabled && profile_allows_mag(b->profile, src) ? peer_get(l, src, mag) : NULL;
	if (p)
		note(l, b, src);
	else
		lma_count(l, LMA_EXPECTED_NOT_THERE);
	if (!mn_context_take(&c, l->now, m, &m->ams))
		lma_count(l, LMA_OUT_OF_MEMORY);
	mh_init(&l->tx, MH_SUBSCRIPTION_RESPONSE);
	l->tx.seq = m->seq;
	l->tx.has = MH_HAS_MN_ID | MH_HAS_MARK;
	l->tx.mn_id_subtype = m->mn_id_subtype;
	l->tx.mn_id = m->mn_id;
	l->tx.mark = m->mark == MH_MARK_JOIN ? MH_MARK_JOIN : MH_MARK_LABELS;
	if (m->mark == MH_MARK_JOIN && b) /* else nothing is known of the node: its registration will tell */
		join_all(l, p, b, &c);
	else if (m->mark == MH_MARK_LABEL)
		label_all(l, p, b, &c);
	lma_send(l, &l->conf.lmaa, &to);
	if (p)
		peer_check_linger(l, p);
	mn_context_drop(&c);
}
