/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/args.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lab/topo.h"

static bool take_number(const struct arg *a, const char *text)
{
	char *end;
	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	if (errno || !isdigit((unsigned char)*text) || *end || n < a->low || n > a->high) {
		lab_say("--%s '%s': a number from %lu to %lu is expected", a->name, text, a->low, a->high);
		return false;
	}
	*(unsigned long *)a->to = n;
	return true;
}

static bool is_word(const char *words, const char *text)
{
	size_t n = strlen(text);
	for (const char *w = words; *w; w += strcspn(w, "|"), w += *w == '|')
		if (n && strcspn(w, "|") == n && strncmp(w, text, n) == 0)
			return true;
	return false;
}

static bool take_text(const struct arg *a, const char *text)
{
	struct in6_addr addr;
	const char **to = a->to;
	if (a->kind == ARG_ADDRESS && inet_pton(AF_INET6, text, &addr) != 1) {
		lab_say("--%s '%s': an IPv6 address is expected", a->name, text);
		return false;
	}
	if (a->kind == ARG_WORD && !is_word(a->words, text)) {
		lab_say("--%s '%s': one of %s is expected", a->name, text, a->words);
		return false;
	}
	if (a->n && *a->n == a->max) {
		lab_say("--%s is given more than %zu times", a->name, a->max);
		return false;
	}
	to[a->n ? (*a->n)++ : 0] = text;
	return true;
}

static bool take(const struct arg *a, const char *text)
{
	switch (a->kind) {
	case ARG_FLAG:
		*(bool *)a->to = true;
		return true;
	case ARG_NUMBER:
		return take_number(a, text);
	case ARG_TEXT:
	case ARG_ADDRESS:
	case ARG_WORD:
		return take_text(a, text);
	}
	return false;
}

int args_parse(int argc, char **argv, const struct arg *args, size_t n_args)
{
	struct option known[ARGS_MAX + 1] = {{0}};
	for (size_t i = 0; i < n_args && i < ARGS_MAX; i++)
		known[i] = (struct option){args[i].name, args[i].kind != ARG_FLAG, NULL, (int)i};
	optind = 0; /* the program has used getopt before us, in another mode */
	for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;)
		if (c < 0 || (size_t)c >= n_args || !take(&args[c], optarg))
			return -1;
	return optind;
}
