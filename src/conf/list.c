/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of values that are lists: MAGs, pools, link patterns, scopes and ranges of groups. What can be said of the
 * items of one list alone (given twice, overlapping) is checked here. */
#include "conf/conf_priv.h"

#include <stdlib.h>
#include <string.h>

static size_t item_count(const yaml_node_t *n)
{
	return (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
}

yaml_node_t *conf_list_item(struct conf_load *l, const yaml_node_t *n, size_t i)
{
	return yaml_document_get_node(&l->doc, n->data.sequence.items.start[i]);
}

ssize_t conf_list_of(struct conf_load *l, const char *key, yaml_node_t *n, size_t min, size_t max,
		       const char *expected)
{
	size_t count;

	if (n->type != YAML_SEQUENCE_NODE) {
		conf_error_at(l->errors, &n->start_mark, key, "is not a list; give %s", expected);
		return -1;
	}
	count = item_count(n);
	if (count < min) {
		conf_error_at(l->errors, &n->start_mark, key, "is empty; give %s", expected);
		return -1;
	}
	if (count > max) {
		conf_error_at(l->errors, &n->start_mark, key, "has %zu items; at most %zu can be given", count, max);
		return -1;
	}
	return (ssize_t)count;
}

static bool prefixes_overlap(const struct prefix *a, const struct prefix *b)
{
	return prefix_contains(a, &b->addr) || prefix_contains(b, &a->addr);
}

/* ---- lma.mags ---- */
static void mags_check(struct conf_load *l, const char *key, const struct lma_conf *c)
{
	char buf[PREFIX_STR_MAX], other[PREFIX_STR_MAX];

	for (size_t i = 0; i < c->n_mags; i++) {
		const struct lma_mag_conf *m = &c->mags[i];

		for (size_t j = 0; j < i; j++) {
			const struct lma_mag_conf *o = &c->mags[j];

			if (m->name[0] && strcmp(m->name, o->name) == 0) {
				conf_error_at(l->errors, &l->mag_at[i], key,
					      "the name \"%s\" is given twice; each MAG needs its own", m->name);
				break;
			}
			if (m->proxy_coa.len && o->proxy_coa.len && prefixes_overlap(&m->proxy_coa, &o->proxy_coa)) {
				conf_error_at(l->errors, &l->mag_at[i], key,
					      "%s overlaps with %s of \"%s\"; an address can belong to one MAG only",
					      prefix_str(&m->proxy_coa, buf), prefix_str(&o->proxy_coa, other),
					      o->name);
				break;
			}
		}
	}
}

static bool mags_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	struct lma_conf *c = field;
	ssize_t count = conf_list_of(l, key, n, 1, UINT16_MAX, "the MAGs that may register, each with name and address");
	char shown[96];

	if (count < 0)
		return false;
	c->mags = calloc((size_t)count, sizeof(*c->mags));
	l->mag_at = calloc((size_t)count, sizeof(*l->mag_at));
	if (!c->mags || !l->mag_at)
		abort();
	c->n_mags = (uint16_t)count;
	for (size_t i = 0; i < c->n_mags; i++) {
		yaml_node_t *node = conf_list_item(l, n, i);

		l->mag_at[i] = node->start_mark;
		snprintf(shown, sizeof(shown), "%s[%zu]", key, i);
		if (node->type != YAML_MAPPING_NODE) {
			conf_error_at(l->errors, &node->start_mark, shown,
				      "is not a mapping; write name: and address: for each MAG");
			continue;
		}
		conf_bind(l, k->items, shown, node, &c->mags[i], NULL);
	}
	mags_check(l, key, c);
	return true;
}

