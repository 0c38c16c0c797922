/* SPDX-License-Identifier: BSD-2-Clause */
/* PBUs, their rhythm, and what the anchor's answers mean. */
#include "mag/testing.h"

/* RFC 5213 6.9.1.1 and 6.9.1.5. */
static void what_a_registration_holds(void **state)
{
	struct bench *b = bench_begin();
	struct in6_addr lma = LMA;

	(void)state;
	attach(b, 1);
	assert_int_equal(b->pbu.flags, MH_BU_A | MH_BU_P | MH_BU_S);
	assert_true(addr_eq(&b->pbu_dst, &lma));
	assert_int_equal(b->pbu.has, MH_HAS_MN_ID | MH_HAS_HANDOFF | MH_HAS_ATT | MH_HAS_LLID | MH_HAS_TIMESTAMP |
					 MH_HAS_CAPABILITIES);
	assert_int_equal(b->pbu.att, MH_ATT_ETHERNET);
	assert_memory_equal(b->pbu.llid.b, mac(1).b, 6);
	assert_int_equal(b->pbu.n_hnp, 1);
	assert_true(addr_is_any(&b->pbu.hnp[0].addr));
	assert_int_equal(b->pbu.timestamp, mh_timestamp_of(b->now.wall.ns));
	assert_int_equal(b->pbu.capabilities.features & MH_FEATURE_AMS_IN_PBU, MH_FEATURE_AMS_IN_PBU);
	/* A refresh names what was assigned. */
	wait_for(b, span_s(3241));
	assert_int_equal(b->pbu.handoff, MH_HANDOFF_REREGISTRATION);
	assert_int_equal(b->pbu.n_hnp, 1);
	assert_true(prefix_eq(&b->pbu.hnp[0], &(struct prefix){home(1).addr, 64}));
	bench_end(b);
}

static void the_profiles_prefixes_are_asked_for(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->profile[1]->n_prefixes = 1;
	b->profile[1]->prefixes[0] = home(5);
	attach(b, 1);
	assert_true(prefix_eq(&b->pbu.hnp[0], &b->profile[1]->prefixes[0]));
	assert_said(b, PBU1 " RA(2001:db8:f00:5::/64 3600)");
	bench_end(b);
}

static void retransmission_backs_off(void **state)
{
	const int64_t due_s[] = {1, 3, 7, 15, 31, 63, 95, 127};
	struct bench *b = bench_begin();

	(void)state;
	b->lma_silent = true;
	attach(b, 1);
	assert_int_equal(b->n_pbu, 1);
	assert_data(b, ""); /* nothing is forwarded before acceptance */
	for (unsigned i = 0; i < sizeof(due_s) / sizeof(due_s[0]); i++) {
		wait_for(b, span_ms((due_s[i] - (i ? due_s[i - 1] : 0)) * 1000 - 10));
		send_nd(b, 1, 1, ND_NA, link_local(1)); /* it is still there */
		assert_int_equal(b->n_pbu, i + 1);
		wait_for(b, span_ms(10));
		assert_int_equal(b->n_pbu, i + 2);
		assert_true(b->stamps[i + 1] > b->stamps[i]);
		assert_int_equal((uint16_t)(b->seqs[i + 1] - b->seqs[i]), 1);
	}
	assert_non_null(strstr(b->events.s, "lma-silent"));
	b->lma_silent = false;
	wait_for(b, span_s(32));
	assert_state(b, 1, "registered");
	bench_end(b);
}

/* An answer to any transmission of the same request is an answer to it. */
static void a_late_answer_counts(void **state)
{
	struct bench *b = bench_begin();
	struct mh_msg first;

	(void)state;
	b->lma_silent = true;
	attach(b, 1);
	first = b->pbu;
	wait_for(b, span_s(2));
	assert_int_equal(b->n_pbu, 2);
	answer_pbu(b, &first, &b->pbu_dst);
	bench_drain(b);
	assert_state(b, 1, "registered");
	/* A second answer is none. */
	answer_pbu(b, &b->pbu, &b->pbu_dst);
	bench_drain(b);
	assert_int_equal(counter(b, "pba-unmatched"), 1);
	bench_end(b);
}

