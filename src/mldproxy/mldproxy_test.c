/* SPDX-License-Identifier: BSD-2-Clause */
/* The plain proxy between listeners and a router that speak real MLD, in virtual time: the listeners are host sides of
 * their own, the router above is a router side of its own, and the lists are obeyed by a model of a data plane. */
#include "mldproxy/mldproxy.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

#define LINKS	 3
#define HOSTS	 2 /* on each */
#define GROUPS	 3
#define SOURCES	 4 /* that are named; one more is tried */
#define LISTS	 64
#define UPSTREAM 50

/* ---- a data plane ------------------------------------------------------------------------------------ */

struct list_model {
	struct dp_flow key;
	uint32_t out[LINKS + 1];
	unsigned n;
};

struct world {
	struct mldproxy *p;
	struct now now;
	struct rng rng;
	struct list_model list[LISTS];
	unsigned n_lists;
	struct mld_hosts *hosts;
	struct mld_upstream *host[LINKS][HOSTS];
	struct filter wish[LINKS][HOSTS][GROUPS];
	bool up[LINKS];
	struct mld_routers *routers;
	struct mld_link *router; /* the one upstream */
	unsigned reports, records, queries; /* seen upstream, upstream, downstream */
	unsigned own;			    /* records of ff02::16, downstream */
	uint8_t own_type;
	uint8_t last_type;		    /* of the last record upstream */
	unsigned events[EV_N];
	char detail[64]; /* of the last event */
};

static struct in6_addr numbered(const char *prefix, unsigned i)
{
	struct in6_addr a;

	assert_true(addr_parse(prefix, &a));
	a.s6_addr[15] = (uint8_t)(a.s6_addr[15] + i);
	return a;
}

static struct in6_addr source_of(unsigned i) { return numbered("2001:db8::1", i); }
static struct in6_addr host_of(unsigned l, unsigned h) { return numbered("fe80::1:1", l * HOSTS + h); }
static struct in6_addr self_of(unsigned l) { return numbered("fe80::80", l); }

/* The last one is source-specific. */
static struct in6_addr group_of(unsigned i)
{
	return i == GROUPS - 1 ? numbered("ff3e::8000:1", 0) : numbered("ff0e::1:1", i);
}

static struct list_model *list_find(struct world *w, const struct in6_addr *group, const struct in6_addr *source)
{
	for (unsigned i = 0; i < w->n_lists; i++)
		if (addr_eq(&w->list[i].key.group, group) && addr_eq(&w->list[i].key.source, source))
			return &w->list[i];
	return NULL;
}

static void obey(struct world *w, const struct dp_op *op)
{
	struct list_model *l = list_find(w, &op->flow.group, &op->flow.source);
	uint8_t mac[6];

	if (op->kind == DP_FLOW_ADD) {
		assert_null(l);
		assert_true(w->n_lists < LISTS && op->n_outs <= LINKS);
		l = &w->list[w->n_lists++];
		*l = (struct list_model){.key = op->flow};
		for (unsigned i = 0; i < op->n_outs; i++)
			l->out[l->n++] = op->outs[i].ifindex;
		return;
	}
	assert_non_null(l);
	assert_int_equal(l->key.in.ifindex, op->flow.in.ifindex);
	if (op->kind == DP_FLOW_DEL) {
		*l = w->list[--w->n_lists];
		return;
	}
	addr_multicast_mac(&op->flow.group, mac);
	assert_memory_equal(op->out.dmac, mac, 6);
	for (unsigned i = 0; i < l->n; i++) {
		if (l->out[i] != op->out.ifindex)
			continue;
		assert_int_equal(op->kind, DP_OUT_DEL);
		l->out[i] = l->out[--l->n];
		return;
	}
	assert_int_equal(op->kind, DP_OUT_ADD);
	l->out[l->n++] = op->out.ifindex;
}

/* Does a packet of that source go to the link? */
static bool delivers(struct world *w, unsigned link, unsigned group, unsigned source)
{
	struct in6_addr g = group_of(group), s = source_of(source);
	struct list_model *l = list_find(w, &g, &s);

	if (!l)
		l = list_find(w, &g, &addr_any);
	for (unsigned i = 0; l && i < l->n; i++)
		if (l->out[i] == link + 1)
			return true;
	return false;
}

/* ---- the wires --------------------------------------------------------------------------------------- */

