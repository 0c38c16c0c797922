/* SPDX-License-Identifier: BSD-2-Clause */
/* Drives a data plane from lines on standard input; answers on standard output. For tests and benchmarks.
 *
 *   dpdrive [-b ebpf|user|auto] [-f] [-m] [-p PTB_PER_S] [-t TUNNELS] [-l LOCAL]...      -m: a plain proxy's
 *
 *   link IF ROLE[,ROLE...]             access, transport, upstream, downstream
 *   unlink IF
 *   proxy IF UPSTREAM-IF               a downstream link of that instance; "-": of none
 *   home PREFIX
 *   tunnel|untunnel LOCAL REMOTE
 *   route PREFIX LOCAL REMOTE [end-marker]
 *   unroute PREFIX LOCAL REMOTE
 *   node N IF MAC LOCAL REMOTE PREFIX...
 *   unnode N
 *   flow IN SOURCE GROUP [OUT]         IN: link IF, or tunnel LOCAL REMOTE
 *   unflow IN SOURCE GROUP
 *   out|unout IN SOURCE GROUP OUT      OUT: link IF MAC NODE, tunnel LOCAL REMOTE, or held NODE
 *   mark IN SOURCE GROUP LABEL
 *   forward|expect NODE KEY LOCAL REMOTE LOCAL REMOTE PACKETS AGE_MS WAIT_MS PREFIX...   the tunnels: between the MAGs, the
 *                                      anchor's. When something happens: "handover NODE closed" or "overflown"
 *   edge NODE GROUP LABEL              or "none"
 *   end NODE
 *   seams                              counts that are not zero
 *   held NODE                          packets
 *   send LOCAL REMOTE HEX              an inner packet into the tunnel
 *   count node N | flow IN S G | out IN S G OUT | tunnel LOCAL REMOTE | link IF | drop NAME
 *   flows                              "GROUP OUTPUTS" of each list, and "end"
 *   drops                              all that are not zero
 *   mtu LOCAL REMOTE
 *   backend
 *   toggle TIMES OUTS...               OUTS: IN S G OUT; takes out and puts back, as fast as it goes
 *   alternate TIMES OUTS...            (S,G) and (*,G) take turns with the output, each there before the other one goes
 *   churn N IN S G IF FIRST COUNT      adds and removes outputs of MACs 02:..:FIRST.. at random, N times
 *   crowd N KIND IN S G [OUT]          so many groups from G on; KIND: flow OUT, out OUT (one more output), unflow, or once: how
 *                                      many of them have let exactly one packet through
 *   sync                               answers "ok" when all before it has been done
 *   quit
 *
 * A line that fails answers "error: ..." and the exit status is 1 at the end. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "dp/dp.h"
#include "dp/dp_priv.h"

#define WORDS 64

static struct dp *dp;
static struct event_base *base;
static char *word[WORDS + 1];
static int words, at;
static bool failed;

static const char *next(void) { return at < words ? word[at++] : ""; }

static void fail(const char *what, int r)
{
	printf("error: %s: %s\n", what, r < 0 ? strerror(-r) : "?");
	failed = true;
}

static struct in6_addr addr(void)
{
	struct in6_addr a = {0};
	const char *s = next();

	if (strcmp(s, "*") && !addr_parse(s, &a))
		fail(s, -EINVAL);
	return a;
}

static struct prefix prefix(void)
{
	struct prefix p = {0};
	const char *s = next();

	if (!prefix_parse(s, &p))
		fail(s, -EINVAL);
	return p;
}

static void mac(uint8_t out[6])
{
	struct lladdr l = {0};
	const char *s = next();

	if (!lladdr_parse(s, &l) || l.len != 6)
		fail(s, -EINVAL);
	memcpy(out, l.b, 6);
}

static uint32_t ifindex(void)
{
	const char *s = next();
	uint32_t i = if_nametoindex(s);

	if (!i)
		fail(s, -ENODEV);
	return i;
}

static struct dp_tunnel tunnel(void)
{
	struct dp_tunnel t;

	t.local = addr();
	t.remote = addr();
	return t;
}

static struct dp_in in(void)
{
	struct dp_in i = {0};

	if (!strcmp(next(), "link"))
		i.ifindex = ifindex();
	else
		i.tunnel = tunnel();
	return i;
}

static struct dp_flow flow(void)
{
	struct dp_flow f;

	f.in = in();
	f.source = addr();
	f.group = addr();
	return f;
}

static struct dp_out out(void)
{
	struct dp_out o = {0};

	if (!strcmp(next(), "link")) {
		o.ifindex = ifindex();
		mac(o.dmac);
		o.node = (uint32_t)atoi(next());
	} else if (!strcmp(word[at - 1], "held")) {
		o.node = (uint32_t)atoi(next());
	} else {
		o.tunnel = tunnel();
	}
	return o;
}

static void apply(const struct dp_op *op)
{
	int r = dp_apply(dp, op);

	if (r)
		fail(word[0], r);
}

static void do_link(void)
{
	uint32_t i = ifindex();
	struct dp_ifinfo info;
	unsigned roles = 0;
	char *list = word[at < words ? at : 0];
	int r = dp_ifinfo_get(i, &info);

	for (char *s = strtok(list, ","); s; s = strtok(NULL, ","))
		roles |= !strcmp(s, "access")	   ? DP_LINK_ACCESS :
			 !strcmp(s, "transport")  ? DP_LINK_TRANSPORT :
			 !strcmp(s, "downstream") ? DP_LINK_DOWNSTREAM :
						    DP_LINK_UPSTREAM;
	if (!r)
		r = dp_link_set(dp, i, info.name, roles, info.mtu, info.mac);
	if (r)
		fail("link", r);
}

static void do_proxy(void)
{
	uint32_t i = ifindex(), upstream = words > at && strcmp(word[at], "-") ? ifindex() : 0;
	int r = dp_link_proxy(dp, i, upstream);

	if (r)
		fail("proxy", r);
}

static void do_home(void)
{
	struct prefix p = prefix();
	int r = dp_home_set(dp, &p, true);

	if (r)
		fail("home", r);
}

static void do_node(void)
{
	struct dp_op op = {.kind = DP_NODE_ADD};

	op.node.node = (uint32_t)atoi(next());
	op.node.ifindex = ifindex();
	mac(op.node.mac);
	op.node.tunnel = tunnel();
	while (at < words && op.node.n_prefixes < DP_NODE_PREFIX_MAX)
		op.node.prefixes[op.node.n_prefixes++] = prefix();
	apply(&op);
}

static void do_send(void)
{
	struct dp_tunnel t = tunnel();
	const char *hex = next();
	uint8_t bytes[2048];
	size_t n = 0;
	unsigned v;
	int r;

	while (n < sizeof(bytes) && sscanf(hex + 2 * n, "%2x", &v) == 1)
		bytes[n++] = (uint8_t)v;
	r = dp_tunnel_send(dp, &t, bytes, n);
	if (r)
		fail("send", r);
}

static void say(const char *what, const struct dp_count *c)
{
	printf("%s %llu %llu\n", what, (unsigned long long)c->packets, (unsigned long long)c->bytes);
}

static void do_count(void)
{
	const char *what = next();
	struct dp_count a = {0}, b = {0};
	bool found = true;

	if (!strcmp(what, "node")) {
		found = dp_node_count(dp, (uint32_t)atoi(next()), &a, &b);
		say("up", &a);
		say("down", &b);
	} else if (!strcmp(what, "flow")) {
		struct dp_flow f = flow();

		found = dp_flow_count(dp, &f, &a);
		say("in", &a);
	} else if (!strcmp(what, "out")) {
		struct dp_flow f = flow();
		struct dp_out o = out();

		found = dp_out_count(dp, &f, &o, &a);
		say("sent", &a);
	} else if (!strcmp(what, "tunnel")) {
		struct dp_tunnel t = tunnel();

		found = dp_tunnel_count(dp, &t, &a, &b);
		say("in", &a);
		say("out", &b);
	} else if (!strcmp(what, "link")) {
		found = dp_link_count(dp, ifindex(), &a);
		say("up", &a);
	} else {
		const char *name = next();

		for (int i = 0; i < DP_DROP_N; i++)
			if (!strcmp(name, dp_drop_name(i)))
				printf("%s %llu\n", name, (unsigned long long)dp_drop_count(dp, i));
	}
	if (!found)
		fail("count", -ENOENT);
}

static void show_flow(void *arg, const struct dp_flow *flow, const struct dp_out *outs, uint32_t n_outs)
{
	char text[ADDR_STR_MAX];

	(void)arg;
	(void)outs;
	printf("%s %u\n", addr_str(&flow->group, text), n_outs);
}

static void do_flows(void)
{
	dp_each_flow(dp, show_flow, NULL);
	printf("end\n");
}

static void do_drops(void)
{
	for (int i = 0; i < DP_DROP_N; i++)
		if (dp_drop_count(dp, i))
			printf("%s=%llu ", dp_drop_name(i), (unsigned long long)dp_drop_count(dp, i));
	printf("\n");
}

static void do_toggle(void)
{
	int times = atoi(next());
	struct dp_flow f = flow();
	struct dp_op del = {.kind = DP_OUT_DEL}, add = {.kind = DP_OUT_ADD};

	del.flow = f;
	del.out = out();
	add.flow = f;
	add.out = del.out;
	for (int i = 0; i < times; i++) {
		apply(&del);
		apply(&add);
	}
}

/* What RFC 4605 instances do where a listener of a source asks for all sources and back, as fast as it goes: each list is there
 * before the other one ends. Both have the one output. (*,G) is there at the end. */
