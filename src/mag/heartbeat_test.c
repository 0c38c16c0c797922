/* SPDX-License-Identifier: BSD-2-Clause */
/* Heartbeat (RFC 5847), and what follows of it. */
#include "mag/testing.h"

#define STARTED 1700000000u

static void often(struct mag_conf *conf) { conf->heartbeat_interval = span_s(60); }

static uint32_t seq_last;

/* The number of the request among what was said last. */
static uint32_t asked(struct bench *b)
{
	const char *at = strstr(b->said.s, "HEARTBEAT?(");

	assert_non_null(at);
	seq_last = (uint32_t)strtoul(at + strlen("HEARTBEAT?("), NULL, 10);
	return seq_last;
}

static void answer_with(struct bench *b, uint16_t flags, uint32_t seq, uint32_t counter)
{
	struct mh_msg m;

	mh_init(&m, MH_HEARTBEAT);
	m.flags = flags;
	m.heartbeat_seq = seq;
	m.has |= MH_HAS_RESTART_COUNTER;
	m.restart_counter = counter;
	recv_mh(b, LMA, &m);
}

/* Node 1 is bound, and the anchor has told its counter. */
static struct bench *known(void (*change)(struct mag_conf *conf))
{
	struct bench *b = begin_with(change);

	attach(b, 1);
	wait_for(b, span_ms(900));
	bench_forget(b);
	wait_for(b, span_ms(200));
	answer_with(b, MH_HEARTBEAT_R, asked(b), 7);
	bench_forget(b);
	return b;
}

static void asks_who_has_bindings(void **state)
{
	struct bench *b = begin_with(often);
	uint32_t before;

	(void)state;
	wait_for(b, span_ms(1));
	assert_said(b, "HEARTBEAT(0 restarts=1700000000 U)"); /* to the anchor that is known by name */
	bench_forget(b);
	wait_for(b, span_s(600));
	assert_said(b, ""); /* nobody is bound there */
	attach(b, 1);
	bench_forget(b);
	wait_for(b, span_ms(1001));
	answer_with(b, MH_HEARTBEAT_R, asked(b), 7);
	bench_forget(b);
	wait_for(b, span_ms(59990));
	assert_null(strstr(b->said.s, "HEARTBEAT"));
	wait_for(b, span_ms(10));
	before = seq_last;
	assert_int_equal(asked(b), before + 1);
	assert_int_equal(counter(b, "heartbeat-sent"), 2);
	link_down(b, 1);
	wait_for(b, span_s(600));
	assert_int_equal(counter(b, "heartbeat-sent"), 2);
	bench_end(b);
}

static void is_asked_soon_until_it_told_its_counter(void **state)
{
	struct bench *b = begin_with(often);

	(void)state;
	attach(b, 1);
	wait_for(b, span_ms(5500));
	assert_int_equal(counter(b, "heartbeat-sent"), 5);
	wait_for(b, span_s(60));
	assert_int_equal(counter(b, "heartbeat-sent"), 6);
	wait_for(b, span_s(900));
	assert_int_equal(counter(b, "heartbeat-peer-dead"), 0); /* it may know no Heartbeat */
	assert_state(b, 1, "registered");
	bench_end(b);
}

static void a_restarted_anchor_gets_its_bindings_again(void **state)
{
	struct bench *b = known(often);

	(void)state;
	attach(b, 2);
	join(b, 1, 1, G);
	bench_forget(b);
	answer_with(b, MH_HEARTBEAT_R | MH_HEARTBEAT_U, 0, 8);
	assert_non_null(strstr(b->events.s, "peer-restarted"));
	wait_for(b, span_ms(1));
	assert_non_null(strstr(b->said.s, "PBU(mn1 hi=5 life=3600 S " G "=EX{})"));
	assert_non_null(strstr(b->said.s, "PBU(mn2 hi=5 life=3600 S)"));
	assert_data(b, ""); /* the nodes are served all the while */
	assert_null(strstr(b->said.s, "RA(2001:db8:f00:1::/64 0"));
	bench_forget(b);
	answer_with(b, MH_HEARTBEAT_R | MH_HEARTBEAT_U, 0, 8); /* told again */
	wait_for(b, span_s(1));
	assert_null(strstr(b->said.s, "PBU"));
	assert_int_equal(counter(b, "heartbeat-peer-restarted"), 1);
	bench_end(b);
}