static void to_router(struct world *w, const uint8_t *packet, size_t len)
{
	struct mld_packet p;
	struct mld_record r;

	assert_int_equal(mld_decode(packet, len, &p), MLD_OK);
	w->reports++;
	for (size_t cursor = 0; p.type == MLD_V2_REPORT && mld_next_record(&p, &cursor, &r);) {
		w->records++;
		w->last_type = r.type;
	}
	if (p.type != MLD_V2_REPORT)
		w->last_type = (uint8_t)p.type;
	if (w->router)
		mld_link_recv(w->router, w->now, &p);
}

/* What the proxy listens to on its downstream links: as every router to all MLDv2 routers, and to nothing else. */
static void to_routers_beside(struct world *w, const struct mld_packet *p)
{
	struct mld_record r;

	for (size_t cursor = 0; mld_next_record(p, &cursor, &r); w->own++) {
		assert_true(addr_eq(&r.group, &addr_all_mldv2_routers));
		w->own_type = r.type;
	}
}

static void to_hosts(struct world *w, unsigned link, const uint8_t *packet, size_t len)
{
	struct mld_packet p;

	assert_int_equal(mld_decode(packet, len, &p), MLD_OK);
	if (p.type == MLD_V2_REPORT) {
		to_routers_beside(w, &p);
		return;
	}
	assert_int_equal(p.type, MLD_QUERY);
	w->queries++;
	for (unsigned h = 0; h < HOSTS; h++)
		mld_upstream_recv(w->host[link][h], w->now, &p);
}

static bool carry_proxy(struct world *w)
{
	bool any = false;
	struct fx fx;

	for (; mldproxy_pop(w->p, &fx); any = true) {
		switch (fx.kind) {
		case FX_LINK:
			if (fx.link.ifindex >= UPSTREAM)
				to_router(w, fx.link.bytes, fx.link.len);
			else
				to_hosts(w, fx.link.ifindex - 1, fx.link.bytes, fx.link.len);
			break;
		case FX_DP:
			obey(w, &fx.dp);
			break;
		case FX_EVENT:
			w->events[fx.event.kind]++;
			memcpy(w->detail, fx.event.detail, sizeof(w->detail));
			break;
		case FX_MH:
		case FX_TUNNEL:
		case FX_PROFILE:
			fail();
		}
	}
	return any;
}

static bool carry_hosts(struct world *w)
{
	struct mld_host_fx fx;
	uint8_t packet[2048];
	size_t len;

	if (!mld_hosts_pop(w->hosts, &fx))
		return false;
	unsigned link = (unsigned)(uintptr_t)fx.owner;
	memcpy(packet, fx.packet, len = fx.len);
	if (w->up[link])
		mldproxy_recv_downstream(w->p, w->now, link + 1, packet, len);
	return true;
}

static bool carry_router(struct world *w)
{
	struct mld_router_fx fx;

	if (!mld_routers_pop(w->routers, &fx))
		return false;
	if (fx.kind == MLD_ROUTER_QUERY)
		mldproxy_recv_upstream(w->p, w->now, fx.packet, fx.len);
	return true;
}

static void carry(struct world *w)
{
	while (carry_proxy(w) || carry_hosts(w) || carry_router(w))
		;
}

static void pass(struct world *w, span_t span)
{
	mono_t end = mono_add(w->now.mono, span);

	carry(w);
	for (;;) {
		mono_t next = mono_min(mldproxy_next_deadline(w->p), mono_min(mld_hosts_next_deadline(w->hosts),
									      mld_routers_next_deadline(w->routers)));

		if (mono_before(end, next))
			break;
		if (mono_before(w->now.mono, next))
			w->now.mono = next;
		mldproxy_expire(w->p, w->now);
		mld_hosts_expire(w->hosts, w->now);
		mld_routers_expire(w->routers, w->now);
		carry(w);
	}
	w->now.mono = end;
}

/* ---- its life ---------------------------------------------------------------------------------------- */

static void link_up(struct world *w, unsigned l)
{
	struct in6_addr self = self_of(l);
	char name[16];

	snprintf(name, sizeof(name), "lan%u", l);
	w->up[l] = true;
	assert_true(mldproxy_downstream_up(w->p, w->now, l + 1, name, &self, 1500));
	carry(w);
}

static void link_down(struct world *w, unsigned l)
{
	w->up[l] = false;
	mldproxy_downstream_down(w->p, w->now, l + 1);
	carry(w);
}

