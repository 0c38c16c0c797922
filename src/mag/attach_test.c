/* SPDX-License-Identifier: BSD-2-Clause */
/* How a node is found, identified, served and let go. */
#include "mag/testing.h"

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
	for (int i = 0; i < MAG_STEP_N; i++)
		assert_true(view(b, 1).step_done[i]);
	bench_end(b);
}

static void neighbour_discovery(void **state)
{
	const enum nd_type types[] = {ND_NS, ND_NA};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bench *b = bench_begin();

		link_up(b, 1);
		send_nd(b, 1, 1, types[i], link_local(1));
		assert_state(b, 1, "registered");
		assert_string_equal(view(b, 1).trigger, "neighbour-discovery");
		bench_end(b);
	}
}

static void mld_report(void **state)
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

/* A report sent before the link-local address stands is no report, but it has a sender (RFC 3590). */
static void mld_from_nowhere(void **state)
{
	struct in6_addr src = addr_any, g = addr("ff1e::1");
	struct bench *b = bench_begin();
	struct mld_report r;
	uint8_t bytes[256];

	(void)state;
	link_up(b, 1);
	assert_true(mld_report_begin(&r, &src, bytes, sizeof(bytes)));
	assert_true(mld_report_add(&r, MLD_CHANGE_TO_EXCLUDE, &g, NULL, 0));
	send_packet(b, 1, 1, bytes, mld_report_finish(&r));
	assert_said(b, PBU1 " " RA1);
	bench_end(b);
}

/* The report that revealed the node came before anybody knew it; it counts all the same. */
static void the_first_report_is_kept(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	link_up(b, 1);
	send_report(b, 1, 1, MLD_MODE_IS_INCLUDE, "ff3e::1", "2001:db8:aa::5");
	assert_said(b, PBU1 " " RA1 " PBU(mn1 hi=5 life=3600 S ff3e::1=IN{2001:db8:aa::5})");
	bench_end(b);
}

static void by_an_operator(void **state)
{
	struct bench *b = bench_begin();
	struct lladdr l = mac(1);
	struct nai name = mn(2);

	(void)state;
	assert_int_equal(mag_attach(b->mag, b->now, 1, &l, NULL, 0), CTL_NO_SUCH_LINK);
	link_up(b, 1);
	link_up(b, 2);
	assert_int_equal(mag_attach(b->mag, b->now, 1, NULL, NULL, 0), CTL_NO_SUCH_NODE);
	assert_int_equal(mag_attach(b->mag, b->now, 1, &l, NULL, MH_HANDOFF_BETWEEN_MAGS), CTL_OK);
	bench_drain(b);
	assert_said(b, "PBU(mn1 hi=3 life=3600 S) " RA1);
	bench_forget(b);
	assert_int_equal(mag_attach(b->mag, b->now, 2, NULL, &name, 0), CTL_OK); /* its address stands in the profile */
	bench_drain(b);
	assert_said(b, "PBU(mn2 hi=4 life=3600 S) RA(2001:db8:f00:2::/64 3600)");
	assert_int_equal(mag_attach(b->mag, b->now, 2, NULL, &name, 0), CTL_ALREADY);
	bench_end(b);
}

static void by_name_alone_the_first_sender_is_it(void **state)
{
	struct bench *b = bench_begin();
	struct lladdr none = {0}, l = mac(7);
	struct nai name = mn(1);

	(void)state;
	b->profile[1]->n_lladdrs = 0;
	link_up(b, 1);
	assert_int_equal(mag_attach(b->mag, b->now, 1, &none, &name, 0), CTL_OK);
	bench_drain(b);
	assert_data(b, "tunnel+ node1+");
	assert_said(b, PBU1); /* nowhere to send an advertisement to */
	send_rs(b, 1, 7);
	assert_memory_equal(view(b, 1).lladdr.b, l.b, 6);
	assert_data(b, "tunnel+ node1+ node1+");
	assert_said(b, PBU1 " " RA1);
	bench_end(b);
}

