/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_offload.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/cksum.h"

#define HEAD 40

/* UDP with `n` octets of payload, and the sum of its pseudo-header where the checksum stands. */
static size_t unfinished(uint8_t packet[128], uint8_t next_header, size_t n, uint8_t fill)
{
	size_t l4 = (next_header == IPPROTO_TCP ? 20 : 8) + n, field = HEAD + (next_header == IPPROTO_TCP ? 16 : 6);
	struct in6_addr src, dst;
	uint32_t sum;

	memset(packet, fill, 128);
	memset(packet, 0, HEAD);
	packet[0] = 0x60;
	packet[5] = (uint8_t)l4;
	packet[6] = next_header;
	memcpy(packet + 8, "\x20\x01\x0d\xb8\xaa\xaa\0\0\0\0\0\0\0\0\0\x05", 16);
	memcpy(packet + 24, "\xff\x3e\0\0\0\0\0\0\0\0\0\0\x80\0\0\x01", 16);
	memcpy(&src, packet + 8, 16);
	memcpy(&dst, packet + 24, 16);
	/* The library's function adds the length of what it is given: of nothing here. */
	sum = (uint16_t)~cksum_ip6(&src, &dst, next_header, packet, 0) + (uint32_t)l4;
	sum = (sum & 0xffff) + (sum >> 16);
	packet[field] = (uint8_t)(sum >> 8);
	packet[field + 1] = (uint8_t)sum;
	return HEAD + l4;
}

static bool verifies(const uint8_t *packet, size_t len)
{
	struct in6_addr src, dst;

	memcpy(&src, packet + 8, 16);
	memcpy(&dst, packet + 24, 16);
	return cksum_ip6(&src, &dst, packet[6], packet + HEAD, len - HEAD) == 0;
}

static void what_no_device_finished_is_finished(void **state)
{
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};
	uint8_t packet[128];

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (size_t n = 1; n < 60; n++) {
			size_t len = unfinished(packet, protocols[i], n, 0x5a);

			assert_false(verifies(packet, len));
			dp_offload_finish(packet, len);
			assert_true(verifies(packet, len));
		}
}

static void a_complete_checksum_stays(void **state)
{
	uint8_t packet[128], before[128];
	size_t len = unfinished(packet, IPPROTO_UDP, 33, 7);

	(void)state;
	dp_offload_finish(packet, len);
	memcpy(before, packet, sizeof(packet));
	dp_offload_finish(packet, len);
	assert_memory_equal(before, packet, sizeof(packet));
	packet[HEAD + 6] ^= 1; /* and a wrong one is the receiver's to find */
	memcpy(before, packet, sizeof(packet));
	dp_offload_finish(packet, len);
	assert_memory_equal(before, packet, sizeof(packet));
}

static void what_is_cut_or_other_is_left_alone(void **state)
{
	uint8_t packet[128], before[128];
	size_t len = unfinished(packet, IPPROTO_TCP, 30, 1);

	(void)state;
	memcpy(before, packet, sizeof(packet));
	for (size_t n = 0; n < len; n++)
		dp_offload_finish(packet, n);
	assert_memory_equal(before, packet, sizeof(packet));
	packet[6] = IPPROTO_ICMPV6;
	dp_offload_finish(packet, len);
	packet[6] = IPPROTO_TCP;
	packet[5] = 19; /* shorter than its own header */
	dp_offload_finish(packet, len);
	packet[5] = before[5];
	assert_memory_equal(before, packet, sizeof(packet));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_no_device_finished_is_finished),
		cmocka_unit_test(a_complete_checksum_stays),
		cmocka_unit_test(what_is_cut_or_other_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
