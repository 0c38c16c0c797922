/* SPDX-License-Identifier: BSD-2-Clause */
/* Contexts and the anchor (RFC 7161): what goes along with a node that leaves, and what comes with one that arrives. */
#include "mag/testing.h"

#define IMPLICIT (MH_FEATURE_AMS_IN_PBU | MH_FEATURE_MLDV2 | MH_FEATURE_CONTEXT | MH_FEATURE_IMPLICIT_JOIN)
#define KEPT (MH_FEATURE_AMS_IN_PBU | MH_FEATURE_MLDV2 | MH_FEATURE_CONTEXT | MH_FEATURE_CONTEXT_KEPT)

static void implicit(struct mag_conf *c) { c->implicit_join = true; }
static void kept(struct mag_conf *c) { c->context = MN_CONTEXT_KEPT; }
static void off(struct mag_conf *c) { c->context = MN_CONTEXT_OFF; }
static void late(struct mag_conf *c) { c->deregister_after = span_s(3); }
static void by_mld(struct mag_conf *c)
{
	c->implicit_join = true;
	c->signalling = MAG_SIGNALLING_MLD;
}

static struct mh_msg message(enum mh_type type, uint8_t seq)
{
	struct mh_msg m;

	mh_init(&m, type);
	m.seq = seq;
	m.has = MH_HAS_MN_ID;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = mn(1);
	return m;
}

static void ask(struct bench *b, uint8_t seq)
{
	struct mh_msg m = message(MH_SUBSCRIPTION_QUERY, seq);

	recv_mh(b, LMA, &m);
}

static void tell(struct bench *b, uint8_t seq, const char *g1, const char *g2, const char *more_after)
{
	struct mh_msg m = message(MH_SUBSCRIPTION_RESPONSE, seq);
	const char *groups[] = {g1, g2};

	put_context(&m, groups, 2, more_after);
	m.flags = g1 ? MH_SUBSCRIPTION_I : 0;
	recv_mh(b, LMA, &m);
}

static void revoke(struct bench *b)
{
	struct mh_msg m;

	mh_init(&m, MH_REVOCATION);
	m.revocation = MH_BRI;
	m.trigger = MH_BRI_HANDOVER_SAME_ATT;
	m.flags = MH_REVOCATION_P;
	m.seq = 9;
	m.has = MH_HAS_MN_ID;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = mn(1);
	recv_mh(b, LMA, &m);
}

/* ---- the old gateway ---- */

static void it_tells_of_a_node_that_is_here(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	bench_forget(b);
	ask(b, 3);
	assert_said(b, "SR(3 mn1 known)"); /* and it listens to nothing */
	send_report(b, 1, 1, MLD_ALLOW_NEW_SOURCES, SSM, S);
	join(b, 1, 1, G);
	bench_forget(b);
	ask(b, 4);
	assert_said(b, "SR(4 mn1 I known ff1e::1=EX{} ff3e::1=IN{" S "})");
	bench_end(b);
}

static void it_remembers_for_a_while(void **state)
{
	struct bench *b = bench_begin();
	size_t bytes;

	(void)state;
	attach(b, 1);
	attach(b, 2); /* so that the anchor stays known */
	join(b, 1, 1, G);
	bench_forget(b);
	link_down(b, 1);
	assert_said(b, GONE1_S " ff1e::1=EX{})");
	assert_data(b, "ff1e::1- node1-");
	bench_forget(b);
	ask(b, 5);
	assert_said(b, "SR(5 mn1 I known ff1e::1=EX{})");
	assert_int_equal(mag_totals(b->mag).contexts, 1);
	bytes = mag_totals(b->mag).bytes;
	wait_for(b, span_ms(1990));
	ask(b, 6);
	assert_said(b, "SR(5 mn1 I known ff1e::1=EX{}) SR(6 mn1 I known ff1e::1=EX{})");
	wait_for(b, span_ms(20));
	bench_forget(b);
	ask(b, 7);
	assert_said(b, "SR(7 mn1)");
	assert_int_equal(mag_totals(b->mag).contexts, 0);
	assert_true(mag_totals(b->mag).bytes < bytes);
	bench_end(b);
}

