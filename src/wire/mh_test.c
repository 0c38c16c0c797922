/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/mh.h"

#include "base/cksum.h"
#include "base/rng.h"
#include "wire/mh_golden.h"
#include "wire/mh_testing.h"
#include "wire/mld.h"

static const struct mh_conf conf = { .pen = MH_PEN_DOCUMENTATION };

static enum mh_err decode_golden(const struct golden_mh *g, struct mh_msg *m)
{
	struct in6_addr src = addr(g->src), dst = addr(g->dst);

	return mh_decode(&conf, g->bytes, g->len, &src, &dst, m);
}

/* Each decodes, with its checksum; encodes again, to the same octets where it is as our encoder writes it; and that
 * decodes to the same message. */
static void golden(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(golden_mh); i++) {
		const struct golden_mh *g = &golden_mh[i];
		struct in6_addr src = addr(g->src), dst = addr(g->dst);
		uint8_t bytes[MH_LEN_MAX];
		struct mh_msg m, again;
		size_t len;

		if (decode_golden(g, &m) != MH_OK)
			fail_msg("%s", g->name);
		len = mh_encode(&conf, &m, &src, &dst, bytes, sizeof(bytes));
		assert_int_not_equal(len, 0);
		if (g->exact)
			assert_octets(bytes, len, g->bytes, g->len);
		assert_int_equal(mh_decode(&conf, bytes, len, &src, &dst, &again), MH_OK);
		assert_same(&m, &again);
	}
}

/* In a block of just that size, so that a sanitizer sees a read beyond it. */
static enum mh_err decode_copy(const uint8_t *bytes, size_t len, struct mh_msg *m)
{
	uint8_t *copy = malloc(len ? len : 1);
	enum mh_err err;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	err = mh_decode(&conf, copy, len, NULL, NULL, m);
	free(copy);
	return err;
}

static void every_truncation_is_refused(void **state)
{
	struct mh_msg m = { .seq = 0x5a5a };

	(void)state;
	for (size_t i = 0; i < N(golden_mh); i++) {
		for (size_t len = 0; len < golden_mh[i].len; len++) {
			uint8_t bytes[MH_LEN_MAX];

			assert_int_equal(decode_copy(golden_mh[i].bytes, len, &m), MH_ERR_SHORT);
			/* And with a Header Len that says so: refused too, or a shorter message in its own right. */
			memcpy(bytes, golden_mh[i].bytes, len);
			if (len < 8 || len % 8)
				continue;
			bytes[1] = (uint8_t)(len / 8 - 1);
			decode_copy(bytes, len, &(struct mh_msg){ 0 });
		}
	}
	assert_int_equal(m.seq, 0x5a5a); /* a refusal leaves it alone */
}

/* What it says of a message is what the message says. */
static void a_glance_sees_what_is_decoded(void **state)
{
	struct mh_glance g;
	unsigned seen = 0;
	struct mh_msg m;

	(void)state;
	for (size_t i = 0; i < N(golden_mh); i++) {
		assert_int_equal(decode_golden(&golden_mh[i], &m), MH_OK);
		if (m.type != MH_BU || !m.mn_id.len) {
			assert_false(m.type != MH_BU && mh_glance(golden_mh[i].bytes, golden_mh[i].len, &g));
			continue;
		}
		assert_true(mh_glance(golden_mh[i].bytes, golden_mh[i].len, &g));
		assert_octets(g.mn_id, g.mn_id_len, (const uint8_t *)m.mn_id.s, m.mn_id.len);
		assert_int_equal(g.hnp.len > 0, m.n_hnp && !addr_is_any(&m.hnp[0].addr));
		if (g.hnp.len)
			assert_true(prefix_eq(&g.hnp, &m.hnp[0]));
		seen |= g.hnp.len ? 1 : 2;
	}
	assert_int_equal(seen, 3);
}

/* Whatever one octet becomes: no over-read, and what still decodes can be encoded and is the same again. */
static void every_mutation_is_survived(void **state)
{
	static struct mh_msg m, again;
	uint8_t bytes[MH_LEN_MAX], encoded[MH_LEN_MAX];

	(void)state;
	for (size_t i = 0; i < N(golden_mh); i++) {
		const struct golden_mh *g = &golden_mh[i];

		for (size_t at = 0; at < g->len * 256; at++) {
			uint8_t *copy = malloc(g->len);
			size_t len;

			assert_non_null(copy);
			memcpy(copy, g->bytes, g->len);
			copy[at / 256] = (uint8_t)at;
			(void)mh_glance(copy, g->len, &(struct mh_glance){0});
			if (mh_decode(&conf, copy, g->len, NULL, NULL, &m) == MH_OK) {
				len = mh_encode(&conf, &m, NULL, NULL, encoded, sizeof(encoded));
				if (len) {
					memcpy(bytes, encoded, len);
					assert_int_equal(mh_decode(&conf, bytes, len, NULL, NULL, &again), MH_OK);
					assert_same(&m, &again);
				}
			}
			free(copy);
		}
	}
}

