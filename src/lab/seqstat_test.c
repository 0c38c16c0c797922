/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/seqstat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct seqstat s;

static void add(uint64_t n, int64_t ms)
{
	seqstat_add(&s, n, (mono_t){(ms - 1) * 1000000}, (mono_t){ms * 1000000});
}

static int fresh(void **state)
{
	(void)state;
	memset(&s, 0, sizeof(s));
	return 0;
}

static void counts_what_comes_in_order(void **state)
{
	(void)state;
	assert_int_equal(seqstat_lost(&s), 0);
	for (uint64_t n = 100; n < 200; n++)
		add(n, (int64_t)n);
	assert_int_equal(s.received, 100);
	assert_int_equal(s.first, 100);
	assert_int_equal(s.last, 199);
	assert_int_equal(seqstat_lost(&s) + s.duplicates + s.reordered + s.stale, 0);
	assert_int_equal(s.delay_min.ns, 1000000);
	assert_int_equal(s.delay_max.ns, 1000000);
}

static void tells_loss_duplicate_and_disorder_apart(void **state)
{
	(void)state;
	static const uint64_t order[] = {10, 11, 13, 12, 13, 16, 16, 9};
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		add(order[i], (int64_t)i);
	assert_int_equal(s.received, 6); /* 9 10 11 12 13 16 */
	assert_int_equal(s.duplicates, 2);
	assert_int_equal(s.reordered, 2);      /* 12 and 9 */
	assert_int_equal(seqstat_lost(&s), 2); /* 14 15 */
}

static void forgets_what_left_the_window(void **state)
{
	(void)state;
	add(0, 0);
	add(SEQSTAT_WINDOW - 1, 1);
	add(0, 2);
	assert_int_equal(s.duplicates, 1);
	add(SEQSTAT_WINDOW, 3); /* takes the place of 0 */
	add(0, 4);
	assert_int_equal(s.stale, 1);
	assert_int_equal(s.duplicates, 1);
	add(SEQSTAT_WINDOW + 5, 5);
	add(SEQSTAT_WINDOW + 3, 6); /* 3 was never seen, and its place is clean */
	assert_int_equal(s.duplicates, 1);
	assert_int_equal(s.received, 5);
	add(UINT64_C(1) << 40, 7); /* a leap over several windows */
	add((UINT64_C(1) << 40) - 2, 8);
	assert_int_equal(s.duplicates, 1);
	assert_int_equal(s.reordered, 2);
}

static void keeps_the_longest_pauses(void **state)
{
	(void)state;
	struct seqstat_gap g;
	int64_t t = 0;
	for (uint64_t n = 0; n < 40; n++)
		add(n, t += 10);
	t += 70;
	add(47, t);
	for (uint64_t n = 48; n < 60; n++)
		add(n, t += 10);
	assert_int_equal(s.n_gaps, SEQSTAT_GAPS);
	assert_int_equal(mono_sub(s.gaps[0].to, s.gaps[0].from).ns, span_ms(70).ns);
	assert_int_equal(s.gaps[0].missing, 7);
	for (unsigned i = 1; i < s.n_gaps; i++)
		assert_int_equal(mono_sub(s.gaps[i].to, s.gaps[i].from).ns, span_ms(10).ns);
	assert_true(seqstat_gap_between(&s, (mono_t){410000000}, (mono_t){420000000}, &g));
	assert_int_equal(g.missing, 7);
	assert_false(seqstat_gap_between(&s, (mono_t){9000000000}, (mono_t){9100000000}, &g));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(counts_what_comes_in_order, fresh),
	    cmocka_unit_test_setup(tells_loss_duplicate_and_disorder_apart, fresh),
	    cmocka_unit_test_setup(forgets_what_left_the_window, fresh),
	    cmocka_unit_test_setup(keeps_the_longest_pauses, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
