/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_routes.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"

static struct routes table(uint8_t bits)
{
	struct routes r;

	routes_init(&r, calloc((size_t)1 << bits, sizeof(struct abi_line)), bits, 0x1234567890abcdef);
	assert_non_null(r.lines);
	return r;
}

static void a_table_has_room_for_its_routes_and_tunnels(void **state)
{
	(void)state;
	for (uint32_t routes = 1; routes <= 1u << 24; routes = routes * 3 + 1)
		for (uint32_t tunnels = 1; tunnels <= 1u << 20; tunnels *= 4) {
			uint8_t bits = routes_bits(routes, tunnels);

			assert_true(bits <= ABI_ROUTE_BITS_MAX);
			assert_true((uint64_t)ABI_LINE_WORDS << bits >= (uint64_t)routes + routes / 4);
			assert_true(UINT64_C(1) << (bits - 1) > tunnels); /* index + 1 fits below the key */
		}
}

/* Against a plain array: what was set is found, and nothing else. */
static void it_says_what_was_last_said(void **state)
{
	enum { KEYS = 4096, TUNNELS = 500, STEPS = 200000 };
	struct routes r = table(routes_bits(KEYS, TUNNELS));
	uint32_t *says = calloc(KEYS, sizeof(*says));
	struct rng g = rng_of(3);

	(void)state;
	assert_non_null(says);
	for (int step = 0; step < STEPS; step++) {
		uint32_t k = (uint32_t)rng_below(&g, KEYS), tunnel = (uint32_t)rng_below(&g, TUNNELS);
		uint64_t key = 0x20010db800000000u + ((uint64_t)k << (k % 2 ? 48 : 3));

		if (rng_below(&g, 3)) {
			assert_true(routes_set(&r, key, tunnel));
			says[k] = tunnel + 1;
		} else {
			assert_int_equal(routes_del(&r, key), says[k] != 0);
			says[k] = 0;
		}
		assert_int_equal(routes_find(&r, key), says[k]);
	}
	for (uint32_t k = 0; k < KEYS; k++)
		assert_int_equal(routes_find(&r, 0x20010db800000000u + ((uint64_t)k << (k % 2 ? 48 : 3))), says[k]);
	free(says);
	free(r.lines);
}

/* The smallest table keeps the least of a key in its line: still every key is told from every other. */
static void keys_are_never_mistaken(void **state)
{
	struct routes r = table(2);
	uint64_t in[64];
	unsigned n = 0;
	struct rng g = rng_of(9);

	(void)state;
	while (n < 24) {
		uint64_t key = rng_u64(&g);

		if (routes_set(&r, key, 0))
			in[n++] = key;
	}
	for (int i = 0; i < 1000000; i++)
		assert_int_equal(routes_find(&r, rng_u64(&g)), 0);
	for (unsigned i = 0; i < n; i++) {
		for (int bit = 0; bit < 64; bit++)
			assert_int_equal(routes_find(&r, in[i] ^ UINT64_C(1) << bit), 0);
		assert_true(routes_del(&r, in[i]));
	}
	for (size_t i = 0; i < sizeof(*r.lines) * 4 / sizeof(__u64); i++)
		assert_int_equal(r.lines[i / ABI_LINE_WORDS].word[i % ABI_LINE_WORDS], 0);
	free(r.lines);
}

static void a_full_table_refuses_and_keeps_what_it_has(void **state)
{
	struct routes r = table(3);
	uint32_t n = 0;
	uint64_t key;

	(void)state;
	for (key = 0; routes_set(&r, key, 2); key++)
		n++;
	assert_true(n > 4 * ABI_LINE_WORDS && n <= 8 * ABI_LINE_WORDS);
	assert_int_equal(routes_find(&r, key), 0);
	for (uint64_t k = 0; k < key; k++)
		assert_int_equal(routes_find(&r, k), 3);
	assert_true(routes_set(&r, 0, 1)); /* an old one may still move */
	assert_int_equal(routes_find(&r, 0), 2);
	free(r.lines);
}

/* As full as it may be: what finds no place goes to a hash map of a 64th of the size. */
static void a_table_of_the_greatest_number_overflows_hardly(void **state)
{
	uint32_t max = 100000, refused = 0; /* 131072 words: the fullest that a table is made for */
	struct routes r = table(routes_bits(max, 64));

	(void)state;
	for (uint64_t k = 0; k < max; k++)
		refused += !routes_set(&r, 0xb80d012000000000u + (k << 40 | k >> 24), 0);
	assert_true(refused < max / 64);
	free(r.lines);
}

/* The prefixes of a pool, in order, whatever the seed: a seed that gathers them in few lines would refuse registrations. */
static void no_seed_gathers_a_pool(void **state)
{
	uint32_t max = 52428; /* 65536 words: as full as a table is made for */
	uint8_t bits = routes_bits(max, 64);
	struct rng g = rng_of(5);
	struct routes r;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		struct abi_line *lines = calloc(1u << bits, sizeof(*lines));
		uint32_t refused = 0;

		assert_non_null(lines);
		routes_init(&r, lines, bits, rng_u64(&g));
		for (uint64_t k = 0; k < max; k++)
			refused += !routes_set(&r, htobe64(0x20010db800000000u + k), 0);
		assert_true(refused < max / 256);
		free(lines);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_has_room_for_its_routes_and_tunnels),
		cmocka_unit_test(it_says_what_was_last_said),
		cmocka_unit_test(keys_are_never_mistaken),
		cmocka_unit_test(a_full_table_refuses_and_keeps_what_it_has),
		cmocka_unit_test(a_table_of_the_greatest_number_overflows_hardly),
		cmocka_unit_test(no_seed_gathers_a_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
