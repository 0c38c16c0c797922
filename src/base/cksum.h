/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* The Internet checksum over the IPv6 pseudo-header (RFC 8200 8.1) and `len` octets, host order; 0 over
 * data that holds a right checksum. */
uint16_t cksum_ip6(const struct in6_addr *src, const struct in6_addr *dst, uint8_t next_header, const void *bytes,
		   size_t len);
