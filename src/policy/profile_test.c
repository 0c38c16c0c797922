/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/profile.h"

#include "wire/mh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct in6_addr A(const char *s) {
	struct in6_addr a;

	assert_true(addr_parse(s, &a));
	return a;
}

static struct prefix
P(const char *s) {
	struct prefix p;

	assert_true(prefix_parse(s, &p));
	return p;
}

static void
range(struct profile *p, bool deny, const char *group, const char *source)
{
	struct prefix g = P(group), s = source ? P(source) : (struct prefix){.len = 0};

	assert_true(profile_add_range(p, deny, &g, source ? &s : NULL));
}

static void subscribe(struct profile *p, const char *group, const char *source, int64_t start_s, int64_t end_s)
{
	struct in6_addr g = A(group), s = source ? A(source) : addr_any;
	wall_t start = {start_s * 1000000000}, end = end_s < 0 ? WALL_NEVER : (wall_t){end_s * 1000000000};

	assert_true(profile_add_subscription(p, &g, &s, source ? 1 : 0, false, start, end));
}

static enum policy_verdict permits(const struct profile *p, const char *group, const char *source)
{
	struct in6_addr g = A(group), s = source ? A(source) : addr_any;

	return profile_permits(p, &g, &s);
}

static void an_empty_profile_permits_all_but_what_makes_no_sense(void **state)
{
	struct profile *p = profile_new();

	(void)state;
	assert_true(p->enabled);
	assert_true(p->multicast);
	assert_int_equal(p->initiation, PROFILE_INITIATION_NODE);
	assert_int_equal(permits(p, "ff1e::1", NULL), POLICY_PERMIT);
	assert_int_equal(permits(p, "ff3e::1", "2001:db8::1"), POLICY_PERMIT);
	assert_int_equal(permits(p, "ff3e::1", NULL), POLICY_SSM_NEEDS_SOURCE);
	assert_int_equal(permits(p, "2001:db8::1", NULL), POLICY_NOT_MULTICAST);
	p->multicast = false;
	assert_int_equal(permits(p, "ff1e::1", NULL), POLICY_SERVICE_OFF);
	assert_null(profile_unref(p));
}

static void a_denied_range_wins_over_all_else(void **state)
{
	struct profile *p = profile_new();

	(void)state;
	range(p, false, "ff1e::/16", NULL);
	range(p, true, "ff1e::/32", NULL);
	subscribe(p, "ff1e::7", NULL, 0, -1);
	assert_int_equal(permits(p, "ff1e::7", NULL), POLICY_DENIED_RANGE);
	assert_int_equal(permits(p, "ff1e:0:0:0::7", "2001:db8::1"), POLICY_DENIED_RANGE);
	assert_int_equal(permits(p, "ff1e:1::7", NULL), POLICY_PERMIT);
	assert_int_equal(permits(p, "ff15::7", NULL), POLICY_NOT_ALLOWED);
	profile_unref(p);
}

static void a_denied_source_denies_requests_that_name_it(void **state)
{
	struct profile *p = profile_new();

	(void)state;
	range(p, true, "ff3e::/16", "2001:db8:bad::/48");
	range(p, true, "ff1e::/16", "2001:db8:bad::/48");
	assert_int_equal(permits(p, "ff3e::1", "2001:db8:bad::1"), POLICY_DENIED_RANGE);
	assert_int_equal(permits(p, "ff3e::1", "2001:db8:1::1"), POLICY_PERMIT);
	assert_int_equal(permits(p, "ff1e::1", NULL), POLICY_PERMIT);
	profile_unref(p);
}

static void allowed_ranges_and_the_profiles_own_groups(void **state)
{
	struct profile *p = profile_new();

	(void)state;
	range(p, false, "ff3e::/32", "2001:db8:1::/48");
	subscribe(p, "ff1e::99", NULL, 0, -1);
	subscribe(p, "ff3e::99", "2001:db8:2::1", 0, -1);
	assert_int_equal(permits(p, "ff3e::1", "2001:db8:1::5"), POLICY_PERMIT);
	assert_int_equal(permits(p, "ff3e::1", "2001:db8:2::5"), POLICY_NOT_ALLOWED);
	assert_int_equal(permits(p, "ff1e::99", NULL), POLICY_PERMIT);
	assert_int_equal(permits(p, "ff1e::98", NULL), POLICY_NOT_ALLOWED);
	assert_int_equal(permits(p, "ff3e::99", "2001:db8:2::1"), POLICY_PERMIT);
	assert_int_equal(permits(p, "ff3e::99", "2001:db8:2::2"), POLICY_NOT_ALLOWED);
	profile_unref(p);
}