static void do_alternate(void)
{
	int times = atoi(next());
	struct dp_flow source = flow(), any = source;
	struct dp_op op = {0};
	struct dp_out o = out();

	any.source = addr_any;
	for (int i = 0; i < 2 * times + 1; i++) {
		op.kind = DP_FLOW_ADD;
		op.flow = i % 2 ? source : any;
		op.outs = &o;
		op.n_outs = 1;
		apply(&op);
		op.kind = DP_FLOW_DEL;
		op.flow = i % 2 ? any : source;
		apply(&op);
		op.kind = DP_OUT_ADD; /* it is there; but a list to which something was done is not the same to a plain proxy */
		op.flow = i % 2 ? source : any;
		op.out = o;
		if (i % 4 > 1)
			apply(&op);
	}
}

/* Members FIRST..FIRST+COUNT-1 come and go at random; all are members at the end. */
static void do_churn(void)
{
	int times = atoi(next());
	struct dp_flow f = flow();
	struct dp_op op = {0};
	uint32_t dev = ifindex();
	int first = atoi(next()), n = atoi(next());
	static bool member[65536];
	struct rng rng = rng_of(1);

	memset(member, 1, sizeof(member));
	op.flow = f;
	for (int i = 0; i < times + n; i++) {
		int who = i < times ? (int)rng_below(&rng, (uint64_t)n) : i - times, id = first + who;

		if (i >= times && member[who])
			continue;
		op.out = (struct dp_out){.ifindex = dev, .dmac = {2, 0, 0, 0, (uint8_t)(id >> 8), (uint8_t)id}};
		op.kind = member[who] ? DP_OUT_DEL : DP_OUT_ADD;
		member[who] = !member[who];
		apply(&op);
	}
}

