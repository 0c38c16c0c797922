/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said: records (RFC 3810 6.1, 6.3), packed into packets (5.2.15). */
#include <stdlib.h>

#include "mld/host_priv.h"

/* ---- records ---- */

/* Takes over `list`. */
static void out_put(struct mld_upstream *up, uint8_t type, const struct in6_addr *group, struct filter list)
{
	up->out[up->out_n++] = (struct outgoing){.type = type, .group = *group, .list = list};
}

static void out_done(struct mld_upstream *up)
{
	filter_drop(&up->out[up->out_i++].list);
	if (up->out_i == up->out_n)
		up->out_i = up->out_n = 0;
}

void report_drop(struct mld_upstream *up)
{
	while (up->out_i < up->out_n)
		out_done(up);
}

/* The sources of the Retransmission List that the state accepts (ALLOW), or does not (BLOCK). */
static struct filter resend_list(const struct pending *p, bool accepted, bool *oom)
{
	struct in6_addr *v = malloc(p->n_resend * sizeof(*v));
	struct filter f = FILTER_NONE;
	size_t n = 0;

	if (!v) {
		*oom = true;
		return f;
	}
	for (uint32_t i = 0; i < p->n_resend; i++)
		if (filter_accepts(hgroup_state(p->up, p->group), &p->resend[i].addr) == accepted)
			v[n++] = p->resend[i].addr;
	f = filter_of(FILTER_INCLUDE, v, n, oom);
	free(v);
	return f;
}

/* Each State Change Report that tells of a source counts for it, a Filter Mode Change Record too: its list is the
 * state. */
static void resend_count_down(struct pending *p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->n_resend; i++)
		if (--p->resend[i].left)
			p->resend[n++] = p->resend[i];
	p->up->set->extra -= (p->n_resend - n) * sizeof(*p->resend);
	p->n_resend = n;
	if (!n)
		pending_resend_drop(p);
}

/* As a change of mode, from nothing or to it. */
static void say_mode(struct mld_upstream *up, const struct hgroup *g)
{
	const struct filter *state = hgroup_state(up, g);

	if (up->v1)
		out_put(up, filter_is_none(state) ? MLD_V1_DONE : MLD_V1_REPORT, &g->addr, FILTER_NONE);
	else
		out_put(up, state->mode == FILTER_EXCLUDE ? MLD_CHANGE_TO_EXCLUDE : MLD_CHANGE_TO_INCLUDE, &g->addr,
			filter_dup(state));
}

static void say_batched(struct mld_upstream *up, struct hgroup *g)
{
	if (g->left) { /* else it is said otherwise by now */
		say_mode(up, g);
		g->left--;
	}
	batch_again(up, g);
}

static void say_change(struct pending *p)
{
	struct mld_upstream *up = p->up;
	const struct hgroup *g = p->group;
	bool oom = false;

	if (p->mode_left) {
		say_mode(up, g);
		p->mode_left--;
	} else if (p->n_resend && !up->v1) {
		struct filter allow = resend_list(p, true, &oom), block = resend_list(p, false, &oom);

		if (filter_count(&allow))
			out_put(up, MLD_ALLOW_NEW_SOURCES, &g->addr, allow);
		if (filter_count(&block))
			out_put(up, MLD_BLOCK_OLD_SOURCES, &g->addr, block);
	}
	if (p->n_resend)
		resend_count_down(p);
	list_del(&p->change);
	pending_settle(p);
}

/* The whole state as Current State Record. */
static void say_state(struct mld_upstream *up, const struct hgroup *g)
{
	const struct filter *state = hgroup_state(up, g);

	if (filter_is_none(state))
		return;
	if (up->v1)
		out_put(up, MLD_V1_REPORT, &g->addr, FILTER_NONE);
	else
		out_put(up, state->mode == FILTER_EXCLUDE ? MLD_MODE_IS_EXCLUDE : MLD_MODE_IS_INCLUDE, &g->addr,
			filter_dup(state));
}

