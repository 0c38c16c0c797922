/* SPDX-License-Identifier: BSD-2-Clause */
/* Profiles as JSON, the form in which operators write and read them (docs/policy-store.md). Strict: an unknown key or a
 * wrong value is an error that names the key. */
#include "store/store_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What one conversion carries along. */
struct reading {
	struct profile *p;
	char *why;
	size_t why_size;
};

static bool fail(struct reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct reading *r, const char *fmt, ...)
{
	char mn[NAI_STR_MAX];
	va_list ap;
	int n;

	n = r->p->mn.len ? snprintf(r->why, r->why_size, "%s: ", nai_str(&r->p->mn, mn)) : 0;
	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < r->why_size)
		vsnprintf(r->why + n, r->why_size - (size_t)n, fmt, ap);
	va_end(ap);
	return false;
}

bool mn_is_default(const char *mn, size_t len)
{
	return len >= 1 && mn[0] == '*' && (len == 1 || (len > 2 && mn[1] == '@'));
}

static const char *const initiations[] = { "network", "query", "node" };
static const char *const deliveries[] = { "multicast", "l2-unicast" };

/* ---- reading: one function per key ---- */
typedef bool read_key(struct reading *r, const char *key, const json_t *v);
struct key {
	const char *name;
	read_key *read;
};

static bool read_keys(struct reading *r, const json_t *j, const char *where, const struct key *keys, size_t n)
{
	const char *name;
	json_t *v;

	if (!json_is_object(j))
		return fail(r, "%s is not an object", where[0] ? where : "the profile");
	json_object_foreach((json_t *)j, name, v)
	{
		char path[96];
		size_t i;

		snprintf(path, sizeof(path), "%s%s%.60s", where, where[0] ? "." : "", name);
		for (i = 0; i < n && strcmp(keys[i].name, name) != 0; i++)
			;
		if (i == n)
			return fail(r, "%s: there is no such key", path);
		if (!json_is_null(v) && !keys[i].read(r, path, v))
			return false;
	}
	return true;
}

static bool read_bool(struct reading *r, const char *key, const json_t *v, bool *ret)
{
	if (!json_is_boolean(v))
		return fail(r, "%s: give true or false", key);
	*ret = json_is_true(v);
	return true;
}

static bool read_count(struct reading *r, const char *key, const json_t *v, uint32_t *ret)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 65535)
		return fail(r, "%s: give a number from 0 (the daemon's default) to 65535", key);
	*ret = (uint32_t)json_integer_value(v);
	return true;
}

static bool read_address(struct reading *r, const char *key, const json_t *v, struct in6_addr *ret)
{
	const char *s = json_string_value(v);

	if (!s || !addr_parse(s, ret) || addr_is_any(ret) || addr_is_multicast(ret) || addr_is_link_local(ret))
		return fail(r, "%s: \"%s\" is not a global unicast IPv6 address", key, s ? s : "");
	return true;
}

static bool read_array(struct reading *r, const char *key, const json_t *v, size_t max)
{
	if (!json_is_array(v))
		return fail(r, "%s: give a list in brackets", key);
	if (json_array_size(v) > max)
		return fail(r, "%s: %zu items; at most %zu can be given", key, json_array_size(v), max);
	return true;
}

static bool read_mn(struct reading *r, const char *key, const json_t *v)
{
	const char *s = json_string_value(v);
	size_t n = s ? json_string_length(v) : 0;

	if (!n || n > NAI_MAX)
		return fail(r, "%s: give the node's identifier, 1 to %d octets", key, NAI_MAX);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= 0x20 || s[i] == 0x7f || s[i] == '\\' ||
		    (s[i] == '*' && !mn_is_default(s, n)))
			return fail(r,
				    "%s: an identifier has no spaces, control characters, backslashes or (but in \"*\" "
				    "and \"*@realm\") asterisks",
				    key);
	r->p->mn = nai_of(s, n);
	return true;
}

static bool read_lladdrs(struct reading *r, const char *key, const json_t *v)
{
	size_t i;
	json_t *j;

	if (!read_array(r, key, v, PROFILE_LLADDR_MAX))
		return false;
	json_array_foreach(v, i, j)
	{
		if (!json_is_string(j) || !lladdr_parse(json_string_value(j), &r->p->lladdrs[i]))
			return fail(r, "%s: \"%s\" is not a link-layer address such as 02:00:00:00:00:01", key,
				    json_is_string(j) ? json_string_value(j) : "");
	}
	r->p->n_lladdrs = (uint8_t)i;
	return true;
}

static bool read_lma(struct reading *r, const char *key, const json_t *v)
{
	return read_address(r, key, v, &r->p->lma);
}

