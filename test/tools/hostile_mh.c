/* SPDX-License-Identifier: BSD-2-Clause */
/* Mobility Header messages and encapsulated packets as no MAG or LMA would send them, from any source address.
 *
 *	hostile_mh send KIND --from ADDR --to ADDR [--mn NAI] [--nodes N] [--count N] [--rate N] [--wait SECONDS]
 *	hostile_mh storm     --from ADDR --to ADDR [--mn NAI] [--skip KIND] [--random N] [--rate N]
 *	           [--seed N]
 *	hostile_mh tunnel    --from ADDR --to ADDR --inner-from ADDR --inner-to ADDR [--cut N] [--count N]
 *	hostile_mh mld-storm --from ADDR --to ADDR [--random N] [--rate N] [--seed N]
 *
 * `send` sends messages of one kind and prints how many, then each sort of answer with its count: "answer type=6
 * status=154 count=1", and of ICMPv6 Parameter Problems "answer problem-at=40 count=1". With --nodes each message names another of so many nodes. `storm` does every damage it can think
 * of to every kind of message. `tunnel` encapsulates UDP, of which only the first octets are sent with --cut;
 * `mld-storm` encapsulates damaged MLD. All are bounded and end by themselves. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/icmpv6.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cksum.h"
#include "base/rng.h"
#include "wire/ip6.h"
#include "wire/mh.h"
#include "wire/mld.h"

#define COUNT_MAX 1000000
#define QUIET_MS 300
#define ROOM 1400 /* of a message: what the link carries unfragmented */

static const struct mh_conf pen = {MH_PEN_DOCUMENTATION};

struct options {
	struct in6_addr from, to, inner_from, inner_to;
	const char *mn, *skip;
	unsigned long nodes, count, rate, random, seed, wait, cut;
	int out, in, icmp;
	unsigned long sent;
	struct timespec started;
};

/* ---- messages --------------------------------------------------------------------------------------------- */

struct message {
	uint8_t b[MH_LEN_MAX];
	size_t len;
};

static void seal(struct message *m, const struct options *o)
{
	if (m->len < 6)
		return;
	m->b[4] = m->b[5] = 0;
	uint16_t sum = cksum_ip6(&o->from, &o->to, MH_NEXT_HEADER, m->b, m->len);
	m->b[4] = (uint8_t)(sum >> 8);
	m->b[5] = (uint8_t)sum;
}

static struct mh_msg base(const struct options *o, enum mh_type type)
{
	struct mh_msg m;
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	mh_init(&m, type);
	m.has = MH_HAS_MN_ID;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = nai_of(o->mn, strlen(o->mn));
	m.seq = (uint16_t)o->sent;
	m.timestamp = mh_timestamp_of(t.tv_sec * INT64_C(1000000000) + t.tv_nsec);
	return m;
}

static struct mh_msg pbu(const struct options *o)
{
	struct mh_msg m = base(o, MH_BU);
	m.flags = MH_BU_A | MH_BU_P | MH_BU_S;
	m.lifetime_4s = 900;
	m.has |= MH_HAS_HANDOFF | MH_HAS_ATT | MH_HAS_TIMESTAMP | MH_HAS_LLID;
	m.n_hnp = 1;
	m.handoff = MH_HANDOFF_NEW_INTERFACE;
	m.att = MH_ATT_ETHERNET;
	m.llid = lladdr_of((const uint8_t[]){2, 0xde, 0xad, (uint8_t)(o->sent >> 16), (uint8_t)(o->sent >> 8),
					     (uint8_t)o->sent}, 6);
	return m;
}

static void add_group(struct mh_msg *m, struct mh_records *run)
{
	struct in6_addr group, source;
	inet_pton(AF_INET6, "ff3e::8000:bad", &group);
	inet_pton(AF_INET6, "2001:db8:aaaa::5", &source);
	mh_add_record(m, run, MH_PROTO_MLDV2, 1, &group, &source, 1, MH_AMS_SOURCES);
}

static void encode(struct message *ret, const struct mh_msg *m, const struct options *o)
{
	ret->len = mh_encode(&pen, m, &o->from, &o->to, ret->b, sizeof(ret->b));
}

