/* SPDX-License-Identifier: BSD-2-Clause */
/* MLD packets: what decodes can be walked to its end, and says only what was checked. */
#include "wire/mld.h"

#include "resum.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_sources(const uint8_t *sources, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct in6_addr a = mld_source(sources, i);

		check(!addr_is_multicast(&a) && !addr_is_any(&a));
	}
}

/* Walks a report, and writes what it says anew. */
static void check_report(const struct mld_packet *p)
{
	static uint8_t out[65536];
	struct in6_addr sources[64];
	struct mld_record record;
	struct mld_report r;
	size_t cursor = 0, n = 0;

	check(mld_report_begin(&r, &p->src, out, sizeof(out)));
	while (mld_next_record(p, &cursor, &record)) {
		n++;
		check(addr_is_multicast(&record.group));
		check_sources(record.sources, record.n);
		for (size_t i = 0; i < record.n && i < 64; i++)
			sources[i] = mld_source(record.sources, i);
		mld_report_add(&r, record.type, &record.group, sources, record.n < 64 ? record.n : 64);
	}
	check(n + p->unknown_records == p->n_records);
	check(mld_report_finish(&r) > 0 || n == 0);
}

static void check_packet(const uint8_t *bytes, size_t len)
{
	static struct in6_addr sources[4096];
	static uint8_t out[65536];
	struct mld_packet p, again;
	size_t n;

	if (mld_decode(bytes, len, &p) != MLD_OK)
		return;
	check(addr_is_link_local(&p.src));
	if (p.type == MLD_V2_REPORT) {
		check_report(&p);
	} else if (p.type == MLD_QUERY) {
		check_sources(p.query.sources, p.query.n);
		for (size_t i = 0; i < p.query.n; i++)
			sources[i] = mld_source(p.query.sources, i);
		n = mld_encode_query(&p.query, sources, &p.src, &p.dst, out, sizeof(out));
		check(mld_decode(out, n, &again) == MLD_OK);
		check(again.query.version == p.query.version && again.query.max_resp.ns == p.query.max_resp.ns);
		check(again.query.qrv == p.query.qrv && again.query.qqi.ns == p.query.qqi.ns);
		check(again.query.n == p.query.n && addr_eq(&again.query.group, &p.query.group));
	} else {
		check(addr_is_multicast(&p.group));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = resummed(bytes, len);

	check_packet(bytes, len);
	check_packet(copy, len);
	free(copy);
	return 0;
}
