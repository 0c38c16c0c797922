/* SPDX-License-Identifier: BSD-2-Clause */
/* How the anchor hears of groups: once each, by the first comer's registration or by MLD in the tunnel. */
#include "mag/testing.h"

#define G "ff1e::1"
#define H "ff1e::2"
#define SSM "ff3e::1"
#define S "2001:db8:aa::5"

static void a_join_goes_up_in_the_registration(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	bench_forget(b);
	join(b, 1, 1, G);
	assert_said(b, "PBU(mn1 hi=5 life=3600 S ff1e::1=EX{})");
	assert_data(b, "ff1e::1+1");
	bench_forget(b);
	leave(b, 1, 1, G);
	assert_said(b, "PBU(mn1 hi=5 life=3600 S)");
	assert_data(b, "ff1e::1-");
	bench_end(b);
}

static void only_first_comers_are_told(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, G);
	bench_forget(b);
	join(b, 2, 2, G);
	assert_said(b, "");
	assert_data(b, "ff1e::1+2");
	bench_forget(b);
	/* The second leaves: nobody has to know. */
	leave(b, 2, 2, G);
	assert_said(b, "");
	assert_data(b, "ff1e::1-2");
	bench_end(b);
}

static void another_source_is_a_first_comer_too(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	attach(b, 2);
	send_report(b, 1, 1, MLD_ALLOW_NEW_SOURCES, SSM, S);
	bench_forget(b);
	send_report(b, 2, 2, MLD_ALLOW_NEW_SOURCES, SSM, "2001:db8:aa::6");
	assert_said(b, "PBU(mn2 hi=5 life=3600 S ff3e::1=IN{2001:db8:aa::6})");
	bench_end(b);
}

/* mn1's registration carries the group, mn2 listens on it; mn1 leaves the domain's edge. */
static void when_the_carrier_leaves_mld_takes_over_first(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, G);
	join(b, 2, 2, G);
	bench_forget(b);
	link_down(b, 1);
	assert_said(b, "MLD(TO_EX ff1e::1{}) PBU(mn1 hi=4 life=0 S ff1e::1=EX{})");
	bench_end(b);
}

static void the_carrier_keeps_what_others_need(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, G);
	join(b, 2, 2, G);
	bench_forget(b);
	leave(b, 1, 1, G);
	assert_said(b, "");
	assert_data(b, "ff1e::1-1");
	/* Its next refresh says only what it wants; before that MLD holds the group for the other. */
	wait_for(b, span_s(1));
	bench_forget(b);
	join(b, 1, 1, H);
	assert_said(b, "MLD(TO_EX ff1e::1{}) PBU(mn1 hi=5 life=3600 S ff1e::2=EX{})");
	bench_end(b);
}

static void a_legacy_anchor_is_told_by_mld(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->legacy = true;
	assert_true(profile_add_subscription(b->profile[1], &(struct in6_addr){.s6_addr = {0xff, 0x1e, [15] = 1}}, NULL, 0, false,
					     (wall_t){0}, WALL_NEVER));
	b->profile[1]->initiation = PROFILE_INITIATION_NETWORK;
	attach(b, 1);
	/* The first PBU carries it on trust; the answer shows that it did not count. */
	assert_said(b, "PBU(mn1 hi=4 life=3600 S ff1e::1=EX{}) RA(2001:db8:f00:1::/64 3600) MLD(TO_EX ff1e::1{})");
	bench_forget(b);
	join(b, 1, 1, H);
	assert_said(b, "MLD(TO_EX ff1e::2{})");
	bench_end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_join_goes_up_in_the_registration),
		cmocka_unit_test(only_first_comers_are_told),
		cmocka_unit_test(another_source_is_a_first_comer_too),
		cmocka_unit_test(when_the_carrier_leaves_mld_takes_over_first),
		cmocka_unit_test(the_carrier_keeps_what_others_need),
		cmocka_unit_test(a_legacy_anchor_is_told_by_mld),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
