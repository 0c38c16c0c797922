/* SPDX-License-Identifier: BSD-2-Clause */
/* Host side: RFC 3810 6, 8.2 and 5.2.15; RFC 2710 4. */
#include "mld/host.h"
#include "mld/testing.h"

struct node {
	struct mld_hosts *set;
	struct mld_upstream *up;
	struct now now;
	mono_t zero;
	struct in6_addr group;
	bool timed; /* the trace has times */
	struct text trace;
};

static const char *const records[] = {"?", "IS_IN", "IS_EX", "TO_IN", "TO_EX", "ALLOW", "BLOCK"};

static void node_start(struct node *n, struct mld_host_conf conf)
{
	struct in6_addr self = address("fe80::7");

	*n = (struct node){.now.mono = {5000000000}, .group = address("ff0e::1")};
	n->zero = n->now.mono;
	n->set = mld_hosts_new(3);
	n->up = mld_upstream_new(n->set, &conf, &self, n);
	assert_non_null(n->up);
}

static void node_stop(struct node *n)
{
	n->set = mld_hosts_free(n->set);
	assert_null(n->set);
}

static void trace_report(struct node *n, const struct mld_packet *p)
{
	struct mld_record r;
	bool first = true;

	for (size_t cursor = 0; mld_next_record(p, &cursor, &r); first = false) {
		struct in6_addr v[128];

		assert_true(r.n <= 128);
		for (size_t i = 0; i < r.n; i++)
			v[i] = mld_source(r.sources, i);
		text_add(&n->trace, "%s%s", first ? "" : "+", records[r.type]);
		if (!addr_eq(&r.group, &n->group))
			text_add(&n->trace, "@%d", r.group.s6_addr[15]);
		text_sources(&n->trace, v, r.n);
	}
}

static void node_drain(struct node *n)
{
	struct in6_addr self = address("fe80::7");
	struct mld_host_fx fx;
	struct mld_packet p;

	while (mld_hosts_pop(n->set, &fx)) {
		assert_ptr_equal(fx.owner, n);
		assert_int_equal(mld_decode(fx.packet, fx.len, &p), MLD_OK);
		assert_true(addr_eq(&p.dst, &fx.dst));
		assert_true(addr_eq(&p.src, &self));
		if (n->trace.len)
			text_add(&n->trace, " ");
		if (n->timed)
			text_add(&n->trace, "%g:", (double)mono_sub(n->now.mono, n->zero).ns / 1e9);
		if (p.type == MLD_V2_REPORT) {
			assert_true(addr_eq(&fx.dst, &addr_all_mldv2_routers));
			trace_report(n, &p);
		} else if (p.type == MLD_V1_REPORT) {
			assert_true(addr_eq(&fx.dst, &p.group));
			text_add(&n->trace, "Report@%d", p.group.s6_addr[15]);
		} else {
			assert_int_equal(p.type, MLD_V1_DONE);
			assert_true(addr_eq(&fx.dst, &addr_all_routers));
			text_add(&n->trace, "Done@%d", p.group.s6_addr[15]);
		}
	}
}

static void node_until(struct node *n, double at)
{
	mono_t end = mono_add(n->zero, span_ns((int64_t)(at * 1e9)));

	node_drain(n);
	for (;;) {
		mono_t next = mld_hosts_next_deadline(n->set);

		if (mono_before(end, next))
			break;
		n->now.mono = mono_max(n->now.mono, next);
		mld_hosts_expire(n->set, n->now);
		node_drain(n);
		assert_true(mono_before(n->now.mono, mld_hosts_next_deadline(n->set)));
	}
	n->now.mono = end;
}

static void node_mark(struct node *n)
{
	node_drain(n);
	n->zero = n->now.mono;
	n->trace.len = 0;
	n->trace.s[0] = '\0';
}

static void node_set_group(struct node *n, unsigned number, enum filter_mode mode, const char *letters)
{
	struct filter f = filter_named(mode, letters);
	struct in6_addr group = address("ff0e::");

	group.s6_addr[15] = (uint8_t)number;
	assert_true(mld_upstream_set(n->up, n->now, &group, &f));
	filter_drop(&f);
}

static void node_set(struct node *n, enum filter_mode mode, const char *letters)
{
	node_set_group(n, 1, mode, letters);
}

