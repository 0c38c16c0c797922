/* SPDX-License-Identifier: BSD-2-Clause */
/* The host side against a slow obvious model at random. Which moment within its delay a report takes is the engine's
 * choice; everything else is the model's: the records, what they hold, that none is missing and none is one too many.
 * Two routers listen: one hears all, the other as little as the Robustness Variable makes up for. A run that fails
 * tells its seed; SEED=n repeats it with a trace, RUNS=n makes more. */
#include "base/rng.h"
#include "mld/host_model_testing.h"
#include "mld/host_priv.h"

#define GROUPS                                                                                                         \
	5 /* the first is a beacon: no specific query asks for it, so it is in answers to General Queries alone */
#define URI_MS 1000

struct run {
	uint64_t seed;
	bool loud, v2_only, deaf;
	unsigned sources; /* in use */
	struct rng rng;
	struct mld_hosts *set;
	struct mld_upstream *up;
	struct now now;
	struct model model[GROUPS];
	unsigned robustness, conf_robustness;
	int64_t query_interval, v1_until; /* v1_until: 0 in MLDv2 mode */
	struct {
		int64_t at, end;
	} general[QUERIES];
	unsigned n_general;
	unsigned form[GROUPS];
};

/* How often the runs came by what they are to come by. */
static struct {
	unsigned merged, mode_and_list, allow_and_block, resaid, pieces, cut, announced;
	unsigned general, generals_merged, specific, queries_merged, about_sources, spared, v1_changes, v1_answers,
	    v1_spared, to_v1, to_v2, repaired;
	unsigned form[5][5];
} seen;

__attribute__((format(printf, 3, 4), noreturn)) static void wrong(const struct run *r, unsigned g, const char *format,
								  ...)
{
	char s[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(s, sizeof(s), format, ap);
	va_end(ap);
	print_error("SEED=%llu at %.6f s, group %u: %s\n", (unsigned long long)r->seed, (double)r->now.mono.ns / 1e9, g,
		    s);
	fail();
	abort();
}

__attribute__((format(printf, 2, 3))) static void trace(const struct run *r, const char *format, ...)
{
	char s[1024];
	va_list ap;

	if (!r->loud)
		return;
	va_start(ap, format);
	vsnprintf(s, sizeof(s), format, ap);
	va_end(ap);
	print_message("%.6f %s\n", (double)r->now.mono.ns / 1e9, s);
}

static const char *set_text(const struct set *set)
{
	static char s[4][SOURCES + 1];
	static unsigned turn;
	char *p = s[turn = (turn + 1) % 4];
	unsigned last = 0;

	for (unsigned i = 0; i < SOURCES; i++) {
		p[i] = set->of[i] ? '1' : '.';
		last = set->of[i] ? i + 1 : last;
	}
	p[last] = '\0';
	return p;
}

static bool v1(const struct run *r)
{
	return r->v1_until != 0;
}

/* ---- a fetch of reports against the model ---- */

static bool said_any(const struct said *s, unsigned from, unsigned to)
{
	bool any = false;

	for (unsigned t = from; t <= to; t++)
		any = any || s->n[t];
	return any;
}

static bool may_repeat(const struct run *r, const struct model *m)
{
	return pending(m) && m->said_at < r->now.mono.ns;
}

static void check_change(struct run *r, unsigned g, const struct said *s)
{
	struct model *m = &r->model[g];
	bool any = said_any(s, MLD_CHANGE_TO_INCLUDE, MLD_BLOCK_OLD_SOURCES);
	struct said want;

	if (m->due && !any)
		wrong(r, g, "its change is not said at once");
	if (!any)
		return;
	if (!m->due && !may_repeat(r, m))
		wrong(r, g, "a change is said that was not made");
	want = compose(m);
	for (unsigned t = MLD_CHANGE_TO_INCLUDE; t <= MLD_BLOCK_OLD_SOURCES; t++) {
		if (!s->n[t] != !want.n[t] || !set_eq(&s->list[t], &want.list[t]))
			wrong(r, g, "%s of %u sources where the model says %u of them: %s not %s",
			      mld_record_name((uint8_t)t), set_count(&s->list[t]), set_count(&want.list[t]),
			      set_text(&s->list[t]), set_text(&want.list[t]));
		seen.pieces += s->n[t] > 1;
	}
	seen.allow_and_block += want.n[MLD_ALLOW_NEW_SOURCES] && want.n[MLD_BLOCK_OLD_SOURCES];
	seen.cut += want.n[MLD_CHANGE_TO_EXCLUDE] && set_count(&m->state.list) > IN_FULL;
	seen.resaid += !m->due;
	count_down(m);
	m->due = false;
	m->said_at = r->now.mono.ns;
}

/* A record of the answer to a General Query, or to one about the group. */
static void check_whole(struct run *r, unsigned g, const struct said *s)
{
	const struct model *m = &r->model[g];
	unsigned t = m->state.exclude ? MLD_MODE_IS_EXCLUDE : MLD_MODE_IS_INCLUDE;
	struct set list = m->state.exclude ? set_cut(m->state.list) : m->state.list;

	if (state_is_none(&m->state) ? said_any(s, 1, 2) : !s->n[t] || s->n[3 - t] || !set_eq(&s->list[t], &list))
		wrong(r, g, "the General Query is not answered with its state");
}

static bool answers(const struct model *m, unsigned subset, const struct said *s)
{
	unsigned t;
	struct state a;
	struct set asked = {0};
	bool all = false;

	for (unsigned i = 0; i < m->n_queries; i++) {
		if (!(subset & 1u << i))
			continue;
		all = all || m->query[i].all;
		for (unsigned k = 0; k < SOURCES; k++)
			asked.of[k] = asked.of[k] || m->query[i].asked.of[k];
	}
	a = answer(&m->state, all, &asked);
	if (a.exclude)
		a.list = set_cut(a.list);
	t = a.exclude ? MLD_MODE_IS_EXCLUDE : MLD_MODE_IS_INCLUDE;
	return !state_is_none(&a) && s->n[t] && !s->n[3 - t] && set_eq(&s->list[t], &a.list);
}

static void drop_queries(struct model *m, unsigned subset)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->n_queries; i++)
		if (!(subset & 1u << i))
			m->query[n++] = m->query[i];
	m->n_queries = n;
}

