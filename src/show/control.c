/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of the control protocol (docs/control-protocol.md): which function answers which, operators' requests to the
 * engines, and the form of answers. */
#include "show/show_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* ---- answers ---- */
json_t *control_error(const char *code, const char *remedy, const char *fmt, ...)
{
	json_t *text, *j;
	va_list ap;

	va_start(ap, fmt);
	text = json_vsprintf(fmt, ap);
	va_end(ap);
	j = json_pack("{s:s, s:o}", "code", code, "text", text ? text : json_string("the text is not UTF-8"));
	if (remedy)
		json_object_set_new(j, "remedy", json_string(remedy));
	return j;
}

json_t *control_answer(json_t *body, int status)
{
	return json_pack("{s:b, s:o}", "ok", status == 0, status == 0 ? "result" : "error", body);
}

static json_t *bad_request(int *status, json_t *error)
{
	*status = EINVAL;
	return error;
}

/* ---- show and why ---- */
static json_t *status_view(const struct show_ctx *ctx, const json_t *request)
{
	(void)request;
	return show_status(ctx);
}

static const struct {
	const char *what;
	json_t *(*view)(const struct show_ctx *ctx, const json_t *request);
} views[] = {
	{ "status", status_view },     { "bindings", show_bindings },
	{ "nodes", show_nodes },       { "subscriptions", show_subscriptions },
	{ "groups", show_groups },     { "tunnels", show_tunnels },
	{ "counters", show_counters }, { "events", show_events },
	{ "settings", show_settings }, { "policy", show_policy },
	{ "links", show_links },       { "handovers", show_handovers },
};

/* A node by its link-layer address, where it has no identifier yet or none is known to who asks. */
struct by_lladdr {
	struct lladdr lladdr;
	bool found, named;
	struct nai mn;
	struct mag_node_view v;
};

static void match_lladdr(void *arg, const struct mag_node_view *v)
{
	struct by_lladdr *b = arg;

	if (b->found || !lladdr_eq(&b->lladdr, &v->lladdr))
		return;
	b->found = true;
	b->named = v->mn && v->mn->len;
	if (b->named)
		b->mn = *v->mn;
	b->v = *v;
}

static void match_binding(void *arg, const struct lma_binding_view *v)
{
	struct by_lladdr *b = arg;

	if (b->found || !v->mn || !lladdr_eq(&b->lladdr, &v->llid))
		return;
	b->found = b->named = true;
	b->mn = *v->mn;
}

/* Heard, and no node of its own: the policy store has no name for it, or it is another interface of a node that is
 * served. All that can be said. */
static json_t *why_interface(const struct show_ctx *ctx, const struct by_lladdr *b, const struct mag_node_view *served)
{
	struct nai none = { 0 };
	struct why w = { .ctx = ctx, .mn = &none, .steps = json_array() };
	char lladdr[LLADDR_STR_MAX], other[LLADDR_STR_MAX];
	json_t *v = view_new("why");

	lladdr_str(&b->lladdr, lladdr);
	why_step(&w, "seen", WHY_OK, NULL, "on %s by %s", b->v.link_name ? b->v.link_name : "a link that is gone",
		 b->v.trigger ? b->v.trigger : "?");
	if (served)
		why_step(&w, "identified", WHY_FAILED,
			 "take that interface away, tell with `roamcast attach` which one it shall be, or give each a "
			 "profile of its own",
			 "it is another interface of a node that is served at %s on %s; a node has one session here",
			 lladdr_str(&served->lladdr, other), served->link_name);
	else if (b->v.state == MAG_NODE_IDENTIFYING)
		why_step(&w, "identified", WHY_PENDING, "if it stays so, see the log for the policy store's failure",
			 "the policy store is being asked");
	else
		why_step(&w, "identified", WHY_FAILED,
			 "add the address to \"link-layer-addresses\" of the node's profile: `roamcast policy add` or "
			 "`set`",
			 "the policy store knows no node of link-layer address %s", lladdr);
	json_object_set_new(v, "mn", served ? j_mn(&b->mn) : json_null());
	json_object_set_new(v, "lladdr", json_string(lladdr));
	json_object_set_new(v, "service", json_false());
	json_object_set_new(v, "summary", json_sprintf(served ? "identified: the node is served at another interface than %s"
						     : "identified: the node %s has no name here",
					      lladdr));
	json_object_set_new(v, "views", json_pack("[{s:s, s:o}]", "at", "mag", "steps", w.steps));
	return v;
}