/* A PBU head (12 octets) and some options, padded. */
static enum mh_err decode_options(const uint8_t *options, size_t len, struct mh_msg *m)
{
	uint8_t bytes[MH_LEN_MAX] = { 59, 0, MH_BU, 0, 0, 0, 0, 1, 0x82, 0, 0, 1 };
	size_t total = (12 + len + 7) / 8 * 8;

	memcpy(bytes + 12, options, len);
	bytes[1] = (uint8_t)(total / 8 - 1);
	return decode_copy(bytes, total, m);
}

static void checksum_is_verified(void **state)
{
	struct in6_addr src = addr("2001:db8:1::1"), dst = addr("2001:db8:ff::1"), other = addr("2001:db8:1::2");
	struct mh_msg m;

	(void)state;
	assert_int_equal(mh_decode(&conf, golden_pbu_initial, sizeof(golden_pbu_initial), &src, &dst, &m), MH_OK);
	assert_int_equal(mh_decode(&conf, golden_pbu_initial, sizeof(golden_pbu_initial), &other, &dst, &m),
			 MH_ERR_CHECKSUM);
	assert_int_equal(mh_decode(&conf, golden_pbu_initial, sizeof(golden_pbu_initial), NULL, NULL, &m), MH_OK);
}

/* What V1 and V2 of the reference say, field by field. */
static void pbu_and_pba_fields(void **state)
{
	struct mh_msg m;

	(void)state;
	assert_int_equal(decode_golden(&golden_mh[0], &m), MH_OK);
	assert_int_equal(m.type, MH_BU);
	assert_int_equal(m.seq, 0x1234);
	assert_int_equal(m.flags, MH_BU_A | MH_BU_P | MH_BU_S);
	assert_int_equal(m.lifetime_4s, 900);
	assert_int_equal(m.has, MH_HAS_MN_ID | MH_HAS_HANDOFF | MH_HAS_ATT | MH_HAS_TIMESTAMP | MH_HAS_LLID |
					MH_HAS_LINK_LOCAL);
	assert_int_equal(m.mn_id_subtype, MH_MNID_NAI);
	assert_string_equal(m.mn_id.s, "mn1@example.com");
	assert_int_equal(m.n_hnp, 1);
	assert_true(addr_is_any(&m.hnp[0].addr));
	assert_int_equal(m.handoff, MH_HANDOFF_NEW_INTERFACE);
	assert_int_equal(m.att, MH_ATT_WLAN);
	assert_int_equal(mh_timestamp_to_ns(m.timestamp), 1700000000500000000);
	assert_int_equal(m.llid.len, 6);
	assert_memory_equal(m.llid.b, "\x02\0\0\0\0\xa1", 6);

	assert_int_equal(decode_golden(&golden_mh[1], &m), MH_OK);
	assert_int_equal(m.type, MH_BA);
	assert_int_equal(m.status, MH_ACCEPTED);
	assert_int_equal(m.flags, MH_BA_P | MH_BA_S);
	assert_addr(&m.link_local, "fe80::200:5eff:fe00:5213");
	assert_int_equal(m.ams.n, 1);
	assert_int_equal(m.records[m.ams.first].proto, MH_PROTO_MLDV2);
	assert_int_equal(m.records[m.ams.first].type, MLD_MODE_IS_INCLUDE);
	assert_addr(&m.records[m.ams.first].group, "ff3e::1234");
	assert_int_equal(m.records[m.ams.first].n, 1);
	assert_addr(&m.sources[m.records[m.ams.first].first], "2001:db8:aaaa::5");
}

static const struct golden_mh *golden_of(const char *name)
{
	for (size_t i = 0; i < N(golden_mh); i++)
		if (strcmp(golden_mh[i].name, name) == 0)
			return &golden_mh[i];
	fail_msg("no golden message %s", name);
	return NULL;
}

static void ipv4_groups_are_mapped(void **state)
{
	struct mh_msg m;

	(void)state;
	assert_int_equal(decode_golden(golden_of("pbu_deregister"), &m), MH_OK);
	assert_int_equal(m.ams.n, 2);
	assert_addr(&m.records[m.ams.first].group, "ff1e::101");
	assert_addr(&m.records[m.ams.first + 1].group, "::ffff:239.1.2.3");
	assert_int_equal(m.records[m.ams.first + 1].proto, MH_PROTO_IGMPV3);
	assert_int_equal(decode_golden(golden_of("hi_reactive"), &m), MH_OK);
	assert_addr(&m.lma_address, "::ffff:192.0.2.1");
	assert_int_equal(m.n_context_request, 3);
	assert_int_equal(m.context_request[2].len, 4);
}

static void changes_mean_state(void **state)
{
	struct mh_msg m;

	(void)state;
	assert_int_equal(decode_golden(golden_of("pbu_changes_as_state"), &m), MH_OK);
	assert_int_equal(m.ams.n, 2); /* BLOCK is no state */
	assert_int_equal(m.records[m.ams.first].type, MLD_MODE_IS_INCLUDE);
	assert_int_equal(m.records[m.ams.first].n, MH_AMS_SOURCES);
	assert_int_equal(m.records[m.ams.first + 1].type, MLD_MODE_IS_EXCLUDE);
	assert_addr(&m.records[m.ams.first + 1].group, "ff1e::102");
}