static void answers_that_are_none(void **state)
{
	struct bench *b = bench_begin();
	struct in6_addr other = LMA2;
	struct mh_msg m;

	(void)state;
	b->other_seq = true;
	attach(b, 1);
	assert_state(b, 1, "registering");
	assert_int_equal(counter(b, "pba-unmatched"), 1);
	b->other_seq = false;
	answer_pbu(b, &b->pbu, &other); /* from somebody else */
	bench_drain(b);
	assert_int_equal(counter(b, "mh-unknown-peer"), 1);
	mh_init(&m, MH_BA); /* a Binding Acknowledgement for a host of Mobile IPv6 */
	m.seq = b->pbu.seq;
	m.has = MH_HAS_MN_ID;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = mn(1);
	recv_mh(b, LMA, &m);
	assert_int_equal(counter(b, "pba-not-proxy"), 1);
	m.flags = MH_BA_P;
	m.has = 0; /* of nobody */
	recv_mh(b, LMA, &m);
	assert_int_equal(counter(b, "pba-unmatched"), 2);
	assert_state(b, 1, "registering");
	bench_end(b);
}

/* RFC 5213 6.9.1.2, 6: ignored, and not sent again before somebody acts. */
static void an_answer_that_echoes_something_else(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct bench *b = bench_begin();
		struct lladdr l = mac(1);

		b->other_handoff = i;
		b->other_llid = !i;
		attach(b, 1);
		assert_state(b, 1, "refused");
		assert_int_equal(counter(b, "pba-echo-mismatch"), 1);
		wait_for(b, span_s(20));
		send_rs(b, 1, 1);
		wait_for(b, span_s(20));
		assert_int_equal(b->n_pbu, 1);
		b->other_handoff = b->other_llid = false;
		assert_int_equal(mag_attach(b->mag, b->now, 1, &l, NULL, 0), CTL_OK);
		bench_drain(b);
		assert_state(b, 1, "registered");
		bench_end(b);
	}
}

static void refresh_before_the_end(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->lifetime_s = 100;
	attach(b, 1);
	assert_said(b, PBU1 " RA(2001:db8:f00:1::/64 100)");
	wait_for(b, span_ms(89900));
	send_nd(b, 1, 1, ND_NA, link_local(1));
	assert_int_equal(b->n_pbu, 1);
	wait_for(b, span_ms(200));
	assert_int_equal(b->n_pbu, 2);
	assert_int_equal(counter(b, "pbu-refresh"), 1);
	assert_true(view(b, 1).left.ns > span_s(99).ns);
	bench_end(b);
}

static void refresh_when_advised(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->advice_s = 20;
	attach(b, 1);
	wait_for(b, span_ms(19900));
	assert_int_equal(b->n_pbu, 1);
	wait_for(b, span_ms(200));
	assert_int_equal(b->n_pbu, 2);
	bench_end(b);
}

/* The anchor fell silent: until the end of the lifetime the binding stands, not a moment longer. */
static void a_binding_that_runs_out(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->lifetime_s = 20;
	attach(b, 1);
	b->lma_silent = true;
	wait_for(b, span_ms(19900));
	assert_state(b, 1, "registered");
	bench_forget(b);
	wait_for(b, span_ms(200));
	assert_state(b, 1, "registering");
	assert_data(b, "node1-");
	assert_non_null(strstr(b->said.s, WITHDRAWN1 " " PBU1));
	b->lma_silent = false;
	wait_for(b, span_s(2));
	assert_state(b, 1, "registered");
	bench_end(b);
}

/* A shorter lifetime makes the advertisements more frequent. */
static void advertisements_follow_the_lifetime(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->lifetime_s = 60;
	attach(b, 1);
	bench_forget(b);
	wait_for(b, span_ms(20500));
	assert_said(b, "RA(2001:db8:f00:1::/64 60)");
	bench_end(b);
}

