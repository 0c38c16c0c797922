/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/limiter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void zero_rate_never_limits(void **state)
{
	struct limiter l;

	(void)state;
	limiter_init(&l, 0, 1);
	for (int i = 0; i < 1000; i++)
		assert_true(limiter_take(&l, (mono_t){5}));
}

static void burst_then_rate(void **state)
{
	struct limiter l;
	mono_t t = {1};
	int passed = 0;

	(void)state;
	limiter_init(&l, 10, 3);
	for (int i = 0; i < 3; i++)
		assert_true(limiter_take(&l, t));
	assert_false(limiter_take(&l, t));
	assert_false(limiter_take(&l, mono_add(t, span_ms(99))));
	assert_int_equal(limiter_left(&l, mono_add(t, span_ms(99))), 0);
	assert_int_equal(limiter_left(&l, mono_add(t, span_ms(250))), 2);
	assert_int_equal(limiter_left(&l, mono_add(t, span_s(1000000000))), 3);
	assert_true(limiter_take(&l, mono_add(t, span_ms(100))));
	assert_false(limiter_take(&l, mono_add(t, span_ms(100))));
	/* Ten seconds, asked each millisecond: ten a second and no more. */
	t = mono_add(t, span_ms(100));
	for (int i = 1; i <= 10000; i++)
		passed += limiter_take(&l, mono_add(t, span_ms(i)));
	assert_int_equal(passed, 100);
}

static void a_rate_that_divides_nothing_is_exact(void **state)
{
	struct limiter l;
	int passed = 0;

	(void)state;
	limiter_init(&l, 7, 1);
	assert_true(limiter_take(&l, (mono_t){0}));
	for (int64_t ms = 1; ms <= 100000; ms++)
		passed += limiter_take(&l, (mono_t){ms * 1000000});
	/* A full bucket of one loses what comes while it is full; asked each ms that is below a hundredth. */
	assert_in_range(passed, 693, 700);
}

static void long_silence_fills_to_the_burst(void **state)
{
	struct limiter l;
	int passed = 0;

	(void)state;
	limiter_init(&l, UINT32_MAX, 1000);
	while (limiter_take(&l, (mono_t){1}))
		passed++;
	assert_int_equal(passed, 1000);
	for (passed = 0; limiter_take(&l, (mono_t){INT64_MAX - 1});)
		passed++;
	assert_int_equal(passed, 1000);
	/* Time that steps back gives nothing and takes nothing. */
	assert_false(limiter_take(&l, (mono_t){5}));
	limiter_init(&l, 1, 0);
	assert_true(limiter_take(&l, (mono_t){0}));
	assert_false(limiter_take(&l, (mono_t){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_rate_never_limits),
		cmocka_unit_test(burst_then_rate),
		cmocka_unit_test(a_rate_that_divides_nothing_is_exact),
		cmocka_unit_test(long_silence_fills_to_the_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
