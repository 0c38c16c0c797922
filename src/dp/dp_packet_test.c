/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/cksum.h"
#include "base/wr.h"
#include "dp/dp_offload.h"
#include "wire/ip6.h"

static struct in6_addr a(const char *s)
{
	struct in6_addr r;

	assert_true(addr_parse(s, &r));
	return r;
}

static size_t packet(uint8_t *out, size_t size, const char *src, const char *dst, uint8_t next, size_t payload)
{
	struct in6_addr s = a(src), d = a(dst);
	struct wr w = wr_of(out, size);

	ip6_write(&w, &s, &d, next, (uint16_t)payload, 9);
	wr_zero(&w, payload);
	assert_false(w.full);
	return w.len;
}

static void every_truncation_is_refused(void **state)
{
	uint8_t bytes[64];
	struct dp_pkt p;
	size_t n = packet(bytes, sizeof(bytes), "2001:db8::1", "2001:db8::2", 17, 20);

	(void)state;
	for (size_t len = 0; len < n; len++)
		assert_false(dp_pkt_parse(bytes, len, &p));
	assert_true(dp_pkt_parse(bytes, n, &p));
	assert_int_equal(p.len, n);
	assert_true(dp_pkt_parse(bytes, n + 4, &p)); /* padding of the link */
	assert_int_equal(p.len, n);
	assert_true(dp_pkt_parse_cut(bytes, 45, &p));
	assert_int_equal(p.len, 45);
	bytes[0] = 0x45;
	assert_false(dp_pkt_parse(bytes, n, &p));
}

static void which_addresses_route(void **state)
{
	static const struct {
		const char *src, *dst;
		bool routable, control;
	} rows[] = {
		{"2001:db8::1", "2001:db8::2", true, false},
		{"2001:db8::1", "ff0e::1", true, true},
		{"2001:db8::1", "ff03::1", true, true},
		{"2001:db8::1", "ff02::16", false, true},
		{"2001:db8::1", "ff01::1", false, true},
		{"fe80::1", "ff02::16", false, true},
		{"fe80::1", "ff0e::1", false, true}, /* a Report of MLDv1 */
		{"fe80::1", "2001:db8::2", false, false},
		{"fe80::1", "fe80::2", false, false},
		{"::", "ff02::16", false, true},
		{"::1", "2001:db8::2", false, false},
		{"2001:db8::1", "::", false, false},
		{"2001:db8::1", "::1", false, false},
		{"ff0e::1", "2001:db8::2", false, false},
		{"::10.0.0.1", "2001:db8::2", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bytes[64];
		struct dp_pkt p;
		size_t n = packet(bytes, sizeof(bytes), rows[i].src, rows[i].dst, IPPROTO_ICMPV6, 8);

		assert_true(dp_pkt_parse(bytes, n, &p));
		assert_int_equal(dp_pkt_routable(&p), rows[i].routable);
		assert_int_equal(dp_pkt_control(&p), rows[i].control);
	}
}

/* RFC 6040, Figure 4. Not-ECT 0, ECT(1) 1, ECT(0) 2, CE 3; -1 = drop. */
static void ecn_on_decapsulation(void **state)
{
	static const int want[4][4] = {
		/* outer: 0  1  2  3 */
		{0, 0, 0, -1}, /* inner 0 */
		{1, 1, 1, 3},
		{2, 1, 2, 3},
		{3, 3, 3, 3},
	};

	(void)state;
	for (uint8_t inner = 0; inner < 4; inner++) {
		for (uint8_t outer = 0; outer < 4; outer++) {
			struct dp_pkt p = {.ecn = inner};
			bool kept = dp_pkt_merge_ecn(&p, outer);

			assert_int_equal(kept ? p.ecn : -1, want[inner][outer]);
		}
	}
}

static void rewriting_touches_two_fields(void **state)
{
	uint8_t bytes[64], want[64];
	struct dp_pkt p;
	size_t n = packet(bytes, sizeof(bytes), "2001:db8::1", "2001:db8::2", 17, 8);

	(void)state;
	bytes[0] = 0x6b;
	bytes[1] = 0x9f;
	memcpy(want, bytes, n);
	want[1] = 0xbf;
	want[7] = 8;
	assert_true(dp_pkt_parse(bytes, n, &p));
	assert_int_equal(p.ecn, 1);
	p.ecn = 3;
	dp_pkt_rewrite(&p, true);
	assert_memory_equal(bytes, want, n);
	assert_int_equal(p.hop_limit, 8);
}

/* A TCP super-packet of 2500 octets at 1000 a segment. */
static void segments_are_whole_packets(void **state)
{
	enum { HEAD = 14 + 40 + 20, DATA = 2500 };
	static uint8_t frame[HEAD + DATA], out[2048];
	struct virtio_net_hdr h = {.gso_type = VIRTIO_NET_HDR_GSO_TCPV6, .gso_size = 1000, .csum_start = 54,
				   .csum_offset = 16, .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM};
	struct in6_addr src = a("2001:db8::1"), dst = a("2001:db8::2");
	static const size_t lens[] = {1000, 1000, 500};
	size_t at = 0, n;

	(void)state;
	packet(frame + 14, sizeof(frame) - 14, "2001:db8::1", "2001:db8::2", IPPROTO_TCP, 20 + DATA);
	frame[54 + 7] = 100; /* sequence number */
	frame[54 + 12] = 0x50;
	frame[54 + 13] = 0x99; /* CWR, ACK, PSH, FIN */
	for (int i = 0; i < DATA; i++)
		frame[HEAD + i] = (uint8_t)(i * 7);
	for (int i = 0; i < 3; i++) {
		struct dp_pkt p;
		uint32_t seq = 100 + 1000 * (uint32_t)i;

		n = dp_offload_segment(&h, frame + 14, sizeof(frame) - 14, &at, out, sizeof(out));
		assert_int_equal(n, 60 + lens[i]);
		assert_true(dp_pkt_parse(out, n, &p));
		assert_int_equal(p.len, n);
		assert_int_equal(cksum_ip6(&src, &dst, IPPROTO_TCP, out + 40, n - 40), 0);
		assert_int_equal(out[46] << 8 | out[47], seq);
		assert_int_equal(out[53], i == 0 ? 0x90 : i == 1 ? 0x10 : 0x19);
		assert_memory_equal(out + 60, frame + HEAD + 1000 * i, lens[i]);
	}
	assert_int_equal(dp_offload_segment(&h, frame + 14, sizeof(frame) - 14, &at, out, sizeof(out)), 0);
	at = 0;
	assert_int_equal(dp_offload_segment(&h, frame + 14, sizeof(frame) - 14, &at, out, 100), 0); /* no room */
	at = 0;
	for (size_t len = 0; len < HEAD - 14; len++) /* cut in the headers */
		assert_int_equal(dp_offload_segment(&h, frame + 14, len, &at, out, sizeof(out)), 0);
}

/* Without a description it is known by its length. */
static void a_super_packet_is_described(void **state)
{
	enum { DATA = 2500, LEN = 40 + 32 + DATA };
	static uint8_t bytes[LEN];
	struct virtio_net_hdr h;

	(void)state;
	packet(bytes, sizeof(bytes), "2001:db8::1", "2001:db8::2", IPPROTO_TCP, 32 + DATA);
	bytes[52] = 0x80;
	assert_true(dp_offload_describe(bytes, LEN, 1460, &h));
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV6);
	assert_int_equal(h.gso_size, 1460 - 72);
	assert_false(dp_offload_describe(bytes, LEN, LEN, &h));
	assert_false(dp_offload_describe(bytes, LEN, 72, &h));
	assert_false(dp_offload_describe(bytes, LEN, 0, &h));
	assert_false(dp_offload_describe(bytes, LEN - 1, 1460, &h)); /* cut */
	bytes[52] = 0x40;
	assert_false(dp_offload_describe(bytes, LEN, 1460, &h));
	bytes[52] = 0x80;
	bytes[6] = IPPROTO_UDP;
	assert_false(dp_offload_describe(bytes, LEN, 1460, &h));
}

