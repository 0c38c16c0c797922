/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* For the tests of show/: an LMA and a MAG engine with a wire between them and a policy store, asked by the control protocol. */
#include "show/show_priv.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LMAA "2001:db8::1"
#define COA  "2001:db8:1::1"

struct fixture {
	char dir[64];
	struct conf *lma_conf, *mag_conf;
	struct store *store;
	struct lma *lma;
	struct mag *mag;
	struct event_log *lma_events, *mag_events;
	struct now now;
	bool cut; /* the wire between them */
};

static inline struct conf *load(struct fixture *f, const char *text)
{
	struct conf_errors *e;
	char path[128];
	struct conf *c;
	FILE *file;

	snprintf(path, sizeof(path), "%s/t.yaml", f->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "lab: yes\ndataplane: {transport: [tr0]}\n%s", text);
	fclose(file);
	c = conf_load(path, &e);
	if (!c)
		conf_errors_print(e, stderr);
	assert_non_null(c);
	unlink(path);
	return c;
}

static inline void lma_profile_answer(void *arg, uint32_t request, const struct profile *p)
{
	struct fixture *f = arg;

	lma_profile(f->lma, f->now, request, p);
}

static inline void mag_profile_answer(void *arg, uint32_t request, const struct profile *p)
{
	struct fixture *f = arg;

	mag_profile(f->mag, f->now, request, p);
}

static inline bool pump_one(struct fixture *f, bool is_lma)
{
	uint8_t bytes[MH_LEN_MAX];
	struct fx fx;

	if (!(is_lma ? lma_pop(f->lma, &fx) : mag_pop(f->mag, &fx)))
		return false;
	switch (fx.kind) {
	case FX_MH:
		assert_true(fx.mh.len <= sizeof(bytes));
		memcpy(bytes, fx.mh.bytes, fx.mh.len);
		if (f->cut)
			break;
		if (is_lma)
			mag_recv_mh(f->mag, f->now, &fx.mh.src, &fx.mh.dst, bytes, fx.mh.len);
		else
			lma_recv_mh(f->lma, f->now, &fx.mh.src, &fx.mh.dst, bytes, fx.mh.len);
		break;
	case FX_PROFILE:
		store_lookup(f->store, &fx.profile, is_lma ? lma_profile_answer : mag_profile_answer, f);
		break;
	case FX_EVENT:
		event_log_add(is_lma ? f->lma_events : f->mag_events, &fx.event, f->now.wall);
		break;
	case FX_TUNNEL:
	case FX_LINK:
	case FX_DP:
		break;
	}
	return true;
}

static inline void pump(struct fixture *f)
{
	while (pump_one(f, true) || pump_one(f, false))
		;
}

static inline void run(struct fixture *f, span_t span)
{
	mono_t end = mono_add(f->now.mono, span);

	for (;;) {
		mono_t next = mono_min(lma_next_deadline(f->lma), mag_next_deadline(f->mag));

		if (!mono_before(next, end))
			break;
		f->now.wall.ns += next.ns - f->now.mono.ns;
		f->now.mono = next;
		lma_expire(f->lma, f->now);
		mag_expire(f->mag, f->now);
		pump(f);
	}
	f->now.wall.ns += end.ns - f->now.mono.ns;
	f->now.mono = end;
}

static const char profiles[] =
	"[{\"mn\": \"alice@x\", \"link-layer-addresses\": [\"02:00:00:00:00:01\", \"02:00:00:00:00:11\"], \"multicast\": {\"deny\": "
	"[{\"group\": \"ff1e::/120\"}]}},"
	" {\"mn\": \"off@x\", \"link-layer-addresses\": [\"02:00:00:00:00:02\"], \"enabled\": false},"
	" {\"mn\": \"deaf@x\", \"link-layer-addresses\": [\"02:00:00:00:00:03\"], \"multicast\": {\"enabled\": false}},"
	" {\"mn\": \"far@x\", \"link-layer-addresses\": [\"02:00:00:00:00:04\"], \"mags\": [\"2001:db8:9::9\"]},"
	" {\"mn\": \"late@x\", \"link-layer-addresses\": [\"02:00:00:00:00:05\"], \"multicast\": {\"initiation\": "
	"\"network\", \"subscriptions\":"
	"   [{\"group\": \"ff1e::5:5\", \"mandatory\": true, \"start\": \"2030-01-01T00:00:00Z\"}, {\"group\": "
	"\"ff1e::5:6\", \"mandatory\": true}]}},"
	" {\"mn\": \"bare@x\"}]";

static inline void start(struct fixture *f, const char *mags)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 0xff };
	const struct in6_addr up = { { { 0xfe, 0x80, [15] = 9 } } };
	char text[512];

	snprintf(text, sizeof(text),
		 "lma: {address: \"" LMAA
		 "\", upstream: up0, pools: [\"2001:db8:8000::/40\"], mags: [{name: m1, address: \"%s\"}]}\n",
		 mags);
	f->lma_conf = load(f, text);
	f->mag_conf = load(f, "mag: {heartbeat: {interval: 2s}, address: \"" COA "\", lma: \"" LMAA "\", access: [{match: acc*}], "
			       "candidates: [{name: mag2, address: \"2001:db8:3::1\", access-points: [hall]}]}\n");
	f->lma = lma_new(&f->lma_conf->lma, f->now, 1);
	f->mag = mag_new(&f->mag_conf->mag, f->now, 2);
	assert_non_null(f->lma);
	assert_non_null(f->mag);
	lma_upstream(f->lma, f->now, 3, &up, 1500);
	mag_link_up(f->mag, f->now, 7, "acc1", MAG_LINK_SHARED, 1500, mac);
	pump(f);
}

