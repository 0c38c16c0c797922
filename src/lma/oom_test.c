/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that ends at any allocation: a registration is refused, dropped or done, never half, and the engine recovers.
 */
#include "lma/testing.h"

#include "base/memory_testing.h"
#include "base/rng.h"

static struct rig_sent query; /* the last Subscription Query that was seen */

/* Effects may be lost with the memory, so there is no model of the data plane here. */
static void drain(struct rig *r, long limit)
{
	struct fx fx;

	while (lma_pop(r->lma, &fx)) {
		if (fx.kind == FX_MH && fx.mh.bytes[2] == MH_SUBSCRIPTION_QUERY) {
			query.dst = fx.mh.dst;
			(void)mh_decode(&(struct mh_conf){r->conf.pen}, fx.mh.bytes, fx.mh.len, NULL, NULL, &query.m);
		}
		if (fx.kind != FX_PROFILE)
			continue;
		uint32_t request = fx.profile.request;

		memory_left = limit;
		lma_profile(r->lma, r->now, request, r->profiles[0]);
		memory_left = -1;
	}
}

static void one_message(struct rig *r, struct rng *rng, long limit)
{
	unsigned node = (unsigned)rng_below(rng, 12), mag = (unsigned)rng_below(rng, RIG_MAGS);
	uint8_t bytes[MH_LEN_MAX];
	struct mh_msg *m;
	char mn[64], group[32];
	size_t len;

	snprintf(mn, sizeof(mn), node & 1 ? "mn%u@example.com" : "a-node-with-a-long-name-%u@example.com", node);
	m = rig_pbu(r, mn, (uint8_t)node);
	m->handoff = (uint8_t)(1 + rng_below(rng, 5));
	m->lifetime_4s = rng_below(rng, 4) ? 10 : 0;
	for (unsigned g = (unsigned)rng_below(rng, 4); g; g--) {
		snprintf(group, sizeof(group), "ff3e::%u", 1 + (unsigned)rng_below(rng, 4));
		rig_ask(m, group, rng_below(rng, 2) ? "2001:db8:5::1" : "2001:db8:5::2");
	}
	if (rng_below(rng, 4)) {
		m->has |= MH_HAS_CAPABILITIES;
		m->capabilities = (struct mh_capabilities){
			1, 1, MH_FEATURE_AMS_IN_PBU | MH_FEATURE_CONTEXT | MH_FEATURE_IMPLICIT_JOIN, 32};
	}
	len = mh_encode(&(struct mh_conf){r->conf.pen}, m, &r->mag[mag], &r->conf.lmaa, bytes, sizeof(bytes));
	memory_left = limit;
	lma_recv_mh(r->lma, r->now, &r->mag[mag], &r->conf.lmaa, bytes, len);
	memory_left = -1;
	drain(r, limit);
}

/* The MAG that was asked last answers, with groups, and now and then not with all. */
static void one_answer(struct rig *r, struct rng *rng, long limit)
{
	static struct mh_msg m;
	uint8_t bytes[MH_LEN_MAX];
	char group[32];
	size_t len;

	if (query.m.type != MH_SUBSCRIPTION_QUERY)
		return;
	mh_init(&m, MH_SUBSCRIPTION_RESPONSE);
	m.seq = query.m.seq;
	m.has = MH_HAS_MN_ID;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = query.m.mn_id;
	for (unsigned g = (unsigned)rng_below(rng, 4); g; g--) {
		snprintf(group, sizeof(group), "ff3e::%u", 1 + (unsigned)rng_below(rng, 6));
		rig_ask(&m, group, "2001:db8:5::4");
		m.flags = MH_SUBSCRIPTION_I;
	}
	m.has |= rng_below(rng, 4) ? 0 : MH_HAS_MORE;
	len = mh_encode(&(struct mh_conf){r->conf.pen}, &m, &query.dst, &r->conf.lmaa, bytes, sizeof(bytes));
	memory_left = limit;
	lma_recv_mh(r->lma, r->now, &query.dst, &r->conf.lmaa, bytes, len);
	memory_left = -1;
	drain(r, limit);
}

static void one_report(struct rig *r, struct rng *rng, long limit)
{
	struct in6_addr self = A("fe80::200:5eff:fe00:5213"), g = A("ff3e::1"), s = A("2001:db8:5::3");
	struct dp_tunnel t = {r->conf.lmaa, r->mag[rng_below(rng, RIG_MAGS)]};
	struct mld_report rep;
	uint8_t bytes[1280];
	size_t len;

	g.s6_addr[15] = (uint8_t)(1 + rng_below(rng, 4));
	assert_true(mld_report_begin(&rep, &self, bytes, sizeof(bytes)));
	assert_true(mld_report_add(&rep, rng_below(rng, 2) ? MLD_ALLOW_NEW_SOURCES : MLD_BLOCK_OLD_SOURCES, &g, &s, 1));
	len = mld_report_finish(&rep);
	memory_left = limit;
	lma_recv_tunnel(r->lma, r->now, &t, bytes, len);
	memory_left = -1;
	drain(r, limit);
}

static void time_goes_by(struct rig *r, span_t span, long limit)
{
	r->now.mono.ns += span.ns;
	r->now.wall.ns += span.ns;
	while (!mono_before(r->now.mono, lma_next_deadline(r->lma))) {
		memory_left = limit;
		lma_expire(r->lma, r->now);
		memory_left = -1;
		drain(r, limit);
	}
}

static void refused_dropped_or_done(void **state)
{
	uint64_t failures = 0;

	(void)state;
	for (long limit = 0; limit < 150; limit++) {
		long live_before = memory_live;
		struct rig *r = rig_conf();
		struct rng rng = rng_of((uint64_t)limit);

		query.m.type = MH_BU; /* none yet */
		r->conf.prefixes_per_node = 2;
		r->conf.pba_timer = span_ms(limit % 3 ? 0 : 300);
		rig_start(r);
		for (unsigned step = 0; step < 600; step++) {
			long now = step % 3 == 2 ? -1 : step % 50 < 40 ? limit % 20 : 0;

			if (rng_below(&rng, 4))
				one_message(r, &rng, now);
			else
				one_report(r, &rng, now);
			if (rng_below(&rng, 2))
				one_answer(r, &rng, now);
			if (rng_below(&rng, 8) == 0)
				time_goes_by(r, span_ms((int64_t)rng_below(&rng, 3000)), now);
		}
		failures += rig_counter(r, "out-of-memory");
		for (unsigned i = 0; i < 100; i++) /* with enough, all comes to its end */
			time_goes_by(r, span_s(10), -1);
		assert_int_equal(lma_totals(r->lma).bindings, 0);
		assert_int_equal(lma_totals(r->lma).pending, 0);
		assert_int_equal(lma_totals(r->lma).groups, 0);
		rig_free(r);
		assert_int_equal(memory_live, live_before);
	}
	if (OUR_MEMORY)
		assert_true(failures > 100); /* or nothing was tested */
	else
		assert_int_equal(failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_dropped_or_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
