/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of keys: the reader of the file, `roamcast show settings`, --dump-defaults and the manual's list all come
 * from it. Defaults stand in conf_defaults() and in the engines' own *_conf_defaults(). */
#include "conf/conf_priv.h"

#include <stddef.h>

#define FIELD(type, field) .offset = offsetof(type, field), .size = sizeof(((type *)0)->field)
#define US		   INT64_C(1000)
#define MS		   INT64_C(1000000)
#define S		   INT64_C(1000000000)
#define M		   (60 * S)
#define H		   (60 * M)

#define SWITCH(p, f, fl, h)                                                                                            \
	{                                                                                                              \
		.path = p, .kind = &conf_kind_bool, FIELD(struct conf, f), .flags = fl, .help = h                      \
	}
#define NUMBER(p, f, lo, hi, z, fl, h)                                                                                 \
	{                                                                                                              \
		.path = p, .kind = &conf_kind_number, FIELD(struct conf, f), .min = lo, .max = hi, .zero = z,          \
		.flags = fl, .help = h                                                                                 \
	}
#define SPAN(p, f, lo, hi, z, fl, h)                                                                                   \
	{                                                                                                              \
		.path = p, .kind = &conf_kind_span, FIELD(struct conf, f), .min = lo, .max = hi, .zero = z,            \
		.flags = fl, .help = h                                                                                 \
	}
#define SECONDS(p, f, lo, hi, o, fl, h)                                                                                \
	{                                                                                                              \
		.path = p, .kind = &conf_kind_seconds, FIELD(struct conf, f), .min = lo, .max = hi, .ones = o,         \
		.flags = fl, .help = h                                                                                 \
	}
#define MICROS(p, f, lo, hi, o, fl, h)                                                                                 \
	{                                                                                                              \
		.path = p, .kind = &conf_kind_micros, FIELD(struct conf, f), .min = lo, .max = hi, .ones = o,          \
		.flags = fl, .help = h                                                                                 \
	}
#define WORD(p, f, w, fl, h)                                                                                           \
	{                                                                                                              \
		.path = p, .kind = &conf_kind_word, FIELD(struct conf, f), .words = w, .flags = fl, .help = h          \
	}
#define ADDRESS(p, f, z, fl, h)                                                                                        \
	{                                                                                                              \
		.path = p, .kind = &conf_kind_address, FIELD(struct conf, f), .zero = z, .flags = fl, .help = h        \
	}
#define LINKLOCAL(p, f, z, fl, h)                                                                                      \
	{                                                                                                              \
		.path = p, .kind = &conf_kind_address, FIELD(struct conf, f), .min = 1, .zero = z, .flags = fl,        \
		.help = h                                                                                              \
	}
#define TEXT(p, f, z, fl, h)                                                                                           \
	{                                                                                                              \
		.path = p, .kind = &conf_kind_string, FIELD(struct conf, f), .zero = z, .flags = fl, .help = h         \
	}
#define SCOPES(p, f, h)                                                                                                \
	{                                                                                                              \
		.path = p, .kind = &conf_kind_scopes, FIELD(struct conf, f), .help = h                                 \
	}

static const struct conf_word security_words[] = {
	{ "external", CONF_SECURITY_EXTERNAL },
	{ "none", CONF_SECURITY_NONE },
	{ NULL, 0 },
};
static const struct conf_word role_words[] = {
	{ "auto", CONF_ROLE_AUTO }, { "lma", CONF_ROLE_LMA },	  { "mag", CONF_ROLE_MAG },
	{ "both", CONF_ROLE_BOTH }, { "proxy", CONF_ROLE_PROXY }, { NULL, 0 },
};
static const struct conf_word level_words[] = {
	{ "error", CONF_LOG_ERROR }, { "warning", CONF_LOG_WARNING }, { "notice", CONF_LOG_NOTICE },
	{ "info", CONF_LOG_INFO },   { "debug", CONF_LOG_DEBUG },     { NULL, 0 },
};
static const struct conf_word format_words[] = { { "text", 0 }, { "json", 1 }, { NULL, 0 } };
static const struct conf_word backend_words[] = {
	{ "auto", DP_BACKEND_AUTO },
	{ "ebpf", DP_BACKEND_EBPF },
	{ "user", DP_BACKEND_USER },
	{ NULL, 0 },
};
static const struct conf_word lma_signalling_words[] = { { "both", LMA_ACCEPT_BOTH },
							 { "mld", LMA_ACCEPT_MLD_ONLY },
							 { NULL, 0 } };
static const struct conf_word mag_signalling_words[] = {
	{ "auto", MAG_SIGNALLING_AUTO },
	{ "registration", MAG_SIGNALLING_REGISTRATION },
	{ "mld", MAG_SIGNALLING_MLD },
	{ NULL, 0 },
};
static const struct conf_word context_words[] = {
	{ "off", MN_CONTEXT_OFF },
	{ "query", MN_CONTEXT_QUERY },
	{ "kept", MN_CONTEXT_KEPT },
	{ NULL, 0 },
};
static const struct conf_word mag_role_words[] = {
	{ "any", 0 },
	{ "proxy", MH_ROLE_PROXY },
	{ "listener", MH_ROLE_LISTENER },
	{ NULL, 0 },
};
static const struct conf_word technology_words[] = {
	{ "virtual", MH_ATT_VIRTUAL }, { "ppp", MH_ATT_PPP }, { "ethernet", MH_ATT_ETHERNET },
	{ "wlan", MH_ATT_WLAN },       { "wimax", 5 },	      { "3gpp-geran", 6 },
	{ "3gpp-utran", 7 },	       { "3gpp-eutran", 8 },  { NULL, 0 },
};
static const struct conf_word kind_words[] = {
	{ "point-to-point", MAG_LINK_POINT_TO_POINT },
	{ "shared", MAG_LINK_SHARED },
	{ NULL, 0 },
};

