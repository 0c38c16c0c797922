/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/lab.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/announce.h"
#include "lab/args.h"
#include "lab/daemons.h"
#include "lab/domain.h"
#include "lab/lab_cmd.h"
#include "lab/netns.h"
#include "lab/plug.h"
#include "lab/relay.h"
#include "lab/say.h"
#include "lab/stream.h"

#define ANNOUNCE_PATIENCE span_s(5)

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* ---- up, down --------------------------------------------------------------------------------------------- */

#define SETTINGS_MAX 64

struct up_options {
	unsigned long lmas, mags, mns;
	const char *topology, *dataplane;
	bool shared, attach;
	span_t delay;
	const char *settings[SETTINGS_MAX];
	size_t n_settings;
	struct domain_options domain;
};

static bool parse_up(int argc, char **argv, struct up_options *o)
{
	bool no_daemons = false;
	*o = (struct up_options){.lmas = 1, .mags = 2, .mns = 3};
	const struct arg known[] = {
	    {"mags", ARG_NUMBER, .to = &o->mags, 1, LAB_COUNT_MAX},
	    {"mns", ARG_NUMBER, .to = &o->mns, 0, 4 * LAB_COUNT_MAX},
	    {"lmas", ARG_NUMBER, .to = &o->lmas, 1, LAB_COUNT_MAX},
	    {"topology", ARG_TEXT, .to = &o->topology},
	    {"dataplane", ARG_WORD, .to = &o->dataplane, .words = "auto|ebpf|user"},
	    {"profiles", ARG_TEXT, .to = &o->domain.profiles},
	    {"set", ARG_TEXT, .to = o->settings, .n = &o->n_settings, .max = SETTINGS_MAX},
	    {"attach", ARG_FLAG, .to = &o->attach},
	    {"shared", ARG_FLAG, .to = &o->shared},
	    {"delay", ARG_SPAN, .to = &o->delay, 0, RELAY_DELAY_MAX_US},
	    {"no-daemons", ARG_FLAG, .to = &no_daemons},
	};
	int first = args_parse(argc, argv, known, sizeof(known) / sizeof(known[0]));
	o->domain.daemons = !no_daemons;
	return first == argc;
}

static void catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

static int cmd_up(const char *prefix, bool given, int argc, char **argv)
{
	struct up_options o;
	struct lab lab;
	const char *own = given ? prefix : NULL;
	if (!parse_up(argc, argv, &o))
		return 2;
	int r = o.topology ? lab_read(&lab, o.topology, own)
			   : lab_shape(&lab, prefix, (unsigned)o.lmas, (unsigned)o.mags, (unsigned)o.mns);
	if (r)
		return 1;
	for (size_t i = 0; o.shared && i < lab.n_mags; i++)
		lab.mags[i].shared = true;
	for (size_t i = 0; o.attach && i < lab.n_mns; i++)
		if (!lab.mns[i].at[0])
			snprintf(lab.mns[i].at, sizeof(lab.mns[i].at), "%s", lab.mags[i % lab.n_mags].name);
	if (o.dataplane)
		snprintf(lab.dataplane, sizeof(lab.dataplane), "%s", o.dataplane);
	for (size_t i = 0; !r && i < o.n_settings; i++)
		r = lab_set(&lab, o.settings[i]);
	for (size_t i = 0; !r && o.delay.ns && i < lab.n_mags; i++)
		r = lab_delay(&lab.mags[i], o.delay);
	catch_signals();
	if (!r)
		r = domain_up(&lab, &o.domain, &stop);
	if (r == -EINTR)
		lab_say("interrupted: what was raised is taken down again");
	if (!r)
		printf("lab %s is up: LMAs %zu, MAGs %zu, nodes %zu; its files are in %s\n", lab.prefix, lab.n_lmas,
		       lab.n_mags, lab.n_mns, lab.dir);
	lab_release(&lab);
	return r ? 1 : 0;
}

static int cmd_down(struct lab *lab, int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return 2;
	domain_down(lab);
	return 0;
}

/* ---- status ----------------------------------------------------------------------------------------------- */

