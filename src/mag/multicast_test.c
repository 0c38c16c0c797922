/* SPDX-License-Identifier: BSD-2-Clause */
/* What a node is to receive: draft Figures 1, 2 and 3, the profile's word, the operator's, and how it ends (draft 4.3).
 */
#include "mag/testing.h"

static void add_range(struct bench *b, unsigned n, bool deny, const char *range)
{
	struct prefix p, any = {.len = 0};

	assert_true(prefix_parse(range, &p));
	assert_true(profile_add_range(b->profile[n], deny, &p, &any));
}

static void change_profile(struct bench *b, unsigned n)
{
	struct nai name = mn(n);

	mag_profile_changed(b->mag, b->now, &name, b->profile[n]);
	bench_drain(b);
}

/* ---- who begins ---- */

/* Draft Figure 1: the profile's groups go up with the registration; the node was not asked. */
static void network_initiated(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->profile[1]->initiation = PROFILE_INITIATION_NETWORK;
	add_static(b, 1, G, NULL, false);
	add_static(b, 1, SSM, S, true);
	attach(b, 1);
	assert_said(b, "PBU(mn1 hi=4 life=3600 S ff1e::1=EX{} ff3e::1=IN{2001:db8:aa::5}) " RA1);
	assert_data(b, "tunnel+ node1+ ff1e::1+1 ff3e::1@2001:db8:aa::5+1");
	assert_int_equal(sub(b, 1, G).origins, SUB_ORIGIN_PROFILE);
	assert_sub(b, 1, G, "active");
	assert_true(sub(b, 1, G).by_registration);
	/* Reports are combined with that. */
	bench_forget(b);
	join(b, 1, 1, G);
	assert_said(b, "");
	assert_int_equal(sub(b, 1, G).origins, SUB_ORIGIN_PROFILE | SUB_ORIGIN_MLD);
	bench_end(b);
}

/* Draft Figure 2: the node is asked, and what it confirms is joined. */
static void network_initiated_with_a_query(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->profile[1]->initiation = PROFILE_INITIATION_QUERY;
	add_static(b, 1, G, NULL, false);
	add_static(b, 1, H, NULL, false);
	attach(b, 1);
	assert_said(b, PBU1 " Q(ff1e::1) Q(ff1e::2) " RA1);
	assert_sub(b, 1, G, "waiting");
	assert_data(b, "tunnel+ node1+");
	bench_forget(b);
	send_report(b, 1, 1, MLD_MODE_IS_EXCLUDE, G, NULL);
	assert_said(b, "PBU(mn1 hi=5 life=3600 S ff1e::1=EX{})");
	assert_data(b, "ff1e::1+1");
	assert_int_equal(sub(b, 1, G).origins, SUB_ORIGIN_PROFILE | SUB_ORIGIN_MLD);
	assert_sub(b, 1, H, "waiting");
	bench_forget(b);
	leave(b, 1, 1, G);
	assert_data(b, "ff1e::1-");
	assert_sub(b, 1, G, "waiting");
	bench_end(b);
}

/* Draft Figure 3: the profile is only the filter. */
static void node_initiated(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	add_static(b, 1, G, NULL, false);
	attach(b, 1);
	assert_said(b, PBU1 " " RA1);
	bench_forget(b);
	send_report(b, 1, 1, MLD_ALLOW_NEW_SOURCES, SSM, S);
	assert_said(b, "PBU(mn1 hi=5 life=3600 S ff3e::1=IN{2001:db8:aa::5})");
	assert_data(b, "ff3e::1@2001:db8:aa::5+1");
	bench_forget(b);
	send_report(b, 1, 1, MLD_BLOCK_OLD_SOURCES, SSM, S);
	assert_said(b, "PBU(mn1 hi=5 life=3600 S)");
	assert_data(b, "ff3e::1@2001:db8:aa::5-");
	assert_false(has_sub(b, 1, SSM));
	bench_end(b);
}

