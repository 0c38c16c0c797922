/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Listening state of one group: a filter mode and a source list (RFC 3810 4). INCLUDE of nothing is "no listener". A
 * value with copy-on-write storage: lists are sorted, without duplicates, and shared between copies. */
#include "base/addr.h"

enum filter_mode { FILTER_INCLUDE, FILTER_EXCLUDE };

struct filter_list; /* refcounted, immutable, sorted */

struct filter {
	enum filter_mode mode;
	struct filter_list *list; /* NULL = empty */
};

#define FILTER_NONE ((struct filter){FILTER_INCLUDE, NULL})
#define FILTER_ANY ((struct filter){FILTER_EXCLUDE, NULL}) /* any-source: EXCLUDE of nothing */

/* Where memory is out, what makes a list sets *oom (it is never cleared) and returns FILTER_NONE.
 *
 * Takes the sources in any order, duplicates too. */
struct filter filter_of(enum filter_mode mode, const struct in6_addr *sources, size_t n, bool *oom);
struct filter filter_dup(const struct filter *f); /* shares; release each with filter_drop() */
void filter_drop(struct filter *f);		  /* becomes FILTER_NONE */
/* Replace *f (released) by the value `v` (taken over). */
void filter_move(struct filter *f, struct filter v);

size_t filter_count(const struct filter *f);
const struct in6_addr *filter_sources(const struct filter *f); /* sorted; valid while f is */
bool filter_has_source(const struct filter *f, const struct in6_addr *s);
bool filter_is_none(const struct filter *f);
bool filter_eq(const struct filter *a, const struct filter *b);
bool filter_accepts(const struct filter *f, const struct in6_addr *source); /* would a packet of that source pass? */
/* Is everything that `part` accepts accepted by `whole`? */
bool filter_covers(const struct filter *whole, const struct filter *part);
size_t filter_bytes(const struct filter *f); /* memory of the list, shared or not */

/* Merge of listeners, RFC 3810 4.2 and RFC 4605 4.1: accepts what either accepts. */
struct filter filter_union(const struct filter *a, const struct filter *b, bool *oom);
/* The same into the first. False: memory is out, and it is as it was. */
bool filter_add(struct filter *into, const struct filter *f);
/* Set operations on the lists alone, modes ignored; results have mode INCLUDE. */
struct filter filter_list_union(const struct filter *a, const struct filter *b, bool *oom);
struct filter filter_list_minus(const struct filter *a, const struct filter *b, bool *oom);
struct filter filter_list_common(const struct filter *a, const struct filter *b, bool *oom);
