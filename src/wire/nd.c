/* SPDX-License-Identifier: BSD-2-Clause */
/* Router and Neighbour Discovery (RFC 4861 4.1 to 4.4, 4.6), with the checks of its 6.1.1, 6.1.2, 7.1.1 and 7.1.2. */
#include "wire/nd.h"

#include <string.h>

#include "base/cksum.h"
#include "base/rd.h"
#include "base/wr.h"
#include "wire/ip6.h"

#define ICMPV6 58
#define ND_HOP_LIMIT 255
#define PAYLOAD_LEN_AT 4
#define CHECKSUM_AT (IP6_HDR_LEN + 2)

enum nd_option {
	OPT_SOURCE_LL = 1,
	OPT_TARGET_LL = 2,
	OPT_PREFIX = 3,
	OPT_MTU = 5,
};

enum { RA_MANAGED = 0x80, RA_OTHER = 0x40 };
enum { PREFIX_ON_LINK = 0x80, PREFIX_AUTONOMOUS = 0x40 };
#define NA_ROUTER 0x80000000u
#define NA_SOLICITED 0x40000000u
#define NA_OVERRIDE 0x20000000u

const char *nd_err_name(enum nd_err e)
{
	static const char *const names[ND_ERR_N] = {
		[ND_OK] = "ok",
		[ND_ERR_SHORT] = "short",
		[ND_ERR_NOT_ND] = "not-nd",
		[ND_ERR_HOP_LIMIT] = "hop-limit",
		[ND_ERR_CHECKSUM] = "checksum",
		[ND_ERR_CODE] = "code",
		[ND_ERR_SOURCE] = "source",
		[ND_ERR_TARGET] = "target",
		[ND_ERR_OPTION] = "option",
		[ND_ERR_DESTINATION] = "destination",
	};

	return (unsigned int)e < ND_ERR_N ? names[e] : "?";
}

static bool is_nd(uint8_t type)
{
	return type == ND_RS || type == ND_RA || type == ND_NS || type == ND_NA;
}

/* ---- decoding ---- */

static void read_ra(struct rd *r, struct nd_msg *m)
{
	uint8_t flags;

	m->hop_limit = rd_u8(r);
	flags = rd_u8(r);
	m->managed = flags & RA_MANAGED;
	m->other = flags & RA_OTHER;
	m->router_lifetime_s = rd_u16(r);
	m->reachable_ms = rd_u32(r);
	m->retrans_ms = rd_u32(r);
}

/* Behind type, code and checksum, up to the options. */
static void read_fixed(struct rd *r, struct nd_msg *m)
{
	uint32_t flags;

	switch (m->type) {
	case ND_RS:
		rd_u32(r);
		break;
	case ND_RA:
		read_ra(r, m);
		break;
	case ND_NS:
		rd_u32(r);
		m->target = rd_in6(r);
		break;
	case ND_NA:
		flags = rd_u32(r);
		m->na_router = flags & NA_ROUTER;
		m->na_solicited = flags & NA_SOLICITED;
		m->na_override = flags & NA_OVERRIDE;
		m->target = rd_in6(r);
		break;
	}
}

/* False: not a prefix information option as RFC 4861 4.6.2 has it. */
static bool read_prefix(struct rd *body, struct nd_msg *m)
{
	struct nd_prefix p = { .prefix.len = rd_u8(body) };
	uint8_t flags = rd_u8(body);

	p.on_link = flags & PREFIX_ON_LINK;
	p.autonomous = flags & PREFIX_AUTONOMOUS;
	p.valid_s = rd_u32(body);
	p.preferred_s = rd_u32(body);
	rd_u32(body);
	p.prefix.addr = rd_in6(body);
	if (body->bad || p.prefix.len > 128)
		return false;
	if (m->n_prefixes < ND_PREFIX_MAX)
		m->prefixes[m->n_prefixes++] = p;
	return true;
}

/* The octets of an address of our length; padding of longer options is not told from address (RFC 4861 4.6.1). */
static struct lladdr read_lladdr(struct rd *body)
{
	size_t n = rd_left(body) < LLADDR_MAX ? rd_left(body) : LLADDR_MAX;

	return lladdr_of(rd_bytes(body, n), n);
}

static enum nd_err read_options(struct rd *r, struct nd_msg *m)
{
	while (rd_left(r)) {
		uint8_t type = rd_u8(r), len = rd_u8(r);
		struct rd body;

		if (r->bad || len == 0)
			return ND_ERR_OPTION;
		body = rd_sub(r, (size_t)len * 8 - 2);
		if (r->bad)
			return ND_ERR_OPTION;
		if (type == OPT_SOURCE_LL)
			m->source_ll = read_lladdr(&body);
		else if (type == OPT_TARGET_LL)
			m->target_ll = read_lladdr(&body);
		else if (type == OPT_PREFIX && m->type == ND_RA && !read_prefix(&body, m))
			return ND_ERR_OPTION;
		else if (type == OPT_MTU && m->type == ND_RA) {
			rd_u16(&body);
			m->mtu = rd_u32(&body);
		}
	}
	return ND_OK;
}

static bool is_solicited_node(const struct in6_addr *a)
{
	static const struct in6_addr prefix = { { { 0xff, 0x02, [11] = 0x01, 0xff } } };

	return memcmp(a, &prefix, 13) == 0;
}

/* What the addresses must be, by type. */
static enum nd_err check_addresses(const struct nd_msg *m)
{
	bool unspecified = addr_is_any(&m->src);

