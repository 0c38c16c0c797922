/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/proxy.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MEMBERS 3
#define GROUPS 2
#define SOURCES 3
#define TRIED (SOURCES + 1) /* and one that nobody names */
#define LISTS (GROUPS * TRIED)

/* The label of each list that is there: (S,G), and (*,G) as the source that nobody names. */
struct lists {
	bool there[GROUPS][TRIED];
	uint32_t label[GROUPS][TRIED];
};

static struct in6_addr addr(const char *s)
{
	struct in6_addr a;

	assert_true(addr_parse(s, &a));
	return a;
}

static struct in6_addr group(unsigned i)
{
	struct in6_addr a = addr("ff1e::100");

	a.s6_addr[15] = (uint8_t)i;
	return a;
}

static struct in6_addr source(unsigned i)
{
	struct in6_addr a = addr("2001:db8::100");

	a.s6_addr[15] = (uint8_t)i;
	return a;
}

static bool grew(uint32_t from, uint32_t to) { return ((to - from) & DP_LABEL_MASK) < DP_LABEL_MASK / 2; }

static void apply(struct fxq *q, struct lists *l)
{
	struct fx fx;

	while (fxq_pop(q, &fx)) {
		const struct dp_op *op = &fx.dp;
		unsigned g = op->flow.group.s6_addr[15], s = SOURCES;

		assert_int_equal(fx.kind, FX_DP);
		if (!addr_is_any(&op->flow.source))
			s = op->flow.source.s6_addr[15];
		assert_true(g < GROUPS && s < TRIED);
		if (op->kind == DP_FLOW_ADD) {
			assert_false(l->there[g][s]);
			l->there[g][s] = true;
			l->label[g][s] = op->label;
		} else if (op->kind == DP_FLOW_DEL) {
			l->there[g][s] = false;
		} else if (op->kind == DP_FLOW_MARK) {
			assert_true(l->there[g][s]);
			l->label[g][s] = op->label;
		}
	}
}

static struct filter random_filter(struct rng *r)
{
	struct in6_addr v[SOURCES];
	bool oom = false;
	size_t n = 0;

	for (unsigned i = 0; i < SOURCES; i++)
		if (rng_below(r, 2))
			v[n++] = source(i);
	return filter_of(rng_below(r, 2) ? FILTER_EXCLUDE : FILTER_INCLUDE, v, n, &oom);
}

/* Whatever the members do, whatever list serves a source, and also when there was none for a while: its packets bear
 * labels that do not become less, and all lists of a group bear the same. */
static void labels_never_become_less(void **state)
{
	struct proxy_conf conf = {.groups_max = 9, .members_max = 9, .entries_max = 99, .first_label = 0xffff0};
	struct dp_in in = {.ifindex = 1};
	struct proxy_member *m[MEMBERS];
	uint32_t last[GROUPS][TRIED] = {{0}};
	bool seen[GROUPS][TRIED] = {{false}};
	struct lists lists = {0};
	struct fxq *q = fxq_new();
	struct proxy *p = proxy_new(&conf, &in, q, 1);
	struct rng r = rng_of(5);

	(void)state;
	for (unsigned i = 0; i < MEMBERS; i++) {
		struct dp_out out = {.tunnel = {addr("2001:db8::1"), group(i)}};

		m[i] = proxy_member_new(p, &out, false, NULL);
	}
	for (unsigned step = 0; step < 20000; step++) {
		unsigned k = (unsigned)rng_below(&r, GROUPS);
		struct in6_addr g = group(k);
		struct filter f = rng_below(&r, 2) ? random_filter(&r) : FILTER_NONE;
		uint32_t label = 0;

		if (rng_below(&r, 4))
			assert_int_equal(proxy_set(m[rng_below(&r, MEMBERS)], &g, &f), PROXY_OK);
		else
			label = proxy_mark(p, &g);
		filter_drop(&f);
		apply(q, &lists);
		for (unsigned i = 0; i < LISTS; i++) {
			unsigned gi = i / TRIED, s = i % TRIED, by = lists.there[gi][s] ? s : SOURCES;

			if (!lists.there[gi][by])
				continue;
			g = group(gi);
			assert_int_equal(lists.label[gi][by], proxy_label(p, &g));
			assert_true(!seen[gi][s] || grew(last[gi][s], lists.label[gi][by]));
			if (label && gi == k)
				assert_int_equal(lists.label[gi][by], label);
			seen[gi][s] = true;
			last[gi][s] = lists.label[gi][by];
		}
	}
	proxy_free(p);
	fxq_free(q);
}

