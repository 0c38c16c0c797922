/* SPDX-License-Identifier: BSD-2-Clause */
/* The views. Each is one object; both roles of a daemon fill in the same lists where they have the same things. */
#include "show/view.h"

#include <string.h>
#include <unistd.h>

#ifndef ROAMCAST_VERSION
#define ROAMCAST_VERSION "unknown"
#endif

/* Begins a view whose request may have filters; on a wrong filter the error becomes the view, and false is returned. */
static bool begin(json_t **view, const char *name, struct show_filter *f, const json_t *request)
{
	*view = filter_read(f, request);
	if (*view)
		return false;
	*view = view_new(name);
	return true;
}

/* ---- status ---- */
static json_t *status_lma(const struct show_ctx *ctx)
{
	struct lma_totals t = lma_totals(ctx->lma);
	json_t *j = json_object();

	row_set(j, "address", j_addr(&ctx->conf->lma.lmaa));
	row_set(j, "upstream", ctx->conf->upstream[0] ? json_string(ctx->conf->upstream) : json_null());
	row_set(j, "bindings", json_integer(t.bindings));
	row_set(j, "peers", json_integer(t.peers));
	row_set(j, "groups", json_integer(t.groups));
	row_set(j, "pending", json_integer(t.pending));
	row_set(j, "contexts", json_integer(t.contexts));
	row_set(j, "memory_bytes", json_integer((json_int_t)t.bytes));
	return j;
}

static json_t *status_mag(const struct show_ctx *ctx)
{
	struct mag_totals t = mag_totals(ctx->mag);
	json_t *j = json_object();

	row_set(j, "address", j_addr(&ctx->conf->mag.proxy_coa));
	row_set(j, "lma", j_addr(&ctx->conf->mag.lma));
	row_set(j, "nodes", json_integer(t.nodes));
	row_set(j, "registered", json_integer(t.registered));
	row_set(j, "links", json_integer(t.links));
	row_set(j, "lmas", json_integer(t.lmas));
	row_set(j, "groups", json_integer(t.groups));
	row_set(j, "handovers", json_integer(t.handovers));
	row_set(j, "contexts", json_integer(t.contexts));
	row_set(j, "memory_bytes", json_integer((json_int_t)t.bytes));
	return j;
}

static json_t *status_dataplane(const struct show_ctx *ctx)
{
	static const char *const names[] = {
		[DP_BACKEND_AUTO] = "auto", [DP_BACKEND_EBPF] = "ebpf", [DP_BACKEND_USER] = "user"
	};
	const char *reason = dp_fallback_reason(ctx->dp);
	json_t *j = json_pack("{s:s, s:s}", "backend", names[dp_running(ctx->dp)], "configured",
			      names[ctx->conf->dp.backend]);

	if (reason)
		row_set(j, "fallback_reason", json_string(reason));
	return j;
}

json_t *show_status(const struct show_ctx *ctx)
{
	static const char *const security[] = { [CONF_SECURITY_NONE] = "none", [CONF_SECURITY_EXTERNAL] = "external" };
	struct show_filter all = { .limit = SHOW_ROWS_MAX };
	json_t *v = view_new("status"), *roles = json_array();

	if (ctx->lma)
		json_array_append_new(roles, json_string("lma"));
	if (ctx->mag)
		json_array_append_new(roles, json_string("mag"));
	if (ctx->proxy)
		json_array_append_new(roles, json_string("proxy"));
	row_set(v, "name", json_string(ctx->conf->name));
	row_set(v, "version", json_string(ROAMCAST_VERSION));
	row_set(v, "pid", json_integer(getpid()));
	row_set(v, "roles", roles);
	row_set(v, "started", j_time(ctx->started.wall));
	row_set(v, "uptime_s", json_integer(mono_sub(ctx->now.mono, ctx->started.mono).ns / 1000000000));
	row_set(v, "configuration", json_string(ctx->conf->path));
	if (!ctx->proxy)
		row_set(v, "security", json_string(security[ctx->conf->security]));
	row_set(v, "lab", json_boolean(ctx->conf->lab));
	row_set(v, "cpu_latency", json_string(ctx->cpu_latency && ctx->cpu_latency[0] ? ctx->cpu_latency : "none"));
	if (ctx->cpu_latency_error && ctx->cpu_latency_error[0])
		row_set(v, "cpu_latency_error", json_string(ctx->cpu_latency_error));
	if (ctx->reload_error)
		row_set(v, "reload_error", json_string(ctx->reload_error));
	if (ctx->dp)
		row_set(v, "dataplane", status_dataplane(ctx));
	if (ctx->lma)
		row_set(v, "lma", status_lma(ctx));
	if (ctx->mag) {
		row_set(v, "mag", status_mag(ctx));
		view_mag_links(ctx, v, &all);
	}
	if (ctx->proxy) {
		row_set(v, "proxy", view_proxy_status(ctx));
		view_proxy_links(ctx, v, &all);
		view_proxy_limits(ctx, v, &all);
	}
	if (ctx->events)
		row_set(v, "events", json_integer((json_int_t)event_log_total(ctx->events)));
	return v;
}

