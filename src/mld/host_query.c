/* SPDX-License-Identifier: BSD-2-Clause */
/* Queries heard and when to answer them: RFC 3810 6.2, 8.2. */
#include <stdlib.h>

#include "mld/host_priv.h"

#define STEP_PACKETS	 16 /* packets of one step of an answer to a General Query */
#define ASKED_MAX	 4096 /* sources remembered from source-specific queries; beyond it, the whole state is the answer */
#define QUERY_RESPONSE_S 10 /* Query Response Interval as a listener assumes it, RFC 3810 9.3 */

/* ---- versions ---- */

/* A change of version cancels all that was scheduled (8.2.1); what was to be said at once is said, in the new version.
 */
void upstream_set_version(struct mld_upstream *up, bool v1)
{
	if (up->v1 == v1)
		return;
	up->v1 = v1;
	report_drop(up);
	up->walk = (struct walk){.at = MONO_NEVER};
	batch_drop_all(up);
	for (uint32_t i = 0; (i = pool_next(&up->groups, i));) {
		struct hgroup *g = pool_at(&up->groups, i);
		struct pending *p = hgroup_pending(up, g);

		g->left = g->left ? 1 : 0;
		if (!p)
			continue;
		p->resend_at = p->answer_at = MONO_NEVER;
		pending_resend_drop(p);
		p->mode_left = list_empty(&p->change) ? 0 : 1;
		filter_drop(&p->asked);
		p->asked_all = false;
		list_del(&p->answer);
		pending_arm(p);
		pending_settle(p);
	}
	upstream_arm(up);
}

static void note_version(struct mld_upstream *up, mono_t now, const struct mld_query *q)
{
	if (q->version == 1) {
		up->counter[MLD_HOST_QUERIES_V1]++;
		if (!up->conf.v1_only) {
			upstream_set_version(up, true);
			up->v1_until = mono_add(
			    now, (span_t){up->query_interval.ns * up->robustness + span_s(QUERY_RESPONSE_S).ns});
			upstream_arm(up);
		}
		return;
	}
	up->robustness = q->qrv ? q->qrv : up->conf.robustness;
	if (q->qqi.ns)
		up->query_interval = q->qqi;
}

/* ---- General Queries ---- */

/* Records that one step says: as many as STEP_PACKETS hold when they have no sources. */
static uint32_t step_records(const struct mld_upstream *up)
{
	return up->v1 ? STEP_PACKETS : STEP_PACKETS * ((up->conf.mtu - 40 - 8 - 8) / 20);
}

/* Spread over the interval that the query leaves, in as many steps as the groups need. */
static void walk_plan(struct mld_upstream *up, span_t max_resp)
{
	struct walk *w = &up->walk;
	uint32_t n = up->table.count, per = step_records(up);

	w->steps = n / per + (n % per != 0);
	w->per_step = per;
	w->step = (span_t){max_resp.ns / w->steps};
	w->begun = false;
	w->again = false;
}

/* It is under way: what it has passed is said again afterwards, and all within the delay of this query, too. */
static void walk_again(struct mld_upstream *up, mono_t now, span_t max_resp)
{
	struct walk *w = &up->walk;
	int64_t left = (int64_t)w->steps + 1 + up->table.count / w->per_step;

	w->again = true;
	w->step = span_max(span_min(w->step, (span_t){max_resp.ns / left}), span_ns(1));
	w->at = mono_min(w->at, mono_add(now, w->step));
	upstream_arm(up);
}

static void recv_general(struct mld_upstream *up, mono_t now, span_t max_resp)
{
	struct walk *w = &up->walk;
	mono_t at;

	if (!up->table.count)
		return;
	if (w->begun && !mono_is_never(w->at)) {
		walk_again(up, now, max_resp);
		return;
	}
	if (mono_is_never(w->at)) {
		walk_plan(up, max_resp);
		w->at = mono_add(now, hosts_delay(up->set, w->step));
	} else {
		struct walk was = *w;

		walk_plan(up, max_resp);
		at = mono_add(now, hosts_delay(up->set, w->step));
		if (mono_before(was.at, at)) /* rule 1 */
			*w = was;
		else
			w->at = at; /* rule 2 */
	}
	upstream_arm(up);
}

