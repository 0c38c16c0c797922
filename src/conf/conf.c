/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be asked of a configuration once it is there: its settings as texts, and whether a running daemon can take
 * it. */
#include "conf/conf_priv.h"

#include <stdlib.h>
#include <string.h>

struct conf *conf_free(struct conf *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->lma.n_mags; i++) {
		free(c->lma.mags[i].allow);
		free(c->lma.mags[i].deny);
	}
	free(c->lma.mags);
	free(c);
	return NULL;
}

/* The value as it would be written in the file; to be freed. */
static char *value_text(const struct conf_key *k, const void *base)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	k->kind->format(k, (const char *)base + k->offset, to);
	fclose(to);
	return text;
}

bool conf_in_role(const struct conf *c, const struct conf_key *k)
{
	if (strncmp(k->path, "proxy.", 6) == 0)
		return c->has_proxy;
	if (strcmp(k->path, "dataplane.transport") == 0) /* a plain proxy has no tunnels */
		return c->has_lma || c->has_mag || !c->has_proxy;
	if (strncmp(k->path, "lma.", 4) == 0)
		return c->has_lma;
	if (strncmp(k->path, "mag.", 4) == 0)
		return c->has_mag;
	return true;
}

bool conf_reloadable(const struct conf *from, const struct conf *to, const char **what)
{
	if (from->has_lma != to->has_lma || from->has_mag != to->has_mag || from->has_proxy != to->has_proxy) {
		*what = from->has_lma != to->has_lma ? "lma" : from->has_mag != to->has_mag ? "mag" : "proxy";
		return false;
	}
	/* From the end: the sizes of the data plane follow from the engines' limits, and those are to be named. */
	for (size_t i = conf_table.n; i-- > 0;) {
		const struct conf_key *k = &conf_table.keys[i];
		char *a, *b;
		bool same;

		if (!(k->flags & CONF_RESTART) || !conf_in_role(from, k))
			continue;
		a = value_text(k, from);
		b = value_text(k, to);
		same = strcmp(a, b) == 0;
		free(a);
		free(b);
		if (!same) {
			*what = k->path;
			return false;
		}
	}
	return true;
}

void conf_each_setting(const struct conf *c,
		       void (*each)(void *arg, const char *key, const char *value, const char *deflt, const char *help),
		       void *arg)
{
	struct conf *d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	conf_defaults(d);
	for (size_t i = 0; i < conf_table.n; i++) {
		const struct conf_key *k = &conf_table.keys[i];
		char *value, *deflt;

		if (c && !conf_in_role(c, k))
			continue;
		value = value_text(k, c ? c : d);
		deflt = value_text(k, d);
		each(arg, k->path, value, k->flags & CONF_MANDATORY ? "" : deflt, k->help);
		free(value);
		free(deflt);
	}
	conf_free(d);
}

/* ---- the table as such ---- */
static void range_of(const struct conf_key *k, FILE *to)
{
	char min[32], max[32];

	if (k->words) {
		for (const struct conf_word *w = k->words; w->word; w++)
			fprintf(to, "%s%s", w == k->words ? "" : ", ", w->word);
	} else if (k->kind == &conf_kind_number) {
		fprintf(to, "%llu to %llu", (unsigned long long)k->min, (unsigned long long)k->max);
	} else if (k->kind == &conf_kind_span || k->kind == &conf_kind_seconds || k->kind == &conf_kind_micros) {
		conf_span_str((int64_t)k->min, min);
		conf_span_str((int64_t)k->max, max);
		fprintf(to, "%s to %s", min, max);
	} else {
		fputs(k->kind->name, to);
	}
	if (k->zero)
		fprintf(to, ", %s", k->zero);
	if (k->ones)
		fprintf(to, ", %s", k->ones);
}

static void each_key_of(const struct conf_table *t, const char *parent, const void *defaults,
			void (*each)(void *arg, const struct conf_key_view *v), void *arg)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct conf_key *k = &t->keys[i];
		char path[160], below[170], *deflt = value_text(k, defaults), *range = NULL;
		size_t size;
		FILE *to = open_memstream(&range, &size);

		if (!to)
			abort();
		range_of(k, to);
		fclose(to);
		snprintf(path, sizeof(path), "%s%s", parent, k->path);
		each(arg, &(struct conf_key_view){ .key = path,
						   .type = k->kind->name,
						   .values = range,
						   .help = k->help,
						   .deflt = k->flags & CONF_MANDATORY ? "" : deflt,
						   .mandatory = k->flags & CONF_MANDATORY,
						   .restart = k->flags & CONF_RESTART });
		free(range);
		free(deflt);
		if (k->items == &conf_mag_table) {
			snprintf(below, sizeof(below), "%s[].", path);
			each_key_of(k->items, below, &(struct lma_mag_conf){ 0 }, each, arg);
		} else if (k->items == &conf_access_table) {
			snprintf(below, sizeof(below), "%s[].", path);
			each_key_of(k->items, below, &(struct conf_access){ .fixed_mac = true }, each, arg);
		} else if (k->items == &conf_candidate_table) {
			snprintf(below, sizeof(below), "%s[].", path);
			each_key_of(k->items, below, &(struct mag_candidate){ .context = true }, each, arg);
		}
	}
}

void conf_each_key(void (*each)(void *arg, const struct conf_key_view *v), void *arg)
{
	struct conf *d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	conf_defaults(d);
	each_key_of(&conf_table, "", d, each, arg);
	conf_free(d);
}

static void dump_key(void *arg, const struct conf_key_view *v)
{
	fprintf(arg, "# %s (%s)%s\n%s:%s%s\n", v->help, v->values, v->restart ? "; a change needs a restart" : "",
		v->key, v->deflt[0] || v->mandatory ? " " : "", v->mandatory ? "MANDATORY" : v->deflt);
}

void conf_dump_defaults(FILE *to)
{
	conf_each_key(dump_key, to);
}
