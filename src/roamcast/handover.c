/* SPDX-License-Identifier: BSD-2-Clause */
/* roamcast handover: asks, and waits for the event that tells how it went. The daemon's answer comes at once; that the
 * node may be sent over is known when both gateways and the anchor have spoken. */
#include "roamcast/roamcast.h"

#include <stdlib.h>
#include <string.h>

static bool is_kind(const json_t *event, const char *kind)
{
	const char *s = json_string_value(json_object_get(event, "event"));

	return s && strcmp(s, kind) == 0;
}

/* Events of the node, from now on. NULL: said why, with the exit status. */
static struct client *listen_for(const struct options *o, const json_t *mn, int *status)
{
	struct client *c = client_open(o->socket, false);
	json_t *answer;

	*status = EXIT_NO_DAEMON;
	if (!c)
		return NULL;
	answer = client_ask(c, json_pack("{s:s, s:O}", "command", "monitor", "mn", mn));
	if (json_is_true(json_object_get(answer, "ok"))) {
		json_decref(answer);
		return c;
	}
	*status = EXIT_REFUSED;
	if (answer)
		complain_answer(answer);
	json_decref(answer);
	client_close(c);
	return NULL;
}

static void print_event(const struct options *o, const json_t *event)
{
	if (o->json) {
		json_dumpf(event, stdout, JSON_INDENT(2));
		putchar('\n');
		return;
	}
	show_event_text(event, stdout);
	putchar('\n');
}

static int await(const struct options *o, struct client *c)
{
	bool started = false;
	json_t *event;

	while ((event = client_next(c))) {
		/* The node may be over before all is ready for it. */
		bool ready = is_kind(event, "handover-ready") || is_kind(event, "handover-completed");
		bool over = ready || is_kind(event, "handover-failed") || is_kind(event, "handover-cancelled");

		/* Before that, what is told is how the one ended that brought the node here. */
		started = started || is_kind(event, "handover-started");
		over = over && started;
		if (over)
			print_event(o, event);
		json_decref(event);
		if (over)
			return ready ? EXIT_DONE : EXIT_REFUSED;
	}
	complain("the daemon has closed the connection");
	return EXIT_NO_DAEMON;
}

int handover_command(const struct options *o, const struct command *cmd, int argc, char **argv)
{
	char why[256];
	json_t *request = command_request(cmd, argc, argv, why, sizeof(why)), *result;
	struct client *events = NULL;
	int status;

	if (request && !o->to == !o->cancel) {
		snprintf(why, sizeof(why), "handover: give either --to MAG or --cancel");
		json_decref(request);
		request = NULL;
	}
	if (!request) {
		complain("%s", why);
		return EXIT_USAGE;
	}
	if (o->cancel)
		json_object_set_new(request, "cancel", json_true());
	else
		json_object_set_new(request, "to", json_string(o->to));
	if (o->to && !o->no_wait) {
		events = listen_for(o, json_object_get(request, "mn"), &status);
		if (!events) {
			json_decref(request);
			return status;
		}
	}
	result = request_result(o, request, &status);
	if (result)
		status = events ? await(o, events) : EXIT_DONE;
	if (result && !events && !o->json)
		puts("done");
	json_decref(result);
	if (events)
		client_close(events);
	return status;
}
