/* SPDX-License-Identifier: BSD-2-Clause */
/* What the anchor says unasked, and handover as the gateway sees it that is left. */
#include "mag/testing.h"

enum { P = 0x8000, V = 0x4000, ALL = 0x2000 };

static void bri_of(struct bench *b, unsigned n, struct prefix prefix, uint8_t trigger)
{
	struct mh_msg m;

	mh_init(&m, MH_REVOCATION);
	m.revocation = 1;
	m.seq = 0x22;
	m.trigger = trigger;
	m.flags = P;
	m.has = MH_HAS_MN_ID;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = mn(n);
	m.n_hnp = 1;
	m.hnp[0] = prefix;
	recv_mh(b, LMA, &m);
}

static void bri(struct bench *b, unsigned n, uint8_t trigger) { bri_of(b, n, home(n), trigger); }

/* Decision 13, draft Figure 4: the node is elsewhere. It answers no probe, so that delivery ends and the group is left.
 */
static void a_node_that_moved_away(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, G);
	join(b, 2, 2, G);
	bench_forget(b);
	b->dead = true;
	bri(b, 1, 4);
	assert_said(b, "NS(fe80::1001)");
	bri(b, 1, 4); /* a repetition while that is found out */
	wait_for(b, span_ms(310));
	assert_said(b, "NS(fe80::1001) NS(fe80::1001) NS(fe80::1001) BRA(0) MLD(TO_EX ff1e::1{})");
	assert_data(b, "ff1e::1-1 node1-");
	assert_state(b, 1, "held");
	assert_non_null(strstr(b->events.s, "node-moved-away"));
	bri(b, 1, 4);
	assert_non_null(strstr(b->said.s, "BRA(0) MLD(TO_EX ff1e::1{}) BRA(0)"));
	wait_for(b, span_s(2));
	assert_false(exists(b, 1));
	bench_end(b);
}

/* RFC 5846 9.1: it is here. */
static void a_node_that_is_still_here(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	join(b, 1, 1, G);
	bench_forget(b);
	bri(b, 1, 2);
	assert_said(b, "NS(fe80::1001) BRA(132) PBU(mn1 hi=5 life=3600 S ff1e::1=EX{})");
	assert_data(b, "");
	wait_for(b, span_s(5));
	assert_state(b, 1, "registered");
	bench_end(b);
}

/* It came back, and its registration is under way as the anchor's word about the time before arrives. */
static void a_late_revocation(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	b->lma_silent = true;
	link_down(b, 1);
	attach(b, 1);
	bench_forget(b);
	bri(b, 1, 4);
	assert_said(b, "BRA(132)");
	assert_state(b, 1, "registering");

	/* It may have overtaken the answer to that registration: this is asserted once more. */
	b->lma_silent = false;
	bench_forget(b);
	wait_for(b, span_s(3));
	assert_state(b, 1, "registered");
	assert_said(b, "PBU(mn1 hi=4 life=3600 S) RA(2001:db8:f00:1::/64 3600) PBU(mn1 hi=5 life=3600 S)");
	bench_end(b);
}

/* The end of the session before, told late, is not the end of the one that begins. */
static void a_late_end_of_the_session_before(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	b->lma_silent = true;
	link_down(b, 1);
	attach(b, 1);
	bench_forget(b);
	bri(b, 1, MH_BRI_ADMINISTRATIVE);
	assert_said(b, "BRA(0)");
	assert_state(b, 1, "registering");
	b->lma_silent = false;
	wait_for(b, span_ms(1100));
	assert_state(b, 1, "registered");
	bri(b, 1, MH_BRI_ADMINISTRATIVE); /* the same once more */
	assert_state(b, 1, "registered");
	bench_end(b);
}

