/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/log.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum log_level threshold = LOG_LV_INFO;
static bool as_json;
static bool to_journal;

void log_setup(enum log_level level, bool json)
{
	threshold = level;
	as_json = json;
	to_journal = getenv("JOURNAL_STREAM") != NULL;
}

bool log_on(enum log_level level) { return level <= threshold; }

static const char *level_name(enum log_level level)
{
	switch (level) {
	case LOG_LV_ERROR:
		return "error";
	case LOG_LV_WARNING:
		return "warning";
	case LOG_LV_NOTICE:
		return "notice";
	case LOG_LV_INFO:
		return "info";
	case LOG_LV_DEBUG:
		return "debug";
	}
	return "?";
}

static void time_text(char *buf, size_t size)
{
	struct timespec ts;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	size_t n = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, size - n, ".%06ldZ", ts.tv_nsec / 1000);
}

void log_at(enum log_level level, const char *fmt, ...)
{
	char text[2048], when[40];
	va_list ap;

	if (!log_on(level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* one line an entry, whatever a name from outside holds */
	for (char *c = text; *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	if (as_json) {
		time_text(when, sizeof(when));
		json_t *j = json_pack("{s:s, s:s, s:s}", "time", when, "level", level_name(level), "text", text);
		char *line = j ? json_dumps(j, JSON_COMPACT) : NULL;
		fprintf(stderr, "%s\n", line ? line : text);
		free(line);
		json_decref(j);
	} else if (to_journal) {
		fprintf(stderr, "<%d>%s\n", (int)level, text);
	} else {
		time_text(when, sizeof(when));
		fprintf(stderr, "%s %s: %s\n", when, level_name(level), text);
	}
}
