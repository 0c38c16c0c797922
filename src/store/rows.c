/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of one node as a profile in JSON, and back. Reading does not judge: that is profile_of_json()'s. */
#include "store/store_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static sqlite3_stmt *bind_mn(struct store *s, enum statement which, const char *mn, size_t len)
{
	sqlite3_reset(s->st[which]);
	sqlite3_clear_bindings(s->st[which]);
	sqlite3_bind_text(s->st[which], 1, mn, (int)len, SQLITE_TRANSIENT);
	return s->st[which];
}

/* The text of a column, or null; what is not UTF-8 becomes null and is then refused as such. */
static json_t *column(sqlite3_stmt *st, int i)
{
	const char *text = (const char *)sqlite3_column_text(st, i);
	json_t *j = text ? json_stringn(text, (size_t)sqlite3_column_bytes(st, i)) : NULL;

	return j ? j : json_null();
}

static void set_unless_null(json_t *j, const char *key, json_t *v)
{
	if (json_is_null(v))
		json_decref(v);
	else
		json_object_set_new(j, key, v);
}

static int failed(struct store *s, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s: %s", s->path, sqlite3_errmsg(s->db));
	return -EIO;
}

static int read_list(struct store *s, enum statement which, const char *mn, size_t len, json_t *to)
{
	sqlite3_stmt *st = bind_mn(s, which, mn, len);
	int r;

	while ((r = sqlite3_step(st)) == SQLITE_ROW)
		json_array_append_new(to, column(st, 0));
	sqlite3_reset(st);
	return r;
}

/* The sources of a subscription: addresses with spaces between. */
static json_t *split(const char *text)
{
	json_t *list = json_array();

	while (text && *text) {
		size_t n = strcspn(text, " ");

		if (n)
			json_array_append_new(list, json_stringn(text, n));
		text += n;
		text += strspn(text, " ");
	}
	return list;
}

static int read_subscriptions(struct store *s, const char *mn, size_t len, json_t *multicast)
{
	sqlite3_stmt *st = bind_mn(s, ST_SUBSCRIPTIONS, mn, len);
	json_t *list = json_array();
	int r;

	while ((r = sqlite3_step(st)) == SQLITE_ROW) {
		json_t *j = json_pack("{s:o, s:o, s:b}", "group", column(st, 0), "sources",
				      split((const char *)sqlite3_column_text(st, 1)), "mandatory",
				      sqlite3_column_int(st, 2));

		set_unless_null(j, "start", column(st, 3));
		set_unless_null(j, "end", column(st, 4));
		json_array_append_new(list, j);
	}
	sqlite3_reset(st);
	json_object_set_new(multicast, "subscriptions", list);
	return r;
}

static int read_ranges(struct store *s, const char *mn, size_t len, json_t *multicast)
{
	sqlite3_stmt *st = bind_mn(s, ST_RANGES, mn, len);
	json_t *allow = json_array(), *deny = json_array();
	int r;

	while ((r = sqlite3_step(st)) == SQLITE_ROW) {
		json_t *j = json_pack("{s:o}", "group", column(st, 1));

		set_unless_null(j, "source", column(st, 2));
		json_array_append_new(strcmp((const char *)sqlite3_column_text(st, 0), "deny") == 0 ? deny : allow, j);
	}
	sqlite3_reset(st);
	json_object_set_new(multicast, "allow", allow);
	json_object_set_new(multicast, "deny", deny);
	return r;
}

json_t *rows_read(struct store *s, const char *mn, size_t len, char *why, size_t why_size)
{
	sqlite3_stmt *st = bind_mn(s, ST_NODE, mn, len);
	int r = sqlite3_step(st);
	json_t *j = NULL, *multicast, *lladdrs, *prefixes, *mags;

	why[0] = '\0';
	if (r == SQLITE_ROW) {
		multicast = json_pack("{s:b, s:o, s:o, s:I, s:I}", "enabled", sqlite3_column_int(st, 2), "initiation",
				      column(st, 3), "delivery", column(st, 4), "max-groups",
				      (json_int_t)sqlite3_column_int64(st, 5), "max-sources",
				      (json_int_t)sqlite3_column_int64(st, 6));
		j = json_pack("{s:o, s:b, s:o}", "mn", json_stringn(mn, len), "enabled", sqlite3_column_int(st, 0),
			      "multicast", multicast);
		if (j)
			set_unless_null(j, "lma", column(st, 1));
	}
	sqlite3_reset(st);
	if (!j) {
		if (r != SQLITE_DONE)
			failed(s, why, why_size);
		return NULL;
	}
	multicast = json_object_get(j, "multicast");
	json_object_set_new(j, "link-layer-addresses", lladdrs = json_array());
	json_object_set_new(j, "prefixes", prefixes = json_array());
	json_object_set_new(j, "mags", mags = json_array());
	if (read_list(s, ST_LLADDRS, mn, len, lladdrs) != SQLITE_DONE ||
	    read_list(s, ST_PREFIXES, mn, len, prefixes) != SQLITE_DONE ||
	    read_list(s, ST_MAGS, mn, len, mags) != SQLITE_DONE ||
	    read_subscriptions(s, mn, len, multicast) != SQLITE_DONE ||
	    read_ranges(s, mn, len, multicast) != SQLITE_DONE) {
		failed(s, why, why_size);
		json_decref(j);
		return NULL;
	}
	return j;
}

