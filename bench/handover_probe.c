/* SPDX-License-Identifier: BSD-2-Clause */
/* Moves a node of a lab from MAG to MAG, and measures what its stream suffers. For bench/handover, which builds the
 * wiring:
 *
 *   namespace of the node        net                                        namespace of MAG n
 *   eth0 ------------------- acc1 [ bridge air ] r-MAG ------------------- acc1
 *
 * A MAG's port is put into the bridge where the node is there, and only there. Switched on or off it is the carrier
 * that the MAG sees; the node sees that of acc1. So a node may vanish without its MAG noticing, as a radio link does.
 *
 * handover_probe PREFIX GROUP SOURCE RATE SIZE MAG...
 *
 * sends a numbered stream from src, listens to it at mn1, and obeys lines on standard input, answering each by a line
 * of JSON: attach MAG move reactive|leaving OLD NEW AWAY-MS SETTLE-MS [trace]    leaving: the old MAG sees its link go
 * down quit A move ends when the first packet came (at the latest after 5 s), and SETTLE-MS more. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lab/netns.h"
#include "lab/proc.h"

#define PORT	    5001
#define NUMBERS_MAX (1 << 22) /* packets in one life of this program */
#define EVENTS_MAX  4096
#define MAGS_MAX    8
#define PATIENCE    span_s(5)
#define ATTACHED                                                                                                       \
	span_ms(1500) /* leaves and joins of listeners before, and the second query of an attachment, are over */
#define CARRIER_LATE span_us(500)
#define RUNS_MAX     16
#define MAGIC	     UINT32_C(0x52434850)
#define LOWER_UP     0x10000 /* linux/if.h and net/if.h cannot both be had */

struct packet {
	uint32_t magic, zero;
	uint64_t number;
};

/* A packet that came: which, and when the kernel had it. */
struct arrival {
	uint64_t number;
	mono_t at;
};

/* A message on the way, for the trace. */
struct sighting {
	mono_t at;
	unsigned port;
	bool out; /* of that interface */
	char what[40];
};

struct port {
	int fd;
	char name[IF_NAMESIZE + 4];
};

static struct probe {
	const char *prefix;
	struct in6_addr group, source;
	unsigned rate, size;
	int send_fd, recv_fd, link_fd, net_fd;
	struct port ports[MAGS_MAX + 2]; /* 0: the node's own interface; 1: the LMA's; then the MAGs' */
	unsigned n_ports;

	_Atomic uint64_t n_sent, n_came;
	_Atomic unsigned n_seen;
	_Atomic int64_t carrier_up; /* when the node last heard that its link is up */
	mono_t *sent_at;	    /* by number */
	uint8_t *times;		    /* by number: how often it came */
	struct arrival *came;
	struct sighting seen[EVENTS_MAX];
	uint64_t told; /* arrivals that an earlier move has counted */
	uint64_t last; /* the largest number among them */
} p;

