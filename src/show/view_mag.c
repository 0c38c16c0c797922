/* SPDX-License-Identifier: BSD-2-Clause */
/* Views of what a MAG holds: nodes, their subscriptions, its LMAs. Parts of the views that an LMA fills in too are in
 * view.c. */
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

/* How multicast service is initiated by the profile, or that there is none. */
static json_t *profile_brief(const struct profile *p)
{
	static const char *const names[] = {
		[PROFILE_INITIATION_NETWORK] = "network",
		[PROFILE_INITIATION_QUERY] = "query",
		[PROFILE_INITIATION_NODE] = "node",
	};

	if (!p)
		return json_null();
	return json_string(p->multicast ? names[p->initiation] : "off");
}

static void node_row(void *arg, const struct mag_node_view *v)
{
	struct walk *w = arg;
	struct dp_count up = { 0 }, down = { 0 };
	json_t *row;

	if (!mn_matches(w->filter, v->mn) || list_full(&w->list))
		return;
	row = json_object();
	row_set(row, "mn", j_mn(v->mn));
	row_set(row, "state", json_string(v->handing_over ? "handing-over" : mag_node_state_name(v->state)));
	row_set(row, "link", v->link_name ? json_string(v->link_name) : json_null());
	row_set(row, "lladdr", j_lladdr(&v->lladdr));
	row_set(row, "link_local", j_addr(&v->link_local));
	row_set(row, "lma", j_addr(&v->lma));
	row_set(row, "prefixes", j_prefixes(v->prefixes, v->n_prefixes));
	row_set(row, "lifetime_s", j_seconds(v->lifetime));
	row_set(row, "left_s", j_seconds(v->left));
	row_set(row, "status", v->status < 0 ? json_null() : json_string(mh_status_name((uint8_t)v->status)));
	row_set(row, "transmissions", json_integer(v->transmissions));
	row_set(row, "trigger", v->trigger ? json_string(v->trigger) : json_null());
	row_set(row, "idle_s", j_seconds(v->idle));
	row_set(row, "multicast", v->terminated ? json_string("terminated") : profile_brief(v->profile));
	row_set(row, "role", json_string(v->listens ? "proxy" : "listener"));
	row_set(row, "context", json_string(v->context_asked ? "asking" : v->n_context ? "in-use" : "none"));
	row_set(row, "context_groups", json_integer(v->n_context));
	if (w->ctx->dp && dp_node_count(w->ctx->dp, v->node, &up, &down))
		row_set(row, "traffic", json_pack("{s:o, s:o}", "up", j_count(&up), "down", j_count(&down)));
	json_array_append_new(w->list.rows, row);
}

void view_mag_nodes(const struct show_ctx *ctx, json_t *view, const struct show_filter *f)
{
	struct walk w = { ctx, list_begin(view, "nodes", f), f };

	mag_each_node(ctx->mag, node_row, &w);
}

static void handover_row(void *arg, const struct mag_handover_view *v)
{
	struct walk *w = arg;
	uint32_t packets = 0, octets = 0;
	json_t *row;

	if (!mn_matches(w->filter, v->mn) || list_full(&w->list))
		return;
	row = json_object();
	row_set(row, "mn", j_mn(v->mn));
	row_set(row, "incoming", json_boolean(v->incoming));
	row_set(row, "mag", json_string(v->peer_name));
	row_set(row, "mag_address", j_addr(&v->peer));
	row_set(row, "state", json_string(mag_handover_state_name(v->state)));
	row_set(row, "reactive", json_boolean(v->reactive));
	row_set(row, "groups", json_integer(v->groups));
	row_set(row, "refused", json_integer(v->refused));
	row_set(row, "forwarding", json_boolean(v->forwarding));
	row_set(row, "marked", v->incoming ? json_boolean(v->marked) : json_null());
	row_set(row, "left", v->incoming ? json_null() : json_boolean(v->left));
	row_set(row, "key", v->key ? json_integer(v->key) : json_null());
	row_set(row, "age_s", j_seconds(v->age));
	if (v->incoming && v->node && w->ctx->dp && dp_seam_held(w->ctx->dp, v->node, &packets, &octets))
		row_set(row, "held", json_pack("{s:I, s:I}", "packets", (json_int_t)packets, "bytes", (json_int_t)octets));
	json_array_append_new(w->list.rows, row);
}

