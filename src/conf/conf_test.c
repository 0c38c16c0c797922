/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration file: the examples load and mean what they say, and each kind of error is told exactly. */
#include "conf/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Loads a text as the file "t.yaml" of a folder of its own: messages then begin with that name. */
static struct conf *load_text(const char *text, struct conf_errors **errors)
{
	char dir[] = "/tmp/conf_test.XXXXXX", old[4096];
	struct conf *c;
	FILE *f;

	assert_non_null(getcwd(old, sizeof(old)));
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	f = fopen("t.yaml", "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	c = conf_load("t.yaml", errors);
	unlink("t.yaml");
	assert_int_equal(chdir(old), 0);
	rmdir(dir);
	return c;
}

static struct conf *load_good(const char *text)
{
	struct conf_errors *e = NULL;
	struct conf *c = load_text(text, &e);

	if (!c) {
		conf_errors_print(e, stderr);
		conf_errors_free(e);
	}
	assert_non_null(c);
	return c;
}

#define HEAD "lab: yes\ndataplane: {transport: [tr0]}\n"
#define LMA                                                                                                            \
	"lma:\n  address: 2001:db8::1\n  upstream: up0\n  mags: [{name: m, address: 2001:db8:1::1}]\n  pools: "        \
	"[\"2001:db8:8000::/40\"]\n"
#define MAG "mag:\n  address: 2001:db8:1::1\n  lma: 2001:db8::1\n  access: [{match: acc*}]\n"

static void examples_load(void **state)
{
	static const char *const names[] = { "lma", "mag", "both", "proxy", "lab-lma", "lab-mag" };
	static const bool lma[] = { true, false, true, false, true, false };
	static const bool mag[] = { false, true, true, false, false, true };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct conf_errors *e = NULL;
		struct conf *c;
		char path[64];

		snprintf(path, sizeof(path), "examples/%s.yaml", names[i]);
		c = conf_load(path, &e);
		if (!c)
			conf_errors_print(e, stderr);
		assert_non_null(c);
		assert_int_equal(c->has_lma, lma[i]);
		assert_int_equal(c->has_mag, mag[i]);
		assert_int_equal(c->has_proxy, i == 3);
		assert_int_equal(c->lab, i >= 4);
		conf_free(c);
	}
}

static void example_lma_says(void **state)
{
	struct conf_errors *e = NULL;
	struct conf *c = conf_load("examples/lma.yaml", &e);
	char buf[PREFIX_STR_MAX];

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->name, "lma1");
	assert_string_equal(c->upstream, "eth1");
	assert_int_equal(c->security, CONF_SECURITY_EXTERNAL);
	assert_int_equal(c->lma.pen, 999999);
	assert_string_equal(addr_str(&c->lma.lmaa, buf), "2001:db8:1::1");
	assert_int_equal(c->lma.n_mags, 3);
	assert_string_equal(c->lma.mags[1].name, "mag2");
	assert_int_equal(c->lma.mags[1].groups_max, 500);
	assert_string_equal(prefix_str(&c->lma.mags[2].proxy_coa, buf), "2001:db8:77::/48");
	assert_int_equal(c->lma.mags[2].n_deny, 1);
	assert_int_equal(c->lma.mags[2].deny[0].group.len, 98);
	assert_int_equal(c->lma.n_pools, 1);
	assert_int_equal(c->lma.pools[0].len, 34);
	assert_int_equal(c->lma.max_delay_before_new_bce.ns, 1500000000);
	assert_int_equal(c->lma.lifetime_max.ns, INT64_C(3600000000000));
	assert_int_equal(c->lma.scopes.proxied, 0x7fc0);
	assert_int_equal(c->lma.tunnel_mld.query_interval.ns, INT64_C(125000000000));
	assert_int_equal(c->n_transport, 1);
	/* Sizes of the data plane follow from the limits. */
	assert_int_equal(c->dp.routes_max, c->lma.bindings_max);
	assert_int_equal(c->dp.flows_max, 2 * c->lma.groups_max);
	conf_free(c);
}

