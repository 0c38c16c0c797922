/* SPDX-License-Identifier: BSD-2-Clause */
/* Multicast address records in options 54 (RFC 7028), 56 and 57 (RFC 7161), 60 and 61 (RFC 7411): a record of MLDv2
 * (RFC 3810 5.2.4) or of IGMPv3 (RFC 3376 4.2.4), or the bare group of the older versions. */
#include <string.h>

#include "wire/mh_options.h"
#include "wire/mld.h"

#define OPTION_MAX 255	      /* of the Length octet */
#define WORDS_MAX (255 * 4)   /* the same, in options 60 and 61, as octets */

/* Make `run` the last of the pool, so that it can grow: options that carry records may stand in any order. */
static void run_to_tail(struct mh_msg *m, struct mh_records *run)
{
	struct mh_records *const runs[] = { &m->selector, &m->ams,   &m->mmo,	     &m->mma,
					    &m->result,	  &m->query, &m->described, &m->labels };
	struct mh_record moved[MH_RECORDS_MAX];
	size_t end = (size_t)run->first + run->n, behind;

	if (run->n == 0)
		run->first = m->n_records;
	else if (end < m->n_records) {
		behind = m->n_records - end;
		memcpy(moved, m->records + run->first, run->n * sizeof(moved[0]));
		memmove(m->records + run->first, m->records + end, behind * sizeof(moved[0]));
		memcpy(m->records + run->first + behind, moved, run->n * sizeof(moved[0]));
		for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
			if (runs[i] != run && runs[i]->first >= end)
				runs[i]->first = (uint16_t)(runs[i]->first - run->n);
		run->first = (uint16_t)(run->first + behind);
	}
}

/* The caller has seen to it that there is room. */
static struct mh_record *append(struct mh_msg *m, struct mh_records *run, const struct mh_record *record, size_t n)
{
	struct mh_record *r;

	run_to_tail(m, run);
	r = &m->records[m->n_records++];
	run->n++;
	*r = *record;
	r->first = m->n_sources;
	r->n = (uint16_t)n;
	m->n_sources = (uint16_t)(m->n_sources + n);
	return r;
}

bool mh_add_record(struct mh_msg *m, struct mh_records *run, uint8_t proto, uint8_t type, const struct in6_addr *group,
		   const struct in6_addr *sources, size_t n, size_t per_record)
{
	struct mh_record record = { .proto = proto, .type = type, .group = *group };
	bool exclude = type == MLD_MODE_IS_EXCLUDE || type == MLD_CHANGE_TO_EXCLUDE;
	size_t n_records = 1, done = 0;

	if (n > per_record && exclude)
		n = per_record;
	else if (n > per_record && per_record == 0)
		return false;
	else if (n > per_record)
		n_records = (n + per_record - 1) / per_record;
	if (n > (size_t)MH_SOURCES_MAX - m->n_sources || n_records > (size_t)MH_RECORDS_MAX - m->n_records)
		return false;
	do {
		size_t part = n - done < per_record ? n - done : per_record;
		struct mh_record *r = append(m, run, &record, part);

		if (part)
			memcpy(m->sources + r->first, sources + done, part * sizeof(*sources));
		done += part;
	} while (done < n);
	return true;
}

static bool is_ipv4(const struct mh_record *r)
{
	return r->proto == MH_PROTO_IGMPV3 || r->proto == MH_PROTO_IGMPV2 || r->proto == MH_PROTO_IGMPV1;
}

/* On the wire, in the options of the RFCs. */
static size_t address_len_of(const struct mh_record *r)
{
	return is_ipv4(r) ? 4 : sizeof(struct in6_addr);
}

/* ---- reading ---- */

/* An IPv4 address stands as 4 octets in the options of the RFCs, and mapped in ours. */
static struct in6_addr read_address(struct rd *r, size_t address_len)
{
	struct in6_addr a = { { { [10] = 0xff, 0xff } } };

	if (address_len == sizeof(a))
		return rd_in6(r);
	rd_copy(r, a.s6_addr + 12, 4);
	return a;
}

static bool is_group(const struct in6_addr *a, bool ipv4)
{
	return ipv4 ? IN6_IS_ADDR_V4MAPPED(a) && (a->s6_addr[12] & 0xf0) == 0xe0 : addr_is_multicast(a);
}

