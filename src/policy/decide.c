/* SPDX-License-Identifier: BSD-2-Clause */
/* The decisions on a profile: which groups and sources a node may have (draft 4.1, decisions 18, 19, 23). */
#include "policy/profile.h"

#include "wire/mh.h"

#define LIST_MAX 1024 /* sources of one wish, whatever is configured: lists are built on the stack */

const char *policy_verdict_name(enum policy_verdict v)
{
	switch (v) {
	case POLICY_PERMIT:
		return "permit";
	case POLICY_SERVICE_OFF:
		return "service-off";
	case POLICY_DENIED_RANGE:
		return "denied-range";
	case POLICY_NOT_ALLOWED:
		return "not-allowed";
	case POLICY_SCOPE:
		return "scope";
	case POLICY_NOT_MULTICAST:
		return "not-multicast";
	case POLICY_SSM_NEEDS_SOURCE:
		return "ssm-needs-source";
	case POLICY_LIMIT_GROUPS:
		return "limit-groups";
	case POLICY_LIMIT_SOURCES:
		return "limit-sources";
	}
	return "?";
}

uint8_t policy_verdict_result(enum policy_verdict v)
{
	switch (v) {
	case POLICY_PERMIT:
		return MH_SUB_ACCEPTED;
	case POLICY_SERVICE_OFF:
		return MH_SUB_SERVICE_OFF;
	case POLICY_DENIED_RANGE:
	case POLICY_NOT_ALLOWED:
		return MH_SUB_PROHIBITED;
	case POLICY_SCOPE:
	case POLICY_NOT_MULTICAST:
	case POLICY_SSM_NEEDS_SOURCE:
		return MH_SUB_NOT_SUPPORTED;
	case POLICY_LIMIT_GROUPS:
	case POLICY_LIMIT_SOURCES:
		return MH_SUB_LIMIT;
	}
	return MH_SUB_NO_RESOURCES;
}

const char *sub_origin_name(uint8_t one_bit)
{
	switch ((enum sub_origin)one_bit) {
	case SUB_ORIGIN_PROFILE:
		return "profile";
	case SUB_ORIGIN_MLD:
		return "mld";
	case SUB_ORIGIN_CONTEXT:
		return "context";
	case SUB_ORIGIN_IMPLICIT:
		return "implicit";
	case SUB_ORIGIN_ADMIN:
		return "admin";
	case SUB_ORIGIN_REGISTRATION:
		return "registration";
	}
	return "?";
}

/* The scope nibble decides for SSM groups too: ff35::/32 is a site's own, whatever its service model. */
enum policy_verdict policy_scope(const struct policy_scopes *s, const struct in6_addr *group)
{
	unsigned scope = addr_scope(group);

	if (!addr_is_multicast(group))
		return POLICY_NOT_MULTICAST;
	if (scope <= MC_SCOPE_LINK || !(s->proxied & 1u << scope))
		return POLICY_SCOPE;
	return POLICY_PERMIT;
}

/* A range that names sources holds only requests that name one of them. */
static bool holds(const struct profile_range *r, const struct in6_addr *group, const struct in6_addr *source)
{
	if (!prefix_contains(&r->group, group))
		return false;
	if (r->source.len == 0)
		return true;
	return !addr_is_any(source) && prefix_contains(&r->source, source);
}

static bool any_holds(const struct profile_range *v, uint16_t n, const struct in6_addr *group,
		      const struct in6_addr *source)
{
	for (uint16_t i = 0; i < n; i++)
		if (holds(&v[i], group, source))
			return true;
	return false;
}

/* Does a static subscription, at whatever time, name it? */
static bool named_by_profile(const struct profile *p, const struct in6_addr *group, const struct in6_addr *source)
{
	for (uint16_t i = 0; i < p->n_subscriptions; i++) {
		const struct profile_subscription *s = &p->subscriptions[i];

		if (!addr_eq(&s->group, group))
			continue;
		if (s->n_sources == 0)
			return true;
		for (uint16_t k = 0; k < s->n_sources; k++)
			if (addr_eq(&s->sources[k], source))
				return true;
	}
	return false;
}

