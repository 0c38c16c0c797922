/* SPDX-License-Identifier: BSD-2-Clause */
/* A node's context goes from MAG to MAG (RFC 7161), and the streams come before they are asked for (decisions 15, 16). */
#include "lma/testing.h"

#define MN  "mn1@example.com"
#define G   "ff1e::1"
#define G2  "ff1e::2"
#define SSM "ff3e::1"
#define S1  "2001:db8:5::1"

/* What MAGs of ours announce. */
#define FEATURES (MH_FEATURE_AMS_IN_PBU | MH_FEATURE_CONTEXT | MH_FEATURE_IMPLICIT_JOIN)

static struct rig *begin(enum mn_context_mode mode, bool implicit)
{
	struct rig *r = rig_conf();

	r->conf.context = mode;
	r->conf.implicit_join = implicit;
	rig_start(r);
	return r;
}

static struct mh_msg *pbu(struct rig *r, uint8_t handoff, uint16_t features)
{
	struct mh_msg *m = rig_pbu(r, MN, 1);

	m->handoff = handoff;
	m->flags |= MH_BU_S;
	if (features) {
		m->has |= MH_HAS_CAPABILITIES;
		m->capabilities = (struct mh_capabilities){1, 1, features, 32};
	}
	return m;
}

static struct mh_msg *leave(struct rig *r, uint16_t features)
{
	struct mh_msg *m = pbu(r, MH_HANDOFF_UNKNOWN, features);

	m->lifetime_4s = 0;
	return m;
}

/* At MAG 0, which asked for G2 by registration. */
static void settle_at_0(struct rig *r, uint16_t features)
{
	struct mh_msg *m = pbu(r, MH_HANDOFF_NEW_INTERFACE, features);

	rig_ask(m, G2, NULL);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_false(rig_last(r, MH_BA)->m.flags & MH_BA_S);
}

static int move_to(struct rig *r, unsigned mag, uint16_t features)
{
	return rig_status(r, mag, pbu(r, MH_HANDOFF_UNKNOWN, features));
}

static void address_to(struct mh_msg *m, enum mh_type type, uint8_t seq)
{
	mh_init(m, type);
	m->seq = seq;
	m->has = MH_HAS_MN_ID;
	m->mn_id_subtype = MH_MNID_NAI;
	m->mn_id = N(MN);
}

static struct mh_msg *response(uint8_t seq)
{
	static struct mh_msg m;

	address_to(&m, MH_SUBSCRIPTION_RESPONSE, seq);
	return &m;
}

static struct mh_msg *query(uint8_t seq)
{
	static struct mh_msg m;

	address_to(&m, MH_SUBSCRIPTION_QUERY, seq);
	return &m;
}

static void with(struct mh_msg *m, const char *group, const char *source)
{
	rig_ask(m, group, source);
	m->flags = MH_SUBSCRIPTION_I;
}

static bool names(const struct rig_sent *s, const char *group)
{
	struct in6_addr g = A(group);

	for (unsigned i = 0; s && i < s->m.ams.n; i++)
		if (addr_eq(&s->m.records[s->m.ams.first + i].group, &g))
			return true;
	return false;
}

static void answer(struct rig *r, unsigned mag, const struct mh_msg *m)
{
	rig_forget(r);
	rig_send(r, mag, m);
}

/* ---- reactive ---- */

/* RFC 7161 5.2 with a PBA timer of 0, step by step. */
static void the_old_mag_is_asked_and_then_revoked(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, false);
	struct mh_msg *m;
	uint8_t seq;

	(void)state;
	settle_at_0(r, FEATURES);
	rig_pass(r, span_s(5));
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	assert_true(rig_last(r, MH_BA)->m.flags & MH_BA_S);
	assert_int_equal(rig_last(r, MH_BA)->m.ams.n, 0);
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 1);
	assert_true(addr_eq(&rig_last(r, MH_SUBSCRIPTION_QUERY)->dst, &r->mag[0]));
	assert_int_equal(rig_last(r, MH_SUBSCRIPTION_QUERY)->m.n_hnp, 1);
	assert_int_equal(rig_count(r, MH_REVOCATION), 0);
	assert_null(strstr(r->upstream, "TO_IN")); /* it goes on coming */
	seq = (uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq;

	answer(r, 1, query(77)); /* the new one asks; nothing is known yet */
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_RESPONSE), 0);
	m = response(seq);
	with(m, SSM, S1);
	with(m, G2, NULL);
	answer(r, 0, m);
	assert_int_equal(rig_count(r, MH_REVOCATION), 1);
	assert_true(addr_eq(&rig_last(r, MH_REVOCATION)->dst, &r->mag[0]));
	assert_int_equal(rig_last(r, MH_SUBSCRIPTION_RESPONSE)->m.seq, 77);
	assert_true(addr_eq(&rig_last(r, MH_SUBSCRIPTION_RESPONSE)->dst, &r->mag[1]));
	assert_true(rig_last(r, MH_SUBSCRIPTION_RESPONSE)->m.flags & MH_SUBSCRIPTION_I);
	assert_true(names(rig_last(r, MH_SUBSCRIPTION_RESPONSE), SSM));
	assert_true(names(rig_last(r, MH_SUBSCRIPTION_RESPONSE), G2));
	assert_non_null(strstr(r->upstream, "(ff3e::1,1)")); /* decision 15 */
	assert_false(rig_copies(r, S1, SSM, 1));

	answer(r, 1, query(78)); /* the answer was lost */
	assert_true(names(rig_last(r, MH_SUBSCRIPTION_RESPONSE), SSM));
	assert_int_equal(rig_last(r, MH_SUBSCRIPTION_RESPONSE)->m.seq, 78);
	rig_forget(r);
	rig_pass(r, span_s(20)); /* nobody asked for them: they are let go */
	assert_non_null(strstr(r->upstream, "ff3e::1"));
	assert_int_equal(lma_totals(r->lma).groups, 0);
	answer(r, 1, query(79));
	assert_false(rig_last(r, MH_SUBSCRIPTION_RESPONSE)->m.flags & MH_SUBSCRIPTION_I);
	rig_free(r);
}

