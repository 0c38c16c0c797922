/* SPDX-License-Identifier: BSD-2-Clause */
/* A candidate, and others, that say anything at all of handovers: the engine stays up, keeps to its limits, and when they
 * are silent again nothing of it is left. */
#include "base/rng.h"
#include "mag/testing.h"

#define CANDIDATE addr("2001:db8:2::1")

static struct bench *begin_small(void)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct mag_conf conf = bench_conf();

	assert_non_null(b);
	conf.nodes_max = 6;
	conf.entries_max = 40;
	conf.handover.handovers_max = 5;
	conf.handover.groups_max = 3;
	conf.handover.per_s = 1000;
	conf.nud_interval = span_s(0);
	conf.n_candidates = 1;
	snprintf(conf.candidates[0].name, sizeof(conf.candidates[0].name), "mag2");
	conf.candidates[0].address = CANDIDATE;
	conf.candidates[0].context = true;
	bench_begin_with(b, &conf);
	return b;
}

static struct in6_addr random_group(struct rng *r)
{
	struct in6_addr g = addr(rng_below(r, 3) ? "ff1e::" : rng_below(r, 2) ? "ff3e::" : "ff02::");

	g.s6_addr[15] = (uint8_t)rng_below(r, 8);
	return g;
}

static void random_groups(struct rng *r, struct mh_msg *m, struct mh_records *run)
{
	struct in6_addr s[4];

	for (size_t i = rng_below(r, 7); i; i--) {
		struct in6_addr g = random_group(r);
		size_t n = rng_below(r, 5);

		for (size_t k = 0; k < n; k++) {
			s[k] = addr("2001:db8:aa::");
			s[k].s6_addr[15] = (uint8_t)rng_below(r, 4);
		}
		(void)mh_add_record(m, run, rng_below(r, 4) ? MH_PROTO_MLDV2 : MH_PROTO_MLDV1,
				    rng_below(r, 2) ? MLD_MODE_IS_EXCLUDE : MLD_MODE_IS_INCLUDE, &g, s, n, 14);
	}
}

static void random_words(struct rng *r, struct mh_msg *m)
{
	static const uint8_t codes[] = {0, 2, 3, 5, 6, 7, 128, 129, 132, 255};
	unsigned n = 1 + (unsigned)rng_below(r, 10); /* 9 and 10 are nobody's */

	m->seq = (uint16_t)rng_below(r, 6);
	m->flags = (uint8_t)rng_u64(r);
	m->status = codes[rng_below(r, sizeof(codes))];
	m->has = (uint32_t)rng_u64(r) & (MH_HAS_LLID | MH_HAS_LMA_ADDRESS | MH_HAS_MN_IID | MH_HAS_CAPABILITIES | MH_HAS_MORE |
					 MH_HAS_MARK | MH_HAS_CONTEXT_REQUEST);
	if (rng_below(r, 20))
		m->has |= MH_HAS_MN_ID;
	m->mn_id_subtype = MH_MNID_NAI;
	m->mn_id = mn(n);
	m->llid = mac(1 + (unsigned)rng_below(r, 8));
	m->lma_address = rng_below(r, 5) ? LMA : addr("2001:db8:ff::9");
	m->capabilities = (struct mh_capabilities){1, 1, (uint16_t)rng_u64(r), 9};
	m->n_hnp = (uint8_t)rng_below(r, 3);
	for (uint8_t i = 0; i < m->n_hnp; i++)
		m->hnp[i] = rng_below(r, 5) ? home(n) : (struct prefix){.len = (uint8_t)rng_below(r, 129)};
	m->mark = (uint8_t)(1 + rng_below(r, MH_MARK_KEY));
	m->key = (uint16_t)rng_below(r, 4);
}

static void random_message(struct rng *r, struct bench *b)
{
	static const enum mh_type types[] = {MH_HI, MH_HI, MH_HI, MH_HACK, MH_HACK, MH_SUBSCRIPTION_RESPONSE, MH_BE};
	struct in6_addr from = rng_below(r, 8) ? CANDIDATE : addr("2001:db8:66::1");
	static struct mh_msg m;

	mh_init(&m, types[rng_below(r, sizeof(types) / sizeof(types[0]))]);
	random_words(r, &m);
	if (m.type == MH_SUBSCRIPTION_RESPONSE) {
		from = LMA;
		if (m.mark == MH_MARK_LABELS && (m.has & MH_HAS_MARK))
			random_groups(r, &m, &m.labels);
		random_groups(r, &m, &m.result);
		m.has |= m.result.n ? MH_HAS_RESULT : 0;
	} else if (m.type == MH_BE) {
		m.has = 0;
		m.n_hnp = 0;
	} else {
		random_groups(r, &m, m.type == MH_HI ? &m.mmo : &m.mma);
		m.has |= m.type == MH_HI ? MH_HAS_MMO : MH_HAS_MMA;
	}
	queue_reply(b, &from, &m);
}

static void random_deed(struct rng *r, struct bench *b)
{
	unsigned n = 1 + (unsigned)rng_below(r, 4);
	struct nai name = mn(n);
	struct lladdr ll = mac(n);

	switch (rng_below(r, 12)) {
	case 0:
		(void)mag_handover(b->mag, b->now, &name, "mag2");
		break;
	case 1:
		(void)mag_handover_cancel(b->mag, b->now, &name);
		break;
	case 2:
		mag_handover_done(b->mag, b->now, (uint32_t)rng_below(r, 8));
		break;
	case 3:
		link_up(b, n);
		(void)mag_attach_from(b->mag, b->now, n, &ll, &name, 0, "mag2");
		break;
	case 4:
		link_down(b, n);
		break;
	case 5:
		link_up(b, n);
		send_rs(b, n, n);
		break;
	case 6:
		join(b, n, n, G);
		break;
	case 7:
		b->store_silent = rng_below(r, 4) == 0;
		break;
	default:
		random_message(r, b);
	}
}

static void anything_at_all(void **state)
{
	struct bench *b = begin_small();
	struct rng r = rng_of(4711);
	size_t full = 0;

	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		random_deed(&r, b);
		bench_drain(b);
		if (rng_below(&r, 4) == 0)
			wait_for(b, span_ms((int64_t)rng_below(&r, rng_below(&r, 50) ? 60 : 6000)));
		bench_forget(b);
		b->n_asked = 0; /* what the store was asked while it was silent it does not answer */
		assert_true(mag_totals(b->mag).handovers <= 5);
		assert_true(mag_totals(b->mag).nodes <= 6);
		if (i == 30000)
			full = mag_totals(b->mag).bytes;
	}
	assert_in_range(mag_totals(b->mag).bytes, 1, full + 65536);
	assert_true(counter(b, "hi-duplicate") > 0);
	assert_true(counter(b, "limit-handovers") > 0);
	assert_true(counter(b, "handovers-completed") > 0);
	assert_true(counter(b, "mh-unknown-peer") > 0);
	b->store_silent = false;
	for (unsigned n = 1; n <= 4; n++)
		link_down(b, n);
	for (unsigned i = 0; i < 30; i++) {
		wait_for(b, span_s(1));
		bench_forget(b);
	}
	assert_int_equal(mag_totals(b->mag).handovers, 0);
	assert_int_equal(mag_totals(b->mag).nodes, 0);
	bench_end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anything_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