static struct in6_addr group_from(const struct in6_addr *first, uint32_t i)
{
	struct in6_addr g = *first;
	uint32_t low;

	memcpy(&low, &g.s6_addr[12], 4);
	low = htonl(ntohl(low) + i);
	memcpy(&g.s6_addr[12], &low, 4);
	return g;
}

static void do_crowd(void)
{
	uint32_t n = (uint32_t)atoi(next()), once = 0;
	const char *kind = next();
	struct dp_op op = {.kind = !strcmp(kind, "flow")  ? DP_FLOW_ADD :
				   !strcmp(kind, "out") ? DP_OUT_ADD :
							  DP_FLOW_DEL};
	struct dp_flow first = flow();
	struct dp_out o = {0};

	op.flow = first;
	if (op.kind != DP_FLOW_DEL)
		o = out();
	for (uint32_t i = 0; i < n; i++) {
		struct dp_count in = {0};

		op.flow.group = group_from(&first.group, i);
		if (!strcmp(kind, "once")) {
			once += dp_flow_count(dp, &op.flow, &in) && in.packets == 1;
			continue;
		}
		if (op.kind == DP_FLOW_ADD) {
			op.outs = &o;
			op.n_outs = 1;
		} else {
			op.out = o;
		}
		apply(&op);
	}
	if (!strcmp(kind, "once"))
		printf("once %u\n", once);
}

static void tunnel_op(enum dp_op_kind kind)
{
	struct dp_op op = {.kind = kind};

	op.tunnel = tunnel();
	apply(&op);
}

static void route_op(enum dp_op_kind kind)
{
	struct dp_op op = {.kind = kind};

	op.route.prefix = prefix();
	op.route.tunnel = tunnel();
	op.route.end_marker = !strcmp(next(), "end-marker");
	apply(&op);
}

