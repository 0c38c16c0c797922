/* SPDX-License-Identifier: BSD-2-Clause */
/* How the anchor hears of groups: once each, by the first comer's registration or by MLD in the tunnel. */
#include "mag/testing.h"

static void a_join_goes_up_in_the_registration(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	bench_forget(b);
	join(b, 1, 1, G);
	assert_said(b, "PBU(mn1 hi=5 life=3600 S ff1e::1=EX{})");
	assert_data(b, "ff1e::1+1");
	bench_forget(b);
	leave(b, 1, 1, G);
	assert_said(b, "PBU(mn1 hi=5 life=3600 S)");
	assert_data(b, "ff1e::1-");
	bench_end(b);
}

static void only_first_comers_are_told(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, G);
	bench_forget(b);
	join(b, 2, 2, G);
	assert_said(b, "");
	assert_data(b, "ff1e::1+2");
	bench_forget(b);
	/* The second leaves: nobody has to know. */
	leave(b, 2, 2, G);
	assert_said(b, "");
	assert_data(b, "ff1e::1-2");
	bench_end(b);
}

static void another_source_is_a_first_comer_too(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	attach(b, 2);
	send_report(b, 1, 1, MLD_ALLOW_NEW_SOURCES, SSM, S);
	bench_forget(b);
	send_report(b, 2, 2, MLD_ALLOW_NEW_SOURCES, SSM, "2001:db8:aa::6");
	assert_said(b, "PBU(mn2 hi=5 life=3600 S ff3e::1=IN{2001:db8:aa::6})");
	bench_end(b);
}

/* mn1's registration carries the group, mn2 listens on it; mn1 leaves the domain's edge. */
static void when_the_carrier_leaves_mld_takes_over_first(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, G);
	join(b, 2, 2, G);
	bench_forget(b);
	link_down(b, 1);
	assert_said(b, "MLD(TO_EX ff1e::1{}) PBU(mn1 hi=4 life=0 S ff1e::1=EX{})");
	bench_end(b);
}

static void the_carrier_keeps_what_others_need(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, G);
	join(b, 2, 2, G);
	bench_forget(b);
	leave(b, 1, 1, G);
	assert_said(b, "");
	assert_data(b, "ff1e::1-1");
	/* Its next refresh says only what it wants; before that MLD holds the group for the other. */
	wait_for(b, span_s(1));
	bench_forget(b);
	join(b, 1, 1, H);
	assert_said(b, "MLD(TO_EX ff1e::1{}) PBU(mn1 hi=5 life=3600 S ff1e::2=EX{})");
	bench_end(b);
}

static void a_legacy_anchor_is_told_by_mld(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->legacy = true;
	assert_true(profile_add_subscription(b->profile[1], &(struct in6_addr){.s6_addr = {0xff, 0x1e, [15] = 1}}, NULL,
					     0, false, (wall_t){0}, WALL_NEVER));
	b->profile[1]->initiation = PROFILE_INITIATION_NETWORK;
	attach(b, 1);
	/* The first PBU carries it on trust; the answer shows that it did not count. */
	assert_said(b, "PBU(mn1 hi=4 life=3600 S ff1e::1=EX{}) RA(2001:db8:f00:1::/64 3600) MLD(TO_EX ff1e::1{})");
	bench_forget(b);
	join(b, 1, 1, H);
	assert_said(b, "MLD(TO_EX ff1e::2{})");
	bench_end(b);
}

/* ---- refusals ---- */

static void refuse(struct bench *b, const char *group) { b->refused[b->n_refused++] = addr(group); }

