/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Options of the lab's commands, as tables. */
#include <stdbool.h>
#include <stddef.h>

#include "base/time.h"

enum arg_kind {
	ARG_FLAG,    /* to: bool *, set */
	ARG_TEXT,    /* to: const char ** */
	ARG_NUMBER,  /* to: unsigned long *, from low to high */
	ARG_ADDRESS, /* to: const char **, the text of an IPv6 address */
	ARG_WORD,    /* to: const char **, one of `words` */
	ARG_SPAN,    /* to: span_t *, from low to high microseconds */
};

struct arg {
	const char *name;
	enum arg_kind kind;
	void *to;
	unsigned long low, high;
	const char *words; /* "auto|ebpf|user" */
	size_t *n;	   /* where it may be given again: `to` is an array, *n its items, */
	size_t max;	   /* and this its size */
};

#define ARGS_MAX 24

/* Reads the options, wherever they stand among the words, into what the table points to. The index of the first word
 * that is no option (the words are moved behind the options); -1 after it told what is wrong. */
int args_parse(int argc, char **argv, const struct arg *args, size_t n_args);

/* "20ms", "1.5ms", "300us", "2s", or "0". False: it is none, or longer than a day. */
bool args_span(const char *text, span_t *ret);