static void upstream_is(struct world *w, uint32_t ifindex)
{
	struct in6_addr self = numbered("fe80::99", 0);

	mldproxy_upstream(w->p, w->now, ifindex, &self, 1500);
	carry(w);
}

static void begin(struct world *w, const struct mldproxy_conf *conf, uint64_t seed)
{
	struct mld_routers_conf limits = {0};
	struct mld_router_conf router = {.query_response = span_s(1)};
	struct mld_host_conf host = {.robustness = 2};
	struct mldproxy_conf defaults;
	struct in6_addr above = numbered("fe80::1", 0);

	mldproxy_conf_defaults(&defaults);
	*w = (struct world){.now.mono = {1000000000000}, .rng = rng_of(seed)};
	w->p = mldproxy_new(conf ? conf : &defaults, w->now, seed);
	w->hosts = mld_hosts_new(seed + 1);
	w->routers = mld_routers_new(&limits, seed + 2);
	w->router = mld_link_new(w->routers, w->now, &router, &above, NULL);
	for (unsigned l = 0; l < LINKS; l++)
		for (unsigned h = 0; h < HOSTS; h++) {
			struct in6_addr self = host_of(l, h);

			w->host[l][h] = mld_upstream_new(w->hosts, &host, &self, (void *)(uintptr_t)l);
		}
	upstream_is(w, UPSTREAM);
	for (unsigned l = 0; l < LINKS; l++)
		link_up(w, l);
	pass(w, span_s(40)); /* the start-up queries are over */
	w->reports = w->records = w->queries = 0;
}

static void end(struct world *w)
{
	for (unsigned l = 0; l < LINKS; l++)
		for (unsigned h = 0; h < HOSTS; h++)
			for (unsigned g = 0; g < GROUPS; g++)
				filter_drop(&w->wish[l][h][g]);
	w->p = mldproxy_free(w->p);
	w->hosts = mld_hosts_free(w->hosts);
	w->routers = mld_routers_free(w->routers);
}

static void wish(struct world *w, unsigned l, unsigned h, unsigned g, struct filter f)
{
	struct in6_addr group = group_of(g);

	assert_true(mld_upstream_set(w->host[l][h], w->now, &group, &f));
	filter_move(&w->wish[l][h][g], f);
	carry(w);
}

static struct filter of_sources(enum filter_mode mode, unsigned bits)
{
	struct in6_addr v[SOURCES];
	bool oom = false;
	size_t n = 0;

	for (unsigned s = 0; s < SOURCES; s++)
		if (bits >> s & 1)
			v[n++] = source_of(s);
	return filter_of(mode, v, n, &oom);
}

static bool wanted(const struct world *w, unsigned l, unsigned g, unsigned s)
{
	struct in6_addr source = source_of(s);

	for (unsigned h = 0; h < HOSTS && w->up[l]; h++)
		if (filter_accepts(&w->wish[l][h][g], &source))
			return true;
	return false;
}

/* Would the router upstream send it? */
static bool supplied(const struct world *w, unsigned g, unsigned s)
{
	struct in6_addr group = group_of(g), source = source_of(s);
	struct filter f = FILTER_NONE;
	bool r = mld_link_state(w->router, &group, &f) && filter_accepts(&f, &source);

	filter_drop(&f);
	return r;
}

static void a_silent_stream_is_told(void **state)
{
	struct in6_addr group = group_of(0), source = source_of(0);
	struct world w;

	(void)state;
	begin(&w, NULL, 13);
	wish(&w, 0, 0, 0, FILTER_ANY);
	mldproxy_source_silent(w.p, w.now, &source, &group);
	carry(&w);
	assert_int_equal(w.events[EV_SOURCE_SILENT], 1);
	assert_true(delivers(&w, 0, 0, 0));
	end(&w);
}

struct seek {
	const char *name;
	uint64_t value;
	bool found;
};

static void seek_counter(void *arg, const char *name, uint64_t value)
{
	struct seek *s = arg;

	if (strcmp(name, s->name) == 0) {
		assert_false(s->found);
		s->found = true;
		s->value = value;
	}
}

static uint64_t counter(const struct world *w, const char *name)
{
	struct seek s = {.name = name};

	mldproxy_each_counter(w->p, seek_counter, &s);
	if (!s.found)
		fail_msg("no counter %s", name);
	return s.value;
}

