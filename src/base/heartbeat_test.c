/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/heartbeat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint32_t one = 1, two = 2;
static const mono_t now = {5};

static void given_up_after_the_allowed(void **state)
{
	struct heartbeat h;

	(void)state;
	heartbeat_init(&h, 0, 41);
	assert_false(heartbeat_ask(&h, 3));
	assert_int_equal(h.seq, 42);
	assert_int_equal(heartbeat_answer(&h, now, 42, &one), HEARTBEAT_ALIVE);
	for (int i = 0; i < 4; i++) /* of which three may be missed */
		assert_false(heartbeat_ask(&h, 3));
	assert_false(h.dead);
	assert_true(heartbeat_ask(&h, 3));
	assert_true(h.dead);
	assert_false(heartbeat_ask(&h, 3)); /* told once */
	assert_int_equal(heartbeat_answer(&h, now, h.seq, &one), HEARTBEAT_BACK);
	assert_false(h.dead);
	assert_int_equal(h.missed, 0);
}

static void only_the_last_request_is_answered(void **state)
{
	struct heartbeat h;

	(void)state;
	heartbeat_init(&h, 0, 0);
	assert_int_equal(heartbeat_answer(&h, now, 0, &one), HEARTBEAT_UNMATCHED);
	heartbeat_ask(&h, 3);
	heartbeat_ask(&h, 3);
	assert_int_equal(heartbeat_answer(&h, now, h.seq - 1, &one), HEARTBEAT_UNMATCHED);
	assert_false(h.known);
	assert_int_equal(heartbeat_answer(&h, now, h.seq, &one), HEARTBEAT_ALIVE);
	assert_int_equal(heartbeat_answer(&h, now, h.seq, &two), HEARTBEAT_UNMATCHED); /* a duplicate */
	assert_int_equal(h.counter, 1);
}

static void restarts(void **state)
{
	struct heartbeat h;

	(void)state;
	heartbeat_init(&h, 0, 0);
	assert_int_equal(heartbeat_unsolicited(&h, now, &one), HEARTBEAT_ALIVE);
	assert_int_equal(heartbeat_unsolicited(&h, now, &one), HEARTBEAT_ALIVE);
	assert_int_equal(heartbeat_unsolicited(&h, now, &two), HEARTBEAT_RESTARTED);
	assert_int_equal(heartbeat_unsolicited(&h, now, &one), HEARTBEAT_UNMATCHED); /* late */
	assert_int_equal(heartbeat_unsolicited(&h, now, NULL), HEARTBEAT_UNMATCHED);
	heartbeat_ask(&h, 3);
	assert_int_equal(heartbeat_answer(&h, now, h.seq, NULL), HEARTBEAT_ALIVE); /* without the option */
	heartbeat_ask(&h, 3);
	assert_int_equal(heartbeat_answer(&h, now, h.seq, &one), HEARTBEAT_RESTARTED); /* any other value (3.2) */
}

static void who_never_answered_is_not_judged(void **state)
{
	struct heartbeat h;

	(void)state;
	heartbeat_init(&h, 0, 0);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(heartbeat_gap(&h, span_s(60), 3).ns, i < 5 ? span_s(1).ns : span_s(60).ns);
		assert_false(heartbeat_ask(&h, 3));
	}
	assert_int_equal(heartbeat_gap(&h, span_ms(200), 9).ns, span_ms(200).ns);
	assert_int_equal(heartbeat_answer(&h, now, h.seq, &one), HEARTBEAT_ALIVE);
	assert_int_equal(heartbeat_gap(&h, span_s(60), 3).ns, span_s(60).ns);
}

static void as_it_is_shown(void **state)
{
	struct heap heap;
	struct heartbeat h;

	(void)state;
	heap_init(&heap);
	heartbeat_init(&h, 0, 0);
	assert_int_equal(heartbeat_look(&h, now).state, HEARTBEAT_OFF);
	assert_true(heap_set(&heap, &h.due, now));
	assert_int_equal(heartbeat_look(&h, now).state, HEARTBEAT_ASKED);
	assert_false(heartbeat_look(&h, now).answered);
	heartbeat_ask(&h, 1);
	heartbeat_answer(&h, now, 1, &two);
	assert_int_equal(heartbeat_look(&h, now).state, HEARTBEAT_ANSWERING);
	assert_int_equal(heartbeat_look(&h, mono_add(now, span_s(3))).since.ns, span_s(3).ns);
	assert_true(heartbeat_look(&h, now).known);
	assert_int_equal(heartbeat_look(&h, now).counter, two);
	heartbeat_ask(&h, 1);
	assert_int_equal(heartbeat_look(&h, now).state, HEARTBEAT_ANSWERING); /* it has time yet */
	heartbeat_ask(&h, 1);
	assert_int_equal(heartbeat_look(&h, now).state, HEARTBEAT_MISSING);
	heartbeat_ask(&h, 1);
	assert_int_equal(heartbeat_look(&h, now).state, HEARTBEAT_LOST);
	heartbeat_answer(&h, now, h.seq, &two);
	heartbeat_rest(&h, &heap);
	assert_int_equal(heartbeat_look(&h, now).state, HEARTBEAT_OFF);
	h.unsupported = true;
	assert_string_equal(heartbeat_state_name(heartbeat_look(&h, now).state), "unsupported");
	heap_deinit(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(given_up_after_the_allowed),
		cmocka_unit_test(only_the_last_request_is_answered),
		cmocka_unit_test(restarts),
		cmocka_unit_test(who_never_answered_is_not_judged),
		cmocka_unit_test(as_it_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
