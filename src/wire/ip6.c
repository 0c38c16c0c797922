/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/ip6.h"

#define HEADERS_MAX 8

/* IANA "Assigned Internet Protocol Numbers": the extension headers of RFC 8200 that are walked over. */
enum ext_header {
	EXT_HOP_BY_HOP = 0,
	EXT_ROUTING = 43,
	EXT_FRAGMENT = 44,
	EXT_DESTINATION = 60,
};

enum hop_option {
	HOP_PAD1 = 0,
	HOP_ROUTER_ALERT = 5, /* RFC 2711 */
};

#define ROUTER_ALERT_MLD 0

static bool is_ext_header(uint8_t next_header)
{
	return next_header == EXT_HOP_BY_HOP || next_header == EXT_ROUTING || next_header == EXT_FRAGMENT ||
	       next_header == EXT_DESTINATION;
}

/* RFC 8200 4.2, 4.3. False: an option beyond the header's end. */
static bool read_hop_by_hop(struct rd *options, struct ip6_view *v)
{
	v->hop_by_hop = true;
	while (rd_left(options)) {
		uint8_t type = rd_u8(options);
		struct rd body;

		if (type == HOP_PAD1)
			continue;
		body = rd_sub(options, rd_u8(options));
		if (options->bad)
			return false;
		if (type == HOP_ROUTER_ALERT && rd_left(&body) == 2 && rd_u16(&body) == ROUTER_ALERT_MLD)
			v->router_alert = true;
	}
	return true;
}

/* From the octet behind the fixed header on. Hop-by-Hop stands first or not at all (RFC 8200 4.1). */
static bool walk(struct rd *r, struct ip6_view *v)
{
	unsigned int n = 0;

	while (is_ext_header(v->next_header) && !v->fragment) {
		uint8_t this_one = v->next_header;
		uint8_t len;
		struct rd body;

		if (++n > HEADERS_MAX || (this_one == EXT_HOP_BY_HOP && n > 1))
			return false;
		v->fragment = this_one == EXT_FRAGMENT;
		v->next_header = rd_u8(r);
		len = rd_u8(r); /* in a Fragment header reserved: that one is 8 octets */
		body = rd_sub(r, v->fragment ? 6 : (size_t)len * 8 + 6);
		if (r->bad)
			return false;
		if (this_one == EXT_HOP_BY_HOP && !read_hop_by_hop(&body, v))
			return false;
	}
	return true;
}

bool ip6_parse(const uint8_t *bytes, size_t len, struct ip6_view *ret)
{
	struct rd r = rd_of(bytes, len), upper;
	uint32_t version_class_flow = rd_u32(&r);
	uint16_t payload_len = rd_u16(&r);
	struct ip6_view v = { .traffic_class = (uint8_t)(version_class_flow >> 20) };

	v.next_header = rd_u8(&r);
	v.hop_limit = rd_u8(&r);
	v.src = rd_in6(&r);
	v.dst = rd_in6(&r);
	upper = rd_sub(&r, payload_len);
	if (r.bad || version_class_flow >> 28 != 6 || !walk(&upper, &v))
		return false;
	v.payload_len = rd_left(&upper);
	v.payload = rd_bytes(&upper, v.payload_len);
	*ret = v;
	return true;
}

void ip6_write(struct wr *w, const struct in6_addr *src, const struct in6_addr *dst, uint8_t next_header,
	       uint16_t payload_len, uint8_t hop_limit)
{
	wr_u32(w, UINT32_C(6) << 28);
	wr_u16(w, payload_len);
	wr_u8(w, next_header);
	wr_u8(w, hop_limit);
	wr_in6(w, src);
	wr_in6(w, dst);
}
