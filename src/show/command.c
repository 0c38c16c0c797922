/* SPDX-License-Identifier: BSD-2-Clause */
#include "show/command.h"

#include "base/addr.h"
#include "fx/event.h"

#include <stdarg.h>
#include <string.h>

static const struct command commands[] = {
	{ "show status", "", "the daemon at a glance, and its access links", COMMAND_REQUEST },
	{ "show nodes", "[MN]", "MAG: nodes attached here", COMMAND_REQUEST },
	{ "show handovers", "[MN]", "MAG: nodes that are handed over, to other MAGs and from them", COMMAND_REQUEST },
	{ "show bindings", "[MN]", "LMA: nodes registered here, and their MAGs", COMMAND_REQUEST },
	{ "show subscriptions", "[MN] [GROUP]", "who has asked for which group, why, and what came of it",
	  COMMAND_REQUEST },
	{ "show groups", "[GROUP]", "groups asked for upstream, and the replication lists with their counts",
	  COMMAND_REQUEST },
	{ "show links", "", "links of the nodes or listeners: who is querier, what is asked for there", COMMAND_REQUEST },
	{ "show tunnels", "", "peers, what they can do, and the traffic of their tunnels", COMMAND_REQUEST },
	{ "show counters", "", "all counters, and each packet dropped under its reason", COMMAND_REQUEST },
	{ "show events", "[MN] [GROUP]", "what happened lately", COMMAND_REQUEST },
	{ "show settings", "", "every setting with its value and its default", COMMAND_REQUEST },
	{ "show policy", "[MN]", "profiles of the policy store", COMMAND_REQUEST },
	{ "why", "MN|GROUP [GROUP]", "why a node (of a proxy: a link) has, or has not, service (or a group), and what to do",
	  COMMAND_REQUEST },
	{ "monitor", "[KIND] [MN]", "follow events as they happen, of one kind or of all", COMMAND_MONITOR },
	{ "attach", "LLADDR|MN LINK [LLADDR]", "MAG: a node is on this access link; --from MAG: and was at that one",
	  COMMAND_REQUEST },
	{ "detach", "MN", "MAG: the node has left", COMMAND_REQUEST },
	{ "handover", "MN", "MAG: --to MAG: prepare that one, and wait until the node may be sent there; --cancel: it stays",
	  COMMAND_HANDOVER },
	{ "subscribe", "MN GROUP [SOURCE]", "MAG: ask for a group on behalf of the node", COMMAND_REQUEST },
	{ "unsubscribe", "MN GROUP [SOURCE]", "MAG: take that back", COMMAND_REQUEST },
	{ "query", "MN [GROUP]", "have the node asked what it listens to", COMMAND_REQUEST },
	{ "terminate", "GROUP|MN", "end a group for all; or of a node: MAG: its multicast, LMA: its bindings", COMMAND_REQUEST },
	{ "reload", "", "read the configuration again and apply what has changed", COMMAND_REQUEST },
	{ "policy add", "PROFILE...", "add a profile: JSON, a file, - for standard input, or MN KEY=VALUE ...",
	  COMMAND_POLICY },
	{ "policy set", "PROFILE...", "the same for a profile that is there; with KEY=VALUE the other keys stay",
	  COMMAND_POLICY },
	{ "policy show", "[MN]", "profiles", COMMAND_POLICY },
	{ "policy remove", "MN", "remove a profile", COMMAND_POLICY },
	{ "policy import", "FILE...",
	  "add or replace the profiles of a file (- for standard input); --replace: remove all others",
	  COMMAND_POLICY },
	{ "policy export", "[FILE]...", "write all profiles to a file or to standard output", COMMAND_POLICY },
	{ "lab", "...", "a whole domain in network namespaces of this machine; `roamcast lab --help`", COMMAND_LAB },
	{ "demo", "...", "raise one, hand a node over, show what happens; `roamcast demo --help`", COMMAND_DEMO },
	{ "help", "", "this text", COMMAND_HELP },
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* ---- words ---- */
/* The i-th word of a command, or NULL. */
static const char *word(const struct command *c, int i, size_t *len)
{
	const char *s = c->words;

	for (; i > 0; i--) {
		s = strchr(s, ' ');
		if (!s)
			return NULL;
		s++;
	}
	*len = strcspn(s, " ");
	return s;
}

static int word_count(const struct command *c)
{
	return strchr(c->words, ' ') ? 2 : 1;
}

/* Is `given` the i-th word (exact) or its beginning? */
static bool word_fits(const struct command *c, int i, const char *given, bool *exact)
{
	size_t len, n = strlen(given);
	const char *w = word(c, i, &len);

	*exact = w && n == len && memcmp(w, given, n) == 0;
	return w && n && n <= len && memcmp(w, given, n) == 0;
}

/* Do the words so far select the command? An exact word rules out commands of which it is only the beginning. */
static bool selected(const struct command *c, int argc, char *const *argv, int upto)
{
	for (int i = 0; i < upto && i < argc; i++) {
		bool exact, other_exact = false;

		if (!word_fits(c, i, argv[i], &exact))
			return false;
		for (size_t k = 0; !exact && k < N_COMMANDS; k++) {
			bool e;

			if ((i == 0 || selected(&commands[k], argc, argv, i)) &&
			    word_fits(&commands[k], i, argv[i], &e) && e)
				other_exact = true;
		}
		if (other_exact)
			return false;
	}
	return true;
}

static void say(char *why, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void say(char *why, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
}

/* The different words at place `i` of the commands that the words before it select. */
static unsigned int next_words(int argc, char *const *argv, int i, char *list, size_t size)
{
	unsigned int n = 0;
	const char *last = "";
	size_t used = 0, last_len = 0;

	list[0] = '\0';
	for (size_t k = 0; k < N_COMMANDS; k++) {
		size_t len;
		const char *w = word(&commands[k], i, &len);

		if (!w || !selected(&commands[k], argc, argv, i < argc ? i + 1 : i) ||
		    (len == last_len && memcmp(w, last, len) == 0))
			continue;
		used += (size_t)snprintf(list + used, size - used, "%s%.*s", n ? ", " : "", (int)len, w);
		used = used < size ? used : size - 1;
		last = w;
		last_len = len;
		n++;
	}
	return n;
}

const struct command *command_find(int argc, char *const *argv, int *n_words, char *why, size_t why_size)
{
	char list[512];

	for (int i = 0; i < 2; i++) {
		const struct command *only = NULL;
		unsigned int n = next_words(argc, argv, i, list, sizeof(list)), matching = 0;

		if (i >= argc) {
			(void)next_words(argc, argv, i, list, sizeof(list));
			say(why, why_size, "%s%sgive one of %s", i ? argv[0] : "", i ? ": " : "", list);
			return NULL;
		}
		if (!n) {
			(void)next_words(i, argv, i, list, sizeof(list));
			say(why, why_size, "there is no \"%s\"; give one of %s", argv[i], list);
			return NULL;
		}
		if (n > 1) {
			say(why, why_size, "\"%s\" may mean %s", argv[i], list);
			return NULL;
		}
		for (size_t k = 0; k < N_COMMANDS; k++) {
			if (selected(&commands[k], argc, argv, i + 1)) {
				only = &commands[k];
				matching++;
			}
		}
		if (matching == 1 && word_count(only) == i + 1) {
			*n_words = i + 1;
			return only;
		}
	}
	say(why, why_size, "there is no such command"); /* not reached: two words always decide */
	return NULL;
}

/* ---- arguments ---- */
static bool is_multicast(const char *s)
{
	struct in6_addr a;

	return addr_parse(s, &a) && addr_is_multicast(&a);
}

static bool is_lladdr(const char *s)
{
	struct in6_addr a;
	struct lladdr l;

	return lladdr_parse(s, &l) && l.len > 1 && !addr_parse(s, &a);
}

static bool is_kind(const char *s)
{
	for (int k = 0; k < EV_N; k++)
		if (strcmp(event_name((enum event_kind)k), s) == 0)
			return true;
	return false;
}

static bool is_mn(const char *s)
{
	return *s && !is_multicast(s);
}

static bool is_source(const char *s)
{
	struct in6_addr a;

	return addr_parse(s, &a) && !addr_is_multicast(&a) && !addr_is_any(&a);
}

static bool is_anything(const char *s)
{
	return *s != '\0';
}

static const struct {
	const char *name, *key;
	bool (*fits)(const char *s);
	const char *what;
} kinds[] = {
	{ "LLADDR", "lladdr", is_lladdr, "a link-layer address such as 02:00:00:00:00:01" },
	{ "GROUP", "group", is_multicast, "an IPv6 multicast address such as ff3e::8000:1" },
	{ "SOURCE", "source", is_source, "the IPv6 address of a source" },
	{ "LINK", "link", is_anything, "the name of an interface" },
	{ "KIND", "kind", is_kind, "a kind of event such as node-registered" },
	{ "MN", "mn", is_mn, "a node's identifier such as alice@example.net" },
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Takes `arg` for the alternatives "GROUP|MN" if it is one of them; -1: it is none. */
static int kind_of(const char *alternatives, size_t len, const char *arg)
{
	for (const char *p = alternatives; p < alternatives + len;) {
		size_t n = strcspn(p, "|] ");

		for (size_t k = 0; k < N_KINDS; k++)
			if (strlen(kinds[k].name) == n && memcmp(kinds[k].name, p, n) == 0 && arg && kinds[k].fits(arg))
				return (int)k;
		p += n + 1;
	}
	return -1;
}

static const char *what_of(const char *alternatives, size_t len)
{
	size_t n = strcspn(alternatives, "|] ");

	for (size_t k = 0; k < N_KINDS; k++)
		if (n <= len && strlen(kinds[k].name) == n && memcmp(kinds[k].name, alternatives, n) == 0)
			return kinds[k].what;
	return "an argument";
}

/* How many arguments may stand at and behind this place. */
static int places(const char *p)
{
	int n = 0;

	for (; *p; n++) {
		p += strcspn(p, " ");
		p += strspn(p, " ");
	}
	return n;
}

json_t *command_request(const struct command *c, int argc, char *const *argv, char *why, size_t why_size)
{
	size_t len_first, len_second;
	const char *first = word(c, 0, &len_first), *second = word(c, 1, &len_second), *p = c->args;
	json_t *j = json_object();
	int used = 0;

	json_object_set_new(j, "command", json_stringn(first, len_first));
	if (second)
		json_object_set_new(j, strncmp(c->words, "show ", 5) == 0 ? "what" : "action", json_string(second));
	while (*p) {
		size_t len = strcspn(p, " ");
		bool optional = *p == '[';
		const char *alternatives = p + optional;
		int k = kind_of(alternatives, len - 2 * optional, used < argc ? argv[used] : NULL);

		if (k >= 0) {
			json_object_set_new(j, kinds[k].key, json_string(argv[used++]));
		} else if (!optional || argc - used == places(p)) {
			if (used < argc)
				say(why, why_size, "%s: \"%s\" is not %s", c->words, argv[used],
				    what_of(alternatives, len));
			else
				say(why, why_size, "%s: %.*s is missing: %s", c->words, (int)len, p,
				    what_of(alternatives, len));
			json_decref(j);
			return NULL;
		}
		p += len;
		p += strspn(p, " ");
	}
	if (used < argc) {
		say(why, why_size, "%s: \"%s\" cannot stand here; usage: roamcast %s%s%s", c->words, argv[used],
		    c->words, c->args[0] ? " " : "", c->args);
		json_decref(j);
		return NULL;
	}
	return j;
}

/* ---- completion and usage ---- */
void command_complete(int argc, char *const *argv, FILE *to)
{
	char list[512], why[256];
	const struct command *c;
	int n_words;

	c = argc ? command_find(argc, argv, &n_words, why, sizeof(why)) : NULL;
	if (!c) {
		if (argc < 2 && next_words(argc, argv, argc, list, sizeof(list)))
			for (char *w = strtok(list, ", "); w; w = strtok(NULL, ", "))
				fprintf(to, "%s\n", w);
		return;
	}
	/* The arguments that are there are taken to fill the first places. */
	const char *p = c->args;

	for (int i = n_words; i < argc && *p; i++) {
		size_t len = strcspn(p, " ");

		/* A place that may stay empty and does. */
		while (*p == '[' && kind_of(p + 1, len - 2, argv[i]) < 0 && p[len]) {
			p += len + 1;
			len = strcspn(p, " ");
		}
		p += len;
		p += strspn(p, " ");
	}
	while (*p) {
		size_t len = strcspn(p, " ");
		bool optional = *p == '[';

		for (const char *a = p + optional; a < p + len;) {
			size_t n = strcspn(a, "|]. ");

			if (n)
				fprintf(to, "<%.*s>\n", (int)n, a);
			a += n + 1;
		}
		if (!optional)
			break;
		p += len;
		p += strspn(p, " ");
	}
}

void command_usage(FILE *to)
{
	char line[96];

	for (size_t i = 0; i < N_COMMANDS; i++) {
		snprintf(line, sizeof(line), "%s%s%s", commands[i].words, commands[i].args[0] ? " " : "",
			 commands[i].args);
		fprintf(to, "  %-36s %s\n", line, commands[i].help);
	}
}

void command_each(void (*each)(void *arg, const struct command *c), void *arg)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		each(arg, &commands[i]);
}