/* RFC 7077: all sessions of the pair, by the MN Group Identifier. */
static void all_are_to_be_registered_again(void **state)
{
	struct bench *b = bench_begin();
	struct mh_msg m;

	(void)state;
	b->legacy = true;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, G);
	wait_for(b, span_s(3));
	bench_forget(b);
	mh_init(&m, MH_UPN);
	m.flags = MH_UPN_A;
	m.seq = 9;
	m.reason = MH_UPN_FORCE_REREGISTRATION;
	m.has = MH_HAS_GROUP_ID;
	m.group_id = 1;
	recv_mh(b, LMA, &m);
	wait_for(b, span_ms(1));
	assert_non_null(strstr(b->said.s, "PBU(mn1 hi=5"));
	assert_non_null(strstr(b->said.s, "PBU(mn2 hi=5"));
	assert_non_null(strstr(b->said.s, "UPA(0)"));
	bench_forget(b);
	m.seq = 10;
	m.group_id = 7; /* a group that nobody made */
	recv_mh(b, LMA, &m);
	wait_for(b, span_ms(1));
	assert_said(b, "UPA(132)");
	bench_end(b);
}

/* The draft's "triggered by the LMA". */
static void the_anchor_has_a_node_queried(void **state)
{
	struct bench *b = bench_begin();
	struct mh_msg m;

	(void)state;
	attach(b, 1);
	wait_for(b, span_s(3));
	b->probes = true;
	bench_forget(b);
	mh_init(&m, MH_UPN);
	m.flags = MH_UPN_A;
	m.seq = 9;
	m.reason = MH_UPN_VENDOR_SPECIFIC;
	m.has = MH_HAS_MN_ID | MH_HAS_QUERY;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = mn(1);
	recv_mh(b, LMA, &m);
	wait_for(b, span_ms(1));
	assert_said(b, "UPA(0) Q100");
	bench_forget(b);
	m.flags |= MH_UPN_D; /* its answer was lost */
	recv_mh(b, LMA, &m);
	wait_for(b, span_ms(1));
	assert_said(b, "UPA(0)");
	bench_forget(b);
	m.seq = 10;
	assert_true(mh_add_record(&m, &m.query, MH_PROTO_MLDV2, MLD_MODE_IS_EXCLUDE, &(struct in6_addr){.s6_addr = {0xff, 0x1e, [15] = 1}},
				  NULL, 0, MH_AMS_SOURCES));
	recv_mh(b, LMA, &m);
	wait_for(b, span_ms(1));
	assert_said(b, "UPA(0) Q(ff1e::1)");
	bench_forget(b);
	m.seq = 11;
	m.mn_id = mn(2);
	recv_mh(b, LMA, &m);
	assert_said(b, "UPA(132)");
	bench_forget(b);
	assert_int_equal(mag_query_node(b->mag, b->now, &m.mn_id, NULL), CTL_NO_SUCH_NODE);
	m.mn_id = mn(1);
	wait_for(b, span_s(1));
	bench_forget(b);
	assert_int_equal(mag_query_node(b->mag, b->now, &m.mn_id, NULL), CTL_OK);
	wait_for(b, span_ms(1));
	assert_said(b, "Q100");
	bench_end(b);
}

static void revoked_and_back(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	b->dead = true;
	bri(b, 1, 4);
	wait_for(b, span_s(1));
	assert_state(b, 1, "held");
	b->dead = false;
	bench_forget(b);
	send_rs(b, 1, 1);
	assert_said(b, PBU1 " " RA1);
	wait_for(b, span_s(5));
	assert_state(b, 1, "registered");
	bench_end(b);
}

/* The link goes down while it is being found out. */
static void gone_while_asked(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	b->dead = true;
	bri(b, 1, 4);
	bench_forget(b);
	link_down(b, 1);
	assert_said(b, "BRA(0) PBU(mn1 hi=4 life=0)");
	bench_end(b);
}

static void by_the_anchors_will(void **state)
{
	const uint8_t triggers[] = {0, 1, 5, 6};

	(void)state;
	for (size_t i = 0; i < sizeof(triggers); i++) {
		struct bench *b = bench_begin();
		struct lladdr l = mac(1);

		attach(b, 1);
		join(b, 1, 1, G);
		bench_forget(b);
		bri(b, 1, triggers[i]);
		assert_said(b, WITHDRAWN1 " BRA(0)");
		assert_data(b, "ff1e::1- node1-");
		assert_state(b, 1, "refused");
		/* It does not come back by itself. */
		bench_forget(b);
		send_rs(b, 1, 1);
		wait_for(b, span_s(20));
		assert_null(strstr(b->said.s, "PBU"));
		assert_int_equal(mag_attach(b->mag, b->now, 1, &l, NULL, 0), CTL_OK);
		bench_drain(b);
		assert_state(b, 1, "registered");
		bench_end(b);
	}
}

