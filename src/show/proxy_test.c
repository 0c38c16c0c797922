/* SPDX-License-Identifier: BSD-2-Clause */
/* Views and explanations of a plain MLD proxy. */
#include "show/testing.h"

#define ASM "ff0e::1:1"
#define SSM "ff3e::8000:1"

struct plain {
	struct conf conf;
	struct mldproxy *p;
	struct event_log *events;
	struct now now;
};

static void drain(struct plain *t)
{
	struct fx fx;

	while (mldproxy_pop(t->p, &fx))
		if (fx.kind == FX_EVENT)
			event_log_add(t->events, &fx.event, t->now.wall);
}

static struct in6_addr address(const char *text)
{
	struct in6_addr a = addr_any;

	assert_true(addr_parse(text, &a));
	return a;
}

static int begin(void **state)
{
	struct plain *t = calloc(1, sizeof(*t));
	struct in6_addr up = address("fe80::9"), self = address("fe80::2");

	t->now = (struct now){ { INT64_C(1000000000000) }, { INT64_C(1780000000000000000) } };
	strcpy(t->conf.proxy_upstream, "up0");
	strcpy(t->conf.name, "px");
	t->conf.has_proxy = true;
	mldproxy_conf_defaults(&t->conf.proxy);
	t->conf.proxy.groups_max = 1;
	t->conf.proxy.downstream_mld.groups_max = 8;
	t->events = event_log_new(100);
	t->p = mldproxy_new(&t->conf.proxy, t->now, 1);
	mldproxy_upstream(t->p, t->now, 3, &up, 1500);
	assert_true(mldproxy_downstream_up(t->p, t->now, 4, "lan0", &self, 1500));
	assert_true(mldproxy_downstream_up(t->p, t->now, 5, "lan1", &self, 1500));
	drain(t);
	*state = t;
	return 0;
}

static int end(void **state)
{
	struct plain *t = *state;

	mldproxy_free(t->p);
	event_log_free(t->events);
	free(t);
	return 0;
}

static void join(struct plain *t, uint32_t ifindex, const char *group, const char *source)
{
	struct in6_addr g = address(group), s = source ? address(source) : addr_any, host = address("fe80::77");
	uint8_t packet[256];
	struct mld_report r;

	assert_true(mld_report_begin(&r, &host, packet, sizeof(packet)));
	assert_true(mld_report_add(&r, source ? MLD_ALLOW_NEW_SOURCES : MLD_CHANGE_TO_EXCLUDE, &g, &s, source != NULL));
	mldproxy_recv_downstream(t->p, t->now, ifindex, packet, mld_report_finish(&r));
	drain(t);
}

static json_t *request(struct plain *t, const char *text, int *status)
{
	const struct show_ctx ctx = {
		.conf = &t->conf,
		.proxy = t->p,
		.events = t->events,
		.now = t->now,
		.started = { { 0 }, { INT64_C(1779999000000000000) } },
		.cpu_latency = "0us",
		.cpu_latency_error = "without effect",
	};
	json_t *r = json_loads(text, 0, NULL), *result;

	assert_non_null(r);
	result = control_request(&ctx, r, status);
	assert_non_null(result);
	json_decref(r);
	return result;
}

static void every_view(void **state)
{
	static const char *const views[] = { "status",	 "links",  "nodes",    "bindings", "subscriptions", "groups",
					     "tunnels",	 "counters", "events", "settings", "policy" };
	struct plain *t = *state;

	join(t, 4, ASM, NULL);
	join(t, 5, SSM, "2001:db8::5");
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		int status = -1;
		char ask[96], *text;
		size_t size;
		FILE *to = open_memstream(&text, &size);
		json_t *v;

		snprintf(ask, sizeof(ask), "{\"command\": \"show\", \"what\": \"%s\"}", views[i]);
		v = request(t, ask, &status);
		assert_int_equal(status, 0);
		assert_true(show_render(v, (struct show_style){.wide = true, .all = true}, to));
		fclose(to);
		check_rows(v, views[i]);
		check_text(v, text, views[i]);
		free(text);
		json_decref(v);
	}
}

