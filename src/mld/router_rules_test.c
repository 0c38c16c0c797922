/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of the router side at the edges: who may ask, and how long what is not known of a group lasts. */
#include "mld/testing.h"

static const struct mld_query general = {.version = 2, .max_resp = {10000000000}, .qrv = 2, .qqi = {125000000000}};

/* RFC 3810 7.6.2: who loses the election sends no more queries, those that were still to be repeated included. What was
 * lowered by the first of them stays so. */
static void test_no_repetition_after_a_lost_election(void **state)
{
	const struct mld_router_conf conf = {.last_listener_count = 4};
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "a");
	bench_until(&b, 5);
	bench_mark(&b);
	bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "");
	bench_until(&b, 1.5);
	bench_query(&b, "fe80::1", general, "");
	assert_false(mld_link_is_querier(b.link));
	bench_until(&b, 10);
	assert_trace(&b, "0:Q{} 0:Q{a} 1:Q{} 1:Q{a} 4:-");
	bench_stop(&b);
}

/* The same of sources alone; and when we are the querier again, nothing of it comes back. */
static void test_no_repetition_of_sources(void **state)
{
	const struct mld_router_conf conf = {.last_listener_count = 3};
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "ab");
	bench_until(&b, 5);
	bench_mark(&b);
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "b");
	bench_until(&b, 0.5);
	bench_query(&b, "fe80::1", general, "");
	bench_until(&b, 100);
	bench_record(&b, 1, MLD_MODE_IS_INCLUDE, "a");
	bench_until(&b, 257); /* Other Querier Present Timeout: 255 s */
	assert_true(mld_link_is_querier(b.link));
	bench_until(&b, 300);
	assert_trace(&b, "0:Q{b} 3:IN{a}");
	bench_stop(&b);
}

/* RFC 4604 2.2.3: there is no MLDv1 query about a source-specific group. */
static void test_no_v1_query_of_a_source_specific_group(void **state)
{
	const struct mld_router_conf v1 = {.v1_mode = true}, v2 = {0};
	struct in6_addr ssm = address("ff3e::8000:1");
	struct bench b;

	(void)state;
	bench_start(&b, &v1);
	b.group = ssm;
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "ab");
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "a");
	mld_link_query_group(b.link, b.now, &ssm, span_s(1));
	bench_until(&b, 5);
	assert_trace(&b, "0:IN{a,b}");
	bench_stop(&b);

	bench_start(&b, &v2);
	mld_link_query_group(b.link, b.now, &ssm, span_s(1));
	bench_until(&b, 5);
	assert_trace(&b, "0:Q{}S");
	bench_stop(&b);
}

/* A host for which there was no room is one that is not known of: a leave is asked about. Once it has not been heard
 * for as long as listeners last, all who listen are known again. */
static void test_not_known_no_longer(void **state)
{
	const struct mld_router_conf conf = {.fast_leave = true, .hosts_max = 2};
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	for (unsigned host = 1; host <= 3; host++)
		bench_record(&b, host, MLD_CHANGE_TO_EXCLUDE, "");
	bench_until(&b, 5);
	bench_mark(&b);
	bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "");
	bench_record(&b, 2, MLD_CHANGE_TO_INCLUDE, "");
	bench_until(&b, 0.5);
	bench_record(&b, 3, MLD_MODE_IS_EXCLUDE, ""); /* it listens still, and is known from now on */
	bench_until(&b, 5);
	assert_trace(&b, "0:Q{} 1:Q{}S");
	/* 260 s after it found no room */
	for (unsigned at = 100; at <= 200; at += 100) {
		bench_until(&b, at);
		bench_record(&b, 3, MLD_MODE_IS_EXCLUDE, "");
		bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
	}
	bench_until(&b, 254);
	bench_mark(&b);
	bench_record(&b, 3, MLD_CHANGE_TO_INCLUDE, "");
	bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "");
	bench_until(&b, 0.5);
	bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
	bench_until(&b, 3);
	bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "");
	bench_until(&b, 10);
	assert_trace(&b, "0:Q{} 1:Q{}S 3:-");
	bench_stop(&b);
}

