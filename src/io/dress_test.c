/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/dress.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SETTINGS "accept_ra=0 forwarding=1 addr_gen_mode=1 "

/* A link, what is done to it in words, and how the kernel takes it: as netlink.h has it, what was done is known at once. */
struct bench {
	struct dress *dress;
	struct dress_conf conf;
	struct link_info link;
	char said[512];
	int answer; /* of what is done */
};

static void say(struct bench *b, const char *fmt, ...)
{
	size_t len = strlen(b->said);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(b->said + len, sizeof(b->said) - len, fmt, ap);
	va_end(ap);
}

static int on_set(void *arg, const char *link, const char *key, const char *value)
{
	struct bench *b = arg;

	assert_string_equal(link, b->link.name);
	say(b, "%s=%s ", key, value);
	return b->answer;
}

static int on_mac(void *arg, uint32_t ifindex, const uint8_t mac[6])
{
	struct bench *b = arg;

	assert_int_equal(ifindex, b->link.ifindex);
	say(b, "mac ");
	if (!b->answer)
		memcpy(b->link.mac, mac, 6);
	return b->answer;
}

static struct in6_addr numbered(uint8_t n)
{
	struct in6_addr a = {.s6_addr = {0xfe, 0x80}};

	a.s6_addr[15] = n;
	return a;
}

static void has(struct bench *b, const struct in6_addr *a, bool there)
{
	struct in6_addr *v = b->link.link_locals, left[LINK_LOCALS_MAX] = {0};
	unsigned n = 0;

	for (unsigned i = 0; i < LINK_LOCALS_MAX; i++)
		if (!addr_is_any(&v[i]) && !addr_eq(&v[i], a))
			left[n++] = v[i];
	if (there)
		left[n] = *a;
	memcpy(v, left, sizeof(left));
}

static int on_add(void *arg, uint32_t ifindex, const struct in6_addr *a)
{
	struct bench *b = arg;

	(void)ifindex;
	say(b, "add%u ", a->s6_addr[15]);
	if (!b->answer)
		has(b, a, true);
	return b->answer;
}

static int on_del(void *arg, uint32_t ifindex, const struct in6_addr *a)
{
	struct bench *b = arg;

	(void)ifindex;
	say(b, "del%u ", a->s6_addr[15]);
	if (!b->answer)
		has(b, a, false);
	return b->answer;
}

static void on_problem(void *arg, const char *link, const char *text)
{
	struct bench *b = arg;

	(void)link;
	say(b, "problem(%.8s) ", text);
}

static const struct dress_ops ops = {on_set, on_mac, on_add, on_del, on_problem};

static int begin(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b || !(b->dress = dress_new(&ops, b)))
		return -1;
	b->conf = (struct dress_conf){.self = numbered(1), .fixed_mac = true};
	b->link = (struct link_info){.ifindex = 7, .name = "acc7", .mac = {2}, .mtu = 1500};
	*state = b;
	return 0;
}

static int end(void **state)
{
	struct bench *b = *state;

	dress_free(b->dress);
	free(b);
	return 0;
}

static void told(struct bench *b, const char *expect)
{
	b->said[0] = 0;
	dress_link(b->dress, &b->link, &b->conf);
	assert_string_equal(b->said, expect);
}

/* All that a link needs it gets when it comes; up and down, and what was done here, is nothing more to do. */
static void once(void **state)
{
	struct bench *b = *state;

	told(b, "mac add1 " SETTINGS);
	told(b, "");
	b->link.running = true;
	told(b, "");
	b->link.operational = true;
	b->link.carrier_downs++;
	told(b, "");
	b->link.running = b->link.operational = false;
	told(b, "");
}

static void a_link_that_is_up_already(void **state)
{
	struct bench *b = *state;
	struct in6_addr other = numbered(9);

	b->link.running = true;
	has(b, &other, true);
	told(b, "mac del9 add1 " SETTINGS);
	told(b, "");
}

static void what_has_come_undone(void **state)
{
	struct bench *b = *state;
	struct in6_addr self = numbered(1), other = numbered(9), third = numbered(10);

	b->link.running = true;
	told(b, "mac add1 " SETTINGS);
	has(b, &self, false);
	told(b, "add1 ");
	has(b, &other, true);
	has(b, &third, true);
	told(b, "del9 del10 ");
	b->link.mac[5]++;
	told(b, "mac ");
	b->link.mtu = 1280;
	told(b, SETTINGS);
	told(b, "");
}

/* Its nodes are to be told of at once, and the address would be lost. But a device may take a MAC address only now. */
static void a_link_that_is_down_waits(void **state)
{
	struct bench *b = *state;
	struct in6_addr self = numbered(1);

	told(b, "mac add1 " SETTINGS);
	has(b, &self, false);
	told(b, "");
	b->link.running = true;
	told(b, "add1 ");
	b->link.running = false;
	b->link.mac[5]++;
	told(b, "mac ");
}

static void a_mac_address_that_is_refused(void **state)
{
	struct bench *b = *state;

	b->link.running = true;
	b->answer = -EBUSY;
	told(b, "mac problem(cannot t) add1 problem(cannot a) "
		"accept_ra=0 problem(cannot s) forwarding=1 problem(cannot s) addr_gen_mode=1 problem(cannot s) ");
	b->answer = 0;
	told(b, "add1 "); /* not asked again while it is in use */
	b->link.running = false;
	told(b, "mac ");
	b->conf.fixed_mac = false;
	b->link.mac[5]++;
	b->link.running = true;
	told(b, ""); /* nor where it need not */
}

static void a_link_that_is_gone_is_no_problem(void **state)
{
	struct bench *b = *state;

	b->answer = -ENODEV;
	told(b, "mac add1 " SETTINGS);
	dress_forget(b->dress, 7);
	dress_forget(b->dress, 7);
	b->answer = 0;
	told(b, "mac add1 " SETTINGS);
}

static void after_a_reload(void **state)
{
	struct bench *b = *state;

	b->link.running = true;
	told(b, "mac add1 " SETTINGS);
	dress_forget_all(b->dress);
	told(b, SETTINGS);
	b->conf.self = numbered(2);
	told(b, "del1 add2 ");
	told(b, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(once, begin, end),
		cmocka_unit_test_setup_teardown(a_link_that_is_up_already, begin, end),
		cmocka_unit_test_setup_teardown(what_has_come_undone, begin, end),
		cmocka_unit_test_setup_teardown(a_link_that_is_down_waits, begin, end),
		cmocka_unit_test_setup_teardown(a_mac_address_that_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(a_link_that_is_gone_is_no_problem, begin, end),
		cmocka_unit_test_setup_teardown(after_a_reload, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
