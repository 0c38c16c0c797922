/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of the engines as JSON, and what the views have in common. */
#include "show/show_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

json_t *j_addr(const struct in6_addr *a)
{
	char buf[ADDR_STR_MAX];

	return addr_is_any(a) ? json_null() : json_string(addr_str(a, buf));
}

json_t *j_prefix(const struct prefix *p)
{
	char buf[PREFIX_STR_MAX];

	return json_string(prefix_str(p, buf));
}

json_t *j_prefixes(const struct prefix *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, j_prefix(&v[i]));
	return list;
}

json_t *j_lladdr(const struct lladdr *a)
{
	char buf[LLADDR_STR_MAX];

	return a->len ? json_string(lladdr_str(a, buf)) : json_null();
}

json_t *j_mn(const struct nai *mn)
{
	char buf[NAI_STR_MAX];

	return mn && mn->len ? json_string(nai_str(mn, buf)) : json_null();
}

json_t *j_seconds(span_t s)
{
	if (s.ns % 1000000000 == 0)
		return json_integer(s.ns / 1000000000);
	return json_real((double)span_to_ms(s) / 1000);
}

const char *show_time(wall_t t, char buf[SHOW_TIME_MAX])
{
	return store_time_str(t, buf);
}

json_t *j_time(wall_t t)
{
	char buf[SHOW_TIME_MAX];

	return json_string(show_time(t, buf));
}

json_t *j_filter(const struct filter *f)
{
	json_t *list = json_array();
	const struct in6_addr *sources = f ? filter_sources(f) : NULL;

	for (size_t i = 0; f && i < filter_count(f); i++)
		json_array_append_new(list, j_addr(&sources[i]));
	return json_pack("{s:s, s:o}", "mode", f && f->mode == FILTER_EXCLUDE ? "exclude" : "include", "sources", list);
}

json_t *j_origins(uint8_t bits)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < 8; i++)
		if (bits & 1u << i)
			json_array_append_new(list, json_string(sub_origin_name((uint8_t)(1u << i))));
	return list;
}

json_t *j_count(const struct dp_count *c)
{
	return json_pack("{s:I, s:I}", "packets", (json_int_t)c->packets, "bytes", (json_int_t)c->bytes);
}

json_t *j_capabilities(const struct mh_capabilities *c)
{
	static const struct {
		enum mh_feature bit;
		const char *name;
	} names[] = {
		{ MH_FEATURE_MLDV1, "mldv1" },
		{ MH_FEATURE_MLDV2, "mldv2" },
		{ MH_FEATURE_AMS_IN_PBU, "ams-in-pbu" },
		{ MH_FEATURE_MULTICAST_MOBILITY, "multicast-mobility" },
		{ MH_FEATURE_SELECTOR, "selector" },
		{ MH_FEATURE_IMPLICIT_JOIN, "implicit-join" },
		{ MH_FEATURE_CONTEXT_KEPT, "context-kept" },
		{ MH_FEATURE_DELIVERY_L2_UNICAST, "l2-unicast" },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (c->features & names[i].bit)
			json_array_append_new(list, json_string(names[i].name));
	return list;
}

json_t *view_new(const char *name)
{
	return json_pack("{s:i, s:s}", "schema", SHOW_SCHEMA, "view", name);
}

/* ---- filters ---- */
static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool mn_read(const char *text, struct nai *ret)
{
	char octets[NAI_MAX];
	size_t n = 0;

	while (*text) {
		if (n == NAI_MAX)
			return false;
		if (*text != '\\') {
			octets[n++] = *text++;
			continue;
		}
		if (text[1] != 'x' || hex(text[2]) < 0 || hex(text[3]) < 0)
			return false;
		octets[n++] = (char)(hex(text[2]) << 4 | hex(text[3]));
		text += 4;
	}
	if (!n)
		return false;
	*ret = nai_of(octets, n);
	return true;
}

json_t *filter_read(struct show_filter *f, const json_t *request)
{
	const json_t *mn = json_object_get(request, "mn"), *group = json_object_get(request, "group"),
		     *limit = json_object_get(request, "limit");

	memset(f, 0, sizeof(*f));
	f->limit = SHOW_ROWS_MAX;
	if (mn) {
		if (!json_is_string(mn) || !mn_read(json_string_value(mn), &f->mn))
			return control_error("bad-request", NULL, "mn: give a node's identifier");
		f->has_mn = true;
	}
	if (group) {
		if (!json_is_string(group) || !addr_parse(json_string_value(group), &f->group) ||
		    !addr_is_multicast(&f->group))
			return control_error("bad-request", "give an address such as ff3e::8000:1",
					     "group: \"%s\" is not an IPv6 multicast address",
					     json_is_string(group) ? json_string_value(group) : "");
		f->has_group = true;
	}
	if (limit) {
		if (!json_is_integer(limit) || json_integer_value(limit) < 1 || json_integer_value(limit) > 10000000)
			return control_error("bad-request", NULL, "limit: give a number from 1 to 10000000");
		f->limit = (size_t)json_integer_value(limit);
	}
	return NULL;
}

struct show_list list_begin(json_t *view, const char *name, const struct show_filter *f)
{
	struct show_list l = { .view = view, .rows = json_array(), .filter = f };

	json_object_set_new(view, name, l.rows);
	return l;
}

bool list_full(struct show_list *l)
{
	if (json_array_size(l->rows) < l->filter->limit)
		return false;
	if (!json_object_get(l->view, "more"))
		json_object_set_new(l->view, "more", json_true());
	return true;
}

/* ---- flows ---- */
static int flow_cmp(const void *a, const void *b)
{
	const struct show_flow *x = a, *y = b;
	int r = addr_cmp(&x->flow.group, &y->flow.group);

	return r ? r : addr_cmp(&x->flow.source, &y->flow.source);
}

static void flow_add(void *arg, const struct dp_flow *flow, const struct dp_out *outs, uint32_t n_outs)
{
	struct show_flows *f = arg;

	(void)outs;
	if (f->n == f->room) {
		size_t room = f->room ? f->room * 2 : 64;
		struct show_flow *v = realloc(f->v, room * sizeof(*v));

		if (!v)
			return;
		f->v = v;
		f->room = room;
	}
	f->v[f->n++] = (struct show_flow){ *flow, n_outs };
}

void flows_read(struct show_flows *f, struct dp *dp)
{
	memset(f, 0, sizeof(*f));
	if (dp)
		dp_each_flow(dp, flow_add, f);
	if (f->n)
		qsort(f->v, f->n, sizeof(*f->v), flow_cmp);
}

void flows_free(struct show_flows *f)
{
	free(f->v);
	memset(f, 0, sizeof(*f));
}

void flow_sum_add(void *arg, const struct dp_flow *flow, const struct dp_out *out)
{
	struct flow_sum *s = arg;
	struct dp_count in = { 0 }, sent = { 0 };

	s->lists++;
	(void)dp_flow_count(s->dp, flow, &in);
	(void)dp_out_count(s->dp, flow, out, &sent);
	s->in.packets += in.packets;
	s->in.bytes += in.bytes;
	s->out.packets += sent.packets;
	s->out.bytes += sent.bytes;
}
