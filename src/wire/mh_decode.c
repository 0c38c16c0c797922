/* SPDX-License-Identifier: BSD-2-Clause */
/* A Mobility Header (RFC 6275 6.1): the header, the fixed part of its type, the options one by one. All is read into a
 * message on the stack, which becomes the caller's only if nothing was wrong with any of it. */
#include "wire/mh_options.h"

#include <stddef.h>
#include <string.h>

#include "base/cksum.h"

#define MH_HDR_LEN 6	    /* in front of the message data */
#define NO_NEXT_HEADER 59

/* Up to the options; 0: not a type we know. */
static size_t fixed_len(uint8_t type)
{
	static const uint8_t len[] = {
		[MH_BU] = 12,	      [MH_BA] = 12,  [MH_BE] = 24,	    [MH_HEARTBEAT] = 12,
		[MH_HI] = 10,	      [MH_HACK] = 10, [MH_REVOCATION] = 12, [MH_UPN] = 12,
		[MH_UPA] = 12,	      [MH_SUBSCRIPTION_QUERY] = 8,	    [MH_SUBSCRIPTION_RESPONSE] = 8,
	};

	return type < sizeof(len) ? len[type] : 0;
}

/* The checks of RFC 6275 9.2, in its order. *ret is the length by the header's own account. */
static enum mh_err check_header(const uint8_t *bytes, size_t len, const struct in6_addr *src,
				const struct in6_addr *dst, size_t *ret)
{
	struct rd r = rd_of(bytes, len);
	uint8_t proto = rd_u8(&r);
	size_t hdr_len = ((size_t)rd_u8(&r) + 1) * 8;
	uint8_t type = rd_u8(&r);

	if (len < 8 || len < hdr_len)
		return MH_ERR_SHORT;
	if (src && cksum_ip6(src, dst, MH_NEXT_HEADER, bytes, len) != 0)
		return MH_ERR_CHECKSUM;
	if (fixed_len(type) == 0)
		return MH_ERR_TYPE;
	if (proto != NO_NEXT_HEADER)
		return MH_ERR_PAYLOAD_PROTO;
	if (hdr_len < fixed_len(type))
		return MH_ERR_HEADER_LEN;
	*ret = hdr_len;
	return MH_OK;
}

bool mh_problem(const uint8_t *bytes, size_t len, const struct in6_addr *src, const struct in6_addr *dst,
		size_t *pointer)
{
	struct rd r = rd_of(bytes, len);
	uint8_t proto = rd_u8(&r);
	size_t hdr_len = ((size_t)rd_u8(&r) + 1) * 8;
	enum mh_err err;

	if (proto == NO_NEXT_HEADER && hdr_len >= fixed_len(rd_u8(&r)))
		return false;
	err = check_header(bytes, len, src, dst, &hdr_len);
	if (err != MH_ERR_PAYLOAD_PROTO && err != MH_ERR_HEADER_LEN)
		return false;
	*pointer = err == MH_ERR_HEADER_LEN;
	return true;
}

static void read_binding(struct mh_msg *m, struct rd *r)
{
	if (m->type == MH_BU) {
		m->seq = rd_u16(r);
		m->flags = rd_u16(r);
	} else {
		m->status = rd_u8(r);
		m->flags = rd_u8(r);
		m->seq = rd_u16(r);
	}
	m->lifetime_4s = rd_u16(r);
}

static void read_revocation(struct mh_msg *m, struct rd *r)
{
	m->revocation = rd_u8(r);
	if (m->revocation == MH_BRI)
		m->trigger = rd_u8(r);
	else
		m->status = rd_u8(r);
	m->seq = rd_u16(r);
	m->flags = rd_u16(r);
}

/* The message data in front of the options. Never more than fixed_len(). */
static void read_fixed(struct mh_msg *m, struct rd *r)
{
	switch (m->type) {
	case MH_BU:
	case MH_BA:
		read_binding(m, r);
		break;
	case MH_BE:
		m->status = rd_u8(r);
		rd_u8(r);
		m->home = rd_in6(r);
		break;
	case MH_HEARTBEAT:
		m->flags = rd_u16(r);
		m->heartbeat_seq = rd_u32(r);
		break;
	case MH_HI:
	case MH_HACK:
		m->seq = rd_u16(r);
		m->flags = rd_u8(r);
		m->status = rd_u8(r);
		break;
	case MH_REVOCATION:
		read_revocation(m, r);
		break;
	case MH_UPN:
		m->seq = rd_u16(r);
		m->reason = rd_u16(r);
		m->flags = rd_u16(r);
		break;
	case MH_UPA:
		m->seq = rd_u16(r);
		m->status = rd_u8(r);
		rd_skip(r, 3);
		break;
	case MH_SUBSCRIPTION_QUERY:
		m->seq = rd_u8(r);
		rd_u8(r);
		break;
	case MH_SUBSCRIPTION_RESPONSE:
		m->seq = rd_u8(r);
		m->flags = rd_u8(r);
		break;
	}
}