static void node_query(struct node *n, struct mld_query q, const char *letters)
{
	struct in6_addr v[26], src = address("fe80::1");
	struct mld_packet p;
	uint8_t bytes[1500];
	size_t len;

	q.n = (uint16_t)sources_named(letters, v);
	len = mld_encode_query(&q, v, &src, addr_is_any(&q.group) ? &addr_all_nodes : &q.group, bytes, sizeof(bytes));
	assert_int_equal(mld_decode(bytes, len, &p), MLD_OK);
	mld_upstream_recv(n->up, n->now, &p);
}

static struct mld_query specific(const struct node *n, double resp)
{
	return (struct mld_query){
	    .version = 2, .group = n->group, .max_resp = span_ms((int64_t)(resp * 1000)), .qrv = 2, .qqi = span_s(125)};
}

static struct mld_query general(double resp)
{
	return (struct mld_query){
	    .version = 2, .max_resp = span_ms((int64_t)(resp * 1000)), .qrv = 2, .qqi = span_s(125)};
}

#define ONCE                                                                                                           \
	(struct mld_host_conf)                                                                                         \
	{                                                                                                              \
		.robustness = 1                                                                                        \
	}
#define TWICE                                                                                                          \
	(struct mld_host_conf)                                                                                         \
	{                                                                                                              \
		0                                                                                                      \
	}

/* ---- changes of state (6.1) ---- */

