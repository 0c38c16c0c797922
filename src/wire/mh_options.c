/* SPDX-License-Identifier: BSD-2-Clause */
/* One row per mobility option: what lengths it may have, whether it may stand twice, where it is aligned, who reads
 * and who writes it. Readers get the body alone and fill the message; whether the body was long enough is tested after
 * them. */
#include "wire/mh_options.h"

#include <arpa/inet.h>
#include <string.h>

static enum mh_err read_refresh_advice(struct mh_reader *d, struct rd *body)
{
	d->m->refresh_advice_4s = rd_u16(body);
	return MH_OK;
}

static void write_refresh_advice(const struct mh_msg *m, struct wr *w)
{
	wr_u16(w, m->refresh_advice_4s);
}

static enum mh_err read_alt_coa(struct mh_reader *d, struct rd *body)
{
	d->m->alt_coa = rd_in6(body);
	return MH_OK;
}

static void write_alt_coa(const struct mh_msg *m, struct wr *w)
{
	wr_in6(w, &m->alt_coa);
}

/* An identifier of no octets, or not even a subtype, is an option that is there and names nobody: the LMA answers
 * MISSING_MN_ID with just such an option. */
static enum mh_err read_mn_id(struct mh_reader *d, struct rd *body)
{
	uint8_t subtype = rd_left(body) ? rd_u8(body) : MH_MNID_NAI;
	size_t n = rd_left(body);

	if (n > NAI_MAX)
		return MH_ERR_OPTION_LENGTH;
	if (subtype == 0 && n > 0) /* reserved */
		return MH_ERR_OPTION_VALUE;
	d->m->mn_id_subtype = subtype ? subtype : MH_MNID_NAI;
	d->m->mn_id = nai_of(rd_bytes(body, n), n);
	return MH_OK;
}

static void write_mn_id(const struct mh_msg *m, struct wr *w)
{
	wr_u8(w, m->mn_id_subtype ? m->mn_id_subtype : MH_MNID_NAI);
	wr_copy(w, m->mn_id.s, m->mn_id.len);
}

/* RFC 4285 5: MN-HA, and behind it perhaps MN-AAA, which is for others. */
static enum mh_err read_auth(struct mh_reader *d, struct rd *body)
{
	uint8_t subtype = rd_u8(body);

	if (d->m->auth_subtype) {
		rd_skip(body, rd_left(body));
		return subtype == 2 && d->m->auth_subtype == 1 ? MH_OK : MH_ERR_OPTION_TWICE;
	}
	if (subtype == 0)
		return MH_ERR_OPTION_VALUE;
	d->m->auth_subtype = subtype;
	d->m->auth_spi = rd_u32(body);
	d->m->auth_len = (uint8_t)rd_left(body);
	d->m->auth = rd_bytes(body, d->m->auth_len);
	d->m->auth_offset = (uint16_t)d->option_at;
	return MH_OK;
}

/* 4n+1, and of these the place from which the option ends the message: nothing may follow it, not even padding. */
static void write_all_auth(struct mh_writer *e, enum mh_option_type type)
{
	const struct mh_msg *m = e->m;
	size_t head = 7, at;

	if (!(m->has & MH_HAS_AUTH))
		return;
	if (m->auth_len % 4) {
		e->w.full = true;
		return;
	}
	mh_pad_to(&e->w, 8, (16 - (head + m->auth_len) % 8) % 8);
	at = mh_option_begin(e, type);
	wr_u8(&e->w, m->auth_subtype);
	wr_u32(&e->w, m->auth_spi);
	if (m->auth)
		wr_copy(&e->w, m->auth, m->auth_len);
	else
		wr_zero(&e->w, m->auth_len);
	mh_option_end(e, at);
}

static enum mh_err read_mesg_id(struct mh_reader *d, struct rd *body)
{
	d->m->mesg_id = rd_u64(body);
	return MH_OK;
}

static void write_mesg_id(const struct mh_msg *m, struct wr *w)
{
	wr_u64(w, m->mesg_id);
}