/* Of groups that nobody listens to, too: who joins next gets the label that was told. */
static void a_mark_outlives_its_lists(void **state)
{
	struct proxy_conf conf = {.groups_max = 9, .members_max = 9, .entries_max = 99, .first_label = 7};
	struct dp_in in = {.ifindex = 1};
	struct dp_out out = {.tunnel = {addr("2001:db8::1"), addr("2001:db8::2")}};
	struct fxq *q = fxq_new();
	struct proxy *p = proxy_new(&conf, &in, q, 1);
	struct in6_addr g = group(1), h = group(0);
	struct lists lists = {0};
	uint32_t first = proxy_label(p, &g), label = proxy_mark(p, &g);

	(void)state;
	assert_int_equal(label, (first + 1) & DP_LABEL_MASK);
	assert_int_equal(proxy_set(proxy_member_new(p, &out, false, NULL), &g, &FILTER_ANY), PROXY_OK);
	apply(q, &lists);
	assert_int_equal(lists.label[1][SOURCES], label);
	proxy_mark(p, &h);
	assert_int_equal(proxy_label(p, &g), label); /* that was another group */
	proxy_free(p);
	fxq_free(q);
}

/* Forwarded packets bear the lowest 8 bits alone: other groups' marks must not move a group's own label by more. */
static void a_mark_is_one_step(void **state)
{
	struct proxy_conf conf = {.groups_max = 9, .members_max = 9, .entries_max = 99, .first_label = 0xfffff000};
	struct dp_in in = {.ifindex = 1};
	struct dp_out out = {.tunnel = {addr("2001:db8::1"), addr("2001:db8::2")}};
	struct fxq *q = fxq_new();
	struct proxy *p = proxy_new(&conf, &in, q, 1);
	struct proxy_member *m = proxy_member_new(p, &out, false, NULL);
	struct in6_addr g = group(1), h = group(0);
	struct lists lists = {0};
	uint32_t first, highest;

	(void)state;
	assert_int_equal(proxy_set(m, &g, &FILTER_ANY), PROXY_OK);
	assert_int_equal(proxy_set(m, &h, &FILTER_ANY), PROXY_OK);
	first = proxy_mark(p, &g);
	for (unsigned i = 0; i < 200; i++)
		proxy_mark(p, &h);
	assert_int_equal(proxy_label(p, &g), first);
	assert_int_equal(proxy_mark(p, &g), (first + 1) & DP_LABEL_MASK);
	highest = proxy_label(p, &h);
	apply(q, &lists);
	assert_int_equal(lists.label[1][SOURCES], (first + 1) & DP_LABEL_MASK);
	assert_int_equal(lists.label[0][SOURCES], highest);
	/* One that begins anew is past all that it may have been. */
	assert_int_equal(proxy_set(m, &h, &FILTER_NONE), PROXY_OK);
	assert_int_equal(proxy_set(m, &g, &FILTER_NONE), PROXY_OK);
	proxy_mark(p, &h);
	assert_int_equal(proxy_set(m, &g, &FILTER_ANY), PROXY_OK);
	assert_int_equal(proxy_set(m, &h, &FILTER_ANY), PROXY_OK);
	apply(q, &lists);
	assert_int_equal(lists.label[0][SOURCES], (highest + 1) & DP_LABEL_MASK);
	assert_true(grew(first, lists.label[1][SOURCES]));
	proxy_free(p);
	fxq_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_never_become_less),
		cmocka_unit_test(a_mark_outlives_its_lists),
		cmocka_unit_test(a_mark_is_one_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
