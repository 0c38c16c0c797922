/* SPDX-License-Identifier: BSD-2-Clause */
#include "roamcastd/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "io/clock.h"
#include "io/log.h"
#include "io/notify.h"

#define MTU_SECONDS 5
#define PROBLEMS_PER_S 10

static uint64_t seed(void)
{
	uint64_t s = 0;

	if (getrandom(&s, sizeof(s), 0) != sizeof(s))
		s = (uint64_t)clock_now().wall.ns;
	return s;
}

static void arm(struct daemon *d)
{
	mono_t next = MONO_NEVER;

	if (d->lma)
		next = mono_min(next, lma_next_deadline(d->lma));
	if (d->mag)
		next = mono_min(next, mag_next_deadline(d->mag));
	if (d->proxy)
		next = mono_min(next, mldproxy_next_deadline(d->proxy));
	if (next.ns == d->armed.ns) /* mostly: a system call less for each packet */
		return;
	d->armed = next;
	if (mono_is_never(next)) {
		event_del(d->timer);
		return;
	}
	int64_t ns = mono_sub(next, clock_now().mono).ns;
	if (ns < 0)
		ns = 0;
	/* round up: woken early, the engine would have nothing to do */
	int64_t us = (ns + 999) / 1000;
	struct timeval tv = {us / 1000000, us % 1000000};
	if (event_add(d->timer, &tv) < 0)
		d->armed = MONO_NEVER;
}

void daemon_pump(struct daemon *d)
{
	struct fx fx;
	bool any;

	/* an effect may call into an engine (a profile that is at hand): the outer call drains that too */
	if (d->pumping)
		return;
	d->pumping = true;
	do {
		any = false;
		while (d->lma && lma_pop(d->lma, &fx)) {
			daemon_lma_effect(d, &fx);
			any = true;
		}
		while (d->mag && mag_pop(d->mag, &fx)) {
			daemon_mag_effect(d, &fx);
			any = true;
		}
		while (d->proxy && mldproxy_pop(d->proxy, &fx)) {
			daemon_proxy_effect(d, &fx);
			any = true;
		}
	} while (any);
	d->pumping = false;
	if (d->timer)
		arm(d);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	struct now now = clock_now();

	(void)fd;
	(void)what;
	d->armed = MONO_NEVER;
	if (d->lma)
		lma_expire(d->lma, now);
	if (d->mag)
		mag_expire(d->mag, now);
	if (d->proxy)
		mldproxy_expire(d->proxy, now);
	daemon_pump(d);
}

/* RFC 6275 9.2. The engine counts such a message by its fault, and gives no answer of its own. */
static void answer_problem(struct daemon *d, struct mh_socket *s, const struct in6_addr *src, const struct in6_addr *dst,
			   const uint8_t *bytes, size_t len)
{
	size_t pointer;

	if (!mh_problem(bytes, len, src, dst, &pointer))
		return;
	if (!limiter_take(&d->problems, clock_now().mono))
		d->counters[DAEMON_MH_PROBLEM_LIMITED]++;
	else if (mh_socket_problem(s, src, pointer, bytes, len) < 0)
		d->counters[DAEMON_MH_PROBLEM_FAILED]++;
	else
		d->counters[DAEMON_MH_PROBLEM_SENT]++;
}

static void on_lma_message(void *arg, const struct in6_addr *src, const struct in6_addr *dst, const uint8_t *bytes, size_t len)
{
	struct daemon *d = arg;

	d->counters[DAEMON_MH_RECEIVED]++;
	lma_recv_mh(d->lma, clock_now(), src, dst, bytes, len);
	answer_problem(d, d->lma_socket, src, dst, bytes, len);
	daemon_pump(d);
}

static void lma_message_ahead(void *arg, const uint8_t *bytes, size_t len)
{
	struct daemon *d = arg;
	struct prefix p;

	if (lma_ahead(d->lma, bytes, len, &p))
		dp_route_ahead(d->dp, &p);
}

/* It was counted as sent when the socket took it. */
static void unsent(void *arg, const struct in6_addr *dst, int err)
{
	struct daemon *d = arg;
	char a[ADDR_STR_MAX];

	d->counters[DAEMON_MH_SENT]--;
	d->counters[DAEMON_MH_SEND_FAILED]++;
	if (log_on(LOG_LV_DEBUG))
		log_debug("Mobility Header to %s: %s", addr_str(dst, a), strerror(-err));
}

