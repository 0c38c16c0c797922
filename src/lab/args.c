/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/args.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lab/say.h"

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

bool args_span(const char *text, span_t *ret)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
	char *end;
	double n = strtod(text, &end);
	if (!isdigit((unsigned char)*text) || !(n >= 0 && n < 86400e6))
		return false;
	if (n == 0 && !*end) {
		*ret = span_ns(0);
		return true;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) != 0 || n * units[i].ns > 86400e9)
			continue;
		*ret = span_ns((int64_t)(n * units[i].ns + 0.5));
		return true;
	}
	return false;
}

static bool take_span(const struct arg *a, const char *text)
{
	span_t s;
	if (!args_span(text, &s) || span_to_us(s) < (int64_t)a->low || span_to_us(s) > (int64_t)a->high) {
		lab_say("--%s '%s': a time as 20ms is expected, up to %lu ms", a->name, text, a->high / 1000);
		return false;
	}
	*(span_t *)a->to = s;
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
	case ARG_SPAN:
		return take_span(a, text);
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