static void links_and_what_they_ask_for(void **state)
{
	struct plain *t = *state;
	int status;
	json_t *v, *row;

	join(t, 4, ASM, NULL);
	v = request(t, "{\"command\": \"show\", \"what\": \"subscriptions\"}", &status);
	assert_int_equal(json_array_size(json_object_get(v, "link_subscriptions")), 1);
	row = json_array_get(json_object_get(v, "link_subscriptions"), 0);
	assert_string_equal(member(row, "link"), "lan0");
	assert_string_equal(member(row, "group"), ASM);
	assert_string_equal(member(row, "state"), "in force");
	assert_int_equal(json_integer_value(json_object_get(row, "hosts")), 1);
	json_decref(v);

	v = request(t, "{\"command\": \"show\", \"what\": \"groups\"}", &status);
	row = json_array_get(json_object_get(v, "groups"), 0);
	assert_string_equal(member(row, "at"), "proxy");
	assert_string_equal(member(row, "upstream"), "joined");
	json_decref(v);

	v = request(t, "{\"command\": \"show\", \"what\": \"status\"}", &status);
	row = json_object_get(v, "proxy");
	assert_string_equal(member(row, "upstream_state"), "up");
	assert_int_equal(json_integer_value(json_object_get(row, "links")), 2);
	assert_null(json_object_get(v, "security"));
	assert_string_equal(member(v, "cpu_latency"), "0us");
	assert_string_equal(member(v, "cpu_latency_error"), "without effect");
	json_decref(v);
}

/* On which link it was, and whose report, is what an operator asks first. */
static void who_is_at_a_limit(void **state)
{
	struct plain *t = *state;
	size_t i, size;
	json_t *v, *row;
	char *text;
	int status;
	FILE *to;

	t->conf.proxy.downstream_mld.host_groups_max = 1;
	mldproxy_reconf(t->p, t->now, &t->conf.proxy);
	join(t, 5, ASM, NULL);
	join(t, 5, SSM, "2001:db8::5");
	v = request(t, "{\"command\": \"show\", \"what\": \"status\"}", &status);
	json_array_foreach(json_object_get(v, "limits"), i, row)
	{
		bool is = strcmp(member(row, "limit"), "proxy.mld.groups-per-host") == 0;

		assert_int_equal(json_integer_value(json_object_get(row, "refused")), is);
		assert_int_equal(json_is_string(json_object_get(row, "link")), is);
		if (!is)
			continue;
		assert_string_equal(member(row, "link"), "lan1");
		assert_string_equal(member(row, "host"), "fe80::77");
		assert_string_equal(member(row, "group"), SSM);
	}
	json_decref(v);

	v = request(t, "{\"command\": \"show\", \"what\": \"links\"}", &status);
	json_array_foreach(json_object_get(v, "links"), i, row)
	{
		json_t *refused = json_object_get(row, "refused");

		assert_int_equal(json_is_object(refused), strcmp(member(row, "link"), "lan1") == 0);
		if (json_is_object(refused))
			assert_int_equal(json_integer_value(json_object_get(refused, "proxy.mld.groups-per-host")), 1);
	}
	to = open_memstream(&text, &size);
	assert_true(show_render(v, (struct show_style){0}, to));
	fclose(to);
	assert_non_null(strstr(text, "proxy.mld.groups-per-host=1"));
	free(text);

	/* Several of them take no other column's place. */
	json_array_foreach(json_object_get(v, "links"), i, row)
		json_object_set_new(row, "refused",
				    json_pack("{s:i, s:i, s:i, s:i}", "proxy.mld.groups", 1, "proxy.mld.hosts", 64,
					      "proxy.mld.groups-per-host", 2, "proxy.mld.reports-per-link", 99));
	to = open_memstream(&text, &size);
	assert_true(show_render(v, (struct show_style){0}, to));
	fclose(to);
	assert_non_null(strstr(text, "QUERIER"));
	assert_non_null(strstr(text, "proxy.mld.groups=1 "));
	free(text);
	json_decref(v);

	v = request(t, "{\"command\": \"show\", \"what\": \"events\"}", &status);
	i = json_array_size(json_object_get(v, "events"));
	row = json_array_get(json_object_get(v, "events"), i - 1);
	to = open_memstream(&text, &size);
	show_event_text(row, to);
	fclose(to);
	assert_string_equal(text, "limit link=lan1 peer=fe80::77 group=" SSM " detail=proxy.mld.groups-per-host");
	free(text);
	json_decref(v);
}

