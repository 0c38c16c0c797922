/* SPDX-License-Identifier: BSD-2-Clause */
/* Views, requests and events. */
#include "show/testing.h"

/* ---- parity of text and JSON ---- */
static void text_has_what_json_has(void **state)
{
	static const char *const views[] = { "status",	"nodes",    "bindings", "subscriptions", "groups",
					     "tunnels", "counters", "events",	"settings",	 "policy",
					     "handovers" };
	struct fixture *f = *state;
	char request[64];

	do_good(f, ATTACH_ALICE);
	do_good(f, SUBSCRIBE);
	do_good(f, HAND_OVER);
	for (size_t i = 0; i < 2 * sizeof(views) / sizeof(views[0]); i++) {
		json_t *v;
		char *text;
		size_t size;
		FILE *to = open_memstream(&text, &size);

		snprintf(request, sizeof(request), "{\"command\": \"show\", \"what\": \"%s\"}", views[i / 2]);
		v = good(f, i & 1, request);
		assert_int_equal(json_integer_value(json_object_get(v, "schema")), SHOW_SCHEMA);
		assert_string_equal(member(v, "view"), views[i / 2]);
		assert_true(show_render(v, (struct show_style){.wide = true, .all = true}, to));
		fclose(to);
		check_rows(v, views[i / 2]);
		check_text(v, text, views[i / 2]);
		free(text);
		json_decref(v);
	}
}

/* ---- tables ---- */
static char *rendered(const json_t *v, struct show_style style)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_true(show_render(v, style, to));
	fclose(to);
	return text;
}

static size_t widest(const char *text)
{
	size_t max = 0;

	while (*text) {
		size_t n = strcspn(text, "\n");

		max = n > max ? n : max;
		text += n + (text[n] == '\n');
	}
	return max;
}

