/* SPDX-License-Identifier: BSD-2-Clause */
/* Views of what an LMA holds: bindings, its MAGs, their subscriptions. */
#include "show/view.h"

#include <stdlib.h>
#include <string.h>

/* Names of the MAGs by address, for rows that know only the address. */
struct names {
	size_t n, room;
	struct {
		struct in6_addr addr;
		const char *name;
	} *v;
};

struct walk {
	const struct show_ctx *ctx;
	struct show_list list;
	const struct show_filter *filter;
	struct names names;
};

static void name_add(void *arg, const struct lma_peer_view *v)
{
	struct names *n = arg;

	if (n->n == n->room) {
		size_t room = n->room ? n->room * 2 : 16;
		void *grown = realloc(n->v, room * sizeof(*n->v));

		if (!grown)
			return;
		n->v = grown;
		n->room = room;
	}
	n->v[n->n].addr = v->proxy_coa;
	n->v[n->n++].name = v->name;
}

static int name_cmp(const void *a, const void *b)
{
	return addr_cmp(a, b); /* the address stands first */
}

static void walk_begin(struct walk *w)
{
	lma_each_peer(w->ctx->lma, name_add, &w->names);
	if (w->names.n)
		qsort(w->names.v, w->names.n, sizeof(*w->names.v), name_cmp);
}

static json_t *name_of(const struct walk *w, const struct in6_addr *addr)
{
	size_t low = 0, high = w->names.n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int r = addr_cmp(&w->names.v[mid].addr, addr);

		if (r == 0)
			return w->names.v[mid].name ? json_string(w->names.v[mid].name) : json_null();
		if (r < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return json_null();
}

static void binding_row(void *arg, const struct lma_binding_view *v)
{
	struct walk *w = arg;

	if (list_full(&w->list))
		return;
	json_array_append_new(w->list.rows,
			      json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:i, s:i}", "mn", j_mn(v->mn), "state",
					v->state == LMA_BINDING_ACTIVE ? "active" : "delayed-delete", "mag", name_of(w, &v->proxy_coa), "mag_address",
					j_addr(&v->proxy_coa), "prefixes", j_prefixes(v->prefixes, v->n_prefixes), "lladdr", j_lladdr(&v->llid), "lifetime_s",
					j_seconds(v->lifetime), "left_s", j_seconds(v->left), "sequence", v->seq, "technology", v->att, "handoff", v->handoff,
					"groups", (int)v->n_groups));
}

void view_lma_bindings(const struct show_ctx *ctx, json_t *view, const struct show_filter *f)
{
	struct walk w = { .ctx = ctx, .list = list_begin(view, "bindings", f), .filter = f };

	walk_begin(&w);
	if (f->has_mn)
		lma_find_bindings(ctx->lma, &f->mn, binding_row, &w);
	else
		lma_each_binding(ctx->lma, binding_row, &w);
	free(w.names.v);
}

static void subscription_row(void *arg, const struct lma_subscription_view *v)
{
	struct walk *w = arg;

	if ((w->filter->has_group && !addr_eq(&w->filter->group, &v->group)) || list_full(&w->list))
		return;
	json_array_append_new(w->list.rows, json_pack("{s:o, s:o, s:o, s:o, s:o, s:i}", "mag", name_of(w, &v->proxy_coa), "mag_address", j_addr(&v->proxy_coa),
						      "group", j_addr(&v->group), "filter", j_filter(v->filter), "origins", j_origins(v->origins), "bindings",
						      (int)v->bindings));
}

void view_lma_subscriptions(const struct show_ctx *ctx, json_t *view, const struct show_filter *f)
{
	struct walk w = { .ctx = ctx, .list = list_begin(view, "mag_subscriptions", f), .filter = f };

	walk_begin(&w);
	lma_each_subscription(ctx->lma, subscription_row, &w);
	free(w.names.v);
}

static void group_row(void *arg, const struct lma_group_view *v)
{
	struct walk *w = arg;

	if ((w->filter->has_group && !addr_eq(&w->filter->group, &v->group)) || list_full(&w->list))
		return;
	json_array_append_new(w->list.rows, json_pack("{s:s, s:o, s:o, s:i, s:s, s:n}", "at", "lma", "group", j_addr(&v->group), "filter", j_filter(v->merged),
						      "members", (int)v->mags, "upstream", v->joined ? "joined" : "waiting for the link", "lma"));
}

void view_lma_groups(const struct show_ctx *ctx, struct show_list *list)
{
	struct walk w = { .ctx = ctx, .list = *list, .filter = list->filter };

	lma_each_group(ctx->lma, group_row, &w);
}

static void peer_row(void *arg, const struct lma_peer_view *v)
{
	struct walk *w = arg;
	json_t *row;

	if (list_full(&w->list))
		return;
	row = json_pack("{s:s, s:s?, s:o, s:o, s:s, s:i, s:i, s:o}", "at", "lma", "peer", v->name, "local", j_addr(&v->tunnel.local), "remote",
			j_addr(&v->proxy_coa), "state", v->tunnel_up ? "up" : "down", "nodes", (int)v->bindings, "groups", (int)v->groups, "capabilities",
			v->heard_capabilities ? j_capabilities(&v->capabilities) : json_null());
	if (w->ctx->dp && v->tunnel_up)
		json_object_set_new(row, "mtu", json_integer(dp_tunnel_mtu(w->ctx->dp, &v->tunnel)));
	json_object_set_new(row, "signalling", json_string(v->heard_capabilities ? "registration" : "mld"));
	view_tunnel_counts(w->ctx, row, &v->tunnel);
	json_array_append_new(w->list.rows, row);
}

void view_lma_tunnels(const struct show_ctx *ctx, struct show_list *list)
{
	struct walk w = { .ctx = ctx, .list = *list, .filter = list->filter };

	lma_each_peer(ctx->lma, peer_row, &w);
}
