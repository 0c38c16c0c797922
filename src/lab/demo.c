/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/demo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/args.h"
#include "lab/daemons.h"
#include "lab/domain.h"
#include "lab/lab.h"
#include "lab/plug.h"
#include "lab/say.h"
#include "lab/stream.h"
#include "lab/streams.h"

#define TV		  "ff3e::8000:1"
#define NEWS		  "ff3e::8000:2"
#define VIDEO		  "ff3e::8000:3"
#define RATE		  200
#define DELAY		  span_ms(5) /* one way, between each MAG and the LMA */
#define REGISTER_PATIENCE span_s(8)
#define SCHEMA		  1

volatile sig_atomic_t demo_stop;

static void on_signal(int sig)
{
	(void)sig;
	demo_stop = 1;
}

/* ---- preparation -------------------------------------------------------------------------------------------- */

static struct demo_row *add_row(struct demo *d, const char *stream, const char *label, unsigned mn)
{
	struct demo_row *r = &d->rows[d->n_rows++];
	*r = (struct demo_row){.stream = stream, .label = label, .mn = mn, .gap_ms = -1};
	return r;
}

static int prepare(struct demo *d, bool video)
{
	char prefix[LAB_PREFIX_MAX];
	snprintf(prefix, sizeof(prefix), "rc-demo-%d", (int)getpid());
	int r = lab_shape(&d->lab, prefix, 1, DEMO_MAGS, DEMO_MNS);
	if (r)
		return r;
	snprintf(d->lab.dataplane, sizeof(d->lab.dataplane), "%s", d->dataplane);
	for (size_t i = 0; !r && i < d->lab.n_mags; i++)
		r = lab_delay(&d->lab.mags[i], DELAY);
	d->lab.mns[0].profile = json_pack("{s{sss[{sss[s]}]}}", "multicast", "initiation", "network", "subscriptions",
					  "group", TV, "sources", LAB_SRC_ADDR);
	d->groups[0] = (struct demo_group){.label = "TV", .addr = TV, .how = "by mn1's profile"};
	d->groups[1] = (struct demo_group){.label = "NEWS", .addr = NEWS, .how = "by MLD of the nodes"};
	d->groups[2] = (struct demo_group){.label = "VIDEO", .addr = VIDEO, .how = "by MLD of mn2: ffmpeg"};
	d->n_groups = video ? 3 : 2;
	d->expectations = json_array();
	d->handovers = json_array();
	return !d->lab.mns[0].profile || !d->expectations || !d->handovers ? -ENOMEM : r;
}

static bool all_have_addresses(struct demo *d, void *arg)
{
	(void)arg;
	bool all = true;
	for (unsigned i = 0; i < DEMO_MNS; i++)
		all = (d->addr[i][0] || demo_find_address(d, i)) && all;
	return all;
}

static bool attach_all(struct demo *d)
{
	static const unsigned first_mag[DEMO_MNS] = {0, 0, 1};
	demo_phase(d, "nodes attach");
	for (unsigned i = 0; i < DEMO_MNS && !demo_stop; i++) {
		struct lab_mag *mag = &d->lab.mags[first_mag[i]];
		if (plug_move(&d->lab, &d->lab.mns[i], mag, NULL) < 0)
			return false;
		demo_note(d, "%s plugged into %s", d->lab.mns[i].name, mag->name);
		demo_watch(d, span_ms(300));
	}
	lab_save(&d->lab);
	bool ok = demo_until(d, REGISTER_PATIENCE, all_have_addresses, NULL);
	return demo_expect(d, ok, "every node is registered and has an address of its home network");
}

static bool start_stream(struct demo *d, const char *name, const char *to, const char *source, bool passive)
{
	struct stream s = {.from = "src", .port = STREAM_PORT, .rate = RATE, .size = 500, .passive = passive};
	snprintf(s.name, sizeof(s.name), "%s", name);
	snprintf(s.to, sizeof(s.to), "%s", to);
	snprintf(s.source, sizeof(s.source), "%s", source);
	return streams_start(&d->lab, &s) == 0;
}

/* ---- the acts ----------------------------------------------------------------------------------------------- */

static bool all_flow(struct demo *d, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < d->n_rows; i++)
		if (!d->rows[i].flowing)
			return false;
	return true;
}

