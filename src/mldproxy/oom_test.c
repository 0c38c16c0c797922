/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that ends at any allocation: the proxy serves what it can, and all that hosts ask for once there is enough. */
#include "mldproxy/mldproxy.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory_testing.h"
#include "base/rng.h"

#define LINKS  3
#define GROUPS 5

static struct rng hunger;
static unsigned one_in; /* allocations fail; 0: none do */
static unsigned long refusals;

static bool refuse(void)
{
	bool no = one_in && rng_below(&hunger, one_in) == 0;

	refusals += no;
	return no;
}

struct rig {
	struct mldproxy *p;
	struct now now;
	struct rng rng;
	int wish[LINKS][GROUPS]; /* 0: none; 1: any source; 2: one source */
};

static struct in6_addr address(const char *text)
{
	struct in6_addr a = addr_any;

	assert_true(addr_parse(text, &a));
	return a;
}

static struct in6_addr group_of(unsigned g)
{
	struct in6_addr a = address("ff0e::1:0");

	a.s6_addr[15] = (uint8_t)g;
	return a;
}

static void drain(struct rig *r)
{
	struct fx fx;

	while (mldproxy_pop(r->p, &fx))
		;
}

/* A report of the link's one host: its state of the group. */
static void report(struct rig *r, unsigned l, unsigned g)
{
	struct in6_addr host = address("fe80::77"), group = group_of(g), source = address("2001:db8::5");
	int wish = r->wish[l][g];
	uint8_t type = wish == 1 ? MLD_CHANGE_TO_EXCLUDE : MLD_CHANGE_TO_INCLUDE, packet[256];
	struct mld_report rep;

	assert_true(mld_report_begin(&rep, &host, packet, sizeof(packet)));
	assert_true(mld_report_add(&rep, type, &group, &source, wish == 2));
	mldproxy_recv_downstream(r->p, r->now, l + 1, packet, mld_report_finish(&rep));
	drain(r);
}

static void pass(struct rig *r, span_t span)
{
	mono_t end = mono_add(r->now.mono, span);

	while (!mono_before(end, mldproxy_next_deadline(r->p))) {
		r->now.mono = mono_max(r->now.mono, mldproxy_next_deadline(r->p));
		mldproxy_expire(r->p, r->now);
		drain(r);
	}
	r->now.mono = end;
}

static void link_up(struct rig *r, unsigned l)
{
	struct in6_addr self = address("fe80::2");

	(void)mldproxy_downstream_up(r->p, r->now, l + 1, "lan", &self, 1500);
	drain(r);
}

static void storm(struct rig *r)
{
	struct in6_addr up = address("fe80::9");

	for (unsigned i = 0; i < 400; i++) {
		unsigned l = (unsigned)rng_below(&r->rng, LINKS), g = (unsigned)rng_below(&r->rng, GROUPS);

		switch (rng_below(&r->rng, 12)) {
		case 0:
			mldproxy_downstream_down(r->p, r->now, l + 1);
			drain(r);
			link_up(r, l);
			break;
		case 1:
			mldproxy_upstream(r->p, r->now, rng_below(&r->rng, 3) ? 50 : 0, &up, 1500);
			drain(r);
			break;
		case 2:
			pass(r, span_ms((int64_t)rng_below(&r->rng, 20000)));
			break;
		default:
			r->wish[l][g] = (int)rng_below(&r->rng, 3);
			report(r, l, g);
		}
	}
}

static void count_placed(void *arg, const struct mldproxy_subscription_view *v)
{
	assert_true(v->placed);
	++*(unsigned *)arg;
}

static void count_joined(void *arg, const struct mldproxy_group_view *v)
{
	assert_true(v->joined);
	++*(unsigned *)arg;
}

/* With memory, after the hosts' next reports and the retry, all is as it should be. */
static void recover(struct rig *r)
{
	struct in6_addr up = address("fe80::9");
	unsigned placed = 0, joined = 0, wanted = 0, groups = 0;

	mldproxy_upstream(r->p, r->now, 50, &up, 1500);
	drain(r);
	for (unsigned l = 0; l < LINKS; l++)
		link_up(r, l);
	for (unsigned g = 0; g < GROUPS; g++) {
		bool any = false;

		for (unsigned l = 0; l < LINKS; l++) {
			report(r, l, g);
			wanted += r->wish[l][g] != 0;
			any |= r->wish[l][g] != 0;
		}
		groups += any;
	}
	pass(r, span_s(15));
	mldproxy_each_subscription(r->p, NULL, count_placed, &placed);
	mldproxy_each_group(r->p, count_joined, &joined);
	assert_int_equal(placed, wanted);
	assert_int_equal(joined, groups);
	assert_int_equal(mldproxy_totals(r->p).unplaced, 0);
}

static void what_memory_allows_and_all_in_the_end(void **state)
{
	struct mldproxy_conf conf;

	(void)state;
	mldproxy_conf_defaults(&conf);
	conf.downstream_mld.fast_leave = true;
	memory_refuses = refuse;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		long live = memory_live;
		struct rig r = {.now.mono = {1000000000000}, .rng = rng_of(seed)};

		hunger = rng_of(seed + 1000);
		one_in = 0;
		r.p = mldproxy_new(&conf, r.now, seed);
		assert_non_null(r.p);
		one_in = 2 + (unsigned)seed % 20;
		storm(&r);
		one_in = 0;
		recover(&r);
		one_in = seed & 1 ? 3 : 0;
		mldproxy_stop(r.p, r.now);
		drain(&r);
		one_in = 0;
		mldproxy_free(r.p);
		assert_int_equal(memory_live, live);
	}
	memory_refuses = NULL;
	if (OUR_MEMORY)
		assert_true(refusals > 1000); /* or nothing was tested */
}

/* At the start each allocation may be the one that fails. */
static void there_is_a_proxy_or_none(void **state)
{
	struct mldproxy_conf conf;
	struct now now = {{1}, {1}};

	(void)state;
	mldproxy_conf_defaults(&conf);
	for (long left = 0; OUR_MEMORY && left < 12; left++) {
		long live = memory_live;
		struct mldproxy *p;

		memory_left = left;
		p = mldproxy_new(&conf, now, 1);
		memory_left = -1;
		mldproxy_free(p);
		assert_int_equal(memory_live, live);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_memory_allows_and_all_in_the_end),
		cmocka_unit_test(there_is_a_proxy_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