/* clang-format off: one row of the table a line */
/* RFC 3810 9, router side. */
#define MLD_ROUTER(p, f)                                                                                               \
	NUMBER(p ".robustness", f.robustness, 1, 7, NULL, 0,							       \
	       "Robustness Variable (RFC 3810 9.1); 1 tolerates no loss"),					       \
	SPAN(p ".query-interval", f.query_interval, S, H * 8, NULL, 0, "Query Interval (RFC 3810 9.2)"),	       \
	SPAN(p ".query-response", f.query_response, MS, H, NULL, 0, "Query Response Interval (RFC 3810 9.3)"),	       \
	SPAN(p ".last-listener-interval", f.last_listener_interval, MS, M, NULL, 0,				       \
	     "Last Listener Query Interval (RFC 3810 9.8)"),							       \
	NUMBER(p ".last-listener-count", f.last_listener_count, 1, 20, "auto", 0,				       \
	       "Last Listener Query Count (RFC 3810 9.9); auto: the robustness"),				       \
	SPAN(p ".other-querier-present", f.other_querier_present, S, H * 24, "auto", 0,				       \
	     "Other Querier Present Timeout (RFC 3810 9.5); auto: robustness * query interval + query "		       \
	     "response / 2"),											       \
	SWITCH(p ".fast-leave", f.fast_leave, 0,								       \
	       "the last known listener of a group leaves at once, without a query"),				       \
	SWITCH(p ".querier-always", f.querier_always, 0,							       \
	       "no election: queries of others are counted and dropped"),					       \
	SWITCH(p ".v2-only", f.v2_only, 0, "MLDv1 messages are counted and dropped"),				       \
	NUMBER(p ".groups", f.groups_max, 1, 1 << 20, "auto", 0,						       \
	       "groups on a link at most; auto: as the limits of the role say"),				       \
	NUMBER(p ".sources", f.sources_max, 1, 65535, "auto", 0,						       \
	       "sources of a group at most; auto: likewise"),							       \
	SWITCH(p ".v1-mode", f.v1_mode, 0, "an MLDv1 router is on the link: MLDv1 is spoken (RFC 3810 8.3.1)"),	       \
	NUMBER(p ".groups-per-host", f.host_groups_max, 1, 1 << 20, "none", 0, "groups of one host at most"),		       \
	NUMBER(p ".reports-per-host", f.host_rate_max, 1, 1 << 20, "none", 0,					       \
	       "reports per second of one host at most; the others are not looked at"),				       \
	NUMBER(p ".reports-per-link", f.link_rate_max, 1, 1 << 24, "none", 0,					       \
	       "reports per second of all hosts of a link at most, likewise"),						       \
	NUMBER(p ".hosts", f.hosts_max, 1, 65535, "auto", 0,							       \
	       "hosts tracked for a group at most; auto: likewise")

/* The start-up of a link; on an access link the attach query is that (decision 26). */
#define MLD_STARTUP(p, f)                                                                                              \
	SPAN(p ".startup-query-interval", f.startup_query_interval, 100 * MS, H, "auto", 0,			       \
	     "Startup Query Interval (RFC 3810 9.6); auto: a quarter of the query interval"),			       \
	NUMBER(p ".startup-query-count", f.startup_query_count, 1, 20, "auto", 0,				       \
	       "Startup Query Count (RFC 3810 9.7); auto: the robustness"),					       \
	SPAN(p ".startup-query-response", f.startup_query_response, MS, H, "auto", 0,				       \
	     "Maximum Response Delay of the queries at start-up; auto: the query response")

/* RFC 3810 9, listener side. */
#define MLD_HOST(p, f)                                                                                                 \
	NUMBER(p ".robustness", f.robustness, 1, 7, NULL, 0, "Robustness Variable while no querier is heard"),	       \
	SPAN(p ".unsolicited-interval", f.unsolicited_interval, MS, M, NULL, 0,					       \
	     "Unsolicited Report Interval (RFC 3810 9.11)"),							       \
	NUMBER(p ".mtu", f.mtu, 1280, 65535, "auto", 0,								       \
	       "reports are packed up to this size in octets; auto: what fits the link"),			       \
	NUMBER(p ".groups", f.groups_max, 1, 1 << 20, "auto", 0,						       \
	       "groups reported at most; auto: as the limits of the role say"),					       \
	NUMBER(p ".memory", f.memory_max, 1 << 16, 0xffffffff, "auto", 0,					       \
	       "octets of memory at most for what is reported; auto: as the limits of the role say, or 1 GiB"),	       \
	SWITCH(p ".v1-only", f.v1_only, 0, "speak MLDv1 whatever the querier speaks")

