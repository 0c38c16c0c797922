/* SPDX-License-Identifier: BSD-2-Clause */
/* Long lists of sources, and changes of any size between two tellings: what is told is the merge of what the members want. */
#include "proxy/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

enum { MEMBERS = 3, SOURCES = 900 };

static const struct in6_addr group = {.s6_addr = {0xff, 0x3e, [15] = 1}};

struct rig {
	struct fxq *fxq;
	struct proxy *p;
	struct proxy_member *m[MEMBERS];
	struct filter wish[MEMBERS];
	struct filter told;
	struct rng rng;
};

static struct rig begin(uint64_t seed)
{
	const struct proxy_conf conf = {.groups_max = 4, .members_max = MEMBERS, .entries_max = 16, .sources_max = 4000};
	const struct dp_in in = {.ifindex = 1};
	struct rig r = {.fxq = fxq_new(), .rng = rng_of(seed)};

	assert_non_null(r.fxq);
	r.p = proxy_new(&conf, &in, r.fxq, seed);
	for (unsigned i = 0; i < MEMBERS; i++) {
		struct dp_out out = {.ifindex = 10 + i};

		r.m[i] = proxy_member_new(r.p, &out, false, NULL);
		assert_non_null(r.m[i]);
	}
	return r;
}

/* A range of sources into or out of the member's list. */
static void change(struct rig *r, unsigned m, unsigned first, unsigned n, bool in)
{
	struct in6_addr v[SOURCES];
	struct filter range, f;
	bool oom = false;

	for (unsigned i = 0; i < n; i++)
		v[i] = (struct in6_addr){
			.s6_addr = {0x20, 1, 0xd, 0xb8, [14] = (uint8_t)((first + i) >> 8), (uint8_t)(first + i)}};
	range = filter_of(FILTER_INCLUDE, v, n, &oom);
	f = in ? filter_list_union(&r->wish[m], &range, &oom) : filter_list_minus(&r->wish[m], &range, &oom);
	f.mode = r->wish[m].mode;
	assert_false(oom);
	filter_drop(&range);
	filter_move(&r->wish[m], f);
}

static void drain(struct rig *r)
{
	struct fx fx;

	while (fxq_pop(r->fxq, &fx))
		;
}

/* Told once for each time that it changed, and as it is. */
static void tell(struct rig *r)
{
	struct filter merged = FILTER_NONE, want = FILTER_NONE;
	struct in6_addr g;
	bool oom = false;

	for (unsigned i = 0; i < MEMBERS; i++)
		filter_move(&want, filter_union(&want, &r->wish[i], &oom));
	assert_false(oom);
	if (proxy_pop_changed(r->p, &g, &merged)) {
		assert_true(addr_eq(&g, &group));
		assert_false(filter_eq(&merged, &r->told));
		filter_move(&r->told, merged);
		assert_false(proxy_pop_changed(r->p, &g, &merged));
	}
	assert_true(filter_eq(&r->told, &want));
	filter_drop(&want);
	if (!proxy_merged(r->p, &group, &want))
		want = FILTER_NONE;
	assert_true(filter_eq(&r->told, &want));
	filter_drop(&want);
}

static void random_run(uint64_t seed)
{
	struct rig r = begin(seed);

	for (unsigned step = 0; step < 400; step++) {
		unsigned m = (unsigned)rng_below(&r.rng, MEMBERS), first = (unsigned)rng_below(&r.rng, SOURCES);
		unsigned n = rng_below(&r.rng, 4) ? 1 : (unsigned)rng_below(&r.rng, 500);

		n = first + n > SOURCES ? SOURCES - first : n;
		if (rng_below(&r.rng, 15) == 0)
			r.wish[m].mode = !r.wish[m].mode;
		else if (rng_below(&r.rng, 40) == 0)
			filter_drop(&r.wish[m]);
		else
			change(&r, m, first, n, rng_below(&r.rng, 2));
		assert_int_equal(proxy_set(r.m[m], &group, &r.wish[m]), PROXY_OK);
		drain(&r);
		if (rng_below(&r.rng, 3))
			tell(&r);
	}
	for (unsigned i = 0; i < MEMBERS; i++) {
		filter_drop(&r.wish[i]);
		assert_int_equal(proxy_set(r.m[i], &group, &r.wish[i]), PROXY_OK);
	}
	tell(&r);
	assert_int_equal(proxy_groups(r.p), 0);
	assert_int_equal(proxy_usage(r.p).sources, 0);
	proxy_free(r.p);
	fxq_free(r.fxq);
}

static void long_lists_are_told_as_they_are(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++)
		random_run(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_lists_are_told_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