/* ---- writing ---- */
static void bind_json(sqlite3_stmt *st, int i, const json_t *v)
{
	if (json_is_string(v))
		sqlite3_bind_text(st, i, json_string_value(v), (int)json_string_length(v), SQLITE_TRANSIENT);
	else if (json_is_integer(v))
		sqlite3_bind_int64(st, i, json_integer_value(v));
	else if (json_is_boolean(v))
		sqlite3_bind_int(st, i, json_is_true(v));
	/* else it stays NULL */
}

static int put(struct store *s, sqlite3_stmt *st, char *why, size_t why_size)
{
	int r = sqlite3_step(st);

	if (r != SQLITE_DONE)
		failed(s, why, why_size);
	sqlite3_reset(st);
	return r == SQLITE_DONE ? 0 : -EIO;
}

/* What belongs to one node only must not be another's. */
static int check_owner(struct store *s, enum statement which, const char *mn, const char *key, const json_t *v,
		       char *why, size_t why_size)
{
	sqlite3_stmt *st = s->st[which];
	int r = 0;

	sqlite3_reset(st);
	bind_json(st, 1, v);
	if (sqlite3_step(st) == SQLITE_ROW) {
		snprintf(why, why_size, "%s: %s: \"%s\" is already that of %s", mn, key, json_string_value(v),
			 (const char *)sqlite3_column_text(st, 0));
		r = -EEXIST;
	}
	sqlite3_reset(st);
	return r;
}

static int write_list(struct store *s, enum statement which, int owner, const json_t *profile, const char *key,
		      char *why, size_t why_size)
{
	const char *mn = json_string_value(json_object_get(profile, "mn"));
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(profile, key), i, v)
	{
		sqlite3_stmt *st;
		int r = owner >= 0 ? check_owner(s, (enum statement)owner, mn, key, v, why, why_size) : 0;

		if (r)
			return r;
		st = bind_mn(s, which, mn, strlen(mn));
		bind_json(st, 2, v);
		r = put(s, st, why, why_size);
		if (r)
			return r;
	}
	return 0;
}

static int write_subscriptions(struct store *s, const char *mn, const json_t *list, char *why, size_t why_size)
{
	size_t i, k;
	json_t *v, *source;

	json_array_foreach(list, i, v)
	{
		sqlite3_stmt *st = bind_mn(s, ST_PUT_SUBSCRIPTION, mn, strlen(mn));
		char sources[PROFILE_SOURCE_MAX * ADDR_STR_MAX] = "";
		size_t n = 0;
		int r;

		json_array_foreach(json_object_get(v, "sources"), k, source) n += (size_t)snprintf(
			sources + n, sizeof(sources) - n, "%s%s", n ? " " : "", json_string_value(source));
		bind_json(st, 2, json_object_get(v, "group"));
		sqlite3_bind_text(st, 3, sources, -1, SQLITE_TRANSIENT);
		bind_json(st, 4, json_object_get(v, "mandatory"));
		bind_json(st, 5, json_object_get(v, "start"));
		bind_json(st, 6, json_object_get(v, "end"));
		r = put(s, st, why, why_size);
		if (r)
			return r;
	}
	return 0;
}

static int write_ranges(struct store *s, const char *mn, const char *rule, const json_t *list, char *why,
			size_t why_size)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v)
	{
		sqlite3_stmt *st = bind_mn(s, ST_PUT_RANGE, mn, strlen(mn));
		int r;

		sqlite3_bind_text(st, 2, rule, -1, SQLITE_STATIC);
		bind_json(st, 3, json_object_get(v, "group"));
		bind_json(st, 4, json_object_get(v, "source"));
		r = put(s, st, why, why_size);
		if (r)
			return r;
	}
	return 0;
}

/* `profile` is whole and canonical: it comes from profile_to_json(). */
int rows_write(struct store *s, const json_t *profile, char *why, size_t why_size)
{
	const char *mn = json_string_value(json_object_get(profile, "mn"));
	const json_t *multicast = json_object_get(profile, "multicast");
	sqlite3_stmt *st = bind_mn(s, ST_PUT_NODE, mn, strlen(mn));
	int r;

	bind_json(st, 2, json_object_get(profile, "enabled"));
	bind_json(st, 3, json_object_get(profile, "lma"));
	bind_json(st, 4, json_object_get(multicast, "enabled"));
	bind_json(st, 5, json_object_get(multicast, "initiation"));
	bind_json(st, 6, json_object_get(multicast, "delivery"));
	bind_json(st, 7, json_object_get(multicast, "max-groups"));
	bind_json(st, 8, json_object_get(multicast, "max-sources"));
	r = put(s, st, why, why_size);
	if (!r)
		r = write_list(s, ST_PUT_LLADDR, ST_LLADDR_OWNER, profile, "link-layer-addresses", why, why_size);
	if (!r)
		r = write_list(s, ST_PUT_PREFIX, ST_PREFIX_OWNER, profile, "prefixes", why, why_size);
	if (!r)
		r = write_list(s, ST_PUT_MAG, -1, profile, "mags", why, why_size);
	if (!r)
		r = write_subscriptions(s, mn, json_object_get(multicast, "subscriptions"), why, why_size);
	if (!r)
		r = write_ranges(s, mn, "allow", json_object_get(multicast, "allow"), why, why_size);
	if (!r)
		r = write_ranges(s, mn, "deny", json_object_get(multicast, "deny"), why, why_size);
	return r;
}

int rows_delete(struct store *s, const char *mn, size_t len)
{
	sqlite3_stmt *st = bind_mn(s, ST_DELETE, mn, len);
	int r = sqlite3_step(st), n = sqlite3_changes(s->db);

	sqlite3_reset(st);
	return r == SQLITE_DONE ? n : -EIO;
}
