/* SPDX-License-Identifier: BSD-2-Clause */
/* Peers that err or mean harm: the engine stays as it is, answers as the RFCs say, counts, and does not grow. */
#include "base/rng.h"
#include "lma/testing.h"

static void message(struct rig *r, const struct in6_addr *src, const struct in6_addr *dst, const uint8_t *bytes,
		    size_t len)
{
	lma_recv_mh(r->lma, r->now, src, dst, bytes, len);
	rig_drain(r);
}

static void types_that_are_not_taken_get_a_binding_error(void **state)
{
	static const enum mh_type types[] = {MH_BA, MH_HI, MH_HACK, MH_SUBSCRIPTION_QUERY, MH_SUBSCRIPTION_RESPONSE};
	struct rig *r = rig_conf();
	struct in6_addr stranger = A("2001:db8:bad::1");
	struct mh_msg m;
	uint8_t unknown[8] = {59, 0, 200};

	(void)state;
	r->conf.context = MN_CONTEXT_OFF; /* without it the last two are not known either */
	rig_start(r);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		mh_init(&m, types[i]);
		m.has = MH_HAS_MN_ID;
		m.mn_id_subtype = MH_MNID_NAI;
		m.mn_id = N("mn1@example.com");
		if (types[i] == MH_HI)
			m.flags = 0x20;
		rig_forget(r);
		rig_send(r, 0, &m);
		assert_int_equal(rig_count(r, MH_BE), 1);
		assert_int_equal(rig_last(r, MH_BE)->m.status, 2);
		assert_true(addr_is_any(&rig_last(r, MH_BE)->m.home));
		rig_pass(r, span_s(2));
	}
	/* One that no document knows: only its checksum has to be right. */
	for (uint32_t sum = 0; sum <= 0xffff; sum++) {
		unknown[4] = (uint8_t)(sum >> 8);
		unknown[5] = (uint8_t)sum;
		lma_recv_mh(r->lma, r->now, &stranger, &r->conf.lmaa, unknown, sizeof(unknown));
	}
	rig_forget(r);
	rig_drain(r);
	assert_int_equal(rig_count(r, MH_BE), 1);
	assert_int_equal(r->n_sent, 1); /* wrong checksums are silence */
	rig_free(r);
}

static void binding_errors_are_rate_limited_and_never_answered(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg m;

	(void)state;
	mh_init(&m, MH_BA);
	m.flags = MH_BA_P;
	for (int i = 0; i < 100; i++)
		rig_send(r, 0, &m);
	assert_int_equal(rig_count(r, MH_BE), 10);
	assert_int_equal(rig_counter(r, "binding-errors-limited"), 90);
	rig_forget(r);
	mh_init(&m, MH_BE);
	m.status = 2;
	rig_send(r, 0, &m);
	assert_int_equal(r->n_sent, 0);
	rig_free(r);
}

static void heartbeats(void **state)
{
	struct rig *r = rig_new();
	struct in6_addr stranger = A("2001:db8:bad::1");
	uint32_t counter;
	struct mh_msg m;

	(void)state;
	mh_init(&m, MH_HEARTBEAT);
	m.heartbeat_seq = 77;
	rig_send(r, 0, &m);
	assert_int_equal(rig_last(r, MH_HEARTBEAT)->m.flags, 1);
	assert_int_equal(rig_last(r, MH_HEARTBEAT)->m.heartbeat_seq, 77);
	assert_true(rig_last(r, MH_HEARTBEAT)->m.has & MH_HAS_RESTART_COUNTER);
	counter = rig_last(r, MH_HEARTBEAT)->m.restart_counter;
	rig_forget(r);
	rig_send_from(r, &stranger, &m);
	m.flags = 1; /* a response to nothing */
	m.has = MH_HAS_RESTART_COUNTER;
	rig_send(r, 0, &m);
	assert_int_equal(r->n_sent, 0);
	r->now.wall.ns += 5000000000;
	lma_free(r->lma);
	rig_start(r); /* a restart shows in the counter */
	m.flags = 0;
	m.has = 0;
	rig_send(r, 0, &m);
	assert_true(rig_last(r, MH_HEARTBEAT)->m.restart_counter > counter);
	rig_free(r);
}