/* mn1 gets TV by its profile: its receiver only watches the link. mn2 and mn3 ask for NEWS by an ordinary socket. */
static bool act_streams(struct demo *d)
{
	demo_phase(d, "streams start");
	bool ok = start_stream(d, "tv", TV, LAB_SRC_ADDR, true) && start_stream(d, "news", NEWS, LAB_SRC_ADDR, false) &&
		  start_stream(d, "unicast", d->addr[0], "", false);
	ok = ok && !streams_join(&d->lab, "tv", "mn1", NULL) && !streams_join(&d->lab, "unicast", "mn1", NULL) &&
	     !streams_join(&d->lab, "news", "mn2", NULL) && !streams_join(&d->lab, "news", "mn3", NULL);
	lab_save(&d->lab);
	if (!ok)
		return false;
	struct demo_row *tv = add_row(d, "tv", "TV", 0), *unicast = add_row(d, "unicast", "unicast", 0);
	struct demo_row *news2 = add_row(d, "news", "NEWS", 1), *news3 = add_row(d, "news", "NEWS", 2);
	demo_until(d, span_s(3), all_flow, NULL);
	demo_watch(d, span_s(2));
	demo_expect(d, tv->flowing, "TV reaches mn1, which asked for nothing");
	demo_expect(d, news2->flowing && news3->flowing, "NEWS reaches mn2 and mn3, which asked by MLD");
	demo_expect(d, unicast->flowing, "unicast from the source reaches mn1 at its home address");
	demo_expect(d, demo_bridge_sends(d, TV) && demo_bridge_sends(d, NEWS),
		    "the router's own table shows both groups joined");
	return !demo_stop;
}

/* Nothing is replicated to a MAG that has no listener any more. A few packets a second are control traffic. */
static bool act_nobody(struct demo *d, unsigned mag)
{
	const char *name = d->lab.mags[mag].name;
	uint64_t before = demo_packets_in(d, name, "tr0");
	demo_watch(d, span_s(1));
	uint64_t packets = demo_packets_in(d, name, "tr0") - before;
	bool listed = false;
	for (unsigned i = 0; i < d->n_groups; i++)
		listed = listed || d->groups[i].asked[1 + mag];
	demo_expect(d, packets < RATE / 4 && !listed,
		    "no stream goes on to %s, where nobody is left (%llu packets in 1 s)", name,
		    (unsigned long long)packets);
	return !demo_stop;
}

static bool act_leave(struct demo *d)
{
	struct demo_row *news2 = &d->rows[2], *news3 = &d->rows[3];
	demo_phase(d, "mn3 leaves NEWS");
	streams_leave(&d->lab, "news", "mn3");
	lab_save(&d->lab);
	news3->over = "left";
	demo_watch(d, span_ms(300));
	uint64_t before = demo_packets_in(d, "mn3", "eth0"), had = news2->received;
	demo_watch(d, span_s(1));
	uint64_t packets = demo_packets_in(d, "mn3", "eth0") - before;
	demo_expect(d, packets < RATE / 4, "NEWS has stopped on mn3's link (%llu packets in 1 s)",
		    (unsigned long long)packets);
	demo_expect(d, news2->received > had, "and goes on at mn2, on the same MAG");
	return !demo_stop;
}

static bool tv_has_ended(struct demo *d, void *arg)
{
	(void)arg;
	return !d->groups[0].asked[0] && !d->rows[0].flowing && !demo_bridge_sends(d, TV);
}

static bool act_terminate(struct demo *d)
{
	demo_phase(d, "the network ends TV");
	json_t *error = NULL;
	json_t *r =
	    daemons_ask(&d->lab, d->lab.lmas[0].name, json_pack("{ssss}", "command", "terminate", "group", TV), &error);
	if (!r)
		demo_note(d, "terminate: %s", error ? json_string_value(json_object_get(error, "text")) : "no answer");
	bool ended = r && demo_until(d, span_s(3), tv_has_ended, NULL);
	d->rows[0].over = "ended";
	uint64_t had = d->rows[0].received;
	demo_watch(d, span_s(1));
	demo_expect(d, ended && d->rows[0].received == had, "TV has stopped at mn1, and the LMA has left it upstream");
	demo_expect(d, d->rows[1].flowing, "mn1's unicast goes on");
	json_decref(r);
	json_decref(error);
	return !demo_stop;
}

static void judge_streams(struct demo *d)
{
	uint64_t lost = 0, twice = 0, disorder = 0;
	for (unsigned i = 0; i < d->n_rows; i++) {
		lost += d->rows[i].lost - d->rows[i].excused;
		twice += d->rows[i].duplicates;
		disorder += d->rows[i].reordered;
	}
	demo_expect(d, lost == 0, "no packet was lost but between two links (%llu)", (unsigned long long)lost);
	demo_expect(d, twice == 0 && disorder == 0, "none came twice (%llu) or out of order (%llu)",
		    (unsigned long long)twice, (unsigned long long)disorder);
	if (d->video)
		demo_expect(d, demo_video_played(d), "the video played, and played on after the handover");
}

