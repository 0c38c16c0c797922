/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/slab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void objects_are_zeroed_distinct_and_aligned(void **state)
{
	struct slab s;
	char *o[1000];

	(void)state;
	slab_init(&s, 37, 1000);
	assert_int_equal(slab_bytes(&s), 0);
	for (int i = 0; i < 1000; i++) {
		o[i] = slab_get(&s);
		assert_non_null(o[i]);
		assert_int_equal((uintptr_t)o[i] % sizeof(void *), 0);
		for (int j = 0; j < 37; j++)
			assert_int_equal(o[i][j], 0);
		memset(o[i], i & 0x7f, 37);
	}
	for (int i = 0; i < 1000; i++)
		for (int j = 0; j < 37; j++)
			assert_int_equal(o[i][j], i & 0x7f);
	for (int i = 0; i < 1000; i++)
		slab_put(&s, o[i]);
	o[0] = slab_get(&s);
	for (int j = 0; j < 37; j++)
		assert_int_equal(o[0][j], 0);
	slab_put(&s, o[0]);
	slab_deinit(&s);
	assert_int_equal(slab_bytes(&s), 0);
}

static void no_further_than_the_maximum(void **state)
{
	struct slab s;
	void *o[21];
	size_t bytes;

	(void)state;
	slab_init(&s, 8, 21);
	for (int i = 0; i < 21; i++)
		assert_non_null(o[i] = slab_get(&s));
	assert_null(slab_get(&s));
	bytes = slab_bytes(&s);
	slab_put(&s, o[3]);
	assert_non_null(o[3] = slab_get(&s));
	assert_null(slab_get(&s));
	assert_int_equal(slab_bytes(&s), bytes);
	for (int i = 0; i < 21; i++)
		slab_put(&s, o[i]);
	slab_put(&s, NULL);
	slab_deinit(&s);
}

static void the_maximum_moves(void **state)
{
	struct slab s;
	void *o[200];

	(void)state;
	slab_init(&s, 16, 100);
	for (int i = 0; i < 100; i++)
		assert_non_null(o[i] = slab_get(&s));
	slab_set_max(&s, 50);
	assert_null(slab_get(&s));
	for (int i = 99; i >= 50; i--)
		slab_put(&s, o[i]);
	assert_null(slab_get(&s)); /* there is room, but it is not allowed */
	slab_put(&s, o[49]);
	assert_non_null(o[49] = slab_get(&s));
	assert_null(slab_get(&s));
	slab_set_max(&s, 200);
	for (int i = 50; i < 200; i++)
		assert_non_null(o[i] = slab_get(&s));
	assert_null(slab_get(&s));
	for (int i = 0; i < 200; i++)
		slab_put(&s, o[i]);
	assert_int_equal(slab_bytes(&s), 0);
	slab_deinit(&s);
}

static void overhead_is_small(void **state)
{
	struct slab s;
	static void *o[100000];

	(void)state;
	slab_init(&s, 64, 1000000);
	for (int i = 0; i < 100000; i++)
		o[i] = slab_get(&s);
	assert_in_range(slab_bytes(&s), 6400000, 6500000);
	for (int i = 0; i < 100000; i++)
		slab_put(&s, o[i]);
	assert_int_equal(slab_bytes(&s), 0); /* with the last one */
	slab_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_zeroed_distinct_and_aligned),
		cmocka_unit_test(no_further_than_the_maximum),
		cmocka_unit_test(the_maximum_moves),
		cmocka_unit_test(overhead_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