/* A header of that type with a body of zeros. */
static void bare(struct message *ret, uint8_t type, size_t len, const struct options *o)
{
	memset(ret->b, 0, len);
	ret->b[0] = 59;
	ret->b[1] = (uint8_t)(len / 8 - 1);
	ret->b[2] = type;
	ret->len = len;
	seal(ret, o);
}

static void raw_pbu(struct message *ret, const struct options *o, const uint8_t *options, size_t n)
{
	memset(ret->b, 0, 256);
	ret->b[0] = 59;
	ret->b[2] = MH_BU;
	ret->b[8] = 0x82;
	ret->b[11] = 100;
	memcpy(ret->b + 12, options, n);
	ret->len = (12 + n + 7) / 8 * 8;
	ret->b[1] = (uint8_t)(ret->len / 8 - 1);
	seal(ret, o);
}

enum kind {
	PBU, NO_P, NO_MN_ID, EMPTY_NAI, EMPTY_MN_OPTION, NO_HNP, NO_HI, NO_ATT, OLD_TIMESTAMP, UNKNOWN_TYPE, WRONG_CHECKSUM,
	SUBSCRIPTION_QUERY, HEARTBEAT, TWICE, PBA, BRI, UPN, AMS, WRONG_PROTO, SHORT_HEADER, KIND_N
};
static const char *const kind_names[KIND_N] = {
	"pbu", "no-p", "no-mn-id", "empty-nai", "empty-mn-option", "no-hnp", "no-hi", "no-att", "old-timestamp",
	"unknown-type", "wrong-checksum", "subscription-query", "heartbeat", "twice", "pba", "bri", "upn", "ams",
	"wrong-proto", "short-header",
};

static void make_pbu(struct message *ret, enum kind kind, const struct options *o)
{
	struct mh_msg m = pbu(o);
	if (kind == NO_P)
		m.flags = MH_BU_A;
	else if (kind == NO_MN_ID)
		m.has &= ~(uint32_t)MH_HAS_MN_ID;
	else if (kind == NO_HNP)
		m.n_hnp = 0;
	else if (kind == NO_HI)
		m.has &= ~(uint32_t)MH_HAS_HANDOFF;
	else if (kind == NO_ATT)
		m.has &= ~(uint32_t)MH_HAS_ATT;
	else if (kind == OLD_TIMESTAMP)
		m.timestamp -= UINT64_C(3600) << 16;
	else if (kind == AMS)
		m.has |= MH_HAS_AMS, add_group(&m, &m.ams);
	encode(ret, &m, o);
	if (kind == WRONG_CHECKSUM)
		ret->b[5] ^= 0x5a;
}

