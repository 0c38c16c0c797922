/* SPDX-License-Identifier: BSD-2-Clause */
/* Router side beyond the tables: queries, election, MLDv1, explicit tracking, limits. */
#include "base/rng.h"
#include "mld/testing.h"

static const struct mld_router_conf defaults;
static const struct mld_query general = {.version = 2, .max_resp = {10000000000}, .qrv = 2, .qqi = {125000000000}};

/* ---- General Queries (7.1, 9.6, 9.7) ---- */

static void test_startup_queries(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &defaults);
	b.general = true;
	bench_until(&b, 300);
	assert_trace(&b, "0:General(10000) 31.25:General(10000) 156.25:General(10000) 281.25:General(10000)");
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_QUERIES_SENT), 4);
	bench_stop(&b);
}

static void test_settings_of_queries(void **state)
{
	const struct mld_router_conf conf = {
	    .query_interval = span_s(60),
	    .query_response = span_s(5),
	    .startup_query_count = 3,
	    .startup_query_interval = span_s(1),
	    .startup_query_response = span_ms(100),
	};
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	b.general = true;
	bench_until(&b, 70);
	assert_trace(&b, "0:General(100) 1:General(100) 2:General(100) 62:General(5000)");
	bench_stop(&b);
}

static void test_query_on_demand(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &defaults);
	bench_until(&b, 40);
	bench_mark(&b);
	b.general = true;
	mld_link_query(b.link, b.now, span_ms(100), 2, span_s(1));
	bench_until(&b, 10);
	mld_link_query_group(b.link, b.now, &b.group, span_ms(200));
	bench_until(&b, 110);
	assert_trace(&b, "0:General(100) 1:General(100) 10:Q{}S");
	bench_stop(&b);
}

/* Asked for by some time: what is due sooner, or brought forward, is enough. */
static void test_query_within(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &defaults);
	bench_until(&b, 40);
	bench_mark(&b);
	b.general = true;
	mld_link_query_within(b.link, b.now, span_ms(100), span_s(1));
	bench_until(&b, 0.5);
	mld_link_query_within(b.link, b.now, span_ms(200), span_s(1)); /* no later than the first */
	bench_until(&b, 3);
	mld_link_query_within(b.link, b.now, span_ms(100), span_s(1));
	mld_link_query_within(b.link, b.now, span_ms(200), span_s(0));
	bench_until(&b, 10);
	mld_link_query(b.link, b.now, span_ms(100), 3, span_s(1));
	bench_until(&b, 10.5);
	mld_link_query_within(b.link, b.now, span_ms(200), span_ms(100)); /* the second of three */
	bench_until(&b, 110);
	assert_trace(&b, "1:General(100) 3:General(200) 10:General(100) 10.6:General(200) 11.6:General(200)");
	bench_stop(&b);
}

/* The listening interval is of the values in force: RV * QI + QRI. */
static void test_listening_interval(void **state)
{
	struct mld_router_conf conf = {.robustness = 3, .query_interval = span_s(20), .query_response = span_s(4)};
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
	bench_until(&b, 100);
	assert_trace(&b, "0:EX{} 64:-");
	conf.query_interval = span_s(50);
	mld_link_reconf(b.link, b.now, &conf);
	bench_mark(&b);
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
	bench_until(&b, 200);
	assert_trace(&b, "0:EX{} 154:-");
	bench_stop(&b);
}

/* ---- election (7.6.2) ---- */

static void test_election(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &defaults); /* fe80::100 */
	bench_until(&b, 5);
	bench_mark(&b);
	b.general = true;
	/* The prefix bits do not count: fe80:0:0:1::200 is higher by its last 64 bits, fe80:0:0:1::99 lower. */
	bench_query(&b, "fe80:0:0:1::200", general, "");
	assert_true(mld_link_is_querier(b.link));
	bench_until(&b, 10);
	bench_query(&b, "fe80:0:0:1::99", general, "");
	assert_false(mld_link_is_querier(b.link));
	bench_until(&b, 100);
	bench_query(&b, "fe80:0:0:1::99", general, "");
	bench_until(&b, 354);
	assert_false(mld_link_is_querier(b.link));
	assert_trace(&b, "");
	/* Other Querier Present is 2 * 125 s + 5 s. */
	bench_until(&b, 480);
	assert_true(mld_link_is_querier(b.link));
	assert_trace(&b, "355:General(10000) 480:General(10000)");
	bench_stop(&b);
}

