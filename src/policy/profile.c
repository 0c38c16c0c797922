/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/profile.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct profile *profile_new(void)
{
	struct profile *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->refs = 1;
	p->enabled = true;
	p->multicast = true;
	p->initiation = PROFILE_INITIATION_NODE;
	p->delivery = PROFILE_DELIVERY_MULTICAST;
	return p;
}

/* The count is the one field of a shared profile that changes: the cast away from const is for it alone. */
struct profile *profile_ref(const struct profile *p)
{
	struct profile *shared = (struct profile *)(uintptr_t)p;

	assert(shared->refs > 0 && shared->refs < UINT32_MAX);
	shared->refs++;
	return shared;
}

struct profile *profile_unref(const struct profile *p)
{
	struct profile *shared = (struct profile *)(uintptr_t)p;

	if (!shared)
		return NULL;
	assert(shared->refs > 0);
	if (--shared->refs)
		return NULL;
	for (uint16_t i = 0; i < shared->n_subscriptions; i++)
		free(shared->subscriptions[i].sources);
	free(shared->subscriptions);
	free(shared->allow);
	free(shared->deny);
	free(shared);
	return NULL;
}

/* An array that is built by appending doubles at each power of two, so that its length alone says its room. */
static void *grown(void *array, size_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	return realloc(array, (n ? 2 * n : 1) * size);
}

bool profile_add_subscription(struct profile *p, const struct in6_addr *group, const struct in6_addr *sources, size_t n,
			      bool mandatory, wall_t start, wall_t end)
{
	struct profile_subscription *v, s = {.group = *group, .mandatory = mandatory, .start = start, .end = end};

	assert(p->refs == 1);
	if (p->n_subscriptions >= PROFILE_SUBSCRIPTION_MAX || n > PROFILE_SOURCE_MAX)
		return false;
	v = grown(p->subscriptions, p->n_subscriptions, sizeof(*v));
	if (!v)
		return false;
	p->subscriptions = v;
	if (n) {
		s.sources = malloc(n * sizeof(*sources));
		if (!s.sources)
			return false;
		memcpy(s.sources, sources, n * sizeof(*sources));
		s.n_sources = (uint16_t)n;
	}
	v[p->n_subscriptions++] = s;
	return true;
}

bool profile_add_range(struct profile *p, bool deny, const struct prefix *group, const struct prefix *source)
{
	struct profile_range **array = deny ? &p->deny : &p->allow;
	uint16_t *n = deny ? &p->n_deny : &p->n_allow;
	struct profile_range *v;

	assert(p->refs == 1);
	if (*n >= PROFILE_RANGE_MAX)
		return false;
	v = grown(*array, *n, sizeof(*v));
	if (!v)
		return false;
	*array = v;
	v[*n] = (struct profile_range){.group = *group};
	if (source)
		v[*n].source = *source;
	(*n)++;
	return true;
}

bool profile_allows_mag(const struct profile *p, const struct in6_addr *proxy_coa)
{
	for (uint8_t i = 0; i < p->n_mags; i++)
		if (addr_eq(&p->mags[i], proxy_coa))
			return true;
	return p->n_mags == 0;
}

static bool in_force(const struct profile_subscription *s, wall_t now)
{
	return s->start.ns <= now.ns && now.ns < s->end.ns;
}

const struct profile_subscription *profile_static(const struct profile *p, const struct in6_addr *group, wall_t now)
{
	for (uint16_t i = 0; i < p->n_subscriptions; i++)
		if (addr_eq(&p->subscriptions[i].group, group) && in_force(&p->subscriptions[i], now))
			return &p->subscriptions[i];
	return NULL;
}

wall_t profile_next_change(const struct profile *p, wall_t now)
{
	wall_t next = WALL_NEVER;

	for (uint16_t i = 0; i < p->n_subscriptions; i++) {
		const struct profile_subscription *s = &p->subscriptions[i];

		if (s->start.ns > now.ns && s->start.ns < next.ns)
			next = s->start;
		if (s->end.ns > now.ns && s->end.ns < next.ns)
			next = s->end;
	}
	return next;
}