static void mags_format(const struct conf_key *k, const void *field, FILE *to)
{
	const struct lma_conf *c = field;
	char buf[PREFIX_STR_MAX];

	for (size_t i = 0; i < c->n_mags; i++) {
		const struct lma_mag_conf *m = &c->mags[i];

		fprintf(to, "%s%s %s", i ? ", " : "", m->name, prefix_str(&m->proxy_coa, buf));
		for (size_t j = 2; j < k->items->n; j++) { /* besides name and address, where given */
			const struct conf_key *sub = &k->items->keys[j];
			char *text = NULL;
			size_t size;
			FILE *mem = open_memstream(&text, &size);

			if (!mem)
				abort();
			sub->kind->format(sub, (const char *)m + sub->offset, mem);
			fclose(mem);
			if (*text && (!sub->zero || strcmp(text, sub->zero) != 0))
				fprintf(to, " %s=%s", sub->path, text);
			free(text);
		}
	}
}

const struct conf_kind conf_kind_mags = { "list of MAGs", mags_parse, mags_format };

/* ---- ranges of groups of a MAG: "ff3e::/32", "2001:db8::1 ff3e::8000:1" ---- */
#define RANGES_MAX 256

static bool range_read(const char *s, struct prefix *source, struct prefix *group)
{
	const char *space = strchr(s, ' ');
	char first[PREFIX_STR_MAX + 4];

	memset(source, 0, sizeof(*source));
	if (!space)
		return prefix_parse(s, group) && addr_is_multicast(&group->addr) && group->len >= 8;
	if ((size_t)(space - s) >= sizeof(first))
		return false;
	memcpy(first, s, (size_t)(space - s));
	first[space - s] = '\0';
	while (*space == ' ')
		space++;
	return prefix_parse(first, source) && !addr_is_multicast(&source->addr) && source->len &&
	       prefix_parse(space, group) && addr_is_multicast(&group->addr) && group->len >= 8;
}

static bool ranges_parse(struct conf_load *l, const char *key, yaml_node_t *n, uint16_t *ret_n,
			 struct profile_range **ret)
{
	static const char expected[] =
		"ranges of groups such as ff3e::/32, or \"2001:db8::5 ff3e::8000:1\" with a source before the group";
	ssize_t count = conf_list_of(l, key, n, 0, RANGES_MAX, expected);
	struct profile_range *v;

	if (count < 0)
		return false;
	v = calloc((size_t)count + 1, sizeof(*v));
	if (!v)
		abort();
	for (size_t i = 0; i < (size_t)count; i++) {
		yaml_node_t *node = conf_list_item(l, n, i);
		const char *s = conf_scalar(l, key, node, expected);

		if (!s)
			continue;
		if (!range_read(s, &v[i].source, &v[i].group))
			conf_error_at(l->errors, &node->start_mark, key,
				      "\"%s\" is not a range of multicast groups; give %s", s, expected);
		v[i].group = prefix_masked(v[i].group);
		v[i].source = prefix_masked(v[i].source);
	}
	*ret_n = (uint16_t)count;
	*ret = v;
	return true;
}

static void ranges_format(const struct profile_range *v, size_t n, FILE *to)
{
	char buf[PREFIX_STR_MAX];

	for (size_t i = 0; i < n; i++) {
		fputs(i ? ", " : "", to);
		if (v[i].source.len)
			fprintf(to, "%s ", prefix_str(&v[i].source, buf));
		fputs(prefix_str(&v[i].group, buf), to);
	}
}

static bool allow_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	struct lma_mag_conf *m = field;

	(void)k;
	return ranges_parse(l, key, n, &m->n_allow, &m->allow);
}

static bool deny_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	struct lma_mag_conf *m = field;

	(void)k;
	return ranges_parse(l, key, n, &m->n_deny, &m->deny);
}

static void allow_format(const struct conf_key *k, const void *field, FILE *to)
{
	const struct lma_mag_conf *m = field;

	(void)k;
	ranges_format(m->allow, m->n_allow, to);
}

static void deny_format(const struct conf_key *k, const void *field, FILE *to)
{
	const struct lma_mag_conf *m = field;

	(void)k;
	ranges_format(m->deny, m->n_deny, to);
}

const struct conf_kind conf_kind_allow = { "list of ranges", allow_parse, allow_format };
const struct conf_kind conf_kind_deny = { "list of ranges", deny_parse, deny_format };

