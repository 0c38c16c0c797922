/* SPDX-License-Identifier: BSD-2-Clause */
/* An LMA and a MAG engine with a wire between them, asked by the control protocol: what views, explanations and requests tell. */
#include "show/show_priv.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LMAA "2001:db8::1"
#define COA "2001:db8:1::1"

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

static struct conf *load(struct fixture *f, const char *text)
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

static void lma_profile_answer(void *arg, uint32_t request, const struct profile *p)
{
	struct fixture *f = arg;

	lma_profile(f->lma, f->now, request, p);
}

static void mag_profile_answer(void *arg, uint32_t request, const struct profile *p)
{
	struct fixture *f = arg;

	mag_profile(f->mag, f->now, request, p);
}

static bool pump_one(struct fixture *f, bool is_lma)
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

static void pump(struct fixture *f)
{
	while (pump_one(f, true) || pump_one(f, false))
		;
}

static void run(struct fixture *f, span_t span)
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
	"[{\"mn\": \"alice@x\", \"link-layer-addresses\": [\"02:00:00:00:00:01\"], \"multicast\": {\"deny\": [{\"group\": \"ff1e::/120\"}]}},"
	" {\"mn\": \"off@x\", \"link-layer-addresses\": [\"02:00:00:00:00:02\"], \"enabled\": false},"
	" {\"mn\": \"deaf@x\", \"link-layer-addresses\": [\"02:00:00:00:00:03\"], \"multicast\": {\"enabled\": false}},"
	" {\"mn\": \"far@x\", \"link-layer-addresses\": [\"02:00:00:00:00:04\"], \"mags\": [\"2001:db8:9::9\"]},"
	" {\"mn\": \"late@x\", \"link-layer-addresses\": [\"02:00:00:00:00:05\"], \"multicast\": {\"initiation\": \"network\", \"subscriptions\":"
	"   [{\"group\": \"ff1e::5:5\", \"mandatory\": true, \"start\": \"2030-01-01T00:00:00Z\"}, {\"group\": \"ff1e::5:6\", \"mandatory\": true}]}},"
	" {\"mn\": \"bare@x\"}]";

static void start(struct fixture *f, const char *mags)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 0xff };
	const struct in6_addr up = { { { 0xfe, 0x80, [15] = 9 } } };
	char text[512];

	snprintf(text, sizeof(text), "lma: {address: \"" LMAA "\", upstream: up0, pools: [\"2001:db8:8000::/40\"], mags: [{name: m1, address: \"%s\"}]}\n", mags);
	f->lma_conf = load(f, text);
	f->mag_conf = load(f, "mag: {address: \"" COA "\", lma: \"" LMAA "\", access: [{match: acc*}]}\n");
	f->lma = lma_new(&f->lma_conf->lma, f->now, 1);
	f->mag = mag_new(&f->mag_conf->mag, f->now, 2);
	assert_non_null(f->lma);
	assert_non_null(f->mag);
	lma_upstream(f->lma, f->now, 3, &up, 1500);
	mag_link_up(f->mag, f->now, 7, "acc1", MAG_LINK_SHARED, 1500, mac);
	pump(f);
}

static void stop(struct fixture *f)
{
	lma_free(f->lma);
	mag_free(f->mag);
	conf_free(f->lma_conf);
	conf_free(f->mag_conf);
}

static int setup(void **state)
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

static int teardown(void **state)
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

static void shell_counter(void *arg, void (*each)(void *each_arg, const char *name, uint64_t value), void *each_arg)
{
	(void)arg;
	each(each_arg, "mh-received", 42);
}

static json_t *ask(struct fixture *f, bool is_lma, const char *request, int *status)
{
	const struct show_ctx ctx = {
		.conf = is_lma ? f->lma_conf : f->mag_conf,
		.lma = is_lma ? f->lma : NULL,
		.mag = is_lma ? NULL : f->mag,
		.store = f->store,
		.events = is_lma ? f->lma_events : f->mag_events,
		.now = f->now,
		.started = { { 0 }, { INT64_C(1779999000000000000) } },
		.each_counter = shell_counter,
	};
	json_t *r = json_loads(request, 0, NULL), *result;

	assert_non_null(r);
	result = control_request(&ctx, r, status);
	assert_non_null(result);
	json_decref(r);
	pump(f);
	return result;
}

static json_t *good(struct fixture *f, bool is_lma, const char *request)
{
	int status = -1;
	json_t *result = ask(f, is_lma, request, &status);

	if (status != 0)
		fail_msg("%s: %s", request, json_string_value(json_object_get(result, "text")));
	return result;
}

