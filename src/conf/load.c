/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading of the file: libyaml makes a tree with positions, conf_bind() lays it onto the structs by the table of keys.
 * All errors of a file are found in one run, but for those of YAML itself, where the first one ends the reading. */
#include "conf/conf_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (4u << 20)

/* ---- keys ---- */
static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(b), row[65], diagonal, above;

	if (n > 64)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best;

			above = row[j];
			best = diagonal + (a[i - 1] != b[j - 1]);
			best = best < above + 1 ? best : above + 1;
			row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
			diagonal = above;
		}
	}
	return row[n];
}

/* The name that stands at the place of `name` in `path`, if the path goes on from `parent`: one step of it. */
static bool step_of(const char *path, const char *parent, char step[64])
{
	size_t n = strlen(parent), len;

	if (strncmp(path, parent, n) != 0 || (n && path[n] != '.'))
		return false;
	path += n ? n + 1 : 0;
	len = strcspn(path, ".");
	if (len >= 64)
		return false;
	memcpy(step, path, len);
	step[len] = '\0';
	return true;
}

static void unknown_key(struct conf_load *l, const struct conf_table *t, const char *parent, const char *name,
			const char *shown, const yaml_mark_t *at)
{
	char step[64], best[64] = "", list[768] = "";
	size_t best_distance = strlen(name) / 2 < 3 ? strlen(name) / 2 + 1 : 4; /* half of the letters may be wrong */

	for (size_t i = 0; i < t->n; i++) {
		size_t d;
		size_t used = strlen(list);
		const char *seen;

		if (!step_of(t->keys[i].path, parent, step))
			continue;
		d = distance(name, step);
		if (d < best_distance) {
			best_distance = d;
			strcpy(best, step);
		}
		for (seen = list; (seen = strstr(seen, step)); seen++)
			if ((seen == list || seen[-1] == ' ') && (seen[strlen(step)] == ',' || !seen[strlen(step)]))
				break;
		if (!seen)
			snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", step);
	}
	if (best[0])
		conf_error_at(l->errors, at, shown, "no such key; did you mean %s?", best);
	else
		conf_error_at(l->errors, at, shown, "no such key; here stand %s", list);
}

static const struct conf_key *find_key(const struct conf_table *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->keys[i].path, path) == 0)
			return &t->keys[i];
	return NULL;
}

static bool is_section(const struct conf_table *t, const char *path)
{
	char step[64];

	for (size_t i = 0; i < t->n; i++)
		if (step_of(t->keys[i].path, path, step))
			return true;
	return false;
}

static bool is_empty(const yaml_node_t *n)
{
	return n->type == YAML_SCALAR_NODE && n->data.scalar.length == 0;
}

/* ---- binding ---- */
struct binding {
	struct conf_load *l;
	const struct conf_table *t;
	const char *shown; /* before the path in messages: "lma.mags[2]" */
	void *base;
	yaml_mark_t *given;
	bool *seen;
};

static const char *shown_path(const struct binding *b, const char *path, char buf[256])
{
	snprintf(buf, 256, "%s%s%s", b->shown, b->shown[0] ? "." : "", path);
	return buf;
}

static bool given_before(struct conf_load *l, const yaml_node_t *map, const yaml_node_pair_t *pair,
			 const yaml_node_t *key, size_t *line)
{
	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
		const yaml_node_t *k = yaml_document_get_node(&l->doc, p->key);

		if (k->type == YAML_SCALAR_NODE &&
		    strcmp((char *)k->data.scalar.value, (char *)key->data.scalar.value) == 0) {
			*line = k->start_mark.line + 1;
			return true;
		}
	}
	return false;
}

static void bind_map(struct binding *b, const char *parent, yaml_node_t *map);

