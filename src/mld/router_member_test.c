/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups of many hosts: a host's member is found without looking at the others. */
#include "mld/router_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

enum { HOSTS = 5000 };

struct rig {
	struct mld_routers *set;
	struct mld_link *link;
	struct now now;
};

static struct in6_addr host_nr(uint32_t i)
{
	struct in6_addr a = {.s6_addr = {0xfe, 0x80}};

	a.s6_addr[13] = (uint8_t)(i >> 16);
	a.s6_addr[14] = (uint8_t)(i >> 8);
	a.s6_addr[15] = (uint8_t)i;
	return a;
}

static const struct in6_addr group = {.s6_addr = {0xff, 0x0e, [15] = 9}};

static struct rig begin(uint32_t hosts_max)
{
	struct mld_router_conf conf = {.hosts_max = hosts_max, .fast_leave = true};
	struct in6_addr self = host_nr(0xffffff);
	struct rig r = {.now = {.mono = {1000000000}}};

	r.set = mld_routers_new(&(struct mld_routers_conf){0}, 3);
	assert_non_null(r.set);
	r.set->now = r.now.mono;
	r.link = mld_link_new(r.set, r.now, &conf, &self, NULL);
	assert_non_null(r.link);
	return r;
}

static void drain(struct rig *r)
{
	struct mld_router_fx fx;

	while (mld_routers_pop(r->set, &fx))
		;
}

static void end(struct rig *r)
{
	drain(r);
	mld_routers_free(r->set);
}

static void pass(struct rig *r, span_t span)
{
	r->now.mono = mono_add(r->now.mono, span);
	mld_routers_expire(r->set, r->now);
	drain(r);
}

/* How many members it looked at. */
static uint64_t report(struct rig *r, uint32_t host, uint8_t type)
{
	struct in6_addr self = host_nr(host);
	uint64_t before = r->set->member_looks;
	struct mld_packet packet;
	struct mld_report rep;
	uint8_t bytes[128];

	assert_true(mld_report_begin(&rep, &self, bytes, sizeof(bytes)));
	assert_true(mld_report_add(&rep, type, &group, NULL, 0));
	assert_int_equal(mld_decode(bytes, mld_report_finish(&rep), &packet), MLD_OK);
	mld_link_recv(r->link, r->now, &packet);
	drain(r);
	return r->set->member_looks - before;
}

static uint64_t round_of(struct rig *r, uint32_t hosts, uint8_t type)
{
	uint64_t looks = 0;

	for (uint32_t i = 0; i < hosts; i++)
		looks += report(r, i, type);
	return looks;
}

/* Members come and go as in a plain list of who is there. */
static void who_is_in_is_found(void **state)
{
	static struct host *hosts[HOSTS];
	static bool in[HOSTS];
	struct rig r = begin(HOSTS);
	struct rng rng = rng_of(21);
	struct detail d = {0};

	(void)state;
	for (uint32_t i = 0; i < HOSTS; i++) {
		struct in6_addr a = host_nr(i);

		hosts[i] = host_get(r.link, &a);
		assert_non_null(hosts[i]);
	}
	for (uint32_t step = 0; step < 60000; step++) {
		uint32_t i = (uint32_t)rng_below(&rng, HOSTS);
		bool come = rng_below(&rng, 20000) > step % 20000;
		struct member *m = member_find(r.set, &d, hosts[i]);

		assert_int_equal(m != NULL, in[i]);
		if (m)
			assert_ptr_equal(m->host, hosts[i]);
		if (come && !m)
			assert_non_null(member_add(r.link, &d, hosts[i]));
		else if (!come && m)
			member_remove(r.link, &d, m);
		in[i] = come;
	}
	for (uint32_t i = 0; i < HOSTS; i++) {
		struct member *m = member_find(r.set, &d, hosts[i]);

		assert_int_equal(m != NULL, in[i]);
		if (m)
			member_remove(r.link, &d, m);
		host_put(r.link, hosts[i]);
	}
	assert_int_equal(d.n_members, 0);
	assert_null(d.members);
	end(&r);
}

/* To join, to say it again, to leave: as many steps among thousands as among a few. */
static void steps_do_not_grow_with_the_group(void **state)
{
	static const uint8_t said[] = {MLD_CHANGE_TO_EXCLUDE, MLD_MODE_IS_EXCLUDE, MLD_CHANGE_TO_INCLUDE};
	static const uint32_t sizes[] = {100, 1000, HOSTS};

	(void)state;
	for (size_t s = 0; s < 3; s++) {
		struct rig r = begin(HOSTS);

		for (size_t i = 0; i < sizeof(said); i++) {
			uint64_t looks = round_of(&r, sizes[s], said[i]);

			/* the few that are too few for an index are looked through: 32 of them at most */
			assert_true(looks < 8 * sizes[s] + 32 * 32);
		}
		end(&r);
	}
}

/* Where no more are tracked, those beyond do not have all others looked through for one that has fallen silent. */
static void nor_at_the_limit(void **state)
{
	struct rig r = begin(1000);
	uint64_t looks;

	(void)state;
	round_of(&r, 1000, MLD_CHANGE_TO_EXCLUDE);
	pass(&r, span_s(100));
	looks = round_of(&r, 900, MLD_MODE_IS_EXCLUDE);
	for (uint32_t i = 1000; i < 2000; i++)
		looks += report(&r, i, MLD_CHANGE_TO_EXCLUDE);
	assert_true(looks < 8 * 2000);
	assert_int_equal(mld_link_counter(r.link, MLD_ROUTER_LIMIT_HOSTS), 1000);
	/* A hundred have said nothing for a listening interval: there is room for as many. */
	pass(&r, span_s(161));
	looks = 0;
	for (uint32_t i = 1000; i < 2000; i++)
		looks += report(&r, i, MLD_CHANGE_TO_EXCLUDE);
	assert_true(looks < 8 * 2000);
	assert_int_equal(mld_link_counter(r.link, MLD_ROUTER_LIMIT_HOSTS), 1000 + 900);
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_in_is_found),
		cmocka_unit_test(steps_do_not_grow_with_the_group),
		cmocka_unit_test(nor_at_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
