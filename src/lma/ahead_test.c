/* SPDX-License-Identifier: BSD-2-Clause */
/* What is fetched beforehand is what the registration then needs; and it changes nothing. */
#include "lma/testing.h"

#define MANY 5000 /* more than stay in the cache by themselves */

struct cache {
	struct lma *lma;
	struct lma_conf conf;
	struct lma_mag_conf mag;
	struct profile *profile;
	struct now now;
	uint8_t bytes[256];
	struct prefix given; /* by the last answer */
	unsigned answers;
};

static size_t message(struct cache *c, unsigned node, const struct prefix *hnp)
{
	static struct mh_msg m;
	uint8_t mac[6] = {2, 0, 0, 0, (uint8_t)(node >> 8), (uint8_t)node};
	char mn[32];

	mh_init(&m, MH_BU);
	snprintf(mn, sizeof(mn), "mn%u@example.com", node);
	m.flags = MH_BU_P | MH_BU_A;
	m.lifetime_4s = 100;
	m.has = MH_HAS_MN_ID | MH_HAS_HANDOFF | MH_HAS_ATT | MH_HAS_LLID | MH_HAS_TIMESTAMP;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = nai_of(mn, strlen(mn));
	m.handoff = MH_HANDOFF_NEW_INTERFACE;
	m.att = MH_ATT_ETHERNET;
	m.llid = lladdr_of(mac, 6);
	m.n_hnp = 1;
	if (hnp)
		m.hnp[0] = *hnp;
	c->now.wall.ns += 100000;
	m.timestamp = mh_timestamp_of(c->now.wall.ns);
	return mh_encode(&(struct mh_conf){c->conf.pen}, &m, &c->mag.proxy_coa.addr, &c->conf.lmaa, c->bytes,
			 sizeof(c->bytes));
}

static void drain(struct cache *c)
{
	struct mh_msg m;
	struct fx fx;

	while (lma_pop(c->lma, &fx))
		if (fx.kind == FX_PROFILE) {
			lma_profile(c->lma, c->now, fx.profile.request, c->profile);
		} else if (fx.kind == FX_MH) {
			assert_int_equal(mh_decode(&(struct mh_conf){c->conf.pen}, fx.mh.bytes, fx.mh.len, &fx.mh.src,
						   &fx.mh.dst, &m), MH_OK);
			assert_int_equal(m.status, MH_ACCEPTED);
			c->given = m.hnp[0];
			c->answers++;
		}
}

static void take(struct cache *c, size_t len)
{
	lma_recv_mh(c->lma, c->now, &c->mag.proxy_coa.addr, &c->conf.lmaa, c->bytes, len);
	drain(c);
}

static void full(struct cache *c)
{
	*c = (struct cache){.mag = {.name = "mag"}, .now = {{1000}, {INT64_C(1700000000000000000)}}};
	lma_conf_defaults(&c->conf);
	prefix_parse("2001:db8:1::1", &c->mag.proxy_coa);
	addr_parse("2001:db8:ff::1", &c->conf.lmaa);
	prefix_parse("2001:db8:8000::/40", &c->conf.pools[0]);
	c->conf.n_pools = 1;
	c->conf.n_mags = 1;
	c->conf.mags = &c->mag;
	c->conf.bindings_max = MANY + 10;
	c->lma = lma_new(&c->conf, c->now, 1);
	c->profile = profile_new();
	assert_non_null(c->lma);
	for (unsigned i = 0; i < MANY; i++)
		take(c, message(c, i, NULL));
	assert_int_equal(c->answers, MANY);
}

static void empty(struct cache *c)
{
	lma_free(c->lma);
	profile_unref(c->profile);
}

static void the_prefix_that_a_node_will_be_given(void **state)
{
	struct prefix guess;
	struct cache c;
	size_t len;

	(void)state;
	full(&c);
	for (unsigned i = 0; i < 10; i++) {
		struct lma_totals before = lma_totals(c.lma);

		len = message(&c, MANY + i, NULL);
		assert_true(lma_ahead(c.lma, c.bytes, len, &guess));
		assert_true(lma_totals(c.lma).bindings == before.bindings && lma_totals(c.lma).bytes == before.bytes);
		drain(&c);
		assert_int_equal(c.answers, MANY + i); /* it had no effect */
		take(&c, len);
		assert_int_equal(c.answers, MANY + i + 1);
		assert_true(prefix_eq(&guess, &c.given));
	}
	empty(&c);
}

static void a_prefix_that_the_message_names(void **state)
{
	struct prefix guess, named;
	struct cache c;

	(void)state;
	full(&c);
	prefix_parse("2001:db8:80ff:7::/64", &named);
	assert_true(lma_ahead(c.lma, c.bytes, message(&c, MANY, &named), &guess));
	assert_true(prefix_eq(&guess, &named));
	empty(&c);
}

static void what_is_no_update_is_passed_over(void **state)
{
	struct prefix guess;
	struct cache c;
	size_t len;

	(void)state;
	full(&c);
	len = message(&c, MANY, NULL);
	for (size_t n = 0; n < 14; n++) /* up to where the identifier begins */
		assert_false(lma_ahead(c.lma, c.bytes, n, &guess));
	c.bytes[2] = MH_BA;
	assert_false(lma_ahead(c.lma, c.bytes, len, &guess));
	empty(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_prefix_that_a_node_will_be_given),
		cmocka_unit_test(a_prefix_that_the_message_names),
		cmocka_unit_test(what_is_no_update_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
