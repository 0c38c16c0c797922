/* SPDX-License-Identifier: BSD-2-Clause */
/* Editing: each call is one transaction, and what it changed is told before it returns. */
#include "store/store_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int step(struct store *s, enum statement which, char *why, size_t why_size)
{
	int r = sqlite3_step(s->st[which]);

	sqlite3_reset(s->st[which]);
	if (r == SQLITE_DONE)
		return 0;
	snprintf(why, why_size, "%s: %s%s", s->path, sqlite3_errmsg(s->db),
		 r == SQLITE_BUSY ? "; another program writes to it, try again" : "");
	return -EIO;
}

static int finish(struct store *s, int r, char *why, size_t why_size)
{
	char ignored[64];

	if (r == 0)
		r = step(s, ST_COMMIT, why, why_size);
	if (r != 0) {
		(void)step(s, ST_ROLLBACK, ignored, sizeof(ignored));
		return r;
	}
	store_refresh(s);
	return 0;
}

/* The canonical form of what an operator wrote, or NULL with `why`. */
static json_t *canonical(const json_t *profile, char *why, size_t why_size)
{
	struct profile *p = profile_of_json(profile, why, why_size);
	json_t *j = p ? profile_to_json(p) : NULL;

	if (p && !j)
		snprintf(why, why_size, "out of memory");
	profile_unref(p);
	return j;
}

json_t *store_get(struct store *s, const struct nai *mn)
{
	char why[512];
	json_t *j = rows_read(s, mn->s, mn->len, why, sizeof(why)), *good;

	good = j ? canonical(j, why, sizeof(why)) : NULL;
	if (!good)
		return j; /* as it stands, so that it can be corrected */
	json_decref(j);
	return good;
}

json_t *store_list(struct store *s)
{
	json_t *list = json_array(), *names = json_array(), *j;
	sqlite3_stmt *st = s->st[ST_ALL_NODES];
	size_t i;

	sqlite3_reset(st);
	while (sqlite3_step(st) == SQLITE_ROW)
		json_array_append_new(names, json_stringn((const char *)sqlite3_column_text(st, 0),
							  (size_t)sqlite3_column_bytes(st, 0)));
	sqlite3_reset(st);
	json_array_foreach(names, i, j)
	{
		struct nai mn = nai_of(json_string_value(j), json_string_length(j));
		json_t *p = store_get(s, &mn);

		if (p)
			json_array_append_new(list, p);
	}
	json_decref(names);
	return list;
}

static int put(struct store *s, const json_t *good, bool must_be_new, char *why, size_t why_size)
{
	const json_t *mn = json_object_get(good, "mn");
	int n = rows_delete(s, json_string_value(mn), json_string_length(mn));

	if (n < 0) {
		snprintf(why, why_size, "%s: %s", s->path, sqlite3_errmsg(s->db));
		return n;
	}
	if (n > 0 && must_be_new) {
		snprintf(why, why_size, "%s: is in the store already; change it with `policy set`",
			 json_string_value(mn));
		return -EEXIST;
	}
	return rows_write(s, good, why, why_size);
}

int store_put(struct store *s, const json_t *profile, bool must_be_new, char *why, size_t why_size)
{
	json_t *good = canonical(profile, why, why_size);
	int r;

	if (!good)
		return -EINVAL;
	r = step(s, ST_BEGIN, why, why_size);
	if (r == 0)
		r = finish(s, put(s, good, must_be_new, why, why_size), why, why_size);
	json_decref(good);
	return r;
}

int store_remove(struct store *s, const struct nai *mn, char *why, size_t why_size)
{
	char name[NAI_STR_MAX];
	int n, r = step(s, ST_BEGIN, why, why_size);

	if (r != 0)
		return r;
	n = rows_delete(s, mn->s, mn->len);
	if (n < 0)
		snprintf(why, why_size, "%s: %s", s->path, sqlite3_errmsg(s->db));
	else if (n == 0)
		snprintf(why, why_size, "%s: is not in the store", nai_str(mn, name));
	return finish(s, n < 0 ? n : n == 0 ? -ENOENT : 0, why, why_size);
}

static int import_one(struct store *s, const json_t *profile, size_t i, json_t *seen, char *why, size_t why_size)
{
	char text[512];
	json_t *good = canonical(profile, text, sizeof(text));
	const char *mn = json_string_value(json_object_get(good, "mn"));
	int r = 0;

	if (!good) {
		snprintf(why, why_size, "item %zu: %s", i + 1, text);
		return -EINVAL;
	}
	if (json_object_get(seen, mn)) {
		snprintf(why, why_size, "item %zu: %s: is given twice", i + 1, mn);
		r = -EEXIST;
	} else {
		json_object_set_new(seen, mn, json_true());
		r = put(s, good, false, why, why_size);
	}
	json_decref(good);
	return r;
}

int store_import(struct store *s, const json_t *profiles, bool replace_all, char *why, size_t why_size)
{
	json_t *seen = json_object(), *j;
	int r = json_is_array(profiles) ? 0 : -EINVAL;
	size_t i;

	if (r)
		snprintf(why, why_size, "not a list of profiles; give what `policy export` writes");
	else
		r = step(s, ST_BEGIN, why, why_size);
	if (r) {
		json_decref(seen);
		return r;
	}
	if (replace_all)
		r = step(s, ST_DELETE_ALL, why, why_size);
	json_array_foreach(profiles, i, j)
	{
		if (r)
			break;
		r = import_one(s, j, i, seen, why, why_size);
	}
	json_decref(seen);
	return finish(s, r, why, why_size);
}