/* A link that came up is made to speak, until somebody did. */
static void a_new_link_is_probed(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->probes = true;
	link_up(b, 1);
	assert_said(b, "ECHO? Q1");
	bench_forget(b);
	/* After 1, 2, 4, 8, 16, 32 and 64 ms more by what is answered at once, from an address that must be asked for; then by the
	 * other, too. */
	wait_for(b, span_us(999));
	assert_said(b, "");
	wait_for(b, span_us(1));
	assert_said(b, "ECHO?");
	bench_forget(b);
	wait_for(b, span_ms(125));
	assert_said(b, "ECHO? ECHO? ECHO? ECHO? ECHO?");
	bench_forget(b);
	wait_for(b, span_ms(1));
	assert_said(b, "ECHO Q1");
	wait_for(b, span_s(60));
	assert_int_equal(counter(b, "link-probes-sent"), 13);
	link_down(b, 1);
	bench_forget(b);
	link_up(b, 1);
	send_nd(b, 1, 1, ND_NS, link_local(1));
	assert_said(b, "ECHO? Q1 " PBU1 " Q100 " RA1);
	bench_forget(b);
	/* The attach queries: at once, and a second later. */
	wait_for(b, span_ms(1100));
	assert_said(b, "Q100");
	bench_end(b);
}

/* Many nodes would answer each time. */
static void a_shared_link_is_probed_less_often(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->probes = true;
	link_up_kind(b, 1, MAG_LINK_SHARED);
	assert_said(b, "ECHO Q1");
	bench_forget(b);
	wait_for(b, span_ms(127));
	assert_said(b, "");
	wait_for(b, span_ms(1));
	assert_said(b, "ECHO Q1");
	wait_for(b, span_s(60));
	assert_int_equal(counter(b, "link-probes-sent"), 6);
	bench_end(b);
}

/* Told to be up, and never to have been down: somebody else may be there. */
static void a_link_that_is_up_again(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->probes = true;
	attach(b, 1);
	wait_for(b, span_s(3));
	bench_forget(b);
	link_up(b, 1);
	wait_for(b, span_s(3));
	assert_said(b, "ECHO? Q1"); /* the node that is there will say so */
	bench_forget(b);
	send_nd(b, 1, 2, ND_NS, link_local(2));
	assert_false(exists(b, 1));
	assert_state(b, 2, "registered");
	bench_end(b);
}

/* A refused node may have gone elsewhere unnoticed: it is registered when it speaks, not before. */
static void a_refused_node_is_heard_first(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->profile[1]->enabled = false;
	attach(b, 1);
	wait_for(b, span_s(5));
	b->dead = true;
	bench_profile(b, 1);
	mag_profile_changed(b->mag, b->now, &(struct nai){.len = 3, .s = "mn1"}, b->profile[1]);
	bench_drain(b);
	assert_said(b, "NS(fe80::1001)");
	assert_state(b, 1, "refused");
	send_nd(b, 1, 1, ND_NA, link_local(1));
	assert_state(b, 1, "registered");
	bench_end(b);
}

static void unknown_nodes_are_asked_about_once(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	link_up(b, 1);
	for (int i = 0; i < 10; i++)
		send_rs(b, 1, 77);
	assert_int_equal(b->n_profile_requests, 1);
	assert_int_equal(counter(b, "unknown-node-held"), 9);
	assert_int_equal(counter(b, "store-unknown"), 1);
	assert_int_equal(mag_totals(b->mag).nodes, 0);
	wait_for(b, span_s(31));
	send_rs(b, 1, 77);
	assert_int_equal(b->n_profile_requests, 2);
	bench_end(b);
}

static void a_node_that_becomes_known_is_served(void **state)
{
	struct bench *b = bench_begin();
	struct nai name = mn(1);

	(void)state;
	b->profile[1]->lladdrs[0] = mac(99);
	link_up(b, 1);
	send_rs(b, 1, 1);
	assert_said(b, "");
	b->profile[1]->lladdrs[0] = mac(1);
	mag_profile_changed(b->mag, b->now, &name, b->profile[1]);
	bench_drain(b);
	assert_said(b, PBU1 " " RA1);
	bench_end(b);
}

