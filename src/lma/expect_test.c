/* SPDX-License-Identifier: BSD-2-Clause */
/* What a MAG that expects a node gets of the anchor: streams beforehand, labels, and the end of the old path. */
#include "lma/testing.h"

#define MN  "mn1@example.com"
#define G   "ff1e::1"
#define G2  "ff1e::2"
#define SSM "ff3e::1"
#define S1  "2001:db8:5::1"

static struct mh_msg *pbu(struct rig *r, uint8_t handoff)
{
	struct mh_msg *m = rig_pbu(r, MN, 1);

	m->handoff = handoff;
	m->flags |= MH_BU_S;
	return m;
}

/* The node at MAG 0, with G. */
static struct rig *begin(void)
{
	struct rig *r = rig_conf();
	struct mh_msg *m;

	rig_start(r);
	m = pbu(r, MH_HANDOFF_NEW_INTERFACE);
	rig_ask(m, G, NULL);
	assert_int_equal(rig_status(r, 0, m), MH_ACCEPTED);
	assert_true(rig_last(r, MH_BA)->m.capabilities.features & MH_FEATURE_SEAM);
	return r;
}

/* The answer to a question; NULL: none. */
static const struct rig_sent *query(struct rig *r, unsigned mag, uint8_t what, const char *group, const char *source)
{
	static struct mh_msg m;

	mh_init(&m, MH_SUBSCRIPTION_QUERY);
	m.seq = 9;
	m.has = MH_HAS_MN_ID | MH_HAS_MARK;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = N(MN);
	m.mark = what;
	if (group)
		rig_ask(&m, group, source);
	m.flags = 0;
	rig_forget(r);
	rig_send(r, mag, &m);
	return rig_last(r, MH_SUBSCRIPTION_RESPONSE);
}

static uint32_t label_of(const struct rig_sent *s, unsigned i)
{
	assert_true(i < s->m.labels.n);
	return s->m.records[s->m.labels.first + i].label;
}

static uint32_t label_on_list(struct rig *r, const char *source, const char *group)
{
	struct in6_addr s = source ? A(source) : addr_any, g = A(group);
	const struct rig_list *l = rig_list_of(r, &s, &g);

	assert_non_null(l);
	return l->label;
}

static void joins_beforehand(void **state)
{
	struct rig *r = begin();
	const struct rig_sent *s = query(r, 1, MH_MARK_JOIN, G, NULL);

	(void)state;
	assert_non_null(s);
	assert_true(addr_eq(&s->dst, &r->mag[1]));
	assert_int_equal(s->m.seq, 9);
	assert_int_equal(s->m.mark, MH_MARK_JOIN);
	assert_int_equal(rig_result(s, G), MH_SUB_ACCEPTED);
	assert_true(rig_copies(r, S1, G, 0));
	assert_true(rig_copies(r, S1, G, 1));
	assert_true(rig_is_at(r, MN, &r->mag[0])); /* nothing of its binding has changed */
	rig_pass(r, span_s(10));		   /* nobody confirmed it */
	assert_false(rig_copies(r, S1, G, 1));
	assert_true(rig_copies(r, S1, G, 0));
	rig_free(r);
}

/* MLD in the tunnel holds it for as long as the node is expected. */
static void is_confirmed_by_mld(void **state)
{
	struct rig *r = begin();

	(void)state;
	assert_non_null(query(r, 1, MH_MARK_JOIN, G, NULL));
	rig_mld(r, 1, MLD_CHANGE_TO_EXCLUDE, G, NULL);
	rig_pass(r, span_s(30));
	assert_true(rig_copies(r, S1, G, 1));
	rig_free(r);
}