static void mark_op(void)
{
	struct dp_op op = {.kind = DP_FLOW_MARK};

	op.flow = flow();
	op.label = (uint32_t)atoi(next());
	apply(&op);
}

static void handover_op(enum dp_op_kind kind)
{
	struct dp_op op = {.kind = kind};

	op.handover.node = (uint32_t)atoi(next());
	op.handover.key = (uint16_t)atoi(next());
	op.handover.tunnel = tunnel();
	op.handover.anchor = tunnel();
	op.handover.packets = (uint32_t)atoi(next());
	op.handover.age = span_ms(atoi(next()));
	op.handover.seam_wait = span_ms(atoi(next()));
	while (at < words && op.handover.n_prefixes < DP_NODE_PREFIX_MAX)
		op.handover.prefixes[op.handover.n_prefixes++] = prefix();
	apply(&op);
}

static void edge_op(void)
{
	struct dp_op op = {.kind = DP_HANDOVER_EDGE};
	const char *label;

	op.edge.node = (uint32_t)atoi(next());
	op.edge.group = addr();
	label = next();
	op.edge.label = strcmp(label, "none") ? (uint32_t)atoi(label) : DP_LABEL_NONE;
	apply(&op);
}

static void end_op(void)
{
	struct dp_op op = {.kind = DP_HANDOVER_END};

	op.handover.node = (uint32_t)atoi(next());
	apply(&op);
}

static void do_seams(void)
{
	for (unsigned i = 0; i < DP_SEAM_N; i++)
		if (dp_seam_count(dp, i))
			printf("%s=%llu ", dp_seam_name(i), (unsigned long long)dp_seam_count(dp, i));
	printf("\n");
}

static void do_held(void)
{
	uint32_t packets = 0, octets = 0;

	if (!dp_seam_held(dp, (uint32_t)atoi(next()), &packets, &octets))
		fail("held", -ENOENT);
	printf("%u\n", packets);
}

static void flow_op(enum dp_op_kind kind)
{
	struct dp_op op = {.kind = kind};

	struct dp_out first;

	op.flow = flow();
	if (kind == DP_OUT_ADD || kind == DP_OUT_DEL) {
		op.out = out();
	} else if (kind == DP_FLOW_ADD && at < words) {
		first = out();
		op.outs = &first;
		op.n_outs = 1;
	}
	apply(&op);
}

static void line(char *s)
{
	struct dp_op op = {0};
	struct dp_tunnel t;

	words = at = 0;
	for (char *w = strtok(s, " \t"); w && words < WORDS; w = strtok(NULL, " \t"))
		word[words++] = w;
	if (!words || word[0][0] == '#')
		return;
	s = word[at++];
	if (!strcmp(s, "link"))
		do_link();
	else if (!strcmp(s, "unlink"))
		dp_link_del(dp, ifindex());
	else if (!strcmp(s, "proxy"))
		do_proxy();
	else if (!strcmp(s, "home"))
		do_home();
	else if (!strcmp(s, "tunnel"))
		tunnel_op(DP_TUNNEL_ADD);
	else if (!strcmp(s, "untunnel"))
		tunnel_op(DP_TUNNEL_DEL);
	else if (!strcmp(s, "route"))
		route_op(DP_ROUTE_ADD);
	else if (!strcmp(s, "unroute"))
		route_op(DP_ROUTE_DEL);
	else if (!strcmp(s, "node"))
		do_node();
	else if (!strcmp(s, "unnode")) {
		op.kind = DP_NODE_DEL;
		op.node.node = (uint32_t)atoi(next());
		apply(&op);
	} else if (!strcmp(s, "flow"))
		flow_op(DP_FLOW_ADD);
	else if (!strcmp(s, "unflow"))
		flow_op(DP_FLOW_DEL);
	else if (!strcmp(s, "out"))
		flow_op(DP_OUT_ADD);
	else if (!strcmp(s, "unout"))
		flow_op(DP_OUT_DEL);
	else if (!strcmp(s, "mark"))
		mark_op();
	else if (!strcmp(s, "forward"))
		handover_op(DP_HANDOVER_FORWARD);
	else if (!strcmp(s, "expect"))
		handover_op(DP_HANDOVER_EXPECT);
	else if (!strcmp(s, "edge"))
		edge_op();
	else if (!strcmp(s, "end"))
		end_op();
	else if (!strcmp(s, "seams"))
		do_seams();
	else if (!strcmp(s, "held"))
		do_held();
	else if (!strcmp(s, "send"))
		do_send();
	else if (!strcmp(s, "count"))
		do_count();
	else if (!strcmp(s, "flows"))
		do_flows();
	else if (!strcmp(s, "drops"))
		do_drops();
	else if (!strcmp(s, "toggle"))
		do_toggle();
	else if (!strcmp(s, "alternate"))
		do_alternate();
	else if (!strcmp(s, "churn"))
		do_churn();
	else if (!strcmp(s, "crowd"))
		do_crowd();
	else if (!strcmp(s, "mtu")) {
		t = tunnel();
		printf("%u\n", dp_tunnel_mtu(dp, &t));
	} else if (!strcmp(s, "backend"))
		printf("%s %s\n", dp_running(dp) == DP_BACKEND_EBPF ? "ebpf" : "user",
		       dp_fallback_reason(dp) ? dp_fallback_reason(dp) : "-");
	else if (!strcmp(s, "sync"))
		printf("ok\n");
	else if (!strcmp(s, "quit"))
		event_base_loopbreak(base);
	else
		fail(s, -EINVAL);
}