/* Views and memory tell how far it is. */
static void a_context_is_seen_on_its_way(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, false);
	struct in6_addr g2 = A(G2), ssm = A(SSM);
	struct nai mn = N(MN);
	struct lma_context_view v;
	struct mh_msg *m;
	size_t bytes;

	(void)state;
	settle_at_0(r, FEATURES);
	assert_int_equal(lma_context(r->lma, &mn, &g2).state, LMA_CONTEXT_NONE);
	assert_int_equal(lma_totals(r->lma).contexts, 0);
	rig_pass(r, span_s(5));
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	v = lma_context(r->lma, &mn, &g2);
	assert_int_equal(v.state, LMA_CONTEXT_ASKING);
	assert_true(v.has); /* by its registration */
	assert_int_equal(v.groups, 1);
	assert_int_equal(v.questions, 1);
	assert_int_equal(v.tries, 1);
	assert_true(addr_eq(&v.mag, &r->mag[0]));
	assert_false(lma_context(r->lma, &mn, &ssm).has);
	assert_int_equal(lma_totals(r->lma).contexts, 1);
	rig_pass(r, span_ms(120));
	assert_int_equal(rig_binding(r, MN).context.tries, 2);
	bytes = lma_totals(r->lma).bytes;
	m = response((uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq);
	with(m, SSM, S1);
	with(m, G2, NULL);
	answer(r, 0, m);
	v = rig_binding(r, MN).context;
	assert_int_equal(v.state, LMA_CONTEXT_AT_HAND);
	assert_int_equal(v.groups, 2);
	assert_int_equal(v.questions, 0);
	assert_true(lma_context(r->lma, &mn, &ssm).has);
	assert_true(lma_totals(r->lma).bytes > bytes);
	bytes = lma_totals(r->lma).bytes;
	rig_pass(r, span_s(20));
	assert_int_equal(rig_binding(r, MN).context.state, LMA_CONTEXT_NONE);
	assert_int_equal(lma_totals(r->lma).contexts, 0);
	assert_true(lma_totals(r->lma).bytes < bytes);
	rig_free(r);
}

static void a_silent_old_mag_is_asked_three_times(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, false);

	(void)state;
	settle_at_0(r, FEATURES);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	answer(r, 1, query(5));
	rig_forget(r);
	rig_pass(r, span_ms(99));
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 0);
	rig_pass(r, span_ms(2));
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 1);
	rig_pass(r, span_ms(200));
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 2);
	rig_pass(r, span_ms(398));
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 2);
	assert_int_equal(rig_count(r, MH_REVOCATION), 0);
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_RESPONSE), 0);
	rig_pass(r, span_ms(2));
	assert_int_equal(rig_count(r, MH_REVOCATION), 1); /* after the last retry, decision 13 */
	assert_int_equal(rig_counter(r, "subscription-queries-given-up"), 1);
	/* What its registration had said is the one copy that is left. */
	assert_true(names(rig_last(r, MH_SUBSCRIPTION_RESPONSE), G2));
	assert_int_equal(rig_last(r, MH_SUBSCRIPTION_RESPONSE)->m.seq, 5);
	rig_free(r);
}

static void a_silent_old_mag_is_asked_as_is_configured(void **state)
{
	struct rig *r = rig_conf();

	(void)state;
	r->conf.context = MN_CONTEXT_QUERY;
	r->conf.query_delay = span_ms(500);
	r->conf.query_tries = 1;
	rig_start(r);
	settle_at_0(r, FEATURES);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	rig_forget(r);
	rig_pass(r, span_ms(499));
	assert_int_equal(rig_counter(r, "subscription-queries-given-up"), 0);
	rig_pass(r, span_ms(2));
	assert_int_equal(rig_counter(r, "subscription-queries-given-up"), 1);
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 0);
	assert_int_equal(rig_count(r, MH_REVOCATION), 1);
	rig_free(r);
}