static void bind_pair(struct binding *b, const char *parent, yaml_node_t *map, const yaml_node_pair_t *pair)
{
	struct conf_load *l = b->l;
	yaml_node_t *key = yaml_document_get_node(&l->doc, pair->key);
	yaml_node_t *value = yaml_document_get_node(&l->doc, pair->value);
	char path[128], shown[256];
	const struct conf_key *k;
	const char *name;
	size_t line;

	if (key->type != YAML_SCALAR_NODE) {
		conf_error_at(l->errors, &key->start_mark, parent[0] ? shown_path(b, parent, shown) : NULL,
			      "a key must be a single word");
		return;
	}
	name = (const char *)key->data.scalar.value;
	snprintf(path, sizeof(path), "%s%s%.60s", parent, parent[0] ? "." : "", name);
	shown_path(b, path, shown);
	if (given_before(l, map, pair, key, &line)) {
		conf_error_at(l->errors, &key->start_mark, shown,
			      "given twice, first in line %zu; take one of them out", line);
		return;
	}
	k = find_key(b->t, path);
	if (k) {
		b->seen[k - b->t->keys] = true;
		if (b->given)
			b->given[k - b->t->keys] = value->start_mark;
		k->kind->parse(l, k, shown, value, (char *)b->base + k->offset);
		return;
	}
	if (strlen(name) > 60 || strchr(name, '.') || !is_section(b->t, path)) {
		unknown_key(l, b->t, parent, name, shown, &key->start_mark);
		return;
	}
	if (!parent[0] && b->base == l->conf && strcmp(name, "lma") == 0)
		l->conf->has_lma = true;
	if (!parent[0] && b->base == l->conf && strcmp(name, "mag") == 0)
		l->conf->has_mag = true;
	if (!parent[0] && b->base == l->conf && strcmp(name, "proxy") == 0)
		l->conf->has_proxy = true;
	if (value->type == YAML_MAPPING_NODE)
		bind_map(b, path, value);
	else if (!is_empty(value))
		conf_error_at(l->errors, &value->start_mark, shown,
			      "is a section; give its keys, each on its own line below");
}

static void bind_map(struct binding *b, const char *parent, yaml_node_t *map)
{
	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++)
		bind_pair(b, parent, map, p);
}

void conf_bind(struct conf_load *l, const struct conf_table *t, const char *shown, yaml_node_t *map, void *base,
	       yaml_mark_t *given)
{
	struct binding b = { .l = l, .t = t, .shown = shown, .base = base, .given = given };
	char path[256];

	b.seen = calloc(t->n, sizeof(*b.seen));
	if (!b.seen)
		abort();
	bind_map(&b, "", map);
	for (size_t i = 0; i < t->n; i++) {
		const struct conf_key *k = &t->keys[i];

		if (!(k->flags & CONF_MANDATORY) || b.seen[i])
			continue;
		if (base == l->conf) {
			yaml_mark_t at = conf_place(l, k->path);

			if (!conf_in_role(l->conf, k))
				continue;
			conf_error_at(l->errors, &at, k->path, "is missing; give %s", k->help);
		} else {
			conf_error_at(l->errors, &map->start_mark, shown_path(&b, k->path, path), "is missing; give %s",
				      k->help);
		}
	}
	free(b.seen);
}

/* ---- positions ---- */
const yaml_mark_t *conf_given(const struct conf_load *l, const char *path)
{
	const struct conf_key *k = find_key(&conf_table, path);

	return k && l->given[k - conf_table.keys].line != SIZE_MAX ? &l->given[k - conf_table.keys] : NULL;
}

/* The key of the section at the file's top level that the path lies in. */
yaml_mark_t conf_place(const struct conf_load *l, const char *path)
{
	yaml_node_t *root = yaml_document_get_root_node((yaml_document_t *)&l->doc);
	const yaml_mark_t *given = conf_given(l, path);
	size_t n = strcspn(path, ".");

	if (given)
		return *given;
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
		const yaml_node_t *k = yaml_document_get_node((yaml_document_t *)&l->doc, p->key);

		if (path[n] && k->type == YAML_SCALAR_NODE && k->data.scalar.length == n &&
		    memcmp(k->data.scalar.value, path, n) == 0)
			return k->start_mark;
	}
	return root->start_mark;
}

/* ---- YAML ---- */
/* Where an octet of the file stands. */
static yaml_mark_t mark_of_offset(const char *text, size_t size, size_t offset)
{
	yaml_mark_t m = { 0 };

	for (size_t i = 0; i < offset && i < size; i++) {
		m.column++;
		if (text[i] == '\n') {
			m.line++;
			m.column = 0;
		}
	}
	return m;
}

static bool line_ends_in_colons(const char *text, size_t size, size_t line)
{
	const char *p = text, *end = text + size, *stop;

	for (; line && p < end; p++)
		if (*p == '\n')
			line--;
	stop = memchr(p, '\n', (size_t)(end - p));
	stop = stop ? stop : end;
	while (stop > p &&
	       (stop[-1] == ' ' || stop[-1] == '\t' || stop[-1] == '\r' || stop[-1] == ',' || stop[-1] == ']'))
		stop--;
	return stop - p >= 2 && stop[-1] == ':' && stop[-2] == ':';
}

