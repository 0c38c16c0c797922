/* SPDX-License-Identifier: BSD-2-Clause */
/* What a hostile node can put on its access link: Multicast Listener and Neighbour Discovery messages, damaged and in
 * great number.
 *
 *	hostile_link storm  --dev IF [--random N] [--rate N] [--seed N]     from the interface's own MAC address
 *	hostile_link macs   --dev IF [--count N] [--rate N]                 each message from another MAC address
 *	hostile_link groups --dev IF [--count N] [--rate N]                 reports of so many groups, 32 in each
 *	hostile_link spoof  --dev IF --from ADDR --to ADDR [--count N]      UDP datagrams with that source address
 *
 * Prints "sent N". Bounded, and ends by itself. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cksum.h"
#include "base/rng.h"
#include "wire/ip6.h"
#include "wire/mld.h"
#include "wire/nd.h"

#define COUNT_MAX 1000000
#define ROOM 1500
#define GROUPS_OF_A_REPORT 32

struct options {
	const char *dev;
	struct in6_addr from, to;
	unsigned long count, rate, random, seed;
	int fd, ifindex;
	uint8_t mac[6];
	unsigned long sent;
	struct timespec started;
};

struct packet {
	uint8_t b[ROOM];
	size_t len;
};

/* Right checksum and lengths over whatever stands there, so that the damage is found and not the checksum. */
static void seal(struct packet *p)
{
	struct in6_addr src, dst;
	size_t at = p->len > 6 && p->b[6] == 0 ? 48 : 40; /* our own Hop-by-Hop header has 8 octets */
	if (p->len < at + 4)
		return;
	p->b[4] = (uint8_t)((p->len - 40) >> 8);
	p->b[5] = (uint8_t)(p->len - 40);
	memcpy(&src, p->b + 8, 16);
	memcpy(&dst, p->b + 24, 16);
	p->b[at + 2] = p->b[at + 3] = 0;
	uint16_t sum = cksum_ip6(&src, &dst, IPPROTO_ICMPV6, p->b + at, p->len - at);
	p->b[at + 2] = (uint8_t)(sum >> 8);
	p->b[at + 3] = (uint8_t)sum;
}

/* ---- good messages, to be spoiled ------------------------------------------------------------------------- */

static struct in6_addr parse(const char *text)
{
	struct in6_addr a = {0};
	addr_parse(text, &a);
	return a;
}

static void report(struct packet *p, const struct in6_addr *self, unsigned long first, unsigned n, bool sources)
{
	struct in6_addr group = parse("ff1e::bad:0:0"), source[2] = {parse("2001:db8:aaaa::6"), parse("2001:db8:aaaa::7")};
	struct mld_report r;
	mld_report_begin(&r, self, p->b, sizeof(p->b));
	for (unsigned i = 0; i < n; i++) {
		group.s6_addr32[3] = htonl((uint32_t)(first + i + 1));
		mld_report_add(&r, sources ? MLD_ALLOW_NEW_SOURCES : MLD_CHANGE_TO_EXCLUDE, &group, source, sources ? 2 : 0);
	}
	p->len = mld_report_finish(&r);
}

enum message { V2_REPORT, V2_SOURCES, V1_REPORT, V1_DONE, V2_QUERY, V1_QUERY, RS, RA, NS, NA, MESSAGE_N };

static void discovery(struct packet *p, enum message which, const struct options *o, const struct in6_addr *self)
{
	struct nd_msg m = {.src = *self, .source_ll = lladdr_of(o->mac, 6)};
	m.type = which == RS ? ND_RS : which == RA ? ND_RA : which == NS ? ND_NS : ND_NA;
	m.dst = which == RS ? addr_all_routers : addr_all_nodes;
	m.target = which == NS || which == NA ? addr_mag_link_local : addr_any;
	if (which == NS)
		m.dst = parse("ff02::1:ff00:5213");
	if (which == NA)
		m.target_ll = lladdr_of(o->mac, 6), m.source_ll.len = 0;
	if (which == RA) {
		m.router_lifetime_s = 1800;
		m.n_prefixes = 1;
		m.prefixes[0].prefix = (struct prefix){parse("2001:db8:bad::"), 64};
	}
	p->len = nd_encode(&m, p->b, sizeof(p->b));
}

