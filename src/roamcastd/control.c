/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of the control socket: most are show/'s, two are the daemon's own. */
#include "roamcastd/daemon.h"

#include <errno.h>
#include <string.h>

#include "io/clock.h"

struct show_ctx daemon_show_ctx(struct daemon *d)
{
	return (struct show_ctx){
		.conf = d->conf,
		.lma = d->lma,
		.mag = d->mag,
		.proxy = d->proxy,
		.dp = d->dp,
		.store = d->store,
		.events = d->events,
		.now = clock_now(),
		.started = d->started,
		.reload_error = d->reload_error,
		.cpu_latency = d->cpu_latency.requested,
		.cpu_latency_error = d->cpu_latency.error,
		.each_counter = daemon_each_counter,
		.counter_arg = d,
	};
}

json_t *daemon_request(void *arg, struct ctl_client *client, const json_t *request)
{
	struct daemon *d = arg;
	const char *command = json_string_value(json_object_get(request, "command"));
	struct show_ctx ctx = daemon_show_ctx(d);
	json_t *body = NULL;
	int status = 0;

	d->counters[DAEMON_CONTROL_REQUESTS]++;
	if (command && strcmp(command, "monitor") == 0) {
		const char *mn = json_string_value(json_object_get(request, "mn"));
		const char *kind = json_string_value(json_object_get(request, "kind"));

		body = monitor_request(&ctx, request, &status);
		if (status == 0 && !ctl_client_monitor(client, mn, kind)) {
			json_decref(body);
			body = control_error("limit", NULL, "out of memory");
			status = ENOMEM;
		}
	} else if (command && strcmp(command, "reload") == 0) {
		bool changed = false;
		status = daemon_reload(d, &changed, &body);
		if (status == 0)
			body = json_pack("{s:b}", "changed", changed);
	} else {
		body = control_request(&ctx, request, &status);
		daemon_pump(d);
	}
	return control_answer(body, status);
}
