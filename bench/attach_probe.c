/* SPDX-License-Identifier: BSD-2-Clause */
/* In a lab: from the carrier of a node's interface coming up to the first packet of a group there. For bench/attach.
 *
 * attach_probe PREFIX NODE GROUP RATE SIZE
 *
 * sends a stream from the lab's source. Each line on standard input begins a measurement at eth0 of NODE, which is answered
 * by "ready", and by a line of JSON when the first packet has come, at the latest after 10 s: {"first": MS or null,
 * "trace": [[MS, "in"|"out", WHAT], ...]}, counted from carrier up as rtnetlink told it. Packets bear the time at which the
 * kernel had them. Of the stream only the first packet is read: a filter in the kernel holds back the rest, so that
 * measuring takes no time from what is measured. Sender and probe are in real time, or their waiting for a busy processor
 * would be measured. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lab/netns.h"
#include "lab/proc.h"

#define PORT	  5001
#define PATIENCE  span_s(10)
#define SEEN_MAX  64
#define LOWER_UP  0x10000 /* linux/if.h and net/if.h cannot both be had */
#define HEAD	  64	  /* octets of a packet that are read */
#define IP6_DST	  24

struct sighting {
	mono_t at;
	bool out;
	uint8_t type; /* of ICMPv6 */
};

static struct {
	const char *interface;
	int link_fd, packet_fd;
	int ifindex;
	struct in6_addr group;
	bool down;	  /* the link has been, since the measurement began */
	mono_t up, first; /* MONO_NEVER: not yet */
	struct sighting seen[SEEN_MAX];
	unsigned n_seen;
} p;

static void die(const char *what)
{
	fprintf(stderr, "attach_probe: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the stream ---- */

static void be_prompt(void)
{
	struct sched_param prompt = {.sched_priority = 1};
	prctl(PR_SET_TIMERSLACK, 1UL);
	(void)sched_setscheduler(0, SCHED_FIFO, &prompt);
}

/* What could not be sent in time is not sent: in a burst it would leave gaps elsewhere. */
static _Noreturn void send_all(unsigned rate, unsigned size)
{
	static uint8_t data[1400];
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_addr = p.group};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), hops = 32, link = (int)if_nametoindex("up0");
	const span_t gap = span_ns(1000000000 / rate);
	mono_t next = proc_clock();

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &link, sizeof(link)) < 0)
		die("up0");
	be_prompt();
	for (;;) {
		struct timespec ts = {.tv_sec = next.ns / 1000000000, .tv_nsec = next.ns % 1000000000};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		sendto(fd, data, size, 0, (struct sockaddr *)&to, sizeof(to));
		for (mono_t now = proc_clock(); !mono_before(now, next);)
			next = mono_add(next, gap);
	}
}

static void send_stream(const char *prefix, unsigned rate, unsigned size)
{
	char ns[64];
	pid_t parent = getpid(), child = fork();
	if (child < 0)
		die("fork");
	if (child)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	snprintf(ns, sizeof(ns), "%s-src", prefix);
	errno = -netns_enter(ns);
	if (errno)
		die(ns);
	send_all(rate, size);
}

/* ---- what is let through: ICMPv6 with or without a Hop-by-Hop header, and, where `stream`, UDP to the group ---- */

static void filter(bool stream)
{
	uint32_t g[4];
	memcpy(g, &p.group, sizeof(g));
	/* As jumps are counted: `no` is instruction 15, `yes` the one before. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IPV6, 0, 13),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6), /* next header */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 10, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_HOPOPTS, 9, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, stream ? IPPROTO_UDP : IPPROTO_ICMPV6, 0, 9),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IP6_DST),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(g[0]), 0, 7),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IP6_DST + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(g[1]), 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IP6_DST + 8),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(g[2]), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IP6_DST + 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(g[3]), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, HEAD),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {sizeof(code) / sizeof(code[0]), code};
	if (setsockopt(p.packet_fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0)
		die("filter");
}

/* ---- receiving ---- */

/* The kernel's stamp of a packet on our clock. */
static mono_t stamp(struct msghdr *m)
{
	struct timespec t, wall;
	mono_t now = proc_clock();
	clock_gettime(CLOCK_REALTIME, &wall);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		return (mono_t){now.ns - ((wall.tv_sec - t.tv_sec) * INT64_C(1000000000) + wall.tv_nsec - t.tv_nsec)};
	}
	return now;
}

