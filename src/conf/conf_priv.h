/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Between the files of conf/: the table of keys, the kinds of values, and what one reading of a file carries along. */
#include "conf/conf.h"

#include <yaml.h>

/* ---- errors ---- */
struct conf_error {
	size_t line, column; /* from 1; 0: the file as a whole */
	char *text;
};
struct conf_errors {
	char *path;
	size_t n, room;
	struct conf_error *v;
};

struct conf_errors *conf_errors_new(const char *path);
/* `key` may be NULL. The text says what is wrong, then "; ", then what to do. */
void conf_error_at(struct conf_errors *e, const yaml_mark_t *at, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void conf_errors_sort(struct conf_errors *e);

/* ---- the table ---- */
struct conf_load;
struct conf_key;

/* One kind of value: how it is read from YAML and how it is written. `parse` tells its error itself, and then leaves
 * the field alone. */
struct conf_kind {
	const char *name; /* for the manual: "duration", "number" */
	bool (*parse)(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field);
	void (*format)(const struct conf_key *k, const void *field, FILE *to);
};

struct conf_word {
	const char *word; /* NULL ends the list */
	uint32_t value;
};

enum conf_key_flag {
	CONF_MANDATORY = 1, /* where its role is configured */
	CONF_RESTART = 2,   /* a running daemon cannot take a new value */
	CONF_ITEM_LIST = 4, /* a list of mappings: `items` are their keys */
};

struct conf_key {
	const char *path; /* "lma.timestamp-window" */
	const struct conf_kind *kind;
	size_t offset, size; /* of the field */
	uint64_t min, max;   /* numbers as such; durations in nanoseconds; strings: longest */
	unsigned flags;
	const char *zero; /* the word for the value 0 or ::, if it has a meaning of its own ("off", "auto") */
	const char *ones; /* the word for the greatest value */
	const struct conf_word *words;
	const struct conf_table *items;
	const char *help;
};

struct conf_table {
	const struct conf_key *keys;
	size_t n;
};

extern const struct conf_table conf_table;	  /* the file */
extern const struct conf_table conf_mag_table;	  /* an item of lma.mags */
extern const struct conf_table conf_access_table; /* an item of mag.access */
extern const struct conf_table conf_candidate_table; /* an item of mag.candidates */

extern const struct conf_kind conf_kind_bool, conf_kind_number, conf_kind_word, conf_kind_span, conf_kind_seconds,
	conf_kind_micros, conf_kind_address, conf_kind_prefix, conf_kind_string, conf_kind_scopes;
/* Lists. Their fields are a count and an array: `offset` is that of the array's owner. */
extern const struct conf_kind conf_kind_mags, conf_kind_pools, conf_kind_access, conf_kind_transport, conf_kind_downstream, conf_kind_allow,
	conf_kind_deny, conf_kind_candidates, conf_kind_access_points;

/* ---- one reading ---- */
struct conf_load {
	struct conf *conf;
	struct conf_errors *errors;
	yaml_document_t doc;
	yaml_mark_t *given; /* per key of conf_table; line SIZE_MAX = not given */
	yaml_mark_t pool_at[8];
	yaml_mark_t *mag_at; /* per item of lma.mags */
};

/* Where a key was given; NULL if it was not. The path must be of the table. */
const yaml_mark_t *conf_given(const struct conf_load *l, const char *path);
/* The position to complain at: the key, else its section, else the start of the file. */
yaml_mark_t conf_place(const struct conf_load *l, const char *path);

/* Binds a mapping to a struct by the table: unknown keys, keys given twice, and missing ones are errors. `shown` is
 * what stands before the keys in messages, `given` may be NULL. */
void conf_bind(struct conf_load *l, const struct conf_table *t, const char *shown, yaml_node_t *map, void *base,
	       yaml_mark_t *given);
/* Does the key mean anything to what the file makes of the daemon? */
bool conf_in_role(const struct conf *c, const struct conf_key *k);
/* Everything that needs more than one key. */
void conf_check(struct conf_load *l);
/* Values that follow from others where they were not given. */
void conf_derive(struct conf *c);
void conf_defaults(struct conf *c);

/* The length of a list that the key permits, or -1 with the error told. */
ssize_t conf_list_of(struct conf_load *l, const char *key, yaml_node_t *n, size_t min, size_t max, const char *expected);
yaml_node_t *conf_list_item(struct conf_load *l, const yaml_node_t *n, size_t i);

/* The text of a scalar; NULL, and an error that names what was expected, when it is none. */
const char *conf_scalar(struct conf_load *l, const char *key, yaml_node_t *n, const char *expected);
void conf_span_str(int64_t ns, char buf[32]);
