/* SPDX-License-Identifier: BSD-2-Clause */
/* Defaults, what follows from other values, and the checks that need more than one key. */
#include "conf/conf_priv.h"

#include <fnmatch.h>
#include <grp.h>
#include <net/if.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- defaults ---- */
static void default_span(span_t *field, span_t value)
{
	if (field->ns == 0)
		*field = value;
}

/* The engines take 0 for the default of RFC 3810 9; here the value itself is wanted, to be shown. */
static void router_defaults(struct mld_router_conf *m)
{
	if (!m->robustness)
		m->robustness = 2;
	default_span(&m->query_interval, span_s(125));
	default_span(&m->query_response, span_s(10));
	default_span(&m->last_listener_interval, span_s(1));
}

static void host_defaults(struct mld_host_conf *m)
{
	if (!m->robustness)
		m->robustness = 2;
	default_span(&m->unsolicited_interval, span_s(1));
}

void conf_defaults(struct conf *c)
{
	lma_conf_defaults(&c->lma);
	mag_conf_defaults(&c->mag);
	mldproxy_conf_defaults(&c->proxy);
	router_defaults(&c->lma.tunnel_mld);
	router_defaults(&c->proxy.downstream_mld);
	host_defaults(&c->proxy.upstream_mld);
	router_defaults(&c->mag.access_mld);
	host_defaults(&c->lma.upstream_mld);
	host_defaults(&c->mag.tunnel_mld);
	c->security = CONF_SECURITY_NONE;
	strcpy(c->control_socket, "/run/roamcast/control");
	strcpy(c->policy_store, "/var/lib/roamcast/policy.db");
	c->log_level = CONF_LOG_NOTICE;
	c->events_kept = 4096;
	c->cpu_latency_us = CONF_CPU_LATENCY_NONE;
	c->dp.backend = DP_BACKEND_AUTO;
	c->dp.hop_limit = 64;
	c->dp.ptb_per_s = 10;
}

/* ---- what follows ---- */
static uint32_t bounded(uint64_t v)
{
	return (uint32_t)(v < 16 ? 16 : v > 1 << 24 ? 1 << 24 : v);
}

void conf_derive(struct conf *c)
{
	const struct lma_conf *l = &c->lma;
	const struct mag_conf *m = &c->mag;
	const struct mldproxy_conf *p = &c->proxy;
	char host[256] = "";

	if (!c->name[0]) {
		if (gethostname(host, sizeof(host) - 1) != 0 || !host[0])
			strcpy(host, "roamcast");
		host[sizeof(c->name) - 1] = '\0';
		strcpy(c->name, host);
	}
	memcpy(c->mag.name, c->name, sizeof(c->mag.name));
	if (!c->pen)
		c->pen = MH_PEN_DOCUMENTATION; /* conf_check() let it pass: a lab */
	c->lma.pen = c->mag.pen = c->pen;
	c->dp.multicast_only = c->has_proxy;
	if (!c->dp.nodes_max)
		c->dp.nodes_max = bounded(c->has_mag ? m->nodes_max : 0);
	if (!c->dp.routes_max)
		c->dp.routes_max = bounded(c->has_lma ? (uint64_t)l->bindings_max * l->prefixes_per_node : 0);
	if (!c->dp.tunnels_max)
		c->dp.tunnels_max = bounded((uint64_t)(c->has_lma ? l->peers_max : 0) + (c->has_mag ? m->lmas_max : 0));
	/* A group has a list for any source and one for each source that is named; few groups have many. */
	if (!c->dp.flows_max)
		c->dp.flows_max =
			bounded(2 * ((uint64_t)(c->has_lma ? l->groups_max : 0) + (c->has_mag ? m->groups_max : 0) +
				     (c->has_proxy ? p->groups_max : 0)));
	if (!c->dp.outs_max)
		c->dp.outs_max =
			bounded((uint64_t)(c->has_lma ? l->entries_max : 0) + (c->has_mag ? m->entries_max : 0) +
				(c->has_proxy ? p->entries_max + (uint64_t)p->links_max : 0));
}