/* An address that the store gives to another node is that node's at once. */
static void a_link_layer_address_changes_hands(void **state)
{
	struct bench *b = bench_begin();
	struct nai one = mn(1), two = mn(2);

	(void)state;
	attach(b, 1);
	bench_forget(b);
	bench_profile(b, 1);
	b->profile[1]->version = 2;
	b->profile[1]->lladdrs[0] = mac(7);
	bench_profile(b, 2);
	b->profile[2]->version = 2;
	b->profile[2]->lladdrs[0] = mac(1);
	mag_profile_changed(b->mag, b->now, &one, b->profile[1]);
	mag_profile_changed(b->mag, b->now, &two, b->profile[2]);
	bench_drain(b);
	wait_for(b, span_s(1));
	assert_false(exists(b, 1));
	assert_state(b, 2, "registered");
	assert_non_null(strstr(b->said.s, "PBU(mn1 hi=4 life=0)"));
	/* Taken away and given to nobody. */
	bench_profile(b, 2);
	b->profile[2]->version = 3;
	b->profile[2]->n_lladdrs = 0;
	mag_profile_changed(b->mag, b->now, &two, b->profile[2]);
	bench_drain(b);
	wait_for(b, span_s(2));
	assert_false(exists(b, 2));
	bench_end(b);
}

static void the_profile_may_forbid(void **state)
{
	struct bench *b = bench_begin();
	struct nai name = mn(1);
	struct profile *p;

	(void)state;
	b->profile[1]->enabled = false;
	b->profile[2]->n_mags = 1;
	b->profile[2]->mags[0] = addr("2001:db8:9::9");
	attach(b, 1);
	attach(b, 2);
	assert_said(b, "");
	assert_data(b, "");
	assert_state(b, 1, "refused");
	assert_state(b, 2, "refused");
	assert_false(view(b, 1).step_done[MAG_STEP_AUTHORISED]);
	/* The profile changes: an administrative action. */
	bench_profile(b, 1);
	p = b->profile[1];
	mag_profile_changed(b->mag, b->now, &name, p);
	bench_drain(b);
	assert_said(b, PBU1 " " RA1);
	bench_end(b);
}

static void link_down_deregisters(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	bench_forget(b);
	link_down(b, 1);
	assert_said(b, GONE1);
	assert_data(b, "node1-");
	assert_false(exists(b, 1));
	/* The tunnel goes a little later. */
	wait_for(b, span_s(4));
	assert_data(b, "node1- tunnel-");
	assert_int_equal(mag_totals(b->mag).lmas, 0);
	bench_end(b);
}

static void without_an_answer_the_record_goes_too(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	b->lma_silent = true;
	link_down(b, 1);
	assert_state(b, 1, "deregistering");
	bench_forget(b);
	wait_for(b, span_ms(999));
	assert_said(b, GONE1 " " GONE1); /* a lost one is made good */
	assert_true(exists(b, 1));
	wait_for(b, span_ms(2));
	assert_false(exists(b, 1));
	assert_said(b, GONE1 " " GONE1);
	bench_end(b);
}

static void by_request_late_packets_do_not_bring_it_back(void **state)
{
	struct bench *b = bench_begin();
	struct nai name = mn(1);
	struct lladdr l = mac(1);

	(void)state;
	assert_int_equal(mag_detach(b->mag, b->now, &name), CTL_NO_SUCH_NODE);
	attach(b, 1);
	bench_forget(b);
	assert_int_equal(mag_detach(b->mag, b->now, &name), CTL_OK);
	bench_drain(b);
	assert_said(b, WITHDRAWN1 " " GONE1); /* it is still on its link: the prefix is withdrawn */
	bench_forget(b);
	send_nd(b, 1, 1, ND_NS, link_local(1));
	assert_said(b, "");
	assert_int_equal(mag_attach(b->mag, b->now, 1, &l, NULL, 0), CTL_OK);
	bench_drain(b);
	assert_said(b, PBU1 " " RA1);
	bench_end(b);
}

/* Router Solicitation is how a station that associates again begins; one of whom only other packets are heard is back
 * when the hold ends. */
static void by_request_and_back(void **state)
{
	struct bench *b = bench_begin();
	struct nai name = mn(1);

	(void)state;
	attach(b, 1);
	assert_int_equal(mag_detach(b->mag, b->now, &name), CTL_OK);
	bench_drain(b);
	bench_forget(b);
	send_rs(b, 1, 1);
	assert_said(b, PBU1 " " RA1);
	assert_int_equal(mag_detach(b->mag, b->now, &name), CTL_OK);
	bench_drain(b);
	bench_forget(b);
	send_nd(b, 1, 1, ND_NS, link_local(1));
	assert_said(b, "");
	wait_for(b, span_s(2));
	assert_true(mag_totals(b->mag).registered == 1);
	bench_end(b);
}