static void do_good(struct fixture *f, const char *request)
{
	json_decref(good(f, false, request));
}

static void refused(struct fixture *f, bool is_lma, const char *request, const char *code, const char *text)
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

#define ATTACH_ALICE "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:01\", \"link\": \"acc1\"}"
#define SUBSCRIBE "{\"command\": \"subscribe\", \"mn\": \"alice@x\", \"group\": \"ff3e::8000:1\", \"source\": \"2001:db8:5::5\"}"

/* ---- parity of text and JSON ---- */
static bool has_column(const struct show_table *t, const char *path)
{
	for (size_t i = 0; i < t->n_columns; i++)
		if (strcmp(t->columns[i].path, path) == 0)
			return true;
	return false;
}

static void check_columns(const struct show_table *t, const json_t *row, const char *prefix)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)row, key, v) {
		char path[128];

		snprintf(path, sizeof(path), "%s%s%s", prefix, prefix[0] ? "." : "", key);
		if (has_column(t, path))
			continue;
		if (!json_is_object(v))
			fail_msg("show %s: \"%s\" has no column", t->view, path);
		check_columns(t, v, path);
	}
}

static void check_text(const json_t *v, const char *text, const char *view)
{
	size_t i;
	json_t *item;
	const char *key;

	if (json_is_string(v) && !strstr(text, json_string_value(v)))
		fail_msg("show %s: the text does not have \"%s\"", view, json_string_value(v));
	json_array_foreach(v, i, item)
		check_text(item, text, view);
	json_object_foreach((json_t *)v, key, item)
		if (strcmp(key, "view") != 0 && strcmp(key, "mode") != 0)
			check_text(item, text, view);
}

static void text_has_what_json_has(void **state)
{
	static const char *const views[] = { "status", "nodes", "bindings", "subscriptions", "groups", "tunnels", "counters", "events", "settings", "policy" };
	struct fixture *f = *state;
	char request[64];

	do_good(f, ATTACH_ALICE);
	do_good(f, SUBSCRIBE);
	for (size_t i = 0; i < 20; i++) {
		json_t *v;
		char *text;
		size_t size;
		FILE *to = open_memstream(&text, &size);

		snprintf(request, sizeof(request), "{\"command\": \"show\", \"what\": \"%s\"}", views[i / 2]);
		v = good(f, i & 1, request);
		assert_int_equal(json_integer_value(json_object_get(v, "schema")), SHOW_SCHEMA);
		assert_string_equal(member(v, "view"), views[i / 2]);
		assert_true(show_render(v, to));
		fclose(to);
		for (size_t k = 0; k < show_n_tables; k++) {
			size_t r;
			json_t *row;

			if (strcmp(show_tables[k].view, views[i / 2]) != 0 || !show_tables[k].list)
				continue;
			json_array_foreach(json_object_get(v, show_tables[k].list), r, row)
				check_columns(&show_tables[k], row, "");
		}
		check_text(v, text, views[i / 2]);
		free(text);
		json_decref(v);
	}
}

