/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/lab_cmd.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/stream.h"

#define DEFAULT_NAME "s1"
#define LIST_MAX 4096

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

struct start_options {
	struct stream s;
	const char *to; /* list of nodes */
	unsigned seconds;
	bool json;
};

static bool name_valid(const char *name)
{
	size_t n = strlen(name);
	if (n < 1 || n >= STREAMS_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '-')
			return false;
	return true;
}

static bool take_address(const char *what, const char *text, char ret[LAB_ADDR_MAX])
{
	struct in6_addr a;
	if (inet_pton(AF_INET6, text, &a) != 1) {
		lab_say("%s '%s': an IPv6 address is expected", what, text);
		return false;
	}
	snprintf(ret, LAB_ADDR_MAX, "%s", text);
	return true;
}

static bool take_number(const char *what, const char *text, unsigned long low, unsigned long high, unsigned long *ret)
{
	char *end;
	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	if (errno || !isdigit((unsigned char)*text) || *end || n < low || n > high) {
		lab_say("%s '%s': a number from %lu to %lu is expected", what, text, low, high);
		return false;
	}
	*ret = n;
	return true;
}

static bool parse_start(int argc, char **argv, struct start_options *o)
{
	static const struct option known[] = {
		{"group", 1, NULL, 'g'},	 {"any-source", 0, NULL, 'a'},
		{"source", 1, NULL, 's'},	 {"rate", 1, NULL, 'r'},
		{"size", 1, NULL, 'z'},	 {"count", 1, NULL, 'c'},
		{"port", 1, NULL, 'p'},	 {"from", 1, NULL, 'f'},
		{"no-sender", 0, NULL, 'n'}, {"passive", 0, NULL, 'v'},
		{"to", 1, NULL, 't'},	 {"seconds", 1, NULL, 'S'},
		{"json", 0, NULL, 'j'},	 {0},
	};
	unsigned long v = 0;
	bool ok = true;
	*o = (struct start_options){
		.s = {.name = DEFAULT_NAME, .to = STREAMS_GROUP, .source = LAB_SRC_ADDR, .from = "src",
		      .port = STREAM_PORT, .rate = 100, .size = 200},
		.to = "none",
	};
	for (int c; ok && (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
		switch (c) {
		case 'g': ok = take_address("--group", optarg, o->s.to); break;
		case 'a': o->s.source[0] = '\0'; break;
		case 's': ok = take_address("--source", optarg, o->s.source); break;
		case 'r': ok = take_number("--rate", optarg, 1, STREAM_RATE_MAX, &v); o->s.rate = (unsigned)v; break;
		case 'z':
			ok = take_number("--size", optarg, STREAM_SIZE_MIN, STREAM_SIZE_MAX, &v);
			o->s.size = (unsigned)v;
			break;
		case 'c': ok = take_number("--count", optarg, 1, 1ul << 40, &o->s.count); break;
		case 'p': ok = take_number("--port", optarg, 1, 65535, &v); o->s.port = (unsigned)v; break;
		case 'f': snprintf(o->s.from, sizeof(o->s.from), "%s", optarg); break;
		case 'n': o->s.from[0] = '\0'; break;
		case 'v': o->s.passive = true; break;
		case 't': o->to = optarg; break;
		case 'S': ok = take_number("--seconds", optarg, 1, 3600, &v); o->seconds = (unsigned)v; break;
		case 'j': o->json = true; break;
		default: ok = false; break;
		}
	}
	if (ok && optind < argc)
		snprintf(o->s.name, sizeof(o->s.name), "%s", argv[optind++]);
	return ok && optind == argc && name_valid(o->s.name);
}

static int join_list(struct lab *lab, const char *name, const char *list)
{
	char text[LIST_MAX], *rest = text;
	int r = 0;
	if (!strcmp(list, "none"))
		return 0;
	if (!strcmp(list, "all")) {
		for (size_t i = 0; !r && i < lab->n_mns; i++)
			r = streams_join(lab, name, lab->mns[i].name, NULL);
		return r;
	}
	snprintf(text, sizeof(text), "%s", list);
	for (char *node; !r && (node = strsep(&rest, ","));)
		r = streams_join(lab, name, node, NULL);
	return r;
}

static int start(struct lab *lab, const struct start_options *o)
{
	if (o->s.from[0] && !lab_has_node(lab, o->s.from)) {
		lab_say("no node '%s' in this lab", o->s.from);
		return -ENOENT;
	}
	int r = streams_start(lab, &o->s);
	if (!r)
		r = join_list(lab, o->s.name, o->to);
	int saved = lab_save(lab);
	return r ? r : saved;
}

static int print_report(const struct lab *lab, const char *name, bool json)
{
	json_t *report = streams_report(lab, name);
	if (!report)
		return 1;
	if (json) {
		json_dumpf(report, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		streams_print(report);
	}
	json_decref(report);
	return 0;
}

static int finish(struct lab *lab, const char *name, bool json)
{
	int r = streams_stop(lab, name) ? 1 : print_report(lab, name, json);
	if (!r)
		streams_forget(lab, name);
	return lab_save(lab) ? 1 : r;
}

/* The lab stays usable meanwhile: the lock is given back while the stream runs. */
static int cmd_run(struct lab *lab, struct start_options *o)
{
	struct sigaction sa = {.sa_handler = on_signal};
	char prefix[LAB_PREFIX_MAX];
	snprintf(prefix, sizeof(prefix), "%s", lab->prefix);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	if (!o->seconds) {
		lab_say("stream run: --seconds is needed");
		return 2;
	}
	int r = start(lab, o);
	lab_release(lab);
	mono_t end = mono_add(proc_clock(), span_s(o->seconds));
	while (!r && !stop && !mono_reached(end, proc_clock()))
		proc_nap(span_min(mono_sub(end, proc_clock()), span_ms(200)));
	if (lab_open(lab, prefix) < 0)
		return 1;
	int f = finish(lab, o->s.name, o->json);
	return r || stop ? 1 : f;
}

/* join NAME NODE [--source S]... [--any-source] [--block S]... [--passive] */
static int cmd_join(struct lab *lab, int argc, char **argv)
{
	static const struct option known[] = {
		{"source", 1, NULL, 's'}, {"any-source", 0, NULL, 'a'}, {"block", 1, NULL, 'b'},
		{"passive", 0, NULL, 'v'}, {0},
	};
	struct stream_wish w = {.passive = false};
	char addr[LAB_ADDR_MAX];
	bool own = false, ok = true;
	for (int c; ok && (c = getopt_long(argc, argv, "", known, NULL)) != -1; own = true) {
		bool block = c == 'b';
		unsigned *n = block ? &w.n_blocked : &w.n_sources;
		switch (c) {
		case 's':
		case 'b':
			ok = *n < STREAMS_SOURCES_MAX && take_address("source", optarg, addr);
			if (ok)
				(block ? w.blocked : w.sources)[(*n)++] = optarg;
			break;
		case 'a': break;
		case 'v': w.passive = true; break;
		default: ok = false; break;
		}
	}
	if (!ok || optind != argc - 2 || !name_valid(argv[optind]))
		return 2;
	int r = streams_join(lab, argv[optind], argv[optind + 1], own ? &w : NULL);
	return lab_save(lab) || r ? 1 : 0;
}

int lab_cmd_stream(struct lab *lab, int argc, char **argv)
{
	struct start_options o;
	const char *what = argc > 1 ? argv[1] : "";
	bool run = !strcmp(what, "run");
	if (run || !strcmp(what, "start")) {
		if (!parse_start(argc - 1, argv + 1, &o))
			return 2;
		return run ? cmd_run(lab, &o) : start(lab, &o) ? 1 : 0;
	}
	if (!strcmp(what, "join"))
		return cmd_join(lab, argc - 1, argv + 1);
	if (!strcmp(what, "leave")) {
		if (argc != 4)
			return 2;
		int r = streams_leave(lab, argv[2], argv[3]);
		return lab_save(lab) || r ? 1 : 0;
	}
	bool json = argc > 2 && !strcmp(argv[argc - 1], "--json");
	int left = argc - json;
	const char *name = left == 3 ? argv[2] : DEFAULT_NAME;
	if (left > 3 || !name_valid(name))
		return 2;
	if (!strcmp(what, "report"))
		return print_report(lab, name, json);
	if (!strcmp(what, "stop"))
		return finish(lab, name, json);
	return 2;
}
