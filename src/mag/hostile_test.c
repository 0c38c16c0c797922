/* SPDX-License-Identifier: BSD-2-Clause */
/* Whatever comes, the engine stays up, keeps what it has, counts, and does not grow. */
#include "base/rng.h"
#include "mag/testing.h"

static struct bench *begin_small(void)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct mag_conf conf = bench_conf();

	assert_non_null(b);
	conf.unknown_max = 64;
	conf.nodes_max = 4;
	conf.entries_max = 16;
	conf.groups_max = 8;
	conf.links_max = 4;
	conf.lmas_max = 2;
	conf.groups_per_node_max = 8;
	conf.joins_burst = 1000;
	conf.joins_per_s = 1000;
	bench_begin_with(b, &conf);
	return b;
}

/* As send_packet, from any address. */
static void send_from(struct bench *b, uint32_t ifindex, uint32_t who, const uint8_t *bytes, size_t len)
{
	const uint8_t smac[6] = {6, 0, (uint8_t)(who >> 24), (uint8_t)(who >> 16), (uint8_t)(who >> 8), (uint8_t)who};

	mag_recv_link(b->mag, b->now, ifindex, smac, bytes, len);
	bench_drain(b);
}

static size_t rs_bytes(uint8_t *bytes, size_t cap)
{
	struct nd_msg m = {.type = ND_RS, .src = addr("fe80::1234"), .dst = addr_all_routers};

	return nd_encode(&m, bytes, cap);
}

static void bogus_nodes(void **state)
{
	struct bench *b = begin_small();
	uint8_t bytes[256];
	size_t len = rs_bytes(bytes, sizeof(bytes)), full;

	(void)state;
	link_up_kind(b, 1, MAG_LINK_SHARED);
	send_rs(b, 1, 1);
	for (uint32_t i = 0; i < 64; i++)
		send_from(b, 1, i, bytes, len);
	full = mag_totals(b->mag).bytes;
	for (uint32_t i = 64; i < 10000; i++)
		send_from(b, 1, i, bytes, len);
	assert_int_equal(mag_totals(b->mag).bytes, full);
	assert_int_equal(mag_totals(b->mag).nodes, 1);
	assert_in_range(b->n_profile_requests, 64, 2001); /* the store is not flooded */
	assert_true(counter(b, "store-rate-limited") > 0);
	assert_state(b, 1, "registered");
	/* Who belongs here gets in all the same. */
	wait_for(b, span_s(1));
	send_rs(b, 1, 2);
	assert_state(b, 2, "registered");
	wait_for(b, span_s(60));
	bench_end(b);
}

static void a_store_that_never_answers(void **state)
{
	struct bench *b = begin_small();
	uint8_t bytes[256];
	size_t len = rs_bytes(bytes, sizeof(bytes));

	(void)state;
	b->store_silent = true;
	link_up_kind(b, 1, MAG_LINK_SHARED);
	for (uint32_t i = 0; i < 1000; i++)
		send_from(b, 1, i, bytes, len);
	assert_int_equal(b->n_profile_requests, 64);
	assert_int_equal(counter(b, "limit-unknown-nodes"), 936);
	wait_for(b, span_s(31));
	b->store_silent = false;
	send_rs(b, 1, 1);
	assert_state(b, 1, "registered");
	bench_end(b);
}

static void more_nodes_than_permitted(void **state)
{
	struct bench *b = begin_small();

	(void)state;
	link_up_kind(b, 1, MAG_LINK_SHARED);
	for (unsigned n = 1; n <= 6; n++)
		send_rs(b, 1, n);
	assert_int_equal(mag_totals(b->mag).nodes, 4);
	assert_int_equal(counter(b, "limit-nodes"), 2);
	assert_string_equal(b->limit.detail, "nodes");
	assert_true(nai_eq(&b->limit.mn, &b->profile[6]->mn) && b->limit.ifindex == 1 && b->limit.lladdr.len == 6);
	for (unsigned n = 1; n <= 6; n++)
		send_rs(b, 1, n);
	assert_int_equal(counter(b, "limit-nodes"), 2); /* and are not asked about again */
	bench_end(b);
}

static void more_links_and_anchors_than_permitted(void **state)
{
	struct bench *b = begin_small();

	(void)state;
	b->profile[2]->lma = LMA2;
	b->profile[3]->lma = addr("2001:db8:ff::3");
	for (unsigned n = 1; n <= 4; n++)
		attach(b, n);
	assert_state(b, 3, "refused");
	assert_int_equal(counter(b, "limit-lmas"), 1);
	link_up(b, 5);
	assert_int_equal(counter(b, "limit-links"), 1);
	assert_string_equal(b->limit.detail, "links");
	assert_true(b->limit.ifindex == 5 && b->limit.link[0]);
	send_rs(b, 5, 5);
	assert_int_equal(counter(b, "link-unknown"), 1);
	bench_end(b);
}

