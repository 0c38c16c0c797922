/* SPDX-License-Identifier: BSD-2-Clause */
/* The columns of each view. A unit test holds that every member of every row has a column: what --json tells, the table
 * tells. */
#include "show/show_priv.h"

#define COLUMNS(c) .columns = c, .n_columns = sizeof(c) / sizeof((c)[0])

static const struct show_column nodes[] = {
	{ "MN", "mn", SHOW_TEXT, 0 },
	{ "STATE", "state", SHOW_TEXT, 0 },
	{ "LINK", "link", SHOW_TEXT, 0 },
	{ "LLADDR", "lladdr", SHOW_TEXT, 1 },
	{ "PREFIXES", "prefixes", SHOW_TEXT, 0 },
	{ "LMA", "lma", SHOW_TEXT, 3 },
	{ "LEFT", "left_s", SHOW_SECONDS, 0 },
	{ "OF", "lifetime_s", SHOW_SECONDS, 7 },
	{ "STATUS", "status", SHOW_TEXT, 5 },
	{ "UNANSWERED", "transmissions", SHOW_NUMBER, 4 },
	{ "MULTICAST", "multicast", SHOW_TEXT, 2 },
	{ "ROLE", "role", SHOW_TEXT, 6 },
	{ "CONTEXT", "context", SHOW_TEXT, 6 },
	{ "CONTEXT GROUPS", "context_groups", SHOW_NUMBER, 7 },
	{ "SEEN BY", "trigger", SHOW_TEXT, 6 },
	{ "IDLE", "idle_s", SHOW_SECONDS, 3 },
	{ "LINK-LOCAL", "link_local", SHOW_TEXT, 8 },
	{ "UP PACKETS", "traffic.up.packets", SHOW_NUMBER, 4 },
	{ "UP BYTES", "traffic.up.bytes", SHOW_NUMBER, 8 },
	{ "DOWN PACKETS", "traffic.down.packets", SHOW_NUMBER, 4 },
	{ "DOWN BYTES", "traffic.down.bytes", SHOW_NUMBER, 8 },
};

static const struct show_column handovers[] = {
	{ "MN", "mn", SHOW_TEXT, 0 },
	{ "INCOMING", "incoming", SHOW_TEXT, 0 },
	{ "MAG", "mag", SHOW_TEXT, 0 },
	{ "ADDRESS", "mag_address", SHOW_TEXT, 3 },
	{ "STATE", "state", SHOW_TEXT, 0 },
	{ "REACTIVE", "reactive", SHOW_TEXT, 4 },
	{ "GROUPS", "groups", SHOW_NUMBER, 0 },
	{ "REFUSED", "refused", SHOW_NUMBER, 1 },
	{ "FORWARDING", "forwarding", SHOW_TEXT, 2 },
	{ "MARKED", "marked", SHOW_TEXT, 2 },
	{ "LEFT", "left", SHOW_TEXT, 2 },
	{ "KEY", "key", SHOW_NUMBER, 6 },
	{ "AGE", "age_s", SHOW_SECONDS, 0 },
	{ "HELD", "held.packets", SHOW_NUMBER, 1 },
	{ "HELD BYTES", "held.bytes", SHOW_NUMBER, 5 },
};

static const struct show_column links[] = {
	{ "LINK", "link", SHOW_TEXT, 0 },
	{ "KIND", "kind", SHOW_TEXT, 0 },
	{ "NODES", "nodes", SHOW_NUMBER, 0 },
	{ "MTU", "mtu", SHOW_NUMBER, 5 },
	{ "ADDRESS", "address", SHOW_TEXT, 3 },
	{ "QUERIER", "querier", SHOW_TEXT, 2 },
	{ "FORWARDING", "forwarding", SHOW_TEXT, 0 },
	{ "GROUPS", "groups", SHOW_NUMBER, 0 },
	{ "REPORTS", "reports", SHOW_NUMBER, 5 },
	{ "RECORDS", "records", SHOW_NUMBER, 6 },
	{ "QUERIES", "queries", SHOW_NUMBER, 6 },
	{ "QUERIER ADDRESS", "querier_address", SHOW_TEXT, 4 },
	{ "QUERIER MLD", "querier_mld", SHOW_TEXT, 6 },
	{ "NO ROOM", "waiting", SHOW_TEXT, 1 },
	{ "UP PACKETS", "to_upstream.packets", SHOW_NUMBER, 4 },
	{ "UP BYTES", "to_upstream.bytes", SHOW_NUMBER, 7 },
	{ "REFUSED", "refused", SHOW_REST, 0 },
};

