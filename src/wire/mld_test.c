/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/mld.h"

#include "base/cksum.h"
#include "base/rng.h"
#include "wire/mld_golden.h"
#include "wire/testing.h"

/* Decodes and walks, as a router would; reads every source. */
static enum mld_err decode_copy(const uint8_t *bytes, size_t len, unsigned int *records)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct mld_record record;
	struct mld_packet p;
	enum mld_err err;
	size_t cursor = 0;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	err = mld_decode(copy, len, &p);
	*records = 0;
	while (err == MLD_OK && mld_next_record(&p, &cursor, &record)) {
		for (size_t i = 0; i < record.n; i++) {
			struct in6_addr a = mld_source(record.sources, i);

			assert_false(addr_is_multicast(&a));
		}
		++*records;
	}
	if (err == MLD_OK && p.type == MLD_V2_REPORT)
		assert_int_equal(*records + p.unknown_records, p.n_records);
	free(copy);
	return err;
}

static enum mld_err decode_resummed(uint8_t *bytes, size_t len)
{
	struct in6_addr src, dst;
	unsigned int records;
	uint16_t sum;

	memcpy(&src, bytes + 8, 16);
	memcpy(&dst, bytes + 24, 16);
	bytes[50] = bytes[51] = 0;
	sum = cksum_ip6(&src, &dst, 58, bytes + 48, len - 48);
	bytes[50] = (uint8_t)(sum >> 8);
	bytes[51] = (uint8_t)sum;
	return decode_copy(bytes, len, &records);
}

static void every_golden_decodes(void **state)
{
	unsigned int records;

	(void)state;
	for (size_t i = 0; i < N(golden_mld); i++)
		if (decode_copy(golden_mld[i].bytes, golden_mld[i].len, &records) != MLD_OK)
			fail_msg("%s", golden_mld[i].name);
}

static void report_fields(void **state)
{
	struct mld_record record;
	struct mld_packet p;
	struct in6_addr s;
	size_t cursor = 0;

	(void)state;
	assert_int_equal(mld_decode(golden_v2_report, sizeof(golden_v2_report), &p), MLD_OK);
	assert_int_equal(p.type, MLD_V2_REPORT);
	assert_addr(&p.src, "fe80::1");
	assert_addr(&p.dst, "ff02::16");
	assert_int_equal(p.n_records, 2);
	assert_true(mld_next_record(&p, &cursor, &record));
	assert_int_equal(record.type, MLD_CHANGE_TO_EXCLUDE);
	assert_addr(&record.group, "ff1e::101");
	assert_int_equal(record.n, 0);
	assert_true(mld_next_record(&p, &cursor, &record));
	assert_int_equal(record.type, MLD_ALLOW_NEW_SOURCES);
	assert_int_equal(record.n, 1);
	s = mld_source(record.sources, 0);
	assert_addr(&s, "2001:db8:aaaa::5");
	assert_false(mld_next_record(&p, &cursor, &record));
	assert_false(mld_next_record(&p, &cursor, &record));
}

static void unknown_records_are_passed_over(void **state)
{
	static const uint8_t types[] = { MLD_MODE_IS_INCLUDE, MLD_MODE_IS_EXCLUDE, MLD_CHANGE_TO_INCLUDE,
					 MLD_CHANGE_TO_EXCLUDE, MLD_BLOCK_OLD_SOURCES };
	struct mld_record record;
	struct mld_packet p;
	size_t cursor = 0;

	(void)state;
	assert_int_equal(mld_decode(golden_v2_report_every_type, sizeof(golden_v2_report_every_type), &p), MLD_OK);
	assert_int_equal(p.unknown_records, 1);
	for (size_t i = 0; i < N(types); i++) {
		assert_true(mld_next_record(&p, &cursor, &record));
		assert_int_equal(record.type, types[i]);
	}
	assert_false(mld_next_record(&p, &cursor, &record));
}

