/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lab/args.h"
#include "lab/delayq.h"
#include "lab/proc.h"

#define BATCH	   64
#define FRAME_MAX  9216
#define FRAMES_MAX 16384
#define RECV_ROOM  (32 << 20)
#define EARLY	   span_us(50) /* it is woken, and may send, so much before the time: waking takes about as long */
#define LATE	   span_us(200)
#define PUBLISH	   span_s(1)

/* What comes in at `in` goes out at `out`. */
struct lane {
	int in, out;
	span_t delay;
	struct delayq q;
};

struct relay {
	struct lane *lanes;
	size_t n;
	const char *file;
	uint64_t passed, dropped, late; /* dropped: no room, too long, or refused by the device */
	span_t worst;			/* longest time that a frame went after it was due */
	mono_t published;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* ---- setting up ------------------------------------------------------------------------------------------- */

/* A packet socket on one interface that hears all that arrives there; negative errno after it told. */
static int open_port(const char *dev)
{
	struct sockaddr_ll at = {
	    .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(dev)};
	struct packet_mreq all = {.mr_ifindex = at.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
	int on = 1, room = RECV_ROOM;
	/* Without a protocol it is deaf until it is bound: nothing of other interfaces gets in. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || !at.sll_ifindex || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		int r = -errno;
		fprintf(stderr, "%s: %s\n", dev, strerror(-r));
		if (fd >= 0)
			close(fd);
		return r;
	}
	return fd;
}

static int add_pair(struct relay *r, const char *text)
{
	char a[IF_NAMESIZE], b[IF_NAMESIZE];
	unsigned long us;
	if (sscanf(text, "%15[^,],%15[^,],%lu", a, b, &us) != 3 || us > RELAY_DELAY_MAX_US) {
		fprintf(stderr, "--pair '%s': two interfaces and microseconds are expected\n", text);
		return -EINVAL;
	}
	int fd[2] = {open_port(a), open_port(b)};
	for (int i = 0; i < 2; i++) {
		struct lane *l = &r->lanes[r->n];
		if (fd[i] < 0 || fd[!i] < 0)
			return -EIO;
		*l = (struct lane){.in = fd[i], .out = fd[!i], .delay = span_us((int64_t)us)};
		if (delayq_init(&l->q, FRAMES_MAX, FRAME_MAX) < 0)
			return -ENOMEM;
		r->n++;
	}
	return 0;
}

/* ---- passing ---------------------------------------------------------------------------------------------- */

/* The kernel stamps by the wall clock; what lies between that and ours may be set at any time. */
static span_t wall_ahead(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return span_ns(t.tv_sec * INT64_C(1000000000) + t.tv_nsec - proc_clock().ns);
}

static mono_t arrival(struct msghdr *m, span_t ahead, mono_t now)
{
	struct timespec t;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		mono_t at = {t.tv_sec * INT64_C(1000000000) + t.tv_nsec - ahead.ns};
		/* One that is not of this moment is of a clock that was set, or the sender's own. */
		if (mono_before(at, now) && mono_before(now, mono_add(at, span_s(1))))
			return at;
	}
	return now;
}

/* What waits at the socket into the queue, up to a batch. True: there may be more. */
static bool receive(struct relay *r, struct lane *l)
{
	static uint8_t control[BATCH][CMSG_SPACE(sizeof(struct timespec))], nowhere[FRAME_MAX];
	struct iovec iov[BATCH];
	struct mmsghdr m[BATCH];
	size_t room = delayq_reserve(&l->q, BATCH);
	for (size_t i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){i < room ? delayq_slot(&l->q, i) : nowhere, FRAME_MAX};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i],
					       .msg_iovlen = 1,
					       .msg_control = control[i],
					       .msg_controllen = sizeof(control[i])};
	}
	int n = recvmmsg(l->in, m, BATCH, MSG_DONTWAIT, NULL);
	mono_t now = proc_clock();
	span_t ahead = wall_ahead();
	for (int i = 0; i < n; i++) {
		bool whole = !(m[i].msg_hdr.msg_flags & MSG_TRUNC);
		if ((size_t)i >= room) {
			r->dropped++;
			continue;
		}
		/* A frame that cannot be passed keeps its slot, for those behind it lie in theirs: length 0. */
		delayq_push(&l->q, whole ? m[i].msg_len : 0, mono_add(arrival(&m[i].msg_hdr, ahead, now), l->delay));
	}
	return n == BATCH;
}

static void note(struct relay *r, const struct delayq_frame *f, mono_t now)
{
	span_t late = mono_sub(now, f->due);
	r->worst = span_max(r->worst, late);
	r->late += late.ns > LATE.ns;
}