/* A non-querier runs by the querier's values (5.1.8, 5.1.9), and by its own again afterwards. */
static void test_values_of_the_querier(void **state)
{
	struct mld_query q = {.version = 2, .max_resp = span_s(10), .qrv = 3, .qqi = span_s(20)};
	struct bench b;

	(void)state;
	bench_start(&b, &defaults);
	bench_query(&b, "fe80::1", q, "");
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, ""); /* 3 * 20 s + 10 s */
	bench_until(&b, 200);
	assert_trace(&b, "0:EX{} 70:-");
	assert_true(mld_link_is_querier(b.link)); /* since 65 s */
	bench_mark(&b);
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
	bench_until(&b, 300);
	assert_trace(&b, "0:EX{} 260:-");
	bench_stop(&b);
}

static void test_no_election_on_request(void **state)
{
	const struct mld_router_conf conf = {.querier_always = true};
	struct mld_query q = general;
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
	bench_query(&b, "fe80::1", general, "");
	q.group = b.group;
	bench_query(&b, "fe80::1", q, "");
	assert_true(mld_link_is_querier(b.link));
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_QUERIES_REFUSED), 2);
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_QUERIES_HEARD), 0);
	bench_until(&b, 250); /* the timer was not lowered */
	assert_trace(&b, "0:EX{}");
	bench_stop(&b);
}

/* ---- specific queries (7.6) ---- */

/* A report that comes while queries are pending puts their later ones under the S flag. */
static void test_suppress_flag(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &defaults);
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "abc");
	bench_mark(&b);
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "ab");
	bench_until(&b, 0.5);
	bench_record(&b, 2, MLD_MODE_IS_INCLUDE, "b");
	bench_until(&b, 259);
	assert_trace(&b, "0:Q{a,b} 1:Q{b}S 1:Q{a} 2:IN{b,c}");
	bench_stop(&b);

	bench_start(&b, &defaults);
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
	bench_mark(&b);
	bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "");
	bench_until(&b, 0.5);
	bench_record(&b, 2, MLD_MODE_IS_EXCLUDE, "");
	bench_until(&b, 300);
	assert_trace(&b, "0:Q{} 1:Q{}S 260.5:-");
	bench_stop(&b);
}

/* The host repeats its leave; the last query still leaves time for an answer. */
static void test_repeated_leave(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &defaults);
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
	bench_mark(&b);
	bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "");
	bench_until(&b, 0.9);
	bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "");
	bench_until(&b, 10);
	assert_trace(&b, "0:Q{} 1:Q{} 2:-");
	bench_stop(&b);
}

static void test_last_listener_settings(void **state)
{
	const struct mld_router_conf conf = {.last_listener_count = 3, .last_listener_interval = span_ms(200)};
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "a");
	bench_mark(&b);
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "a");
	bench_until(&b, 10);
	assert_trace(&b, "0:Q{a} 0.2:Q{a} 0.4:Q{a} 0.6:-");
	bench_stop(&b);
}

/* 7.6.1: a query without S lowers the timers of everybody. */
static void test_query_heard(void **state)
{
	struct mld_query q = general;
	struct bench b;

	(void)state;
	bench_start(&b, &defaults);
	bench_query(&b, "fe80::1", general, "");
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "abc");
	bench_mark(&b);
	q.group = b.group;
	bench_query(&b, "fe80::1", q, "ax");
	q.suppress = true;
	bench_query(&b, "fe80::1", q, "b");
	bench_until(&b, 10);
	assert_trace(&b, "2:IN{b,c}");

	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
	bench_mark(&b);
	bench_query(&b, "fe80::1", q, "");
	bench_until(&b, 10);
	assert_trace(&b, "");
	q.suppress = false;
	bench_query(&b, "fe80::1", q, "");
	bench_until(&b, 20);
	assert_trace(&b, "12:-");
	/* MLDv1 gives the time in the message: 2 * 3 s. */
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
	bench_mark(&b);
	q.version = 1;
	q.max_resp = span_s(3);
	bench_query(&b, "fe80::1", q, "");
	bench_until(&b, 20);
	assert_trace(&b, "6:-");
	bench_stop(&b);
}

/* Sources in all queries that wait, each query within 1280 octets. */
static unsigned sources_asked(struct bench *b)
{
	struct mld_router_fx fx;
	struct mld_packet p;
	unsigned asked = 0;

	while (mld_routers_pop(b->set, &fx)) {
		assert_int_equal(fx.kind, MLD_ROUTER_QUERY);
		assert_true(fx.len <= 1280);
		assert_int_equal(mld_decode(fx.packet, fx.len, &p), MLD_OK);
		asked += p.query.n;
	}
	return asked;
}

