/* SPDX-License-Identifier: BSD-2-Clause */
/* Handovers between gateways, both sides: the whole way, and what ends it on either. */
#include "mag/handover_testing.h"

/* ---- the whole way, Figure 5 of the draft ---- */

static void predictive(void **state)
{
	struct world *w = listening(NULL);
	struct bench *a = w->b[0], *b = w->b[1];

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_said(a, HI1 " HI(mn1 F c3 key)");
	assert_data(a, "tunnel+ forward1+");
	assert_events(a, "handover-started handover-ready");
	assert_true(view(a, 1).handing_over);
	assert_said(b, "SQ(mn1 join ff1e::1=EX{}) MLD(TO_EX ff1e::1{}) HAck(mn1 U c5 key) SQ(mn1 label ff1e::1=EX{}) "
		       "HAck(mn1 F c0 key)");
	assert_data(b, "tunnel+ tunnel+ expect1+ ff1e::1+1 edge1=1");
	assert_state(b, 1, "expected");
	assert_string_equal(view(b, 1).link_name, "");
	assert_events(b, "handover-started subscribed group-joined handover-ready");

	forget(w);
	leave_link(w, 0);
	assert_said(a, ""); /* its binding stays as it is, until the new gateway has it */
	assert_data(a, "");
	b->lma_silent = true;
	come(w, 1);
	/* Released, advertised and asked on its link at once; the anchor is still to answer. */
	assert_data(b, "node1+ ff1e::1+1 ff1e::1-1");
	assert_said(b, RA1 " PBU(mn1 hi=3 life=3600 S ff1e::1=EX{}) " RA1); /* the second answers its solicitation */
	assert_state(b, 1, "registering");
	forget(w);
	b->lma_silent = false;
	pass(w, span_s(1));
	assert_state(b, 1, "registered");
	assert_data(b, "node1+"); /* by way of the anchor now */
	forget(w);
	revoke(w, 0);
	assert_said(a, "BRA(0)");
	assert_data(a, "ff1e::1-"); /* forwarding goes on */
	forget(w);
	done(w, 1);
	assert_said(b, "HI(mn1 F c2 key)");
	assert_data(b, "handover1- tunnel-");
	assert_said(a, "HAck(mn1 F c0)");
	assert_data(a, "handover1- node1- tunnel-");
	assert_events(a, "handover-completed");
	assert_events(b, "handover-completed");
	pass(w, span_s(10));
	assert_nothing_left(w);
	assert_false(exists(a, 1));
	assert_state(b, 1, "registered");
	assert_sub(b, 1, G, "active");
	finish(w);
}

/* ---- what gets lost, comes twice, or is not for us ---- */

/* Two of three transmissions of each message: the handover takes longer, and nothing else. */
static void messages_get_lost(void **state)
{
	(void)state;
	for (unsigned lost = 1; lost <= 3; lost++) {
		struct world *w = listening(NULL);

		w->n_lost = lost;
		assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
		pass(w, span_ms(800));
		assert_true(view(w->b[0], 1).handing_over);
		assert_events(w->b[0], "handover-started handover-ready");
		assert_state(w->b[1], 1, "expected");
		finish(w);
	}
}

static void messages_come_twice(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	w->twice = true;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_events(w->b[0], "handover-started handover-ready");
	assert_events(w->b[1], "handover-started subscribed group-joined handover-ready");
	assert_data(w->b[1], "tunnel+ tunnel+ expect1+ ff1e::1+1 edge1=1");
	leave_link(w, 0);
	come(w, 1);
	done(w, 1);
	pass(w, span_s(10));
	assert_nothing_left(w);
	assert_state(w->b[1], 1, "registered");
	finish(w);
}

static void nobody_answers(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	w->n_lost = 100;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	pass(w, span_s(4));
	assert_events(w->b[0], "handover-started handover-failed");
	assert_int_equal(counter(w->b[0], "hi-retransmitted"), 6); /* of the question, and of the end */
	assert_false(view(w->b[0], 1).handing_over);
	assert_sub(w->b[0], 1, G, "active");
	assert_nothing_left(w);
	finish(w);
}

/* The new gateway hears of the handover, but the word that it is forwarded to is lost for ever. */
static void the_second_word_is_lost(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	w->b[1]->store_silent = true;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	w->b[1]->store_silent = false;
	mag_profile(w->b[1]->mag, w->b[1]->now, 1, w->b[1]->profile[1]); /* the late answer to its question */
	bench_drain(w->b[1]);
	w->n_lost = 0;
	settle(w);
	assert_state(w->b[1], 1, "expected");
	assert_events(w->b[0], "handover-started handover-ready");
	finish(w);
}

static void only_candidates(struct mag_conf *conf)
{
	struct in6_addr second = coa(1);

	if (addr_eq(&conf->proxy_coa, &second))
		conf->n_candidates = 0;
}

static void only_the_first(struct mag_conf *conf)
{
	struct in6_addr second = coa(1);

	if (addr_eq(&conf->proxy_coa, &second)) {
		conf->candidates[0] = conf->candidates[2];
		conf->n_candidates = 1;
	}
}

