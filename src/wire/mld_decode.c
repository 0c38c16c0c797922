/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks of MLD packets and the walk over what passed them: RFC 2710 3, RFC 3810 5.1, 5.2, 6.2, 7.4, 7.6 and
 * RFC 3590 4. */
#include "wire/mld.h"

#include <string.h>

#include "base/cksum.h"
#include "base/rd.h"
#include "wire/ip6.h"

#define ICMPV6 58
#define V1_LEN 24
#define V2_QUERY_LEN 28
#define V2_REPORT_LEN 8

static const char *const err_names[MLD_ERR_N] = {
	[MLD_OK] = "ok",
	[MLD_ERR_SHORT] = "short",
	[MLD_ERR_NOT_MLD] = "not-mld",
	[MLD_ERR_HOP_LIMIT] = "hop-limit",
	[MLD_ERR_ROUTER_ALERT] = "router-alert",
	[MLD_ERR_CHECKSUM] = "checksum",
	[MLD_ERR_SOURCE] = "source",
	[MLD_ERR_SOURCE_UNSPECIFIED] = "source-unspecified",
	[MLD_ERR_DESTINATION] = "destination",
	[MLD_ERR_LENGTH] = "length",
	[MLD_ERR_GROUP] = "group",
	[MLD_ERR_SOURCE_LIST] = "source-list",
};

const char *mld_err_name(enum mld_err e)
{
	return (unsigned int)e < MLD_ERR_N ? err_names[e] : "?";
}

const char *mld_record_name(uint8_t type)
{
	static const char *const names[] = {
		[MLD_MODE_IS_INCLUDE] = "IS_IN",   [MLD_MODE_IS_EXCLUDE] = "IS_EX",
		[MLD_CHANGE_TO_INCLUDE] = "TO_IN", [MLD_CHANGE_TO_EXCLUDE] = "TO_EX",
		[MLD_ALLOW_NEW_SOURCES] = "ALLOW", [MLD_BLOCK_OLD_SOURCES] = "BLOCK",
	};

	return type >= MLD_MODE_IS_INCLUDE && type <= MLD_BLOCK_OLD_SOURCES ? names[type] : "?";
}

struct in6_addr mld_source(const uint8_t *sources, size_t i)
{
	struct in6_addr a;

	memcpy(&a, sources + i * sizeof(a), sizeof(a));
	return a;
}

/* Scope 0 is reserved, and no message is ever sent about it (RFC 3810 6). */
static bool is_group(const struct in6_addr *a)
{
	return addr_is_multicast(a) && (a->s6_addr[1] & 0x0f) != 0;
}

static bool are_sources(const uint8_t *sources, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct in6_addr a = mld_source(sources, i);

		if (addr_is_multicast(&a) || addr_is_any(&a))
			return false;
	}
	return true;
}

/* Where it may be sent: RFC 3810 5.1.15 and 5.2.14 have a node accept every address that it has on that interface. */
static bool is_destination(const struct in6_addr *dst, const struct in6_addr *group)
{
	return !addr_is_multicast(dst) || (group && addr_eq(dst, group)) || addr_eq(dst, &addr_all_nodes) ||
	       addr_eq(dst, &addr_all_routers) || addr_eq(dst, &addr_all_mldv2_routers);
}

/* Behind type, code and checksum. The version is told by the length (RFC 3810 8.1). */
static enum mld_err read_query(struct rd *r, struct mld_packet *p)
{
	struct mld_query *q = &p->query;
	size_t len = 4 + rd_left(r);
	uint16_t code = rd_u16(r);
	uint8_t flags;

	rd_u16(r);
	q->group = rd_in6(r);
	if (len < V1_LEN || (len > V1_LEN && len < V2_QUERY_LEN))
		return MLD_ERR_LENGTH;
	q->version = len == V1_LEN ? 1 : 2;
	q->max_resp = span_ms(q->version == 1 ? code : mld_ms_of_code(code));
	if (q->version == 2) {
		flags = rd_u8(r);
		q->suppress = flags & 0x08;
		q->qrv = flags & 0x07;
		q->qqi = span_s(mld_s_of_qqic(rd_u8(r)));
		q->n = rd_u16(r);
		q->sources = rd_bytes(r, (size_t)q->n * sizeof(struct in6_addr));
	}
	if (r->bad)
		return MLD_ERR_LENGTH;
	if (!addr_is_any(&q->group) && !is_group(&q->group))
		return MLD_ERR_GROUP;
	if (q->n && (addr_is_any(&q->group) || !are_sources(q->sources, q->n)))
		return MLD_ERR_SOURCE_LIST; /* a General Query has none */
	return is_destination(&p->dst, &q->group) ? MLD_OK : MLD_ERR_DESTINATION;
}

static enum mld_err read_v1(struct rd *r, struct mld_packet *p)
{
	rd_u32(r); /* Maximum Response Delay, 0; reserved */
	p->group = rd_in6(r);
	if (r->bad)
		return MLD_ERR_LENGTH;
	if (!is_group(&p->group))
		return MLD_ERR_GROUP;
	return is_destination(&p->dst, &p->group) ? MLD_OK : MLD_ERR_DESTINATION;
}