static void mldv1(void **state)
{
	struct in6_addr g = addr(G), src = link_local(1);
	struct bench *b = bench_begin();
	uint8_t bytes[256];

	(void)state;
	attach(b, 1);
	bench_forget(b);
	send_packet(b, 1, 1, bytes, mld_encode_v1(MLD_V1_REPORT, &g, &src, bytes, sizeof(bytes)));
	assert_said(b, "PBU(mn1 hi=5 life=3600 S ff1e::1=EX{})");
	assert_true(sub(b, 1, G).v1);
	bench_forget(b);
	send_packet(b, 1, 1, bytes, mld_encode_v1(MLD_V1_DONE, &g, &src, bytes, sizeof(bytes)));
	assert_data(b, "ff1e::1-"); /* at once: nobody else is on that link */
	bench_end(b);
}

static void report_from_nowhere(struct bench *b, unsigned n)
{
	struct in6_addr g = addr(G);
	uint8_t bytes[256];

	send_packet(b, n, n, bytes, mld_encode_v1(MLD_V1_REPORT, &g, &addr_any, bytes, sizeof(bytes)));
}

/* Is that address free? (RFC 4862 5.4.2) */
static void detect_duplicates(struct bench *b, unsigned n)
{
	struct nd_msg m = {.type = ND_NS, .src = addr_any, .target = link_local(n)};
	struct nd_msg heard;
	uint8_t bytes[256];
	size_t len;

	m.dst = addr("ff02::1:ff00:0");
	memcpy(m.dst.s6_addr + 13, m.target.s6_addr + 13, 3);
	len = nd_encode(&m, bytes, sizeof(bytes));
	assert_int_equal(nd_decode(bytes, len, &heard), ND_OK);
	send_packet(b, n, n, bytes, len);
}

/* A host that joins before it has an address reports from ::, and MLDv1 hosts need not say it again for long. The report
 * does not count; its sender is asked, when it shows an address, and meanwhile now and then. */
static void report_without_an_address(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	wait_for(b, span_s(20));
	b->probes = true;
	bench_forget(b);
	report_from_nowhere(b, 1);
	assert_false(has_sub(b, 1, G));
	assert_int_equal(counter(b, "mld-unspecified-source"), 1);
	wait_for(b, span_ms(900));
	detect_duplicates(b, 1); /* it has no address yet */
	assert_said(b, "");
	wait_for(b, span_ms(200));
	assert_said(b, "Q100");
	report_from_nowhere(b, 1); /* that is its answer */
	report_from_nowhere(b, 1);
	wait_for(b, span_ms(900));
	assert_said(b, "Q100");
	bench_forget(b);
	send_nd(b, 1, 1, ND_NS, link_local(1));
	assert_said(b, "Q100");
	send_nd(b, 1, 1, ND_NS, link_local(1));
	wait_for(b, span_s(5));
	assert_said(b, "Q100");
	bench_end(b);
}

/* ---- the profile's word ---- */

static void a_denied_range_wins(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->profile[1]->initiation = PROFILE_INITIATION_NETWORK;
	add_static(b, 1, G, NULL, true);
	add_range(b, 1, true, "ff1e::/112");
	attach(b, 1);
	join(b, 1, 1, H);
	assert_said(b, PBU1 " " RA1);
	assert_data(b, "tunnel+ node1+");
	assert_sub(b, 1, H, "refused");
	assert_int_equal(sub(b, 1, H).verdict, POLICY_DENIED_RANGE);
	assert_sub(b, 1, G, "refused");
	assert_int_equal(counter(b, "subscription-refused-here"), 2);
	bench_end(b);
}

static void allowed_ranges_are_all_there_is(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	add_range(b, 1, false, "ff1e::1/128");
	attach(b, 1);
	bench_forget(b);
	join(b, 1, 1, H);
	join(b, 1, 1, G);
	assert_said(b, "PBU(mn1 hi=5 life=3600 S ff1e::1=EX{})");
	assert_int_equal(sub(b, 1, H).verdict, POLICY_NOT_ALLOWED);
	bench_end(b);
}

