/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/clock.h"

#include <time.h>

static int64_t read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

struct now clock_now(void)
{
	return (struct now){{read_ns(CLOCK_MONOTONIC)}, {read_ns(CLOCK_REALTIME)}};
}
