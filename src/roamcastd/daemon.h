/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The daemon: engines and what surrounds them in one process and one event loop. Each input goes to an engine, then daemon_pump() carries out
 * what the engines want. */
#include "base/limiter.h"
#include "conf/conf.h"
#include "dp/dp.h"
#include "io/ctl_server.h"
#include "io/dress.h"
#include "io/link_socket.h"
#include "io/mh_socket.h"
#include "io/netlink.h"
#include "lma/lma.h"
#include "mag/mag.h"
#include "mldproxy/mldproxy.h"
#include "show/show.h"
#include "store/store.h"

struct event;
struct event_base;
struct idle;

/* Counters of the shell; daemon_counter_name() has their names. */
enum daemon_counter {
	DAEMON_MH_RECEIVED,
	DAEMON_MH_SENT,
	DAEMON_MH_SEND_FAILED,
	DAEMON_MH_PROBLEM_SENT, /* ICMPv6 Parameter Problem */
	DAEMON_MH_PROBLEM_LIMITED,
	DAEMON_MH_PROBLEM_FAILED,
	DAEMON_LINK_RECEIVED,
	DAEMON_LINK_SENT,
	DAEMON_LINK_SEND_FAILED,
	DAEMON_TUNNEL_RECEIVED,
	DAEMON_TUNNEL_SENT,
	DAEMON_TUNNEL_SEND_FAILED,
	DAEMON_DP_FAILED,
	DAEMON_PROFILE_LOOKUPS,
	DAEMON_CONTROL_REQUESTS,
	DAEMON_COUNTER_N
};

/* What is asked of the kernel for idle processors. */
struct cpu_latency {
	int fd;		    /* -1: nothing */
	char requested[16]; /* "20us"; "" = nothing */
	char error[256];    /* why that is not what the configuration says, or has no effect; "" = it is in force */
};

struct daemon {
	struct event_base *base;
	struct conf *conf;
	struct lma *lma; /* NULL where the role is not configured */
	struct mag *mag;
	struct mldproxy *proxy;
	struct dp *dp;
	struct store *store;
	struct netlink *netlink;
	struct dress *dress; /* of access links */
	struct link_socket *link_socket;
	struct mh_socket *lma_socket, *mag_socket;
	struct limiter problems; /* Parameter Problems: a stranger can provoke them */
	struct ctl_server *ctl;
	struct event_log *events;
	struct idle *idle;
	struct cpu_latency cpu_latency;
	mono_t armed; /* what the timer waits for, or never */
	struct event *timer, *mtu_timer, *watchdog, *stop_timer;
	struct event *on_term, *on_int, *on_hup, *clock_step;
	struct now started;
	bool pumping, stopping;
	uint32_t upstream_ifindex; /* LMA and plain proxy: as told to the engine; 0 while it is not usable */
	uint32_t instance;	   /* plain proxy: its last upstream, which names its streams in the data plane */
	char *reload_error;
	uint64_t counters[DAEMON_COUNTER_N];
};

/* Starts everything that the configuration (taken over) asks for. 0, or a negative errno that has been logged with its remedy. */
int daemon_start(struct daemon *d, struct conf *conf);
/* Until stopped by a signal. */
int daemon_run(struct daemon *d);
void daemon_end(struct daemon *d);

/* Carry out all queued effects and set the timer. */
void daemon_pump(struct daemon *d);

/* Tells the data plane of the LMA's pools; `old` NULL at the start. */
void daemon_homes(struct daemon *d, const struct conf *old, const struct conf *next);

/* effects.c */
void daemon_lma_effect(struct daemon *d, const struct fx *fx);
void daemon_mag_effect(struct daemon *d, const struct fx *fx);
void daemon_proxy_effect(struct daemon *d, const struct fx *fx);
void daemon_tunnel_mtus(struct daemon *d); /* the MAG is told those that have changed */
void daemon_store_changed(void *arg, const struct nai *mn, const struct profile *p);
const char *daemon_counter_name(enum daemon_counter c);
void daemon_each_counter(void *arg, void (*each)(void *each_arg, const char *name, uint64_t value), void *each_arg);

/* links.c */
void daemon_link_changed(void *arg, const struct link_info *l, const struct link_info *told);
void daemon_link_gone(void *arg, const struct link_info *l);

/* control.c */
json_t *daemon_request(void *arg, struct ctl_client *client, const json_t *request);
struct show_ctx daemon_show_ctx(struct daemon *d);

/* reload.c: 0; or positive with *error a new error object for the control protocol. *changed tells whether the file differs. */
int daemon_reload(struct daemon *d, bool *changed, json_t **error);

/* idle.c: streams that have fallen silent (decision 21) */
int idle_start(struct daemon *d);
void idle_stop(struct daemon *d);

/* clock_step.c: tells the engines that the wall clock was set. 0 or negative errno. */
int clock_step_watch(struct daemon *d);
void clock_step_stop(struct daemon *d);

/* cpu_latency.c: requests this of the kernel, in place of what was requested; CONF_CPU_LATENCY_NONE requests nothing. What goes wrong is
 * logged and kept in `error`: the daemon does without. */
void cpu_latency_request(struct cpu_latency *l, uint32_t us);
void cpu_latency_release(struct cpu_latency *l);

/* privileges.c: keep what the daemon needs and drop the rest. 0 or negative errno. */
int privileges_drop(const char *user, bool ebpf);