static void query_fields(void **state)
{
	struct mld_packet p;
	struct in6_addr s;

	(void)state;
	assert_int_equal(mld_decode(golden_v2_general_query, sizeof(golden_v2_general_query), &p), MLD_OK);
	assert_int_equal(p.query.version, 2);
	assert_true(addr_is_any(&p.query.group));
	assert_int_equal(span_to_ms(p.query.max_resp), 1000);
	assert_int_equal(p.query.qrv, 2);
	assert_int_equal(span_to_ms(p.query.qqi), 125000);
	assert_false(p.query.suppress);

	assert_int_equal(mld_decode(golden_v2_source_query, sizeof(golden_v2_source_query), &p), MLD_OK);
	assert_true(p.query.suppress);
	assert_int_equal(p.query.n, 2);
	s = mld_source(p.query.sources, 1);
	assert_addr(&s, "2001:db8:aaaa::6");

	assert_int_equal(mld_decode(golden_v1_query, sizeof(golden_v1_query), &p), MLD_OK);
	assert_int_equal(p.query.version, 1);
	assert_int_equal(span_to_ms(p.query.max_resp), 10000);

	assert_int_equal(mld_decode(golden_v1_done, sizeof(golden_v1_done), &p), MLD_OK);
	assert_int_equal(p.type, MLD_V1_DONE);
	assert_addr(&p.group, "ff1e::101");
}

static void encoders_write_the_golden_octets(void **state)
{
	struct in6_addr src = addr("fe80::1"), group = addr("ff1e::101"), ssm = addr("ff3e::1234");
	struct in6_addr sources[] = { addr("2001:db8:aaaa::5"), addr("2001:db8:aaaa::6") };
	struct mld_query q = { .version = 2, .max_resp = span_ms(1000), .qrv = 2, .qqi = span_s(125) };
	struct mld_report r;
	uint8_t bytes[1500];

	(void)state;
	assert_true(mld_report_begin(&r, &src, bytes, sizeof(bytes)));
	assert_int_equal(mld_report_finish(&r), 0);
	assert_true(mld_report_add(&r, MLD_CHANGE_TO_EXCLUDE, &group, NULL, 0));
	assert_true(mld_report_add(&r, MLD_ALLOW_NEW_SOURCES, &ssm, sources, 1));
	assert_int_equal(mld_report_finish(&r), sizeof(golden_v2_report));
	assert_int_equal(mld_report_finish(&r), sizeof(golden_v2_report));
	assert_memory_equal(bytes, golden_v2_report, sizeof(golden_v2_report));

	assert_int_equal(mld_encode_query(&q, NULL, &addr_mag_link_local, &addr_all_nodes, bytes, sizeof(bytes)),
			 sizeof(golden_v2_general_query));
	assert_memory_equal(bytes, golden_v2_general_query, sizeof(golden_v2_general_query));

	src = addr("fe80::9");
	q = (struct mld_query){ .version = 2, .group = ssm, .max_resp = span_ms(100), .suppress = true, .qrv = 2,
				.qqi = span_s(60), .n = 2 };
	assert_int_equal(mld_encode_query(&q, sources, &src, &ssm, bytes, sizeof(bytes)),
			 sizeof(golden_v2_source_query));
	assert_memory_equal(bytes, golden_v2_source_query, sizeof(golden_v2_source_query));
	assert_int_equal(mld_encode_query(&q, sources, &src, &ssm, bytes, sizeof(golden_v2_source_query) - 1), 0);

	q = (struct mld_query){ .version = 1, .max_resp = span_s(10) };
	assert_int_equal(mld_encode_query(&q, NULL, &src, &addr_all_nodes, bytes, sizeof(bytes)),
			 sizeof(golden_v1_query));
	assert_memory_equal(bytes, golden_v1_query, sizeof(golden_v1_query));

	src = addr("fe80::1");
	assert_int_equal(mld_encode_v1(MLD_V1_REPORT, &group, &src, bytes, sizeof(bytes)),
			 sizeof(golden_v1_report));
	assert_memory_equal(bytes, golden_v1_report, sizeof(golden_v1_report));
	assert_int_equal(mld_encode_v1(MLD_V1_DONE, &group, &src, bytes, sizeof(bytes)), sizeof(golden_v1_done));
	assert_memory_equal(bytes, golden_v1_done, sizeof(golden_v1_done));
	assert_int_equal(mld_encode_v1(MLD_V1_DONE, &group, &src, bytes, 71), 0);
}

