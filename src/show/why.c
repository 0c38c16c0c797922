/* SPDX-License-Identifier: BSD-2-Clause */
/* `why MN [GROUP]`: the steps on a node's way to service, in order, each with what is known of it. The first that
 * failed is what the operator came for: it has a remedy, and those behind it were not reached. */
#include "show/show_priv.h"

#include <stdarg.h>
#include <string.h>

static const char *const state_names[] = {
	[WHY_OK] = "ok",
	[WHY_FAILED] = "failed",
	[WHY_PENDING] = "pending",
	[WHY_NOT_REACHED] = "not-reached",
};

void why_step(struct why *w, const char *step, enum why_state state, const char *remedy, const char *fmt, ...)
{
	char text[768];
	va_list ap;
	json_t *j;

	if (w->stopped) {
		json_array_append_new(w->steps, json_pack("{s:s, s:s, s:s}", "step", step, "state",
							  state_names[WHY_NOT_REACHED], "text", "not reached"));
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	j = json_pack("{s:s, s:s, s:s}", "step", step, "state", state_names[state], "text", text);
	if (remedy && state != WHY_OK)
		json_object_set_new(j, "remedy", json_string(remedy));
	json_array_append_new(w->steps, j);
	w->stopped = state != WHY_OK;
}

/* ---- what to do about a peer's status ---- */
const char *why_status_remedy(uint8_t status)
{
	switch (status) {
	case MH_UNSPECIFIED:
		return "see the LMA's log and `roamcast why` there";
	case MH_PROHIBITED:
		return "the LMA's profile or configuration forbids it: see `roamcast show policy` there";
	case MH_NO_RESOURCES:
		return "the LMA is full, or its pools are: raise lma.limits.bindings or widen lma.pools there";
	case MH_HOME_REGISTRATION_NOT_SUPPORTED:
		return "the LMA did not take the message for a proxy registration: see its version";
	case MH_SEQUENCE_OUT_OF_WINDOW:
		return "it heals with the next registration; if it stays, two MAGs use one address (mag.address)";
	case MH_PROXY_REG_NOT_ENABLED:
		return "the LMA's profile of the node has \"enabled\": false: change it with `roamcast policy set` "
		       "there";
	case MH_NOT_LMA_FOR_THIS_MOBILE_NODE:
		return "name the right LMA in the node's profile (\"lma\"), or add the node to that LMA's policy store";
	case MH_MAG_NOT_AUTHORIZED_FOR_PROXY_REG:
		return "add this MAG's address to lma.mags at the LMA (`roamcast reload` there takes it up)";
	case MH_NOT_AUTHORIZED_FOR_HNP:
		return "the prefixes of the profiles at MAG and LMA differ: make \"prefixes\" the same at both";
	case MH_TIMESTAMP_MISMATCH:
		return "the clocks of MAG and LMA differ by more than lma.timestamp-window: run NTP on both";
	case MH_TIMESTAMP_LOWER_THAN_PREV_ACCEPTED:
		return "the clock of this MAG is behind that of the node's last one: run NTP on both";
	case MH_BCE_PBU_PREFIX_SET_DO_NOT_MATCH:
		return "the LMA has other prefixes for the node: make \"prefixes\" the same at MAG and LMA, or "
		       "terminate the node there";
	case MH_MISSING_HNP:
	case MH_MISSING_MN_ID:
	case MH_MISSING_HI:
	case MH_MISSING_ATT:
		return "the LMA missed an option that this MAG always sends: something on the way changes messages";
	case MH_ID_MISMATCH:
	case MH_MESSAGE_ID_REQUIRED:
	case MH_AUTH_FAIL:
	case MH_SERVICE_AUTHORIZATION_FAILED:
		return "the LMA wants authentication of the message: make the keys and settings the same at both";
	default: /* any octet may come from a peer */
		return "see the LMA's log";
	}
}

const char *why_result_remedy(uint8_t result)
{
	switch (result) {
	case MH_SUB_PROHIBITED:
		return "the LMA's profile of the node does not permit the group (`roamcast show policy` there), or it was "
		       "terminated there (`roamcast show events`): `roamcast subscribe` asks again";
	case MH_SUB_SERVICE_OFF:
		return "switch multicast on in the LMA's profile of the node (\"multicast\": {\"enabled\": true}) or "
		       "in lma.multicast.enabled";
	case MH_SUB_LIMIT:
		return "raise the limit: \"max-groups\" of the profile, or lma.limits at the LMA";
	case MH_SUB_NOT_SUPPORTED:
		return "the LMA does not carry groups of that scope: see lma.multicast.scopes";
	case MH_SUB_NO_RESOURCES:
		return "the LMA is full: raise lma.limits.groups or lma.limits.entries there";
	default: /* any octet may come from a peer */
		return "see the LMA's log";
	}
}

const char *why_verdict_remedy(enum policy_verdict v)
{
	switch (v) {
	case POLICY_PERMIT:
		return NULL;
	case POLICY_SERVICE_OFF:
		return "switch it on in the profile (\"multicast\": {\"enabled\": true}): `roamcast policy set`";
	case POLICY_DENIED_RANGE:
		return "take the range out of \"deny\" in the profile: `roamcast policy set`";
	case POLICY_NOT_ALLOWED:
		return "add the group to \"allow\" in the profile: `roamcast policy set`";
	case POLICY_SCOPE:
		return "use a group of a wider scope, or see mag.multicast.scopes";
	case POLICY_NOT_MULTICAST:
		return "give a multicast address (ff00::/8)";
	case POLICY_SSM_NEEDS_SOURCE:
		return "the group is source-specific (ff3x::/32): the node has to join it with a source (MLDv2)";
	case POLICY_LIMIT_GROUPS:
		return "raise \"max-groups\" in the profile, or mag.limits.groups-per-node";
	case POLICY_LIMIT_SOURCES:
		return "raise \"max-sources\" in the profile, or mag.limits.sources-per-group";
	}
	return NULL;
}

/* ---- what was remembered ---- */
struct search {
	const struct nai *mn;
	const struct in6_addr *group;
	const enum event_kind *kinds;
	struct event *ret;
	wall_t at;
	bool found;
};

static void look(void *arg, const struct event *e, wall_t at)
{
	struct search *s = arg;

	if (s->group && !addr_eq(s->group, &e->group))
		return;
	/* What is told of a group and of no node is told of all its nodes. */
	if (!nai_eq(s->mn, &e->mn) && (e->mn.len || !s->group))
		return;
	for (size_t i = 0; s->kinds[i] != EV_N; i++) {
		if (s->kinds[i] == e->kind) {
			*s->ret = *e;
			s->at = at;
			s->found = true;
		}
	}
}

bool why_last_event(const struct why *w, const struct in6_addr *group, const enum event_kind *kinds, struct event *ret,
		    char at[SHOW_TIME_MAX])
{
	struct search s = { .mn = w->mn, .group = group, .kinds = kinds, .ret = ret };

	if (w->ctx->events)
		event_log_each(w->ctx->events, look, &s);
	if (s.found)
		show_time(s.at, at);
	return s.found;
}

/* ---- the answer ---- */
static bool all_ok(const json_t *steps, const json_t **worst)
{
	size_t i;
	json_t *s;

	json_array_foreach(steps, i, s)
	{
		if (strcmp(json_string_value(json_object_get(s, "state")), "ok") != 0) {
			*worst = s;
			return false;
		}
	}
	return true;
}

static bool explain(const struct show_ctx *ctx, json_t *views, const char *at, void (*role)(struct why *w),
		    const struct nai *mn, const struct in6_addr *group, const json_t **worst)
{
	struct why w = { .ctx = ctx, .mn = mn, .group = group, .steps = json_array() };

	role(&w);
	json_array_append_new(views, json_pack("{s:s, s:o}", "at", at, "steps", w.steps));
	return all_ok(w.steps, worst);
}

/* A daemon in both roles serves the node as one of them: the other knows nothing of it, and is not asked. */
static void count_binding(void *arg, const struct lma_binding_view *v)
{
	(void)v;
	++*(unsigned int *)arg;
}

json_t *show_why_proxy(const struct show_ctx *ctx, const char *link, const struct in6_addr *group)
{
	struct why w = { .ctx = ctx, .group = group, .steps = json_array() };
	json_t *v = view_new("why");
	const json_t *worst = NULL;
	bool ok;

	why_proxy(&w, link);
	ok = all_ok(w.steps, &worst);
	json_object_set_new(v, "mn", json_null());
	if (link)
		json_object_set_new(v, "link", json_string(link));
	if (group)
		json_object_set_new(v, "group", j_addr(group));
	json_object_set_new(v, "service", json_boolean(ok));
	json_object_set_new(v, "summary",
			    ok ? json_string(group ? "has this group" : "has service")
			       : json_sprintf("%s: %s", json_string_value(json_object_get(worst, "step")),
					      json_string_value(json_object_get(worst, "text"))));
	json_object_set_new(v, "views", json_pack("[{s:s, s:o}]", "at", "proxy", "steps", w.steps));
	return v;
}

json_t *show_why(const struct show_ctx *ctx, const struct nai *mn, const struct in6_addr *group)
{
	json_t *v = view_new("why"), *views = json_array();
	const json_t *worst = NULL, *ignored = NULL;
	struct mag_node_view node;
	unsigned int bindings = 0;
	bool here, ok = true;

	json_object_set_new(v, "mn", j_mn(mn));
	if (group)
		json_object_set_new(v, "group", j_addr(group));
	here = ctx->mag && mag_find_node(ctx->mag, mn, &node);
	if (ctx->lma)
		lma_find_bindings(ctx->lma, mn, count_binding, &bindings);
	if (ctx->mag && (here || !bindings))
		ok = explain(ctx, views, "mag", why_mag, mn, group, &worst);
	if (ctx->lma && (bindings || !here))
		ok = explain(ctx, views, "lma", why_lma, mn, group, worst ? &ignored : &worst) && ok;
	json_object_set_new(v, "service", json_boolean(ok));
	json_object_set_new(v, "summary",
			    ok ? json_string(group ? "has this group" : "has service")
			       : json_sprintf("%s: %s", json_string_value(json_object_get(worst, "step")),
					      json_string_value(json_object_get(worst, "text"))));
	json_object_set_new(v, "views", views);
	return v;
}
