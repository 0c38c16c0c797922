/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Messages of the Mobility Header, held against each other. */
#include "wire/mh.h"
#include "wire/testing.h"

static void assert_octets(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	assert_int_equal(a_len, b_len);
	if (a_len)
		assert_memory_equal(a, b, a_len);
}

static void assert_same_run(const struct mh_msg *a, const struct mh_records *ra, const struct mh_msg *b,
			    const struct mh_records *rb)
{
	assert_int_equal(ra->n, rb->n);
	for (size_t i = 0; i < ra->n; i++) {
		const struct mh_record *x = &a->records[ra->first + i], *y = &b->records[rb->first + i];

		assert_int_equal(x->proto, y->proto);
		assert_int_equal(x->type, y->type);
		assert_int_equal(x->result, y->result);
		assert_int_equal(x->direct, y->direct);
		assert_int_equal(x->origins, y->origins);
		assert_int_equal(x->compat, y->compat);
		assert_int_equal(x->left_s, y->left_s);
		assert_int_equal(x->label, y->label);
		assert_true(addr_eq(&x->group, &y->group));
		assert_int_equal(x->n, y->n);
		for (size_t k = 0; k < x->n; k++)
			assert_true(addr_eq(&a->sources[x->first + k], &b->sources[y->first + k]));
	}
}

static void assert_same_fixed(const struct mh_msg *a, const struct mh_msg *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->heartbeat_seq, b->heartbeat_seq);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->lifetime_4s, b->lifetime_4s);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->revocation, b->revocation);
	assert_int_equal(a->trigger, b->trigger);
	assert_int_equal(a->reason, b->reason);
	assert_true(addr_eq(&a->home, &b->home));
}

static void assert_same_options(const struct mh_msg *a, const struct mh_msg *b)
{
	assert_int_equal(a->has, b->has);
	assert_int_equal(a->mn_id_subtype, b->mn_id_subtype);
	assert_true(nai_eq(&a->mn_id, &b->mn_id));
	assert_int_equal(a->n_hnp, b->n_hnp);
	for (size_t i = 0; i < a->n_hnp; i++) {
		assert_true(addr_eq(&a->hnp[i].addr, &b->hnp[i].addr));
		assert_int_equal(a->hnp[i].len, b->hnp[i].len);
	}
	assert_int_equal(a->handoff, b->handoff);
	assert_int_equal(a->att, b->att);
	assert_true(lladdr_eq(&a->llid, &b->llid));
	assert_true(addr_eq(&a->link_local, &b->link_local));
	assert_int_equal(a->timestamp, b->timestamp);
	assert_int_equal(a->refresh_advice_4s, b->refresh_advice_4s);
	assert_true(addr_eq(&a->alt_coa, &b->alt_coa));
	assert_int_equal(a->restart_counter, b->restart_counter);
	assert_true(addr_eq(&a->lma_address, &b->lma_address));
	assert_true(addr_eq(&a->home_ipv4, &b->home_ipv4));
	assert_int_equal(a->home_ipv4_len, b->home_ipv4_len);
	assert_memory_equal(a->mn_iid, b->mn_iid, sizeof(a->mn_iid));
	assert_int_equal(a->group_id, b->group_id);
	assert_int_equal(a->gre_key, b->gre_key);
	assert_int_equal(a->gre_has_key, b->gre_has_key);
	assert_int_equal(a->transient_flags, b->transient_flags);
	assert_int_equal(a->transient_lifetime_100ms, b->transient_lifetime_100ms);
	assert_octets(a->service, a->service_len, b->service, b->service_len);
	assert_octets(a->ani, a->ani_len, b->ani, b->ani_len);
	assert_int_equal(a->n_context_request, b->n_context_request);
	for (size_t i = 0; i < a->n_context_request; i++) {
		assert_int_equal(a->context_request[i].type, b->context_request[i].type);
		assert_octets(a->context_request[i].data, a->context_request[i].len, b->context_request[i].data,
			      b->context_request[i].len);
	}
	assert_int_equal(a->auth_subtype, b->auth_subtype);
	assert_int_equal(a->auth_spi, b->auth_spi);
	assert_octets(a->auth, a->auth_len, b->auth, b->auth_len);
	assert_int_equal(a->mesg_id, b->mesg_id);
	assert_memory_equal(&a->capabilities, &b->capabilities, sizeof(a->capabilities));
	assert_int_equal(a->role, b->role);
	assert_int_equal(a->mark, b->mark);
	assert_int_equal(a->key, b->key);
	assert_int_equal(a->context.delivery, b->context.delivery);
	assert_int_equal(a->context.policy_version, b->context.policy_version);
	assert_true(addr_eq(&a->more_after, &b->more_after));
	assert_true(addr_eq(&a->more_source, &b->more_source));
	assert_int_equal(a->n_vsm, b->n_vsm);
	for (size_t i = 0; i < a->n_vsm; i++) {
		assert_int_equal(a->vsm[i].vendor, b->vsm[i].vendor);
		assert_int_equal(a->vsm[i].subtype, b->vsm[i].subtype);
		assert_octets(a->vsm[i].data, a->vsm[i].len, b->vsm[i].data, b->vsm[i].len);
	}
}

static void assert_same(const struct mh_msg *a, const struct mh_msg *b)
{
	assert_same_fixed(a, b);
	assert_same_options(a, b);
	assert_int_equal(a->selector_direct, b->selector_direct);
	assert_int_equal(a->mmo_code, b->mmo_code);
	assert_int_equal(a->mma_status, b->mma_status);
	assert_same_run(a, &a->selector, b, &b->selector);
	assert_same_run(a, &a->ams, b, &b->ams);
	assert_same_run(a, &a->mmo, b, &b->mmo);
	assert_same_run(a, &a->mma, b, &b->mma);
	assert_same_run(a, &a->result, b, &b->result);
	assert_same_run(a, &a->described, b, &b->described);
	assert_same_run(a, &a->labels, b, &b->labels);
	assert_same_run(a, &a->query, b, &b->query);
}
