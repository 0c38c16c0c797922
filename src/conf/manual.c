/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of keys as part of the manual page: a test holds that the page has exactly this. */
#include "conf/conf_priv.h"

#include <string.h>

struct manual {
	FILE *to;
	char section[32];
	bool open; /* a list has been begun */
};

static const struct {
	const char *section, *title;
} titles[] = {
	{ "", "The daemon" },
	{ "stream", "Streams" },
	{ "dataplane", "Data plane" },
	{ "lma", "Local mobility anchor" },
	{ "mag", "Mobile access gateway" },
};

/* A sentence in lines of less than 80 columns. A line that begins with a dot or an apostrophe would be taken for a
 * request. */
static void sentence(FILE *to, const char *lead, const char *s, const char *end)
{
	size_t column = (size_t)fprintf(to, "%s%s", lead, !lead[0] && (*s == '.' || *s == '\'') ? "\\&" : "");
	bool start = true; /* `lead` ends in its own space */

	while (*s) {
		size_t n = strcspn(s, " ");

		if (column && column + 1 + n + strlen(end) > 78) {
			fputc('\n', to);
			column = 0;
		}
		column += (size_t)fprintf(to, "%s%.*s", start || !column ? "" : " ", (int)n, s);
		start = false;
		s += n;
		s += *s == ' ';
	}
	fprintf(to, "%s\n", end);
}

static void print_key(void *arg, const struct conf_key_view *v)
{
	struct manual *m = arg;
	size_t n = strcspn(v->key, ".");
	char section[32] = "";

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (v->key[n] && strlen(titles[i].section) == n && memcmp(v->key, titles[i].section, n) == 0)
			strcpy(section, titles[i].section);
	if (!m->open || strcmp(section, m->section) != 0) {
		if (m->open)
			fputs(".El\n", m->to);
		for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
			if (strcmp(titles[i].section, section) == 0)
				fprintf(m->to, ".Ss %s\n", titles[i].title);
		fputs(".Bl -tag -width Ds\n", m->to);
		strcpy(m->section, section);
		m->open = true;
	}
	fprintf(m->to, ".It Ic %s Pq %s\n", v->key, v->type);
	sentence(m->to, "", v->help, ".");
	if (strcmp(v->values, v->type) != 0)
		sentence(m->to, "Values: ", v->values, ".");
	if (v->mandatory)
		fputs("Must be given.\n", m->to);
	else if (v->deflt[0])
		sentence(m->to, "Default: ", v->deflt, ".");
	else
		fputs("None by default.\n", m->to);
	if (v->restart)
		fputs("A change needs a restart.\n", m->to);
}

void conf_manual(FILE *to)
{
	struct manual m = { .to = to };

	conf_each_key(print_key, &m);
	if (m.open)
		fputs(".El\n", to);
}