static void every_truncation_is_refused(void **state)
{
	unsigned int records;

	(void)state;
	for (size_t i = 0; i < N(golden_mld); i++) {
		const struct golden_mld *g = &golden_mld[i];
		uint8_t bytes[1500];

		for (size_t len = 0; len < g->len; len++) {
			assert_int_equal(decode_copy(g->bytes, len, &records), MLD_ERR_SHORT);
			if (len <= 52)
				continue;
			memcpy(bytes, g->bytes, len);
			bytes[5] = (uint8_t)(len - 40);
			/* Of all these only the query that lost its tail, and the report that lost what is ignored
			 * anyway, are messages in their own right. */
			if (decode_resummed(bytes, len) == MLD_OK)
				assert_true(len == 72 ||
					    (g->bytes == golden_v2_report_every_type && len + 3 >= g->len));
		}
	}
}

static void every_mutation_is_survived(void **state)
{
	unsigned int records;

	(void)state;
	for (size_t i = 0; i < N(golden_mld); i++) {
		const struct golden_mld *g = &golden_mld[i];
		uint8_t bytes[1500];

		for (size_t at = 0; at < g->len * 8; at++) {
			memcpy(bytes, g->bytes, g->len);
			bytes[at / 8] ^= (uint8_t)(1 << at % 8);
			decode_copy(bytes, g->len, &records);
			decode_resummed(bytes, g->len);
		}
	}
}

enum { NEXT = 6, HOP = 7, SRC = 8, DST = 24, ALERT = 45, TYPE = 48, V1_GROUP = 56, N_RECORDS = 55, RECORD_GROUP = 60 };

static void refusals(void **state)
{
	static const struct {
		const char *what, *golden;
		size_t at;
		uint8_t value;
		enum mld_err err;
	} rows[] = {
		{ "hop limit", "v2_report", HOP, 2, MLD_ERR_HOP_LIMIT },
		{ "router alert of RSVP", "v2_report", ALERT, 1, MLD_ERR_ROUTER_ALERT },
		{ "no router alert", "v2_report", 42, 0x1e, MLD_ERR_ROUTER_ALERT },
		{ "global source", "v2_report", SRC, 0x20, MLD_ERR_SOURCE },
		{ "global source of a query", "v2_general_query", SRC, 0x20, MLD_ERR_SOURCE },
		{ "echo", "v2_report", TYPE, 128, MLD_ERR_NOT_MLD },
		{ "UDP", "v2_report", 40, 17, MLD_ERR_NOT_MLD },
		{ "report to a group", "v2_report", DST + 15, 0x17, MLD_ERR_DESTINATION },
		{ "query to another group", "v2_source_query", DST + 15, 1, MLD_ERR_DESTINATION },
		{ "v1 report to another group", "v1_report", DST + 15, 7, MLD_ERR_DESTINATION },
		{ "v1 report to ourselves", "v1_report", DST, 0x20, MLD_OK },
		{ "v1 report of no group", "v1_report", V1_GROUP, 0x20, MLD_ERR_GROUP },
		{ "v1 report, scope 0", "v1_report", V1_GROUP + 1, 0x10, MLD_ERR_GROUP },
		{ "query of no group", "v2_source_query", 56, 0x20, MLD_ERR_GROUP },
		{ "record of no group", "v2_report", RECORD_GROUP, 0x20, MLD_ERR_GROUP },
		{ "link-local group", "v2_report", RECORD_GROUP + 1, 0x02, MLD_OK },
		{ "one record too many", "v2_report", N_RECORDS, 3, MLD_ERR_LENGTH },
		{ "many records too many", "v2_report", N_RECORDS - 1, 0xff, MLD_ERR_LENGTH },
		{ "one record less: the rest is ignored", "v2_report", N_RECORDS, 1, MLD_OK },
		{ "multicast source in a record", "v2_report", 96, 0xff, MLD_ERR_SOURCE_LIST },
		{ "multicast source in a query", "v2_source_query", 76, 0xff, MLD_ERR_SOURCE_LIST },
		{ "one source too many", "v2_source_query", 75, 3, MLD_ERR_LENGTH },
		{ "code is ignored", "v2_general_query", TYPE + 1, 1, MLD_OK },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct golden_mld *g = golden_mld;
		uint8_t bytes[1500];
		enum mld_err err;

		while (strcmp(g->name, rows[i].golden) != 0)
			g++;
		memcpy(bytes, g->bytes, g->len);
		bytes[rows[i].at] = rows[i].value;
		err = decode_resummed(bytes, g->len);
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].what, mld_err_name(err));
	}
}