static void example_mag_says(void **state)
{
	struct conf_errors *e = NULL;
	struct conf *c = conf_load("examples/mag.yaml", &e);

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->mag.name, "mag1");
	assert_int_equal(c->n_access, 2);
	assert_int_equal(c->access[0].kind, MAG_LINK_SHARED);
	assert_string_equal(c->access[1].pattern, "acc*");
	assert_true(c->access[1].fixed_mac);
	assert_int_equal(c->mag.ra_interval.ns, INT64_C(600000000000));
	assert_int_equal(c->mag.ra_router_lifetime_s, 1800);
	assert_int_equal(c->mag.ra_valid_s, UINT32_MAX);
	assert_int_equal(c->mag.refresh_before.ns, 0);
	assert_int_equal(c->mag.attach_query_response.ns, 100000000);
	assert_int_equal(c->mag.att, MH_ATT_ETHERNET);
	conf_free(c);
}

static void example_proxy_says(void **state)
{
	struct conf_errors *e = NULL;
	struct conf *c = conf_load("examples/proxy.yaml", &e);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->role, CONF_ROLE_PROXY);
	assert_string_equal(c->proxy_upstream, "eth0");
	assert_int_equal(c->n_downstream, 3);
	assert_string_equal(c->downstream[1], "wlan*");
	assert_false(c->proxy.forward_always);
	assert_true(c->proxy.downstream_mld.fast_leave);
	assert_int_equal(c->proxy.downstream_mld.query_interval.ns, INT64_C(125000000000));
	assert_int_equal(c->proxy.upstream_mld.robustness, 2);
	assert_int_equal(c->proxy.memory_max, 256u << 20);
	assert_int_equal(c->dp.flows_max, 2 * c->proxy.groups_max);
	assert_int_equal(c->dp.outs_max, c->proxy.entries_max + c->proxy.links_max);
	assert_true(c->dp.multicast_only);
	conf_free(c);
}

