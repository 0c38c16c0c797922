/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables (docs/policy-store.md describes them for who writes them by other means) and the statements on them. */
#include "store/store_priv.h"

#include <stdio.h>
#include <string.h>

#define SCHEMA_VERSION 1
#define APPLICATION_ID 0x52436173 /* "RCas" */

static const char tables[] =
	"CREATE TABLE node (\n"
	"  mn TEXT PRIMARY KEY NOT NULL,\n"
	"  enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),\n"
	"  lma TEXT,\n"
	"  multicast INTEGER NOT NULL DEFAULT 1 CHECK (multicast IN (0, 1)),\n"
	"  initiation TEXT NOT NULL DEFAULT 'node' CHECK (initiation IN ('network', 'query', 'node')),\n"
	"  delivery TEXT NOT NULL DEFAULT 'multicast' CHECK (delivery IN ('multicast', 'l2-unicast')),\n"
	"  max_groups INTEGER NOT NULL DEFAULT 0 CHECK (max_groups BETWEEN 0 AND 65535),\n"
	"  max_sources INTEGER NOT NULL DEFAULT 0 CHECK (max_sources BETWEEN 0 AND 65535)\n"
	") WITHOUT ROWID;\n"
	"CREATE TABLE link_layer_address (address TEXT PRIMARY KEY NOT NULL, mn TEXT NOT NULL REFERENCES node (mn));\n"
	"CREATE TABLE prefix (prefix TEXT PRIMARY KEY NOT NULL, mn TEXT NOT NULL REFERENCES node (mn));\n"
	"CREATE TABLE mag (mn TEXT NOT NULL REFERENCES node (mn), address TEXT NOT NULL, PRIMARY KEY (mn, address));\n"
	"CREATE TABLE subscription (\n"
	"  id INTEGER PRIMARY KEY,\n"
	"  mn TEXT NOT NULL REFERENCES node (mn),\n"
	"  group_address TEXT NOT NULL,\n"
	"  sources TEXT NOT NULL DEFAULT '',\n"
	"  mandatory INTEGER NOT NULL DEFAULT 0 CHECK (mandatory IN (0, 1)),\n"
	"  start_time TEXT,\n"
	"  end_time TEXT\n"
	");\n"
	"CREATE TABLE range (\n"
	"  id INTEGER PRIMARY KEY,\n"
	"  mn TEXT NOT NULL REFERENCES node (mn),\n"
	"  rule TEXT NOT NULL CHECK (rule IN ('allow', 'deny')),\n"
	"  group_range TEXT NOT NULL,\n"
	"  source_range TEXT\n"
	");\n"
	"CREATE TABLE change (seq INTEGER PRIMARY KEY AUTOINCREMENT, mn TEXT NOT NULL);\n"
	"CREATE INDEX link_layer_address_mn ON link_layer_address (mn);\n"
	"CREATE INDEX prefix_mn ON prefix (mn);\n"
	"CREATE INDEX subscription_mn ON subscription (mn);\n"
	"CREATE INDEX range_mn ON range (mn);\n"
	/* A reader that is further behind reads everything again. */
	"CREATE TRIGGER change_trim AFTER INSERT ON change BEGIN DELETE FROM change WHERE seq <= NEW.seq - 100000; "
	"END;\n"
	"CREATE TRIGGER node_insert AFTER INSERT ON node BEGIN INSERT INTO change (mn) VALUES (NEW.mn); END;\n"
	"CREATE TRIGGER node_update AFTER UPDATE ON node BEGIN\n"
	"  INSERT INTO change (mn) VALUES (OLD.mn);\n"
	"  INSERT INTO change (mn) SELECT NEW.mn WHERE NEW.mn <> OLD.mn;\n"
	"END;\n";

/* The rows that belong to a node follow it, whether or not the writer has foreign keys switched on. */
static const char *const children[] = { "link_layer_address", "prefix", "mag", "subscription", "range" };
#define N_CHILDREN (sizeof(children) / sizeof(children[0]))

