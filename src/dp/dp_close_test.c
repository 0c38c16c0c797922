/* SPDX-License-Identifier: BSD-2-Clause */
#include "dp/dp_close.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 300 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned now, most, closed;

/* In the place of the C library's: as slow as it is with a packet socket. */
int close(int fd)
{
	pthread_mutex_lock(&lock);
	closed++;
	if (++now > most)
		most = now;
	pthread_mutex_unlock(&lock);
	usleep(5000);
	pthread_mutex_lock(&lock);
	now--;
	pthread_mutex_unlock(&lock);
	return (int)syscall(SYS_close, fd);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Many wait side by side; who closes waits for none of them, and the end for all. */
static void many_are_closed_at_once(void **state)
{
	struct dp_closer *c = dp_closer_new();
	int fds[MANY];

	(void)state;
	assert_non_null(c);
	closed = most = 0;
	for (int i = 0; i < MANY; i++)
		assert_true((fds[i] = dup(0)) >= 0);
	for (int i = 0; i < MANY; i++)
		dp_close_later(c, fds[i]);
	assert_null(dp_closer_free(c));
	assert_int_equal(closed, MANY);
	assert_int_equal(now, 0);
	assert_true(most > 8);
	for (int i = 0; i < MANY; i++)
		assert_false(is_open(fds[i]));
}

/* The threads end when there is nothing to do, and come again. */
static void one_after_the_other(void **state)
{
	struct dp_closer *c = dp_closer_new();

	(void)state;
	closed = most = 0;
	for (unsigned i = 1; i <= 5; i++) {
		int fd = dup(0);

		assert_true(fd >= 0);
		dp_close_later(c, fd);
		for (int tries = 0; is_open(fd) && tries < 1000; tries++)
			usleep(1000);
		assert_false(is_open(fd));
		assert_int_equal(closed, i);
	}
	dp_closer_free(c);
	assert_int_equal(most, 1);
	assert_null(dp_closer_free(dp_closer_new()));
	assert_null(dp_closer_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_are_closed_at_once),
		cmocka_unit_test(one_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