/* The answer is that to all queries that must be answered and to some that may be: it is taken for that to most of
 * them. */
static void check_specific(struct run *r, unsigned g, const struct said *s)
{
	struct model *m = &r->model[g];
	unsigned must = 0, best = 0;

	for (unsigned i = 0; i < m->n_queries; i++)
		must |= m->query[i].binding == MUST ? 1u << i : 0;
	for (unsigned subset = 1; subset < 1u << m->n_queries; subset++)
		if ((subset & must) == must && __builtin_popcount(subset) > __builtin_popcount(best) &&
		    answers(m, subset, s))
			best = subset;
	if (!best)
		wrong(r, g, "an answer that nobody asked for, or another one: IS_IN %u %s, IS_EX %u", s->n[1],
		      set_text(&s->list[1]), s->n[2]);
	seen.specific++;
	seen.queries_merged += __builtin_popcount(best) > 1;
	seen.about_sources += s->n[1] && !state_eq(&m->state, &(struct state){false, s->list[1]});
	drop_queries(m, best);
}

/* In MLDv1 mode one message says all: which of the reasons that there are to send it? */
static void check_v1(struct run *r, unsigned g, const struct said *s, bool general)
{
	struct model *m = &r->model[g];
	bool none = state_is_none(&m->state);
	unsigned n = s->n_v1;

	if (s->n_done != (m->due && none))
		wrong(r, g, "%u times Done", s->n_done);
	if (n && none)
		wrong(r, g, "reported though nobody listens");
	if (m->due && !none && !n--)
		wrong(r, g, "not reported at once");
	if (m->due) {
		seen.v1_changes++;
		count_down(m);
		m->due = false;
		m->said_at = r->now.mono.ns;
	}
	if (general && !none && !n--)
		wrong(r, g, "the General Query is not answered");
	if (!n)
		return;
	if (may_repeat(r, m)) {
		count_down(m);
		m->said_at = r->now.mono.ns;
		n--;
	} else if (m->n_queries) {
		m->n_queries = 0;
		seen.v1_answers++;
		n--;
	}
	if (n)
		wrong(r, g, "%u reports too many", n);
}

