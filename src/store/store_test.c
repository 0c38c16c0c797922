/* SPDX-License-Identifier: BSD-2-Clause */
/* The policy store on a file of its own: JSON both ways, look-ups, defaults, edits, changes by another connection, bad
 * rows. */
#include "store/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <sqlite3.h>

struct told {
	unsigned int n;
	char last[NAI_STR_MAX];
	bool last_had_profile;
	uint32_t groups_max;
	unsigned int problems;
	char problem[1024];
};

struct fixture {
	char dir[64], path[128];
	struct event_base *base;
	struct store *s;
	struct told told;
	char why[512];
};

static void changed(void *arg, const struct nai *mn, const struct profile *p)
{
	struct told *t = arg;

	t->n++;
	nai_str(mn, t->last);
	t->last_had_profile = p != NULL;
	t->groups_max = p ? p->groups_max : 0;
}

static void problem(void *arg, const char *text)
{
	struct told *t = arg;

	t->problems++;
	snprintf(t->problem, sizeof(t->problem), "%s", text);
}

static void open_store(struct fixture *f)
{
	const struct store_events events = { changed, problem };

	if (store_open(&f->s, f->path, f->base, &events, &f->told, f->why, sizeof(f->why)) != 0)
		fail_msg("%s", f->why);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/store_test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sub/policy.db", f->dir);
	f->base = event_base_new();
	open_store(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "sub/policy.db", "sub/policy.db-wal", "sub/policy.db-shm", "sub/other" };
	struct fixture *f = *state;
	char path[160];

	store_close(f->s);
	event_base_free(f->base);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/sub", f->dir);
	rmdir(path);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static json_t *json(const char *text)
{
	json_error_t e;
	json_t *j = json_loads(text, 0, &e);

	if (!j)
		fail_msg("%s", e.text);
	return j;
}

static int put(struct fixture *f, const char *text, bool new)
{
	json_t *j = json(text);
	int r = store_put(f->s, j, new, f->why, sizeof(f->why));

	json_decref(j);
	return r;
}

struct answer {
	unsigned int n;
	uint32_t request;
	struct profile *p;
};

static void answered(void *arg, uint32_t request, const struct profile *p)
{
	struct answer *a = arg;

	a->n++;
	a->request = request;
	a->p = p ? profile_ref(p) : NULL;
}

static struct profile *lookup(struct fixture *f, const char *mn, const char *lladdr)
{
	struct fx_profile q = { .request = 7, .id = (const uint8_t *)mn, .id_len = mn ? (uint16_t)strlen(mn) : 0 };
	struct answer a = { 0 };

	if (lladdr)
		assert_true(lladdr_parse(lladdr, &q.lladdr));
	store_lookup(f->s, &q, answered, &a);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.request, 7);
	return a.p;
}

static const char alice[] = "{\"mn\": \"alice@example.net\", \"enabled\": true, \"link-layer-addresses\": "
			    "[\"02:00:00:00:00:0a\", \"02:00:00:00:00:0b\"],"
			    " \"prefixes\": [\"2001:db8:a::/64\"], \"mags\": [\"2001:db8:2::1\", \"2001:db8:2::2\"], "
			    "\"multicast\": {\"enabled\": true, \"initiation\":"
			    " \"network\", \"delivery\": \"l2-unicast\", \"max-groups\": 9, \"max-sources\": 3, "
			    "\"subscriptions\": [{\"group\": \"ff3e::8000:1\","
			    " \"sources\": [\"2001:db8::5\", \"2001:db8::6\"], \"mandatory\": true, \"start\": "
			    "\"2026-01-01T00:00:00Z\", \"end\": \"2026-12-31T23:59:59Z\"},"
			    " {\"group\": \"ff1e::7\", \"sources\": [], \"mandatory\": false}], \"allow\": "
			    "[{\"group\": \"ff1e::/16\"}], \"deny\": [{\"group\":"
			    " \"ff3e::/32\", \"source\": \"2001:db8:66::/48\"}]}, \"lma\": \"2001:db8:1::1\"}";