static size_t sources_of(const struct bench *b, const struct in6_addr *group)
{
	struct filter f;
	size_t n;

	if (!mld_link_state(b->link, group, &f))
		return 0;
	n = filter_count(&f);
	filter_drop(&f);
	return n;
}

/* Any length of list: a list from many reports, and queries that are many packets. */
static void test_long_lists(void **state)
{
	enum {
		N = 3000
	};
	static struct in6_addr v[N];
	static uint8_t bytes[65536];
	struct in6_addr group = address("ff0e::2"), src = address("fe80::1001");
	struct mld_report r;
	struct mld_packet p;
	uint64_t queries;
	struct bench b;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		v[i] = address("2001:db8:1::");
		v[i].s6_addr[14] = (uint8_t)(i >> 8);
		v[i].s6_addr[15] = (uint8_t)i;
	}
	bench_start(&b, &defaults);
	for (unsigned i = 0; i < N; i += 500)
		bench_record_to(&b, 1, MLD_ALLOW_NEW_SOURCES, &group, v + N - 500 - i, 500);
	assert_int_equal(sources_of(&b, &group), N);
	queries = mld_link_counter(b.link, MLD_ROUTER_QUERIES_SENT);
	assert_true(mld_report_begin(&r, &src, bytes, sizeof(bytes)));
	assert_true(mld_report_add(&r, MLD_BLOCK_OLD_SOURCES, &group, v, N - 1));
	assert_int_equal(mld_decode(bytes, mld_report_finish(&r), &p), MLD_OK);
	mld_link_recv(b.link, b.now, &p);
	assert_int_equal(sources_asked(&b), N - 1);
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_QUERIES_SENT) - queries, (N - 1 + 74) / 75);
	b.now.mono = mono_add(b.now.mono, span_s(2));
	mld_routers_expire(b.set, b.now);
	assert_int_equal(sources_of(&b, &group), 1);
	bench_stop(&b);
}

/* ---- MLDv1 (8.3.2, RFC 2710) ---- */

static void test_v1(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &defaults);
	bench_v1(&b, 1, MLD_V1_REPORT);
	assert_true(mld_link_group_is_v1(b.link, &b.group));
	bench_record(&b, 2, MLD_BLOCK_OLD_SOURCES, "a");
	bench_record(&b, 2, MLD_CHANGE_TO_EXCLUDE, "ab");
	bench_until(&b, 1);
	bench_v1(&b, 1, MLD_V1_DONE);
	bench_until(&b, 10);
	assert_trace(&b, "0:EX{} 1:Q{} 2:Q{} 3:-");
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_REPORTS_V1), 1);
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_DONES_V1), 1);
	bench_stop(&b);
}

/* Older Version Host Present runs out 260 s after the last MLDv1 report. */
static void test_v1_ends(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &defaults);
	bench_v1(&b, 1, MLD_V1_REPORT);
	bench_until(&b, 200);
	bench_record(&b, 2, MLD_CHANGE_TO_EXCLUDE, "a");
	bench_until(&b, 259);
	assert_true(mld_link_group_is_v1(b.link, &b.group));
	bench_until(&b, 261);
	assert_false(mld_link_group_is_v1(b.link, &b.group));
	bench_record(&b, 2, MLD_CHANGE_TO_EXCLUDE, "a");
	bench_until(&b, 264);
	assert_trace(&b, "0:EX{} 261:Q{a} 262:Q{a} 263:EX{a}");
	bench_stop(&b);
}

static void test_v1_done_to_non_querier(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &defaults);
	bench_query(&b, "fe80::1", general, "");
	bench_v1(&b, 1, MLD_V1_REPORT);
	bench_v1(&b, 1, MLD_V1_DONE);
	bench_until(&b, 250);
	assert_trace(&b, "0:EX{}");
	bench_stop(&b);
}

static void test_v2_only(void **state)
{
	const struct mld_router_conf conf = {.v2_only = true};
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	bench_v1(&b, 1, MLD_V1_REPORT);
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
	bench_v1(&b, 1, MLD_V1_DONE);
	bench_until(&b, 10);
	assert_trace(&b, "0:EX{}");
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_V1_REFUSED), 2);
	bench_stop(&b);
}