static void refused_with(uint8_t status, unsigned at_once, bool slowly)
{
	struct bench *b = bench_begin();

	b->status = status;
	attach(b, 1);
	wait_for(b, span_s(5));
	assert_int_equal(b->n_pbu, at_once);
	assert_state(b, 1, "refused");
	assert_int_equal(view(b, 1).status, status);
	assert_data(b, "");
	assert_null(strstr(b->said.s, "RA"));
	send_rs(b, 1, 1);
	assert_int_equal(b->n_pbu, at_once);
	send_nd(b, 1, 1, ND_NA, link_local(1));
	b->status = 0;
	wait_for(b, span_s(29));
	send_nd(b, 1, 1, ND_NA, link_local(1));
	wait_for(b, span_s(10));
	assert_state(b, 1, slowly ? "registered" : "refused");
	bench_end(b);
}

static void refusals(void **state)
{
	(void)state;
	refused_with(MH_PROXY_REG_NOT_ENABLED, 1, false);
	refused_with(MH_MISSING_MN_ID, 1, false);
	refused_with(MH_NOT_LMA_FOR_THIS_MOBILE_NODE, 1, true);
	refused_with(MH_MAG_NOT_AUTHORIZED_FOR_PROXY_REG, 1, true);
	refused_with(MH_PROHIBITED, 1, true);
	refused_with(MH_NOT_AUTHORIZED_FOR_HNP, 1, true); /* assignment was asked for already */
	refused_with(MH_TIMESTAMP_MISMATCH, 4, true);
	refused_with(MH_TIMESTAMP_LOWER_THAN_PREV_ACCEPTED, 4, true);
	refused_with(200, 1, true);
}

/* The clock of the gateway before us is ahead of ours, within the window that the anchor permits. */
static void a_clock_that_is_behind(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->status = MH_TIMESTAMP_LOWER_THAN_PREV_ACCEPTED;
	attach(b, 1);
	wait_for(b, span_ms(310)); /* longer than TimestampValidityWindow */
	assert_state(b, 1, "registering");
	b->status = 0;
	wait_for(b, span_ms(310));
	assert_state(b, 1, "registered");
	bench_end(b);
}

static void no_resources_is_tried_again(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->status = MH_NO_RESOURCES;
	attach(b, 1);
	assert_state(b, 1, "registering");
	wait_for(b, span_ms(1900));
	assert_int_equal(b->n_pbu, 1);
	wait_for(b, span_ms(200));
	assert_int_equal(b->n_pbu, 2);
	b->status = 0;
	wait_for(b, span_s(20));
	assert_state(b, 1, "registered");
	bench_end(b);
}

static void prefixes_not_authorised_are_given_up(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->profile[1]->n_prefixes = 1;
	b->profile[1]->prefixes[0] = home(5);
	b->lma_silent = true;
	attach(b, 1);
	b->status = MH_NOT_AUTHORIZED_FOR_HNP;
	answer_pbu(b, &b->pbu, &b->pbu_dst);
	b->status = 0;
	b->lma_silent = false;
	bench_drain(b);
	wait_for(b, span_ms(1));
	assert_int_equal(b->n_pbu, 2);
	assert_int_equal(b->pbu.n_hnp, 1);
	assert_true(addr_is_any(&b->pbu.hnp[0].addr));
	assert_state(b, 1, "registered");
	bench_end(b);
}

static void a_refused_refresh_ends_service(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->lifetime_s = 20;
	attach(b, 1);
	b->status = MH_MAG_NOT_AUTHORIZED_FOR_PROXY_REG;
	bench_forget(b);
	wait_for(b, span_ms(18100));
	assert_state(b, 1, "refused");
	assert_data(b, "node1-");
	assert_non_null(strstr(b->said.s, WITHDRAWN1));
	bench_end(b);
}

static void accepted_without_a_prefix(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->no_prefix = true;
	attach(b, 1);
	assert_state(b, 1, "refused");
	assert_int_equal(counter(b, "pba-without-prefix"), 1);
	bench_end(b);
}