enum policy_verdict profile_permits(const struct profile *p, const struct in6_addr *group,
				    const struct in6_addr *source)
{
	if (!addr_is_multicast(group))
		return POLICY_NOT_MULTICAST;
	if (!p->multicast)
		return POLICY_SERVICE_OFF;
	if (addr_is_ssm(group) && addr_is_any(source))
		return POLICY_SSM_NEEDS_SOURCE;
	if (any_holds(p->deny, p->n_deny, group, source))
		return POLICY_DENIED_RANGE;
	if (named_by_profile(p, group, source))
		return POLICY_PERMIT;
	if (p->n_allow && !any_holds(p->allow, p->n_allow, group, source))
		return POLICY_NOT_ALLOWED;
	return POLICY_PERMIT;
}

static uint32_t limit_of(const struct profile *p, uint32_t sources_max)
{
	uint32_t max = p->sources_max ? p->sources_max : sources_max;

	return max && max < LIST_MAX ? max : LIST_MAX;
}

static struct filter restrict_include(const struct profile *p, const struct in6_addr *group, const struct filter *wish,
				      uint32_t max, enum policy_verdict *verdict)
{
	const struct in6_addr *sources = filter_sources(wish);
	struct in6_addr kept[LIST_MAX];
	size_t n = 0;
	bool oom = false;
	struct filter f;

	for (size_t i = 0; i < filter_count(wish); i++) {
		enum policy_verdict v = profile_permits(p, group, &sources[i]);

		if (v == POLICY_PERMIT && n == max)
			v = POLICY_LIMIT_SOURCES;
		if (v == POLICY_PERMIT)
			kept[n++] = sources[i];
		else if (*verdict == POLICY_PERMIT)
			*verdict = v;
	}
	if (n == filter_count(wish))
		return filter_dup(wish);
	f = filter_of(FILTER_INCLUDE, kept, n, &oom);
	if (oom)
		*verdict = POLICY_LIMIT_SOURCES;
	return f;
}

static struct filter restrict_exclude(const struct profile *p, const struct in6_addr *group, const struct filter *wish,
				      uint32_t max, enum policy_verdict *verdict)
{
	const struct in6_addr *sources = filter_sources(wish);
	struct in6_addr out[PROFILE_RANGE_MAX + LIST_MAX];
	size_t n = 0, wished = filter_count(wish);
	bool oom = false;
	struct filter f;

	*verdict = profile_permits(p, group, &addr_any);
	if (*verdict != POLICY_PERMIT)
		return FILTER_NONE;
	for (uint16_t i = 0; i < p->n_deny; i++)
		if (p->deny[i].source.len == 128 && prefix_contains(&p->deny[i].group, group))
			out[n++] = p->deny[i].source.addr;
	if (n == 0 && wished <= max)
		return filter_dup(wish);
	/* The node's own exclusions may be cut: it then gets more than it wished (RFC 3810 5.2.15 does likewise), never
	 * more than the profile permits. */
	if (wished > max) {
		*verdict = POLICY_LIMIT_SOURCES;
		wished = max;
	}
	for (size_t i = 0; i < wished; i++)
		out[n++] = sources[i];
	f = filter_of(FILTER_EXCLUDE, out, n, &oom);
	if (oom)
		*verdict = POLICY_LIMIT_SOURCES;
	return f;
}

struct filter profile_restrict(const struct profile *p, const struct in6_addr *group, const struct filter *wish,
			       uint32_t sources_max, enum policy_verdict *verdict)
{
	uint32_t max = limit_of(p, sources_max);

	*verdict = POLICY_PERMIT;
	if (filter_is_none(wish))
		return FILTER_NONE;
	return wish->mode == FILTER_INCLUDE ? restrict_include(p, group, wish, max, verdict)
					    : restrict_exclude(p, group, wish, max, verdict);
}