/* ---- one thing at a time ----------------------------------------------------------------------------- */

static void a_join_is_carried_at_once(void **state)
{
	struct world w;

	(void)state;
	begin(&w, NULL, 1);
	wish(&w, 0, 0, 0, FILTER_ANY); /* no time passes */
	assert_true(supplied(&w, 0, 0));
	assert_true(delivers(&w, 0, 0, 0));
	assert_false(delivers(&w, 1, 0, 0));
	assert_int_equal(w.reports, 1);
	assert_int_equal(w.events[EV_GROUP_JOINED], 1);
	wish(&w, 1, 0, 0, FILTER_ANY); /* nobody upstream needs to know */
	assert_int_equal(w.reports, 1);
	assert_true(delivers(&w, 1, 0, 0));
	end(&w);
}

static void the_last_leave_is_carried_at_once(void **state)
{
	struct world w;

	(void)state;
	begin(&w, NULL, 2);
	wish(&w, 0, 0, 0, FILTER_ANY);
	wish(&w, 1, 0, 0, FILTER_ANY);
	pass(&w, span_s(5));
	w.queries = 0;
	wish(&w, 0, 0, 0, FILTER_NONE);
	assert_false(delivers(&w, 0, 0, 0));
	assert_true(supplied(&w, 0, 0));
	wish(&w, 1, 0, 0, FILTER_NONE);
	assert_int_equal(w.last_type, MLD_CHANGE_TO_INCLUDE);
	assert_int_equal(w.n_lists, 0);
	assert_int_equal(w.queries, 0); /* the only listeners are known to have left */
	assert_int_equal(w.events[EV_GROUP_LEFT], 1);
	pass(&w, span_s(10)); /* the router upstream asks once more, and nobody answers */
	assert_false(supplied(&w, 0, 0));
	end(&w);
}

static void sources_are_merged(void **state)
{
	struct world w;

	(void)state;
	begin(&w, NULL, 3);
	wish(&w, 0, 0, 2, of_sources(FILTER_INCLUDE, 1));
	wish(&w, 1, 0, 2, of_sources(FILTER_INCLUDE, 2));
	assert_int_equal(w.last_type, MLD_ALLOW_NEW_SOURCES);
	for (unsigned s = 0; s < 2; s++)
		for (unsigned l = 0; l < 2; l++)
			assert_int_equal(delivers(&w, l, 2, s), l == s);
	assert_true(supplied(&w, 2, 0) && supplied(&w, 2, 1));
	assert_false(supplied(&w, 2, 2));
	pass(&w, span_s(5));
	wish(&w, 1, 0, 2, FILTER_NONE);
	assert_int_equal(w.last_type, MLD_BLOCK_OLD_SOURCES);
	end(&w);
}

static void a_link_that_goes_takes_its_memberships_along(void **state)
{
	struct world w;

	(void)state;
	begin(&w, NULL, 4);
	wish(&w, 0, 0, 0, FILTER_ANY);
	wish(&w, 0, 0, 2, of_sources(FILTER_INCLUDE, 3));
	wish(&w, 1, 0, 2, of_sources(FILTER_INCLUDE, 1));
	pass(&w, span_s(5));
	w.records = 0;
	link_down(&w, 0);
	assert_int_equal(w.records, 2); /* left one group and one source, no time having passed */
	assert_int_equal(w.n_lists, 1);
	assert_true(delivers(&w, 1, 2, 0));
	assert_int_equal(mldproxy_totals(w.p).groups, 1);
	/* Back again, its hosts are asked and heard. */
	link_up(&w, 0);
	pass(&w, span_s(11));
	assert_true(delivers(&w, 0, 0, 0) && delivers(&w, 0, 2, 1));
	end(&w);
}

static void stopping_leaves_all(void **state)
{
	struct world w;

	(void)state;
	begin(&w, NULL, 5);
	wish(&w, 0, 0, 0, FILTER_ANY);
	wish(&w, 1, 0, 2, of_sources(FILTER_INCLUDE, 1));
	pass(&w, span_s(5));
	w.reports = w.records = 0;
	mldproxy_stop(w.p, w.now);
	carry(&w);
	assert_int_equal(w.reports, 1);
	assert_int_equal(w.records, 2);
	assert_int_equal(w.n_lists, 0);
	assert_true(mono_is_never(mldproxy_next_deadline(w.p)));
	wish(&w, 0, 1, 0, FILTER_ANY);
	assert_int_equal(w.n_lists, 0);
	end(&w);
}