	if (addr_is_multicast(&m->src) || (unspecified && m->source_ll.len))
		return ND_ERR_SOURCE;
	switch (m->type) {
	case ND_RS:
		break;
	case ND_RA:
		if (!addr_is_link_local(&m->src))
			return ND_ERR_SOURCE;
		break;
	case ND_NS:
		if (addr_is_multicast(&m->target))
			return ND_ERR_TARGET;
		if (unspecified && !is_solicited_node(&m->dst))
			return ND_ERR_DESTINATION;
		break;
	case ND_NA:
		if (addr_is_multicast(&m->target))
			return ND_ERR_TARGET;
		if (unspecified)
			return ND_ERR_SOURCE;
		if (m->na_solicited && addr_is_multicast(&m->dst))
			return ND_ERR_DESTINATION;
		break;
	}
	return ND_OK;
}

enum nd_err nd_decode(const uint8_t *bytes, size_t len, struct nd_msg *ret)
{
	struct nd_msg m = { 0 };
	struct ip6_view v;
	enum nd_err err;
	uint8_t type, code;
	struct rd r;

	if (!ip6_parse(bytes, len, &v))
		return ND_ERR_SHORT;
	r = rd_of(v.payload, v.payload_len);
	type = rd_u8(&r);
	code = rd_u8(&r);
	if (v.next_header != ICMPV6 || v.fragment || (v.payload_len > 0 && !is_nd(type)))
		return ND_ERR_NOT_ND;
	if (v.hop_limit != ND_HOP_LIMIT)
		return ND_ERR_HOP_LIMIT;
	rd_u16(&r);
	m.type = (enum nd_type)type;
	m.src = v.src;
	m.dst = v.dst;
	if (!r.bad)
		read_fixed(&r, &m);
	if (r.bad)
		return ND_ERR_SHORT;
	if (cksum_ip6(&v.src, &v.dst, ICMPV6, v.payload, v.payload_len) != 0)
		return ND_ERR_CHECKSUM;
	if (code != 0)
		return ND_ERR_CODE;
	err = read_options(&r, &m);
	if (!err)
		err = check_addresses(&m);
	if (err)
		return err;
	*ret = m;
	return ND_OK;
}

/* ---- encoding ---- */

static void write_fixed(const struct nd_msg *m, struct wr *w)
{
	switch (m->type) {
	case ND_RS:
		wr_u32(w, 0);
		break;
	case ND_RA:
		wr_u8(w, m->hop_limit);
		wr_u8(w, (uint8_t)((m->managed ? RA_MANAGED : 0) | (m->other ? RA_OTHER : 0)));
		wr_u16(w, m->router_lifetime_s);
		wr_u32(w, m->reachable_ms);
		wr_u32(w, m->retrans_ms);
		break;
	case ND_NS:
		wr_u32(w, 0);
		wr_in6(w, &m->target);
		break;
	case ND_NA:
		wr_u32(w, (m->na_router ? NA_ROUTER : 0) | (m->na_solicited ? NA_SOLICITED : 0) |
				  (m->na_override ? NA_OVERRIDE : 0));
		wr_in6(w, &m->target);
		break;
	}
}

static void write_lladdr(struct wr *w, enum nd_option type, const struct lladdr *a)
{
	size_t units = (a->len + 2u + 7) / 8;

	if (a->len == 0)
		return;
	wr_u8(w, (uint8_t)type);
	wr_u8(w, (uint8_t)units);
	wr_copy(w, a->b, a->len);
	wr_zero(w, units * 8 - 2 - a->len);
}

static void write_ra_options(const struct nd_msg *m, struct wr *w)
{
	for (size_t i = 0; i < m->n_prefixes; i++) {
		const struct nd_prefix *p = &m->prefixes[i];

		wr_u8(w, OPT_PREFIX);
		wr_u8(w, 4);
		wr_u8(w, p->prefix.len);
		wr_u8(w, (uint8_t)((p->on_link ? PREFIX_ON_LINK : 0) | (p->autonomous ? PREFIX_AUTONOMOUS : 0)));
		wr_u32(w, p->valid_s);
		wr_u32(w, p->preferred_s);
		wr_u32(w, 0);
		wr_in6(w, &p->prefix.addr);
	}
	if (m->mtu) {
		wr_u8(w, OPT_MTU);
		wr_u8(w, 1);
		wr_u16(w, 0);
		wr_u32(w, m->mtu);
	}
}

size_t nd_encode(const struct nd_msg *m, uint8_t *bytes, size_t cap)
{
	struct wr w = wr_of(bytes, cap);

	ip6_write(&w, &m->src, &m->dst, ICMPV6, 0, ND_HOP_LIMIT);
	wr_u8(&w, (uint8_t)m->type);
	wr_u8(&w, 0);
	wr_u16(&w, 0);
	write_fixed(m, &w);
	write_lladdr(&w, OPT_SOURCE_LL, &m->source_ll);
	write_lladdr(&w, OPT_TARGET_LL, &m->target_ll);
	if (m->type == ND_RA)
		write_ra_options(m, &w);
	if (w.full)
		return 0;
	wr_set_u16(&w, PAYLOAD_LEN_AT, (uint16_t)(w.len - IP6_HDR_LEN));
	wr_set_u16(&w, CHECKSUM_AT,
		   cksum_ip6(&m->src, &m->dst, ICMPV6, w.base + IP6_HDR_LEN, w.len - IP6_HDR_LEN));
	return w.len;
}