static void die(const char *what)
{
	fprintf(stderr, "handover_probe: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- clocks ---- */

static span_t wall_ahead(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return span_ns(t.tv_sec * INT64_C(1000000000) + t.tv_nsec - proc_clock().ns);
}

/* The kernel's stamp of a received packet on our clock. */
static mono_t stamp(struct msghdr *m, span_t ahead)
{
	struct timespec t;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		return (mono_t){t.tv_sec * INT64_C(1000000000) + t.tv_nsec - ahead.ns};
	}
	return proc_clock();
}

/* Before the daemons and whoever else is at work here. Not in real time: that would keep the kernel from its own work.
 */
static void be_prompt(int nice)
{
	prctl(PR_SET_TIMERSLACK, 1UL);
	setpriority(PRIO_PROCESS, (id_t)gettid(), nice);
}

static void sleep_until(mono_t t)
{
	struct timespec ts = {.tv_sec = t.ns / 1000000000, .tv_nsec = t.ns % 1000000000};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

/* ---- the stream ---- */

static _Noreturn void *send_all(void *arg)
{
	static uint8_t data[1500];
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_addr = p.group};
	mono_t first = proc_clock();
	(void)arg;
	be_prompt(-15);
	for (uint64_t n = 0; n < NUMBERS_MAX; n++) {
		struct packet h = {.magic = htobe32(MAGIC), .number = htobe64(n)};
		memcpy(data, &h, sizeof(h));
		sleep_until(mono_add(first, span_ns((int64_t)((double)n * 1e9 / p.rate))));
		p.sent_at[n] = proc_clock();
		sendto(p.send_fd, data, p.size, 0, (struct sockaddr *)&to, sizeof(to));
		atomic_store(&p.n_sent, n + 1);
	}
	fprintf(stderr, "handover_probe: the numbers are used up\n");
	exit(1);
}

static void take(const uint8_t *data, size_t len, mono_t at)
{
	struct packet h;
	uint64_t k = atomic_load(&p.n_came);
	if (len < sizeof(h))
		return;
	memcpy(&h, data, sizeof(h));
	if (be32toh(h.magic) != MAGIC || be64toh(h.number) >= NUMBERS_MAX || k >= 2 * (uint64_t)NUMBERS_MAX)
		return;
	p.came[k] = (struct arrival){be64toh(h.number), at};
	atomic_store(&p.n_came, k + 1);
}

static _Noreturn void *receive_all(void *arg)
{
	enum {
		BATCH = 64
	};
	static uint8_t data[BATCH][64], control[BATCH][CMSG_SPACE(sizeof(struct timespec))];
	struct iovec iov[BATCH];
	struct mmsghdr m[BATCH];
	(void)arg;
	be_prompt(-10);
	for (;;) {
		for (int i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){data[i], sizeof(data[i])};
			m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i],
						       .msg_iovlen = 1,
						       .msg_control = control[i],
						       .msg_controllen = sizeof(control[i])};
		}
		int n = recvmmsg(p.recv_fd, m, BATCH, MSG_WAITFORONE, NULL);
		span_t ahead = wall_ahead();
		for (int i = 0; i < n; i++)
			take(data[i], m[i].msg_len, stamp(&m[i].msg_hdr, ahead));
	}
}

/* ---- what is to be seen on the way ---- */

static const char *mh_name(unsigned type)
{
	static const char *const names[] = {[5] = "PBU",
					    [6] = "PBA",
					    [7] = "BE",
					    [13] = "Heartbeat",
					    [14] = "HI",
					    [15] = "HAck",
					    [16] = "BRI/A",
					    [19] = "UPN",
					    [20] = "UPA",
					    [22] = "SubscriptionQuery",
					    [23] = "SubscriptionResponse"};
	return type < sizeof(names) / sizeof(names[0]) && names[type] ? names[type] : "MH";
}

static const char *icmp_name(unsigned type)
{
	switch (type) {
	case 128:
		return "echo";
	case 129:
		return "echo-reply";
	case 130:
		return "MLD-query";
	case 131:
		return "MLDv1-report";
	case 133:
		return "RS";
	case 134:
		return "RA";
	case 135:
		return "NS";
	case 136:
		return "NA";
	case 143:
		return "MLD-report";
	}
	return "ICMPv6";
}

/* The words for an IPv6 packet; behind a tunnel's header, "in tunnel". */
static void describe(const uint8_t *d, size_t len, char *to, size_t size, bool inner)
{
	if (len < 48)
		return;
	unsigned next = d[6];
	const uint8_t *body = d + 40;
	if (next == 0 && len >= 40 + (d[41] + 1u) * 8 + 8) { /* hop-by-hop options */
		next = d[40];
		body += (d[41] + 1u) * 8;
	}
	if (next == 41 && !inner) {
		describe(body, len - 40, to, size, true);
		return;
	}
	snprintf(to, size, "%s%s",
		 next == 135  ? mh_name(body[2])
		 : next == 58 ? icmp_name(body[0])
			      : "packet",
		 inner ? " in tunnel" : "");
}