static inline void stop(struct fixture *f)
{
	lma_free(f->lma);
	mag_free(f->mag);
	conf_free(f->lma_conf);
	conf_free(f->mag_conf);
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char path[128], why[256];
	json_t *list = json_loads(profiles, 0, NULL);

	strcpy(f->dir, "/tmp/show_test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->now = (struct now){ { INT64_C(1000000000000) }, { INT64_C(1780000000000000000) } };
	f->lma_events = event_log_new(100);
	f->mag_events = event_log_new(100);
	snprintf(path, sizeof(path), "%s/policy.db", f->dir);
	assert_int_equal(store_open(&f->store, path, NULL, NULL, NULL, why, sizeof(why)), 0);
	assert_int_equal(store_import(f->store, list, false, why, sizeof(why)), 0);
	json_decref(list);
	start(f, COA);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	static const char *const names[] = { "policy.db", "policy.db-wal", "policy.db-shm" };
	struct fixture *f = *state;
	char path[128];

	stop(f);
	store_close(f->store);
	event_log_free(f->lma_events);
	event_log_free(f->mag_events);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static inline void shell_counter(void *arg, void (*each)(void *each_arg, const char *name, uint64_t value), void *each_arg)
{
	(void)arg;
	each(each_arg, "mh-received", 42);
}

static inline struct show_ctx ctx_of(const struct fixture *f, bool is_lma)
{
	return (struct show_ctx){
		.conf = is_lma ? f->lma_conf : f->mag_conf,
		.lma = is_lma ? f->lma : NULL,
		.mag = is_lma ? NULL : f->mag,
		.store = f->store,
		.events = is_lma ? f->lma_events : f->mag_events,
		.now = f->now,
		.started = { { 0 }, { INT64_C(1779999000000000000) } },
		.each_counter = shell_counter,
	};
}

static inline json_t *ask(struct fixture *f, bool is_lma, const char *request, int *status)
{
	const struct show_ctx ctx = ctx_of(f, is_lma);
	json_t *r = json_loads(request, 0, NULL), *result;

	assert_non_null(r);
	result = control_request(&ctx, r, status);
	assert_non_null(result);
	json_decref(r);
	pump(f);
	return result;
}

static inline json_t *good(struct fixture *f, bool is_lma, const char *request)
{
	int status = -1;
	json_t *result = ask(f, is_lma, request, &status);

	if (status != 0)
		fail_msg("%s: %s", request, json_string_value(json_object_get(result, "text")));
	return result;
}

static inline void do_good(struct fixture *f, const char *request)
{
	json_decref(good(f, false, request));
}

static inline void refused(struct fixture *f, bool is_lma, const char *request, const char *code, const char *text)
{
	int status = 0;
	json_t *error = ask(f, is_lma, request, &status);

	assert_int_not_equal(status, 0);
	assert_string_equal(json_string_value(json_object_get(error, "code")), code);
	if (!strstr(json_string_value(json_object_get(error, "text")), text))
		fail_msg("%s: %s", request, json_string_value(json_object_get(error, "text")));
	json_decref(error);
}

static const char *member(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

/* ---- parity of text and JSON ---- */
static inline bool has_column(const struct show_table *t, const char *path)
{
	for (size_t i = 0; i < t->n_columns; i++)
		if (strcmp(t->columns[i].path, path) == 0)
			return true;
	return false;
}

static inline void check_columns(const struct show_table *t, const json_t *row, const char *prefix)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)row, key, v)
	{
		char path[128];

		assert_in_range(snprintf(path, sizeof(path), "%s%s%s", prefix, prefix[0] ? "." : "", key), 1, sizeof(path) - 1);
		if (has_column(t, path))
			continue;
		if (!json_is_object(v))
			fail_msg("show %s: \"%s\" has no column", t->view, path);
		check_columns(t, v, path);
	}
}

static inline void check_text(const json_t *v, const char *text, const char *view)
{
	size_t i;
	json_t *item;
	const char *key;

	if (json_is_string(v) && !strstr(text, json_string_value(v)))
		fail_msg("show %s: the text does not have \"%s\"", view, json_string_value(v));
	json_array_foreach(v, i, item) check_text(item, text, view);
	json_object_foreach((json_t *)v, key, item) if (strcmp(key, "view") != 0 && strcmp(key, "mode") != 0)
		check_text(item, text, view);
}

/* Every member of every row of the view has its column. */
static inline void check_rows(const json_t *v, const char *view)
{
	size_t r;
	json_t *row;

	for (size_t k = 0; k < show_n_tables; k++) {
		if (strcmp(show_tables[k].view, view) != 0 || !show_tables[k].list)
			continue;
		json_array_foreach(json_object_get(v, show_tables[k].list), r, row)
			check_columns(&show_tables[k], row, "");
	}
}

#define ATTACH_ALICE "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:01\", \"link\": \"acc1\"}"
#define HAND_OVER "{\"command\": \"handover\", \"mn\": \"alice@x\", \"to\": \"hall\"}"
#define SUBSCRIBE                                                                                                      \
	"{\"command\": \"subscribe\", \"mn\": \"alice@x\", \"group\": \"ff3e::8000:1\", \"source\": "                  \
	"\"2001:db8:5::5\"}"