static void labels_fall_in_all_tunnels_alike(void **state)
{
	struct rig *r = begin();
	const struct rig_sent *s;
	uint32_t first, before = label_on_list(r, NULL, G);

	(void)state;
	assert_non_null(query(r, 1, MH_MARK_JOIN, G, NULL));
	assert_int_equal(label_on_list(r, NULL, G), before);
	s = query(r, 1, MH_MARK_LABEL, G, NULL);
	assert_non_null(s);
	assert_int_equal(s->m.mark, MH_MARK_LABELS);
	first = label_of(s, 0);
	assert_int_equal(label_on_list(r, NULL, G), first);
	assert_int_equal((first - before) & MH_LABEL_MASK, 1);
	/* A list of one source begins with the label of its group. */
	rig_mld(r, 2, MLD_CHANGE_TO_INCLUDE, G, S1);
	assert_int_equal(label_on_list(r, S1, G), first);
	s = query(r, 1, MH_MARK_LABEL, G, NULL); /* its first answer was lost */
	assert_true(label_of(s, 0) != first);
	assert_int_equal(label_on_list(r, S1, G), label_of(s, 0));
	/* What does not go there has no label that matters there. */
	s = query(r, 1, MH_MARK_LABEL, G2, NULL);
	assert_non_null(s);
	assert_int_equal(s->m.labels.n, 0);
	rig_free(r);
}

/* The route moves by a handover whose old MAG forwards: the last packet of the old way is followed by its end. */
static void the_old_way_is_ended_by_a_marker(void **state)
{
	struct rig *r = begin();

	(void)state;
	assert_int_equal(rig_status(r, 1, pbu(r, MH_HANDOFF_BETWEEN_MAGS)), MH_ACCEPTED);
	assert_false(r->route[0].end_marker); /* nobody said that anything is forwarded */
	assert_non_null(query(r, 2, MH_MARK_LABEL, NULL, NULL));
	assert_int_equal(rig_status(r, 2, pbu(r, MH_HANDOFF_BETWEEN_MAGS)), MH_ACCEPTED);
	assert_int_equal(rig_route(r, &r->route[0].prefix), 2);
	assert_true(r->route[0].end_marker);
	assert_int_equal(rig_status(r, 0, pbu(r, MH_HANDOFF_BETWEEN_MAGS)), MH_ACCEPTED);
	assert_false(r->route[0].end_marker);
	rig_free(r);
}

/* The handover has come to nothing: the next move is one of which no old MAG forwards. */
static void a_refresh_says_that_it_stays(void **state)
{
	struct rig *r = begin();

	(void)state;
	assert_non_null(query(r, 1, MH_MARK_LABEL, NULL, NULL));
	assert_int_equal(rig_status(r, 0, pbu(r, MH_HANDOFF_REREGISTRATION)), MH_ACCEPTED);
	assert_int_equal(rig_status(r, 2, pbu(r, MH_HANDOFF_BETWEEN_MAGS)), MH_ACCEPTED);
	assert_int_equal(rig_route(r, &r->route[0].prefix), 2);
	assert_false(r->route[0].end_marker);
	rig_free(r);
}

static bool is_of_expectation(const struct rig_sent *s, const struct in6_addr *mag)
{
	return s && s->m.revocation == MH_BRI && (s->m.has & MH_HAS_MARK) && s->m.mark == MH_MARK_JOIN && addr_eq(&s->dst, mag);
}

/* What the MAG that expected it holds, it gets at the third: there it must not get it once more. */
static void it_is_told_that_the_node_is_elsewhere(void **state)
{
	struct rig *r = begin();
	static struct mh_msg m;
	unsigned n;

	(void)state;
	assert_non_null(query(r, 1, MH_MARK_JOIN, G, NULL));
	rig_forget(r);
	assert_int_equal(rig_status(r, 2, pbu(r, MH_HANDOFF_BETWEEN_MAGS)), MH_ACCEPTED);
	n = rig_count(r, MH_REVOCATION);
	for (unsigned i = 0; i < r->n_sent; i++)
		n -= r->sent[i].m.type == MH_REVOCATION && is_of_expectation(&r->sent[i], &r->mag[1]);
	assert_int_equal(rig_count(r, MH_REVOCATION) - n, 1);
	assert_int_equal(rig_counter(r, "handover-nodes-elsewhere"), 1);
	rig_pass(r, span_ms(900));
	rig_forget(r);
	rig_pass(r, span_ms(200)); /* it is repeated */
	assert_true(is_of_expectation(rig_last(r, MH_REVOCATION), &r->mag[1]));
	mh_init(&m, MH_REVOCATION);
	m.revocation = MH_BRA;
	m.seq = rig_last(r, MH_REVOCATION)->m.seq;
	m.flags = MH_REVOCATION_P;
	m.has = MH_HAS_MN_ID;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = N(MN);
	rig_forget(r);
	rig_send(r, 1, &m);
	assert_int_equal(r->n_events[EV_BINDING_REVOKED], 0); /* it had none */
	assert_int_equal(rig_counter(r, "bra-unknown"), 0);
	/* Said once. */
	assert_int_equal(rig_status(r, 3, pbu(r, MH_HANDOFF_BETWEEN_MAGS)), MH_ACCEPTED);
	assert_int_equal(rig_counter(r, "handover-nodes-elsewhere"), 1);
	rig_free(r);
}