static void on_mag_message(void *arg, const struct in6_addr *src, const struct in6_addr *dst, const uint8_t *bytes, size_t len)
{
	struct daemon *d = arg;

	d->counters[DAEMON_MH_RECEIVED]++;
	mag_recv_mh(d->mag, clock_now(), src, dst, bytes, len);
	answer_problem(d, d->mag_socket, src, dst, bytes, len);
	daemon_pump(d);
}

static void on_batch(void *arg) { daemon_pump(arg); }

static void on_link_packet(void *arg, uint32_t ifindex, const uint8_t smac[6], const uint8_t *packet, size_t len)
{
	struct daemon *d = arg;

	d->counters[DAEMON_LINK_RECEIVED]++;
	if (d->lma && ifindex == d->upstream_ifindex)
		lma_recv_upstream(d->lma, clock_now(), ifindex, packet, len);
	else if (d->proxy && ifindex == d->upstream_ifindex)
		mldproxy_recv_upstream(d->proxy, clock_now(), packet, len);
	else if (d->proxy)
		mldproxy_recv_downstream(d->proxy, clock_now(), ifindex, packet, len);
	else if (d->mag)
		mag_recv_link(d->mag, clock_now(), ifindex, smac, packet, len);
}

static void on_tunnel_packet(void *arg, const struct dp_tunnel *tunnel, const uint8_t *inner, size_t len)
{
	struct daemon *d = arg;

	d->counters[DAEMON_TUNNEL_RECEIVED]++;
	if (d->lma && addr_eq(&tunnel->local, &d->conf->lma.lmaa))
		lma_recv_tunnel(d->lma, clock_now(), tunnel, inner, len);
	else if (d->mag)
		mag_recv_tunnel(d->mag, clock_now(), tunnel, inner, len);
	daemon_pump(d);
}

static void on_handover(void *arg, uint32_t node, enum dp_handover_news news)
{
	struct daemon *d = arg;

	if (!d->mag)
		return;
	switch (news) {
	case DP_HANDOVER_CLOSED:
		mag_handover_done(d->mag, clock_now(), node);
		break;
	case DP_HANDOVER_OVERFLOWN:
		mag_handover_overflown(d->mag, clock_now(), node);
		break;
	}
	daemon_pump(d);
}

static void on_problem(void *arg, const char *text)
{
	(void)arg;
	log_warning("%s", text);
}

static bool conf_has_pool(const struct conf *c, const struct prefix *pool)
{
	for (unsigned i = 0; c->has_lma && i < c->lma.n_pools; i++)
		if (prefix_eq(&c->lma.pools[i], pool))
			return true;
	return false;
}

static int start_dataplane(struct daemon *d)
{
	static const struct dp_events events = {
	    .tunnel_packet = on_tunnel_packet, .handover = on_handover, .problem = on_problem};
	char why[256] = "";
	struct dp_conf c = d->conf->dp;
	int r;

	c.handovers = d->conf->has_mag;
	c.locals[0] = d->conf->has_lma ? d->conf->lma.lmaa : addr_any;
	c.locals[1] = d->conf->has_mag ? d->conf->mag.proxy_coa : addr_any;
	r = dp_new(&d->dp, &c, d->base, &events, d, why, sizeof(why));

	if (r < 0) {
		log_error("data plane: %s: %s", why, strerror(-r));
		return r;
	}
	if (dp_fallback_reason(d->dp))
		log_warning("data plane: user space, because %s", dp_fallback_reason(d->dp));
	else
		log_notice("data plane: %s", dp_running(d->dp) == DP_BACKEND_EBPF ? "eBPF" : "user space");
	daemon_homes(d, NULL, d->conf);
	return 0;
}

/* The pools are routes of this host as wholes; those of the old configuration that are in the new one stay untouched. */
void daemon_homes(struct daemon *d, const struct conf *old, const struct conf *next)
{
	char text[PREFIX_STR_MAX];

	for (unsigned i = 0; old && old->has_lma && i < old->lma.n_pools; i++)
		if (!conf_has_pool(next, &old->lma.pools[i]))
			(void)dp_home_set(d->dp, &old->lma.pools[i], false);
	for (unsigned i = 0; next->has_lma && i < next->lma.n_pools; i++) {
		if (old && conf_has_pool(old, &next->lma.pools[i]))
			continue;
		int r = dp_home_set(d->dp, &next->lma.pools[i], true);
		if (r < 0)
			log_warning("pool %s: no route for it: %s", prefix_str(&next->lma.pools[i], text), strerror(-r));
	}
}