/* ---- lma.pools ---- */
static bool pools_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	struct lma_conf *c = field;
	ssize_t count = conf_list_of(l, key, n, 0, 8,
				"prefixes such as 2001:db8:8000::/40, or [] where every profile names its own");
	char a[PREFIX_STR_MAX], b[PREFIX_STR_MAX];

	if (count < 0)
		return false;
	for (size_t i = 0; i < (size_t)count; i++) {
		yaml_node_t *node = conf_list_item(l, n, i);
		struct prefix p;
		bool good = conf_kind_prefix.parse(l, k, key, node, &p);

		if (!good)
			continue;
		if (addr_is_multicast(&p.addr) || addr_is_link_local(&p.addr) || p.len < 8) {
			conf_error_at(l->errors, &node->start_mark, key,
				      "%s is no range of global unicast addresses; give one of your own",
				      prefix_str(&p, a));
			continue;
		}
		for (size_t j = 0; j < c->n_pools; j++) {
			if (prefixes_overlap(&p, &c->pools[j])) {
				conf_error_at(l->errors, &node->start_mark, key,
					      "%s overlaps with %s; leave one of them out", prefix_str(&p, a),
					      prefix_str(&c->pools[j], b));
				good = false;
				break;
			}
		}
		if (!good)
			continue;
		l->pool_at[c->n_pools] = node->start_mark;
		c->pools[c->n_pools++] = p;
	}
	return true;
}

static void pools_format(const struct conf_key *k, const void *field, FILE *to)
{
	const struct lma_conf *c = field;
	char buf[PREFIX_STR_MAX];

	(void)k;
	for (size_t i = 0; i < c->n_pools; i++)
		fprintf(to, "%s%s", i ? ", " : "", prefix_str(&c->pools[i], buf));
}

const struct conf_kind conf_kind_pools = { "list of prefixes", pools_parse, pools_format };

/* ---- mag.access ---- */
static bool access_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	struct conf *c = field;
	ssize_t count = conf_list_of(l, key, n, 1, CONF_PATTERNS_MAX,
				"the access links, each with match: and a name pattern such as \"acc*\"");
	char shown[96];

	if (count < 0)
		return false;
	for (size_t i = 0; i < (size_t)count; i++) {
		yaml_node_t *node = conf_list_item(l, n, i);
		struct conf_access *a = &c->access[c->n_access];

		snprintf(shown, sizeof(shown), "%s[%zu]", key, i);
		if (node->type != YAML_MAPPING_NODE) {
			conf_error_at(l->errors, &node->start_mark, shown,
				      "is not a mapping; write match: and a name pattern such as \"acc*\"");
			continue;
		}
		*a = (struct conf_access){ .kind = MAG_LINK_POINT_TO_POINT, .fixed_mac = true };
		conf_bind(l, k->items, shown, node, a, NULL);
		for (size_t j = 0; j < c->n_access; j++) {
			if (a->pattern[0] && strcmp(a->pattern, c->access[j].pattern) == 0)
				conf_error_at(l->errors, &node->start_mark, shown,
					      "the pattern \"%s\" is given twice; the second can never match",
					      a->pattern);
		}
		c->n_access++;
	}
	return true;
}

static void access_format(const struct conf_key *k, const void *field, FILE *to)
{
	const struct conf *c = field;

	(void)k;
	for (size_t i = 0; i < c->n_access; i++)
		fprintf(to, "%s%s %s%s", i ? ", " : "", c->access[i].pattern,
			c->access[i].kind == MAG_LINK_SHARED ? "shared" : "point-to-point",
			c->access[i].fixed_mac ? "" : " own-mac");
}

const struct conf_kind conf_kind_access = { "list of access links", access_parse, access_format };