/* A table keeps to a width as long as it has columns that can be spared, and says what it left out. */
static void tables_are_narrow(void **state)
{
	static const struct show_style plain, wide = { .wide = true }, all = { .all = true };
	struct fixture *f = *state;
	json_t *v = json_loads("{\"view\": \"nodes\", \"nodes\": [{\"mn\": \"alice.in.wonderland@example.net\", "
			       "\"state\": \"registered\", \"link\": \"acc1\", \"lladdr\": \"02:00:00:00:00:01\", "
			       "\"prefixes\": [\"2001:db8:f00:1234::/64\"], \"lma\": \"2001:db8:ff::1\", \"left_s\": "
			       "3333, \"status\": \"ACCEPTED\", \"trigger\": \"router-solicitation\", \"multicast\": "
			       "\"network\", \"idle_s\": 3, \"link_local\": \"fe80::52:4eff:fe00:1\"}]}",
			       0, NULL);
	char *text;

	assert_non_null(v);
	text = rendered(v, plain);
	assert_in_range(widest(text), 90, SHOW_WIDTH);
	assert_non_null(strstr(text, "alice.in.wonderland@example.net"));
	assert_non_null(strstr(text, "2001:db8:f00:1234::/64"));
	assert_null(strstr(text, "router-solicitation"));
	assert_non_null(strstr(text, "\n... and 5 more columns: --wide\n"));
	free(text);
	text = rendered(v, wide);
	assert_true(widest(text) > SHOW_WIDTH);
	assert_non_null(strstr(text, "router-solicitation"));
	assert_null(strstr(text, "--wide"));
	free(text);
	json_decref(v);

	v = good(f, false, "{\"command\": \"show\", \"what\": \"counters\"}");
	text = rendered(v, plain);
	assert_non_null(strstr(text, "mh-received"));
	assert_null(strstr(text, "pbu-sent"));
	assert_non_null(strstr(text, " that are 0: --all\n"));
	free(text);
	text = rendered(v, all);
	assert_non_null(strstr(text, "pbu-sent"));
	assert_null(strstr(text, "--all"));
	free(text);
	json_decref(v);

	v = good(f, false, "{\"command\": \"show\", \"what\": \"settings\"}");
	text = rendered(v, plain);
	assert_int_equal(widest(text), SHOW_WIDTH);
	assert_non_null(strstr(text, "\n... and 1 more column: --wide\n"));
	free(text);
	text = rendered(v, wide);
	assert_true(widest(text) > SHOW_WIDTH);
	free(text);
	json_decref(v);
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
	assert_non_null(strstr(json_string_value(json_array_get(json_object_get(row, "prefixes"), 0)), "2001:db8:80"));
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
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(json_object_get(row, "filter"), "sources"), 0)),
		"2001:db8:5::5");
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
	assert_string_equal(member(row, "heartbeat"), "asked");
	json_decref(v);

	v = good(f, true, "{\"command\": \"show\", \"what\": \"status\"}");
	assert_int_equal(json_integer_value(json_object_get(v, "uptime_s")), 1000);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(v, "lma"), "bindings")), 1);
	assert_string_equal(member(v, "cpu_latency"), "none");
	assert_null(json_object_get(v, "cpu_latency_error"));
	json_decref(v);

	run(f, span_s(3));
	v = good(f, false, "{\"command\": \"show\", \"what\": \"tunnels\"}");
	row = json_array_get(json_object_get(v, "tunnels"), 0);
	assert_string_equal(member(row, "heartbeat"), "answering");
	assert_true(json_is_number(json_object_get(row, "heartbeat_s")));
	assert_true(json_is_integer(json_object_get(row, "restart_counter")));
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
	refused(f, false, "{\"command\": \"show\", \"what\": \"groups\", \"group\": \"2001:db8::1\"}", "bad-request",
		"not an IPv6 multicast address");
	refused(f, false, "{\"command\": \"why\"}", "bad-request", "mn: is missing");
	refused(f, false, "{\"command\": \"attach\", \"mn\": \"alice@x\"}", "bad-request", "link: is missing");
	refused(f, false, "{\"command\": \"attach\", \"link\": \"acc1\"}", "bad-request", "mn: is missing");
	refused(f, false, "{\"command\": \"attach\", \"mn\": \"bare@x\", \"link\": \"acc1\"}", "bad-request",
		"its link-layer address is not known");
	refused(f, false, "{\"command\": \"attach\", \"mn\": \"alice@x\", \"link\": \"eth7\"}", "no-such-link", "eth7");
	refused(f, false, "{\"command\": \"attach\", \"lladdr\": \"zz\", \"link\": \"acc1\"}", "bad-request", "lladdr");
	refused(f, false, "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:01\", \"link\": \"acc1\", \"from\": \"mag9\"}",
		"no-such-mag", "mag9");
	refused(f, false, "{\"command\": \"attach\", \"mn\": \"alice@x\", \"link\": \"acc1\", \"from\": 5}", "bad-request", "from");
	refused(f, false, "{\"command\": \"handover\", \"to\": \"mag2\"}", "bad-request", "mn: is missing");
	refused(f, false, "{\"command\": \"handover\", \"mn\": \"alice@x\"}", "bad-request", "to: is missing");
	refused(f, false, "{\"command\": \"handover\", \"mn\": \"alice@x\", \"to\": \"mag2\", \"cancel\": true}", "bad-request",
		"either");
	refused(f, false, "{\"command\": \"handover\", \"mn\": \"alice@x\", \"cancel\": 1}", "bad-request", "cancel");
	refused(f, false, HAND_OVER, "no-such-node", "alice@x");
	refused(f, true, HAND_OVER, "not-this-role", "LMA only");
	refused(f, false, "{\"command\": \"detach\", \"mn\": \"nobody\"}", "no-such-node", "nobody");
	refused(f, false, "{\"command\": \"subscribe\", \"mn\": \"alice@x\", \"group\": \"ff1e::1:1\"}", "no-such-node",
		"alice@x");
	refused(f, false, "{\"command\": \"query\"}", "bad-request", "mn: is missing");
	refused(f, false, "{\"command\": \"query\", \"mn\": \"nobody\"}", "no-such-node", "nobody");
	refused(f, true, "{\"command\": \"query\", \"mn\": \"nobody\"}", "no-such-node", "nobody");
	refused(f, false, "{\"command\": \"terminate\", \"group\": \"ff1e::1:1\"}", "no-such-group", "ff1e::1:1");
	refused(f, false, "{\"command\": \"terminate\"}", "bad-request", "either mn or group");
	refused(f, true, "{\"command\": \"subscribe\", \"mn\": \"alice@x\", \"group\": \"ff1e::1:1\"}", "not-this-role",
		"LMA only");
	refused(f, true, "{\"command\": \"policy\", \"action\": \"eat\"}", "bad-request", "eat");
	refused(f, true, "{\"command\": \"policy\", \"action\": \"remove\", \"mn\": \"nobody\"}", "no-such-profile",
		"nobody");
	refused(f, true, "{\"command\": \"policy\", \"action\": \"show\", \"mn\": \"nobody\"}", "no-such-profile",
		"nobody");
	refused(f, true, "{\"command\": \"policy\", \"action\": \"add\", \"profile\": {\"mn\": \"alice@x\"}}",
		"already", "alice@x");
	refused(f, true,
		"{\"command\": \"policy\", \"action\": \"set\", \"profile\": {\"mn\": \"alice@x\", \"lma\": 4}}",
		"bad-profile", "alice@x: lma");
	refused(f, true, "{\"command\": \"monitor\"}", "unknown-command", "monitor");
}

static void assert_monitor(const struct fixture *f, bool is_lma, const char *request, const char *answer)
{
	const struct show_ctx ctx = ctx_of(f, is_lma);
	json_t *r = json_loads(request, 0, NULL), *got;
	const json_t *lines;
	int status = -1;

	assert_non_null(r);
	got = monitor_request(&ctx, r, &status);
	got = control_answer(got, status);
	json_decref(r);
	if (status == 0) {
		char *text = json_dumps(json_object_get(got, "result"), JSON_COMPACT);

		assert_string_equal(text, answer);
		free(text);
	} else {
		assert_string_equal(member(json_object_get(got, "error"), "text"), answer);
		lines = json_object_get(json_object_get(got, "error"), "lines");
		assert_in_range(json_array_size(lines), 3, 20);
		assert_non_null(strstr(json_string_value(json_array_get(lines, 0)), "node-registered,"));
	}
	json_decref(got);
}