/* A plain proxy knows links and groups: what stands in the place of the node is either. */
static json_t *why_of_link(const struct show_ctx *ctx, const json_t *request, const struct show_filter *f, int *status)
{
	const char *link = json_string_value(json_object_get(request, "mn"));
	struct in6_addr group = f->group;
	bool has_group = f->has_group;

	if (link && !has_group && addr_parse(link, &group) && addr_is_multicast(&group)) {
		has_group = true;
		link = NULL;
	}
	if (!link && !has_group)
		return bad_request(status, control_error("bad-request", NULL,
							 "give a downstream link, or a group, or both"));
	return show_why_proxy(ctx, link, has_group ? &group : NULL);
}

static json_t *why(const struct show_ctx *ctx, const json_t *request, int *status)
{
	struct show_filter f;
	struct by_lladdr b = { 0 };
	struct mag_node_view served;
	json_t *error = filter_read(&f, request);

	if (error)
		return bad_request(status, error);
	if (ctx->proxy)
		return why_of_link(ctx, request, &f, status);
	if (!f.has_mn)
		return bad_request(status,
				   control_error("bad-request", NULL,
						 "mn: is missing; give a node's identifier or link-layer address"));
	if (lladdr_parse(json_string_value(json_object_get(request, "mn")), &b.lladdr) && b.lladdr.len > 1) {
		if (ctx->mag)
			mag_each_node(ctx->mag, match_lladdr, &b);
		if (ctx->lma && !b.found)
			lma_each_binding(ctx->lma, match_binding, &b);
		if (b.found && !b.named)
			return why_interface(ctx, &b, NULL);
		if (b.found && ctx->mag && b.v.state == MAG_NODE_REFUSED && mag_find_node(ctx->mag, &b.mn, &served) &&
		    !lladdr_eq(&served.lladdr, &b.lladdr))
			return why_interface(ctx, &b, &served);
		if (b.found)
			f.mn = b.mn;
	}
	return show_why(ctx, &f.mn, f.has_group ? &f.group : NULL);
}

json_t *show_request(const struct show_ctx *ctx, const json_t *request, int *status)
{
	const char *command = json_string_value(json_object_get(request, "command")),
		   *what = json_string_value(json_object_get(request, "what"));

	*status = 0;
	if (command && strcmp(command, "why") == 0)
		return why(ctx, request, status);
	for (size_t i = 0; what && i < sizeof(views) / sizeof(views[0]); i++) {
		json_t *v;

		if (strcmp(what, views[i].what) != 0)
			continue;
		v = views[i].view(ctx, request);
		if (json_object_get(v, "code"))
			*status = EINVAL;
		return v;
	}
	*status = EINVAL;
	return control_error(
		"unknown-command",
		"ask for status, links, bindings, nodes, handovers, subscriptions, groups, tunnels, counters, events, settings or "
		"policy",
		"there is no view \"%s\"", what ? what : "");
}