static bool read_prefix(struct reading *r, const char *key, const json_t *v, bool multicast, struct prefix *ret)
{
	const char *s = json_string_value(v);
	struct prefix masked;
	char good[PREFIX_STR_MAX];

	if (!s || !prefix_parse(s, ret))
		return fail(r, "%s: \"%s\" is not a prefix such as %s", key, s ? s : "",
			    multicast ? "ff3e::/32" : "2001:db8:1::/64");
	masked = prefix_masked(*ret);
	if (!addr_eq(&masked.addr, &ret->addr))
		return fail(r, "%s: %s has bits set behind its length; write %s", key, s, prefix_str(&masked, good));
	if (multicast != (addr_is_multicast(&ret->addr) && ret->len >= 8))
		return fail(r, "%s: %s is %s range of multicast groups", key, s, multicast ? "not a" : "a");
	return true;
}

static bool read_prefixes(struct reading *r, const char *key, const json_t *v)
{
	size_t i;
	json_t *j;

	if (!read_array(r, key, v, PROFILE_PREFIX_MAX))
		return false;
	json_array_foreach(v, i, j)
	{
		struct prefix *p = &r->p->prefixes[i];

		if (!read_prefix(r, key, j, false, p))
			return false;
		if (p->len < 16 || addr_is_link_local(&p->addr))
			return fail(r, "%s: \"%s\" cannot be a home network prefix", key, json_string_value(j));
		for (size_t k = 0; k < i; k++)
			if (prefix_contains(&r->p->prefixes[k], &p->addr) ||
			    prefix_contains(p, &r->p->prefixes[k].addr))
				return fail(r, "%s: \"%s\" overlaps with another one", key, json_string_value(j));
	}
	r->p->n_prefixes = (uint8_t)i;
	return true;
}

static bool read_mags(struct reading *r, const char *key, const json_t *v)
{
	size_t i;
	json_t *j;

	if (!read_array(r, key, v, PROFILE_MAG_MAX))
		return false;
	json_array_foreach(v, i, j)
	{
		if (!read_address(r, key, j, &r->p->mags[i]))
			return false;
	}
	r->p->n_mags = (uint8_t)i;
	return true;
}

static bool read_enabled(struct reading *r, const char *key, const json_t *v)
{
	return read_bool(r, key, v, &r->p->enabled);
}

/* ---- "multicast" ---- */
static bool read_mc_enabled(struct reading *r, const char *key, const json_t *v)
{
	return read_bool(r, key, v, &r->p->multicast);
}

static bool read_initiation(struct reading *r, const char *key, const json_t *v)
{
	for (unsigned int i = 0; json_is_string(v) && i < 3; i++) {
		if (strcmp(json_string_value(v), initiations[i]) == 0) {
			r->p->initiation = (enum profile_initiation)i;
			return true;
		}
	}
	return fail(r, "%s: give \"network\", \"query\" or \"node\"", key);
}

static bool read_delivery(struct reading *r, const char *key, const json_t *v)
{
	for (unsigned int i = 0; json_is_string(v) && i < 2; i++) {
		if (strcmp(json_string_value(v), deliveries[i]) == 0) {
			r->p->delivery = (enum profile_delivery)i;
			return true;
		}
	}
	return fail(r, "%s: give \"multicast\" or \"l2-unicast\"", key);
}

static bool read_groups_max(struct reading *r, const char *key, const json_t *v)
{
	return read_count(r, key, v, &r->p->groups_max);
}

static bool read_sources_max(struct reading *r, const char *key, const json_t *v)
{
	return read_count(r, key, v, &r->p->sources_max);
}

static bool read_time(struct reading *r, const char *key, const json_t *v, wall_t *ret)
{
	const char *s = json_string_value(v);

	if (!s || !store_time_parse(s, ret))
		return fail(r, "%s: \"%s\" is not a time in UTC such as 2026-01-31T18:00:00Z", key, s ? s : "");
	return true;
}

