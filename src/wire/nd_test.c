/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/nd.h"

#include "base/cksum.h"
#include "wire/nd_golden.h"
#include "wire/testing.h"

static enum nd_err decode_copy(const uint8_t *bytes, size_t len, struct nd_msg *m)
{
	uint8_t *copy = malloc(len ? len : 1);
	enum nd_err err;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	err = nd_decode(copy, len, m);
	free(copy);
	return err;
}

/* A changed packet with its checksum made right. */
static enum nd_err decode_resummed(uint8_t *bytes, size_t len, struct nd_msg *m)
{
	struct in6_addr src, dst;
	uint16_t sum;

	memcpy(&src, bytes + 8, 16);
	memcpy(&dst, bytes + 24, 16);
	bytes[42] = bytes[43] = 0;
	sum = cksum_ip6(&src, &dst, 58, bytes + 40, len - 40);
	bytes[42] = (uint8_t)(sum >> 8);
	bytes[43] = (uint8_t)sum;
	return decode_copy(bytes, len, m);
}

static void golden_there_and_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(golden_nd); i++) {
		const struct golden_nd *g = &golden_nd[i];
		uint8_t bytes[1500];
		struct nd_msg m;

		if (nd_decode(g->bytes, g->len, &m) != ND_OK)
			fail_msg("%s", g->name);
		assert_int_equal(nd_encode(&m, bytes, sizeof(bytes)), g->len);
		assert_memory_equal(bytes, g->bytes, g->len);
		for (size_t cap = 0; cap < g->len; cap++)
			assert_int_equal(nd_encode(&m, bytes, cap), 0);
	}
}

static void fields(void **state)
{
	struct nd_msg m;
	char buf[PREFIX_STR_MAX];

	(void)state;
	assert_int_equal(nd_decode(golden_router_advertisement, sizeof(golden_router_advertisement), &m), ND_OK);
	assert_int_equal(m.type, ND_RA);
	assert_addr(&m.src, "fe80::200:5eff:fe00:5213");
	assert_int_equal(m.hop_limit, 64);
	assert_false(m.managed);
	assert_true(m.other);
	assert_int_equal(m.router_lifetime_s, 1800);
	assert_int_equal(m.reachable_ms, 30000);
	assert_int_equal(m.retrans_ms, 1000);
	assert_int_equal(m.mtu, 1460);
	assert_memory_equal(m.source_ll.b, mac_mag_fixed, 6);
	assert_int_equal(m.n_prefixes, 1);
	assert_string_equal(prefix_str(&m.prefixes[0].prefix, buf), "2001:db8:f00:1::/64");
	assert_true(m.prefixes[0].on_link && m.prefixes[0].autonomous);
	assert_int_equal(m.prefixes[0].valid_s, UINT32_MAX);
	assert_int_equal(m.prefixes[0].preferred_s, 14400);

	assert_int_equal(nd_decode(golden_neighbor_advertisement, sizeof(golden_neighbor_advertisement), &m), ND_OK);
	assert_true(m.na_solicited && m.na_override);
	assert_false(m.na_router);
	assert_addr(&m.target, "fe80::1");
	assert_int_equal(m.target_ll.len, 6);
}

static void every_truncation_is_refused(void **state)
{
	struct nd_msg m;

	(void)state;
	for (size_t i = 0; i < N(golden_nd); i++) {
		const struct golden_nd *g = &golden_nd[i];
		uint8_t bytes[1500];

		for (size_t len = 0; len < g->len; len++) {
			assert_int_equal(decode_copy(g->bytes, len, &m), ND_ERR_SHORT);
			if (len <= 44)
				continue;
			memcpy(bytes, g->bytes, len);
			bytes[5] = (uint8_t)(len - 40);
			decode_resummed(bytes, len, &m); /* may be a shorter message in its own right */
		}
	}
}

static void every_mutation_is_survived(void **state)
{
	struct nd_msg m;

	(void)state;
	for (size_t i = 0; i < N(golden_nd); i++) {
		const struct golden_nd *g = &golden_nd[i];
		uint8_t bytes[1500];

		for (size_t at = 0; at < g->len * 8; at++) {
			memcpy(bytes, g->bytes, g->len);
			bytes[at / 8] ^= (uint8_t)(1 << at % 8);
			decode_copy(bytes, g->len, &m);
			decode_resummed(bytes, g->len, &m);
		}
	}
}

static void refusals(void **state)
{
	enum { HOP = 7, SRC = 8, DST = 24, TYPE = 40, CODE = 41, FLAGS = 44, TARGET = 48 };
	static const struct {
		const char *what;
		size_t golden, at;
		uint8_t value;
		enum nd_err err;
	} rows[] = {
		{ "from beyond the link", 0, HOP, 254, ND_ERR_HOP_LIMIT },
		{ "code", 0, CODE, 1, ND_ERR_CODE },
		{ "echo request", 0, TYPE, 128, ND_ERR_NOT_ND },
		{ "UDP", 0, 6, 17, ND_ERR_NOT_ND },
		{ "multicast source", 0, SRC, 0xff, ND_ERR_SOURCE },
		{ "RA of a global address", 2, SRC, 0x20, ND_ERR_SOURCE },
		{ "DAD not to solicited nodes", 3, DST + 11, 2, ND_ERR_DESTINATION },
		{ "target is a group", 3, TARGET, 0xff, ND_ERR_TARGET },
		{ "solicited NA to a group", 4, DST, 0xff, ND_ERR_DESTINATION },
		{ "option of length 0", 0, 49, 0, ND_ERR_OPTION },
		{ "option beyond the end", 0, 49, 2, ND_ERR_OPTION },
	};
	struct nd_msg m;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct golden_nd *g = &golden_nd[rows[i].golden];
		uint8_t bytes[1500];
		enum nd_err err;

		memcpy(bytes, g->bytes, g->len);
		bytes[rows[i].at] = rows[i].value;
		err = decode_resummed(bytes, g->len, &m);
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].what, nd_err_name(err));
		bytes[42] ^= 1;
		if (rows[i].err != ND_ERR_NOT_ND && rows[i].err != ND_ERR_HOP_LIMIT)
			assert_int_equal(decode_copy(bytes, g->len, &m), ND_ERR_CHECKSUM);
	}
}

/* RFC 4861 7.1.1: nobody has an address to tell the link-layer address of. */
static void unspecified_source_brings_no_address(void **state)
{
	uint8_t bytes[sizeof(golden_router_solicitation)];
	struct nd_msg m;

	(void)state;
	memcpy(bytes, golden_router_solicitation, sizeof(bytes));
	memset(bytes + 8, 0, 16);
	assert_int_equal(decode_resummed(bytes, sizeof(bytes), &m), ND_ERR_SOURCE);
}

static void advertisements_come_from_somebody(void **state)
{
	uint8_t bytes[sizeof(golden_neighbor_advertisement)];
	struct nd_msg m;

	(void)state;
	memcpy(bytes, golden_neighbor_advertisement, sizeof(bytes));
	memset(bytes + 8, 0, 16);
	assert_int_equal(decode_resummed(bytes, sizeof(bytes), &m), ND_ERR_SOURCE);
}

static void names(void **state)
{
	(void)state;
	for (int e = 0; e < ND_ERR_N; e++)
		assert_string_not_equal(nd_err_name((enum nd_err)e), "?");
	assert_string_equal(nd_err_name(ND_ERR_N), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_there_and_back),
		cmocka_unit_test(fields),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_mutation_is_survived),
		cmocka_unit_test(refusals),
		cmocka_unit_test(unspecified_source_brings_no_address),
		cmocka_unit_test(advertisements_come_from_somebody),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