static void json_round_trip(void **state)
{
	json_t *in = json(alice), *out;
	char why[256] = "";
	struct profile *p = profile_of_json(in, why, sizeof(why));

	(void)state;
	assert_string_equal(why, "");
	assert_non_null(p);
	assert_int_equal(p->n_lladdrs, 2);
	assert_int_equal(p->n_subscriptions, 2);
	assert_int_equal(p->subscriptions[0].n_sources, 2);
	assert_true(p->subscriptions[0].mandatory);
	assert_int_equal(p->subscriptions[0].start.ns, INT64_C(1767225600000000000));
	assert_int_equal(p->deny[0].source.len, 48);
	assert_int_equal(p->initiation, PROFILE_INITIATION_NETWORK);
	out = profile_to_json(p);
	assert_true(json_equal(in, out));
	json_decref(in);
	json_decref(out);
	profile_unref(p);
}

static void bad_profiles(void **state)
{
	static const char *const t[][2] = {
		{ "[]", "mn: is missing" },
		{ "{}", "mn: is missing" },
		{ "{\"mn\": \"\"}", "mn: give the node's identifier, 1 to 253 octets" },
		{ "{\"mn\": \"a b\"}", "mn: an identifier has no spaces" },
		{ "{\"mn\": \"a*\"}", "mn: an identifier has no spaces" },
		{ "{\"mn\": \"*@\"}", "mn: an identifier has no spaces" },
		{ "{\"mn\": \"a\", \"mns\": 1}", "a: mns: there is no such key" },
		{ "{\"mn\": \"a\", \"enabled\": 1}", "a: enabled: give true or false" },
		{ "{\"mn\": \"a\", \"lma\": \"ff02::1\"}", "a: lma: \"ff02::1\" is not a global unicast IPv6 address" },
		{ "{\"mn\": \"a\", \"link-layer-addresses\": [\"x\"]}",
		  "a: link-layer-addresses: \"x\" is not a link-layer address" },
		{ "{\"mn\": \"a\", \"link-layer-addresses\": [\"1\",\"2\",\"3\",\"4\",\"5\"]}",
		  "a: link-layer-addresses: 5 items; at most 4" },
		{ "{\"mn\": \"a\", \"prefixes\": [\"2001:db8::1/64\"]}",
		  "a: prefixes: 2001:db8::1/64 has bits set behind its length; write 2001:db8::/64" },
		{ "{\"mn\": \"a\", \"prefixes\": [\"2001:db8::/48\", \"2001:db8:0:1::/64\"]}",
		  "a: prefixes: \"2001:db8:0:1::/64\" overlaps with another one" },
		{ "{\"mn\": \"a\", \"prefixes\": \"2001:db8::/48\"}", "a: prefixes: give a list in brackets" },
		{ "{\"mn\": \"a\", \"multicast\": true}", "a: multicast is not an object" },
		{ "{\"mn\": \"a\", \"multicast\": {\"initation\": \"node\"}}",
		  "a: multicast.initation: there is no such key" },
		{ "{\"mn\": \"a\", \"multicast\": {\"initiation\": \"me\"}}",
		  "a: multicast.initiation: give \"network\", \"query\" or \"node\"" },
		{ "{\"mn\": \"a\", \"multicast\": {\"max-groups\": -1}}",
		  "a: multicast.max-groups: give a number from 0" },
		{ "{\"mn\": \"a\", \"multicast\": {\"subscriptions\": [{\"group\": \"2001:db8::1\"}]}}",
		  "a: multicast.subscriptions.group: \"2001:db8::1\" is not a multicast address that leaves a link" },
		{ "{\"mn\": \"a\", \"multicast\": {\"subscriptions\": [{\"group\": \"ff02::7\"}]}}",
		  "is not a multicast address that leaves a link" },
		{ "{\"mn\": \"a\", \"multicast\": {\"subscriptions\": [{\"group\": \"ff3e::1\"}]}}",
		  "ff3e::1 is a source-specific group; give its sources" },
		{ "{\"mn\": \"a\", \"multicast\": {\"subscriptions\": [{\"group\": \"ff1e::1\", \"from\": 1}]}}",
		  "subscriptions.from: there is no such key" },
		{ "{\"mn\": \"a\", \"multicast\": {\"subscriptions\": [{\"group\": \"ff1e::1\", \"start\": "
		  "\"2026-02-30T00:00:00Z\"}]}}",
		  "a: multicast.subscriptions: \"2026-02-30T00:00:00Z\" is not a time in UTC" },
		{ "{\"mn\": \"a\", \"multicast\": {\"subscriptions\": [{\"group\": \"ff1e::1\", \"start\": "
		  "\"2026-02-03T00:00:00Z\", \"end\": "
		  "\"2026-02-02T00:00:00Z\"}]}}",
		  "ff1e::1 ends before it starts" },
		{ "{\"mn\": \"a\", \"multicast\": {\"subscriptions\": [{\"group\": \"ff1e::1\"}, {\"group\": "
		  "\"ff1e::1\"}]}}",
		  "ff1e::1 is there twice at one time" },
		{ "{\"mn\": \"a\", \"multicast\": {\"deny\": [{\"group\": \"2001:db8::/32\"}]}}",
		  "a: multicast.deny: 2001:db8::/32 is not a range of multicast groups" },
		{ "{\"mn\": \"a\", \"multicast\": {\"deny\": [{\"group\": \"ff3e::/32\", \"x\": 1}]}}",
		  "each item is an object with a \"group\"" },
		{ "{\"mn\": \"*\", \"prefixes\": [\"2001:db8::/64\"]}", "*: prefixes: a default serves many nodes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char why[512] = "";
		json_t *j = json(t[i][0]);

		assert_null(profile_of_json(j, why, sizeof(why)));
		if (i > 0 && !strstr(why, t[i][1]))
			fail_msg("%s: %s", t[i][0], why);
		assert_string_not_equal(why, "");
		json_decref(j);
	}
}

static void times(void **state)
{
	static const char *const bad[] = { "",
					   "2026",
					   "2026-13-01T00:00:00Z",
					   "2026-01-01T00:00:00",
					   "2026-01-01 00:00:00Z",
					   "2026-01-01T24:00:00Z",
					   "2026-01-01T00:00:00.Z",
					   "2026-01-01T00:00:00Zx",
					   "1900-01-01T00:00:00Z",
					   "2500-01-01T00:00:00Z" };
	char buf[STORE_TIME_MAX];
	wall_t t = { 5 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(store_time_parse(bad[i], &t));
	assert_int_equal(t.ns, 5);
	assert_true(store_time_parse("2024-02-29T12:34:56.250Z", &t));
	assert_int_equal(t.ns, INT64_C(1709210096250000000));
	assert_string_equal(store_time_str(t, buf), "2024-02-29T12:34:56.250Z");
}

static void created_private_and_persistent(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	struct profile *p;
	json_t *want = json(alice), *got;
	struct nai mn = nai_of("alice@example.net", 17);

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07, 0);
	assert_int_equal(put(f, alice, true), 0);
	assert_int_equal(f->told.n, 1);
	assert_string_equal(f->told.last, "alice@example.net");
	assert_true(f->told.last_had_profile);
	assert_int_equal(put(f, alice, true), -EEXIST);
	assert_string_equal(f->why, "alice@example.net: is in the store already; change it with `policy set`");
	assert_int_equal(f->told.n, 1);
	store_close(f->s);
	open_store(f);
	got = store_get(f->s, &mn);
	assert_true(json_equal(want, got));
	p = lookup(f, NULL, "02-00-00-00-00-0B");
	assert_non_null(p);
	assert_string_equal(p->mn.s, "alice@example.net");
	profile_unref(p);
	assert_null(lookup(f, NULL, "02:00:00:00:00:0c"));
	assert_null(lookup(f, "bob@example.net", "02:00:00:00:00:0a")); /* the identifier rules */
	json_decref(want);
	json_decref(got);
}

static void defaults(void **state)
{
	struct fixture *f = *state;
	struct profile *p;

	assert_int_equal(put(f, "{\"mn\": \"*\", \"multicast\": {\"max-groups\": 1}}", true), 0);
	assert_string_equal(f->told.last, "*");
	assert_int_equal(
		put(f,
		    "{\"mn\": \"*@a.net\", \"multicast\": {\"max-groups\": 2, \"deny\": [{\"group\": \"ff0e::/16\"}]}}",
		    true),
		0);
	assert_int_equal(put(f, "{\"mn\": \"x@a.net\", \"multicast\": {\"max-groups\": 3}}", true), 0);
	p = lookup(f, "y@b.net", NULL);
	assert_int_equal(p->groups_max, 1);
	assert_string_equal(p->mn.s, "y@b.net");
	profile_unref(p);
	p = lookup(f, "y@a.net", NULL);
	assert_int_equal(p->groups_max, 2);
	assert_int_equal(p->n_deny, 1);
	profile_unref(p);
	p = lookup(f, "x@a.net", NULL);
	assert_int_equal(p->groups_max, 3);
	profile_unref(p);
	assert_null(lookup(f, "*", NULL));
	assert_null(lookup(f, "*@a.net", NULL));
	/* Its own profile removed, the node is told with the default that serves it now. */
	struct nai mn = nai_of("x@a.net", 7);
	assert_int_equal(store_remove(f->s, &mn, f->why, sizeof(f->why)), 0);
	assert_string_equal(f->told.last, "x@a.net");
	assert_true(f->told.last_had_profile);
	assert_int_equal(f->told.groups_max, 2);
	assert_int_equal(store_remove(f->s, &mn, f->why, sizeof(f->why)), -ENOENT);
	assert_string_equal(f->why, "x@a.net: is not in the store");
	mn = nai_of("*@a.net", 7);
	assert_int_equal(store_remove(f->s, &mn, f->why, sizeof(f->why)), 0);
	assert_string_equal(f->told.last, "*@a.net");
	assert_false(f->told.last_had_profile);
}

static void held_profiles_stay(void **state)
{
	struct fixture *f = *state;
	struct profile *old, *new;

	assert_int_equal(put(f, "{\"mn\": \"a\", \"multicast\": {\"max-groups\": 1}}", true), 0);
	old = lookup(f, "a", NULL);
	assert_int_equal(put(f, "{\"mn\": \"a\", \"multicast\": {\"max-groups\": 2}}", false), 0);
	new = lookup(f, "a", NULL);
	assert_int_equal(old->groups_max, 1);
	assert_int_equal(new->groups_max, 2);
	assert_true(new->version > old->version);
	profile_unref(old);
	profile_unref(new);
}

static void owners(void **state)
{
	struct fixture *f = *state;
	struct profile *p;

	assert_int_equal(put(f, alice, true), 0);
	assert_int_equal(put(f, "{\"mn\": \"b\", \"link-layer-addresses\": [\"02-00-00-00-00-0A\"]}", true), -EEXIST);
	assert_string_equal(f->why,
			    "b: link-layer-addresses: \"02:00:00:00:00:0a\" is already that of alice@example.net");
	assert_int_equal(put(f, "{\"mn\": \"b\", \"prefixes\": [\"2001:DB8:A::/64\"]}", true), -EEXIST);
	assert_string_equal(f->why, "b: prefixes: \"2001:db8:a::/64\" is already that of alice@example.net");
	assert_null(lookup(f, "b", NULL)); /* rolled back */
	/* An address that goes over from one to the other in one import. */
	json_t *both = json("[{\"mn\": \"alice@example.net\"}, {\"mn\": \"b\", \"link-layer-addresses\": "
			    "[\"02:00:00:00:00:0a\"]}]");
	assert_int_equal(store_import(f->s, both, false, f->why, sizeof(f->why)), 0);
	json_decref(both);
	p = lookup(f, NULL, "02:00:00:00:00:0a");
	assert_non_null(p);
	assert_string_equal(p->mn.s, "b");
	profile_unref(p);
	assert_null(lookup(f, NULL, "02:00:00:00:00:0b"));
}

static void imports(void **state)
{
	struct fixture *f = *state;
	json_t *j, *list;

	assert_int_equal(put(f, "{\"mn\": \"old\"}", true), 0);
	j = json("[{\"mn\": \"a\"}, {\"mn\": \"b\", \"enabled\": 3}]");
	assert_int_equal(store_import(f->s, j, true, f->why, sizeof(f->why)), -EINVAL);
	assert_string_equal(f->why, "item 2: b: enabled: give true or false");
	json_decref(j);
	list = store_list(f->s); /* nothing of it happened */
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
	j = json("[{\"mn\": \"a\"}, {\"mn\": \"a\"}]");
	assert_int_equal(store_import(f->s, j, true, f->why, sizeof(f->why)), -EEXIST);
	assert_string_equal(f->why, "item 2: a: is given twice");
	json_decref(j);
	j = json("[{\"mn\": \"b\"}, {\"mn\": \"a\", \"enabled\": false}]");
	assert_int_equal(store_import(f->s, j, true, f->why, sizeof(f->why)), 0);
	json_decref(j);
	list = store_list(f->s);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "mn")), "a");
	/* What was exported can be imported. */
	assert_int_equal(store_import(f->s, list, true, f->why, sizeof(f->why)), 0);
	json_decref(list);
	assert_null(lookup(f, "old", NULL));
	j = json("{}");
	assert_int_equal(store_import(f->s, j, true, f->why, sizeof(f->why)), -EINVAL);
	json_decref(j);
}