static void empty_identities(void **state)
{
	struct mh_msg m;

	(void)state;
	assert_int_equal(decode_golden(golden_of("pbu_mn_id_empty"), &m), MH_OK);
	assert_true(m.has & MH_HAS_MN_ID);
	assert_int_equal(m.mn_id.len, 0);
	assert_int_equal(decode_golden(golden_of("pbu_mn_id_subtype_only"), &m), MH_OK);
	assert_true(m.has & MH_HAS_MN_ID);
	assert_int_equal(m.mn_id.len, 0);
	assert_int_equal(m.mn_id_subtype, MH_MNID_NAI);
}

/* RFC 4282: 253 octets at most. The option has room for one more. */
static void longest_identity(void **state)
{
	uint8_t options[257] = { 8, 254, MH_MNID_NAI };
	struct mh_msg m;

	(void)state;
	memset(options + 3, 'a', 254);
	assert_int_equal(decode_options(options, 256, &m), MH_OK);
	assert_int_equal(m.mn_id.len, NAI_MAX);
	options[1] = 255;
	assert_int_equal(decode_options(options, 257, &m), MH_ERR_OPTION_LENGTH);
}

static void handover_messages(void **state)
{
	struct mh_msg m;

	(void)state;
	assert_int_equal(decode_golden(golden_of("hi_predictive"), &m), MH_OK);
	assert_int_equal(m.flags, MH_HI_P | MH_HI_F);
	assert_int_equal(m.status, MH_HI_CONTEXT_COMPLETE);
	assert_addr(&m.lma_address, "2001:db8:ff::1");
	assert_int_equal(m.mmo.n, 2);
	assert_int_equal(m.mmo_code, 2);
	assert_int_equal(decode_golden(golden_of("hack_refusal"), &m), MH_OK);
	assert_int_equal(m.flags, MH_HACK_P | MH_HACK_F);
	assert_int_equal(m.status, MH_HACK_CONTEXT_ACCEPTED);
	assert_int_equal(m.mma.n, 1);
	assert_int_equal(m.records[m.mma.first].result, MH_MMA_GROUP_UNSUPPORTED);
	assert_addr(&m.records[m.mma.first].group, "ff1e::101");
	assert_int_equal(decode_golden(golden_of("hi_two_families_auth"), &m), MH_OK);
	assert_int_equal(m.mmo.n, 2);
	assert_int_equal(m.records[m.mmo.first].proto, MH_PROTO_IGMPV3);
	assert_int_equal(m.records[m.mmo.first + 1].proto, MH_PROTO_MLDV1);
	assert_true(m.has & MH_HAS_AUTH);
	assert_int_equal(decode_golden(golden_of("hack_ipv4"), &m), MH_OK);
	assert_int_equal(m.status, MH_HACK_CONTEXT_COMPLETE);
	assert_addr(&m.lma_address, "::ffff:192.0.2.1");
	assert_addr(&m.home_ipv4, "::ffff:198.51.100.7");
	assert_int_equal(m.home_ipv4_len, 24);
}

static void vendor_options(void **state)
{
	const struct mh_conf other = { .pen = 1 };
	struct mh_msg m;
	const struct golden_mh *g = golden_of("pba_selector_vendor");

	(void)state;
	assert_int_equal(decode_golden(g, &m), MH_OK);
	assert_int_equal(m.capabilities.version, 1);
	assert_int_equal(m.capabilities.groups_max, 32);
	assert_int_equal(m.result.n, 2);
	assert_int_equal(m.records[m.result.first].result, MH_SUB_ACCEPTED);
	assert_int_equal(m.records[m.result.first + 1].result, MH_SUB_PROHIBITED);
	assert_addr(&m.records[m.result.first + 1].group, "::ffff:232.1.1.1");
	assert_addr(&m.sources[m.records[m.result.first + 1].first], "::ffff:192.0.2.5");
	assert_int_equal(m.selector.n, 3);
	assert_true(m.records[m.selector.first].direct);
	assert_false(m.records[m.selector.first + 2].direct);
	assert_false(m.selector_direct);
	assert_int_equal(m.n_vsm, 0);
	assert_int_equal(mh_decode(&other, g->bytes, g->len, NULL, NULL, &m), MH_OK);
	assert_int_equal(m.n_vsm, 2); /* somebody else's then */
	assert_false(m.has & (MH_HAS_CAPABILITIES | MH_HAS_RESULT));

	assert_int_equal(decode_golden(golden_of("upn_vendor"), &m), MH_OK);
	assert_true(m.has & MH_HAS_QUERY);
	assert_true(m.has & MH_HAS_MORE);
	assert_int_equal(m.query.n, 1);
	assert_int_equal(m.n_vsm, 2);
	assert_int_equal(m.vsm[0].vendor, 10415);
	assert_int_equal(m.vsm[1].subtype, 77);
}