static void recv_packet(void)
{
	uint8_t d[HEAD], control[CMSG_SPACE(sizeof(struct timespec))];
	struct sockaddr_ll from;
	struct iovec iov = {d, sizeof(d)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_name = &from,
			   .msg_namelen = sizeof(from),
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(p.packet_fd, &m, MSG_DONTWAIT);
	if (n < 48)
		return;
	mono_t at = stamp(&m);
	if (d[6] == IPPROTO_UDP) {
		if (mono_is_never(p.first) && !mono_is_never(p.up) && !mono_before(at, p.up)) {
			p.first = at;
			filter(false);
		}
	} else if (p.n_seen < SEEN_MAX) {
		p.seen[p.n_seen++] =
			(struct sighting){at, from.sll_pkttype == PACKET_OUTGOING, d[d[6] == IPPROTO_HOPOPTS ? 48 : 40]};
	}
}

/* What was before the link went down is none of this measurement. */
static void link_is(bool up, mono_t now)
{
	if (!up) {
		p.up = p.first = MONO_NEVER;
		p.n_seen = 0;
		filter(true);
		p.down = true;
	} else if (p.down && mono_is_never(p.up)) {
		p.up = now;
	}
}

static void recv_link(void)
{
	static uint8_t data[32768] __attribute__((aligned(8)));
	ssize_t n = recv(p.link_fd, data, sizeof(data), 0);
	mono_t now = proc_clock();
	for (struct nlmsghdr *h = (void *)data; n > 0 && NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n)) {
		struct ifinfomsg *i = NLMSG_DATA(h);
		if (h->nlmsg_type == RTM_NEWLINK && i->ifi_index == p.ifindex)
			link_is(i->ifi_flags & LOWER_UP, now);
	}
}

/* ---- one measurement ---- */

static const char *name_of(uint8_t type)
{
	switch (type) {
	case 128:
		return "echo";
	case 129:
		return "echo-reply";
	case 130:
		return "mld-query";
	case 131:
	case 143:
		return "mld-report";
	case 133:
		return "rs";
	case 134:
		return "ra";
	case 135:
		return "ns";
	case 136:
		return "na";
	}
	return "icmpv6";
}

static double ms(mono_t t)
{
	return (double)mono_sub(t, p.up).ns / 1e6;
}

static void tell(void)
{
	bool known = !mono_is_never(p.first) && !mono_is_never(p.up);
	const char *comma = "";
	if (known)
		printf("{\"first\": %.3f, \"trace\": [", ms(p.first));
	else
		printf("{\"first\": null, \"trace\": [");
	for (unsigned i = 0; known && i < p.n_seen; i++) {
		printf("%s[%.3f, \"%s\", \"%s\"]", comma, ms(p.seen[i].at), p.seen[i].out ? "out" : "in",
		       name_of(p.seen[i].type));
		comma = ", ";
	}
	printf("]}\n");
	fflush(stdout);
}

static void drain(void)
{
	static uint8_t d[32768];
	while (recv(p.packet_fd, d, sizeof(d), MSG_DONTWAIT) >= 0)
		;
	while (recv(p.link_fd, d, sizeof(d), MSG_DONTWAIT) >= 0)
		;
}

static bool is_running(void)
{
	struct ifreq r = {.ifr_flags = 0};
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", p.interface);
	if (ioctl(p.packet_fd, SIOCGIFFLAGS, &r) < 0)
		die(p.interface);
	return r.ifr_flags & IFF_RUNNING;
}

static void measure(void)
{
	struct pollfd fds[] = {{.fd = p.link_fd, .events = POLLIN}, {.fd = p.packet_fd, .events = POLLIN}};
	mono_t end = mono_add(proc_clock(), PATIENCE);

	p.down = false;
	p.up = p.first = MONO_NEVER;
	drain();
	if (!is_running())
		link_is(false, proc_clock());
	puts("ready");
	fflush(stdout);
	while (mono_is_never(p.first) && mono_before(proc_clock(), end)) {
		if (poll(fds, 2, 100) < 0)
			die("poll");
		if (fds[0].revents)
			recv_link();
		if (fds[1].revents)
			recv_packet();
	}
	filter(false);
	tell();
}

static void open_all(const char *interface)
{
	struct sockaddr_nl links = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int one = 1;

	p.interface = interface;
	p.ifindex = at.sll_ifindex = (int)if_nametoindex(interface);
	p.link_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	p.packet_fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* deaf until the filter stands */
	if (!p.ifindex || p.link_fd < 0 || p.packet_fd < 0)
		die(interface);
	filter(false);
	if (setsockopt(p.packet_fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) < 0 ||
	    bind(p.packet_fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    bind(p.link_fd, (struct sockaddr *)&links, sizeof(links)) < 0)
		die("bind");
}

int main(int argc, char **argv)
{
	unsigned rate = argc == 6 ? (unsigned)atoi(argv[4]) : 0, size = argc == 6 ? (unsigned)atoi(argv[5]) : 0;
	char line[64];

	if (!rate || !size || size > 1400 || inet_pton(AF_INET6, argv[3], &p.group) != 1) {
		fprintf(stderr, "usage: attach_probe PREFIX NODE GROUP RATE SIZE\n");
		return 2;
	}
	send_stream(argv[1], rate, size);
	snprintf(line, sizeof(line), "%s-%s", argv[1], argv[2]);
	errno = -netns_enter(line);
	if (errno)
		die(line);
	open_all("eth0");
	be_prompt();
	while (fgets(line, sizeof(line), stdin))
		measure();
	return 0;
}