static void sql(struct fixture *f, const char *text)
{
	sqlite3 *db;
	char *e = NULL;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &e) != SQLITE_OK)
		fail_msg("%s: %s", text, e);
	sqlite3_close(db);
}

/* Runs the loop until something is told, at most three seconds. */
static void wait_for(struct fixture *f, const unsigned int *count, unsigned int until)
{
	struct timespec nap = { .tv_nsec = 20000000 };

	for (int i = 0; i < 150 && *count < until; i++) {
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		nanosleep(&nap, NULL);
	}
	assert_true(*count >= until);
}

static void changes_by_others(void **state)
{
	struct fixture *f = *state;
	struct profile *p;

	assert_int_equal(put(f, alice, true), 0);
	f->told.n = 0;
	sql(f, "INSERT INTO node (mn) VALUES ('carol'); INSERT INTO link_layer_address VALUES ('02-00-00-00-00-CC', "
	       "'carol')");
	wait_for(f, &f->told.n, 1);
	assert_string_equal(f->told.last, "carol");
	p = lookup(f, NULL, "02:00:00:00:00:cc");
	assert_non_null(p);
	profile_unref(p);
	f->told.n = 0;
	sql(f, "UPDATE node SET max_groups = 77 WHERE mn = 'alice@example.net'");
	wait_for(f, &f->told.n, 1);
	assert_int_equal(f->told.groups_max, 77);
	/* A row of a child table alone is a change of its node; deleting the node takes the rows with it. */
	f->told.n = 0;
	sql(f, "DELETE FROM subscription WHERE group_address = 'ff1e::7'; DELETE FROM node WHERE mn = 'carol'");
	wait_for(f, &f->told.n, 2);
	p = lookup(f, "alice@example.net", NULL);
	assert_int_equal(p->n_subscriptions, 1);
	profile_unref(p);
	assert_null(lookup(f, NULL, "02:00:00:00:00:cc"));
	sql(f, "INSERT INTO link_layer_address VALUES ('02:00:00:00:00:cc', 'alice@example.net')"); /* free again */
	/* A rename takes the children along. */
	f->told.n = 0;
	sql(f, "UPDATE node SET mn = 'alice2' WHERE mn = 'alice@example.net'");
	wait_for(f, &f->told.n, 2);
	assert_null(lookup(f, "alice@example.net", NULL));
	p = lookup(f, NULL, "02:00:00:00:00:0a");
	assert_non_null(p);
	assert_string_equal(p->mn.s, "alice2");
	assert_int_equal(p->n_lladdrs, 3);
	profile_unref(p);
}

