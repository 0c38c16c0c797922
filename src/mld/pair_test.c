/* SPDX-License-Identifier: BSD-2-Clause */
/* Listeners and a router on one link, without loss: whatever the listeners do, the router forwards what they want; and
 * when they have been quiet for long enough, nothing else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory_testing.h"
#include "base/rng.h"
#include "mld/host.h"
#include "mld/router.h"

/* One allocation in so many fails while this is not 0. */
static unsigned starve;
static unsigned long failures;
static struct rng hunger;

static bool refused(void)
{
	bool no = starve && rng_below(&hunger, starve) == 0;

	failures += no;
	return no;
}

#define HOSTS_MAX 4
#define GROUPS	  3
#define SOURCES	  5

struct world {
	struct rng rng;
	struct now now;
	struct mld_routers *routers;
	struct mld_link *link;
	struct mld_hosts *hosts;
	struct mld_upstream *up[HOSTS_MAX];
	unsigned n_hosts;
	struct filter seen[GROUPS]; /* as the effects told */
	uint64_t changes, queries;
	unsigned loss; /* one packet in so many is lost; 0 = none */
	uint64_t seed;
};

static struct in6_addr numbered(const char *prefix, unsigned i)
{
	struct in6_addr a;

	assert_true(addr_parse(prefix, &a));
	a.s6_addr[15] = (uint8_t)i;
	return a;
}

static struct in6_addr group_of(unsigned i)
{
	return numbered("ff0e::1:0", i);
}
static struct in6_addr source_of(unsigned i)
{
	return numbered("2001:db8::", i + 1);
}

static struct filter state_of(const struct world *w, unsigned g)
{
	struct in6_addr group = group_of(g);
	struct filter f = FILTER_NONE;
	unsigned was = starve;

	starve = 0;
	mld_link_state(w->link, &group, &f);
	starve = was;
	return f;
}

static bool lost(struct world *w)
{
	return w->loss && rng_below(&w->rng, w->loss) == 0;
}

static void router_effect(struct world *w, const struct mld_router_fx *fx)
{
	struct mld_packet p;

	if (fx->kind == MLD_ROUTER_QUERY) {
		w->queries++;
		assert_int_equal(mld_decode(fx->packet, fx->len, &p), MLD_OK);
		for (unsigned i = 0; i < w->n_hosts; i++)
			if (!lost(w))
				mld_upstream_recv(w->up[i], w->now, &p);
		return;
	}
	w->changes++;
	for (unsigned g = 0; g < GROUPS; g++) {
		struct in6_addr group = group_of(g);

		if (addr_eq(&group, &fx->group))
			filter_move(&w->seen[g], state_of(w, g));
	}
}

static void pump(struct world *w)
{
	struct mld_host_fx hfx;
	struct mld_router_fx rfx;
	bool more = true;

	while (more) {
		more = false;
		while (mld_routers_pop(w->routers, &rfx)) {
			router_effect(w, &rfx);
			more = true;
		}
		while (mld_hosts_pop(w->hosts, &hfx)) {
			struct mld_packet p;

			more = true;
			assert_int_equal(mld_decode(hfx.packet, hfx.len, &p), MLD_OK);
			if (lost(w))
				continue;
			mld_link_recv(w->link, w->now, &p);
			for (unsigned i = 0; i < w->n_hosts; i++)
				if (w->up[i] != hfx.upstream)
					mld_upstream_recv(w->up[i], w->now, &p);
			while (mld_routers_pop(w->routers, &rfx))
				router_effect(w, &rfx);
		}
	}
}

static struct filter wanted(const struct world *w, unsigned g)
{
	struct in6_addr group = group_of(g);
	struct filter sum = FILTER_NONE;
	bool oom = false;

	for (unsigned i = 0; i < w->n_hosts; i++) {
		struct filter f;

		if (!mld_upstream_get(w->up[i], &group, &f))
			continue;
		filter_move(&sum, filter_union(&sum, &f, &oom));
		filter_drop(&f);
	}
	assert_false(oom);
	return sum;
}

enum strictness {
	ANYTHING,
	COVERS,
	EQUALS
};

