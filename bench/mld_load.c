/* SPDX-License-Identifier: BSD-2-Clause */
/* Load and stopwatch at the ends of a plain MLD proxy's links (bench/mld). Each end is a packet socket, in any network
 * namespace; times are the system's clock, those of packets as the kernel stamped them on arrival.
 *
 *   mld_load first    SRCNS SRCIF HOSTNS HOSTIF TRIALS PPS    report to first packet of a running stream
 *   mld_load leave    SRCNS SRCIF HOSTNS HOSTIF TRIALS PPS    leave to last packet of it
 *   mld_load upstream SINKNS SINKIF HOSTNS HOSTIF TRIALS      report to the report upstream
 *   mld_load records  SINKNS SINKIF HOSTNS HOSTIF GROUPS PER_REPORT REPORTS_PER_S SECONDS
 *   mld_load copies   SRCNS SRCIF HOSTNS LINKS                a host on each of the links c0...: as its input says
 *   mld_load wake     TRIALS                                  a thread that sleeps on another processor
 *
 * first, leave, upstream, wake print nanoseconds, a trial a line (-1: it never came). records prints how many records were
 * sent, how many different groups were heard upstream, the nanoseconds of sending, and those until the last group was
 * heard. copies reads lines: at "join" all hosts join, at "packet" one is sent, and it prints how many links got it, how
 * many copies there were, and nanoseconds to the last.
 *
 * In first and leave the host joins a group that another host, on the link HOSTIF2 in the environment, has already. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "wire/mld.h"

#define NS_PER_S INT64_C(1000000000)
#define WAIT_NS (NS_PER_S / 2)
#define BATCH 64

struct end {
	int fd;
	struct sockaddr_ll to;
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "mld_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(const char *netns)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(netns);
	close(fd);
}

static cpu_set_t processors; /* that this process may use */

