/* SPDX-License-Identifier: BSD-2-Clause */
/* Events: the ring of those remembered, and how one is told as JSON and as a line. */
#include "show/show_priv.h"
#include "wire/mh_values.h"

#include <stdlib.h>
#include <string.h>

struct event_log {
	uint32_t keep;
	uint64_t total;
	struct {
		struct event e;
		wall_t at;
	} ring[];
};

struct event_log *event_log_new(uint32_t keep)
{
	struct event_log *log = calloc(1, sizeof(*log) + (size_t)keep * sizeof(log->ring[0]));

	if (log)
		log->keep = keep;
	return log;
}

struct event_log *event_log_free(struct event_log *log)
{
	free(log);
	return NULL;
}

void event_log_add(struct event_log *log, const struct event *e, wall_t at)
{
	if (log->keep) {
		log->ring[log->total % log->keep].e = *e;
		log->ring[log->total % log->keep].at = at;
	}
	log->total++;
}

uint64_t event_log_total(const struct event_log *log)
{
	return log->total;
}

void event_log_each(const struct event_log *log, void (*each)(void *arg, const struct event *e, wall_t at), void *arg)
{
	for (uint64_t i = log->total > log->keep ? log->total - log->keep : 0; i < log->total; i++)
		each(arg, &log->ring[i % log->keep].e, log->ring[i % log->keep].at);
}

static const char *bra_name(int32_t status)
{
	switch (status) {
	case MH_BRA_SUCCESS:
		return "SUCCESS";
	case MH_BRA_PARTIAL:
		return "PARTIAL_SUCCESS";
	case MH_BRA_NO_BINDING:
		return "BINDING_DOES_NOT_EXIST";
	case MH_BRA_IPV4_HOA_REQUIRED:
		return "IPV4_HOME_ADDRESS_OPTION_REQUIRED";
	case MH_BRA_GLOBAL_NOT_AUTHORIZED:
		return "GLOBAL_REVOCATION_NOT_AUTHORIZED";
	case MH_BRA_MN_ID_REQUIRED:
		return "MN_IDENTITY_REQUIRED";
	case MH_BRA_MN_ATTACHED:
		return "MN_ATTACHED";
	case MH_BRA_TRIGGER_NOT_SUPPORTED:
		return "REVOCATION_TRIGGER_NOT_SUPPORTED";
	case MH_BRA_NOT_SUPPORTED:
		return "REVOCATION_FUNCTION_NOT_SUPPORTED";
	case MH_BRA_PROXY_NOT_SUPPORTED:
		return "PROXY_BINDING_REVOCATION_NOT_SUPPORTED";
	default: /* any octet may come from a peer */
		return NULL;
	}
}

/* What the status of an event of this kind is called; NULL: it has no names. */
static const char *status_name(const struct event *e)
{
	switch (e->kind) {
	case EV_NODE_REGISTERED:
	case EV_NODE_REGISTRATION_FAILED:
	case EV_NODE_REFUSED:
	case EV_NODE_DETACHED:
	case EV_BINDING_CREATED:
	case EV_BINDING_REFRESHED:
	case EV_BINDING_MOVED:
	case EV_BINDING_REFUSED:
		return mh_status_name((uint8_t)e->status);
	case EV_BINDING_REVOKED:
		return bra_name(e->status);
	case EV_SUBSCRIBED:
	case EV_UNSUBSCRIBED:
	case EV_SUBSCRIPTION_REFUSED:
		return mh_sub_result_name((uint8_t)e->status);
	case EV_HANDOVER_FAILED:
		return mh_hack_name((uint8_t)e->status);
	case EV_HANDOVER_STARTED:
	case EV_HANDOVER_READY:
	case EV_HANDOVER_ARRIVED:
	case EV_HANDOVER_COMPLETED:
	case EV_HANDOVER_CANCELLED:
	case EV_NODE_SEEN:
	case EV_NODE_UNKNOWN:
	case EV_NODE_ATTACHED:
	case EV_NODE_LMA_SILENT:
	case EV_NODE_MOVED_AWAY:
	case EV_BINDING_DEREGISTERED:
	case EV_BINDING_DELETED:
	case EV_BINDING_EXPIRED:
	case EV_GROUP_JOINED:
	case EV_GROUP_LEFT:
	case EV_GROUP_TERMINATED:
	case EV_SOURCE_SILENT:
	case EV_PEER_UP:
	case EV_PEER_LEGACY:
	case EV_PEER_DOWN:
	case EV_PEER_RESTARTED:
	case EV_LINK_UP:
	case EV_LINK_DOWN:
	case EV_LIMIT:
	case EV_MLD_WARNING:
	case EV_QUERIER_CHANGED:
	case EV_MLD_VERSION:
	case EV_POLICY_CHANGED:
	case EV_N:
		return NULL;
	}
	return NULL;
}