static void check(struct world *w, enum strictness how)
{
	unsigned was = starve;

	starve = 0;
	for (unsigned g = 0; g < GROUPS; g++) {
		struct filter want = wanted(w, g), has = state_of(w, g);
		bool right = how == EQUALS ? filter_eq(&want, &has) : how == ANYTHING || filter_covers(&has, &want);

		if (!right)
			print_error("seed %llu at %lld ms: group %u\n", (unsigned long long)w->seed,
				    (long long)(w->now.mono.ns / 1000000), g);
		assert_true(right);
		assert_true(filter_eq(&has, &w->seen[g])); /* every change was told */
		filter_drop(&want);
		filter_drop(&has);
	}
	starve = was;
}

static void run_for(struct world *w, span_t span, enum strictness how)
{
	mono_t end = mono_add(w->now.mono, span);

	for (;;) {
		mono_t next = mono_min(mld_routers_next_deadline(w->routers), mld_hosts_next_deadline(w->hosts));

		if (mono_before(end, next))
			break;
		w->now.mono = mono_max(w->now.mono, next);
		mld_routers_expire(w->routers, w->now);
		mld_hosts_expire(w->hosts, w->now);
		pump(w);
		assert_true(mono_before(w->now.mono, mld_routers_next_deadline(w->routers)));
		assert_true(mono_before(w->now.mono, mld_hosts_next_deadline(w->hosts)));
		check(w, how);
	}
	w->now.mono = end;
}

static void start(struct world *w, uint64_t seed, unsigned n_hosts, bool fast_leave)
{
	struct mld_routers_conf rc = {0};
	struct mld_router_conf lc = {.fast_leave = fast_leave};
	struct mld_host_conf hc = {0};
	struct in6_addr self = numbered("fe80::1:0", 1);

	*w = (struct world){.rng = rng_of(seed), .seed = seed, .n_hosts = n_hosts, .now.mono = {1000000000}};
	w->routers = mld_routers_new(&rc, seed);
	w->hosts = mld_hosts_new(seed + 1);
	w->link = mld_link_new(w->routers, w->now, &lc, &self, NULL);
	for (unsigned i = 0; i < n_hosts; i++) {
		struct in6_addr a = numbered("fe80::2:0", i + 1);

		w->up[i] = mld_upstream_new(w->hosts, &hc, &a, NULL);
	}
	pump(w);
}

static void stop(struct world *w)
{
	for (unsigned g = 0; g < GROUPS; g++)
		filter_drop(&w->seen[g]);
	mld_hosts_free(w->hosts);
	mld_routers_free(w->routers);
}

static void change_something(struct world *w)
{
	struct in6_addr group = group_of((unsigned)rng_below(&w->rng, GROUPS)), v[SOURCES];
	struct mld_upstream *up = w->up[rng_below(&w->rng, w->n_hosts)];
	bool oom = false;
	size_t n = 0;
	struct filter f;

	for (unsigned s = 0; s < SOURCES; s++)
		if (rng_below(&w->rng, 2))
			v[n++] = source_of(s);
	if (rng_below(&w->rng, 5) == 0)
		n = 0;
	f = filter_of(rng_below(&w->rng, 2) ? FILTER_INCLUDE : FILTER_EXCLUDE, v, n, &oom);
	if (!mld_upstream_set(up, w->now, &group, &f))
		assert_true(starve);
	filter_drop(&f);
	pump(w);
}

static void silence(struct world *w)
{
	for (unsigned g = 0; g < GROUPS; g++)
		for (unsigned i = 0; i < w->n_hosts; i++) {
			struct in6_addr group = group_of(g);

			mld_upstream_set(w->up[i], w->now, &group, &FILTER_NONE);
		}
	pump(w);
}

static void random_run(uint64_t seed, unsigned n_hosts, bool fast_leave)
{
	enum strictness always = n_hosts == 1 && fast_leave ? EQUALS : COVERS;
	struct world w;

	start(&w, seed, n_hosts, fast_leave);
	for (unsigned step = 0; step < 60; step++) {
		change_something(&w);
		check(&w, always);
		run_for(&w, span_ms((int64_t)rng_below(&w.rng, rng_below(&w.rng, 8) ? 1500 : 200000)), always);
	}
	run_for(&w, span_s(3 * 260), always);
	check(&w, EQUALS);
	silence(&w);
	run_for(&w, span_s(5), always);
	check(&w, EQUALS);
	run_for(&w, span_s(261), always);
	assert_true(w.changes && w.queries);
	stop(&w);
}

