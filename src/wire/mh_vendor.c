/* SPDX-License-Identifier: BSD-2-Clause */
/* The Vendor Specific option (RFC 5094): ours by sub-type, those of others as they are. docs/vendor-options.md has the
 * layouts. */
#include "wire/mh_options.h"
#include "wire/mld.h"

#define DATA_MAX (255 - 5) /* behind the vendor and the sub-type */
#define ADDRESS_LEN sizeof(struct in6_addr)

/* Later versions may be longer: what version 1 knows stands first. */
static enum mh_err read_capabilities(struct mh_reader *d, struct rd *body)
{
	struct mh_capabilities *c = &d->m->capabilities;

	if (d->m->has & MH_HAS_CAPABILITIES)
		return MH_ERR_OPTION_TWICE;
	d->m->has |= MH_HAS_CAPABILITIES;
	c->version = rd_u8(body);
	c->roles = rd_u16(body);
	c->features = rd_u16(body);
	c->groups_max = rd_u16(body);
	rd_skip(body, rd_left(body));
	return MH_OK;
}

static void write_capabilities(const struct mh_msg *m, struct wr *w)
{
	wr_u8(w, m->capabilities.version);
	wr_u16(w, m->capabilities.roles);
	wr_u16(w, m->capabilities.features);
	wr_u16(w, m->capabilities.groups_max);
}

/* Addresses in our own options are always 16 octets, IPv4 mapped: that tells the family. */
static enum mh_err take_group(struct mh_msg *m, struct mh_records *run, struct mh_record *record, struct rd *body,
			      size_t n)
{
	record->proto = IN6_IS_ADDR_V4MAPPED(&record->group) ? MH_PROTO_IGMPV3 : MH_PROTO_MLDV2;
	return mh_take_record(m, run, record, ADDRESS_LEN, body, n);
}

static enum mh_err read_result(struct mh_reader *d, struct rd *body)
{
	enum mh_err err = MH_OK;

	d->m->has |= MH_HAS_RESULT;
	while (rd_left(body) && err == MH_OK) {
		struct mh_record record = { .result = rd_u8(body) };
		size_t n;

		record.type = rd_u8(body);
		n = rd_u16(body);
		record.group = rd_in6(body);
		if (body->bad)
			return MH_ERR_OPTION_LENGTH;
		err = take_group(d->m, &d->m->result, &record, body, n);
	}
	return err;
}

static size_t result_size(const struct mh_record *r)
{
	return 4 + (1 + (size_t)r->n) * ADDRESS_LEN;
}

static enum mh_err read_query(struct mh_reader *d, struct rd *body)
{
	enum mh_err err = MH_OK;

	d->m->has |= MH_HAS_QUERY;
	while (rd_left(body) && err == MH_OK) {
		struct mh_record record = { .type = MLD_MODE_IS_EXCLUDE, .group = rd_in6(body) };

		if (body->bad)
			return MH_ERR_OPTION_LENGTH;
		err = take_group(d->m, &d->m->query, &record, body, 0);
	}
	return err;
}

#define CONTEXT_VERSION 1
#define CONTEXT_HEAD 12
#define CONTEXT_ENTRY 24

/* Each of several begins with the same octets: the last one's count. A later version may say more behind the entries'
 * fixed part, so that only ours is read. */
static enum mh_err read_context_info(struct mh_reader *d, struct rd *body)
{
	uint8_t version = rd_u8(body);
	enum mh_err err = MH_OK;

	if (version != CONTEXT_VERSION) {
		rd_skip(body, rd_left(body));
		return MH_OK;
	}
	d->m->has |= MH_HAS_CONTEXT;
	d->m->context.delivery = rd_u8(body);
	rd_skip(body, 2);
	d->m->context.policy_version = rd_u64(body);
	while (rd_left(body) && err == MH_OK) {
		struct mh_record record = { .type = MLD_MODE_IS_EXCLUDE, .group = rd_in6(body) };

		record.origins = rd_u8(body);
		record.compat = rd_u8(body);
		rd_skip(body, 2);
		record.left_s = rd_u32(body);
		if (body->bad)
			return MH_ERR_OPTION_LENGTH;
		err = take_group(d->m, &d->m->described, &record, body, 0);
	}
	return err;
}

#define LABEL_ENTRY 20

static enum mh_err read_labels(struct mh_reader *d, struct rd *body)
{
	enum mh_err err = MH_OK;

