/* SPDX-License-Identifier: BSD-2-Clause */
/* Views as text, out of the JSON alone. Lists become tables of columns as wide as their widest cell; a column that is
 * empty in all rows is left out. What is not a list of rows becomes lines of key and value. */
#include "show/show_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- cells ---- */
static const json_t *at_path(const json_t *row, const char *path)
{
	char step[64];

	while (row && *path) {
		size_t n = strcspn(path, ".");

		if (n >= sizeof(step))
			return NULL;
		memcpy(step, path, n);
		step[n] = '\0';
		row = json_object_get(row, step);
		path += n + (path[n] == '.');
	}
	return row;
}

static void print_seconds(double s, FILE *to)
{
	long long whole = (long long)s;

	if (s < 10 && s > 0 && s != (double)whole)
		fprintf(to, "%.1fs", s);
	else if (whole < 120)
		fprintf(to, "%llds", whole);
	else if (whole < 7200)
		fprintf(to, "%lldm%02llds", whole / 60, whole % 60);
	else
		fprintf(to, "%lldh%02lldm", whole / 3600, whole % 3600 / 60);
}

static void print_value(const json_t *v, FILE *to)
{
	const char *key;
	bool first = true;
	size_t i;
	json_t *item;

	switch (json_typeof(v)) {
	case JSON_STRING:
		fputs(json_string_value(v), to);
		break;
	case JSON_INTEGER:
		fprintf(to, "%lld", (long long)json_integer_value(v));
		break;
	case JSON_REAL:
		fprintf(to, "%.3f", json_real_value(v));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		fputs(json_is_true(v) ? "yes" : "no", to);
		break;
	case JSON_NULL:
		break;
	case JSON_ARRAY:
		json_array_foreach(v, i, item)
		{
			if (i)
				fputs(json_is_object(item) ? "; " : ",", to);
			print_value(item, to);
		}
		break;
	case JSON_OBJECT:
		json_object_foreach((json_t *)v, key, item)
		{
			fprintf(to, "%s%s=", first ? "" : " ", key);
			print_value(item, to);
			first = false;
		}
		break;
	}
}

/* "any", "2001:db8::5", "all but 2001:db8::6", "none". */
static void print_filter(const json_t *f, FILE *to)
{
	const char *mode = json_string_value(json_object_get(f, "mode"));
	const json_t *sources = json_object_get(f, "sources");
	bool exclude = mode && strcmp(mode, "exclude") == 0;

	if (json_array_size(sources) == 0) {
		fputs(exclude ? "any" : "none", to);
		return;
	}
	if (exclude)
		fputs("all but ", to);
	print_value(sources, to);
}

/* The text of a cell; to be freed. */
static char *cell(const struct show_column *c, const json_t *row)
{
	const json_t *v = at_path(row, c->path);
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	if (v && !json_is_null(v)) {
		switch (c->format) {
		case SHOW_TEXT:
		case SHOW_LONG:
		case SHOW_REST:
		case SHOW_NUMBER:
			print_value(v, to);
			break;
		case SHOW_SECONDS:
			print_seconds(json_number_value(v), to);
			break;
		case SHOW_FILTER:
			print_filter(v, to);
			break;
		}
	}
	fclose(to);
	return text;
}

/* ---- tables ---- */
/* One table on its way out. Row 0 of the cells is the head; a column of width 0 is not printed. */
struct grid {
	const struct show_table *t;
	struct show_style style;
	size_t n, *width;
	char **cells;
};

/* What was left out of all tables of the view. */
struct left_out {
	size_t columns, rows;
};

static void print_row(const struct grid *g, size_t row, FILE *to)
{
	const struct show_table *t = g->t;
	char *const *cells = g->cells + row * t->n_columns;
	size_t last = t->n_columns, at = 0;

	for (size_t i = 0; i < t->n_columns; i++)
		if (g->width[i])
			last = i;
	for (size_t i = 0; i < t->n_columns; i++) {
		enum show_format format = t->columns[i].format;
		bool right = format == SHOW_NUMBER || format == SHOW_SECONDS;
		const char *text = cells[i] ? cells[i] : "";
		size_t len = strlen(text);

		if (!g->width[i])
			continue;
		if (format == SHOW_REST && !g->style.wide && at + len > SHOW_WIDTH)
			fprintf(to, "%.*s...", at + 3 < SHOW_WIDTH ? (int)(SHOW_WIDTH - at - 3) : 0, text);
		else if (i == last && !right)
			fputs(text, to);
		else
			fprintf(to, right ? "%*s" : "%-*s", (int)g->width[i], text);
		fputs(i == last ? "\n" : "  ", to);
		at += (len > g->width[i] ? len : g->width[i]) + 2;
	}
}

