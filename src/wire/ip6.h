/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* IPv6 header and the walk over its extension headers, shared by all decoders of whole packets. */
#include "base/addr.h"
#include "base/rd.h"
#include "base/wr.h"

#define IP6_HDR_LEN 40

struct ip6_view {
	struct in6_addr src, dst;
	uint8_t hop_limit, traffic_class;
	uint8_t next_header;	 /* of the upper layer, after the extension headers */
	bool hop_by_hop;
	bool router_alert;	 /* Hop-by-Hop option 5 of value 0 (MLD) */
	bool fragment;		 /* a Fragment header stands there: the payload is not looked at */
	const uint8_t *payload;	 /* upper layer, in the packet */
	size_t payload_len;
};

/* False: not IPv6, cut, an extension header beyond the end, or more than 8 of them. Octets behind the payload length
 * are ignored. The Mobility Header is an upper layer here. */
bool ip6_parse(const uint8_t *bytes, size_t len, struct ip6_view *ret);
void ip6_write(struct wr *w, const struct in6_addr *src, const struct in6_addr *dst, uint8_t next_header,
	       uint16_t payload_len, uint8_t hop_limit);
