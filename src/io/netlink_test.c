/* SPDX-License-Identifier: BSD-2-Clause */
/* In a network namespace of its own, with the loopback interface as the link. */
#include "io/netlink.h"

#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
	struct event_base *base, *idle;
	struct netlink *netlink;
	struct netlink *other; /* somebody else, who changes things and does not listen */
	uint32_t lo;
	int fd;
	char said[256];
};

static void on_link(void *arg, const struct link_info *l, const struct link_info *told)
{
	struct bench *b = arg;
	size_t len = strlen(b->said);

	if (l->ifindex == b->lo)
		snprintf(b->said + len, sizeof(b->said) - len, "%s%s ", told ? "" : "new-", l->running ? "up" : "down");
}

static void on_gone(void *arg, const struct link_info *l) { (void)arg, (void)l; }
static void on_batch(void *arg) { (void)arg; }

static int begin(void **state)
{
	static const struct netlink_events events = {on_link, on_gone, on_batch};
	struct bench *b = calloc(1, sizeof(*b));

	*state = b;
	if (!b)
		return -1;
	b->fd = -1;
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return 0; /* not permitted here: skipped */
	b->base = event_base_new();
	b->idle = event_base_new();
	b->lo = if_nametoindex("lo");
	b->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return netlink_new(&b->netlink, b->base, &events, b) || netlink_new(&b->other, b->idle, &events, b) ? -1 : 0;
}

static int end(void **state)
{
	struct bench *b = *state;

	netlink_free(b->netlink);
	netlink_free(b->other);
	if (b->fd >= 0) {
		event_base_free(b->base);
		event_base_free(b->idle);
		close(b->fd);
	}
	free(b);
	return 0;
}

static struct bench *bench_of(void **state)
{
	struct bench *b = *state;

	if (!b->netlink)
		skip();
	return b;
}

static void switch_lo(struct bench *b, bool up)
{
	struct ifreq r = {.ifr_name = "lo"};

	assert_int_equal(ioctl(b->fd, SIOCGIFFLAGS, &r), 0);
	r.ifr_flags = (short)(up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
	assert_int_equal(ioctl(b->fd, SIOCSIFFLAGS, &r), 0);
}

static void set_mtu(struct bench *b, int mtu)
{
	struct ifreq r = {.ifr_name = "lo"};

	r.ifr_mtu = mtu;
	assert_int_equal(ioctl(b->fd, SIOCSIFMTU, &r), 0);
}

/* What is told of all that the kernel has said by now. */
static void told(struct bench *b, const char *expect)
{
	b->said[0] = 0;
	event_base_loop(b->base, EVLOOP_NONBLOCK);
	assert_string_equal(b->said, expect);
}

/* The kernel tells of new addresses from a thread of its own, some time after. */
static void told_in_time(struct bench *b, const char *expect)
{
	const struct timeval time = {.tv_usec = 50000};

	b->said[0] = 0;
	event_base_loopexit(b->base, &time);
	event_base_dispatch(b->base);
	assert_string_equal(b->said, expect);
}

static void until_has(struct bench *b, const struct in6_addr *a)
{
	const struct timeval step = {.tv_usec = 1000};

	for (int i = 0; i < 2000 && !link_info_has(netlink_find(b->netlink, b->lo), a); i++) {
		event_base_loopexit(b->base, &step);
		event_base_dispatch(b->base);
	}
	assert_true(link_info_has(netlink_find(b->netlink, b->lo), a));
}

static struct in6_addr numbered(uint8_t n)
{
	struct in6_addr a = {.s6_addr = {0xfe, 0x80}};

	a.s6_addr[15] = n;
	return a;
}

static void what_exists_is_told_when_asked_for(void **state)
{
	struct bench *b = bench_of(state);

	told(b, "");
	netlink_tell_all(b->netlink);
	assert_string_equal(b->said, "new-down ");
	told(b, "");
	switch_lo(b, true);
	told(b, "up ");
	b->said[0] = 0;
	netlink_tell_all(b->netlink);
	assert_string_equal(b->said, "new-up ");
}

/* One piece of news of what changed at one time, and none where it is as before. */
static void changes_are_told_together(void **state)
{
	struct bench *b = bench_of(state);
	struct in6_addr one = numbered(1), two = numbered(2);

	netlink_tell_all(b->netlink);
	set_mtu(b, 2000);
	switch_lo(b, true);
	told(b, "up ");
	assert_int_equal(netlink_find(b->netlink, b->lo)->mtu, 2000);
	assert_int_equal(netlink_add_address(b->other, b->lo, &one, 64), 0);
	until_has(b, &one);
	assert_int_equal(netlink_add_address(b->other, b->lo, &two, 64), 0);
	until_has(b, &two);
	assert_true(addr_eq(&netlink_find(b->netlink, b->lo)->link_local, &one));
	set_mtu(b, 3000);
	set_mtu(b, 2000);
	told(b, "");
	assert_int_equal(netlink_del_address(b->other, b->lo, &one, 64), 0);
	told(b, "up ");
	assert_true(addr_eq(&netlink_find(b->netlink, b->lo)->link_local, &two));
	assert_false(link_info_has(netlink_find(b->netlink, b->lo), &one));
}

static void that_it_was_down_is_always_told(void **state)
{
	struct bench *b = bench_of(state);

	switch_lo(b, true);
	told(b, "new-up ");
	switch_lo(b, false);
	switch_lo(b, true);
	told(b, "down up ");
	switch_lo(b, false);
	switch_lo(b, true);
	switch_lo(b, false);
	told(b, "down ");
}

static void own_changes_are_known_and_not_told(void **state)
{
	struct bench *b = bench_of(state);
	struct in6_addr one = numbered(1);
	const struct link_info *l = netlink_find(b->netlink, b->lo);

	switch_lo(b, true);
	told(b, "new-up ");
	assert_int_equal(netlink_add_address(b->netlink, b->lo, &one, 64), 0);
	assert_true(addr_eq(&l->link_local, &one));
	told_in_time(b, "");
	assert_int_equal(netlink_add_address(b->netlink, b->lo, &one, 64), 0); /* it is there */
	told(b, "");
	assert_int_equal(netlink_del_address(b->netlink, b->lo, &one, 64), 0);
	assert_true(addr_is_any(&l->link_local));
	assert_int_equal(netlink_del_address(b->netlink, b->lo, &one, 64), 0); /* it is not */
	told_in_time(b, "");
}

static void names(void **state)
{
	struct bench *b = bench_of(state);
	char name[16];

	assert_true(netlink_name(b->netlink, b->lo, name));
	assert_string_equal(name, "lo");
	assert_false(netlink_name(b->netlink, 12345, name));
	assert_ptr_equal(netlink_find_name(b->netlink, "lo"), netlink_find(b->netlink, b->lo));
	assert_null(netlink_find_name(b->netlink, "l"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_exists_is_told_when_asked_for, begin, end),
		cmocka_unit_test_setup_teardown(changes_are_told_together, begin, end),
		cmocka_unit_test_setup_teardown(that_it_was_down_is_always_told, begin, end),
		cmocka_unit_test_setup_teardown(own_changes_are_known_and_not_told, begin, end),
		cmocka_unit_test_setup_teardown(names, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