/* RFC 5213 6.12: another prefix takes the place of the one before. */
static void renumbering(void **state)
{
	struct bench *b = bench_begin();
	struct mh_msg m;

	(void)state;
	b->lifetime_s = 20;
	attach(b, 1);
	bench_forget(b);
	b->lma_silent = true;
	wait_for(b, span_ms(18001));
	m = b->pbu;
	m.hnp[0] = home(6);
	bench_forget(b);
	answer_pbu(b, &m, &b->pbu_dst);
	bench_drain(b);
	assert_said(b, "RA(2001:db8:f00:1::/64 0) RA(2001:db8:f00:6::/64 20)");
	assert_data(b, "node1+");
	bench_end(b);
}

static void sequence_conf(struct mag_conf *conf) { conf->timestamps = false; }

static void sequence_numbers_instead_of_timestamps(void **state)
{
	struct bench *b = begin_with(sequence_conf);
	struct mh_msg m;

	(void)state;
	b->lma_silent = true;
	attach(b, 1);
	assert_false(b->pbu.has & MH_HAS_TIMESTAMP);
	/* Out of the window: the answer bears the number that was accepted last. */
	m = b->pbu;
	m.seq = (uint16_t)(b->pbu.seq + 5000);
	b->status = MH_SEQUENCE_OUT_OF_WINDOW;
	answer_pbu(b, &m, &b->pbu_dst);
	b->status = 0;
	b->lma_silent = false;
	bench_drain(b);
	wait_for(b, span_ms(1));
	assert_in_range((uint16_t)(b->pbu.seq - m.seq), 2, 100); /* later, and not the next, which another may have used */
	assert_state(b, 1, "registered");
	bench_end(b);
}

/* Copies of one refusal are one refusal: three would be enough to give up. */
static void a_doubled_refusal(void **state)
{
	struct bench *b = begin_with(sequence_conf);
	struct mh_msg m;
	unsigned n;

	(void)state;
	b->lma_silent = true;
	attach(b, 1);
	m = b->pbu;
	m.seq = (uint16_t)(b->pbu.seq + 5000);
	b->status = MH_SEQUENCE_OUT_OF_WINDOW;
	answer_pbu(b, &m, &b->pbu_dst);
	bench_drain(b);
	wait_for(b, span_ms(1));
	n = b->n_pbu;
	for (unsigned i = 0; i < 5; i++) {
		answer_pbu(b, &m, &b->pbu_dst);
		bench_drain(b);
		wait_for(b, span_ms(1));
	}
	assert_int_equal(b->n_pbu, n);
	assert_state(b, 1, "registering");
	assert_int_equal(counter(b, "pba-unmatched"), 5);
	bench_end(b);
}

/* Such an answer to a request of the node's last stay is not the answer to the one under way, whatever its number. */
static void an_answer_to_an_earlier_request(void **state)
{
	struct bench *b = begin_with(sequence_conf);
	struct mh_msg m;

	(void)state;
	b->lma_silent = true;
	attach(b, 1);
	m = b->pbu;
	m.handoff = MH_HANDOFF_REREGISTRATION;
	b->status = MH_SEQUENCE_OUT_OF_WINDOW;
	answer_pbu(b, &m, &b->pbu_dst);
	b->status = 0;
	b->lma_silent = false;
	bench_drain(b);
	assert_state(b, 1, "registering");
	wait_for(b, span_ms(1100));
	assert_state(b, 1, "registered");
	bench_end(b);
}

static void link_local_conf(struct mag_conf *conf) { conf->ask_link_local = true; }

static void the_anchors_link_local_address(void **state)
{
	struct bench *b = begin_with(link_local_conf);

	(void)state;
	b->told_link_local = addr("fe80::abcd");
	attach(b, 1);
	assert_true(b->pbu.has & MH_HAS_LINK_LOCAL);
	assert_true(addr_is_any(&b->pbu.link_local)); /* a question, RFC 5213 6.9.1.1 */
	assert_true(addr_eq(&b->ra_src, &b->told_link_local));
	/* Not the node's own: then ours stays the fixed one (RFC 5213 6.9.1.2). */
	b->told_link_local = link_local(2);
	attach(b, 2);
	assert_true(addr_eq(&b->ra_src, &addr_mag_link_local));
	bench_end(b);
}