/* ---- lists ---- */
json_t *show_bindings(const struct show_ctx *ctx, const json_t *request)
{
	struct show_filter f;
	json_t *v;

	if (begin(&v, "bindings", &f, request)) {
		if (ctx->lma)
			view_lma_bindings(ctx, v, &f);
		else
			(void)list_begin(v, "bindings", &f);
	}
	return v;
}

json_t *show_nodes(const struct show_ctx *ctx, const json_t *request)
{
	struct show_filter f;
	json_t *v;

	if (begin(&v, "nodes", &f, request)) {
		if (ctx->mag)
			view_mag_nodes(ctx, v, &f);
		else
			(void)list_begin(v, "nodes", &f);
	}
	return v;
}

json_t *show_handovers(const struct show_ctx *ctx, const json_t *request)
{
	struct show_filter f;
	json_t *v;

	if (begin(&v, "handovers", &f, request)) {
		if (ctx->mag)
			view_mag_handovers(ctx, v, &f);
		else
			(void)list_begin(v, "handovers", &f);
	}
	return v;
}

json_t *show_subscriptions(const struct show_ctx *ctx, const json_t *request)
{
	struct show_filter f;
	json_t *v;

	if (begin(&v, "subscriptions", &f, request)) {
		if (ctx->mag)
			view_mag_subscriptions(ctx, v, &f);
		if (ctx->lma && !f.has_mn)
			view_lma_subscriptions(ctx, v, &f);
		if (ctx->proxy && !f.has_mn)
			view_proxy_subscriptions(ctx, v, &f);
	}
	return v;
}

static void flow_rows(const struct show_ctx *ctx, json_t *view, const struct show_filter *f)
{
	struct show_list list = list_begin(view, "flows", f);
	struct show_flows flows;

	flows_read(&flows, ctx->dp);
	for (size_t i = 0; i < flows.n; i++) {
		const struct dp_flow *flow = &flows.v[i].flow;
		struct dp_count c = { 0 };
		json_t *row;

		if (f->has_group && !addr_eq(&f->group, &flow->group))
			continue;
		if (list_full(&list))
			break;
		(void)dp_flow_count(ctx->dp, flow, &c);
		row = json_object();
		row_set(row, "group", j_addr(&flow->group));
		row_set(row, "source", j_addr(&flow->source));
		row_set(row, "from", json_string(flow->in.ifindex ? "upstream" : "tunnel"));
		row_set(row, "lma", j_addr(&flow->in.tunnel.remote));
		row_set(row, "outputs", json_integer(flows.v[i].n_outs));
		row_set(row, "received", j_count(&c));
		json_array_append_new(list.rows, row);
	}
	flows_free(&flows);
}

json_t *show_groups(const struct show_ctx *ctx, const json_t *request)
{
	struct show_list list;
	struct show_filter f;
	json_t *v;

	if (!begin(&v, "groups", &f, request))
		return v;
	list = list_begin(v, "groups", &f);
	if (ctx->lma)
		view_lma_groups(ctx, &list);
	if (ctx->mag)
		view_mag_groups(ctx, &list);
	if (ctx->proxy)
		view_proxy_groups(ctx, &list);
	if (ctx->dp)
		flow_rows(ctx, v, &f);
	return v;
}

