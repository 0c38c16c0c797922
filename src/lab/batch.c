/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/batch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/proc.h"

static void add_line(struct batch *b, const char *fmt, va_list args)
{
	char line[512];
	int n = vsnprintf(line, sizeof(line) - 1, fmt, args);
	if (n < 0 || (size_t)n >= sizeof(line) - 1) {
		b->failed = true;
		return;
	}
	line[n++] = '\n';
	if (b->len + (size_t)n + 1 > b->size) {
		size_t size = b->size ? b->size * 2 : 4096;
		char *text = realloc(b->text, size);
		if (!text) {
			b->failed = true;
			return;
		}
		b->text = text;
		b->size = size;
	}
	memcpy(b->text + b->len, line, (size_t)n);
	b->len += (size_t)n;
	b->text[b->len] = '\0';
}

void batch_add(struct batch *b, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	add_line(b, fmt, args);
	va_end(args);
}

int batch_run(struct batch *b, const char *netns, bool force)
{
	int r = b->failed ? -ENOMEM : 0;
	if (!r && b->len) {
		const char *argv[8];
		size_t n = 0;
		argv[n++] = "ip";
		if (netns) {
			argv[n++] = "-netns";
			argv[n++] = netns;
		}
		if (force)
			argv[n++] = "-force";
		argv[n++] = "-batch";
		argv[n++] = "-";
		argv[n] = NULL;
		r = proc_run(argv, b->text, NULL, force);
		if (r > 0)
			r = force ? 0 : -EIO;
	}
	free(b->text);
	*b = (struct batch){0};
	return r;
}

int batch_one(const char *netns, const char *fmt, ...)
{
	struct batch b = {0};
	va_list args;
	va_start(args, fmt);
	add_line(&b, fmt, args);
	va_end(args);
	return batch_run(&b, netns, false);
}
