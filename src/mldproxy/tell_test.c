/* SPDX-License-Identifier: BSD-2-Clause */
/* Events name the link, and the host or router that they are about; they come at a limited rate. */
#include "mldproxy/mldproxy.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { UPSTREAM = 1, LINK = 2, OTHER = 3 };

struct rig {
	struct mldproxy *p;
	struct now now;
	struct event last; /* of the kinds that are tested here */
	unsigned n;
};

static struct in6_addr address(const char *text)
{
	struct in6_addr a = addr_any;

	assert_true(addr_parse(text, &a));
	return a;
}

static void drain(struct rig *r)
{
	struct fx fx;

	while (mldproxy_pop(r->p, &fx)) {
		enum event_kind k = fx.kind == FX_EVENT ? fx.event.kind : EV_N;

		if (k != EV_LIMIT && k != EV_MLD_WARNING && k != EV_QUERIER_CHANGED && k != EV_MLD_VERSION)
			continue;
		r->last = fx.event;
		r->n++;
	}
}

static struct mldproxy_conf defaults(void)
{
	struct mldproxy_conf conf;

	mldproxy_conf_defaults(&conf);
	return conf;
}

static struct rig begin(const struct mldproxy_conf *conf)
{
	struct in6_addr up = address("fe80::9"), down = address("fe80::80");
	struct rig r = {.now = {.mono = {1000000000}, .wall = {1000000000}}};

	r.p = mldproxy_new(conf, r.now, 5);
	assert_non_null(r.p);
	mldproxy_upstream(r.p, r.now, UPSTREAM, &up, 1500);
	assert_true(mldproxy_downstream_up(r.p, r.now, LINK, "lan0", &down, 1500));
	assert_true(mldproxy_downstream_up(r.p, r.now, OTHER, "lan1", &down, 1500));
	drain(&r);
	assert_int_equal(r.n, 0);
	return r;
}

static void later(struct rig *r, int64_t s)
{
	r->now.mono = mono_add(r->now.mono, span_s(s));
	mldproxy_expire(r->p, r->now);
	drain(r);
}

/* The next event, and no other. */
static void expect(struct rig *r, enum event_kind kind, uint32_t ifindex, const char *peer, const char *group,
		   const char *detail)
{
	static const char *const names[] = {[UPSTREAM] = "", [LINK] = "lan0", [OTHER] = "lan1"};
	struct in6_addr p = peer ? address(peer) : addr_any, g = group ? address(group) : addr_any;

	drain(r);
	assert_int_equal(r->n, 1);
	assert_int_equal(r->last.kind, kind);
	assert_int_equal(r->last.ifindex, ifindex);
	assert_string_equal(r->last.link, names[ifindex]);
	assert_true(addr_eq(&r->last.peer, &p));
	assert_true(addr_eq(&r->last.group, &g));
	assert_string_equal(r->last.detail, detail);
	r->n = 0;
}

static void expect_none(struct rig *r)
{
	drain(r);
	assert_int_equal(r->n, 0);
}

static void heard(struct rig *r, uint32_t ifindex, const uint8_t *packet, size_t len)
{
	if (ifindex == UPSTREAM)
		mldproxy_recv_upstream(r->p, r->now, packet, len);
	else
		mldproxy_recv_downstream(r->p, r->now, ifindex, packet, len);
}

static void say(struct rig *r, uint32_t ifindex, const char *host, uint8_t type, const char *group, const char *source)
{
	struct in6_addr src = address(host), g = address(group), s = source ? address(source) : addr_any;
	struct mld_report rep;
	uint8_t packet[256];

	assert_true(mld_report_begin(&rep, &src, packet, sizeof(packet)));
	assert_true(mld_report_add(&rep, type, &g, &s, source != NULL));
	heard(r, ifindex, packet, mld_report_finish(&rep));
}

static void query(struct rig *r, uint32_t ifindex, const char *from, uint8_t version, const char *group)
{
	struct mld_query q = {
		.version = version, .max_resp = span_s(10), .qrv = 2, .qqi = span_s(125), .group = address(group)};
	struct in6_addr src = address(from);
	uint8_t packet[128];

	heard(r, ifindex, packet,
	      mld_encode_query(&q, NULL, &src, addr_is_any(&q.group) ? &addr_all_nodes : &q.group, packet, sizeof(packet)));
}