static void sight(unsigned port, const uint8_t *d, size_t len, bool out, mono_t at)
{
	unsigned k = atomic_load(&p.n_seen);
	if (k == EVENTS_MAX || len < sizeof(struct ether_header))
		return;
	struct sighting *s = &p.seen[k];
	*s = (struct sighting){.at = at, .port = port, .out = out, .what = "?"};
	describe(d + sizeof(struct ether_header), len - sizeof(struct ether_header), s->what, sizeof(s->what), false);
	atomic_store(&p.n_seen, k + 1);
}

static _Noreturn void *watch_all(void *arg)
{
	static uint8_t data[2048], control[CMSG_SPACE(sizeof(struct timespec))];
	struct pollfd fds[MAGS_MAX + 2];
	(void)arg;
	for (unsigned i = 0; i < p.n_ports; i++)
		fds[i] = (struct pollfd){.fd = p.ports[i].fd, .events = POLLIN};
	for (;;) {
		poll(fds, p.n_ports, -1);
		for (unsigned i = 0; i < p.n_ports; i++) {
			struct sockaddr_ll from;
			struct iovec iov = {data, sizeof(data)};
			struct msghdr m = {.msg_iov = &iov,
					   .msg_iovlen = 1,
					   .msg_name = &from,
					   .msg_namelen = sizeof(from),
					   .msg_control = control,
					   .msg_controllen = sizeof(control)};
			ssize_t n = fds[i].revents ? recvmsg(p.ports[i].fd, &m, MSG_DONTWAIT) : -1;
			if (n > 0)
				sight(i, data, (size_t)n, from.sll_pkttype == PACKET_OUTGOING, stamp(&m, wall_ahead()));
		}
	}
}

/* The node's own carrier, as its kernel tells it. */
static _Noreturn void *watch_carrier(void *arg)
{
	static uint8_t data[32768] __attribute__((aligned(8)));
	bool up = true;
	(void)arg;
	be_prompt(-20);
	for (;;) {
		ssize_t n = recv(p.link_fd, data, sizeof(data), 0);
		mono_t now = proc_clock();
		for (struct nlmsghdr *h = (void *)data; n > 0 && NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n)) {
			struct ifinfomsg *i = NLMSG_DATA(h);
			bool is = i->ifi_flags & LOWER_UP;
			if (h->nlmsg_type != RTM_NEWLINK || (i->ifi_flags & IFF_LOOPBACK))
				continue;
			if (is && !up)
				atomic_store(&p.carrier_up, now.ns);
			up = is;
		}
	}
}

/* ---- switching ---- */

