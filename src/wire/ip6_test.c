/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/ip6.h"

#include "wire/testing.h"

/* A packet of a header and `payload`, in a block of just its size, parsed. */
static bool parse(uint8_t next_header, const uint8_t *payload, size_t len, struct ip6_view *v, uint8_t **packet)
{
	struct wr w;

	*packet = malloc(IP6_HDR_LEN + len);
	assert_non_null(*packet);
	w = wr_of(*packet, IP6_HDR_LEN + len);
	ip6_write(&w, &addr_mag_link_local, &addr_all_nodes, next_header, (uint16_t)len, 64);
	wr_copy(&w, payload, len);
	assert_false(w.full);
	return ip6_parse(*packet, IP6_HDR_LEN + len, v);
}

static void header_there_and_back(void **state)
{
	struct ip6_view v;
	uint8_t *packet;

	(void)state;
	assert_true(parse(17, (const uint8_t *)"abcdefgh", 8, &v, &packet));
	assert_int_equal(packet[0], 0x60);
	assert_true(addr_eq(&v.src, &addr_mag_link_local));
	assert_true(addr_eq(&v.dst, &addr_all_nodes));
	assert_int_equal(v.hop_limit, 64);
	assert_int_equal(v.next_header, 17);
	assert_int_equal(v.payload_len, 8);
	assert_memory_equal(v.payload, "abcdefgh", 8);
	assert_false(v.hop_by_hop || v.router_alert || v.fragment);
	packet[0] = 0x6a;
	packet[1] = 0x50;
	packet[5] = 4; /* what is behind the payload length is not looked at */
	assert_true(ip6_parse(packet, IP6_HDR_LEN + 8, &v));
	assert_int_equal(v.traffic_class, 0xa5);
	assert_int_equal(v.payload_len, 4);
	packet[0] = 0x45;
	assert_false(ip6_parse(packet, IP6_HDR_LEN + 8, &v));
	free(packet);
}

static void every_truncation_is_refused(void **state)
{
	static const uint8_t packet[48] = { 0x60, 0, 0, 0, 0, 8, 17, 1 };
	struct ip6_view v = { .hop_limit = 77 };

	(void)state;
	for (size_t len = 0; len < sizeof(packet); len++) {
		uint8_t *copy = malloc(len ? len : 1);

		assert_non_null(copy);
		memcpy(copy, packet, len);
		assert_false(ip6_parse(copy, len, &v));
		free(copy);
	}
	assert_int_equal(v.hop_limit, 77);
}

static void extension_headers(void **state)
{
	static const struct {
		const char *what;
		uint8_t next_header;
		uint8_t payload[96];
		size_t len;
		bool ok, hop_by_hop, router_alert, fragment;
		uint8_t upper;
		size_t upper_len;
	} rows[] = {
		{ "router alert", 0, { 58, 0, 5, 2, 0, 0, 1, 0, 9 }, 9, true, true, true, false, 58, 1 },
		{ "router alert behind padding", 0, { 58, 0, 1, 0, 5, 2, 0, 0 }, 8, true, true, true, false, 58, 0 },
		{ "router alert of RSVP", 0, { 58, 0, 5, 2, 0, 1, 1, 0 }, 8, true, true, false, false, 58, 0 },
		{ "router alert of length 1", 0, { 58, 0, 5, 1, 0, 1, 1, 0 }, 8, true, true, false, false, 58, 0 },
		{ "no router alert", 0, { 58, 0, 1, 4 }, 8, true, true, false, false, 58, 0 },
		{ "option beyond the header", 0, { 58, 0, 5, 2, 0, 0, 1, 1 }, 8, false, 0, 0, 0, 0, 0 },
		{ "header beyond the packet", 0, { 58, 1, 5, 2, 0, 0, 1, 0 }, 8, false, 0, 0, 0, 0, 0 },
		{ "header of one octet", 60, { 58 }, 1, false, 0, 0, 0, 0, 0 },
		{ "hop-by-hop in second place", 60, { 0, 0, 1, 4, 0, 0, 0, 0, 58, 0, 1, 4 }, 16, false, 0, 0, 0, 0, 0 },
		{ "destination, routing, UDP", 60, { 43, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 1, 2 }, 18, true,
		  false, false, false, 17, 2 },
		{ "fragment", 44, { 58, 99, 0, 8, 0, 0, 0, 1, 7 }, 9, true, false, false, true, 58, 1 },
		{ "fragment cut", 44, { 58, 99, 0, 8, 0, 0, 0 }, 7, false, 0, 0, 0, 0, 0 },
		{ "mobility is an upper layer", 135, { 59, 0, 5 }, 8, true, false, false, false, 135, 8 },
		{ "8 headers", 60, { 60, 0, [8] = 60, 0, [16] = 60, 0, [24] = 60, 0, [32] = 60, 0, [40] = 60, 0,
				     [48] = 60, 0, [56] = 17, 0 }, 64, true, false, false, false, 17, 0 },
		{ "9 headers", 60, { 60, 0, [8] = 60, 0, [16] = 60, 0, [24] = 60, 0, [32] = 60, 0, [40] = 60, 0,
				     [48] = 60, 0, [56] = 60, 0, [64] = 17, 0 }, 72, false, 0, 0, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct ip6_view v = { 0 };
		uint8_t *packet;

		if (parse(rows[i].next_header, rows[i].payload, rows[i].len, &v, &packet) != rows[i].ok)
			fail_msg("%s", rows[i].what);
		if (rows[i].ok && (v.hop_by_hop != rows[i].hop_by_hop || v.router_alert != rows[i].router_alert ||
				   v.fragment != rows[i].fragment || v.next_header != rows[i].upper ||
				   v.payload_len != rows[i].upper_len))
			fail_msg("%s", rows[i].what);
		free(packet);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_there_and_back),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(extension_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