static bool read_subscription(struct reading *r, const char *key, const json_t *v)
{
	const json_t *group = json_object_get(v, "group"), *sources = json_object_get(v, "sources"),
		     *mandatory = json_object_get(v, "mandatory"), *start = json_object_get(v, "start"),
		     *end = json_object_get(v, "end");
	struct in6_addr g, s[PROFILE_SOURCE_MAX];
	wall_t from = { 0 }, to = WALL_NEVER;
	bool must = false;
	const char *name;
	json_t *j;
	size_t i, n = 0;

	if (!json_is_object(v))
		return fail(r, "%s: each item is an object with a \"group\"", key);
	json_object_foreach((json_t *)v, name, j)
	{
		if (strcmp(name, "group") && strcmp(name, "sources") && strcmp(name, "mandatory") &&
		    strcmp(name, "start") && strcmp(name, "end"))
			return fail(r, "%s.%s: there is no such key", key, name);
	}
	if (!json_is_string(group) || !addr_parse(json_string_value(group), &g) || !addr_is_multicast(&g) ||
	    addr_scope(&g) <= MC_SCOPE_LINK)
		return fail(r, "%s.group: \"%s\" is not a multicast address that leaves a link", key,
			    json_is_string(group) ? json_string_value(group) : "");
	if (sources && !json_is_null(sources)) {
		if (!read_array(r, key, sources, PROFILE_SOURCE_MAX))
			return false;
		json_array_foreach(sources, i, j)
		{
			if (!read_address(r, key, j, &s[i]))
				return false;
		}
		n = i;
	}
	if (!n && addr_is_ssm(&g))
		return fail(r, "%s: %s is a source-specific group; give its sources", key, json_string_value(group));
	if (mandatory && !json_is_null(mandatory) && !read_bool(r, key, mandatory, &must))
		return false;
	if (start && !json_is_null(start) && !read_time(r, key, start, &from))
		return false;
	if (end && !json_is_null(end) && !read_time(r, key, end, &to))
		return false;
	if (from.ns >= to.ns)
		return fail(r, "%s: %s ends before it starts", key, json_string_value(group));
	for (i = 0; i < r->p->n_subscriptions; i++)
		if (addr_eq(&r->p->subscriptions[i].group, &g) && r->p->subscriptions[i].start.ns < to.ns &&
		    from.ns < r->p->subscriptions[i].end.ns)
			return fail(r, "%s: %s is there twice at one time; give all its sources in one item", key,
				    json_string_value(group));
	if (!profile_add_subscription(r->p, &g, s, n, must, from, to))
		return fail(r, "%s: out of memory", key);
	return true;
}

static bool read_subscriptions(struct reading *r, const char *key, const json_t *v)
{
	size_t i;
	json_t *j;

	if (!read_array(r, key, v, PROFILE_SUBSCRIPTION_MAX))
		return false;
	json_array_foreach(v, i, j)
	{
		if (!read_subscription(r, key, j))
			return false;
	}
	return true;
}

static bool read_ranges(struct reading *r, const char *key, const json_t *v, bool deny)
{
	size_t i;
	json_t *j;

	if (!read_array(r, key, v, PROFILE_RANGE_MAX))
		return false;
	json_array_foreach(v, i, j)
	{
		const json_t *group = json_is_string(j) ? j : json_object_get(j, "group"),
			     *source = json_object_get(j, "source");
		struct prefix g, s = { 0 };

		if (!group || (json_is_object(j) && json_object_size(j) != 1 + !!source))
			return fail(r, "%s: each item is an object with a \"group\" and maybe a \"source\"", key);
		if (!read_prefix(r, key, group, true, &g) ||
		    (source && !json_is_null(source) && !read_prefix(r, key, source, false, &s)))
			return false;
		if (!profile_add_range(r->p, deny, &g, &s))
			return fail(r, "%s: out of memory", key);
	}
	return true;
}

static bool read_allow(struct reading *r, const char *key, const json_t *v)
{
	return read_ranges(r, key, v, false);
}

static bool read_deny(struct reading *r, const char *key, const json_t *v)
{
	return read_ranges(r, key, v, true);
}

static const struct key multicast_keys[] = {
	{ "enabled", read_mc_enabled },
	{ "initiation", read_initiation },
	{ "delivery", read_delivery },
	{ "max-groups", read_groups_max },
	{ "max-sources", read_sources_max },
	{ "subscriptions", read_subscriptions },
	{ "allow", read_allow },
	{ "deny", read_deny },
};

static bool read_multicast(struct reading *r, const char *key, const json_t *v)
{
	return read_keys(r, v, key, multicast_keys, sizeof(multicast_keys) / sizeof(multicast_keys[0]));
}

static const struct key keys[] = {
	{ "mn", read_mn },
	{ "enabled", read_enabled },
	{ "link-layer-addresses", read_lladdrs },
	{ "lma", read_lma },
	{ "prefixes", read_prefixes },
	{ "mags", read_mags },
	{ "multicast", read_multicast },
};

struct profile *profile_of_json(const json_t *j, char *why, size_t why_size)
{
	struct reading r = { .p = profile_new(), .why = why, .why_size = why_size };
	const json_t *mn = json_object_get(j, "mn");
	bool good;

	if (!r.p) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	/* The identifier first: the other errors name it. */
	good = !mn || read_mn(&r, "mn", mn);
	good = good && read_keys(&r, j, "", keys, sizeof(keys) / sizeof(keys[0]));
	if (good && !r.p->mn.len)
		good = fail(&r, "mn: is missing; give the node's identifier");
	if (good && mn_is_default(r.p->mn.s, r.p->mn.len) && (r.p->n_lladdrs || r.p->n_prefixes))
		good = fail(&r, "%s: a default serves many nodes and cannot hold what belongs to one",
			    r.p->n_lladdrs ? "link-layer-addresses" : "prefixes");
	return good ? r.p : profile_unref(r.p);
}