/* 1 where the message of that kind came out; 0 where it cannot be made. */
static bool make(struct message *ret, enum kind kind, const struct options *o)
{
	static const uint8_t empty_nai[] = {8, 1, 1, 22, 18, 0}, empty_option[] = {8, 0, 22, 18, 0};
	static const uint8_t twice[] = {8, 2, 1, 'x', 23, 2, 0, 1, 23, 2, 0, 1, 24, 2, 0, 3, 24, 2, 0, 3, 8, 2, 1, 'y'};
	struct mh_msg m;

	switch (kind) {
	case PBU:
	case NO_P:
	case NO_MN_ID:
	case NO_HNP:
	case NO_HI:
	case NO_ATT:
	case OLD_TIMESTAMP:
	case WRONG_CHECKSUM:
	case AMS:
		make_pbu(ret, kind, o);
		break;
	case EMPTY_NAI: {
		uint8_t b[64] = {0};
		memcpy(b, empty_nai, sizeof(empty_nai));
		memcpy(b + 24, (const uint8_t[]){23, 2, 0, 1, 24, 2, 0, 3}, 8);
		b[23] = 0;
		raw_pbu(ret, o, b, 32);
		break;
	}
	case EMPTY_MN_OPTION: {
		uint8_t b[64] = {0};
		memcpy(b, empty_option, sizeof(empty_option));
		memcpy(b + 22, (const uint8_t[]){23, 2, 0, 1, 24, 2, 0, 3}, 8);
		raw_pbu(ret, o, b, 30);
		break;
	}
	case TWICE:
		raw_pbu(ret, o, twice, sizeof(twice));
		break;
	case UNKNOWN_TYPE:
		bare(ret, 99, 16, o);
		break;
	case SUBSCRIPTION_QUERY:
	case HEARTBEAT:
	case PBA:
	case BRI:
	case UPN:
		m = base(o, kind == SUBSCRIPTION_QUERY ? MH_SUBSCRIPTION_QUERY : kind == HEARTBEAT ? MH_HEARTBEAT :
			    kind == PBA ? MH_BA : kind == BRI ? MH_REVOCATION : MH_UPN);
		if (kind == HEARTBEAT)
			m.has = 0, m.heartbeat_seq = (uint32_t)o->sent;
		if (kind == PBA)
			m.flags = MH_BA_P, m.lifetime_4s = 900, m.n_hnp = 1, m.hnp[0].len = 64;
		if (kind == BRI)
			m.revocation = 1, m.trigger = 1, m.flags = 0x8000, m.n_hnp = 1;
		if (kind == UPN)
			m.reason = 1, m.flags = 0x8000;
		encode(ret, &m, o);
		break;
	case WRONG_PROTO:
		bare(ret, MH_BU, 24, o);
		ret->b[0] = 17;
		seal(ret, o);
		break;
	case SHORT_HEADER:
		bare(ret, MH_BE, 24, o); /* its fixed part alone is 24 octets */
		ret->b[1] = 1;
		seal(ret, o);
		break;
	case KIND_N:
		return false;
	}
	return ret->len > 0;
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

static void send_next(struct options *o, uint8_t next_header, const uint8_t *bytes, size_t len)
{
	uint8_t packet[IP6_HDR_LEN + MH_LEN_MAX];
	struct wr w = wr_of(packet, sizeof(packet));
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = o->to};

	if (len > ROOM)
		return;
	ip6_write(&w, &o->from, &o->to, next_header, (uint16_t)len, 64);
	memcpy(packet + IP6_HDR_LEN, bytes, len);
	pace(o);
	if (sendto(o->out, packet, IP6_HDR_LEN + len, 0, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != ENOBUFS) {
		perror("sendto");
		exit(1);
	}
	o->sent++;
}

static void send_as(struct options *o, const uint8_t *bytes, size_t len)
{
	send_next(o, MH_NEXT_HEADER, bytes, len);
}

/* What came back, by type and status. */
static unsigned long answers[256][256];
/* Parameter Problems by the octet that they point at, where they quote the packet from its start on. */
static unsigned long problems[256];

static void note_answer(const struct options *o)
{
	uint8_t b[MH_LEN_MAX];
	struct sockaddr_in6 from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(o->in, b, sizeof(b), MSG_DONTWAIT, (struct sockaddr *)&from, &size);
	bool has_status;

	if (n < 8 || !addr_eq(&from.sin6_addr, &o->to))
		return;
	has_status = b[2] == MH_BA || b[2] == MH_BE || b[2] == MH_REVOCATION || b[2] == MH_UPA;
	answers[b[2]][has_status ? b[b[2] == MH_REVOCATION ? 7 : b[2] == MH_UPA ? 8 : 6] : 0]++;
}

static void note_problem(const struct options *o)
{
	uint8_t b[1280];
	struct sockaddr_in6 from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(o->icmp, b, sizeof(b), MSG_DONTWAIT, (struct sockaddr *)&from, &size);

	if (n >= 8 + IP6_HDR_LEN && addr_eq(&from.sin6_addr, &o->to) && b[0] == ICMPV6_PARAMPROB && !b[1] && b[8 + 6] == MH_NEXT_HEADER &&
	    !memcmp(b + 8 + 8, &o->from, 16) && !memcmp(b + 8 + 24, &o->to, 16))
		problems[b[7]]++;
}

/* For so long; but where something has come, only until nothing more has for 300 ms. */
static void listen_ms(struct options *o, int ms)
{
	struct pollfd p[] = {{.fd = o->in, .events = POLLIN}, {.fd = o->icmp, .events = POLLIN}};
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	int64_t end = t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000 + ms, left = ms;

	while (o->in >= 0 && poll(p, 2, (int)left) > 0) {
		if (p[0].revents)
			note_answer(o);
		if (p[1].revents)
			note_problem(o);
		clock_gettime(CLOCK_MONOTONIC, &t);
		left = end - (t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000);
		if (left < 0)
			left = 0;
		if (left > QUIET_MS)
			left = QUIET_MS;
	}
}

static void report(const struct options *o)
{
	printf("sent %lu\n", o->sent);
	for (unsigned type = 0; type < 256; type++)
		for (unsigned status = 0; status < 256; status++)
			if (answers[type][status])
				printf("answer type=%u status=%u count=%lu\n", type, status, answers[type][status]);
	for (unsigned at = 0; at < 256; at++)
		if (problems[at])
			printf("answer problem-at=%u count=%lu\n", at, problems[at]);
}

static int send_kind(struct options *o, const char *name)
{
	enum kind kind = 0;
	const char *mn = o->mn;
	struct message m;
	char node[64];

	while (kind < KIND_N && strcmp(kind_names[kind], name) != 0)
		kind++;
	for (unsigned long i = 0; i < o->count; i++) {
		if (o->nodes) {
			snprintf(node, sizeof(node), "bogus%lu@nowhere.example", i % o->nodes);
			o->mn = node;
		}
		if (!make(&m, kind, o)) {
			fprintf(stderr, "hostile_mh: no kind '%s'\n", name);
			return 2;
		}
		send_as(o, m.b, m.len);
		listen_ms(o, 0);
	}
	o->mn = mn;
	listen_ms(o, (int)o->wait * 1000);
	report(o);
	return 0;
}

/* ---- the storm -------------------------------------------------------------------------------------------- */

/* Each length that is not the right one, as it is, and with the header's length and the checksum put right. */
static void truncations(struct options *o, const struct message *whole)
{
	for (size_t len = 0; len < whole->len; len++) {
		struct message m = *whole;
		m.len = len;
		send_as(o, m.b, m.len);
		seal(&m, o);
		send_as(o, m.b, m.len);
		if (len >= 8 && len % 8 == 0) {
			m.b[1] = (uint8_t)(len / 8 - 1);
			seal(&m, o);
			send_as(o, m.b, m.len);
		}
	}
}

/* Each octet replaced: lengths, counts, types and values alike. */
static void replacements(struct options *o, const struct message *whole)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	for (size_t at = 0; at < whole->len; at++)
		for (size_t i = 0; i < sizeof(values); i++) {
			struct message m = *whole;
			if (at == 4 || at == 5)
				continue;
			m.b[at] = values[i];
			seal(&m, o);
			send_as(o, m.b, m.len);
		}
}