static void test_table_of_changes(void **state)
{
	static const struct {
		enum filter_mode from;
		const char *a;
		enum filter_mode to;
		const char *b, *said;
	} rows[] = {
	    {FILTER_INCLUDE, "abc", FILTER_INCLUDE, "bcd", "ALLOW{d}+BLOCK{a}"},
	    {FILTER_INCLUDE, "abc", FILTER_INCLUDE, "abcd", "ALLOW{d}"},
	    {FILTER_INCLUDE, "abc", FILTER_INCLUDE, "c", "BLOCK{a,b}"},
	    {FILTER_INCLUDE, "abc", FILTER_INCLUDE, "", "BLOCK{a,b,c}"},
	    {FILTER_INCLUDE, "", FILTER_INCLUDE, "ab", "ALLOW{a,b}"},
	    {FILTER_INCLUDE, "abc", FILTER_INCLUDE, "cba", ""},
	    {FILTER_EXCLUDE, "abc", FILTER_EXCLUDE, "bcd", "ALLOW{a}+BLOCK{d}"},
	    {FILTER_EXCLUDE, "abc", FILTER_EXCLUDE, "", "ALLOW{a,b,c}"},
	    {FILTER_EXCLUDE, "", FILTER_EXCLUDE, "ab", "BLOCK{a,b}"},
	    {FILTER_INCLUDE, "ab", FILTER_EXCLUDE, "bc", "TO_EX{b,c}"},
	    {FILTER_INCLUDE, "", FILTER_EXCLUDE, "", "TO_EX{}"},
	    {FILTER_EXCLUDE, "ab", FILTER_INCLUDE, "bc", "TO_IN{b,c}"},
	    {FILTER_EXCLUDE, "", FILTER_INCLUDE, "", "TO_IN{}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct node n;

		node_start(&n, ONCE);
		node_set(&n, rows[i].from, rows[i].a);
		node_until(&n, 10);
		node_mark(&n);
		node_set(&n, rows[i].to, rows[i].b);
		node_drain(&n); /* at once */
		assert_trace(&n, rows[i].said);
		node_until(&n, 10); /* and, with a robustness of 1, no more */
		assert_trace(&n, rows[i].said);
		node_stop(&n);
	}
}

/* Said as often as the robustness says, each time within the Unsolicited Report Interval after the last. */
static void test_repetition(void **state)
{
	struct mld_host_conf conf = {.robustness = 4, .unsolicited_interval = span_ms(500)};
	struct node n;

	(void)state;
	node_start(&n, conf);
	node_set(&n, FILTER_INCLUDE, "a");
	node_drain(&n);
	assert_trace(&n, "ALLOW{a}");
	for (int i = 1; i < 4; i++) {
		mono_t next = mld_hosts_next_deadline(n.set);

		assert_true(mono_before(n.now.mono, next));
		assert_true(mono_sub(next, n.now.mono).ns <= span_ms(500).ns);
		n.now.mono = next;
		mld_hosts_expire(n.set, n.now);
		node_drain(&n);
	}
	assert_trace(&n, "ALLOW{a} ALLOW{a} ALLOW{a} ALLOW{a}");
	assert_true(mono_is_never(mld_hosts_next_deadline(n.set)));
	node_stop(&n);
}

/* Changes while reports are pending are merged into them (6.1). */
static void test_merging(void **state)
{
	struct node n;

	(void)state;
	node_start(&n, TWICE);
	node_set(&n, FILTER_INCLUDE, "a");
	node_drain(&n);
	node_set(&n, FILTER_INCLUDE, "b"); /* a counts 1, b and the new a count 2 */
	node_until(&n, 10);
	assert_trace(&n, "ALLOW{a} ALLOW{b}+BLOCK{a} ALLOW{b}+BLOCK{a}");

	node_mark(&n);
	node_set(&n, FILTER_INCLUDE, "bc");
	node_drain(&n);
	node_set(&n, FILTER_INCLUDE, "bcd"); /* c is said a second time with it, and no third */
	node_until(&n, 10);
	assert_trace(&n, "ALLOW{c} ALLOW{c,d} ALLOW{d}");

	node_mark(&n);
	node_set(&n, FILTER_EXCLUDE, "x");
	node_drain(&n);
	node_set(&n, FILTER_EXCLUDE, "xy"); /* the next are still of the mode; then one more for y would be too much */
	node_until(&n, 10);
	assert_trace(&n, "TO_EX{x} TO_EX{x,y} BLOCK{y}");

	node_mark(&n);
	node_set(&n, FILTER_INCLUDE, "");
	node_drain(&n);
	node_set(&n, FILTER_EXCLUDE, "");
	node_until(&n, 10);
	assert_trace(&n, "TO_IN{} TO_EX{} TO_EX{}");
	node_stop(&n);
}

/* Before they are fetched changes are one; what has been taken back is still told, since a report may be under way. */
static void test_changes_before_fetching(void **state)
{
	struct node n;

	(void)state;
	node_start(&n, ONCE);
	node_set_group(&n, 1, FILTER_INCLUDE, "a");
	node_set_group(&n, 1, FILTER_INCLUDE, "ab");
	node_set_group(&n, 2, FILTER_EXCLUDE, "");
	node_set_group(&n, 3, FILTER_INCLUDE, "c");
	node_set_group(&n, 3, FILTER_INCLUDE, "");
	node_drain(&n);
	assert_trace(&n, "TO_EX@2{}+ALLOW{a,b}+BLOCK@3{c}");
	node_until(&n, 10);
	assert_trace(&n, "TO_EX@2{}+ALLOW{a,b}+BLOCK@3{c}");
	node_stop(&n);
}

/* What is never reported (6). */
static void test_silent_groups(void **state)
{
	struct in6_addr node_local = address("ff01::1"), unicast = address("2001:db8::1"), local = address("ff02::5");
	struct filter any = FILTER_ANY;
	struct node n;

	(void)state;
	node_start(&n, ONCE);
	mld_upstream_set(n.up, n.now, &addr_all_nodes, &any);
	mld_upstream_set(n.up, n.now, &node_local, &any);
	mld_upstream_set(n.up, n.now, &unicast, &any);
	node_drain(&n);
	assert_trace(&n, "");
	mld_upstream_set(n.up, n.now, &local, &any);
	node_drain(&n);
	assert_trace(&n, "TO_EX@5{}");
	node_stop(&n);
}

static void test_announce(void **state)
{
	struct node n;

	(void)state;
	node_start(&n, ONCE);
	node_set_group(&n, 1, FILTER_INCLUDE, "ab");
	node_set_group(&n, 2, FILTER_EXCLUDE, "c");
	node_until(&n, 5);
	node_mark(&n);
	mld_upstream_announce(n.up, n.now);
	node_drain(&n);
	assert_trace(&n, "ALLOW{a,b}+TO_EX@2{c}");
	node_stop(&n);

	/* What is being taken back is not forgotten over it. */
	node_start(&n, TWICE);
	node_set_group(&n, 1, FILTER_INCLUDE, "ab");
	node_set_group(&n, 2, FILTER_EXCLUDE, "");
	node_until(&n, 5);
	node_set_group(&n, 1, FILTER_INCLUDE, "b");
	node_set_group(&n, 2, FILTER_INCLUDE, "c");
	node_mark(&n);
	mld_upstream_announce(n.up, n.now);
	node_until(&n, 10);
	assert_trace(&n, "ALLOW{b}+BLOCK{a}+TO_IN@2{c} ALLOW{b}+ALLOW@2{c}");
	node_stop(&n);
}

/* RFC 3590: what was said from :: is said again when there is an address. node_drain() looks at the source. */
static void test_new_address(void **state)
{
	struct in6_addr self = address("fe80::7");
	struct mld_host_fx fx;
	struct mld_packet p;
	struct node n;

	(void)state;
	node_start(&n, ONCE);
	mld_upstream_set_self(n.up, n.now, &addr_any);
	node_set(&n, FILTER_INCLUDE, "a");
	assert_true(mld_hosts_pop(n.set, &fx));
	assert_int_equal(mld_decode(fx.packet, fx.len, &p), MLD_ERR_SOURCE_UNSPECIFIED);
	assert_false(mld_hosts_pop(n.set, &fx));
	mld_upstream_set_self(n.up, n.now, &self);
	node_drain(&n);
	assert_trace(&n, "ALLOW{a}");
	node_stop(&n);
}

/* ---- answers (6.2, 6.3) ---- */

static void test_answer_general(void **state)
{
	struct node n;

	(void)state;
	node_start(&n, ONCE);
	node_query(&n, general(10), "");
	assert_true(mono_is_never(mld_hosts_next_deadline(n.set))); /* nothing to report */
	node_set_group(&n, 1, FILTER_INCLUDE, "ab");
	node_set_group(&n, 2, FILTER_EXCLUDE, "");
	node_set_group(&n, 3, FILTER_EXCLUDE, "c");
	node_set_group(&n, 4, FILTER_EXCLUDE, "");
	node_set_group(&n, 4, FILTER_INCLUDE, "");
	node_until(&n, 5);
	node_mark(&n);
	node_query(&n, general(10), "");
	node_drain(&n);
	assert_trace(&n, ""); /* never at once */
	node_until(&n, 10);
	assert_trace(&n, "IS_IN{a,b}+IS_EX@2{}+IS_EX@3{c}");
	node_until(&n, 100);
	assert_trace(&n, "IS_IN{a,b}+IS_EX@2{}+IS_EX@3{c}");
	node_stop(&n);
}

static void test_answer_specific(void **state)
{
	static const struct {
		enum filter_mode mode;
		const char *state, *asked, *said;
	} rows[] = {
	    {FILTER_INCLUDE, "abc", "", "IS_IN{a,b,c}"},
	    {FILTER_EXCLUDE, "abc", "", "IS_EX{a,b,c}"},
	    {FILTER_INCLUDE, "abc", "bcd", "IS_IN{b,c}"}, /* A*B */
	    {FILTER_EXCLUDE, "abc", "bcd", "IS_IN{d}"},	  /* B-A */
	    {FILTER_INCLUDE, "abc", "de", ""},
	    {FILTER_EXCLUDE, "abc", "ab", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct node n;

		node_start(&n, ONCE);
		node_set(&n, rows[i].mode, rows[i].state);
		node_set_group(&n, 9, FILTER_EXCLUDE, "");
		node_until(&n, 5);
		node_mark(&n);
		node_query(&n, specific(&n, 1), rows[i].asked);
		node_drain(&n);
		assert_trace(&n, "");
		node_until(&n, 1);
		assert_trace(&n, rows[i].said);
		node_stop(&n);
	}
}

/* A group that is gone when its answer is due is not answered for. */
static void test_answer_for_nothing(void **state)
{
	struct node n;

	(void)state;
	node_start(&n, ONCE);
	node_query(&n, specific(&n, 1), "");
	assert_true(mono_is_never(mld_hosts_next_deadline(n.set)));
	node_set(&n, FILTER_EXCLUDE, "");
	node_drain(&n);
	node_query(&n, specific(&n, 1), "");
	node_set(&n, FILTER_INCLUDE, "");
	node_until(&n, 5);
	assert_trace(&n, "TO_EX{} TO_IN{} TO_IN{}"); /* the query's QRV is 2 */
	node_stop(&n);
}

/* The five rules of 6.2, each run with many seeds' worth of delays. */
static void test_rules_of_answers(void **state)
{
	struct node n;

	(void)state;
	node_start(&n, ONCE);
	node_set(&n, FILTER_INCLUDE, "abcd");
	node_until(&n, 5);
	for (int i = 0; i < 50; i++) {
		/* 1: a General answer that comes sooner does for a specific query. */
		node_mark(&n);
		node_query(&n, general(0.001), "");
		n.now.mono = mono_add(n.now.mono, span_ns(0));
		node_query(&n, specific(&n, 100), "");
		node_until(&n, 200);
		if (strcmp(n.trace.s, "IS_IN{a,b,c,d}"))
			assert_trace(&n, "IS_IN{a,b,c,d} IS_IN{a,b,c,d}"); /* the draw below 1 ms of 100 s */
		/* 2: a later General Query replaces the pending answer to an earlier one when it wants it sooner. */
		node_mark(&n);
		node_query(&n, general(100), "");
		node_query(&n, general(0.001), "");
		node_until(&n, 200);
		assert_trace(&n, "IS_IN{a,b,c,d}");
		/* 4: group and source asked, then the group: one answer, of all. */
		node_mark(&n);
		node_query(&n, specific(&n, 2), "ab");
		node_query(&n, specific(&n, 2), "");
		node_until(&n, 200);
		assert_trace(&n, "IS_IN{a,b,c,d}");
		/* 4, the other way round: the sources are not recorded beside a pending answer of all. */
		node_mark(&n);
		node_query(&n, specific(&n, 2), "");
		node_query(&n, specific(&n, 2), "ab");
		node_until(&n, 200);
		assert_trace(&n, "IS_IN{a,b,c,d}");
		/* 5: sources asked twice are asked together, at the earlier instant. */
		node_mark(&n);
		node_query(&n, specific(&n, 100), "ab");
		node_query(&n, specific(&n, 0.1), "bcx");
		node_until(&n, 0.1);
		assert_trace(&n, "IS_IN{a,b,c}");
		node_until(&n, 200);
		assert_trace(&n, "IS_IN{a,b,c}");
	}
	node_stop(&n);
}

/* QRV rules while it is heard; 0 gives our own back (9.1). */
static void test_robustness_of_the_querier(void **state)
{
	struct mld_query q = general(1);
	struct node n;

	(void)state;
	node_start(&n, TWICE);
	q.qrv = 3;
	node_query(&n, q, "");
	node_set(&n, FILTER_INCLUDE, "a");
	node_until(&n, 10);
	assert_trace(&n, "ALLOW{a} ALLOW{a} ALLOW{a}");
	node_mark(&n);
	q.qrv = 0;
	node_query(&n, q, "");
	node_until(&n, 10);
	node_mark(&n);
	node_set(&n, FILTER_INCLUDE, "b");
	node_until(&n, 10);
	assert_trace(&n, "ALLOW{b}+BLOCK{a} ALLOW{b}+BLOCK{a}");
	node_stop(&n);
}

/* ---- MLDv1 upstream (8.2.1, RFC 2710 4) ---- */

static struct mld_query v1_query(double resp)
{
	return (struct mld_query){.version = 1, .max_resp = span_ms((int64_t)(resp * 1000))};
}

static void test_v1_only(void **state)
{
	struct mld_host_conf conf = {.v1_only = true, .robustness = 2};
	struct node n;

	(void)state;
	node_start(&n, conf);
	assert_int_equal(mld_upstream_version(n.up), 1);
	node_set(&n, FILTER_INCLUDE, "a");
	node_until(&n, 5);
	node_set(&n, FILTER_EXCLUDE, "b"); /* is nothing that could be said */
	node_until(&n, 10);
	assert_trace(&n, "Report@1 Report@1");
	node_query(&n, general(1), "");
	node_until(&n, 12);
	node_query(&n, specific(&n, 1), "ab");
	node_until(&n, 14);
	assert_trace(&n, "Report@1 Report@1 Report@1 Report@1");
	node_mark(&n);
	node_set(&n, FILTER_INCLUDE, "");
	node_until(&n, 20);
	assert_trace(&n, "Done@1");

	node_mark(&n);
	node_set(&n, FILTER_EXCLUDE, ""); /* left while the first report is still to be repeated: one Done all the same */
	node_drain(&n);
	node_set(&n, FILTER_INCLUDE, "a");
	node_set(&n, FILTER_INCLUDE, "");
	node_until(&n, 30);
	assert_trace(&n, "Report@1 Done@1");
	node_stop(&n);
}

static void test_v1_querier(void **state)
{
	struct node n;

	(void)state;
	node_start(&n, TWICE);
	node_set_group(&n, 1, FILTER_INCLUDE, "a");
	node_set_group(&n, 2, FILTER_EXCLUDE, "");
	node_drain(&n);
	node_mark(&n); /* their repetitions are cancelled by the change of version */
	node_query(&n, v1_query(5), "");
	assert_int_equal(mld_upstream_version(n.up), 1);
	node_until(&n, 5);
	assert_trace(&n, "Report@1 Report@2");
	node_set_group(&n, 3, FILTER_INCLUDE, "c");
	node_set_group(&n, 3, FILTER_INCLUDE, "");
	node_until(&n, 259);
	assert_trace(&n, "Report@1 Report@2 Done@3");
	assert_int_equal(mld_upstream_version(n.up), 1);
	/* Older Version Querier Present: 2 * 125 s + 10 s. */
	node_until(&n, 261);
	assert_int_equal(mld_upstream_version(n.up), 2);
	node_mark(&n);
	node_set_group(&n, 1, FILTER_INCLUDE, "ab");
	node_drain(&n);
	assert_trace(&n, "ALLOW{b}");
	assert_int_equal(mld_upstream_counter(n.up, MLD_HOST_QUERIES_V1), 1);
	node_stop(&n);
}

/* What waits to be said at once survives the change of version. */
static void test_version_change_before_fetching(void **state)
{
	struct node n;

	(void)state;
	node_start(&n, TWICE);
	node_set_group(&n, 1, FILTER_INCLUDE, "a");
	node_query(&n, v1_query(5), "");
	node_set_group(&n, 2, FILTER_EXCLUDE, "");
	node_drain(&n);
	assert_trace(&n, "Report@2 Report@1");
	node_stop(&n);
}

static void test_v1_suppression(void **state)
{
	struct mld_host_conf conf = {.v1_only = true, .robustness = 1};
	struct in6_addr other = address("fe80::9");
	struct mld_packet p;
	uint8_t bytes[256];
	struct node n;

	(void)state;
	node_start(&n, conf);
	node_set(&n, FILTER_EXCLUDE, "");
	node_until(&n, 1);
	node_mark(&n);
	node_query(&n, specific(&n, 5), "");
	assert_int_equal(mld_decode(bytes, mld_encode_v1(MLD_V1_REPORT, &n.group, &other, bytes, sizeof(bytes)), &p),
			 MLD_OK);
	mld_upstream_recv(n.up, n.now, &p);
	node_until(&n, 10);
	assert_trace(&n, "");
	node_stop(&n);
}

/* ---- packing (5.2.15) ---- */

struct sums {
	unsigned packets, records, sources;
	size_t largest;
};

static struct sums sum_up(struct node *n)
{
	struct sums s = {0};
	struct mld_host_fx fx;
	struct mld_record r;
	struct mld_packet p;

	while (mld_hosts_pop(n->set, &fx)) {
		assert_int_equal(mld_decode(fx.packet, fx.len, &p), MLD_OK);
		s.packets++;
		s.largest = fx.len > s.largest ? fx.len : s.largest;
		for (size_t cursor = 0; mld_next_record(&p, &cursor, &r);) {
			s.records++;
			s.sources += r.n;
		}
	}
	return s;
}

static void set_many(struct node *n, unsigned groups)
{
	struct in6_addr group = address("ff0e::2:0:0");
	struct filter any = FILTER_ANY;

	for (unsigned i = 0; i < groups; i++) {
		group.s6_addr[13] = (uint8_t)(i >> 16);
		group.s6_addr[14] = (uint8_t)(i >> 8);
		group.s6_addr[15] = (uint8_t)i;
		assert_true(mld_upstream_set(n->up, n->now, &group, &any));
	}
}

/* Changes of one instant are repeated at one instant, in one packet. */
static void test_repetitions_are_packed(void **state)
{
	struct sums s;
	struct node n;

	(void)state;
	node_start(&n, TWICE);
	set_many(&n, 30);
	for (int i = 0; i < 2; i++) {
		s = sum_up(&n);
		assert_int_equal(s.packets, 1);
		assert_int_equal(s.records, 30);
		n.now.mono = mono_min(mld_hosts_next_deadline(n.set), mono_add(n.now.mono, span_s(1)));
		mld_hosts_expire(n.set, n.now);
	}
	assert_int_equal(sum_up(&n).packets, 0);
	node_stop(&n);
}

static void test_many_groups(void **state)
{
	struct mld_host_conf conf = {.mtu = 1460, .robustness = 1};
	struct sums s;
	struct node n;

	(void)state;
	node_start(&n, conf);
	set_many(&n, 700);
	s = sum_up(&n);
	assert_int_equal(s.packets, 10); /* 70 records in each */
	assert_int_equal(s.records, 700);
	assert_true(s.largest <= 1460);
	node_stop(&n);
}

/* INCLUDE lists are told in pieces, EXCLUDE lists as far as they fit. */
static void test_long_lists(void **state)
{
	struct in6_addr group = address("ff0e::1"), v[200];
	struct mld_host_conf conf = {.robustness = 1};
	bool oom = false;
	struct filter f;
	struct sums s;
	struct node n;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		v[i] = address("2001:db8::");
		v[i].s6_addr[15] = (uint8_t)i;
	}
	node_start(&n, conf);
	node_set_group(&n, 2, FILTER_EXCLUDE, "");
	f = filter_of(FILTER_INCLUDE, v, 200, &oom);
	assert_true(mld_upstream_set(n.up, n.now, &group, &f));
	s = sum_up(&n);
	assert_int_equal(s.sources, 200);
	assert_int_equal(s.packets, 4); /* one, then 75 + 75 + 50 */
	assert_int_equal(s.records, 4);
	assert_true(s.largest <= 1280);
	filter_drop(&f);
	f = filter_of(FILTER_EXCLUDE, v, 200, &oom);
	assert_true(mld_upstream_set(n.up, n.now, &group, &f));
	s = sum_up(&n);
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.sources, 75);
	filter_drop(&f);
	node_stop(&n);
}