/* To the first of them, or the last: what are different machines elsewhere does not share a processor. */
static void pin(bool last)
{
	int cpu = last ? CPU_SETSIZE - 1 : 0;
	cpu_set_t one;

	while (!CPU_ISSET(cpu, &processors))
		cpu += last ? -1 : 1;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static struct end end_open(const char *netns, const char *ifname, bool hears)
{
	struct end e = {.to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6), .sll_halen = 6}};
	int on = 1, size = 256 << 20;

	enter(netns);
	e.to.sll_ifindex = (int)if_nametoindex(ifname);
	e.fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!e.to.sll_ifindex || e.fd < 0)
		die(ifname);
	setsockopt(e.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(e.fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	setsockopt(e.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	if (hears) {
		struct sockaddr_ll all = e.to;

		all.sll_protocol = htons(ETH_P_ALL); /* a port of a bridge gives nothing to others */
		if (bind(e.fd, (struct sockaddr *)&all, sizeof(all)) < 0)
			die(ifname);
	}
	return e;
}

static void end_send(struct end *e, const struct in6_addr *dst, const uint8_t *packet, size_t len)
{
	addr_multicast_mac(dst, e->to.sll_addr);
	if (sendto(e->fd, packet, len, 0, (struct sockaddr *)&e->to, sizeof(e->to)) < 0)
		die("sendto");
}

/* One packet and its time of arrival; 0: none within `timeout_ms`. */
static size_t end_recv(struct end *e, uint8_t *buf, size_t cap, int64_t *at, int timeout_ms)
{
	char control[256];
	struct iovec iov = {buf, cap};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct timeval tv = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	ssize_t n;

	if (timeout_ms)
		setsockopt(e->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	n = recvmsg(e->fd, &m, timeout_ms ? 0 : MSG_DONTWAIT);
	if (n <= 0)
		return 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct timespec ts;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		*at = ts.tv_sec * NS_PER_S + ts.tv_nsec;
	}
	return (size_t)n;
}

static struct in6_addr text_addr(const char *text)
{
	struct in6_addr a;

	if (inet_pton(AF_INET6, text, &a) != 1)
		die(text);
	return a;
}

static struct in6_addr group_nr(uint32_t i)
{
	struct in6_addr g = text_addr("ff1e::1d:0:0");
	uint32_t be = htonl(i);

	memcpy(&g.s6_addr[12], &be, 4);
	return g;
}

struct report {
	uint8_t packet[128];
	size_t len;
};

static struct report report_of(uint8_t type, const struct in6_addr *group)
{
	struct in6_addr self = text_addr("fe80::c0:0:0:1");
	struct mld_report r;
	struct report ret;

	mld_report_begin(&r, &self, ret.packet, sizeof(ret.packet));
	mld_report_add(&r, type, group, NULL, 0);
	ret.len = mld_report_finish(&r);
	return ret;
}

static void report_send(struct end *e, const struct report *r)
{
	end_send(e, &addr_all_mldv2_routers, r->packet, r->len);
}

static void host_report(struct end *e, uint8_t type, const struct in6_addr *group)
{
	struct report r = report_of(type, group);

	report_send(e, &r);
}

/* ---- a stream and a listener --------------------------------------------------------------------------- */

static size_t data_packet(uint8_t *packet, const struct in6_addr *group)
{
	struct in6_addr source = text_addr("2001:db8:a::5");
	size_t payload = 100;

	memset(packet, 0, 40 + payload);
	packet[0] = 0x60;
	packet[5] = (uint8_t)payload;
	packet[6] = 59; /* no next header: nobody reads it */
	packet[7] = 64;
	memcpy(packet + 8, &source, 16);
	memcpy(packet + 24, group, 16);
	return 40 + payload;
}

static void schedule(int policy)
{
	static const struct sched_param none;

	sched_setscheduler(0, policy, &none);
}

struct stream {
	struct end *src;
	struct in6_addr group;
	uint8_t packet[256];
	size_t len;
	long pps;
	int64_t until;
};

/* Sends it, `pps` packets a second; what is late is not made up for. */
static void *stream_run(void *arg)
{
	struct stream *s = arg;
	int64_t gap = NS_PER_S / s->pps, next = now_ns();

	pin(true);
	schedule(SCHED_OTHER);
	while (next < s->until) {
		while (now_ns() < next)
			;
		end_send(s->src, &s->group, s->packet, s->len);
		next += gap;
		if (now_ns() > next + gap)
			next = now_ns();
	}
	return NULL;
}

/* The first (or last) packet of the group that arrived after `since`, in nanoseconds after it; -1: none. */
static int64_t arrival(struct end *host, const struct in6_addr *group, int64_t since, bool last)
{
	uint8_t buf[2048];
	int64_t at = 0, found = -1;
	size_t n;

	while ((n = end_recv(host, buf, sizeof(buf), &at, 0))) {
		if (n < 40 || memcmp(buf + 24, group, 16) != 0 || at < since)
			continue;
		if (found < 0 || last)
			found = at - since;
	}
	return found;
}

/* The hosts are on one processor, where they let everybody by, and the stream's sender on another, which never sleeps. */
static void stopwatch(struct end *src, struct end *host, struct end *other, int trials, long pps, bool leave)
{
	struct stream s = {.src = src, .pps = pps};
	pthread_t thread;

	pin(false);
	schedule(SCHED_IDLE);
	for (int i = 0; i < trials; i++) {
		struct in6_addr g = group_nr((uint32_t)(0x10000 + i + (leave ? 0x1000 : 0)));
		struct report change = report_of(leave ? MLD_CHANGE_TO_INCLUDE : MLD_CHANGE_TO_EXCLUDE, &g);
		int64_t since;

		host_report(other, MLD_CHANGE_TO_EXCLUDE, &g);
		if (leave)
			host_report(host, MLD_CHANGE_TO_EXCLUDE, &g);
		usleep(30000);
		s.group = g;
		s.len = data_packet(s.packet, &g);
		s.until = now_ns() + 25000000;
		if (pthread_create(&thread, NULL, stream_run, &s))
			die("thread");
		usleep(5000);
		since = now_ns();
		report_send(host, &change);
		pthread_join(thread, NULL);
		since = arrival(host, &g, since, leave);
		printf("%lld\n", (long long)(leave && since < 0 ? 0 : since));
		fflush(stdout);
		host_report(host, MLD_CHANGE_TO_INCLUDE, &g);
		host_report(other, MLD_CHANGE_TO_INCLUDE, &g);
		usleep(5000);
		arrival(other, &g, 0, true); /* empties its buffer */
	}
}

/* ---- reports upstream ---------------------------------------------------------------------------------- */

static bool report_has(const uint8_t *packet, size_t len, const struct in6_addr *group)
{
	struct mld_packet p;
	struct mld_record r;

	if (mld_decode(packet, len, &p) != MLD_OK || p.type != MLD_V2_REPORT)
		return false;
	for (size_t cursor = 0; mld_next_record(&p, &cursor, &r);)
		if (addr_eq(&r.group, group))
			return true;
	return false;
}

static void upstream(struct end *sink, struct end *host, int trials)
{
	uint8_t buf[2048];

	for (int i = 0; i < trials; i++) {
		struct in6_addr g = group_nr((uint32_t)(0x20000 + i));
		struct report join = report_of(MLD_CHANGE_TO_EXCLUDE, &g);
		int64_t since = now_ns(), at = 0, took = -1;
		size_t n;

		report_send(host, &join);
		while (took < 0 && now_ns() - since < WAIT_NS)
			if ((n = end_recv(sink, buf, sizeof(buf), &at, 100)) && report_has(buf, n, &g))
				took = at - since;
		printf("%lld\n", (long long)took);
		usleep(20000);
	}
}

/* ---- many records -------------------------------------------------------------------------------------- */

struct sink {
	struct end end;
	uint8_t *seen;
	uint32_t groups;
	atomic_uint distinct;
	atomic_llong last_at;
};

static void sink_take(struct sink *s, const uint8_t *packet, size_t len)
{
	struct in6_addr first = group_nr(0);
	struct mld_packet p;
	struct mld_record r;

	if (mld_decode(packet, len, &p) != MLD_OK || p.type != MLD_V2_REPORT)
		return;
	for (size_t cursor = 0; mld_next_record(&p, &cursor, &r);) {
		uint32_t i;

		memcpy(&i, &r.group.s6_addr[12], 4);
		i = ntohl(i);
		if (memcmp(&r.group, &first, 12) != 0 || i >= s->groups || s->seen[i])
			continue;
		s->seen[i] = 1;
		atomic_fetch_add(&s->distinct, 1);
		atomic_store(&s->last_at, now_ns());
	}
}

static void *sink_run(void *arg)
{
	static uint8_t buf[BATCH][2048];
	struct sink *s = arg;
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){buf[i], sizeof(buf[i])};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	for (;;) {
		int n = recvmmsg(s->end.fd, m, BATCH, MSG_WAITFORONE, NULL);

		for (int i = 0; i < n; i++)
			sink_take(s, buf[i], m[i].msg_len);
	}
	return NULL;
}

static void pace(int64_t until)
{
	int64_t left;

	while ((left = until - now_ns()) > 0)
		if (left > 100000)
			usleep((useconds_t)(left / 2000));
}

static void records(struct sink *s, struct end *host, uint32_t per_report, long per_s, int seconds)
{
	struct in6_addr self = text_addr("fe80::c0:0:0:1"), routers = text_addr("ff02::16");
	int64_t start, sent_at, until;
	uint8_t packet[1500];
	pthread_t thread;
	uint32_t done = 0;

	s->seen = calloc(s->groups, 1);
	if (!s->seen || pthread_create(&thread, NULL, sink_run, s))
		die("sink");
	start = now_ns();
	for (int64_t k = 0; done < s->groups; k++) {
		struct mld_report r;

		pace(start + k * NS_PER_S / per_s);
		mld_report_begin(&r, &self, packet, sizeof(packet));
		for (uint32_t i = 0; i < per_report && done < s->groups; i++, done++) {
			struct in6_addr g = group_nr(done);

			mld_report_add(&r, MLD_CHANGE_TO_EXCLUDE, &g, NULL, 0);
		}
		end_send(host, &routers, packet, mld_report_finish(&r));
	}
	sent_at = now_ns();
	until = sent_at + seconds * NS_PER_S;
	while (atomic_load(&s->distinct) < s->groups && now_ns() < until)
		usleep(1000);
	printf("%u %u %lld %lld\n", done, atomic_load(&s->distinct), (long long)(sent_at - start),
	       (long long)(atomic_load(&s->last_at) - start));
	pthread_cancel(thread); /* what is sent again still comes, and the caller's sink ends with it */
	pthread_join(thread, NULL);
	free(s->seen);
}

/* ---- many links ---------------------------------------------------------------------------------------- */

struct hosts {
	struct end end; /* of all links */
	unsigned links;
	struct in6_addr group;
};

static void hosts_join(struct hosts *h)
{
	for (unsigned i = 0; i < h->links; i++) {
		char name[IF_NAMESIZE];

		snprintf(name, sizeof(name), "c%u", i);
		h->end.to.sll_ifindex = (int)if_nametoindex(name);
		host_report(&h->end, MLD_CHANGE_TO_EXCLUDE, &h->group);
		if (i % 50 == 49)
			usleep(2000);
	}
}

/* A copy of the packet, within a second: the link it came from and when; 0: no more. */
static int copy_recv(struct hosts *h, int64_t *at)
{
	static const struct timeval second = {1, 0};
	char control[256];
	uint8_t packet[2048];
	struct sockaddr_ll from;
	struct iovec iov = {packet, sizeof(packet)};
	struct timespec ts = {0};

	setsockopt(h->end.fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	for (;;) {
		struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
				   .msg_control = control, .msg_controllen = sizeof(control)};
		ssize_t len = recvmsg(h->end.fd, &m, 0);

		if (len <= 0)
			return 0;
		if (len < 40 || memcmp(packet + 24, &h->group, 16) != 0)
			continue;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
			if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
				memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		*at = ts.tv_sec * NS_PER_S + ts.tv_nsec;
		return from.sll_ifindex;
	}
}

static void hosts_count(struct hosts *h, struct end *src)
{
	static uint8_t seen[65536];
	unsigned reached = 0, n = 0;
	int64_t since, at = 0, last = 0;
	uint8_t packet[256];
	int ifindex;

	memset(seen, 0, sizeof(seen));
	arrival(&h->end, &h->group, 0, true); /* empties its buffer */
	since = now_ns();
	end_send(src, &h->group, packet, data_packet(packet, &h->group));
	for (; (ifindex = copy_recv(h, &at)); n++) {
		last = at > last ? at : last;
		reached += !seen[ifindex & 0xffff];
		seen[ifindex & 0xffff] = 1;
	}
	printf("%u %u %lld\n", reached, n, (long long)(last ? last - since : -1));
}

static void copies(struct end *src, const char *netns, unsigned links)
{
	struct sockaddr_ll any = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6)};
	struct hosts h = {.end = end_open(netns, "c0", false), .links = links, .group = group_nr(0x30000)};
	char line[32];

	if (bind(h.end.fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		die("bind");
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "join\n") == 0)
			hosts_join(&h);
		else
			hosts_count(&h, src);
		fflush(stdout);
	}
}