static const struct show_column bindings[] = {
	{ "MN", "mn", SHOW_TEXT, 0 },
	{ "STATE", "state", SHOW_TEXT, 0 },
	{ "MAG", "mag", SHOW_TEXT, 0 },
	{ "ADDRESS", "mag_address", SHOW_TEXT, 2 },
	{ "PREFIXES", "prefixes", SHOW_TEXT, 0 },
	{ "LEFT", "left_s", SHOW_SECONDS, 0 },
	{ "OF", "lifetime_s", SHOW_SECONDS, 6 },
	{ "SEQUENCE", "sequence", SHOW_NUMBER, 7 },
	{ "LLADDR", "lladdr", SHOW_TEXT, 3 },
	{ "TECHNOLOGY", "technology", SHOW_TEXT, 5 },
	{ "HANDOFF", "handoff", SHOW_TEXT, 4 },
	{ "GROUPS", "groups", SHOW_NUMBER, 1 },
	{ "CONTEXT", "context", SHOW_TEXT, 5 },
	{ "CONTEXT GROUPS", "context_groups", SHOW_NUMBER, 6 },
};

static const struct show_column subscriptions[] = {
	{ "MN", "mn", SHOW_TEXT, 0 },
	{ "GROUP", "group", SHOW_TEXT, 0 },
	{ "SOURCES", "filter", SHOW_FILTER, 1 },
	{ "STATE", "state", SHOW_TEXT, 0 },
	{ "ORIGINS", "origins", SHOW_TEXT, 0 },
	{ "MANDATORY", "mandatory", SHOW_TEXT, 5 },
	{ "VERDICT", "verdict", SHOW_TEXT, 2 },
	{ "SIGNALLING", "signalling", SHOW_TEXT, 4 },
	{ "RESULT", "result", SHOW_TEXT, 2 },
	{ "MLD", "mld", SHOW_TEXT, 6 },
	{ "LMA", "lma", SHOW_TEXT, 5 },
	{ "END", "end", SHOW_TEXT, 3 },
	{ "PACKETS", "delivered.packets", SHOW_NUMBER, 2 },
	{ "BYTES", "delivered.bytes", SHOW_NUMBER, 7 },
};

static const struct show_column mag_subscriptions[] = {
	{ "MAG", "mag", SHOW_TEXT, 0 },	     { "ADDRESS", "mag_address", SHOW_TEXT, 1 },
	{ "GROUP", "group", SHOW_TEXT, 0 },     { "SOURCES", "filter", SHOW_FILTER, 0 },
	{ "ORIGINS", "origins", SHOW_TEXT, 0 }, { "BINDINGS", "bindings", SHOW_NUMBER, 0 },
};

static const struct show_column link_subscriptions[] = {
	{ "LINK", "link", SHOW_TEXT, 0 },	    { "GROUP", "group", SHOW_TEXT, 0 },
	{ "SOURCES", "filter", SHOW_FILTER, 0 }, { "STATE", "state", SHOW_TEXT, 0 },
	{ "HOSTS", "hosts", SHOW_NUMBER, 1 },    { "MLD", "mld", SHOW_TEXT, 2 },
	{ "PACKETS", "delivered.packets", SHOW_NUMBER, 0 }, { "BYTES", "delivered.bytes", SHOW_NUMBER, 3 },
};

static const struct show_column limits[] = {
	{ "LIMIT", "limit", SHOW_TEXT, 0 },	    { "USED", "used", SHOW_NUMBER, 0 },	     { "MAX", "max", SHOW_NUMBER, 0 },
	{ "REFUSED", "refused", SHOW_NUMBER, 0 }, { "LAST ON", "link", SHOW_TEXT, 0 },	     { "OF", "host", SHOW_TEXT, 1 },
	{ "GROUP", "group", SHOW_TEXT, 2 },	    { "BEYOND IT", "beyond", SHOW_REST, 0 },
};

static const struct show_column groups[] = {
	{ "GROUP", "group", SHOW_TEXT, 0 },       { "SOURCES", "filter", SHOW_FILTER, 0 },  { "AT", "at", SHOW_TEXT, 0 },
	{ "MEMBERS", "members", SHOW_NUMBER, 0 }, { "UPSTREAM", "upstream", SHOW_TEXT, 0 }, { "LMA", "lma", SHOW_TEXT, 1 },
};

static const struct show_column flows[] = {
	{ "GROUP", "group", SHOW_TEXT, 0 },
	{ "SOURCE", "source", SHOW_TEXT, 0 },
	{ "FROM", "from", SHOW_TEXT, 0 },
	{ "LMA", "lma", SHOW_TEXT, 1 },
	{ "OUTPUTS", "outputs", SHOW_NUMBER, 0 },
	{ "PACKETS", "received.packets", SHOW_NUMBER, 0 },
	{ "BYTES", "received.bytes", SHOW_NUMBER, 2 },
};