static void switch_link(const char *dev, bool on)
{
	struct ifreq r = {.ifr_flags = 0};
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", dev);
	if (ioctl(p.net_fd, SIOCGIFFLAGS, &r) < 0)
		die(dev);
	r.ifr_flags = (short)(on ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
	if (ioctl(p.net_fd, SIOCSIFFLAGS, &r) < 0)
		die(dev);
}

static void plug(const char *dev, bool in)
{
	struct ifreq r = {.ifr_ifindex = 0}, of = {.ifr_ifindex = 0};
	snprintf(of.ifr_name, sizeof(of.ifr_name), "%s", dev);
	if (ioctl(p.net_fd, SIOCGIFINDEX, &of) < 0)
		die(dev);
	snprintf(r.ifr_name, sizeof(r.ifr_name), "air");
	r.ifr_ifindex = of.ifr_ifindex;
	/* In or out already: as it shall be. */
	if (ioctl(p.net_fd, in ? SIOCBRADDIF : SIOCBRDELIF, &r) < 0 && errno != EBUSY && errno != EINVAL)
		die(dev);
}

static const char *port_of(const char *mag, char buf[IF_NAMESIZE])
{
	snprintf(buf, IF_NAMESIZE, "r-%s", mag);
	return buf;
}

/* ---- a move ---- */

struct verdict {
	mono_t down, on, carrier, first; /* first: arrival after the carrier came; MONO_NEVER: none */
	uint64_t before, lost, lost_after, doubled, reordered, came;
	struct run {
		uint64_t first, n;
	} runs[RUNS_MAX]; /* the first of what was lost */
	unsigned n_runs;
};

static mono_t first_since(mono_t t)
{
	uint64_t n = atomic_load(&p.n_came);
	for (uint64_t i = p.told; i < n; i++)
		if (!mono_before(p.came[i].at, t))
			return p.came[i].at;
	return MONO_NEVER;
}

/* What was lost in a row is told by when it was sent, and how many. */
static void note_lost(struct verdict *v, uint64_t k)
{
	bool follows = v->n_runs && v->runs[v->n_runs - 1].first + v->runs[v->n_runs - 1].n == k;
	if (!follows && v->n_runs == RUNS_MAX)
		return;
	if (!follows)
		v->runs[v->n_runs++] = (struct run){.first = k};
	v->runs[v->n_runs - 1].n++;
}

static void judge(struct verdict *v)
{
	uint64_t n = atomic_load(&p.n_came), top = p.last;
	v->came = n - p.told;
	for (uint64_t i = p.told; i < n; i++) {
		uint64_t k = p.came[i].number;
		v->before += mono_before(p.came[i].at, v->down);
		if (p.times[k]++) {
			v->doubled++;
			continue;
		}
		v->reordered += k < top;
		top = k > top ? k : top;
	}
	for (uint64_t k = p.last + 1; k <= top; k++) {
		if (p.times[k])
			continue;
		v->lost++;
		note_lost(v, k);
		v->lost_after += !mono_before(p.sent_at[k], v->carrier);
	}
	v->first = first_since(v->carrier);
	p.told = n;
	p.last = top;
}

static double ms(mono_t t, mono_t from)
{
	return (double)mono_sub(t, from).ns / 1e6;
}

/* When the node first said something after its link came up. */
static mono_t node_spoke(const struct verdict *v)
{
	for (unsigned i = 0; i < atomic_load(&p.n_seen); i++)
		if (p.seen[i].port == 0 && p.seen[i].out && !mono_before(p.seen[i].at, v->on))
			return p.seen[i].at;
	return v->carrier;
}

/* When the first such message since then left or reached a port, the first of which is given, up to the last. */
static mono_t sighted(const struct verdict *v, const char *what, unsigned first_port, unsigned last_port, bool out)
{
	mono_t first = MONO_NEVER;
	for (unsigned i = 0; i < atomic_load(&p.n_seen); i++) {
		const struct sighting *s = &p.seen[i];
		if (!mono_before(s->at, v->on) && s->out == out && strcmp(s->what, what) == 0 &&
		    s->port >= first_port && s->port <= last_port)
			first = mono_min(first, s->at);
	}
	return first;
}

static void print_time(const char *name, mono_t t, mono_t from)
{
	if (mono_is_never(t))
		printf(", \"%s\": null", name);
	else
		printf(", \"%s\": %.3f", name, ms(t, from));
}

static void answer(const struct verdict *v, bool trace)
{
	printf("{\"away_ms\": %.3f, \"carrier_ms\": %.3f", ms(v->on, v->down), ms(v->carrier, v->on));
	print_time("first_ms", v->first, v->carrier);
	print_time("spoke_ms", node_spoke(v), v->carrier);
	print_time("report_ms", sighted(v, "MLD-report", 0, 0, true), v->carrier);
	print_time("pbu_ms", sighted(v, "PBU", 2, MAGS_MAX + 1, true), v->carrier);
	print_time("pba_ms", sighted(v, "PBA", 2, MAGS_MAX + 1, false), v->carrier);
	printf(", \"interval_ms\": %.4f, \"before\": %llu, \"came\": %llu, \"lost\": %llu, \"lost_after\": %llu, "
	       "\"doubled\": %llu, \"reordered\": %llu",
	       1e3 / p.rate, (unsigned long long)v->before, (unsigned long long)v->came, (unsigned long long)v->lost,
	       (unsigned long long)v->lost_after, (unsigned long long)v->doubled, (unsigned long long)v->reordered);
	printf(", \"losses\": [");
	for (unsigned i = 0; i < v->n_runs; i++)
		printf("%s{\"sent_ms\": %.3f, \"packets\": %llu}", i ? ", " : "",
		       ms(p.sent_at[v->runs[i].first], v->carrier), (unsigned long long)v->runs[i].n);
	printf("]");
	if (trace) {
		printf(", \"trace\": [");
		for (unsigned i = 0; i < atomic_load(&p.n_seen); i++)
			printf("%s{\"ms\": %.3f, \"at\": \"%s\", \"out\": %s, \"what\": \"%s\"}", i ? ", " : "",
			       ms(p.seen[i].at, v->carrier), p.ports[p.seen[i].port].name,
			       p.seen[i].out ? "true" : "false", p.seen[i].what);
		printf("]");
	}
	printf("}\n");
	fflush(stdout);
}

/* True: something came after t. */
static bool await_packet(mono_t since, span_t patience)
{
	mono_t end = mono_add(proc_clock(), patience);
	while (mono_is_never(first_since(since))) {
		if (mono_reached(end, proc_clock()))
			return false;
		proc_nap(span_ms(1));
	}
	return true;
}

/* The carrier is there when the node's kernel tells; where it tells late, or we hear it late, soon after it was
 * switched on. */
static void switch_on(struct verdict *v, const char *port)
{
	v->on = proc_clock();
	switch_link("acc1", true);
	switch_link(port, true);
	for (int i = 0; i < 20 && atomic_load(&p.carrier_up) < v->on.ns; i++)
		proc_nap(span_us(100));
	mono_t told = {atomic_load(&p.carrier_up)};
	v->carrier = mono_before(told, v->on) ? v->on : mono_min(told, mono_add(v->on, CARRIER_LATE));
}

static void attach(const char *mag)
{
	char port[IF_NAMESIZE];
	struct verdict v = {0};
	plug(port_of(mag, port), true);
	switch_on(&v, port);
	bool flows = await_packet(v.on, PATIENCE);
	proc_nap(ATTACHED);
	p.told = atomic_load(&p.n_came);
	p.last = p.told ? p.came[p.told - 1].number : 0;
	printf("{\"flows\": %s}\n", flows ? "true" : "false");
	fflush(stdout);
}

static void move(const char *kind, const char *old, const char *new, unsigned away, unsigned settle, bool trace)
{
	char from[IF_NAMESIZE], to[IF_NAMESIZE];
	struct verdict v = {0};
	port_of(old, from);
	port_of(new, to);
	atomic_store(&p.n_seen, 0);
	v.down = proc_clock();
	switch_link("acc1", false);
	if (!strcmp(kind, "leaving"))
		switch_link(from, false);
	plug(from, false);
	plug(to, true);
	sleep_until(mono_add(v.down, span_ms(away)));
	switch_on(&v, to);
	await_packet(v.carrier, PATIENCE);
	proc_nap(span_ms(settle));
	judge(&v);
	answer(&v, trace);
	switch_link(from, false);
}

static void obey(char *line)
{
	char word[7][14];
	int n = sscanf(line, "%13s %13s %13s %13s %13s %13s %13s", word[0], word[1], word[2], word[3], word[4], word[5],
		       word[6]);
	if (n == 1 && !strcmp(word[0], "quit"))
		exit(0);
	if (n == 2 && !strcmp(word[0], "attach"))
		attach(word[1]);
	else if (n >= 6 && !strcmp(word[0], "move"))
		move(word[1], word[2], word[3], (unsigned)atoi(word[4]), (unsigned)atoi(word[5]), n == 7);
	else
		fprintf(stderr, "handover_probe: what is '%s'?\n", word[0]);
}

/* ---- setting up ---- */

static void enter(const char *node)
{
	char name[64];
	snprintf(name, sizeof(name), "%s-%s", p.prefix, node);
	if ((errno = -netns_enter(name)) != 0)
		die(name);
}

static void stamps(int fd)
{
	int on = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0)
		die("SO_TIMESTAMPNS");
}