static void back_before_the_record_went(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	b->lma_silent = true;
	link_down(b, 1);
	b->lma_silent = false;
	bench_forget(b);
	wait_for(b, span_ms(200));
	attach(b, 1);
	assert_said(b, PBU1 " " RA1);
	assert_state(b, 1, "registered");
	/* Newer than the de-registration, also if the clock stood still. */
	assert_true(b->stamps[2] > b->stamps[1]);
	wait_for(b, span_s(5));
	assert_state(b, 1, "registered");
	bench_end(b);
}

/* What the store says meanwhile counts for who comes back, too. */
static void back_and_not_permitted_any_more(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	b->lma_silent = true;
	link_down(b, 1);
	assert_state(b, 1, "deregistering");
	bench_profile(b, 1);
	b->profile[1]->enabled = false;
	bench_forget(b);
	attach(b, 1);
	assert_said(b, "");
	assert_state(b, 1, "refused");
	link_down(b, 1);
	assert_false(exists(b, 1));
	bench_end(b);
}

static void between_links_of_one_gateway(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	join(b, 1, 1, "ff1e::1");
	link_up(b, 2);
	bench_forget(b);
	send_rs(b, 2, 1);
	assert_data(b, "node1+ ff1e::1+1 ff1e::1-1"); /* added before removed: nothing is lost */
	assert_said(b, RA1 " PBU(mn1 hi=5 life=3600 S ff1e::1=EX{})");
	assert_int_equal(view(b, 1).ifindex, 2);
	bench_forget(b);
	link_down(b, 1);
	assert_said(b, "");
	assert_state(b, 1, "registered");
	bench_end(b);
}

static void another_node_on_a_point_to_point_link(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	bench_forget(b);
	send_rs(b, 1, 2);
	assert_false(exists(b, 1));
	assert_state(b, 2, "registered");
	bench_end(b);
}

/* One session for a node: it is at the interface that came last, and not in turns. When that goes it is at the other. */
static void two_interfaces_of_one_node(void **state)
{
	struct lladdr first = mac(1), second = mac(6);
	struct bench *b = bench_begin();

	(void)state;
	b->profile[6]->n_lladdrs = 0;
	b->profile[1]->lladdrs[1] = second;
	b->profile[1]->n_lladdrs = 2;
	attach(b, 1);
	link_up(b, 2);
	send_rs(b, 2, 6);
	assert_int_equal(view(b, 1).ifindex, 2);
	assert_memory_equal(view(b, 1).lladdr.b, second.b, 6);
	assert_int_equal(counter(b, "interface-taken-over"), 1);
	bench_forget(b);
	send_rs(b, 1, 1);
	assert_int_equal(view(b, 1).ifindex, 2);
	assert_int_equal(counter(b, "interface-refused"), 1);
	assert_string_equal(b->events.s, "node-seen node-refused");
	send_rs(b, 1, 1);
	assert_string_equal(b->events.s, "node-seen node-refused");
	assert_said(b, "");
	wait_for(b, span_s(40)); /* it is there, so that nothing changes */
	send_rs(b, 1, 1);
	assert_int_equal(view(b, 1).ifindex, 2);
	assert_int_equal(counter(b, "interface-refused"), 2);
	link_down(b, 2);
	assert_state(b, 1, "registered");
	assert_int_equal(view(b, 1).ifindex, 1);
	assert_memory_equal(view(b, 1).lladdr.b, first.b, 6);
	bench_end(b);
}

static void the_operator_names_the_interface(void **state)
{
	struct lladdr first = mac(1), second = mac(6);
	struct bench *b = bench_begin();

	(void)state;
	b->profile[6]->n_lladdrs = 0;
	b->profile[1]->lladdrs[1] = second;
	b->profile[1]->n_lladdrs = 2;
	attach(b, 1);
	link_up(b, 2);
	send_rs(b, 2, 6);
	assert_int_equal(mag_attach(b->mag, b->now, 1, &first, NULL, 0), CTL_OK);
	bench_drain(b);
	assert_int_equal(view(b, 1).ifindex, 1);
	send_rs(b, 2, 6);
	assert_int_equal(view(b, 1).ifindex, 1);
	bench_end(b);
}