/* What is due, up to a batch. True: there may be more. */
static bool transmit(struct relay *r, struct lane *l)
{
	struct iovec iov[BATCH];
	struct mmsghdr m[BATCH] = {0};
	mono_t now = proc_clock();
	size_t n = delayq_due(&l->q, mono_add(now, EARLY), BATCH), left = 0;
	for (size_t i = 0; i < n; i++) {
		const struct delayq_frame *f = delayq_frame(&l->q, i);
		note(r, f, now);
		r->dropped += !f->len;
		if (!f->len)
			continue;
		iov[left] = (struct iovec){delayq_data(&l->q, i), f->len};
		m[left].msg_hdr = (struct msghdr){.msg_iov = &iov[left], .msg_iovlen = 1};
		left++;
	}
	for (size_t i = 0; i < left;) {
		int sent = sendmmsg(l->out, m + i, (unsigned)(left - i), MSG_DONTWAIT);
		r->passed += sent > 0 ? (uint64_t)sent : 0;
		r->dropped += sent <= 0;
		i += sent > 0 ? (size_t)sent : 1;
	}
	delayq_drop(&l->q, n);
	return n == BATCH;
}

static void publish(struct relay *r)
{
	char tmp[PATH_MAX];
	json_t *o = json_pack("{sIsIsIsf}", "passed", (json_int_t)r->passed, "dropped", (json_int_t)r->dropped, "late",
			      (json_int_t)r->late, "worst_ms", (double)r->worst.ns / 1e6);
	snprintf(tmp, sizeof(tmp), "%s.new", r->file);
	if (o && json_dump_file(o, tmp, JSON_COMPACT) == 0)
		rename(tmp, r->file);
	json_decref(o);
	r->published = proc_clock();
}

/* Sleeps until a frame is due, or, where all queues are empty, until one comes. While frames wait, nobody needs to be
 * woken for new ones: what comes later goes later, and is fetched in time. With lanes of different delays that holds
 * for no more than the shortest. */
static void rest(struct relay *r, struct pollfd *ports, span_t shortest)
{
	mono_t next = MONO_NEVER, now = proc_clock();
	for (size_t i = 0; i < r->n; i++)
		next = mono_min(next, delayq_next(&r->lanes[i].q));
	bool waiting = !mono_is_never(next);
	if (waiting)
		next = mono_min(next, mono_add(now, shortest));
	else
		next = mono_add(now, PUBLISH);
	span_t left = span_ns(mono_sub(next, now).ns - EARLY.ns);
	if (left.ns <= 0)
		return;
	struct timespec t = {.tv_sec = left.ns / 1000000000, .tv_nsec = left.ns % 1000000000};
	(void)ppoll(ports, waiting ? 0 : (nfds_t)r->n, &t, NULL);
}

static void run(struct relay *r)
{
	struct pollfd ports[2 * RELAY_PAIRS_MAX];
	span_t shortest = span_s(1);
	for (size_t i = 0; i < r->n; i++) {
		ports[i] = (struct pollfd){.fd = r->lanes[i].in, .events = POLLIN};
		shortest = span_min(shortest, r->lanes[i].delay);
	}
	while (!stop) {
		bool more = false;
		for (size_t i = 0; i < r->n; i++) {
			more |= receive(r, &r->lanes[i]);
			more |= transmit(r, &r->lanes[i]);
		}
		if (mono_sub(proc_clock(), r->published).ns >= PUBLISH.ns)
			publish(r);
		if (!more)
			rest(r, ports, shortest);
	}
}

/* Woken in time, whatever else runs here: it sleeps most of the time, and stands for a cable. */
static void be_prompt(void)
{
	struct sched_param p = {.sched_priority = 10};
	prctl(PR_SET_TIMERSLACK, 1UL);
	if (sched_setscheduler(0, SCHED_FIFO, &p) < 0)
		perror("without real-time priority");
}

int relay_main(int argc, char **argv)
{
	static struct lane lanes[2 * RELAY_PAIRS_MAX];
	const char *pairs[RELAY_PAIRS_MAX];
	size_t n_pairs = 0;
	struct relay r = {.lanes = lanes};
	struct sigaction sa = {.sa_handler = on_signal};
	const struct arg known[] = {
	    {"file", ARG_TEXT, .to = &r.file},
	    {"pair", ARG_TEXT, .to = pairs, .n = &n_pairs, .max = RELAY_PAIRS_MAX},
	};
	if (args_parse(argc, argv, known, sizeof(known) / sizeof(known[0])) != argc || !r.file || !n_pairs) {
		fprintf(stderr, "%s: --file and --pair are needed\n", argv[0]);
		return 2;
	}
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	for (size_t i = 0; i < n_pairs; i++)
		if (add_pair(&r, pairs[i]) < 0)
			return 1;
	be_prompt();
	publish(&r); /* tells whoever started us that frames pass */
	run(&r);
	publish(&r);
	return 0;
}
