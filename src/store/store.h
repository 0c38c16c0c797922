/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The policy store: who a node is and what it may have. A narrow face, asynchronous, so that a RADIUS server or another
 * database can stand behind it; SQLite is the first. Profiles travel as JSON between operators and the store. */
#include "fx/fx.h"
#include "policy/profile.h"

#include <jansson.h>

struct event_base;
struct store;

struct store_events {
	/* A profile was added, changed or (p NULL) removed. A change of a default profile ("*", "*@realm") is told as
	 * such: `mn` then is the pattern, and every node that is served by it is to be looked up again. */
	void (*changed)(void *arg, const struct nai *mn, const struct profile *p);
	/* A row that cannot be read as a profile, or a store that fails: what, where, what to do. */
	void (*problem)(void *arg, const char *text);
};

/* Opens the SQLite file and creates it, with its schema, if it is not there; watches it for changes by other programs.
 * `base` NULL: no watching (command line). 0 or negative errno with the reason in `why`. */
int store_open(struct store **ret, const char *path, struct event_base *base, const struct store_events *events,
	       void *arg, char *why, size_t why_size);
struct store *store_close(struct store *s);

/* Look a node up, by identifier if given, else by link-layer address. `answer` is called once, maybe before this
 * returns; p is NULL when no profile fits, else borrowed. The profile's mn is the node's own identifier also when a
 * default served it. */
typedef void store_answer(void *arg, uint32_t request, const struct profile *p);
void store_lookup(struct store *s, const struct fx_profile *question, store_answer *answer, void *arg);

/* Editing, each in one transaction. Errors in `why` name the node and the key. */
json_t *store_get(struct store *s, const struct nai *mn); /* new reference, NULL if there is none */
json_t *store_list(struct store *s);			  /* array of profiles, sorted by identifier */
int store_put(struct store *s, const json_t *profile, bool must_be_new, char *why, size_t why_size);
int store_remove(struct store *s, const struct nai *mn, char *why, size_t why_size);
int store_import(struct store *s, const json_t *profiles, bool replace_all, char *why,
		 size_t why_size); /* all or nothing */

/* JSON <-> profile, strict: unknown keys and wrong values are errors that name the key. NULL with `why`. */
struct profile *profile_of_json(const json_t *j, char *why, size_t why_size);
json_t *profile_to_json(const struct profile *p);

/* Times of day as they stand in profiles: RFC 3339 in UTC, "2026-11-23T06:20:00Z"; fractions are written where they are
 * not 0. */
#define STORE_TIME_MAX 40
const char *store_time_str(wall_t t, char buf[STORE_TIME_MAX]);
bool store_time_parse(const char *s, wall_t *ret); /* false, and *ret as it was, when it is not exactly that */
