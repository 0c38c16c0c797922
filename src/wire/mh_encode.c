/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages to octets: the fixed part, the options in the table's order, padding to 8 octets, length and checksum. */
#include "wire/mh_options.h"

#include <string.h>

#include "base/cksum.h"

#define CHECKSUM_AT 4
#define NO_NEXT_HEADER 59

static void write_binding(const struct mh_msg *m, struct wr *w)
{
	if (m->type == MH_BU) {
		wr_u16(w, m->seq);
		wr_u16(w, m->flags);
	} else {
		wr_u8(w, m->status);
		wr_u8(w, (uint8_t)m->flags);
		wr_u16(w, m->seq);
	}
	wr_u16(w, m->lifetime_4s);
}

static void write_fixed(const struct mh_msg *m, struct wr *w)
{
	switch (m->type) {
	case MH_BU:
	case MH_BA:
		write_binding(m, w);
		break;
	case MH_BE:
		wr_u8(w, m->status);
		wr_u8(w, 0);
		wr_in6(w, &m->home);
		break;
	case MH_HEARTBEAT:
		wr_u16(w, m->flags);
		wr_u32(w, m->heartbeat_seq);
		break;
	case MH_HI:
	case MH_HACK:
		wr_u16(w, m->seq);
		wr_u8(w, (uint8_t)m->flags);
		wr_u8(w, m->status);
		break;
	case MH_REVOCATION:
		wr_u8(w, m->revocation);
		wr_u8(w, m->revocation == MH_BRI ? m->trigger : m->status);
		wr_u16(w, m->seq);
		wr_u16(w, m->flags);
		break;
	case MH_UPN:
		wr_u16(w, m->seq);
		wr_u16(w, m->reason);
		wr_u16(w, m->flags);
		break;
	case MH_UPA:
		wr_u16(w, m->seq);
		wr_u8(w, m->status);
		wr_zero(w, 3);
		break;
	case MH_SUBSCRIPTION_QUERY:
		wr_u8(w, (uint8_t)m->seq);
		wr_u8(w, 0);
		break;
	case MH_SUBSCRIPTION_RESPONSE:
		wr_u8(w, (uint8_t)m->seq);
		wr_u8(w, (uint8_t)m->flags);
		break;
	}
}

static void write_options(struct mh_writer *e)
{
	enum mh_option_type type;

	for (size_t i = 0; (type = mh_option_in_order(i)) != MH_OPT_N; i++) {
		const struct mh_option *o = mh_option_of((uint8_t)type);
		size_t at;

		if (o->write_all) {
			o->write_all(e, type);
		} else if (e->m->has & o->has) {
			at = mh_option_begin(e, type);
			o->write(e->m, &e->w);
			mh_option_end(e, at);
		}
	}
}

static void put_checksum(struct wr *w, const struct in6_addr *src, const struct in6_addr *dst)
{
	wr_set_u16(w, CHECKSUM_AT, 0);
	if (src)
		wr_set_u16(w, CHECKSUM_AT, cksum_ip6(src, dst, MH_NEXT_HEADER, w->base, w->len));
}

size_t mh_encode(const struct mh_conf *conf, const struct mh_msg *m, const struct in6_addr *src,
		 const struct in6_addr *dst, uint8_t *bytes, size_t cap)
{
	struct mh_writer e = { .conf = conf, .m = m, .w = wr_of(bytes, cap < MH_LEN_MAX ? cap : MH_LEN_MAX) };

	wr_u8(&e.w, NO_NEXT_HEADER);
	wr_u8(&e.w, 0); /* Header Len, when it is known */
	wr_u8(&e.w, (uint8_t)m->type);
	wr_u8(&e.w, 0);
	wr_u16(&e.w, 0); /* Checksum, likewise */
	write_fixed(m, &e.w);
	write_options(&e);
	mh_pad_to(&e.w, 8, 0);
	if (e.w.full)
		return 0;
	wr_set_u8(&e.w, 1, (uint8_t)(e.w.len / 8 - 1));
	put_checksum(&e.w, src, dst);
	return e.w.len;
}

bool mh_set_auth(uint8_t *bytes, size_t len, const uint8_t *auth, size_t auth_len, const struct in6_addr *src,
		 const struct in6_addr *dst)
{
	struct wr w = wr_of(bytes, len);

	if (len < 8 || auth_len > len - 8)
		return false;
	w.len = len - auth_len;
	wr_copy(&w, auth, auth_len);
	put_checksum(&w, src, dst);
	return true;
}