/* ---- views ---- */
static void views(void **state)
{
	struct fixture *f = *state;
	json_t *v, *row;

	do_good(f, ATTACH_ALICE);
	do_good(f, SUBSCRIBE);
	v = good(f, false, "{\"command\": \"show\", \"what\": \"nodes\", \"mn\": \"alice@x\"}");
	assert_int_equal(json_array_size(json_object_get(v, "nodes")), 1);
	row = json_array_get(json_object_get(v, "nodes"), 0);
	assert_string_equal(member(row, "state"), "registered");
	assert_string_equal(member(row, "link"), "acc1");
	assert_string_equal(member(row, "status"), "ACCEPTED");
	assert_string_equal(json_string_value(json_array_get(json_object_get(row, "prefixes"), 0)), "2001:db8:8000::/64");
	json_decref(v);

	v = good(f, true, "{\"command\": \"show\", \"what\": \"bindings\"}");
	row = json_array_get(json_object_get(v, "bindings"), 0);
	assert_string_equal(member(row, "mn"), "alice@x");
	assert_string_equal(member(row, "mag"), "m1");
	assert_string_equal(member(row, "mag_address"), COA);
	assert_string_equal(member(row, "lladdr"), "02:00:00:00:00:01");
	assert_int_equal(json_integer_value(json_object_get(row, "groups")), 1);
	json_decref(v);

	v = good(f, false, "{\"command\": \"show\", \"what\": \"subscriptions\"}");
	row = json_array_get(json_object_get(v, "subscriptions"), 0);
	assert_string_equal(member(row, "group"), "ff3e::8000:1");
	assert_string_equal(member(row, "state"), "active");
	assert_string_equal(json_string_value(json_array_get(json_object_get(row, "origins"), 0)), "admin");
	assert_string_equal(json_string_value(json_array_get(json_object_get(json_object_get(row, "filter"), "sources"), 0)), "2001:db8:5::5");
	json_decref(v);

	v = good(f, true, "{\"command\": \"show\", \"what\": \"groups\", \"group\": \"ff3e::8000:1\"}");
	assert_int_equal(json_array_size(json_object_get(v, "groups")), 1);
	json_decref(v);
	v = good(f, true, "{\"command\": \"show\", \"what\": \"groups\", \"group\": \"ff3e::8000:2\"}");
	assert_int_equal(json_array_size(json_object_get(v, "groups")), 0);
	json_decref(v);

	v = good(f, true, "{\"command\": \"show\", \"what\": \"tunnels\"}");
	row = json_array_get(json_object_get(v, "tunnels"), 0);
	assert_string_equal(member(row, "peer"), "m1");
	assert_string_equal(member(row, "state"), "up");
	assert_true(json_array_size(json_object_get(row, "capabilities")) > 0);
	json_decref(v);

	v = good(f, true, "{\"command\": \"show\", \"what\": \"status\"}");
	assert_int_equal(json_integer_value(json_object_get(v, "uptime_s")), 1000);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(v, "lma"), "bindings")), 1);
	json_decref(v);
}

static void lists_are_cut(void **state)
{
	struct fixture *f = *state;
	json_t *v;

	do_good(f, ATTACH_ALICE);
	do_good(f, "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:05\", \"link\": \"acc1\"}");
	v = good(f, true, "{\"command\": \"show\", \"what\": \"bindings\", \"limit\": 1}");
	assert_int_equal(json_array_size(json_object_get(v, "bindings")), 1);
	assert_true(json_is_true(json_object_get(v, "more")));
	json_decref(v);
	v = good(f, true, "{\"command\": \"show\", \"what\": \"bindings\", \"limit\": 2}");
	assert_int_equal(json_array_size(json_object_get(v, "bindings")), 2);
	assert_null(json_object_get(v, "more"));
	json_decref(v);
	v = good(f, true, "{\"command\": \"show\", \"what\": \"events\", \"limit\": 1, \"mn\": \"late@x\"}");
	assert_int_equal(json_array_size(json_object_get(v, "events")), 1);
	assert_string_equal(member(json_array_get(json_object_get(v, "events"), 0), "mn"), "late@x");
	json_decref(v);
}

/* ---- requests ---- */
static void wrong_requests(void **state)
{
	struct fixture *f = *state;

	refused(f, false, "[]", "bad-request", "\"command\"");
	refused(f, false, "{\"command\": 5}", "bad-request", "\"command\"");
	refused(f, false, "{\"command\": \"fly\"}", "unknown-command", "fly");
	refused(f, false, "{\"command\": \"show\"}", "unknown-command", "there is no view");
	refused(f, false, "{\"command\": \"show\", \"what\": \"nodes\", \"mn\": 5}", "bad-request", "mn");
	refused(f, false, "{\"command\": \"show\", \"what\": \"nodes\", \"mn\": \"a\\\\x4\"}", "bad-request", "mn");
	refused(f, false, "{\"command\": \"show\", \"what\": \"nodes\", \"limit\": 0}", "bad-request", "limit");
	refused(f, false, "{\"command\": \"show\", \"what\": \"groups\", \"group\": \"2001:db8::1\"}", "bad-request", "not an IPv6 multicast address");
	refused(f, false, "{\"command\": \"why\"}", "bad-request", "mn: is missing");
	refused(f, false, "{\"command\": \"attach\", \"mn\": \"alice@x\"}", "bad-request", "link: is missing");
	refused(f, false, "{\"command\": \"attach\", \"link\": \"acc1\"}", "bad-request", "mn: is missing");
	refused(f, false, "{\"command\": \"attach\", \"mn\": \"bare@x\", \"link\": \"acc1\"}", "bad-request", "its link-layer address is not known");
	refused(f, false, "{\"command\": \"attach\", \"mn\": \"alice@x\", \"link\": \"eth7\"}", "no-such-link", "eth7");
	refused(f, false, "{\"command\": \"attach\", \"lladdr\": \"zz\", \"link\": \"acc1\"}", "bad-request", "lladdr");
	refused(f, false, "{\"command\": \"detach\", \"mn\": \"nobody\"}", "no-such-node", "nobody");
	refused(f, false, "{\"command\": \"subscribe\", \"mn\": \"alice@x\", \"group\": \"ff1e::1:1\"}", "no-such-node", "alice@x");
	refused(f, false, "{\"command\": \"terminate\", \"group\": \"ff1e::1:1\"}", "no-such-group", "ff1e::1:1");
	refused(f, false, "{\"command\": \"terminate\"}", "bad-request", "either mn or group");
	refused(f, true, "{\"command\": \"subscribe\", \"mn\": \"alice@x\", \"group\": \"ff1e::1:1\"}", "not-this-role", "LMA only");
	refused(f, true, "{\"command\": \"policy\", \"action\": \"eat\"}", "bad-request", "eat");
	refused(f, true, "{\"command\": \"policy\", \"action\": \"remove\", \"mn\": \"nobody\"}", "no-such-profile", "nobody");
	refused(f, true, "{\"command\": \"policy\", \"action\": \"show\", \"mn\": \"nobody\"}", "no-such-profile", "nobody");
	refused(f, true, "{\"command\": \"policy\", \"action\": \"add\", \"profile\": {\"mn\": \"alice@x\"}}", "already", "alice@x");
	refused(f, true, "{\"command\": \"policy\", \"action\": \"set\", \"profile\": {\"mn\": \"alice@x\", \"lma\": 4}}", "bad-profile", "alice@x: lma");
	refused(f, true, "{\"command\": \"monitor\"}", "unknown-command", "monitor");
}