/* With an MLDv1 router on the link we speak MLDv1: no source is asked about, no list of EXCLUDE counts. */
static void test_v1_mode(void **state)
{
	const struct mld_router_conf conf = {.v1_mode = true};
	struct mld_router_fx fx;
	struct mld_packet p;
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	assert_true(mld_routers_pop(b.set, &fx));
	assert_int_equal(mld_decode(fx.packet, fx.len, &p), MLD_OK);
	assert_int_equal(p.query.version, 1);
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "a");
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "b");
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "b");
	bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "");
	bench_until(&b, 5);
	assert_trace(&b, "0:EX{} 0:Q{} 1:Q{} 2:IN{b}");
	bench_query(&b, "fe80::200", general, "");
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_QUERIES_VERSION), 1);
	bench_stop(&b);
}

/* ---- what is not kept ---- */

static void test_ssm_range(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &defaults);
	b.group = address("ff3e::8000:1");
	bench_v1(&b, 1, MLD_V1_REPORT);
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "a");
	assert_trace(&b, "");
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "a");
	assert_trace(&b, "0:IN{a}");
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_V1_SSM), 1);
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_EXCLUDE_SSM), 2);
	bench_stop(&b);
}

static void test_local_groups(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &defaults);
	b.group = address("ff02::1:ff00:1");
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
	bench_v1(&b, 1, MLD_V1_REPORT);
	assert_trace(&b, "");
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_GROUP_LOCAL), 2);
	b.group = address("ff03::1");
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
	assert_trace(&b, "0:EX{}");
	bench_stop(&b);
}

/* ---- explicit tracking ---- */

static const struct mld_router_conf fast = {.fast_leave = true};
static const struct mld_router_conf fast_p2p = {.fast_leave = true, .querier_always = true};

static void test_fast_leave_alone(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &fast);
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
	bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "");
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "abc");
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "b");
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "cd");
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "e");
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "c");
	bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "ef");
	bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "f");
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "f");
	bench_until(&b, 300);
	assert_trace(&b, "0:EX{} 0:- 0:IN{a,b,c} 0:IN{a,c} 0:EX{c,d} 0:EX{c,d,e} 0:EX{d,e} 0:IN{e,f} 0:IN{f} 0:-");
	bench_stop(&b);
}

static void test_fast_leave_of_several(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &fast);
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "ab");
	bench_record(&b, 2, MLD_ALLOW_NEW_SOURCES, "b");
	bench_mark(&b);
	/* Nobody else wants a; somebody wants b and is asked. */
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "ab");
	bench_until(&b, 0.5);
	bench_record(&b, 2, MLD_MODE_IS_INCLUDE, "b");
	bench_until(&b, 5);
	bench_record(&b, 2, MLD_BLOCK_OLD_SOURCES, "b");
	bench_until(&b, 10);
	assert_trace(&b, "0:IN{b} 0:Q{b} 1:Q{b}S 5:-");
	bench_stop(&b);

	bench_start(&b, &fast);
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
	bench_record(&b, 2, MLD_CHANGE_TO_EXCLUDE, "");
	bench_record(&b, 3, MLD_ALLOW_NEW_SOURCES, "c");
	bench_mark(&b);
	bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "");
	bench_until(&b, 0.5);
	bench_record(&b, 2, MLD_MODE_IS_EXCLUDE, ""); /* takes c out of the Requested List */
	bench_until(&b, 5);
	bench_record(&b, 2, MLD_CHANGE_TO_INCLUDE, "");
	bench_until(&b, 10);
	assert_trace(&b, "0:Q{} 0:Q{c} 1:Q{}S 5:IN{c}");
	bench_stop(&b);
}

/* A host that has fallen silent does not hold up a leave, nor does one that the router never knew. */
static void test_fast_leave_of_the_last_heard(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &fast);
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
	bench_until(&b, 100);
	bench_record(&b, 2, MLD_CHANGE_TO_EXCLUDE, "");
	bench_until(&b, 262);
	bench_mark(&b);
	bench_record(&b, 3, MLD_CHANGE_TO_INCLUDE, ""); /* a stranger's leave: there is still host 2 */
	bench_until(&b, 0.5);
	bench_record(&b, 2, MLD_MODE_IS_EXCLUDE, "");
	bench_until(&b, 5);
	bench_record(&b, 2, MLD_CHANGE_TO_INCLUDE, "");
	bench_until(&b, 6);
	assert_trace(&b, "0:Q{} 1:Q{}S 5:-");
	bench_stop(&b);
}