/* The step that failed, and what the summary says. */
static void why_is(struct plain *t, const char *ask, const char *step, const char *says)
{
	int status = -1;
	json_t *v = request(t, ask, &status), *steps, *s;
	const char *failed = NULL, *remedy = NULL;
	size_t i;

	assert_int_equal(status, 0);
	steps = json_object_get(json_array_get(json_object_get(v, "views"), 0), "steps");
	json_array_foreach(steps, i, s)
	{
		if (failed || strcmp(member(s, "state"), "ok") == 0)
			continue;
		failed = member(s, "step");
		remedy = member(s, "remedy");
	}
	if (step && (!failed || strcmp(failed, step) != 0))
		fail_msg("%s: %s instead of %s", ask, failed ? failed : "all well", step);
	assert_int_equal(json_is_true(json_object_get(v, "service")), step == NULL);
	if (step)
		assert_non_null(remedy);
	if (!strstr(member(v, "summary"), says))
		fail_msg("%s: %s", ask, member(v, "summary"));
	json_decref(v);
}

static void why_a_link_lacks_a_group(void **state)
{
	struct plain *t = *state;
	struct mld_query q = { .version = 2, .max_resp = { 1000000000 }, .qrv = 2, .qqi = { 125000000000 } };
	struct in6_addr other = address("fe80::1");
	uint8_t packet[128];
	size_t len = mld_encode_query(&q, NULL, &other, &addr_all_nodes, packet, sizeof(packet));

	why_is(t, "{\"command\": \"why\", \"mn\": \"eth7\"}", "link", "no downstream link");
	why_is(t, "{\"command\": \"why\", \"mn\": \"lan0\"}", NULL, "has service");
	why_is(t, "{\"command\": \"why\", \"mn\": \"lan0\", \"group\": \"" ASM "\"}", "asked", "no host of the link");
	why_is(t, "{\"command\": \"why\", \"group\": \"" ASM "\"}", "asked", "of any link");
	join(t, 4, ASM, NULL);
	why_is(t, "{\"command\": \"why\", \"mn\": \"lan0\", \"group\": \"" ASM "\"}", NULL, "has this group");
	why_is(t, "{\"command\": \"why\", \"mn\": \"lan1\", \"group\": \"" ASM "\"}", "asked", "no host of the link");
	why_is(t, "{\"command\": \"why\", \"group\": \"" ASM "\"}", NULL, "has this group");
	join(t, 5, SSM, "2001:db8::5"); /* beyond the one group that there is room for */
	why_is(t, "{\"command\": \"why\", \"mn\": \"lan1\", \"group\": \"" SSM "\"}", "room", "a limit");
	for (int i = 2; i <= 9; i++) { /* the last has no room on the link */
		char group[] = "ff0e::2:0";

		group[8] = (char)('0' + i);
		join(t, 5, group, NULL);
	}
	why_is(t, "{\"command\": \"why\", \"mn\": \"lan1\", \"group\": \"ff0e::2:9\"}", "asked", "proxy.mld.groups refused it");
	why_is(t, "{\"command\": \"why\", \"group\": \"ff0e::2:9\"}", "asked", "proxy.mld.groups refused it");
	why_is(t, "{\"command\": \"why\", \"mn\": \"lan1\", \"group\": \"ff0e::3:1\"}", "asked", "was reached there");
	why_is(t, "{\"command\": \"why\", \"group\": \"ff0e::3:1\"}", "asked", "of any link");
	mldproxy_upstream(t->p, t->now, 0, &addr_any, 0);
	why_is(t, "{\"command\": \"why\", \"mn\": \"lan0\", \"group\": \"" ASM "\"}", "upstream", "up0");
	mldproxy_recv_downstream(t->p, t->now, 4, packet, len);
	why_is(t, "{\"command\": \"why\", \"mn\": \"lan0\", \"group\": \"" ASM "\"}", "querier", "another router");
}

static void what_a_proxy_cannot_do(void **state)
{
	static const char *const asks[] = {
		"{\"command\": \"attach\", \"link\": \"lan0\", \"lladdr\": \"02:00:00:00:00:01\"}",
		"{\"command\": \"subscribe\", \"mn\": \"a@x\", \"group\": \"" ASM "\"}",
		"{\"command\": \"terminate\", \"group\": \"" ASM "\"}",
		"{\"command\": \"policy\", \"action\": \"show\"}",
		"{\"command\": \"why\"}",
	};
	struct plain *t = *state;

	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		int status = 0;
		json_t *e = request(t, asks[i], &status);

		assert_int_not_equal(status, 0);
		assert_non_null(member(e, "code"));
		json_decref(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_view, begin, end),
		cmocka_unit_test_setup_teardown(links_and_what_they_ask_for, begin, end),
		cmocka_unit_test_setup_teardown(who_is_at_a_limit, begin, end),
		cmocka_unit_test_setup_teardown(why_a_link_lacks_a_group, begin, end),
		cmocka_unit_test_setup_teardown(what_a_proxy_cannot_do, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