/* Who asks sees what was written before, without waiting for the next look at the file. */
static void a_lookup_is_fresh(void **state)
{
	struct timespec nap = { .tv_nsec = 2000000 };
	struct fixture *f = *state;
	struct profile *p;

	assert_null(lookup(f, "dora", NULL));
	sql(f, "INSERT INTO node (mn) VALUES ('dora')");
	nanosleep(&nap, NULL);
	p = lookup(f, "dora", NULL);
	assert_non_null(p);
	assert_true(p->enabled);
	profile_unref(p);
	assert_string_equal(f->told.last, "dora");
	sql(f, "UPDATE node SET enabled = 0 WHERE mn = 'dora'");
	nanosleep(&nap, NULL);
	p = lookup(f, "dora", NULL);
	assert_false(p->enabled);
	profile_unref(p);
}

static void bad_rows(void **state)
{
	struct fixture *f = *state;
	struct profile *p;

	assert_int_equal(put(f, "{\"mn\": \"*\"}", true), 0);
	assert_int_equal(put(f, "{\"mn\": \"good\", \"link-layer-addresses\": [\"02:00:00:00:00:01\"]}", true), 0);
	f->told.problems = 0;
	sql(f, "INSERT INTO node (mn) VALUES ('bad'); INSERT INTO prefix VALUES ('2001:zz8::/64', 'bad');"
	       "INSERT INTO range (mn, rule, group_range) VALUES ('good', 'allow', 'fe80::/10')");
	wait_for(f, &f->told.problems, 2);
	/* The node with a bad row keeps what it had; one that had nothing is not handed over to the default. */
	p = lookup(f, NULL, "02:00:00:00:00:01");
	assert_non_null(p);
	assert_int_equal(p->n_allow, 0);
	profile_unref(p);
	assert_null(lookup(f, "bad", NULL));
	assert_int_equal(f->told.problems, 2);
	/* Told at the opening too, and the others are served. */
	store_close(f->s);
	memset(&f->told, 0, sizeof(f->told));
	open_store(f);
	assert_int_equal(f->told.problems, 2);
	p = lookup(f, "somebody", NULL);
	assert_non_null(p);
	profile_unref(p);
	assert_int_equal(put(f, "{\"mn\": \"bad\", \"prefixes\": [\"2001:db8:8::/64\"]}", false), 0);
	p = lookup(f, "bad", NULL);
	assert_non_null(p);
	profile_unref(p);
}