static int start_store(struct daemon *d)
{
	static const struct store_events events = {daemon_store_changed, on_problem};
	char why[256] = "";

	if (!d->conf->has_lma && !d->conf->has_mag) /* nobody has a profile */
		return 0;
	int r = store_open(&d->store, d->conf->policy_store, d->base, &events, d, why, sizeof(why));

	if (r < 0)
		log_error("policy store %s: %s", d->conf->policy_store, why);
	return r;
}

static int start_engines(struct daemon *d)
{
	static const struct mh_socket_events of_lma = {on_lma_message, lma_message_ahead, on_batch, unsent};
	static const struct mh_socket_events of_mag = {on_mag_message, NULL, on_batch, unsent};
	struct now now = clock_now();
	int r;

	limiter_init(&d->problems, PROBLEMS_PER_S, PROBLEMS_PER_S);
	if (d->conf->has_lma) {
		d->lma = lma_new(&d->conf->lma, now, seed());
		if (!d->lma)
			return -ENOMEM;
		r = mh_socket_new(&d->lma_socket, d->base, &d->conf->lma.lmaa, &of_lma, d);
		if (r < 0) {
			log_error("lma: cannot open a Mobility Header socket: %s (CAP_NET_RAW is needed)", strerror(-r));
			return r;
		}
	}
	if (d->conf->has_mag) {
		d->mag = mag_new(&d->conf->mag, now, seed());
		if (!d->mag)
			return -ENOMEM;
		r = mh_socket_new(&d->mag_socket, d->base, &d->conf->mag.proxy_coa, &of_mag, d);
		if (r < 0) {
			log_error("mag: cannot open a Mobility Header socket: %s (CAP_NET_RAW is needed)", strerror(-r));
			return r;
		}
	}
	if (d->conf->has_proxy) {
		d->proxy = mldproxy_new(&d->conf->proxy, now, seed());
		if (!d->proxy)
			return -ENOMEM;
	}
	return 0;
}

static int start_links(struct daemon *d)
{
	static const struct netlink_events events = {daemon_link_changed, daemon_link_gone, on_batch};
	int r = link_socket_new(&d->link_socket, d->base, on_link_packet, on_batch, d);

	if (r < 0) {
		log_error("cannot open a packet socket: %s (CAP_NET_RAW is needed)", strerror(-r));
		return r;
	}
	r = netlink_new(&d->netlink, d->base, &events, d);
	if (r < 0) {
		log_error("cannot watch network interfaces: %s", strerror(-r));
		return r;
	}
	d->dress = dress_new(&dress_kernel, d->netlink);
	if (!d->dress)
		return -ENOMEM;
	netlink_tell_all(d->netlink);
	return 0;
}

static void stopped(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(d->base);
}

/* First the protocol's farewell, then the end; a second signal does not wait for it. */
static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;
	struct now now = clock_now();

	(void)what;
	if (d->stopping) {
		event_base_loopbreak(d->base);
		return;
	}
	d->stopping = true;
	log_notice("signal %d: leaving", (int)sig);
	notify_stopping();
	if (d->mag)
		mag_stop(d->mag, now);
	if (d->lma)
		lma_stop(d->lma, now);
	if (d->proxy)
		mldproxy_stop(d->proxy, now);
	daemon_pump(d);
	struct mag_totals left = d->mag ? mag_totals(d->mag) : (struct mag_totals){0};
	span_t wait = left.nodes ? d->conf->mag.dereg_wait : span_ms(20);
	struct timeval tv = {wait.ns / 1000000000, wait.ns % 1000000000 / 1000};
	event_add(d->stop_timer, &tv);
}

static void on_reload(evutil_socket_t sig, short what, void *arg)
{
	json_t *error = NULL;
	bool changed;

	(void)sig;
	(void)what;
	daemon_reload(arg, &changed, &error);
	json_decref(error);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	notify_watchdog();
}

/* Routes change without a word to us: the data plane follows them, the advertisements to nodes follow it. */
static void on_mtu_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	daemon_tunnel_mtus(arg);
	daemon_pump(arg);
}