/* VSM 19/7, and what is wrong with it. */
static void marks(void **state)
{
	static const struct {
		uint8_t data[24];
		size_t len;
		enum mh_err err;
	} t[] = {
		{{MH_MARK_JOIN}, 1, MH_OK},
		{{MH_MARK_LABEL, 9, 9}, 3, MH_OK}, /* a later version says more */
		{{MH_MARK_KEY, 0xff, 0xff}, 3, MH_OK},
		{{MH_MARK_KEY, 0xff}, 2, MH_ERR_OPTION_LENGTH},
		{{MH_MARK_LABELS}, 1, MH_OK},
		{{MH_MARK_LABELS, 0xff, 0x1e}, 3, MH_ERR_OPTION_LENGTH},
		{{MH_MARK_LABELS, 0x20, 0x01}, 21, MH_ERR_OPTION_VALUE},
		{{77, 1}, 2, MH_OK}, /* not known */
		{{0}, 0, MH_ERR_OPTION_LENGTH},
	};
	struct in6_addr src = addr("2001:db8::1"), dst = addr("2001:db8::2");
	uint8_t bytes[MH_LEN_MAX];
	struct mh_msg m, got;

	(void)state;
	assert_int_equal(decode_golden(golden_of("subscription_response_labels"), &m), MH_OK);
	assert_int_equal(m.mark, MH_MARK_LABELS);
	assert_int_equal(m.labels.n, 2);
	assert_addr(&m.records[m.labels.first].group, "ff1e::101");
	assert_int_equal(m.records[m.labels.first + 1].label, 0x12346);
	assert_int_equal(decode_golden(golden_of("hack_key"), &m), MH_OK);
	assert_int_equal(m.mark, MH_MARK_KEY);
	assert_int_equal(m.key, 0xabc);
	for (size_t i = 0; i < N(t); i++) {
		size_t len;

		mh_init(&m, MH_HACK);
		m.n_vsm = 1;
		m.vsm[0] = (struct mh_vsm_raw){conf.pen, MH_VSM_MARK, (uint8_t)t[i].len, t[i].data};
		len = mh_encode(&conf, &m, &src, &dst, bytes, sizeof(bytes));
		assert_true(len > 0);
		assert_int_equal(mh_decode(&conf, bytes, len, &src, &dst, &got), t[i].err);
		if (t[i].err == MH_OK && t[i].data[0] <= MH_MARK_KEY)
			assert_int_equal(got.mark, t[i].data[0]);
	}
	mh_init(&m, MH_HACK); /* a key has 12 bits; said twice it is wrong */
	m.n_vsm = 2;
	m.vsm[0] = m.vsm[1] = (struct mh_vsm_raw){conf.pen, MH_VSM_MARK, 3, t[2].data};
	assert_int_equal(mh_decode(&conf, bytes, mh_encode(&conf, &m, &src, &dst, bytes, sizeof(bytes)), &src, &dst, &got),
			 MH_ERR_OPTION_TWICE);
}

/* RFC 4285: what is covered ends with the SPI, in both directions. */
static void authentication(void **state)
{
	const struct golden_mh *g = golden_of("pbu_auth");
	struct in6_addr src = addr(g->src), dst = addr(g->dst);
	uint8_t bytes[256], mac[12];
	struct mh_msg m;
	size_t len;

	(void)state;
	assert_int_equal(decode_golden(g, &m), MH_OK);
	assert_int_equal(m.auth_spi, 256);
	assert_int_equal(m.auth_len, 12);
	assert_int_equal(mh_auth_covered(&m), g->len - 12);
	memcpy(mac, m.auth, sizeof(mac));
	m.auth = NULL;
	len = mh_encode(&conf, &m, NULL, NULL, bytes, sizeof(bytes));
	assert_int_equal(len, g->len);
	assert_int_equal(bytes[4] << 8 | bytes[5], 0);
	assert_true(mh_set_auth(bytes, len, mac, sizeof(mac), &src, &dst));
	assert_octets(bytes, len, g->bytes, g->len);
	assert_false(mh_set_auth(bytes, len, mac, len, &src, &dst));
	m.has &= ~(uint32_t)MH_HAS_AUTH;
	assert_int_equal(mh_auth_covered(&m), 0);
}

