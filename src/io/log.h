/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Log lines to standard error: with journald's <N> prefix when a journal reads it, plain with the time on a terminal or in a file, or
 * JSON lines. Only the shell logs; engines emit events. */
#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_LV_ERROR = 3, LOG_LV_WARNING = 4, LOG_LV_NOTICE = 5, LOG_LV_INFO = 6, LOG_LV_DEBUG = 7 };

void log_setup(enum log_level level, bool json);
bool log_on(enum log_level level);
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_LV_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LV_WARNING, __VA_ARGS__)
#define log_notice(...) log_at(LOG_LV_NOTICE, __VA_ARGS__)
#define log_info(...) log_at(LOG_LV_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LV_DEBUG, __VA_ARGS__)