/* clang-format on */

static const struct conf_key keys[] = {
	TEXT("name", name, "hostname", CONF_RESTART,
	     "name of this daemon in views and logs; hostname: that of the machine"),
	WORD("role", role, role_words, CONF_RESTART,
	     "what this daemon is; auto: as its sections say; proxy: a plain MLD proxy between links, with neither LMA nor MAG"),
	SWITCH("lab", lab, CONF_RESTART,
	       "permits peers without authentication and the documentation enterprise number: never in service"),
	WORD("security", security, security_words, CONF_RESTART,
	     "how signalling is authenticated (RFC 5213 4): external: IPsec policies between the peers, set up by the "
	     "operator; none: only with lab"),
	NUMBER("enterprise-number", pen, 1, 0xffffffff, "none", CONF_RESTART,
	       "IANA private enterprise number of the vendor-specific options: the same in the whole domain; 32473 "
	       "only with lab"),
	TEXT("user", user, "root", CONF_RESTART, "user to become after start"),
	MICROS("cpu-latency", cpu_latency_us, 0, S, "none", 0,
	       "longest time that the kernel may take to wake an idle processor, requested through /dev/cpu_dma_latency for all "
	       "of the machine while the daemon runs; 0us: idle processors do not sleep, which costs power"),
	TEXT("control.socket", control_socket, NULL, CONF_RESTART, "path of the control socket"),
	TEXT("control.group", control_group, "root", CONF_RESTART,
	     "group whose members may use the control socket besides root"),
	TEXT("policy.store", policy_store, NULL, CONF_RESTART,
	     "SQLite file of the profiles; created if it is not there"),
	WORD("log.level", log_level, level_words, 0, "least severity that is logged"),
	WORD("log.format", log_json, format_words, CONF_RESTART, "lines of text, or one JSON object per line"),
	NUMBER("log.events-kept", events_kept, 1, 1 << 20, NULL, CONF_RESTART,
	       "events remembered for roamcast show events"),
	SPAN("stream.idle", stream_idle, S, 24 * H, "off", 0,
	     "a stream without packets for this long is told as silent"),
	SWITCH("stream.terminate", stream_idle_terminates, 0,
	       "the subscriptions of a silent stream end (draft section 4)"),

	WORD("dataplane.backend", dp.backend, backend_words, CONF_RESTART,
	     "auto takes eBPF, and user space where eBPF is not permitted"),
	{ .path = "dataplane.transport",
	  .kind = &conf_kind_transport,
	  .flags = CONF_MANDATORY,
	  .help = "links that tunnels run over, by name or pattern" },
	NUMBER("dataplane.hop-limit", dp.hop_limit, 1, 255, NULL, CONF_RESTART,
	       "hop limit of the outer header (RFC 2473 6.3)"),
	SWITCH("dataplane.outer-fragmentation", dp.outer_fragmentation, CONF_RESTART,
	       "fragment the outer packet where it is too big, instead of Packet Too Big to the source"),
	NUMBER("dataplane.packet-too-big-rate", dp.ptb_per_s, 1, 10000, NULL, CONF_RESTART,
	       "Packet Too Big messages per second at most"),
	NUMBER("dataplane.limits.nodes", dp.nodes_max, 1, 1 << 24, "auto", CONF_RESTART,
	       "room for nodes; auto: as the engines' limits need"),
	NUMBER("dataplane.limits.routes", dp.routes_max, 1, 1 << 24, "auto", CONF_RESTART,
	       "room for prefixes at an LMA; auto: likewise"),
	NUMBER("dataplane.limits.tunnels", dp.tunnels_max, 1, 1 << 20, "auto", CONF_RESTART,
	       "room for tunnels; auto: likewise"),
	NUMBER("dataplane.limits.flows", dp.flows_max, 1, 1 << 24, "auto", CONF_RESTART,
	       "room for replication lists; auto: likewise"),
	NUMBER("dataplane.limits.outputs", dp.outs_max, 1, 1 << 24, "auto", CONF_RESTART,
	       "room for outputs of all lists; auto: likewise"),

	ADDRESS("lma.address", lma.lmaa, NULL, CONF_MANDATORY | CONF_RESTART,
		"address of this LMA (LMAA): the end of its tunnels"),
	TEXT("lma.upstream", upstream, "none", CONF_RESTART,
	     "interface towards correspondents and the multicast router"),
	{ .path = "lma.mags",
	  .kind = &conf_kind_mags,
	  .offset = offsetof(struct conf, lma),
	  .flags = CONF_MANDATORY | CONF_ITEM_LIST,
	  .items = &conf_mag_table,
	  .help = "the MAGs that may register" },
	{ .path = "lma.pools",
	  .kind = &conf_kind_pools,
	  .offset = offsetof(struct conf, lma),
	  .flags = CONF_MANDATORY,
	  .help = "ranges that home network prefixes are taken from; [] where every profile names its own" },
	NUMBER("lma.pool-prefix-length", lma.pool_prefix_len, 32, 64, NULL, CONF_RESTART,
	       "length of a home network prefix from a pool"),
	NUMBER("lma.prefixes-per-node", lma.prefixes_per_node, 1, 8, NULL, CONF_RESTART,
	       "prefixes from the pools for a node whose profile has none"),
	SPAN("lma.lifetime-max", lma.lifetime_max, 4 * S, 262140 * S, NULL, 0, "longest lifetime granted to a binding"),
	SPAN("lma.min-delay-before-bce-delete", lma.min_delay_before_bce_delete, 0, H, NULL, 0,
	     "MinDelayBeforeBCEDelete (RFC 5213 9.1): a binding given up waits this long for its new MAG"),
	SPAN("lma.max-delay-before-new-bce", lma.max_delay_before_new_bce, 0, M, "off", 0,
	     "MaxDelayBeforeNewBCEAssign (RFC 5213 9.1)"),
	SPAN("lma.timestamp-window", lma.timestamp_window, MS, H, NULL, 0, "TimestampValidityWindow (RFC 5213 9.1)"),
	SWITCH("lma.timestamp-required", lma.timestamp_required, 0,
	       "refuse a PBU without Timestamp option; no: it is ordered by its sequence number"),
	SWITCH("lma.timestamp-of-node", lma.timestamp_of_node, 0,
	       "MobileNodeGeneratedTimestampInUse (RFC 5213 9.3): timestamps are to grow, and are not compared with the "
	       "clock"),
	SPAN("lma.refresh-advice", lma.refresh_advice, 4 * S, 262140 * S, "off", 0,
	     "Binding Refresh Advice (RFC 6275 6.2.4) given in each PBA"),
	LINKLOCAL("lma.fixed-link-local", lma.fixed_link_local, NULL, 0,
		  "link-local address told to a MAG that asks (RFC 6543)"),
	LINKLOCAL("lma.tunnel-link-local", lma.tunnel_link_local, NULL, CONF_RESTART,
		  "source of MLD that is sent into tunnels"),
	SPAN("lma.revocation.delay", lma.bri_delay_initial, 500 * MS, M, NULL, 0,
	     "InitMINDelayBRIs (RFC 5846 11): before the first repetition"),
	SPAN("lma.revocation.delay-max", lma.bri_delay_max, 500 * MS, M, NULL, 0,
	     "MAX_BRACK_TIMEOUT (RFC 5846 11): before the following ones"),
	NUMBER("lma.revocation.retries", lma.bri_retries, 0, 10, NULL, 0, "BRIMaxRetriesNumber (RFC 5846 11)"),
	SPAN("lma.update-notification.delay", lma.upn_delay, 500 * MS, 5 * S, NULL, 0,
	     "MIN_DELAY_BETWEEN_UPDATE_NOTIFICATION_REPLAY (RFC 7077 7)"),
	NUMBER("lma.update-notification.retries", lma.upn_retries, 0, 5, NULL, 0,
	       "MAX_UPDATE_NOTIFICATION_RETRANSMIT_COUNT (RFC 7077 7)"),
	SPAN("lma.heartbeat.interval", lma.heartbeat_interval, 100 * MS, H, "off", 0,
	     "HEARTBEAT_INTERVAL (RFC 5847 5), which advises 30 s at least; off: answered, not asked"),
	NUMBER("lma.heartbeat.missing", lma.heartbeats_missing, 0, 100, NULL, 0,
	       "MISSING_HEARTBEATS_ALLOWED (RFC 5847 5): one more, and the bindings of the MAG end"),
	NUMBER("lma.binding-error-rate", lma.be_per_s, 1, 100000, NULL, 0, "Binding Errors per second at most"),
	NUMBER("lma.refusal-rate", lma.refusal_per_s, 1, 100000, NULL, 0, "answers to unknown MAGs per second at most"),
	NUMBER("lma.limits.bindings", lma.bindings_max, 1, 1 << 22, NULL, CONF_RESTART,
	       "bindings at most; beyond: status 130"),
	NUMBER("lma.limits.pending", lma.pending_max, 1, 1 << 20, NULL, CONF_RESTART,
	       "registrations that wait for the policy store or another MAG"),
	NUMBER("lma.limits.peers", lma.peers_max, 1, 65535, NULL, CONF_RESTART, "MAGs registered at once"),
	NUMBER("lma.limits.groups", lma.groups_max, 1, 1 << 20, NULL, CONF_RESTART, "groups at most"),
	NUMBER("lma.limits.groups-per-mag", lma.groups_per_mag_max, 1, 1 << 20, NULL, 0, "groups of one MAG at most"),
	NUMBER("lma.limits.groups-per-node", lma.groups_per_node_max, 1, 4096, NULL, 0,
	       "groups a node may ask for at most"),
	NUMBER("lma.limits.sources-per-group", lma.sources_per_group_max, 1, 4096, NULL, 0,
	       "sources of a group at most"),
	NUMBER("lma.limits.entries", lma.entries_max, 1, 1 << 24, NULL, CONF_RESTART, "pairs of MAG and group at most"),
	SWITCH("lma.multicast.enabled", lma.multicast, CONF_RESTART, "multicast service at this LMA"),
	WORD("lma.multicast.signalling", lma.signalling, lma_signalling_words, 0,
	     "what MAGs may ask with: registrations and MLD, or mld alone"),
	WORD("lma.multicast.mag-role", lma.role, mag_role_words, 0,
	     "in what role MAGs are to serve nodes, where they offer it: proxy: listening to their MLD; listener: in their "
	     "place, for profiles, contexts and operators alone; any: as each MAG prefers"),
	WORD("lma.multicast.context", lma.context, context_words, 0,
	     "what a node listens to, when it moves: off: the new MAG asks it (RFC 6224); query: the old MAG is asked "
	     "(RFC 7161); kept: known already, of MAGs that are set likewise"),
	SPAN("lma.multicast.subscription-query.delay", lma.query_delay, 10 * MS, 10 * S, NULL, 0,
	     "before a Subscription Query to the old MAG is repeated (RFC 7161 leaves it open), then doubled"),
	NUMBER("lma.multicast.subscription-query.tries", lma.query_tries, 1, 10, NULL, 0, "it is sent this often at most"),
	SPAN("lma.multicast.pba-timer", lma.pba_timer, 0, 999 * MS, NULL, 0,
	     "how long the answer to a registration may wait for the context (RFC 7161 4.4)"),
	SWITCH("lma.multicast.implicit-join", lma.implicit_join, 0,
	       "replicate to the new MAG of a node before that MAG has asked"),
	SPAN("lma.multicast.implicit-guard", lma.implicit_guard, 100 * MS, M, NULL, 0,
	     "what is replicated so ends when the MAG has not confirmed it within this and has then been asked by MLD"),
	SCOPES("lma.multicast.scopes", lma.scopes, "scopes of groups that are carried"),
	MLD_ROUTER("lma.multicast.tunnel-mld", lma.tunnel_mld),
	MLD_STARTUP("lma.multicast.tunnel-mld", lma.tunnel_mld),
	MLD_HOST("lma.multicast.upstream-mld", lma.upstream_mld),

	ADDRESS("mag.address", mag.proxy_coa, NULL, CONF_MANDATORY | CONF_RESTART,
		"address of this MAG (Proxy-CoA): the end of its tunnels"),
	ADDRESS("mag.lma", mag.lma, "from-profile", CONF_MANDATORY,
		"LMA of nodes whose profile names none; from-profile: such nodes are refused"),
	{ .path = "mag.access",
	  .kind = &conf_kind_access,
	  .flags = CONF_MANDATORY | CONF_ITEM_LIST,
	  .items = &conf_access_table,
	  .help = "the links that nodes attach to" },
	SWITCH("mag.local-routing", dp.local_routing, CONF_RESTART,
	       "EnableMAGLocalRouting (RFC 5213 9.2): packets between two nodes of one LMA here go from one to the other, and "
	       "that LMA neither sees nor counts them"),
	WORD("mag.access-technology", mag.att, technology_words, 0,
	     "Access Technology Type told to the LMA (RFC 5213 8.5)"),
	SPAN("mag.lifetime", mag.lifetime, 4 * S, 262140 * S, NULL, 0, "lifetime asked for"),
	SPAN("mag.refresh-before", mag.refresh_before, S, 262140 * S, "auto", 0,
	     "register again this long before the end; auto: a tenth of the lifetime"),
	SPAN("mag.bindack-initial", mag.bindack_initial, 10 * MS, M, NULL, 0, "INITIAL_BINDACK_TIMEOUT (RFC 6275 12)"),
	SPAN("mag.bindack-max", mag.bindack_max, 10 * MS, H, NULL, 0, "MAX_BINDACK_TIMEOUT (RFC 6275 12)"),
	NUMBER("mag.update-rate", mag.updates_per_s, 1, 1000, NULL, 0,
	       "MAX_UPDATE_RATE (RFC 6275 12), for refreshes, per node and second"),
	SPAN("mag.deregistration-wait", mag.dereg_wait, 10 * MS, M, NULL, 0,
	     "how long the answer to a de-registration is waited for"),
	NUMBER("mag.binding-error-rate", mag.be_per_s, 1, 100000, NULL, 0, "Binding Errors per second at most"),
	SPAN("mag.refusal-retry", mag.refusal_retry, S, 24 * H, NULL, 0,
	     "after a refusal that time may heal the node is registered again this much later"),
	SWITCH("mag.timestamps", mag.timestamps, 0, "TimestampBasedApproachInUse (RFC 5213 9.3)"),
	SWITCH("mag.ask-link-local", mag.ask_link_local, 0,
	       "ask the LMA for the link-local address; no: use the domain's fixed one"),
	LINKLOCAL("mag.link-local", mag.link_local, NULL, CONF_RESTART,
		  "FixedMAGLinkLocalAddressOnAllAccessLinks (RFC 5213 9.3): this MAG's address on access links, the "
		  "same at every MAG (RFC 6543)"),
	LINKLOCAL("mag.tunnel-link-local", mag.tunnel_link_local, NULL, CONF_RESTART,
		  "source of MLD that is sent into tunnels"),
	SPAN("mag.heartbeat.interval", mag.heartbeat_interval, 100 * MS, H, "off", 0,
	     "HEARTBEAT_INTERVAL (RFC 5847 5), which advises 30 s at least; off: answered, not asked"),
	NUMBER("mag.heartbeat.missing", mag.heartbeats_missing, 0, 100, NULL, 0,
	       "MISSING_HEARTBEATS_ALLOWED (RFC 5847 5): one more, and the LMA is told to be down"),
	SPAN("mag.advertisement.interval", mag.ra_interval, 3 * S, 24 * H, NULL, 0,
	     "between Router Advertisements to a node"),
	SECONDS("mag.advertisement.router-lifetime", mag.ra_router_lifetime_s, 0, 9000 * S, NULL, 0,
		"Router Lifetime (RFC 4861 6.2.1)"),
	SECONDS("mag.advertisement.valid-lifetime", mag.ra_valid_s, 0, 0xfffffffe * S, "binding", 0,
		"valid lifetime of the prefixes; binding: what is left of the binding"),
	SECONDS("mag.advertisement.preferred-lifetime", mag.ra_preferred_s, 0, 0xfffffffe * S, "binding", 0,
		"preferred lifetime, likewise"),
	SWITCH("mag.advertisement.on-link", mag.ra_on_link, 0, "L flag of the prefixes"),
	SWITCH("mag.advertisement.autonomous", mag.ra_autonomous, 0,
	       "A flag of the prefixes: nodes make their addresses themselves"),
	SWITCH("mag.advertisement.managed", mag.ra_managed, 0, "M flag: addresses by DHCPv6"),
	SWITCH("mag.advertisement.other-config", mag.ra_other, 0, "O flag: other settings by DHCPv6"),
	NUMBER("mag.advertisement.repeat", mag.ra_repeat, 1, 20, NULL, 0,
	       "advertisements after a registration, unasked"),
	SPAN("mag.advertisement.repeat-interval", mag.ra_repeat_interval, 10 * MS, M, NULL, 0, "between these"),
	NUMBER("mag.advertisement.solicited-rate", mag.ra_solicited_per_s, 1, 1000, NULL, 0,
	       "Router Solicitations of a node that are answered per second, three at once"),
	NUMBER("mag.advertisement.hop-limit", mag.ra_hop_limit, 1, 255, "unspecified", 0,
	       "AdvCurHopLimit (RFC 4861 6.2.1)"),
	SPAN("mag.advertisement.reachable-time", mag.ra_reachable, MS, H, "unspecified", 0,
	     "AdvReachableTime (RFC 4861 6.2.1)"),
	SPAN("mag.advertisement.retransmit-timer", mag.ra_retrans, MS, H, "unspecified", 0,
	     "AdvRetransTimer (RFC 4861 6.2.1)"),
	NUMBER("mag.advertisement.mtu", mag.ra_mtu, 1280, 65535, "auto", 0,
	       "AdvLinkMTU (RFC 4861 6.2.1) at most; auto: what tunnel and link allow"),
	NUMBER("mag.attachment.probes", mag.link_probes, 0, 20, NULL, 0,
	       "a link that came up is asked this often who is there, the interval doubling; 0: never"),
	SPAN("mag.attachment.probe-response", mag.link_probe_response, MS, 10 * S, NULL, 0,
	     "Maximum Response Delay of that question"),
	SPAN("mag.attachment.probe-interval", mag.link_probe_interval, MS, M, NULL, 0,
	     "between the first two; on a shared link those less than 100 ms apart are left out"),
	SPAN("mag.detachment.probe-interval", mag.nud_interval, S, 24 * H, "off", 0,
	     "a node not heard for this long is probed"),
	SPAN("mag.detachment.probe-retransmit", mag.nud_retrans, 10 * MS, M, NULL, 0,
	     "between two probes (RFC 4861 RETRANS_TIMER)"),
	NUMBER("mag.detachment.probes", mag.nud_probes, 1, 20, NULL, 0,
	       "probes without answer after which the node has left"),
	SPAN("mag.detachment.unknown-hold", mag.unknown_hold, S, 24 * H, NULL, 0,
	     "how long a refused link-layer address is remembered"),
	SPAN("mag.detachment.record-hold", mag.record_hold, 0, M, NULL, 0,
	     "how long the record of a node is kept after a revocation"),
	SPAN("mag.detachment.deregister-after", mag.deregister_after, 0, 10 * S, "at-once", 0,
	     "how long after its link went down the LMA is told of it: a node that comes back, or registers elsewhere, "
	     "within that time needs no de-registration"),
	NUMBER("mag.detachment.revocation-probes", mag.revoke_probes, 1, 20, NULL, 0,
	       "probes of a node that the LMA says has moved away"),
	SPAN("mag.detachment.revocation-interval", mag.revoke_probe_interval, 10 * MS, M, NULL, 0, "between them"),
	{ .path = "mag.candidates",
	  .kind = &conf_kind_candidates,
	  .offset = offsetof(struct conf, mag),
	  .flags = CONF_ITEM_LIST,
	  .items = &conf_candidate_table,
	  .help = "gateways that nodes may be handed over to, and come from (RFC 5949)" },
	SWITCH("mag.handover.enabled", mag.handover.enabled, 0,
	       "predictive handover with the candidates; no: each node is served from its first packet on, and not before"),
	SPAN("mag.handover.retransmit", mag.handover.retransmit, 10 * MS, M, NULL, 0,
	     "before the first repetition of HI (RFC 5949 4.2), then doubled"),
	NUMBER("mag.handover.retries", mag.handover.retries, 0, 10, NULL, 0, "HI_RETRIES (RFC 5568 9)"),
	SPAN("mag.handover.hold", mag.handover.hold, 100 * MS, M, NULL, 0,
	     "how long a node is expected, and may stay where it was, once both gateways are prepared"),
	SPAN("mag.handover.after-leave", mag.handover.after_leave, 100 * MS, M, NULL, 0,
	     "how long a node that has left its link is forwarded to, if nothing is heard of it"),
	SPAN("mag.handover.seam-wait", mag.handover.seam_wait, 10 * MS, 10 * S, NULL, 0,
	     "the forwarded path may be silent for so long before the streams are taken to come by their own"),
	NUMBER("mag.handover.buffer-packets", mag.handover.buffer_packets, 1, 1 << 20, "default", 0,
	       "packets held for one node at most; the oldest is dropped. default: 8192"),
	NUMBER("mag.handover.buffer-octets", mag.handover.buffer_octets, 1500, 0xffffffff, "default", 0,
	       "octets held for one node at most; default: 16 MiB"),
	SPAN("mag.handover.buffer-age", mag.handover.buffer_age, 10 * MS, M, "default", 0,
	     "a packet is held for so long at most; default: 500 ms"),
	NUMBER("mag.handover.groups", mag.handover.groups_max, 1, 1024, NULL, 0,
	       "groups of a node that are taken over at most; others are refused to the gateway that hands it over"),
	NUMBER("mag.handover.per-second", mag.handover.per_s, 1, 1000000, NULL, 0,
	       "handovers that candidates may begin per second"),
	NUMBER("mag.limits.handovers", mag.handover.handovers_max, 1, 4000, NULL, 0, "handovers under way at most"),
	NUMBER("mag.limits.nodes", mag.nodes_max, 1, 1 << 20, NULL, CONF_RESTART, "nodes at most"),
	NUMBER("mag.limits.nodes-per-link", mag.nodes_per_link_max, 1, 1 << 20, NULL, 0,
	       "nodes on a shared link at most"),
	NUMBER("mag.limits.unknown", mag.unknown_max, 1, 1 << 20, NULL, CONF_RESTART,
	       "refused link-layer addresses remembered at most"),
	NUMBER("mag.limits.lmas", mag.lmas_max, 1, 4096, NULL, CONF_RESTART, "LMAs at most"),
	NUMBER("mag.limits.links", mag.links_max, 1, 65535, NULL, CONF_RESTART, "access links at most"),
	NUMBER("mag.limits.groups", mag.groups_max, 1, 1 << 20, NULL, CONF_RESTART, "groups at most, per LMA"),
	NUMBER("mag.limits.groups-per-node", mag.groups_per_node_max, 1, 4096, NULL, 0,
	       "groups of a node whose profile does not say"),
	NUMBER("mag.limits.sources-per-group", mag.sources_per_group_max, 1, 4096, NULL, 0,
	       "sources of a group, likewise"),
	NUMBER("mag.limits.entries", mag.entries_max, 1, 1 << 24, NULL, CONF_RESTART,
	       "pairs of node and group at most"),
	NUMBER("mag.limits.joins-per-second", mag.joins_per_s, 1, 100000, NULL, 0, "joins of one node per second"),
	NUMBER("mag.limits.joins-burst", mag.joins_burst, 1, 100000, NULL, 0, "joins of one node at once"),
	SWITCH("mag.multicast.enabled", mag.multicast, 0, "multicast service at this MAG"),
	WORD("mag.multicast.signalling", mag.signalling, mag_signalling_words, 0,
	     "how groups are asked for: in the registration, and by MLD of an LMA that knows no such (auto); never by "
	     "MLD; mld always"),
	WORD("mag.multicast.context", mag.context, context_words, 0,
	     "what a node listens to, when it moves: off: it is asked (RFC 6224); query: the LMA is asked, and told when "
	     "a node leaves (RFC 7161); kept: the LMA is told of each change as it happens"),
	SPAN("mag.multicast.subscription-query.delay", mag.query_delay, 10 * MS, 10 * S, NULL, 0,
	     "before a Subscription Query to the LMA is repeated (RFC 7161 leaves it open), then doubled"),
	SPAN("mag.multicast.subscription-query.delay-max", mag.query_delay_max, 10 * MS, 10 * S, NULL, 0,
	     "up to this"),
	NUMBER("mag.multicast.subscription-query.tries", mag.query_tries, 1, 10, NULL, 0, "it is sent this often at most"),
	SWITCH("mag.multicast.implicit-join", mag.implicit_join, 0,
	       "let the LMA send the streams of a node that comes before they are asked for"),
	SWITCH("mag.multicast.node-mld", mag.node_mld, 0,
	       "listen to MLD of the nodes; no: only the role of a listener in their place is offered to the LMA"),
	SCOPES("mag.multicast.scopes", mag.scopes, "scopes of groups that are asked for at the LMA"),
	SPAN("mag.multicast.attach-query.response", mag.attach_query_response, MS, M, NULL, 0,
	     "Maximum Response Delay of the query at attachment"),
	NUMBER("mag.multicast.attach-query.count", mag.attach_queries, 0, 10, NULL, 0, "queries at attachment"),
	SPAN("mag.multicast.attach-query.interval", mag.attach_query_interval, 10 * MS, M, NULL, 0, "between them"),
	MLD_ROUTER("mag.multicast.access-mld", mag.access_mld),
	MLD_HOST("mag.multicast.tunnel-mld", mag.tunnel_mld),

	TEXT("proxy.upstream", proxy_upstream, NULL, CONF_MANDATORY | CONF_RESTART,
	     "interface towards the multicast router: here the proxy is a listener"),
	{ .path = "proxy.downstream",
	  .kind = &conf_kind_downstream,
	  .flags = CONF_MANDATORY,
	  .help = "links of the listeners, by name or pattern: here the proxy is the multicast router" },
	SWITCH("proxy.forward-always", proxy.forward_always, 0,
	       "forward also to links on which another router is the querier (RFC 4605 3): where no other proxy serves "
	       "them"),
	NUMBER("proxy.limits.links", proxy.links_max, 1, 65535, NULL, CONF_RESTART, "downstream links at most"),
	NUMBER("proxy.limits.groups", proxy.groups_max, 1, 1 << 20, NULL, CONF_RESTART, "groups at most"),
	NUMBER("proxy.limits.entries", proxy.entries_max, 1, 1 << 24, NULL, CONF_RESTART,
	       "pairs of link and group at most"),
	NUMBER("proxy.limits.sources", proxy.sources_max, 1, 1 << 24, NULL, 0,
	       "pairs of group and source that is named, at most"),
	NUMBER("proxy.limits.hosts-per-group", proxy.hosts_per_group_max, 1, 65535, NULL, 0,
	       "hosts tracked for a group on a link at most"),
	NUMBER("proxy.limits.sources-per-group", proxy.sources_per_group_max, 1, 65535, NULL, 0,
	       "sources of a group on a link at most"),
	NUMBER("proxy.limits.memory", proxy.memory_max, 1 << 20, 0xffffffff, NULL, CONF_RESTART,
	       "octets of memory at most for what is heard downstream"),
	MLD_ROUTER("proxy.mld", proxy.downstream_mld),
	MLD_STARTUP("proxy.mld", proxy.downstream_mld),
	MLD_HOST("proxy.upstream-mld", proxy.upstream_mld),
};
const struct conf_table conf_table = { keys, sizeof(keys) / sizeof(keys[0]) };

