/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the control socket answers: views of the engines as JSON, the explanation of a node's service, operators'
 * requests to the engines, and the texts that the command line makes of the JSON. docs/control-protocol.md is the
 * operator's description. Nothing here blocks or opens anything. */
#include "conf/conf.h"
#include "dp/dp.h"
#include "fx/event.h"
#include "lma/lma.h"
#include "mag/mag.h"
#include "mldproxy/mldproxy.h"
#include "store/store.h"

#include <jansson.h>
#include <stdio.h>

#define SHOW_SCHEMA   1	    /* top-level "schema" of every view: raised when a member changes its meaning or goes */
#define SHOW_ROWS_MAX 10000 /* rows of a list where the request gives no "limit"; "more" tells that there were others  \
			     */

struct event_log;

/* What there is to be shown. Pointers that do not apply are NULL; all are borrowed. Whoever calls fills in `now`. */
struct show_ctx {
	const struct conf *conf;
	struct lma *lma;
	struct mag *mag;
	struct mldproxy *proxy;
	struct dp *dp;
	struct store *store;
	const struct event_log *events;
	struct now now, started;
	const char *reload_error; /* text of the last reload that was refused; NULL after a good one */
	/* What is requested of the kernel for idle processors ("20us"), and why not, or to no effect; NULL or "": nothing. */
	const char *cpu_latency, *cpu_latency_error;
	/* Counters of the shell itself (sockets, control connections), each with a name. May be NULL. */
	void (*each_counter)(void *arg, void (*each)(void *each_arg, const char *name, uint64_t value), void *each_arg);
	void *counter_arg;
};

/* ---- requests ----
 * Each takes one request object of the control protocol. Status 0: a new reference to the result. Otherwise a positive
 * errno and a new reference to an error object {"code", "text", "remedy"}. Never NULL but when memory is out. */

/* {"command": "show", "what": NAME, ...} and {"command": "why", "mn": MN, "group": GROUP}. */
json_t *show_request(const struct show_ctx *ctx, const json_t *request, int *status);
/* attach, detach, handover, subscribe, unsubscribe, query, terminate: calls into the engines, whose effects the caller drains
 * afterwards. */
json_t *admin_request(const struct show_ctx *ctx, const json_t *request, int *status);
/* {"command": "policy", "action": "add|show|set|remove|import|export", ...}; also used without a daemon, on a store
 * file. */
json_t *policy_request(struct store *store, const json_t *request, int *status);
/* {"command": "monitor", ...}: may the client wait for that? The result's "known" tells of a node whether it is known here,
 * or its name only waited for. */
json_t *monitor_request(const struct show_ctx *ctx, const json_t *request, int *status);
/* All of the above but the last by "command". Of the protocol's commands only "monitor" and "reload" are left to the daemon: for
 * those, and for unknown ones, the error's code is "unknown-command". */
json_t *control_request(const struct show_ctx *ctx, const json_t *request, int *status);

/* The line that goes back: {"ok": true, "result": ...} or {"ok": false, "error": ...}. Takes the reference to `body`.
 */
json_t *control_answer(json_t *body, int status);
/* An error object; `remedy` may be NULL. */
json_t *control_error(const char *code, const char *remedy, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- views, each a new object with "schema" and "view" ---- */
json_t *show_status(const struct show_ctx *ctx);
json_t *show_bindings(const struct show_ctx *ctx, const json_t *filter);
json_t *show_nodes(const struct show_ctx *ctx, const json_t *filter);
json_t *show_handovers(const struct show_ctx *ctx, const json_t *filter);
json_t *show_subscriptions(const struct show_ctx *ctx, const json_t *filter);
json_t *show_groups(const struct show_ctx *ctx, const json_t *filter);
json_t *show_links(const struct show_ctx *ctx, const json_t *filter);
json_t *show_tunnels(const struct show_ctx *ctx, const json_t *filter);
json_t *show_counters(const struct show_ctx *ctx, const json_t *filter);
json_t *show_events(const struct show_ctx *ctx, const json_t *filter);
json_t *show_settings(const struct show_ctx *ctx, const json_t *filter);
json_t *show_policy(const struct show_ctx *ctx, const json_t *filter);
json_t *show_why(const struct show_ctx *ctx, const struct nai *mn,
		 const struct in6_addr *group /* NULL: the node alone */);
/* Of a plain proxy. Either of the two may be NULL. */
json_t *show_why_proxy(const struct show_ctx *ctx, const char *link, const struct in6_addr *group);

/* ---- events ---- */
/* One event as the log, `show events` and the monitor tell it: a new object. */
json_t *show_event(const struct event *e, wall_t at);
/* The same as one line of text, as people read it: "mn=alice@example node-registered lma=...". */
void show_event_text(const json_t *event, FILE *to);

/* The names of all kinds: a new array of lines for people. */
json_t *show_event_kinds(void);

/* The last `keep` events. NULL: out of memory. */
struct event_log *event_log_new(uint32_t keep);
struct event_log *event_log_free(struct event_log *log);
void event_log_add(struct event_log *log, const struct event *e, wall_t at);
uint64_t event_log_total(const struct event_log *log); /* since the start, forgotten ones included */
/* Oldest first. */
void event_log_each(const struct event_log *log, void (*each)(void *arg, const struct event *e, wall_t at), void *arg);

/* ---- texts for people, from the JSON alone: the same content ---- */
#define SHOW_WIDTH 120 /* of a table, as long as columns can be left out of it */
struct show_style {
	bool wide; /* all columns, whatever the width */
	bool all;  /* also rows that count nothing */
};
/* Renders a view (or the explanation of `why`). False: no such view; nothing was written. */
bool show_render(const json_t *view, struct show_style style, FILE *to);
/* A number of nanoseconds since 1970 as "2026-11-23T06:20:00.123Z". */
#define SHOW_TIME_MAX 40
const char *show_time(wall_t t, char buf[SHOW_TIME_MAX]);