	while (rd_left(body) && err == MH_OK) {
		struct mh_record record = { .type = MLD_MODE_IS_EXCLUDE, .group = rd_in6(body) };

		record.label = rd_u32(body) & MH_LABEL_MASK;
		if (body->bad)
			return MH_ERR_OPTION_LENGTH;
		err = take_group(d->m, &d->m->labels, &record, body, 0);
	}
	return err;
}

/* Labels come in several options; all else is said once. What a later version may say is nothing that we know. */
static enum mh_err read_mark(struct mh_reader *d, struct rd *body)
{
	uint8_t mark = rd_u8(body);

	if (body->bad)
		return MH_ERR_OPTION_LENGTH;
	if (mark < MH_MARK_JOIN || mark > MH_MARK_KEY) {
		rd_skip(body, rd_left(body));
		return MH_OK;
	}
	if ((d->m->has & MH_HAS_MARK) && (mark != MH_MARK_LABELS || d->m->mark != mark))
		return MH_ERR_OPTION_TWICE;
	d->m->has |= MH_HAS_MARK;
	d->m->mark = mark;
	if (mark == MH_MARK_LABELS)
		return read_labels(d, body);
	if (mark == MH_MARK_KEY)
		d->m->key = rd_u16(body) & MH_KEY_MAX;
	if (body->bad)
		return MH_ERR_OPTION_LENGTH;
	rd_skip(body, rd_left(body));
	return MH_OK;
}

/* Roles of one bit are all that can be told; others are of no use. */
static enum mh_err read_role(struct mh_reader *d, struct rd *body)
{
	if (d->m->has & MH_HAS_ROLE)
		return MH_ERR_OPTION_TWICE;
	d->m->has |= MH_HAS_ROLE;
	d->m->role = rd_u16(body);
	rd_skip(body, rd_left(body));
	return MH_OK;
}

static enum mh_err read_more(struct mh_reader *d, struct rd *body)
{
	d->m->has |= MH_HAS_MORE;
	if (!rd_left(body))
		return MH_OK;
	d->m->has |= MH_HAS_MORE_AFTER;
	d->m->more_after = rd_in6(body);
	d->m->more_source = addr_any;
	if (body->bad || !rd_left(body))
		return addr_is_multicast(&d->m->more_after) || body->bad ? MH_OK : MH_ERR_OPTION_VALUE;
	d->m->more_source = rd_in6(body);
	return body->bad || (addr_is_multicast(&d->m->more_after) && !addr_is_any(&d->m->more_source) &&
			     !addr_is_multicast(&d->m->more_source))
		       ? MH_OK
		       : MH_ERR_OPTION_VALUE;
}

/* More than there is room for are passed over, as one that knows none of them would. */
static enum mh_err keep_raw(struct mh_reader *d, uint32_t vendor, uint8_t subtype, struct rd *body)
{
	struct mh_msg *m = d->m;
	uint8_t len = (uint8_t)rd_left(body);
	const uint8_t *data = rd_bytes(body, len);

	if (m->n_vsm < MH_VSM_MAX)
		m->vsm[m->n_vsm++] =
			(struct mh_vsm_raw){ .vendor = vendor, .subtype = subtype, .len = len, .data = data };
	return MH_OK;
}

enum mh_err mh_read_vendor(struct mh_reader *d, struct rd *body)
{
	uint32_t vendor = rd_u32(body);
	uint8_t subtype = rd_u8(body);

	if (vendor != d->conf->pen)
		return keep_raw(d, vendor, subtype, body);
	switch (subtype) {
	case MH_VSM_CAPABILITIES:
		return read_capabilities(d, body);
	case MH_VSM_RESULT:
		return read_result(d, body);
	case MH_VSM_QUERY:
		return read_query(d, body);
	case MH_VSM_CONTEXT:
		return read_context_info(d, body);
	case MH_VSM_ROLE:
		return read_role(d, body);
	case MH_VSM_MARK:
		return read_mark(d, body);
	case MH_VSM_MORE:
		return read_more(d, body);
	default:
		return keep_raw(d, vendor, subtype, body);
	}
}

static size_t begin(struct mh_writer *e, uint32_t vendor, uint8_t subtype)
{
	size_t at = mh_option_begin(e, MH_OPT_VENDOR);

	wr_u32(&e->w, vendor);
	wr_u8(&e->w, subtype);
	return at;
}