static json_t *status_of(struct lab *lab)
{
	json_t *all = lab_to_json(lab), *daemons = json_object(), *one;
	const char *node;
	size_t i;
	json_array_foreach(json_object_get(all, "processes"), i, one) {
		json_object_set_new(one, "running", json_boolean(proc_alive(&lab->procs[i].proc)));
	}
	for (i = 0; (node = lab_daemon(lab, i)); i++) {
		if (!lab_proc(lab, node))
			continue;
		one = daemons_show(lab, node, "status");
		json_object_set_new(daemons, node, one ? one : json_null());
	}
	json_object_set_new(all, "daemons", daemons);
	json_object_set_new(all, "streams", streams_names(lab));
	json_object_set_new(all, "dir", json_string(lab->dir));
	return all;
}

static void print_status(struct lab *lab, json_t *all)
{
	const char *node;
	size_t i;
	json_t *s;
	printf("lab %s in %s\n", lab->prefix, lab->dir);
	for (i = 0; (node = lab_daemon(lab, i)); i++) {
		struct lab_proc *p = lab_proc(lab, node);
		const char *state = !p ? "no daemon" : proc_alive(&p->proc) ? "running" : "its daemon has ended";
		printf("  %-14s %s\n", node, state);
	}
	for (i = 0; i < lab->n_mns; i++)
		printf("  %-14s %s%s\n", lab->mns[i].name, lab->mns[i].at[0] ? "at " : "attached nowhere",
		       lab->mns[i].at);
	json_array_foreach(json_object_get(all, "streams"), i, s) {
		printf("  stream %s\n", json_string_value(s));
	}
}

