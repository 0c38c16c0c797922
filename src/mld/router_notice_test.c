/* SPDX-License-Identifier: BSD-2-Clause */
/* What an operator should read of beside a counter: on which link it was, whose message and of which group. */
#include "mld/testing.h"

static struct in6_addr host(unsigned n)
{
	struct in6_addr a = address("fe80::1000");

	a.s6_addr[15] = (uint8_t)n;
	return a;
}

/* The only one that waits. */
static void expect(struct bench *b, enum mld_router_counter counter, const struct in6_addr *from,
		   const struct in6_addr *group)
{
	struct mld_router_notice n;

	assert_true(mld_routers_notice(b->set, &n));
	assert_string_equal(mld_router_counter_name(n.counter), mld_router_counter_name(counter));
	assert_ptr_equal(n.link, b->link);
	assert_true(addr_eq(&n.host, from));
	assert_true(addr_eq(&n.group, group));
	assert_false(mld_routers_notice(b->set, &n));
}

static void expect_none(struct bench *b)
{
	struct mld_router_notice n;

	assert_false(mld_routers_notice(b->set, &n));
}

static void test_limits(void **state)
{
	const struct mld_router_conf conf = {
	    .groups_max = 3, .sources_max = 1, .hosts_max = 1, .host_groups_max = 2, .host_rate_max = 8};
	struct in6_addr first = host(1), second = host(2), more = address("ff0e::2"), third = address("ff0e::3"),
			fourth = address("ff0e::4");
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
	expect_none(&b);
	bench_record(&b, 2, MLD_CHANGE_TO_EXCLUDE, "");
	expect(&b, MLD_ROUTER_LIMIT_HOSTS, &second, &b.group);
	bench_record_to(&b, 1, MLD_CHANGE_TO_EXCLUDE, &more, NULL, 0);
	bench_record_to(&b, 1, MLD_CHANGE_TO_EXCLUDE, &third, NULL, 0);
	expect(&b, MLD_ROUTER_LIMIT_HOST_GROUPS, &first, &third);
	bench_record_to(&b, 3, MLD_CHANGE_TO_EXCLUDE, &third, NULL, 0);
	bench_record_to(&b, 4, MLD_CHANGE_TO_EXCLUDE, &fourth, NULL, 0);
	struct in6_addr at = host(4);
	expect(&b, MLD_ROUTER_LIMIT_GROUPS, &at, &fourth);
	at = host(3);
	struct in6_addr v[26];
	bench_record_to(&b, 3, MLD_ALLOW_NEW_SOURCES, &third, v, sources_named("ab", v));
	expect(&b, MLD_ROUTER_LIMIT_SOURCES, &at, &third);
	for (unsigned i = 0; i < 12; i++)
		bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
	expect(&b, MLD_ROUTER_LIMIT_HOST_RATE, &first, &addr_any);
	bench_stop(&b);
}

/* RFC 3810 8.3.1; RFC 4604 3. */
static void test_what_is_to_be_logged(void **state)
{
	const struct mld_query general = {.version = 2, .max_resp = {10000000000}, .qrv = 2, .qqi = {125000000000}};
	const struct mld_query old = {.version = 1, .max_resp = {10000000000}};
	const struct mld_router_conf plain = {0}, v1 = {.v1_mode = true};
	struct in6_addr other = address("fe80::200"), ssm = address("ff3e::8000:1"), from = host(5);
	struct bench b;

	(void)state;
	bench_start(&b, &plain);
	bench_query(&b, "fe80::200", general, "");
	expect_none(&b);
	bench_query(&b, "fe80::200", old, "");
	expect(&b, MLD_ROUTER_QUERIES_VERSION, &other, &addr_any);
	b.group = ssm;
	bench_record(&b, 5, MLD_CHANGE_TO_EXCLUDE, "a");
	expect(&b, MLD_ROUTER_EXCLUDE_SSM, &from, &ssm);
	bench_record(&b, 5, MLD_MODE_IS_EXCLUDE, "");
	expect(&b, MLD_ROUTER_EXCLUDE_SSM, &from, &ssm);
	bench_v1(&b, 5, MLD_V1_REPORT);
	expect(&b, MLD_ROUTER_V1_SSM, &from, &ssm);
	bench_v1(&b, 5, MLD_V1_DONE);
	expect(&b, MLD_ROUTER_V1_SSM, &from, &ssm);
	bench_record(&b, 5, MLD_ALLOW_NEW_SOURCES, "a");
	expect_none(&b);
	bench_stop(&b);

	bench_start(&b, &v1);
	bench_query(&b, "fe80::200", old, "");
	expect_none(&b);
	bench_query(&b, "fe80::200", general, "");
	expect(&b, MLD_ROUTER_QUERIES_VERSION, &other, &addr_any);
	bench_stop(&b);
}

/* The first waits until it is asked for; with the link it goes. */
static void test_one_waits(void **state)
{
	const struct mld_router_conf conf = {.groups_max = 1};
	struct in6_addr second = address("ff0e::2"), third = address("ff0e::3"), from = host(1);
	struct bench b;

	(void)state;
	bench_start(&b, &conf);
	bench_record(&b, 1, MLD_CHANGE_TO_EXCLUDE, "");
	bench_record_to(&b, 1, MLD_CHANGE_TO_EXCLUDE, &second, NULL, 0);
	bench_record_to(&b, 2, MLD_CHANGE_TO_EXCLUDE, &third, NULL, 0);
	expect(&b, MLD_ROUTER_LIMIT_GROUPS, &from, &second);
	bench_record_to(&b, 2, MLD_CHANGE_TO_EXCLUDE, &third, NULL, 0);
	mld_link_free(b.link);
	expect_none(&b);
	bench_stop(&b);
}

static void test_who_is_the_querier(void **state)
{
	const struct mld_query old = {.version = 1, .max_resp = {10000000000}};
	const struct mld_router_conf plain = {0};
	struct in6_addr self = address("fe80::100"), lower = address("fe80::99"), is;
	uint8_t version;
	struct bench b;

	(void)state;
	bench_start(&b, &plain);
	is = mld_link_querier(b.link, &version);
	assert_true(addr_eq(&is, &self) && version == 2);
	bench_query(&b, "fe80::101", old, "");
	is = mld_link_querier(b.link, &version);
	assert_true(addr_eq(&is, &self) && version == 2);
	bench_query(&b, "fe80::99", old, "");
	is = mld_link_querier(b.link, &version);
	assert_true(addr_eq(&is, &lower) && version == 1);
	bench_until(&b, 300);
	is = mld_link_querier(b.link, &version);
	assert_true(addr_eq(&is, &self) && version == 2);
	bench_stop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_what_is_to_be_logged),
	    cmocka_unit_test(test_one_waits),
	    cmocka_unit_test(test_who_is_the_querier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
