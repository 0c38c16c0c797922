/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Commands of `ip`, run many at a time. */
#include <stdbool.h>
#include <stddef.h>

/* Commands for `ip -batch`, collected as text. Zeroed: empty. */
struct batch {
	char *text;
	size_t len, size;
	bool failed; /* no memory: batch_run() tells */
};

void batch_add(struct batch *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Run the commands in namespace `netns` (NULL: here) and empty the batch. `force` goes on after an error and
 * keeps quiet about it. 0 or negative errno (-EIO: `ip` has told what is wrong on standard error). */
int batch_run(struct batch *b, const char *netns, bool force);
/* One command. */
int batch_one(const char *netns, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