static int cmd_status(struct lab *lab, int argc, char **argv)
{
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
	if (argc > 2 || (argc == 2 && !json))
		return 2;
	json_t *all = status_of(lab);
	if (json) {
		json_dumpf(all, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		putchar('\n');
	} else {
		print_status(lab, all);
	}
	json_decref(all);
	return 0;
}

/* ---- nodes ------------------------------------------------------------------------------------------------ */

/* May it be moved so? `fresh`: from nowhere. */
static bool movable(const struct lab_mn *mn, bool fresh)
{
	if (fresh && mn->at[0])
		lab_say("%s is attached to %s already (`move` takes it elsewhere)", mn->name, mn->at);
	else if (!fresh && !mn->at[0])
		lab_say("%s is attached nowhere", mn->name);
	return fresh == !mn->at[0];
}

/* "mn1,mn2" or "all" (that can be moved so). How many, in `mns`, which has room for all; 0 after it told. */
static size_t choose(struct lab *lab, const char *list, bool fresh, struct lab_mn **mns)
{
	size_t n = 0;
	if (!strcmp(list, "all")) {
		for (size_t i = 0; i < lab->n_mns; i++)
			if (fresh == !lab->mns[i].at[0])
				mns[n++] = &lab->mns[i];
		if (!n)
			lab_say(fresh ? "all nodes are attached" : "no node is attached");
		return n;
	}
	char *text = strdup(list), *rest = text;
	for (char *name; text && (name = strsep(&rest, ","));) {
		struct lab_mn *mn = lab_mn(lab, name);
		bool again = false;
		for (size_t i = 0; i < n; i++)
			again = again || mns[i] == mn;
		if (!mn)
			lab_say("no mobile node '%s' in this lab", name);
		if (!mn || !movable(mn, fresh)) {
			n = 0;
			break;
		}
		if (!again)
			mns[n++] = mn;
	}
	free(text);
	return n;
}

static int announce_all(struct lab *lab, struct lab_mn *const mns[], size_t n, const struct lab_mag *mag)
{
	char why[160];
	for (size_t i = 0; i < n; i++) {
		if (announce(lab, mns[i], mag, ANNOUNCE_PATIENCE, why, sizeof(why)) == 0)
			continue;
		lab_say("%s to %s: %s", mns[i]->name, mag->name, why);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int move(struct lab *lab, const char *list, const char *to, bool fresh, bool predictive)
{
	struct lab_mag *mag = to ? lab_mag(lab, to) : NULL;
	if (to && !mag) {
		lab_say("no MAG '%s' in this lab", to);
		return 1;
	}
	struct lab_mn **mns = calloc(lab->n_mns + 1, sizeof(struct lab_mn *));
	size_t n = mns ? choose(lab, list, fresh, mns) : 0;
	int r = !n ? -EINVAL : predictive ? announce_all(lab, mns, n, mag) : 0;
	if (!r)
		r = plug_move_all(lab, mns, n, mag, NULL);
	free(mns);
	return (n && lab_save(lab)) || r ? 1 : 0;
}

static int cmd_attach(struct lab *lab, int argc, char **argv)
{
	return argc == 3 ? move(lab, argv[1], argv[2], true, false) : 2;
}

static int cmd_move(struct lab *lab, int argc, char **argv)
{
	bool predictive = false;
	const struct arg known[] = {{"predictive", ARG_FLAG, .to = &predictive}};
	int first = args_parse(argc, argv, known, 1);
	return first >= 0 && argc - first == 2 ? move(lab, argv[first], argv[first + 1], false, predictive) : 2;
}

static int cmd_detach(struct lab *lab, int argc, char **argv)
{
	return argc == 2 ? move(lab, argv[1], NULL, false, false) : 2;
}

/* Daemons one by one, for tests of restarts: `daemon stop|start|kill NODE`. */
static int cmd_daemon(struct lab *lab, int argc, char **argv)
{
	struct lab_proc *p = argc == 3 ? lab_proc(lab, lab_host(lab, argv[2])) : NULL;
	if (argc != 3)
		return 2;
	if (!lab_has_node(lab, argv[2]) || lab_mn(lab, argv[2])) {
		lab_say("no daemon '%s' in this lab", argv[2]);
		return 1;
	}
	int r = 0;
	if (!strcmp(argv[1], "stop") && p) {
		proc_stop(&p->proc, 1, span_s(5));
	} else if (!strcmp(argv[1], "kill") && p) {
		proc_signal(&p->proc, SIGKILL);
		proc_wait(&p->proc, span_s(5));
	} else if (!strcmp(argv[1], "start")) {
		if (p && proc_alive(&p->proc)) {
			lab_say("%s runs already", argv[2]);
			return 1;
		}
		r = daemons_start_one(lab, lab_host(lab, argv[2]));
	} else {
		return 2;
	}
	return lab_save(lab) || r ? 1 : 0;
}

/* A daemon that loses all that it knew, as by a power cut; in order, it takes leave of its peers first. */
static int cmd_restart(struct lab *lab, int argc, char **argv)
{
	bool orderly = false;
	const struct arg known[] = {{"orderly", ARG_FLAG, .to = &orderly}};
	int first = args_parse(argc, argv, known, 1);
	if (first < 0 || argc - first != 1)
		return 2;
	const char *node = argv[first];
	struct lab_proc *p = lab_proc(lab, lab_host(lab, node));
	if (!lab_has_node(lab, node) || lab_mn(lab, node) || !p) {
		lab_say("no daemon '%s' in this lab", node);
		return 1;
	}
	if (!orderly)
		proc_signal(&p->proc, SIGKILL);
	proc_stop(&p->proc, 1, span_s(5));
	int r = daemons_start_one(lab, lab_host(lab, node));
	return lab_save(lab) || r ? 1 : 0;
}

/* What is run inside is ended by `lab down` too: note this process, which becomes that program. */
static int cmd_exec(struct lab *lab, int argc, char **argv)
{
	char ns[LAB_PATH_MAX], name[32], text[LAB_PATH_MAX];
	int first = argc > 2 && strcmp(argv[2], "--") == 0 ? 3 : 2;
	if (argc <= first)
		return 2;
	if (!lab_has_node(lab, argv[1])) {
		lab_say("no node '%s' in this lab", argv[1]);
		return 1;
	}
	for (size_t i = lab->n_procs; i > 0; i--)
		if (!strncmp(lab->procs[i - 1].name, "exec.", 5) && !proc_alive(&lab->procs[i - 1].proc))
			lab_proc_drop(lab, &lab->procs[i - 1]);
	snprintf(name, sizeof(name), "exec.%d", (int)getpid());
	if (lab_proc_add(lab, name, proc_self()) || lab_save(lab))
		return 1;
	lab_netns(lab, argv[1], ns);
	setenv("ROAMCAST_LAB_PREFIX", lab->prefix, 1);
	setenv("ROAMCAST_SOCKET", lab_socket(lab, argv[1], text), 1);
	lab_release(lab);
	const char **args = calloc((size_t)(argc - first) + 5, sizeof(*args));
	if (!args)
		return 1;
	args[0] = "ip";
	args[1] = "netns";
	args[2] = "exec";
	args[3] = ns;
	for (int i = first; i < argc; i++)
		args[4 + i - first] = argv[i];
	signal(SIGPIPE, SIG_DFL);
	execvp(args[0], (char **)(uintptr_t)args);
	perror("ip");
	return 127;
}

/* ---- front ------------------------------------------------------------------------------------------------ */

static const char usage_text[] =
    "usage: roamcast lab [--prefix P] COMMAND\n"
    "  up [--mags N] [--mns N] [--lmas N] [--topology FILE] [--dataplane auto|ebpf|user]\n"
    "     [--profiles FILE] [--set [NODE:]KEY=VALUE]... [--attach] [--shared] [--no-daemons]\n"
    "     [--delay TIME]                 one way between each MAG and the others, as 5ms\n"
    "  status [--json]\n"
    "  exec NODE -- COMMAND...           run any program at src, rtr, lma, mag1, mn1, ...\n"
    "  attach MN MAG | move MN MAG [--predictive] | detach MN      of several at once: MN,MN... or all\n"
    "  daemon start|stop|kill NODE\n"
    "  restart NODE [--orderly]          its daemon dies, or is ended in order, and starts again\n"
    "  stream start [NAME] [--group G] [--any-source] [--source S] [--rate N] [--size N] [--count N]\n"
    "         [--port N] [--from NODE] [--no-sender] [--passive] [--to MN,MN...|all|none (the default)]\n"
    "  stream join NAME MN [--source S]... [--any-source] [--block S]... [--passive]\n"
    "  stream leave NAME MN\n"
    "  stream report [NAME] [--json] | stop [NAME] [--json]\n"
    "  stream run --seconds N [options as for start] [--json]\n"
    "  down\n";

static const struct {
	const char *name;
	int (*run)(struct lab *lab, int argc, char **argv);
} commands[] = {
    {"down", cmd_down},	    {"status", cmd_status}, {"attach", cmd_attach}, {"move", cmd_move},
    {"detach", cmd_detach}, {"daemon", cmd_daemon}, {"restart", cmd_restart}, {"exec", cmd_exec},	    {"stream", lab_cmd_stream},
};

/* Takes "--prefix P" out of argv, wherever it stands before "--". */
static int take_prefix(int argc, char **argv, const char **prefix)
{
	int n = 0;
	bool over = false;
	for (int i = 0; i < argc; i++) {
		over = over || strcmp(argv[i], "--") == 0;
		if (!over && !strcmp(argv[i], "--prefix") && i + 1 < argc)
			*prefix = argv[++i];
		else if (!over && !strncmp(argv[i], "--prefix=", 9))
			*prefix = argv[i] + 9;
		else
			argv[n++] = argv[i];
	}
	argv[n] = NULL;
	return n;
}

static int run_command(const char *prefix, int argc, char **argv)
{
	struct lab lab;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		if (lab_open(&lab, prefix) < 0)
			return 1;
		int r = commands[i].run(&lab, argc, argv);
		lab_release(&lab);
		return r;
	}
	lab_say("there is no command '%s'", argv[0]);
	return 2;
}

int lab_main(int argc, char **argv)
{
	const char *prefix = getenv("ROAMCAST_LAB_PREFIX"), *given = NULL;
	argc -= 2;
	argv += 2;
	if (argc > 0 && !strcmp(argv[0], "_send"))
		return stream_send_main(argc, argv);
	if (argc > 0 && !strcmp(argv[0], "_recv"))
		return stream_recv_main(argc, argv);
	if (argc > 0 && !strcmp(argv[0], "_relay"))
		return relay_main(argc, argv);
	signal(SIGPIPE, SIG_IGN); /* a program or a daemon that ends while we write to it is an error like another */
	argc = take_prefix(argc, argv, &given);
	int r = 2;
	if (given || !prefix || !*prefix)
		prefix = given ? given : "rc";
	if (argc > 0 && (!strcmp(argv[0], "help") || !strcmp(argv[0], "--help"))) {
		fputs(usage_text, stdout);
		return 0;
	}
	if (argc > 0 && geteuid() != 0) {
		lab_say("network namespaces need root");
		return 1;
	}
	if (argc > 0)
		r = !strcmp(argv[0], "up") ? cmd_up(prefix, given != NULL, argc, argv)
					   : run_command(prefix, argc, argv);
	if (r == 2)
		fputs(argc > 0 ? "See `roamcast lab help`.\n" : usage_text, stderr);
	return r;
}
