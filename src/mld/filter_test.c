/* SPDX-License-Identifier: BSD-2-Clause */
#include "mld/filter.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define UNIVERSE 12 /* sources the model knows, as bits */

static struct in6_addr source(unsigned i)
{
	struct in6_addr a = {{{0x20, 1, 0xd, 0xb8}}};

	a.s6_addr[4 + i % 3] = (uint8_t)(0xf0 - i); /* numbers and addresses are not in the same order */
	a.s6_addr[15] = (uint8_t)i;
	return a;
}

/* The sources whose bits are set, in disorder and some of them twice. */
static struct filter of_bits(struct rng *r, enum filter_mode mode, unsigned bits)
{
	struct in6_addr s[UNIVERSE * 2];
	bool oom = false;
	size_t n = 0;
	struct filter f;

	for (unsigned i = 0; i < UNIVERSE; i++) {
		if (!(bits & 1u << i))
			continue;
		s[n++] = source(i);
		if (!rng_below(r, 3))
			s[n++] = source(i);
	}
	for (size_t i = n; i > 1; i--) {
		size_t j = rng_below(r, i);
		struct in6_addr t = s[j];

		s[j] = s[i - 1];
		s[i - 1] = t;
	}
	f = filter_of(mode, s, n, &oom);
	assert_false(oom);
	return f;
}

static unsigned bits_of(const struct filter *f)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < UNIVERSE; i++) {
		struct in6_addr s = source(i);

		if (filter_has_source(f, &s))
			bits |= 1u << i;
	}
	assert_int_equal(filter_count(f), __builtin_popcount(bits));
	for (size_t i = 1; i < filter_count(f); i++)
		assert_true(addr_cmp(&filter_sources(f)[i - 1], &filter_sources(f)[i]) < 0);
	return bits;
}

/* The sources that pass, with one more bit for all sources that nobody named. */
#define ALL ((1u << (UNIVERSE + 1)) - 1)
static unsigned accepted(enum filter_mode mode, unsigned bits)
{
	return mode == FILTER_INCLUDE ? bits : ALL & ~bits;
}

static void constants(void **state)
{
	struct filter none = FILTER_NONE, any = FILTER_ANY;
	struct in6_addr s = source(1);
	bool oom = false;
	struct filter empty = filter_of(FILTER_EXCLUDE, NULL, 0, &oom);

	(void)state;
	assert_true(filter_is_none(&none));
	assert_false(filter_is_none(&any));
	assert_false(filter_accepts(&none, &s));
	assert_true(filter_accepts(&any, &s));
	assert_true(filter_eq(&any, &empty));
	assert_false(filter_eq(&any, &none));
	assert_true(filter_covers(&any, &none));
	assert_false(filter_covers(&none, &any));
	assert_int_equal(filter_count(&any), 0);
	assert_int_equal(filter_bytes(&any), 0);
	assert_null(filter_sources(&any));
	filter_drop(&none);
}

/* Every operation on random operands against sets of bits. */
static void same_as_sets_of_bits(void **state)
{
	struct rng r = rng_of(11);

	(void)state;
	for (int round = 0; round < 20000; round++) {
		unsigned mask = (unsigned)rng_below(&r, 4) ? (1u << UNIVERSE) - 1 : 7;
		unsigned ba = (unsigned)rng_u64(&r) & mask, bb = rng_below(&r, 5) ? (unsigned)rng_u64(&r) & mask : ba;
		enum filter_mode ma = (enum filter_mode)rng_below(&r, 2), mb = (enum filter_mode)rng_below(&r, 2);
		struct filter a = of_bits(&r, ma, ba), b = of_bits(&r, mb, bb), c;
		unsigned aa = accepted(ma, ba), ab = accepted(mb, bb);
		bool oom = false;

		assert_int_equal(bits_of(&a), ba);
		assert_int_equal(filter_eq(&a, &b), ma == mb && ba == bb);
		assert_int_equal(filter_is_none(&a), !aa);
		assert_int_equal(filter_covers(&a, &b), !(ab & ~aa));
		for (unsigned i = 0; i < UNIVERSE; i++) {
			struct in6_addr s = source(i);

			assert_int_equal(filter_accepts(&a, &s), aa >> i & 1);
		}
		c = filter_union(&a, &b, &oom);
		assert_int_equal(accepted(c.mode, bits_of(&c)), aa | ab);
		filter_move(&c, filter_dup(&a));
		assert_true(filter_add(&c, &b));
		assert_int_equal(accepted(c.mode, bits_of(&c)), aa | ab);
		filter_move(&c, filter_list_union(&a, &b, &oom));
		assert_int_equal(c.mode, FILTER_INCLUDE);
		assert_int_equal(bits_of(&c), ba | bb);
		filter_move(&c, filter_list_minus(&a, &b, &oom));
		assert_int_equal(c.mode, FILTER_INCLUDE);
		assert_int_equal(bits_of(&c), ba & ~bb);
		filter_move(&c, filter_list_common(&a, &b, &oom));
		assert_int_equal(c.mode, FILTER_INCLUDE);
		assert_int_equal(bits_of(&c), ba & bb);
		assert_false(oom);
		/* The operands are as they were, and outlive each other. */
		filter_move(&c, filter_dup(&a));
		filter_drop(&a);
		assert_true(filter_is_none(&a));
		assert_int_equal(bits_of(&c), ba);
		assert_int_equal(c.mode, ma);
		assert_int_equal(bits_of(&b), bb);
		filter_drop(&b);
		filter_drop(&c);
	}
}