/* Of a router with that address. */
static void foreign_query(struct world *w, unsigned l, const char *from)
{
	struct mld_query q = {.version = 2, .max_resp = span_s(10), .qrv = 2, .qqi = span_s(125)};
	struct in6_addr src = numbered(from, 0);
	uint8_t packet[128];
	size_t len = mld_encode_query(&q, NULL, &src, &addr_all_nodes, packet, sizeof(packet));

	assert_true(len > 0);
	mldproxy_recv_downstream(w->p, w->now, l + 1, packet, len);
	carry(w);
}

/* RFC 4605 4.2: forwarded only where we are the querier; but asked for upstream. */
static void the_querier_alone_forwards(void **state)
{
	struct world w;

	(void)state;
	begin(&w, NULL, 6);
	wish(&w, 0, 0, 0, FILTER_ANY);
	foreign_query(&w, 0, "fe80::fff0"); /* the higher address loses */
	assert_true(delivers(&w, 0, 0, 0));
	foreign_query(&w, 0, "fe80::2");
	assert_false(delivers(&w, 0, 0, 0));
	wish(&w, 0, 0, 1, FILTER_ANY);
	assert_false(delivers(&w, 0, 1, 0));
	assert_true(supplied(&w, 0, 0) && supplied(&w, 1, 0));
	assert_true(!delivers(&w, 1, 1, 0));
	wish(&w, 1, 0, 1, FILTER_ANY); /* another link is not touched */
	assert_true(delivers(&w, 1, 1, 0));
	assert_int_equal(counter(&w, "querier-lost"), 1);
	pass(&w, span_s(254));
	assert_false(delivers(&w, 0, 1, 0));
	pass(&w, span_s(2)); /* Other Querier Present Timeout: 255 s */
	assert_true(delivers(&w, 0, 1, 0));
	assert_int_equal(counter(&w, "querier-become"), 1);
	end(&w);
}

/* RFC 3810 7: a router listens to all MLDv2 routers on its links, for the switches and routers beside it. */
static void routers_are_listened_to(void **state)
{
	struct world w;
	unsigned before;

	(void)state;
	begin(&w, NULL, 8);
	link_down(&w, 0);
	before = w.own;
	link_up(&w, 0);
	assert_int_equal(w.own, before + 1);
	assert_int_equal(w.own_type, MLD_CHANGE_TO_EXCLUDE);
	pass(&w, span_s(2)); /* said again, and the answer to our own query */
	assert_int_equal(w.own, before + 3);
	before = w.own;
	foreign_query(&w, 0, "fe80::fff0");
	pass(&w, span_s(11));
	assert_int_equal(w.own, before + 1);
	assert_int_equal(w.own_type, MLD_MODE_IS_EXCLUDE);
	before = w.own;
	pass(&w, span_s(250)); /* of each link two General Queries of ours, and of this one that of its start */
	assert_in_range(w.own, before + 2 * LINKS, before + 2 * LINKS + 1);
	end(&w);
}

static void the_querier_rule_can_be_switched_off(void **state)
{
	struct mldproxy_conf conf;
	struct world w;

	(void)state;
	mldproxy_conf_defaults(&conf);
	conf.forward_always = true;
	begin(&w, &conf, 7);
	foreign_query(&w, 0, "fe80::2");
	wish(&w, 0, 0, 0, FILTER_ANY);
	assert_true(delivers(&w, 0, 0, 0));
	conf.forward_always = false;
	mldproxy_reconf(w.p, w.now, &conf);
	carry(&w);
	assert_false(delivers(&w, 0, 0, 0));
	end(&w);
}