static void flips(struct options *o, const struct message *whole, struct rng *rng)
{
	for (unsigned long i = 0; i < o->random; i++) {
		struct message m = *whole;
		for (unsigned n = 1 + (unsigned)rng_below(rng, 6); n; n--)
			m.b[rng_below(rng, m.len)] ^= (uint8_t)(1u << rng_below(rng, 8));
		if (rng_below(rng, 8))
			seal(&m, o);
		send_as(o, m.b, m.len);
	}
}

/* The options of a message once more behind it. */
static void doubled(struct options *o, const struct message *whole)
{
	static const size_t fixed[] = {12, 12, 8, 8, 16, 24};
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		struct message m = *whole;
		if (m.len <= fixed[i] || m.len * 2 > ROOM)
			continue;
		memcpy(m.b + m.len, m.b + fixed[i], m.len - fixed[i]);
		m.len = (m.len * 2 - fixed[i]) / 8 * 8;
		m.b[1] = (uint8_t)(m.len / 8 - 1);
		seal(&m, o);
		send_as(o, m.b, m.len);
	}
}

static int storm(struct options *o)
{
	struct rng rng = rng_of(o->seed);
	struct message m;

	for (unsigned type = 0; type < 256; type++)
		for (size_t len = 8; len <= 40 && !(o->skip && type == MH_REVOCATION); len += 8) {
			bare(&m, (uint8_t)type, len, o);
			send_as(o, m.b, m.len);
		}
	for (unsigned value = 0; value < 256; value++) {
		make(&m, PBU, o);
		m.b[1] = (uint8_t)value;
		seal(&m, o);
		send_as(o, m.b, m.len);
		make(&m, PBU, o);
		m.b[0] = (uint8_t)value;
		seal(&m, o);
		send_as(o, m.b, m.len);
	}
	for (enum kind kind = 0; kind < KIND_N; kind++) {
		if ((o->skip && !strcmp(o->skip, kind_names[kind])) || !make(&m, kind, o))
			continue;
		send_as(o, m.b, m.len);
		m.b[5] ^= 0xa5;
		send_as(o, m.b, m.len);
		seal(&m, o);
		truncations(o, &m);
		replacements(o, &m);
		doubled(o, &m);
		flips(o, &m, &rng);
	}
	memset(m.b, 0xff, ROOM);
	m.len = ROOM;
	seal(&m, o);
	send_as(o, m.b, m.len);
	listen_ms(o, 0);
	printf("sent %lu\n", o->sent);
	return 0;
}