/* TO_IN in pieces: the second names other sources than the first, and takes none away. */
static void test_fast_leave_pieces(void **state)
{
	struct in6_addr v[120];
	struct bench b;
	struct filter f;

	(void)state;
	for (unsigned i = 0; i < 120; i++) {
		v[i] = address("2001:db8:1::");
		v[i].s6_addr[15] = (uint8_t)i;
	}
	bench_start(&b, &fast);
	bench_record_to(&b, 1, MLD_CHANGE_TO_INCLUDE, &b.group, v, 75);
	bench_record_to(&b, 1, MLD_CHANGE_TO_INCLUDE, &b.group, v + 75, 45);
	assert_true(mld_link_state(b.link, &b.group, &f));
	assert_int_equal(filter_count(&f), 120);
	filter_drop(&f);
	bench_stop(&b);
}

/* MLDv1 hosts keep silent when another reports: only where there can be no other is a Done enough. */
static void test_fast_leave_v1(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &fast_p2p);
	bench_v1(&b, 1, MLD_V1_REPORT);
	bench_v1(&b, 1, MLD_V1_DONE);
	bench_until(&b, 10);
	assert_trace(&b, "0:EX{} 0:-");
	bench_stop(&b);

	bench_start(&b, &fast);
	bench_v1(&b, 1, MLD_V1_REPORT);
	bench_v1(&b, 1, MLD_V1_DONE);
	bench_until(&b, 10);
	assert_trace(&b, "0:EX{} 0:Q{} 1:Q{} 2:-");
	bench_stop(&b);
}

struct counted {
	uint32_t groups, hosts;
};

static void count_group(void *arg, const struct in6_addr *group, const struct filter *f, uint32_t hosts)
{
	struct counted *c = arg;

	assert_true(addr_is_multicast(group));
	assert_false(filter_is_none(f));
	c->groups++;
	c->hosts += hosts;
}

static void test_hosts_are_told(void **state)
{
	struct in6_addr other = address("ff0e::2"), a = source_named('a');
	struct counted c = {0};
	struct bench b;

	(void)state;
	bench_start(&b, &fast);
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
	bench_record(&b, 2, MLD_CHANGE_TO_EXCLUDE, "a");
	bench_record(&b, 3, MLD_ALLOW_NEW_SOURCES, "b");
	bench_record_to(&b, 3, MLD_ALLOW_NEW_SOURCES, &other, &a, 1);
	mld_link_each(b.link, count_group, &c);
	assert_int_equal(c.groups, 2);
	assert_int_equal(c.hosts, 4);
	bench_record(&b, 2, MLD_CHANGE_TO_INCLUDE, "");
	bench_record(&b, 3, MLD_BLOCK_OLD_SOURCES, "b");
	c = (struct counted){0};
	mld_link_each(b.link, count_group, &c);
	assert_int_equal(c.hosts, 2);
	bench_stop(&b);
}

/* ---- effects ---- */

static void test_drop_group(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, &defaults);
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "ab");
	mld_link_drop_group(b.link, b.now, &b.group);
	mld_link_drop_group(b.link, b.now, &b.group);
	bench_drain(&b);
	assert_trace(&b, "0:EX{a,b} 0:-");
	bench_stop(&b);
}

/* Refreshing tells nobody; several changes before the effects are fetched are told once. */
static void test_changes_are_told_once(void **state)
{
	struct in6_addr src = address("fe80::1001"), v[2] = {source_named('a'), source_named('b')};
	struct mld_report r;
	struct mld_packet p;
	uint8_t bytes[1280];
	struct bench b;

	(void)state;
	bench_start(&b, &fast);
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "a");
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "a");
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "a");
	bench_record(&b, 2, MLD_MODE_IS_INCLUDE, "b");
	assert_trace(&b, "0:EX{a}");
	mld_report_begin(&r, &src, bytes, sizeof(bytes));
	mld_report_add(&r, MLD_CHANGE_TO_INCLUDE, &b.group, v, 1);
	mld_report_add(&r, MLD_ALLOW_NEW_SOURCES, &b.group, v, 2);
	assert_int_equal(mld_decode(bytes, mld_report_finish(&r), &p), MLD_OK);
	bench_mark(&b);
	mld_link_recv(b.link, b.now, &p);
	bench_drain(&b);
	assert_trace(&b, "0:IN{a,b} 0:Q{b}");
	bench_stop(&b);
}