void view_mag_handovers(const struct show_ctx *ctx, json_t *view, const struct show_filter *f)
{
	struct walk w = { ctx, list_begin(view, "handovers", f), f };

	mag_each_handover(ctx->mag, handover_row, &w);
}

static void link_row(void *arg, const struct mag_link_view *v)
{
	struct walk *w = arg;
	json_t *row;

	if (list_full(&w->list))
		return;
	row = json_object();
	row_set(row, "link", json_string(v->name));
	row_set(row, "kind", json_string(v->kind == MAG_LINK_SHARED ? "shared" : "point-to-point"));
	row_set(row, "nodes", json_integer(v->nodes));
	row_set(row, "mtu", json_integer(v->mtu));
	json_array_append_new(w->list.rows, row);
}

void view_mag_links(const struct show_ctx *ctx, json_t *view, const struct show_filter *f)
{
	struct walk w = { ctx, list_begin(view, "links", f), f };

	mag_each_link(ctx->mag, link_row, &w);
}

static void subscription_row(void *arg, const struct mag_subscription_view *v)
{
	struct walk *w = arg;
	struct flow_sum sum = { .dp = w->ctx->dp };
	json_t *row;

	if (!mn_matches(w->filter, v->mn) || (w->filter->has_group && !addr_eq(&w->filter->group, &v->group)) ||
	    list_full(&w->list))
		return;
	row = json_object();
	row_set(row, "mn", j_mn(v->mn));
	row_set(row, "group", j_addr(&v->group));
	row_set(row, "filter", j_filter(v->filter));
	row_set(row, "origins", j_origins(v->origins));
	row_set(row, "state", json_string(mag_sub_state_name(v->state)));
	row_set(row, "mandatory", json_boolean(v->mandatory));
	row_set(row, "mld", json_string(v->v1 ? "v1" : "v2"));
	row_set(row, "verdict", json_string(policy_verdict_name(v->verdict)));
	if (v->state != MAG_SUB_REFUSED)
		row_set(row, "signalling", json_string(v->by_registration ? "registration" : "mld"));
	row_set(row, "result", v->ended ? json_string("terminated")
			       : v->by_registration || v->result ? json_string(mh_sub_result_name(v->result)) : json_null());
	row_set(row, "lma", j_addr(&v->lma));
	row_set(row, "end", v->end.ns == INT64_MAX ? json_null() : j_time(v->end));
	if (w->ctx->dp) {
		mag_subscription_flows(w->ctx->mag, v->node, &v->group, flow_sum_add, &sum);
		row_set(row, "delivered", j_count(&sum.out));
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
	json_t *row;

	if ((w->filter->has_group && !addr_eq(&w->filter->group, &v->group)) || list_full(&w->list))
		return;
	row = json_object();
	row_set(row, "at", json_string("mag"));
	row_set(row, "group", j_addr(&v->group));
	row_set(row, "filter", j_filter(v->merged));
	row_set(row, "members", json_integer(v->nodes));
	row_set(row, "upstream", json_string(v->by_mld ? "mld" : "registration"));
	row_set(row, "lma", j_addr(&v->lmaa));
	json_array_append_new(w->list.rows, row);
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
	row = json_object();
	row_set(row, "at", json_string("mag"));
	row_set(row, "local", j_addr(&v->tunnel.local));
	row_set(row, "remote", j_addr(&v->lmaa));
	row_set(row, "state", json_string(v->heard ? "heard" : "silent"));
	row_set(row, "nodes", json_integer(v->nodes));
	row_set(row, "groups", json_integer(v->groups));
	row_set(row, "mtu", json_integer(v->mtu));
	row_set(row, "signalling", v->signalling ? json_string(v->signalling) : json_null());
	row_set(row, "capabilities", v->heard_capabilities ? j_capabilities(&v->capabilities) : json_null());
	view_heartbeat(row, &v->heartbeat);
	view_tunnel_counts(w->ctx, row, &v->tunnel);
	json_array_append_new(w->list.rows, row);
}

void view_mag_tunnels(const struct show_ctx *ctx, struct show_list *list)
{
	struct walk w = { ctx, *list, list->filter };

	mag_each_lma(ctx->mag, lma_row, &w);
}