/* ---- the machine itself -------------------------------------------------------------------------------- */

struct sleeper {
	int bell;
	atomic_llong woken;
};

static void *sleeper_run(void *arg)
{
	struct sleeper *s = arg;
	uint64_t n;

	pin(false);
	while (read(s->bell, &n, sizeof(n)) == sizeof(n))
		atomic_store(&s->woken, now_ns());
	return NULL;
}

/* From a write to an event to the thread that waits for it, after as long a sleep as between two reports above. */
static void wake(int trials)
{
	struct sleeper s = {.bell = eventfd(0, EFD_CLOEXEC)};
	pthread_t thread;

	if (s.bell < 0 || pthread_create(&thread, NULL, sleeper_run, &s))
		die("eventfd");
	pin(true);
	for (int i = 0; i < trials; i++) {
		int64_t since = now_ns();

		while (now_ns() - since < 30000000)
			;
		atomic_store(&s.woken, 0);
		since = now_ns();
		if (write(s.bell, &(uint64_t){1}, sizeof(uint64_t)) < 0)
			die("eventfd");
		while (!atomic_load(&s.woken) && now_ns() - since < WAIT_NS)
			;
		printf("%lld\n", atomic_load(&s.woken) ? (long long)(atomic_load(&s.woken) - since) : -1);
	}
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	close(s.bell);
}

