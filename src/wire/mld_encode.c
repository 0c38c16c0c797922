/* SPDX-License-Identifier: BSD-2-Clause */
/* MLD packets as RFC 3810 5 wants them sent: hop limit 1, Router Alert in a Hop-by-Hop header. */
#include "wire/mld.h"

#include <string.h>

#include "base/cksum.h"
#include "base/wr.h"
#include "wire/ip6.h"

#define ICMPV6 58
#define HOP_BY_HOP 0
#define HOP_BY_HOP_LEN 8
#define ICMP_AT (IP6_HDR_LEN + HOP_BY_HOP_LEN)
#define PAYLOAD_LEN_AT 4
#define SRC_AT 8
#define DST_AT 24
#define CHECKSUM_AT (ICMP_AT + 2)
#define REPORT_HDR_LEN 8
#define N_RECORDS_AT (ICMP_AT + 6)
#define RECORD_LEN 20
#define LEN_MAX (IP6_HDR_LEN + UINT16_MAX)

static struct wr begin(const struct in6_addr *src, const struct in6_addr *dst, uint8_t *bytes, size_t cap)
{
	static const uint8_t router_alert[HOP_BY_HOP_LEN] = { ICMPV6, 0, 5, 2, 0, 0, 1, 0 };
	struct wr w = wr_of(bytes, cap < LEN_MAX ? cap : LEN_MAX);

	ip6_write(&w, src, dst, HOP_BY_HOP, 0, 1);
	wr_copy(&w, router_alert, sizeof(router_alert));
	return w;
}

static size_t finish(struct wr *w)
{
	struct in6_addr src, dst;

	if (w->full)
		return 0;
	memcpy(&src, w->base + SRC_AT, sizeof(src));
	memcpy(&dst, w->base + DST_AT, sizeof(dst));
	wr_set_u16(w, PAYLOAD_LEN_AT, (uint16_t)(w->len - IP6_HDR_LEN));
	wr_set_u16(w, CHECKSUM_AT, cksum_ip6(&src, &dst, ICMPV6, w->base + ICMP_AT, w->len - ICMP_AT));
	return w->len;
}

static uint32_t clamp(int64_t v, uint32_t max)
{
	return v < 0 ? 0 : v > max ? max : (uint32_t)v;
}

size_t mld_encode_query(const struct mld_query *q, const struct in6_addr *sources, const struct in6_addr *src,
			const struct in6_addr *dst, uint8_t *bytes, size_t cap)
{
	struct wr w = begin(src, dst, bytes, cap);
	int64_t ms = span_to_ms(q->max_resp);

	wr_u8(&w, MLD_QUERY);
	wr_u8(&w, 0);
	wr_u16(&w, 0);
	wr_u16(&w, q->version == 1 ? (uint16_t)clamp(ms, UINT16_MAX) : mld_code_of_ms(clamp(ms, UINT32_MAX)));
	wr_u16(&w, 0);
	wr_in6(&w, &q->group);
	if (q->version != 1) {
		/* Above 7 the variable cannot be told, and is sent as 0 (RFC 3810 5.1.8). */
		wr_u8(&w, (uint8_t)((q->suppress ? 0x08 : 0) | (q->qrv <= 7 ? q->qrv : 0)));
		wr_u8(&w, mld_qqic_of_s(clamp(span_to_ms(q->qqi) / 1000, UINT32_MAX)));
		wr_u16(&w, q->n);
		wr_copy(&w, sources, (size_t)q->n * sizeof(*sources));
	}
	return finish(&w);
}

size_t mld_encode_v1(enum mld_type type, const struct in6_addr *group, const struct in6_addr *src, uint8_t *bytes,
		     size_t cap)
{
	struct wr w = begin(src, type == MLD_V1_DONE ? &addr_all_routers : group, bytes, cap);

	wr_u8(&w, (uint8_t)type);
	wr_zero(&w, 7); /* code, checksum, Maximum Response Delay, reserved */
	wr_in6(&w, group);
	return finish(&w);
}

static struct wr writer_of(const struct mld_report *r)
{
	struct wr w = wr_of(r->bytes, r->cap);

	w.len = r->len;
	return w;
}

bool mld_report_begin(struct mld_report *r, const struct in6_addr *src, uint8_t *bytes, size_t cap)
{
	struct wr w = begin(src, &addr_all_mldv2_routers, bytes, cap);

	wr_u8(&w, MLD_V2_REPORT);
	wr_zero(&w, REPORT_HDR_LEN - 1);
	if (w.full)
		return false;
	*r = (struct mld_report){ .bytes = bytes, .cap = w.cap, .len = w.len };
	return true;
}

bool mld_report_add(struct mld_report *r, uint8_t type, const struct in6_addr *group, const struct in6_addr *sources,
		    size_t n)
{
	struct wr w = writer_of(r);
	int room = mld_report_room(r);

	if (room < 0 || n > (size_t)room)
		return false;
	wr_u8(&w, type);
	wr_u8(&w, 0);
	wr_u16(&w, (uint16_t)n);
	wr_in6(&w, group);
	wr_copy(&w, sources, n * sizeof(*sources));
	r->len = w.len;
	r->n_records++;
	return true;
}

int mld_report_room(const struct mld_report *r)
{
	size_t left = r->cap - r->len;

	if (left < RECORD_LEN || r->n_records == UINT16_MAX)
		return -1;
	return (int)((left - RECORD_LEN) / sizeof(struct in6_addr));
}

size_t mld_report_finish(struct mld_report *r)
{
	struct wr w = writer_of(r);

	if (r->n_records == 0)
		return 0;
	wr_set_u16(&w, N_RECORDS_AT, r->n_records);
	/* The sum is over a zero there, even if this is finished twice. */
	wr_set_u16(&w, CHECKSUM_AT, 0);
	return finish(&w);
}

/* Floating point of RFC 3810 5.1.3: below 0x8000 as it is, else (mantissa | 0x1000) << (exponent + 3). */
uint16_t mld_code_of_ms(uint32_t ms)
{
	unsigned int exp = 0;

	if (ms < 0x8000)
		return (uint16_t)ms;
	while (exp < 7 && ms >> (exp + 3) > 0x1fff)
		exp++;
	if (ms >> (exp + 3) > 0x1fff)
		return 0xffff;
	return (uint16_t)(0x8000 | exp << 12 | (ms >> (exp + 3) & 0x0fff));
}

uint32_t mld_ms_of_code(uint16_t code)
{
	if (code < 0x8000)
		return code;
	return (uint32_t)((code & 0x0fff) | 0x1000) << ((code >> 12 & 7) + 3);
}

/* The same with a mantissa of 4 bits, RFC 3810 5.1.9. */
uint8_t mld_qqic_of_s(uint32_t s)
{
	unsigned int exp = 0;

	if (s < 0x80)
		return (uint8_t)s;
	while (exp < 7 && s >> (exp + 3) > 0x1f)
		exp++;
	if (s >> (exp + 3) > 0x1f)
		return 0xff;
	return (uint8_t)(0x80 | exp << 4 | (s >> (exp + 3) & 0x0f));
}

uint32_t mld_s_of_qqic(uint8_t code)
{
	if (code < 0x80)
		return code;
	return (uint32_t)((code & 0x0f) | 0x10) << ((code >> 4 & 7) + 3);
}
