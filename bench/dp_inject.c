/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts frames into a device of this network namespace as if they had been received, and says what CPU time they cost,
 * softirqs included; or holds the sinks of a namespace. Driven by lines (bench/dataplane):
 *
 *   cpu N                      run on this CPU alone
 *   frame BYTES HEX            the frame: its length, and its first octets
 *   run IF PACKETS BATCH       answers CPU nanoseconds per packet
 *   sink IF ingress|egress on|off           by clsact
 *   sink IF tcx-ingress|tcx-egress on|off   by the younger hook, which costs less and attaches slower
 *   attach IF clone_loop|redirect [tcx]
 *   outputs FIRST_IFINDEX N    for these two
 *   mroute IN SOURCE GROUP OUT...   the kernel's own multicast forwarding, until the end
 *   copies                     answers how many the sinks took since the last time
 *
 * Anything else, and what fails, answers "error ...". */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/mroute6.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.skel.h"

#ifndef BPF_F_TEST_XDP_LIVE_FRAMES
#define BPF_F_TEST_XDP_LIVE_FRAMES (1U << 1)
#endif

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS and the one after it, younger than Debian 12's headers */
#define TCX_EGRESS 47
#define TCX_LINKS 16

static struct {
	uint32_t ifindex; /* 0: a free place */
	int fd;
} tcx[TCX_LINKS];
static struct bench_bpf *skel;
static uint8_t frame[2048];
static uint32_t frame_len;
static int mroute = -1;
static unsigned mifs;

static void answer(int r)
{
	if (r)
		printf("error %s\n", strerror(r < 0 ? -r : r));
	else
		printf("ok\n");
}

static int set_frame(uint32_t len, const char *hex)
{
	unsigned v, n = 0;

	if (len > sizeof(frame) || len < sizeof(skel->bss->headers))
		return -EINVAL;
	memset(frame, 0, sizeof(frame));
	while (n < len && sscanf(hex + 2 * n, "%2x", &v) == 1)
		frame[n++] = (uint8_t)v;
	frame_len = len;
	memcpy(skel->bss->headers, frame, sizeof(skel->bss->headers));
	return 0;
}

static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int run(uint32_t ifindex, uint32_t packets, uint32_t batch)
{
	struct xdp_md ctx = {.data_end = frame_len, .ingress_ifindex = ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = frame_len, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = (int)packets, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = batch);
	int64_t start = cpu_ns();
	int r = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.inject), &opts);

	if (r)
		return r;
	printf("%.2f\n", (double)(cpu_ns() - start) / packets);
	return 0;
}

static int attach(uint32_t ifindex, enum bpf_tc_attach_point where, const struct bpf_program *prog, int on)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = where);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1, .flags = BPF_TC_F_REPLACE);
	int r = bpf_tc_hook_create(&hook);

	if (r && r != -EEXIST)
		return r;
	if (on) {
		opts.prog_fd = bpf_program__fd(prog);
		return bpf_tc_attach(&hook, &opts);
	}
	opts.flags = 0;
	return bpf_tc_detach(&hook, &opts);
}

static int attach_tcx(uint32_t ifindex, unsigned where, const struct bpf_program *prog, int on)
{
	union bpf_attr attr = {0};
	int i = 0;

	while (i < TCX_LINKS && tcx[i].ifindex != (on ? 0 : ifindex))
		i++;
	if (i == TCX_LINKS)
		return -ENOSPC;
	if (!on) {
		tcx[i].ifindex = 0;
		return close(tcx[i].fd) ? -errno : 0;
	}
	attr.link_create.prog_fd = (uint32_t)bpf_program__fd(prog);
	attr.link_create.target_ifindex = ifindex;
	attr.link_create.attach_type = where;
	tcx[i].fd = (int)syscall(__NR_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	if (tcx[i].fd < 0)
		return -errno;
	tcx[i].ifindex = ifindex;
	return 0;
}

static int set_sink(const char *dev, const char *where, const char *on)
{
	uint32_t ifindex = if_nametoindex(dev);

	if (!strncmp(where, "tcx-", 4))
		return attach_tcx(ifindex, strcmp(where, "tcx-egress") ? TCX_INGRESS : TCX_EGRESS, skel->progs.sink_tcx,
				  !strcmp(on, "on"));
	return attach(ifindex, !strcmp(where, "egress") ? BPF_TC_EGRESS : BPF_TC_INGRESS, skel->progs.sink,
		      !strcmp(on, "on"));
}

static int attach_rival(const char *dev, const char *which, const char *how)
{
	const struct bpf_program *prog = !strcmp(which, "redirect") ? skel->progs.redirect : skel->progs.clone_loop;
	uint32_t ifindex = if_nametoindex(dev);

	return how ? attach_tcx(ifindex, TCX_INGRESS, prog, 1) : attach(ifindex, BPF_TC_INGRESS, prog, 1);
}

static uint64_t read_copies(void)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t v[1024], sum = 0; /* one for each CPU */
	uint32_t zero = 0;
	int fd = bpf_map__fd(skel->maps.copies);

	memset(v, 0, sizeof(v));
	if (bpf_map_lookup_elem(fd, &zero, v))
		return 0;
	for (int i = 0; i < cpus && i < 1024; i++)
		sum += v[i];
	memset(v, 0, sizeof(v));
	bpf_map_update_elem(fd, &zero, v, BPF_ANY);
	return sum;
}

