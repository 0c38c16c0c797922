/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The parts of the views that each role fills in. The role must be there. */
#include "show/show_priv.h"

void view_mag_nodes(const struct show_ctx *ctx, json_t *view, const struct show_filter *f);
void view_mag_handovers(const struct show_ctx *ctx, json_t *view, const struct show_filter *f);
void view_mag_links(const struct show_ctx *ctx, json_t *view, const struct show_filter *f);
void view_mag_subscriptions(const struct show_ctx *ctx, json_t *view, const struct show_filter *f);
void view_mag_groups(const struct show_ctx *ctx, struct show_list *list);
void view_mag_tunnels(const struct show_ctx *ctx, struct show_list *list);

void view_lma_bindings(const struct show_ctx *ctx, json_t *view, const struct show_filter *f);
void view_lma_subscriptions(const struct show_ctx *ctx, json_t *view, const struct show_filter *f);
void view_lma_groups(const struct show_ctx *ctx, struct show_list *list);
void view_lma_tunnels(const struct show_ctx *ctx, struct show_list *list);

json_t *view_proxy_status(const struct show_ctx *ctx);
void view_proxy_limits(const struct show_ctx *ctx, json_t *view, const struct show_filter *f);
void view_proxy_links(const struct show_ctx *ctx, json_t *view, const struct show_filter *f);
void view_proxy_subscriptions(const struct show_ctx *ctx, json_t *view, const struct show_filter *f);
void view_proxy_groups(const struct show_ctx *ctx, struct show_list *list);

void view_heartbeat(json_t *row, const struct heartbeat_view *v);
void view_tunnel_counts(const struct show_ctx *ctx, json_t *row, const struct dp_tunnel *t);