void walk_step(struct mld_upstream *up, mono_t now)
{
	struct walk *w = &up->walk;

	if (!w->begun) {
		w->begun = true;
		w->pos = 0;
		w->quota = 0;
	}
	if (w->steps)
		w->steps--;
	/* The last step takes what is left, groups that have come since included. */
	w->quota = w->steps && w->quota < UINT32_MAX - w->per_step ? w->quota + w->per_step : UINT32_MAX;
	w->at = w->steps ? mono_add(now, span_max(w->step, span_ns(1))) : MONO_NEVER;
	if (!w->steps && w->again) {
		/* This pass ends with what is to be said now; the next begins at the first group. */
		w->again = false;
		w->begun = false;
		w->steps = 1 + up->table.count / w->per_step;
		w->at = mono_add(now, span_max(w->step, span_ns(1)));
	}
	upstream_ready(up);
}

/* ---- specific queries ---- */

static void ask_sources(struct pending *p, const struct mld_query *q)
{
	struct in6_addr *v = malloc(q->n * sizeof(*v));
	struct filter more = FILTER_NONE, sum;
	bool oom = !v;

	if (v) {
		for (size_t i = 0; i < q->n; i++)
			v[i] = mld_source(q->sources, i);
		more = filter_of(FILTER_INCLUDE, v, q->n, &oom);
	}
	free(v);
	sum = filter_list_union(&p->asked, &more, &oom);
	filter_drop(&more);
	if (oom || filter_count(&sum) > ASKED_MAX) {
		filter_drop(&sum);
		p->asked_all = true;
	}
	filter_move(&p->asked, sum);
}

static void recv_specific(struct mld_upstream *up, mono_t now, const struct mld_query *q, span_t max_resp)
{
	struct hgroup *g = hgroup_find(up, &q->group);
	mono_t at = mono_add(now, hosts_delay(up->set, max_resp));
	struct pending *p;
	bool pending;

	if (!g || filter_is_none(hgroup_state(up, g)))
		return;
	/* Rule 1. A walk of several steps may pass this group late: that is no answer to rely on. */
	if (!up->walk.begun && up->walk.steps == 1 && mono_before(up->walk.at, at))
		return;
	p = pending_get(up, g);
	if (!p)
		return;
	pending = !mono_is_never(p->answer_at);
	if (!q->n || (pending && p->asked_all)) { /* rules 3 and 4 */
		p->asked_all = true;
		filter_drop(&p->asked);
	} else { /* rules 3 and 5 */
		ask_sources(p, q);
	}
	p->answer_at = pending ? mono_min(p->answer_at, at) : at;
	if (!pending_arm(p)) {
		p->answer_at = MONO_NEVER;
		pending_settle(p);
	}
}

/* Another listener of the group answered (RFC 2710 4): we need not. */
static void recv_v1_report(struct mld_upstream *up, const struct in6_addr *group)
{
	struct hgroup *g = up->v1 ? hgroup_find(up, group) : NULL;
	struct pending *p = g ? hgroup_pending(up, g) : NULL;

	if (!p || mono_is_never(p->answer_at))
		return;
	p->answer_at = MONO_NEVER;
	p->asked_all = false;
	filter_drop(&p->asked);
	pending_arm(p);
	pending_settle(p);
}

void mld_upstream_recv(struct mld_upstream *up, struct now now, const struct mld_packet *p)
{
	const struct mld_query *q = &p->query;
	span_t max_resp;

	if (p->type == MLD_V1_REPORT)
		recv_v1_report(up, &p->group);
	if (p->type != MLD_QUERY)
		return;
	up->counter[MLD_HOST_QUERIES_HEARD]++;
	note_version(up, now.mono, q);
	/* Never at once (6.3): all listeners of the link would. */
	max_resp = span_max(q->max_resp, span_ms(1));
	if (addr_is_any(&q->group))
		recv_general(up, now.mono, max_resp);
	else
		recv_specific(up, now.mono, q, max_resp);
}
