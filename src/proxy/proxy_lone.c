/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups of one any-source listener: a record of 32 octets, in a table by group and in a list by member. */
#include "proxy/proxy_priv.h"

#include <assert.h>

struct proxy_lone *proxy_lone_find(const struct proxy *p, const struct in6_addr *group)
{
	return itab_find(&p->lones, group);
}

_Static_assert(PROXY_AHEAD == ITAB_AHEAD, "they go on to the table");
void proxy_ahead(const struct proxy *p, const struct in6_addr *groups, size_t n)
{
	itab_ahead(&p->lones, groups, n);
}

struct proxy_member *proxy_lone_member(const struct proxy *p, const struct proxy_lone *x)
{
	return x->member ? pool_at(&p->members_pool, x->member) : NULL;
}

static struct proxy_lone *at(const struct proxy *p, uint32_t number)
{
	return number ? pool_at(&p->lone_pool, number) : NULL;
}

struct proxy_lone *proxy_lone_next(const struct proxy *p, const struct proxy_lone *x)
{
	return at(p, x->later);
}

struct proxy_lone *proxy_lone_first(const struct proxy_member *m)
{
	return at(m->proxy, m->lones);
}

/* ---- a member's list ---- */

static void lone_link(struct proxy_lone *x, struct proxy_member *m)
{
	struct proxy *p = m->proxy;
	struct proxy_lone *later = proxy_lone_first(m);

	x->member = pool_number(&p->members_pool, m) & 0x1fffffff;
	x->before = 0;
	x->later = m->lones;
	m->lones = pool_number(&p->lone_pool, x);
	if (later)
		later->before = m->lones;
	m->n_lones++;
}

static void lone_unlink(struct proxy *p, struct proxy_lone *x)
{
	struct proxy_member *m = proxy_lone_member(p, x);
	struct proxy_lone *before = at(p, x->before), *later = at(p, x->later);

	if (before)
		before->later = x->later;
	else
		m->lones = x->later;
	if (later)
		later->before = x->before;
	x->member = 0;
	x->later = x->before = 0;
	m->n_lones--;
}

/* ---- beginning and end ---- */

static void queue(struct proxy *p, struct proxy_lone *x)
{
	if (x->queued)
		return;
	x->queued = true;
	proxy_queue(p, &x->addr);
}

bool proxy_lone_again(struct proxy_lone *x, struct proxy_member *m)
{
	struct proxy *p = m->proxy;

	if (!proxy_outs_reserve(p, 1))
		return false;
	lone_link(x, m);
	p->n_groups++;
	p->outs[0] = proxy_out(m, &x->addr);
	proxy_emit_list(p, &x->addr, p->stamp, NULL, m->silent ? 0 : 1);
	queue(p, x);
	return true;
}

enum proxy_set_result proxy_lone_new(struct proxy_member *m, const struct in6_addr *group)
{
	struct proxy *p = m->proxy;
	struct proxy_lone *x = pool_get(&p->lone_pool);

	if (!x)
		return PROXY_OOM;
	x->addr = *group;
	if (!itab_add(&p->lones, x)) {
		pool_put(&p->lone_pool, x);
		return PROXY_OOM;
	}
	if (proxy_lone_again(x, m))
		return PROXY_OK;
	proxy_lone_free(p, x);
	return PROXY_OOM;
}

void proxy_lone_free(struct proxy *p, struct proxy_lone *x)
{
	assert(!x->member);
	itab_del(&p->lones, x);
	pool_put(&p->lone_pool, x);
}

void proxy_lone_end(struct proxy *p, struct proxy_lone *x)
{
	proxy_emit(p, DP_FLOW_DEL, &x->addr, NULL, NULL);
	lone_unlink(p, x);
	p->n_groups--;
	if (x->told) /* its end is to be told */
		queue(p, x);
	else
		proxy_lone_free(p, x);
}

/* ---- into the full form ---- */

enum proxy_set_result proxy_lone_unfold(struct proxy *p, struct proxy_lone *x, struct proxy_group **ret)
{
	struct proxy_member *m = proxy_lone_member(p, x);
	struct proxy_group *g = proxy_group_new(p, &x->addr);
	struct proxy_entry *e = g && m ? proxy_entry_new(m, g) : NULL;

	if (!g || (m && !e)) {
		if (g)
			proxy_group_release(p, g);
		return PROXY_OOM;
	}
	g->stamp = p->first_stamp;
	g->queued = x->queued;
	g->told = x->told ? FILTER_ANY : FILTER_NONE;
	if (e) {
		e->filter = FILTER_ANY;
		proxy_entry_link(e);
		lone_unlink(p, x);
	}
	proxy_lone_free(p, x);
	*ret = g;
	return PROXY_OK;
}

void proxy_lones_deinit(struct proxy *p)
{
	for (struct proxy_lone *x; (x = itab_pop(&p->lones));) {
		if (x->member) {
			proxy_emit(p, DP_FLOW_DEL, &x->addr, NULL, NULL);
			lone_unlink(p, x);
			p->n_groups--;
		}
		pool_put(&p->lone_pool, x);
	}
	itab_deinit(&p->lones);
	pool_deinit(&p->lone_pool);
}