static void refusals(void **state)
{
	static const struct {
		const char *what;
		uint8_t options[64];
		size_t len;
		enum mh_err err;
	} rows[] = {
		{ "HI of length 1", { 23, 1, 0 }, 3, MH_ERR_OPTION_LENGTH },
		{ "HI of length 3", { 23, 3, 0, 1, 0 }, 5, MH_ERR_OPTION_LENGTH },
		{ "option beyond the end", { 23, 200 }, 2, MH_ERR_OPTION_LENGTH },
		{ "unknown option beyond the end", { 199, 200 }, 2, MH_ERR_OPTION_LENGTH },
		{ "type in the last octet", { 0, 0, 0, 23 }, 4, MH_ERR_OPTION_LENGTH },
		{ "HI twice", { 23, 2, 0, 1, 23, 2, 0, 1 }, 8, MH_ERR_OPTION_TWICE },
		{ "GRE key of 3 octets", { 33, 5, 0, 0, 1, 2, 3 }, 7, MH_ERR_OPTION_LENGTH },
		{ "GRE key", { 33, 6, 0, 0, 0, 1, 2, 3 }, 8, MH_OK },
		{ "LMA address of an unknown family", { 41, 6, 3, 0, 1, 2, 3, 4 }, 8, MH_ERR_OPTION_VALUE },
		{ "LMA address, IPv6 of 4 octets", { 41, 6, 1, 0, 1, 2, 3, 4 }, 8, MH_ERR_OPTION_LENGTH },
		{ "IPv4 prefix longer than an address", { 36, 6, 33 << 2, 0, 192, 0, 2, 1 }, 8, MH_ERR_OPTION_VALUE },
		{ "IPv4 address cut short", { 36, 5, 24 << 2, 0, 192, 0, 2 }, 7, MH_ERR_OPTION_LENGTH },
		{ "HNP longer than an address", { 22, 18, 0, 129, 0x20, 1 }, 20, MH_ERR_OPTION_VALUE },
		{ "HNP all zero, any length", { 22, 18, 0, 129 }, 20, MH_OK },
		{ "MN-ID behind authentication", { 9, 5, 1, 0, 0, 1, 0, 8, 2, 1, 'a' }, 11, MH_ERR_OPTION_PLACE },
		{ "MN-AAA behind MN-HA", { 9, 5, 1, 0, 0, 1, 0, 9, 5, 2, 0, 0, 1, 0 }, 14, MH_OK },
		{ "MN-HA twice", { 9, 5, 1, 0, 0, 1, 0, 9, 5, 1, 0, 0, 1, 0 }, 14, MH_ERR_OPTION_TWICE },
		{ "60 in front of others", { 60, 1, 2, 0, 0, 0, 0, 0, 23, 2, 0, 1 }, 12, MH_ERR_OPTION_PLACE },
		{ "60, authentication", { 60, 1, 2, 0, 0, 0, 0, 0, 9, 5, 1, 0, 0, 1, 0 }, 15, MH_OK },
		{ "60 of no length", { 60, 0, 2, 0 }, 4, MH_ERR_OPTION_LENGTH },
		{ "60 with a record that is not there", { 60, 1, 2, 0, 0, 0, 0, 1 }, 8, MH_ERR_OPTION_LENGTH },
		{ "60 of an unknown code", { 60, 1, 5, 0, 0, 0, 0, 0 }, 8, MH_ERR_OPTION_VALUE },
		{ "60 longer than its records", { 60, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 12, MH_ERR_OPTION_LENGTH },
		{ "AMS of a unicast group", { 56, 9, 0x22, 2, 0, 0, 0, 192, 0, 2, 1 }, 11, MH_ERR_OPTION_VALUE },
		{ "AMS of another protocol", { 56, 9, 0x11, 2, 0, 0, 0, 239, 0, 2, 1 }, 11, MH_ERR_OPTION_VALUE },
		{ "AMS with a source that is not there", { 56, 9, 0x22, 1, 0, 0, 1, 239, 0, 2, 1 }, 11,
		  MH_ERR_OPTION_LENGTH },
		{ "AMS with a multicast source", { 56, 13, 0x22, 1, 0, 0, 1, 232, 0, 2, 1, 239, 1, 1, 1 }, 15,
		  MH_ERR_OPTION_VALUE },
		{ "capabilities cut", { 19, 10, 0, 0, 0x7e, 0xd9, 1, 1, 0, 1, 0, 2 }, 12, MH_ERR_OPTION_LENGTH },
		{ "capabilities of a later version", { 19, 13, 0, 0, 0x7e, 0xd9, 1, 2, 0, 1, 0, 2, 0, 9, 77 }, 15,
		  MH_OK },
		{ "more, with data", { 19, 6, 0, 0, 0x7e, 0xd9, 8, 1 }, 8, MH_ERR_OPTION_LENGTH },
		{ "more, behind a source of a group",
		  { 19, 37, 0, 0, 0x7e, 0xd9, 8, 0xff, 0x1e, [22] = 1, [23] = 0x20, 1, [38] = 5 }, 39, MH_OK },
		{ "more, behind no source of a group", { 19, 37, 0, 0, 0x7e, 0xd9, 8, 0xff, 0x1e, [22] = 1 }, 39,
		  MH_ERR_OPTION_VALUE },
		{ "result cut", { 19, 7, 0, 0, 0x7e, 0xd9, 2, 0, 2 }, 9, MH_ERR_OPTION_LENGTH },
		{ "context request cut", { 40, 4, 0, 0, 22, 1 }, 6, MH_ERR_OPTION_LENGTH },
		{ "capabilities twice",
		  { 19, 12, 0, 0, 0x7e, 0xd9, 1, 1, 0, 1, 0, 2, 0, 9,
		    19, 12, 0, 0, 0x7e, 0xd9, 1, 1, 0, 1, 0, 2, 0, 9 },
		  28, MH_ERR_OPTION_TWICE },
		{ "result without its source",
		  { 19, 25, 0, 0, 0x7e, 0xd9, 2, 0, 1, 0, 1, 0xff, 0x1e, [26] = 1 }, 27, MH_ERR_OPTION_LENGTH },
		{ "selector without its group", { 54, 4, 0x16, 0, 0, 1 }, 6, MH_ERR_OPTION_LENGTH },
		{ "selector with a group cut", { 54, 6, 0x16, 0, 0, 1, 239, 1 }, 8, MH_ERR_OPTION_LENGTH },
		{ "selector of no group", { 54, 4, 0x16, 0, 0, 0 }, 6, MH_OK },
		{ "eight context requests",
		  { 40, 18, 0, 0, 22, 0, 22, 0, 22, 0, 22, 0, 22, 0, 22, 0, 22, 0, 22, 0 }, 20, MH_OK },
		{ "nine context requests",
		  { 40, 20, 0, 0, 22, 0, 22, 0, 22, 0, 22, 0, 22, 0, 22, 0, 22, 0, 22, 0, 22, 0 }, 22,
		  MH_ERR_TOO_MANY },
		{ "MN-ID of the reserved subtype", { 8, 2, 0, 'a' }, 4, MH_ERR_OPTION_VALUE },
		{ "group id of another subtype", { 50, 6, 2, 0, 0, 0, 0, 1, 50, 6, 1, 0, 0, 0, 0, 1 }, 16, MH_OK },
		{ "group id twice", { 50, 6, 1, 0, 0, 0, 0, 1, 50, 6, 1, 0, 0, 0, 0, 1 }, 16, MH_ERR_OPTION_TWICE },
	};
	struct mh_msg m;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		enum mh_err err = decode_options(rows[i].options, rows[i].len, &m);

		if (err != rows[i].err)
			fail_msg("%s: %s, not %s", rows[i].what, mh_err_name(err), mh_err_name(rows[i].err));
	}
}