/* One record whole, auxiliary data and all. The reader is bad if it is not there. */
static struct mld_record read_record(struct rd *r)
{
	struct mld_record record = { .type = rd_u8(r) };
	uint8_t aux_words = rd_u8(r);

	record.n = rd_u16(r);
	record.group = rd_in6(r);
	record.sources = rd_bytes(r, (size_t)record.n * sizeof(struct in6_addr));
	rd_skip(r, (size_t)aux_words * 4);
	return record;
}

static bool is_known(uint8_t record_type)
{
	return record_type >= MLD_MODE_IS_INCLUDE && record_type <= MLD_BLOCK_OLD_SOURCES;
}

/* What stands behind the last record is in the checksum and else ignored (RFC 3810 5.2.11). */
static enum mld_err read_report(struct rd *r, struct mld_packet *p)
{
	size_t left;

	rd_u16(r);
	p->n_records = rd_u16(r);
	if (r->bad)
		return MLD_ERR_LENGTH;
	left = rd_left(r);
	p->records = rd_bytes(r, 0);
	for (size_t i = 0; i < p->n_records; i++) {
		struct mld_record record = read_record(r);

		if (r->bad)
			return MLD_ERR_LENGTH;
		if (!is_known(record.type)) {
			p->unknown_records++;
			continue;
		}
		if (!is_group(&record.group))
			return MLD_ERR_GROUP;
		if (!are_sources(record.sources, record.n))
			return MLD_ERR_SOURCE_LIST;
	}
	p->records_len = left - rd_left(r);
	return is_destination(&p->dst, NULL) ? MLD_OK : MLD_ERR_DESTINATION;
}

bool mld_next_record(const struct mld_packet *p, size_t *cursor, struct mld_record *ret)
{
	struct rd r = rd_of(p->records, p->records_len);

	rd_skip(&r, *cursor);
	while (rd_left(&r)) {
		struct mld_record record = read_record(&r);

		*cursor = rd_offset(&r);
		if (r.bad)
			return false;
		if (is_known(record.type)) {
			*ret = record;
			return true;
		}
	}
	return false;
}

static bool is_mld(uint8_t type)
{
	return type == MLD_QUERY || type == MLD_V1_REPORT || type == MLD_V1_DONE || type == MLD_V2_REPORT;
}

/* What is asked of every message alike: RFC 3810 5, 6.2, 7.4, and RFC 3590 for the source. */
static enum mld_err check_packet(const struct ip6_view *v, uint8_t type)
{
	if (v->hop_limit != 1)
		return MLD_ERR_HOP_LIMIT;
	if (!v->router_alert)
		return MLD_ERR_ROUTER_ALERT;
	if (v->payload_len < 4)
		return MLD_ERR_SHORT;
	if (cksum_ip6(&v->src, &v->dst, ICMPV6, v->payload, v->payload_len) != 0)
		return MLD_ERR_CHECKSUM;
	if (addr_is_any(&v->src) && type != MLD_QUERY)
		return MLD_ERR_SOURCE_UNSPECIFIED;
	return addr_is_link_local(&v->src) ? MLD_OK : MLD_ERR_SOURCE;
}

bool mld_query_from(const uint8_t *bytes, size_t len, struct in6_addr *ret)
{
	struct ip6_view v;
	struct rd r;

	if (!ip6_parse(bytes, len, &v) || v.next_header != ICMPV6 || v.fragment)
		return false;
	r = rd_of(v.payload, v.payload_len);
	if (rd_u8(&r) != MLD_QUERY || r.bad)
		return false;
	*ret = v.src;
	return true;
}

enum mld_err mld_decode(const uint8_t *bytes, size_t len, struct mld_packet *ret)
{
	struct mld_packet p = { 0 };
	enum mld_err err;
	struct ip6_view v;
	struct rd r;
	uint8_t type;

	if (!ip6_parse(bytes, len, &v))
		return MLD_ERR_SHORT;
	r = rd_of(v.payload, v.payload_len);
	type = rd_u8(&r);
	if (v.next_header != ICMPV6 || v.fragment || (!r.bad && !is_mld(type)))
		return MLD_ERR_NOT_MLD;
	err = check_packet(&v, type);
	if (err)
		return err;
	rd_skip(&r, 3); /* code, which is ignored, and the checksum */
	p.type = (enum mld_type)type;
	p.src = v.src;
	p.dst = v.dst;
	switch (p.type) {
	case MLD_QUERY:
		err = read_query(&r, &p);
		break;
	case MLD_V1_REPORT:
	case MLD_V1_DONE:
		err = read_v1(&r, &p);
		break;
	case MLD_V2_REPORT:
		err = read_report(&r, &p);
		break;
	}
	if (err)
		return err;
	*ret = p;
	return MLD_OK;
}
