/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/demo.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/daemons.h"
#include "lab/streams.h"

#define RATE_OVER span_ms(150)

#define REFRESH span_ms(200)

double demo_seconds(const struct demo *d)
{
	return (double)mono_sub(proc_clock(), d->start).ns / 1e9;
}

/* ---- receivers ---------------------------------------------------------------------------------------------- */

static json_t *row_report(struct demo *d, const struct demo_row *row)
{
	json_t *report = streams_report(&d->lab, row->stream);
	json_t *node = json_object_get(json_object_get(report, "nodes"), d->lab.mns[row->mn].name);
	json_incref(node);
	json_decref(report);
	return node;
}

static uint64_t whole(json_t *o, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(o, key));
}

static void refresh_row(struct demo *d, struct demo_row *row)
{
	json_t *o = row_report(d, row);
	if (!o)
		return;
	uint64_t received = whole(o, "received");
	row->flowing = received > row->received;
	row->received = received;
	row->lost = whole(o, "lost");
	row->duplicates = whole(o, "duplicates");
	row->reordered = whole(o, "reordered");
	json_decref(o);
}

bool demo_gap_at(struct demo *d, const struct demo_row *row, mono_t at, mono_t *from, mono_t *to, uint64_t *missing)
{
	json_t *o = row_report(d, row), *gap;
	size_t i;
	bool found = false;
	json_array_foreach(json_object_get(o, "gaps"), i, gap) {
		mono_t a = {json_integer_value(json_object_get(gap, "from_ns"))};
		mono_t b = {json_integer_value(json_object_get(gap, "to_ns"))};
		if (found || mono_before(at, a) || mono_before(b, at))
			continue;
		*from = a;
		*to = b;
		*missing = whole(gap, "missing");
		found = true;
	}
	json_decref(o);
	return found;
}

/* ---- daemons ------------------------------------------------------------------------------------------------ */

static struct demo_group *group_of(struct demo *d, const char *addr)
{
	for (unsigned i = 0; addr && i < d->n_groups; i++)
		if (!strcmp(d->groups[i].addr, addr))
			return &d->groups[i];
	return NULL;
}