static void v1(struct rig *r, uint32_t ifindex, const char *host, enum mld_type type, const char *group)
{
	struct in6_addr src = address(host), g = address(group);
	uint8_t packet[128];

	heard(r, ifindex, packet, mld_encode_v1(type, &g, &src, packet, sizeof(packet)));
}

static uint64_t untold(const struct rig *r);

/* ---- limits ---- */

static void limits_name_link_and_host(void **state)
{
	struct mldproxy_conf conf = defaults();

	(void)state;
	conf.downstream_mld.groups_max = 2;
	conf.downstream_mld.host_groups_max = 1;
	struct rig r = begin(&conf);
	say(&r, OTHER, "fe80::77", MLD_CHANGE_TO_EXCLUDE, "ff0e::1", NULL);
	say(&r, OTHER, "fe80::77", MLD_CHANGE_TO_EXCLUDE, "ff0e::2", NULL);
	expect(&r, EV_LIMIT, OTHER, "fe80::77", "ff0e::2", "proxy.mld.groups-per-host");
	/* That of another link within ten seconds is counted, and shown. */
	say(&r, LINK, "fe80::78", MLD_CHANGE_TO_EXCLUDE, "ff0e::1", NULL);
	say(&r, LINK, "fe80::78", MLD_CHANGE_TO_EXCLUDE, "ff0e::3", NULL);
	expect_none(&r);
	assert_int_equal(untold(&r), 1);
	/* Another limit is told at once; whose turn it was is no matter of a link's limit. */
	say(&r, LINK, "fe80::79", MLD_CHANGE_TO_EXCLUDE, "ff0e::4", NULL);
	say(&r, LINK, "fe80::7a", MLD_CHANGE_TO_EXCLUDE, "ff0e::5", NULL);
	expect(&r, EV_LIMIT, LINK, NULL, "ff0e::5", "proxy.mld.groups");
	later(&r, 10);
	say(&r, LINK, "fe80::78", MLD_CHANGE_TO_EXCLUDE, "ff0e::3", NULL);
	expect(&r, EV_LIMIT, LINK, "fe80::78", "ff0e::3", "proxy.mld.groups-per-host");
	mldproxy_free(r.p);
}