/* MAX_UPDATE_RATE: three refreshes, and what comes after them goes together in a fourth. */
static void refreshes_are_merged(void **state)
{
	const char *const groups[] = {"ff1e::1", "ff1e::2", "ff1e::3", "ff1e::4", "ff1e::5", "ff1e::6"};
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	for (int i = 0; i < 6; i++)
		join(b, 1, 1, groups[i]);
	assert_int_equal(b->n_pbu, 4);
	wait_for(b, span_ms(400));
	assert_int_equal(b->n_pbu, 5);
	assert_int_equal(b->pbu.ams.n, 6);
	assert_int_equal(counter(b, "pbu-merged"), 2);
	wait_for(b, span_s(2));
	assert_int_equal(b->n_pbu, 5);
	/* A node that leaves does not wait for any of that. */
	join(b, 1, 1, "ff1e::7");
	leave(b, 1, 1, "ff1e::7");
	link_down(b, 1);
	assert_int_equal(b->pbu.lifetime_4s, 0);
	assert_int_equal(b->pbu.ams.n, 6);
	bench_end(b);
}

static void what_changes_meanwhile_is_sent_afterwards(void **state)
{
	struct bench *b = bench_begin();
	struct mh_msg first;

	(void)state;
	b->lma_silent = true;
	attach(b, 1);
	first = b->pbu;
	join(b, 1, 1, "ff1e::1");
	assert_said(b, PBU1);
	assert_data(b, "");
	b->lma_silent = false;
	answer_pbu(b, &first, &b->pbu_dst);
	bench_drain(b);
	assert_said(b, PBU1 " " RA1 " PBU(mn1 hi=5 life=3600 S ff1e::1=EX{})");
	bench_end(b);
}

static void solicitations_are_answered(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	bench_forget(b);
	for (int i = 0; i < 10; i++)
		send_rs(b, 1, 1);
	assert_said(b, RA1 " " RA1 " " RA1);
	assert_int_equal(counter(b, "rs-rate-limited"), 7);
	bench_end(b);
}

static void repeat_conf(struct mag_conf *conf)
{
	conf->ra_repeat = 3;
	conf->ra_valid_s = 500;
	conf->ra_preferred_s = 400;
}

static void the_advertisement(void **state)
{
	struct bench *b = begin_with(repeat_conf);
	struct dp_tunnel t = {COA, LMA};
	struct nd_msg m;
	struct fx fx;
	bool seen = false;

	(void)state;
	link_up(b, 1);
	send_rs(b, 1, 1);
	wait_for(b, span_ms(2100));
	assert_said(b, PBU1 " RA(2001:db8:f00:1::/64 500) RA(2001:db8:f00:1::/64 500) RA(2001:db8:f00:1::/64 500)");
	mag_tunnel_mtu(b->mag, b->now, &t, 1420);
	while (mag_pop(b->mag, &fx)) {
		if (fx.kind != FX_LINK || nd_decode(fx.link.bytes, fx.link.len, &m) != ND_OK)
			continue;
		seen = true;
		/* To that node alone: its own MAC, all nodes' address (RFC 6085). */
		assert_memory_equal(fx.link.dmac, mac(1).b, 6);
		assert_true(addr_eq(&m.dst, &addr_all_nodes));
		assert_true(addr_eq(&m.src, &addr_mag_link_local));
		assert_int_equal(m.mtu, 1420);
		assert_int_equal(m.router_lifetime_s, 1800);
		assert_int_equal(m.n_prefixes, 1);
		assert_true(m.prefixes[0].on_link && m.prefixes[0].autonomous);
		assert_int_equal(m.prefixes[0].preferred_s, 400);
		assert_int_equal(m.source_ll.len, 6);
	}
	assert_true(seen);
	bench_end(b);
}

