/* SPDX-License-Identifier: BSD-2-Clause */
/* Notices that the wall clock was set, by an operator or as NTP first knows the time: deadlines that were computed from times of day, those of
 * static subscriptions, are to be computed again. A timer on that clock, which never ends, is cancelled by such a step. */
#include "roamcastd/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/log.h"

/* In the year 2242; from 2262 on the kernel takes it for the end of time. */
#define FAR_AWAY ((time_t)0x1ffffffff)

static int arm(int fd)
{
	const struct itimerspec never = {.it_value.tv_sec = FAR_AWAY};

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0 ? -errno : 0;
}

static void stepped(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	uint64_t times;

	(void)what;
	/* The answer to a step is ECANCELED; to read it is what makes the timer silent again. */
	if (read(fd, &times, sizeof(times)) < 0 && errno == EAGAIN)
		return;
	(void)arm(fd);
	log_notice("the wall clock was set: start and end times of subscriptions are computed again");
	if (d->mag)
		mag_clock_stepped(d->mag, clock_now());
	daemon_pump(d);
}

int clock_step_watch(struct daemon *d)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = arm(fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	d->clock_step = event_new(d->base, fd, EV_READ | EV_PERSIST, stepped, d);
	if (!d->clock_step) {
		close(fd);
		return -ENOMEM;
	}
	event_add(d->clock_step, NULL);
	return 0;
}

void clock_step_stop(struct daemon *d)
{
	int fd;

	if (!d->clock_step)
		return;
	fd = event_get_fd(d->clock_step);
	event_free(d->clock_step);
	d->clock_step = NULL;
	close(fd);
}