static enum mh_err read_option(struct mh_reader *d, const struct mh_option *o, uint8_t len, struct rd *body)
{
	enum mh_err err;

	if (len < o->min || len > o->max)
		return MH_ERR_OPTION_LENGTH;
	if (!o->repeats && (d->m->has & o->has))
		return MH_ERR_OPTION_TWICE;
	d->m->has |= o->has;
	err = o->read(d, body);
	/* What a reader finds wrong with zeros that it was given past the end is wrong with the length. */
	if (body->bad)
		return MH_ERR_OPTION_LENGTH;
	if (err == MH_OK && rd_left(body))
		return MH_ERR_OPTION_LENGTH;
	return err;
}

static enum mh_err read_options(struct mh_reader *d, struct rd *r)
{
	enum mh_option_place place = MH_PLACE_ANY;

	while (rd_left(r)) {
		const struct mh_option *o;
		enum mh_option_place here;
		enum mh_err err;
		struct rd body;
		uint8_t type, len;

		d->option_at = rd_offset(r);
		type = rd_u8(r);
		if (type == MH_OPT_PAD1)
			continue;
		len = rd_u8(r);
		o = mh_option_of(type);
		body = rd_sub(r, o && o->words ? 2 + (size_t)len * 4 : len);
		if (r->bad)
			return MH_ERR_OPTION_LENGTH;
		if (type == MH_OPT_PADN)
			continue;
		here = o ? o->place : MH_PLACE_ANY;
		if (here < place)
			return MH_ERR_OPTION_PLACE;
		place = here;
		if (!o)
			continue;
		err = read_option(d, o, len, &body);
		if (err)
			return err;
	}
	return MH_OK;
}

/* Options that say something by their records alone say nothing if all of these were left out. */
static void sum_up_records(struct mh_msg *m)
{
	if (m->ams.n == 0)
		m->has &= ~(uint32_t)MH_HAS_AMS;
	if (m->selector.n == 0)
		m->has &= ~(uint32_t)MH_HAS_SELECTOR;
	m->selector_direct = m->selector.n > 0;
	for (size_t i = 0; i < m->selector.n; i++)
		m->selector_direct &= m->records[m->selector.first + i].direct;
}

/* A message is mostly room for records: copy what is used. */
static void hand_over(const struct mh_msg *m, struct mh_msg *ret)
{
	memcpy(ret, m, offsetof(struct mh_msg, records));
	memcpy(ret->records, m->records, m->n_records * sizeof(m->records[0]));
	memcpy(ret->sources, m->sources, m->n_sources * sizeof(m->sources[0]));
}

bool mh_glance(const uint8_t *bytes, size_t len, struct mh_glance *ret)
{
	struct rd r = rd_of(bytes, len), body;
	struct mh_glance g = {0};
	bool prefix = false;

	rd_skip(&r, 2);
	if (rd_u8(&r) != MH_BU)
		return false;
	rd_skip(&r, fixed_len(MH_BU) - 3);
	while (rd_left(&r) && !(g.mn_id && prefix)) {
		uint8_t type = rd_u8(&r);

		if (type == MH_OPT_PAD1)
			continue;
		body = rd_sub(&r, rd_u8(&r));
		if (type == MH_OPT_MN_ID && rd_left(&body)) {
			rd_skip(&body, 1);
			g.mn_id_len = (uint8_t)rd_left(&body);
			g.mn_id = rd_bytes(&body, g.mn_id_len);
		} else if (type == MH_OPT_HNP && !prefix) {
			prefix = true;
			rd_skip(&body, 1);
			g.hnp.len = rd_u8(&body);
			g.hnp.addr = rd_in6(&body);
			if (body.bad || g.hnp.len > 128 || addr_is_any(&g.hnp.addr))
				g.hnp.len = 0;
		}
	}
	if (!g.mn_id)
		return false;
	*ret = g;
	return true;
}

enum mh_err mh_decode(const struct mh_conf *conf, const uint8_t *bytes, size_t len, const struct in6_addr *src,
		      const struct in6_addr *dst, struct mh_msg *ret)
{
	struct mh_msg m;
	struct mh_reader d = { .conf = conf, .m = &m };
	enum mh_err err;
	size_t mh_len;
	struct rd r;

	err = check_header(bytes, len, src, dst, &mh_len);
	if (err)
		return err;
	r = rd_of(bytes, mh_len);
	rd_skip(&r, 2);
	mh_init(&m, (enum mh_type)rd_u8(&r));
	rd_skip(&r, MH_HDR_LEN - 3);
	read_fixed(&m, &r);
	err = read_options(&d, &r);
	if (err)
		return err;
	sum_up_records(&m);
	hand_over(&m, ret);
	return MH_OK;
}