static const char *text(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* What a daemon has counted of each group by now. A list that is new there begins at 0 again. */
static void refresh_hop(struct demo *d, json_t *view, unsigned hop)
{
	uint64_t now_at[DEMO_GROUPS_MAX] = {0};
	json_t *o;
	size_t i;
	json_array_foreach(json_object_get(view, "flows"), i, o) {
		struct demo_group *g = group_of(d, text(o, "group"));
		if (g)
			now_at[g - d->groups] += whole(json_object_get(o, "received"), "packets");
	}
	for (unsigned k = 0; k < d->n_groups; k++) {
		struct demo_group *g = &d->groups[k];
		double seconds = (double)mono_sub(proc_clock(), g->looked).ns / 1e9;
		uint64_t more = now_at[k] > g->packets[hop] ? now_at[k] - g->packets[hop] : 0;
		g->rate[hop] = seconds > 0 ? (double)more / seconds : 0;
		g->packets[hop] = now_at[k];
	}
}

/* A picture that follows at the heels of another, because something has happened, shows the rates of that one: one or
 * two packets over a few milliseconds are none. */
static bool rates_are_due(const struct demo *d)
{
	return d->n_groups && mono_sub(proc_clock(), d->groups[0].looked).ns >= RATE_OVER.ns;
}

static void refresh_rates(struct demo *d, json_t *at_lma)
{
	refresh_hop(d, at_lma, 0);
	for (unsigned m = 0; m < DEMO_MAGS; m++) {
		json_t *at_mag = daemons_show(&d->lab, d->lab.mags[m].name, "groups");
		refresh_hop(d, at_mag, 1 + m);
		json_decref(at_mag);
	}
	for (unsigned k = 0; k < d->n_groups; k++)
		d->groups[k].looked = proc_clock();
}

/* What the LMA has joined upstream, to what the MAGs are subscribed there, and what arrives at each. */
static void refresh_flows(struct demo *d)
{
	const char *lma = d->lab.lmas[0].name;
	json_t *groups = daemons_show(&d->lab, lma, "groups"), *subs = daemons_show(&d->lab, lma, "subscriptions"), *o;
	size_t i;
	for (unsigned k = 0; k < d->n_groups; k++)
		memset(d->groups[k].asked, 0, sizeof(d->groups[k].asked));
	json_array_foreach(json_object_get(groups, "groups"), i, o) {
		struct demo_group *g = group_of(d, text(o, "group"));
		const char *upstream = text(o, "upstream");
		if (g)
			g->asked[0] = upstream && strcmp(upstream, "joined") == 0;
	}
	json_array_foreach(json_object_get(subs, "mag_subscriptions"), i, o) {
		struct demo_group *g = group_of(d, text(o, "group"));
		const char *mag = text(o, "mag");
		for (unsigned m = 0; g && mag && m < DEMO_MAGS; m++)
			if (!strcmp(mag, d->lab.mags[m].name))
				g->asked[1 + m] = true;
	}
	if (rates_are_due(d))
		refresh_rates(d, groups);
	json_decref(groups);
	json_decref(subs);
}

static void refresh_dataplane(struct demo *d)
{
	json_t *status = daemons_show(&d->lab, d->lab.lmas[0].name, "status");
	const char *running = text(json_object_get(status, "dataplane"), "backend");
	snprintf(d->running, sizeof(d->running), "%s", running ? running : "?");
	json_decref(status);
}

void demo_refresh(struct demo *d)
{
	for (unsigned i = 0; i < d->n_rows; i++)
		refresh_row(d, &d->rows[i]);
	refresh_flows(d);
	if (!d->running[0] || d->running[0] == '?')
		refresh_dataplane(d);
	if (d->video)
		demo_video_refresh(d);
}

bool demo_until(struct demo *d, span_t patience, bool (*done)(struct demo *d, void *arg), void *arg)
{
	mono_t end = mono_add(proc_clock(), patience);
	while (!demo_stop) {
		mono_t next = mono_add(proc_clock(), REFRESH);
		demo_refresh(d);
		demo_draw(d);
		if (done && done(d, arg))
			return true;
		if (mono_reached(end, proc_clock()))
			return !done;
		proc_nap(mono_sub(mono_min(next, end), proc_clock()));
	}
	return false;
}

bool demo_watch(struct demo *d, span_t how_long)
{
	return demo_until(d, how_long, NULL, NULL);
}

bool demo_expect(struct demo *d, bool met, const char *fmt, ...)
{
	char line[DEMO_TEXT];
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (demo_stop)
		return met; /* what was cut short says nothing */
	json_array_append_new(d->expectations, json_pack("{sssb}", "text", line, "met", (int)met));
	d->unmet += !met;
	demo_note(d, "%s: %s", met ? "ok" : "NOT MET", line);
	return met;
}

/* ---- the kernel --------------------------------------------------------------------------------------------- */

static json_t *run_json(const char *const argv[])
{
	char *out = NULL;
	int r = proc_run(argv, NULL, &out, true);
	json_t *o = r == 0 ? json_loads(out, 0, NULL) : NULL;
	free(out);
	return o;
}

bool demo_bridge_sends(struct demo *d, const char *group)
{
	char ns[LAB_PATH_MAX];
	const char *argv[] = {"bridge", "-netns", lab_netns(&d->lab, "rtr", ns), "-j", "-d", "mdb", "show", NULL};
	json_t *all = run_json(argv), *entry;
	size_t i;
	bool found = false;
	json_array_foreach(json_object_get(json_array_get(all, 0), "mdb"), i, entry) {
		const char *port = text(entry, "port"), *grp = text(entry, "grp");
		found = found || (port && grp && !strcmp(port, d->lab.lmas[0].name) && !strcmp(grp, group));
	}
	json_decref(all);
	return found;
}

uint64_t demo_packets_in(struct demo *d, const char *node, const char *dev)
{
	char ns[LAB_PATH_MAX];
	const char *argv[] = {"ip", "-netns", lab_netns(&d->lab, node, ns), "-j", "-s", "link", "show", "dev",
			      dev,  NULL};
	json_t *all = run_json(argv);
	json_t *rx = json_object_get(json_object_get(json_array_get(all, 0), "stats64"), "rx");
	uint64_t n = whole(rx, "packets");
	json_decref(all);
	return n;
}

bool demo_find_address(struct demo *d, unsigned mn)
{
	char ns[LAB_PATH_MAX];
	const char *argv[] = {"ip",    "-netns", lab_netns(&d->lab, d->lab.mns[mn].name, ns),
			      "-j",    "-6",	 "address",
			      "show",  "dev",	 "eth0",
			      "scope", "global", "-tentative",
			      NULL};
	json_t *all = run_json(argv), *o;
	size_t i;
	bool found = false;
	json_array_foreach(json_object_get(json_array_get(all, 0), "addr_info"), i, o) {
		const char *local = text(o, "local");
		if (local && !found) {
			snprintf(d->addr[mn], sizeof(d->addr[mn]), "%s", local);
			found = true;
		}
	}
	json_decref(all);
	return found;
}