/* ---- dataplane.transport, proxy.downstream ---- */
static bool patterns_parse(struct conf_load *l, const char *key, yaml_node_t *n, const char *expected, uint8_t *ret_n,
			   char ret[CONF_PATTERNS_MAX][CONF_NAME_MAX])
{
	ssize_t count = conf_list_of(l, key, n, 1, CONF_PATTERNS_MAX, expected);

	if (count < 0)
		return false;
	for (size_t i = 0; i < (size_t)count; i++) {
		yaml_node_t *node = conf_list_item(l, n, i);
		const char *s = conf_scalar(l, key, node, "a name pattern");

		if (!s)
			continue;
		if (strlen(s) >= CONF_NAME_MAX) {
			conf_error_at(l->errors, &node->start_mark, key,
				      "\"%s\" is too long; give at most %d characters", s, CONF_NAME_MAX - 1);
			continue;
		}
		strcpy(ret[(*ret_n)++], s);
	}
	return true;
}

static void patterns_format(const char v[][CONF_NAME_MAX], size_t n, FILE *to)
{
	for (size_t i = 0; i < n; i++)
		fprintf(to, "%s%s", i ? ", " : "", v[i]);
}

static bool transport_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	struct conf *c = field;

	(void)k;
	return patterns_parse(l, key, n, "the links that tunnels run over, by name or pattern, as in [eth0]",
			      &c->n_transport, c->transport);
}

static void transport_format(const struct conf_key *k, const void *field, FILE *to)
{
	const struct conf *c = field;

	(void)k;
	patterns_format(c->transport, c->n_transport, to);
}

static bool downstream_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	struct conf *c = field;

	(void)k;
	return patterns_parse(l, key, n, "the links of the listeners, by name or pattern, as in [lan0, \"wlan*\"]",
			      &c->n_downstream, c->downstream);
}

static void downstream_format(const struct conf_key *k, const void *field, FILE *to)
{
	const struct conf *c = field;

	(void)k;
	patterns_format(c->downstream, c->n_downstream, to);
}

const struct conf_kind conf_kind_transport = { "list of name patterns", transport_parse, transport_format };
const struct conf_kind conf_kind_downstream = { "list of name patterns", downstream_parse, downstream_format };

/* ---- scopes ---- */
static const char *const scope_names[16] = {
	[3] = "realm-local", [4] = "admin-local", [5] = "site-local",
	[6] = "6",	     [7] = "7",		  [8] = "organization-local",
	[9] = "9",	     [10] = "a",	  [11] = "b",
	[12] = "c",	     [13] = "d",	  [14] = "global",
};

static bool scopes_parse(struct conf_load *l, const struct conf_key *k, const char *key, yaml_node_t *n, void *field)
{
	static const char expected[] =
		"scopes: realm-local, admin-local, site-local, 6, 7, organization-local, 9, a, b, c, d, global";
	struct policy_scopes *scopes = field;
	ssize_t count = conf_list_of(l, key, n, 1, 16, expected);
	uint16_t bits = 0;

	(void)k;
	if (count < 0)
		return false;
	for (size_t i = 0; i < (size_t)count; i++) {
		yaml_node_t *node = conf_list_item(l, n, i);
		const char *s = conf_scalar(l, key, node, expected);
		unsigned int scope;

		if (!s)
			continue;
		for (scope = 0; scope < 16; scope++)
			if (scope_names[scope] && strcmp(s, scope_names[scope]) == 0)
				break;
		if (scope == 16)
			conf_error_at(l->errors, &node->start_mark, key,
				      "\"%s\" is not a scope that can leave a link; give %s", s, expected);
		else
			bits |= (uint16_t)(1 << scope);
	}
	scopes->proxied = bits;
	return true;
}

static void scopes_format(const struct conf_key *k, const void *field, FILE *to)
{
	const struct policy_scopes *scopes = field;
	bool first = true;

	(void)k;
	for (unsigned int i = 0; i < 16; i++) {
		if (!(scopes->proxied & 1 << i) || !scope_names[i])
			continue;
		fprintf(to, "%s%s", first ? "" : ", ", scope_names[i]);
		first = false;
	}
}

const struct conf_kind conf_kind_scopes = { "list of scopes", scopes_parse, scopes_format };