static void test_link_goes_with_its_effects(void **state)
{
	struct mld_router_fx fx;
	struct bench b;

	(void)state;
	bench_start(&b, &defaults); /* its start-up query waits */
	mld_link_free(b.link);
	assert_false(mld_routers_pop(b.set, &fx));
	assert_true(mono_is_never(mld_routers_next_deadline(b.set)));
	bench_stop(&b);
}

/* ---- limits ---- */

static void test_limits(void **state)
{
	const struct mld_router_conf conf = {.groups_max = 2, .sources_max = 3, .hosts_max = 2, .fast_leave = true};
	struct in6_addr a = source_named('a');
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	for (unsigned i = 1; i <= 4; i++) {
		struct in6_addr group = address("ff0e::");

		group.s6_addr[15] = (uint8_t)i;
		bench_record_to(&b, 1, MLD_ALLOW_NEW_SOURCES, &group, &a, 1);
	}
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_LIMIT_GROUPS), 2);
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "zyxw");
	assert_trace(&b, "0:IN{a} 0:IN{a,w,x}");
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_LIMIT_SOURCES), 2);
	/* A host beyond the limit listens too, but is not known: from then on everyone is asked. */
	bench_mark(&b);
	bench_record(&b, 2, MLD_CHANGE_TO_EXCLUDE, "");
	bench_record(&b, 3, MLD_CHANGE_TO_EXCLUDE, "");
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_LIMIT_HOSTS), 1);
	bench_record(&b, 2, MLD_CHANGE_TO_INCLUDE, "");
	bench_until(&b, 0.5);
	assert_trace(&b, "0:EX{} 0:Q{}");
	assert_int_equal(mld_routers_counter(b.set, MLD_ROUTER_LIMIT_HOSTS), 1);
	bench_stop(&b);
}

/* A host has its share and no more; what it has it keeps, and others are not touched. */
static void test_limit_of_a_host(void **state)
{
	const struct mld_router_conf conf = {.host_groups_max = 2};
	struct in6_addr a = source_named('a');
	struct counted c = {0};
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	for (unsigned i = 1; i <= 4; i++) {
		struct in6_addr group = address("ff0e::");

		group.s6_addr[15] = (uint8_t)i;
		bench_record_to(&b, 1, MLD_ALLOW_NEW_SOURCES, &group, &a, 1);
	}
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
	assert_trace(&b, "0:IN{a} 0:EX{}");
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_LIMIT_HOST_GROUPS), 2);
	b.group = address("ff0e::4");
	bench_record(&b, 2, MLD_CHANGE_TO_EXCLUDE, "");
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "b"); /* not even beside others */
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_LIMIT_HOST_GROUPS), 3);
	mld_link_each(b.link, count_group, &c);
	assert_int_equal(c.groups, 3);
	assert_int_equal(c.hosts, 3);
	bench_stop(&b);
}

/* Reports beyond the rate of a host, or of the link, are not looked at. */
static void test_limit_of_reports(void **state)
{
	struct mld_router_conf conf = {.host_rate_max = 2, .link_rate_max = 5};
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
	for (unsigned i = 0; i < 2; i++)
		bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_LIMIT_HOST_RATE), 1);
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_LIMIT_LINK_RATE), 0);
	bench_record(&b, 2, MLD_MODE_IS_EXCLUDE, "");
	bench_record(&b, 3, MLD_MODE_IS_EXCLUDE, "");
	bench_record(&b, 4, MLD_MODE_IS_EXCLUDE, "");
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_LIMIT_LINK_RATE), 1);
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_RECORDS), 4);
	bench_until(&b, 1);
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
	bench_record(&b, 4, MLD_MODE_IS_EXCLUDE, "");
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_RECORDS), 6);
	conf.host_rate_max = conf.link_rate_max = 0;
	mld_link_reconf(b.link, b.now, &conf);
	for (unsigned i = 0; i < 50; i++)
		bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_RECORDS), 56);
	bench_stop(&b);
}

/* Who listens to nothing is forgotten after each report, but not its rate. */
static void test_rate_of_the_forgotten(void **state)
{
	struct mld_router_conf conf = {.host_rate_max = 4};
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	for (unsigned i = 0; i < 10; i++) {
		bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
		bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "");
		for (unsigned other = 2; other < 40; other++) /* who come by once do not make it forgotten */
			if (i == 1)
				bench_record(&b, other, MLD_CHANGE_TO_INCLUDE, "");
	}
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_RECORDS), 4 + 38);
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_LIMIT_HOST_RATE), 16);
	bench_until(&b, 0.5); /* two more */
	for (unsigned i = 0; i < 4; i++)
		bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "");
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_RECORDS), 4 + 38 + 2);
	bench_stop(&b);
}

