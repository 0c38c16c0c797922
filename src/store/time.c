/* SPDX-License-Identifier: BSD-2-Clause */
/* Times of day as text. */
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *store_time_str(wall_t t, char buf[STORE_TIME_MAX])
{
	int64_t ns = t.ns % 1000000000;
	time_t s = (time_t)(t.ns / 1000000000);
	struct tm tm;
	size_t n;

	if (ns < 0) {
		ns += 1000000000;
		s--;
	}
	gmtime_r(&s, &tm);
	n = strftime(buf, STORE_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	if (ns)
		n += (size_t)snprintf(buf + n, STORE_TIME_MAX - n, ".%03d", (int)(ns / 1000000));
	snprintf(buf + n, STORE_TIME_MAX - n, "Z");
	return buf;
}

/* Exactly `n` digits. */
static bool digits(const char **s, int n, int *ret)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if ((*s)[i] < '0' || (*s)[i] > '9')
			return false;
		v = v * 10 + ((*s)[i] - '0');
	}
	*s += n;
	*ret = v;
	return true;
}

static bool expect(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

bool store_time_parse(const char *s, wall_t *ret)
{
	struct tm tm = { 0 }, back;
	int64_t ns = 0, unit = 100000000;
	time_t t;

	if (!digits(&s, 4, &tm.tm_year) || !expect(&s, '-') || !digits(&s, 2, &tm.tm_mon) || !expect(&s, '-') ||
	    !digits(&s, 2, &tm.tm_mday) || !expect(&s, 'T') || !digits(&s, 2, &tm.tm_hour) || !expect(&s, ':') ||
	    !digits(&s, 2, &tm.tm_min) || !expect(&s, ':') || !digits(&s, 2, &tm.tm_sec))
		return false;
	if (*s == '.') {
		for (s++; *s >= '0' && *s <= '9' && unit; s++, unit /= 10)
			ns += (*s - '0') * unit;
		if (s[-1] == '.')
			return false;
	}
	if (!expect(&s, 'Z') || *s)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	back = tm;
	t = timegm(&tm);
	/* timegm() makes 1 March of 30 February: what it changed was no date. Beyond 2262 the count of nanoseconds
	 * ends. */
	if (back.tm_year != tm.tm_year || back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday ||
	    back.tm_hour != tm.tm_hour || back.tm_min != tm.tm_min || back.tm_sec != tm.tm_sec || t < 0 ||
	    t >= INT64_MAX / 1000000000)
		return false;
	ret->ns = (int64_t)t * 1000000000 + ns;
	return true;
}