/* The answer of a listener to very many groups is spread over the time that the query gives. */
static void test_answers_are_spread(void **state)
{
	struct mld_host_conf conf = {.mtu = 1460, .robustness = 1};
	unsigned records_said = 0, worst = 0;
	struct node n;
	mono_t end;

	(void)state;
	node_start(&n, conf);
	set_many(&n, 20000);
	sum_up(&n);
	node_query(&n, general(10), "");
	end = mono_add(n.now.mono, span_s(10));
	while (!mono_before(end, mld_hosts_next_deadline(n.set))) {
		struct sums s;

		n.now.mono = mld_hosts_next_deadline(n.set);
		mld_hosts_expire(n.set, n.now);
		s = sum_up(&n);
		records_said += s.records;
		worst = s.packets > worst ? s.packets : worst;
	}
	assert_int_equal(records_said, 20000);
	assert_in_range(worst, 1, 17);
	assert_true(mono_is_never(mld_hosts_next_deadline(n.set)));
	node_stop(&n);
}

/* Another query in the middle of it has everything said once more; groups that go meanwhile do no harm. */
/* What the second query needs is said within its own delay, too, though the first one left more time. */
static void query_during_the_answer(double second_resp)
{
	struct mld_host_conf conf = {.mtu = 1460, .robustness = 1};
	unsigned records_said = 0;
	struct node n;
	mono_t end;

	node_start(&n, conf);
	set_many(&n, 5000);
	sum_up(&n);
	node_query(&n, general(10), "");
	n.now.mono = mld_hosts_next_deadline(n.set);
	mld_hosts_expire(n.set, n.now);
	records_said += sum_up(&n).records;
	node_query(&n, general(second_resp), "");
	end = mono_add(n.now.mono, span_ms((int64_t)(second_resp * 1000)));
	while (!mono_is_never(mld_hosts_next_deadline(n.set))) {
		assert_true(mono_before(n.now.mono, mld_hosts_next_deadline(n.set)));
		n.now.mono = mld_hosts_next_deadline(n.set);
		assert_false(mono_before(end, n.now.mono));
		mld_hosts_expire(n.set, n.now);
		records_said += sum_up(&n).records;
	}
	assert_int_equal(records_said, 10000);
	node_stop(&n);
}