static void an_include_wish_loses_what_is_not_permitted(void **state)
{
	struct profile *p = profile_new();
	struct in6_addr g = A("ff3e::1"), s[3] = {A("2001:db8:1::1"), A("2001:db8:2::1"), A("2001:db8:1::2")};
	bool oom = false;
	struct filter wish = filter_of(FILTER_INCLUDE, s, 3, &oom), f;
	enum policy_verdict v;

	(void)state;
	f = profile_restrict(p, &g, &wish, 0, &v);
	assert_int_equal(v, POLICY_PERMIT);
	assert_true(filter_eq(&f, &wish));
	filter_drop(&f);

	f = profile_restrict(p, &g, &wish, 2, &v);
	assert_int_equal(v, POLICY_LIMIT_SOURCES);
	assert_int_equal(filter_count(&f), 2);
	filter_drop(&f);

	range(p, true, "ff3e::/16", "2001:db8:2::/48");
	f = profile_restrict(p, &g, &wish, 2, &v);
	assert_int_equal(v, POLICY_DENIED_RANGE);
	assert_int_equal(f.mode, FILTER_INCLUDE);
	assert_int_equal(filter_count(&f), 2);
	assert_false(filter_has_source(&f, &s[1]));
	filter_drop(&f);

	p->sources_max = 1; /* the profile's own limit is the one that counts */
	f = profile_restrict(p, &g, &wish, 64, &v);
	assert_int_equal(filter_count(&f), 1);
	filter_drop(&f);

	range(p, true, "ff3e::/16", "2001:db8:1::/48");
	f = profile_restrict(p, &g, &wish, 64, &v);
	assert_true(filter_is_none(&f));
	assert_int_equal(v, POLICY_DENIED_RANGE);
	filter_drop(&f);
	filter_drop(&wish);
	profile_unref(p);
}

static void an_exclude_wish_gains_the_denied_sources(void **state)
{
	struct profile *p = profile_new();
	struct in6_addr g = A("ff1e::1"), bad = A("2001:db8:bad::1"), mine[2] = {A("2001:db8::1"), A("2001:db8::2")};
	struct filter wish = FILTER_ANY, f;
	enum policy_verdict v;
	bool oom = false;

	(void)state;
	range(p, true, "ff1e::/16", "2001:db8:bad::1/128");
	range(p, true, "ff15::/16", "2001:db8:bad::2/128");
	f = profile_restrict(p, &g, &wish, 0, &v);
	assert_int_equal(v, POLICY_PERMIT);
	assert_int_equal(f.mode, FILTER_EXCLUDE);
	assert_int_equal(filter_count(&f), 1);
	assert_true(filter_has_source(&f, &bad));
	filter_drop(&f);

	wish = filter_of(FILTER_EXCLUDE, mine, 2, &oom);
	f = profile_restrict(p, &g, &wish, 1, &v);
	assert_int_equal(v, POLICY_LIMIT_SOURCES);
	assert_int_equal(filter_count(&f), 2);
	assert_true(filter_has_source(&f, &bad)); /* what is denied is never cut */
	filter_drop(&f);

	range(p, true, "ff1e::1/128", NULL);
	f = profile_restrict(p, &g, &wish, 0, &v);
	assert_int_equal(v, POLICY_DENIED_RANGE);
	assert_true(filter_is_none(&f));
	filter_drop(&wish);
	profile_unref(p);
}

static void a_wish_for_nothing_is_granted(void **state)
{
	struct profile *p = profile_new();
	struct in6_addr g = A("ff1e::1");
	struct filter f;
	enum policy_verdict v = POLICY_SCOPE;

	(void)state;
	p->multicast = false;
	f = profile_restrict(p, &g, &FILTER_NONE, 0, &v);
	assert_true(filter_is_none(&f));
	assert_int_equal(v, POLICY_PERMIT);
	profile_unref(p);
}

static void static_subscriptions_have_their_time(void **state)
{
	struct profile *p = profile_new();
	struct in6_addr g = A("ff1e::1"), other = A("ff1e::2");

	(void)state;
	subscribe(p, "ff1e::1", NULL, 100, 200);
	subscribe(p, "ff1e::2", NULL, 150, -1);
	assert_null(profile_static(p, &g, (wall_t){99000000000}));
	assert_ptr_equal(profile_static(p, &g, (wall_t){100000000000}), &p->subscriptions[0]);
	assert_non_null(profile_static(p, &g, (wall_t){199999999999}));
	assert_null(profile_static(p, &g, (wall_t){200000000000}));
	assert_non_null(profile_static(p, &other, (wall_t){200000000000}));
	assert_int_equal(profile_next_change(p, (wall_t){0}).ns, 100000000000);
	assert_int_equal(profile_next_change(p, (wall_t){100000000000}).ns, 150000000000);
	assert_int_equal(profile_next_change(p, (wall_t){150000000000}).ns, 200000000000);
	assert_int_equal(profile_next_change(p, (wall_t){200000000000}).ns, WALL_NEVER.ns);
	profile_unref(p);
}