static void answers_that_were_not_asked_for(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, false);
	struct mh_msg *m;
	uint8_t seq;

	(void)state;
	settle_at_0(r, FEATURES);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	seq = (uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq;
	m = response((uint8_t)(seq + 1));
	with(m, SSM, S1);
	answer(r, 0, m);
	answer(r, 2, m);
	m->seq = seq;
	answer(r, 2, m); /* from another one */
	assert_int_equal(rig_counter(r, "subscription-responses-unknown"), 3);
	assert_int_equal(rig_counter(r, "subscription-queries-answered"), 0);
	answer(r, 2, query(1)); /* nor is it told what is not its node's */
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_RESPONSE), 0);
	assert_int_equal(rig_counter(r, "subscription-queries-of-other-mags"), 1);
	rig_free(r);
}

/* "None" by one that describes is believed; by one that has no record of the node it is not. */
static void nothing_and_no_record_are_two_things(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, false);
	struct mh_msg *m;

	(void)state;
	for (unsigned knows = 0; knows < 2; knows++) {
		rig_send(r, 0, leave(r, FEATURES));
		rig_pass(r, span_s(30));
		settle_at_0(r, FEATURES);
		assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
		m = response((uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq);
		m->has |= knows ? MH_HAS_CONTEXT : 0;
		answer(r, 1, query(9));
		answer(r, 0, m);
		assert_int_equal(names(rig_last(r, MH_SUBSCRIPTION_RESPONSE), G2), !knows);
		rig_send(r, 1, leave(r, FEATURES));
		rig_pass(r, span_s(30));
	}
	rig_free(r);
}

static void a_de_registration_crosses_the_query(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, false);
	struct mh_msg *m;
	uint8_t seq;

	(void)state;
	settle_at_0(r, FEATURES);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	seq = (uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq;
	answer(r, 1, query(3));
	m = leave(r, FEATURES);
	rig_ask(m, SSM, S1);
	answer(r, 0, m);
	assert_int_equal(rig_count(r, MH_BA), 0);
	assert_int_equal(rig_counter(r, "contexts-crossed"), 1);
	assert_true(names(rig_last(r, MH_SUBSCRIPTION_RESPONSE), SSM));
	assert_false(names(rig_last(r, MH_SUBSCRIPTION_RESPONSE), G2)); /* it left that, and nobody had heard of it */
	assert_int_equal(rig_count(r, MH_REVOCATION), 0); /* it said itself that the node is gone */
	answer(r, 0, response(seq)); /* to the query: nothing is there any more */
	rig_forget(r);
	rig_pass(r, span_s(2));
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 0);
	assert_true(rig_is_at(r, MN, &r->mag[1]));
	rig_free(r);
}

static void long_contexts_come_in_parts(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, false);
	char g[32];
	struct mh_msg *m;
	const struct rig_sent *s;
	unsigned n = 0;

	(void)state;
	settle_at_0(r, FEATURES);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	for (unsigned part = 0; part < 2; part++) {
		s = rig_last(r, MH_SUBSCRIPTION_QUERY);
		assert_non_null(s);
		assert_int_equal(!!(s->m.has & MH_HAS_MORE_AFTER), part);
		m = response((uint8_t)s->m.seq);
		for (unsigned i = 0; i < 30; i++) {
			snprintf(g, sizeof(g), "ff3e::%x", 0x100 + part * 30 + i);
			with(m, g, S1);
		}
		m->has |= part ? 0 : MH_HAS_MORE;
		answer(r, 0, m);
		assert_int_equal(rig_count(r, MH_REVOCATION), part);
	}
	/* And so they go on. */
	m = query(8);
	for (;;) {
		answer(r, 1, m);
		s = rig_last(r, MH_SUBSCRIPTION_RESPONSE);
		n += s->m.ams.n;
		if (!(s->m.has & MH_HAS_MORE))
			break;
		assert_true(s->m.has & MH_HAS_MORE_AFTER);
		m = query((uint8_t)(m->seq + 1));
		m->has |= MH_HAS_MORE | MH_HAS_MORE_AFTER;
		m->more_after = s->m.more_after;
		assert_true(n < 60);
	}
	assert_int_equal(n, 60);
	rig_free(r);
}

static struct in6_addr source(unsigned i)
{
	struct in6_addr a = A("2001:db8:5::");

	a.s6_addr[15] = (uint8_t)i;
	return a;
}

static void with_sources(struct mh_msg *m, const char *group, unsigned from, unsigned to)
{
	struct in6_addr g = A(group), s[100];

	for (unsigned i = from; i < to; i++)
		s[i - from] = source(i);
	assert_true(mh_add_record(m, &m->ams, MH_PROTO_MLDV2, MLD_MODE_IS_INCLUDE, &g, s, to - from, MH_AMS_SOURCES));
	m->has |= MH_HAS_AMS;
	m->flags = MH_SUBSCRIPTION_I;
}