static const struct show_column tunnels[] = {
	{ "AT", "at", SHOW_TEXT, 0 },
	{ "PEER", "peer", SHOW_TEXT, 0 },
	{ "LOCAL", "local", SHOW_TEXT, 4 },
	{ "REMOTE", "remote", SHOW_TEXT, 0 },
	{ "STATE", "state", SHOW_TEXT, 0 },
	{ "SIGNALLING", "signalling", SHOW_TEXT, 2 },
	{ "NODES", "nodes", SHOW_NUMBER, 0 },
	{ "GROUPS", "groups", SHOW_NUMBER, 0 },
	{ "MTU", "mtu", SHOW_NUMBER, 6 },
	{ "HEARTBEAT", "heartbeat", SHOW_TEXT, 1 },
	{ "ANSWERED", "heartbeat_s", SHOW_SECONDS, 3 },
	{ "RESTART COUNTER", "restart_counter", SHOW_NUMBER, 5 },
	{ "IN PACKETS", "traffic.in.packets", SHOW_NUMBER, 3 },
	{ "IN BYTES", "traffic.in.bytes", SHOW_NUMBER, 8 },
	{ "OUT PACKETS", "traffic.out.packets", SHOW_NUMBER, 3 },
	{ "OUT BYTES", "traffic.out.bytes", SHOW_NUMBER, 8 },
	{ "CAPABILITIES", "capabilities", SHOW_TEXT, 7 },
};

static const struct show_column counters[] = {
	{ "PART", "part", SHOW_TEXT, 0 },
	{ "COUNTER", "counter", SHOW_TEXT, 0 },
	{ "VALUE", "value", SHOW_NUMBER, 0 },
};

static const struct show_column settings[] = {
	{ "KEY", "key", SHOW_TEXT, 0 },	     { "VALUE", "value", SHOW_LONG, 0 }, { "DEFAULT", "default", SHOW_LONG, 1 },
	{ "CHANGED", "changed", SHOW_TEXT, 0 }, { "MEANING", "help", SHOW_REST, 0 },
};

static const struct show_column profiles[] = {
	{ "MN", "mn", SHOW_TEXT, 0 },
	{ "ENABLED", "enabled", SHOW_TEXT, 1 },
	{ "LLADDRS", "link-layer-addresses", SHOW_LONG, 1 },
	{ "LMA", "lma", SHOW_TEXT, 2 },
	{ "PREFIXES", "prefixes", SHOW_TEXT, 2 },
	{ "MAGS", "mags", SHOW_TEXT, 4 },
	{ "MULTICAST", "multicast.enabled", SHOW_TEXT, 1 },
	{ "INITIATION", "multicast.initiation", SHOW_TEXT, 3 },
	{ "DELIVERY", "multicast.delivery", SHOW_TEXT, 6 },
	{ "MAX GROUPS", "multicast.max-groups", SHOW_NUMBER, 7 },
	{ "MAX SOURCES", "multicast.max-sources", SHOW_NUMBER, 7 },
	{ "ALLOW", "multicast.allow", SHOW_LONG, 5 },
	{ "DENY", "multicast.deny", SHOW_LONG, 5 },
	{ "SUBSCRIPTIONS", "multicast.subscriptions", SHOW_TEXT, 3 },
};

const struct show_table show_tables[] = {
	{ .view = "status", .list = NULL },
	{ .view = "status", .list = "links", .title = "links", COLUMNS(links) },
	{ .view = "status", .list = "limits", .title = "limits", COLUMNS(limits) },
	{ .view = "nodes",
	  .list = "nodes",
	  .empty = "no node is attached here (bindings at an LMA: `show bindings`)",
	  COLUMNS(nodes) },
	{ .view = "handovers", .list = "handovers", .empty = "no handover is under way", COLUMNS(handovers) },
	{ .view = "bindings",
	  .list = "bindings",
	  .empty = "no node is registered here (nodes at a MAG: `show nodes`)",
	  COLUMNS(bindings) },
	{ .view = "subscriptions",
	  .list = "subscriptions",
	  .title = "of nodes",
	  .empty = "no node has asked for a group",
	  COLUMNS(subscriptions) },
	{ .view = "subscriptions",
	  .list = "mag_subscriptions",
	  .title = "of MAGs",
	  .empty = "no MAG has asked for a group",
	  COLUMNS(mag_subscriptions) },
	{ .view = "subscriptions",
	  .list = "link_subscriptions",
	  .title = "of links",
	  .empty = "no host has asked for a group",
	  COLUMNS(link_subscriptions) },
	{ .view = "links", .list = "links", .empty = "no link is in use (an LMA has none of nodes)", COLUMNS(links) },
	{ .view = "groups", .list = "groups", .empty = "no group is asked for", COLUMNS(groups) },
	{ .view = "groups", .list = "flows", .title = "replication lists", COLUMNS(flows) },
	{ .view = "tunnels", .list = "tunnels", .empty = "no peer is known yet", COLUMNS(tunnels) },
	{ .view = "counters", .list = "counters", .empty = "none", .count = "value", COLUMNS(counters) },
	{ .view = "settings", .list = "settings", .empty = "none", COLUMNS(settings) },
	{ .view = "policy", .list = "profiles", .empty = "no profile", COLUMNS(profiles) },
};
const size_t show_n_tables = sizeof(show_tables) / sizeof(show_tables[0]);
