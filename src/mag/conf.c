/* SPDX-License-Identifier: BSD-2-Clause */
#include "mag/mag_priv.h"

void mag_conf_defaults(struct mag_conf *conf)
{
	*conf = (struct mag_conf){
		.pen = MH_PEN_DOCUMENTATION,
		.lifetime = span_s(3600),
		.bindack_initial = span_s(1),
		.bindack_max = span_s(32),
		.updates_per_s = 3,
		.dereg_wait = span_s(1),
		.refusal_retry = span_s(32),
		.timestamps = true,
		.link_local = addr_mag_link_local,
		.att = MH_ATT_ETHERNET,
		.heartbeat_interval = span_s(60),
		.heartbeats_missing = 3,
		.ra_interval = span_s(600),
		.ra_router_lifetime_s = 1800,
		.ra_valid_s = UINT32_MAX,
		.ra_preferred_s = UINT32_MAX,
		.ra_on_link = true,
		.ra_autonomous = true,
		.ra_repeat = 3,
		.ra_repeat_interval = span_s(1),
		.ra_solicited_per_s = 1,
		.ra_hop_limit = 64,
		.be_per_s = 10,
		.link_probes = 13,
		.link_probe_response = span_ms(1),
		.link_probe_interval = span_ms(1),
		.nud_interval = span_s(30),
		.nud_retrans = span_s(1),
		.nud_probes = 3,
		.unknown_hold = span_s(30),
		.record_hold = span_s(2),
		.revoke_probes = 3,
		.revoke_probe_interval = span_ms(100),
		.multicast = true,
		.signalling = MAG_SIGNALLING_AUTO,
		.context = MN_CONTEXT_QUERY,
		.implicit_join = true,
		.query_delay = span_ms(100),
		.query_delay_max = span_ms(400),
		.query_tries = 6,
		.node_mld = true,
		.scopes = POLICY_SCOPES_DEFAULT,
		.access_mld = {
			.robustness = 2,
			.query_interval = span_s(60),
			.query_response = span_s(10),
			.last_listener_interval = span_ms(200),
			.fast_leave = true,
			.querier_always = true,
		},
		.attach_query_response = span_ms(100),
		.attach_queries = 2,
		.attach_query_interval = span_s(1),
		.tunnel_mld = {.robustness = 2, .unsolicited_interval = span_s(1)},
		.groups_per_node_max = 32,
		.sources_per_group_max = 64,
		.groups_max = 8192,
		.entries_max = 65536,
		.joins_per_s = 10,
		.joins_burst = 20,
		.handover = {
			.enabled = true,
			.retransmit = span_ms(100),
			.retries = 3,
			.hold = span_s(5),
			.after_leave = span_s(2),
			.handovers_max = 1024,
			.per_s = 200,
			.groups_max = 256,
			.seam_wait = span_ms(200),
		},
		.nodes_max = 4096,
		.nodes_per_link_max = 1024,
		.unknown_max = 4096,
		.lmas_max = 16,
		.links_max = 4096,
		.tunnel_link_local = addr_mag_link_local,
	};
}

static void at_least_u32(uint32_t *v, uint32_t least)
{
	if (*v < least)
		*v = least;
}

static void at_least_span(span_t *v, span_t least)
{
	if (v->ns < least.ns)
		*v = least;
}

void mag_conf_sane(struct mag_conf *conf)
{
	at_least_span(&conf->lifetime, span_s(4)); /* the unit on the wire */
	at_least_span(&conf->bindack_initial, span_ms(10));
	at_least_span(&conf->bindack_max, conf->bindack_initial);
	at_least_span(&conf->dereg_wait, span_ms(10));
	at_least_span(&conf->refusal_retry, span_s(1));
	at_least_span(&conf->ra_interval, span_s(3)); /* MinRtrAdvInterval, RFC 4861 6.2.1 */
	at_least_span(&conf->ra_repeat_interval, span_ms(10));
	at_least_u32(&conf->ra_solicited_per_s, 1);
	at_least_u32(&conf->be_per_s, 1);
	at_least_span(&conf->query_delay, span_ms(10));
	at_least_span(&conf->query_delay_max, conf->query_delay);
	at_least_span(&conf->nud_retrans, span_ms(10));
	at_least_span(&conf->link_probe_interval, span_ms(1));
	at_least_span(&conf->revoke_probe_interval, span_ms(10));
	at_least_span(&conf->attach_query_interval, span_ms(10));
	at_least_span(&conf->handover.retransmit, span_ms(10));
	at_least_span(&conf->handover.hold, span_ms(100));
	at_least_span(&conf->handover.after_leave, span_ms(100));
	at_least_u32(&conf->handover.handovers_max, 1);
	if (conf->n_candidates > MAG_CANDIDATES_MAX)
		conf->n_candidates = MAG_CANDIDATES_MAX;
	if (conf->nud_interval.ns)
		at_least_span(&conf->nud_interval, span_ms(100));
	if (conf->heartbeat_interval.ns)
		at_least_span(&conf->heartbeat_interval, span_ms(10));
	if (!conf->nud_probes)
		conf->nud_probes = 1;
	if (!conf->query_tries)
		conf->query_tries = 1;
	if (!conf->revoke_probes)
		conf->revoke_probes = 1;
	if (!conf->att)
		conf->att = MH_ATT_ETHERNET;
	if (addr_is_any(&conf->link_local))
		conf->link_local = addr_mag_link_local;
	if (addr_is_any(&conf->tunnel_link_local))
		conf->tunnel_link_local = addr_mag_link_local;
	at_least_u32(&conf->groups_per_node_max, 1);
	at_least_u32(&conf->sources_per_group_max, 1);
	at_least_u32(&conf->groups_max, 1);
	at_least_u32(&conf->entries_max, 1);
	at_least_u32(&conf->nodes_max, 1);
	at_least_u32(&conf->nodes_per_link_max, 1);
	at_least_u32(&conf->unknown_max, 1);
	at_least_u32(&conf->lmas_max, 1);
	at_least_u32(&conf->links_max, 1);
}

/* What policy refuses is known to the membership engine too: it shall not take the room of what is permitted. */
#define REFUSED_ROOM 32

struct mld_router_conf mag_access_mld(const struct mag *mag)
{
	struct mld_router_conf c = mag->conf.access_mld;

	if (!c.groups_max)
		c.groups_max = mag->conf.groups_per_node_max + REFUSED_ROOM;
	if (!c.sources_max)
		c.sources_max = mag->conf.sources_per_group_max;
	if (!c.hosts_max)
		c.hosts_max = 8;
	/* Decision 26: the start-up queries of a link are the attach queries. */
	c.startup_query_interval = mag->conf.attach_query_interval;
	c.startup_query_count = mag->conf.attach_queries ? mag->conf.attach_queries : 1;
	c.startup_query_response = mag->conf.attach_query_response;
	return c;
}

struct mld_host_conf mag_tunnel_mld(const struct mag *mag, const struct mag_peer *peer)
{
	struct mld_host_conf c = mag->conf.tunnel_mld;

	if (!c.mtu || c.mtu > peer->mtu)
		c.mtu = peer->mtu;
	if (!c.groups_max)
		c.groups_max = mag->conf.groups_max;
	return c;
}

struct proxy_conf mag_proxy_limits(const struct mag *mag)
{
	return (struct proxy_conf){
		.groups_max = mag->conf.groups_max,
		.members_max = mag->conf.nodes_max,
		.entries_max = mag->conf.entries_max,
	};
}
