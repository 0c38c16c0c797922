/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/cksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

/* RFC 1071 as it is written, word by word. */
static uint16_t slow(const struct in6_addr *src, const struct in6_addr *dst, uint8_t nh, const uint8_t *p, size_t len)
{
	uint32_t sum = (uint32_t)(len >> 16) + (uint32_t)(len & 0xffff) + nh;

	for (int i = 0; i < 16; i += 2) {
		sum += (uint32_t)(src->s6_addr[i] << 8 | src->s6_addr[i + 1]);
		sum += (uint32_t)(dst->s6_addr[i] << 8 | dst->s6_addr[i + 1]);
	}
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void agrees_with_the_slow_one(void **state)
{
	struct rng r = rng_of(7);
	uint8_t bytes[300];
	struct in6_addr src, dst;

	(void)state;
	for (size_t len = 0; len < sizeof(bytes) - 1; len++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)rng_u64(&r);
		memcpy(&src, bytes, 16);
		memcpy(&dst, bytes + 16, 16);
		/* From an odd address too. */
		assert_int_equal(cksum_ip6(&src, &dst, 58, bytes + 1, len), slow(&src, &dst, 58, bytes + 1, len));
	}
}

/* An MLDv2 General Query of fe80::200:5eff:fe00:5213. */
static void right_data_sums_up_to_zero(void **state)
{
	static const struct in6_addr src = { { { 0xfe, 0x80, [8] = 0x02, 0, 0x5e, 0xff, 0xfe, 0, 0x52, 0x13 } } };
	static const struct in6_addr dst = { { { 0xff, 0x02, [15] = 1 } } };
	uint8_t query[28] = { 0x82, 0, 0xc8, 0xab, 0x03, 0xe8, [24] = 0x02, 0x7d };

	(void)state;
	assert_int_equal(cksum_ip6(&src, &dst, 58, query, sizeof(query)), 0);
	query[2] = query[3] = 0;
	assert_int_equal(cksum_ip6(&src, &dst, 58, query, sizeof(query)), 0xc8ab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_slow_one),
		cmocka_unit_test(right_data_sums_up_to_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
