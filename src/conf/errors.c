/* SPDX-License-Identifier: BSD-2-Clause */
/* The errors of one configuration file: all of them, in the order of the file. */
#include "conf/conf_priv.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct conf_errors *conf_errors_new(const char *path)
{
	struct conf_errors *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->path = strdup(path);
	if (!e->path) {
		free(e);
		return NULL;
	}
	return e;
}

void conf_error_at(struct conf_errors *e, const yaml_mark_t *at, const char *key, const char *fmt, ...)
{
	struct conf_error *v;
	char *text = NULL;
	size_t size = 0;
	va_list ap;
	FILE *to;

	if (e->n == e->room) {
		size_t room = e->room ? e->room * 2 : 16;

		v = realloc(e->v, room * sizeof(*v));
		if (!v)
			abort(); /* at start, or while the old configuration stays: there is nothing better to tell */
		e->v = v;
		e->room = room;
	}
	to = open_memstream(&text, &size);
	if (!to)
		abort();
	v = &e->v[e->n++];
	v->line = at ? at->line + 1 : 0;
	v->column = at ? at->column + 1 : 0;
	if (at)
		fprintf(to, "%s:%zu:%zu: ", e->path, v->line, v->column);
	else
		fprintf(to, "%s: ", e->path);
	if (key)
		fprintf(to, "%s: ", key);
	va_start(ap, fmt);
	vfprintf(to, fmt, ap);
	va_end(ap);
	fclose(to);
	v->text = text;
}

/* Insertion keeps the order of errors at one place. */
void conf_errors_sort(struct conf_errors *e)
{
	for (size_t i = 1; i < e->n; i++) {
		struct conf_error x = e->v[i];
		size_t j = i;

		while (j > 0 &&
		       (e->v[j - 1].line > x.line || (e->v[j - 1].line == x.line && e->v[j - 1].column > x.column))) {
			e->v[j] = e->v[j - 1];
			j--;
		}
		e->v[j] = x;
	}
}

void conf_errors_print(const struct conf_errors *e, FILE *to)
{
	for (size_t i = 0; e && i < e->n; i++)
		fprintf(to, "%s\n", e->v[i].text);
}

size_t conf_errors_count(const struct conf_errors *e)
{
	return e ? e->n : 0;
}

const char *conf_errors_text(const struct conf_errors *e, size_t i)
{
	return e && i < e->n ? e->v[i].text : NULL;
}

void conf_errors_free(struct conf_errors *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n; i++)
		free(e->v[i].text);
	free(e->v);
	free(e->path);
	free(e);
}
