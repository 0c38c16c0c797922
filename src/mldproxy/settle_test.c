/* SPDX-License-Identifier: BSD-2-Clause */
/* What one report asks for is carried on many groups at a time: all of it, and in its order. */
#include "mldproxy/mldproxy.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { UPSTREAM = 1, LINK = 2, MANY = 300 };

struct rig {
	struct mldproxy *p;
	struct now now;
};

static struct in6_addr address(const char *text)
{
	struct in6_addr a = addr_any;

	assert_true(addr_parse(text, &a));
	return a;
}

static struct in6_addr group_of(unsigned g)
{
	struct in6_addr a = address("ff0e::1:0");

	a.s6_addr[14] = (uint8_t)(g >> 8);
	a.s6_addr[15] = (uint8_t)g;
	return a;
}

static unsigned nr_of(const struct in6_addr *group)
{
	return (unsigned)group->s6_addr[14] << 8 | group->s6_addr[15];
}

static void drain(struct rig *r)
{
	struct fx fx;

	while (mldproxy_pop(r->p, &fx))
		;
}

static struct rig begin(void)
{
	struct in6_addr up = address("fe80::1"), down = address("fe80::2");
	struct rig r = {.now = {.mono = {1000000000}, .wall = {1000000000}}};
	struct mldproxy_conf conf;

	mldproxy_conf_defaults(&conf);
	r.p = mldproxy_new(&conf, r.now, 5);
	assert_non_null(r.p);
	mldproxy_upstream(r.p, r.now, UPSTREAM, &up, 1500);
	assert_true(mldproxy_downstream_up(r.p, r.now, LINK, "lan0", &down, 1500));
	drain(&r);
	return r;
}

struct said {
	unsigned group;
	uint8_t type;
};

static void say(struct rig *r, const char *host, const struct said *v, unsigned n)
{
	static uint8_t packet[16384];
	struct in6_addr src = address(host);
	struct mld_report rep;

	assert_true(mld_report_begin(&rep, &src, packet, sizeof(packet)));
	for (unsigned i = 0; i < n; i++) {
		struct in6_addr group = group_of(v[i].group);

		assert_true(mld_report_add(&rep, v[i].type, &group, NULL, 0));
	}
	mldproxy_recv_downstream(r->p, r->now, LINK, packet, mld_report_finish(&rep));
}

/* Each group once into the lists, in the order of the report; after the last, once into the reports upstream. */
static void check_joined(struct rig *r, enum dp_op_kind kind, uint8_t type)
{
	unsigned listed = 0, told = 0;
	struct mld_packet packet;
	struct mld_record record;
	struct fx fx;

	while (mldproxy_pop(r->p, &fx)) {
		if (fx.kind == FX_DP) {
			assert_int_equal(fx.dp.kind, kind);
			assert_int_equal(told, 0);
			assert_int_equal(nr_of(&fx.dp.flow.group), listed++);
		} else if (fx.kind == FX_LINK) {
			assert_int_equal(fx.link.ifindex, UPSTREAM);
			assert_int_equal(mld_decode(fx.link.bytes, fx.link.len, &packet), MLD_OK);
			for (size_t cursor = 0; mld_next_record(&packet, &cursor, &record);) {
				assert_int_equal(record.type, type);
				assert_int_equal(nr_of(&record.group), told++);
			}
		}
	}
	assert_int_equal(listed, MANY);
	assert_int_equal(told, MANY);
}

static void many_at_once(void **state)
{
	struct said join[MANY], leave[MANY];
	struct rig r = begin();

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		join[i] = (struct said){i, MLD_CHANGE_TO_EXCLUDE};
		leave[i] = (struct said){i, MLD_CHANGE_TO_INCLUDE};
	}
	say(&r, "fe80::77", join, MANY);
	check_joined(&r, DP_FLOW_ADD, MLD_CHANGE_TO_EXCLUDE);
	say(&r, "fe80::77", leave, MANY);
	check_joined(&r, DP_FLOW_DEL, MLD_CHANGE_TO_INCLUDE);
	mldproxy_free(r.p);
}

/* A leave that is asked about stands between two joins: so does its query between their operations. */
static void in_the_order_of_the_report(void **state)
{
	static const struct said first = {1, MLD_CHANGE_TO_EXCLUDE};
	static const struct said mixed[] = {
		{2, MLD_CHANGE_TO_EXCLUDE}, {1, MLD_CHANGE_TO_INCLUDE}, {3, MLD_CHANGE_TO_EXCLUDE}};
	struct rig r = begin();
	struct fx fx;

	(void)state;
	say(&r, "fe80::77", &first, 1);
	say(&r, "fe80::78", &first, 1);
	drain(&r);
	say(&r, "fe80::77", mixed, 3);
	assert_true(mldproxy_pop(r.p, &fx));
	assert_int_equal(fx.kind, FX_DP);
	assert_int_equal(nr_of(&fx.dp.flow.group), 2);
	assert_true(mldproxy_pop(r.p, &fx));
	assert_int_equal(fx.kind, FX_LINK);
	assert_int_equal(fx.link.ifindex, LINK);
	assert_true(mldproxy_pop(r.p, &fx));
	assert_int_equal(fx.kind, FX_DP);
	assert_int_equal(nr_of(&fx.dp.flow.group), 3);
	drain(&r);
	mldproxy_free(r.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(in_the_order_of_the_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
