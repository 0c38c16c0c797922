/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/stream.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lab/args.h"
#include "lab/proc.h"
#include "lab/seqstat.h"

#define MAGIC	    UINT32_C(0x52435354) /* "RCST" */
#define SOURCES_MAX 64
#define BATCH	    64

/* The first octets of each packet, network byte order; padding follows. */
struct stream_header {
	uint32_t magic, id;
	uint64_t number;
	uint64_t sent; /* CLOCK_MONOTONIC, ns */
};

struct options {
	struct in6_addr to;
	const char *file, *dev;
	unsigned long port, rate, size, hops, id, count;
	struct in6_addr sources[SOURCES_MAX], blocked[SOURCES_MAX];
	size_t n_sources, n_blocked;
	bool passive;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* Addresses that args_parse() has seen to be such. */
static void addresses(struct in6_addr *to, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		inet_pton(AF_INET6, texts[i], &to[i]);
}

static bool parse(int argc, char **argv, struct options *o)
{
	const char *to = NULL, *sources[SOURCES_MAX], *blocked[SOURCES_MAX];
	*o = (struct options){
	    .dev = "eth0", .port = STREAM_PORT, .rate = 100, .size = 200, .hops = 16, .count = ULONG_MAX};
	const struct arg known[] = {
	    {"to", ARG_ADDRESS, .to = &to},
	    {"group", ARG_ADDRESS, .to = &to},
	    {"file", ARG_TEXT, .to = &o->file},
	    {"dev", ARG_TEXT, .to = &o->dev},
	    {"port", ARG_NUMBER, .to = &o->port, 1, 65535},
	    {"rate", ARG_NUMBER, .to = &o->rate, 1, STREAM_RATE_MAX},
	    {"size", ARG_NUMBER, .to = &o->size, STREAM_SIZE_MIN, STREAM_SIZE_MAX},
	    {"hops", ARG_NUMBER, .to = &o->hops, 1, 255},
	    {"id", ARG_NUMBER, .to = &o->id, 0, UINT32_MAX},
	    {"count", ARG_NUMBER, .to = &o->count, 1, LONG_MAX},
	    {"source", ARG_ADDRESS, .to = sources, .n = &o->n_sources, .max = SOURCES_MAX},
	    {"block", ARG_ADDRESS, .to = blocked, .n = &o->n_blocked, .max = SOURCES_MAX},
	    {"passive", ARG_FLAG, .to = &o->passive},
	};
	if (args_parse(argc, argv, known, sizeof(known) / sizeof(known[0])) != argc || !to || !o->file) {
		fprintf(stderr, "%s: an address and --file are needed\n", argv[0]);
		return false;
	}
	addresses(&o->to, &to, 1);
	addresses(o->sources, sources, o->n_sources);
	addresses(o->blocked, blocked, o->n_blocked);
	return true;
}

static void catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
}

/* Readers see the old object or the new one, never half of one. */
static void publish(const char *file, json_t *o)
{
	char tmp[PATH_MAX];
	snprintf(tmp, sizeof(tmp), "%s.new", file);
	if (o && json_dump_file(o, tmp, JSON_COMPACT) == 0)
		rename(tmp, file);
	json_decref(o);
}

/* ---- sender ----------------------------------------------------------------------------------------------- */

struct sender {
	uint64_t sent, errors;
	mono_t first, last, published;
};

static void publish_sender(struct sender *s, const struct options *o, bool done)
{
	publish(o->file, json_pack("{sIsIsisisIsIsb}", "sent", (json_int_t)s->sent, "errors", (json_int_t)s->errors,
				   "rate", (int)o->rate, "size", (int)o->size, "first_at_ns", (json_int_t)s->first.ns,
				   "last_at_ns", (json_int_t)s->last.ns, "done", (int)done));
	s->published = proc_clock();
}

static void send_one(int fd, const struct sockaddr_in6 *to, const struct options *o, struct sender *s)
{
	static uint8_t packet[STREAM_SIZE_MAX];
	s->last = proc_clock();
	struct stream_header h = {.magic = htobe32(MAGIC),
				  .id = htobe32((uint32_t)o->id),
				  .number = htobe64(s->sent),
				  .sent = htobe64((uint64_t)s->last.ns)};
	memcpy(packet, &h, sizeof(h));
	/* A packet that could not be sent keeps its number: the receivers see it as lost, as it is. */
	if (sendto(fd, packet, o->size, 0, (const struct sockaddr *)to, sizeof(*to)) < 0)
		s->errors++;
	s->sent++;
}