/* Draft Figure 1, step 7: a refused group never fails the binding, and is not asked for again. */
static void a_refused_group(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	refuse(b, G);
	b->profile[1]->initiation = PROFILE_INITIATION_NETWORK;
	assert_true(profile_add_subscription(b->profile[1], &b->refused[0], NULL, 0, true, (wall_t){0}, WALL_NEVER));
	attach(b, 1);
	assert_said(b, "PBU(mn1 hi=4 life=3600 S ff1e::1=EX{}) RA(2001:db8:f00:1::/64 3600)");
	assert_data(b, "tunnel+ node1+"); /* nothing of it was ever delivered */
	assert_state(b, 1, "registered");
	assert_int_equal(sub(b, 1, G).state, MAG_SUB_REFUSED);
	assert_int_equal(sub(b, 1, G).result, MH_SUB_PROHIBITED);
	assert_non_null(strstr(b->events.s, "subscription-refused"));
	bench_forget(b);
	join(b, 1, 1, H);
	assert_said(b, "PBU(mn1 hi=5 life=3600 S ff1e::2=EX{})");
	wait_for(b, span_s(3600));
	assert_null(strstr(b->said.s, "ff1e::1="));
	/* Asked for by another node it is a question of its own. */
	bench_forget(b);
	attach(b, 2);
	join(b, 2, 2, G);
	assert_non_null(strstr(b->said.s, "PBU(mn2 hi=5 life=3600 S ff1e::1=EX{})"));
	assert_null(strstr(b->said.s, "MLD"));
	bench_end(b);
}

static void a_changed_wish_is_asked_again(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	refuse(b, SSM);
	attach(b, 1);
	send_report(b, 1, 1, MLD_ALLOW_NEW_SOURCES, SSM, S);
	assert_data(b, "tunnel+ node1+ ff3e::1@2001:db8:aa::5+1 ff3e::1@2001:db8:aa::5-");
	bench_forget(b);
	send_report(b, 1, 1, MLD_MODE_IS_INCLUDE, SSM, S); /* the same wish */
	assert_said(b, "");
	b->n_refused = 0;
	send_report(b, 1, 1, MLD_ALLOW_NEW_SOURCES, SSM, "2001:db8:aa::6");
	assert_said(b, "PBU(mn1 hi=5 life=3600 S ff3e::1=IN{2001:db8:aa::5,2001:db8:aa::6})");
	assert_int_equal(sub(b, 1, SSM).state, MAG_SUB_ACTIVE);
	bench_end(b);
}

static void upn_init(struct mh_msg *m, uint16_t seq, uint16_t reason)
{
	mh_init(m, MH_UPN);
	m->seq = seq;
	m->reason = reason;
	m->flags = 0x8000;
	m->has = MH_HAS_MN_ID;
	m->mn_id_subtype = MH_MNID_NAI;
	m->mn_id = mn(1);
}

/* Decision 17: MLD has no refusals, Update Notification has. */
static void refused_after_mld(void **state)
{
	struct bench *b = bench_begin();
	struct in6_addr g = addr(G);
	struct mh_msg m;

	(void)state;
	b->legacy = true;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, G);
	join(b, 2, 2, G);
	bench_forget(b);
	upn_init(&m, 1, 3);
	m.has = MH_HAS_RESULT | MH_HAS_GROUP_ID;
	m.group_id = 1;
	assert_true(mh_add_record(&m, &m.result, MH_PROTO_MLDV2, MLD_MODE_IS_EXCLUDE, &g, NULL, 0, MH_AMS_SOURCES));
	m.records[0].result = MH_SUB_LIMIT;
	recv_mh(b, LMA, &m);
	assert_data(b, "ff1e::1-1 ff1e::1-");
	assert_said(b, "UPA(0) MLD(TO_IN ff1e::1{})");
	assert_int_equal(sub(b, 1, G).result, MH_SUB_LIMIT);
	assert_int_equal(sub(b, 2, G).result, MH_SUB_LIMIT);
	bench_end(b);
}