/* One group has more sources than a message holds: the rest of them is asked for, and told, and then what is behind. */
static void a_long_list_of_sources_comes_in_parts(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, false);
	const struct rig_sent *s;
	unsigned n_sources = 0, n_messages = 0;
	struct mh_msg *m;

	(void)state;
	settle_at_0(r, FEATURES);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	m = response((uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq);
	with_sources(m, SSM, 1, 61);
	m->has |= MH_HAS_MORE | MH_HAS_MORE_AFTER;
	m->more_after = A(SSM);
	m->more_source = source(60);
	answer(r, 0, m);
	s = rig_last(r, MH_SUBSCRIPTION_QUERY);
	assert_true(addr_eq(&s->m.more_after, &m->more_after));
	assert_true(addr_eq(&s->m.more_source, &m->more_source));
	m = response((uint8_t)s->m.seq);
	with_sources(m, SSM, 61, 101);
	with(m, "ff3e::2", S1);
	answer(r, 0, m);
	assert_int_equal(rig_count(r, MH_REVOCATION), 1);
	m = query(8);
	do {
		n_messages++;
		answer(r, 1, m);
		s = rig_last(r, MH_SUBSCRIPTION_RESPONSE);
		for (unsigned i = 0; i < s->m.ams.n; i++)
			n_sources += s->m.records[s->m.ams.first + i].n;
		m = query((uint8_t)(m->seq + 1));
		m->has |= MH_HAS_MORE | MH_HAS_MORE_AFTER;
		m->more_after = s->m.more_after;
		m->more_source = s->m.more_source;
	} while ((s->m.has & MH_HAS_MORE) && n_messages < 9);
	assert_int_equal(n_messages, 2);
	assert_int_equal(n_sources, 101);
	rig_free(r);
}

/* ---- whom to ask ---- */

static void legacy_mags_are_asked_if_they_signal(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, true);
	struct mh_msg *m = pbu(r, MH_HANDOFF_NEW_INTERFACE, 0);

	(void)state;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED); /* S=1, nothing of ours: RFC 7161 */
	assert_int_equal(move_to(r, 1, 0), MH_ACCEPTED);
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 1);
	m = response((uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq);
	with(m, SSM, S1);
	answer(r, 0, m);
	answer(r, 1, query(4));
	assert_true(names(rig_last(r, MH_SUBSCRIPTION_RESPONSE), SSM));
	assert_false(rig_last(r, MH_SUBSCRIPTION_RESPONSE)->m.has & (MH_HAS_CONTEXT | MH_HAS_MORE));
	assert_false(rig_copies(r, S1, SSM, 1)); /* it never said that it takes streams so */

	m = pbu(r, MH_HANDOFF_UNKNOWN, 0);
	m->flags &= (uint16_t)~MH_BU_S; /* RFC 6224 alone */
	assert_int_equal(rig_status(r, 2, m), MH_ACCEPTED);
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 0); /* which has no use for it */
	assert_int_equal(rig_count(r, MH_REVOCATION), 1);
	assert_false(rig_last(r, MH_BA)->m.flags & MH_BA_S);
	assert_int_equal(move_to(r, 3, FEATURES), MH_ACCEPTED);
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 0); /* and cannot tell */
	rig_free(r);
}

static void a_mag_that_knows_no_query_is_not_asked_again(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, false);
	struct mh_msg be;

	(void)state;
	rig_register(r, 0, "other@example.com", 9); /* keeps the peer */
	settle_at_0(r, FEATURES);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	mh_init(&be, MH_BE);
	be.status = MH_BE_UNKNOWN_TYPE;
	answer(r, 0, &be);
	assert_int_equal(rig_count(r, MH_REVOCATION), 1);
	assert_int_equal(move_to(r, 0, FEATURES), MH_ACCEPTED);
	rig_pass(r, span_s(5));
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 0);
	rig_free(r);
}

static void context_off_is_rfc_6224(void **state)
{
	struct rig *r = begin(MN_CONTEXT_OFF, true);
	struct mh_msg *m;

	(void)state;
	settle_at_0(r, FEATURES);
	assert_false(rig_last(r, MH_BA)->m.capabilities.features & MH_FEATURE_CONTEXT);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 0);
	assert_int_equal(rig_count(r, MH_REVOCATION), 1);
	assert_false(rig_last(r, MH_BA)->m.flags & MH_BA_S);
	m = leave(r, FEATURES);
	rig_ask(m, SSM, S1);
	rig_send(r, 1, m);
	assert_int_equal(move_to(r, 2, FEATURES), MH_ACCEPTED);
	assert_false(rig_last(r, MH_BA)->m.flags & MH_BA_S);
	assert_int_equal(lma_totals(r->lma).groups, 0);
	rig_free(r);
}

/* ---- proactive ---- */

