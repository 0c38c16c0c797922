/* SPDX-License-Identifier: BSD-2-Clause */
#include "lma/lma_priv.h"

#include <stdlib.h>
#include <string.h>

void lma_conf_defaults(struct lma_conf *conf)
{
	*conf = (struct lma_conf){
		.pen = MH_PEN_DOCUMENTATION,
		.pool_prefix_len = 64,
		.prefixes_per_node = 1,
		.lifetime_max = span_s(3600),
		.min_delay_before_bce_delete = span_s(10),
		.max_delay_before_new_bce = span_ms(1500),
		.timestamp_window = span_ms(300),
		.fixed_link_local = addr_mag_link_local,
		.bri_delay_initial = span_s(1),
		.bri_delay_max = span_s(2),
		.bri_retries = 1,
		.upn_delay = span_s(1),
		.upn_retries = 1,
		.heartbeat_interval = span_s(60),
		.heartbeats_missing = 3,
		.be_per_s = 10,
		.refusal_per_s = 10,
		.bindings_max = 100000,
		.pending_max = 4096,
		.peers_max = 1024,
		.groups_max = 16384,
		.groups_per_mag_max = 8192,
		.groups_per_node_max = 32,
		.sources_per_group_max = 64,
		.entries_max = 262144,
		.multicast = true,
		.signalling = LMA_ACCEPT_BOTH,
		.context = MN_CONTEXT_QUERY,
		.query_delay = span_ms(100),
		.query_tries = 3,
		.implicit_join = true,
		.implicit_guard = span_s(1),
		.scopes = POLICY_SCOPES_DEFAULT,
		/* a tunnel has one listener, the MAG: it is tracked, and its leave needs no second question */
		.tunnel_mld = {.query_response = span_s(1), .fast_leave = true, .querier_always = true},
		.upstream_mld = {.unsolicited_interval = span_s(1)},
		.tunnel_link_local = {{{0xfe, 0x80, [15] = 0x01}}},
	};
}

static void free_mags(struct lma_mag *v, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		profile_unref(v[i].ranges);
	free(v);
}

static bool add_ranges(struct profile *p, bool deny, const struct profile_range *v, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		if (!profile_add_range(p, deny, &v[i].group, &v[i].source))
			return false;
	return true;
}

bool lma_conf_set(struct lma *l, const struct lma_conf *conf)
{
	struct lma_mag *mags = calloc(conf->n_mags ? conf->n_mags : 1, sizeof(*mags));

	if (!mags)
		return false;
	for (uint16_t i = 0; i < conf->n_mags; i++) {
		struct lma_mag *m = &mags[i];

		m->conf = conf->mags[i];
		m->ranges = profile_new();
		if (!m->ranges || !add_ranges(m->ranges, false, m->conf.allow, m->conf.n_allow) ||
		    !add_ranges(m->ranges, true, m->conf.deny, m->conf.n_deny)) {
			free_mags(mags, conf->n_mags);
			return false;
		}
		m->conf.allow = m->conf.deny = NULL; /* the caller's: `ranges` holds them */
		m->conf.n_allow = m->conf.n_deny = 0;
	}
	lma_conf_free(l);
	l->conf = *conf;
	l->conf.mags = NULL;
	if (addr_is_any(&l->conf.fixed_link_local))
		l->conf.fixed_link_local = addr_mag_link_local;
	l->mags = mags;
	l->n_mags = conf->n_mags;
	l->mh.pen = conf->pen;
	return true;
}

void lma_conf_free(struct lma *l)
{
	free_mags(l->mags, l->n_mags);
	l->mags = NULL;
	l->n_mags = 0;
}

const struct lma_mag *lma_mag_of(const struct lma *l, const struct in6_addr *proxy_coa)
{
	const struct lma_mag *best = NULL;

	for (uint16_t i = 0; i < l->n_mags; i++) {
		const struct lma_mag *m = &l->mags[i];

		if (prefix_contains(&m->conf.proxy_coa, proxy_coa) &&
		    (!best || m->conf.proxy_coa.len > best->conf.proxy_coa.len))
			best = m;
	}
	return best;
}

uint32_t lma_mag_groups_max(const struct lma *l, const struct lma_mag *mag)
{
	return mag->conf.groups_max ? mag->conf.groups_max : l->conf.groups_per_mag_max;
}
