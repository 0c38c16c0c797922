/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/demo.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BOLD  "\033[1m"
#define DIM   "\033[2m"
#define GREEN "\033[32m"
#define RED   "\033[31m"
#define PLAIN "\033[0m"

/* ---- the picture -------------------------------------------------------------------------------------------- */

/* One line of the picture, cut to the terminal by the terminal itself (wrapping is off while we draw). */
static void line(struct demo *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void line(struct demo *d, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	fputs(PLAIN "\033[K\n", stdout);
	d->drawn++;
}

static void nodes_at(struct demo *d, const char *mag, char *buf, size_t size)
{
	buf[0] = '\0';
	for (size_t i = 0, n = 0; i < d->lab.n_mns && n < size; i++)
		if (!strcmp(d->lab.mns[i].at, mag))
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? "  " : "", d->lab.mns[i].name);
	if (!buf[0])
		snprintf(buf, size, DIM "(nobody)" PLAIN);
}

static void draw_domain(struct demo *d)
{
	char at[DEMO_MAGS][64], nowhere[64];
	for (size_t i = 0; i < DEMO_MAGS; i++)
		nodes_at(d, d->lab.mags[i].name, at[i], sizeof(at[i]));
	nodes_at(d, "", nowhere, sizeof(nowhere));
	line(d, "                           +---- " BOLD "mag1" PLAIN " ---- %s", at[0]);
	line(d, "  src ---- rtr ---- " BOLD "lma" PLAIN " ---+");
	line(d, "                           +---- " BOLD "mag2" PLAIN " ---- %s", at[1]);
	if (nowhere[0] != '\033')
		line(d, "                                          not attached: %s", nowhere);
	else
		line(d, "%s", "");
}

/* "200/s" where packets arrive, "joined" where they could. */
static const char *hop(const struct demo_group *g, unsigned i, char buf[32])
{
	char rate[16];
	snprintf(rate, sizeof(rate), "%.0f/s", g->rate[i]);
	bool flows = g->rate[i] >= 0.5;
	snprintf(buf, 32, "%s%8s" PLAIN, flows ? GREEN : DIM, flows ? rate : g->asked[i] ? "joined" : "-");
	return buf;
}

/* The nodes at which the group arrives. */
static void nodes_of(struct demo *d, const struct demo_group *g, char *buf, size_t size)
{
	size_t n = 0;
	buf[0] = '\0';
	for (unsigned i = 0; i < d->n_rows && n < size; i++)
		if (!strcmp(d->rows[i].label, g->label) && d->rows[i].flowing)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? " " : "", d->lab.mns[d->rows[i].mn].name);
}

static void draw_flows(struct demo *d)
{
	char into[DEMO_HOPS][32], nodes[32];
	line(d, DIM "  group                rtr>lma lma>mag1 lma>mag2  to nodes   service" PLAIN);
	for (unsigned i = 0; i < d->n_groups; i++) {
		const struct demo_group *g = &d->groups[i];
		nodes_of(d, g, nodes, sizeof(nodes));
		line(d, "  %-5s %-13s %s %s %s  %-9s  %s", g->label, g->addr, hop(g, 0, into[0]), hop(g, 1, into[1]),
		     hop(g, 2, into[2]), nodes, g->how);
	}
	line(d, "%s", "");
}

static void draw_rows(struct demo *d)
{
	line(d, DIM "  node  at     stream    received     lost      dup   handover gap" PLAIN);
	for (unsigned i = 0; i < d->n_rows; i++) {
		const struct demo_row *r = &d->rows[i];
		const struct lab_mn *mn = &d->lab.mns[r->mn];
		char gap[32] = "-";
		if (r->gap_ms >= 0)
			snprintf(gap, sizeof(gap), "%.1f ms", r->gap_ms);
		line(d, "  %-5s %-6s %s%-8s" PLAIN " %9llu %8llu %s%8llu" PLAIN " %14s  " DIM "%s", mn->name,
		     mn->at[0] ? mn->at : "-", r->flowing ? GREEN : DIM, r->label, (unsigned long long)r->received,
		     (unsigned long long)r->lost, r->duplicates ? RED : "", (unsigned long long)r->duplicates, gap,
		     r->over ? r->over : "");
	}
	if (d->video) {
		char text[DEMO_TEXT];
		demo_video_line(d, text);
		line(d, "  %s", text);
	}
	line(d, "%s", "");
}

