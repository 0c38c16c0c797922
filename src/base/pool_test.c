/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

/* Against an array of who is there: numbers stay names of the same objects, and objects stay apart. */
static void numbers_name_objects(void **state)
{
	enum { N = 3000, SIZE = 20 };
	static uint8_t *obj[N];
	static uint32_t number[N];
	struct rng rng = rng_of(5);
	struct pool p;

	(void)state;
	pool_init(&p, SIZE, N);
	for (int step = 0; step < 60000; step++) {
		/* it grows, and later shrinks */
		uint64_t i = rng_below(&rng, N), come = rng_below(&rng, 60000) > (uint64_t)step;

		if (come && !obj[i]) {
			obj[i] = pool_get(&p);
			assert_non_null(obj[i]);
			for (int k = 0; k < SIZE; k++)
				assert_int_equal(obj[i][k], 0);
			memset(obj[i], (int)(i % 255) + 1, SIZE);
			number[i] = pool_number(&p, obj[i]);
			assert_in_range(number[i], 1, N);
		} else if (!come && obj[i]) {
			assert_ptr_equal(pool_at(&p, number[i]), obj[i]);
			for (int k = 0; k < SIZE; k++)
				assert_int_equal(obj[i][k], i % 255 + 1);
			pool_put(&p, obj[i]);
			obj[i] = NULL;
		}
		if (step % 3000 == 0) {
			uint32_t n = 0;

			for (uint32_t at = 0; (at = pool_next(&p, at)); n++) {
				uint8_t *o = pool_at(&p, at);

				assert_int_equal(pool_number(&p, o), at);
				assert_in_range(o[0], 1, 255);
			}
			assert_int_equal(n, p.used);
		}
	}
	for (int i = 0; i < N; i++)
		if (obj[i])
			pool_put(&p, obj[i]);
	assert_int_equal(pool_bytes(&p), 0);
	pool_deinit(&p);
}

static void no_further_than_the_maximum(void **state)
{
	struct pool p;
	void *o[21];

	(void)state;
	pool_init(&p, 8, 20);
	for (int i = 0; i < 20; i++)
		assert_non_null(o[i] = pool_get(&p));
	assert_null(pool_get(&p));
	pool_put(&p, o[3]);
	assert_ptr_equal(pool_get(&p), o[3]);
	pool_set_max(&p, 21);
	assert_non_null(o[20] = pool_get(&p));
	pool_set_max(&p, 1);
	pool_put(&p, o[20]);
	assert_null(pool_get(&p));
	for (int i = 0; i < 20; i++)
		pool_put(&p, o[i]);
	pool_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_name_objects),
		cmocka_unit_test(no_further_than_the_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