int main(int argc, char **argv)
{
	const char *other = getenv("HOSTIF2");
	struct end far, host;

	sched_getaffinity(0, sizeof(processors), &processors);
	if (argc == 3 && strcmp(argv[1], "wake") == 0) {
		wake(atoi(argv[2]));
		return 0;
	}
	if (argc == 6 && strcmp(argv[1], "copies") == 0) {
		far = end_open(argv[2], argv[3], false);
		copies(&far, argv[4], (unsigned)atoi(argv[5]));
		return 0;
	}
	if (argc < 7)
		goto usage;
	if (strcmp(argv[1], "upstream") == 0) {
		far = end_open(argv[2], argv[3], true);
		host = end_open(argv[4], argv[5], false);
		upstream(&far, &host, atoi(argv[6]));
		return 0;
	}
	if (strcmp(argv[1], "records") == 0 && argc == 10) {
		struct sink s = {.end = end_open(argv[2], argv[3], true), .groups = (uint32_t)atol(argv[6])};

		host = end_open(argv[4], argv[5], false);
		records(&s, &host, (uint32_t)atoi(argv[7]), atol(argv[8]), atoi(argv[9]));
		return 0;
	}
	if ((strcmp(argv[1], "first") == 0 || strcmp(argv[1], "leave") == 0) && argc == 8 && other) {
		struct end second;

		far = end_open(argv[2], argv[3], false);
		host = end_open(argv[4], argv[5], true);
		second = end_open(argv[4], other, true);
		stopwatch(&far, &host, &second, atoi(argv[6]), atol(argv[7]), argv[1][0] == 'l');
		return 0;
	}
usage:
	fprintf(stderr, "usage: mld_load first|leave|upstream|records|copies|wake ... (see bench/mld_load.c)\n");
	return 2;
}
