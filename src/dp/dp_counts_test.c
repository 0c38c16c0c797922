/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_counts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint32_t sizes[ABI_COUNT_KINDS] = {ABI_DROPS, 6, 10, 3, 7};

/* As the programs find it. */
static struct abi_count *on_cpu(const struct counts *c, uint32_t cpu, unsigned kind, uint32_t index)
{
	uint32_t at = cpu * c->row + c->base[kind] + index;

	assert_true(at < counts_elements(c));
	return &c->at[at];
}

static struct counts counts_of(uint32_t cpus)
{
	struct counts c;

	counts_init(&c, cpus, sizes);
	c.at = calloc(counts_elements(&c), sizeof(*c.at));
	assert_non_null(c.at);
	return c;
}

static void each_counter_has_a_place_of_its_own(void **state)
{
	enum { CPUS = 3 };
	struct counts c = counts_of(CPUS);

	(void)state;
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		for (unsigned k = 0; k < ABI_COUNT_KINDS; k++)
			for (uint32_t i = 0; i < sizes[k]; i++) {
				struct abi_count *x = on_cpu(&c, cpu, k, i);

				assert_int_equal(x->packets, 0);
				x->packets = 1 + cpu;
				x->bytes = 100 * k + i;
			}
	for (unsigned k = 0; k < ABI_COUNT_KINDS; k++)
		for (uint32_t i = 0; i < sizes[k]; i++) {
			assert_int_equal(counts_read(&c, k, i).packets, 1 + 2 + 3);
			assert_int_equal(counts_read(&c, k, i).bytes, 3 * (100 * k + i));
		}
	free(c.at);
}

static void cpus_share_no_line(void **state)
{
	(void)state;
	for (uint32_t more = 0; more < 20; more++) {
		uint32_t n[ABI_COUNT_KINDS] = {1, 1, 1, 1, 1 + more};
		struct counts c;

		counts_init(&c, 4, n);
		assert_true(c.row >= 5 + more);
		assert_int_equal(c.row * sizeof(struct abi_count) % 128, 0);
	}
}

static void what_was_somebodys_is_set_back(void **state)
{
	struct counts c = counts_of(2);

	(void)state;
	counts_reset(&c, ABI_COUNT_FLOW, 1);
	for (unsigned k = 0; k < ABI_COUNT_KINDS; k++)
		for (uint32_t cpu = 0; cpu < 2; cpu++)
			for (uint32_t i = 0; i < sizes[k]; i++)
				*on_cpu(&c, cpu, k, i) = (struct abi_count){5, 500};
	counts_reset(&c, ABI_COUNT_FLOW, 1);
	for (unsigned k = 0; k < ABI_COUNT_KINDS; k++)
		for (uint32_t i = 0; i < sizes[k]; i++) {
			struct abi_count x = counts_read(&c, k, i);
			bool back = k == ABI_COUNT_FLOW && i == 1;

			assert_int_equal(x.packets, back ? 0 : 10);
			assert_int_equal(x.bytes, back ? 0 : 1000);
		}
	free(c.at);
}

/* A million flows: what nobody has counted in is not touched, let alone fetched. */
static void what_was_nobodys_is_not_written(void **state)
{
	struct counts c;

	(void)state;
	counts_init(&c, 2, sizes);
	c.at = NULL;
	for (uint32_t i = 0; i < sizes[ABI_COUNT_OUT]; i++)
		counts_reset(&c, ABI_COUNT_OUT, i);
	counts_reset(&c, ABI_COUNT_FLOW, 0);
}

static void too_many_are_refused(void **state)
{
	const uint32_t n[ABI_COUNT_KINDS] = {ABI_DROPS, 1 << 21, 1 << 25, 1 << 24, 1 << 24};
	struct counts c;

	(void)state;
	counts_init(&c, 31, n);
	assert_int_equal(counts_elements(&c), 31 * (uint64_t)c.row);
	counts_init(&c, 32, n);
	assert_int_equal(counts_elements(&c), 0);
	counts_init(&c, 128, n);
	assert_int_equal(counts_elements(&c), 0);
}

static void numbers_of_cpus(void **state)
{
	static const struct {
		const char *possible;
		uint32_t cpus;
	} of[] = {
		{"0\n", 1},	    {"0-1\n", 2},   {"0-127", 128}, {"0-3,8-11\n", 12}, {"0,2\n", 3}, {"", 0},	 {"\n", 0},
		{"-3\n", 0},	    {"0-\n", 0},    {"0-3,\n", 0},  {"0-3 \n", 0},	{"a", 0},     {" 0", 0}, {"0-65535", 0},
		{"0-99999999", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++)
		assert_int_equal(counts_cpus(of[i].possible), of[i].cpus);
	assert_true(counts_cpus_here() >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_counter_has_a_place_of_its_own),
		cmocka_unit_test(cpus_share_no_line),
		cmocka_unit_test(what_was_somebodys_is_set_back),
		cmocka_unit_test(what_was_nobodys_is_not_written),
		cmocka_unit_test(too_many_are_refused),
		cmocka_unit_test(numbers_of_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
