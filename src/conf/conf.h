/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The configuration file (YAML, roamcast.yaml(5)) as one immutable struct. A reload builds a new one; the daemon
 * applies the difference. */
#include "dp/dp.h"
#include "lma/lma.h"
#include "mag/mag.h"
#include "mldproxy/mldproxy.h"

#include <stdio.h>

#define CONF_PATTERNS_MAX 32
#define CONF_NAME_MAX	  64
#define CONF_CPU_LATENCY_NONE UINT32_MAX

/* Access links by name pattern (fnmatch), first match wins. */
struct conf_access {
	char pattern[CONF_NAME_MAX];
	enum mag_link_kind kind;
	bool fixed_mac; /* give the link the MAC address and link-local address of RFC 6543; default true */
};

enum conf_log_level {
	CONF_LOG_ERROR,
	CONF_LOG_WARNING,
	CONF_LOG_NOTICE,
	CONF_LOG_INFO,
	CONF_LOG_DEBUG
};
enum conf_security {
	CONF_SECURITY_NONE,	/* only with lab: yes */
	CONF_SECURITY_EXTERNAL, /* the operator has IPsec policies for the Mobility Header between the peers (RFC 5213
				   4) */
};

/* What the daemon is; AUTO: as the sections of the file say. */
enum conf_role {
	CONF_ROLE_AUTO,
	CONF_ROLE_LMA,
	CONF_ROLE_MAG,
	CONF_ROLE_BOTH,
	CONF_ROLE_PROXY
};

struct conf {
	char path[4096];
	char name[32];
	bool lab; /* decision 6 */
	enum conf_security security;
	uint32_t pen;
	char control_socket[108];
	char control_group[32];	 /* may read and write the socket besides root; "" = root alone */
	char policy_store[4096]; /* SQLite file */
	enum conf_log_level log_level;
	bool log_json;
	uint32_t events_kept; /* for `show events` */
	char user[32];	      /* "" = stay */
	uint32_t cpu_latency_us; /* of waking an idle processor, to be asked of the kernel; or CONF_CPU_LATENCY_NONE */

	enum conf_role role;
	bool has_lma, has_mag, has_proxy;
	struct lma_conf lma; /* mags, ranges owned by this struct */
	struct mag_conf mag;
	char upstream[CONF_NAME_MAX]; /* LMA: interface name */
	uint8_t n_transport;
	char transport[CONF_PATTERNS_MAX][CONF_NAME_MAX]; /* patterns of the links that tunnels run over */
	uint8_t n_access;
	struct conf_access access[CONF_PATTERNS_MAX];
	struct mldproxy_conf proxy;
	char proxy_upstream[CONF_NAME_MAX]; /* interface name */
	uint8_t n_downstream;
	char downstream[CONF_PATTERNS_MAX][CONF_NAME_MAX]; /* patterns; the upstream is never one, whatever they say */
	struct dp_conf dp;
	span_t stream_idle; /* 0 = off */
	bool stream_idle_terminates;
};

struct conf_errors; /* all errors of one file, each with line, column, what and what to do */

/* Reads and checks the file whole. Out of memory ends the program: this is done at start, or by a daemon that would not
 * live long. NULL: *errors holds why (free with conf_errors_free). */
struct conf *conf_load(const char *path, struct conf_errors **errors);
struct conf *conf_free(struct conf *c);
void conf_errors_print(const struct conf_errors *e, FILE *to); /* file:line:column: key: what is wrong; what to do */
size_t conf_errors_count(const struct conf_errors *e);
/* file:line:column: text of the i-th, for the control socket. */
const char *conf_errors_text(const struct conf_errors *e, size_t i);
void conf_errors_free(struct conf_errors *e);
/* Can a running daemon take `to` instead of `from`? False: *what names the key that needs a restart. */
bool conf_reloadable(const struct conf *from, const struct conf *to, const char **what);

/* Every setting with its value in force and its default: for `show settings` and --dump-defaults. */
void conf_each_setting(const struct conf *c,
		       void (*each)(void *arg, const char *key, const char *value, const char *deflt, const char *help),
		       void *arg);

/* The table of keys itself, items of lists included ("lma.mags[].name"): for the manual and --dump-defaults. */
struct conf_key_view {
	const char *key, *type, *values, *deflt, *help;
	bool mandatory; /* where its role is configured */
	bool restart;	/* a change needs a restart */
};
void conf_each_key(void (*each)(void *arg, const struct conf_key_view *v), void *arg);
void conf_dump_defaults(FILE *to);
/* The keys as the body of roamcast.yaml(5), in mdoc. */
void conf_manual(FILE *to);