/* RFC 6275 9.2, in its order. */
static void header_refusals(void **state)
{
	uint8_t bytes[24] = { 59, 1, MH_BU };
	struct mh_msg m;

	(void)state;
	assert_int_equal(decode_copy(bytes, 16, &m), MH_OK);
	assert_int_equal(decode_copy(bytes, 24, &m), MH_OK); /* what follows is not ours */
	assert_int_equal(decode_copy(bytes, 7, &m), MH_ERR_SHORT);
	bytes[1] = 0;
	assert_int_equal(decode_copy(bytes, 16, &m), MH_ERR_HEADER_LEN);
	bytes[0] = 6;
	assert_int_equal(decode_copy(bytes, 16, &m), MH_ERR_PAYLOAD_PROTO);
	bytes[2] = 8;
	assert_int_equal(decode_copy(bytes, 16, &m), MH_ERR_TYPE);
	bytes[2] = 255;
	assert_int_equal(decode_copy(bytes, 16, &m), MH_ERR_TYPE);
}

/* Which of them an ICMPv6 Parameter Problem answers, and where it points; none that was damaged on the way. */
static void parameter_problems(void **state)
{
	static const struct {
		uint8_t head[3];
		bool problem;
		size_t pointer;
	} rows[] = {
		{ { 59, 1, MH_BU }, false, 0 },	 { { 59, 0, MH_BU }, true, 1 },	  { { 6, 1, MH_BU }, true, 0 },
		{ { 6, 0, MH_BU }, true, 0 },	 { { 59, 2, MH_BE }, false, 0 },  { { 59, 1, MH_BE }, true, 1 },
		{ { 59, 0, 99 }, false, 0 },	 { { 6, 0, 99 }, false, 0 },	  { { 6, 9, MH_BU }, false, 0 },
	};
	struct in6_addr a, b;

	(void)state;
	assert_true(addr_parse("2001:db8::1", &a) && addr_parse("2001:db8::2", &b));
	for (size_t i = 0; i < N(rows); i++) {
		uint8_t bytes[24] = { 0 };
		size_t pointer = 77;
		uint16_t sum;

		memcpy(bytes, rows[i].head, 3);
		sum = cksum_ip6(&a, &b, MH_NEXT_HEADER, bytes, sizeof(bytes));
		bytes[4] = (uint8_t)(sum >> 8);
		bytes[5] = (uint8_t)sum;
		assert_int_equal(mh_problem(bytes, sizeof(bytes), &a, &b, &pointer), rows[i].problem);
		assert_int_equal(pointer, rows[i].problem ? rows[i].pointer : 77);
		bytes[20] ^= 1;
		assert_false(mh_problem(bytes, sizeof(bytes), &a, &b, &pointer));
		for (size_t len = 0; len < 8; len++)
			assert_false(mh_problem(bytes, len, &a, &b, &pointer));
	}
}

