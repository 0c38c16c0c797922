/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Between the files of store/.
 *
 * The file is the truth. In memory there is one entry per node, so that an unknown node costs no query, and the profile
 * of each node that was asked for. Triggers write the name of every node that changes into the table `change`: whoever
 * wrote, roamcast or another program, the daemon reads from there what to look up again. */
#include "base/htab.h"
#include "store/store.h"

#include <sqlite3.h>

/* One row of `node`. */
struct entry {
	struct hnode by_mn;
	struct ll_entry *lladdrs;
	struct profile *profile; /* NULL: not loaded yet */
	bool bad;		 /* the rows cannot be read: told, and not told again until they change */
	uint8_t len;
	char mn[];
};

/* One row of `link_layer_address`. */
struct ll_entry {
	struct hnode by_lladdr;
	struct ll_entry *next; /* of the same node */
	struct lladdr lladdr;
	struct entry *of;
};

enum statement {
	ST_NODE,
	ST_LLADDRS,
	ST_PREFIXES,
	ST_MAGS,
	ST_SUBSCRIPTIONS,
	ST_RANGES, /* rows of one node */
	ST_ALL_NODES,
	ST_ALL_LLADDRS,
	ST_CHANGES,
	ST_CHANGE_LAST,
	ST_CHANGE_FIRST,
	ST_DATA_VERSION,
	ST_BEGIN,
	ST_COMMIT,
	ST_ROLLBACK,
	ST_PUT_NODE,
	ST_PUT_LLADDR,
	ST_PUT_PREFIX,
	ST_PUT_MAG,
	ST_PUT_SUBSCRIPTION,
	ST_PUT_RANGE,
	ST_DELETE,
	ST_DELETE_ALL,
	ST_LLADDR_OWNER,
	ST_PREFIX_OWNER,
	ST_N
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *st[ST_N];
	char path[4096];
	struct store_events events;
	void *arg;
	struct event *timer;
	struct htab by_mn, by_lladdr;
	int64_t change;	      /* last row of `change` that was seen */
	int64_t data_version; /* of SQLite: another connection has written when it differs */
	uint64_t version;     /* of profiles, counting up */
	uint64_t looked;      /* the millisecond of the last look-up that looked for changes */
	bool refreshing;      /* changes are being told */
	bool failing;	      /* a failure of the file was told */
};

/* schema.c */
int schema_open(struct store *s, char *why,
		size_t why_size); /* creates what is not there, and prepares the statements */
void schema_close(struct store *s);

/* rows.c: rows <-> JSON. The caller has bound nothing. */
json_t *rows_read(struct store *s, const char *mn, size_t len, char *why,
		  size_t why_size); /* NULL: none (why empty), or failed */
int rows_write(struct store *s, const json_t *profile, char *why, size_t why_size);
int rows_delete(struct store *s, const char *mn, size_t len); /* number of nodes deleted, negative errno */

/* store.c */
struct entry *store_find(struct store *s, const char *mn, size_t len);
void store_refresh(struct store *s); /* reads `change`, tells what is new */
void store_problem(struct store *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The profile of `p` for another node, for defaults: new, one reference. */
struct profile *profile_as(const struct profile *p, const struct nai *mn);
bool mn_is_default(const char *mn, size_t len);