static enum mh_err read_service(struct mh_reader *d, struct rd *body)
{
	d->m->service_len = (uint8_t)rd_left(body);
	d->m->service = rd_bytes(body, d->m->service_len);
	return MH_OK;
}

static void write_service(const struct mh_msg *m, struct wr *w)
{
	wr_copy(w, m->service, m->service_len);
}

static enum mh_err read_hnp(struct mh_reader *d, struct rd *body)
{
	struct prefix *p = &d->m->hnp[d->m->n_hnp];

	if (d->m->n_hnp == MH_HNP_MAX)
		return MH_ERR_TOO_MANY;
	rd_u8(body); /* reserved */
	p->len = rd_u8(body);
	p->addr = rd_in6(body);
	/* RFC 5213 names no length for "assign me one": take any. */
	if (p->len > 128 && !addr_is_any(&p->addr))
		return MH_ERR_OPTION_VALUE;
	if (p->len > 128)
		p->len = 0;
	d->m->n_hnp++;
	return MH_OK;
}

static void write_all_hnp(struct mh_writer *e, enum mh_option_type type)
{
	for (size_t i = 0; i < e->m->n_hnp; i++) {
		size_t at = mh_option_begin(e, type);

		wr_u8(&e->w, 0);
		wr_u8(&e->w, e->m->hnp[i].len);
		wr_in6(&e->w, &e->m->hnp[i].addr);
		mh_option_end(e, at);
	}
}

static enum mh_err read_handoff(struct mh_reader *d, struct rd *body)
{
	rd_u8(body);
	d->m->handoff = rd_u8(body);
	return MH_OK;
}

static void write_handoff(const struct mh_msg *m, struct wr *w)
{
	wr_u8(w, 0);
	wr_u8(w, m->handoff);
}

static enum mh_err read_att(struct mh_reader *d, struct rd *body)
{
	rd_u8(body);
	d->m->att = rd_u8(body);
	return MH_OK;
}

static void write_att(const struct mh_msg *m, struct wr *w)
{
	wr_u8(w, 0);
	wr_u8(w, m->att);
}

static enum mh_err read_llid(struct mh_reader *d, struct rd *body)
{
	rd_u16(body);
	size_t n = rd_left(body);

	d->m->llid = lladdr_of(rd_bytes(body, n), n);
	return MH_OK;
}

static void write_llid(const struct mh_msg *m, struct wr *w)
{
	wr_u16(w, 0);
	wr_copy(w, m->llid.b, m->llid.len);
}

static enum mh_err read_link_local(struct mh_reader *d, struct rd *body)
{
	d->m->link_local = rd_in6(body);
	return MH_OK;
}

static void write_link_local(const struct mh_msg *m, struct wr *w)
{
	wr_in6(w, &m->link_local);
}

static enum mh_err read_timestamp(struct mh_reader *d, struct rd *body)
{
	d->m->timestamp = rd_u64(body);
	return MH_OK;
}

static void write_timestamp(const struct mh_msg *m, struct wr *w)
{
	wr_u64(w, m->timestamp);
}

static enum mh_err read_restart_counter(struct mh_reader *d, struct rd *body)
{
	d->m->restart_counter = rd_u32(body);
	return MH_OK;
}

static void write_restart_counter(const struct mh_msg *m, struct wr *w)
{
	wr_u32(w, m->restart_counter);
}

/* Length 2 says GRE without keys, 6 brings one. */
static enum mh_err read_gre_key(struct mh_reader *d, struct rd *body)
{
	rd_u16(body);
	d->m->gre_has_key = rd_left(body) > 0;
	if (d->m->gre_has_key)
		d->m->gre_key = rd_u32(body);
	return MH_OK;
}

static void write_gre_key(const struct mh_msg *m, struct wr *w)
{
	wr_u16(w, 0);
	if (m->gre_has_key)
		wr_u32(w, m->gre_key);
}

static enum mh_err read_context_request(struct mh_reader *d, struct rd *body)
{
	struct mh_msg *m = d->m;

