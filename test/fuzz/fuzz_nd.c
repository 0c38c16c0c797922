/* SPDX-License-Identifier: BSD-2-Clause */
/* Neighbour Discovery packets: what decodes can be encoded, and says the same then. */
#include "wire/nd.h"

#include "resum.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_same(const struct nd_msg *a, const struct nd_msg *b)
{
	check(a->type == b->type && addr_eq(&a->src, &b->src) && addr_eq(&a->dst, &b->dst));
	check(addr_eq(&a->target, &b->target) && a->mtu == b->mtu && a->n_prefixes == b->n_prefixes);
	check(a->na_router == b->na_router && a->na_solicited == b->na_solicited && a->na_override == b->na_override);
	check(a->router_lifetime_s == b->router_lifetime_s && a->hop_limit == b->hop_limit);
	for (size_t i = 0; i < a->n_prefixes; i++)
		check(memcmp(&a->prefixes[i], &b->prefixes[i], sizeof(a->prefixes[i])) == 0);
	/* An address may have got some padding. */
	check(memcmp(a->source_ll.b, b->source_ll.b, a->source_ll.len) == 0);
	check(memcmp(a->target_ll.b, b->target_ll.b, a->target_ll.len) == 0);
}

static void check_packet(const uint8_t *bytes, size_t len)
{
	struct nd_msg m, again;
	uint8_t out[1500];
	size_t n;

	if (nd_decode(bytes, len, &m) != ND_OK)
		return;
	n = nd_encode(&m, out, sizeof(out));
	check(n > 0);
	check(nd_decode(out, n, &again) == ND_OK);
	check_same(&m, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = resummed(bytes, len);

	check_packet(bytes, len);
	check_packet(copy, len);
	free(copy);
	return 0;
}