static void fill(struct grid *g, const json_t *rows, struct left_out *left)
{
	size_t columns = g->t->n_columns, r;
	json_t *row;

	json_array_foreach(rows, r, row)
	{
		const json_t *count = g->t->count ? json_object_get(row, g->t->count) : NULL;

		if (!g->style.all && json_is_integer(count) && !json_integer_value(count)) {
			left->rows++;
			continue;
		}
		g->n++;
		for (size_t c = 0; c < columns; c++) {
			char *text = cell(&g->t->columns[c], row);
			size_t len = text ? strlen(text) : 0;

			g->cells[g->n * columns + c] = text;
			if (g->t->columns[c].format == SHOW_LONG && len > SHOW_LONG_WIDTH)
				len = SHOW_LONG_WIDTH;
			g->width[c] = len > g->width[c] ? len : g->width[c];
		}
	}
	for (size_t c = 0; c < columns; c++) {
		g->cells[c] = strdup(g->t->columns[c].title);
		if (g->width[c] && g->width[c] < strlen(g->t->columns[c].title))
			g->width[c] = strlen(g->t->columns[c].title);
	}
}

/* Leaves out what is of the least use, until the rest fits. */
static void narrow(struct grid *g, struct left_out *left)
{
	const struct show_column *columns = g->t->columns;

	for (;;) {
		size_t total = 0, least = g->t->n_columns;

		for (size_t c = 0; c < g->t->n_columns; c++) {
			if (!g->width[c])
				continue;
			total += 2 + (columns[c].format == SHOW_REST ? SHOW_REST_LEAST : g->width[c]);
			if (columns[c].rank && (least == g->t->n_columns || columns[c].rank >= columns[least].rank))
				least = c;
		}
		if (total <= SHOW_WIDTH + 2 || least == g->t->n_columns)
			return;
		g->width[least] = 0;
		left->columns++;
	}
}

static void print_table(const struct show_table *t, const json_t *rows, struct show_style style, struct left_out *left,
			FILE *to)
{
	size_t room = json_array_size(rows) + 1;
	struct grid g = { .t = t,
			  .style = style,
			  .width = calloc(t->n_columns, sizeof(size_t)),
			  .cells = calloc(room * t->n_columns, sizeof(char *)) };

	if (g.width && g.cells) {
		fill(&g, rows, left);
		if (!style.wide)
			narrow(&g, left);
		for (size_t r = 0; g.n && r <= g.n; r++)
			print_row(&g, r, to);
	}
	for (size_t i = 0; g.cells && i < room * t->n_columns; i++)
		free(g.cells[i]);
	free(g.cells);
	free(g.width);
}

/* ---- objects as lines ---- */
static bool is_rows(const json_t *v)
{
	return json_is_array(v) && json_is_object(json_array_get(v, 0));
}

static void print_lines(const json_t *object, const char *prefix, FILE *to)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)object, key, v)
	{
		char path[128];
		size_t n = strlen(key);

		if (is_rows(v) ||
		    (!prefix[0] && (strcmp(key, "schema") == 0 || strcmp(key, "view") == 0 || json_is_array(v) != 0) &&
		     strcmp(key, "roles") != 0))
			continue;
		snprintf(path, sizeof(path), "%s%s%s", prefix, prefix[0] ? " " : "", key);
		for (char *p = path; *p; p++)
			if (*p == '_')
				*p = ' ';
		if (json_is_object(v)) {
			print_lines(v, path, to);
			continue;
		}
		if (n > 2 && strcmp(key + n - 2, "_s") == 0 && json_is_number(v)) {
			path[strlen(path) - 2] = '\0';
			fprintf(to, "%-24s ", path);
			print_seconds(json_number_value(v), to);
		} else {
			fprintf(to, "%-24s ", path);
			print_value(v, to);
		}
		fputc('\n', to);
	}
}

