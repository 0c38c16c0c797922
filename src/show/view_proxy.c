/* SPDX-License-Identifier: BSD-2-Clause */
/* Views of a plain MLD proxy: its links, and what is asked for there. */
#include "show/view.h"

struct walk {
	const struct show_ctx *ctx;
	struct show_list list;
	const struct show_filter *filter;
};

static json_t *j_addr_or_null(const struct in6_addr *a)
{
	return addr_is_any(a) ? json_null() : j_addr(a);
}

json_t *view_proxy_status(const struct show_ctx *ctx)
{
	struct mldproxy_totals t = mldproxy_totals(ctx->proxy);
	json_t *j = json_object();

	row_set(j, "upstream", json_string(ctx->conf->proxy_upstream));
	row_set(j, "upstream_state", json_string(t.upstream ? "up" : "down"));
	row_set(j, "upstream_mld",
		t.upstream ? json_string(t.upstream_version == 1 ? "v1" : "v2") : json_null());
	row_set(j, "upstream_querier", j_addr_or_null(&t.upstream_querier));
	row_set(j, "links", json_integer(t.links));
	row_set(j, "groups", json_integer(t.groups));
	row_set(j, "links_at_limit", json_integer(t.unplaced));
	row_set(j, "memory_bytes", json_integer((json_int_t)t.bytes));
	return j;
}

/* What limits refused on the link, each by the name of its setting; null: nothing. */
static json_t *j_refused(const struct mldproxy_link_view *v)
{
	json_t *j = NULL;

	for (size_t i = 0; i < MLDPROXY_LINK_LIMITS; i++) {
		if (!v->refused[i].n)
			continue;
		if (!j)
			j = json_object();
		row_set(j, v->refused[i].setting, json_integer((json_int_t)v->refused[i].n));
	}
	return j ? j : json_null();
}

static void link_row(void *arg, const struct mldproxy_link_view *v)
{
	struct walk *w = arg;
	struct dp_count up = { 0 };
	json_t *row;

	if (list_full(&w->list))
		return;
	row = json_object();
	row_set(row, "link", json_string(v->name));
	row_set(row, "kind", json_string("downstream"));
	row_set(row, "mtu", json_integer(v->mtu));
	row_set(row, "address", j_addr(&v->self));
	row_set(row, "querier", json_boolean(v->querier));
	row_set(row, "forwarding", json_boolean(v->forwarding));
	row_set(row, "groups", json_integer(v->groups));
	row_set(row, "reports", json_integer((json_int_t)v->reports));
	row_set(row, "records", json_integer((json_int_t)v->records));
	row_set(row, "queries", json_integer((json_int_t)v->queries));
	row_set(row, "querier_address", j_addr_or_null(&v->querier_address));
	row_set(row, "querier_mld", json_string(v->querier_version == 1 ? "v1" : "v2"));
	row_set(row, "waiting", v->waiting ? json_true() : json_null());
	row_set(row, "refused", j_refused(v));
	if (w->ctx->dp && dp_link_count(w->ctx->dp, v->ifindex, &up))
		row_set(row, "to_upstream", j_count(&up));
	json_array_append_new(w->list.rows, row);
}

void view_proxy_links(const struct show_ctx *ctx, json_t *view, const struct show_filter *f)
{
	struct walk w = { ctx, list_begin(view, "links", f), f };

	mldproxy_each_link(ctx->proxy, link_row, &w);
}

static void limit_row(void *arg, const struct mldproxy_limit_view *v)
{
	struct walk *w = arg;
	const char *link = v->link[0] ? v->link : v->ifindex ? w->ctx->conf->proxy_upstream : NULL;
	json_t *row;

	if (list_full(&w->list))
		return;
	row = json_object();
	row_set(row, "limit", json_string(v->setting));
	row_set(row, "used", v->each ? json_null() : json_integer((json_int_t)v->used));
	row_set(row, "max", v->max && v->max != UINT32_MAX ? json_integer((json_int_t)v->max) : json_null());
	row_set(row, "refused", json_integer((json_int_t)v->refused));
	row_set(row, "link", link ? json_string(link) : json_null());
	row_set(row, "host", j_addr_or_null(&v->host));
	row_set(row, "group", j_addr_or_null(&v->group));
	row_set(row, "beyond", json_string(v->then));
	json_array_append_new(w->list.rows, row);
}

void view_proxy_limits(const struct show_ctx *ctx, json_t *view, const struct show_filter *f)
{
	struct walk w = { ctx, list_begin(view, "limits", f), f };

	mldproxy_each_limit(ctx->proxy, limit_row, &w);
}

static void subscription_row(void *arg, const struct mldproxy_subscription_view *v)
{
	struct walk *w = arg;
	struct flow_sum sum = { .dp = w->ctx->dp };
	json_t *row;

	if (list_full(&w->list))
		return;
	row = json_object();
	row_set(row, "link", json_string(v->link));
	row_set(row, "group", j_addr(&v->group));
	row_set(row, "filter", j_filter(v->filter));
	row_set(row, "hosts", json_integer(v->hosts));
	row_set(row, "mld", json_string(v->v1 ? "v1" : "v2"));
	row_set(row, "state", json_string(v->placed ? "in force" : "no room"));
	if (w->ctx->dp) {
		mldproxy_subscription_flows(w->ctx->proxy, v->ifindex, &v->group, flow_sum_add, &sum);
		row_set(row, "delivered", j_count(&sum.out));
	}
	json_array_append_new(w->list.rows, row);
}

void view_proxy_subscriptions(const struct show_ctx *ctx, json_t *view, const struct show_filter *f)
{
	struct walk w = { ctx, list_begin(view, "link_subscriptions", f), f };

	mldproxy_each_subscription(ctx->proxy, f->has_group ? &f->group : NULL, subscription_row, &w);
}

static void group_row(void *arg, const struct mldproxy_group_view *v)
{
	struct walk *w = arg;
	json_t *row;

	if ((w->filter->has_group && !addr_eq(&w->filter->group, &v->group)) || list_full(&w->list))
		return;
	row = json_object();
	row_set(row, "at", json_string("proxy"));
	row_set(row, "group", j_addr(&v->group));
	row_set(row, "filter", j_filter(v->merged));
	row_set(row, "members", json_integer(v->links));
	row_set(row, "upstream", json_string(v->joined ? "joined" : "waiting for the link"));
	json_array_append_new(w->list.rows, row);
}

void view_proxy_groups(const struct show_ctx *ctx, struct show_list *list)
{
	struct walk w = { ctx, *list, list->filter };

	mldproxy_each_group(ctx->proxy, group_row, &w);
}
