/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Between the files of the demonstration: what it has seen, and how it is shown. */
#include <jansson.h>
#include <signal.h>

#include "lab/topo.h"

#define DEMO_MAGS	2
#define DEMO_MNS	3
#define DEMO_ROWS_MAX	6
#define DEMO_GROUPS_MAX 3
#define DEMO_NOTES	7
#define DEMO_TEXT	120

#define DEMO_HOPS (1 + DEMO_MAGS) /* into the LMA, and into each MAG */

/* A group, and over which hops it flows now. */
struct demo_group {
	const char *label, *addr, *how;
	bool asked[DEMO_HOPS];	     /* joined upstream; subscribed to by the MAG */
	uint64_t packets[DEMO_HOPS]; /* that arrived, as the daemon there counts */
	double rate[DEMO_HOPS];	     /* packets a second since the last look */
	mono_t looked;
};

/* One receiver of one stream. */
struct demo_row {
	const char *stream, *label;
	unsigned mn;
	const char *over; /* "left", "ended": no longer expected. NULL: it is */
	uint64_t received, lost, duplicates, reordered;
	uint64_t excused; /* lost while the node was between two links */
	double gap_ms;	  /* of the last handover; < 0: there was none */
	bool flowing;
};

struct demo_note {
	double at; /* seconds since the start */
	char text[DEMO_TEXT];
};

struct demo_video;

struct demo {
	struct lab lab;
	mono_t start;
	bool tty, json;
	const char *dataplane; /* asked for */
	char running[16];      /* what the daemons took */
	char phase[DEMO_TEXT];
	struct demo_group groups[DEMO_GROUPS_MAX];
	struct demo_row rows[DEMO_ROWS_MAX];
	unsigned n_groups, n_rows, drawn; /* drawn: lines of the last picture */
	char addr[DEMO_MNS][LAB_ADDR_MAX];
	struct demo_note notes[DEMO_NOTES];
	unsigned n_notes;
	json_t *expectations, *handovers;
	unsigned unmet;
	struct demo_video *video; /* NULL: without */
};

extern volatile sig_atomic_t demo_stop;

/* ---- demo_view.c: the picture ---- */
void demo_view_open(struct demo *d);
void demo_view_close(struct demo *d);
void demo_draw(struct demo *d);
/* Something happened: one line, in the picture or by itself. */
void demo_note(struct demo *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void demo_phase(struct demo *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void demo_print_summary(struct demo *d, json_t *summary);

/* ---- demo_state.c: what the daemons, the receivers and the kernel tell ---- */
void demo_refresh(struct demo *d);
/* Refresh and draw for that long; false when the demonstration is to stop. */
bool demo_watch(struct demo *d, span_t how_long);
/* The same, but only until `done` says so. False: it did not within `patience`, or stop. */
bool demo_until(struct demo *d, span_t patience, bool (*done)(struct demo *d, void *arg), void *arg);
bool demo_expect(struct demo *d, bool met, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Is the group sent to the LMA? By the bridge's table, which is not ours. */
bool demo_bridge_sends(struct demo *d, const char *group);
/* Packets that came in by an interface of a node since it was made. */
uint64_t demo_packets_in(struct demo *d, const char *node, const char *dev);
bool demo_find_address(struct demo *d, unsigned mn); /* fills addr[mn] */
/* The pause in row's reception that holds `at`. False: none is known (yet). */
bool demo_gap_at(struct demo *d, const struct demo_row *row, mono_t at, mono_t *from, mono_t *to, uint64_t *missing);
double demo_seconds(const struct demo *d);

/* ---- demo_handover.c: acts in which nodes move. False when the demonstration is to stop ---- */
bool demo_handover(struct demo *d, unsigned mn, unsigned to);
/* Two nodes move at once, the first announced (predictive), the other not. */
bool demo_side_by_side(struct demo *d, unsigned announced, unsigned other, unsigned to);

/* ---- demo_video.c ---- */
bool demo_video_start(struct demo *d, unsigned mn); /* false after it noted why */
void demo_video_refresh(struct demo *d);
void demo_video_line(const struct demo *d, char text[DEMO_TEXT]);
json_t *demo_video_summary(const struct demo *d);
bool demo_video_played(const struct demo *d); /* pictures came, and still do */
void demo_video_stop(struct demo *d);	      /* and free */