static void fill(struct bench *b, enum mld_record_type type, unsigned n)
{
	struct in6_addr group = address("ff0e::3:0"), src = address("fe80::1001");
	struct mld_router_fx fx;
	struct mld_report r;
	struct mld_packet p;
	uint8_t bytes[1460];

	for (unsigned i = 0; i < n;) {
		assert_true(mld_report_begin(&r, &src, bytes, sizeof(bytes)));
		do {
			group.s6_addr[13] = (uint8_t)(i >> 16);
			group.s6_addr[14] = (uint8_t)(i >> 8);
			group.s6_addr[15] = (uint8_t)i;
		} while (mld_report_add(&r, (uint8_t)type, &group, NULL, 0) && ++i < n);
		assert_int_equal(mld_decode(bytes, mld_report_finish(&r), &p), MLD_OK);
		mld_link_recv(b->link, b->now, &p);
		while (mld_routers_pop(b->set, &fx))
			;
	}
}

/* At the limit nothing comes in, and everything can go. */
static void memory_limit(const struct mld_router_conf *conf, unsigned least)
{
	const struct mld_routers_conf limits = {.memory_max = 100000, .links_max = 1};
	struct in6_addr self = address("fe80::100");
	struct bench b = {.now.mono = {1000000}}; /* groups count milliseconds */
	struct counted c = {0};

	b.set = mld_routers_new(&limits, 1);
	b.link = mld_link_new(b.set, b.now, conf, &self, NULL);
	assert_null(mld_link_new(b.set, b.now, conf, &self, NULL));
	fill(&b, MLD_CHANGE_TO_EXCLUDE, 2000);
	mld_link_each(b.link, count_group, &c);
	assert_in_range(c.groups, least, 1000);
	assert_int_equal(mld_link_counter(b.link, MLD_ROUTER_LIMIT_MEMORY), 2000 - c.groups);
	fill(&b, MLD_CHANGE_TO_INCLUDE, 2000);
	b.now.mono = mono_add(b.now.mono, span_s(2));
	mld_routers_expire(b.set, b.now);
	c = (struct counted){0};
	mld_link_each(b.link, count_group, &c);
	assert_int_equal(c.groups, 0);
	bench_stop(&b);
}

static void test_memory_limit(void **state)
{
	(void)state;
	memory_limit(&defaults, 500);
	memory_limit(&fast, 500);
}

/* A group with one any-source host, the common case: its cost, and that all of it comes back. */
static void test_memory_of_many(void **state)
{
	const struct mld_router_conf conf = {.groups_max = UINT32_MAX, .fast_leave = true};
	struct counted c = {0};
	size_t before, after;
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	bench_drain(&b);
	before = mld_routers_bytes(b.set);
	fill(&b, MLD_CHANGE_TO_EXCLUDE, 100000);
	after = mld_routers_bytes(b.set);
	mld_link_each(b.link, count_group, &c);
	assert_int_equal(c.groups, 100000);
	assert_int_equal(c.hosts, 100000);
	print_message("%.1f octets per group\n", (double)(after - before) / 100000);
	assert_true(after - before < 128 * 100000);
	bench_until(&b, 300);
	c = (struct counted){0};
	mld_link_each(b.link, count_group, &c);
	assert_int_equal(c.groups, 0);
	fill(&b, MLD_CHANGE_TO_EXCLUDE, 100000);
	assert_true(mld_routers_bytes(b.set) <= after);
	bench_stop(&b);
}

/* Many liars, damaged packets, little memory: it holds its limits and recovers. */
static void hostile_report(struct bench *b, struct rng *rng)
{
	struct in6_addr src = address("fe80::1000"), group = address("ff0e::"), v[70];
	uint8_t bytes[1460];
	struct mld_report r;
	struct mld_packet p;
	size_t len;

	src.s6_addr[15] = (uint8_t)rng_below(rng, 40);
	assert_true(mld_report_begin(&r, &src, bytes, sizeof(bytes)));
	do {
		size_t n = rng_below(rng, rng_below(rng, 3) ? 5 : 70);

		group.s6_addr[15] = (uint8_t)rng_below(rng, 60);
		for (size_t i = 0; i < n; i++) {
			v[i] = address("2001:db8::");
			v[i].s6_addr[15] = (uint8_t)rng_u64(rng);
		}
		if (!mld_report_add(&r, (uint8_t)(1 + rng_below(rng, 6)), &group, v, n))
			break;
	} while (rng_below(rng, 4));
	len = mld_report_finish(&r);
	if (rng_below(rng, 4) == 0)
		bytes[rng_below(rng, len)] ^= (uint8_t)(1u << rng_below(rng, 8));
	if (len && mld_decode(bytes, len, &p) == MLD_OK)
		mld_link_recv(b->link, b->now, &p);
}