static void mandatory_groups_cannot_be_left(void **state)
{
	struct in6_addr g = addr(G), any = addr_any;
	struct bench *b = bench_begin();
	struct nai name = mn(1);

	(void)state;
	b->profile[1]->initiation = PROFILE_INITIATION_NETWORK;
	add_static(b, 1, G, NULL, true);
	add_static(b, 1, SSM, S, true);
	attach(b, 1);
	bench_forget(b);
	join(b, 1, 1, G);
	leave(b, 1, 1, G);
	send_report(b, 1, 1, MLD_BLOCK_OLD_SOURCES, SSM, S);
	assert_said(b, "");
	assert_data(b, "");
	assert_int_equal(mag_unsubscribe(b->mag, b->now, &name, &g, &any), CTL_MANDATORY);
	assert_true(sub(b, 1, G).mandatory);
	bench_end(b);
}

/* A static group that is not mandatory is the node's to leave, also when it never reported it. */
static void other_static_groups_can_be_left(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->profile[1]->initiation = PROFILE_INITIATION_NETWORK;
	add_static(b, 1, G, NULL, false);
	add_static(b, 1, SSM, S, false);
	attach(b, 1);
	bench_forget(b);
	leave(b, 1, 1, G);
	assert_data(b, "ff1e::1-");
	assert_said(b, "PBU(mn1 hi=5 life=3600 S ff3e::1=IN{2001:db8:aa::5})");
	send_report(b, 1, 1, MLD_BLOCK_OLD_SOURCES, SSM, S);
	assert_data(b, "ff1e::1- ff3e::1@2001:db8:aa::5-");
	bench_forget(b);
	join(b, 1, 1, G);
	send_report(b, 1, 1, MLD_ALLOW_NEW_SOURCES, SSM, S);
	assert_data(b, "ff1e::1+1 ff3e::1@2001:db8:aa::5+1");
	/* It leaves again what it reported: that ends the static share too. */
	bench_forget(b);
	leave(b, 1, 1, G);
	assert_data(b, "ff1e::1-");
	bench_end(b);
}

static void from_start_to_end(void **state)
{
	struct bench *b = bench_begin();
	struct in6_addr g = addr(G);
	wall_t start = {b->now.wall.ns + span_s(100).ns}, end = {b->now.wall.ns + span_s(200).ns};

	(void)state;
	b->profile[1]->initiation = PROFILE_INITIATION_NETWORK;
	assert_true(profile_add_subscription(b->profile[1], &g, NULL, 0, true, start, end));
	attach(b, 1);
	assert_sub(b, 1, G, "waiting");
	wait_for(b, span_ms(99900));
	bench_forget(b);
	wait_for(b, span_ms(200));
	assert_data(b, "ff1e::1+1");
	assert_said(b, "PBU(mn1 hi=5 life=3600 S ff1e::1=EX{})");
	assert_int_equal(sub(b, 1, G).end.ns, end.ns);
	wait_for(b, span_ms(99700));
	bench_forget(b);
	wait_for(b, span_ms(300));
	assert_data(b, "ff1e::1-");
	assert_said(b, "PBU(mn1 hi=5 life=3600 S)");
	assert_false(has_sub(b, 1, G));
	bench_end(b);
}

/* The wall clock is set: the times of the profile are by the new one, and what comes later too. */
static void the_clock_is_set(void **state)
{
	struct bench *b = bench_begin();
	struct in6_addr g = addr(G);
	wall_t start = {b->now.wall.ns + span_s(1000).ns}, end = {b->now.wall.ns + span_s(2000).ns};

	(void)state;
	b->profile[1]->initiation = PROFILE_INITIATION_NETWORK;
	assert_true(profile_add_subscription(b->profile[1], &g, NULL, 0, true, start, end));
	attach(b, 1);
	assert_sub(b, 1, G, "waiting");
	bench_forget(b);
	b->now.wall.ns += span_s(990).ns;
	mag_clock_stepped(b->mag, b->now);
	bench_drain(b);
	assert_data(b, "");
	wait_for(b, span_s(11));
	assert_data(b, "ff1e::1+1");
	b->now.wall.ns += span_s(5000).ns;
	mag_clock_stepped(b->mag, b->now);
	bench_drain(b);
	assert_false(has_sub(b, 1, G));
	b->now.wall.ns -= span_s(4500).ns; /* and back */
	mag_clock_stepped(b->mag, b->now);
	bench_drain(b);
	assert_sub(b, 1, G, "active");
	bench_end(b);
}

