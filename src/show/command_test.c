/* SPDX-License-Identifier: BSD-2-Clause */
/* The grammar of the command line: words to requests, abbreviations, errors, completion. */
#include "show/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Splits at spaces. */
static int split(char *line, char **argv)
{
	int n = 0;

	for (char *w = strtok(line, " "); w; w = strtok(NULL, " "))
		argv[n++] = w;
	return n;
}

static const struct {
	const char *line, *request, *error; /* one of the last two */
} lines[] = {
	{ "show status", "{\"command\": \"show\", \"what\": \"status\"}", NULL },
	{ "sh no", "{\"command\": \"show\", \"what\": \"nodes\"}", NULL },
	{ "show su a@b", "{\"command\": \"show\", \"what\": \"subscriptions\", \"mn\": \"a@b\"}", NULL },
	{ "show su ff3e::1", "{\"command\": \"show\", \"what\": \"subscriptions\", \"group\": \"ff3e::1\"}", NULL },
	{ "show su a@b ff3e::1",
	  "{\"command\": \"show\", \"what\": \"subscriptions\", \"mn\": \"a@b\", \"group\": \"ff3e::1\"}", NULL },
	{ "mon", "{\"command\": \"monitor\"}", NULL },
	{ "mon a@b", "{\"command\": \"monitor\", \"mn\": \"a@b\"}", NULL },
	{ "mon node-registered a@b", "{\"command\": \"monitor\", \"kind\": \"node-registered\", \"mn\": \"a@b\"}",
	  NULL },
	{ "why a", "{\"command\": \"why\", \"mn\": \"a\"}", NULL },
	{ "attach 02:00:00:00:00:01 acc1",
	  "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:01\", \"link\": \"acc1\"}", NULL },
	{ "attach a@b acc1", "{\"command\": \"attach\", \"mn\": \"a@b\", \"link\": \"acc1\"}", NULL },
	{ "attach a@b acc1 02:00:00:00:00:01",
	  "{\"command\": \"attach\", \"mn\": \"a@b\", \"link\": \"acc1\", \"lladdr\": \"02:00:00:00:00:01\"}", NULL },
	{ "subscribe a ff3e::1 2001:db8::5",
	  "{\"command\": \"subscribe\", \"mn\": \"a\", \"group\": \"ff3e::1\", \"source\": \"2001:db8::5\"}", NULL },
	{ "u a ff1e::1", "{\"command\": \"unsubscribe\", \"mn\": \"a\", \"group\": \"ff1e::1\"}", NULL },
	{ "query a@b", "{\"command\": \"query\", \"mn\": \"a@b\"}", NULL },
	{ "q a ff1e::1", "{\"command\": \"query\", \"mn\": \"a\", \"group\": \"ff1e::1\"}", NULL },
	{ "term ff1e::1", "{\"command\": \"terminate\", \"group\": \"ff1e::1\"}", NULL },
	{ "term a@b", "{\"command\": \"terminate\", \"mn\": \"a@b\"}", NULL },
	{ "policy remove a", "{\"command\": \"policy\", \"action\": \"remove\", \"mn\": \"a\"}", NULL },
	{ "reload", "{\"command\": \"reload\"}", NULL },
	{ "s", NULL, "\"s\" may mean show, subscribe" },
	{ "show s", NULL, "\"s\" may mean status, subscriptions, settings" },
	{ "show", NULL,
	  "show: give one of status, nodes, handovers, bindings, subscriptions, groups, links, tunnels, counters, events, settings, "
	  "policy" },
	{ "shows", NULL,
	  "there is no \"shows\"; give one of show, why, monitor, attach, detach, handover, subscribe, unsubscribe, query, terminate, "
	  "reload, policy, lab, demo, help" },
	{ "policy show x y", NULL, "policy show: \"y\" cannot stand here; usage: roamcast policy show [MN]" },
	{ "why", NULL, "why: MN|GROUP is missing: a node's identifier such as alice@example.net" },
	{ "why a b", NULL, "why: \"b\" is not an IPv6 multicast address such as ff3e::8000:1" },
	{ "why a ff1e::1 b", NULL, "why: \"b\" cannot stand here; usage: roamcast why MN|GROUP [GROUP]" },
	{ "monitor node-registred a@b", NULL,
	  "monitor: \"node-registred\" is not a kind of event such as node-registered" },
	{ "monitor node-registred", "{\"command\": \"monitor\", \"mn\": \"node-registred\"}", NULL },
	{ "why ff1e::1", "{\"command\": \"why\", \"group\": \"ff1e::1\"}", NULL },
	{ "subscribe a 2001:db8::5", NULL,
	  "subscribe: \"2001:db8::5\" is not an IPv6 multicast address such as ff3e::8000:1" },
	{ "subscribe a ff3e::1 x", NULL, "subscribe: \"x\" is not the IPv6 address of a source" },
	{ "hand a@b", "{\"command\": \"handover\", \"mn\": \"a@b\"}", NULL },
	{ "handover", NULL, "handover: MN is missing: a node's identifier such as alice@example.net" },
	{ "show hand a@b", "{\"command\": \"show\", \"what\": \"handovers\", \"mn\": \"a@b\"}", NULL },
	{ "attach a@b", NULL, "attach: LINK is missing: the name of an interface" },
};