static void operators_requests(void **state)
{
	struct fixture *f = *state;
	json_t *v;

	do_good(f, "{\"command\": \"attach\", \"mn\": \"alice@x\", \"link\": \"acc1\"}"); /* its profile has the address */
	do_good(f, SUBSCRIBE);
	refused(f, false, "{\"command\": \"subscribe\", \"mn\": \"alice@x\", \"group\": \"ff1e::7\"}", "not-permitted", "denied-range");
	refused(f, false, "{\"command\": \"subscribe\", \"mn\": \"alice@x\", \"group\": \"ff3e::7\"}", "not-permitted", "ssm-needs-source");
	refused(f, false, "{\"command\": \"unsubscribe\", \"mn\": \"alice@x\", \"group\": \"ff1e::9:9\"}", "not-subscribed", "ff1e::9:9");
	do_good(f, "{\"command\": \"unsubscribe\", \"mn\": \"alice@x\", \"group\": \"ff3e::8000:1\", \"source\": \"2001:db8:5::5\"}");
	v = good(f, false, "{\"command\": \"show\", \"what\": \"subscriptions\"}");
	assert_int_equal(json_array_size(json_object_get(v, "subscriptions")), 0);
	json_decref(v);
	do_good(f, "{\"command\": \"detach\", \"mn\": \"alice@x\"}");
	run(f, span_s(30));
	v = good(f, true, "{\"command\": \"show\", \"what\": \"bindings\"}");
	assert_int_equal(json_array_size(json_object_get(v, "bindings")), 0);
	json_decref(v);
}

static void policy_by_request(void **state)
{
	struct fixture *f = *state;
	json_t *v, *answer;
	int status = 0;

	v = good(f, true, "{\"command\": \"policy\", \"action\": \"add\", \"profile\": {\"mn\": \"new@x\"}}");
	assert_int_equal(json_integer_value(json_object_get(v, "stored")), 1);
	json_decref(v);
	v = good(f, true, "{\"command\": \"policy\", \"action\": \"export\"}");
	assert_int_equal(json_array_size(json_object_get(v, "profiles")), 7);
	json_decref(v);
	json_decref(good(f, true, "{\"command\": \"policy\", \"action\": \"import\", \"replace\": true, \"profiles\": [{\"mn\": \"z\"}]}"));
	v = ask(f, true, "{\"command\": \"policy\", \"action\": \"show\"}", &status);
	answer = control_answer(v, status);
	assert_true(json_is_true(json_object_get(answer, "ok")));
	assert_int_equal(json_array_size(json_object_get(json_object_get(answer, "result"), "profiles")), 1);
	json_decref(answer);
	v = ask(f, true, "{\"command\": \"policy\", \"action\": \"import\", \"profiles\": 5}", &status);
	answer = control_answer(v, status);
	assert_true(json_is_false(json_object_get(answer, "ok")));
	assert_string_equal(member(json_object_get(answer, "error"), "code"), "bad-profile");
	json_decref(answer);
}