void demo_draw(struct demo *d)
{
	if (!d->tty)
		return;
	if (d->drawn)
		printf("\033[%uA\r", d->drawn);
	d->drawn = 0;
	fputs("\033[?7l", stdout);
	line(d, BOLD "  Roamcast" PLAIN "  %5.1f s   data plane %s   %s", demo_seconds(d), d->running, d->phase);
	line(d, "%s", "");
	draw_domain(d);
	draw_flows(d);
	draw_rows(d);
	unsigned first = d->n_notes > DEMO_NOTES ? d->n_notes - DEMO_NOTES : 0;
	for (unsigned i = first; i < first + DEMO_NOTES; i++) {
		const struct demo_note *n = &d->notes[i % DEMO_NOTES];
		if (i < d->n_notes)
			line(d, DIM "  %5.1f s" PLAIN "  %s", n->at, n->text);
		else
			line(d, "%s", "");
	}
	fputs("\033[?7h", stdout);
	fflush(stdout);
}

void demo_view_open(struct demo *d)
{
	struct winsize w;
	d->tty = !d->json && isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row >= 26 &&
		 w.ws_col >= 72;
	if (d->tty)
		fputs("\033[?25l\n", stdout);
}

void demo_view_close(struct demo *d)
{
	if (d->tty)
		fputs("\033[?25h\033[?7h", stdout);
	fflush(stdout);
}

/* ---- lines -------------------------------------------------------------------------------------------------- */

void demo_note(struct demo *d, const char *fmt, ...)
{
	struct demo_note *n = &d->notes[d->n_notes++ % DEMO_NOTES];
	va_list args;
	va_start(args, fmt);
	vsnprintf(n->text, sizeof(n->text), fmt, args);
	va_end(args);
	n->at = demo_seconds(d);
	if (!d->tty && !d->json)
		printf("%6.2f s  %s\n", n->at, n->text);
	if (!d->tty)
		fflush(stdout);
}

void demo_phase(struct demo *d, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(d->phase, sizeof(d->phase), fmt, args);
	va_end(args);
	if (!d->tty && !d->json) {
		printf("%6.2f s  -- %s\n", demo_seconds(d), d->phase);
		fflush(stdout);
	}
	demo_draw(d);
}

/* ---- summary ------------------------------------------------------------------------------------------------ */

static const char *text(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

void demo_print_summary(struct demo *d, json_t *summary)
{
	size_t i;
	json_t *o;
	if (d->json) {
		json_dumpf(summary, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		putchar('\n');
		return;
	}
	if (d->n_rows)
		printf("\n  %-6s %-8s %9s %6s %8s %6s %10s\n", "node", "stream", "received", "lost", "between", "dup",
		       "reordered");
	for (unsigned n = 0; n < d->n_rows; n++) {
		const struct demo_row *r = &d->rows[n];
		printf("  %-6s %-8s %9llu %6llu %8llu %6llu %10llu\n", d->lab.mns[r->mn].name, r->label,
		       (unsigned long long)r->received, (unsigned long long)(r->lost - r->excused),
		       (unsigned long long)r->excused, (unsigned long long)r->duplicates,
		       (unsigned long long)r->reordered);
	}
	if (d->n_rows)
		printf("  (between: lost while the node had no link, or while its new MAG learned of it)\n");
	putchar('\n');
	json_array_foreach(json_object_get(summary, "handovers"), i, o) {
		double gap = json_number_value(json_object_get(o, "gap_ms"));
		double after = json_number_value(json_object_get(o, "after_link_up_ms"));
		bool announced = json_is_true(json_object_get(o, "announced"));
		printf("  handover of %s %s > %s%s: %s silent for %.1f ms, back %.1f ms after the link came up, %lld lost\n",
		       text(o, "node"), text(o, "from"), text(o, "to"), announced ? ", announced" : "", text(o, "stream"),
		       gap, after, (long long)json_integer_value(json_object_get(o, "lost")));
	}
	if (d->video) {
		char line_of[DEMO_TEXT];
		demo_video_line(d, line_of);
		printf("  %s\n", line_of);
	}
	putchar('\n');
	json_array_foreach(json_object_get(summary, "expectations"), i, o) {
		printf("  %s  %s\n", json_is_true(json_object_get(o, "met")) ? "yes" : "NO ", text(o, "text"));
	}
	printf("\n  %s after %.1f s\n",
	       json_is_true(json_object_get(summary, "interrupted")) ? "Interrupted"
	       : json_is_true(json_object_get(summary, "passed"))    ? "All expectations were met"
								     : "FAILED",
	       json_number_value(json_object_get(summary, "seconds")));
}
