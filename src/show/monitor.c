/* SPDX-License-Identifier: BSD-2-Clause */
/* What a monitor asks for is looked at before it waits: a word that is misspelt would wait for ever. */
#include "show/show_priv.h"

#include <errno.h>
#include <string.h>

#define LINE_WIDTH 76

json_t *show_event_kinds(void)
{
	json_t *lines = json_array();
	char line[LINE_WIDTH + 64] = "";
	size_t len = 0;

	for (int k = 0; k < EV_N; k++) {
		const char *name = event_name((enum event_kind)k);

		if (len && len + strlen(name) > LINE_WIDTH) {
			json_array_append_new(lines, json_stringn(line, len - 1));
			len = 0;
		}
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s", name, k < EV_N - 1 ? ", " : "");
	}
	json_array_append_new(lines, json_stringn(line, len));
	return lines;
}

static bool is_kind(const char *name)
{
	for (int k = 0; name && k < EV_N; k++)
		if (strcmp(event_name((enum event_kind)k), name) == 0)
			return true;
	return false;
}

struct search {
	const struct nai *mn;
	bool found;
};

static void match_node(void *arg, const struct mag_node_view *v)
{
	struct search *s = arg;

	s->found |= v->mn && nai_eq(v->mn, s->mn);
}

static void match_binding(void *arg, const struct lma_binding_view *v)
{
	struct search *s = arg;

	s->found |= v->mn && nai_eq(v->mn, s->mn);
}

/* Has it a state here, or a profile? */
static bool mn_known(const struct show_ctx *ctx, const struct nai *mn)
{
	struct search s = { .mn = mn };
	json_t *profile;

	if (ctx->mag)
		mag_each_node(ctx->mag, match_node, &s);
	if (ctx->lma && !s.found)
		lma_each_binding(ctx->lma, match_binding, &s);
	if (s.found || !ctx->store)
		return s.found;
	profile = store_get(ctx->store, mn);
	json_decref(profile);
	return profile != NULL;
}

static json_t *no_such_kind(const char *text, const char *what, int *status)
{
	json_t *error = control_error("bad-request", "the kinds of events are", "\"%s\" is no kind of event%s", text, what);

	json_object_set_new(error, "lines", show_event_kinds());
	*status = EINVAL;
	return error;
}

json_t *monitor_request(const struct show_ctx *ctx, const json_t *request, int *status)
{
	const json_t *kind = json_object_get(request, "kind");
	const char *mn = json_string_value(json_object_get(request, "mn"));
	struct show_filter f;
	json_t *error = filter_read(&f, request);
	bool known;

	*status = error ? EINVAL : 0;
	if (error)
		return error;
	if (kind && !is_kind(json_string_value(kind)))
		return no_such_kind(json_is_string(kind) ? json_string_value(kind) : "", "", status);
	if (!f.has_mn)
		return json_object();
	known = mn_known(ctx, &f.mn);
	/* The one word of `roamcast monitor WORD`: names of nodes seldom come without their realm. */
	if (!known && !kind && !strchr(mn, '@'))
		return no_such_kind(mn, ", and no node of that name is known here", status);
	return json_pack("{s:b}", "known", known);
}