static void make(struct packet *p, enum message which, const struct options *o)
{
	struct in6_addr self = addr_link_local_of(o->mac), group = parse("ff1e::bad:0:1");
	struct mld_query q = {.version = which == V1_QUERY ? 1 : 2, .group = group, .max_resp = span_s(1), .qrv = 2,
			      .qqi = span_s(125)};
	switch (which) {
	case V2_REPORT: report(p, &self, 0, 2, false); break;
	case V2_SOURCES: report(p, &self, 0, 2, true); break;
	case V1_REPORT: p->len = mld_encode_v1(MLD_V1_REPORT, &group, &self, p->b, sizeof(p->b)); break;
	case V1_DONE: p->len = mld_encode_v1(MLD_V1_DONE, &group, &self, p->b, sizeof(p->b)); break;
	case V2_QUERY:
	case V1_QUERY: p->len = mld_encode_query(&q, NULL, &self, &group, p->b, sizeof(p->b)); break;
	case RS:
	case RA:
	case NS:
	case NA: discovery(p, which, o, &self); break;
	case MESSAGE_N: break;
	}
	if (!p->len) {
		fprintf(stderr, "hostile_link: message %d could not be made\n", (int)which);
		exit(1);
	}
}

/* ---- sending ---------------------------------------------------------------------------------------------- */