static void yaml_error(struct conf_errors *e, const yaml_parser_t *p, const char *text, size_t size)
{
	yaml_mark_t at = p->problem_mark;

	if (p->error == YAML_READER_ERROR) {
		at = mark_of_offset(text, size, p->problem_offset);
		conf_error_at(e, &at, NULL, "%s; save the file as UTF-8", p->problem);
		return;
	}
	if (line_ends_in_colons(text, size, at.line))
		conf_error_at(e, &at, NULL, "an address that ends in :: must stand in quotes, as in \"2001:db8::\"");
	else if (p->context)
		conf_error_at(e, &at, NULL, "%s %s (line %zu); see the indentation and the quotes here and above",
			      p->problem, p->context, p->context_mark.line + 1);
	else
		conf_error_at(e, &at, NULL, "%s; see the indentation and the quotes here and above",
			      p->problem ? p->problem : "not YAML");
}

/* A second document in the file would be overlooked. */
static void refuse_more(struct conf_load *l, yaml_parser_t *p, const char *text, size_t size)
{
	yaml_document_t more;
	yaml_node_t *root;

	if (!yaml_parser_load(p, &more)) {
		yaml_error(l->errors, p, text, size);
		return;
	}
	root = yaml_document_get_root_node(&more);
	if (root)
		conf_error_at(l->errors, &root->start_mark, NULL,
			      "a second document; one file holds one configuration");
	yaml_document_delete(&more);
}

static void load_text(struct conf_load *l, const char *text, size_t size)
{
	yaml_parser_t parser;
	yaml_node_t *root;

	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	if (!yaml_parser_load(&parser, &l->doc)) {
		yaml_error(l->errors, &parser, text, size);
		yaml_parser_delete(&parser);
		return;
	}
	root = yaml_document_get_root_node(&l->doc);
	if (!root) {
		conf_error_at(l->errors, NULL, NULL,
			      "the file is empty; examples are installed with the manual (roamcast.yaml(5))");
	} else if (root->type != YAML_MAPPING_NODE) {
		conf_error_at(l->errors, &root->start_mark, NULL,
			      "not a list of keys; write \"key: value\" lines (roamcast.yaml(5))");
	} else {
		refuse_more(l, &parser, text, size);
		conf_bind(l, &conf_table, "", root, l->conf, l->given);
		conf_check(l);
	}
	yaml_document_delete(&l->doc);
	yaml_parser_delete(&parser);
}

static char *read_file(const char *path, size_t *size, struct conf_errors *e)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(FILE_MAX + 1) : NULL;

	if (!f) {
		conf_error_at(e, NULL, NULL, "%s; name the file with -c", strerror(errno));
		return NULL;
	}
	if (!text)
		abort();
	errno = 0;
	*size = fread(text, 1, FILE_MAX + 1, f);
	if (ferror(f))
		conf_error_at(e, NULL, NULL, "%s", strerror(errno));
	else if (*size > FILE_MAX)
		conf_error_at(e, NULL, NULL, "larger than 4 MiB; this cannot be a configuration");
	fclose(f);
	if (e->n) {
		free(text);
		return NULL;
	}
	return text;
}

struct conf *conf_load(const char *path, struct conf_errors **errors)
{
	struct conf_load l = { 0 };
	size_t size = 0;
	char *text;

	l.conf = calloc(1, sizeof(*l.conf));
	l.errors = conf_errors_new(path);
	l.given = malloc(conf_table.n * sizeof(*l.given));
	if (!l.conf || !l.errors || !l.given)
		abort();
	for (size_t i = 0; i < conf_table.n; i++)
		l.given[i].line = SIZE_MAX;
	snprintf(l.conf->path, sizeof(l.conf->path), "%s", path);
	conf_defaults(l.conf);
	text = read_file(path, &size, l.errors);
	if (text)
		load_text(&l, text, size);
	free(text);
	free(l.given);
	free(l.mag_at);
	if (l.errors->n) {
		conf_errors_sort(l.errors);
		*errors = l.errors;
		return conf_free(l.conf);
	}
	conf_errors_free(l.errors);
	*errors = NULL;
	conf_derive(l.conf);
	return l.conf;
}