/* ---- operators' requests ---- */
static const struct {
	const char *code;
	int status;
	const char *remedy;
} errors[] = {
	[CTL_OK] = { "ok", 0, NULL },
	[CTL_NO_SUCH_NODE] = { "no-such-node", ENOENT,
			       "`roamcast show nodes` lists those of a MAG, `roamcast show bindings` those of an LMA" },
	[CTL_NO_SUCH_GROUP] = { "no-such-group", ENOENT, "`roamcast show groups` lists those that are" },
	[CTL_NO_SUCH_LINK] = { "no-such-link", ENOENT, "`roamcast show status` lists the links that match mag.access" },
	[CTL_NOT_PERMITTED] = { "not-permitted", EPERM, NULL },
	[CTL_LIMIT] = { "limit", ENOSPC, "see mag.limits and the profile's max-groups" },
	[CTL_NOT_SUBSCRIBED] = { "not-subscribed", ENOENT,
				 "`roamcast show subscriptions` tells each one's origins; only admin ones can be "
				 "removed" },
	[CTL_MANDATORY] = { "mandatory", EPERM, "change the node's profile: `roamcast policy set`" },
	[CTL_ALREADY] = { "already", EEXIST, NULL },
	[CTL_NO_SUCH_MAG] = { "no-such-mag", ENOENT, "mag.candidates lists the MAGs that nodes may be handed over to" },
	[CTL_NO_HANDOVER] = { "no-handover", ENOENT, "`roamcast show handovers` lists those that are under way" },
	[CTL_NOT_SERVED] = { "not-served", ENOTCONN, "`roamcast show nodes` tells its state; `roamcast why NODE` tells more" },
};

static json_t *outcome(enum ctl_err e, const char *about, int *status)
{
	*status = errors[e].status;
	if (e == CTL_OK)
		return json_object();
	return control_error(errors[e].code, errors[e].remedy, "%s: %s", about, ctl_err_text(e));
}

/* The arguments of all these requests. */
struct args {
	const char *mn_text, *group_text, *link, *to, *from;
	bool cancel;
	bool has_mn, has_group, has_source, has_lladdr;
	struct nai mn;
	struct in6_addr group, source;
	struct lladdr lladdr;
	uint8_t handoff;
};

static json_t *args_read(struct args *a, const json_t *request)
{
	const json_t *source = json_object_get(request, "source"), *lladdr = json_object_get(request, "lladdr"),
		     *link = json_object_get(request, "link"), *handoff = json_object_get(request, "handoff"),
		     *to = json_object_get(request, "to"), *from = json_object_get(request, "from"),
		     *cancel = json_object_get(request, "cancel");
	struct show_filter f;
	json_t *error = filter_read(&f, request);

	if (error)
		return error;
	memset(a, 0, sizeof(*a));
	a->has_mn = f.has_mn;
	a->mn = f.mn;
	a->mn_text = json_string_value(json_object_get(request, "mn"));
	a->has_group = f.has_group;
	a->group = f.group;
	a->group_text = json_string_value(json_object_get(request, "group"));
	if (source && (!json_is_string(source) || !addr_parse(json_string_value(source), &a->source) ||
		       addr_is_multicast(&a->source) || addr_is_any(&a->source)))
		return control_error("bad-request", "give the unicast address that the stream comes from",
				     "source: not a unicast IPv6 address");
	a->has_source = source != NULL;
	if (lladdr && (!json_is_string(lladdr) || !lladdr_parse(json_string_value(lladdr), &a->lladdr)))
		return control_error("bad-request", NULL, "lladdr: not a link-layer address such as 02:00:00:00:00:01");
	a->has_lladdr = lladdr != NULL;
	if (link && !json_is_string(link))
		return control_error("bad-request", NULL, "link: give the name of an interface");
	a->link = json_string_value(link);
	if ((to && !json_is_string(to)) || (from && !json_is_string(from)))
		return control_error("bad-request", NULL, "%s: give the name of a MAG, its address, or an access point of it",
				     to ? "to" : "from");
	a->to = json_string_value(to);
	a->from = json_string_value(from);
	if (cancel && !json_is_boolean(cancel))
		return control_error("bad-request", NULL, "cancel: give true or false");
	a->cancel = json_is_true(cancel);
	if (handoff &&
	    (!json_is_integer(handoff) || json_integer_value(handoff) < 0 || json_integer_value(handoff) > 255))
		return control_error("bad-request", NULL, "handoff: give a handoff indicator of RFC 5213 8.4, 1 to 5");
	a->handoff = (uint8_t)json_integer_value(handoff);
	return NULL;
}