static void told_conf(struct mag_conf *conf)
{
	conf->ra_repeat = 2;
	conf->ra_repeat_interval = span_ms(50);
	conf->ra_solicited_per_s = 4;
	conf->ra_hop_limit = 17;
	conf->ra_reachable = span_s(30);
	conf->ra_retrans = span_ms(1500);
	conf->ra_mtu = 1400;
}

/* The router variables of RFC 4861 6.2.1. */
static void the_advertisement_says_what_is_configured(void **state)
{
	struct bench *b = begin_with(told_conf);
	struct dp_tunnel t = {COA, LMA};
	struct nd_msg m = {0};
	struct fx fx;

	(void)state;
	link_up(b, 1);
	send_rs(b, 1, 1);
	wait_for(b, span_ms(60));
	assert_said(b, PBU1 " " RA1 " " RA1);
	bench_forget(b);
	for (unsigned i = 0; i < 9; i++) {
		send_rs(b, 1, 1);
		wait_for(b, span_ms(250));
	}
	assert_int_equal(counter(b, "rs-rate-limited"), 0);
	send_rs(b, 1, 1);
	mag_tunnel_mtu(b->mag, b->now, &t, 1420);
	mag_tunnel_mtu(b->mag, b->now, &t, 1320); /* the path has less than is configured */
	for (uint32_t mtu = 0; mag_pop(b->mag, &fx);) {
		if (fx.kind != FX_LINK || nd_decode(fx.link.bytes, fx.link.len, &m) != ND_OK)
			continue;
		assert_int_equal(m.hop_limit, 17);
		assert_int_equal(m.reachable_ms, 30000);
		assert_int_equal(m.retrans_ms, 1500);
		assert_true(m.mtu == 1400 || (mtu && m.mtu == 1320));
		mtu = m.mtu;
	}
	assert_int_equal(m.mtu, 1320);
	bench_end(b);
}

static void another_address_of_ours(void **state)
{
	struct bench *b = bench_begin();
	struct mag_conf conf;

	(void)state;
	attach(b, 1);
	conf = b->conf;
	conf.lma = LMA2;
	bench_forget(b);
	mag_reconf(b->mag, b->now, &conf);
	bench_drain(b);
	assert_said(b, WITHDRAWN1 " PBU(mn1 hi=4 life=0) PBU2(mn1 hi=4 life=3600 S) " RA1);
	assert_data(b, "node1- tunnel+ node1+");
	bench_end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_registration_holds),
		cmocka_unit_test(the_profiles_prefixes_are_asked_for),
		cmocka_unit_test(retransmission_backs_off),
		cmocka_unit_test(a_late_answer_counts),
		cmocka_unit_test(answers_that_are_none),
		cmocka_unit_test(an_answer_that_echoes_something_else),
		cmocka_unit_test(refresh_before_the_end),
		cmocka_unit_test(refresh_when_advised),
		cmocka_unit_test(a_binding_that_runs_out),
		cmocka_unit_test(advertisements_follow_the_lifetime),
		cmocka_unit_test(refusals),
		cmocka_unit_test(a_clock_that_is_behind),
		cmocka_unit_test(no_resources_is_tried_again),
		cmocka_unit_test(prefixes_not_authorised_are_given_up),
		cmocka_unit_test(a_refused_refresh_ends_service),
		cmocka_unit_test(accepted_without_a_prefix),
		cmocka_unit_test(renumbering),
		cmocka_unit_test(sequence_numbers_instead_of_timestamps),
		cmocka_unit_test(a_doubled_refusal),
		cmocka_unit_test(an_answer_to_an_earlier_request),
		cmocka_unit_test(the_anchors_link_local_address),
		cmocka_unit_test(refreshes_are_merged),
		cmocka_unit_test(what_changes_meanwhile_is_sent_afterwards),
		cmocka_unit_test(solicitations_are_answered),
		cmocka_unit_test(the_advertisement),
		cmocka_unit_test(the_advertisement_says_what_is_configured),
		cmocka_unit_test(another_address_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