/* The errors of a file, each exactly, in the order of the file. */
static const struct {
	const char *file;
	const char *errors[12];
} bad[] = {
	{ "", { "t.yaml: the file is empty; examples are installed with the manual (roamcast.yaml(5))" } },
	{ "- a\n", { "t.yaml:1:1: not a list of keys; write \"key: value\" lines (roamcast.yaml(5))" } },
	{ "lab: yes\ndataplane:\n  transport: [a]\n",
	  { "t.yaml:1:1: lma: neither an lma: nor a mag: section; give the one that this daemon is to be, or both "
	    "(or proxy: alone, for a plain MLD proxy)" } },
	{ "role: proxy\nproxy:\n  downstream: []\n",
	  { "t.yaml:2:1: proxy.upstream: is missing; give interface towards the multicast router: here the proxy is a "
	    "listener",
	    "t.yaml:3:15: proxy.downstream: is empty; give the links of the listeners, by name or pattern, as in "
	    "[lan0, \"wlan*\"]" } },
	{ "proxy: {upstream: a, downstream: [b]}\nstream: {idle: 5s, terminate: yes}\n",
	  { "t.yaml:2:31: stream.terminate: is for nodes: a plain proxy ends no subscription of its own accord; leave it "
	    "out" } },
	{ "role: lma\nproxy: {upstream: a, downstream: [b*, a], mld: {query-response: 200s}}\n",
	  { "t.yaml:1:7: role: is not what the sections of the file make of it; leave it out, or correct those",
	    "t.yaml:2:34: proxy.downstream: \"a\" is proxy.upstream; a link is on one side of the proxy",
	    "t.yaml:2:65: proxy.mld.query-response: 200s is not below query-interval (125s) as RFC 3810 9.3 demands; "
	    "make it shorter" } },
	{ HEAD LMA "proxy: {upstream: u, downstream: [d]}\n",
	  { "t.yaml:8:19: proxy.upstream: a plain proxy has neither lma: nor mag: beside it; run it as a daemon of its "
	    "own, with control.socket of its own" } },
	{ HEAD LMA "---\nlab: no\n", { "t.yaml:9:1: a second document; one file holds one configuration" } },
	/* keys */
	{ HEAD LMA "  adress: x\n  q: 1\nfoo: {a: b}\n",
	  { "t.yaml:8:3: lma.adress: no such key; did you mean address?",
	    "t.yaml:9:3: lma.q: no such key; here stand address, upstream, mags, pools, pool-prefix-length, "
	    "prefixes-per-node, lifetime-max, "
	    "min-delay-before-bce-delete, max-delay-before-new-bce, timestamp-window, timestamp-required, "
	    "timestamp-of-node, "
	    "refresh-advice, fixed-link-local, "
	    "tunnel-link-local, revocation, update-notification, heartbeat, binding-error-rate, refusal-rate, limits, "
	    "multicast",
	    "t.yaml:10:1: foo: no such key; here stand name, role, lab, security, enterprise-number, user, cpu-latency, control, policy, "
	    "log, stream, dataplane, lma, mag, proxy" } },
	{ HEAD LMA "  upstream: up1\nlab: no\n",
	  { "t.yaml:8:3: lma.upstream: given twice, first in line 5; take one of them out",
	    "t.yaml:9:1: lab: given twice, first in line 1; take one of them out" } },
	{ "lab: yes\nlma:\nmag:\n",
	  { "t.yaml:1:1: dataplane.transport: is missing; give links that tunnels run over, by name or pattern",
	    "t.yaml:2:1: lma.address: is missing; give address of this LMA (LMAA): the end of its tunnels",
	    "t.yaml:2:1: lma.mags: is missing; give the MAGs that may register",
	    "t.yaml:2:1: lma.pools: is missing; give ranges that home network prefixes are taken from; [] where every "
	    "profile names its own",
	    "t.yaml:2:1: lma.upstream: is missing; name the interface that multicast streams come from, or set "
	    "lma.multicast.enabled: no",
	    "t.yaml:3:1: mag.address: is missing; give address of this MAG (Proxy-CoA): the end of its tunnels",
	    "t.yaml:3:1: mag.lma: is missing; give LMA of nodes whose profile names none; from-profile: such nodes are "
	    "refused",
	    "t.yaml:3:1: mag.access: is missing; give the links that nodes attach to" } },
	/* types and ranges */
	{ HEAD MAG "  lifetime: 3600\n  bindack-initial: 1 day\n  bindack-max: 100d\n  update-rate: fast\n  "
		   "timestamps: perhaps\n  refresh-before:\n"
		   "  limits: 5\n  multicast: {enabled: [yes], signalling: icmp, scopes: [link-local]}\n",
	  { "t.yaml:7:13: mag.lifetime: 3600 has no unit; write 3600s if seconds are meant, 3600ms if milliseconds",
	    "t.yaml:8:20: mag.bindack-initial: \"1 day\" is not a duration; give a number with its unit (us, ms, s, m, "
	    "h, d), as in 1500ms or 2m",
	    "t.yaml:9:16: mag.bindack-max: 100d is out of range; give a duration from 10ms to 1h",
	    "t.yaml:10:16: mag.update-rate: \"fast\" is not a whole number; give one from 1 to 1000",
	    "t.yaml:11:15: mag.timestamps: \"perhaps\" is neither yes nor no; write yes or no",
	    "t.yaml:12:18: mag.refresh-before: has no value; give a duration such as 10s, or leave the key out",
	    "t.yaml:13:11: mag.limits: is a section; give its keys, each on its own line below",
	    "t.yaml:14:24: mag.multicast.enabled: is a list; give yes or no",
	    "t.yaml:14:43: mag.multicast.signalling: \"icmp\" is not known; give auto, registration or mld",
	    "t.yaml:14:58: mag.multicast.scopes: \"link-local\" is not a scope that can leave a link; give scopes: "
	    "realm-local, admin-local, "
	    "site-local, 6, 7, organization-local, 9, a, b, c, d, global" } },
	{ HEAD MAG "  advertisement: {router-lifetime: 1500500ms, repeat: 0}\n  link-local: 2001:db8::1\n",
	  { "t.yaml:7:36: mag.advertisement.router-lifetime: 1500500ms is not a number of whole seconds; the message "
	    "that carries it counts in seconds",
	    "t.yaml:7:55: mag.advertisement.repeat: 0 is out of range; give a number from 1 to 20",
	    "t.yaml:8:15: mag.link-local: 2001:db8::1 cannot stand here; give a link-local (fe80::/10) address" } },
	{ "cpu-latency: 1500ns\n" HEAD LMA,
	  { "t.yaml:1:14: cpu-latency: \"1500ns\" is not a duration; give a number with its unit (us, ms, s, m, h, d), as in "
	    "1500ms or 2m" } },
	{ "cpu-latency: 1.5us\n" HEAD LMA,
	  { "t.yaml:1:14: cpu-latency: 1.5us is not a number of whole microseconds; the kernel counts in microseconds" } },
	{ "cpu-latency: 2s\n" HEAD LMA,
	  { "t.yaml:1:14: cpu-latency: 2s is out of range; give a duration from 0s to 1s, or none" } },
	{ "cpu-latency: 20\n" HEAD LMA,
	  { "t.yaml:1:14: cpu-latency: 20 has no unit; write 20s if seconds are meant, 20ms if milliseconds" } },
	/* addresses */
	{ HEAD "mag:\n  address: 2001:db8::\n",
	  { "t.yaml:4:21: an address that ends in :: must stand in quotes, as in \"2001:db8::\"" } },
	{ HEAD "mag:\n  address: 2001:db8::g\n  lma: ff02::1\n  access: [{match: a}]\n",
	  { "t.yaml:4:12: mag.address: \"2001:db8::g\" is not an IPv6 address; give one such as 2001:db8::1",
	    "t.yaml:5:8: mag.lma: ff02::1 cannot stand here; give a global unicast address, or from-profile" } },
	/* lists */
	{ HEAD "lma:\n  address: 2001:db8::1\n  upstream: up0\n  mags:\n  - {name: a, address: 2001:db8:1::1}\n  - "
	       "{name: a, address: 2001:db8:2::1}\n"
	       "  - {name: b, address: \"2001:db8:1::/64\"}\n  - c\n  - {address: 2001:db8:3::1}\n"
	       "  pools: [2001:db8:8000::/40, 2001:db8:8000:1::/64, 2001:db8:9000::1/40, \"fe80::/10\"]\n",
	  { "t.yaml:8:5: lma.mags: the name \"a\" is given twice; each MAG needs its own",
	    "t.yaml:9:5: lma.mags: 2001:db8:1::/64 overlaps with 2001:db8:1::1/128 of \"a\"; an address can belong to "
	    "one MAG only",
	    "t.yaml:10:5: lma.mags[3]: is not a mapping; write name: and address: for each MAG",
	    "t.yaml:11:5: lma.mags[4].name: is missing; give its name in views and logs",
	    "t.yaml:12:31: lma.pools: 2001:db8:8000:1::/64 overlaps with 2001:db8:8000::/40; leave one of them out",
	    "t.yaml:12:53: lma.pools: 2001:db8:9000::1/40 has bits set behind its length; write 2001:db8:9000::/40",
	    "t.yaml:12:74: lma.pools: fe80::/10 is no range of global unicast addresses; give one of your own" } },
	{ HEAD "lma:\n  address: 2001:db8:9::1\n  upstream: up0\n  mags: [{name: m, address: 2001:db8:1::1, allow: "
	       "[2001:db8::/32, \"2001:db8::5 ff3e::1\"]}]\n"
	       "  pools: [\"2001:db8::/32\", 2001:db9::/64]\n  pool-prefix-length: 60\n",
	  { "t.yaml:6:52: lma.mags[0].allow: \"2001:db8::/32\" is not a range of multicast groups; give ranges of "
	    "groups such as ff3e::/32, or "
	    "\"2001:db8::5 ff3e::8000:1\" with a source before the group",
	    "t.yaml:7:11: lma.pools: 2001:db8::/32 holds lma.address (2001:db8:9::1), which would be given to a node; "
	    "take another range",
	    "t.yaml:7:11: lma.pools: 2001:db8::/32 overlaps with 2001:db8:1::1/128 of MAG \"m\"; take another range",
	    "t.yaml:7:28: lma.pools: 2001:db9::/64 holds no prefix of /60; give a range of at most /60, or change "
	    "pool-prefix-length" } },
	{ HEAD "mag:\n  address: 2001:db8:1::1\n  lma: 2001:db8::1\n  access: [{match: \"*\"}, {match: \"*\", kind: "
	       "bus}, acc]\n",
	  { "t.yaml:6:11: mag.access: \"*\" takes in \"tr0\" of dataplane.transport; a link is for nodes or for "
	    "tunnels",
	    "t.yaml:6:11: mag.access: \"*\" takes in \"tr0\" of dataplane.transport; a link is for nodes or for "
	    "tunnels",
	    "t.yaml:6:26: mag.access[1]: the pattern \"*\" is given twice; the second can never match",
	    "t.yaml:6:45: mag.access[1].kind: \"bus\" is not known; give point-to-point or shared",
	    "t.yaml:6:51: mag.access[2]: is not a mapping; write match: and a name pattern such as \"acc*\"" } },
	{ HEAD "mag:\n  address: 2001:db8:1::1\n  lma: 2001:db8::1\n  access: [{match: acc*}]\n"
	       "  candidates: [{name: m, address: 2001:db8:2::1, access-points: [hall]}, {name: hall, address: 2001:db8:2::1}, 5,\n"
	       "    {name: n, address: ff02::1, access-points: [hall, \"\"]}, {address: 2001:db8:3::1}]\n",
	  { "t.yaml:7:74: mag.candidates: the name \"hall\" is given twice; each gateway needs its own",
	    "t.yaml:7:112: mag.candidates[2]: is not a mapping; write name: and address: for each gateway",
	    "t.yaml:8:5: mag.candidates: access point \"hall\" is one of \"m\" too; leave it out of one",
	    "t.yaml:8:5: mag.candidates: access point \"hall\" has the name of another gateway; give it its own",
	    "t.yaml:8:24: mag.candidates[3].address: ff02::1 cannot stand here; give a global unicast address",
	    "t.yaml:8:55: mag.candidates[3].access-points: has no value; give names of access points, such as [hall, "
	    "\"02:00:00:00:aa:01\"], or leave the key out",
	    "t.yaml:8:61: mag.candidates[4].name: is missing; give its name, for `roamcast handover`" } },
	{ HEAD "mag:\n  address: 2001:db8:1::1\n  lma: 2001:db8::1\n  access: [{match: acc*}]\n"
	       "  handover: {retries: 6, hold: 10s}\n",
	  { "t.yaml:7:23: mag.handover.retries: an HI would be tried for 12700ms, longer than mag.handover.hold (10s) waits for the "
	    "node; make it less, or hold longer" } },
	/* lab, security and enterprise number: decision 6 */
	{ "dataplane: {transport: [tr0]}\n" MAG,
	  { "t.yaml:1:1: security: is missing; give \"external\" when IPsec policies protect the Mobility Header "
	    "between LMA and MAGs (RFC 5213 "
	    "4), or lab: yes on a test network",
	    "t.yaml:1:1: enterprise-number: is missing; give the IANA private enterprise number of your organisation, "
	    "the same at all LMAs and "
	    "MAGs, or lab: yes on a test network" } },
	{ "security: none\nenterprise-number: 32473\ndataplane: {transport: [tr0]}\n" MAG,
	  { "t.yaml:1:11: security: \"none\" lets anybody redirect nodes; give \"external\" when IPsec policies "
	    "protect the Mobility Header between "
	    "LMA and MAGs (RFC 5213 4), or lab: yes on a test network",
	    "t.yaml:2:20: enterprise-number: 32473 is reserved for documentation (RFC 5612); give the number of your "
	    "organisation, or lab: yes on "
	    "a test network" } },
	/* what the start would trip over */
	{ HEAD "user: nobody-at-all\ncontrol: {group: no-such-group, socket: run/x}\npolicy: {store: here.db}\n"
	       "lma:\n  address: 2001:db8::1\n  upstream: averyveryverylongname\n  mags: [{name: m, address: 2001:db8:1::1}]\n"
	       "  pools: []\n",
	  { "t.yaml:3:7: user: this machine has no user \"nobody-at-all\"; create it, or name another one",
	    "t.yaml:4:18: control.group: this machine has no group \"no-such-group\"; create it, or name another one",
	    "t.yaml:4:41: control.socket: is not an absolute path; begin it with /",
	    "t.yaml:5:17: policy.store: is not an absolute path; begin it with /",
	    "t.yaml:8:13: lma.upstream: \"averyveryverylongname\" is no name of an interface; those have at most 15 "
	    "characters" } },
	/* across keys */
	{ HEAD LMA "  multicast: {tunnel-mld: {query-interval: 1s}}\n  revocation: {delay: 5s}\n"
		   "mag: {address: 2001:db8::1, lma: 2001:db8::1, access: [{match: up*}], lifetime: 1m, "
		   "refresh-before: 1m}\nstream: {terminate: yes}\n",
	  { "t.yaml:3:1: lma.multicast.tunnel-mld.query-response: 1s is not below query-interval (1s) as RFC 3810 9.3 "
	    "demands; make it shorter",
	    "t.yaml:9:23: lma.revocation.delay: is longer than delay-max; make it shorter",
	    "t.yaml:10:16: mag.address: is lma.address; give each role an address of its own",
	    "t.yaml:10:55: mag.access: \"up*\" takes in lma.upstream (up0); a link is for nodes or for correspondents",
	    "t.yaml:10:101: mag.refresh-before: is not below mag.lifetime (1m); make it shorter",
	    "t.yaml:11:21: stream.terminate: has no effect while stream.idle is off; set stream.idle to a duration" } },
};