static json_t *missing(int *status, const char *arg)
{
	return bad_request(status, control_error("bad-request", NULL, "%s: is missing", arg));
}

struct link_search {
	const char *name;
	uint32_t ifindex;
};

static void match_link(void *arg, const struct mag_link_view *v)
{
	struct link_search *s = arg;

	if (strcmp(v->name, s->name) == 0)
		s->ifindex = v->ifindex;
}

static json_t *attach(const struct show_ctx *ctx, const struct args *a, int *status)
{
	struct link_search s = { .name = a->link };
	struct lladdr lladdr = a->lladdr;
	struct nai mn = a->mn;
	struct store *store = ctx->store;
	json_t *profile;

	if (!a->link)
		return missing(status, "link");
	if (!a->has_mn && !a->has_lladdr)
		return missing(status, "mn");
	mag_each_link(ctx->mag, match_link, &s);
	if (!s.ifindex)
		return outcome(CTL_NO_SUCH_LINK, a->link, status);
	/* A node on a link is a link-layer address: its profile tells it. */
	if (!a->has_lladdr && store) {
		profile = store_get(store, &mn);
		const char *first =
			json_string_value(json_array_get(json_object_get(profile, "link-layer-addresses"), 0));

		if (first)
			(void)lladdr_parse(first, &lladdr);
		json_decref(profile);
	}
	if (!lladdr.len)
		return bad_request(status,
				   control_error("bad-request",
						 "give it as lladdr, or add \"link-layer-addresses\" to its profile",
						 "%s: its link-layer address is not known", a->mn_text));
	enum ctl_err e = mag_attach_from(ctx->mag, ctx->now, s.ifindex, &lladdr, &mn, a->handoff, a->from);
	return outcome(e, e == CTL_NO_SUCH_MAG ? a->from : a->has_mn ? a->mn_text : a->link, status);
}

static json_t *handover(const struct show_ctx *ctx, const struct args *a, int *status)
{
	enum ctl_err e;

	if (!a->has_mn || (!a->to && !a->cancel))
		return missing(status, a->has_mn ? "to" : "mn");
	if (a->to && a->cancel)
		return bad_request(status, control_error("bad-request", NULL, "give either to or cancel"));
	if (a->cancel)
		return outcome(mag_handover_cancel(ctx->mag, ctx->now, &a->mn), a->mn_text, status);
	e = mag_handover(ctx->mag, ctx->now, &a->mn, a->to);
	return outcome(e, e == CTL_NO_SUCH_MAG ? a->to : a->mn_text, status);
}

static json_t *subscribe(const struct show_ctx *ctx, const struct args *a, bool on, int *status)
{
	const struct in6_addr *source = a->has_source ? &a->source : &addr_any;
	enum policy_verdict verdict = POLICY_PERMIT;
	enum ctl_err e;

	if (!a->has_mn || !a->has_group)
		return missing(status, a->has_mn ? "group" : "mn");
	if (!on) {
		e = mag_unsubscribe(ctx->mag, ctx->now, &a->mn, &a->group, source);
		return outcome(e, e == CTL_NO_SUCH_NODE ? a->mn_text : a->group_text, status);
	}
	e = mag_subscribe(ctx->mag, ctx->now, &a->mn, &a->group, source, &verdict);
	if (e == CTL_NOT_PERMITTED) {
		*status = errors[e].status;
		return control_error(errors[e].code, why_verdict_remedy(verdict), "%s: not permitted: %s",
				     a->group_text, policy_verdict_name(verdict));
	}
	return outcome(e, e == CTL_NO_SUCH_NODE ? a->mn_text : a->group_text, status);
}