/* What is misspelt would wait for ever; a node may yet come. */
static void monitor(void **state)
{
	struct fixture *f = *state;

	do_good(f, ATTACH_ALICE);
	assert_monitor(f, false, "{}", "{}");
	assert_monitor(f, false, "{\"kind\": \"node-registered\"}", "{}");
	assert_monitor(f, false, "{\"mn\": \"alice@x\"}", "{\"known\":true}");
	assert_monitor(f, true, "{\"mn\": \"alice@x\", \"kind\": \"binding-moved\"}", "{\"known\":true}");
	assert_monitor(f, true, "{\"mn\": \"late@x\"}", "{\"known\":true}");
	assert_monitor(f, false, "{\"mn\": \"nobody@x\"}", "{\"known\":false}");
	assert_monitor(f, false, "{\"kind\": \"node-seen\", \"mn\": \"nobody\"}", "{\"known\":false}");
	assert_monitor(f, false, "{\"kind\": \"node-registred\"}", "\"node-registred\" is no kind of event");
	assert_monitor(f, false, "{\"kind\": 5}", "\"\" is no kind of event");
	assert_monitor(f, true, "{\"mn\": \"node-registred\"}",
		       "\"node-registred\" is no kind of event, and no node of that name is known here");
}

static void operators_requests(void **state)
{
	struct fixture *f = *state;
	json_t *v;

	do_good(f,
		"{\"command\": \"attach\", \"mn\": \"alice@x\", \"link\": \"acc1\"}"); /* its profile has the address */
	do_good(f, SUBSCRIBE);
	refused(f, false, "{\"command\": \"handover\", \"mn\": \"alice@x\", \"to\": \"mag9\"}", "no-such-mag", "mag9");
	refused(f, false, "{\"command\": \"handover\", \"mn\": \"alice@x\", \"cancel\": true}", "no-handover", "alice@x");
	do_good(f, HAND_OVER);
	refused(f, false, HAND_OVER, "already", "alice@x");
	do_good(f, "{\"command\": \"handover\", \"mn\": \"alice@x\", \"cancel\": true}");
	refused(f, false, "{\"command\": \"subscribe\", \"mn\": \"alice@x\", \"group\": \"ff1e::7\"}", "not-permitted",
		"denied-range");
	refused(f, false, "{\"command\": \"subscribe\", \"mn\": \"alice@x\", \"group\": \"ff3e::7\"}", "not-permitted",
		"ssm-needs-source");
	refused(f, false, "{\"command\": \"unsubscribe\", \"mn\": \"alice@x\", \"group\": \"ff1e::9:9\"}",
		"not-subscribed", "ff1e::9:9");
	do_good(f, "{\"command\": \"unsubscribe\", \"mn\": \"alice@x\", \"group\": \"ff3e::8000:1\", \"source\": "
		   "\"2001:db8:5::5\"}");
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
	json_decref(good(f, true,
			 "{\"command\": \"policy\", \"action\": \"import\", \"replace\": true, \"profiles\": [{\"mn\": "
			 "\"z\"}]}"));
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
	json_t *j, *want = json_loads("{\"time\": \"2026-05-28T20:26:40.500Z\", \"event\": \"binding-refused\", "
				      "\"mn\": \"a\\\\x20b\", \"peer\": \"2001:db8::9\","
				      " \"status\": 154, \"status_name\": \"MAG_NOT_AUTHORIZED_FOR_PROXY_REG\", "
				      "\"detail\": \"two words\"}",
				      0, NULL);
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
	assert_string_equal(text, "mn=a\\x20b binding-refused peer=2001:db8::9 status=154 "
				  "status_name=MAG_NOT_AUTHORIZED_FOR_PROXY_REG detail=\"two words\"");
	/* A name goes out printable and comes back whole. */
	assert_true(mn_read(member(j, "mn"), &back));
	/* A link has its number for programs, and its name for all. */
	e.ifindex = 7;
	snprintf(e.link, sizeof(e.link), "acc1");
	json_decref(j);
	j = show_event(&e, (wall_t){ INT64_C(1780000000500000000) });
	assert_int_equal(json_integer_value(json_object_get(j, "ifindex")), 7);
	assert_string_equal(json_string_value(json_object_get(j, "link")), "acc1");
	free(text);
	to = open_memstream(&text, &size);
	show_event_text(j, to);
	fclose(to);
	assert_non_null(strstr(text, " link=acc1 "));
	assert_null(strstr(text, "ifindex"));
	assert_true(nai_eq(&back, &e.mn));
	free(text);
	json_decref(j);
	json_decref(want);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(text_has_what_json_has),
		TEST(tables_are_narrow),
		TEST(views),
		TEST(lists_are_cut),
		TEST(wrong_requests),
		TEST(monitor),
		TEST(operators_requests),
		TEST(policy_by_request),
		cmocka_unit_test(ring),
		cmocka_unit_test(event_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
