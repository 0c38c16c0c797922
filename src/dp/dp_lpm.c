/* SPDX-License-Identifier: BSD-2-Clause */
/* Prefixes, and the longest that an address is in. */
#include "dp/dp_priv.h"

#include <stdlib.h>

struct prefix_key {
	struct in6_addr addr;
	uint32_t len;
};

void dp_lpm_init(struct dp_lpm *lpm, uint64_t seed)
{
	*lpm = (struct dp_lpm){0};
	htab_init(&lpm->table, seed);
}

uint64_t dp_pfx_hash(const struct dp_lpm *lpm, const struct prefix *p)
{
	struct prefix_key k = {p->addr, p->len};

	return htab_hash(&lpm->table, &k, sizeof(k));
}

struct dp_pfx *dp_pfx_of_hash(const struct dp_lpm *lpm, const struct prefix *masked, uint64_t hash)
{
	for (struct hnode *n = htab_first(&lpm->table, hash); n; n = htab_same(n)) {
		struct dp_pfx *x = hnode_owner(n, struct dp_pfx, by_prefix);

		if (prefix_eq(&x->prefix, masked))
			return x;
	}
	return NULL;
}

struct dp_pfx *dp_pfx_find(const struct dp_lpm *lpm, const struct prefix *prefix)
{
	struct prefix p = prefix_masked(*prefix);

	return dp_pfx_of_hash(lpm, &p, dp_pfx_hash(lpm, &p));
}

struct dp_pfx *dp_pfx_match(const struct dp_lpm *lpm, const struct in6_addr *addr)
{
	for (uint32_t i = 0; i < lpm->n_lens; i++) {
		struct prefix p = {*addr, lpm->lens[i]};
		struct dp_pfx *x = dp_pfx_find(lpm, &p);

		if (x)
			return x;
	}
	return NULL;
}

static void lpm_lens(struct dp_lpm *lpm)
{
	lpm->n_lens = 0;
	for (int len = 128; len >= 0; len--)
		if (lpm->of_len[len])
			lpm->lens[lpm->n_lens++] = (uint8_t)len;
}

struct dp_pfx *dp_lpm_add(struct dp_lpm *lpm, const struct prefix *masked, uint64_t hash)
{
	struct dp_pfx *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->prefix = *masked;
	if (!htab_add(&lpm->table, &x->by_prefix, hash)) {
		free(x);
		return NULL;
	}
	if (lpm->of_len[x->prefix.len]++ == 0)
		lpm_lens(lpm);
	return x;
}

void dp_lpm_del(struct dp_lpm *lpm, struct dp_pfx *x)
{
	htab_del(&lpm->table, &x->by_prefix);
	if (--lpm->of_len[x->prefix.len] == 0)
		lpm_lens(lpm);
	free(x);
}
