/* SPDX-License-Identifier: BSD-2-Clause */
/* Views of what a MAG holds: nodes, their subscriptions, its LMAs. Parts of the views that an LMA fills in too are in view.c. */
#include "show/view.h"

#include <string.h>

struct walk {
	const struct show_ctx *ctx;
	struct show_list list;
	const struct show_filter *filter;
};

static bool mn_matches(const struct show_filter *f, const struct nai *mn)
{
	return !f->has_mn || (mn && nai_eq(&f->mn, mn));
}

static json_t *profile_brief(const struct profile *p)
{
	if (!p)
		return json_null();
	return json_string(p->multicast ? p->initiation == PROFILE_INITIATION_NETWORK ? "network" :
					  p->initiation == PROFILE_INITIATION_QUERY   ? "query" :
											"node" :
					  "off");
}

static void node_row(void *arg, const struct mag_node_view *v)
{
	struct walk *w = arg;
	struct dp_count up = { 0 }, down = { 0 };
	json_t *row;

	if (!mn_matches(w->filter, v->mn) || list_full(&w->list))
		return;
	row = json_pack("{s:o, s:s, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:s?, s:o, s:o}", "mn", j_mn(v->mn), "state", mag_node_state_name(v->state),
			"link", v->link_name, "lladdr", j_lladdr(&v->lladdr), "link_local", j_addr(&v->link_local), "lma", j_addr(&v->lma), "prefixes",
			j_prefixes(v->prefixes, v->n_prefixes), "lifetime_s", j_seconds(v->lifetime), "left_s", j_seconds(v->left), "status",
			v->status < 0 ? json_null() : json_string(mh_status_name((uint8_t)v->status)), "transmissions", (int)v->transmissions, "trigger",
			v->trigger, "idle_s", j_seconds(v->idle), "multicast", profile_brief(v->profile));
	if (w->ctx->dp && dp_node_count(w->ctx->dp, v->node, &up, &down))
		json_object_set_new(row, "traffic", json_pack("{s:o, s:o}", "up", j_count(&up), "down", j_count(&down)));
	json_array_append_new(w->list.rows, row);
}

void view_mag_nodes(const struct show_ctx *ctx, json_t *view, const struct show_filter *f)
{
	struct walk w = { ctx, list_begin(view, "nodes", f), f };

	mag_each_node(ctx->mag, node_row, &w);
}

static void link_row(void *arg, const struct mag_link_view *v)
{
	struct walk *w = arg;

	if (list_full(&w->list))
		return;
	json_array_append_new(w->list.rows, json_pack("{s:s, s:s, s:i, s:i}", "link", v->name, "kind",
						      v->kind == MAG_LINK_SHARED ? "shared" : "point-to-point", "nodes", (int)v->nodes, "mtu", (int)v->mtu));
}

void view_mag_links(const struct show_ctx *ctx, json_t *view, const struct show_filter *f)
{
	struct walk w = { ctx, list_begin(view, "links", f), f };

	mag_each_link(ctx->mag, link_row, &w);
}

struct flow_sum {
	struct dp *dp;
	struct dp_count sum;
};

static void add_flow(void *arg, const struct dp_flow *flow, const struct dp_out *out)
{
	struct flow_sum *s = arg;
	struct dp_count c = { 0 };

	if (dp_out_count(s->dp, flow, out, &c)) {
		s->sum.packets += c.packets;
		s->sum.bytes += c.bytes;
	}
}

static void subscription_row(void *arg, const struct mag_subscription_view *v)
{
	struct walk *w = arg;
	struct flow_sum sum = { .dp = w->ctx->dp };
	json_t *row;

	if (!mn_matches(w->filter, v->mn) || (w->filter->has_group && !addr_eq(&w->filter->group, &v->group)) || list_full(&w->list))
		return;
	row = json_pack("{s:o, s:o, s:o, s:o, s:s, s:b, s:s, s:s, s:s, s:o, s:o}", "mn", j_mn(v->mn), "group", j_addr(&v->group), "filter",
			j_filter(v->filter), "origins", j_origins(v->origins), "state", mag_sub_state_name(v->state), "mandatory", v->mandatory, "mld",
			v->v1 ? "v1" : "v2", "verdict", policy_verdict_name(v->verdict), "signalling", v->by_registration ? "registration" : "mld", "lma",
			j_addr(&v->lma), "end", v->end.ns == INT64_MAX ? json_null() : j_time(v->end));
	json_object_set_new(row, "result", v->by_registration ? json_string(mh_sub_result_name(v->result)) : json_null());
	if (w->ctx->dp) {
		mag_subscription_flows(w->ctx->mag, v->node, &v->group, add_flow, &sum);
		json_object_set_new(row, "delivered", j_count(&sum.sum));
	}
	json_array_append_new(w->list.rows, row);
}

void view_mag_subscriptions(const struct show_ctx *ctx, json_t *view, const struct show_filter *f)
{
	struct walk w = { ctx, list_begin(view, "subscriptions", f), f };

	mag_each_subscription(ctx->mag, f->has_mn ? &f->mn : NULL, subscription_row, &w);
}

static void group_row(void *arg, const struct mag_group_view *v)
{
	struct walk *w = arg;

	if ((w->filter->has_group && !addr_eq(&w->filter->group, &v->group)) || list_full(&w->list))
		return;
	json_array_append_new(w->list.rows, json_pack("{s:s, s:o, s:o, s:i, s:s, s:o}", "at", "mag", "group", j_addr(&v->group), "filter", j_filter(v->merged),
						      "members", (int)v->nodes, "upstream", v->by_mld ? "mld" : "registration", "lma", j_addr(&v->lmaa)));
}

void view_mag_groups(const struct show_ctx *ctx, struct show_list *list)
{
	struct walk w = { ctx, *list, list->filter };

	mag_each_group(ctx->mag, group_row, &w);
}

static void lma_row(void *arg, const struct mag_lma_view *v)
{
	struct walk *w = arg;
	json_t *row;

	if (list_full(&w->list))
		return;
	row = json_pack("{s:s, s:o, s:o, s:s, s:i, s:i, s:i, s:s?, s:o}", "at", "mag", "local", j_addr(&v->tunnel.local), "remote", j_addr(&v->lmaa), "state",
			v->heard ? "heard" : "silent", "nodes", (int)v->nodes, "groups", (int)v->groups, "mtu", (int)v->mtu, "signalling", v->signalling,
			"capabilities", v->heard_capabilities ? j_capabilities(&v->capabilities) : json_null());
	view_tunnel_counts(w->ctx, row, &v->tunnel);
	json_array_append_new(w->list.rows, row);
}

void view_mag_tunnels(const struct show_ctx *ctx, struct show_list *list)
{
	struct walk w = { ctx, *list, list->filter };

	mag_each_lma(ctx->mag, lma_row, &w);
}