/* As long as there is one too many, and says so again and again, the others are asked. */
static void test_not_known_again_and_again(void **state)
{
	const struct mld_router_conf conf = {.fast_leave = true, .hosts_max = 1};
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	for (unsigned at = 0; at < 1000; at += 100) {
		bench_until(&b, at);
		bench_record(&b, 1, MLD_MODE_IS_EXCLUDE, "");
		bench_record(&b, 2, MLD_MODE_IS_EXCLUDE, "");
	}
	bench_mark(&b);
	bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "");
	bench_until(&b, 0.5);
	bench_record(&b, 2, MLD_MODE_IS_EXCLUDE, "");
	bench_until(&b, 5);
	assert_trace(&b, "0:Q{} 1:Q{}S");
	bench_stop(&b);
}

/* A query that is not repeated: nothing but the lowered timer tells when the source goes. Of many that stay, too. */
static void test_one_of_many_goes_in_time(void **state)
{
	const struct mld_router_conf conf = {.last_listener_count = 1};
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "abcdefgh");
	bench_until(&b, 5);
	bench_mark(&b);
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "c");
	bench_until(&b, 10);
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "z");
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "c");
	assert_trace(&b, "0:Q{c} 1:IN{a,b,d,e,f,g,h} 10:IN{a,b,d,e,f,g,h,z} 10:IN{a,b,c,d,e,f,g,h,z}");
	bench_stop(&b);
}

/* 7.4.2: each query is sent [Last Listener Query Count] times, one [Last Listener Query Interval] apart. A leave that
 * comes between takes what is pending along, which is not instead of its repetition. */
static void test_leaves_close_together(void **state)
{
	const struct mld_router_conf conf = {0};
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "abcd");
	bench_until(&b, 5);
	bench_mark(&b);
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "a");
	bench_until(&b, 0.1);
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "b");
	bench_until(&b, 5);
	assert_trace(&b, "0:Q{a} 0.1:Q{a,b} 1.1:Q{a,b} 2:IN{b,c,d} 2.1:IN{c,d}");
	/* Late enough it is its repetition. */
	bench_mark(&b);
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "c");
	bench_until(&b, 0.8);
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "d");
	bench_until(&b, 5);
	assert_trace(&b, "0:Q{c} 0.8:Q{c,d} 1.8:Q{d} 2:IN{d} 2.8:-");
	bench_stop(&b);
}

/* The same of the group as a whole: it is not asked about again at once, but in its time. */
static void test_leaves_of_group_and_source(void **state)
{
	const struct mld_router_conf conf = {0};
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "ab");
	bench_until(&b, 5);
	bench_mark(&b);
	bench_record(&b, 1, MLD_CHANGE_TO_INCLUDE, "ab");
	bench_until(&b, 0.1);
	bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, "a");
	bench_until(&b, 5);
	assert_trace(&b, "0:Q{} 0.1:Q{a} 1.1:Q{} 1.1:Q{a} 2:IN{a,b} 2.1:IN{b}");
	bench_stop(&b);
}

/* However many leaves come one by one, a source is in a bounded number of queries. */
static void test_a_flood_of_leaves(void **state)
{
	const struct mld_router_conf conf = {0};
	struct bench b;
	unsigned named = 0;

	(void)state;
	bench_start(&b, &conf);
	bench_record(&b, 1, MLD_ALLOW_NEW_SOURCES, "abcdefghijklmnopqrstuvwxyz");
	bench_until(&b, 5);
	bench_mark(&b);
	for (char c = 'a'; c <= 'z'; c++)
		bench_record(&b, 1, MLD_BLOCK_OLD_SOURCES, (char[]){c, '\0'});
	bench_until(&b, 1.9);
	for (const char *c = b.trace.s; *c; c++)
		named += *c >= 'a' && *c <= 'z';
	assert_in_range(named, 26 * 2, 26 * 3);
	bench_stop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_repetition_after_a_lost_election),
	    cmocka_unit_test(test_no_repetition_of_sources),
	    cmocka_unit_test(test_no_v1_query_of_a_source_specific_group),
	    cmocka_unit_test(test_not_known_no_longer),
	    cmocka_unit_test(test_not_known_again_and_again),
	    cmocka_unit_test(test_one_of_many_goes_in_time),
	    cmocka_unit_test(test_leaves_close_together),
	    cmocka_unit_test(test_leaves_of_group_and_source),
	    cmocka_unit_test(test_a_flood_of_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