static void unspecified_source(void **state)
{
	uint8_t bytes[1500];
	unsigned int records;

	(void)state;
	memcpy(bytes, golden_v2_report, sizeof(golden_v2_report));
	memset(bytes + SRC, 0, 16);
	assert_int_equal(decode_resummed(bytes, sizeof(golden_v2_report)), MLD_ERR_SOURCE_UNSPECIFIED);
	bytes[60] ^= 1;
	assert_int_equal(decode_copy(bytes, sizeof(golden_v2_report), &records), MLD_ERR_CHECKSUM);
	memcpy(bytes, golden_v2_general_query, sizeof(golden_v2_general_query));
	memset(bytes + SRC, 0, 16);
	assert_int_equal(decode_resummed(bytes, sizeof(golden_v2_general_query)), MLD_ERR_SOURCE);
	/* Of queries alone it is told whom they say they are from. */
	struct in6_addr from = addr_all_nodes;
	assert_true(mld_query_from(bytes, sizeof(golden_v2_general_query), &from));
	assert_true(addr_is_any(&from));
	bytes[SRC] = 0x20;
	assert_true(mld_query_from(bytes, sizeof(golden_v2_general_query), &from));
	assert_int_equal(from.s6_addr[0], 0x20);
	for (size_t len = 0; len < sizeof(golden_v2_general_query); len++)
		assert_false(mld_query_from(bytes, len, &from));
	assert_false(mld_query_from(golden_v2_report, sizeof(golden_v2_report), &from));
}

/* RFC 3810 8.1: 24 octets are version 1, 28 and more version 2, and between them is nothing. */
static void version_is_told_by_length(void **state)
{
	uint8_t bytes[100] = { 0 };

	(void)state;
	memcpy(bytes, golden_v2_general_query, sizeof(golden_v2_general_query));
	for (uint8_t len = 24; len <= 28; len++) {
		bytes[5] = (uint8_t)(8 + len);
		assert_int_equal(decode_resummed(bytes, 48u + len), len == 24 || len == 28 ? MLD_OK : MLD_ERR_LENGTH);
	}
	bytes[5] = 8 + 23;
	assert_int_equal(decode_resummed(bytes, 48 + 23), MLD_ERR_LENGTH);
	bytes[5] = 8 + 40; /* RFC 3810 5.1.12: what follows is ignored */
	assert_int_equal(decode_resummed(bytes, 48 + 40), MLD_OK);
}

static void reports_fill_up(void **state)
{
	struct in6_addr src = addr("fe80::1"), group = addr("ff1e::1"), sources[100];
	struct mld_report r;
	struct mld_packet p;
	uint8_t bytes[1460];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < N(sources); i++)
		sources[i] = addr("2001:db8::1");
	assert_false(mld_report_begin(&r, &src, bytes, 55));
	assert_true(mld_report_begin(&r, &src, bytes, sizeof(bytes)));
	while (mld_report_add(&r, MLD_MODE_IS_EXCLUDE, &group, NULL, 0))
		n++;
	assert_int_equal(n, 70); /* a tunnel of 1460 octets */
	assert_true(mld_report_room(&r) < 0);
	assert_int_equal(mld_report_finish(&r), 56 + 70 * 20);
	assert_int_equal(mld_decode(bytes, 56 + 70 * 20, &p), MLD_OK);
	assert_int_equal(p.n_records, 70);

	assert_true(mld_report_begin(&r, &src, bytes, sizeof(bytes)));
	assert_int_equal(mld_report_room(&r), (1460 - 56 - 20) / 16);
	assert_false(mld_report_add(&r, MLD_MODE_IS_INCLUDE, &group, sources, 87));
	assert_true(mld_report_add(&r, MLD_MODE_IS_INCLUDE, &group, sources, 86));
	assert_true(mld_report_room(&r) < 0);
}

