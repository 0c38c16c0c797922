/* SPDX-License-Identifier: BSD-2-Clause */
/* Registrations at an LMA that holds 1 000 to 1 000 000 bindings, over raw sockets in a network namespace of its own,
 * with the data plane programmed, in turn with a plain echo of the same messages by the same socket code. One core
 * serves, another asks.
 *
 * A round registers nodes that are not bound yet (a binding, a prefix, a route), or refreshes bound ones. Before the
 * next round the nodes are de-registered, which is not measured. Rates are messages per second of the server's
 * processor time, that is of one core: what else runs on the machine, and how fast the client is, does not count. The
 * rate by the clock on the wall stands beside it. Numbers are medians over pairs of rounds, in which LMA and echo take
 * turns to be first.
 *
 * Usage: registrations [--json] [--quick] [--no-data-plane] [BINDINGS...]   (root; progress on standard error) */
#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dp/dp.h"
#include "io/clock.h"
#include "io/mh_socket.h"
#include "lab/batch.h"
#include "lma/lma.h"

#define WINDOW	   128 /* messages under way */
#define BATCH	   32
#define BYTES_MAX  160 /* of one of our messages */
#define SILENCE_MS 200 /* then what is under way is lost */
#define ROUND_MAX  20000
#define PAIRS_MIN  7
#define PAIRS_MAX  25
#define PAIRS_FOR  20000 /* messages: of short rounds there are more */
#define SIZES_MAX  8
#define PINGS	   2000
#define PING_AT	   0x108000 /* behind the rounds', and so are its sequence numbers */
#define GOAL_RATE  60000
#define GOAL_RATIO 0.5
#define GOAL_BYTES 512

static const char addresses[3][24] = {"2001:db8:ff::1", "2001:db8:ff::2", "2001:db8:1::1"};
static struct in6_addr lmaa, echo_addr, mag;
static bool json, with_dp = true;
static uint64_t epoch; /* timestamps count from here */
static char plane[64] = "none";

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "registrations: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t ns(void)
{
	return clock_now().mono.ns;
}

static void pin(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

/* ---- messages ---- */

struct message {
	uint8_t len;
	uint8_t bytes[BYTES_MAX];
};

/* A node's identifier has 20 octets. `at` orders the messages of a node. */
static void encode(struct message *to, uint32_t node, uint64_t at, bool ends, uint8_t hi)
{
	static struct mh_msg m;
	uint8_t mac[6] = {2, 0, (uint8_t)(node >> 24), (uint8_t)(node >> 16), (uint8_t)(node >> 8), (uint8_t)node};
	char id[32];
	int len = snprintf(id, sizeof(id), "n%07u@example.org", node);

	mh_init(&m, MH_BU);
	m.seq = (uint16_t)at;
	m.flags = MH_BU_P | MH_BU_A;
	m.lifetime_4s = ends ? 0 : 900;
	m.has = MH_HAS_MN_ID | MH_HAS_HANDOFF | MH_HAS_ATT | MH_HAS_LLID | MH_HAS_TIMESTAMP | MH_HAS_CAPABILITIES;
	m.capabilities =
		(struct mh_capabilities){.version = 1, .roles = 1, .features = MH_FEATURE_MLDV2, .groups_max = 32};
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = nai_of(id, (size_t)len);
	m.handoff = hi;
	m.att = MH_ATT_ETHERNET;
	m.llid = lladdr_of(mac, 6);
	m.n_hnp = 1;
	m.timestamp = epoch + at;
	to->len = (uint8_t)mh_encode(&(struct mh_conf){MH_PEN_DOCUMENTATION}, &m, &mag, &lmaa, to->bytes, BYTES_MAX);
	if (!to->len)
		die("a message does not fit");
}

/* ---- server: LMA ---- */

struct order {
	char what; /* R: de-register; M: how much memory; Q: end */
	uint32_t first, n;
	uint64_t at;
};

struct report { /* of the load in process */
	double per_s, p99_us;
	uint64_t bytes;
	char plane[64];
};

struct server {
	struct event_base *base;
	struct mh_socket *socket;
	struct lma *lma;
	struct dp *dp;
	struct profile *profile;
	bool mute; /* nothing is sent: loading, or between rounds */
	int ctl;
};

static void tunnel_packet(void *arg, const struct dp_tunnel *tunnel, const uint8_t *inner, size_t len)
{
	(void)arg, (void)tunnel, (void)inner, (void)len;
}

static void problem(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "registrations: data plane: %s\n", text);
}

