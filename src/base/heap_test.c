/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/heap.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct thing {
	uint64_t pad;
	struct deadline d;
};

static void empty_heap_never_fires(void **state)
{
	struct heap h;

	(void)state;
	heap_init(&h);
	assert_true(mono_is_never(heap_next(&h)));
	assert_null(heap_pop_due(&h, (mono_t){INT64_MAX - 1}));
	heap_deinit(&h);
}

static void a_deadline_fires_once_and_not_before(void **state)
{
	struct heap h;
	struct thing t;

	(void)state;
	heap_init(&h);
	deadline_init(&t.d, 7);
	assert_true(heap_set(&h, &t.d, (mono_t){100}));
	assert_int_equal(heap_next(&h).ns, 100);
	assert_null(heap_pop_due(&h, (mono_t){99}));
	assert_ptr_equal(heap_pop_due(&h, (mono_t){100}), &t.d);
	assert_true(mono_is_never(t.d.at));
	assert_int_equal(t.d.kind, 7);
	assert_ptr_equal(deadline_owner(&t.d, struct thing, d), &t);
	assert_null(heap_pop_due(&h, (mono_t){100}));
	/* Clearing what is not set, and setting to never, are harmless. */
	heap_clear(&h, &t.d);
	assert_true(heap_set(&h, &t.d, MONO_NEVER));
	heap_deinit(&h);
}

#define N 500

/* The obvious model: an array searched whole. */
static void same_as_a_search_through_all(void **state)
{
	struct heap h;
	struct thing t[N];
	struct rng r = rng_of(1);
	int64_t now = 0;

	(void)state;
	heap_init(&h);
	for (int i = 0; i < N; i++)
		deadline_init(&t[i].d, (uint32_t)i);
	for (int step = 0; step < 20000; step++) {
		struct deadline *d = &t[rng_below(&r, N)].d, *due;
		mono_t least = MONO_NEVER;

		if (rng_below(&r, 4))
			assert_true(heap_set(&h, d, (mono_t){now + (int64_t)rng_below(&r, 1000)}));
		else
			heap_clear(&h, d);
		for (int i = 0; i < N; i++)
			least = mono_min(least, t[i].d.at);
		assert_int_equal(heap_next(&h).ns, least.ns);
		if (rng_below(&r, 8))
			continue;
		now += (int64_t)rng_below(&r, 300);
		for (mono_t last = {0}; !mono_is_never(least) && mono_reached(least, (mono_t){now});) {
			int64_t at = heap_next(&h).ns;

			due = heap_pop_due(&h, (mono_t){now});
			assert_non_null(due);
			assert_true(at >= last.ns && at <= now);
			last.ns = at;
			least = heap_next(&h);
		}
		for (int i = 0; i < N; i++)
			assert_true(t[i].d.at.ns > now);
	}
	for (int i = 0; i < N; i++)
		heap_clear(&h, &t[i].d);
	assert_true(h.cap <= 16); /* memory goes back */
	heap_deinit(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_heap_never_fires),
		cmocka_unit_test(a_deadline_fires_once_and_not_before),
		cmocka_unit_test(same_as_a_search_through_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