/* Far behind: more was written than the log of changes keeps. */
static void overflow(void **state)
{
	struct fixture *f = *state;
	struct profile *p;

	assert_int_equal(put(f, "{\"mn\": \"kept\"}", true), 0);
	p = lookup(f, "kept", NULL);
	profile_unref(p);
	f->told.n = 0;
	sql(f, "UPDATE node SET max_groups = 5; INSERT INTO node (mn) VALUES ('new');"
	       "INSERT INTO change (seq, mn) VALUES (1000000, 'new')");
	wait_for(f, &f->told.n, 2);
	assert_string_equal(f->told.last, "*"); /* whoever was unknown is to be looked up again */
	p = lookup(f, "kept", NULL);
	assert_int_equal(p->groups_max, 5);
	profile_unref(p);
	p = lookup(f, "new", NULL);
	assert_non_null(p);
	profile_unref(p);
}

static void not_a_store(void **state)
{
	struct fixture *f = *state;
	char path[160];
	struct store *s = NULL;
	sqlite3 *db;
	FILE *file;

	snprintf(path, sizeof(path), "%s/sub/other", f->dir);
	file = fopen(path, "w");
	fputs("this is no database at all, but a text of some length, to be taken for one by nobody\n", file);
	fclose(file);
	assert_true(store_open(&s, path, NULL, NULL, NULL, f->why, sizeof(f->why)) < 0);
	assert_non_null(strstr(f->why, "is it a SQLite file"));
	unlink(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_true(store_open(&s, path, NULL, NULL, NULL, f->why, sizeof(f->why)) < 0);
	assert_non_null(strstr(f->why, "a database of another program"));
	assert_true(store_open(&s, "/nonexistent/a/b.db", NULL, NULL, NULL, f->why, sizeof(f->why)) < 0);
	assert_non_null(strstr(f->why, "is the folder there"));
	assert_null(s);
}

static void fast_enough(void **state)
{
	struct fixture *f = *state;
	struct timespec a, b;
	json_t *list = json_array();
	double s;

	for (int i = 0; i < 2000; i++)
		json_array_append_new(list, json_pack("{s:o}", "mn", json_sprintf("n%d@x", i)));
	json_array_append_new(list, json_pack("{s:s}", "mn", "*"));
	assert_int_equal(store_import(f->s, list, true, f->why, sizeof(f->why)), 0);
	json_decref(list);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 20000; i++) {
		char mn[32];

		snprintf(mn, sizeof(mn), "%c%d@x", i & 1 ? 'n' : 'd', i % 2000);
		profile_unref(lookup(f, mn, NULL));
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	print_message("%.0f look-ups per second\n", 20000 / s);
	assert_true(s < 2); /* ten thousand a second also on a slow machine under the sanitizers */
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_round_trip),
		cmocka_unit_test(bad_profiles),
		cmocka_unit_test(times),
		TEST(created_private_and_persistent),
		TEST(defaults),
		TEST(held_profiles_stay),
		TEST(owners),
		TEST(imports),
		TEST(changes_by_others),
		TEST(a_lookup_is_fresh),
		TEST(bad_rows),
		TEST(overflow),
		TEST(not_a_store),
		TEST(fast_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
