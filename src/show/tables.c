/* SPDX-License-Identifier: BSD-2-Clause */
/* The columns of each view. A unit test holds that every member of every row has a column: what --json tells, the table
 * tells. */
#include "show/show_priv.h"

#define COLUMNS(c) .columns = c, .n_columns = sizeof(c) / sizeof((c)[0])

static const struct show_column nodes[] = {
	{ "MN", "mn", SHOW_TEXT },
	{ "STATE", "state", SHOW_TEXT },
	{ "LINK", "link", SHOW_TEXT },
	{ "LLADDR", "lladdr", SHOW_TEXT },
	{ "PREFIXES", "prefixes", SHOW_TEXT },
	{ "LMA", "lma", SHOW_TEXT },
	{ "LEFT", "left_s", SHOW_SECONDS },
	{ "OF", "lifetime_s", SHOW_SECONDS },
	{ "STATUS", "status", SHOW_TEXT },
	{ "UNANSWERED", "transmissions", SHOW_NUMBER },
	{ "MULTICAST", "multicast", SHOW_TEXT },
	{ "SEEN BY", "trigger", SHOW_TEXT },
	{ "IDLE", "idle_s", SHOW_SECONDS },
	{ "LINK-LOCAL", "link_local", SHOW_TEXT },
	{ "UP PACKETS", "traffic.up.packets", SHOW_NUMBER },
	{ "UP BYTES", "traffic.up.bytes", SHOW_NUMBER },
	{ "DOWN PACKETS", "traffic.down.packets", SHOW_NUMBER },
	{ "DOWN BYTES", "traffic.down.bytes", SHOW_NUMBER },
};

static const struct show_column links[] = {
	{ "LINK", "link", SHOW_TEXT },
	{ "KIND", "kind", SHOW_TEXT },
	{ "NODES", "nodes", SHOW_NUMBER },
	{ "MTU", "mtu", SHOW_NUMBER },
	{ "ADDRESS", "address", SHOW_TEXT },
	{ "QUERIER", "querier", SHOW_TEXT },
	{ "FORWARDING", "forwarding", SHOW_TEXT },
	{ "GROUPS", "groups", SHOW_NUMBER },
	{ "REPORTS", "reports", SHOW_NUMBER },
	{ "RECORDS", "records", SHOW_NUMBER },
	{ "QUERIES", "queries", SHOW_NUMBER },
	{ "UP PACKETS", "to_upstream.packets", SHOW_NUMBER },
	{ "UP BYTES", "to_upstream.bytes", SHOW_NUMBER },
};

static const struct show_column bindings[] = {
	{ "MN", "mn", SHOW_TEXT },
	{ "STATE", "state", SHOW_TEXT },
	{ "MAG", "mag", SHOW_TEXT },
	{ "ADDRESS", "mag_address", SHOW_TEXT },
	{ "PREFIXES", "prefixes", SHOW_TEXT },
	{ "LEFT", "left_s", SHOW_SECONDS },
	{ "OF", "lifetime_s", SHOW_SECONDS },
	{ "SEQUENCE", "sequence", SHOW_NUMBER },
	{ "LLADDR", "lladdr", SHOW_TEXT },
	{ "TECHNOLOGY", "technology", SHOW_TEXT },
	{ "HANDOFF", "handoff", SHOW_TEXT },
	{ "GROUPS", "groups", SHOW_NUMBER },
};

static const struct show_column subscriptions[] = {
	{ "MN", "mn", SHOW_TEXT },
	{ "GROUP", "group", SHOW_TEXT },
	{ "SOURCES", "filter", SHOW_FILTER },
	{ "STATE", "state", SHOW_TEXT },
	{ "ORIGINS", "origins", SHOW_TEXT },
	{ "MANDATORY", "mandatory", SHOW_TEXT },
	{ "VERDICT", "verdict", SHOW_TEXT },
	{ "SIGNALLING", "signalling", SHOW_TEXT },
	{ "RESULT", "result", SHOW_TEXT },
	{ "MLD", "mld", SHOW_TEXT },
	{ "LMA", "lma", SHOW_TEXT },
	{ "END", "end", SHOW_TEXT },
	{ "PACKETS", "delivered.packets", SHOW_NUMBER },
	{ "BYTES", "delivered.bytes", SHOW_NUMBER },
};

static const struct show_column mag_subscriptions[] = {
	{ "MAG", "mag", SHOW_TEXT },	     { "ADDRESS", "mag_address", SHOW_TEXT },
	{ "GROUP", "group", SHOW_TEXT },     { "SOURCES", "filter", SHOW_FILTER },
	{ "ORIGINS", "origins", SHOW_TEXT }, { "BINDINGS", "bindings", SHOW_NUMBER },
};