static int exec(struct store *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

static int create_triggers(struct store *s)
{
	char sql[1024], deletes[512] = "", renames[512] = "";
	int r = SQLITE_OK;

	for (size_t i = 0; i < N_CHILDREN && r == SQLITE_OK; i++) {
		const char *t = children[i];

		snprintf(deletes + strlen(deletes), sizeof(deletes) - strlen(deletes),
			 "DELETE FROM %s WHERE mn = OLD.mn; ", t);
		snprintf(renames + strlen(renames), sizeof(renames) - strlen(renames),
			 "UPDATE %s SET mn = NEW.mn WHERE mn = OLD.mn; ", t);
		snprintf(sql, sizeof(sql),
			 "CREATE TRIGGER %s_insert AFTER INSERT ON %s BEGIN INSERT INTO change (mn) VALUES (NEW.mn); "
			 "END;\n"
			 "CREATE TRIGGER %s_delete AFTER DELETE ON %s BEGIN INSERT INTO change (mn) VALUES (OLD.mn); "
			 "END;\n"
			 "CREATE TRIGGER %s_update AFTER UPDATE ON %s BEGIN\n"
			 "  INSERT INTO change (mn) VALUES (OLD.mn);\n"
			 "  INSERT INTO change (mn) SELECT NEW.mn WHERE NEW.mn <> OLD.mn;\n"
			 "END;\n",
			 t, t, t, t, t, t);
		r = exec(s, sql);
	}
	if (r != SQLITE_OK)
		return r;
	snprintf(
		sql, sizeof(sql),
		"CREATE TRIGGER node_delete AFTER DELETE ON node BEGIN %sINSERT INTO change (mn) VALUES (OLD.mn); END;",
		deletes);
	r = exec(s, sql);
	if (r != SQLITE_OK)
		return r;
	snprintf(sql, sizeof(sql), "CREATE TRIGGER node_rename AFTER UPDATE OF mn ON node BEGIN %sEND;", renames);
	return exec(s, sql);
}

static int64_t pragma(struct store *s, const char *name)
{
	sqlite3_stmt *st;
	int64_t v = -1;
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA %s", name);
	if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

/* Two programs may come here at once: the second finds the work done. */
static int create(struct store *s)
{
	char sql[128];
	int r = exec(s, "BEGIN IMMEDIATE");

	if (r != SQLITE_OK)
		return r;
	if (pragma(s, "user_version") == 0) {
		r = exec(s, tables);
		if (r == SQLITE_OK)
			r = create_triggers(s);
		snprintf(sql, sizeof(sql), "PRAGMA user_version = %d; PRAGMA application_id = %d", SCHEMA_VERSION,
			 APPLICATION_ID);
		if (r == SQLITE_OK)
			r = exec(s, sql);
	}
	if (r != SQLITE_OK) {
		(void)exec(s, "ROLLBACK");
		return r;
	}
	return exec(s, "COMMIT");
}

static const char *const statements[ST_N] = {
	[ST_NODE] =
		"SELECT enabled, lma, multicast, initiation, delivery, max_groups, max_sources FROM node WHERE mn = ?",
	[ST_LLADDRS] = "SELECT address FROM link_layer_address WHERE mn = ? ORDER BY rowid",
	[ST_PREFIXES] = "SELECT prefix FROM prefix WHERE mn = ? ORDER BY rowid",
	[ST_MAGS] = "SELECT address FROM mag WHERE mn = ? ORDER BY rowid",
	[ST_SUBSCRIPTIONS] = "SELECT group_address, sources, mandatory, start_time, end_time FROM subscription WHERE "
			     "mn = ? ORDER BY id",
	[ST_RANGES] = "SELECT rule, group_range, source_range FROM range WHERE mn = ? ORDER BY id",
	[ST_ALL_NODES] = "SELECT mn FROM node ORDER BY mn",
	[ST_ALL_LLADDRS] = "SELECT address, mn FROM link_layer_address",
	[ST_CHANGES] = "SELECT mn, max(seq) FROM change WHERE seq > ? GROUP BY mn ORDER BY max(seq)",
	[ST_CHANGE_LAST] = "SELECT coalesce(max(seq), 0) FROM change",
	[ST_CHANGE_FIRST] = "SELECT coalesce(min(seq), 0) FROM change",
	[ST_DATA_VERSION] = "PRAGMA data_version",
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_ROLLBACK] = "ROLLBACK",
	[ST_PUT_NODE] = "INSERT INTO node (mn, enabled, lma, multicast, initiation, delivery, max_groups, max_sources) "
			"VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	[ST_PUT_LLADDR] = "INSERT INTO link_layer_address (mn, address) VALUES (?, ?)",
	[ST_PUT_PREFIX] = "INSERT INTO prefix (mn, prefix) VALUES (?, ?)",
	[ST_PUT_MAG] = "INSERT OR IGNORE INTO mag (mn, address) VALUES (?, ?)",
	[ST_PUT_SUBSCRIPTION] = "INSERT INTO subscription (mn, group_address, sources, mandatory, start_time, "
				"end_time) VALUES (?, ?, ?, ?, ?, ?)",
	[ST_PUT_RANGE] = "INSERT INTO range (mn, rule, group_range, source_range) VALUES (?, ?, ?, ?)",
	[ST_DELETE] = "DELETE FROM node WHERE mn = ?",
	[ST_DELETE_ALL] = "DELETE FROM node",
	[ST_LLADDR_OWNER] = "SELECT mn FROM link_layer_address WHERE address = ?",
	[ST_PREFIX_OWNER] = "SELECT mn FROM prefix WHERE prefix = ?",
};

int schema_open(struct store *s, char *why, size_t why_size)
{
	int64_t version = pragma(s, "user_version");

	if (version < 0) {
		snprintf(why, why_size, "%s: %s; is it a SQLite file, and may this user read and write it?", s->path,
			 sqlite3_errmsg(s->db));
		return -1;
	}
	if (version == 0 && pragma(s, "schema_version") > 0) {
		snprintf(why, why_size, "%s: a database of another program; name another file, which is created",
			 s->path);
		return -1;
	}
	if (version > SCHEMA_VERSION) {
		snprintf(why, why_size, "%s: of a newer version of this program (schema %d, known is %d)", s->path,
			 (int)version, SCHEMA_VERSION);
		return -1;
	}
	if (exec(s, "PRAGMA journal_mode = WAL") != SQLITE_OK || exec(s, "PRAGMA synchronous = NORMAL") != SQLITE_OK ||
	    (version == 0 && create(s) != SQLITE_OK)) {
		snprintf(why, why_size, "%s: %s; may this user write the file and its folder?", s->path,
			 sqlite3_errmsg(s->db));
		return -1;
	}
	for (int i = 0; i < ST_N; i++) {
		if (sqlite3_prepare_v3(s->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &s->st[i], NULL) !=
		    SQLITE_OK) {
			snprintf(why, why_size, "%s: %s; the tables have been changed by hand", s->path,
				 sqlite3_errmsg(s->db));
			return -1;
		}
	}
	return 0;
}

void schema_close(struct store *s)
{
	for (int i = 0; i < ST_N; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_close(s->db);
}