static bool is_source(const struct in6_addr *a, bool ipv4)
{
	static const struct in6_addr none = { { { [10] = 0xff, 0xff } } };

	if (ipv4)
		return IN6_IS_ADDR_V4MAPPED(a) && !is_group(a, true) && !addr_eq(a, &none);
	return !addr_is_multicast(a) && !addr_is_any(a);
}

enum mh_err mh_take_record(struct mh_msg *m, struct mh_records *run, const struct mh_record *record, size_t address_len,
			   struct rd *sources, size_t n)
{
	bool ipv4 = is_ipv4(record);
	struct mh_record *r;

	if (!is_group(&record->group, ipv4))
		return MH_ERR_OPTION_VALUE;
	if (n * address_len > rd_left(sources))
		return MH_ERR_OPTION_LENGTH;
	if (m->n_records == MH_RECORDS_MAX || n > (size_t)MH_SOURCES_MAX - m->n_sources)
		return MH_ERR_TOO_MANY;
	r = append(m, run, record, n);
	for (size_t i = 0; i < n; i++) {
		struct in6_addr *a = &m->sources[r->first + i];

		*a = read_address(sources, address_len);
		if (!is_source(a, ipv4))
			return MH_ERR_OPTION_VALUE;
	}
	return MH_OK;
}

/* What a record says about state; 0: nothing. */
static uint8_t state_type(uint8_t type)
{
	switch (type) {
	case MLD_MODE_IS_INCLUDE:
	case MLD_CHANGE_TO_INCLUDE:
	case MLD_ALLOW_NEW_SOURCES:
		return MLD_MODE_IS_INCLUDE;
	case MLD_MODE_IS_EXCLUDE:
	case MLD_CHANGE_TO_EXCLUDE:
		return MLD_MODE_IS_EXCLUDE;
	default:
		return 0;
	}
}

/* One MLDv2 or IGMPv3 record. A type that is no state is skipped, alone (RFC 3810 5.2.12). */
static enum mh_err read_record(struct mh_reader *d, struct mh_records *run, struct rd *body, uint8_t proto, bool direct)
{
	struct mh_record record = { .proto = proto, .direct = direct };
	size_t address_len = address_len_of(&record);
	enum mh_err err = MH_OK;
	uint8_t aux_words;
	struct rd sources;
	size_t n;

	record.type = state_type(rd_u8(body));
	aux_words = rd_u8(body);
	n = rd_u16(body);
	record.group = read_address(body, address_len);
	sources = rd_sub(body, n * address_len);
	rd_skip(body, (size_t)aux_words * 4);
	if (body->bad)
		return MH_ERR_OPTION_LENGTH;
	if (record.type)
		err = mh_take_record(d->m, run, &record, address_len, &sources, n);
	return err;
}

/* One context as option 57, 56 and 54 hold it, by protocol. */
static enum mh_err read_context(struct mh_reader *d, struct mh_records *run, struct rd *body, uint8_t proto,
				bool direct)
{
	struct mh_record record = { .proto = proto, .type = MLD_MODE_IS_EXCLUDE, .direct = direct };
	struct rd none = rd_of(NULL, 0);

	if (proto == MH_PROTO_MLDV2 || proto == MH_PROTO_IGMPV3)
		return read_record(d, run, body, proto, direct);
	if (proto == MH_PROTO_MLDV1)
		rd_u32(body); /* reserved */
	record.group = read_address(body, address_len_of(&record));
	if (body->bad)
		return MH_ERR_OPTION_LENGTH;
	return mh_take_record(d->m, run, &record, address_len_of(&record), &none, 0);
}

static bool proto_known(uint8_t proto)
{
	return proto == MH_PROTO_MLDV2 || proto == MH_PROTO_MLDV1 || proto == MH_PROTO_IGMPV3 ||
	       proto == MH_PROTO_IGMPV2 || proto == MH_PROTO_IGMPV1;
}

enum mh_err mh_read_selector(struct mh_reader *d, struct rd *body)
{
	uint8_t proto = rd_u8(body);
	bool direct = rd_u8(body) & 0x80;
	uint16_t n = rd_u16(body);
	enum mh_err err = MH_OK;

	if (!proto_known(proto))
		return MH_ERR_OPTION_VALUE;
	for (; n > 0 && err == MH_OK; n--)
		err = read_context(d, &d->m->selector, body, proto, direct);
	return err;
}

enum mh_err mh_read_ams(struct mh_reader *d, struct rd *body)
{
	uint8_t proto = rd_u8(body);