/* It comes where it is expected; or is expected anew where it was told that it is elsewhere. */
static void it_is_told_only_then(void **state)
{
	struct rig *r = begin();

	(void)state;
	assert_non_null(query(r, 1, MH_MARK_JOIN, G, NULL));
	assert_int_equal(rig_status(r, 1, pbu(r, MH_HANDOFF_BETWEEN_MAGS)), MH_ACCEPTED);
	assert_int_equal(rig_status(r, 2, pbu(r, MH_HANDOFF_BETWEEN_MAGS)), MH_ACCEPTED);
	assert_int_equal(rig_counter(r, "handover-nodes-elsewhere"), 0);
	rig_pass(r, span_s(10));
	assert_non_null(query(r, 1, MH_MARK_JOIN, G, NULL));
	assert_int_equal(rig_status(r, 3, pbu(r, MH_HANDOFF_BETWEEN_MAGS)), MH_ACCEPTED);
	assert_int_equal(rig_counter(r, "handover-nodes-elsewhere"), 1);
	assert_non_null(query(r, 1, MH_MARK_JOIN, G, NULL));
	rig_forget(r);
	rig_pass(r, span_s(5)); /* the news of before is not repeated into that */
	for (unsigned i = 0; i < r->n_sent; i++)
		assert_false(r->sent[i].m.type == MH_REVOCATION && is_of_expectation(&r->sent[i], &r->mag[1]));
	rig_free(r);
}

/* Of a node with two interfaces it is the session that is handed over which forwards. */
static void the_session_is_named_by_its_prefix(void **state)
{
	struct rig *r = begin();
	struct prefix first = rig_last(r, MH_BA)->m.hnp[0], second = rig_register(r, 0, MN, 2);
	struct mh_msg *m;
	static struct mh_msg q;

	(void)state;
	assert_false(prefix_eq(&first, &second));
	mh_init(&q, MH_SUBSCRIPTION_QUERY);
	q.seq = 9;
	q.has = MH_HAS_MN_ID | MH_HAS_MARK;
	q.mn_id_subtype = MH_MNID_NAI;
	q.mn_id = N(MN);
	q.mark = MH_MARK_LABEL;
	q.n_hnp = 1;
	q.hnp[0] = first;
	rig_send(r, 1, &q);
	m = rig_pbu(r, MN, 2);
	m->handoff = MH_HANDOFF_BETWEEN_MAGS;
	assert_int_equal(rig_status(r, 2, m), MH_ACCEPTED);
	assert_int_equal(rig_route(r, &second), 2);
	for (unsigned i = 0; i < r->n_routes; i++)
		assert_false(r->route[i].end_marker);
	assert_int_equal(rig_status(r, 1, pbu(r, MH_HANDOFF_BETWEEN_MAGS)), MH_ACCEPTED);
	assert_int_equal(rig_route(r, &first), 1);
	for (unsigned i = 0; i < r->n_routes; i++)
		assert_int_equal(r->route[i].end_marker, prefix_eq(&r->route[i].prefix, &first));
	/* A prefix that none of its sessions has. */
	q.hnp[0] = P("2001:db8:66::/64");
	rig_forget(r);
	rig_send(r, 2, &q);
	assert_int_equal(rig_counter(r, "handover-queries-not-permitted"), 1);
	rig_free(r);
}

