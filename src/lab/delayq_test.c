/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/delayq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FRAME 64

static struct delayq q;

static int teardown(void **state)
{
	(void)state;
	delayq_free(&q);
	return 0;
}

static mono_t at(int64_t ms)
{
	return mono_add((mono_t){0}, span_ms(ms));
}

/* A frame that says its number. */
static void put(unsigned number, int64_t due)
{
	assert_int_equal(delayq_reserve(&q, 1), 1);
	int n = snprintf((char *)delayq_slot(&q, 0), FRAME, "frame %u", number);
	delayq_push(&q, (size_t)n + 1, at(due));
}

static void take(unsigned number)
{
	char text[FRAME];
	snprintf(text, sizeof(text), "frame %u", number);
	assert_int_equal(delayq_frame(&q, 0)->len, strlen(text) + 1);
	assert_string_equal((char *)delayq_data(&q, 0), text);
	delayq_drop(&q, 1);
}

static void holds_until_due(void **state)
{
	(void)state;
	assert_int_equal(delayq_init(&q, 8, FRAME), 0);
	assert_true(mono_is_never(delayq_next(&q)));
	put(1, 10);
	put(2, 12);
	put(3, 20);
	assert_int_equal(delayq_next(&q).ns, at(10).ns);
	assert_int_equal(delayq_due(&q, at(9), 8), 0);
	assert_int_equal(delayq_due(&q, at(10), 8), 1);
	assert_int_equal(delayq_due(&q, at(19), 8), 2);
	assert_int_equal(delayq_due(&q, at(99), 8), 3);
	assert_int_equal(delayq_due(&q, at(99), 2), 2);
	take(1);
	take(2);
	assert_int_equal(delayq_next(&q).ns, at(20).ns);
	take(3);
	assert_true(mono_is_never(delayq_next(&q)));
}

static void keeps_the_order(void **state)
{
	(void)state;
	assert_int_equal(delayq_init(&q, 8, FRAME), 0);
	put(1, 10);
	put(2, 5); /* a clock that was set back */
	assert_int_equal(delayq_due(&q, at(9), 8), 0);
	assert_int_equal(delayq_due(&q, at(10), 8), 2);
	take(1);
	take(2);
}

static void grows_while_it_wraps(void **state)
{
	(void)state;
	unsigned in = 0, out = 0;
	assert_int_equal(delayq_init(&q, 1000, FRAME), 0);
	for (unsigned round = 0; round < 40; round++) { /* more comes than goes, at every place of the ring */
		for (unsigned i = 0; i < 50; i++, in++)
			put(in, in);
		for (unsigned i = 0; i < 30; i++)
			take(out++);
	}
	assert_int_equal(q.n, in - out);
	while (out < in)
		take(out++);
}

static void is_bounded(void **state)
{
	(void)state;
	assert_int_equal(delayq_init(&q, 300, FRAME), 0);
	for (unsigned i = 0; i < 300; i++)
		put(i, 1);
	assert_int_equal(delayq_reserve(&q, 1), 0);
	take(0);
	assert_int_equal(delayq_reserve(&q, 5), 1);
	put(300, 1);
	for (unsigned i = 1; i <= 300; i++)
		take(i);
}

/* As a batch of packets is received: into free slots, of which some are passed over. */
static void takes_a_batch(void **state)
{
	(void)state;
	assert_int_equal(delayq_init(&q, 300, FRAME), 0);
	put(7, 1);
	assert_int_equal(delayq_reserve(&q, 200), 200);
	for (unsigned i = 0; i < 200; i++)
		snprintf((char *)delayq_slot(&q, i), FRAME, "frame %u", i);
	for (unsigned i = 0; i < 200; i++)
		delayq_push(&q, strlen((char *)delayq_slot(&q, 0)) + 1, at(2));
	take(7);
	for (unsigned i = 0; i < 200; i++)
		take(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(holds_until_due, teardown),
	    cmocka_unit_test_teardown(keeps_the_order, teardown),
	    cmocka_unit_test_teardown(grows_while_it_wraps, teardown),
	    cmocka_unit_test_teardown(is_bounded, teardown),
	    cmocka_unit_test_teardown(takes_a_batch, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