static void pace(struct options *o)
{
	struct timespec t = o->started;
	uint64_t ns = (uint64_t)t.tv_nsec + o->sent * UINT64_C(1000000000) / o->rate;
	t.tv_sec += (time_t)(ns / 1000000000);
	t.tv_nsec = (long)(ns % 1000000000);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static void send_from(struct options *o, const struct packet *p, const uint8_t smac[6])
{
	uint8_t frame[ETH_HLEN + ROOM] = {0x33, 0x33, 0, 0, 0, 1};
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = o->ifindex, .sll_halen = 6};
	struct in6_addr dst;

	if (p->len >= 40) {
		memcpy(&dst, p->b + 24, 16);
		if (addr_is_multicast(&dst))
			addr_multicast_mac(&dst, frame);
	}
	memcpy(frame + 6, smac, 6);
	frame[12] = 0x86;
	frame[13] = 0xdd;
	memcpy(frame + ETH_HLEN, p->b, p->len);
	pace(o);
	if (sendto(o->fd, frame, ETH_HLEN + p->len, 0, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != ENOBUFS) {
		perror("sendto");
		exit(1);
	}
	o->sent++;
}

/* ---- storm ------------------------------------------------------------------------------------------------ */

static void damage(struct options *o, const struct packet *whole, struct rng *rng)
{
	static const uint8_t values[] = {0x00, 0x01, 0x80, 0xff};
	for (size_t len = 0; len < whole->len; len++) { /* cut; and cut, with lengths that agree */
		struct packet p = *whole;
		p.len = len;
		send_from(o, &p, o->mac);
		seal(&p);
		send_from(o, &p, o->mac);
	}
	for (size_t at = 0; at < whole->len; at++)
		for (size_t i = 0; i < sizeof(values); i++) {
			struct packet p = *whole;
			p.b[at] = values[i];
			if (at >= 6)
				seal(&p);
			send_from(o, &p, o->mac);
		}
	for (unsigned long i = 0; i < o->random; i++) {
		struct packet p = *whole;
		for (unsigned n = 1 + (unsigned)rng_below(rng, 6); n; n--)
			p.b[rng_below(rng, p.len)] ^= (uint8_t)(1u << rng_below(rng, 8));
		if (rng_below(rng, 8))
			seal(&p);
		send_from(o, &p, o->mac);
	}
}

static void storm(struct options *o)
{
	struct rng rng = rng_of(o->seed);
	for (enum message m = 0; m < MESSAGE_N; m++) {
		struct packet p = {.len = 0};
		make(&p, m, o);
		send_from(o, &p, o->mac);
		damage(o, &p, &rng);
	}
	for (unsigned i = 0; i < 200; i++) { /* nothing that makes sense at all */
		struct packet p = {.len = rng_below(&rng, ROOM)};
		for (size_t k = 0; k < p.len; k++)
			p.b[k] = (uint8_t)rng_u64(&rng);
		if (p.len)
			p.b[0] = 0x60;
		send_from(o, &p, o->mac);
	}
}

/* ---- floods ----------------------------------------------------------------------------------------------- */

/* Of Neighbour Discovery one in 50: each solicitation becomes an entry of the kernel's neighbour table, whose 1024 places
 * all namespaces share. What is to be shown is our own memory, not the kernel's. */
static void macs(struct options *o)
{
	static const enum message mld[] = {V2_REPORT, V1_REPORT, V2_SOURCES, V1_DONE}, nd[] = {RS, NS};
	struct options other = *o;
	for (unsigned long i = 0; i < o->count; i++) {
		struct packet p = {.len = 0};
		memcpy(other.mac, (uint8_t[]){0x02, 0xba, 0xd0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}, 6);
		make(&p, i % 50 ? mld[i % 4] : nd[i / 50 % 2], &other);
		send_from(o, &p, other.mac);
	}
}

static void groups(struct options *o)
{
	struct in6_addr self = addr_link_local_of(o->mac);
	for (unsigned long i = 0; i < o->count; i += GROUPS_OF_A_REPORT) {
		struct packet p = {.len = 0};
		report(&p, &self, i, GROUPS_OF_A_REPORT, false);
		send_from(o, &p, o->mac);
	}
}

static void spoof(struct options *o)
{
	static const uint8_t fixed_mac[6] = {0x00, 0x00, 0x5e, 0x00, 0x52, 0x13};
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = o->ifindex, .sll_halen = 6};
	for (unsigned long i = 0; i < o->count; i++) {
		uint8_t frame[ETH_HLEN + 40 + 16] = {0};
		struct wr w = wr_of(frame + ETH_HLEN, 40);
		memcpy(frame, fixed_mac, 6);
		memcpy(frame + 6, o->mac, 6);
		frame[12] = 0x86;
		frame[13] = 0xdd;
		ip6_write(&w, &o->from, &o->to, IPPROTO_UDP, 16, 64);
		uint8_t *udp = frame + ETH_HLEN + 40;
		memcpy(udp, (uint8_t[]){0x1f, 0x90, 0x1f, 0x90, 0, 16, 0, 0}, 8);
		uint16_t sum = cksum_ip6(&o->from, &o->to, IPPROTO_UDP, udp, 16);
		udp[6] = (uint8_t)(sum >> 8);
		udp[7] = (uint8_t)sum;
		pace(o);
		if (sendto(o->fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != ENOBUFS) {
			perror("sendto");
			exit(1);
		}
		o->sent++;
	}
}

/* ---- front ------------------------------------------------------------------------------------------------ */

static bool number(const char *text, unsigned long *ret)
{
	char *end;
	*ret = strtoul(text, &end, 10);
	return *text && !*end && *ret <= COUNT_MAX;
}

static bool parse_options(int argc, char **argv, struct options *o)
{
	enum { DEV, FROM, TO, COUNT, RATE, RANDOM, SEED };
	static const struct option known[] = {
		{"dev", 1, NULL, DEV}, {"from", 1, NULL, FROM}, {"to", 1, NULL, TO}, {"count", 1, NULL, COUNT},
		{"rate", 1, NULL, RATE}, {"random", 1, NULL, RANDOM}, {"seed", 1, NULL, SEED}, {0},
	};
	bool ok = true;
	*o = (struct options){.dev = "eth0", .count = 1, .rate = 2000, .random = 200, .seed = 1};
	for (int c; ok && (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
		switch (c) {
		case DEV: o->dev = optarg; break;
		case FROM: ok = addr_parse(optarg, &o->from); break;
		case TO: ok = addr_parse(optarg, &o->to); break;
		case COUNT: ok = number(optarg, &o->count); break;
		case RATE: ok = number(optarg, &o->rate) && o->rate > 0; break;
		case RANDOM: ok = number(optarg, &o->random); break;
		case SEED: ok = number(optarg, &o->seed); break;
		default: ok = false; break;
		}
	}
	return ok;
}

static int open_link(struct options *o)
{
	struct ifreq ifr = {0};
	o->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	o->ifindex = (int)if_nametoindex(o->dev);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", o->dev);
	if (o->fd < 0 || !o->ifindex || ioctl(o->fd, SIOCGIFHWADDR, &ifr) < 0)
		return -errno;
	memcpy(o->mac, ifr.ifr_hwaddr.sa_data, 6);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct options *o);
	} commands[] = {{"storm", storm}, {"macs", macs}, {"groups", groups}, {"spoof", spoof}};
	struct options o;
	size_t i = 0, n = sizeof(commands) / sizeof(commands[0]);

	while (argc > 1 && i < n && strcmp(commands[i].name, argv[1]) != 0)
		i++;
	if (argc < 2 || i == n || !parse_options(argc - 1, argv + 1, &o)) {
		fprintf(stderr, "usage: hostile_link storm|macs|groups|spoof --dev IF [options]\n");
		return 2;
	}
	if (open_link(&o) < 0) {
		perror(o.dev);
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &o.started);
	commands[i].run(&o);
	printf("sent %lu\n", o.sent);
	return 0;
}