static void bad_files_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct conf_errors *e = NULL;
		size_t n = 0;

		assert_null(load_text(bad[i].file, &e));
		while (n < 12 && bad[i].errors[n])
			n++;
		if (conf_errors_count(e) != n)
			conf_errors_print(e, stderr);
		for (size_t j = 0; j < n && j < conf_errors_count(e); j++)
			assert_string_equal(conf_errors_text(e, j), bad[i].errors[j]);
		assert_int_equal(conf_errors_count(e), n);
		assert_null(conf_errors_text(e, n));
		conf_errors_free(e);
	}
}

static void missing_file(void **state)
{
	struct conf_errors *e = NULL;

	(void)state;
	assert_null(conf_load("/nonexistent/x.yaml", &e));
	assert_string_equal(conf_errors_text(e, 0),
			    "/nonexistent/x.yaml: No such file or directory; name the file with -c");
	conf_errors_free(e);
}

/* Cut anywhere, a file is read or refused, never worse; run under the sanitizers. */
static void every_truncation(void **state)
{
	static const char text[] =
		HEAD LMA MAG "  multicast: {scopes: [global], access-mld: {query-interval: 1.5m}}\n# end\n";
	char cut[sizeof(text)];

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct conf_errors *e = NULL;
		struct conf *c;

		memcpy(cut, text, n);
		cut[n] = '\0';
		c = load_text(cut, &e);
		assert_true(!c == !!conf_errors_count(e));
		conf_free(c);
		conf_errors_free(e);
	}
}