static void strangers_are_refused(void **state)
{
	struct world *w = listening(only_the_first);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_events(w->b[0], "handover-started handover-failed");
	assert_int_equal(counter(w->b[1], "mh-unknown-peer"), 2); /* the question, and the end */
	assert_false(exists(w->b[1], 1));
	pass(w, span_s(2));
	finish(w);
	/* One to which handovers are nothing. */
	w = listening(only_candidates);
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	assert_said(w->b[1], "");
	pass(w, span_s(4));
	assert_events(w->b[0], "handover-started handover-failed");
	finish(w);
}

/* ---- one after the other, and many ---- */

/* A, B, C, without a rest: each handover ends the one before. */
static void from_one_to_the_next(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		unsigned from = i % GATEWAYS, to = (i + 1) % GATEWAYS;
		char name[8];

		snprintf(name, sizeof(name), "mag%u", to + 1);
		assert_int_equal(hand_over(w, from, name), CTL_OK);
		leave_link(w, from);
		come(w, to);
		assert_state(w->b[to], 1, "registered");
		assert_sub(w->b[to], 1, G, "active");
		if (i % 2)
			revoke(w, from);
	}
	pass(w, span_s(10));
	assert_nothing_left(w);
	assert_state(w->b[0], 1, "registered");
	assert_false(exists(w->b[1], 1));
	assert_false(exists(w->b[2], 1));
	assert_sub(w->b[0], 1, G, "active");
	finish(w);
}

/* There and back before anybody was told that it was over. */
static void there_and_back(void **state)
{
	struct world *w = listening(NULL);

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	leave_link(w, 0);
	come(w, 1);
	assert_int_equal(hand_over(w, 1, "mag1"), CTL_OK);
	assert_state(w->b[0], 1, "expected");
	leave_link(w, 1);
	come(w, 0);
	assert_state(w->b[0], 1, "registered");
	assert_sub(w->b[0], 1, G, "active");
	pass(w, span_s(10));
	assert_nothing_left(w);
	assert_false(exists(w->b[1], 1));
	finish(w);
}

static void few_handovers(struct mag_conf *conf)
{
	conf->handover.handovers_max = 1;
	conf->handover.per_s = 2;
}

static void limits(void **state)
{
	struct world *w = listening(few_handovers);
	struct nai name = mn(1);

	(void)state;
	attach(w->b[0], 2);
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	name = mn(2);
	assert_int_equal(mag_handover(w->b[0]->mag, w->b[0]->now, &name, "mag2"), CTL_LIMIT);
	name = mn(1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(mag_handover_cancel(w->b[0]->mag, w->b[0]->now, &name), CTL_OK);
		settle(w);
		assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	}
	assert_int_equal(counter(w->b[1], "limit-handover-rate"), 1);
	assert_non_null(strstr(w->b[0]->events.s, "handover-failed"));
	pass(w, span_s(10));
	assert_nothing_left(w);
	finish(w);
}

/* ---- gateways come and go ---- */

static void a_gateway_stops(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct world *w = listening(NULL);

		assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
		mag_stop(w->b[who]->mag, w->b[who]->now);
		settle(w);
		pass(w, span_s(2));
		assert_false(exists(w->b[1], 1));
		assert_int_equal(exists(w->b[0], 1), who == 1);
		assert_nothing_left(w);
		finish(w);
	}
}

/* It has lost all that it knew, and is asked to take what it had taken. */
static void the_new_gateway_begins_anew(void **state)
{
	struct world *w = listening(NULL);
	struct bench *b = w->b[1];

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	mag_free(b->mag);
	b->mag = mag_new(&b->conf, b->now, 77);
	leave_link(w, 0);
	come(w, 1);
	assert_state(b, 1, "registered");
	revoke(w, 0);
	pass(w, span_s(5));
	assert_false(exists(w->b[0], 1));
	assert_nothing_left(w);
	finish(w);
}

static void the_old_gateway_begins_anew(void **state)
{
	struct world *w = listening(NULL);
	struct bench *a = w->b[0];

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	mag_free(a->mag);
	a->mag = mag_new(&a->conf, a->now, 77);
	attach(a, 1); /* the node is still there */
	join(a, 1, 1, G);
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	pass(w, span_s(2));
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_ALREADY);
	assert_state(w->b[1], 1, "expected");
	assert_true(view(a, 1).handing_over);
	finish(w);
}

static void a_candidate_goes(void **state)
{
	struct world *w = listening(NULL);
	struct mag_conf conf = w->b[0]->conf;

	(void)state;
	assert_int_equal(hand_over(w, 0, "mag2"), CTL_OK);
	conf.n_candidates = 0;
	mag_reconf(w->b[0]->mag, w->b[0]->now, &conf);
	settle(w);
	assert_false(view(w->b[0], 1).handing_over);
	pass(w, span_s(6));
	assert_false(exists(w->b[1], 1));
	assert_nothing_left(w);
	finish(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(predictive),
		cmocka_unit_test(messages_get_lost),
		cmocka_unit_test(messages_come_twice),
		cmocka_unit_test(nobody_answers),
		cmocka_unit_test(the_second_word_is_lost),
		cmocka_unit_test(strangers_are_refused),
		cmocka_unit_test(from_one_to_the_next),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(limits),
		cmocka_unit_test(a_gateway_stops),
		cmocka_unit_test(the_new_gateway_begins_anew),
		cmocka_unit_test(the_old_gateway_begins_anew),
		cmocka_unit_test(a_candidate_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