static void several_nodes_on_a_shared_link(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	link_up_kind(b, 1, MAG_LINK_SHARED);
	send_rs(b, 1, 1);
	send_rs(b, 1, 2);
	join(b, 1, 1, "ff1e::1");
	join(b, 1, 2, "ff1e::1");
	assert_data(b, "tunnel+ node1+ node2+ ff1e::1+1 ff1e::1+2");
	bench_forget(b);
	leave(b, 1, 1, "ff1e::1");
	assert_data(b, "ff1e::1-1");
	link_down(b, 1);
	assert_int_equal(mag_totals(b->mag).nodes, 0);
	bench_end(b);
}

static void silent_nodes_are_probed_and_let_go(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	bench_forget(b);
	wait_for(b, span_s(89));
	assert_said(b, "NS(fe80::1001) NS(fe80::1001)");
	assert_state(b, 1, "registered");
	b->dead = true;
	bench_forget(b);
	wait_for(b, span_s(5));
	assert_said(b, "NS(fe80::1001) NS(fe80::1001) NS(fe80::1001) " WITHDRAWN1 " " GONE1);
	assert_false(exists(b, 1));
	bench_end(b);
}

static void several_anchors(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	b->profile[2]->lma = LMA2;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, "ff1e::1");
	bench_forget(b);
	/* The same group, by another anchor: another instance (RFC 6224 4.2). */
	join(b, 2, 2, "ff1e::1");
	assert_said(b, "PBU2(mn2 hi=5 life=3600 S ff1e::1=EX{})");
	assert_data(b, "ff1e::1+2");
	assert_int_equal(mag_totals(b->mag).lmas, 2);
	bench_forget(b);
	link_down(b, 2);
	wait_for(b, span_s(4));
	assert_data(b, "ff1e::1- node2- tunnel-");
	assert_int_equal(mag_totals(b->mag).lmas, 1);
	bench_end(b);
}

static void no_anchor_is_known(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct mag_conf conf = bench_conf();

	(void)state;
	conf.lma = addr_any;
	bench_begin_with(b, &conf);
	attach(b, 1);
	assert_said(b, "");
	assert_state(b, 1, "refused");
	bench_end(b);
}

static void stop_leaves_nothing(void **state)
{
	struct bench *b = bench_begin();

	(void)state;
	attach(b, 1);
	attach(b, 2);
	join(b, 1, 1, "ff1e::1");
	bench_forget(b);
	mag_stop(b->mag, b->now);
	wait_for(b, span_s(2));
	assert_int_equal(mag_totals(b->mag).nodes, 0);
	assert_int_equal(mag_totals(b->mag).lmas, 0);
	assert_int_equal(b->pbu.lifetime_4s, 0);
	send_rs(b, 1, 1);
	assert_int_equal(mag_totals(b->mag).nodes, 0);
	bench_end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(router_solicitation),
		cmocka_unit_test(neighbour_discovery),
		cmocka_unit_test(mld_report),
		cmocka_unit_test(mld_from_nowhere),
		cmocka_unit_test(the_first_report_is_kept),
		cmocka_unit_test(by_an_operator),
		cmocka_unit_test(by_name_alone_the_first_sender_is_it),
		cmocka_unit_test(a_new_link_is_probed),
		cmocka_unit_test(a_shared_link_is_probed_less_often),
		cmocka_unit_test(a_link_that_is_up_again),
		cmocka_unit_test(a_refused_node_is_heard_first),
		cmocka_unit_test(unknown_nodes_are_asked_about_once),
		cmocka_unit_test(a_node_that_becomes_known_is_served),
		cmocka_unit_test(a_link_layer_address_changes_hands),
		cmocka_unit_test(the_profile_may_forbid),
		cmocka_unit_test(link_down_deregisters),
		cmocka_unit_test(without_an_answer_the_record_goes_too),
		cmocka_unit_test(by_request_late_packets_do_not_bring_it_back),
		cmocka_unit_test(by_request_and_back),
		cmocka_unit_test(back_before_the_record_went),
		cmocka_unit_test(back_and_not_permitted_any_more),
		cmocka_unit_test(between_links_of_one_gateway),
		cmocka_unit_test(another_node_on_a_point_to_point_link),
		cmocka_unit_test(two_interfaces_of_one_node),
		cmocka_unit_test(the_operator_names_the_interface),
		cmocka_unit_test(several_nodes_on_a_shared_link),
		cmocka_unit_test(silent_nodes_are_probed_and_let_go),
		cmocka_unit_test(several_anchors),
		cmocka_unit_test(no_anchor_is_known),
		cmocka_unit_test(stop_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