/* What a router that hears all knows, and what one that misses as many reports as may get lost. */
static void routers_learn(struct run *r, unsigned g, const struct said *s, bool general)
{
	struct model *m = &r->model[g];
	bool lost = r->deaf && m->missed + 1 < r->robustness && rng_below(&r->rng, 4);

	for (unsigned t = MLD_MODE_IS_INCLUDE; t <= MLD_BLOCK_OLD_SOURCES; t++) {
		if (!s->n[t])
			continue;
		if (general && t == MLD_MODE_IS_INCLUDE)
			m->heard = (struct state){false, s->list[t]};
		else
			state_learn(&m->heard, (enum mld_record_type)t, &s->list[t]);
		if (!lost && t >= MLD_CHANGE_TO_INCLUDE)
			state_learn(&m->deaf, (enum mld_record_type)t, &s->list[t]);
	}
	if (said_any(s, MLD_CHANGE_TO_INCLUDE, MLD_BLOCK_OLD_SOURCES))
		m->missed = lost ? m->missed + 1 : 0;
	if (s->n_v1)
		m->heard = (struct state){.exclude = true};
	if (s->n_done)
		m->heard = (struct state){0};
	m->exact = (m->exact || (general && said_any(s, 1, 2))) && !v1(r) &&
		   !(m->state.exclude && set_count(&m->state.list) > IN_FULL);
	if (m->exact ? !state_eq(&m->heard, &m->state) : !state_covers(&m->heard, &m->state))
		wrong(r, g, "the router knows %s %s, and the state is %s %s", m->heard.exclude ? "EX" : "IN",
		      set_text(&m->heard.list), m->state.exclude ? "EX" : "IN", set_text(&m->state.list));
	if (r->deaf && !pending(m) && !m->due) {
		if (!state_eq(&m->deaf, &m->state))
			wrong(r, g, "the router that missed some knows %s %s", m->deaf.exclude ? "EX" : "IN",
			      set_text(&m->deaf.list));
		seen.repaired += m->missed > 0;
	}
}

/* Absent, as a struct hgroup alone (at rest, or to be said again), with sources, or with more than that to be said. */
static unsigned form_of(const struct run *r, const struct in6_addr *group)
{
	const struct hgroup *g = hgroup_find(r->up, group);

	return !g ? 0 : hgroup_pending(r->up, g) ? 4 : g->detail ? 3 : g->batched ? 2 : 1;
}

static struct in6_addr group_of(unsigned g)
{
	struct in6_addr a = address("ff0e::");

	a.s6_addr[15] = (uint8_t)(g + 1);
	return a;
}

static struct in6_addr source_of(unsigned i)
{
	struct in6_addr a = address("2001:db8::");

	a.s6_addr[15] = (uint8_t)(i + 1);
	return a;
}

static void check_state(struct run *r, unsigned g)
{
	struct in6_addr group = group_of(g);
	struct filter f = FILTER_NONE;
	struct state has = {0};
	unsigned form = form_of(r, &group);

	if (mld_upstream_get(r->up, &group, &f)) {
		has.exclude = f.mode == FILTER_EXCLUDE;
		for (size_t i = 0; i < filter_count(&f); i++)
			has.list.of[filter_sources(&f)[i].s6_addr[15] - 1] = true;
		filter_drop(&f);
	}
	if (!state_eq(&has, &r->model[g].state))
		wrong(r, g, "its state is another one");
	seen.form[r->form[g]][form]++;
	r->form[g] = form;
}

static void read_report(struct run *r, const struct mld_packet *p, struct said said[GROUPS])
{
	struct mld_record rec;

	for (size_t cursor = 0; mld_next_record(p, &cursor, &rec);) {
		struct said *s = &said[rec.group.s6_addr[15] - 1];

		s->n[rec.type]++;
		for (size_t i = 0; i < rec.n; i++) {
			unsigned k = mld_source(rec.sources, i).s6_addr[15] - 1u;

			if (s->list[rec.type].of[k])
				wrong(r, rec.group.s6_addr[15] - 1u, "source %u is said twice", k);
			s->list[rec.type].of[k] = true;
		}
		trace(r, "  %s group %u %s", mld_record_name(rec.type), rec.group.s6_addr[15] - 1u,
		      set_text(&s->list[rec.type]));
	}
}