static void it_remembers_after_a_revocation(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, G);
	b->dead = true;
	revoke(b);
	wait_for(b, span_s(1));
	assert_state(b, 1, "held");
	bench_forget(b);
	ask(b, 5);
	assert_said(b, "SR(5 mn1 I known ff1e::1=EX{})");
	bench_end(b);
}

/* The first was lost: the second tells the same, though nothing is left of the node but that. */
static void a_repeated_farewell_tells_too(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, G);
	b->lma_silent = true;
	bench_forget(b);
	link_down(b, 1);
	wait_for(b, span_ms(400));
	assert_said(b, GONE1_S " ff1e::1=EX{}) " GONE1_S " ff1e::1=EX{})");
	bench_end(b);
}

static void it_may_tell_late(void **state)
{
	struct bench *b = begin_with(late);

	(void)state;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, G);
	bench_forget(b);
	link_down(b, 1);
	assert_said(b, "");
	assert_data(b, "ff1e::1- node1-"); /* delivery ends at once */
	wait_for(b, span_ms(2900));
	assert_said(b, "");
	ask(b, 8);
	assert_said(b, "SR(8 mn1 I known ff1e::1=EX{})");
	bench_forget(b);
	wait_for(b, span_ms(200));
	assert_said(b, GONE1_S " ff1e::1=EX{})");
	assert_false(exists(b, 1));
	/* And not at all where it is revoked meanwhile, or comes back. */
	attach(b, 1);
	join(b, 1, 1, G);
	link_down(b, 1);
	bench_forget(b);
	revoke(b);
	wait_for(b, span_s(4));
	assert_said(b, "BRA(0)");
	attach(b, 1);
	link_down(b, 1);
	wait_for(b, span_s(1));
	attach(b, 1);
	bench_forget(b);
	wait_for(b, span_s(4));
	assert_said(b, "");
	assert_state(b, 1, "registered");
	bench_end(b);
}

static void strangers_are_told_nothing(void **state)
{
	struct bench *b = bench_begin();
	struct mh_msg m = message(MH_SUBSCRIPTION_QUERY, 1);

	(void)state;
	attach(b, 1);
	b->profile[2]->lma = LMA2;
	attach(b, 2);
	join(b, 1, 1, G);
	bench_forget(b);
	recv_mh(b, addr("2001:db8:bad::1"), &m);
	assert_said(b, "");
	recv_mh(b, LMA2, &m); /* another's node */
	assert_said(b, "SR(1 mn1)");
	bench_end(b);
}

static void long_contexts_go_in_parts(void **state)
{
	struct mag_conf conf = bench_conf();
	struct bench *b = calloc(1, sizeof(*b));
	struct mh_msg m = message(MH_SUBSCRIPTION_QUERY, 1);
	char g[32];

	(void)state;
	conf.groups_per_node_max = conf.joins_burst = conf.joins_per_s = 100;
	bench_begin_with(b, &conf);
	attach(b, 1);
	for (unsigned i = 0; i < 70; i++) {
		snprintf(g, sizeof(g), "ff1e::%x", 0x100 + i);
		join(b, 1, 1, g);
	}
	bench_forget(b);
	recv_mh(b, LMA, &m);
	assert_non_null(strstr(b->said.s, "ff1e::100=EX{} ff1e::101=EX{}"));
	assert_non_null(strstr(b->said.s, "behind ff1e::12"));
	m.has |= MH_HAS_MORE | MH_HAS_MORE_AFTER;
	m.more_after = addr("ff1e::12a");
	bench_forget(b);
	recv_mh(b, LMA, &m);
	assert_null(strstr(b->said.s, "ff1e::12a"));
	assert_non_null(strstr(b->said.s, "ff1e::12b=EX{}"));
	assert_non_null(strstr(b->said.s, "ff1e::145=EX{})"));
	bench_end(b);
}