static void a_mag_cannot_revoke(void **state)
{
	struct rig *r = rig_new();
	struct prefix p = rig_register(r, 0, "mn1@example.com", 1);
	struct mh_msg m;

	(void)state;
	mh_init(&m, MH_REVOCATION);
	m.revocation = 1;
	m.seq = 9;
	m.flags = 0x8000;
	m.trigger = 5;
	m.has = MH_HAS_MN_ID;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = N("mn1@example.com");
	rig_forget(r);
	rig_send(r, 1, &m);
	assert_int_equal(rig_last(r, MH_REVOCATION)->m.revocation, 2);
	assert_int_equal(rig_last(r, MH_REVOCATION)->m.status, 134);
	assert_int_equal(rig_last(r, MH_REVOCATION)->m.seq, 9);
	assert_int_equal(rig_route(r, &p), 0);
	rig_free(r);
}

static void what_is_not_for_us_or_from_nowhere_is_dropped(void **state)
{
	struct rig *r = rig_new();
	struct mh_msg *m = rig_pbu(r, "mn1@example.com", 1);
	struct in6_addr other = A("2001:db8:ff::2"), ll = A("fe80::1"), mc = A("ff02::1");
	uint8_t bytes[MH_LEN_MAX];
	size_t len = mh_encode(&(struct mh_conf){r->conf.pen}, m, &r->mag[0], &other, bytes, sizeof(bytes));

	(void)state;
	message(r, &r->mag[0], &other, bytes, len);
	assert_int_equal(rig_counter(r, "mh-not-for-us"), 1);
	message(r, &ll, &r->conf.lmaa, bytes, len);
	message(r, &mc, &r->conf.lmaa, bytes, len);
	message(r, &addr_any, &r->conf.lmaa, bytes, len);
	assert_int_equal(rig_counter(r, "mh-bad-source"), 3);
	assert_int_equal(r->n_sent, 0);
	rig_free(r);
}

/* Every message cut short, and every one with one octet changed and the checksum mended, does no more than an honest
 * one may. */
static void mutations(void **state)
{
	struct rig *r = rig_new();
	struct rng rng = rng_of(7);
	size_t bytes_before = 0;
	struct mh_conf conf = {r->conf.pen};

	(void)state;
	for (unsigned round = 0; round < 4000; round++) {
		struct mh_msg *m = rig_pbu(r, round & 1 ? "mn1@example.com" : "mn2@example.com", (uint8_t)(round & 1));
		uint8_t bytes[MH_LEN_MAX];
		size_t len;

		rig_ask(m, "ff1e::1", NULL);
		rig_ask(m, "ff3e::1", "2001:db8:5::1");
		len = mh_encode(&conf, m, &r->mag[0], &r->conf.lmaa, bytes, sizeof(bytes));
		if (round % 2) {
			len = rng_below(&rng, len);
		} else {
			bytes[6 + rng_below(&rng, len - 6)] ^= (uint8_t)(1 + rng_below(&rng, 255));
			bytes[4] = bytes[5] = 0;
			/* (a sum that makes it valid again) */
			uint32_t sum = 0;
			const uint8_t *a[2] = {r->mag[0].s6_addr, r->conf.lmaa.s6_addr};
			for (int k = 0; k < 2; k++)
				for (int i = 0; i < 16; i += 2)
					sum += (uint32_t)a[k][i] << 8 | a[k][i + 1];
			for (size_t i = 0; i + 1 < len; i += 2)
				sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
			sum += (uint32_t)len + 135;
			while (sum >> 16)
				sum = (sum & 0xffff) + (sum >> 16);
			bytes[4] = (uint8_t)(~sum >> 8);
			bytes[5] = (uint8_t)~sum;
		}
		rig_forget(r);
		message(r, &r->mag[0], &r->conf.lmaa, bytes, len);
		assert_true(r->n_sent <= 3); /* an answer, a revocation, a notification */
		if (round == 1000)
			bytes_before = lma_totals(r->lma).bytes;
		if (round % 200 == 0)
			rig_pass(r, span_s(500));
	}
	rig_pass(r, span_s(1000));
	assert_int_equal(lma_totals(r->lma).bindings, 0);
	assert_int_equal(r->n_lists + r->n_routes + r->n_tunnels, 0);
	assert_true(lma_totals(r->lma).bytes <= bytes_before + 65536);
	rig_free(r);
}