static void test_query_during_the_answer(void **state)
{
	(void)state;
	query_during_the_answer(10);
	query_during_the_answer(1);
	query_during_the_answer(0.01);
}

/* ---- limits and memory ---- */

static void test_limit_of_groups(void **state)
{
	struct mld_host_conf conf = {.groups_max = 2, .robustness = 1};
	struct in6_addr third = address("ff0e::3");
	struct filter any = FILTER_ANY, got;
	struct node n;

	(void)state;
	node_start(&n, conf);
	node_set_group(&n, 1, FILTER_EXCLUDE, "");
	node_set_group(&n, 2, FILTER_EXCLUDE, "");
	assert_false(mld_upstream_set(n.up, n.now, &third, &any));
	assert_false(mld_upstream_get(n.up, &third, &got));
	assert_int_equal(mld_upstream_counter(n.up, MLD_HOST_LIMIT_GROUPS), 1);
	node_drain(&n);
	assert_trace(&n, "TO_EX{}+TO_EX@2{}");
	node_set_group(&n, 1, FILTER_INCLUDE, "");
	node_drain(&n);
	assert_true(mld_upstream_set(n.up, n.now, &third, &any));
	node_stop(&n);
}

/* Source lists count, and what becomes less is never refused. */
static void test_limit_of_memory(void **state)
{
	struct mld_host_conf conf = {.memory_max = 300, .robustness = 1};
	struct in6_addr second = address("ff0e::2"), v[26];
	struct filter any = FILTER_ANY, many, few, got;
	struct node n;
	bool oom = false;

	(void)state;
	many = filter_of(FILTER_INCLUDE, v, sources_named("abcdefghijklmnopqrstuvwxyz", v), &oom);
	few = filter_of(FILTER_INCLUDE, v, sources_named("abcdefghijklmno", v), &oom);
	node_start(&n, conf);
	assert_false(mld_upstream_set(n.up, n.now, &second, &many));
	assert_int_equal(mld_upstream_groups(n.up), 0);
	assert_true(mld_upstream_set(n.up, n.now, &second, &few));
	assert_in_range(mld_upstream_used(n.up), 15 * 16, 300);
	assert_false(mld_upstream_set(n.up, n.now, &second, &many));
	node_set_group(&n, 1, FILTER_INCLUDE, "");
	assert_int_equal(mld_upstream_counter(n.up, MLD_HOST_LIMIT_MEMORY), 2);
	assert_true(mld_upstream_get(n.up, &second, &got));
	assert_true(filter_eq(&got, &few));
	filter_drop(&got);
	assert_true(mld_upstream_set(n.up, n.now, &second, &any));
	assert_in_range(mld_upstream_used(n.up), 1, 64);
	node_set_group(&n, 1, FILTER_EXCLUDE, "");
	node_set_group(&n, 1, FILTER_INCLUDE, "");
	node_set_group(&n, 2, FILTER_INCLUDE, "");
	node_until(&n, 10);
	assert_int_equal(mld_upstream_used(n.up), 0);
	filter_drop(&many);
	filter_drop(&few);
	node_stop(&n);
}