static void pump(struct server *s)
{
	struct fx fx;

	while (lma_pop(s->lma, &fx)) {
		if (fx.kind == FX_PROFILE)
			lma_profile(s->lma, clock_now(), fx.profile.request, s->profile);
		else if (fx.kind == FX_DP && s->dp)
			(void)dp_apply(s->dp, &fx.dp);
		else if (fx.kind == FX_MH && !s->mute)
			(void)mh_socket_send(s->socket, &fx.mh.dst, fx.mh.bytes, fx.mh.len);
	}
}

static void on_message(void *arg, const struct in6_addr *src, const struct in6_addr *dst, const uint8_t *bytes,
		       size_t len)
{
	struct server *s = arg;

	lma_recv_mh(s->lma, clock_now(), src, dst, bytes, len);
	pump(s);
}

static void on_ahead(void *arg, const uint8_t *bytes, size_t len)
{
	struct server *s = arg;
	struct prefix p;

	if (lma_ahead(s->lma, bytes, len, &p) && s->dp)
		dp_route_ahead(s->dp, &p);
}

/* The client misses the answer. */
static void on_unsent(void *arg, const struct in6_addr *dst, int err)
{
	(void)arg, (void)dst, (void)err;
}

static void on_batch(void *arg)
{
	struct server *s = arg;

	pump(s);
	if (!mono_before(clock_now().mono, lma_next_deadline(s->lma))) {
		lma_expire(s->lma, clock_now());
		pump(s);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static size_t memory(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static int64_t cpu_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void register_one(struct server *s, const struct message *m)
{
	lma_recv_mh(s->lma, clock_now(), &mag, &lmaa, m->bytes, m->len);
	pump(s);
}

/* All bindings, in process; the last ones are measured. */
static void load(struct server *s, uint32_t n, struct report *ret)
{
	uint32_t sample = n < ROUND_MAX ? n : ROUND_MAX;
	double *took = calloc(sample, sizeof(*took));
	struct message *v = calloc(sample, sizeof(*v)), m;
	int64_t cpu;

	if (!took || !v)
		die("memory");
	for (uint32_t i = 0; i < n - sample; i++) {
		encode(&m, i, 1, false, MH_HANDOFF_NEW_INTERFACE);
		register_one(s, &m);
		if (i % 100000 == 99999)
			fprintf(stderr, "  loaded %u\n", i + 1);
	}
	for (uint32_t i = 0; i < sample; i++)
		encode(&v[i], n - sample + i, 1, false, MH_HANDOFF_NEW_INTERFACE);
	cpu = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (uint32_t i = 0; i < sample; i++) {
		int64_t begin = ns();

		register_one(s, &v[i]);
		took[i] = (double)(ns() - begin);
	}
	ret->per_s = sample * 1e9 / (double)(cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	qsort(took, sample, sizeof(*took), by_value);
	ret->p99_us = took[(size_t)sample * 99 / 100] / 1000;
	free(took);
	free(v);
}

static void on_order(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	struct message m;
	struct order o;

	(void)what;
	if (read(fd, &o, sizeof(o)) != sizeof(o) || o.what == 'Q') {
		event_base_loopbreak(s->base);
		return;
	}
	s->mute = true;
	for (uint32_t i = 0; i < o.n; i++) {
		encode(&m, o.first + i, o.at, true, MH_HANDOFF_UNKNOWN);
		lma_recv_mh(s->lma, clock_now(), &mag, &lmaa, m.bytes, m.len);
		pump(s);
		if (i % 64 == 63) {
			lma_expire(s->lma, clock_now());
			pump(s);
		}
	}
	usleep(20000);
	lma_expire(s->lma, clock_now());
	pump(s);
	s->mute = false;
	uint32_t left = lma_totals(s->lma).bindings;
	if (write(fd, &left, sizeof(left)) != sizeof(left))
		event_base_loopbreak(s->base);
}

static struct dp *data_plane(struct server *s, uint32_t n, const struct prefix *pool, char name[64])
{
	static const struct dp_events events = {.tunnel_packet = tunnel_packet, .problem = problem};
	struct dp_conf conf = {.nodes_max = 64,
			       .routes_max = n + 1024,
			       .tunnels_max = 1024,
			       .flows_max = 1024,
			       .outs_max = 4096,
			       .ptb_per_s = 10,
			       .hop_limit = 64};
	struct dp *dp = NULL;
	char why[256] = "";

	if (!with_dp)
		return NULL;
	if (dp_new(&dp, &conf, s->base, &events, s, why, sizeof(why)) < 0) {
		fprintf(stderr, "registrations: no data plane: %s\n", why);
		return NULL;
	}
	snprintf(name, 64, "%s", dp_running(dp) == DP_BACKEND_EBPF ? "ebpf" : "user space");
	if (dp_home_set(dp, pool, true) < 0)
		fprintf(stderr, "registrations: the pool is no route of this host\n");
	return dp;
}

static void serve_lma(int ctl, uint32_t n)
{
	static const struct mh_socket_events events = {on_message, on_ahead, on_batch, on_unsent};
	struct server s = {.ctl = ctl, .mute = true};
	struct report report = {.plane = "none"};
	struct lma_mag_conf mag_conf = {.name = "mag1", .proxy_coa = {mag, 128}};
	struct lma_conf conf;
	struct event *ev;
	size_t before;

	pin(0);
	lma_conf_defaults(&conf);
	conf.lmaa = lmaa;
	conf.n_mags = 1;
	conf.mags = &mag_conf;
	conf.n_pools = 1;
	conf.bindings_max = n;
	conf.timestamp_window = span_s(86400); /* messages are made before they are sent */
	conf.min_delay_before_bce_delete = span_us(1);
	prefix_parse("2001:db8:8000::/36", &conf.pools[0]);
	s.base = event_base_new();
	s.profile = profile_new();
	s.dp = data_plane(&s, n, &conf.pools[0], report.plane);
	if (!s.base || !s.profile || mh_socket_new(&s.socket, s.base, &lmaa, &events, &s) < 0)
		die("server");
	before = memory();
	s.lma = lma_new(&conf, clock_now(), 1);
	if (!s.lma)
		die("engine");
	load(&s, n, &report);
	s.mute = false;
	/* What the engine counts, or what the allocator gave, whichever is more. */
	report.bytes = memory() - before;
	if (report.bytes < lma_totals(s.lma).bytes)
		report.bytes = lma_totals(s.lma).bytes;
	ev = event_new(s.base, ctl, EV_READ | EV_PERSIST, on_order, &s);
	event_add(ev, NULL);
	if (write(ctl, &report, sizeof(report)) == sizeof(report))
		event_base_dispatch(s.base);
	_exit(0); /* a million bindings and routes need not be taken apart one by one */
}

/* ---- server: echo ---- */

struct echo {
	struct mh_socket *socket;
};

static void echo_message(void *arg, const struct in6_addr *src, const struct in6_addr *dst, const uint8_t *bytes,
			 size_t len)
{
	struct echo *e = arg;

	(void)dst;
	(void)mh_socket_send(e->socket, src, bytes, len);
}

static void echo_batch(void *arg)
{
	(void)arg;
}

static void serve_echo(int ctl)
{
	static const struct mh_socket_events events = {echo_message, NULL, echo_batch, on_unsent};
	struct event_base *base = event_base_new();
	struct echo e;

	pin(0);
	if (!base || mh_socket_new(&e.socket, base, &echo_addr, &events, &e) < 0)
		die("echo");
	if (write(ctl, "", 1) == 1)
		event_base_dispatch(base);
	_exit(0);
}

/* ---- client ---- */

struct peer {
	const struct in6_addr *addr;
	clockid_t cpu; /* of the process that serves there */
	uint8_t answers; /* with messages of this type */
};

struct client {
	int fd;
	uint64_t lost;
};

static void client_open(struct client *c)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_addr = mag};
	int none = -1, buffer = 8 << 20;

	c->fd = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK, MH_NEXT_HEADER);
	if (c->fd < 0 || setsockopt(c->fd, IPPROTO_IPV6, IPV6_CHECKSUM, &none, sizeof(none)) < 0 ||
	    bind(c->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die("client");
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
}

/* An answer bears the sequence number of its question: what comes late, of a round that is over, is no answer. */
static bool answers(const struct peer *of, const uint8_t *bytes, uint16_t seq)
{
	const uint8_t *at = bytes + (of->answers == MH_BA ? 8 : 6); /* RFC 6275 6.1.7, 6.1.8 */

	return bytes[2] == of->answers && (at[0] << 8 | at[1]) == seq;
}

static uint32_t receive(struct client *c, const struct peer *from, uint16_t seq, int wait_ms)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	static uint8_t buf[BATCH * 2][512];
	struct mmsghdr m[BATCH * 2];
	struct iovec iov[BATCH * 2];
	uint32_t ret = 0;
	int n;

	if (wait_ms && poll(&p, 1, wait_ms) <= 0)
		return 0;
	for (int i = 0; i < BATCH * 2; i++) {
		iov[i] = (struct iovec){buf[i], sizeof(buf[i])};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	n = recvmmsg(c->fd, m, BATCH * 2, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		ret += answers(from, buf[i], seq);
	return ret;
}

static uint32_t send_some(struct client *c, const struct in6_addr *to, const struct message *v, uint32_t n)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_addr = *to};
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	int sent;

	if (n > BATCH)
		n = BATCH;
	for (uint32_t i = 0; i < n; i++) {
		iov[i] = (struct iovec){(void *)(uintptr_t)v[i].bytes, v[i].len};
		m[i].msg_hdr = (struct msghdr){
			.msg_name = &sa, .msg_namelen = sizeof(sa), .msg_iov = &iov[i], .msg_iovlen = 1};
	}
	sent = sendmmsg(c->fd, m, n, 0);
	return sent < 0 ? 0 : (uint32_t)sent;
}

struct rates { /* messages answered per second */
	double core, wall;
};

/* `at`: of all the messages. */
static struct rates round_of(struct client *c, const struct peer *to, const struct message *v, uint32_t n, uint64_t at)
{
	uint32_t sent = 0, back = 0, lost = 0;
	int64_t begin = ns(), cpu = cpu_ns(to->cpu);

	while (back + lost < n) {
		uint32_t under_way = sent - back - lost, got;

		if (sent < n && under_way < WINDOW) {
			uint32_t room = WINDOW - under_way < n - sent ? WINDOW - under_way : n - sent;

			sent += send_some(c, to->addr, v + sent, room);
			under_way = sent - back - lost;
		}
		got = receive(c, to, (uint16_t)at, under_way >= WINDOW || sent == n ? SILENCE_MS : 0);
		back += got;
		if (got > under_way) /* some were slow, and not lost */
			lost -= got - under_way;
		if (!got && (under_way >= WINDOW || sent == n))
			lost = sent - back;
	}
	c->lost += lost;
	return (struct rates){back * 1e9 / (double)(cpu_ns(to->cpu) - cpu), back * 1e9 / (double)(ns() - begin)};
}

/* One at a time, each with an `at` of its own: the time to the answer, 99 of 100, in microseconds. */
static double p99_of(struct client *c, const struct peer *to, const struct message *v, uint32_t n, uint64_t at)
{
	double *took = calloc(n, sizeof(*took)), ret;

	for (uint32_t i = 0; i < n; i++) {
		int64_t begin = ns();

		(void)send_some(c, to->addr, v + i, 1);
		while (!receive(c, to, (uint16_t)(at + i), SILENCE_MS) && ns() - begin < SILENCE_MS * 1000000ll)
			;
		took[i] = (double)(ns() - begin) / 1000;
	}
	qsort(took, n, sizeof(*took), by_value);
	ret = took[(size_t)n * 99 / 100];
	free(took);
	return ret;
}

/* ---- results ---- */

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static unsigned rows;

static void row(const char *name, double value, const char *unit, double baseline, double ratio, const char *goal,
		int reached)
{
	char b[32] = "null", r[32] = "null", g[64] = "null";

	if (baseline > 0)
		snprintf(b, sizeof(b), "%.1f", baseline);
	if (ratio > 0)
		snprintf(r, sizeof(r), "%.3f", ratio);
	if (goal)
		snprintf(g, sizeof(g), "\"%s\"", goal);
	if (json)
		printf("%s{\"name\": \"%s\", \"value\": %.1f, \"unit\": \"%s\", \"baseline\": %s, \"ratio\": %s, "
		       "\"goal\": %s, "
		       "\"reached\": %s}",
		       rows++ ? ",\n " : "[", name, value, unit, b, r, g,
		       reached < 0 ? "null"
		       : reached   ? "true"
				   : "false");
	else
		printf("%-44s %12.1f %-5s %12s %8s  %-28s %s\n", name, value, unit, baseline > 0 ? b : "-",
		       ratio > 0 ? r : "-", goal ? goal : "-",
		       reached < 0 ? "-"
		       : reached   ? "yes"
				   : "NO");
	fflush(stdout);
}

struct outcome {
	struct rates rate, echo;
	double ratio;
};

static uint32_t pairs_for(uint32_t messages)
{
	uint32_t n = PAIRS_FOR / messages;

	return n < PAIRS_MIN ? PAIRS_MIN : n > PAIRS_MAX ? PAIRS_MAX : n;
}

/* Those that are to be new go first. */
static void deregister(int ctl, uint32_t first, uint32_t n, uint64_t at)
{
	struct order o = {'R', first, n, at};
	uint32_t left;

	if (write(ctl, &o, sizeof(o)) != sizeof(o) || read(ctl, &left, sizeof(left)) != sizeof(left))
		die("server");
	if (left != first)
		fprintf(stderr, "registrations: %u bindings left, not %u\n", left, first);
}

static struct outcome pairs(struct client *c, int ctl, const struct peer *lma, const struct peer *echo,
			    struct message *v, uint32_t n, uint32_t absent, bool fresh)
{
	double core[PAIRS_MAX], wall[PAIRS_MAX], echo_core[PAIRS_MAX], echo_wall[PAIRS_MAX], ratio[PAIRS_MAX];
	uint32_t n_pairs = pairs_for(absent), first = n - absent;
	static uint64_t at = 10;

	for (uint32_t p = 0; p < n_pairs; p++) {
		struct rates of_lma = {0}, of_echo = {0};

		if (fresh)
			deregister(ctl, first, absent, at);
		at += 10;
		for (uint32_t i = 0; i < absent; i++)
			encode(&v[i], first + i, at, false,
			       fresh ? MH_HANDOFF_NEW_INTERFACE : MH_HANDOFF_REREGISTRATION);
		for (uint32_t turn = 0; turn < 2; turn++)
			if ((p + turn) % 2)
				of_lma = round_of(c, lma, v, absent, at);
			else
				of_echo = round_of(c, echo, v, absent, at);
		at += 10;
		core[p] = of_lma.core;
		wall[p] = of_lma.wall;
		echo_core[p] = of_echo.core;
		echo_wall[p] = of_echo.wall;
		ratio[p] = core[p] / echo_core[p];
	}
	return (struct outcome){{median(core, n_pairs), median(wall, n_pairs)},
				{median(echo_core, n_pairs), median(echo_wall, n_pairs)},
				median(ratio, n_pairs)};
}

static void rates_rows(const char *what, uint32_t n, const struct outcome *o)
{
	char name[128];

	snprintf(name, sizeof(name), "registrations, %s, %u bindings", what, n);
	row(name, o->rate.core, "1/s", o->echo.core, o->ratio, "ratio >= 0.5, 60000/s",
	    o->ratio >= GOAL_RATIO && o->rate.core >= GOAL_RATE);
	snprintf(name, sizeof(name), "registrations, %s, %u bindings, by the wall", what, n);
	row(name, o->rate.wall, "1/s", o->echo.wall, o->rate.wall / o->echo.wall, NULL, -1);
}

static void measure(struct client *c, const struct peer *echo, uint32_t n, struct message *v, double *first_rate)
{
	struct peer lma = {.addr = &lmaa, .answers = MH_BA};
	uint32_t absent = n / 2 < ROUND_MAX ? n / 2 : ROUND_MAX, pings = absent < PINGS ? absent : PINGS;
	int ctl[2];
	struct report report;
	struct order quit = {'Q', 0, 0, 0};
	struct outcome o;
	double p99, echo_p99;
	char name[128];
	pid_t child;

	fprintf(stderr, "%u bindings\n", n);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ctl) < 0 || (child = fork()) < 0)
		die("fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve_lma(ctl[1], n);
	}
	close(ctl[1]);
	if (read(ctl[0], &report, sizeof(report)) != sizeof(report))
		die("server");
	snprintf(plane, sizeof(plane), "%s", report.plane);
	if (clock_getcpuclockid(child, &lma.cpu))
		die("processor time");

	snprintf(name, sizeof(name), "engine, new, %u bindings, data plane %s", n, plane);
	row(name, report.per_s, "1/s", 0, 0, NULL, -1);
	snprintf(name, sizeof(name), "engine, new, p99, %u bindings", n);
	row(name, report.p99_us, "us", 0, 0, NULL, -1);
	o = pairs(c, ctl[0], &lma, echo, v, n, absent, true);
	rates_rows("new", n, &o);
	if (n == 1000)
		*first_rate = o.rate.core;
	else if (n == 1000000 && *first_rate > 0) /* flat */
		row("registrations, 1000000 over 1000 bindings", o.rate.core / *first_rate * 100, "%", 0,
		    o.rate.core / *first_rate, "ratio >= 0.8", o.rate.core >= 0.8 * *first_rate);
	o = pairs(c, ctl[0], &lma, echo, v, n, absent, false);
	rates_rows("refresh", n, &o);
	for (uint32_t i = 0; i < pings; i++)
		encode(&v[i], n - absent + i, PING_AT + i, false, MH_HANDOFF_REREGISTRATION);
	echo_p99 = p99_of(c, echo, v, pings, PING_AT);
	p99 = p99_of(c, &lma, v, pings, PING_AT);
	snprintf(name, sizeof(name), "answer, p99, %u bindings", n);
	row(name, p99, "us", echo_p99, p99 / echo_p99, NULL, -1);
	snprintf(name, sizeof(name), "memory a binding, %u bindings", n);
	row(name, (double)report.bytes / n, "octets", 0, 0, "<= 512", report.bytes / n <= GOAL_BYTES);
	(void)!write(ctl[0], &quit, sizeof(quit));
	close(ctl[0]);
	waitpid(child, NULL, 0);
}