/* The answer was lost: the revocation comes again, when the node has a new session already. */
static void a_repetition_ends_no_new_session(void **state)
{
	struct bench *b = bench_begin();
	struct lladdr l = mac(1);

	(void)state;
	attach(b, 1);
	bri(b, 1, 1);
	assert_int_equal(mag_attach(b->mag, b->now, 1, &l, NULL, 0), CTL_OK);
	bench_drain(b);
	bench_forget(b);
	wait_for(b, span_s(1));
	bri(b, 1, 1);
	assert_said(b, "BRA(0)");
	assert_state(b, 1, "registered");
	wait_for(b, span_s(10)); /* the same number, much later, is another one */
	bri(b, 1, 1);
	assert_state(b, 1, "refused");
	bench_end(b);
}

/* The policy store gave it another prefix: the anchor ends the session that has the old one, whichever of the two hears
 * of it first. */
static void revoked_for_other_prefixes(void **state)
{
	struct bench *b = bench_begin();
	struct nai name = mn(1);
	struct in6_addr g = addr(G);
	enum policy_verdict verdict;

	(void)state;
	attach(b, 1);
	assert_int_equal(mag_subscribe(b->mag, b->now, &name, &g, &addr_any, &verdict), CTL_OK);
	bench_drain(b);
	bench_profile(b, 1);
	b->profile[1]->version = 2;
	b->profile[1]->n_prefixes = 1;
	b->profile[1]->prefixes[0] = home(7);
	mag_profile_changed(b->mag, b->now, &name, b->profile[1]);
	bench_drain(b);
	assert_state(b, 1, "registered");
	wait_for(b, span_s(30));
	bench_forget(b);
	bri(b, 1, 1);
	assert_int_equal(b->pbu.n_hnp, 1);
	assert_true(addr_eq(&b->pbu.hnp[0].addr, &b->profile[1]->prefixes[0].addr));
	assert_state(b, 1, "registered");
	assert_data(b, "ff1e::1- node1- node1+ ff1e::1+1"); /* what an operator asked for goes on */
	wait_for(b, span_s(11)); /* by then the number of the message is another one's */
	/* Back to one of the anchor's choice. */
	bench_profile(b, 1);
	b->profile[1]->version = 3;
	mag_profile_changed(b->mag, b->now, &name, b->profile[1]);
	bench_drain(b);
	wait_for(b, span_s(1));
	bri_of(b, 1, home(7), 1);
	assert_true(addr_is_any(&b->pbu.hnp[0].addr));
	assert_state(b, 1, "registered");
	wait_for(b, span_s(11));
	/* With nothing changed since it is the anchor's will. */
	bri(b, 1, 1);
	assert_state(b, 1, "refused");
	bench_end(b);
}

static void revocations_of_nothing(void **state)
{
	struct bench *b = bench_begin();
	struct mh_msg m;

	(void)state;
	attach(b, 1);
	bench_forget(b);
	bri(b, 2, 4);
	assert_said(b, "BRA(128)");
	mh_init(&m, MH_REVOCATION);
	m.revocation = 1;
	m.flags = P;
	m.trigger = 4;
	recv_mh(b, LMA, &m);
	m.flags = 0;
	recv_mh(b, LMA, &m);
	m.flags = P | V;
	m.has = MH_HAS_MN_ID;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = mn(1);
	recv_mh(b, LMA, &m);
	m.flags = P;
	m.trigger = 77;
	recv_mh(b, LMA, &m);
	m.trigger = 4;
	m.n_hnp = 1;
	m.hnp[0] = home(2); /* not its prefix */
	recv_mh(b, LMA, &m);
	assert_said(b, "BRA(128) BRA(131) BRA(134) BRA(128) BRA(133) BRA(128)");
	assert_state(b, 1, "registered");
	m.revocation = 2; /* an answer */
	recv_mh(b, LMA, &m);
	assert_int_equal(counter(b, "mh-not-for-mag"), 1);
	bench_end(b);
}

