/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* For the unit tests of this folder: sources named by letters, packets made with the codec, and a router link whose
 * effects become a line of text with their times, such as "0:IN{a,b} 0:Q{a} 2:-". */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mld/router.h"

static inline struct in6_addr address(const char *text)
{
	struct in6_addr a;

	if (!addr_parse(text, &a))
		fail_msg("not an address: %s", text);
	return a;
}

/* 2001:db8::<letter>: the order of the letters is the order of the addresses. */
static inline struct in6_addr source_named(char letter)
{
	struct in6_addr a = address("2001:db8::");

	a.s6_addr[15] = (uint8_t)letter;
	return a;
}

/* "abc" -> three sources; returns their number. */
static inline size_t sources_named(const char *letters, struct in6_addr v[26])
{
	size_t n = 0;

	for (; *letters; letters++)
		v[n++] = source_named(*letters);
	return n;
}

static inline struct filter filter_named(enum filter_mode mode, const char *letters)
{
	struct in6_addr v[26];
	bool oom = false;
	struct filter f = filter_of(mode, v, sources_named(letters, v), &oom);

	assert_false(oom);
	return f;
}

/* A bounded text that grows by printf. */
struct text {
	char s[4096];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static inline void text_add(struct text *t, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(t->s + t->len, sizeof(t->s) - t->len, format, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < sizeof(t->s) - t->len);
	t->len += (size_t)n;
}

/* Letters of 2001:db8:: sources: "{a,b}". */
static inline void text_sources(struct text *t, const struct in6_addr *v, size_t n)
{
	text_add(t, "{");
	for (size_t i = 0; i < n; i++)
		text_add(t, "%s%c", i ? "," : "", v[i].s6_addr[15]);
	text_add(t, "}");
}

static inline void text_filter(struct text *t, const struct filter *f)
{
	if (filter_is_none(f)) {
		text_add(t, "-");
		return;
	}
	text_add(t, f->mode == FILTER_INCLUDE ? "IN" : "EX");
	text_sources(t, filter_sources(f), filter_count(f));
}

/* ---- a router link under test ---- */

struct bench {
	struct mld_routers *set;
	struct mld_link *link;
	struct now now;
	mono_t zero;	       /* times in the trace count from here */
	struct in6_addr group; /* changes of this group are traced */
	bool general;	       /* General Queries are traced too */
	struct text trace;
};

static inline void bench_start(struct bench *b, const struct mld_router_conf *conf)
{
	const struct mld_routers_conf limits = {0};
	struct in6_addr self = address("fe80::100");

	*b = (struct bench){.now.mono = {1000000000000}, .group = address("ff0e::1")};
	b->zero = b->now.mono;
	b->set = mld_routers_new(&limits, 1);
	b->link = mld_link_new(b->set, b->now, conf, &self, NULL);
	assert_non_null(b->link);
}

static inline void bench_stop(struct bench *b)
{
	b->set = mld_routers_free(b->set);
	assert_null(b->set);
}

static inline void bench_trace_query(struct bench *b, const struct mld_router_fx *fx)
{
	struct in6_addr v[128], any = IN6ADDR_ANY_INIT;
	struct mld_packet p;
	struct in6_addr self = address("fe80::100");

	assert_int_equal(mld_decode(fx->packet, fx->len, &p), MLD_OK);
	assert_int_equal(p.type, MLD_QUERY);
	assert_true(addr_eq(&p.src, &self));
	assert_true(fx->len <= 1280);
	if (addr_eq(&p.query.group, &any)) {
		if (b->general)
			text_add(&b->trace, " General(%lld)", (long long)span_to_ms(p.query.max_resp));
		return;
	}
	assert_true(addr_eq(&p.dst, &p.query.group));
	assert_true(p.query.n <= 128);
	for (size_t i = 0; i < p.query.n; i++)
		v[i] = mld_source(p.query.sources, i);
	text_add(&b->trace, " Q");
	text_sources(&b->trace, v, p.query.n);
	if (p.query.suppress)
		text_add(&b->trace, "S");
}

/* Take the effects into the trace. */
static inline void bench_drain(struct bench *b)
{
	struct mld_router_fx fx;

	while (mld_routers_pop(b->set, &fx)) {
		struct filter f = FILTER_NONE;
		size_t len = b->trace.len;
		double s = (double)mono_sub(b->now.mono, b->zero).ns / 1e9;

		assert_ptr_equal(fx.link, b->link);
		if (fx.kind == MLD_ROUTER_QUERY) {
			bench_trace_query(b, &fx);
		} else if (addr_eq(&fx.group, &b->group)) {
			mld_link_state(b->link, &b->group, &f);
			text_add(&b->trace, " ");
			text_filter(&b->trace, &f);
			filter_drop(&f);
		}
		if (b->trace.len > len) { /* put the time before it */
			char what[4096];

			memcpy(what, b->trace.s + len + 1, b->trace.len - len);
			b->trace.len = len;
			text_add(&b->trace, "%s%g:%s", len ? " " : "", s, what);
		}
	}
}

/* Let time pass until `at` seconds of the trace, with everything that falls due. */
static inline void bench_until(struct bench *b, double at)
{
	mono_t end = mono_add(b->zero, span_ns((int64_t)(at * 1e9)));

	bench_drain(b);
	for (;;) {
		mono_t next = mld_routers_next_deadline(b->set);

		if (mono_before(end, next))
			break;
		b->now.mono = mono_max(b->now.mono, next);
		mld_routers_expire(b->set, b->now);
		bench_drain(b);
		assert_true(mono_before(b->now.mono, mld_routers_next_deadline(b->set)));
	}
	b->now.mono = end;
}

/* From now on is time 0; the trace begins anew. */
static inline void bench_mark(struct bench *b)
{
	bench_drain(b);
	b->zero = b->now.mono;
	b->trace.len = 0;
	b->trace.s[0] = '\0';
}

static inline void bench_recv(struct bench *b, const uint8_t *bytes, size_t len)
{
	struct mld_packet p;

	assert_true(len > 0);
	assert_int_equal(mld_decode(bytes, len, &p), MLD_OK);
	mld_link_recv(b->link, b->now, &p);
	bench_drain(b);
}

static inline void bench_record_to(struct bench *b, unsigned host, enum mld_record_type type,
				   const struct in6_addr *group, const struct in6_addr *sources, size_t n)
{
	struct in6_addr src = address("fe80::1000");
	struct mld_report r;
	uint8_t bytes[65536];

	src.s6_addr[15] = (uint8_t)host;
	assert_true(mld_report_begin(&r, &src, bytes, sizeof(bytes)));
	assert_true(mld_report_add(&r, type, group, sources, n));
	bench_recv(b, bytes, mld_report_finish(&r));
}

/* A report of host `host` with one record about the traced group. */
static inline void bench_record(struct bench *b, unsigned host, enum mld_record_type type, const char *letters)
{
	struct in6_addr v[26];

	bench_record_to(b, host, type, &b->group, v, sources_named(letters, v));
}

static inline void bench_v1(struct bench *b, unsigned host, enum mld_type type)
{
	struct in6_addr src = address("fe80::1000");
	uint8_t bytes[256];

	src.s6_addr[15] = (uint8_t)host;
	bench_recv(b, bytes, mld_encode_v1(type, &b->group, &src, bytes, sizeof(bytes)));
}

/* A query from another router, as `q` says. */
static inline void bench_query(struct bench *b, const char *from, struct mld_query q, const char *letters)
{
	struct in6_addr v[26], src = address(from);
	uint8_t bytes[1500];

	q.n = (uint16_t)sources_named(letters, v);
	bench_recv(
	    b, bytes,
	    mld_encode_query(&q, v, &src, addr_is_any(&q.group) ? &addr_all_nodes : &q.group, bytes, sizeof(bytes)));
}

#define assert_trace(b, expected) assert_string_equal((b)->trace.s, expected)