/* Options that carry records may stand between each other: each run is still one piece. */
static void runs_are_mended(void **state)
{
	static const uint8_t ams[] = { 56, 9, 0x22, 2, 0, 0, 0, 239, 0, 0, 0 };
	static const uint8_t selector[] = { 54, 12, 0x22, 0x80, 0, 1, 2, 0, 0, 0, 239, 9, 9, 0 };
	uint8_t options[10 * (sizeof(ams) + sizeof(selector))];
	struct mh_msg m;
	size_t len = 0;

	(void)state;
	for (uint8_t i = 0; i < 10; i++) {
		memcpy(options + len, ams, sizeof(ams));
		len += sizeof(ams);
		options[len - 1] = i;
		memcpy(options + len, selector, sizeof(selector));
		len += sizeof(selector);
		options[len - 1] = i;
	}
	assert_int_equal(decode_options(options, len, &m), MH_OK);
	assert_int_equal(m.n_records, 20);
	assert_int_equal(m.ams.n, 10);
	assert_int_equal(m.selector.n, 10);
	for (uint8_t i = 0; i < 10; i++) {
		assert_int_equal(m.records[m.ams.first + i].group.s6_addr[15], i);
		assert_int_equal(m.records[m.ams.first + i].group.s6_addr[13], 0);
		assert_int_equal(m.records[m.selector.first + i].group.s6_addr[15], i);
		assert_int_equal(m.records[m.selector.first + i].group.s6_addr[13], 9);
	}
}

static void no_more_than_there_is_room_for(void **state)
{
	static const uint8_t hnp[20] = { 22, 18, 0, 64, 0x20, 1 };
	static const uint8_t ams[7] = { 56, 5, 0x16, 239, 1, 2, 3 };
	uint8_t options[1500];
	struct mh_msg m;

	(void)state;
	for (size_t i = 0; i < MH_HNP_MAX + 1; i++)
		memcpy(options + i * sizeof(hnp), hnp, sizeof(hnp));
	assert_int_equal(decode_options(options, MH_HNP_MAX * sizeof(hnp), &m), MH_OK);
	assert_int_equal(decode_options(options, (MH_HNP_MAX + 1) * sizeof(hnp), &m), MH_ERR_TOO_MANY);
	for (size_t i = 0; i < MH_RECORDS_MAX + 1; i++)
		memcpy(options + i * sizeof(ams), ams, sizeof(ams));
	assert_int_equal(decode_options(options, MH_RECORDS_MAX * sizeof(ams), &m), MH_OK);
	assert_int_equal(m.ams.n, MH_RECORDS_MAX);
	assert_int_equal(decode_options(options, (MH_RECORDS_MAX + 1) * sizeof(ams), &m), MH_ERR_TOO_MANY);
}

static bool add_ams(struct mh_msg *m, uint8_t type, const struct in6_addr *sources, size_t n, size_t per_record)
{
	struct in6_addr group = addr("ff3e::1");

	return mh_add_record(m, &m->ams, MH_PROTO_MLDV2, type, &group, sources, n, per_record);
}

static void lists_are_split_or_cut(void **state)
{
	struct in6_addr sources[40];
	uint8_t bytes[MH_LEN_MAX];
	struct mh_msg m;

	(void)state;
	for (size_t i = 0; i < N(sources); i++) {
		sources[i] = addr("2001:db8::");
		sources[i].s6_addr[15] = (uint8_t)(i + 1);
	}
	mh_init(&m, MH_BA);
	m.has = MH_HAS_AMS;
	assert_true(add_ams(&m, MLD_MODE_IS_INCLUDE, sources, 40, MH_AMS_SOURCES));
	assert_int_equal(m.ams.n, 3);
	assert_int_equal(m.records[2].n, 12);
	assert_true(add_ams(&m, MLD_MODE_IS_EXCLUDE, sources, 40, MH_AMS_SOURCES));
	assert_int_equal(m.ams.n, 4);
	assert_int_equal(m.records[3].n, MH_AMS_SOURCES);
	assert_true(mh_encode(&conf, &m, NULL, NULL, bytes, sizeof(bytes)) > 0);
	/* Not split: cannot be said in one option. */
	assert_true(add_ams(&m, MLD_MODE_IS_INCLUDE, sources, 15, 15));
	assert_int_equal(mh_encode(&conf, &m, NULL, NULL, bytes, sizeof(bytes)), 0);
	assert_false(add_ams(&m, MLD_MODE_IS_INCLUDE, sources, 3, 0));
	assert_int_equal(m.ams.n, 5);
	/* The pool: 94 there, 40 more do not fit, 34 do. */
	assert_int_equal(m.n_sources, 40 + 14 + 15);
	assert_true(add_ams(&m, MLD_MODE_IS_INCLUDE, sources, 40, MH_AMS_SOURCES));
	assert_false(add_ams(&m, MLD_MODE_IS_INCLUDE, sources, 20, MH_AMS_SOURCES));
	assert_int_equal(m.ams.n, 8);
}