static void more_groups_than_permitted(void **state)
{
	struct in6_addr src, g = addr("ff1e::1:0");
	struct bench *b = begin_small();
	struct mld_report r;
	uint8_t bytes[1500];
	size_t full = 0;

	(void)state;
	for (unsigned n = 1; n <= 3; n++)
		attach(b, n);
	for (unsigned round = 0; round < 400; round++) {
		unsigned n = round % 3 + 1;

		src = link_local(n);
		assert_true(mld_report_begin(&r, &src, bytes, sizeof(bytes)));
		for (unsigned i = 0; i < 50; i++) {
			g.s6_addr[13] = (uint8_t)round;
			g.s6_addr[15] = (uint8_t)i;
			assert_true(mld_report_add(&r, MLD_CHANGE_TO_EXCLUDE, &g, NULL, 0));
		}
		send_packet(b, n, n, bytes, mld_report_finish(&r));
		if (round == 100)
			full = mag_totals(b->mag).bytes;
	}
	assert_int_equal(mag_totals(b->mag).bytes, full);
	assert_true(mag_totals(b->mag).groups <= 8);
	assert_true(counter(b, "access-mld-limit-groups") > 0);
	assert_true(nai_eq(&b->limit.mn, &b->profile[b->limit.ifindex]->mn));
	assert_int_equal(b->limit.group.s6_addr[1], 0x1e);
	wait_for(b, span_s(2));
	for (unsigned n = 1; n <= 3; n++)
		assert_state(b, n, "registered");
	bench_end(b);
}

/* Who asks for a source-specific group without sources, and who is at a limit of the membership engine, is named; each
 * once in ten seconds. */
static void events_name_the_node(void **state)
{
	struct in6_addr ssm = addr("ff3e::8000:1"), g = addr("ff1e::77:9");
	struct bench *b = begin_small();

	(void)state;
	attach(b, 1);
	attach(b, 2);
	send_report(b, 2, 2, MLD_CHANGE_TO_EXCLUDE, "ff3e::8000:1", NULL);
	assert_int_equal(b->limit.kind, EV_MLD_WARNING);
	assert_true(nai_eq(&b->limit.mn, &b->profile[2]->mn) && addr_eq(&b->limit.group, &ssm) && b->limit.ifindex == 2);
	assert_string_equal(b->limit.detail, "mld-exclude-ssm");
	send_report(b, 1, 1, MLD_CHANGE_TO_EXCLUDE, "ff3e::8000:1", NULL);
	assert_true(nai_eq(&b->limit.mn, &b->profile[2]->mn)); /* not yet again */
	wait_for(b, span_s(10));
	send_report(b, 1, 1, MLD_CHANGE_TO_EXCLUDE, "ff3e::8000:1", NULL);
	assert_true(nai_eq(&b->limit.mn, &b->profile[1]->mn));
	for (unsigned i = 0; i < 40; i++) {
		char text[32];

		snprintf(text, sizeof(text), "ff1e::77:%x", i);
		send_report(b, 1, 1, MLD_CHANGE_TO_EXCLUDE, text, NULL);
	}
	assert_int_equal(b->limit.kind, EV_LIMIT);
	assert_true(nai_eq(&b->limit.mn, &b->profile[1]->mn) && addr_scope(&b->limit.group) == addr_scope(&g));
	bench_end(b);
}

/* Octets of every kind, a few right and many wrong. */
static void garbage(void **state)
{
	struct bench *b = begin_small();
	struct rng rng = rng_of(7);
	struct in6_addr lma = LMA, coa = COA;
	struct dp_tunnel t = {COA, LMA};
	uint8_t rs[256], bytes[512];
	size_t rs_len = rs_bytes(rs, sizeof(rs));
	struct nai name = mn(1);

	(void)state;
	attach(b, 1);
	join(b, 1, 1, "ff1e::1");
	for (unsigned i = 0; i < 20000; i++) {
		size_t len = rng_below(&rng, sizeof(bytes));
		struct lladdr from = mac(rng_below(&rng, 2) ? 1 : 66);

		for (size_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)rng_u64(&rng);
		if (rng_below(&rng, 2) && len >= rs_len) {
			memcpy(bytes, rs, rs_len);
			bytes[rng_below(&rng, rs_len)] ^= (uint8_t)(1u << rng_below(&rng, 8));
			len = rng_below(&rng, 2) ? rs_len : rng_below(&rng, rs_len);
		}
		mag_recv_link(b->mag, b->now, 1, from.b, bytes, len);
		mag_recv_mh(b->mag, b->now, &lma, &coa, bytes, len);
		mag_recv_tunnel(b->mag, b->now, &t, bytes, len);
		bench_drain(b);
	}
	assert_state(b, 1, "registered");
	assert_true(counter(b, "mh-checksum") + counter(b, "mh-short") > 10000);
	mag_profile(b->mag, b->now, 12345, b->profile[1]);
	assert_int_equal(counter(b, "store-late"), 1);
	assert_int_equal(mag_detach(b->mag, b->now, &name), CTL_OK);
	bench_end(b);
}