/* ---- checks ---- */
static void wrong(struct conf_load *l, const char *path, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void wrong(struct conf_load *l, const char *path, const char *fmt, ...)
{
	yaml_mark_t at = conf_place(l, path);
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conf_error_at(l->errors, &at, path, "%s", text);
}

/* Decision 6. */
static void check_lab(struct conf_load *l)
{
	const struct conf *c = l->conf;

	if (c->lab || (c->has_proxy && !c->has_lma && !c->has_mag)) /* a plain proxy signals by MLD alone */
		return;
	if (!conf_given(l, "security"))
		wrong(l, "security",
		      "is missing; give \"external\" when IPsec policies protect the Mobility Header between LMA and "
		      "MAGs "
		      "(RFC 5213 4), or lab: yes on a test network");
	else if (c->security == CONF_SECURITY_NONE)
		wrong(l, "security",
		      "\"none\" lets anybody redirect nodes; give \"external\" when IPsec policies protect the "
		      "Mobility Header "
		      "between LMA and MAGs (RFC 5213 4), or lab: yes on a test network");
	if (!conf_given(l, "enterprise-number"))
		wrong(l, "enterprise-number",
		      "is missing; give the IANA private enterprise number of your organisation, the same at all LMAs "
		      "and MAGs, or lab: yes on a test network");
	else if (c->pen == MH_PEN_DOCUMENTATION)
		wrong(l, "enterprise-number",
		      "%u is reserved for documentation (RFC 5612); give the number of your organisation, or lab: yes "
		      "on a "
		      "test network",
		      MH_PEN_DOCUMENTATION);
}

static void check_router(struct conf_load *l, const char *section, const struct mld_router_conf *m)
{
	char path[96], response[32], interval[32];

	snprintf(path, sizeof(path), "%s.query-response", section);
	conf_span_str(m->query_response.ns, response);
	conf_span_str(m->query_interval.ns, interval);
	if (m->query_response.ns >= m->query_interval.ns)
		wrong(l, path, "%s is not below query-interval (%s) as RFC 3810 9.3 demands; make it shorter", response,
		      interval);
}

static void check_pools(struct conf_load *l)
{
	const struct lma_conf *c = &l->conf->lma;
	char pool[PREFIX_STR_MAX], other[PREFIX_STR_MAX];

	for (size_t i = 0; i < c->n_pools; i++) {
		const struct prefix *p = &c->pools[i];

		prefix_str(p, pool);
		if (p->len > c->pool_prefix_len)
			conf_error_at(
				l->errors, &l->pool_at[i], "lma.pools",
				"%s holds no prefix of /%u; give a range of at most /%u, or change pool-prefix-length",
				pool, c->pool_prefix_len, c->pool_prefix_len);
		if (prefix_contains(p, &c->lmaa))
			conf_error_at(l->errors, &l->pool_at[i], "lma.pools",
				      "%s holds lma.address (%s), which would be given to a node; take another range",
				      pool, addr_str(&c->lmaa, other));
		for (size_t j = 0; j < c->n_mags; j++) {
			const struct prefix *m = &c->mags[j].proxy_coa;

			if (m->len && (prefix_contains(p, &m->addr) || prefix_contains(m, &p->addr)))
				conf_error_at(l->errors, &l->pool_at[i], "lma.pools",
					      "%s overlaps with %s of MAG \"%s\"; take another range", pool,
					      prefix_str(m, other), c->mags[j].name);
		}
	}
}

static void check_lma(struct conf_load *l)
{
	const struct conf *c = l->conf;

	for (size_t i = 0; i < c->lma.n_mags; i++) {
		const struct prefix *p = &c->lma.mags[i].proxy_coa;
		char buf[PREFIX_STR_MAX];

		if (p->len && (p->len < 16 || addr_is_multicast(&p->addr) || addr_is_link_local(&p->addr)))
			conf_error_at(
				l->errors, &l->mag_at[i], "lma.mags",
				"%s cannot be the address of \"%s\"; give its Proxy-CoA, or a prefix of at least /16",
				prefix_str(p, buf), c->lma.mags[i].name);
		else if (p->len && prefix_contains(p, &c->lma.lmaa))
			conf_error_at(l->errors, &l->mag_at[i], "lma.mags",
				      "%s of \"%s\" holds lma.address; a MAG has an address of its own",
				      prefix_str(p, buf), c->lma.mags[i].name);
	}
	check_pools(l);
	if (c->lma.multicast && !c->upstream[0])
		wrong(l, "lma.upstream",
		      "is missing; name the interface that multicast streams come from, or set lma.multicast.enabled: "
		      "no");
	if (c->lma.bri_delay_initial.ns > c->lma.bri_delay_max.ns)
		wrong(l, "lma.revocation.delay", "is longer than delay-max; make it shorter");
	if (c->lma.refresh_advice.ns >= c->lma.lifetime_max.ns)
		wrong(l, "lma.refresh-advice",
		      "is not below lma.lifetime-max; a binding would end before it is refreshed");
	if (c->lma.groups_per_mag_max > c->lma.groups_max && conf_given(l, "lma.limits.groups-per-mag"))
		wrong(l, "lma.limits.groups-per-mag", "is above lma.limits.groups (%u); make it smaller",
		      c->lma.groups_max);
	check_router(l, "lma.multicast.tunnel-mld", &c->lma.tunnel_mld);
}

/* Who hands a node over must have given up before the other side does, or each would go by another end. */
static void check_handover(struct conf_load *l)
{
	const struct mag_handover_conf *h = &l->conf->mag.handover;
	int64_t patience = h->retransmit.ns * ((INT64_C(1) << (h->retries + 1)) - 1);
	char tried[32], hold[32];

	if (patience <= h->hold.ns)
		return;
	conf_span_str(patience, tried);
	conf_span_str(h->hold.ns, hold);
	wrong(l, conf_given(l, "mag.handover.retries") ? "mag.handover.retries" : "mag.handover.retransmit",
	      "an HI would be tried for %s, longer than mag.handover.hold (%s) waits for the node; make it less, or hold longer",
	      tried, hold);
}

static void check_mag(struct conf_load *l)
{
	const struct mag_conf *m = &l->conf->mag;
	char lifetime[32];

	conf_span_str(m->lifetime.ns, lifetime);
	if (m->refresh_before.ns >= m->lifetime.ns)
		wrong(l, "mag.refresh-before", "is not below mag.lifetime (%s); make it shorter", lifetime);
	if (m->bindack_initial.ns > m->bindack_max.ns)
		wrong(l, "mag.bindack-initial", "is longer than mag.bindack-max; make it shorter");
	if (m->ra_router_lifetime_s && (int64_t)m->ra_router_lifetime_s * 1000000000 <= m->ra_interval.ns)
		wrong(l, "mag.advertisement.router-lifetime",
		      "is not above advertisement.interval; nodes would lose their router between two "
		      "advertisements");
	if (m->ra_preferred_s > m->ra_valid_s)
		wrong(l, "mag.advertisement.preferred-lifetime",
		      "is above valid-lifetime, which RFC 4861 4.6.2 forbids; make it shorter");
	if (m->joins_burst < m->joins_per_s &&
	    (conf_given(l, "mag.limits.joins-burst") || conf_given(l, "mag.limits.joins-per-second")))
		wrong(l, "mag.limits.joins-burst",
		      "is below joins-per-second (%u), which could never be reached; make it larger", m->joins_per_s);
	check_router(l, "mag.multicast.access-mld", &m->access_mld);
	check_handover(l);
}

/* Patterns are for several links; one link cannot carry both nodes and tunnels. */
static void check_links(struct conf_load *l)
{
	const struct conf *c = l->conf;

	for (size_t i = 0; i < c->n_access; i++) {
		const char *pattern = c->access[i].pattern;

		for (size_t j = 0; j < c->n_transport && pattern[0]; j++)
			if (strcmp(pattern, c->transport[j]) == 0 || fnmatch(pattern, c->transport[j], 0) == 0)
				wrong(l, "mag.access",
				      "\"%s\" takes in \"%s\" of dataplane.transport; a link is for nodes or for "
				      "tunnels",
				      pattern, c->transport[j]);
		if (c->has_lma && c->upstream[0] && pattern[0] && fnmatch(pattern, c->upstream, 0) == 0)
			wrong(l, "mag.access",
			      "\"%s\" takes in lma.upstream (%s); a link is for nodes or for correspondents", pattern,
			      c->upstream);
	}
}

static void check_proxy(struct conf_load *l)
{
	const struct conf *c = l->conf;

	if (c->has_lma || c->has_mag)
		wrong(l, "proxy.upstream",
		      "a plain proxy has neither lma: nor mag: beside it; run it as a daemon of its own, with "
		      "control.socket of its own");
	if (strlen(c->proxy_upstream) >= IFNAMSIZ)
		wrong(l, "proxy.upstream", "\"%s\" is no name of an interface; those have at most %d characters",
		      c->proxy_upstream, IFNAMSIZ - 1);
	for (size_t i = 0; i < c->n_downstream; i++)
		if (c->proxy_upstream[0] && strcmp(c->downstream[i], c->proxy_upstream) == 0)
			wrong(l, "proxy.downstream", "\"%s\" is proxy.upstream; a link is on one side of the proxy",
			      c->proxy_upstream);
	if (c->stream_idle_terminates)
		wrong(l, "stream.terminate",
		      "is for nodes: a plain proxy ends no subscription of its own accord; leave it out");
	check_router(l, "proxy.mld", &c->proxy.downstream_mld);
}

static void check_role(struct conf_load *l)
{
	const struct conf *c = l->conf;
	enum conf_role is = c->has_proxy	   ? CONF_ROLE_PROXY :
			    c->has_lma && c->has_mag ? CONF_ROLE_BOTH :
			    c->has_lma		   ? CONF_ROLE_LMA :
						     CONF_ROLE_MAG;

	if (!c->has_lma && !c->has_mag && !c->has_proxy)
		wrong(l, "lma",
		      "neither an lma: nor a mag: section; give the one that this daemon is to be, or both (or proxy: "
		      "alone, for a plain MLD proxy)");
	else if (c->role != CONF_ROLE_AUTO && c->role != is)
		wrong(l, "role", "is not what the sections of the file make of it; leave it out, or correct those");
}

/* What the start would trip over. */
static void check_machine(struct conf_load *l)
{
	const struct conf *c = l->conf;

	if (c->control_group[0] && !getgrnam(c->control_group))
		wrong(l, "control.group", "this machine has no group \"%s\"; create it, or name another one",
		      c->control_group);
	if (c->user[0] && !getpwnam(c->user))
		wrong(l, "user", "this machine has no user \"%s\"; create it, or name another one", c->user);
	if (strlen(c->upstream) >= IFNAMSIZ)
		wrong(l, "lma.upstream", "\"%s\" is no name of an interface; those have at most %d characters",
		      c->upstream, IFNAMSIZ - 1);
	if (c->control_socket[0] != '/')
		wrong(l, "control.socket", "is not an absolute path; begin it with /");
	if (c->policy_store[0] != '/')
		wrong(l, "policy.store", "is not an absolute path; begin it with /");
}

void conf_check(struct conf_load *l)
{
	const struct conf *c = l->conf;

	check_lab(l);
	check_machine(l);
	check_role(l);
	if (c->has_proxy)
		check_proxy(l);
	if (c->has_lma)
		check_lma(l);
	if (c->has_mag) {
		check_mag(l);
		check_links(l);
	}
	/* Each is told apart by its end of the tunnel. A node may be anchored at the LMA of the very daemon: its tunnel
	 * runs over the loopback interface. */
	if (c->has_lma && c->has_mag && !addr_is_any(&c->mag.proxy_coa) && addr_eq(&c->mag.proxy_coa, &c->lma.lmaa))
		wrong(l, "mag.address", "is lma.address; give each role an address of its own");
	if (c->stream_idle_terminates && c->stream_idle.ns == 0)
		wrong(l, "stream.terminate", "has no effect while stream.idle is off; set stream.idle to a duration");
}