static void say_answer(struct pending *p)
{
	struct mld_upstream *up = p->up;
	const struct hgroup *g = p->group;
	const struct filter *state = hgroup_state(up, g);
	bool oom = false;

	if (p->asked_all || up->v1) {
		say_state(up, g);
	} else if (!filter_is_none(state)) {
		struct filter f = state->mode == FILTER_INCLUDE ? filter_list_common(state, &p->asked, &oom)
								: filter_list_minus(&p->asked, state, &oom);

		if (filter_count(&f))
			out_put(up, MLD_MODE_IS_INCLUDE, &g->addr, f);
	}
	filter_drop(&p->asked);
	p->asked_all = false;
	list_del(&p->answer);
	pending_settle(p);
}

static bool say_walk(struct mld_upstream *up)
{
	struct walk *w = &up->walk;
	uint32_t next = w->quota ? pool_next(&up->groups, w->pos) : 0;

	if (!next) {
		w->quota = 0;
		return false;
	}
	w->quota--;
	w->pos = next;
	say_state(up, pool_at(&up->groups, next));
	return true;
}

/* The record to say next, NULL when there is none. News go before answers. */
static struct outgoing *out_next(struct mld_upstream *up)
{
	while (!up->out_n) {
		struct hgroup *g;
		struct list *n;

		if ((g = batch_next(up)))
			say_batched(up, g);
		else if ((n = list_first(&up->changes)))
			say_change(list_owner(n, struct pending, change));
		else if ((n = list_first(&up->answers)))
			say_answer(list_owner(n, struct pending, answer));
		else if (!say_walk(up))
			return NULL;
	}
	return &up->out[up->out_i];
}

/* ---- packets ---- */

static size_t build_v1(struct mld_upstream *up, const struct outgoing *o, struct in6_addr *ret_dst)
{
	size_t len = mld_encode_v1((enum mld_type)o->type, &o->group, &up->self, up->set->packet, up->conf.mtu);

	*ret_dst = o->type == MLD_V1_DONE ? addr_all_routers : o->group;
	out_done(up);
	up->counter[MLD_HOST_RECORDS_SENT]++;
	return len;
}

/* Put as much of the record into the report as it takes. False: the report is full. */
static bool report_take(struct mld_upstream *up, struct mld_report *r, struct outgoing *o)
{
	bool cut = o->type == MLD_MODE_IS_EXCLUDE || o->type == MLD_CHANGE_TO_EXCLUDE;
	size_t n = filter_count(&o->list) - o->said;
	int room = mld_report_room(r);

	if (room < 0 || (n > (size_t)room && r->n_records)) /* a long list gets a report of its own */
		return false;
	if (n > (size_t)room)
		n = (size_t)room;
	if (mld_report_add(r, o->type, &o->group, n ? filter_sources(&o->list) + o->said : NULL, n))
		up->counter[MLD_HOST_RECORDS_SENT]++;
	o->said += n;
	/* EXCLUDE cannot be said in pieces: what does not fit is not said (5.2.15), always the same since lists are
	 * sorted. */
	if (cut || o->said == filter_count(&o->list))
		out_done(up);
	return true;
}

static size_t build_v2(struct mld_upstream *up)
{
	struct mld_report r;
	struct outgoing *o;

	if (!mld_report_begin(&r, &up->self, up->set->packet, up->conf.mtu))
		return 0;
	while ((o = out_next(up)) && o->type != MLD_V1_REPORT && o->type != MLD_V1_DONE)
		if (!report_take(up, &r, o))
			break;
	return mld_report_finish(&r);
}

bool report_build(struct mld_upstream *up, struct mld_host_fx *ret)
{
	struct outgoing *o = out_next(up);
	struct in6_addr dst = addr_all_mldv2_routers;
	size_t len;

	if (!o)
		return false;
	if (o->type == MLD_V1_REPORT || o->type == MLD_V1_DONE)
		len = build_v1(up, o, &dst);
	else
		len = build_v2(up);
	if (!len)
		return false;
	up->counter[MLD_HOST_REPORTS_SENT]++;
	*ret = (struct mld_host_fx){
	    .upstream = up,
	    .owner = up->owner,
	    .packet = up->set->packet,
	    .len = len,
	    .dst = dst,
	};
	return true;
}
