/* SPDX-License-Identifier: BSD-2-Clause */
/* The store in a running daemon: look-ups out of memory, and the watch for changes that other programs make. */
#include "store/store_priv.h"

#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#define VERIFY_MAX 20000 /* rows that are read whole when the file is opened; others when they are first needed */

void store_problem(struct store *s, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (s->events.problem)
		s->events.problem(s->arg, text);
}

/* The file itself fails: told once until it works again. */
static void failing(struct store *s, bool now)
{
	if (now && !s->failing)
		store_problem(s, "%s: %s; nodes are served from memory until it can be read again", s->path,
			      sqlite3_errmsg(s->db));
	s->failing = now;
}

/* ---- entries ---- */
struct entry *store_find(struct store *s, const char *mn, size_t len)
{
	for (struct hnode *n = htab_first(&s->by_mn, htab_hash(&s->by_mn, mn, len)); n; n = htab_same(n)) {
		struct entry *e = hnode_owner(n, struct entry, by_mn);

		if (e->len == len && memcmp(e->mn, mn, len) == 0)
			return e;
	}
	return NULL;
}

static struct entry *entry_add(struct store *s, const char *mn, size_t len)
{
	struct entry *e = len && len <= NAI_MAX ? calloc(1, sizeof(*e) + len + 1) : NULL;

	if (!e)
		return NULL;
	e->len = (uint8_t)len;
	memcpy(e->mn, mn, len);
	if (!htab_add(&s->by_mn, &e->by_mn, htab_hash(&s->by_mn, mn, len))) {
		free(e);
		return NULL;
	}
	return e;
}

static void entry_drop_lladdrs(struct store *s, struct entry *e)
{
	while (e->lladdrs) {
		struct ll_entry *l = e->lladdrs;

		e->lladdrs = l->next;
		htab_del(&s->by_lladdr, &l->by_lladdr);
		free(l);
	}
}

static void entry_del(struct store *s, struct entry *e)
{
	entry_drop_lladdrs(s, e);
	htab_del(&s->by_mn, &e->by_mn);
	profile_unref(e->profile);
	free(e);
}

static struct entry *find_lladdr(struct store *s, const struct lladdr *a)
{
	for (struct hnode *n = htab_first(&s->by_lladdr, htab_hash(&s->by_lladdr, a->b, a->len)); n; n = htab_same(n)) {
		struct ll_entry *l = hnode_owner(n, struct ll_entry, by_lladdr);

		if (lladdr_eq(&l->lladdr, a))
			return l->of;
	}
	return NULL;
}

static void entry_add_lladdr(struct store *s, struct entry *e, const struct lladdr *a)
{
	struct ll_entry *l;

	if (find_lladdr(s, a))
		return; /* written twice in different forms: the first one keeps it */
	l = calloc(1, sizeof(*l));
	if (!l || !htab_add(&s->by_lladdr, &l->by_lladdr, htab_hash(&s->by_lladdr, a->b, a->len))) {
		free(l);
		return;
	}
	l->lladdr = *a;
	l->of = e;
	l->next = e->lladdrs;
	e->lladdrs = l;
}

/* ---- profiles ---- */
static void entry_index(struct store *s, struct entry *e)
{
	entry_drop_lladdrs(s, e);
	for (size_t i = 0; e->profile && i < e->profile->n_lladdrs; i++)
		entry_add_lladdr(s, e, &e->profile->lladdrs[i]);
}

/* Reads the node's rows. On failure the profile that was there before stays: what an operator got wrong must not cut a
 * node off, nor hand it over to a default that may permit more. */
static void entry_load(struct store *s, struct entry *e)
{
	char why[512];
	json_t *j = rows_read(s, e->mn, e->len, why, sizeof(why));
	struct profile *p;

	if (!j) {
		failing(s, why[0] != '\0');
		return;
	}
	failing(s, false);
	p = profile_of_json(j, why, sizeof(why));
	json_decref(j);
	if (!p) {
		if (!e->bad)
			store_problem(s, "%s: the rows of node %s; %s until it is corrected (`roamcast policy set`)",
				      s->path, why,
				      e->profile ? "its last good profile stays in force" : "it has no service");
		e->bad = true;
		entry_index(s, e);
		return;
	}
	e->bad = false;
	p->version = ++s->version;
	profile_unref(e->profile);
	e->profile = p;
	entry_index(s, e);
}

