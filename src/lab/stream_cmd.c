/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/lab_cmd.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/args.h"
#include "lab/say.h"
#include "lab/stream.h"

#define DEFAULT_NAME "s1"
#define LIST_MAX     4096

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

struct start_options {
	struct stream s;
	const char *to; /* list of nodes */
	unsigned long seconds;
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

static bool parse_start(int argc, char **argv, struct start_options *o)
{
	const char *group = STREAMS_GROUP, *source = LAB_SRC_ADDR, *from = "src";
	unsigned long port = STREAM_PORT, rate = 100, size = 200;
	bool any_source = false, no_sender = false;
	*o = (struct start_options){.to = "none"};
	const struct arg known[] = {
	    {"group", ARG_ADDRESS, .to = &group},
	    {"source", ARG_ADDRESS, .to = &source},
	    {"any-source", ARG_FLAG, .to = &any_source},
	    {"rate", ARG_NUMBER, .to = &rate, 1, STREAM_RATE_MAX},
	    {"size", ARG_NUMBER, .to = &size, STREAM_SIZE_MIN, STREAM_SIZE_MAX},
	    {"count", ARG_NUMBER, .to = &o->s.count, 1, LONG_MAX},
	    {"port", ARG_NUMBER, .to = &port, 1, 65535},
	    {"from", ARG_TEXT, .to = &from},
	    {"no-sender", ARG_FLAG, .to = &no_sender},
	    {"passive", ARG_FLAG, .to = &o->s.passive},
	    {"to", ARG_TEXT, .to = &o->to},
	    {"seconds", ARG_NUMBER, .to = &o->seconds, 1, 3600},
	    {"json", ARG_FLAG, .to = &o->json},
	};
	int first = args_parse(argc, argv, known, sizeof(known) / sizeof(known[0]));
	const char *name = first >= 0 && first < argc ? argv[first] : DEFAULT_NAME;
	if (first < argc - 1 || !name_valid(name))
		return false;
	o->s.port = (unsigned)port;
	o->s.rate = (unsigned)rate;
	o->s.size = (unsigned)size;
	snprintf(o->s.name, sizeof(o->s.name), "%s", name);
	snprintf(o->s.to, sizeof(o->s.to), "%s", group);
	snprintf(o->s.source, sizeof(o->s.source), "%s", any_source ? "" : source);
	snprintf(o->s.from, sizeof(o->s.from), "%s", no_sender ? "" : from);
	return first >= 0;
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
	mono_t end = mono_add(proc_clock(), span_s((int64_t)o->seconds));
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
	struct stream_wish w = {.passive = false};
	bool any_source = false;
	const struct arg known[] = {
	    {"source", ARG_ADDRESS, .to = w.sources, .n = &w.n_sources, .max = STREAMS_SOURCES_MAX},
	    {"block", ARG_ADDRESS, .to = w.blocked, .n = &w.n_blocked, .max = STREAMS_SOURCES_MAX},
	    {"any-source", ARG_FLAG, .to = &any_source},
	    {"passive", ARG_FLAG, .to = &w.passive},
	};
	int first = args_parse(argc, argv, known, sizeof(known) / sizeof(known[0]));
	if (first < 0 || first != argc - 2 || !name_valid(argv[first]))
		return 2;
	bool own = w.n_sources || w.n_blocked || w.passive || any_source;
	int r = streams_join(lab, argv[first], argv[first + 1], own ? &w : NULL);
	return lab_save(lab) || r ? 1 : 0;
}

/* For who names none. */
static bool name_the_only(const struct lab *lab, char name[STREAMS_NAME_MAX])
{
	json_t *names = streams_names(lab), *v;
	size_t n = json_array_size(names), i;
	char list[LIST_MAX] = "";
	json_array_foreach(names, i, v) {
		size_t len = strlen(list);
		snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "", json_string_value(v));
	}
	json_decref(names);
	if (n == 0)
		lab_say("no stream in this lab; `stream start` begins one");
	else if (n > 1)
		lab_say("which stream? There are %s", list);
	else
		snprintf(name, STREAMS_NAME_MAX, "%.*s", STREAMS_NAME_MAX - 1, list);
	return n == 1;
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
	char only[STREAMS_NAME_MAX] = "";
	if (left < 3 && !name_the_only(lab, only))
		return 1;
	const char *name = left == 3 ? argv[2] : only;
	if (left > 3 || !name_valid(name))
		return 2;
	if (!strcmp(what, "report"))
		return print_report(lab, name, json);
	if (!strcmp(what, "stop"))
		return finish(lab, name, json);
	return 2;
}
