/* SPDX-License-Identifier: BSD-2-Clause */
/* What a service manager is told: sd_notify(3) by hand. */
#include "io/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* A manager's socket by that name, which may be abstract ('@'). */
static int manager(const char *name)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(sa.sun_path, name, len);
	if (name[0] == '@')
		sa.sun_path[0] = 0;
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void heard(int fd, const char *want)
{
	char text[512];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	assert_non_null(strstr(text, want));
}

static void silent(int fd)
{
	char c;

	assert_true(recv(fd, &c, 1, 0) < 0);
}

static void told(void **state)
{
	char dir[] = "/tmp/notify-XXXXXX", path[64], abstract[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(abstract, sizeof(abstract), "@roamcast-notify-%d", (int)getpid());
	for (int i = 0; i < 2; i++) {
		int fd = manager(i ? abstract : path);

		notify_ready("MAG m1 is up");
		heard(fd, "READY=1\nSTATUS=MAG m1 is up");
		notify_reloading();
		heard(fd, "RELOADING=1\nMONOTONIC_USEC=");
		notify_watchdog();
		heard(fd, "WATCHDOG=1");
		notify_stopping();
		heard(fd, "STOPPING=1");
		setenv("NOTIFY_SOCKET", "relative", 1);
		notify_stopping();
		unsetenv("NOTIFY_SOCKET");
		notify_stopping();
		silent(fd);
		close(fd);
	}
	unlink(path);
	rmdir(dir);
}

/* The watchdog is for the process that is named, or for whichever where none is. */
static void watchdog(void **state)
{
	char pid[16];

	(void)state;
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
	assert_int_equal(notify_watchdog_us(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(notify_watchdog_us(), 30000000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog_us(), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_watchdog_us(), 30000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told),
		cmocka_unit_test(watchdog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