static void local_groups_stay_on_the_link(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	bench_forget(b);
	join(b, 1, 1, "ff02::fb");
	join(b, 1, 1, "ff05::1:3");
	assert_said(b, "");
	assert_data(b, "");
	assert_false(has_sub(b, 1, "ff02::fb"));
	assert_sub(b, 1, "ff05::1:3", "local");
	bench_end(b);
}

static void service_off_and_on(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	join(b, 1, 1, G);
	bench_forget(b);
	bench_profile(b, 1);
	b->profile[1]->multicast = false;
	change_profile(b, 1);
	assert_data(b, "ff1e::1-");
	assert_said(b, "PBU(mn1 hi=5 life=3600 S)");
	assert_state(b, 1, "registered"); /* unicast goes on */
	assert_false(has_sub(b, 1, G));
	bench_forget(b);
	join(b, 1, 1, G);
	assert_said(b, "");
	bench_profile(b, 1);
	change_profile(b, 1);
	join(b, 1, 1, G);
	assert_data(b, "ff1e::1+1");
	bench_end(b);
}

static void a_profile_change_is_a_decision_anew(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	join(b, 1, 1, G);
	join(b, 1, 1, H);
	bench_forget(b);
	wait_for(b, span_s(2));
	bench_profile(b, 1);
	b->profile[1]->initiation = PROFILE_INITIATION_NETWORK;
	add_range(b, 1, true, "ff1e::1/128");
	add_static(b, 1, "ff1e::3", NULL, false);
	change_profile(b, 1);
	assert_data(b, "ff1e::1- ff1e::3+1");
	assert_said(b, "PBU(mn1 hi=5 life=3600 S ff1e::2=EX{} ff1e::3=EX{})");
	bench_end(b);
}

static void removed_from_the_store(void **state)
{
	struct bench *b = bench_begin();
	struct nai name = mn(1);

	(void)state;
	attach(b, 1);
	join(b, 1, 1, G);
	bench_forget(b);
	mag_profile_changed(b->mag, b->now, &name, NULL);
	bench_drain(b);
	assert_data(b, "ff1e::1- node1-");
	assert_said(b, "RA(2001:db8:f00:1::/64 0 no-router) PBU(mn1 hi=4 life=0 S ff1e::1=EX{})");
	assert_false(exists(b, 1));
	bench_end(b);
}

/* ---- limits ---- */

static void few_groups(struct mag_conf *conf) { conf->groups_per_node_max = 2; }

static void most_groups_at_once(void **state)
{
	struct bench *b = begin_with(few_groups);

	(void)state;
	attach(b, 1);
	join(b, 1, 1, G);
	join(b, 1, 1, H);
	bench_forget(b);
	join(b, 1, 1, "ff1e::3");
	assert_data(b, "");
	assert_int_equal(sub(b, 1, "ff1e::3").verdict, POLICY_LIMIT_GROUPS);
	leave(b, 1, 1, G);
	assert_data(b, "ff1e::1- ff1e::3+1"); /* its turn */
	assert_sub(b, 1, "ff1e::3", "active");
	bench_end(b);
}

static void most_groups_by_profile(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->profile[1]->groups_max = 1;
	attach(b, 1);
	join(b, 1, 1, G);
	bench_forget(b);
	join(b, 1, 1, H);
	assert_data(b, "");
	bench_end(b);
}