/* ---- why ---- */
/* The step of this name is in this state, with this in its text; those behind a failed one are not reached. */
static void why(struct fixture *f, bool is_lma, const char *args, bool service, const char *step, const char *state, const char *text)
{
	char request[256];
	bool found = false, stopped = false;
	size_t i;
	json_t *v, *s;

	snprintf(request, sizeof(request), "{\"command\": \"why\", %s}", args);
	v = good(f, is_lma, request);
	if (json_is_true(json_object_get(v, "service")) != service)
		fail_msg("%s: %s", args, member(v, "summary"));
	json_array_foreach(json_object_get(json_array_get(json_object_get(v, "views"), 0), "steps"), i, s) {
		if (stopped)
			assert_string_equal(member(s, "state"), "not-reached");
		if (strcmp(member(s, "state"), "ok") != 0) {
			if (!stopped)
				assert_non_null(member(s, "remedy"));
			stopped = true;
		}
		if (strcmp(member(s, "step"), step) != 0)
			continue;
		found = true;
		if (strcmp(member(s, "state"), state) != 0 || !strstr(member(s, "text"), text))
			fail_msg("%s: %s is %s: %s; %s", args, step, member(s, "state"), member(s, "text"), member(v, "summary"));
	}
	if (!found)
		fail_msg("%s: no step \"%s\"; %s", args, step, member(v, "summary"));
	json_decref(v);
}

#define ALICE "\"mn\": \"alice@x\""

static void why_not_here(void **state)
{
	struct fixture *f = *state;

	why(f, false, "\"mn\": \"nobody\"", false, "seen", "failed", "policy store does not know it");
	why(f, false, ALICE, false, "seen", "failed", "no packet of its link-layer addresses was heard");
	why(f, false, "\"mn\": \"bare@x\"", false, "seen", "failed", "no link-layer address by which it could be known");
	why(f, true, ALICE, false, "registered", "failed", "no MAG has registered it here");
	do_good(f, ATTACH_ALICE);
	do_good(f, "{\"command\": \"detach\", " ALICE "}");
	run(f, span_s(30));
	why(f, false, ALICE, false, "seen", "failed", "left at 2026-05-28T");
	why(f, true, ALICE, false, "registered", "failed", "was given up at 2026-05-28T");
}

static void why_service(void **state)
{
	struct fixture *f = *state;

	do_good(f, ATTACH_ALICE);
	why(f, false, ALICE, true, "registered", "ok", "LMA " LMAA " accepted: 2001:db8:8000::/64");
	why(f, true, ALICE, true, "registered", "ok", "at MAG " COA " m1, 2001:db8:8000::/64");
	why(f, false, "\"mn\": \"02:00:00:00:00:01\"", true, "registered", "ok", "accepted");
	/* A group: not asked for, refused, granted. */
	why(f, false, ALICE ", \"group\": \"ff3e::8000:1\"", false, "subscription", "failed", "has not asked for the group");
	why(f, true, ALICE ", \"group\": \"ff3e::8000:1\"", false, "subscription", "failed", "its MAG has not asked");
	why(f, false, ALICE ", \"group\": \"ff1e::9\"", false, "subscription", "failed", "it would be refused: denied-range");
	why(f, false, ALICE ", \"group\": \"ff02::9\"", false, "subscription", "failed", "it would be refused: scope");
	do_good(f, SUBSCRIBE);
	why(f, false, ALICE ", \"group\": \"ff3e::8000:1\"", true, "subscription", "ok", "asked for by admin, from named sources");
	why(f, false, ALICE ", \"group\": \"ff3e::8000:1\"", true, "LMA", "ok", "was asked in the registration and accepted");
	why(f, true, ALICE ", \"group\": \"ff3e::8000:1\"", true, "upstream", "ok", "joined on up0 for 1 MAG");
}