static int mif(const char *dev)
{
	struct mif6ctl m = {.mif6c_mifi = (mifi_t)mifs, .vifc_threshold = 1, .mif6c_pifi = (uint16_t)if_nametoindex(dev)};

	if (setsockopt(mroute, IPPROTO_IPV6, MRT6_ADD_MIF, &m, sizeof(m)))
		return -errno;
	return (int)mifs++;
}

static int kernel_route(void)
{
	const char *in = strtok(NULL, " "), *source = strtok(NULL, " "), *group = strtok(NULL, " ");
	struct mf6cctl c = {.mf6cc_origin.sin6_family = AF_INET6, .mf6cc_mcastgrp.sin6_family = AF_INET6};
	int one = 1, parent;

	if (!in || !source || !group)
		return -EINVAL;
	inet_pton(AF_INET6, source, &c.mf6cc_origin.sin6_addr);
	inet_pton(AF_INET6, group, &c.mf6cc_mcastgrp.sin6_addr);
	mroute = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	if (mroute < 0 || setsockopt(mroute, IPPROTO_IPV6, MRT6_INIT, &one, sizeof(one)))
		return -errno;
	parent = mif(in);
	if (parent < 0)
		return parent;
	c.mf6cc_parent = (mifi_t)parent;
	for (const char *dev; (dev = strtok(NULL, " "));) {
		int i = mif(dev);

		if (i < 0)
			return i;
		IF_SET((unsigned)i, &c.mf6cc_ifset);
	}
	return setsockopt(mroute, IPPROTO_IPV6, MRT6_ADD_MFC, &c, sizeof(c)) ? -errno : 0;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	answer(sched_setaffinity(0, sizeof(set), &set) ? errno : 0);
}

static void line(char *s)
{
	char *w = strtok(s, " "), *a, *b, *c;

	if (w && !strcmp(w, "mroute")) {
		answer(kernel_route());
		return;
	}
	a = strtok(NULL, " ");
	b = strtok(NULL, " ");
	c = strtok(NULL, " ");
	if (!w) {
		answer(EINVAL);
	} else if (!strcmp(w, "cpu") && a) {
		pin(atoi(a));
	} else if (!strcmp(w, "frame") && b) {
		answer(set_frame((uint32_t)atoi(a), b));
	} else if (!strcmp(w, "run") && c) {
		int r = run(if_nametoindex(a), (uint32_t)atoi(b), (uint32_t)atoi(c));

		if (r)
			answer(r);
	} else if (!strcmp(w, "sink") && c) {
		answer(set_sink(a, b, c));
	} else if (!strcmp(w, "attach") && b) {
		answer(attach_rival(a, b, c));
	} else if (!strcmp(w, "outputs") && b) {
		skel->bss->first = (uint32_t)atoi(a);
		skel->bss->outputs = (uint32_t)atoi(b);
		answer(0);
	} else if (!strcmp(w, "copies")) {
		printf("%llu\n", (unsigned long long)read_copies());
	} else {
		answer(EINVAL);
	}
}

int main(void)
{
	char *s = NULL;
	size_t size = 0;

	libbpf_set_print(NULL); /* it complains that clsact is there already */
	skel = bench_bpf__open_and_load();
	if (!skel) {
		printf("error cannot load the eBPF programs: root?\n");
		return 1;
	}
	while (getline(&s, &size, stdin) > 0) {
		s[strcspn(s, "\n")] = 0;
		line(s);
		fflush(stdout);
	}
	free(s);
	bench_bpf__destroy(skel);
	return 0;
}