static int start_loop(struct daemon *d)
{
	struct event_config *cfg = event_config_new();

	if (!cfg)
		return -ENOMEM;
	/* deadlines of 100 ms and below matter here */
	event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER);
	d->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	if (!d->base)
		return -ENOMEM;
	d->timer = evtimer_new(d->base, on_timer, d);
	d->stop_timer = evtimer_new(d->base, stopped, d);
	d->on_term = evsignal_new(d->base, SIGTERM, on_stop, d);
	d->on_int = evsignal_new(d->base, SIGINT, on_stop, d);
	d->on_hup = evsignal_new(d->base, SIGHUP, on_reload, d);
	if (!d->timer || !d->stop_timer || !d->on_term || !d->on_int || !d->on_hup)
		return -ENOMEM;
	event_add(d->on_term, NULL);
	event_add(d->on_int, NULL);
	event_add(d->on_hup, NULL);
	if (d->conf->has_mag) {
		struct timeval tv = {MTU_SECONDS, 0};
		d->mtu_timer = event_new(d->base, -1, EV_PERSIST, on_mtu_timer, d);
		if (!d->mtu_timer || event_add(d->mtu_timer, &tv) < 0)
			return -ENOMEM;
		int r = clock_step_watch(d);
		if (r < 0)
			log_warning("a step of the wall clock will not be noticed: %s", strerror(-r));
	}
	unsigned long us = notify_watchdog_us();
	if (us) {
		struct timeval tv = {(time_t)(us / 2 / 1000000), (suseconds_t)(us / 2 % 1000000)};
		d->watchdog = event_new(d->base, -1, EV_PERSIST, on_watchdog, d);
		if (d->watchdog)
			event_add(d->watchdog, &tv);
	}
	return 0;
}

/* A link may need sockets of its own, and there may be more links than the usual limit of descriptors. */
static void raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

int daemon_start(struct daemon *d, struct conf *conf)
{
	int r;

	*d = (struct daemon){.conf = conf, .started = clock_now(), .armed = MONO_NEVER, .cpu_latency.fd = -1};
	signal(SIGPIPE, SIG_IGN);
	raise_limits();
	d->events = event_log_new(conf->events_kept);
	if (!d->events || (r = start_loop(d)) < 0) {
		log_error("out of memory");
		return -ENOMEM;
	}
	if ((r = start_store(d)) < 0 || (r = start_dataplane(d)) < 0 || (r = start_engines(d)) < 0 ||
	    (r = start_links(d)) < 0 || (r = idle_start(d)) < 0)
		return r;
	r = ctl_server_new(&d->ctl, d->base, conf->control_socket, conf->control_group, daemon_request, d);
	if (r < 0) {
		log_error("control socket %s: %s", conf->control_socket,
			  r == -EADDRINUSE ? "another daemon answers on it; give this one its own control.socket" : strerror(-r));
		return r;
	}
	cpu_latency_request(&d->cpu_latency, conf->cpu_latency_us); /* the device is root's */
	r = privileges_drop(conf->user, dp_running(d->dp) == DP_BACKEND_EBPF);
	if (r < 0)
		return r;
	daemon_pump(d);
	return 0;
}

int daemon_run(struct daemon *d)
{
	char status[128];

	snprintf(status, sizeof(status), "%s%s%s%s", d->lma ? "LMA" : "", d->lma && d->mag ? " and " : "", d->mag ? "MAG" : "",
		 d->proxy ? "MLD proxy" : "");
	log_notice("roamcastd %s: %s %s is up", ROAMCAST_VERSION, status, d->conf->name);
	notify_ready(status);
	return event_base_dispatch(d->base) < 0 ? -EIO : 0;
}

void daemon_end(struct daemon *d)
{
	struct event *events[] = {d->timer, d->mtu_timer, d->watchdog, d->stop_timer, d->on_term, d->on_int, d->on_hup};

	ctl_server_free(d->ctl);
	clock_step_stop(d);
	if (d->base)
		idle_stop(d);
	dress_free(d->dress);
	netlink_free(d->netlink);
	link_socket_free(d->link_socket);
	mh_socket_free(d->lma_socket);
	mh_socket_free(d->mag_socket);
	mag_free(d->mag);
	lma_free(d->lma);
	mldproxy_free(d->proxy);
	dp_free(d->dp);
	store_close(d->store);
	event_log_free(d->events);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
	if (d->base)
		event_base_free(d->base);
	cpu_latency_release(&d->cpu_latency);
	conf_free(d->conf);
	free(d->reload_error);
}
