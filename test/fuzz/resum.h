/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A fuzzer does not find a right checksum by trying: make it right in a copy. */
#include <stdlib.h>
#include <string.h>

#include "base/cksum.h"
#include "wire/ip6.h"

/* A copy in a block of just its size, the ICMPv6 checksum right if it is one. The caller frees it. */
static inline uint8_t *resummed(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1), *icmp;
	struct ip6_view v;
	uint16_t sum;

	if (!copy)
		abort();
	if (len)
		memcpy(copy, bytes, len);
	if (ip6_parse(copy, len, &v) && v.next_header == 58 && v.payload_len >= 4) {
		icmp = copy + (v.payload - copy);
		icmp[2] = icmp[3] = 0;
		sum = cksum_ip6(&v.src, &v.dst, 58, icmp, v.payload_len);
		icmp[2] = (uint8_t)(sum >> 8);
		icmp[3] = (uint8_t)sum;
	}
	return copy;
}