static void slow_joins(struct mag_conf *conf)
{
	conf->joins_per_s = 5;
	conf->joins_burst = 2;
}

static void joins_have_a_rate(void **state)
{
	struct bench *b = begin_with(slow_joins);

	(void)state;
	attach(b, 1);
	join(b, 1, 1, G);
	join(b, 1, 1, H);
	bench_forget(b);
	join(b, 1, 1, "ff1e::3");
	join(b, 1, 1, "ff1e::4");
	assert_data(b, "");
	assert_int_equal(counter(b, "limit-join-rate"), 2);
	wait_for(b, span_ms(600));
	assert_data(b, "ff1e::3+1 ff1e::4+1"); /* later, not never */
	bench_end(b);
}

/* ---- an operator for the node ---- */

static void an_operator_subscribes(void **state)
{
	struct in6_addr g = addr(G), s1 = addr(S), ssm = addr(SSM), any = addr_any;
	struct bench *b = bench_begin();
	struct nai name = mn(1), nobody = mn(7);
	enum policy_verdict v;

	(void)state;
	add_range(b, 1, true, "ff1e::9/128");
	attach(b, 1);
	bench_forget(b);
	assert_int_equal(mag_subscribe(b->mag, b->now, &nobody, &g, &any, &v), CTL_NO_SUCH_NODE);
	assert_int_equal(
	    mag_subscribe(b->mag, b->now, &name, &(struct in6_addr){.s6_addr = {0xff, 0x1e, [15] = 9}}, &any, &v),
	    CTL_NOT_PERMITTED);
	assert_int_equal(v, POLICY_DENIED_RANGE);
	assert_int_equal(mag_subscribe(b->mag, b->now, &name, &s1, &any, &v), CTL_NOT_PERMITTED);
	assert_int_equal(v, POLICY_NOT_MULTICAST);
	assert_int_equal(mag_subscribe(b->mag, b->now, &name, &ssm, &any, &v), CTL_NOT_PERMITTED);
	assert_int_equal(v, POLICY_SSM_NEEDS_SOURCE);
	assert_int_equal(mag_subscribe(b->mag, b->now, &name, &ssm, &s1, &v), CTL_OK);
	bench_drain(b);
	assert_data(b, "ff3e::1@2001:db8:aa::5+1");
	assert_int_equal(sub(b, 1, SSM).origins, SUB_ORIGIN_ADMIN);
	assert_int_equal(mag_subscribe(b->mag, b->now, &name, &ssm, &s1, &v), CTL_ALREADY);
	assert_int_equal(mag_unsubscribe(b->mag, b->now, &name, &g, &any), CTL_NOT_SUBSCRIBED);
	assert_int_equal(mag_unsubscribe(b->mag, b->now, &name, &ssm, &s1), CTL_OK);
	bench_drain(b);
	assert_data(b, "ff3e::1@2001:db8:aa::5+1 ff3e::1@2001:db8:aa::5-");
	assert_false(has_sub(b, 1, SSM));
	bench_end(b);
}

static void an_operator_leaves_for_the_node(void **state)
{
	struct in6_addr g = addr(G), any = addr_any;
	struct bench *b = bench_begin();
	struct nai name = mn(1);

	(void)state;
	attach(b, 1);
	join(b, 1, 1, G);
	bench_forget(b);
	assert_int_equal(mag_unsubscribe(b->mag, b->now, &name, &g, &any), CTL_OK);
	bench_drain(b);
	assert_data(b, "ff1e::1-");
	assert_said(b, "PBU(mn1 hi=5 life=3600 S)");
	bench_end(b);
}

/* ---- the network ends it ---- */