static void what_may_not_pass_does_not(void **state)
{
	struct in6_addr local = numbered("ff02::4242", 0), interface = numbered("ff01::4242", 0);
	struct in6_addr realm = numbered("ff03::4242", 0);
	uint8_t junk[64] = {0x60};
	struct world w;

	(void)state;
	begin(&w, NULL, 8);
	assert_true(mld_upstream_set(w.host[0][0], w.now, &local, &FILTER_ANY));
	assert_true(mld_upstream_set(w.host[0][0], w.now, &interface, &FILTER_ANY));
	wish(&w, 0, 0, 2, FILTER_ANY); /* EXCLUDE in the SSM range */
	assert_int_equal(w.n_lists, 0);
	assert_int_equal(w.records, 0);
	assert_int_equal(counter(&w, "downstream-mld-group-local"), 1);
	/* decision 23: everything above link-local */
	assert_true(mld_upstream_set(w.host[0][0], w.now, &realm, &FILTER_ANY));
	carry(&w);
	assert_int_equal(w.n_lists, 1);
	assert_int_equal(w.records, 1);

	mldproxy_recv_downstream(w.p, w.now, 1, junk, sizeof(junk));
	mldproxy_recv_downstream(w.p, w.now, 99, junk, sizeof(junk));
	mldproxy_recv_upstream(w.p, w.now, junk, 3);
	assert_int_equal(counter(&w, "other-link"), 1);
	assert_int_equal(counter(&w, "upstream-mld-short"), 1);
	end(&w);
}

static void the_upstream_comes_and_goes(void **state)
{
	struct world w;

	(void)state;
	begin(&w, NULL, 9);
	wish(&w, 0, 0, 0, FILTER_ANY);
	upstream_is(&w, 0);
	assert_int_equal(mldproxy_totals(w.p).upstream, 0);
	assert_true(delivers(&w, 0, 0, 0)); /* from link to link */
	w.records = 0;
	wish(&w, 1, 0, 1, FILTER_ANY);
	wish(&w, 0, 0, 0, FILTER_NONE);
	assert_int_equal(w.records, 0);
	assert_true(delivers(&w, 1, 1, 0));
	upstream_is(&w, UPSTREAM);
	assert_int_equal(w.records, 1);
	assert_true(supplied(&w, 1, 0));
	/* The same again: it came back, and hears all anew. */
	upstream_is(&w, UPSTREAM);
	pass(&w, span_s(2));
	assert_true(w.records > 1);
	/* Another link: the lists are of its instance. */
	upstream_is(&w, UPSTREAM + 1);
	assert_int_equal(w.n_lists, 1);
	assert_int_equal(w.list[0].key.in.ifindex, UPSTREAM + 1);
	assert_true(delivers(&w, 1, 1, 0));
	end(&w);
}

/* What finds no room is counted, told, and served when there is some. */
static void at_the_limit(void **state)
{
	struct mldproxy_conf conf;
	struct world w;

	(void)state;
	mldproxy_conf_defaults(&conf);
	conf.groups_max = 1;
	conf.downstream_mld.groups_max = 3;
	begin(&w, &conf, 10);
	wish(&w, 0, 0, 0, FILTER_ANY);
	wish(&w, 0, 0, 1, FILTER_ANY);
	assert_true(delivers(&w, 0, 0, 0));
	assert_false(delivers(&w, 0, 1, 0));
	assert_true(counter(&w, "replication-limit") > 0);
	assert_int_equal(w.events[EV_LIMIT], 1);
	assert_int_equal(mldproxy_totals(w.p).unplaced, 1);
	pass(&w, span_s(60));
	assert_false(delivers(&w, 0, 1, 0));
	wish(&w, 0, 0, 0, FILTER_NONE);
	pass(&w, span_s(11));
	assert_true(delivers(&w, 0, 1, 0) && supplied(&w, 1, 0));
	assert_int_equal(mldproxy_totals(w.p).unplaced, 0);
	end(&w);
}

static void limits_of_a_link(void **state)
{
	struct mldproxy_conf conf;
	struct in6_addr self = self_of(7);
	struct world w;

	(void)state;
	mldproxy_conf_defaults(&conf);
	conf.links_max = LINKS;
	conf.downstream_mld.groups_max = 1;
	begin(&w, &conf, 11);
	assert_false(mldproxy_downstream_up(w.p, w.now, 77, "more", &self, 1500));
	assert_int_equal(counter(&w, "links-limit"), 1);
	carry(&w);
	assert_string_equal(w.detail, "proxy.limits.links");
	wish(&w, 0, 0, 0, FILTER_ANY);
	wish(&w, 0, 0, 1, FILTER_ANY);
	assert_false(delivers(&w, 0, 1, 0));
	assert_int_equal(counter(&w, "downstream-mld-limit-groups"), 1);
	assert_string_equal(w.detail, "proxy.mld.groups");
	assert_int_equal(w.events[EV_LIMIT], 2);
	/* A limit is told of once in ten seconds, however often it is reached. */
	for (unsigned i = 0; i < 20; i++) {
		wish(&w, 0, 0, 1, FILTER_NONE);
		wish(&w, 0, 0, 1, FILTER_ANY);
	}
	assert_true(counter(&w, "downstream-mld-limit-groups") > 20);
	assert_int_equal(w.events[EV_LIMIT], 2);
	pass(&w, span_s(10));
	wish(&w, 0, 0, 1, FILTER_NONE);
	wish(&w, 0, 0, 1, FILTER_ANY);
	assert_int_equal(w.events[EV_LIMIT], 3);
	end(&w);
}