/* RFC 7411: 50 records without sources fill option 60; one record may have 62 sources. */
static void largest_context(void **state)
{
	struct in6_addr group = addr("ff1e::1"), sources[63];
	uint8_t bytes[MH_LEN_MAX];
	struct mh_msg m, again;
	size_t len;

	(void)state;
	for (size_t i = 0; i < N(sources); i++)
		sources[i] = addr("2001:db8::1");
	mh_init(&m, MH_HI);
	m.has = MH_HAS_MMO;
	m.mmo_code = 1;
	assert_int_equal(mh_encode(&conf, &m, NULL, NULL, bytes, sizeof(bytes)), 24); /* of no record at all */
	assert_int_equal(mh_decode(&conf, bytes, 24, NULL, NULL, &again), MH_OK);
	assert_true(again.has & MH_HAS_MMO && again.mmo_code == 1 && again.mmo.n == 0);
	for (size_t i = 0; i < 51; i++)
		assert_true(mh_add_record(&m, &m.mmo, MH_PROTO_MLDV2, MLD_MODE_IS_EXCLUDE, &group, NULL, 0, 0));
	len = mh_encode(&conf, &m, NULL, NULL, bytes, sizeof(bytes));
	assert_int_equal(len, (10 + 2 + 4 + 4 + 50 * 20 + 4 + 4 + 20 + 7) / 8 * 8); /* two options */
	assert_int_equal(bytes[13], (4 + 50 * 20) / 4);
	assert_int_equal(mh_decode(&conf, bytes, len, NULL, NULL, &again), MH_OK);
	assert_int_equal(again.mmo.n, 51);
	mh_init(&m, MH_HI);
	m.has = MH_HAS_MMO;
	assert_true(mh_add_record(&m, &m.mmo, MH_PROTO_MLDV2, MLD_MODE_IS_INCLUDE, &group, sources, 62,
				  MH_MMO_SOURCES));
	assert_true(mh_encode(&conf, &m, NULL, NULL, bytes, sizeof(bytes)) > 0);
	mh_init(&m, MH_HI);
	m.has = MH_HAS_MMO;
	assert_true(mh_add_record(&m, &m.mmo, MH_PROTO_MLDV2, MLD_MODE_IS_INCLUDE, &group, sources, 63, 63));
	assert_int_equal(mh_encode(&conf, &m, NULL, NULL, bytes, sizeof(bytes)), 0);
}

static void nothing_beyond_the_end_is_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(golden_mh); i++) {
		const struct golden_mh *g = &golden_mh[i];
		struct mh_msg m;

		assert_int_equal(decode_golden(g, &m), MH_OK);
		for (size_t cap = 0; g->exact && cap < g->len; cap++) {
			uint8_t *bytes = malloc(cap ? cap : 1);

			assert_non_null(bytes);
			assert_int_equal(mh_encode(&conf, &m, NULL, NULL, bytes, cap), 0);
			free(bytes);
		}
	}
}

static void timestamps(void **state)
{
	struct rng r = rng_of(1);

	(void)state;
	assert_int_equal(mh_timestamp_of(0), 0);
	assert_int_equal(mh_timestamp_of(-1), 0);
	assert_int_equal(mh_timestamp_of(1700000000500000000), (uint64_t)1700000000 << 16 | 0x8000);
	assert_int_equal(mh_timestamp_to_ns(UINT64_MAX), INT64_MAX);
	for (int i = 0; i < 10000; i++) {
		uint64_t ts = rng_below(&r, (uint64_t)1 << 48);

		assert_int_equal(mh_timestamp_of(mh_timestamp_to_ns(ts)), ts);
	}
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(mh_status_name(0), "ACCEPTED");
	assert_string_equal(mh_status_name(155), "NOT_AUTHORIZED_FOR_HNP");
	assert_string_equal(mh_status_name(100), "?");
	assert_string_equal(mh_status_name(255), "?");
	assert_string_equal(mh_type_name(MH_UPN), "update-notification");
	assert_string_equal(mh_type_name(0), "?");
	assert_string_equal(mh_sub_result_name(MH_SUB_LIMIT), "limit");
	assert_string_equal(mh_sub_result_name(200), "?");
	assert_string_equal(mh_hack_name(MH_HACK_NO_FORWARDING), "no-forwarding");
	assert_string_equal(mh_hack_name(7), "?");
	for (int e = 0; e < MH_ERR_N; e++)
		assert_string_not_equal(mh_err_name((enum mh_err)e), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(a_glance_sees_what_is_decoded),
		cmocka_unit_test(every_mutation_is_survived),
		cmocka_unit_test(checksum_is_verified),
		cmocka_unit_test(pbu_and_pba_fields),
		cmocka_unit_test(ipv4_groups_are_mapped),
		cmocka_unit_test(changes_mean_state),
		cmocka_unit_test(empty_identities),
		cmocka_unit_test(longest_identity),
		cmocka_unit_test(handover_messages),
		cmocka_unit_test(vendor_options),
		cmocka_unit_test(marks),
		cmocka_unit_test(authentication),
		cmocka_unit_test(refusals),
		cmocka_unit_test(header_refusals),
		cmocka_unit_test(parameter_problems),
		cmocka_unit_test(runs_are_mended),
		cmocka_unit_test(no_more_than_there_is_room_for),
		cmocka_unit_test(lists_are_split_or_cut),
		cmocka_unit_test(largest_context),
		cmocka_unit_test(nothing_beyond_the_end_is_written),
		cmocka_unit_test(timestamps),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