int stream_send_main(int argc, char **argv)
{
	struct options o;
	if (!parse(argc, argv, &o))
		return 2;
	catch_signals();
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int hops = (int)o.hops;
	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops)) < 0) {
		perror("socket");
		return 1;
	}
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)o.port), .sin6_addr = o.to};
	struct sender s = {.first = proc_clock()};
	publish_sender(&s, &o, false);
	while (!stop && s.sent < o.count) {
		/* By the clock and not by the pause: what the scheduler delayed is caught up. */
		mono_t due = mono_add(s.first, span_ns((int64_t)((double)s.sent * 1e9 / o.rate)));
		struct timespec t = {.tv_sec = due.ns / 1000000000, .tv_nsec = due.ns % 1000000000};
		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
			continue;
		send_one(fd, &to, &o, &s);
		if (mono_sub(s.last, s.published).ns >= span_ms(100).ns)
			publish_sender(&s, &o, false);
	}
	publish_sender(&s, &o, true);
	close(fd);
	return 0;
}

/* ---- receiver --------------------------------------------------------------------------------------------- */

struct receiver {
	struct seqstat s;
	uint64_t foreign;	 /* not of this stream */
	uint64_t unicast_frames; /* passive: sent to this node's link-layer address alone (RFC 6085) */
	uint64_t overflow;	 /* the receiver was too slow: not the network's loss */
	bool changed;
};

static json_t *gaps_to_json(const struct seqstat *s)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < s->n_gaps; i++)
		json_array_append_new(list, json_pack("{sIsIsfsI}", "from_ns", (json_int_t)s->gaps[i].from.ns, "to_ns",
						      (json_int_t)s->gaps[i].to.ns, "ms",
						      (double)mono_sub(s->gaps[i].to, s->gaps[i].from).ns / 1e6,
						      "missing", (json_int_t)s->gaps[i].missing));
	return list;
}

static void publish_receiver(struct receiver *r, const struct options *o, bool done)
{
	const struct seqstat *s = &r->s;
	json_t *all = json_pack("{sIsIsIsIsIsIsIsb}", "received", (json_int_t)s->received, "lost",
				(json_int_t)seqstat_lost(s), "duplicates", (json_int_t)s->duplicates, "reordered",
				(json_int_t)s->reordered, "stale", (json_int_t)s->stale, "foreign",
				(json_int_t)r->foreign, "overflow", (json_int_t)r->overflow, "done", (int)done);
	if (o->passive)
		json_object_set_new(all, "unicast_frames", json_integer((json_int_t)r->unicast_frames));
	if (s->received) {
		json_t *more = json_pack("{sIsIsIsIsfsfsf}", "first", (json_int_t)s->first, "last", (json_int_t)s->last,
					 "first_at_ns", (json_int_t)s->first_at.ns, "last_at_ns",
					 (json_int_t)s->newest.ns, "delay_min_ms", (double)s->delay_min.ns / 1e6,
					 "delay_avg_ms", (double)s->delay_sum.ns / (double)s->received / 1e6,
					 "delay_max_ms", (double)s->delay_max.ns / 1e6);
		json_object_update(all, more);
		json_decref(more);
	}
	json_object_set_new(all, "gaps", gaps_to_json(s));
	publish(o->file, all);
	r->changed = false;
}

static void take(struct receiver *r, const struct options *o, const uint8_t *data, size_t len, mono_t at)
{
	struct stream_header h;
	r->changed = true;
	if (len < sizeof(h)) {
		r->foreign++;
		return;
	}
	memcpy(&h, data, sizeof(h));
	if (be32toh(h.magic) != MAGIC || be32toh(h.id) != o->id) {
		r->foreign++;
		return;
	}
	seqstat_add(&r->s, be64toh(h.number), (mono_t){(int64_t)be64toh(h.sent)}, at);
}

/* A frame's IPv6 packet: ours, if it is UDP of this group, port and (where named) source. */
static void take_frame(struct receiver *r, const struct options *o, const uint8_t *p, size_t len,
		       const struct sockaddr_ll *from, mono_t at)
{
	struct ip6_hdr ip;
	struct udphdr udp;
	if (from->sll_pkttype == PACKET_OUTGOING || len < sizeof(ip) + sizeof(udp))
		return;
	memcpy(&ip, p, sizeof(ip));
	memcpy(&udp, p + sizeof(ip), sizeof(udp));
	size_t payload = ntohs(udp.len);
	if (ip.ip6_nxt != IPPROTO_UDP || memcmp(&ip.ip6_dst, &o->to, 16) != 0 || ntohs(udp.dest) != o->port ||
	    payload < sizeof(udp) || payload > len - sizeof(ip))
		return;
	bool wanted = o->n_sources == 0;
	for (size_t i = 0; i < o->n_sources; i++)
		wanted = wanted || memcmp(&ip.ip6_src, &o->sources[i], 16) == 0;
	if (!wanted)
		return;
	if (from->sll_pkttype == PACKET_HOST)
		r->unicast_frames++;
	take(r, o, p + sizeof(ip) + sizeof(udp), payload - sizeof(udp), at);
}

