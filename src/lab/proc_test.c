/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/proc.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void *until_told(void *fd)
{
	char c;

	(void)!read(*(int *)fd, &c, 1);
	_exit(0);
}

/* A process whose first thread has ended lives as long as another does. */
static void lives_with_its_last_thread(void **state)
{
	int told[2], tells[2];
	struct proc p;
	char stat[256];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(told) | pipe(tells), 0);
	pid = fork();
	if (!pid) {
		pthread_t other;

		close(told[1]);
		p = proc_self();
		if (pthread_create(&other, NULL, until_told, &told[0]) || write(tells[1], &p, sizeof(p)) != sizeof(p))
			_exit(1);
		pthread_exit(NULL);
	}
	assert_true(pid > 0);
	assert_int_equal(read(tells[0], &p, sizeof(p)), sizeof(p));
	snprintf(stat, sizeof(stat), "grep -q '^State:.Z' /proc/%d/status", (int)pid);
	for (int i = 0; i < 500 && system(stat); i++)
		proc_nap(span_ms(10));
	assert_int_equal(system(stat), 0);
	assert_true(proc_alive(&p));
	assert_false(proc_wait(&p, span_ms(20)));
	assert_int_equal(write(told[1], "x", 1), 1);
	assert_true(proc_wait(&p, span_s(10)));
	assert_false(proc_alive(&p));
	close(told[0]), close(told[1]), close(tells[0]), close(tells[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lives_with_its_last_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
