/* SPDX-License-Identifier: BSD-2-Clause */
/* Mobility Headers: whatever decodes can be encoded, and decodes to the same message then. */
#include <stdlib.h>
#include <string.h>

#include "wire/mh.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_octets(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	check(a_len == b_len);
	check(a_len == 0 || memcmp(a, b, a_len) == 0);
}

static void check_run(const struct mh_msg *a, const struct mh_records *ra, const struct mh_msg *b,
		      const struct mh_records *rb)
{
	check(ra->n == rb->n);
	check((size_t)ra->first + ra->n <= a->n_records);
	for (size_t i = 0; i < ra->n; i++) {
		const struct mh_record *x = &a->records[ra->first + i], *y = &b->records[rb->first + i];

		check(x->proto == y->proto && x->type == y->type && x->result == y->result && x->direct == y->direct);
		check(addr_eq(&x->group, &y->group));
		check(x->n == y->n && (size_t)x->first + x->n <= a->n_sources);
		for (size_t k = 0; k < x->n; k++)
			check(addr_eq(&a->sources[x->first + k], &b->sources[y->first + k]));
	}
}

static void check_same(const struct mh_msg *a, const struct mh_msg *b)
{
	check(a->type == b->type && a->seq == b->seq && a->heartbeat_seq == b->heartbeat_seq);
	check(a->flags == b->flags && a->lifetime_4s == b->lifetime_4s && a->status == b->status);
	check(a->revocation == b->revocation && a->trigger == b->trigger && a->reason == b->reason);
	check(a->has == b->has && nai_eq(&a->mn_id, &b->mn_id) && a->mn_id_subtype == b->mn_id_subtype);
	check(a->n_hnp == b->n_hnp && memcmp(a->hnp, b->hnp, a->n_hnp * sizeof(a->hnp[0])) == 0);
	check(a->handoff == b->handoff && a->att == b->att && lladdr_eq(&a->llid, &b->llid));
	check(addr_eq(&a->link_local, &b->link_local) && a->timestamp == b->timestamp);
	check(a->gre_has_key == b->gre_has_key && a->gre_key == b->gre_key && a->group_id == b->group_id);
	check(addr_eq(&a->lma_address, &b->lma_address) && a->mesg_id == b->mesg_id);
	check_octets(a->service, a->service_len, b->service, b->service_len);
	check_octets(a->ani, a->ani_len, b->ani, b->ani_len);
	check_octets(a->auth, a->auth_len, b->auth, b->auth_len);
	check(a->n_context_request == b->n_context_request && a->n_vsm == b->n_vsm);
	for (size_t i = 0; i < a->n_vsm; i++)
		check_octets(a->vsm[i].data, a->vsm[i].len, b->vsm[i].data, b->vsm[i].len);
	check(a->selector_direct == b->selector_direct && a->mmo_code == b->mmo_code && a->mma_status == b->mma_status);
	check_run(a, &a->selector, b, &b->selector);
	check_run(a, &a->ams, b, &b->ams);
	check_run(a, &a->mmo, b, &b->mmo);
	check_run(a, &a->mma, b, &b->mma);
	check_run(a, &a->result, b, &b->result);
	check_run(a, &a->query, b, &b->query);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct mh_conf conf = { .pen = MH_PEN_DOCUMENTATION };
	static struct mh_msg m, again;
	uint8_t encoded[MH_LEN_MAX];
	size_t n;

	if (mh_decode(&conf, bytes, len, NULL, NULL, &m) != MH_OK)
		return 0;
	n = mh_encode(&conf, &m, &addr_mag_link_local, &addr_all_nodes, encoded, sizeof(encoded));
	if (n == 0)
		return 0; /* our padding made it too long */
	check(mh_decode(&conf, encoded, n, &addr_mag_link_local, &addr_all_nodes, &again) == MH_OK);
	check_same(&m, &again);
	return 0;
}