static void fetch(struct run *r, struct said said[GROUPS])
{
	struct mld_host_fx fx;
	size_t room = 0; /* left in the packet before */

	while (mld_hosts_pop(r->set, &fx)) {
		struct mld_record first;
		struct mld_packet p;
		size_t cursor = 0;

		assert_int_equal(mld_decode(fx.packet, fx.len, &p), MLD_OK);
		assert_true(fx.len <= MTU);
		if (p.type == MLD_V2_REPORT && !v1(r)) {
			assert_true(mld_next_record(&p, &cursor, &first));
			assert_true(20 + 16u * first.n > room); /* packed to the MTU */
			room = MTU - fx.len;
			read_report(r, &p, said);
		} else if (p.type == MLD_V1_REPORT && v1(r)) {
			said[p.group.s6_addr[15] - 1].n_v1++;
			trace(r, "  Report group %u", p.group.s6_addr[15] - 1u);
		} else if (p.type == MLD_V1_DONE && v1(r)) {
			said[p.group.s6_addr[15] - 1].n_done++;
			trace(r, "  Done group %u", p.group.s6_addr[15] - 1u);
		} else {
			wrong(r, 0, "a message of type %u in the wrong version", p.type);
		}
	}
}

/* An answer to the General Queries is one to all that were heard before. */
static void generals_answered(struct run *r)
{
	if (!r->n_general || r->general[0].at >= r->now.mono.ns)
		wrong(r, 0, "an answer to a General Query that was not asked");
	seen.general++;
	seen.generals_merged += r->n_general > 1;
	r->n_general = 0;
	for (unsigned g = 0; g < GROUPS; g++)
		for (unsigned i = 0; i < r->model[g].n_queries; i++)
			if (r->model[g].query[i].binding == MUST_OR_GENERAL) {
				r->model[g].query[i].binding = MAY;
				seen.spared++;
			}
}

static void fetch_and_check(struct run *r)
{
	struct said said[GROUPS] = {0};
	const struct model *beacon = &r->model[0];
	bool general;

	fetch(r, said);
	/* The beacon's own change and its repetitions are the only other reasons to name it. */
	general = v1(r) ? said[0].n_v1 > beacon->due && !pending(beacon) : said_any(&said[0], 1, 2);
	if (general)
		generals_answered(r);
	for (unsigned g = 0; g < GROUPS; g++) {
		if (v1(r)) {
			check_v1(r, g, &said[g], general);
		} else {
			check_change(r, g, &said[g]);
			if (general)
				check_whole(r, g, &said[g]);
			else if (said_any(&said[g], MLD_MODE_IS_INCLUDE, MLD_MODE_IS_EXCLUDE))
				check_specific(r, g, &said[g]);
		}
		routers_learn(r, g, &said[g], general);
		check_state(r, g);
	}
	if (mld_upstream_version(r->up) != (v1(r) ? 1 : 2))
		wrong(r, 0, "speaks version %u", mld_upstream_version(r->up));
}

/* ---- time ---- */

/* All that was scheduled is cancelled (8.2.1). */
static void switch_version(struct run *r, int64_t v1_until)
{
	for (unsigned g = 0; g < GROUPS; g++) {
		struct model *m = &r->model[g];

		forget_counters(m);
		m->n_queries = 0;
		m->exact = false;
		if (v1_until && !state_is_none(&m->heard)) /* a router of MLDv1 knows of groups alone */
			m->heard = (struct state){.exclude = true};
	}
	r->n_general = 0;
	seen.to_v1 += v1_until != 0;
	seen.to_v2 += v1_until == 0;
	r->v1_until = v1_until;
}