	rd_u16(body);
	while (rd_left(body) && !body->bad) {
		uint8_t type = rd_u8(body), len = rd_u8(body);
		const uint8_t *data = rd_bytes(body, len);

		if (m->n_context_request == MH_CONTEXT_REQUEST_MAX)
			return MH_ERR_TOO_MANY;
		m->context_request[m->n_context_request].type = type;
		m->context_request[m->n_context_request].len = len;
		m->context_request[m->n_context_request++].data = data;
	}
	return MH_OK;
}

static void write_context_request(const struct mh_msg *m, struct wr *w)
{
	wr_u16(w, 0);
	for (size_t i = 0; i < m->n_context_request; i++) {
		wr_u8(w, m->context_request[i].type);
		wr_u8(w, m->context_request[i].len);
		wr_copy(w, m->context_request[i].data, m->context_request[i].len);
	}
}

enum lma_address_code { LMA_ADDRESS_IPV6 = 1, LMA_ADDRESS_IPV4 = 2 };

static enum mh_err read_lma_address(struct mh_reader *d, struct rd *body)
{
	uint8_t code = rd_u8(body);

	rd_u8(body);
	if (code == LMA_ADDRESS_IPV6) {
		d->m->lma_address = rd_in6(body);
	} else if (code == LMA_ADDRESS_IPV4) {
		d->m->lma_address = (struct in6_addr){ { { [10] = 0xff, 0xff } } };
		rd_copy(body, d->m->lma_address.s6_addr + 12, 4);
	} else {
		return MH_ERR_OPTION_VALUE;
	}
	return MH_OK;
}

static void write_lma_address(const struct mh_msg *m, struct wr *w)
{
	bool ipv4 = IN6_IS_ADDR_V4MAPPED(&m->lma_address);

	wr_u8(w, ipv4 ? LMA_ADDRESS_IPV4 : LMA_ADDRESS_IPV6);
	wr_u8(w, 0);
	if (ipv4)
		wr_copy(w, m->lma_address.s6_addr + 12, 4);
	else
		wr_in6(w, &m->lma_address);
}

/* A prefix length of 6 bits, 10 that are reserved, the address. */
static enum mh_err read_home_ipv4(struct mh_reader *d, struct rd *body)
{
	uint8_t len = rd_u16(body) >> 10;

	if (len > 32)
		return MH_ERR_OPTION_VALUE;
	d->m->home_ipv4_len = len;
	d->m->home_ipv4 = (struct in6_addr){ { { [10] = 0xff, 0xff } } };
	rd_copy(body, d->m->home_ipv4.s6_addr + 12, 4);
	return MH_OK;
}

static void write_home_ipv4(const struct mh_msg *m, struct wr *w)
{
	wr_u16(w, (uint16_t)((m->home_ipv4_len & 0x3f) << 10));
	wr_copy(w, m->home_ipv4.s6_addr + 12, 4);
}

static enum mh_err read_mn_iid(struct mh_reader *d, struct rd *body)
{
	rd_u16(body);
	rd_copy(body, d->m->mn_iid, sizeof(d->m->mn_iid));
	return MH_OK;
}

static void write_mn_iid(const struct mh_msg *m, struct wr *w)
{
	wr_u16(w, 0);
	wr_copy(w, m->mn_iid, sizeof(m->mn_iid));
}

static enum mh_err read_transient_binding(struct mh_reader *d, struct rd *body)
{
	d->m->transient_flags = rd_u8(body);
	d->m->transient_lifetime_100ms = rd_u8(body);
	return MH_OK;
}

static void write_transient_binding(const struct mh_msg *m, struct wr *w)
{
	wr_u8(w, m->transient_flags);
	wr_u8(w, m->transient_lifetime_100ms);
}

/* May stand once for each subtype; only bulk binding update (1) is defined. */
static enum mh_err read_group_id(struct mh_reader *d, struct rd *body)
{
	uint8_t subtype = rd_u8(body);

	rd_u8(body);
	if (subtype != 1) {
		rd_u32(body);
		return MH_OK;
	}
	if (d->m->has & MH_HAS_GROUP_ID)
		return MH_ERR_OPTION_TWICE;
	d->m->has |= MH_HAS_GROUP_ID;
	d->m->group_id = rd_u32(body);
	return MH_OK;
}