static struct sockaddr_storage storage_of(const struct in6_addr *a)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_addr = *a};
	memcpy(&ss, &sin6, sizeof(sin6));
	return ss;
}

static int join(int fd, const struct options *o, unsigned ifindex)
{
	struct ipv6_mreq any = {.ipv6mr_multiaddr = o->to, .ipv6mr_interface = ifindex};
	if (!o->n_sources && setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &any, sizeof(any)) < 0)
		return -errno;
	for (size_t i = 0; i < o->n_sources + o->n_blocked; i++) {
		bool block = i >= o->n_sources;
		struct group_source_req one = {
		    .gsr_interface = ifindex,
		    .gsr_group = storage_of(&o->to),
		    .gsr_source = storage_of(block ? &o->blocked[i - o->n_sources] : &o->sources[i]),
		};
		if (setsockopt(fd, IPPROTO_IPV6, block ? MCAST_BLOCK_SOURCE : MCAST_JOIN_SOURCE_GROUP, &one,
			       sizeof(one)) < 0)
			return -errno;
	}
	return 0;
}

/* A listening socket; negative errno after it told. */
static int open_receiver(const struct options *o)
{
	unsigned ifindex = if_nametoindex(o->dev);
	int on = 1, off = 0, room = 8 << 20, r;
	int fd = o->passive ? socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_IPV6))
			    : socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || !ifindex) {
		fprintf(stderr, "%s: %s\n", o->dev, strerror(errno));
		return -errno;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (o->passive) {
		struct sockaddr_ll at = {
		    .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6), .sll_ifindex = (int)ifindex};
		struct packet_mreq all = {.mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_ALLMULTI};
		r = bind(fd, (struct sockaddr *)&at, sizeof(at));
		if (!r)
			r = setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all));
	} else {
		struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)o->port)};
		bool multicast = IN6_IS_ADDR_MULTICAST(&o->to);
		if (multicast)
			at.sin6_addr = o->to; /* the socket hears this group alone ... */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
		/* ... and only what it asked for itself, not what others on this host joined. */
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, &off, sizeof(off));
		r = bind(fd, (struct sockaddr *)&at, sizeof(at));
		if (!r && multicast && (r = join(fd, o, ifindex)) < 0)
			errno = -r;
	}
	if (r) {
		perror("listening");
		close(fd);
		return -EIO;
	}
	return fd;
}

static void drain(int fd, struct receiver *r, const struct options *o)
{
	static uint8_t data[BATCH][2048];
	static struct sockaddr_ll from[BATCH];
	static uint8_t control[BATCH][CMSG_SPACE(sizeof(uint32_t))];
	struct iovec iov[BATCH];
	struct mmsghdr m[BATCH];
	int n;
	do {
		for (int i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){data[i], sizeof(data[i])};
			m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i],
						       .msg_iovlen = 1,
						       .msg_control = control[i],
						       .msg_controllen = sizeof(control[i])};
			if (o->passive) {
				m[i].msg_hdr.msg_name = &from[i];
				m[i].msg_hdr.msg_namelen = sizeof(from[i]);
			}
		}
		n = recvmmsg(fd, m, BATCH, MSG_DONTWAIT, NULL);
		mono_t at = proc_clock();
		for (int i = 0; i < n; i++) {
			struct cmsghdr *c = CMSG_FIRSTHDR(&m[i].msg_hdr);
			uint32_t overflow;
			if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
				memcpy(&overflow, CMSG_DATA(c), sizeof(overflow));
				r->overflow = overflow;
			}
			if (o->passive)
				take_frame(r, o, data[i], m[i].msg_len, &from[i], at);
			else
				take(r, o, data[i], m[i].msg_len, at);
		}
	} while (n == BATCH);
}

int stream_recv_main(int argc, char **argv)
{
	static struct receiver r;
	struct options o;
	if (!parse(argc, argv, &o))
		return 2;
	catch_signals();
	int fd = open_receiver(&o);
	if (fd < 0)
		return 1;
	publish_receiver(&r, &o, false); /* tells whoever started us that we listen */
	mono_t published = proc_clock();
	while (!stop) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (poll(&p, 1, 50) > 0)
			drain(fd, &r, &o);
		if (r.changed && mono_sub(proc_clock(), published).ns >= span_ms(100).ns) {
			publish_receiver(&r, &o, false);
			published = proc_clock();
		}
	}
	drain(fd, &r, &o);
	if (o.passive) {
		struct tpacket_stats st = {0};
		socklen_t len = sizeof(st);
		if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &len) == 0)
			r.overflow = st.tp_drops;
	}
	publish_receiver(&r, &o, true);
	close(fd);
	return 0;
}
