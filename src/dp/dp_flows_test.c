/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_flows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"

struct table {
	struct flows flows;
	struct abi_head *heads;
};

static struct table table(uint8_t bits, uint32_t numbers, uint64_t seed)
{
	struct table t = {.heads = calloc(numbers, sizeof(*t.heads))};
	struct abi_line *lines = calloc((size_t)1 << bits, sizeof(*lines));

	assert_non_null(t.heads);
	assert_non_null(lines);
	flows_init(&t.flows, lines, bits, seed, t.heads);
	return t;
}

static void drop(struct table *t)
{
	free(t->flows.lines);
	free(t->heads);
}

static bool add(struct table *t, const struct abi_flow *key, uint32_t number)
{
	t->heads[number].key = *key;
	return flows_add(&t->flows, key, number);
}

/* Groups of one provider, some with a source, from two links. */
static struct abi_flow flow_nr(uint32_t i)
{
	struct abi_flow f = {.in = ABI_IN_LINK | (i % 2 + 1)};

	f.group.b[0] = 0xff;
	f.group.b[1] = i % 3 ? 0x1e : 0x3e;
	f.group.b[13] = (uint8_t)(i >> 16);
	f.group.b[14] = (uint8_t)(i >> 8);
	f.group.b[15] = (uint8_t)i;
	if (i % 5 == 0)
		f.source.b[15] = 7;
	return f;
}

static void count_up(void *arg, uint32_t number)
{
	uint8_t *seen = arg;

	seen[number]++;
}

/* Against a plain array: what was added is found under its number, and nothing else. */
static void it_says_what_was_last_said(void **state)
{
	enum { KEYS = 4096, STEPS = 200000 };
	struct table t = table(flows_bits(KEYS), KEYS, 0x1234567890abcdef);
	uint8_t *seen = calloc(KEYS, 1), *there = calloc(KEYS, 1);
	struct rng g = rng_of(3);

	(void)state;
	assert_non_null(seen);
	assert_non_null(there);
	for (int step = 0; step < STEPS; step++) {
		uint32_t k = (uint32_t)rng_below(&g, KEYS);
		struct abi_flow key = flow_nr(k);

		if (there[k]) {
			assert_true(flows_del(&t.flows, &key));
			there[k] = 0;
		} else {
			assert_false(flows_del(&t.flows, &key));
			assert_true(add(&t, &key, k));
			there[k] = 1;
		}
		assert_int_equal(flows_find(&t.flows, &key), there[k] ? k + 1 : 0);
	}
	flows_each(&t.flows, count_up, seen);
	assert_memory_equal(seen, there, KEYS);
	free(seen);
	free(there);
	drop(&t);
}

/* Of two flows whose words are the same the second finds no place, is not found, and cannot take the first away. */
static void a_word_of_another_is_not_mistaken(void **state)
{
	struct table t = table(4, 4, 99);
	struct abi_flow mine = flow_nr(1), other = flow_nr(2);

	(void)state;
	assert_true(add(&t, &mine, 0));
	t.heads[0].key = other; /* the word is that of `mine`: to `other` it is what a collision would be */
	assert_int_equal(flows_find(&t.flows, &mine), 0);
	assert_false(flows_add(&t.flows, &mine, 1));
	assert_false(flows_del(&t.flows, &mine));
	t.heads[0].key = mine;
	assert_int_equal(flows_find(&t.flows, &mine), 1);
	assert_true(flows_del(&t.flows, &mine));
	drop(&t);
}

/* Flows whose words keep the same have both lines in common, or none: who finds the other's word may stop there. */
static void same_words_have_the_same_lines(void **state)
{
	struct rng g = rng_of(7);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct abi_flow key = flow_nr((uint32_t)rng_below(&g, 1 << 24));
		uint8_t bits = (uint8_t)(1 + rng_below(&g, ABI_FLOW_BITS_MAX));
		struct abi_place at = abi_flow_place(&key, rng_u64(&g), bits);
		uint32_t between = (uint32_t)(at.want[0] * 0x9e3779b97f4a7c15u >> (64 - bits));

		assert_int_equal(at.want[0], at.want[1]);
		assert_int_equal(at.want[0] & 0xffffffff, 0);
		assert_true(at.line[0] < UINT32_C(1) << bits && at.line[1] < UINT32_C(1) << bits);
		assert_int_equal(at.line[0] ^ at.line[1], between);
	}
}

/* As full as it may be, with the groups of a provider in order, whatever the seed: what finds no place costs a system call. */
static void hardly_any_finds_no_place(void **state)
{
	enum { MAX = 52428 }; /* 65536 words: the fullest that a table is made for */
	struct rng g = rng_of(5);

	(void)state;
	for (int i = 0; i < 50; i++) {
		struct table t = table(flows_bits(MAX), MAX, rng_u64(&g));
		uint32_t refused = 0;

		for (uint32_t k = 0; k < MAX; k++) {
			struct abi_flow key = flow_nr(k);

			refused += !add(&t, &key, k);
		}
		assert_true(refused < MAX / 256);
		drop(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_what_was_last_said),
		cmocka_unit_test(a_word_of_another_is_not_mistaken),
		cmocka_unit_test(same_words_have_the_same_lines),
		cmocka_unit_test(hardly_any_finds_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
