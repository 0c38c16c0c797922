/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages made at random, encoded and decoded, come back as they were. */
#include "wire/mh.h"

#include "base/rng.h"
#include "wire/mh_testing.h"
#include "wire/mld.h"

static const struct mh_conf conf = { .pen = MH_PEN_DOCUMENTATION };

static struct in6_addr random_addr(struct rng *r, uint8_t first)
{
	struct in6_addr a;

	for (size_t i = 0; i < sizeof(a); i++)
		a.s6_addr[i] = (uint8_t)rng_u64(r);
	a.s6_addr[0] = first;
	return a;
}

static void random_records(struct rng *r, struct mh_msg *m, struct mh_records *run, bool report)
{
	static const uint8_t protos[] = { MH_PROTO_MLDV2, MH_PROTO_IGMPV3, MH_PROTO_MLDV1, MH_PROTO_IGMPV2 };
	size_t n = 1 + rng_below(r, 4);

	while (n-- > 0) {
		uint8_t proto = protos[rng_below(r, report ? 2 : 4)];
		bool ipv4 = proto == MH_PROTO_IGMPV3 || proto == MH_PROTO_IGMPV2;
		bool bare = proto == MH_PROTO_MLDV1 || proto == MH_PROTO_IGMPV2;
		struct in6_addr group = random_addr(r, ipv4 ? 0 : 0xff), sources[MH_AMS_SOURCES];
		size_t n_sources = bare ? 0 : rng_below(r, 5);

		for (size_t i = 0; i < n_sources; i++) {
			sources[i] = random_addr(r, ipv4 ? 0 : 0x20);
			if (ipv4)
				memcpy(&sources[i], "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a", 13);
		}
		if (ipv4)
			memcpy(&group, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xef", 13);
		mh_add_record(m, run, proto, bare ? MLD_MODE_IS_EXCLUDE : (uint8_t)(1 + rng_below(r, 2)), &group,
			      sources, n_sources, MH_AMS_SOURCES);
	}
}

static void random_fixed(struct rng *r, struct mh_msg *m)
{
	switch (m->type) {
	case MH_BU:
		m->lifetime_4s = (uint16_t)rng_u64(r);
		m->flags = (uint16_t)rng_u64(r);
		break;
	case MH_BA:
		m->lifetime_4s = (uint16_t)rng_u64(r);
		m->status = (uint8_t)rng_u64(r);
		m->flags = (uint8_t)rng_u64(r);
		break;
	case MH_BE:
		m->status = (uint8_t)rng_u64(r);
		m->home = random_addr(r, 0x20);
		break;
	case MH_HEARTBEAT:
		m->flags = (uint16_t)rng_u64(r);
		m->heartbeat_seq = (uint32_t)rng_u64(r);
		break;
	case MH_HI:
	case MH_HACK:
		m->flags = (uint8_t)rng_u64(r);
		m->status = (uint8_t)rng_u64(r);
		break;
	case MH_REVOCATION:
		m->revocation = (uint8_t)(1 + rng_below(r, 2));
		m->flags = (uint16_t)rng_u64(r);
		*(m->revocation == MH_BRI ? &m->trigger : &m->status) = (uint8_t)rng_u64(r);
		break;
	case MH_UPN:
		m->flags = (uint16_t)rng_u64(r);
		m->reason = (uint16_t)rng_u64(r);
		break;
	case MH_UPA:
		m->status = (uint8_t)rng_u64(r);
		break;
	case MH_SUBSCRIPTION_QUERY:
		break;
	case MH_SUBSCRIPTION_RESPONSE:
		m->flags = (uint8_t)rng_u64(r);
		break;
	}
	if (m->type == MH_SUBSCRIPTION_QUERY || m->type == MH_SUBSCRIPTION_RESPONSE)
		m->seq = (uint8_t)rng_u64(r);
	else if (m->type != MH_BE && m->type != MH_HEARTBEAT)
		m->seq = (uint16_t)rng_u64(r);
}

static void random_scalars(struct rng *r, struct mh_msg *m, const uint8_t *octets)
{
	if (m->has & MH_HAS_MN_ID) {
		m->mn_id_subtype = (uint8_t)(1 + rng_below(r, 8));
		m->mn_id = nai_of(octets, rng_below(r, 40));
	}
	m->n_hnp = (uint8_t)rng_below(r, 4);
	for (size_t i = 0; i < m->n_hnp; i++)
		m->hnp[i] = (struct prefix){ random_addr(r, 0x20), (uint8_t)rng_below(r, 129) };
	m->handoff = m->has & MH_HAS_HANDOFF ? (uint8_t)rng_u64(r) : 0;
	m->att = m->has & MH_HAS_ATT ? (uint8_t)rng_u64(r) : 0;
	if (m->has & MH_HAS_LLID)
		m->llid = lladdr_of(octets, rng_below(r, LLADDR_MAX + 1));
	if (m->has & MH_HAS_LINK_LOCAL)
		m->link_local = random_addr(r, 0xfe);
	m->timestamp = m->has & MH_HAS_TIMESTAMP ? rng_u64(r) : 0;
	m->refresh_advice_4s = m->has & MH_HAS_REFRESH_ADVICE ? (uint16_t)rng_u64(r) : 0;
	if (m->has & MH_HAS_ALT_COA)
		m->alt_coa = random_addr(r, 0x20);
	m->restart_counter = m->has & MH_HAS_RESTART_COUNTER ? (uint32_t)rng_u64(r) : 0;
	if (m->has & MH_HAS_LMA_ADDRESS)
		m->lma_address = random_addr(r, 0x20);
	if (m->has & MH_HAS_HOME_IPV4) {
		m->home_ipv4 = (struct in6_addr){ { { [10] = 0xff, 0xff, octets[0], octets[1], octets[2], octets[3] } } };
		m->home_ipv4_len = (uint8_t)rng_below(r, 33);
	}
	if (m->has & MH_HAS_MN_IID)
		memcpy(m->mn_iid, octets, sizeof(m->mn_iid));
	m->group_id = m->has & MH_HAS_GROUP_ID ? (uint32_t)rng_u64(r) : 0;
	m->gre_has_key = m->has & MH_HAS_GRE_KEY && rng_below(r, 2);
	m->gre_key = m->gre_has_key ? (uint32_t)rng_u64(r) : 0;
	m->transient_flags = m->has & MH_HAS_TRANSIENT_BINDING ? (uint8_t)rng_u64(r) : 0;
	m->transient_lifetime_100ms = m->has & MH_HAS_TRANSIENT_BINDING ? (uint8_t)rng_u64(r) : 0;
	m->mesg_id = m->has & MH_HAS_MESG_ID ? rng_u64(r) : 0;
}

static void random_octets(struct rng *r, struct mh_msg *m, const uint8_t *octets)
{
	m->service_len = m->has & MH_HAS_SERVICE ? (uint8_t)(1 + rng_below(r, 20)) : 0;
	m->service = octets;
	m->ani_len = m->has & MH_HAS_ANI ? (uint8_t)rng_below(r, 20) : 0;
	m->ani = octets;
	if (m->has & MH_HAS_CONTEXT_REQUEST)
		m->n_context_request = (uint8_t)rng_below(r, MH_CONTEXT_REQUEST_MAX + 1);
	for (size_t i = 0; i < m->n_context_request; i++) {
		m->context_request[i].type = (uint8_t)rng_u64(r);
		m->context_request[i].len = (uint8_t)rng_below(r, 9);
		m->context_request[i].data = octets;
	}
	if (m->has & MH_HAS_AUTH) {
		m->auth_subtype = 1;
		m->auth_spi = (uint32_t)rng_u64(r);
		m->auth_len = 12;
		m->auth = octets;
	}
	if (m->has & MH_HAS_CAPABILITIES)
		m->capabilities = (struct mh_capabilities){ 1, (uint16_t)rng_u64(r), (uint16_t)rng_u64(r), 9 };
	m->role = m->has & MH_HAS_ROLE ? (uint16_t)rng_u64(r) : 0;
	if (m->has & MH_HAS_CONTEXT)
		m->context = (struct mh_context){ (uint8_t)rng_u64(r), rng_u64(r) };
	if (m->has & MH_HAS_MORE_AFTER)
		m->more_after = random_addr(r, 0xff);
	if ((m->has & MH_HAS_MORE_AFTER) && rng_below(r, 2))
		m->more_source = random_addr(r, 0x20);
	m->mark = m->has & MH_HAS_MARK ? (uint8_t)(1 + rng_below(r, MH_MARK_KEY)) : 0;
	m->key = m->mark == MH_MARK_KEY ? (uint16_t)rng_below(r, MH_KEY_MAX + 1) : 0;
	m->n_vsm = (uint8_t)rng_below(r, MH_VSM_MAX + 1);
	for (size_t i = 0; i < m->n_vsm; i++)
		m->vsm[i] = (struct mh_vsm_raw){ 10415, (uint8_t)rng_u64(r), (uint8_t)rng_below(r, 30), octets };
}

static void random_descriptions(struct rng *r, struct mh_msg *m)
{
	size_t n = rng_below(r, 15); /* more than one option holds */

	for (size_t i = 0; i < n; i++) {
		struct in6_addr group = random_addr(r, 0xff);
		struct mh_record *rec;

		if (!mh_add_record(m, &m->described, MH_PROTO_MLDV2, MLD_MODE_IS_EXCLUDE, &group, NULL, 0, MH_AMS_SOURCES))
			return;
		rec = &m->records[m->described.first + m->described.n - 1];
		rec->origins = (uint8_t)rng_u64(r);
		rec->compat = (uint8_t)rng_u64(r);
		rec->left_s = (uint32_t)rng_u64(r);
	}
}

static void random_labels(struct rng *r, struct mh_msg *m)
{
	size_t n = rng_below(r, 15); /* more than one option holds */

	for (size_t i = 0; i < n; i++) {
		struct in6_addr group = random_addr(r, 0xff);

		if (!mh_add_record(m, &m->labels, MH_PROTO_MLDV2, MLD_MODE_IS_EXCLUDE, &group, NULL, 0, MH_AMS_SOURCES))
			return;
		m->records[m->labels.first + m->labels.n - 1].label = (uint32_t)rng_u64(r) & MH_LABEL_MASK;
	}
}

/* Each with its status, and the option for each kind of those. */
static void random_refusals(struct rng *r, struct mh_msg *m)
{
	for (uint16_t i = 0; i < m->mma.n; i++)
		m->records[m->mma.first + i].result = (uint8_t)(MH_MMA_GROUP_UNSUPPORTED + rng_below(r, 2));
}

static void random_message(struct rng *r, struct mh_msg *m, const uint8_t *octets)
{
	static const enum mh_type types[] = { MH_BU,	    MH_BA,  MH_BE,  MH_HEARTBEAT,	   MH_HI,
					      MH_HACK,	    MH_REVOCATION, MH_UPN, MH_UPA, MH_SUBSCRIPTION_QUERY,
					      MH_SUBSCRIPTION_RESPONSE };

	mh_init(m, types[rng_below(r, N(types))]);
	random_fixed(r, m);
	m->has = (uint32_t)(rng_u64(r) & rng_u64(r)); /* every bit is one */
	if (!(m->has & MH_HAS_MORE))
		m->has &= ~(uint32_t)MH_HAS_MORE_AFTER;
	random_scalars(r, m, octets);
	random_octets(r, m, octets);
	if (m->has & MH_HAS_RESULT)
		random_records(r, m, &m->result, true);
	if (m->has & MH_HAS_AMS)
		random_records(r, m, &m->ams, false);
	if (m->has & MH_HAS_CONTEXT)
		random_descriptions(r, m);
	if (m->mark == MH_MARK_LABELS)
		random_labels(r, m);
	if (m->has & MH_HAS_MMO)
		random_records(r, m, &m->mmo, true);
	if (m->has & MH_HAS_SELECTOR)
		random_records(r, m, &m->selector, false);
	if (m->has & MH_HAS_MMA)
		random_records(r, m, &m->mma, true);
	random_refusals(r, m);
	m->mma_status = m->has & MH_HAS_MMA && rng_below(r, 2) ? MH_MMA_PAYLOAD_UNSUPPORTED : 0;
}

static void random_messages_come_back(void **state)
{
	struct in6_addr src = addr("2001:db8::1"), dst = addr("2001:db8::2");
	struct rng r = rng_of(20240607);
	uint8_t octets[64], bytes[MH_LEN_MAX];
	static struct mh_msg m, again;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)rng_u64(&r);
	for (int i = 0; i < 20000; i++) {
		random_message(&r, &m, octets);
		len = mh_encode(&conf, &m, &src, &dst, bytes, sizeof(bytes));
		assert_int_not_equal(len, 0);
		assert_int_equal(len % 8, 0);
		assert_int_equal(mh_decode(&conf, bytes, len, &src, &dst, &again), MH_OK);
		m.mmo_code = again.mmo_code; /* of its first record */
		assert_same(&m, &again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_messages_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
