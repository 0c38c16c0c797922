/* SPDX-License-Identifier: BSD-2-Clause */
/* How a node is found, identified, served and let go. */
#include "mag/testing.h"

#define PBU1 "PBU(mn1 hi=4 life=3600 S)"
#define RA1 "RA(2001:db8:f00:1::/64 3600)"

static void router_solicitation(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	link_up(b, 1);
	send_rs(b, 1, 1);
	assert_said(b, PBU1 " " RA1);
	assert_data(b, "tunnel+ node1+");
	assert_state(b, 1, "registered");
	assert_string_equal(view(b, 1).trigger, "router-solicitation");
	bench_end(b);
}

static void any_packet_reveals_its_sender(void **state)
{
	const struct {
		enum nd_type type;
		const char *trigger;
	} cases[] = {{ND_NS, "neighbour-discovery"}, {ND_NA, "neighbour-discovery"}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bench *b = bench_begin();

		link_up(b, 1);
		send_nd(b, 1, 1, cases[i].type, link_local(1));
		assert_state(b, 1, "registered");
		assert_string_equal(view(b, 1).trigger, cases[i].trigger);
		bench_end(b);
	}
}

static void mld_report_reveals_its_sender(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	link_up(b, 1);
	send_report(b, 1, 1, MLD_MODE_IS_EXCLUDE, "ff02::1:ff00:1", NULL);
	assert_state(b, 1, "registered");
	assert_string_equal(view(b, 1).trigger, "mld");
	assert_said(b, PBU1 " " RA1);
	bench_end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(router_solicitation),
		cmocka_unit_test(any_packet_reveals_its_sender),
		cmocka_unit_test(mld_report_reveals_its_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