static void mld_of_the_tunnel_is_told_again(void **state)
{
	struct bench *b = begin_with(often);

	(void)state;
	b->legacy = true;
	attach(b, 1);
	join(b, 1, 1, G);
	wait_for(b, span_ms(1100));
	answer_with(b, MH_HEARTBEAT_R, asked(b), 7);
	wait_for(b, span_s(10));
	bench_forget(b);
	answer_with(b, MH_HEARTBEAT_R | MH_HEARTBEAT_U, 0, 8);
	wait_for(b, span_s(3));
	assert_non_null(strstr(b->said.s, "PBU(mn1 hi=5"));
	assert_non_null(strstr(strstr(b->said.s, "PBU(mn1 hi=5"), "MLD("));
	bench_end(b);
}

static void a_dead_anchor_and_its_return(void **state)
{
	struct bench *b = known(often);

	(void)state;
	wait_for(b, span_s(239));
	assert_null(strstr(b->events.s, "peer-down")); /* three may be missed */
	wait_for(b, span_s(62));
	assert_non_null(strstr(b->events.s, "peer-down"));
	assert_state(b, 1, "registered"); /* the binding has its own lifetime */
	bench_forget(b);
	wait_for(b, span_s(60));
	answer_with(b, MH_HEARTBEAT_R, asked(b), 7);
	assert_non_null(strstr(b->events.s, "peer-up"));
	wait_for(b, span_ms(1));
	assert_non_null(strstr(b->said.s, REFRESH1));
	bench_end(b);
}

static void answers_that_match_nothing(void **state)
{
	struct bench *b = known(often);

	(void)state;
	answer_with(b, MH_HEARTBEAT_R, seq_last, 99);
	answer_with(b, MH_HEARTBEAT_R, seq_last + 1, 99);
	answer_with(b, MH_HEARTBEAT_R | MH_HEARTBEAT_U, 0, 6); /* from before */
	wait_for(b, span_s(1));
	assert_said(b, "");
	assert_int_equal(counter(b, "heartbeat-unmatched"), 3);
	bench_end(b);
}

static void one_that_knows_no_heartbeat(void **state)
{
	struct bench *b = begin_with(often);
	struct mh_msg m;

	(void)state;
	attach(b, 1);
	wait_for(b, span_ms(1100));
	bench_forget(b);
	mh_init(&m, MH_BE);
	m.status = MH_BE_UNKNOWN_TYPE;
	recv_mh(b, LMA, &m);
	wait_for(b, span_s(900));
	assert_null(strstr(b->said.s, "HEARTBEAT"));
	assert_null(strstr(b->events.s, "peer-down"));
	bench_end(b);
}

static void each_is_registered_once(void **state)
{
	struct bench *b = known(often);

	(void)state;
	for (unsigned n = 2; n <= NODES; n++)
		attach(b, n);
	b->n_pbu = 0;
	answer_with(b, MH_HEARTBEAT_R | MH_HEARTBEAT_U, 0, 8);
	wait_for(b, span_s(30));
	assert_int_equal(b->n_pbu, NODES);
	bench_end(b);
}

/* A node that waits for an answer for ever longer does not wait any longer than the anchor is away. */
static void whoever_waits_is_first(void **state)
{
	struct bench *b = known(often);

	(void)state;
	b->lma_silent = true;
	attach(b, 2);
	wait_for(b, span_s(354)); /* its last repetition was not long ago */
	assert_non_null(strstr(b->events.s, "peer-down"));
	assert_state(b, 2, "registering");
	b->lma_silent = false;
	do {
		bench_forget(b);
		wait_for(b, span_ms(200));
	} while (!strstr(b->said.s, "HEARTBEAT?("));
	if (strcmp(mag_node_state_name(view(b, 2).state), "registering"))
		fail_msg("its own repetition came first: the test shows nothing");
	answer_with(b, MH_HEARTBEAT_R, asked(b), 7);
	wait_for(b, span_ms(1));
	assert_state(b, 2, "registered");
	bench_end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_who_has_bindings),
		cmocka_unit_test(is_asked_soon_until_it_told_its_counter),
		cmocka_unit_test(a_restarted_anchor_gets_its_bindings_again),
		cmocka_unit_test(mld_of_the_tunnel_is_told_again),
		cmocka_unit_test(a_dead_anchor_and_its_return),
		cmocka_unit_test(answers_that_match_nothing),
		cmocka_unit_test(one_that_knows_no_heartbeat),
		cmocka_unit_test(each_is_registered_once),
		cmocka_unit_test(whoever_waits_is_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