#define MANY 3000

/* Runs of sources in and out, so that one list lies in the gaps of the other; or a few in all of it. */
static struct filter long_list(struct rng *r, bool in[MANY])
{
	struct in6_addr v[MANY];
	uint64_t run = 1 + rng_below(r, 3) * 200;
	bool oom = false, is = rng_below(r, 2), few = rng_below(r, 3) == 0;
	size_t n = 0;

	for (unsigned i = 0; i < MANY; i++) {
		if (!rng_below(r, run))
			is = !is;
		in[i] = few ? !rng_below(r, 500) : is;
		if (!in[i])
			continue;
		v[n] = source(0);
		v[n].s6_addr[8] = (uint8_t)(i >> 8);
		v[n++].s6_addr[15] = (uint8_t)i;
	}
	return filter_of(FILTER_INCLUDE, v, n, &oom);
}

static void is_list(struct filter f, const bool a[MANY], const bool b[MANY], unsigned what)
{
	size_t n = 0;

	for (unsigned i = 0; i < MANY; i++) {
		unsigned part = a[i] && b[i] ? 2 : a[i] ? 1 : b[i] ? 4 : 0;

		if (!(part & what))
			continue;
		assert_true(n < filter_count(&f));
		assert_int_equal(filter_sources(&f)[n].s6_addr[8], i >> 8);
		assert_int_equal(filter_sources(&f)[n++].s6_addr[15], (uint8_t)i);
	}
	assert_int_equal(filter_count(&f), n);
	filter_drop(&f);
}

static void long_lists(void **state)
{
	struct rng r = rng_of(5);

	(void)state;
	for (int round = 0; round < 300; round++) {
		static bool in_a[MANY], in_b[MANY];
		struct filter a = long_list(&r, in_a), b = long_list(&r, in_b);
		bool oom = false;

		is_list(filter_list_union(&a, &b, &oom), in_a, in_b, 1 | 2 | 4);
		is_list(filter_list_minus(&a, &b, &oom), in_a, in_b, 1);
		is_list(filter_list_common(&a, &b, &oom), in_a, in_b, 2);
		assert_false(oom);
		filter_drop(&a);
		filter_drop(&b);
	}
}

static void equal_listeners_share_one_list(void **state)
{
	struct rng r = rng_of(1);
	struct filter a = of_bits(&r, FILTER_INCLUDE, 5), b = of_bits(&r, FILTER_INCLUDE, 5), u;
	bool oom = false;

	(void)state;
	u = filter_union(&a, &b, &oom);
	assert_ptr_equal(filter_sources(&u), filter_sources(&a));
	assert_int_equal(filter_bytes(&u), 8 + 2 * 16);
	filter_drop(&a);
	filter_drop(&b);
	assert_int_equal(bits_of(&u), 5);
	filter_drop(&u);
}

static void too_many_sources_is_out_of_memory(void **state)
{
	struct in6_addr s = source(0);
	bool oom = false;
	struct filter f = filter_of(FILTER_EXCLUDE, &s, SIZE_MAX / 8, &oom);

	(void)state;
	assert_true(oom);
	assert_true(filter_is_none(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants),
		cmocka_unit_test(same_as_sets_of_bits),
		cmocka_unit_test(long_lists),
		cmocka_unit_test(equal_listeners_share_one_list),
		cmocka_unit_test(too_many_sources_is_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