static void write_results(struct mh_writer *e)
{
	const struct mh_msg *m = e->m;
	const struct mh_record *r = &m->records[m->result.first];
	size_t i = 0;

	do {
		size_t at = begin(e, e->conf->pen, MH_VSM_RESULT), size = 0;

		/* The first goes in whatever its size: the option's end refuses what is too long. */
		while (i < m->result.n && (size == 0 || size + result_size(r) <= DATA_MAX)) {
			wr_u8(&e->w, r->result);
			wr_u8(&e->w, r->type);
			wr_u16(&e->w, r->n);
			wr_in6(&e->w, &r->group);
			wr_copy(&e->w, &m->sources[r->first], r->n * ADDRESS_LEN);
			size += result_size(r);
			i++, r++;
		}
		mh_option_end(e, at);
	} while (i < m->result.n);
}

static void write_queries(struct mh_writer *e)
{
	const struct mh_msg *m = e->m;
	size_t i = 0;

	do {
		size_t at = begin(e, e->conf->pen, MH_VSM_QUERY);

		for (size_t k = 0; i < m->query.n && k < DATA_MAX / ADDRESS_LEN; k++)
			wr_in6(&e->w, &m->records[m->query.first + i++].group);
		mh_option_end(e, at);
	} while (i < m->query.n);
}

static void write_context_info(struct mh_writer *e)
{
	const struct mh_msg *m = e->m;
	size_t i = 0;

	do {
		size_t at = begin(e, e->conf->pen, MH_VSM_CONTEXT);

		wr_u8(&e->w, CONTEXT_VERSION);
		wr_u8(&e->w, m->context.delivery);
		wr_u16(&e->w, 0);
		wr_u64(&e->w, m->context.policy_version);
		for (size_t k = 0; i < m->described.n && k < (DATA_MAX - CONTEXT_HEAD) / CONTEXT_ENTRY; k++) {
			const struct mh_record *r = &m->records[m->described.first + i++];

			wr_in6(&e->w, &r->group);
			wr_u8(&e->w, r->origins);
			wr_u8(&e->w, r->compat);
			wr_u16(&e->w, 0);
			wr_u32(&e->w, r->left_s);
		}
		mh_option_end(e, at);
	} while (i < m->described.n);
}

static void write_role(struct mh_writer *e)
{
	size_t at = begin(e, e->conf->pen, MH_VSM_ROLE);

	wr_u16(&e->w, e->m->role);
	mh_option_end(e, at);
}

static void write_mark(struct mh_writer *e)
{
	const struct mh_msg *m = e->m;
	size_t i = 0;

	do {
		size_t at = begin(e, e->conf->pen, MH_VSM_MARK);

		wr_u8(&e->w, m->mark);
		if (m->mark == MH_MARK_KEY)
			wr_u16(&e->w, m->key);
		for (size_t k = 0; i < m->labels.n && k < (DATA_MAX - 1) / LABEL_ENTRY; k++) {
			const struct mh_record *r = &m->records[m->labels.first + i++];

			wr_in6(&e->w, &r->group);
			wr_u32(&e->w, r->label);
		}
		mh_option_end(e, at);
	} while (i < m->labels.n);
}

static void write_more(struct mh_writer *e)
{
	size_t at = begin(e, e->conf->pen, MH_VSM_MORE);

	if (e->m->has & MH_HAS_MORE_AFTER) {
		wr_in6(&e->w, &e->m->more_after);
		if (!addr_is_any(&e->m->more_source))
			wr_in6(&e->w, &e->m->more_source);
	}
	mh_option_end(e, at);
}

void mh_write_vendor(struct mh_writer *e, enum mh_option_type type)
{
	const struct mh_msg *m = e->m;

	(void)type;
	if (m->has & MH_HAS_CAPABILITIES) {
		size_t at = begin(e, e->conf->pen, MH_VSM_CAPABILITIES);

		write_capabilities(m, &e->w);
		mh_option_end(e, at);
	}
	if (m->has & MH_HAS_RESULT)
		write_results(e);
	if (m->has & MH_HAS_QUERY)
		write_queries(e);
	if (m->has & MH_HAS_CONTEXT)
		write_context_info(e);
	if (m->has & MH_HAS_ROLE)
		write_role(e);
	if (m->has & MH_HAS_MARK)
		write_mark(e);
	if (m->has & MH_HAS_MORE)
		write_more(e);
	for (size_t i = 0; i < m->n_vsm; i++) {
		size_t at = begin(e, m->vsm[i].vendor, m->vsm[i].subtype);

		wr_copy(&e->w, m->vsm[i].data, m->vsm[i].len);
		mh_option_end(e, at);
	}
}