static void words_to_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char line[128], *argv[8], why[512] = "";
		const struct command *c;
		int argc, n_words = 0;
		json_t *got = NULL, *want;

		strcpy(line, lines[i].line);
		argc = split(line, argv);
		c = command_find(argc, argv, &n_words, why, sizeof(why));
		if (c)
			got = command_request(c, argc - n_words, argv + n_words, why, sizeof(why));
		if (lines[i].error) {
			assert_null(got);
			assert_string_equal(why, lines[i].error);
			continue;
		}
		if (!got)
			fail_msg("%s: %s", lines[i].line, why);
		want = json_loads(lines[i].request, 0, NULL);
		assert_true(json_equal(got, want));
		json_decref(got);
		json_decref(want);
	}
}

static void each_is_found(void *arg, const struct command *c)
{
	char line[64], *argv[4], why[256];
	int n_words, argc;

	strcpy(line, c->words);
	argc = split(line, argv);
	assert_ptr_equal(command_find(argc, argv, &n_words, why, sizeof(why)), c);
	assert_int_equal(n_words, argc);
	++*(unsigned int *)arg;
}

static void full_words_are_found(void **state)
{
	unsigned int n = 0;

	(void)state;
	command_each(each_is_found, &n);
	assert_true(n > 20);
}

static void completion(void **state)
{
	static const struct {
		const char *line, *next;
	} t[] = {
		{ "policy", "add\nset\nshow\nremove\nimport\nexport\n" },
		{ "pol", "add\nset\nshow\nremove\nimport\nexport\n" },
		{ "why", "<MN>\n<GROUP>\n" },
		{ "why a", "<GROUP>\n" },
		{ "why a ff1e::1", "" },
		{ "subscribe a", "<GROUP>\n" },
		{ "show subscriptions", "<MN>\n<GROUP>\n" },
		{ "show subscriptions ff1e::1", "" },
		{ "terminate", "<GROUP>\n<MN>\n" },
		{ "attach a", "<LINK>\n" },
		{ "policy import", "<FILE>\n" },
		{ "lab", "" },
		{ "nonsense", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char line[64], *argv[8], *text;
		size_t size;
		FILE *to = open_memstream(&text, &size);

		strcpy(line, t[i].line);
		command_complete(split(line, argv), argv, to);
		fclose(to);
		if (strcmp(text, t[i].next) != 0)
			fail_msg("after \"%s\": %s", t[i].line, text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_to_requests),
		cmocka_unit_test(full_words_are_found),
		cmocka_unit_test(completion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