/* Nothing may be overdue. */
static void model_time(struct run *r)
{
	int64_t now = r->now.mono.ns;

	for (unsigned g = 0; g < GROUPS; g++) {
		struct model *m = &r->model[g];
		unsigned over = 0;

		if (pending(m) && m->said_at + span_ms(URI_MS).ns < now)
			wrong(r, g, "its change is not repeated in time");
		for (unsigned i = 0; i < m->n_queries; i++) {
			struct state a = query_answer(m, &m->query[i]);

			if (m->query[i].end >= now)
				continue;
			if (m->query[i].binding != MAY && !state_is_none(&a))
				wrong(r, g, "a query is not answered in time");
			over |= 1u << i;
		}
		drop_queries(m, over);
	}
	for (unsigned i = 0; i < r->n_general; i++)
		if (r->general[i].end < now)
			wrong(r, 0, "a General Query is not answered in time");
	if (v1(r) && r->v1_until <= now)
		switch_version(r, 0);
}

static void run_until(struct run *r, mono_t end)
{
	for (;;) {
		mono_t next = mono_min(end, mld_hosts_next_deadline(r->set));

		r->now.mono = next;
		model_time(r);
		mld_hosts_expire(r->set, r->now);
		assert_true(mono_before(next, mld_hosts_next_deadline(r->set)));
		fetch_and_check(r);
		if (next.ns == end.ns)
			return;
	}
}

/* ---- what happens ---- */

static void set_state(struct run *r, unsigned g, struct state to)
{
	struct in6_addr group = group_of(g), v[SOURCES];
	struct filter f;
	bool oom = false;
	size_t n = 0;

	for (unsigned i = 0; i < SOURCES; i++)
		if (to.list.of[i])
			v[n++] = source_of(i);
	f = filter_of(to.exclude ? FILTER_EXCLUDE : FILTER_INCLUDE, v, n, &oom);
	trace(r, "set group %u %s %s", g, to.exclude ? "EX" : "IN", set_text(&to.list));
	assert_true(mld_upstream_set(r->up, r->now, &group, &f));
	filter_drop(&f);
	if (state_eq(&r->model[g].state, &to))
		return;
	seen.merged += pending(&r->model[g]);
	seen.mode_and_list += r->model[g].mode_left && r->model[g].state.exclude == to.exclude;
	model_change(&r->model[g], to, r->robustness, v1(r));
}

static void random_change(struct run *r)
{
	unsigned g = (unsigned)rng_below(&r->rng, GROUPS), how = (unsigned)rng_below(&r->rng, 8);
	struct state to = r->model[g].state;

	if (v1(r) && (!g || r->model[g].n_queries)) /* else it could not be told what a report is for */
		return;
	if (how == 0)
		to = (struct state){.exclude = true};
	else if (how == 1 && g)
		to = (struct state){0};
	else if (how < 5)
		for (unsigned i = 0; i < 2; i++) {
			unsigned k = (unsigned)rng_below(&r->rng, r->sources);

			to.list.of[k] = !to.list.of[k];
		}
	else
		for (unsigned i = 0, in_ten = 1 + (unsigned)rng_below(&r->rng, 9); i < r->sources; i++)
			to.list.of[i] = rng_below(&r->rng, 10) < in_ten;
	if (how > 5)
		to.exclude = !to.exclude;
	if (!g && state_is_none(&to))
		to.exclude = true;
	set_state(r, g, to);
}

static void hear(struct run *r, const uint8_t *bytes, size_t len)
{
	struct mld_packet p;

	assert_true(len > 0);
	assert_int_equal(mld_decode(bytes, len, &p), MLD_OK);
	mld_upstream_recv(r->up, r->now, &p);
}

static void model_version(struct run *r, const struct mld_query *q)
{
	if (q->version == 2) {
		r->robustness = q->qrv ? q->qrv : r->conf_robustness;
		r->query_interval = q->qqi.ns ? q->qqi.ns : r->query_interval;
	} else if (r->v1_until != INT64_MAX) {
		int64_t until = r->now.mono.ns + r->query_interval * r->robustness + span_s(10).ns; /* 9.12 */

		if (!v1(r))
			switch_version(r, until);
		r->v1_until = until;
	}
}

static struct mld_query random_query(struct run *r)
{
	static const int64_t delays_ms[] = {0, 1, 100, 1000, 5000, 40000}, intervals_s[] = {0, 1, 10, 125, 200};
	struct mld_query q = {.version = 2, .max_resp = span_ms(delays_ms[rng_below(&r->rng, 6)])};

