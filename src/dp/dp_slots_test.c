/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

static void all_comes_back_as_one_run(void **state)
{
	struct slots s;
	uint32_t at[16];

	(void)state;
	assert_true(slots_init(&s, 10));
	assert_int_equal(s.n, 16);
	for (int i = 0; i < 16; i++) {
		at[i] = slots_get(&s, 0);
		assert_true(at[i] < 16);
	}
	assert_int_equal(slots_get(&s, 0), SLOTS_NONE);
	for (int i = 0; i < 16; i += 2)
		slots_put(&s, at[i], 0);
	assert_int_equal(slots_get(&s, 1), SLOTS_NONE);
	for (int i = 1; i < 16; i += 2)
		slots_put(&s, at[i], 0);
	assert_int_equal(slots_get(&s, 4), 0);
	slots_deinit(&s);
}

/* Against a map of who holds which slot: no slot is ever given out twice, and none is lost. */
static void runs_never_overlap(void **state)
{
	enum { N = 1024, RUNS = 200 };
	struct { uint32_t first; unsigned order; bool held; } run[RUNS] = {0};
	static bool taken[N];
	struct rng rng = rng_of(7);
	struct slots s;

	(void)state;
	assert_true(slots_init(&s, N));
	for (int step = 0; step < 50000; step++) {
		uint64_t i = rng_below(&rng, RUNS);

		if (run[i].held) {
			slots_put(&s, run[i].first, run[i].order);
			memset(taken + run[i].first, 0, (size_t)1 << run[i].order);
			run[i].held = false;
			continue;
		}
		run[i].order = (unsigned)rng_below(&rng, 6);
		run[i].first = slots_get(&s, run[i].order);
		if (run[i].first == SLOTS_NONE)
			continue;
		assert_true(run[i].first + (1u << run[i].order) <= N);
		for (uint32_t k = 0; k < 1u << run[i].order; k++) {
			assert_false(taken[run[i].first + k]);
			taken[run[i].first + k] = true;
		}
		run[i].held = true;
	}
	for (int i = 0; i < RUNS; i++)
		if (run[i].held)
			slots_put(&s, run[i].first, run[i].order);
	assert_int_equal(slots_get(&s, 10), 0);
	slots_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_comes_back_as_one_run),
		cmocka_unit_test(runs_never_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