static void a_de_registration_tells(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, true);
	struct mh_msg *m;

	(void)state;
	settle_at_0(r, FEATURES);
	m = leave(r, FEATURES);
	rig_ask(m, SSM, S1);
	rig_ask(m, G2, NULL);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_false(rig_last(r, MH_BA)->m.flags & MH_BA_S);
	rig_pass(r, span_s(8));
	assert_int_equal(lma_totals(r->lma).groups, 2); /* decision 15 */
	assert_false(rig_copies(r, S1, SSM, 0));
	rig_forget(r);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 0);
	assert_int_equal(rig_count(r, MH_REVOCATION), 0);
	assert_true(rig_last(r, MH_BA)->m.flags & MH_BA_S);
	assert_true(names(rig_last(r, MH_BA), SSM) && names(rig_last(r, MH_BA), G2));
	assert_true(rig_copies(r, S1, SSM, 1)); /* before it asked */
	assert_true(rig_copies(r, S1, G2, 1));
	/* It gets no answer, and registers again. */
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	assert_true(names(rig_last(r, MH_BA), SSM));
	/* It has, and asks for one of them; the other goes, unconfirmed. */
	m = pbu(r, MH_HANDOFF_REREGISTRATION, FEATURES);
	rig_ask(m, SSM, S1);
	assert_int_equal(rig_status(r, 1, m), MH_ACCEPTED);
	assert_false(rig_last(r, MH_BA)->m.flags & MH_BA_S);
	rig_pass(r, span_ms(3100));
	assert_true(rig_copies(r, S1, SSM, 1));
	assert_false(rig_copies(r, S1, G2, 1));
	assert_int_equal(lma_totals(r->lma).groups, 1);
	rig_free(r);
}

static void the_rest_of_a_de_registration_is_fetched(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, false);
	struct mh_msg *m;

	(void)state;
	settle_at_0(r, FEATURES);
	m = leave(r, FEATURES);
	rig_ask(m, G, NULL);
	m->has |= MH_HAS_MORE;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 1);
	assert_true(rig_last(r, MH_SUBSCRIPTION_QUERY)->m.has & MH_HAS_MORE_AFTER);
	m = response((uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq);
	with(m, SSM, S1);
	answer(r, 0, m);
	assert_int_equal(rig_count(r, MH_REVOCATION), 0);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	assert_true(names(rig_last(r, MH_BA), SSM) && names(rig_last(r, MH_BA), G));
	rig_free(r);
}

static void nothing_to_tell_is_told_too(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, true);
	struct mh_msg *m;

	(void)state;
	settle_at_0(r, FEATURES);
	m = leave(r, FEATURES);
	m->flags &= (uint16_t)~MH_BU_S;
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(lma_totals(r->lma).groups, 0);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 0);
	assert_false(rig_last(r, MH_BA)->m.flags & MH_BA_S);
	assert_false(rig_copies(r, S1, G2, 1));
	rig_free(r);
}

/* ---- kept ---- */

static void kept_contexts_cost_no_question(void **state)
{
	struct rig *r = begin(MN_CONTEXT_KEPT, true);
	struct mh_msg *m = pbu(r, MH_HANDOFF_NEW_INTERFACE, FEATURES | MH_FEATURE_CONTEXT_KEPT);

	(void)state;
	rig_ask(m, SSM, S1);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_true(rig_last(r, MH_BA)->m.capabilities.features & MH_FEATURE_CONTEXT_KEPT);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 0);
	assert_int_equal(rig_count(r, MH_REVOCATION), 1);
	assert_true(names(rig_last(r, MH_BA), SSM));
	assert_true(rig_copies(r, S1, SSM, 1));
	assert_false(rig_copies(r, S1, SSM, 0));
	/* That one does not tell each change: it is asked. */
	m = pbu(r, MH_HANDOFF_REREGISTRATION, FEATURES);
	rig_ask(m, SSM, S1);
	assert_int_equal(rig_status(r, 1, m), MH_ACCEPTED);
	assert_int_equal(move_to(r, 2, FEATURES), MH_ACCEPTED);
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_QUERY), 1);
	rig_free(r);
}

static void a_restarted_mag_gets_back_what_it_told(void **state)
{
	struct rig *r = begin(MN_CONTEXT_KEPT, true);
	struct mh_msg *m = pbu(r, MH_HANDOFF_NEW_INTERFACE, FEATURES | MH_FEATURE_CONTEXT_KEPT);

	(void)state;
	rig_ask(m, SSM, S1);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	rig_forget(r);
	assert_int_equal(move_to(r, 0, FEATURES | MH_FEATURE_CONTEXT_KEPT), MH_ACCEPTED);
	assert_true(names(rig_last(r, MH_BA), SSM));
	assert_true(rig_copies(r, S1, SSM, 0));
	assert_null(strstr(r->upstream, "ff3e::1"));
	rig_free(r);
}

/* ---- implicit ---- */