json_t *show_links(const struct show_ctx *ctx, const json_t *request)
{
	struct show_filter f;
	json_t *v;

	if (!begin(&v, "links", &f, request))
		return v;
	if (ctx->mag)
		view_mag_links(ctx, v, &f);
	else if (ctx->proxy)
		view_proxy_links(ctx, v, &f);
	else
		(void)list_begin(v, "links", &f);
	return v;
}

void view_heartbeat(json_t *row, const struct heartbeat_view *v)
{
	row_set(row, "heartbeat", json_string(heartbeat_state_name(v->state)));
	if (v->answered)
		row_set(row, "heartbeat_s", j_seconds(v->since));
	if (v->known)
		row_set(row, "restart_counter", json_integer(v->counter));
}

void view_tunnel_counts(const struct show_ctx *ctx, json_t *row, const struct dp_tunnel *t)
{
	struct dp_count in = { 0 }, out = { 0 };

	if (ctx->dp && dp_tunnel_count(ctx->dp, t, &in, &out))
		row_set(row, "traffic", json_pack("{s:o, s:o}", "in", j_count(&in), "out", j_count(&out)));
}

json_t *show_tunnels(const struct show_ctx *ctx, const json_t *request)
{
	struct show_list list;
	struct show_filter f;
	json_t *v;

	if (!begin(&v, "tunnels", &f, request))
		return v;
	list = list_begin(v, "tunnels", &f);
	if (ctx->lma)
		view_lma_tunnels(ctx, &list);
	if (ctx->mag)
		view_mag_tunnels(ctx, &list);
	return v;
}

/* ---- counters ---- */
struct counters {
	json_t *rows;
	const char *part;
};

static void counter_row(void *arg, const char *name, uint64_t value)
{
	struct counters *c = arg;

	json_array_append_new(
		c->rows, json_pack("{s:s, s:s, s:I}", "part", c->part, "counter", name, "value", (json_int_t)value));
}

json_t *show_counters(const struct show_ctx *ctx, const json_t *request)
{
	struct counters c = { .part = "lma" };
	json_t *v = view_new("counters");

	(void)request;
	c.rows = json_array();
	row_set(v, "counters", c.rows);
	if (ctx->lma)
		lma_each_counter(ctx->lma, counter_row, &c);
	c.part = "mag";
	if (ctx->mag)
		mag_each_counter(ctx->mag, counter_row, &c);
	c.part = "proxy";
	if (ctx->proxy)
		mldproxy_each_counter(ctx->proxy, counter_row, &c);
	c.part = "seam"; /* of predictive handovers, where two paths carry the same streams */
	for (unsigned i = 0; ctx->dp && ctx->mag && i < DP_SEAM_N; i++)
		counter_row(&c, dp_seam_name(i), dp_seam_count(ctx->dp, i));
	c.part = "drop"; /* packets that the data plane dropped, by reason */
	for (int i = 0; ctx->dp && i < DP_DROP_N; i++)
		counter_row(&c, dp_drop_name((enum dp_drop)i), dp_drop_count(ctx->dp, (enum dp_drop)i));
	c.part = "daemon";
	if (ctx->each_counter)
		ctx->each_counter(ctx->counter_arg, counter_row, &c);
	return v;
}

/* ---- settings, policy ---- */
static void setting_row(void *arg, const char *key, const char *value, const char *deflt, const char *help)
{
	json_array_append_new(arg, json_pack("{s:s, s:s, s:s, s:b, s:s}", "key", key, "value", value, "default", deflt,
					     "changed", strcmp(value, deflt) != 0, "help", help));
}

json_t *show_settings(const struct show_ctx *ctx, const json_t *request)
{
	json_t *v = view_new("settings"), *rows = json_array();

	(void)request;
	row_set(v, "settings", rows);
	conf_each_setting(ctx->conf, setting_row, rows);
	return v;
}

json_t *show_policy(const struct show_ctx *ctx, const json_t *request)
{
	struct show_filter f;
	json_t *v, *one;

	if (!begin(&v, "policy", &f, request))
		return v;
	if (!ctx->store) {
		row_set(v, "profiles", json_array());
	} else if (f.has_mn) {
		one = store_get(ctx->store, &f.mn);
		row_set(v, "profiles", one ? json_pack("[o]", one) : json_array());
	} else {
		row_set(v, "profiles", store_list(ctx->store));
	}
	return v;
}