	if (!r->v2_only && rng_below(&r->rng, 4) == 0) {
		q.version = 1;
		return q;
	}
	q.qqi = span_s(intervals_s[rng_below(&r->rng, 5)]);
	if (!r->deaf && rng_below(&r->rng, 2))
		q.qrv = (uint8_t)rng_below(&r->rng, 8);
	return q;
}

static void send_query(struct run *r, const struct mld_query *q, const struct in6_addr *v)
{
	struct in6_addr src = address("fe80::1"), dst = addr_is_any(&q->group) ? addr_all_nodes : q->group;
	uint8_t bytes[4096];

	hear(r, bytes, mld_encode_query(q, v, &src, &dst, bytes, sizeof(bytes)));
}

static void random_general(struct run *r)
{
	struct mld_query q = random_query(r);
	int64_t now = r->now.mono.ns;

	if (r->n_general == QUERIES)
		return;
	trace(r, "General Query v%u, %lld ms, QRV %u", q.version, (long long)span_to_ms(q.max_resp), q.qrv);
	model_version(r, &q);
	r->general[r->n_general].at = now;
	r->general[r->n_general++].end = now + span_max(q.max_resp, span_ms(1)).ns;
	send_query(r, &q, NULL);
}

static void random_specific(struct run *r)
{
	unsigned g = 1 + (unsigned)rng_below(&r->rng, GROUPS - 1);
	struct mld_query q = random_query(r);
	struct model *m = &r->model[g];
	struct query new = {.at = r->now.mono.ns};
	struct in6_addr v[SOURCES];

	if (m->n_queries == QUERIES || (v1(r) && pending(m)))
		return;
	for (unsigned i = 0; q.version == 2 && i < r->sources && rng_below(&r->rng, 40); i++)
		if (rng_below(&r->rng, 4) == 0) {
			v[q.n++] = source_of(i);
			new.asked.of[i] = true;
		}
	if (rng_below(&r->rng, 4) == 0) {
		q.n = 0;
		memset(&new.asked, 0, sizeof(new.asked));
	}
	q.group = group_of(g);
	trace(r, "Query v%u group %u, %lld ms, QRV %u, %s", q.version, g, (long long)span_to_ms(q.max_resp), q.qrv,
	      set_text(&new.asked));
	model_version(r, &q);
	new.all = !q.n || v1(r);
	new.end = new.at + span_max(q.max_resp, span_ms(1)).ns;
	new.binding = r->n_general ? MUST_OR_GENERAL : MUST;
	if (!state_is_none(&m->state))
		m->query[m->n_queries++] = new;
	send_query(r, &q, v);
}

/* Another listener's report spares us ours, in MLDv1 mode (RFC 2710 4). */
static void other_report(struct run *r)
{
	unsigned g = 1 + (unsigned)rng_below(&r->rng, GROUPS - 1);
	struct in6_addr group = group_of(g), src = address("fe80::99");
	uint8_t bytes[256];

	trace(r, "another's Report group %u", g);
	hear(r, bytes, mld_encode_v1(MLD_V1_REPORT, &group, &src, bytes, sizeof(bytes)));
	if (!v1(r))
		return;
	seen.v1_spared += r->model[g].n_queries > 0;
	r->model[g].n_queries = 0;
}

static void random_event(struct run *r)
{
	switch (rng_below(&r->rng, 16)) {
	case 0:
		random_general(r);
		break;
	case 1:
	case 2:
	case 3:
		random_specific(r);
		break;
	case 4:
		other_report(r);
		break;
	case 5:
		if (v1(r) || rng_below(&r->rng, 4))
			break;
		trace(r, "announce");
		mld_upstream_announce(r->up, r->now);
		for (unsigned g = 0; g < GROUPS; g++)
			model_announce(&r->model[g], r->robustness);
		seen.announced++;
		break;
	default:
		for (uint64_t n = 1 + rng_below(&r->rng, 2) * rng_below(&r->rng, 3); n; n--)
			random_change(r);
	}
	fetch_and_check(r);
}