static void reactive_with_implicit_join(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, true);
	struct mh_msg *m;

	(void)state;
	settle_at_0(r, FEATURES);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	m = response((uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq);
	with(m, SSM, S1);
	with(m, G, NULL);
	with(m, G2, NULL);
	answer(r, 1, query(2));
	answer(r, 0, m);
	assert_true(rig_copies(r, S1, SSM, 1) && rig_copies(r, S1, G, 1) && rig_copies(r, S1, G2, 1));
	assert_int_equal(rig_counter(r, "implicit-joins"), 3);
	/* One is asked for, one is refused, of the third nothing is said. */
	m = pbu(r, MH_HANDOFF_REREGISTRATION, FEATURES);
	rig_ask(m, SSM, S1);
	m->has |= MH_HAS_RESULT;
	assert_true(mh_add_record(m, &m->result, MH_PROTO_MLDV2, MLD_MODE_IS_EXCLUDE, &(struct in6_addr){{{0xff, 0x1e,
					 [15] = 1}}}, NULL, 0, MH_AMS_SOURCES));
	m->records[m->result.first].result = MH_SUB_PROHIBITED;
	assert_int_equal(rig_status(r, 1, m), MH_ACCEPTED);
	assert_true(rig_copies(r, S1, SSM, 1));
	assert_false(rig_copies(r, S1, G, 1));
	assert_true(rig_copies(r, S1, G2, 1));
	assert_int_equal(rig_counter(r, "implicit-joins-confirmed"), 1);
	assert_int_equal(rig_counter(r, "implicit-joins-refused"), 1);
	rig_forget(r);
	rig_pass(r, span_ms(1100));
	assert_int_equal(r->n_queries, 1); /* by MLD, before it ends */
	assert_true(rig_copies(r, S1, G2, 1));
	rig_pass(r, span_s(2));
	assert_false(rig_copies(r, S1, G2, 1));
	assert_int_equal(rig_counter(r, "implicit-joins-unconfirmed"), 1);
	rig_free(r);
}

static void mld_confirms(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, true);
	struct mh_msg *m;

	(void)state;
	settle_at_0(r, FEATURES);
	m = leave(r, FEATURES);
	rig_ask(m, SSM, S1);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	rig_mld(r, 1, MLD_ALLOW_NEW_SOURCES, SSM, S1);
	assert_int_equal(rig_counter(r, "implicit-joins-confirmed"), 1);
	rig_pass(r, span_s(20));
	assert_true(rig_copies(r, S1, SSM, 1));
	rig_mld(r, 1, MLD_BLOCK_OLD_SOURCES, SSM, S1);
	rig_pass(r, span_s(20));
	assert_false(rig_copies(r, S1, SSM, 1));
	rig_free(r);
}

static void what_the_profile_denies_is_never_sent(void **state)
{
	struct rig *r = rig_conf();
	struct prefix denied = P("ff3e::/16");
	struct mh_msg *m;

	(void)state;
	r->conf.implicit_join = true;
	assert_true(profile_add_range(rig_profile(r, "*"), true, &denied, &(struct prefix){.len = 0}));
	rig_start(r);
	settle_at_0(r, FEATURES);
	m = leave(r, FEATURES);
	rig_ask(m, SSM, S1);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_int_equal(lma_totals(r->lma).groups, 0);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	assert_false(rig_copies(r, S1, SSM, 1));
	rig_free(r);
}

static void static_groups_are_sent_as_the_node_comes(void **state)
{
	struct rig *r = rig_conf();
	struct profile *p = rig_profile(r, "*");
	struct in6_addr g = A(G);

	(void)state;
	r->conf.implicit_join = true;
	p->initiation = PROFILE_INITIATION_NETWORK;
	assert_true(profile_add_subscription(p, &g, NULL, 0, false, (wall_t){0}, WALL_NEVER));
	rig_start(r);
	/* A MAG that reports by MLD: its registration names no group. */
	assert_int_equal(move_to(r, 0, MH_FEATURE_CONTEXT | MH_FEATURE_IMPLICIT_JOIN), MH_ACCEPTED);
	assert_true(rig_copies(r, S1, G, 0));
	assert_int_equal(move_to(r, 1, MH_FEATURE_CONTEXT), MH_ACCEPTED);
	assert_false(rig_copies(r, S1, G, 1));
	rig_free(r);
}

/* ---- ended by the network while it is on its way ---- */

static void terminate(struct rig *r, const char *group, enum ctl_err e)
{
	struct in6_addr g = A(group);

	assert_int_equal(lma_terminate_group(r->lma, r->now, &g), e);
	rig_drain(r);
}

static void a_node_between_two_mags_loses_the_group(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, true);
	struct mh_msg *m;

	(void)state;
	settle_at_0(r, FEATURES);
	rig_pass(r, span_s(1));
	m = leave(r, FEATURES);
	rig_ask(m, G2, NULL);
	rig_ask(m, SSM, S1);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	rig_forget(r);
	terminate(r, G2, CTL_OK);
	assert_non_null(strstr(r->upstream, "TO_IN(ff1e::2,0)"));
	assert_null(strstr(r->upstream, "ff3e::1"));
	assert_int_equal(r->n_events[EV_GROUP_TERMINATED], 1);
	terminate(r, G2, CTL_NO_SUCH_GROUP);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	assert_true(names(rig_last(r, MH_BA), SSM));
	assert_false(names(rig_last(r, MH_BA), G2));
	assert_true(rig_copies(r, S1, SSM, 1));
	assert_false(rig_copies(r, S1, G2, 1));
	rig_free(r);
}