	if (proto != MH_PROTO_MLDV2 && proto != MH_PROTO_MLDV1)
		return MH_ERR_OPTION_VALUE;
	return read_context(d, &d->m->ams, body, proto, false);
}

enum mh_err mh_read_ams_ipv4(struct mh_reader *d, struct rd *body)
{
	uint8_t proto = rd_u8(body);

	if (!proto_known(proto) || proto == MH_PROTO_MLDV2 || proto == MH_PROTO_MLDV1)
		return MH_ERR_OPTION_VALUE;
	return read_context(d, &d->m->ams, body, proto, false);
}

/* RFC 7411 5.3, option codes. */
enum mmo_code { MMO_IGMPV3 = 1, MMO_MLDV2 = 2, MMO_IGMPV3_FROM_V2 = 3, MMO_MLDV2_FROM_V1 = 4 };

static uint8_t proto_of_code(uint8_t code)
{
	switch (code) {
	case MMO_IGMPV3:
		return MH_PROTO_IGMPV3;
	case MMO_MLDV2:
		return MH_PROTO_MLDV2;
	case MMO_IGMPV3_FROM_V2:
		return MH_PROTO_IGMPV2;
	case MMO_MLDV2_FROM_V1:
		return MH_PROTO_MLDV1;
	default:
		return 0;
	}
}

static uint8_t code_of_proto(uint8_t proto)
{
	switch (proto) {
	case MH_PROTO_IGMPV3:
		return MMO_IGMPV3;
	case MH_PROTO_IGMPV2:
	case MH_PROTO_IGMPV1:
		return MMO_IGMPV3_FROM_V2;
	case MH_PROTO_MLDV1:
		return MMO_MLDV2_FROM_V1;
	default:
		return MMO_MLDV2;
	}
}

enum mh_err mh_read_mmo(struct mh_reader *d, struct rd *body)
{
	uint8_t code = rd_u8(body), proto = proto_of_code(code);
	enum mh_err err = MH_OK;
	uint16_t n;

	rd_u8(body);
	rd_u16(body);
	n = rd_u16(body);
	if (!proto)
		return MH_ERR_OPTION_VALUE;
	if (d->m->mmo.n == 0)
		d->m->mmo_code = code;
	for (; n > 0 && err == MH_OK; n--)
		err = read_record(d, &d->m->mmo, body, proto, false);
	return err;
}

/* The acknowledgement's code is always 0 and does not tell the family; the first octet of the group does. */
static uint8_t peek_proto(const struct rd *body)
{
	struct rd ahead = *body;

	rd_skip(&ahead, 4);
	return rd_u8(&ahead) == 0xff ? MH_PROTO_MLDV2 : MH_PROTO_IGMPV3;
}

enum mh_err mh_read_mma(struct mh_reader *d, struct rd *body)
{
	uint16_t before = d->m->mma.n, n;
	enum mh_err err = MH_OK;
	uint8_t status;

	rd_u8(body);
	status = rd_u8(body);
	rd_u16(body);
	n = rd_u16(body);
	if (!n)
		d->m->mma_status = status;
	for (; n > 0 && err == MH_OK; n--)
		err = read_record(d, &d->m->mma, body, peek_proto(body), false);
	for (; before < d->m->mma.n; before++)
		d->m->records[d->m->mma.first + before].result = status;
	return err;
}

/* ---- writing ---- */

static bool is_bare(const struct mh_record *r)
{
	return r->proto == MH_PROTO_MLDV1 || r->proto == MH_PROTO_IGMPV2 || r->proto == MH_PROTO_IGMPV1;
}

static size_t record_size(const struct mh_record *r)
{
	return 4 + (1 + (size_t)r->n) * address_len_of(r);
}

static size_t context_size(const struct mh_record *r)
{
	if (!is_bare(r))
		return record_size(r);
	return r->proto == MH_PROTO_MLDV1 ? 20 : 4;
}

static void write_address(struct wr *w, const struct in6_addr *a, bool ipv4)
{
	if (ipv4)
		wr_copy(w, a->s6_addr + 12, 4);
	else
		wr_in6(w, a);
}

static void write_record(const struct mh_msg *m, const struct mh_record *r, struct wr *w)
{
	bool ipv4 = is_ipv4(r);

	wr_u8(w, r->type);
	wr_u8(w, 0);
	wr_u16(w, r->n);
	write_address(w, &r->group, ipv4);
	for (size_t i = 0; i < r->n; i++)
		write_address(w, &m->sources[r->first + i], ipv4);
}