/* The sources of one group, if it has more than a message holds: `from` and those up to `to`, and whether that is all. */
static void tell_sources(struct bench *b, unsigned from, unsigned to, bool more)
{
	struct mh_msg m = message(MH_SUBSCRIPTION_RESPONSE, b->query_seq);
	struct in6_addr g = addr(SSM), s[64];

	for (unsigned i = from; i <= to; i++) {
		s[i - from] = addr("2001:db8:aa::");
		s[i - from].s6_addr[15] = (uint8_t)i;
	}
	m.has |= MH_HAS_AMS | MH_HAS_CONTEXT;
	m.flags = MH_SUBSCRIPTION_I;
	assert_true(mh_add_record(&m, &m.ams, MH_PROTO_MLDV2, MLD_MODE_IS_INCLUDE, &g, s, to - from + 1, MH_AMS_SOURCES));
	if (more) {
		m.has |= MH_HAS_MORE | MH_HAS_MORE_AFTER;
		m.more_after = g;
		m.more_source = s[to - from];
	}
	recv_mh(b, LMA, &m);
}

static void a_long_list_of_sources_goes_in_parts(void **state)
{
	struct mag_conf conf = bench_conf();
	struct bench *b = calloc(1, sizeof(*b));

	(void)state;
	conf.sources_per_group_max = 200;
	bench_begin_with(b, &conf);
	b->asks_back = true;
	attach(b, 1);
	bench_forget(b);
	tell_sources(b, 1, 60, true);
	assert_non_null(strstr(b->said.s, "SQ(mn1 behind ff3e::1)"));
	assert_int_equal(filter_count(sub(b, 1, SSM).filter), 60);
	tell_sources(b, 61, 100, false);
	assert_int_equal(filter_count(sub(b, 1, SSM).filter), 100);
	bench_end(b);
}

/* Back before the anchor had heard that it left: that knows what registrations from here said, which need not be all. Unless
 * it has asked meanwhile, since another gateway had the node. */
static void it_is_back_unsaid(void **state)
{
	(void)state;
	for (unsigned elsewhere = 0; elsewhere < 2; elsewhere++) {
		struct bench *b = begin_with(late);

		attach(b, 1);
		join(b, 1, 1, G);
		join(b, 1, 1, "ff1e::3");
		link_down(b, 1);
		wait_for(b, span_ms(300));
		if (elsewhere)
			ask(b, 8);
		b->asks_back = true;
		b->context[0] = H;
		link_up(b, 1);
		send_rs(b, 1, 1);
		assert_state(b, 1, "registered");
		assert_true(has_sub(b, 1, H));
		assert_int_equal(has_sub(b, 1, G), !elsewhere);
		assert_int_equal(has_sub(b, 1, "ff1e::3"), !elsewhere);
		bench_end(b);
	}
}

/* ---- the new gateway ---- */

static void what_comes_with_the_answer_is_delivered_at_once(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->asks_back = true;
	b->context[0] = SSM;
	attach(b, 1);
	assert_said(b, PBU1 " " RA1 " PBU(mn1 hi=5 life=3600 S ff3e::1=IN{" S "} yes:ff3e::1)");
	assert_data(b, "tunnel+ node1+ ff3e::1@" S "+1");
	assert_int_equal(sub(b, 1, SSM).origins, SUB_ORIGIN_CONTEXT);
	bench_end(b);
}

static void twice(struct mag_conf *conf)
{
	conf->query_delay = span_ms(20);
	conf->query_delay_max = span_ms(30);
	conf->query_tries = 2;
}