/* A plain read: standard input may be a pipe, a FIFO or a terminal. */
static void on_input(evutil_socket_t fd, short what, void *arg)
{
	static char buf[65536];
	static size_t have;
	ssize_t n = read(fd, buf + have, sizeof(buf) - 1 - have);
	char *s = buf, *end;

	(void)what;
	(void)arg;
	if (n <= 0) {
		event_base_loopbreak(base);
		return;
	}
	have += (size_t)n;
	buf[have] = 0;
	while ((end = strchr(s, '\n'))) {
		*end = 0;
		line(s);
		fflush(stdout);
		s = end + 1;
	}
	have -= (size_t)(s - buf);
	memmove(buf, s, have);
}

static void on_tunnel_packet(void *arg, const struct dp_tunnel *t, const uint8_t *inner, size_t len)
{
	char remote[ADDR_STR_MAX];

	(void)arg;
	printf("packet %s ", addr_str(&t->remote, remote));
	for (size_t i = 0; i < len && i < 128; i++)
		printf("%02x", inner[i]);
	printf("\n");
	fflush(stdout);
}

static void on_handover(void *arg, uint32_t node, enum dp_handover_news news)
{
	(void)arg;
	printf("handover %u %s\n", node, news == DP_HANDOVER_CLOSED ? "closed" : "overflown");
	fflush(stdout);
}

static void on_problem(void *arg, const char *text)
{
	(void)arg;
	printf("problem: %s\n", text);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct dp_events events = {.tunnel_packet = on_tunnel_packet, .handover = on_handover, .problem = on_problem};
	struct dp_conf conf = {.nodes_max = 4096, .routes_max = 65536, .tunnels_max = 2048, .flows_max = 1024,
			       .outs_max = 16384, .ptb_per_s = 10, .handovers = true};
	struct event *input;
	char why[512];
	int c, n_locals = 0;

	while ((c = getopt(argc, argv, "b:fl:mn:p:t:")) != -1) {
		if (c == 'b')
			conf.backend = !strcmp(optarg, "ebpf") ? DP_BACKEND_EBPF :
				       !strcmp(optarg, "user") ? DP_BACKEND_USER :
								 DP_BACKEND_AUTO;
		else if (c == 'f')
			conf.outer_fragmentation = true;
		else if (c == 'l' && n_locals < DP_LOCALS_MAX && addr_parse(optarg, &conf.locals[n_locals]))
			n_locals++;
		else if (c == 'm')
			conf.multicast_only = true;
		else if (c == 'n') /* flows, of two outputs */
			conf.outs_max = 2 * (conf.flows_max = (uint32_t)atoi(optarg));
		else if (c == 't')
			conf.tunnels_max = (uint32_t)atoi(optarg);
		else if (c == 'p')
			conf.ptb_per_s = (uint32_t)atoi(optarg);
		else
			return 2;
	}
	base = event_base_new();
	if (!base || dp_new(&dp, &conf, base, &events, NULL, why, sizeof(why))) {
		printf("error: %s\n", why);
		return 1;
	}
	input = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, NULL);
	event_add(input, NULL);
	event_base_dispatch(base);
	event_free(input);
	dp_free(dp);
	event_base_free(base);
	return failed;
}