static void write_all_group_id(struct mh_writer *e, enum mh_option_type type)
{
	size_t at;

	if (!(e->m->has & MH_HAS_GROUP_ID))
		return;
	at = mh_option_begin(e, type);
	wr_u8(&e->w, 1);
	wr_u8(&e->w, 0);
	wr_u32(&e->w, e->m->group_id);
	mh_option_end(e, at);
}

static enum mh_err read_ani(struct mh_reader *d, struct rd *body)
{
	d->m->ani_len = (uint8_t)rd_left(body);
	d->m->ani = rd_bytes(body, d->m->ani_len);
	return MH_OK;
}

static void write_ani(const struct mh_msg *m, struct wr *w)
{
	wr_copy(w, m->ani, m->ani_len);
}

#define ONE(lo, hi, x, y, bit, name) \
	{ .min = (lo), .max = (hi), .align = (x), .offset = (y), .has = (bit), .read = read_##name, \
	  .write = write_##name }

static const struct mh_option options[MH_OPT_N] = {
	[MH_OPT_REFRESH_ADVICE] = ONE(2, 2, 2, 0, MH_HAS_REFRESH_ADVICE, refresh_advice),
	[MH_OPT_ALT_COA] = ONE(16, 16, 8, 6, MH_HAS_ALT_COA, alt_coa),
	[MH_OPT_MN_ID] = ONE(0, 255, 1, 0, MH_HAS_MN_ID, mn_id),
	[MH_OPT_AUTH] = { .min = 5, .max = 255, .repeats = true, .align = 4, .offset = 1, .place = MH_PLACE_LAST,
			  .has = MH_HAS_AUTH, .read = read_auth, .write_all = write_all_auth },
	[MH_OPT_MESG_ID] = ONE(8, 8, 8, 2, MH_HAS_MESG_ID, mesg_id),
	[MH_OPT_VENDOR] = { .min = 5, .max = 255, .repeats = true, .align = 4, .offset = 2, .read = mh_read_vendor,
			    .write_all = mh_write_vendor },
	[MH_OPT_SERVICE] = ONE(1, 255, 1, 0, MH_HAS_SERVICE, service),
	[MH_OPT_HNP] = { .min = 18, .max = 18, .repeats = true, .align = 8, .offset = 4, .read = read_hnp,
			 .write_all = write_all_hnp },
	[MH_OPT_HANDOFF] = ONE(2, 2, 1, 0, MH_HAS_HANDOFF, handoff),
	[MH_OPT_ATT] = ONE(2, 2, 1, 0, MH_HAS_ATT, att),
	[MH_OPT_LLID] = ONE(2, 2 + LLADDR_MAX, 4, 0, MH_HAS_LLID, llid),
	[MH_OPT_LINK_LOCAL] = ONE(16, 16, 8, 6, MH_HAS_LINK_LOCAL, link_local),
	[MH_OPT_TIMESTAMP] = ONE(8, 8, 8, 2, MH_HAS_TIMESTAMP, timestamp),
	[MH_OPT_RESTART_COUNTER] = ONE(4, 4, 4, 2, MH_HAS_RESTART_COUNTER, restart_counter),
	[MH_OPT_GRE_KEY] = ONE(2, 6, 4, 0, MH_HAS_GRE_KEY, gre_key),
	[MH_OPT_HOME_IPV4] = ONE(6, 6, 4, 0, MH_HAS_HOME_IPV4, home_ipv4),
	[MH_OPT_CONTEXT_REQUEST] = ONE(2, 255, 4, 0, MH_HAS_CONTEXT_REQUEST, context_request),
	[MH_OPT_LMA_ADDRESS] = ONE(6, 18, 4, 0, MH_HAS_LMA_ADDRESS, lma_address),
	[MH_OPT_MN_IID] = ONE(10, 10, 4, 0, MH_HAS_MN_IID, mn_iid),
	[MH_OPT_TRANSIENT_BINDING] = ONE(2, 2, 1, 0, MH_HAS_TRANSIENT_BINDING, transient_binding),
	[MH_OPT_GROUP_ID] = { .min = 6, .max = 6, .repeats = true, .align = 4, .read = read_group_id,
			      .write_all = write_all_group_id },
	[MH_OPT_ANI] = ONE(0, 255, 4, 0, MH_HAS_ANI, ani),
	[MH_OPT_SELECTOR] = { .min = 4, .max = 255, .repeats = true, .align = 4, .offset = 2, .has = MH_HAS_SELECTOR,
			      .read = mh_read_selector, .write_all = mh_write_selector },
	[MH_OPT_AMS_IPV4] = { .min = 5, .max = 255, .repeats = true, .align = 4, .offset = 1, .has = MH_HAS_AMS,
			      .read = mh_read_ams_ipv4 }, /* written with the other, in the order of the run */
	[MH_OPT_AMS] = { .min = 21, .max = 255, .repeats = true, .align = 8, .offset = 1, .has = MH_HAS_AMS,
			 .read = mh_read_ams, .write_all = mh_write_ams },
	[MH_OPT_MMO] = { .min = 1, .max = 255, .repeats = true, .words = true, .align = 4,
			 .place = MH_PLACE_BEFORE_AUTH, .has = MH_HAS_MMO, .read = mh_read_mmo,
			 .write_all = mh_write_mmo },
	[MH_OPT_MMA] = { .min = 1, .max = 255, .repeats = true, .words = true, .align = 4,
			 .place = MH_PLACE_BEFORE_AUTH, .has = MH_HAS_MMA, .read = mh_read_mma,
			 .write_all = mh_write_mma },
};

const struct mh_option *mh_option_of(uint8_t type)
{
	return type < MH_OPT_N && options[type].read ? &options[type] : NULL;
}

/* Identity first (RFC 4283 3.2 wants it before any authentication), what is mandatory, what is optional, the records;
 * last what must be last. */
enum mh_option_type mh_option_in_order(size_t i)
{
	static const uint8_t order[] = {
		MH_OPT_MN_ID,	    MH_OPT_HNP,		      MH_OPT_HANDOFF,	  MH_OPT_ATT,
		MH_OPT_TIMESTAMP,   MH_OPT_LLID,	      MH_OPT_LINK_LOCAL,  MH_OPT_REFRESH_ADVICE,
		MH_OPT_ALT_COA,	    MH_OPT_SERVICE,	      MH_OPT_GROUP_ID,	  MH_OPT_GRE_KEY,
		MH_OPT_LMA_ADDRESS, MH_OPT_MN_IID,	      MH_OPT_CONTEXT_REQUEST, MH_OPT_RESTART_COUNTER,
		MH_OPT_TRANSIENT_BINDING, MH_OPT_ANI,	      MH_OPT_SELECTOR,	  MH_OPT_AMS,
		MH_OPT_HOME_IPV4,   MH_OPT_VENDOR,	      MH_OPT_MESG_ID,	  MH_OPT_MMO,
		MH_OPT_MMA,	    MH_OPT_AUTH,
	};

	return i < sizeof(order) ? (enum mh_option_type)order[i] : MH_OPT_N;
}

void mh_pad_to(struct wr *w, size_t align, size_t offset)
{
	size_t pad = (offset - w->len) & (align - 1);

	if (pad == 1) {
		wr_u8(w, MH_OPT_PAD1);
	} else if (pad > 1) {
		wr_u8(w, MH_OPT_PADN);
		wr_u8(w, (uint8_t)(pad - 2));
		wr_zero(w, pad - 2);
	}
}

size_t mh_option_begin(struct mh_writer *e, enum mh_option_type type)
{
	size_t at;

	mh_pad_to(&e->w, options[type].align, options[type].offset);
	at = wr_mark(&e->w);
	wr_u8(&e->w, (uint8_t)type);
	wr_u8(&e->w, 0);
	return at;
}

void mh_option_end(struct mh_writer *e, size_t at)
{
	size_t len;

	if (e->w.full)
		return;
	len = wr_mark(&e->w) - at - 2;
	if (options[e->w.base[at]].words)
		len = (len - 2) / 4;
	if (len > UINT8_MAX)
		e->w.full = true;
	else
		wr_set_u8(&e->w, at + 1, (uint8_t)len);
}