static void why_profile_forbids(void **state)
{
	struct fixture *f = *state;

	do_good(f, "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:02\", \"link\": \"acc1\"}");
	why(f, false, "\"mn\": \"off@x\"", false, "authorised", "failed", "its profile is switched off");
	do_good(f, "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:04\", \"link\": \"acc1\"}");
	why(f, false, "\"mn\": \"far@x\"", false, "authorised", "failed", "does not permit this MAG");
	do_good(f, "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:03\", \"link\": \"acc1\"}");
	why(f, false, "\"mn\": \"deaf@x\"", true, "registered", "ok", "accepted");
	why(f, false, "\"mn\": \"deaf@x\", \"group\": \"ff1e::1:1\"", false, "multicast service", "failed", "multicast switched off");
	do_good(f, "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:99\", \"link\": \"acc1\"}");
	why(f, false, "\"mn\": \"02:00:00:00:00:99\"", false, "identified", "failed", "knows no node of link-layer address 02:00:00:00:00:99");
	do_good(f, "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:05\", \"link\": \"acc1\"}");
	why(f, false, "\"mn\": \"late@x\", \"group\": \"ff1e::5:6\"", true, "subscription", "ok", "profile (mandatory), from any source");
	why(f, false, "\"mn\": \"late@x\", \"group\": \"ff1e::5:5\"", false, "subscription", "pending", "starts it at 2030-01-01T00:00:00Z");
	refused(f, false, "{\"command\": \"unsubscribe\", \"mn\": \"late@x\", \"group\": \"ff1e::5:6\"}", "mandatory", "mandatory");
}

static void why_lma_silent(void **state)
{
	struct fixture *f = *state;

	f->cut = true;
	do_good(f, ATTACH_ALICE);
	why(f, false, ALICE, false, "registered", "pending", "is on its way to LMA " LMAA);
	run(f, span_s(8));
	why(f, false, ALICE, false, "registered", "failed", "has not answered");
	why(f, false, ALICE, false, "advertised", "not-reached", "");
	f->cut = false;
	run(f, span_s(10));
	why(f, false, ALICE, true, "registered", "ok", "accepted");
}

static void why_lma_refuses(void **state)
{
	struct fixture *f = *state;

	stop(f);
	start(f, "2001:db8:77::/64");
	do_good(f, ATTACH_ALICE);
	why(f, false, ALICE, false, "registered", "failed", "refused with status 154 MAG_NOT_AUTHORIZED_FOR_PROXY_REG");
}

/* ---- events ---- */
static void collect(void *arg, const struct event *e, wall_t at)
{
	char *text = arg;

	assert_int_equal(at.ns, e->node);
	sprintf(text + strlen(text), "%u ", e->node);
}

static void ring(void **state)
{
	struct event_log *log = event_log_new(3);
	char text[64] = "";

	(void)state;
	event_log_each(log, collect, text);
	assert_string_equal(text, "");
	for (uint32_t i = 1; i <= 5; i++)
		event_log_add(log, &(struct event){ .kind = EV_NODE_SEEN, .node = i }, (wall_t){ i });
	event_log_each(log, collect, text);
	assert_string_equal(text, "3 4 5 ");
	assert_int_equal(event_log_total(log), 5);
	event_log_free(log);
}

static void event_forms(void **state)
{
	struct event e = { .kind = EV_BINDING_REFUSED, .mn = nai_of("a b", 3), .status = 154, .detail = "two words" };
	json_t *j, *want = json_loads("{\"time\": \"2026-05-28T20:26:40.500Z\", \"event\": \"binding-refused\", \"mn\": \"a\\\\x20b\", \"peer\": \"2001:db8::9\","
				      " \"status\": 154, \"status_name\": \"MAG_NOT_AUTHORIZED_FOR_PROXY_REG\", \"detail\": \"two words\"}", 0, NULL);
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	struct nai back;

	(void)state;
	assert_non_null(want);
	assert_true(addr_parse("2001:db8::9", &e.peer));
	j = show_event(&e, (wall_t){ INT64_C(1780000000500000000) });
	assert_true(json_equal(j, want));
	show_event_text(j, to);
	fclose(to);
	assert_string_equal(text, "mn=a\\x20b binding-refused peer=2001:db8::9 status=154 status_name=MAG_NOT_AUTHORIZED_FOR_PROXY_REG detail=\"two words\"");
	/* A name goes out printable and comes back whole. */
	assert_true(mn_read(member(j, "mn"), &back));
	assert_true(nai_eq(&back, &e.mn));
	free(text);
	json_decref(j);
	json_decref(want);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(text_has_what_json_has), TEST(views),	    TEST(lists_are_cut),	 TEST(wrong_requests),	TEST(operators_requests),
		TEST(policy_by_request),      TEST(why_not_here),   TEST(why_service),		 TEST(why_profile_forbids), TEST(why_lma_silent),
		TEST(why_lma_refuses),	      cmocka_unit_test(ring), cmocka_unit_test(event_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