static const struct profile *entry_profile(struct store *s, struct entry *e)
{
	if (!e->profile && !e->bad)
		entry_load(s, e);
	return e->profile;
}

/* The default for an identifier: that of its realm, else that of all. */
static struct entry *default_of(struct store *s, const char *mn, size_t len)
{
	const char *at = memchr(mn, '@', len);
	char pattern[NAI_MAX + 2];
	size_t n = at ? len - (size_t)(at - mn) : 0;
	struct entry *e = NULL;

	if (n) {
		pattern[0] = '*';
		memcpy(pattern + 1, at, n);
		e = store_find(s, pattern, n + 1);
	}
	return e ? e : store_find(s, "*", 1);
}

/* The profile by which a node is served: own, or made of a default. One reference, or NULL. */
static struct profile *effective(struct store *s, const char *mn, size_t len)
{
	struct entry *e = store_find(s, mn, len);
	const struct profile *p;
	struct nai name;

	if (e && !mn_is_default(mn, len)) {
		p = entry_profile(s, e);
		return p ? profile_ref(p) : NULL;
	}
	/* An identifier from the network that spells a pattern is no node. */
	if (mn_is_default(mn, len))
		return NULL;
	e = default_of(s, mn, len);
	p = e ? entry_profile(s, e) : NULL;
	if (!p)
		return NULL;
	name = nai_of(mn, len);
	return profile_as(p, &name);
}

/* ---- changes ---- */
static void tell_changed(struct store *s, const char *mn, size_t len)
{
	struct nai name = nai_of(mn, len);
	struct entry *e = store_find(s, mn, len);
	struct profile *p = NULL;

	if (!s->events.changed)
		return;
	if (!mn_is_default(mn, len))
		p = effective(s, mn, len);
	else if (e && e->profile)
		p = profile_ref(e->profile);
	s->events.changed(s->arg, &name, p);
	profile_unref(p);
}

static bool row_is_there(struct store *s, const char *mn, size_t len)
{
	sqlite3_stmt *st = s->st[ST_NODE];
	bool there;

	sqlite3_reset(st);
	sqlite3_bind_text(st, 1, mn, (int)len, SQLITE_TRANSIENT);
	there = sqlite3_step(st) == SQLITE_ROW;
	sqlite3_reset(st);
	return there;
}

static void refresh_one(struct store *s, const char *mn, size_t len)
{
	struct entry *e = store_find(s, mn, len);

	if (!row_is_there(s, mn, len)) {
		if (!e)
			return;
		entry_del(s, e);
	} else {
		if (!e)
			e = entry_add(s, mn, len);
		if (!e) {
			store_problem(s,
				      "%s: the row of a node with %zu octets of identifier cannot be used; 1 to %d are "
				      "possible",
				      s->path, len, NAI_MAX);
			return;
		}
		e->bad = false;
		entry_load(s, e);
		if (e->bad)
			return;
	}
	tell_changed(s, mn, len);
}

static int64_t number(struct store *s, enum statement which)
{
	sqlite3_stmt *st = s->st[which];
	int64_t v = -1;

	sqlite3_reset(st);
	if (sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return v;
}

/* Names first: while they are told the table is not being read. */
struct name_list {
	size_t n, room;
	struct nai *v;
};

static bool name_add(struct name_list *l, const char *mn, size_t len)
{
	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 16;
		struct nai *v = realloc(l->v, room * sizeof(*v));

		if (!v)
			return false;
		l->v = v;
		l->room = room;
	}
	l->v[l->n++] = nai_of(mn, len);
	return true;
}

static void drop_all(struct store *s)
{
	for (struct hnode *n = htab_next(&s->by_mn, NULL), *next; n; n = next) {
		next = htab_next(&s->by_mn, n);
		entry_del(s, hnode_owner(n, struct entry, by_mn));
	}
}