static void namespace(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		die("a network namespace of its own (root is needed)");
	if (batch_one(NULL, "link set lo up") < 0)
		exit(1);
	for (size_t i = 0; i < 3; i++)
		if (batch_one(NULL, "addr add %s/128 dev lo nodad", addresses[i]) < 0)
			exit(1);
}

int main(int argc, char **argv)
{
	uint32_t sizes[SIZES_MAX] = {1000, 20000, 200000, 1000000};
	unsigned n_sizes = 4, n_given = 0;
	struct message *v = calloc(ROUND_MAX, sizeof(*v));
	struct client c = {.fd = -1};
	double first = 0;
	int ctl[2];
	struct peer echo_peer = {.addr = &echo_addr, .answers = MH_BU};
	pid_t echo;
	char ready;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			json = true;
		else if (!strcmp(argv[i], "--quick"))
			n_sizes = 2;
		else if (!strcmp(argv[i], "--no-data-plane"))
			with_dp = false;
		else if (n_given < SIZES_MAX && strtoul(argv[i], NULL, 10) >= 2)
			sizes[n_given++] = (uint32_t)strtoul(argv[i], NULL, 10);
		else
			return fprintf(stderr, "usage: registrations [--json] [--quick] [--no-data-plane] [BINDINGS...]\n"), 2;
	}
	if (n_given)
		n_sizes = n_given;
	addr_parse(addresses[0], &lmaa);
	addr_parse(addresses[1], &echo_addr);
	addr_parse(addresses[2], &mag);
	epoch = mh_timestamp_of(clock_now().wall.ns);
	namespace();
	pin(1);
	if (!v || socketpair(AF_UNIX, SOCK_STREAM, 0, ctl) < 0 || (echo = fork()) < 0)
		die("start");
	if (!echo) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve_echo(ctl[1]);
	}
	if (read(ctl[0], &ready, 1) != 1)
		die("echo");
	if (clock_getcpuclockid(echo, &echo_peer.cpu))
		die("processor time");
	client_open(&c);
	for (unsigned i = 0; i < n_sizes; i++)
		measure(&c, &echo_peer, sizes[i], v, &first);
	if (json)
		printf("]\n");
	if (c.lost)
		fprintf(stderr, "%llu messages were lost and not counted\n", (unsigned long long)c.lost);
	kill(echo, SIGKILL);
	waitpid(echo, NULL, 0);
	close(c.fd);
	free(v);
	return 0;
}