static void it_asks_as_often_as_it_is_told_to(void **state)
{
	struct bench *b = begin_with(twice);

	(void)state;
	b->asks_back = true;
	attach(b, 1);
	bench_forget(b);
	wait_for(b, span_ms(19));
	assert_said(b, "");
	wait_for(b, span_ms(2));
	assert_said(b, "SQ(mn1)");
	wait_for(b, span_ms(28));
	assert_int_equal(counter(b, "subscription-queries-given-up"), 0);
	wait_for(b, span_ms(3));
	assert_int_equal(counter(b, "subscription-queries-given-up"), 1);
	wait_for(b, span_ms(500));
	assert_said(b, "SQ(mn1)");
	bench_end(b);
}

static void it_asks_where_there_may_be_something(void **state)
{
	struct bench *b = bench_begin();
	struct nai id = mn(1);
	struct mag_node_view v;

	(void)state;
	b->asks_back = true;
	attach(b, 1);
	assert_said(b, PBU1 " " RA1 " SQ(mn1)");
	bench_forget(b);
	wait_for(b, span_ms(99));
	assert_said(b, "");
	wait_for(b, span_ms(2));
	assert_said(b, "SQ(mn1)");
	wait_for(b, span_ms(200));
	assert_said(b, "SQ(mn1) SQ(mn1)");
	wait_for(b, span_ms(1200));
	assert_said(b, "SQ(mn1) SQ(mn1) SQ(mn1) SQ(mn1) SQ(mn1)");
	wait_for(b, span_ms(450));
	assert_said(b, "SQ(mn1) SQ(mn1) SQ(mn1) SQ(mn1) SQ(mn1)"); /* and that is that */
	assert_int_equal(counter(b, "subscription-queries-given-up"), 1);
	bench_forget(b);
	assert_true(mag_find_node(b->mag, &id, &v) && v.context_asked && !v.n_context);
	tell(b, b->query_seq, SSM, G, NULL); /* late, but not too late */
	assert_true(mag_find_node(b->mag, &id, &v) && !v.context_asked);
	assert_int_equal(v.n_context, 2);
	assert_said(b, "PBU(mn1 hi=5 life=3600 S ff1e::1=EX{} ff3e::1=IN{" S "} yes:ff1e::1 yes:ff3e::1)");
	assert_data(b, "ff1e::1+1 ff3e::1@" S "+1");
	bench_forget(b);
	tell(b, b->query_seq, H, NULL, NULL); /* once is enough */
	assert_said(b, "");
	assert_int_equal(counter(b, "subscription-responses-unknown"), 1);
	bench_end(b);
}

static void too_late_is_too_late(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->asks_back = true;
	attach(b, 1);
	tell(b, (uint8_t)(b->query_seq + 1), G, NULL, NULL); /* to another question */
	wait_for(b, span_ms(2100));
	tell(b, b->query_seq, G, NULL, NULL);
	assert_int_equal(counter(b, "subscription-responses-unknown"), 2);
	assert_int_equal(counter(b, "contexts-taken"), 0);
	bench_end(b);
}

static void it_fetches_the_rest(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->asks_back = true;
	b->context[0] = G;
	b->more_after = G;
	attach(b, 1);
	assert_non_null(strstr(b->said.s, "SQ(mn1 behind ff1e::1)"));
	bench_forget(b);
	tell(b, b->query_seq, H, NULL, H);
	assert_non_null(strstr(b->said.s, "SQ(mn1 behind ff1e::2)"));
	bench_forget(b);
	tell(b, b->query_seq, SSM, NULL, H); /* which makes no sense */
	assert_null(strstr(b->said.s, "SQ"));
	assert_int_equal(sub(b, 1, G).state, MAG_SUB_ACTIVE);
	assert_int_equal(sub(b, 1, H).state, MAG_SUB_ACTIVE);
	assert_int_equal(sub(b, 1, SSM).state, MAG_SUB_ACTIVE);
	bench_end(b);
}

