/* SPDX-License-Identifier: BSD-2-Clause */
/* mag.candidates: the gateways that nodes may be handed over to, and come from. */
#include "conf/conf_priv.h"

#include <string.h>

/* ---- names of access points ---- */

static bool points_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	static const char expected[] = "names of access points, such as [hall, \"02:00:00:00:aa:01\"]";
	struct mag_candidate *c = field;
	ssize_t count = conf_list_of(l, key, n, 0, MAG_ACCESS_POINTS_MAX, expected);

	(void)k;
	for (ssize_t i = 0; i < count; i++) {
		yaml_node_t *node = conf_list_item(l, n, (size_t)i);
		const char *s = conf_scalar(l, key, node, expected);

		if (!s)
			continue;
		if (!*s || strlen(s) >= sizeof(c->access_points[0]))
			conf_error_at(l->errors, &node->start_mark, key, "\"%s\" is too long or empty; give at most %zu characters",
				      s, sizeof(c->access_points[0]) - 1);
		else
			strcpy(c->access_points[c->n_access_points++], s);
	}
	return count >= 0;
}

static void points_format(const struct conf_key *k, const void *field, FILE *to)
{
	const struct mag_candidate *c = field;

	(void)k;
	for (size_t i = 0; i < c->n_access_points; i++)
		fprintf(to, "%s%s", i ? ", " : "", c->access_points[i]);
}

const struct conf_kind conf_kind_access_points = {"list of names", points_parse, points_format};

/* ---- gateways ---- */

static bool has_point(const struct mag_candidate *c, const char *name)
{
	for (size_t i = 0; i < c->n_access_points; i++)
		if (strcmp(c->access_points[i], name) == 0)
			return true;
	return false;
}

/* A name must tell one of them from all others: it is what `roamcast handover` is given. */
static void check(struct conf_load *l, const char *key, const yaml_mark_t *at, const struct mag_candidate *c,
		  const struct mag_candidate *others, size_t n)
{
	char buf[ADDR_STR_MAX];

	if (addr_is_multicast(&c->address) || addr_is_link_local(&c->address))
		conf_error_at(l->errors, at, key, "%s cannot be the address of a gateway; give its Proxy-CoA",
			      addr_str(&c->address, buf));
	for (size_t i = 0; i < n; i++) {
		const struct mag_candidate *o = &others[i];

		if (c->name[0] && (strcmp(c->name, o->name) == 0 || has_point(o, c->name)))
			conf_error_at(l->errors, at, key, "the name \"%s\" is given twice; each gateway needs its own", c->name);
		else if (has_point(c, o->name))
			conf_error_at(l->errors, at, key, "access point \"%s\" has the name of another gateway; give it its own",
				      o->name);
		else if (!addr_is_any(&c->address) && addr_eq(&c->address, &o->address))
			conf_error_at(l->errors, at, key, "%s is the address of \"%s\" too; each gateway has its own",
				      addr_str(&c->address, buf), o->name);
		for (size_t k = 0; k < c->n_access_points; k++)
			if (has_point(o, c->access_points[k]))
				conf_error_at(l->errors, at, key, "access point \"%s\" is one of \"%s\" too; leave it out of one",
					      c->access_points[k], o->name);
	}
}

static bool candidates_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	struct mag_conf *m = field;
	ssize_t count = conf_list_of(l, key, n, 0, MAG_CANDIDATES_MAX, "gateways, each with name and address");
	char shown[96];

	for (ssize_t i = 0; i < count; i++) {
		yaml_node_t *node = conf_list_item(l, n, (size_t)i);
		struct mag_candidate *c = &m->candidates[m->n_candidates];

		snprintf(shown, sizeof(shown), "%s[%zd]", key, i);
		if (node->type != YAML_MAPPING_NODE) {
			conf_error_at(l->errors, &node->start_mark, shown,
				      "is not a mapping; write name: and address: for each gateway");
			continue;
		}
		*c = (struct mag_candidate){.context = true};
		conf_bind(l, k->items, shown, node, c, NULL);
		check(l, key, &node->start_mark, c, m->candidates, m->n_candidates);
		m->n_candidates++;
	}
	return count >= 0;
}

static void candidates_format(const struct conf_key *k, const void *field, FILE *to)
{
	const struct mag_conf *m = field;
	char buf[ADDR_STR_MAX];

	(void)k;
	for (size_t i = 0; i < m->n_candidates; i++) {
		const struct mag_candidate *c = &m->candidates[i];

		fprintf(to, "%s%s %s", i ? ", " : "", c->name, addr_str(&c->address, buf));
		if (!c->context)
			fputs(" context=no", to);
		for (size_t j = 0; j < c->n_access_points; j++)
			fprintf(to, "%s%s", j ? "," : " access-points=", c->access_points[j]);
	}
}

const struct conf_kind conf_kind_candidates = {"list of gateways", candidates_parse, candidates_format};