struct found {
	const char *key;
	char value[256], deflt[256];
	unsigned int n;
};

static void find(void *arg, const char *key, const char *value, const char *deflt, const char *help)
{
	struct found *f = arg;

	assert_non_null(help);
	f->n++;
	if (strcmp(key, f->key) != 0)
		return;
	snprintf(f->value, sizeof(f->value), "%s", value);
	snprintf(f->deflt, sizeof(f->deflt), "%s", deflt);
}

static void settings_are_told(void **state)
{
	static const char *const expected[][3] = {
		{ "lma.max-delay-before-new-bce", "off", "1500ms" },
		{ "lma.mags", "m 2001:db8:1::1/128 groups=7 deny=2001:db8::5/128 ff3e::/32", "" },
		{ "lma.pools", "2001:db8:8000::/40", "" },
		{ "lma.fixed-link-local", "fe80::1", "fe80::200:5eff:fe00:5213" },
		{ "lma.multicast.scopes", "admin-local, global", "6, 7, organization-local, 9, a, b, c, d, global" },
		{ "lma.multicast.tunnel-mld.query-interval", "90s", "125s" },
		{ "lma.multicast.tunnel-mld.startup-query-interval", "auto", "auto" },
		{ "lab", "yes", "no" },
		{ "log.format", "json", "text" },
		{ "dataplane.backend", "user", "auto" },
		{ "dataplane.transport", "tr0, eth*", "" },
	};
	struct conf *c =
		load_good("lab: yes\nlog: {format: json}\ndataplane: {transport: [tr0, \"eth*\"], backend: user}\n"
			  "lma: {address: 2001:db8::1, upstream: u, pools: [\"2001:db8:8000::/40\"], "
			  "max-delay-before-new-bce: off, "
			  "fixed-link-local: fe80::1, "
			  "mags: [{name: m, address: 2001:db8:1::1, groups: 7, deny: [\"2001:db8::5 ff3e::/32\"]}], "
			  "multicast: {scopes: [global, admin-local], tunnel-mld: {query-interval: 1.5m}}}\n");

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct found f = { .key = expected[i][0], .value = "?", .deflt = "?" };

		conf_each_setting(c, find, &f);
		assert_string_equal(f.value, expected[i][1]);
		assert_string_equal(f.deflt, expected[i][2]);
	}
	for (size_t i = 0; i < 2; i++) { /* of roles that are configured, or of all */
		struct found f = { .key = "mag.lifetime", .value = "none" };

		conf_each_setting(i ? NULL : c, find, &f);
		assert_string_equal(f.value, i ? "1h" : "none");
	}
	conf_free(c);
}