static void an_anchor_that_knows_no_query_is_not_asked_again(void **state)
{
	struct bench *b = bench_begin();
	struct mh_msg be;

	(void)state;
	b->asks_back = true;
	attach(b, 1);
	mh_init(&be, MH_BE);
	be.status = MH_BE_UNKNOWN_TYPE;
	recv_mh(b, LMA, &be);
	bench_forget(b);
	wait_for(b, span_s(1));
	assert_said(b, "");
	attach(b, 2);
	assert_null(strstr(b->said.s, "SQ"));
	bench_end(b);
}

static void the_profile_has_the_last_word(void **state)
{
	struct bench *b = begin_with(implicit);
	struct prefix denied = {.addr = addr(G), .len = 128};

	(void)state;
	assert_true(profile_add_range(b->profile[1], true, &denied, &(struct prefix){.len = 0}));
	b->asks_back = true;
	b->features = IMPLICIT;
	b->context[0] = G;
	b->context[1] = H;
	attach(b, 1);
	assert_said(b, PBU1 " " RA1 " PBU(mn1 hi=5 life=3600 S ff1e::2=EX{} no:ff1e::1 yes:ff1e::2)");
	assert_data(b, "tunnel+ node1+ ff1e::2+1");
	bench_end(b);
}

/* mn2 listens already, so that nobody would have to ask; what the anchor sends unasked is confirmed all the same. */
static void implicit_joins_are_confirmed(void **state)
{
	struct bench *b = begin_with(implicit);

	(void)state;
	b->features = IMPLICIT;
	attach(b, 2);
	join(b, 2, 2, G);
	b->asks_back = true;
	b->context[0] = G;
	bench_forget(b);
	attach(b, 1);
	assert_non_null(strstr(b->said.s, "PBU(mn1 hi=5 life=3600 S ff1e::1=EX{} yes:ff1e::1)"));
	bench_end(b);
}

static void implicit_joins_are_confirmed_beside_mld(void **state)
{
	struct bench *b = begin_with(by_mld);

	(void)state;
	b->features = IMPLICIT;
	b->asks_back = true;
	b->context[0] = G;
	attach(b, 1);
	assert_said(b, PBU1 " " RA1 " MLD(TO_EX ff1e::1{}) PBU(mn1 hi=5 life=3600 S yes:ff1e::1)");
	bench_end(b);
}

static void a_node_without_context_costs_nothing(void **state)
{
	struct bench *b = begin_with(off);
	struct mh_msg m = message(MH_SUBSCRIPTION_QUERY, 1);

	(void)state;
	b->asks_back = true;
	attach(b, 1);
	assert_said(b, PBU1 " " RA1);
	join(b, 1, 1, G);
	bench_forget(b);
	recv_mh(b, LMA, &m);
	assert_said(b, "BE(2)");
	assert_false(b->pbu.capabilities.features & MH_FEATURE_CONTEXT);
	bench_forget(b);
	link_down(b, 1);
	assert_said(b, GONE1);
	bench_end(b);
}

/* ---- roles (draft 8) ---- */

static void no_mld(struct mag_conf *c) { c->node_mld = false; }

/* From a proxy to a listener: what the node asked for by MLD holds, until it could have been asked again. */
static void a_listener_takes_over(void **state)
{
	struct bench *b = begin_with(no_mld);

	(void)state;
	b->asks_back = true;
	b->context[0] = G;
	attach(b, 1);
	assert_int_equal(b->pbu.capabilities.roles, MH_ROLE_LISTENER);
	assert_false(view(b, 1).listens);
	assert_int_equal(sub(b, 1, G).origins, SUB_ORIGIN_CONTEXT);
	assert_int_equal(sub(b, 1, G).state, MAG_SUB_ACTIVE);
	join(b, 1, 1, H); /* it is not listened to */
	assert_int_equal(counter(b, "mld-disabled"), 1);
	wait_for(b, span_s(100));
	bench_forget(b);
	ask(b, 1);
	assert_said(b, "SR(1 mn1 I known ff1e::1=EX{})"); /* and goes on from here */
	wait_for(b, span_s(40));
	bench_forget(b);
	ask(b, 2);
	assert_said(b, "SR(2 mn1 known)");
	bench_end(b);
}