static span_t random_pause(struct run *r)
{
	switch (rng_below(&r->rng, 12)) {
	case 0:
		return span_ms((int64_t)rng_below(&r->rng, 300000));
	case 1:
		return span_ms(URI_MS);
	case 2:
		return span_s(0);
	default:
		return span_ms((int64_t)rng_below(&r->rng, 1200));
	}
}

static void random_run(uint64_t seed, bool loud)
{
	enum {
		DEAF,
		QUERIER,
		LONG,
		VERSIONS,
		V1_ONLY
	} kind = seed % 5;
	struct mld_host_conf conf = {.unsolicited_interval = span_ms(URI_MS), .mtu = MTU, .v1_only = kind == V1_ONLY};
	struct in6_addr self = address("fe80::7");
	struct run r = {.seed = seed, .loud = loud, .rng = rng_of(seed), .now.mono = {1000000000}};

	r.v2_only = kind != VERSIONS && kind != V1_ONLY;
	r.deaf = kind == DEAF;
	r.sources = kind == LONG ? SOURCES : 8;
	conf.robustness = (uint8_t)(1 + seed / 5 % 9); /* more than a query can say, too */
	r.robustness = r.conf_robustness = conf.robustness;
	r.query_interval = span_s(125).ns;
	r.v1_until = conf.v1_only ? INT64_MAX : 0;
	for (unsigned g = 0; g < GROUPS; g++)
		r.model[g].exact = true;
	r.set = mld_hosts_new(seed);
	r.up = mld_upstream_new(r.set, &conf, &self, NULL);
	set_state(&r, 0, (struct state){.exclude = true});
	fetch_and_check(&r);
	run_until(&r, mono_add(r.now.mono, span_s(20)));
	for (unsigned i = 0; i < 400; i++) {
		random_event(&r);
		run_until(&r, mono_add(r.now.mono, random_pause(&r)));
	}
	run_until(&r, mono_add(r.now.mono, span_s(60)));
	for (unsigned g = 0; g < GROUPS; g++)
		set_state(&r, g, (struct state){0});
	fetch_and_check(&r);
	r.n_general = 0;
	run_until(&r, mono_add(r.now.mono, span_s(10)));
	assert_int_equal(mld_upstream_groups(r.up), 0); /* all is said, and nothing kept */
	mld_hosts_free(r.set);
}

static void test_random(void **state)
{
	const char *one = getenv("SEED"), *runs = getenv("RUNS");
	uint64_t n = runs ? strtoull(runs, NULL, 10) : 200;

	(void)state;
	if (one)
		random_run(strtoull(one, NULL, 10), true);
	for (uint64_t seed = 1; !one && seed <= n; seed++)
		random_run(seed, false);
}

/* The runs came by all that the model tells apart, and by every form that the engine keeps a group in. */
static void test_nothing_was_missed(void **state)
{
	const unsigned often[] = {
	    seen.merged,	  seen.mode_and_list, seen.allow_and_block, seen.resaid,
	    seen.pieces,	  seen.cut,	      seen.announced,	    seen.general,
	    seen.generals_merged, seen.specific,      seen.queries_merged,  seen.about_sources,
	    seen.spared,	  seen.v1_changes,    seen.v1_answers,	    seen.v1_spared,
	    seen.to_v1,		  seen.to_v2,	      seen.repaired,
	};
	static const uint8_t forms[][2] = {
	    {0, 2}, {2, 1}, {1, 2}, {2, 0}, /* any-source comes, rests, goes: never more than a struct hgroup */
	    {0, 4}, {4, 3}, {3, 4}, {4, 0}, /* sources, or queries */
	    {2, 4}, {1, 4}, {4, 2}, {4, 1}, /* from one to the other and back */
	};

	(void)state;
	if (getenv("SEED"))
		skip();
	for (size_t i = 0; i < sizeof(often) / sizeof(*often); i++)
		if (often[i] < 20)
			fail_msg("counter %zu: %u times", i, often[i]);
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (seen.form[forms[i][0]][forms[i][1]] < 20)
			fail_msg("from form %u to %u: %u times", forms[i][0], forms[i][1],
				 seen.form[forms[i][0]][forms[i][1]]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_nothing_was_missed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