static void test_memory(void **state)
{
	struct mld_host_conf conf = {.mtu = 1460};
	size_t before, full;
	struct node n;

	(void)state;
	node_start(&n, conf);
	before = mld_hosts_bytes(n.set);
	set_many(&n, 10000);
	sum_up(&n);
	full = mld_hosts_bytes(n.set);
	assert_true(full > before);
	for (int round = 0; round < 3; round++) {
		struct in6_addr group = address("ff0e::2:0:0");

		for (unsigned i = 0; i < 10000; i++) {
			group.s6_addr[14] = (uint8_t)(i >> 8);
			group.s6_addr[15] = (uint8_t)i;
			assert_true(mld_upstream_set(n.up, n.now, &group, &FILTER_NONE));
		}
		while (!mono_is_never(mld_hosts_next_deadline(n.set))) {
			sum_up(&n);
			n.now.mono = mld_hosts_next_deadline(n.set);
			mld_hosts_expire(n.set, n.now);
		}
		sum_up(&n);
		set_many(&n, 10000);
		sum_up(&n);
		assert_true(mld_hosts_bytes(n.set) <= full);
	}
	node_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table_of_changes),
	    cmocka_unit_test(test_repetition),
	    cmocka_unit_test(test_merging),
	    cmocka_unit_test(test_changes_before_fetching),
	    cmocka_unit_test(test_repetitions_are_packed),
	    cmocka_unit_test(test_silent_groups),
	    cmocka_unit_test(test_announce),
	    cmocka_unit_test(test_new_address),
	    cmocka_unit_test(test_answer_general),
	    cmocka_unit_test(test_answer_specific),
	    cmocka_unit_test(test_answer_for_nothing),
	    cmocka_unit_test(test_rules_of_answers),
	    cmocka_unit_test(test_robustness_of_the_querier),
	    cmocka_unit_test(test_v1_only),
	    cmocka_unit_test(test_v1_querier),
	    cmocka_unit_test(test_version_change_before_fetching),
	    cmocka_unit_test(test_v1_suppression),
	    cmocka_unit_test(test_many_groups),
	    cmocka_unit_test(test_long_lists),
	    cmocka_unit_test(test_answers_are_spread),
	    cmocka_unit_test(test_query_during_the_answer),
	    cmocka_unit_test(test_limit_of_groups),
	    cmocka_unit_test(test_limit_of_memory),
	    cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
