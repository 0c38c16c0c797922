/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct in6_addr addr(const char *s)
{
	struct in6_addr a;

	assert_true(addr_parse(s, &a));
	return a;
}

static struct prefix prefix(const char *s)
{
	struct prefix p;

	assert_true(prefix_parse(s, &p));
	return p;
}

static void constants(void **state)
{
	char buf[ADDR_STR_MAX];

	(void)state;
	assert_string_equal(addr_str(&addr_any, buf), "::");
	assert_string_equal(addr_str(&addr_all_nodes, buf), "ff02::1");
	assert_string_equal(addr_str(&addr_all_routers, buf), "ff02::2");
	assert_string_equal(addr_str(&addr_all_mldv2_routers, buf), "ff02::16");
	assert_string_equal(addr_str(&addr_mag_link_local, buf), "fe80::200:5eff:fe00:5213");
}

static void kinds(void **state)
{
	struct in6_addr a = addr("fe80::1"), b = addr("febf::1"), c = addr("fec0::1"), g = addr("ff3e::1");

	(void)state;
	assert_true(addr_is_link_local(&a));
	assert_true(addr_is_link_local(&b));
	assert_false(addr_is_link_local(&c));
	assert_true(addr_is_any(&addr_any));
	assert_false(addr_is_any(&a));
	assert_true(addr_is_multicast(&g));
	assert_false(addr_is_multicast(&a));
	assert_int_equal(addr_scope(&g), MC_SCOPE_GLOBAL);
	assert_int_equal(addr_scope(&addr_all_nodes), MC_SCOPE_LINK);
	assert_true(addr_is_ssm(&g));
	g = addr("ff3e:0:1::1");
	assert_true(addr_is_ssm(&g));
	g = addr("ff3e:1::1"); /* not in ff3x::/32 */
	assert_false(addr_is_ssm(&g));
	g = addr("ff1e::1");
	assert_false(addr_is_ssm(&g));
	assert_true(addr_cmp(&a, &b) < 0);
	assert_true(addr_cmp(&b, &a) > 0);
}

static void link_layer(void **state)
{
	struct in6_addr group = addr("ff1e::12:3456:789a"), ll = addr_link_local_of(mac_mag_fixed);
	uint8_t mac[6];
	char buf[ADDR_STR_MAX];

	(void)state;
	addr_multicast_mac(&group, mac);
	assert_memory_equal(mac, "\x33\x33\x34\x56\x78\x9a", 6);
	assert_true(addr_eq(&ll, &addr_mag_link_local)); /* RFC 6543: one follows from the other */
	ll = addr_link_local_of((const uint8_t[6]){ 0x02, 0, 0, 0, 0, 0xa1 });
	assert_string_equal(addr_str(&ll, buf), "fe80::ff:fe00:a1");
}

static void prefixes(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool contains;
	} rows[] = {
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::/0", "ff02::1", true },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "2001:db8::1/128", "2001:db8::2", false },
		{ "2001:db8::1/127", "2001:db8::", true },
	};
	struct prefix a = prefix("2001:db8::/64"), b = prefix("2001:db8::1/64"), c = prefix("2001:db8::/65");
	char buf[PREFIX_STR_MAX];

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct prefix p = prefix(rows[i].prefix);
		struct in6_addr x = addr(rows[i].addr);

		if (prefix_contains(&p, &x) != rows[i].contains)
			fail_msg("%s in %s", rows[i].addr, rows[i].prefix);
	}
	assert_true(prefix_eq(&a, &b));
	assert_false(prefix_eq(&a, &c));
	b = prefix_masked(b);
	assert_string_equal(prefix_str(&b, buf), "2001:db8::/64");
	b = prefix_masked(prefix("ffff:ffff::/17"));
	assert_string_equal(prefix_str(&b, buf), "ffff:8000::/17");
	b = prefix_masked(prefix("ffff::/0"));
	assert_string_equal(prefix_str(&b, buf), "::/0");
	b = prefix("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255");
	assert_string_equal(prefix_str(&b, buf), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
}

static void texts_that_are_none(void **state)
{
	static const char *const no_prefix[] = { "", "/", "::/", "::/129", "::/1000", "::/-1", "::/+1", "::/01", "::/1x",
						 "::/ 1", "1.2.3.4/8", "fe80::1%eth0", "::1 ", "::/6/4",
						 "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555/64" };
	static const char *const no_lladdr[] = { "", "0", "000", "00:", "00:1", "00:11-22", "00 11", ":00", "0g",
						 "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00" };
	struct prefix p = { .len = 77 };
	struct lladdr a = { .len = 7 };
	struct in6_addr x = { { { 9 } } };

	(void)state;
	for (size_t i = 0; i < N(no_prefix); i++)
		if (prefix_parse(no_prefix[i], &p))
			fail_msg("prefix '%s'", no_prefix[i]);
	for (size_t i = 0; i < N(no_lladdr); i++)
		if (lladdr_parse(no_lladdr[i], &a))
			fail_msg("link-layer address '%s'", no_lladdr[i]);
	assert_false(addr_parse("::1/128", &x));
	assert_int_equal(p.len, 77);
	assert_int_equal(a.len, 7);
	assert_int_equal(x.s6_addr[0], 9);
}

static void link_layer_texts(void **state)
{
	struct lladdr a, b;
	char buf[LLADDR_STR_MAX];
	uint8_t octets[20];

	(void)state;
	assert_true(lladdr_parse("00-00-5E-00-52-13", &a));
	assert_int_equal(a.len, 6);
	assert_string_equal(lladdr_str(&a, buf), "00:00:5e:00:52:13");
	b = lladdr_of(mac_mag_fixed, 6);
	assert_true(lladdr_eq(&a, &b));
	b.len = 5;
	assert_false(lladdr_eq(&a, &b));
	memset(octets, 0xff, sizeof(octets));
	a = lladdr_of(octets, sizeof(octets));
	assert_int_equal(a.len, LLADDR_MAX);
	assert_int_equal(strlen(lladdr_str(&a, buf)), LLADDR_STR_MAX - 1);
	assert_true(lladdr_parse(buf, &b));
	assert_true(lladdr_eq(&a, &b));
	a = lladdr_of(NULL, 0);
	assert_string_equal(lladdr_str(&a, buf), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants),	       cmocka_unit_test(kinds),
		cmocka_unit_test(link_layer),	       cmocka_unit_test(prefixes),
		cmocka_unit_test(texts_that_are_none), cmocka_unit_test(link_layer_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