/* 0 is a value of its own here: it asks for most, and must not be taken for the key left out. */
static void cpu_latency(void **state)
{
	static const struct {
		const char *line;
		uint32_t us;
		const char *told;
	} t[] = {
		{ "", CONF_CPU_LATENCY_NONE, "none" },
		{ "cpu-latency: none\n", CONF_CPU_LATENCY_NONE, "none" },
		{ "cpu-latency: 0us\n", 0, "0s" },
		{ "cpu-latency: 0\n", 0, "0s" },
		{ "cpu-latency: 20us\n", 20, "20us" },
		{ "cpu-latency: 0.5ms\n", 500, "500us" },
		{ "cpu-latency: 1s\n", 1000000, "1s" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct found f = { .key = "cpu-latency" };
		char text[1024];
		struct conf *c;

		snprintf(text, sizeof(text), "%s%s", t[i].line, HEAD LMA);
		c = load_good(text);
		assert_int_equal(c->cpu_latency_us, t[i].us);
		conf_each_setting(c, find, &f);
		assert_string_equal(f.value, t[i].told);
		assert_string_equal(f.deflt, "none");
		conf_free(c);
	}
}

/* A file made of the defaults, one key each, is read back to the same: the table's two directions agree. */
static FILE *roundtrip_to;
static void write_key(void *arg, const struct conf_key_view *v)
{
	char path[160];
	unsigned int depth = 0;

	(void)arg;
	if (v->mandatory || strchr(v->key, '[') || !v->deflt[0] || strcmp(v->key, "lab") == 0)
		return;
	strcpy(path, v->key);
	for (char *step = strtok(path, "."); step; step = strtok(NULL, ".")) {
		fprintf(roundtrip_to, "%s%s: ", depth ? "{" : "", step);
		depth++;
	}
	fprintf(roundtrip_to, strstr(v->key, "scopes") ? "[%s]" : "%s", v->deflt);
	for (unsigned int i = 1; i < depth; i++)
		fputc('}', roundtrip_to);
	fputc('\n', roundtrip_to);
}

static void check_key(void *arg, const struct conf_key_view *v)
{
	char *text = NULL;
	struct conf_errors *e = NULL;
	struct conf *c;
	size_t size;

	(void)arg;
	roundtrip_to = open_memstream(&text, &size);
	write_key(NULL, v);
	fclose(roundtrip_to);
	if (text[0]) {
		c = load_text(text, &e);
		assert_null(c); /* nothing mandatory is there; but no complaint about this very key */
		for (size_t i = 0; i < conf_errors_count(e); i++) {
			char about[170];

			snprintf(about, sizeof(about), " %s: ", v->key);
			if (strstr(conf_errors_text(e, i), about) && !strstr(conf_errors_text(e, i), "is missing") &&
			    !strstr(conf_errors_text(e, i), "\"none\" lets anybody"))
				fail_msg("%s", conf_errors_text(e, i));
		}
		conf_errors_free(e);
	}
	free(text);
}

static void defaults_are_accepted(void **state)
{
	(void)state;
	conf_each_key(check_key, NULL);
}

static void reload(void **state)
{
	static const struct {
		const char *change, *what;
	} t[] = {
		{ "", NULL },
		{ "  lifetime-max: 2h\n", NULL },
		{ "  multicast: {tunnel-mld: {robustness: 3}}\n", NULL },
		{ "log: {level: debug}\n", NULL },
		{ "cpu-latency: 0us\n", NULL },
		{ "log: {format: json}\n", "log.format" },
		{ "  limits: {bindings: 5}\n", "lma.limits.bindings" },
		{ "dataplane: {transport: [tr0], hop-limit: 9}\n", "dataplane.hop-limit" },
		{ "mag: {address: 2001:db8:3::1, lma: from-profile, access: [{match: a}]}\ndataplane: {transport: "
		  "[tr0]}\n",
		  "mag" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct conf *a = load_good(HEAD LMA), *b;
		char text[1024];
		const char *what = NULL;

		snprintf(text, sizeof(text), "%s%s%s", strstr(t[i].change, "dataplane") ? "lab: yes\n" : HEAD, LMA,
			 t[i].change);
		b = load_good(text);
		assert_int_equal(conf_reloadable(a, b, &what), t[i].what == NULL);
		if (t[i].what)
			assert_string_equal(what, t[i].what);
		conf_free(a);
		conf_free(b);
	}
}

/* The list of settings in the manual is the table's own (tools/man-keys puts it there). */
static void manual_is_up_to_date(void **state)
{
	FILE *page = fopen("man/roamcast.yaml.5", "r"), *to;
	char line[256], *want, *got;
	bool inside = false;
	size_t size;

	(void)state;
	assert_non_null(page);
	to = open_memstream(&want, &size);
	conf_manual(to);
	fclose(to);
	to = open_memstream(&got, &size);
	while (fgets(line, sizeof(line), page)) {
		if (strncmp(line, ".\\\" KEYS END", 12) == 0)
			inside = false;
		if (inside)
			fputs(line, to);
		if (strncmp(line, ".\\\" KEYS BEGIN", 14) == 0)
			inside = true;
	}
	fclose(to);
	fclose(page);
	assert_string_equal(got, want);
	free(got);
	free(want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_load),
		cmocka_unit_test(example_lma_says),
		cmocka_unit_test(example_mag_says),
		cmocka_unit_test(example_proxy_says),
		cmocka_unit_test(bad_files_are_told),
		cmocka_unit_test(missing_file),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(settings_are_told),
		cmocka_unit_test(cpu_latency),
		cmocka_unit_test(defaults_are_accepted),
		cmocka_unit_test(reload),
		cmocka_unit_test(manual_is_up_to_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
