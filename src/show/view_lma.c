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
	} * v;
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

/* By the names of mag.access-technology where there is one, else the number. */
static json_t *technology(uint8_t att)
{
	static const char *const names[] = {
		[MH_ATT_VIRTUAL] = "virtual", [MH_ATT_PPP] = "ppp",   [MH_ATT_ETHERNET] = "ethernet",
		[MH_ATT_WLAN] = "wlan",	      [5] = "wimax",	      [6] = "3gpp-geran",
		[7] = "3gpp-utran",	      [8] = "3gpp-eutran",
	};

	if (att < sizeof(names) / sizeof(names[0]) && names[att])
		return json_string(names[att]);
	return json_sprintf("%u", att);
}

/* RFC 5213 8.4 */
static json_t *handoff(uint8_t hi)
{
	static const char *const names[] = {
		[MH_HANDOFF_NEW_INTERFACE] = "new-interface",
		[MH_HANDOFF_BETWEEN_INTERFACES] = "between-interfaces",
		[MH_HANDOFF_BETWEEN_MAGS] = "between-mags",
		[MH_HANDOFF_UNKNOWN] = "unknown",
		[MH_HANDOFF_REREGISTRATION] = "re-registration",
		[MH_HANDOFF_SHARED_PREFIX] = "shared-prefix",
	};

	if (hi < sizeof(names) / sizeof(names[0]) && names[hi])
		return json_string(names[hi]);
	return json_sprintf("%u", hi);
}

static void binding_row(void *arg, const struct lma_binding_view *v)
{
	struct walk *w = arg;
	json_t *row;

	if (list_full(&w->list))
		return;
	row = json_object();
	row_set(row, "mn", j_mn(v->mn));
	row_set(row, "state", json_string(v->state == LMA_BINDING_ACTIVE ? "active" : "delayed-delete"));
	row_set(row, "mag", name_of(w, &v->proxy_coa));
	row_set(row, "mag_address", j_addr(&v->proxy_coa));
	row_set(row, "prefixes", j_prefixes(v->prefixes, v->n_prefixes));
	row_set(row, "lladdr", j_lladdr(&v->llid));
	row_set(row, "lifetime_s", j_seconds(v->lifetime));
	row_set(row, "left_s", j_seconds(v->left));
	row_set(row, "sequence", json_integer(v->seq));
	row_set(row, "technology", technology(v->att));
	row_set(row, "handoff", handoff(v->handoff));
	row_set(row, "groups", json_integer(v->n_groups));
	row_set(row, "context", json_string(lma_context_state_name(v->context.state)));
	row_set(row, "context_groups", json_integer(v->context.groups));
	json_array_append_new(w->list.rows, row);
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
	json_t *row;

	if ((w->filter->has_group && !addr_eq(&w->filter->group, &v->group)) || list_full(&w->list))
		return;
	row = json_object();
	row_set(row, "mag", name_of(w, &v->proxy_coa));
	row_set(row, "mag_address", j_addr(&v->proxy_coa));
	row_set(row, "group", j_addr(&v->group));
	row_set(row, "filter", j_filter(v->filter));
	row_set(row, "origins", j_origins(v->origins));
	row_set(row, "bindings", json_integer(v->bindings));
	json_array_append_new(w->list.rows, row);
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
	json_t *row;

	if ((w->filter->has_group && !addr_eq(&w->filter->group, &v->group)) || list_full(&w->list))
		return;
	row = json_object();
	row_set(row, "at", json_string("lma"));
	row_set(row, "group", j_addr(&v->group));
	row_set(row, "filter", j_filter(v->merged));
	row_set(row, "members", json_integer(v->mags));
	row_set(row, "upstream", json_string(v->joined ? "joined" : "waiting for the link"));
	row_set(row, "lma", json_null());
	json_array_append_new(w->list.rows, row);
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
	row = json_object();
	row_set(row, "at", json_string("lma"));
	row_set(row, "peer", v->name ? json_string(v->name) : json_null());
	row_set(row, "local", j_addr(&v->tunnel.local));
	row_set(row, "remote", j_addr(&v->proxy_coa));
	row_set(row, "state", json_string(v->tunnel_up ? "up" : "down"));
	row_set(row, "nodes", json_integer(v->bindings));
	row_set(row, "groups", json_integer(v->groups));
	if (w->ctx->dp && v->tunnel_up)
		row_set(row, "mtu", json_integer(dp_tunnel_mtu(w->ctx->dp, &v->tunnel)));
	row_set(row, "signalling", json_string(v->heard_capabilities ? "registration" : "mld"));
	row_set(row, "capabilities", v->heard_capabilities ? j_capabilities(&v->capabilities) : json_null());
	view_heartbeat(row, &v->heartbeat);
	view_tunnel_counts(w->ctx, row, &v->tunnel);
	json_array_append_new(w->list.rows, row);
}

void view_lma_tunnels(const struct show_ctx *ctx, struct show_list *list)
{
	struct walk w = { .ctx = ctx, .list = *list, .filter = list->filter };

	lma_each_peer(ctx->lma, peer_row, &w);
}