static void write_context(const struct mh_msg *m, const struct mh_record *r, struct wr *w)
{
	if (!is_bare(r)) {
		write_record(m, r, w);
		return;
	}
	if (r->proto == MH_PROTO_MLDV1)
		wr_u32(w, 0);
	write_address(w, &r->group, is_ipv4(r));
}

/* How many records of the run, from `i` on, go into one option: of one kind, and with `room` octets. At least one; the
 * option's end refuses what is too long even so. */
static size_t take_alike(const struct mh_msg *m, const struct mh_records *run, size_t i, size_t room, bool report,
			 bool any_version)
{
	const struct mh_record *first = &m->records[run->first + i], *r = first;
	size_t n = 0, size = 0;

	for (; i + n < run->n; n++, r++) {
		size += report ? record_size(r) : context_size(r);
		if (n > 0 && (size > room || r->direct != first->direct || is_ipv4(r) != is_ipv4(first)))
			break;
		if (r->result != first->result)
			break;
		if (r->proto != first->proto && !any_version)
			break;
	}
	return n;
}

void mh_write_selector(struct mh_writer *e, enum mh_option_type type)
{
	const struct mh_msg *m = e->m;
	const struct mh_records *run = &m->selector;
	size_t n, at;

	if (!(m->has & MH_HAS_SELECTOR))
		return;
	for (size_t i = 0; i < run->n; i += n) {
		const struct mh_record *r = &m->records[run->first + i];

		n = take_alike(m, run, i, OPTION_MAX - 4, false, false);
		at = mh_option_begin(e, type);
		wr_u8(&e->w, r->proto);
		wr_u8(&e->w, r->direct || m->selector_direct ? 0x80 : 0);
		wr_u16(&e->w, (uint16_t)n);
		for (size_t k = 0; k < n; k++)
			write_context(m, r + k, &e->w);
		mh_option_end(e, at);
	}
}

void mh_write_ams(struct mh_writer *e, enum mh_option_type type)
{
	const struct mh_msg *m = e->m;

	if (!(m->has & MH_HAS_AMS))
		return;
	for (size_t i = 0; i < m->ams.n; i++) {
		const struct mh_record *r = &m->records[m->ams.first + i];
		size_t at = mh_option_begin(e, is_ipv4(r) ? MH_OPT_AMS_IPV4 : type);

		wr_u8(&e->w, r->proto);
		write_context(m, r, &e->w);
		mh_option_end(e, at);
	}
}

/* The whole of option 60 or 61: a first octet, a second one, and a report's payload. */
static void write_report(struct mh_writer *e, enum mh_option_type type, uint8_t code, uint8_t status,
			 const struct mh_record *records, size_t n)
{
	size_t at = mh_option_begin(e, type);

	wr_u8(&e->w, code);
	wr_u8(&e->w, status);
	wr_u16(&e->w, 0);
	wr_u16(&e->w, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		write_record(e->m, records + i, &e->w);
	mh_option_end(e, at);
}

void mh_write_mmo(struct mh_writer *e, enum mh_option_type type)
{
	const struct mh_msg *m = e->m;
	size_t n;

	if (!(m->has & MH_HAS_MMO))
		return;
	if (m->mmo.n == 0)
		write_report(e, type, m->mmo_code ? m->mmo_code : MMO_MLDV2, 0, NULL, 0);
	for (size_t i = 0; i < m->mmo.n; i += n) {
		const struct mh_record *r = &m->records[m->mmo.first + i];

		n = take_alike(m, &m->mmo, i, WORDS_MAX - 4, true, false);
		write_report(e, type, code_of_proto(r->proto), 0, r, n);
	}
}

void mh_write_mma(struct mh_writer *e, enum mh_option_type type)
{
	const struct mh_msg *m = e->m;
	size_t n;

	if (!(m->has & MH_HAS_MMA))
		return;
	for (size_t i = 0; i < m->mma.n; i += n) {
		const struct mh_record *r = &m->records[m->mma.first + i];

		n = take_alike(m, &m->mma, i, WORDS_MAX - 4, true, true);
		write_report(e, type, 0, r->result, r, n);
	}
	if (m->mma.n == 0 || m->mma_status)
		write_report(e, type, 0, m->mma_status, NULL, 0);
}