static void count_link(void *arg, const struct mldproxy_link_view *v)
{
	unsigned *sum = arg;

	assert_true(v->querier && v->forwarding);
	sum[0]++;
	sum[1] += v->groups;
}

static void count_subscription(void *arg, const struct mldproxy_subscription_view *v)
{
	assert_true(v->placed && v->hosts == 1 && !v->v1);
	++*(unsigned *)arg;
}

static void count_group(void *arg, const struct mldproxy_group_view *v)
{
	assert_true(v->joined);
	assert_int_equal(v->links, 2);
	++*(unsigned *)arg;
}

static void count_flow(void *arg, const struct dp_flow *flow, const struct dp_out *out)
{
	assert_int_equal(flow->in.ifindex, UPSTREAM);
	assert_int_equal(out->ifindex, 2);
	++*(unsigned *)arg;
}

static void views(void **state)
{
	unsigned links[2] = {0}, subscriptions = 0, one = 0, groups = 0, flows = 0;
	struct in6_addr group = group_of(1);
	struct world w;

	(void)state;
	begin(&w, NULL, 12);
	for (unsigned l = 0; l < 2; l++)
		for (unsigned g = 0; g < 2; g++)
			wish(&w, l, 0, g, FILTER_ANY);
	mldproxy_each_link(w.p, count_link, links);
	mldproxy_each_subscription(w.p, NULL, count_subscription, &subscriptions);
	mldproxy_each_subscription(w.p, &group, count_subscription, &one);
	mldproxy_each_group(w.p, count_group, &groups);
	mldproxy_subscription_flows(w.p, 2, &group, count_flow, &flows);
	assert_int_equal(links[0], LINKS);
	assert_int_equal(links[1], 4);
	assert_int_equal(subscriptions, 4);
	assert_int_equal(one, 2);
	assert_int_equal(groups, 2);
	assert_int_equal(flows, 1);
	assert_int_equal(mldproxy_totals(w.p).upstream_version, 2);
	assert_true(mldproxy_totals(w.p).bytes > 0);
	end(&w);
}

static void count_limit(void *arg, const struct mldproxy_limit_view *v)
{
	uint64_t *sums = arg;

	assert_true(v->then && *v->then);
	assert_true(v->each || v->used <= v->max);
	sums[0]++;
	sums[1] += v->refused;
	if (strcmp(v->setting, "proxy.limits.groups") == 0)
		sums[2] = v->used;
	if (strcmp(v->setting, "proxy.limits.groups") == 0)
		sums[3] = v->refused;
}

/* What an operator reads of a limit that was reached. */
static void limits_are_shown(void **state)
{
	struct mldproxy_conf conf;
	uint64_t sums[4] = {0};
	struct world w;

	(void)state;
	mldproxy_conf_defaults(&conf);
	conf.groups_max = 1;
	begin(&w, &conf, 13);
	wish(&w, 0, 0, 0, FILTER_ANY);
	mldproxy_each_limit(w.p, count_limit, sums);
	assert_true(sums[0] > 10);
	assert_int_equal(sums[1], 0);
	assert_int_equal(sums[2], 1);
	conf.downstream_mld.groups_max = 5;
	mldproxy_reconf(w.p, w.now, &conf);
	wish(&w, 0, 0, 1, FILTER_ANY);
	mldproxy_each_limit(w.p, count_limit, sums);
	assert_true(sums[3] > 0);
	end(&w);
}

/* ---- at random --------------------------------------------------------------------------------------- */

/* Whatever a host wants comes to its link, from the instant at which it said so. */
static void nobody_starves(struct world *w)
{
	for (unsigned l = 0; l < LINKS; l++)
		for (unsigned g = 0; g < GROUPS; g++)
			for (unsigned s = 0; s <= SOURCES; s++)
				if (wanted(w, l, g, s)) {
					assert_true(delivers(w, l, g, s));
					assert_true(supplied(w, g, s));
				}
}