static const struct conf_key mag_keys[] = {
	{ .path = "name",
	  .kind = &conf_kind_string,
	  FIELD(struct lma_mag_conf, name),
	  .flags = CONF_MANDATORY,
	  .help = "its name in views and logs" },
	{ .path = "address",
	  .kind = &conf_kind_prefix,
	  FIELD(struct lma_mag_conf, proxy_coa),
	  .flags = CONF_MANDATORY,
	  .help = "its Proxy-CoA, or a prefix that holds those of several alike" },
	{ .path = "groups",
	  .kind = &conf_kind_number,
	  FIELD(struct lma_mag_conf, groups_max),
	  .min = 1,
	  .max = 1 << 20,
	  .zero = "default",
	  .help = "groups at most; default: lma.limits.groups-per-mag" },
	{ .path = "allow",
	  .kind = &conf_kind_allow,
	  .help = "ranges of groups that it may ask for by MLD; none given: all" },
	{ .path = "deny", .kind = &conf_kind_deny, .help = "ranges that it may not ask for; they win" },
};
const struct conf_table conf_mag_table = { mag_keys, sizeof(mag_keys) / sizeof(mag_keys[0]) };

static const struct conf_key access_keys[] = {
	{ .path = "match",
	  .kind = &conf_kind_string,
	  FIELD(struct conf_access, pattern),
	  .flags = CONF_MANDATORY,
	  .help = "name of the interface, or a pattern such as \"acc*\"" },
	{ .path = "kind",
	  .kind = &conf_kind_word,
	  FIELD(struct conf_access, kind),
	  .words = kind_words,
	  .help = "one node on the link, or several" },
	{ .path = "fixed-mac",
	  .kind = &conf_kind_bool,
	  FIELD(struct conf_access, fixed_mac),
	  .help = "FixedMAGLinkLayerAddressOnAllAccessLinks (RFC 5213 9.3): give the link the MAC address "
		  "00-00-5e-00-52-13 of RFC 6543, the same at every MAG; no: it keeps its own" },
};
const struct conf_table conf_access_table = { access_keys, sizeof(access_keys) / sizeof(access_keys[0]) };

static const struct conf_key candidate_keys[] = {
	{ .path = "name",
	  .kind = &conf_kind_string,
	  FIELD(struct mag_candidate, name),
	  .flags = CONF_MANDATORY,
	  .help = "its name, for `roamcast handover`" },
	{ .path = "address",
	  .kind = &conf_kind_address,
	  FIELD(struct mag_candidate, address),
	  .flags = CONF_MANDATORY,
	  .help = "its Proxy-CoA" },
	{ .path = "access-points",
	  .kind = &conf_kind_access_points,
	  .help = "identifiers of its access points, by which it may be named too" },
	{ .path = "context",
	  .kind = &conf_kind_bool,
	  FIELD(struct mag_candidate, context),
	  .help = "it knows options 60 and 61 (RFC 7411), until it has said so itself, or not" },
};
const struct conf_table conf_candidate_table = { candidate_keys, sizeof(candidate_keys) / sizeof(candidate_keys[0]) };