static void test_hostile(void **state)
{
	const struct mld_routers_conf limits = {.memory_max = 80000};
	const struct mld_router_conf conf = {.fast_leave = true, .groups_max = 50, .sources_max = 100, .hosts_max = 4};
	struct in6_addr self = address("fe80::100");
	struct bench b = {.now.mono = {1}, .group = address("ff0e::ffff")};
	struct rng rng = rng_of(7);

	(void)state;
	b.set = mld_routers_new(&limits, 1);
	b.link = mld_link_new(b.set, b.now, &conf, &self, NULL);
	for (unsigned i = 0; i < 20000; i++) {
		struct mld_router_fx fx;

		hostile_report(&b, &rng);
		while (mld_routers_pop(b.set, &fx))
			;
		/* Beyond the limit: room that chunks and tables hold in advance, and one burst of effects. */
		assert_true(mld_routers_bytes(b.set) < limits.memory_max + 200000);
		if (rng_below(&rng, 10) == 0) {
			b.now.mono = mono_add(b.now.mono, span_ms((int64_t)rng_below(&rng, 20000)));
			mld_routers_expire(b.set, b.now);
			assert_true(mono_before(b.now.mono, mld_routers_next_deadline(b.set)));
		}
	}
	assert_true(mld_link_counter(b.link, MLD_ROUTER_LIMIT_MEMORY) > 0);
	assert_true(mld_link_counter(b.link, MLD_ROUTER_LIMIT_SOURCES) > 0);
	assert_true(mld_link_counter(b.link, MLD_ROUTER_LIMIT_GROUPS) > 0);
	assert_true(mld_link_counter(b.link, MLD_ROUTER_LIMIT_HOSTS) > 0);
	b.now.mono = mono_add(b.now.mono, span_s(1000));
	mld_routers_expire(b.set, b.now);
	bench_mark(&b);
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
	bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "");
	assert_trace(&b, "0:EX{} 0:-");
	bench_stop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_startup_queries),
	    cmocka_unit_test(test_settings_of_queries),
	    cmocka_unit_test(test_query_on_demand),
	    cmocka_unit_test(test_query_within),
		cmocka_unit_test(test_listening_interval),
	    cmocka_unit_test(test_election),
	    cmocka_unit_test(test_values_of_the_querier),
	    cmocka_unit_test(test_no_election_on_request),
	    cmocka_unit_test(test_suppress_flag),
	    cmocka_unit_test(test_repeated_leave),
	    cmocka_unit_test(test_last_listener_settings),
	    cmocka_unit_test(test_query_heard),
	    cmocka_unit_test(test_long_lists),
	    cmocka_unit_test(test_v1),
	    cmocka_unit_test(test_v1_ends),
	    cmocka_unit_test(test_v1_done_to_non_querier),
	    cmocka_unit_test(test_v2_only),
	    cmocka_unit_test(test_v1_mode),
	    cmocka_unit_test(test_ssm_range),
	    cmocka_unit_test(test_local_groups),
	    cmocka_unit_test(test_fast_leave_alone),
	    cmocka_unit_test(test_fast_leave_of_several),
	    cmocka_unit_test(test_fast_leave_of_the_last_heard),
	    cmocka_unit_test(test_fast_leave_pieces),
	    cmocka_unit_test(test_fast_leave_v1),
	    cmocka_unit_test(test_hosts_are_told),
	    cmocka_unit_test(test_drop_group),
	    cmocka_unit_test(test_changes_are_told_once),
	    cmocka_unit_test(test_link_goes_with_its_effects),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_limit_of_a_host),
	    cmocka_unit_test(test_limit_of_reports),
	    cmocka_unit_test(test_rate_of_the_forgotten),
	    cmocka_unit_test(test_memory_limit),
	    cmocka_unit_test(test_memory_of_many),
	    cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
