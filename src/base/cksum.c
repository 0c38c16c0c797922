/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/cksum.h"

#include <arpa/inet.h>
#include <string.h>

/* The one's complement sum does not care about octet order (RFC 1071 2B): add words as they lie in memory, swap once at
 * the end. 64 bits hold the carries of 2^32 words. */
static uint64_t add(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint32_t word;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	word = 0;
	if (len) {
		memcpy(&word, p, len);
		sum += word;
	}
	return sum;
}

uint16_t cksum_ip6(const struct in6_addr *src, const struct in6_addr *dst, uint8_t next_header, const void *bytes,
		   size_t len)
{
	uint64_t sum = (uint64_t)htonl((uint32_t)len) + htonl(next_header);

	sum = add(sum, src, sizeof(*src));
	sum = add(sum, dst, sizeof(*dst));
	sum = add(sum, bytes, len);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ntohs((uint16_t)~sum);
}