static void the_profile_decides(void **state)
{
	struct rig *r = begin();
	struct profile *p = rig_profile(r, MN);
	struct prefix denied = P("ff1e::/64");
	const struct rig_sent *s;
	struct nai mn = N(MN);

	(void)state;
	s = query(r, 1, MH_MARK_JOIN, "ff12::1", NULL); /* link-local scope */
	assert_int_equal(rig_result(s, "ff12::1"), MH_SUB_NOT_SUPPORTED);
	assert_true(profile_add_range(p, true, &denied, NULL));
	lma_profile_changed(r->lma, r->now, &mn, p);
	rig_drain(r);
	s = query(r, 1, MH_MARK_JOIN, G, NULL);
	assert_int_equal(rig_result(s, G), MH_SUB_PROHIBITED);
	assert_false(rig_copies(r, S1, G, 1));
	s = query(r, 1, MH_MARK_JOIN, SSM, S1);
	assert_int_equal(rig_result(s, SSM), MH_SUB_ACCEPTED);
	assert_true(rig_copies(r, S1, SSM, 1));
	/* A MAG at which it may not be is told nothing. */
	p->n_mags = 1;
	p->mags[0] = r->mag[0];
	lma_profile_changed(r->lma, r->now, &mn, p);
	rig_drain(r);
	s = query(r, 2, MH_MARK_JOIN, SSM, S1);
	assert_int_equal(rig_result(s, SSM), MH_SUB_PROHIBITED);
	assert_false(rig_copies(r, S1, SSM, 2));
	s = query(r, 2, MH_MARK_LABEL, SSM, S1);
	assert_int_equal(s->m.labels.n, 0);
	assert_int_equal(rig_counter(r, "handover-queries-not-permitted"), 2);
	rig_free(r);
}

static void strangers_get_nothing(void **state)
{
	struct rig *r = begin();
	struct in6_addr stranger = A("2001:db8:66::1");
	static struct mh_msg m;

	(void)state;
	mh_init(&m, MH_SUBSCRIPTION_QUERY);
	m.has = MH_HAS_MN_ID | MH_HAS_MARK;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = N(MN);
	m.mark = MH_MARK_JOIN;
	rig_forget(r);
	rig_send_from(r, &stranger, &m);
	assert_null(rig_last(r, MH_SUBSCRIPTION_RESPONSE));
	m.mn_id = N("nobody@example.com"); /* from a MAG, about a node that is bound nowhere */
	rig_ask(&m, G, NULL);
	rig_send(r, 1, &m);
	assert_non_null(rig_last(r, MH_SUBSCRIPTION_RESPONSE));
	assert_int_equal(rig_last(r, MH_SUBSCRIPTION_RESPONSE)->m.result.n, 0); /* nothing is refused, nothing joined */
	assert_false(rig_copies(r, S1, G, 1));
	m.mark = MH_MARK_KEY; /* that is between gateways */
	rig_forget(r);
	rig_send(r, 1, &m);
	assert_null(rig_last(r, MH_SUBSCRIPTION_RESPONSE));
	rig_free(r);
}

/* Without contexts the rest of Subscription Queries is not known here, this is. */
static void does_without_contexts(void **state)
{
	struct rig *r = rig_conf();

	(void)state;
	r->conf.context = MN_CONTEXT_OFF;
	rig_start(r);
	rig_register(r, 0, MN, 1);
	assert_non_null(query(r, 1, MH_MARK_JOIN, G, NULL));
	assert_true(rig_copies(r, S1, G, 1));
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins_beforehand),
		cmocka_unit_test(is_confirmed_by_mld),
		cmocka_unit_test(labels_fall_in_all_tunnels_alike),
		cmocka_unit_test(the_old_way_is_ended_by_a_marker),
		cmocka_unit_test(a_refresh_says_that_it_stays),
		cmocka_unit_test(it_is_told_that_the_node_is_elsewhere),
		cmocka_unit_test(it_is_told_only_then),
		cmocka_unit_test(the_session_is_named_by_its_prefix),
		cmocka_unit_test(the_profile_decides),
		cmocka_unit_test(strangers_get_nothing),
		cmocka_unit_test(does_without_contexts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
