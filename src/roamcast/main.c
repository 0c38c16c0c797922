/* SPDX-License-Identifier: BSD-2-Clause */
/* roamcast(8): the control program. It turns words into a request of the control protocol, and the answer into text or,
 * with
 * --json, into the JSON as it came. */
#include "roamcast/roamcast.h"

#include "lab/lab.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_DEFAULT "/run/roamcast/control"

void complain(const char *fmt, ...)
{
	va_list ap;

	fputs("roamcast: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* Takes the reference. */
static void complain_lines(json_t *lines)
{
	const json_t *line;
	size_t i;

	json_array_foreach(lines, i, line) fprintf(stderr, "  %s\n", json_string_value(line));
	json_decref(lines);
}

void complain_answer(const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	const char *text = json_string_value(json_object_get(error, "text")),
		   *remedy = json_string_value(json_object_get(error, "remedy"));

	complain("%s%s%s", text ? text : "the daemon's answer cannot be understood", remedy ? "; " : "",
		 remedy ? remedy : "");
	complain_lines(json_incref(json_object_get(error, "lines")));
}

/* ---- requests ---- */
/* A store comes into being with its first profile, not by being looked at: the path may be a slip. */
static bool only_looks(const json_t *request)
{
	const char *action = json_string_value(json_object_get(request, "action"));

	return action && (strcmp(action, "show") == 0 || strcmp(action, "export") == 0 || strcmp(action, "remove") == 0);
}

static json_t *ask_store(const struct options *o, json_t *request, int *status)
{
	struct store *s = NULL;
	json_t *body, *answer;
	char why[512];
	int r;

	if (only_looks(request) && access(o->store, F_OK) != 0) {
		complain("policy store %s: %s; `policy add` creates one", o->store, strerror(errno));
		json_decref(request);
		*status = EXIT_REFUSED;
		return NULL;
	}
	if (store_open(&s, o->store, NULL, NULL, NULL, why, sizeof(why)) != 0) {
		complain("%s", why);
		json_decref(request);
		*status = EXIT_REFUSED;
		return NULL;
	}
	body = policy_request(s, request, &r);
	answer = control_answer(body, r);
	json_decref(request);
	store_close(s);
	return answer;
}

json_t *request_result(const struct options *o, json_t *request, int *status)
{
	struct client *c = NULL;
	json_t *answer, *result;

	*status = EXIT_REFUSED;
	if (o->limit)
		json_object_set_new(request, "limit", json_integer(o->limit));
	if (o->store && strcmp(json_string_value(json_object_get(request, "command")), "policy") == 0) {
		answer = ask_store(o, request, status);
	} else {
		c = client_open(o->socket, false);
		if (!c) {
			json_decref(request);
			*status = EXIT_NO_DAEMON;
			return NULL;
		}
		answer = client_ask(c, request);
		client_close(c);
	}
	if (!answer)
		return NULL;
	result = json_incref(json_object_get(answer, "result"));
	if (!json_is_true(json_object_get(answer, "ok")) || !result) {
		if (o->json) {
			json_dumpf(answer, stdout, JSON_INDENT(2));
			putchar('\n');
		}
		complain_answer(answer);
		json_decref(result);
		result = NULL;
	}
	json_decref(answer);
	return result;
}

static int request_command(const struct options *o, const struct command *c, int argc, char **argv)
{
	char why[256];
	json_t *request = command_request(c, argc, argv, why, sizeof(why)), *result;
	const json_t *service, *changed;
	int status;

	if (!request) {
		complain("%s", why);
		return EXIT_USAGE;
	}
	if (o->from && strcmp(c->words, "attach") == 0)
		json_object_set_new(request, "from", json_string(o->from));
	result = request_result(o, request, &status);
	if (!result)
		return status;
	service = json_object_get(result, "service");
	changed = json_object_get(result, "changed");
	if (o->json) {
		json_dumpf(result, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (!show_render(result, o->style, stdout)) {
		puts(changed ? json_is_true(changed) ? "reloaded" : "nothing has changed" : "done");
	}
	status = service && !json_is_true(service) ? EXIT_REFUSED : EXIT_DONE;
	json_decref(result);
	return status;
}

static int monitor_command(const struct options *o, const struct command *cmd, int argc, char **argv)
{
	char why[256];
	json_t *request = command_request(cmd, argc, argv, why, sizeof(why)), *answer, *event;
	struct client *c;

	if (!request) {
		complain("%s", why);
		complain_lines(show_event_kinds());
		return EXIT_USAGE;
	}
	c = client_open(o->socket, false);
	if (!c) {
		json_decref(request);
		return EXIT_NO_DAEMON;
	}
	answer = client_ask(c, request);
	if (!json_is_true(json_object_get(answer, "ok"))) {
		if (answer)
			complain_answer(answer);
		json_decref(answer);
		client_close(c);
		return EXIT_REFUSED;
	}
	if (json_is_false(json_object_get(json_object_get(answer, "result"), "known")))
		complain("no node of that name is known here yet; waiting for its events");
	json_decref(answer);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((event = client_next(c))) {
		if (o->json) {
			json_dumpf(event, stdout, JSON_COMPACT);
		} else {
			printf("%s ", json_string_value(json_object_get(event, "time")));
			show_event_text(event, stdout);
		}
		putchar('\n');
		json_decref(event);
	}
	client_close(c);
	complain("the daemon has closed the connection");
	return EXIT_NO_DAEMON;
}

/* ---- completion ---- */
/* Values for an argument out of the running daemon; none where there is no daemon. */
static void print_candidates(const char *socket, const char *what, const char *list, const char *key)
{
	struct client *c = client_open(socket, true);
	json_t *answer, *row;
	size_t i;

	if (!c)
		return;
	answer = client_ask(c, json_pack("{s:s, s:s, s:i}", "command", "show", "what", what, "limit", 500));
	json_array_foreach(json_object_get(json_object_get(answer, "result"), list), i, row)
	{
		if (json_is_string(json_object_get(row, key)))
			puts(json_string_value(json_object_get(row, key)));
	}
	json_decref(answer);
	client_close(c);
}

/* roamcast --complete WORD... : what may stand after these words. For completion/roamcast.bash. */
static int complete(const char *socket, int argc, char **argv)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return EXIT_REFUSED;
	command_complete(argc, argv, to);
	fclose(to);
	for (char *w = strtok(text, "\n"); w; w = strtok(NULL, "\n")) {
		if (w[0] != '<') {
			puts(w);
		} else if (strcmp(w, "<MN>") == 0) {
			print_candidates(socket, "nodes", "nodes", "mn");
			print_candidates(socket, "bindings", "bindings", "mn");
		} else if (strcmp(w, "<GROUP>") == 0) {
			print_candidates(socket, "groups", "groups", "group");
		} else if (strcmp(w, "<LINK>") == 0) {
			print_candidates(socket, "status", "links", "link");
		} else if (strcmp(w, "<KIND>") == 0) {
			for (int k = 0; k < EV_N; k++)
				puts(event_name((enum event_kind)k));
		} else if (strcmp(w, "<FILE>") == 0 || strcmp(w, "<PROFILE>") == 0) {
			puts("<FILE>");
		}
	}
	free(text);
	return EXIT_DONE;
}

/* ---- options ---- */
static void usage(FILE *to)
{
	fputs("usage: roamcast [-s SOCKET] [--json] COMMAND [ARGUMENT]...\n\n", to);
	command_usage(to);
	fputs("\n"
	      "  -s, --socket PATH   the daemon's control socket (" SOCKET_DEFAULT ", or $ROAMCAST_SOCKET)\n"
	      "  -j, --json          print the daemon's answer as JSON\n"
	      "  -w, --wide          tables: all columns, also where a line gets longer than 120\n"
	      "  -a, --all           show counters: also those that are 0\n"
	      "      --limit N       most rows of a list\n"
	      "      --store FILE    policy: edit this file, without a daemon\n"
	      "      --replace       policy import: remove all other profiles\n"
	      "      --to MAG        handover: the other MAG, by name, address or access point\n"
	      "      --cancel        handover: the node stays\n"
	      "      --no-wait       handover: do not wait until the node may be sent there\n"
	      "      --from MAG      attach: the MAG where the node was, which is asked for it\n"
	      "  -h, --help          this text\n"
	      "  -V, --version       the version\n"
	      "\n"
	      "Words of commands may be cut short: `roamcast sh no`.\n"
	      "Exit status: 0 done, 1 refused or failed (`why`: no service), 2 wrong usage, 3 no daemon.\n",
	      to);
}

enum {
	OPT_STORE = 256,
	OPT_REPLACE,
	OPT_LIMIT,
	OPT_COMPLETE,
	OPT_TO,
	OPT_FROM,
	OPT_CANCEL,
	OPT_NO_WAIT
};

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "wide", no_argument, NULL, 'w' },
	{ "all", no_argument, NULL, 'a' },
	{ "store", required_argument, NULL, OPT_STORE },
	{ "replace", no_argument, NULL, OPT_REPLACE },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "complete", no_argument, NULL, OPT_COMPLETE },
	{ "to", required_argument, NULL, OPT_TO },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "cancel", no_argument, NULL, OPT_CANCEL },
	{ "no-wait", no_argument, NULL, OPT_NO_WAIT },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* -1: go on; else the exit status. */