static void a_flood_of_updates_does_not_grow(void **state)
{
	struct rig *r = rig_conf();
	size_t before;
	char mn[64];

	(void)state;
	r->conf.bindings_max = 50;
	r->conf.pending_max = 50;
	rig_profile(r, "mn0@example.com");
	r->profiles[0]->mn = N("*");
	rig_start(r);
	for (unsigned i = 0; i < 50; i++) {
		snprintf(mn, sizeof(mn), "mn%u@example.com", i);
		rig_register(r, 0, mn, (uint8_t)i);
	}
	before = lma_totals(r->lma).bytes;
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(mn, sizeof(mn), "bogus%u@example.com", i);
		rig_forget(r);
		rig_send(r, 0, rig_pbu(r, mn, (uint8_t)i));
		assert_int_equal(rig_last(r, MH_BA)->m.status, MH_NO_RESOURCES);
		assert_true(r->n_events[EV_BINDING_REFUSED] <= 1);
	}
	assert_int_equal(lma_totals(r->lma).bindings, 50);
	assert_true(lma_totals(r->lma).bytes <= before + 16384);
	assert_true(rig_counter(r, "events-limited") > 19000);
	r->store_silent = true;
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(mn, sizeof(mn), "waiting%u@example.com", i);
		rig_send(r, 0, rig_pbu(r, mn, (uint8_t)i));
	}
	assert_int_equal(lma_totals(r->lma).pending, 50);
	assert_true(lma_totals(r->lma).bytes <= before + 65536);
	rig_pass(r, span_s(6));
	assert_int_equal(lma_totals(r->lma).pending, 0);
	rig_free(r);
}

/* Nodes come, move, listen and go at random: the data plane is what the bindings say, and at the end nothing is left.
 */
static void memory_comes_back(void **state)
{
	struct rig *r = rig_conf();
	struct rng rng = rng_of(11);
	size_t idle = 0;
	char mn[32], group[32];

	(void)state;
	r->conf.min_delay_before_bce_delete = span_ms(100);
	rig_start(r);
	for (unsigned lap = 0; lap < 4; lap++) {
		for (unsigned i = 0; i < 3000; i++) {
			unsigned node = (unsigned)rng_below(&rng, 60), mag = (unsigned)rng_below(&rng, RIG_MAGS);
			struct mh_msg *m;

			snprintf(mn, sizeof(mn), "mn%u@example.com", node);
			m = rig_pbu(r, mn, (uint8_t)node);
			m->handoff = (uint8_t)(1 + rng_below(&rng, 5));
			if (rng_below(&rng, 4) == 0)
				m->lifetime_4s = 0;
			else if (rng_below(&rng, 2))
				m->flags |= MH_BU_S;
			for (unsigned g = 0; m->flags & MH_BU_S && g < rng_below(&rng, 4); g++) {
				snprintf(group, sizeof(group), "ff%ce::%u", rng_below(&rng, 2) ? '1' : '3',
					 1 + (unsigned)rng_below(&rng, 5));
				rig_ask(m, group, rng_below(&rng, 2) ? "2001:db8:5::1" : NULL);
			}
			rig_forget(r);
			rig_send(r, mag, m);
			if (rng_below(&rng, 10) == 0)
				rig_pass(r, span_ms((int64_t)rng_below(&rng, 500)));
			if (m->lifetime_4s && rig_last(r, MH_BA) && rig_last(r, MH_BA)->m.status == MH_ACCEPTED)
				assert_int_equal(rig_route(r, &rig_last(r, MH_BA)->m.hnp[0]), mag);
		}
		rig_pass(r, span_s(1000));
		assert_int_equal(lma_totals(r->lma).bindings, 0);
		assert_int_equal(lma_totals(r->lma).peers, 0);
		assert_int_equal(lma_totals(r->lma).groups, 0);
		assert_int_equal(r->n_lists + r->n_routes + r->n_tunnels, 0);
		if (lap < 2) /* each table has had its rare visitors by then */
			idle = lma_totals(r->lma).bytes;
		assert_true(lma_totals(r->lma).bytes <= idle + 4096);
	}
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_that_are_not_taken_get_a_binding_error),
		cmocka_unit_test(binding_errors_are_rate_limited_and_never_answered),
		cmocka_unit_test(heartbeats),
		cmocka_unit_test(a_mag_cannot_revoke),
		cmocka_unit_test(what_is_not_for_us_or_from_nowhere_is_dropped),
		cmocka_unit_test(mutations),
		cmocka_unit_test(a_flood_of_updates_does_not_grow),
		cmocka_unit_test(memory_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