/* All but UDP, plain and in a tunnel: at thousands a second the stream would be most of what is looked at. */
static void open_port(const char *dev, const char *name)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 5),
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 3, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 41, 0, 3),
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 60),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	    BPF_STMT(BPF_RET | BPF_K, 2048),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	struct sockaddr_ll at = {
	    .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(dev)};
	struct port *to = &p.ports[p.n_ports++];
	to->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	snprintf(to->name, sizeof(to->name), "%s", name);
	if (to->fd < 0 || setsockopt(to->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
	    bind(to->fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die(dev);
	stamps(to->fd);
}

static void open_listener(void)
{
	struct sockaddr_in6 group = {.sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_addr = p.group};
	struct sockaddr_in6 source = {.sin6_family = AF_INET6, .sin6_addr = p.source};
	struct group_source_req want = {.gsr_interface = if_nametoindex("eth0")};
	int room = 16 << 20;
	memcpy(&want.gsr_group, &group, sizeof(group));
	memcpy(&want.gsr_source, &source, sizeof(source));
	p.recv_fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (p.recv_fd < 0 || bind(p.recv_fd, (struct sockaddr *)&group, sizeof(group)) < 0 ||
	    setsockopt(p.recv_fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
	    setsockopt(p.recv_fd, IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, &want, sizeof(want)) < 0)
		die("the listener");
	stamps(p.recv_fd);
}

static void open_node(void)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	enter("mn1");
	open_port("eth0", "mn1");
	open_listener();
	p.link_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (p.link_fd < 0 || bind(p.link_fd, (struct sockaddr *)&nl, sizeof(nl)) < 0)
		die("rtnetlink");
}

static void open_source(void)
{
	int hops = 16;
	enter("src");
	p.send_fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (p.send_fd < 0 || setsockopt(p.send_fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) < 0)
		die("the sender");
}

static void start(void *(*run)(void *))
{
	pthread_t t;
	if ((errno = pthread_create(&t, NULL, run, NULL)) != 0)
		die("a thread");
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;
	if (argc < 7 || argc - 6 > MAGS_MAX || inet_pton(AF_INET6, argv[2], &p.group) != 1 ||
	    inet_pton(AF_INET6, argv[3], &p.source) != 1) {
		fprintf(stderr, "usage: handover_probe PREFIX GROUP SOURCE RATE SIZE MAG...\n");
		return 2;
	}
	p.prefix = argv[1];
	p.rate = (unsigned)atoi(argv[4]);
	p.size = (unsigned)atoi(argv[5]);
	p.sent_at = calloc(NUMBERS_MAX, sizeof(*p.sent_at));
	p.times = calloc(NUMBERS_MAX, 1);
	p.came = calloc(2 * (size_t)NUMBERS_MAX, sizeof(*p.came));
	if (!p.sent_at || !p.times || !p.came || !p.rate || p.size < sizeof(struct packet) || p.size > 1452)
		die("arguments");
	open_node();
	open_source();
	enter("lma");
	open_port("tr0", "lma");
	for (int i = 6; i < argc; i++) {
		enter(argv[i]);
		open_port("tr0", argv[i]);
	}
	enter("net");
	p.net_fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	start(receive_all);
	start(watch_all);
	start(watch_carrier);
	start(send_all);
	while (getline(&line, &size, stdin) > 0)
		obey(line);
	free(line);
	return 0;
}