/* The old MAG is being asked, and has not heard of it. */
static void what_is_told_too_late_is_left_out(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, true);
	struct mh_msg *m;

	(void)state;
	settle_at_0(r, FEATURES);
	rig_pass(r, span_s(1));
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	terminate(r, G2, CTL_OK);
	m = response((uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq);
	with(m, SSM, S1);
	with(m, G2, NULL);
	answer(r, 0, m);
	assert_true(rig_copies(r, S1, SSM, 1));
	assert_false(rig_copies(r, S1, G2, 1));
	answer(r, 1, query(7));
	assert_true(names(rig_last(r, MH_SUBSCRIPTION_RESPONSE), SSM));
	assert_false(names(rig_last(r, MH_SUBSCRIPTION_RESPONSE), G2));
	/* It has asked anew since: that goes along. */
	m = pbu(r, MH_HANDOFF_REREGISTRATION, FEATURES);
	rig_ask(m, G2, NULL);
	assert_int_equal(rig_status(r, 1, m), MH_ACCEPTED);
	assert_true(rig_copies(r, S1, G2, 1));
	rig_pass(r, span_s(1));
	assert_int_equal(move_to(r, 2, FEATURES), MH_ACCEPTED);
	m = response((uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq);
	with(m, G2, NULL);
	answer(r, 1, m);
	rig_pass(r, span_s(1)); /* and MAG 0, asked again maybe */
	assert_true(rig_copies(r, S1, G2, 2));
	rig_free(r);
}

/* ---- roles (draft 8) ---- */

static uint16_t role_given(struct rig *r, unsigned mag, uint16_t offered)
{
	struct mh_msg *m = pbu(r, MH_HANDOFF_UNKNOWN, FEATURES);

	m->capabilities.roles = offered;
	assert_int_equal(rig_status(r, mag, m), MH_ACCEPTED);
	return rig_last(r, MH_BA)->m.has & MH_HAS_ROLE ? rig_last(r, MH_BA)->m.role : 0;
}

static struct mh_msg *pbu_in_role(struct rig *r, uint8_t handoff, uint16_t role)
{
	struct mh_msg *m = pbu(r, handoff, FEATURES);

	m->capabilities.roles = role;
	return m;
}

/* A proxy, a router and a listener each take over from any of them: what goes along is the same, and each stays what it is. */
static void a_context_goes_from_any_role_to_any(void **state)
{
	static const uint16_t roles[] = {MH_ROLE_PROXY, MH_ROLE_ROUTER, MH_ROLE_LISTENER};

	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		struct rig *r = begin(MN_CONTEXT_QUERY, true);
		uint16_t from = roles[i / 3], to = roles[i % 3];
		struct mh_msg *m = pbu_in_role(r, MH_HANDOFF_NEW_INTERFACE, from);

		rig_ask(m, G2, NULL);
		assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
		assert_int_equal(rig_last(r, MH_BA)->m.role, from);
		rig_pass(r, span_s(5));
		assert_int_equal(rig_status(r, 1, pbu_in_role(r, MH_HANDOFF_UNKNOWN, to)), MH_ACCEPTED);
		assert_int_equal(rig_last(r, MH_BA)->m.role, to);
		m = response((uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq);
		with(m, SSM, S1);
		with(m, G2, NULL);
		answer(r, 0, m);
		assert_true(rig_copies(r, S1, SSM, 1));
		assert_true(rig_copies(r, S1, G2, 1));
		answer(r, 1, query(7));
		assert_true(names(rig_last(r, MH_SUBSCRIPTION_RESPONSE), SSM));
		assert_true(names(rig_last(r, MH_SUBSCRIPTION_RESPONSE), G2));
		rig_free(r);
	}
}

static void the_role_is_one_that_is_offered(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, false);

	(void)state;
	assert_int_equal(role_given(r, 0, MH_ROLE_PROXY | MH_ROLE_LISTENER), MH_ROLE_PROXY);
	assert_int_equal(role_given(r, 1, MH_ROLE_LISTENER), MH_ROLE_LISTENER);
	assert_int_equal(role_given(r, 2, 0), 0);
	r->conf.role = MH_ROLE_LISTENER;
	lma_reconf(r->lma, r->now, &r->conf);
	rig_drain(r);
	assert_int_equal(role_given(r, 0, MH_ROLE_PROXY | MH_ROLE_LISTENER), MH_ROLE_LISTENER);
	assert_int_equal(role_given(r, 1, MH_ROLE_PROXY), MH_ROLE_PROXY);
	rig_free(r);
}

/* ---- the PBA timer ---- */