static int read_options(struct options *o, int argc, char **argv, const char *mode)
{
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, mode, long_options, NULL)) != -1) {
		switch (c) {
		case 's':
			o->socket = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'w':
			o->style.wide = true;
			break;
		case 'a':
			o->style.all = true;
			break;
		case OPT_STORE:
			o->store = optarg;
			break;
		case OPT_REPLACE:
			o->replace = true;
			break;
		case OPT_LIMIT:
			o->limit = (int)strtol(optarg, &end, 10);
			if (*end || o->limit < 1) {
				complain("--limit: \"%s\" is not a number above 0", optarg);
				return EXIT_USAGE;
			}
			break;
		case OPT_TO:
			o->to = optarg;
			break;
		case OPT_FROM:
			o->from = optarg;
			break;
		case OPT_CANCEL:
			o->cancel = true;
			break;
		case OPT_NO_WAIT:
			o->no_wait = true;
			break;
		case OPT_COMPLETE:
			return complete(o->socket, argc - optind, argv + optind);
		case 'h':
			usage(stdout);
			return EXIT_DONE;
		case 'V':
			puts("roamcast " ROAMCAST_VERSION);
			return EXIT_DONE;
		default:
			fputs("See `roamcast --help`.\n", stderr);
			return EXIT_USAGE;
		}
	}
	return -1;
}