/* All names and link-layer addresses. False: the file cannot be read. */
static bool read_names(struct store *s)
{
	sqlite3_stmt *st = s->st[ST_ALL_NODES];
	struct entry *e;
	struct lladdr a;
	int r;

	s->change = number(s, ST_CHANGE_LAST);
	s->data_version = number(s, ST_DATA_VERSION);
	sqlite3_reset(st);
	while ((r = sqlite3_step(st)) == SQLITE_ROW) {
		size_t len = (size_t)sqlite3_column_bytes(st, 0);

		if (!entry_add(s, (const char *)sqlite3_column_text(st, 0), len))
			store_problem(s,
				      "%s: the row of a node with %zu octets of identifier cannot be used; 1 to %d are "
				      "possible",
				      s->path, len, NAI_MAX);
	}
	sqlite3_reset(st);
	if (r != SQLITE_DONE)
		return false;
	st = s->st[ST_ALL_LLADDRS];
	while ((r = sqlite3_step(st)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(st, 0),
			   *mn = (const char *)sqlite3_column_text(st, 1);

		e = store_find(s, mn, (size_t)sqlite3_column_bytes(st, 1));
		if (!e)
			store_problem(s,
				      "%s: the row of link-layer address %s belongs to %s, which is not there; remove "
				      "the row or add the node",
				      s->path, text, mn);
		else if (lladdr_parse(text, &a)) /* if not: told with the node's other rows */
			entry_add_lladdr(s, e, &a);
	}
	sqlite3_reset(st);
	return r == SQLITE_DONE;
}

/* Too many changes were made to follow each: everything is read again. Whoever has asked is told, and for all others
 * the default of all: so nodes that were unknown are looked up again too. */
static void refresh_all(struct store *s)
{
	struct name_list known = { 0 };

	for (struct hnode *n = htab_next(&s->by_mn, NULL); n; n = htab_next(&s->by_mn, n)) {
		const struct entry *e = hnode_owner(n, struct entry, by_mn);

		if (e->profile && !(e->len == 1 && e->mn[0] == '*') && !name_add(&known, e->mn, e->len))
			break;
	}
	drop_all(s);
	failing(s, !read_names(s));
	for (size_t i = 0; i < known.n; i++)
		tell_changed(s, known.v[i].s, known.v[i].len);
	tell_changed(s, "*", 1);
	free(known.v);
}

static void refresh(struct store *s)
{
	sqlite3_stmt *st = s->st[ST_CHANGES];
	struct name_list names = { 0 };
	int64_t first = number(s, ST_CHANGE_FIRST), last = s->change;
	int r;

	if (first < 0) {
		failing(s, true);
		return;
	}
	if (first > s->change + 1 || number(s, ST_CHANGE_LAST) < s->change) {
		refresh_all(s);
		return;
	}
	sqlite3_reset(st);
	sqlite3_bind_int64(st, 1, s->change);
	while ((r = sqlite3_step(st)) == SQLITE_ROW) {
		if (sqlite3_column_int64(st, 1) > last)
			last = sqlite3_column_int64(st, 1);
		if (!name_add(&names, (const char *)sqlite3_column_text(st, 0), (size_t)sqlite3_column_bytes(st, 0)))
			break;
	}
	sqlite3_reset(st);
	failing(s, r != SQLITE_DONE);
	if (r == SQLITE_DONE)
		s->change = last;
	/* All that is gone first: an address that moves between two nodes is then free for the second. */
	for (size_t i = 0; i < names.n; i++) {
		struct entry *e = store_find(s, names.v[i].s, names.v[i].len);

		if (e)
			entry_drop_lladdrs(s, e);
	}
	for (size_t i = 0; i < names.n; i++)
		refresh_one(s, names.v[i].s, names.v[i].len);
	free(names.v);
}

void store_refresh(struct store *s)
{
	s->refreshing = true;
	refresh(s);
	s->refreshing = false;
}

static void see_changes(struct store *s)
{
	int64_t version = number(s, ST_DATA_VERSION);

	if (version < 0) {
		failing(s, true);
	} else if (version != s->data_version) {
		s->data_version = version;
		store_refresh(s);
	}
}

static void poll_changes(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	see_changes(arg);
}

/* ---- look-ups ---- */
static uint64_t milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A MAG that heard of a change first asks its LMA at once: an answer from before the change would refuse the node. So a
 * look-up sees what was written before it; many in one millisecond look once. */
static void be_fresh(struct store *s)
{
	uint64_t now;

	if (!s->timer || s->refreshing)
		return;
	now = milliseconds();
	if (now == s->looked)
		return;
	s->looked = now;
	see_changes(s);
}

void store_lookup(struct store *s, const struct fx_profile *question, store_answer *answer, void *arg)
{
	/* whoever is told of changes may overwrite the question */
	uint32_t request = question->request;
	bool by_name = question->id_len != 0;
	struct nai mn = {0};
	struct lladdr lladdr = question->lladdr;
	struct profile *p = NULL;
	struct entry *e;

	if (by_name && question->id_len <= NAI_MAX)
		mn = nai_of(question->id, question->id_len);
	be_fresh(s);
	if (by_name) {
		p = mn.len ? effective(s, mn.s, mn.len) : NULL;
	} else if (lladdr.len) {
		e = find_lladdr(s, &lladdr);
		if (e && entry_profile(s, e))
			p = profile_ref(e->profile);
	}
	answer(arg, request, p);
	profile_unref(p);
}

/* ---- opening ---- */
static void verify(struct store *s)
{
	unsigned int n = 0;

	for (struct hnode *h = htab_next(&s->by_mn, NULL); h && n < VERIFY_MAX; h = htab_next(&s->by_mn, h), n++)
		(void)entry_profile(s, hnode_owner(h, struct entry, by_mn));
}

static void make_folder(const char *path)
{
	char folder[4096];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return;
	*slash = '\0';
	(void)mkdir(folder, 0750); /* if it fails, the opening of the file tells why */
}

static int open_file(struct store *s, char *why, size_t why_size)
{
	mode_t old = umask(027); /* link-layer addresses and habits of people are nobody else's business */
	int r;

	make_folder(s->path);
	r = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (r == SQLITE_OK) {
		sqlite3_busy_timeout(s->db, 1000);
		r = schema_open(s, why, why_size);
	} else {
		snprintf(why, why_size, "%s: %s; is the folder there, and may this user write in it?", s->path,
			 s->db ? sqlite3_errmsg(s->db) : "out of memory");
	}
	umask(old);
	return r == SQLITE_OK ? 0 : -EIO;
}

int store_open(struct store **ret, const char *path, struct event_base *base, const struct store_events *events,
	       void *arg, char *why, size_t why_size)
{
	struct store *s = calloc(1, sizeof(*s));
	struct timeval second = { .tv_sec = 1 };
	uint64_t seed = 0;

	if (!s || strlen(path) >= sizeof(s->path)) {
		snprintf(why, why_size, "%s", s ? "the path is too long" : "out of memory");
		free(s);
		return s ? -ENAMETOOLONG : -ENOMEM;
	}
	strcpy(s->path, path);
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uint64_t)(uintptr_t)s;
	htab_init(&s->by_mn, seed);
	htab_init(&s->by_lladdr, seed + 1);
	if (events)
		s->events = *events;
	s->arg = arg;
	if (open_file(s, why, why_size) < 0) {
		store_close(s);
		return -EIO;
	}
	if (!read_names(s)) {
		snprintf(why, why_size, "%s: %s; restore it from a backup, or name another file", s->path,
			 sqlite3_errmsg(s->db));
		store_close(s);
		return -EIO;
	}
	if (base) {
		verify(s);
		s->timer = event_new(base, -1, EV_PERSIST, poll_changes, s);
		if (!s->timer || event_add(s->timer, &second) != 0) {
			snprintf(why, why_size, "out of memory");
			store_close(s);
			return -ENOMEM;
		}
	}
	*ret = s;
	return 0;
}

struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	if (s->timer)
		event_free(s->timer);
	drop_all(s);
	htab_deinit(&s->by_mn);
	htab_deinit(&s->by_lladdr);
	schema_close(s);
	free(s);
	return NULL;
}