static void terminate_a_group(void **state)
{
	struct bench *b = bench_begin();
	struct in6_addr g = addr(G), h = addr(H);

	(void)state;
	b->profile[2]->initiation = PROFILE_INITIATION_NETWORK;
	add_static(b, 2, G, NULL, true);
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, G);
	bench_forget(b);
	assert_int_equal(mag_terminate_group(b->mag, b->now, &h), CTL_NO_SUCH_GROUP);
	assert_int_equal(mag_terminate_group(b->mag, b->now, &g), CTL_OK);
	bench_drain(b);
	assert_true(!strcmp(b->data.s, "ff1e::1-1 ff1e::1-") || !strcmp(b->data.s, "ff1e::1-2 ff1e::1-"));
	assert_non_null(strstr(b->said.s, "PBU(mn2 hi=5 life=3600 S)"));
	assert_true(sub(b, 1, G).ended);
	/* The node answers the next query: that is no new wish. */
	bench_forget(b);
	send_report(b, 1, 1, MLD_MODE_IS_EXCLUDE, G, NULL);
	assert_data(b, "");
	mag_reconf(b->mag, b->now, &b->conf);
	bench_drain(b);
	assert_data(b, "");
	leave(b, 1, 1, G);
	join(b, 1, 1, G);
	assert_data(b, "ff1e::1+1");
	bench_end(b);
}

static void terminate_a_node(void **state)
{
	struct bench *b = bench_begin();
	struct nai name = mn(1);

	(void)state;
	attach(b, 1);
	join(b, 1, 1, G);
	bench_forget(b);
	assert_int_equal(mag_terminate_node(b->mag, b->now, &name), CTL_OK);
	bench_drain(b);
	assert_data(b, "ff1e::1-");
	assert_said(b, "PBU(mn1 hi=5 life=3600 S)");
	assert_int_equal(mag_terminate_node(b->mag, b->now, &name), CTL_ALREADY);
	join(b, 1, 1, G);
	assert_data(b, "ff1e::1-");
	/* Nor does another reading of the configuration begin it again. */
	mag_reconf(b->mag, b->now, &b->conf);
	bench_drain(b);
	join(b, 1, 1, G);
	assert_data(b, "ff1e::1-");
	bench_end(b);
}

static void a_source_that_fell_silent(void **state)
{
	struct bench *b = bench_begin();
	struct in6_addr g = addr(SSM), s1 = addr(S);

	(void)state;
	attach(b, 1);
	send_report(b, 1, 1, MLD_ALLOW_NEW_SOURCES, SSM, S);
	bench_forget(b);
	mag_source_silent(b->mag, b->now, &s1, &g, false);
	bench_drain(b);
	assert_data(b, "");
	assert_string_equal(b->events.s, "source-silent");
	mag_source_silent(b->mag, b->now, &s1, &g, true);
	bench_drain(b);
	assert_data(b, "ff3e::1@2001:db8:aa::5-");
	assert_said(b, "PBU(mn1 hi=5 life=3600 S)");
	bench_end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(network_initiated),
		cmocka_unit_test(network_initiated_with_a_query),
		cmocka_unit_test(node_initiated),
		cmocka_unit_test(mldv1),
		cmocka_unit_test(report_without_an_address),
		cmocka_unit_test(a_denied_range_wins),
		cmocka_unit_test(allowed_ranges_are_all_there_is),
		cmocka_unit_test(mandatory_groups_cannot_be_left),
		cmocka_unit_test(other_static_groups_can_be_left),
		cmocka_unit_test(from_start_to_end),
		cmocka_unit_test(the_clock_is_set),
		cmocka_unit_test(local_groups_stay_on_the_link),
		cmocka_unit_test(service_off_and_on),
		cmocka_unit_test(a_profile_change_is_a_decision_anew),
		cmocka_unit_test(removed_from_the_store),
		cmocka_unit_test(most_groups_at_once),
		cmocka_unit_test(most_groups_by_profile),
		cmocka_unit_test(joins_have_a_rate),
		cmocka_unit_test(an_operator_subscribes),
		cmocka_unit_test(an_operator_leaves_for_the_node),
		cmocka_unit_test(terminate_a_group),
		cmocka_unit_test(terminate_a_node),
		cmocka_unit_test(a_source_that_fell_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