/* ---- writing ---- */
static json_t *address_json(const struct in6_addr *a)
{
	char buf[ADDR_STR_MAX];

	return json_string(addr_str(a, buf));
}

static json_t *prefix_json(const struct prefix *p)
{
	char buf[PREFIX_STR_MAX];

	return json_string(prefix_str(p, buf));
}

static json_t *subscription_json(const struct profile_subscription *s)
{
	json_t *j =
		json_pack("{s:o, s:[], s:b}", "group", address_json(&s->group), "sources", "mandatory", s->mandatory);
	char buf[STORE_TIME_MAX];

	for (size_t i = 0; i < s->n_sources; i++)
		json_array_append_new(json_object_get(j, "sources"), address_json(&s->sources[i]));
	if (s->start.ns)
		json_object_set_new(j, "start", json_string(store_time_str(s->start, buf)));
	if (s->end.ns != INT64_MAX)
		json_object_set_new(j, "end", json_string(store_time_str(s->end, buf)));
	return j;
}

static json_t *ranges_json(const struct profile_range *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *j = json_pack("{s:o}", "group", prefix_json(&v[i].group));

		if (v[i].source.len)
			json_object_set_new(j, "source", prefix_json(&v[i].source));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *multicast_json(const struct profile *p)
{
	json_t *m = json_object(), *subscriptions = json_array();

	for (size_t i = 0; i < p->n_subscriptions; i++)
		json_array_append_new(subscriptions, subscription_json(&p->subscriptions[i]));
	json_object_set_new(m, "enabled", json_boolean(p->multicast));
	json_object_set_new(m, "initiation", json_string(initiations[p->initiation]));
	json_object_set_new(m, "delivery", json_string(deliveries[p->delivery]));
	json_object_set_new(m, "max-groups", json_integer(p->groups_max));
	json_object_set_new(m, "max-sources", json_integer(p->sources_max));
	json_object_set_new(m, "subscriptions", subscriptions);
	json_object_set_new(m, "allow", ranges_json(p->allow, p->n_allow));
	json_object_set_new(m, "deny", ranges_json(p->deny, p->n_deny));
	return m;
}

json_t *profile_to_json(const struct profile *p)
{
	json_t *lladdrs = json_array(), *prefixes = json_array(), *mags = json_array(), *j = json_object();
	char buf[LLADDR_STR_MAX];

	for (size_t i = 0; i < p->n_lladdrs; i++)
		json_array_append_new(lladdrs, json_string(lladdr_str(&p->lladdrs[i], buf)));
	for (size_t i = 0; i < p->n_prefixes; i++)
		json_array_append_new(prefixes, prefix_json(&p->prefixes[i]));
	for (size_t i = 0; i < p->n_mags; i++)
		json_array_append_new(mags, address_json(&p->mags[i]));
	json_object_set_new(j, "mn", json_stringn(p->mn.s, p->mn.len));
	json_object_set_new(j, "enabled", json_boolean(p->enabled));
	json_object_set_new(j, "link-layer-addresses", lladdrs);
	if (!addr_is_any(&p->lma))
		json_object_set_new(j, "lma", address_json(&p->lma));
	json_object_set_new(j, "prefixes", prefixes);
	json_object_set_new(j, "mags", mags);
	json_object_set_new(j, "multicast", multicast_json(p));
	return j;
}

struct profile *profile_as(const struct profile *p, const struct nai *mn)
{
	struct profile *n = profile_new();
	bool good = n != NULL;

	if (!n)
		return NULL;
	n->version = p->version;
	n->mn = *mn;
	n->enabled = p->enabled;
	n->lma = p->lma;
	n->n_mags = p->n_mags;
	memcpy(n->mags, p->mags, p->n_mags * sizeof(p->mags[0]));
	n->multicast = p->multicast;
	n->initiation = p->initiation;
	n->delivery = p->delivery;
	n->groups_max = p->groups_max;
	n->sources_max = p->sources_max;
	for (size_t i = 0; good && i < p->n_subscriptions; i++) {
		const struct profile_subscription *s = &p->subscriptions[i];

		good = profile_add_subscription(n, &s->group, s->sources, s->n_sources, s->mandatory, s->start, s->end);
	}
	for (size_t i = 0; good && i < p->n_allow; i++)
		good = profile_add_range(n, false, &p->allow[i].group, &p->allow[i].source);
	for (size_t i = 0; good && i < p->n_deny; i++)
		good = profile_add_range(n, true, &p->deny[i].group, &p->deny[i].source);
	return good ? n : profile_unref(n);
}