static void the_answer_may_wait(void **state)
{
	struct rig *r = rig_conf();
	struct mh_msg *m;

	(void)state;
	r->conf.pba_timer = span_ms(300);
	rig_start(r);
	settle_at_0(r, FEATURES);
	assert_int_equal(move_to(r, 1, FEATURES), -1);
	assert_true(rig_is_at(r, MN, &r->mag[1]));
	m = response((uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq);
	with(m, SSM, S1);
	rig_pass(r, span_ms(50));
	answer(r, 0, m);
	assert_int_equal(rig_count(r, MH_BA), 1);
	assert_true(names(rig_last(r, MH_BA), SSM));
	assert_int_equal(rig_count(r, MH_REVOCATION), 1);
	assert_int_equal(move_to(r, 2, FEATURES), -1);
	rig_pass(r, span_ms(299));
	assert_int_equal(rig_count(r, MH_BA), 0);
	rig_pass(r, span_ms(2));
	assert_int_equal(rig_count(r, MH_BA), 1); /* no longer */
	assert_true(rig_last(r, MH_BA)->m.flags & MH_BA_S);
	assert_int_equal(rig_last(r, MH_BA)->m.ams.n, 0);
	rig_free(r);
}

/* ---- moves that do not wait for each other ---- */

static void a_node_that_moves_on_takes_everything_along(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, false);
	struct mh_msg *m;
	uint8_t first, second;

	(void)state;
	settle_at_0(r, FEATURES);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	first = (uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq;
	assert_int_equal(move_to(r, 2, FEATURES), MH_ACCEPTED);
	second = (uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq;
	assert_true(addr_eq(&rig_last(r, MH_SUBSCRIPTION_QUERY)->dst, &r->mag[1]));
	answer(r, 2, query(6));
	m = response(second); /* which has not even got the context */
	answer(r, 1, m);
	assert_int_equal(rig_count(r, MH_SUBSCRIPTION_RESPONSE), 0);
	assert_true(addr_eq(&rig_last(r, MH_REVOCATION)->dst, &r->mag[1]));
	m = response(first);
	with(m, SSM, S1);
	answer(r, 0, m);
	assert_true(names(rig_last(r, MH_SUBSCRIPTION_RESPONSE), SSM));
	assert_true(addr_eq(&rig_last(r, MH_REVOCATION)->dst, &r->mag[0]));
	rig_free(r);
}

static void a_node_that_comes_back_is_not_revoked(void **state)
{
	struct rig *r = begin(MN_CONTEXT_QUERY, false);
	struct mh_msg *m;

	(void)state;
	settle_at_0(r, FEATURES);
	assert_int_equal(move_to(r, 1, FEATURES), MH_ACCEPTED);
	m = response((uint8_t)rig_last(r, MH_SUBSCRIPTION_QUERY)->m.seq);
	with(m, SSM, S1);
	assert_int_equal(move_to(r, 0, FEATURES), MH_ACCEPTED);
	answer(r, 0, m);
	assert_int_equal(rig_count(r, MH_REVOCATION), 0);
	rig_pass(r, span_s(2));
	for (unsigned i = 0; i < r->n_sent; i++)
		if (r->sent[i].m.type == MH_REVOCATION)
			assert_true(addr_eq(&r->sent[i].dst, &r->mag[1]));
	answer(r, 0, query(1));
	assert_true(names(rig_last(r, MH_SUBSCRIPTION_RESPONSE), SSM));
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_old_mag_is_asked_and_then_revoked),
		cmocka_unit_test(a_context_is_seen_on_its_way),
		cmocka_unit_test(a_silent_old_mag_is_asked_three_times),
		cmocka_unit_test(a_silent_old_mag_is_asked_as_is_configured),
		cmocka_unit_test(answers_that_were_not_asked_for),
		cmocka_unit_test(nothing_and_no_record_are_two_things),
		cmocka_unit_test(a_de_registration_crosses_the_query),
		cmocka_unit_test(long_contexts_come_in_parts),
		cmocka_unit_test(a_long_list_of_sources_comes_in_parts),
		cmocka_unit_test(legacy_mags_are_asked_if_they_signal),
		cmocka_unit_test(a_mag_that_knows_no_query_is_not_asked_again),
		cmocka_unit_test(context_off_is_rfc_6224),
		cmocka_unit_test(a_de_registration_tells),
		cmocka_unit_test(the_rest_of_a_de_registration_is_fetched),
		cmocka_unit_test(nothing_to_tell_is_told_too),
		cmocka_unit_test(kept_contexts_cost_no_question),
		cmocka_unit_test(a_restarted_mag_gets_back_what_it_told),
		cmocka_unit_test(reactive_with_implicit_join),
		cmocka_unit_test(mld_confirms),
		cmocka_unit_test(what_the_profile_denies_is_never_sent),
		cmocka_unit_test(static_groups_are_sent_as_the_node_comes),
		cmocka_unit_test(a_node_between_two_mags_loses_the_group),
		cmocka_unit_test(what_is_told_too_late_is_left_out),
		cmocka_unit_test(a_context_goes_from_any_role_to_any),
		cmocka_unit_test(the_role_is_one_that_is_offered),
		cmocka_unit_test(the_answer_may_wait),
		cmocka_unit_test(a_node_that_moves_on_takes_everything_along),
		cmocka_unit_test(a_node_that_comes_back_is_not_revoked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