static void limits_of_the_lists(void **state)
{
	static const struct {
		uint32_t groups, entries, sources;
		const char *name;
	} cases[] = {{1, 9, 9, "proxy.limits.groups"}, {9, 1, 9, "proxy.limits.entries"}, {9, 9, 1, "proxy.limits.sources"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mldproxy_conf conf = defaults();

		conf.groups_max = cases[i].groups;
		conf.downstream_mld.groups_max = 9;
		conf.entries_max = cases[i].entries;
		conf.sources_max = cases[i].sources;
		struct rig r = begin(&conf);
		say(&r, LINK, "fe80::77", MLD_ALLOW_NEW_SOURCES, "ff3e::8000:1", "2001:db8::1");
		expect_none(&r);
		say(&r, LINK, "fe80::77", MLD_ALLOW_NEW_SOURCES, "ff3e::8000:2", "2001:db8::1");
		if (cases[i].entries == 1) /* the router side has the same limit */
			expect(&r, EV_LIMIT, LINK, NULL, "ff3e::8000:2", "proxy.mld.groups");
		else
			expect(&r, EV_LIMIT, LINK, NULL, "ff3e::8000:2", cases[i].name);
		mldproxy_free(r.p);
	}
}

static void limits_upstream_and_of_links(void **state)
{
	struct mldproxy_conf conf = defaults();
	struct in6_addr self = address("fe80::80");

	(void)state;
	conf.links_max = 2;
	conf.upstream_mld.groups_max = 1;
	struct rig r = begin(&conf);
	assert_false(mldproxy_downstream_up(r.p, r.now, 77, "lan7", &self, 1500));
	drain(&r);
	assert_int_equal(r.last.ifindex, 77);
	assert_string_equal(r.last.link, "lan7");
	r.n = 0;
	say(&r, LINK, "fe80::77", MLD_CHANGE_TO_EXCLUDE, "ff0e::1", NULL);
	say(&r, LINK, "fe80::77", MLD_CHANGE_TO_EXCLUDE, "ff0e::2", NULL);
	expect(&r, EV_LIMIT, UPSTREAM, NULL, "ff0e::2", "proxy.upstream-mld.groups");
	mldproxy_free(r.p);
}

/* ---- warnings ---- */

static void queries_of_another_version(void **state)
{
	struct mldproxy_conf conf = defaults();

	(void)state;
	struct rig r = begin(&conf);
	query(&r, LINK, "fe80::100", 2, "::");
	expect_none(&r);
	query(&r, LINK, "fe80::100", 1, "::");
	expect(&r, EV_MLD_WARNING, LINK, "fe80::100", NULL, "an MLDv1 query, where MLDv2 is configured");
	/* Of each link at its own time. */
	for (unsigned i = 0; i < 5; i++)
		query(&r, LINK, "fe80::100", 1, "::");
	expect_none(&r);
	assert_int_equal(untold(&r), 5);
	query(&r, OTHER, "fe80::101", 1, "::");
	expect(&r, EV_MLD_WARNING, OTHER, "fe80::101", NULL, "an MLDv1 query, where MLDv2 is configured");
	later(&r, 10);
	query(&r, LINK, "fe80::100", 1, "::");
	expect(&r, EV_MLD_WARNING, LINK, "fe80::100", NULL, "an MLDv1 query, where MLDv2 is configured");
	mldproxy_free(r.p);

	conf.downstream_mld.v1_mode = true;
	r = begin(&conf);
	query(&r, LINK, "fe80::100", 1, "::");
	expect_none(&r);
	query(&r, LINK, "fe80::100", 2, "::");
	expect(&r, EV_MLD_WARNING, LINK, "fe80::100", NULL, "an MLDv2 query, where MLDv1 is configured");
	mldproxy_free(r.p);
}

/* RFC 3810 5.1.14, RFC 3590 4: on either side. Reports from :: are silently discarded. */
static void queries_without_a_link_local_source(void **state)
{
	const struct mldproxy_conf conf = defaults();
	struct rig r = begin(&conf);

	(void)state;
	query(&r, LINK, "::", 2, "::");
	expect(&r, EV_MLD_WARNING, LINK, NULL, NULL, "a query whose source address is not link-local");
	query(&r, OTHER, "2001:db8::1", 2, "ff0e::1");
	expect(&r, EV_MLD_WARNING, OTHER, "2001:db8::1", NULL, "a query whose source address is not link-local");
	query(&r, UPSTREAM, "2001:db8::2", 1, "::");
	expect(&r, EV_MLD_WARNING, UPSTREAM, "2001:db8::2", NULL, "a query whose source address is not link-local");
	later(&r, 10);
	say(&r, LINK, "::", MLD_CHANGE_TO_EXCLUDE, "ff0e::1", NULL);
	say(&r, LINK, "2001:db8::1", MLD_CHANGE_TO_EXCLUDE, "ff0e::1", NULL);
	expect_none(&r);
	mldproxy_free(r.p);
}

/* RFC 4604 2.2.5, 3.1, 3.5, 3.7. */
static void source_specific_groups(void **state)
{
	const struct mldproxy_conf conf = defaults();
	struct rig r = begin(&conf);

	(void)state;
	say(&r, LINK, "fe80::77", MLD_CHANGE_TO_EXCLUDE, "ff3e::8000:1", NULL);
	expect(&r, EV_MLD_WARNING, LINK, "fe80::77", "ff3e::8000:1", "a source-specific group asked for without sources");
	v1(&r, LINK, "fe80::78", MLD_V1_REPORT, "ff3e::8000:2");
	expect(&r, EV_MLD_WARNING, LINK, "fe80::78", "ff3e::8000:2", "an MLDv1 report about a source-specific group");
	v1(&r, OTHER, "fe80::78", MLD_V1_DONE, "ff3e::8000:2");
	expect(&r, EV_MLD_WARNING, OTHER, "fe80::78", "ff3e::8000:2", "an MLDv1 report about a source-specific group");
	query(&r, UPSTREAM, "fe80::1", 2, "ff3e::8000:2");
	expect_none(&r);
	query(&r, UPSTREAM, "fe80::1", 1, "ff3e::8000:2");
	drain(&r);
	assert_int_equal(r.n, 2); /* and that MLDv1 is spoken there now */
	mldproxy_free(r.p);
}

/* ---- queriers ---- */

static void queriers_are_told(void **state)
{
	const struct mldproxy_conf conf = defaults();
	struct rig r = begin(&conf);

	(void)state;
	query(&r, LINK, "fe80::1", 2, "::");
	expect(&r, EV_QUERIER_CHANGED, LINK, "fe80::1", NULL, "another router, MLDv2");
	query(&r, LINK, "fe80::1", 2, "::");
	expect_none(&r);
	later(&r, 256);
	expect(&r, EV_QUERIER_CHANGED, LINK, "fe80::80", NULL, "this router, MLDv2");
	mldproxy_free(r.p);
}

static void the_version_upstream_is_told(void **state)
{
	const struct mldproxy_conf conf = defaults();
	struct rig r = begin(&conf);

	(void)state;
	query(&r, UPSTREAM, "fe80::1", 2, "::");
	expect_none(&r);
	query(&r, UPSTREAM, "fe80::1", 1, "::");
	expect(&r, EV_MLD_VERSION, UPSTREAM, "fe80::1", NULL, "MLDv1");
	query(&r, UPSTREAM, "fe80::1", 1, "::");
	expect_none(&r);
	later(&r, 261);
	expect(&r, EV_MLD_VERSION, UPSTREAM, "fe80::1", NULL, "MLDv2");
	mldproxy_free(r.p);
}

/* ---- what is shown of it ---- */

struct found {
	const char *limit;
	bool seen;
	char link[MLDPROXY_NAME_MAX];
	struct in6_addr host, group;
};

static void find_limit(void *arg, const struct mldproxy_limit_view *v)
{
	struct found *f = arg;

	if (strcmp(v->setting, f->limit) != 0)
		return;
	f->seen = true;
	memcpy(f->link, v->link, sizeof(f->link));
	f->host = v->host;
	f->group = v->group;
}

static void sum_refused(void *arg, const struct mldproxy_link_view *v)
{
	uint64_t (*n)[2] = arg;

	for (size_t i = 0; i < MLDPROXY_LINK_LIMITS; i++)
		if (strcmp(v->refused[i].setting, "proxy.mld.groups-per-host") == 0)
			(*n)[v->ifindex == OTHER] += v->refused[i].n;
		else
			assert_int_equal(v->refused[i].n, 0);
}

static void untold_each(void *arg, const char *name, uint64_t value)
{
	if (strcmp(name, "events-limited") == 0)
		*(uint64_t *)arg = value;
}

static uint64_t untold(const struct rig *r)
{
	uint64_t n = UINT64_MAX;

	mldproxy_each_counter(r->p, untold_each, &n);
	return n;
}

static void the_last_one_is_shown(void **state)
{
	struct found f = {.limit = "proxy.mld.groups-per-host"};
	struct in6_addr host = address("fe80::77"), group = address("ff0e::3");
	struct mldproxy_conf conf = defaults();
	uint64_t refused[2] = {0};

	(void)state;
	conf.downstream_mld.host_groups_max = 1;
	struct rig r = begin(&conf);
	mldproxy_each_limit(r.p, find_limit, &f);
	assert_true(f.seen && !f.link[0] && addr_is_any(&f.host));
	say(&r, LINK, "fe80::78", MLD_CHANGE_TO_EXCLUDE, "ff0e::1", NULL);
	say(&r, LINK, "fe80::78", MLD_CHANGE_TO_EXCLUDE, "ff0e::2", NULL);
	say(&r, OTHER, "fe80::77", MLD_CHANGE_TO_EXCLUDE, "ff0e::1", NULL);
	say(&r, OTHER, "fe80::77", MLD_CHANGE_TO_EXCLUDE, "ff0e::2", NULL);
	say(&r, OTHER, "fe80::77", MLD_CHANGE_TO_EXCLUDE, "ff0e::3", NULL);
	mldproxy_each_limit(r.p, find_limit, &f);
	assert_string_equal(f.link, "lan1");
	assert_true(addr_eq(&f.host, &host) && addr_eq(&f.group, &group));
	mldproxy_each_link(r.p, sum_refused, &refused);
	assert_int_equal(refused[0], 1);
	assert_int_equal(refused[1], 2);
	drain(&r);
	mldproxy_free(r.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_name_link_and_host),
		cmocka_unit_test(limits_of_the_lists),
		cmocka_unit_test(limits_upstream_and_of_links),
		cmocka_unit_test(queries_of_another_version),
		cmocka_unit_test(queries_without_a_link_local_source),
		cmocka_unit_test(source_specific_groups),
		cmocka_unit_test(queriers_are_told),
		cmocka_unit_test(the_version_upstream_is_told),
		cmocka_unit_test(the_last_one_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
