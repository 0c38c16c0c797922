/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* MLDv1 (RFC 2710) and MLDv2 (RFC 3810) messages, whole IPv6 packets with their Hop-by-Hop Router Alert. */
#include "base/addr.h"
#include "base/time.h"

enum mld_type {
	MLD_QUERY = 130,
	MLD_V1_REPORT = 131,
	MLD_V1_DONE = 132,
	MLD_V2_REPORT = 143,
};

enum mld_record_type {
	MLD_MODE_IS_INCLUDE = 1,
	MLD_MODE_IS_EXCLUDE = 2,
	MLD_CHANGE_TO_INCLUDE = 3,
	MLD_CHANGE_TO_EXCLUDE = 4,
	MLD_ALLOW_NEW_SOURCES = 5,
	MLD_BLOCK_OLD_SOURCES = 6,
};
const char *mld_record_name(uint8_t type);

/* Why a packet was refused (before any state is touched). Each has a name, which is also its counter. */
enum mld_err {
	MLD_OK = 0,
	MLD_ERR_SHORT,
	MLD_ERR_NOT_MLD,	/* not ICMPv6, or another ICMPv6 type: not an error of the sender */
	MLD_ERR_HOP_LIMIT,	/* not 1 */
	MLD_ERR_ROUTER_ALERT,	/* absent, or not of value 0 */
	MLD_ERR_CHECKSUM,
	MLD_ERR_SOURCE,		/* not link-local; for reports :: has its own */
	MLD_ERR_SOURCE_UNSPECIFIED, /* report from :: (RFC 3590): a router drops it */
	MLD_ERR_DESTINATION,	/* not where such a message is sent */
	MLD_ERR_LENGTH,		/* query of a length between v1 and v2, or counts beyond the end */
	MLD_ERR_GROUP,		/* not multicast, or scope 0 */
	MLD_ERR_SOURCE_LIST,	/* multicast or unspecified address among the sources */
	MLD_ERR_N
};
const char *mld_err_name(enum mld_err e);

struct mld_record {
	uint8_t type; /* enum mld_record_type; unknown types are left out by the decoder and counted */
	struct in6_addr group;
	uint16_t n;
	const uint8_t *sources; /* n * 16 octets in the packet: mld_source() */
};
struct in6_addr mld_source(const uint8_t *sources, size_t i);

struct mld_query {
	uint8_t version; /* 1 or 2 */
	struct in6_addr group; /* :: = general */
	span_t max_resp;
	bool suppress; /* S */
	uint8_t qrv;
	span_t qqi;
	uint16_t n;
	const uint8_t *sources;
};

/* A decoded packet: a query, a v1 message, or a v2 report whose records are walked one by one (a report may hold more
 * than memory should). The walk cannot fail: lengths were verified. */
struct mld_packet {
	enum mld_type type;
	struct in6_addr src, dst;
	struct mld_query query;	/* MLD_QUERY */
	struct in6_addr group;	/* v1 report and done */
	uint16_t n_records;	/* v2 report: as counted on the wire */
	uint16_t unknown_records; /* of a type that RFC 3810 does not know: the walk skips them */
	const uint8_t *records;
	size_t records_len;
};
/* Decode a whole IPv6 packet. Checks: version and lengths, Hop-by-Hop with Router Alert, hop limit 1, ICMPv6 checksum,
 * source, destination, per-type lengths, groups. *ret is written only on MLD_OK and points into `bytes`. */
enum mld_err mld_decode(const uint8_t *bytes, size_t len, struct mld_packet *ret);
/* Of a packet that was refused with MLD_ERR_SOURCE: is it a query, which is to be logged (RFC 3810 5.1.14, RFC 3590 4),
 * and whom does it say it is from? */
bool mld_query_from(const uint8_t *bytes, size_t len, struct in6_addr *ret);
/* Walk: start with *cursor = 0; false at the end. */
bool mld_next_record(const struct mld_packet *p, size_t *cursor, struct mld_record *ret);

/* Builders of whole packets. Return the length, 0 when `cap` is too small. */
size_t mld_encode_query(const struct mld_query *q, const struct in6_addr *sources, const struct in6_addr *src,
			const struct in6_addr *dst, uint8_t *bytes, size_t cap);
size_t mld_encode_v1(enum mld_type type, const struct in6_addr *group, const struct in6_addr *src, uint8_t *bytes,
		     size_t cap);
/* A v2 report is built record by record: begin, add until it refuses (the record does not fit: finish this one, begin
 * the next), finish. */
struct mld_report {
	uint8_t *bytes;
	size_t cap, len;
	uint16_t n_records;
};
bool mld_report_begin(struct mld_report *r, const struct in6_addr *src, uint8_t *bytes, size_t cap);
bool mld_report_add(struct mld_report *r, uint8_t type, const struct in6_addr *group, const struct in6_addr *sources,
		    size_t n);
/* How many sources still fit in one more record; negative: not even the record. */
int mld_report_room(const struct mld_report *r);
size_t mld_report_finish(struct mld_report *r); /* lengths and checksum; the packet's length, 0 without records */

/* Maximum Response Code and QQIC (RFC 3810 5.1.3, 5.1.9). Encoding rounds down to what can be said. */
uint16_t mld_code_of_ms(uint32_t ms);
uint32_t mld_ms_of_code(uint16_t code);
uint8_t mld_qqic_of_s(uint32_t s);
uint32_t mld_s_of_qqic(uint8_t code);
