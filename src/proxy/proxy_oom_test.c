/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that runs out at each single allocation in turn: the instance refuses or does, never half, and recovers. */
#include "base/memory_testing.h"
#include "base/rng.h"
#include "proxy/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MEMBERS 5
#define GROUPS 3
#define SOURCES 12

static struct in6_addr group_of(unsigned i)
{
	return (struct in6_addr){{{0xff, 0x0e, [15] = (uint8_t)(i + 1)}}};
}

static struct in6_addr source_of(unsigned i)
{
	return (struct in6_addr){{{0x20, 1, 0xd, 0xb8, [15] = (uint8_t)(i + 1)}}};
}

static struct filter random_filter(struct rng *r)
{
	enum filter_mode mode = (enum filter_mode)rng_below(r, 2);
	struct in6_addr s[SOURCES];
	bool oom = false;
	size_t n = rng_below(r, SOURCES + 1);

	for (size_t i = 0; i < n; i++)
		s[i] = source_of((unsigned)rng_below(r, SOURCES));
	return filter_of(mode, s, n, &oom);
}

static void hear(struct proxy *p, struct filter told[GROUPS])
{
	struct in6_addr group;
	struct filter f;

	while (proxy_pop_changed(p, &group, &f))
		filter_move(&told[group.s6_addr[15] - 1], f);
}

/* Releases what it compares with. */
static void check_merged(struct proxy *p, struct filter have[MEMBERS][GROUPS], struct filter told[GROUPS])
{
	for (unsigned g = 0; g < GROUPS; g++) {
		struct filter all = FILTER_NONE, merged = FILTER_NONE;
		struct in6_addr group = group_of(g);
		bool oom = false;

		for (unsigned i = 0; i < MEMBERS; i++) {
			filter_move(&all, filter_union(&all, &have[i][g], &oom));
			filter_drop(&have[i][g]);
		}
		proxy_merged(p, &group, &merged);
		assert_true(filter_eq(&merged, &all));
		assert_true(filter_eq(&told[g], &all));
		filter_drop(&told[g]);
		filter_drop(&merged);
		filter_drop(&all);
	}
}

/* The same changes with the memory ending after 0, 1, 2, ... allocations. What was refused is as before; what is told
 * is always the union of what was accepted. */
static void refused_or_done(void **state)
{
	unsigned refusals = 0;

	(void)state;
	for (long limit = 0; limit < 60; limit++) {
		struct rng r = rng_of((uint64_t)limit / 3);
		long live_before = memory_live;
		struct fxq *q = fxq_new();
		struct proxy_conf conf = {.groups_max = 100, .members_max = 100, .entries_max = 100};
		struct dp_in in = {.ifindex = 1};
		struct proxy *p = proxy_new(&conf, &in, q, 1);
		struct proxy_member *m[MEMBERS];
		struct filter have[MEMBERS][GROUPS] = {0}, told[GROUPS] = {0};
		struct in6_addr group;
		struct fx fx;

		for (uint32_t i = 0; i < MEMBERS; i++) {
			struct dp_out out = {.ifindex = i + 2};

			m[i] = proxy_member_new(p, &out, true, NULL);
			assert_non_null(m[i]);
		}
		for (unsigned step = 0; step < 120; step++) {
			unsigned i = (unsigned)rng_below(&r, MEMBERS), g = (unsigned)rng_below(&r, GROUPS);
			struct filter f = rng_below(&r, 4) ? random_filter(&r) : FILTER_NONE, now = FILTER_NONE;
			enum proxy_set_result result;

			group = group_of(g);
			/* with enough memory, short of it, out of it */
			memory_left = step % 3 == 2 ? -1 : step % 30 < 20 ? limit % 6 : 0;
			result = proxy_set(m[i], &group, &f);
			memory_left = -1;
			if (filter_is_none(&f))
				assert_int_equal(result, PROXY_OK);
			if (result == PROXY_OK)
				filter_move(&have[i][g], filter_dup(&f));
			else
				assert_int_equal(result, PROXY_OOM);
			refusals += result != PROXY_OK;
			proxy_get(m[i], &group, &now);
			assert_true(filter_eq(&now, &have[i][g]));
			filter_drop(&now);
			filter_drop(&f);
			if (result != PROXY_OK)
				assert_true(fxq_empty(q) || fxq_lost(q) > 0);
			while (fxq_pop(q, &fx))
				;
			memory_left = step % 4 ? -1 : 1;
			hear(p, told);
			memory_left = -1;
		}
		hear(p, told);
		check_merged(p, have, told);
		proxy_free(p);
		fxq_free(q);
		assert_int_equal(memory_live, live_before);
	}
	if (OUR_MEMORY)
		assert_true(refusals > 100); /* or nothing was tested */
	else
		assert_int_equal(refusals, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_or_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