static void codes(void **state)
{
	static const struct {
		uint32_t value;
		uint32_t code;
	} ms[] = { { 0, 0 }, { 1000, 1000 }, { 32767, 32767 }, { 32768, 0x8000 }, { 32775, 0x8000 }, { 32776, 0x8001 },
		   { 65535, 0x8fff }, { 65536, 0x9000 }, { 8387584, 0xffff }, { UINT32_MAX, 0xffff } },
	  s[] = { { 0, 0 }, { 125, 125 }, { 127, 127 }, { 128, 0x80 }, { 136, 0x81 }, { 256, 0x90 }, { 31744, 0xff },
		  { UINT32_MAX, 0xff } };

	(void)state;
	for (size_t i = 0; i < N(ms); i++)
		assert_int_equal(mld_code_of_ms(ms[i].value), ms[i].code);
	for (size_t i = 0; i < N(s); i++)
		assert_int_equal(mld_qqic_of_s(s[i].value), s[i].code);
	/* Every code stands for a value that is encoded as just that code; rounding never goes up. */
	for (uint32_t c = 0; c <= UINT16_MAX; c++)
		assert_int_equal(mld_code_of_ms(mld_ms_of_code((uint16_t)c)), c);
	for (uint32_t c = 0; c <= UINT8_MAX; c++)
		assert_int_equal(mld_qqic_of_s(mld_s_of_qqic((uint8_t)c)), c);
	for (uint32_t v = 0; v < 8387584; v += 97)
		assert_true(mld_ms_of_code(mld_code_of_ms(v)) <= v);
}

static void random_reports_come_back(void **state)
{
	struct in6_addr src = addr("fe80::1"), groups[8], sources[20];
	struct rng rng = rng_of(3);

	(void)state;
	for (int round = 0; round < 2000; round++) {
		size_t n = 1 + rng_below(&rng, N(groups)), cursor = 0, n_sources[N(groups)];
		uint8_t bytes[4096], types[N(groups)];
		struct mld_record record;
		struct mld_packet p;
		struct mld_report r;

		for (size_t i = 0; i < N(sources); i++) {
			sources[i] = addr("2001:db8::");
			memcpy(&sources[i].s6_addr[8], &(uint64_t){ rng_u64(&rng) }, 8);
		}
		assert_true(mld_report_begin(&r, &src, bytes, sizeof(bytes)));
		for (size_t i = 0; i < n; i++) {
			groups[i] = addr("ff1e::");
			memcpy(&groups[i].s6_addr[8], &(uint64_t){ rng_u64(&rng) }, 8);
			n_sources[i] = rng_below(&rng, N(sources) + 1);
			types[i] = (uint8_t)(1 + rng_below(&rng, 6));
			assert_true(mld_report_add(&r, types[i], &groups[i], sources, n_sources[i]));
		}
		assert_int_equal(mld_decode(bytes, mld_report_finish(&r), &p), MLD_OK);
		for (size_t i = 0; i < n; i++) {
			assert_true(mld_next_record(&p, &cursor, &record));
			assert_int_equal(record.type, types[i]);
			assert_true(addr_eq(&record.group, &groups[i]));
			assert_int_equal(record.n, n_sources[i]);
			assert_memory_equal(record.sources, sources, n_sources[i] * 16);
		}
		assert_false(mld_next_record(&p, &cursor, &record));
	}
}

static void names(void **state)
{
	(void)state;
	for (int e = 0; e < MLD_ERR_N; e++)
		assert_string_not_equal(mld_err_name((enum mld_err)e), "?");
	assert_string_equal(mld_err_name(MLD_ERR_N), "?");
	assert_string_equal(mld_record_name(MLD_CHANGE_TO_EXCLUDE), "TO_EX");
	assert_string_equal(mld_record_name(0), "?");
	assert_string_equal(mld_record_name(7), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_golden_decodes),
		cmocka_unit_test(report_fields),
		cmocka_unit_test(unknown_records_are_passed_over),
		cmocka_unit_test(query_fields),
		cmocka_unit_test(encoders_write_the_golden_octets),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_mutation_is_survived),
		cmocka_unit_test(refusals),
		cmocka_unit_test(unspecified_source),
		cmocka_unit_test(version_is_told_by_length),
		cmocka_unit_test(reports_fill_up),
		cmocka_unit_test(codes),
		cmocka_unit_test(random_reports_come_back),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