/* The refusal is of the wish before; the registration under way asks for another, and its answer decides. */
static void a_refusal_that_crosses_a_registration(void **state)
{
	struct bench *b = bench_begin();
	struct in6_addr g = addr(SSM);
	struct mh_msg m, pbu;

	(void)state;
	attach(b, 1);
	send_report(b, 1, 1, MLD_ALLOW_NEW_SOURCES, SSM, S);
	b->lma_silent = true;
	send_report(b, 1, 1, MLD_ALLOW_NEW_SOURCES, SSM, "2001:db8:aa::6");
	pbu = b->pbu;
	b->lma_silent = false;
	bench_forget(b);
	upn_init(&m, 1, 3);
	m.has |= MH_HAS_RESULT;
	assert_true(mh_add_record(&m, &m.result, MH_PROTO_MLDV2, MLD_MODE_IS_EXCLUDE, &g, NULL, 0, MH_AMS_SOURCES));
	m.records[0].result = MH_SUB_PROHIBITED;
	recv_mh(b, LMA, &m);
	assert_said(b, "UPA(0)");
	assert_data(b, "");
	answer_pbu(b, &pbu, &b->pbu_dst);
	bench_drain(b);
	assert_int_equal(sub(b, 1, SSM).state, MAG_SUB_ACTIVE);
	/* With nothing under way it may be old news: the anchor is asked, and did not mean it. */
	bench_forget(b);
	m.seq++;
	recv_mh(b, LMA, &m);
	assert_said(b, "UPA(0) PBU(mn1 hi=5 life=3600 S ff3e::1=IN{2001:db8:aa::5,2001:db8:aa::6})");
	assert_int_equal(sub(b, 1, SSM).state, MAG_SUB_ACTIVE);
	/* Or it did. */
	wait_for(b, span_s(2));
	refuse(b, SSM);
	m.seq++;
	recv_mh(b, LMA, &m);
	assert_int_equal(sub(b, 1, SSM).state, MAG_SUB_REFUSED);
	assert_int_equal(counter(b, "subscription-refused-by-lma"), 1);
	bench_end(b);
}

static void the_anchor_asks_to_register_again(void **state)
{
	struct bench *b = bench_begin();
	struct mh_msg m;

	(void)state;
	refuse(b, G);
	attach(b, 1);
	join(b, 1, 1, G);
	b->n_refused = 0;
	bench_forget(b);
	upn_init(&m, 1, 1);
	recv_mh(b, LMA, &m);
	assert_said(b, "UPA(0) PBU(mn1 hi=5 life=3600 S ff1e::1=EX{})");
	assert_data(b, "ff1e::1+1");
	bench_forget(b);
	m.flags = 0xc000; /* the same once more: only answered */
	recv_mh(b, LMA, &m);
	assert_said(b, "UPA(0)");
	upn_init(&m, 2, 1);
	m.mn_id = mn(7);
	recv_mh(b, LMA, &m);
	assert_said(b, "UPA(0) UPA(132)");
	upn_init(&m, 3, 3);
	recv_mh(b, LMA, &m);
	assert_said(b, "UPA(0) UPA(132) UPA(129)");
	upn_init(&m, 4, 5);
	recv_mh(b, LMA, &m);
	assert_said(b, "UPA(0) UPA(132) UPA(129) UPA(128)");
	bench_end(b);
}

/* The anchor changed its mind while an answer of before was on its way. */
static void asked_to_register_while_registering(void **state)
{
	struct bench *b = bench_begin();
	struct mh_msg m;

	(void)state;
	attach(b, 1);
	b->lma_silent = true;
	join(b, 1, 1, G);
	b->refused[b->n_refused++] = addr(G);
	upn_init(&m, 1, 1);
	recv_mh(b, LMA, &m);
	bench_forget(b);
	b->lma_silent = false;
	wait_for(b, span_ms(1100)); /* the repetition is answered with a refusal */
	assert_string_equal(b->said.s, "PBU(mn1 hi=5 life=3600 S ff1e::1=EX{}) PBU(mn1 hi=5 life=3600 S ff1e::1=EX{}) PBU(mn1 hi=5 life=3600 S)");
	bench_end(b);
}

/* ---- which way ---- */

static struct bench *begin_as(enum mag_signalling signalling)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct mag_conf conf = bench_conf();

	assert_non_null(b);
	conf.signalling = signalling;
	bench_begin_with(b, &conf);
	return b;
}

static void by_mld_where_configured(void **state)
{
	struct bench *b = begin_as(MAG_SIGNALLING_MLD);

	(void)state;
	attach(b, 1);
	assert_said(b, PBU1 " " RA1);
	attach(b, 2);
	bench_forget(b);
	join(b, 1, 1, G);
	assert_said(b, "MLD(TO_EX ff1e::1{})");
	join(b, 2, 2, G);
	wait_for(b, span_s(2)); /* with its repetition, and no more */
	assert_said(b, "MLD(TO_EX ff1e::1{}) MLD(TO_EX ff1e::1{})");
	bench_forget(b);
	leave(b, 1, 1, G);
	assert_said(b, "");
	leave(b, 2, 2, G);
	assert_said(b, "MLD(TO_IN ff1e::1{})");
	bench_end(b);
}