/* ---- views of their own form ---- */
static void print_events(const json_t *view, FILE *to)
{
	const json_t *rows = json_object_get(view, "events"), *total = json_object_get(view, "total");
	size_t i;
	json_t *e;

	json_array_foreach(rows, i, e)
	{
		fprintf(to, "%s ", json_string_value(json_object_get(e, "time")));
		show_event_text(e, to);
		fputc('\n', to);
	}
	fprintf(to, "%zu of %lld events since the start\n", json_array_size(rows),
		(long long)json_integer_value(total));
}

static void print_why(const json_t *view, FILE *to)
{
	static const struct {
		const char *state, *mark;
	} marks[] = { { "ok", "[ok]     " },
		      { "failed", "[FAILED] " },
		      { "pending", "[pending]" },
		      { "not-reached", "[  -  ]  " } };
	const json_t *views = json_object_get(view, "views"), *mn = json_object_get(view, "mn"),
		     *group = json_object_get(view, "group");
	size_t i, k;
	json_t *v, *s;

	const char *who = json_string_value(json_is_string(mn) ? mn : json_object_get(view, "lladdr"));

	if (!who)
		who = json_string_value(json_object_get(view, "link"));
	if (who)
		fputs(who, to);
	if (group)
		fprintf(to, "%s%s", who ? " and " : "", json_string_value(group));
	fprintf(to, ": %s\n", json_string_value(json_object_get(view, "summary")));
	json_array_foreach(views, i, v)
	{
		fprintf(to, "as the %s sees it:\n", json_string_value(json_object_get(v, "at")));
		json_array_foreach(json_object_get(v, "steps"), k, s)
		{
			const char *state = json_string_value(json_object_get(s, "state")),
				   *remedy = json_string_value(json_object_get(s, "remedy"));

			for (size_t m = 0; m < 4; m++)
				if (strcmp(marks[m].state, state) == 0)
					fprintf(to, "  %s %-18s %s\n", marks[m].mark,
						json_string_value(json_object_get(s, "step")),
						json_string_value(json_object_get(s, "text")));
			if (remedy)
				fprintf(to, "            %-18s -> %s\n", "", remedy);
		}
	}
	fprintf(to, "service: %s\n", json_is_true(json_object_get(view, "service")) ? "yes" : "no");
}

static void print_left_out(const struct left_out *left, FILE *to)
{
	if (left->columns)
		fprintf(to, "... and %zu more column%s: --wide\n", left->columns, left->columns == 1 ? "" : "s");
	if (left->rows)
		fprintf(to, "... and %zu that %s 0: --all\n", left->rows, left->rows == 1 ? "is" : "are");
}

bool show_render(const json_t *view, struct show_style style, FILE *to)
{
	struct left_out left = { 0 };
	const char *name = json_string_value(json_object_get(view, "view"));
	bool known = false, before = false;

	if (!name)
		return false;
	if (strcmp(name, "events") == 0)
		return print_events(view, to), true;
	if (strcmp(name, "why") == 0)
		return print_why(view, to), true;
	for (size_t i = 0; i < show_n_tables; i++) {
		const struct show_table *t = &show_tables[i];
		const json_t *rows = t->list ? json_object_get(view, t->list) : NULL;

		if (strcmp(t->view, name) != 0)
			continue;
		known = true;
		if (!t->list) {
			print_lines(view, "", to);
			before = true;
		} else if (json_array_size(rows)) {
			if (before)
				fputc('\n', to);
			if (t->title)
				fprintf(to, "%s:\n", t->title);
			print_table(t, rows, style, &left, to);
			before = true;
		} else if (rows && t->empty) {
			fprintf(to, "%s\n", t->empty);
			before = true;
		}
	}
	print_left_out(&left, to);
	if (known && json_is_true(json_object_get(view, "more")))
		fputs("... and more: ask with a higher --limit\n", to);
	return known;
}