static int tunnel(struct options *o)
{
	uint8_t packet[IP6_HDR_LEN + 16] = {0}, *udp = packet + IP6_HDR_LEN;
	struct wr w = wr_of(packet, sizeof(packet));

	ip6_write(&w, &o->inner_from, &o->inner_to, IPPROTO_UDP, 16, 32);
	memcpy(udp, (uint8_t[]){0x1f, 0x90, 0x1f, 0x90, 0, 16}, 6);
	uint16_t sum = cksum_ip6(&o->inner_from, &o->inner_to, IPPROTO_UDP, udp, 16);
	udp[6] = (uint8_t)(sum >> 8);
	udp[7] = (uint8_t)sum;
	for (unsigned long i = 0; i < o->count; i++)
		send_next(o, IPPROTO_IPV6, packet, o->cut && o->cut < sizeof(packet) ? o->cut : sizeof(packet));
	printf("sent %lu\n", o->sent);
	return 0;
}

/* MLD of a peer: IPv6 header, Hop-by-Hop header of 8 octets, ICMPv6. */
static size_t make_mld(uint8_t packet[ROOM], unsigned kind)
{
	struct in6_addr self, group, source;
	struct mld_report r;
	struct mld_query q = {.version = 2, .max_resp = span_s(1), .qrv = 2, .qqi = span_s(125)};

	inet_pton(AF_INET6, "fe80::bad", &self);
	inet_pton(AF_INET6, "ff1e::bad:0:1", &group);
	inet_pton(AF_INET6, "2001:db8:aaaa::6", &source);
	if (kind == 0)
		return mld_encode_query(&q, NULL, &self, &addr_all_nodes, packet, ROOM);
	if (kind == 1)
		return mld_encode_v1(MLD_V1_REPORT, &group, &self, packet, ROOM);
	mld_report_begin(&r, &self, packet, ROOM);
	mld_report_add(&r, MLD_ALLOW_NEW_SOURCES, &group, &source, 1);
	mld_report_add(&r, MLD_CHANGE_TO_EXCLUDE, &source, NULL, 0);
	return mld_report_finish(&r);
}

static void seal_mld(uint8_t *packet, size_t len)
{
	struct in6_addr src, dst;

	if (len < 52)
		return;
	memcpy(&src, packet + 8, 16);
	memcpy(&dst, packet + 24, 16);
	packet[4] = (uint8_t)((len - 40) >> 8);
	packet[5] = (uint8_t)(len - 40);
	packet[50] = packet[51] = 0;
	uint16_t sum = cksum_ip6(&src, &dst, IPPROTO_ICMPV6, packet + 48, len - 48);
	packet[50] = (uint8_t)(sum >> 8);
	packet[51] = (uint8_t)sum;
}

static int mld_storm(struct options *o)
{
	static const uint8_t values[] = {0x00, 0x01, 0x80, 0xff};
	struct rng rng = rng_of(o->seed);
	uint8_t whole[ROOM], packet[ROOM];

	for (unsigned kind = 0; kind < 3; kind++) {
		size_t len = make_mld(whole, kind);
		for (size_t n = 0; n < len; n++) {
			memcpy(packet, whole, len);
			send_next(o, IPPROTO_IPV6, packet, n);
			seal_mld(packet, n);
			send_next(o, IPPROTO_IPV6, packet, n);
			for (size_t i = 0; i < sizeof(values); i++) {
				memcpy(packet, whole, len);
				packet[n] = values[i];
				seal_mld(packet, len);
				send_next(o, IPPROTO_IPV6, packet, len);
			}
		}
		for (unsigned long i = 0; i < o->random; i++) {
			memcpy(packet, whole, len);
			for (unsigned n = 1 + (unsigned)rng_below(&rng, 6); n; n--)
				packet[rng_below(&rng, len)] ^= (uint8_t)(1u << rng_below(&rng, 8));
			seal_mld(packet, len);
			send_next(o, IPPROTO_IPV6, packet, len);
		}
	}
	printf("sent %lu\n", o->sent);
	return 0;
}