static void frames_that_nobody_may_send(void **state)
{
	const uint8_t group[6] = {0x33, 0x33, 0, 0, 0, 1};
	struct bench *b = bench_begin();
	uint8_t bytes[256];
	size_t len = rs_bytes(bytes, sizeof(bytes));

	(void)state;
	link_up(b, 1);
	mag_recv_link(b->mag, b->now, 1, group, bytes, len);
	mag_recv_link(b->mag, b->now, 1, mac_mag_fixed, bytes, len);
	bench_drain(b);
	assert_int_equal(b->n_profile_requests, 0);
	assert_int_equal(counter(b, "link-own-frame"), 2);
	bench_end(b);
}

/* A node that asks as if it were a router changes nothing. */
/* RFC 3810 5.1.14: discarded, and told of, on a link and from an anchor; not of each. */
static void queries_from_nowhere(void **state)
{
	struct mld_query q = {.version = 2, .max_resp = {1000000000}, .qrv = 2, .qqi = {125000000000}};
	struct in6_addr from = addr("2001:db8:6::6"), none = addr_any;
	struct bench *b = begin_small();
	uint8_t bytes[128];

	(void)state;
	attach(b, 1);
	send_packet(b, 1, 1, bytes, mld_encode_query(&q, NULL, &from, &addr_all_nodes, bytes, sizeof(bytes)));
	assert_int_equal(b->limit.kind, EV_MLD_WARNING);
	assert_true(nai_eq(&b->limit.mn, &b->profile[1]->mn) && b->limit.ifindex == 1);
	assert_true(addr_eq(&b->limit.source, &from));
	b->limit = (struct event){0};
	send_packet(b, 1, 1, bytes, mld_encode_query(&q, NULL, &from, &addr_all_nodes, bytes, sizeof(bytes)));
	assert_true(addr_is_any(&b->limit.source));
	wait_for(b, span_s(10));
	send_packet(b, 1, 1, bytes, mld_encode_query(&q, NULL, &none, &addr_all_nodes, bytes, sizeof(bytes)));
	assert_int_equal(b->limit.kind, EV_MLD_WARNING);
	b->limit = (struct event){0};
	wait_for(b, span_s(10));
	send_packet(b, 1, 1, bytes, mld_encode_v1(MLD_V1_REPORT, &(struct in6_addr){{{0xff, 0x1e, [15] = 1}}}, &from, bytes,
						  sizeof(bytes)));
	assert_int_equal(b->limit.kind, 0);
	bench_end(b);
}

static void queries_of_a_node(void **state)
{
	struct mld_query q = {.version = 2, .max_resp = span_ms(1), .qrv = 2, .qqi = span_s(1)};
	struct in6_addr low = addr("fe80::1");
	struct bench *b = bench_begin();
	uint8_t bytes[256];

	(void)state;
	attach(b, 1);
	send_packet(b, 1, 1, bytes, mld_encode_query(&q, NULL, &low, &addr_all_nodes, bytes, sizeof(bytes)));
	assert_int_equal(counter(b, "access-mld-queries-refused"), 1);
	assert_int_equal(counter(b, "mld-unspecified-source"), 0);
	b->probes = true;
	bench_forget(b);
	wait_for(b, span_s(61));
	assert_non_null(strstr(b->said.s, "Q10000")); /* it is still us who ask */
	bench_end(b);
}

/* Nodes come, join and go, many times over: nothing of them stays. */
static void memory_is_where_it_was(void **state)
{
	struct bench *b = bench_begin();
	size_t before = 0;

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		for (unsigned n = 1; n <= 4; n++) {
			attach(b, n);
			join(b, n, n, "ff1e::1");
			send_report(b, n, n, MLD_ALLOW_NEW_SOURCES, "ff3e::1", "2001:db8:aa::5");
		}
		for (unsigned n = 1; n <= 4; n++)
			link_down(b, n);
		wait_for(b, span_s(10));
		bench_forget(b);
		if (round == 1)
			before = mag_totals(b->mag).bytes;
	}
	assert_int_equal(mag_totals(b->mag).bytes, before);
	assert_int_equal(mag_totals(b->mag).nodes, 0);
	assert_int_equal(mag_totals(b->mag).lmas, 0);
	assert_true(mono_is_never(mag_next_deadline(b->mag)));
	bench_end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_name_the_node),
		cmocka_unit_test(queries_from_nowhere),
		cmocka_unit_test(bogus_nodes),
		cmocka_unit_test(a_store_that_never_answers),
		cmocka_unit_test(more_nodes_than_permitted),
		cmocka_unit_test(more_links_and_anchors_than_permitted),
		cmocka_unit_test(more_groups_than_permitted),
		cmocka_unit_test(garbage),
		cmocka_unit_test(frames_that_nobody_may_send),
		cmocka_unit_test(queries_of_a_node),
		cmocka_unit_test(memory_is_where_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