static int run(struct options *o, int argc, char **argv)
{
	const struct command *c;
	char why[512];
	int n_words;

	c = command_find(argc, argv, &n_words, why, sizeof(why));
	if (!c) {
		complain("%s", why);
		return EXIT_USAGE;
	}
	argc -= n_words;
	argv += n_words;
	switch (c->kind) {
	case COMMAND_REQUEST:
		return request_command(o, c, argc, argv);
	case COMMAND_MONITOR:
		return monitor_command(o, c, argc, argv);
	case COMMAND_HANDOVER:
		return handover_command(o, c, argc, argv);
	case COMMAND_POLICY:
		return policy_command(o, c, argc, argv);
	case COMMAND_HELP:
		usage(stdout);
		return EXIT_DONE;
	case COMMAND_LAB:
	case COMMAND_DEMO:
		break; /* main() has taken these before their options were looked at */
	}
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *env = getenv("ROAMCAST_SOCKET");
	struct options o = { .socket = env && *env ? env : SOCKET_DEFAULT };
	const struct command *first;
	char why[512];
	int n_words, status;

	/* Up to the first word: lab and demo have options of their own behind it. */
	status = read_options(&o, argc, argv, "+s:jwahV");
	if (status >= 0)
		return status;
	if (optind == argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	first = command_find(argc - optind, argv + optind, &n_words, why, sizeof(why));
	if (first && (first->kind == COMMAND_LAB || first->kind == COMMAND_DEMO)) {
		char **rest = argv + optind - 1;
		int n = argc - optind + 1;

		rest[0] = argv[0];
		rest[1] = (char *)(uintptr_t)first->words;
		optind = 0; /* getopt starts anew, and permutes again */
		(void)getopt_long(1, rest, "", long_options, NULL);
		return first->kind == COMMAND_LAB ? lab_main(n, rest) : demo_main(n, rest);
	}
	optind = 0; /* from the start again, now over all words */
	status = read_options(&o, argc, argv, "s:jwahV");
	if (status >= 0)
		return status;
	status = run(&o, argc - optind, argv + optind);
	if (fflush(stdout) != 0 && status == EXIT_DONE)
		status = EXIT_REFUSED;
	return status;
}