/* What the binding carries is taken back by a PBU that names no group, when MLD holds the stream. */
static void configured_anew(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	join(b, 1, 1, G);
	bench_forget(b);
	b->conf.signalling = MAG_SIGNALLING_MLD;
	mag_reconf(b->mag, b->now, &b->conf);
	bench_drain(b);
	assert_said(b, "MLD(TO_EX ff1e::1{}) PBU(mn1 hi=5 life=3600 S)");
	bench_forget(b);
	join(b, 1, 1, H);
	assert_said(b, "MLD(TO_EX ff1e::2{})");
	wait_for(b, span_s(2));
	bench_forget(b);
	b->conf.signalling = MAG_SIGNALLING_AUTO;
	mag_reconf(b->mag, b->now, &b->conf);
	bench_drain(b);
	assert_said(b, "PBU(mn1 hi=5 life=3600 S ff1e::1=EX{} ff1e::2=EX{}) MLD(TO_IN ff1e::1{}) MLD(TO_IN ff1e::2{})");
	assert_data(b, "");
	bench_end(b);
}

static void registration_only(void **state)
{
	struct bench *b = begin_as(MAG_SIGNALLING_REGISTRATION);

	(void)state;
	attach(b, 1);
	bench_forget(b);
	join(b, 1, 1, G);
	assert_said(b, "PBU(mn1 hi=5 life=3600 S ff1e::1=EX{})");
	b->legacy = true;
	bench_forget(b);
	attach(b, 2);
	join(b, 2, 2, H);
	assert_null(strstr(b->said.s, "MLD"));
	bench_end(b);
}

/* An anchor that lost the extension: what it carried goes by MLD; when it has it again a registration carries it. */
static void capability_comes_and_goes(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->lifetime_s = 40;
	attach(b, 1);
	join(b, 1, 1, G);
	b->legacy = true;
	bench_forget(b);
	wait_for(b, span_s(37));
	assert_non_null(strstr(b->said.s, "MLD(TO_EX ff1e::1{})"));
	b->legacy = false;
	bench_forget(b);
	wait_for(b, span_s(36)); /* its refresh tells: groups are carried from the next one on */
	assert_null(strstr(b->said.s, "MLD(TO_IN"));
	wait_for(b, span_s(37));
	assert_non_null(strstr(b->said.s, "S ff1e::1=EX{})"));
	assert_non_null(strstr(b->said.s, "MLD(TO_IN ff1e::1{})"));
	bench_end(b);
}

/* MLD holds the stream until the registration that takes it over was accepted. */
static void no_gap_from_mld_to_registration(void **state)
{
	struct bench *b = bench_begin();
	struct mh_msg pbu;

	(void)state;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, G);
	join(b, 2, 2, G);
	link_down(b, 1); /* now MLD carries it */
	wait_for(b, span_s(2));
	bench_forget(b);
	b->lma_silent = true;
	join(b, 2, 2, H);
	assert_said(b, "PBU(mn2 hi=5 life=3600 S ff1e::1=EX{} ff1e::2=EX{})");
	pbu = b->pbu;
	b->lma_silent = false;
	answer_pbu(b, &pbu, &b->pbu_dst);
	bench_drain(b);
	assert_said(b, "PBU(mn2 hi=5 life=3600 S ff1e::1=EX{} ff1e::2=EX{}) MLD(TO_IN ff1e::1{})");
	bench_end(b);
}

/* ---- sizes ---- */

static void many_groups(struct mag_conf *conf)
{
	conf->groups_per_node_max = 200;
	conf->joins_burst = 1000;
	conf->joins_per_s = 1000;
}