static const struct show_column link_subscriptions[] = {
	{ "LINK", "link", SHOW_TEXT },	    { "GROUP", "group", SHOW_TEXT },
	{ "SOURCES", "filter", SHOW_FILTER }, { "STATE", "state", SHOW_TEXT },
	{ "HOSTS", "hosts", SHOW_NUMBER },    { "MLD", "mld", SHOW_TEXT },
	{ "PACKETS", "delivered.packets", SHOW_NUMBER }, { "BYTES", "delivered.bytes", SHOW_NUMBER },
};

static const struct show_column groups[] = {
	{ "GROUP", "group", SHOW_TEXT },       { "SOURCES", "filter", SHOW_FILTER },  { "AT", "at", SHOW_TEXT },
	{ "MEMBERS", "members", SHOW_NUMBER }, { "UPSTREAM", "upstream", SHOW_TEXT }, { "LMA", "lma", SHOW_TEXT },
};

static const struct show_column flows[] = {
	{ "GROUP", "group", SHOW_TEXT },
	{ "SOURCE", "source", SHOW_TEXT },
	{ "FROM", "from", SHOW_TEXT },
	{ "LMA", "lma", SHOW_TEXT },
	{ "OUTPUTS", "outputs", SHOW_NUMBER },
	{ "PACKETS", "received.packets", SHOW_NUMBER },
	{ "BYTES", "received.bytes", SHOW_NUMBER },
};

static const struct show_column tunnels[] = {
	{ "AT", "at", SHOW_TEXT },
	{ "PEER", "peer", SHOW_TEXT },
	{ "LOCAL", "local", SHOW_TEXT },
	{ "REMOTE", "remote", SHOW_TEXT },
	{ "STATE", "state", SHOW_TEXT },
	{ "SIGNALLING", "signalling", SHOW_TEXT },
	{ "NODES", "nodes", SHOW_NUMBER },
	{ "GROUPS", "groups", SHOW_NUMBER },
	{ "MTU", "mtu", SHOW_NUMBER },
	{ "HEARTBEAT", "heartbeat", SHOW_TEXT },
	{ "ANSWERED", "heartbeat_s", SHOW_SECONDS },
	{ "RESTARTS", "restart_counter", SHOW_NUMBER },
	{ "IN PACKETS", "traffic.in.packets", SHOW_NUMBER },
	{ "IN BYTES", "traffic.in.bytes", SHOW_NUMBER },
	{ "OUT PACKETS", "traffic.out.packets", SHOW_NUMBER },
	{ "OUT BYTES", "traffic.out.bytes", SHOW_NUMBER },
	{ "CAPABILITIES", "capabilities", SHOW_TEXT },
};

static const struct show_column counters[] = {
	{ "PART", "part", SHOW_TEXT },
	{ "COUNTER", "counter", SHOW_TEXT },
	{ "VALUE", "value", SHOW_NUMBER },
};

static const struct show_column settings[] = {
	{ "KEY", "key", SHOW_TEXT },	     { "VALUE", "value", SHOW_LONG }, { "DEFAULT", "default", SHOW_LONG },
	{ "CHANGED", "changed", SHOW_TEXT }, { "MEANING", "help", SHOW_TEXT },
};

static const struct show_column profiles[] = {
	{ "MN", "mn", SHOW_TEXT },
	{ "ENABLED", "enabled", SHOW_TEXT },
	{ "LLADDRS", "link-layer-addresses", SHOW_LONG },
	{ "LMA", "lma", SHOW_TEXT },
	{ "PREFIXES", "prefixes", SHOW_TEXT },
	{ "MAGS", "mags", SHOW_TEXT },
	{ "MULTICAST", "multicast.enabled", SHOW_TEXT },
	{ "INITIATION", "multicast.initiation", SHOW_TEXT },
	{ "DELIVERY", "multicast.delivery", SHOW_TEXT },
	{ "MAX GROUPS", "multicast.max-groups", SHOW_NUMBER },
	{ "MAX SOURCES", "multicast.max-sources", SHOW_NUMBER },
	{ "ALLOW", "multicast.allow", SHOW_LONG },
	{ "DENY", "multicast.deny", SHOW_LONG },
	{ "SUBSCRIPTIONS", "multicast.subscriptions", SHOW_TEXT },
};

const struct show_table show_tables[] = {
	{ .view = "status", .list = NULL },
	{ .view = "status", .list = "links", .title = "links", COLUMNS(links) },
	{ .view = "nodes",
	  .list = "nodes",
	  .empty = "no node is attached here (bindings at an LMA: `show bindings`)",
	  COLUMNS(nodes) },
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
	{ .view = "counters", .list = "counters", .empty = "none", COLUMNS(counters) },
	{ .view = "settings", .list = "settings", .empty = "none", COLUMNS(settings) },
	{ .view = "policy", .list = "profiles", .empty = "no profile", COLUMNS(profiles) },
};
const size_t show_n_tables = sizeof(show_tables) / sizeof(show_tables[0]);