static void revocation_of_many(void **state)
{
	struct bench *b = bench_begin();
	struct mh_msg m;

	(void)state;
	b->profile[3]->lma = LMA2;
	attach(b, 1);
	attach(b, 2);
	attach(b, 3);
	mh_init(&m, MH_REVOCATION);
	m.revocation = 1;
	m.flags = P | ALL;
	m.trigger = 129;
	recv_mh(b, LMA, &m);
	m.has = MH_HAS_MN_ID;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = nai_of("2", 1); /* stands for a realm */
	recv_mh(b, LMA, &m);
	assert_state(b, 1, "registered");
	assert_state(b, 2, "refused");
	m.trigger = 128;
	m.has = 0;
	recv_mh(b, LMA, &m);
	assert_state(b, 1, "refused");
	assert_state(b, 3, "registered");
	bench_end(b);
}

static void heartbeats(void **state)
{
	struct bench *b = bench_begin();
	struct mh_msg m;

	(void)state;
	mh_init(&m, MH_HEARTBEAT);
	m.heartbeat_seq = 7;
	recv_mh(b, LMA, &m);
	recv_mh(b, LMA2, &m); /* of whom nobody has heard */
	/* the counter is the second of the start, so that the next start has a greater one */
	assert_said(b, "HEARTBEAT(7 restarts=1700000000)");
	m.flags = 1; /* an answer that nobody asked for */
	recv_mh(b, LMA, &m);
	assert_said(b, "HEARTBEAT(7 restarts=1700000000)");
	bench_end(b);
}

/* They could otherwise provoke answers to where no peer is. */
static void messages_from_nowhere(void **state)
{
	const char *const from[] = {"::", "ff02::1", "fe80::1"};
	struct bench *b = bench_begin();
	struct mh_msg m;

	(void)state;
	mh_init(&m, MH_HEARTBEAT);
	for (size_t i = 0; i < 3; i++)
		recv_mh(b, addr(from[i]), &m);
	assert_said(b, "");
	assert_int_equal(counter(b, "mh-bad-source"), 3);
	assert_int_equal(counter(b, "mh-unknown-peer"), 0);
	bench_end(b);
}

static void messages_for_others(void **state)
{
	const enum mh_type types[] = {MH_UPA, MH_HACK};
	struct bench *b = bench_begin();
	struct mh_msg m;

	(void)state;
	attach(b, 1);
	bench_forget(b);
	for (size_t i = 0; i < 2; i++) {
		mh_init(&m, types[i]);
		if (types[i] == MH_HACK)
			m.flags = 0x40;
		m.has = MH_HAS_MN_ID;
		m.mn_id_subtype = MH_MNID_NAI;
		m.mn_id = mn(1);
		recv_mh(b, LMA, &m);
	}
	assert_said(b, "BE(2) BE(2)");
	for (int i = 0; i < 50; i++)
		recv_mh(b, LMA, &m);
	assert_int_equal(counter(b, "binding-error-sent"), 10);
	mh_init(&m, MH_BE);
	m.status = 2;
	recv_mh(b, LMA, &m);
	assert_int_equal(counter(b, "binding-error-received"), 1);
	assert_state(b, 1, "registered");
	bench_end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_that_moved_away),
		cmocka_unit_test(a_node_that_is_still_here),
		cmocka_unit_test(a_late_revocation),
		cmocka_unit_test(a_late_end_of_the_session_before),
		cmocka_unit_test(all_are_to_be_registered_again),
		cmocka_unit_test(the_anchor_has_a_node_queried),
		cmocka_unit_test(revoked_and_back),
		cmocka_unit_test(gone_while_asked),
		cmocka_unit_test(by_the_anchors_will),
		cmocka_unit_test(a_repetition_ends_no_new_session),
		cmocka_unit_test(revoked_for_other_prefixes),
		cmocka_unit_test(revocations_of_nothing),
		cmocka_unit_test(revocation_of_many),
		cmocka_unit_test(heartbeats),
		cmocka_unit_test(messages_from_nowhere),
		cmocka_unit_test(messages_for_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