/* Is the status of this kind of event set at all, where 0 is a status too? */
static bool has_status(const struct event *e)
{
	return e->status > 0 ||
	       (e->status == 0 && status_name(e) && e->kind != EV_SUBSCRIBED && e->kind != EV_UNSUBSCRIBED &&
		e->kind != EV_NODE_DETACHED && e->kind != EV_NODE_REFUSED);
}

json_t *show_event(const struct event *e, wall_t at)
{
	json_t *j = json_pack("{s:o, s:s}", "time", j_time(at), "event", event_name(e->kind));

	if (!j)
		return NULL;
	if (e->mn.len)
		row_set(j, "mn", j_mn(&e->mn));
	if (e->lladdr.len)
		row_set(j, "lladdr", j_lladdr(&e->lladdr));
	if (e->ifindex)
		row_set(j, "ifindex", json_integer(e->ifindex));
	if (e->link[0])
		row_set(j, "link", json_stringn(e->link, strnlen(e->link, sizeof(e->link))));
	if (e->node)
		row_set(j, "node", json_integer(e->node));
	if (!addr_is_any(&e->peer))
		row_set(j, "peer", j_addr(&e->peer));
	if (!addr_is_any(&e->old_peer))
		row_set(j, "old_peer", j_addr(&e->old_peer));
	if (!addr_is_any(&e->group))
		row_set(j, "group", j_addr(&e->group));
	if (!addr_is_any(&e->source))
		row_set(j, "source", j_addr(&e->source));
	if (has_status(e)) {
		row_set(j, "status", json_integer(e->status));
		if (status_name(e))
			row_set(j, "status_name", json_string(status_name(e)));
	}
	if (e->origin)
		row_set(j, "origins", j_origins(e->origin));
	if (e->detail[0])
		row_set(j, "detail", json_stringn(e->detail, strnlen(e->detail, sizeof(e->detail))));
	return j;
}

static void print_value(const json_t *v, FILE *to)
{
	size_t i;
	json_t *item;

	if (json_is_string(v)) {
		const char *s = json_string_value(v);

		fprintf(to, strchr(s, ' ') ? "\"%s\"" : "%s", s);
	} else if (json_is_integer(v)) {
		fprintf(to, "%lld", (long long)json_integer_value(v));
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, item)
		{
			if (i)
				fputc(',', to);
			print_value(item, to);
		}
	}
}

void show_event_text(const json_t *event, FILE *to)
{
	const char *mn = json_string_value(json_object_get(event, "mn")),
		   *name = json_string_value(json_object_get(event, "event")), *key;
	json_t *v;

	if (mn)
		fprintf(to, "mn=%s ", mn);
	fputs(name ? name : "?", to);
	json_object_foreach((json_t *)event, key, v)
	{
		if (strcmp(key, "time") == 0 || strcmp(key, "event") == 0 || strcmp(key, "mn") == 0)
			continue;
		if (strcmp(key, "ifindex") == 0 && json_object_get(event, "link"))
			continue; /* people know links by their names */
		fprintf(to, " %s=", key);
		print_value(v, to);
	}
}

/* ---- the view ---- */
struct walk {
	const struct show_filter *f;
	json_t *rows;
	uint64_t skip; /* older than the limit */
};

static bool matches(const struct show_filter *f, const struct event *e)
{
	return (!f->has_mn || nai_eq(&f->mn, &e->mn)) && (!f->has_group || addr_eq(&f->group, &e->group));
}

static void count(void *arg, const struct event *e, wall_t at)
{
	struct walk *w = arg;

	(void)at;
	w->skip += matches(w->f, e);
}

static void row(void *arg, const struct event *e, wall_t at)
{
	struct walk *w = arg;

	if (!matches(w->f, e))
		return;
	if (w->skip)
		w->skip--;
	else
		json_array_append_new(w->rows, show_event(e, at));
}

/* The newest ones, oldest first. */
json_t *show_events(const struct show_ctx *ctx, const json_t *request)
{
	struct show_filter f;
	struct walk w = { .f = &f };
	json_t *v = filter_read(&f, request);

	if (v)
		return v;
	v = view_new("events");
	w.rows = json_array();
	row_set(v, "events", w.rows);
	if (!ctx->events)
		return v;
	event_log_each(ctx->events, count, &w);
	w.skip = w.skip > f.limit ? w.skip - f.limit : 0;
	if (w.skip)
		row_set(v, "more", json_true());
	event_log_each(ctx->events, row, &w);
	row_set(v, "total", json_integer((json_int_t)event_log_total(ctx->events)));
	return v;
}