/* What does not fit a PBU goes by MLD; all of it reaches the anchor, once. */
static void more_groups_than_fit(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct mag_conf conf = bench_conf();
	struct in6_addr src = link_local(1), g = addr("ff1e::100");
	struct mld_report r;
	uint8_t bytes[8192];
	unsigned n = 0;

	(void)state;
	many_groups(&conf);
	bench_begin_with(b, &conf);
	attach(b, 1);
	bench_forget(b);
	assert_true(mld_report_begin(&r, &src, bytes, sizeof(bytes)));
	for (unsigned i = 0; i < 100; i++) {
		g.s6_addr[15] = (uint8_t)i;
		assert_true(mld_report_add(&r, MLD_MODE_IS_EXCLUDE, &g, NULL, 0));
	}
	send_packet(b, 1, 1, bytes, mld_report_finish(&r));
	assert_int_equal(b->n_pbu, 2);
	assert_in_range(b->pbu.ams.n, 40, 50);
	for (const char *p = b->said.s; (p = strstr(p, "MLD(TO_EX")); p++)
		n++;
	assert_int_equal(n + b->pbu.ams.n, 100);
	assert_int_equal(counter(b, "pbu-groups-overflow"), 1);
	wait_for(b, span_s(10));
	assert_int_equal(b->n_pbu, 2); /* and that is that */
	/* Leaving, it gives as many along as fit, and says that there are more (decision 10). */
	link_down(b, 1);
	assert_true(b->pbu.has & MH_HAS_MORE);
	assert_in_range(b->pbu.ams.n, 40, 50);
	bench_end(b);
}

/* 20 sources come in two options of at most 14. */
static void many_sources(void **state)
{
	struct bench *b = bench_begin();
	struct in6_addr src = link_local(1), g = addr(SSM), s[20];
	struct mld_report r;
	uint8_t bytes[1500];

	(void)state;
	attach(b, 1);
	for (unsigned i = 0; i < 20; i++) {
		s[i] = addr("2001:db8:aa::");
		s[i].s6_addr[15] = (uint8_t)(i + 1);
	}
	assert_true(mld_report_begin(&r, &src, bytes, sizeof(bytes)));
	assert_true(mld_report_add(&r, MLD_ALLOW_NEW_SOURCES, &g, s, 20));
	send_packet(b, 1, 1, bytes, mld_report_finish(&r));
	assert_int_equal(b->pbu.ams.n, 2);
	assert_int_equal(b->pbu.records[0].n + b->pbu.records[1].n, 20);
	wait_for(b, span_s(3));
	assert_int_equal(b->n_pbu, 2);
	bench_end(b);
}

/* The anchor's queries are answered for what MLD carries. */
static void queries_of_the_anchor(void **state)
{
	struct bench *b = begin_as(MAG_SIGNALLING_MLD);
	struct in6_addr lma_ll = addr("fe80::1");
	struct mld_query q = {.version = 2, .max_resp = span_ms(100), .qrv = 2, .qqi = span_s(125)};
	struct dp_tunnel t = {COA, LMA}, other = {COA, LMA2};
	uint8_t bytes[256];
	size_t len;

	(void)state;
	attach(b, 1);
	join(b, 1, 1, G);
	wait_for(b, span_s(2));
	bench_forget(b);
	len = mld_encode_query(&q, NULL, &lma_ll, &addr_all_nodes, bytes, sizeof(bytes));
	mag_recv_tunnel(b->mag, b->now, &other, bytes, len);
	assert_int_equal(counter(b, "tunnel-unknown"), 1);
	mag_recv_tunnel(b->mag, b->now, &t, bytes, len);
	wait_for(b, span_ms(200));
	assert_said(b, "MLD(IS_EX ff1e::1{})");
	bench_end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_join_goes_up_in_the_registration),
		cmocka_unit_test(only_first_comers_are_told),
		cmocka_unit_test(another_source_is_a_first_comer_too),
		cmocka_unit_test(when_the_carrier_leaves_mld_takes_over_first),
		cmocka_unit_test(the_carrier_keeps_what_others_need),
		cmocka_unit_test(a_legacy_anchor_is_told_by_mld),
		cmocka_unit_test(a_refused_group),
		cmocka_unit_test(a_changed_wish_is_asked_again),
		cmocka_unit_test(refused_after_mld),
		cmocka_unit_test(a_refusal_that_crosses_a_registration),
		cmocka_unit_test(the_anchor_asks_to_register_again),
		cmocka_unit_test(asked_to_register_while_registering),
		cmocka_unit_test(by_mld_where_configured),
		cmocka_unit_test(configured_anew),
		cmocka_unit_test(registration_only),
		cmocka_unit_test(capability_comes_and_goes),
		cmocka_unit_test(no_gap_from_mld_to_registration),
		cmocka_unit_test(more_groups_than_fit),
		cmocka_unit_test(many_sources),
		cmocka_unit_test(queries_of_the_anchor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