static void judge_daemons(struct demo *d)
{
	bool alive = true;
	for (size_t i = 0; i < 1 + DEMO_MAGS; i++) {
		const struct lab_proc *p = lab_proc(&d->lab, lab_node_name(&d->lab, i));
		alive = alive && p && proc_alive(&p->proc);
	}
	demo_expect(d, alive, "all daemons still run");
}

static void play(struct demo *d, bool video)
{
	bool on = attach_all(d) && act_streams(d);
	if (on && video)
		on = demo_video_start(d, 1) && demo_watch(d, span_s(3));
	on = on && demo_handover(d, 0, 1) && demo_handover(d, 1, 1) && act_nobody(d, 0) && act_leave(d) &&
	     demo_side_by_side(d, 0, 1, 0) && act_terminate(d);
	if (!demo_stop && !on && !d->unmet)
		demo_expect(d, false, "every step of the demonstration could be made");
	demo_phase(d, "end");
	if (!demo_stop && d->n_rows) {
		streams_stop(&d->lab, "tv");
		streams_stop(&d->lab, "news");
		streams_stop(&d->lab, "unicast");
		demo_refresh(d);
		judge_streams(d);
	}
	judge_daemons(d);
	demo_draw(d);
}

/* ---- summary ------------------------------------------------------------------------------------------------ */

static json_t *summary(struct demo *d, double seconds)
{
	json_t *rows = json_array();
	for (unsigned i = 0; i < d->n_rows; i++) {
		const struct demo_row *r = &d->rows[i];
		json_array_append_new(rows, json_pack("{sssssIsIsIsIsI}", "node", d->lab.mns[r->mn].name, "stream",
						      r->label, "received", (json_int_t)r->received, "lost",
						      (json_int_t)(r->lost - r->excused), "lost_between_links",
						      (json_int_t)r->excused, "duplicates", (json_int_t)r->duplicates,
						      "reordered", (json_int_t)r->reordered));
	}
	bool passed = !d->unmet && !demo_stop && json_array_size(d->expectations) > 0;
	json_t *all = json_pack("{sisbsbsfsssosOsO}", "schema", SCHEMA, "passed", (int)passed, "interrupted",
				(int)demo_stop, "seconds", seconds, "dataplane", d->running, "streams", rows,
				"handovers", d->handovers, "expectations", d->expectations);
	if (d->video)
		json_object_set_new(all, "video", demo_video_summary(d));
	return all;
}

static void free_demo(struct demo *d)
{
	json_decref(d->expectations);
	json_decref(d->handovers);
	lab_release(&d->lab);
}

static int run(struct demo *d, bool video)
{
	struct sigaction sa = {.sa_handler = on_signal};
	const struct domain_options o = {.daemons = true};
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGPIPE, SIG_IGN); /* who reads our lines may go away: the lab is to be taken down all the same */
	d->start = proc_clock();
	int r = prepare(d, video);
	demo_view_open(d);
	if (!r) {
		demo_phase(d, "the domain is raised");
		r = domain_up(&d->lab, &o, &demo_stop);
	}
	bool up = !r;
	if (up)
		play(d, video);
	else
		demo_expect(d, false, "the domain could be raised");
	demo_view_close(d);
	json_t *s = summary(d, demo_seconds(d));
	demo_print_summary(d, s);
	r = demo_stop ? 130 : json_is_true(json_object_get(s, "passed")) ? 0 : 1;
	json_decref(s);
	for (size_t i = 0; up && r == 1 && i < 1 + DEMO_MAGS; i++)
		daemons_show_log(&d->lab, lab_node_name(&d->lab, i));
	demo_video_stop(d);
	if (up)
		domain_down(&d->lab);
	free_demo(d);
	return r;
}

int demo_main(int argc, char **argv)
{
	struct demo d = {.dataplane = "auto"};
	bool video = false, help = false;
	const struct arg known[] = {
	    {"json", ARG_FLAG, .to = &d.json},
	    {"video", ARG_FLAG, .to = &video},
	    {"dataplane", ARG_WORD, .to = &d.dataplane, .words = "auto|ebpf|user"},
	    {"help", ARG_FLAG, .to = &help},
	};
	int first = args_parse(argc - 1, argv + 1, known, sizeof(known) / sizeof(known[0]));
	if (help || first != argc - 1) {
		fputs("usage: roamcast demo [--json] [--video] [--dataplane auto|ebpf|user]\n", help ? stdout : stderr);
		return help ? 0 : 2;
	}
	if (geteuid() != 0) {
		lab_say("network namespaces need root");
		return 1;
	}
	return run(&d, video);
}