static void the_anchor_gives_the_role(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	assert_int_equal(b->pbu.capabilities.roles, MH_ROLE_PROXY | MH_ROLE_LISTENER);
	join(b, 1, 1, G);
	assert_true(view(b, 1).listens);
	b->role = MH_ROLE_LISTENER;
	wait_for(b, span_s(3600)); /* with a refresh */
	assert_false(view(b, 1).listens);
	leave(b, 1, 1, G);
	join(b, 1, 1, H);
	assert_data(b, "tunnel+ node1+ ff1e::1+1 ff1e::1-"); /* what it had held as a context would */
	b->role = MH_ROLE_PROXY;
	wait_for(b, span_s(3600));
	assert_true(view(b, 1).listens);
	join(b, 1, 1, H);
	assert_int_equal(sub(b, 1, H).state, MAG_SUB_ACTIVE);
	bench_end(b);
}

/* ---- kept ---- */

static void each_change_is_told(void **state)
{
	struct bench *b = begin_with(kept);

	(void)state;
	b->features = KEPT;
	attach(b, 1);
	assert_true(b->pbu.capabilities.features & MH_FEATURE_CONTEXT_KEPT);
	attach(b, 2);
	join(b, 1, 1, G);
	bench_forget(b);
	join(b, 2, 2, G); /* not the first comer */
	assert_said(b, "PBU(mn2 hi=5 life=3600 S ff1e::1=EX{})");
	bench_forget(b);
	leave(b, 2, 2, G);
	assert_said(b, "PBU(mn2 hi=5 life=3600 S)");
	/* By the rate of updates, and merged. */
	join(b, 2, 2, G);
	bench_forget(b);
	join(b, 2, 2, H);
	leave(b, 2, 2, G);
	join(b, 2, 2, G);
	assert_said(b, "");
	wait_for(b, span_ms(400));
	assert_said(b, "PBU(mn2 hi=5 life=3600 S ff1e::1=EX{} ff1e::2=EX{})");
	bench_end(b);
}

static void an_anchor_that_does_not_keep_hears_first_comers(void **state)
{
	struct bench *b = begin_with(kept);

	(void)state;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, G);
	bench_forget(b);
	join(b, 2, 2, G);
	assert_said(b, "");
	bench_end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_tells_of_a_node_that_is_here),
		cmocka_unit_test(it_remembers_for_a_while),
		cmocka_unit_test(it_remembers_after_a_revocation),
		cmocka_unit_test(a_repeated_farewell_tells_too),
		cmocka_unit_test(it_may_tell_late),
		cmocka_unit_test(it_is_back_unsaid),
		cmocka_unit_test(strangers_are_told_nothing),
		cmocka_unit_test(long_contexts_go_in_parts),
		cmocka_unit_test(a_long_list_of_sources_goes_in_parts),
		cmocka_unit_test(what_comes_with_the_answer_is_delivered_at_once),
		cmocka_unit_test(it_asks_as_often_as_it_is_told_to),
		cmocka_unit_test(it_asks_where_there_may_be_something),
		cmocka_unit_test(too_late_is_too_late),
		cmocka_unit_test(it_fetches_the_rest),
		cmocka_unit_test(an_anchor_that_knows_no_query_is_not_asked_again),
		cmocka_unit_test(the_profile_has_the_last_word),
		cmocka_unit_test(implicit_joins_are_confirmed),
		cmocka_unit_test(implicit_joins_are_confirmed_beside_mld),
		cmocka_unit_test(a_node_without_context_costs_nothing),
		cmocka_unit_test(a_listener_takes_over),
		cmocka_unit_test(the_anchor_gives_the_role),
		cmocka_unit_test(each_change_is_told),
		cmocka_unit_test(an_anchor_that_does_not_keep_hears_first_comers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
