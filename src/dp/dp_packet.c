/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_packet.h"

#include <string.h>

#include "base/addr.h"
#include "base/rd.h"

enum { ECN_NOT_ECT, ECN_ECT1, ECN_ECT0, ECN_CE };

static bool parse(uint8_t *bytes, size_t len, bool cut, struct dp_pkt *ret)
{
	struct rd r = rd_of(bytes, len);
	uint32_t word = rd_u32(&r);
	size_t payload = rd_u16(&r);
	struct dp_pkt p = {.bytes = bytes, .ecn = word >> 20 & 3};

	p.next = rd_u8(&r);
	p.hop_limit = rd_u8(&r);
	p.src = rd_in6(&r);
	p.dst = rd_in6(&r);
	if (cut && payload > rd_left(&r))
		payload = rd_left(&r);
	if (r.bad || word >> 28 != 6 || payload > rd_left(&r))
		return false;
	p.len = rd_offset(&r) + payload;
	*ret = p;
	return true;
}

bool dp_pkt_parse(uint8_t *bytes, size_t len, struct dp_pkt *ret) { return parse(bytes, len, false, ret); }
bool dp_pkt_parse_cut(uint8_t *bytes, size_t len, struct dp_pkt *ret) { return parse(bytes, len, true, ret); }

bool dp_pkt_nobody(const struct in6_addr *a)
{
	static const uint8_t zero[12];

	return !memcmp(a->s6_addr, zero, sizeof(zero));
}

bool dp_pkt_link_scope(const struct in6_addr *a)
{
	return addr_is_multicast(a) && addr_scope(a) <= MC_SCOPE_LINK;
}

bool dp_pkt_routable(const struct dp_pkt *p)
{
	return !addr_is_link_local(&p->src) && !dp_pkt_nobody(&p->src) && !addr_is_multicast(&p->src) &&
	       !addr_is_link_local(&p->dst) && !dp_pkt_nobody(&p->dst) && !dp_pkt_link_scope(&p->dst);
}

bool dp_pkt_control(const struct dp_pkt *p)
{
	if (addr_is_multicast(&p->dst))
		return p->next == IPPROTO_HOPOPTS || p->next == IPPROTO_ICMPV6;
	return addr_is_link_local(&p->dst) && p->next == IPPROTO_HOPOPTS;
}

bool dp_pkt_merge_ecn(struct dp_pkt *p, uint8_t outer_ecn)
{
	if (outer_ecn == ECN_CE) {
		if (p->ecn == ECN_NOT_ECT)
			return false;
		p->ecn = ECN_CE;
	} else if (outer_ecn == ECN_ECT1 && p->ecn == ECN_ECT0) {
		p->ecn = ECN_ECT1;
	}
	return true;
}

void dp_pkt_end_marker(uint8_t bytes[40], const struct in6_addr *anchor, const struct in6_addr *prefix)
{
	memset(bytes, 0, 40);
	bytes[0] = 0x60;
	bytes[6] = IPPROTO_NONE;
	bytes[7] = 64;
	memcpy(bytes + 8, anchor, 16);
	memcpy(bytes + 24, prefix, 16);
}

bool dp_pkt_is_end_marker(const struct dp_pkt *p, const struct in6_addr *anchor)
{
	return p->next == IPPROTO_NONE && p->len == 40 && addr_eq(&p->src, anchor);
}

void dp_pkt_rewrite(struct dp_pkt *p, bool hop)
{
	p->bytes[1] = (uint8_t)((p->bytes[1] & 0xcf) | p->ecn << 4);
	if (hop)
		p->bytes[7] = --p->hop_limit;
}