static json_t *terminate(const struct show_ctx *ctx, const struct args *a, int *status)
{
	enum ctl_err lma = CTL_NO_SUCH_NODE, mag = CTL_NO_SUCH_NODE;

	if (a->has_mn == a->has_group)
		return bad_request(status, control_error("bad-request", NULL, "give either mn or group"));
	if (a->has_group) {
		lma = ctx->lma ? lma_terminate_group(ctx->lma, ctx->now, &a->group) : CTL_NO_SUCH_GROUP;
		mag = ctx->mag ? mag_terminate_group(ctx->mag, ctx->now, &a->group) : CTL_NO_SUCH_GROUP;
	} else {
		lma = ctx->lma ? lma_terminate_node(ctx->lma, ctx->now, &a->mn) : CTL_NO_SUCH_NODE;
		mag = ctx->mag ? mag_terminate_node(ctx->mag, ctx->now, &a->mn) : CTL_NO_SUCH_NODE;
	}
	return outcome(lma == CTL_OK || mag == CTL_OK ? CTL_OK
		       : ctx->mag		      ? mag
						      : lma,
		       a->has_group ? a->group_text : a->mn_text, status);
}

static json_t *query(const struct show_ctx *ctx, const struct args *a, int *status)
{
	const struct in6_addr *group = a->has_group ? &a->group : NULL;
	enum ctl_err e = CTL_NO_SUCH_NODE;

	if (!a->has_mn)
		return missing(status, "mn");
	if (ctx->mag)
		e = mag_query_node(ctx->mag, ctx->now, &a->mn, group);
	if (ctx->lma && e == CTL_NO_SUCH_NODE)
		e = lma_query_node(ctx->lma, ctx->now, &a->mn, group);
	if (e == CTL_NOT_PERMITTED) {
		*status = errors[e].status;
		return control_error(errors[e].code, "see mag.multicast.node-mld, lma.multicast.mag-role, and its profile",
				     "%s: its answers would not be listened to", a->mn_text);
	}
	return outcome(e, a->mn_text, status);
}

static bool is(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

json_t *admin_request(const struct show_ctx *ctx, const json_t *request, int *status)
{
	const char *command = json_string_value(json_object_get(request, "command"));
	struct args a;
	json_t *error = args_read(&a, request);

	*status = 0;
	if (error)
		return bad_request(status, error);
	if (is(command, "terminate") && !ctx->proxy)
		return terminate(ctx, &a, status);
	if (is(command, "query") && !ctx->proxy)
		return query(ctx, &a, status);
	if (!ctx->mag) {
		*status = EOPNOTSUPP;
		return control_error("not-this-role", "ask at the MAG of the node", "%s: this daemon is %s", command,
				     ctx->proxy ? "a plain MLD proxy" : "an LMA only");
	}
	if (is(command, "attach"))
		return attach(ctx, &a, status);
	if (is(command, "detach")) {
		if (!a.has_mn)
			return missing(status, "mn");
		return outcome(mag_detach(ctx->mag, ctx->now, &a.mn), a.mn_text, status);
	}
	if (is(command, "handover"))
		return handover(ctx, &a, status);
	return subscribe(ctx, &a, is(command, "subscribe"), status);
}

/* ---- all ---- */
json_t *control_request(const struct show_ctx *ctx, const json_t *request, int *status)
{
	static const char *const admin[] = { "attach", "detach", "handover", "subscribe", "unsubscribe", "query",
					     "terminate" };
	const char *command = json_string_value(json_object_get(request, "command"));

	*status = EINVAL;
	if (!json_is_object(request) || !command)
		return control_error("bad-request", "see docs/control-protocol.md",
				     "a request is an object with a \"command\"");
	if (is(command, "show") || is(command, "why"))
		return show_request(ctx, request, status);
	if (is(command, "policy")) {
		if (ctx->store)
			return policy_request(ctx->store, request, status);
		return control_error("store", NULL, "this daemon has no policy store");
	}
	for (size_t i = 0; i < sizeof(admin) / sizeof(admin[0]); i++)
		if (is(command, admin[i]))
			return admin_request(ctx, request, status);
	return control_error("unknown-command", "`roamcast --help` lists the commands", "there is no command \"%s\"",
			     command);
}