/* ---- front ------------------------------------------------------------------------------------------------ */

static bool number(const char *text, unsigned long *ret)
{
	char *end;
	*ret = strtoul(text, &end, 10);
	return *text && !*end && *ret <= COUNT_MAX;
}

static bool parse(int argc, char **argv, struct options *o)
{
	enum { FROM, TO, MN, NODES, COUNT, RATE, RANDOM, SEED, WAIT, INNER_FROM, INNER_TO, CUT, SKIP };
	static const struct option known[] = {
		{"from", 1, NULL, FROM}, {"to", 1, NULL, TO}, {"mn", 1, NULL, MN}, {"nodes", 1, NULL, NODES},
		{"count", 1, NULL, COUNT}, {"rate", 1, NULL, RATE}, {"random", 1, NULL, RANDOM},
		{"seed", 1, NULL, SEED}, {"wait", 1, NULL, WAIT}, {"inner-from", 1, NULL, INNER_FROM},
		{"inner-to", 1, NULL, INNER_TO}, {"cut", 1, NULL, CUT}, {"skip", 1, NULL, SKIP}, {0},
	};
	bool ok = true;
	*o = (struct options){.mn = "bogus@nowhere.example", .count = 1, .rate = 5000, .random = 200, .seed = 1,
			      .wait = 5, .out = -1, .in = -1};
	for (int c; ok && (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
		switch (c) {
		case FROM: ok = addr_parse(optarg, &o->from); break;
		case TO: ok = addr_parse(optarg, &o->to); break;
		case MN: o->mn = optarg; break;
		case NODES: ok = number(optarg, &o->nodes); break;
		case COUNT: ok = number(optarg, &o->count); break;
		case RATE: ok = number(optarg, &o->rate) && o->rate > 0; break;
		case RANDOM: ok = number(optarg, &o->random); break;
		case SEED: ok = number(optarg, &o->seed); break;
		case INNER_FROM: ok = addr_parse(optarg, &o->inner_from); break;
		case INNER_TO: ok = addr_parse(optarg, &o->inner_to); break;
		case SKIP: o->skip = optarg; break;
		case CUT: ok = number(optarg, &o->cut); break;
		case WAIT: ok = number(optarg, &o->wait) && o->wait <= 60; break;
		default: ok = false; break;
		}
	}
	return ok && !addr_is_any(&o->from) && !addr_is_any(&o->to);
}

static const struct {
	const char *name;
	int (*run)(struct options *o);
} commands[] = {{"storm", storm}, {"tunnel", tunnel}, {"mld-storm", mld_storm}};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Hears Parameter Problems alone. */
static int problem_socket(void)
{
	struct icmp6_filter f;
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);

	memset(&f, 0xff, sizeof(f)); /* all are blocked, but for this one */
	f.data[ICMPV6_PARAMPROB >> 5] &= ~(1u << (ICMPV6_PARAMPROB & 31));
	if (fd >= 0 && setsockopt(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, &f, sizeof(f)) < 0)
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	struct options o;
	const char *command = argc > 1 ? argv[1] : "";
	bool sends = argc > 2 && strcmp(command, "send") == 0;
	int skip = sends ? 2 : 1;
	size_t i = 0;

	while (i < N_COMMANDS && strcmp(commands[i].name, command) != 0)
		i++;
	if ((!sends && i == N_COMMANDS) || !parse(argc - skip, argv + skip, &o)) {
		fprintf(stderr, "usage: hostile_mh send KIND|storm|tunnel|mld-storm --from ADDR --to ADDR [options]\n");
		return 2;
	}
	o.out = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	o.in = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, MH_NEXT_HEADER);
	o.icmp = problem_socket();
	if (o.out < 0 || o.in < 0 || o.icmp < 0) {
		perror("socket");
		return 1;
	}
	struct sockaddr_in6 self = {.sin6_family = AF_INET6, .sin6_addr = o.from};
	if (bind(o.in, (struct sockaddr *)&self, sizeof(self)) < 0) { /* not our address: there will be no answer to us */
		close(o.in);
		o.in = -1;
	}
	clock_gettime(CLOCK_MONOTONIC, &o.started);
	return sends ? send_kind(&o, argv[2]) : commands[i].run(&o);
}