static void limits_hold_while_it_is_built(void **state)
{
	struct profile *p = profile_new();
	struct in6_addr g = A("ff1e::1"), s[PROFILE_SOURCE_MAX + 1];
	struct prefix any = P("ff00::/8");

	(void)state;
	memset(s, 0, sizeof(s));
	assert_false(profile_add_subscription(p, &g, s, PROFILE_SOURCE_MAX + 1, false, (wall_t){0}, WALL_NEVER));
	for (int i = 0; i < PROFILE_SUBSCRIPTION_MAX; i++)
		assert_true(profile_add_subscription(p, &g, s, 2, true, (wall_t){0}, WALL_NEVER));
	assert_false(profile_add_subscription(p, &g, NULL, 0, false, (wall_t){0}, WALL_NEVER));
	for (int i = 0; i < PROFILE_RANGE_MAX; i++) {
		assert_true(profile_add_range(p, false, &any, NULL));
		assert_true(profile_add_range(p, true, &any, &any));
	}
	assert_false(profile_add_range(p, false, &any, NULL));
	assert_false(profile_add_range(p, true, &any, NULL));
	assert_int_equal(p->n_subscriptions, PROFILE_SUBSCRIPTION_MAX);
	assert_ptr_equal(profile_ref(p), p);
	assert_null(profile_unref(p)); /* the other reference holds it */
	assert_int_equal(p->n_allow, PROFILE_RANGE_MAX);
	profile_unref(p);
	assert_null(profile_unref(NULL));
}

static void mags_that_may_register(void **state)
{
	struct profile *p = profile_new();
	struct in6_addr mag = A("2001:db8:1::1"), other = A("2001:db8:2::1");

	(void)state;
	assert_true(profile_allows_mag(p, &mag));
	p->n_mags = 1;
	p->mags[0] = other;
	assert_false(profile_allows_mag(p, &mag));
	assert_true(profile_allows_mag(p, &other));
	profile_unref(p);
}

static void scopes(void **state)
{
	struct policy_scopes s = POLICY_SCOPES_DEFAULT, all = {0xffff};
	static const struct {
		const char *group;
		enum policy_verdict verdict;
	} t[] = {
		{"ff00::1", POLICY_SCOPE},
		{"ff11::1", POLICY_SCOPE},
		{"ff02::fb", POLICY_SCOPE},
		{"ff13::1", POLICY_SCOPE},
		{"ff14::1", POLICY_SCOPE},
		{"ff15::1", POLICY_SCOPE},
		{"ff18::1", POLICY_PERMIT},
		{"ff1d::1", POLICY_PERMIT},
		{"ff1e::1", POLICY_PERMIT},
		{"ff3e::1", POLICY_PERMIT},
		{"ff32::1", POLICY_SCOPE},
		{"ff1f::1", POLICY_SCOPE},
		{"2001:db8::1", POLICY_NOT_MULTICAST},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct in6_addr g = A(t[i].group);

		assert_int_equal(policy_scope(&s, &g), t[i].verdict);
	}
	for (const char *const *g = (const char *const[]){"ff01::1", "ff02::1", "ff12::1", NULL}; *g; g++) {
		struct in6_addr a = A(*g);

		assert_int_equal(policy_scope(&all, &a), POLICY_SCOPE); /* no configuration lets these off the link */
	}
}

static void every_verdict_has_a_name_and_a_result(void **state)
{
	(void)state;
	for (int v = POLICY_PERMIT; v <= POLICY_LIMIT_SOURCES; v++) {
		assert_string_not_equal(policy_verdict_name((enum policy_verdict)v), "?");
		assert_int_equal(policy_verdict_result((enum policy_verdict)v) == MH_SUB_ACCEPTED, v == POLICY_PERMIT);
	}
	for (int bit = 1; bit <= SUB_ORIGIN_REGISTRATION; bit <<= 1)
		assert_string_not_equal(sub_origin_name((uint8_t)bit), "?");
	assert_string_equal(sub_origin_name(SUB_ORIGIN_MLD), "mld");
	assert_string_equal(sub_origin_name(3), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_profile_permits_all_but_what_makes_no_sense),
		cmocka_unit_test(a_denied_range_wins_over_all_else),
		cmocka_unit_test(a_denied_source_denies_requests_that_name_it),
		cmocka_unit_test(allowed_ranges_and_the_profiles_own_groups),
		cmocka_unit_test(an_include_wish_loses_what_is_not_permitted),
		cmocka_unit_test(an_exclude_wish_gains_the_denied_sources),
		cmocka_unit_test(a_wish_for_nothing_is_granted),
		cmocka_unit_test(static_subscriptions_have_their_time),
		cmocka_unit_test(limits_hold_while_it_is_built),
		cmocka_unit_test(mags_that_may_register),
		cmocka_unit_test(scopes),
		cmocka_unit_test(every_verdict_has_a_name_and_a_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