/* What is lost may leave the state wrong for a time; it comes right by the General Queries alone. */
static void lossy_run(uint64_t seed, bool fast_leave)
{
	struct world w;

	start(&w, seed, 1 + (unsigned)(seed % 3), fast_leave);
	w.loss = 3;
	for (unsigned step = 0; step < 60; step++) {
		change_something(&w);
		run_for(&w, span_ms((int64_t)rng_below(&w.rng, rng_below(&w.rng, 8) ? 1500 : 200000)), ANYTHING);
	}
	w.loss = 0;
	run_for(&w, span_s(3 * 260), ANYTHING);
	check(&w, EQUALS);
	run_for(&w, span_s(3 * 260), EQUALS);
	stop(&w);
}

/* One host speaks MLDv1: all it can say is that it listens. */
static void v1_run(uint64_t seed, bool fast_leave)
{
	struct mld_host_conf v1 = {.v1_only = true};
	struct world w;

	start(&w, seed, 1 + (unsigned)(seed % 3), fast_leave);
	mld_upstream_reconf(w.up[0], &v1);
	assert_int_equal(mld_upstream_version(w.up[0]), 1);
	for (unsigned step = 0; step < 60; step++) {
		change_something(&w);
		check(&w, COVERS);
		run_for(&w, span_ms((int64_t)rng_below(&w.rng, rng_below(&w.rng, 8) ? 1500 : 200000)), COVERS);
	}
	silence(&w);
	run_for(&w, span_s(2 * 260), COVERS); /* in MLDv1 mode BLOCK is ignored: only time ends those */
	check(&w, EQUALS);
	stop(&w);
}

/* Memory that is short for a time: changes are refused or told late, all comes right afterwards, and nothing leaks. */
static void starving_run(uint64_t seed, bool fast_leave)
{
	long before = memory_live;
	struct world w;

	start(&w, seed, 1 + (unsigned)(seed % 3), fast_leave);
	for (unsigned step = 0; step < 80; step++) {
		starve = step % 2 ? 1 + (unsigned)rng_below(&w.rng, 6) : 0;
		change_something(&w);
		run_for(&w, span_ms((int64_t)rng_below(&w.rng, rng_below(&w.rng, 8) ? 1500 : 200000)), ANYTHING);
	}
	starve = 0;
	run_for(&w, span_s(3 * 260), ANYTHING);
	check(&w, EQUALS);
	silence(&w);
	run_for(&w, span_s(2 * 260), ANYTHING);
	check(&w, EQUALS);
	stop(&w);
	assert_int_equal(memory_live, before);
}

static void test_starving(void **state)
{
	(void)state;
	memory_refuses = refused;
	for (uint64_t seed = 1; seed <= 200; seed++)
		starving_run(seed, seed & 1);
	if (OUR_MEMORY)
		assert_true(failures > 1000);
	else
		assert_int_equal(failures, 0);
}

static void test_loss(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++)
		lossy_run(seed, seed & 1);
}

static void test_v1(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++)
		v1_run(seed, seed & 1);
}

static void test_one_host_fast_leave(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++)
		random_run(seed, 1, true);
}

static void test_one_host(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++)
		random_run(seed, 1, false);
}

static void test_many_hosts(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++)
		random_run(seed, 2 + (unsigned)(seed % 3), false);
}

static void test_many_hosts_fast_leave(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++)
		random_run(seed, 2 + (unsigned)(seed % 3), true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_host_fast_leave),
	    cmocka_unit_test(test_one_host),
	    cmocka_unit_test(test_many_hosts),
	    cmocka_unit_test(test_many_hosts_fast_leave),
	    cmocka_unit_test(test_loss),
	    cmocka_unit_test(test_v1),
	    cmocka_unit_test(test_starving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