static void a_checksum_is_finished(void **state)
{
	uint8_t frame[14 + 40 + 8 + 5];
	struct virtio_net_hdr h = {.csum_start = 54, .csum_offset = 6, .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM};
	struct in6_addr src = a("2001:db8::1"), dst = a("2001:db8::2");
	uint8_t zero[1] = {0};
	uint16_t pseudo = (uint16_t)~cksum_ip6(&src, &dst, IPPROTO_UDP, zero, 0);

	(void)state;
	packet(frame + 14, sizeof(frame) - 14, "2001:db8::1", "2001:db8::2", IPPROTO_UDP, 13);
	memcpy(frame + 62, "hello", 5);
	frame[59] = 13;
	pseudo = (uint16_t)(pseudo + 13); /* the length is in the pseudo-header too */
	frame[60] = (uint8_t)(pseudo >> 8);
	frame[61] = (uint8_t)pseudo;
	assert_true(dp_offload_checksum(&h, frame, sizeof(frame)));
	assert_int_equal(cksum_ip6(&src, &dst, IPPROTO_UDP, frame + 54, 13), 0);
	h.csum_offset = 60000;
	assert_false(dp_offload_checksum(&h, frame, sizeof(frame)));
}

static void an_end_marker_is_the_anchors(void **state)
{
	struct in6_addr anchor = a("2001:db8:ff::1"), prefix = a("2001:db8:f00:1::"), other = a("2001:db8:ff::2");
	uint8_t bytes[48] = {0};
	struct dp_pkt p;

	(void)state;
	dp_pkt_end_marker(bytes, &anchor, &prefix);
	assert_true(dp_pkt_parse(bytes, 40, &p));
	assert_true(dp_pkt_routable(&p));
	assert_memory_equal(&p.dst, &prefix, 16);
	assert_true(dp_pkt_is_end_marker(&p, &anchor));
	assert_false(dp_pkt_is_end_marker(&p, &other));
	bytes[7]--; /* on its way */
	assert_true(dp_pkt_parse(bytes, 40, &p) && dp_pkt_is_end_marker(&p, &anchor));
	bytes[5] = 8; /* with something in it */
	assert_true(dp_pkt_parse(bytes, 48, &p));
	assert_false(dp_pkt_is_end_marker(&p, &anchor));
	bytes[5] = 0;
	bytes[6] = IPPROTO_UDP;
	assert_true(dp_pkt_parse(bytes, 40, &p));
	assert_false(dp_pkt_is_end_marker(&p, &anchor));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(which_addresses_route),
		cmocka_unit_test(ecn_on_decapsulation),
		cmocka_unit_test(rewriting_touches_two_fields),
		cmocka_unit_test(an_end_marker_is_the_anchors),
		cmocka_unit_test(segments_are_whole_packets),
		cmocka_unit_test(a_super_packet_is_described),
		cmocka_unit_test(a_checksum_is_finished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
