/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/say.h"

#include <stdarg.h>
#include <stdio.h>

void lab_say(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fputs("roamcast lab: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
}