/* When all have been quiet for long enough, nothing else does. */
static void nobody_is_flooded(struct world *w)
{
	for (unsigned g = 0; g < GROUPS; g++) {
		for (unsigned s = 0; s <= SOURCES; s++) {
			bool any = false;

			for (unsigned l = 0; l < LINKS; l++) {
				assert_int_equal(delivers(w, l, g, s), wanted(w, l, g, s));
				any |= wanted(w, l, g, s);
			}
			assert_int_equal(supplied(w, g, s), any);
		}
	}
}

static void random_wish(struct world *w)
{
	unsigned l = (unsigned)rng_below(&w->rng, LINKS), h = (unsigned)rng_below(&w->rng, HOSTS);
	unsigned g = (unsigned)rng_below(&w->rng, GROUPS), bits = (unsigned)rng_below(&w->rng, 1 << SOURCES);
	bool exclude = g != GROUPS - 1 && rng_below(&w->rng, 2);

	if (!w->up[l])
		return;
	wish(w, l, h, g, rng_below(&w->rng, 4) ? of_sources(exclude ? FILTER_EXCLUDE : FILTER_INCLUDE, bits) : FILTER_NONE);
}

static void random_run(uint64_t seed, unsigned steps)
{
	struct world w;

	begin(&w, NULL, seed);
	for (unsigned i = 0; i < steps; i++) {
		unsigned l = (unsigned)rng_below(&w.rng, LINKS);

		if (rng_below(&w.rng, 40) == 0) {
			if (w.up[l]) {
				link_down(&w, l);
			} else {
				link_up(&w, l);
				pass(&w, span_s(11)); /* the hosts answer the start-up query */
			}
		} else if (rng_below(&w.rng, 60) == 0) {
			upstream_is(&w, 0);
			pass(&w, span_ms((int64_t)rng_below(&w.rng, 3000)));
			upstream_is(&w, UPSTREAM);
		} else {
			random_wish(&w);
		}
		nobody_starves(&w);
		if (rng_below(&w.rng, 3) == 0)
			pass(&w, span_ms((int64_t)rng_below(&w.rng, 4000)));
		nobody_starves(&w);
		if (rng_below(&w.rng, 40) == 0) {
			pass(&w, span_s(600));
			nobody_is_flooded(&w);
		}
	}
	mldproxy_stop(w.p, w.now);
	carry(&w);
	assert_int_equal(w.n_lists, 0);
	pass(&w, span_s(300));
	for (unsigned g = 0; g < GROUPS; g++)
		for (unsigned s = 0; s <= SOURCES; s++)
			assert_false(supplied(&w, g, s));
	assert_int_equal(w.events[EV_LIMIT], 0);
	end(&w);
}

static uint64_t running; /* the seed, for tell_seed() after a failure */

/* MLDPROXY_TEST_SEED=n repeats one run. */
static void hosts_get_what_they_want_and_no_more(void **state)
{
	const char *one = getenv("MLDPROXY_TEST_SEED");

	(void)state;
	if (one) {
		random_run(strtoull(one, NULL, 0), 300);
		return;
	}
	for (running = 1; running <= 20; running++)
		random_run(running, 300);
	running = 0;
}

static int tell_seed(void **state)
{
	(void)state;
	if (running)
		print_error("repeat with MLDPROXY_TEST_SEED=%llu\n", (unsigned long long)running);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_join_is_carried_at_once),
		cmocka_unit_test(the_last_leave_is_carried_at_once),
		cmocka_unit_test(sources_are_merged),
		cmocka_unit_test(a_link_that_goes_takes_its_memberships_along),
		cmocka_unit_test(stopping_leaves_all),
		cmocka_unit_test(the_querier_alone_forwards),
		cmocka_unit_test(routers_are_listened_to),
		cmocka_unit_test(the_querier_rule_can_be_switched_off),
		cmocka_unit_test(what_may_not_pass_does_not),
		cmocka_unit_test(the_upstream_comes_and_goes),
		cmocka_unit_test(at_the_limit),
		cmocka_unit_test(limits_of_a_link),
		cmocka_unit_test(a_silent_stream_is_told),
		cmocka_unit_test(views),
		cmocka_unit_test(limits_are_shown),
		cmocka_unit_test_teardown(hosts_get_what_they_want_and_no_more, tell_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
