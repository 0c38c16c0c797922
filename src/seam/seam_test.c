/* SPDX-License-Identifier: BSD-2-Clause */
#include "seam/seam.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory_testing.h"
#include "base/rng.h"

#define MS 1000000

/* A seam, and what it let through, as text: packets are numbers. */
struct rig {
	struct seam *s;
	uint64_t *counts;
	int64_t now_ms;
	char out[512];
	long blocks; /* of memory, before */
};

static uint64_t all_counts[SEAM_COUNTS];
static const struct seam_limits usual = {.packets = 100, .octets = 10000, .age = {500 * MS}, .wait = {200 * MS}};

static struct in6_addr addr(uint8_t last)
{
	struct in6_addr a = {0};

	a.s6_addr[0] = 0xff;
	a.s6_addr[15] = last;
	return a;
}

static struct seam_stream stream(uint8_t source, uint8_t group)
{
	struct seam_stream k = {addr(source), addr(group)};

	if (!source)
		memset(&k.source, 0, 16);
	return k;
}

static mono_t now(const struct rig *r) { return (mono_t){r->now_ms * MS}; }

static struct rig rig_of(const struct seam_limits *limits)
{
	struct rig r = {.now_ms = 1000, .counts = all_counts, .blocks = memory_live};

	memset(all_counts, 0, sizeof(all_counts));
	r.s = seam_new(limits, 1, r.counts);
	assert_non_null(r.s);
	return r;
}

static void end(struct rig *r)
{
	r->s = seam_free(r->s);
#if OUR_MEMORY
	assert_int_equal(memory_live, r->blocks);
#endif
}

static void say(struct rig *r, unsigned number)
{
	size_t n = strlen(r->out);

	snprintf(r->out + n, sizeof(r->out) - n, "%s%u", n ? " " : "", number);
}

static void pop(struct rig *r)
{
	struct seam_packet *p;

	while ((p = seam_pop(r->s, now(r)))) {
		unsigned number;

		memcpy(&number, p->bytes, sizeof(number));
		say(r, number);
		free(p);
	}
	assert_false(seam_ready(r->s));
}

static void put(struct rig *r, enum seam_path path, struct seam_stream key, uint32_t label, unsigned number)
{
	uint8_t bytes[100] = {0};

	memcpy(bytes, &number, sizeof(number));
	if (path == SEAM_FORWARDED)
		label &= 0xff;
	if (seam_put(r->s, now(r), path, &key, label, bytes, sizeof(bytes)) == SEAM_PASS)
		say(r, number);
	pop(r);
}

static void after(struct rig *r, int ms)
{
	r->now_ms += ms;
	seam_expire(r->s, now(r));
	pop(r);
}

static void edge(struct rig *r, uint8_t group, uint32_t label)
{
	struct in6_addr g = addr(group);

	assert_true(seam_edge(r->s, now(r), &g, label != UINT32_MAX, label));
	pop(r);
}

static void arrive(struct rig *r)
{
	seam_arrive(r->s, now(r));
	pop(r);
}

/* What came out since the last time. */
static void expect(struct rig *r, const char *text)
{
	assert_string_equal(r->out, text);
	r->out[0] = 0;
}

#define A stream(1, 9)
#define N SEAM_NATIVE
#define F SEAM_FORWARDED

/* The table of the design: packets 1 to 3 before the edge, 4 and 5 past it. */
static void each_packet_once_and_in_order(void **state)
{
	struct rig r = rig_of(&usual);

	(void)state;
	put(&r, N, A, 7, 1);
	put(&r, F, A, 7, 1);
	put(&r, N, A, 7, 2);
	edge(&r, 9, 8);
	put(&r, F, A, 7, 2);
	put(&r, N, A, 7, 3);
	put(&r, N, A, 8, 4);
	expect(&r, "");
	arrive(&r);
	expect(&r, "1 2");
	put(&r, F, A, 7, 3);
	expect(&r, "3"); /* at once */
	assert_false(seam_is_closed(r.s, &(struct seam_stream){addr(1), addr(9)}));
	put(&r, F, A, 8, 4);
	expect(&r, "4");
	put(&r, N, A, 8, 5);
	put(&r, F, A, 8, 5);
	expect(&r, "5");
	assert_true(seam_is_closed(r.s, &(struct seam_stream){addr(1), addr(9)}));
	assert_int_equal(r.counts[SEAM_COUNT_BEFORE_EDGE], 3);
	assert_int_equal(r.counts[SEAM_COUNT_PAST_EDGE], 2);
	assert_int_equal(r.counts[SEAM_COUNT_PASSED], 2);
	assert_int_equal(r.counts[SEAM_COUNT_LATE], 0);
	end(&r);
}

static void labels_are_serial_numbers(void **state)
{
	static const uint32_t edges[] = {0, 1, 0x80, 0xff, 0x100, 0x80000, 0xfffff};

	(void)state;
	for (unsigned i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		struct rig r = rig_of(&usual);

		arrive(&r);
		edge(&r, 9, edges[i]);
		put(&r, N, A, (edges[i] - 1) & 0xfffff, 1);
		put(&r, F, A, (edges[i] - 1) & 0xfffff, 1);
		put(&r, N, A, (edges[i] - 0x7f) & 0xfffff, 2);
		put(&r, F, A, (edges[i] - 0x7f) & 0xfffff, 2);
		put(&r, N, A, edges[i], 3);
		put(&r, N, A, (edges[i] + 0x7fff) & 0xfffff, 4);
		expect(&r, "1 2");
		put(&r, F, A, (edges[i] + 0x7f) & 0xfffff, 4);
		expect(&r, "3 4");
		end(&r);
	}
}

/* A packet may be marked before it is known what the mark is. */
/* A train of nodes: the group is marked for each of them, more often than the forwarded path's bits count. */
static void a_group_marked_for_many(void **state)
{
	struct rig r = rig_of(&usual);
	uint32_t edge_at = 0xfff80;

	(void)state;
	for (unsigned i = 0; i < 90; i++)
		put(&r, F, A, (edge_at - 900 + 10 * i) & 0xfffff, i);
	edge(&r, 9, edge_at);
	arrive(&r);
	assert_int_equal(r.counts[SEAM_COUNT_RELEASED], 90);
	r.out[0] = 0;
	put(&r, F, A, edge_at - 1, 300);
	expect(&r, "300");
	put(&r, F, stream(2, 9), edge_at - 1, 4); /* that begins now */
	expect(&r, "4");
	for (unsigned i = 0; i < 600; i++) {
		put(&r, F, A, (edge_at + i) & 0xfffff, 301 + i);
		expect(&r, "");
		put(&r, N, A, (edge_at + i) & 0xfffff, 1);
		expect(&r, "1");
	}
	/* A stream that pauses meanwhile: the native path tells how far it is. */
	for (unsigned i = 700; i < 1400; i += 100) {
		put(&r, N, A, (edge_at + i) & 0xfffff, 2);
		expect(&r, "2");
	}
	put(&r, F, A, (edge_at + 1300) & 0xfffff, 3);
	expect(&r, "");
	assert_int_equal(r.counts[SEAM_COUNT_LATE], 0);
	end(&r);
}

static void everything_waits_for_the_edge(void **state)
{
	struct rig r = rig_of(&usual);

	(void)state;
	arrive(&r);
	put(&r, F, A, 7, 1);
	put(&r, F, A, 8, 2);
	put(&r, N, A, 8, 2);
	put(&r, F, A, 8, 3);
	put(&r, N, A, 8, 3);
	expect(&r, "");
	edge(&r, 9, 8);
	expect(&r, "1 2 3");
	/* Said again, with another label: the first one stands. */
	edge(&r, 9, 9);
	put(&r, N, A, 8, 4);
	expect(&r, "4");
	end(&r);
}

static void without_the_edge_it_waits_for_so_long(void **state)
{
	struct rig r = rig_of(&usual);

	(void)state;
	put(&r, F, A, 7, 1);
	put(&r, N, A, 7, 1);
	arrive(&r);
	after(&r, 199);
	expect(&r, "");
	after(&r, 1);
	expect(&r, "1");
	assert_int_equal(r.counts[SEAM_COUNT_UNMARKED], 1);
	assert_true(mono_reached(seam_next_deadline(r.s), (mono_t){2000 * MS}));
	end(&r);
}

static void silence_ends_the_forwarded_part(void **state)
{
	struct rig r = rig_of(&usual);

	(void)state;
	edge(&r, 9, 8);
	arrive(&r);
	after(&r, 100);
	put(&r, F, A, 7, 1);
	put(&r, N, A, 8, 2);
	expect(&r, "1");
	after(&r, 199);
	expect(&r, "");
	assert_int_equal(seam_next_deadline(r.s).ns, now(&r).ns + 1 * MS);
	after(&r, 1);
	expect(&r, "2");
	assert_int_equal(r.counts[SEAM_COUNT_WAIT], 1);
	/* It comes after all. */
	put(&r, F, A, 7, 3);
	expect(&r, "3");
	assert_int_equal(r.counts[SEAM_COUNT_LATE], 1);
	end(&r);
}

/* Nothing native has gone yet: the late one still finds its place. */
static void late_before_the_arrival_is_in_time(void **state)
{
	struct rig r = rig_of(&usual);

	(void)state;
	edge(&r, 9, 8);
	put(&r, N, A, 8, 2);
	after(&r, 300);
	put(&r, F, A, 7, 1);
	arrive(&r);
	expect(&r, "1 2");
	assert_int_equal(r.counts[SEAM_COUNT_LATE], 0);
	end(&r);
}

static void a_path_that_reorders_at_the_edge(void **state)
{
	struct rig r = rig_of(&usual);

	(void)state;
	arrive(&r);
	edge(&r, 9, 8);
	put(&r, N, A, 8, 3);
	put(&r, F, A, 7, 1);
	put(&r, F, A, 8, 3);
	put(&r, F, A, 7, 2);
	expect(&r, "1 3 2");
	assert_int_equal(r.counts[SEAM_COUNT_LATE], 1);
	end(&r);
}

static void an_anchor_that_does_not_mark(void **state)
{
	struct rig r = rig_of(&usual);
	struct in6_addr any = {0};

	(void)state;
	assert_true(seam_edge(r.s, now(&r), &any, false, 0));
	put(&r, N, A, 5, 1);
	put(&r, F, A, 5, 1); /* from here on the forwarded path serves */
	put(&r, N, A, 5, 2);
	put(&r, F, A, 5, 2);
	put(&r, N, stream(2, 9), 5, 50); /* of this one nothing is forwarded */
	arrive(&r);
	expect(&r, "1 50 2"); /* the streams take turns */
	put(&r, F, A, 5, 3);
	expect(&r, "3");
	put(&r, N, A, 5, 4); /* the native path has come: it alone */
	put(&r, F, A, 5, 4);
	expect(&r, "4");
	assert_int_equal(r.counts[SEAM_COUNT_UNMARKED], 3);
	/* One group of which better is known. */
	edge(&r, 8, 3);
	end(&r);
}

static void a_group_may_be_marked_and_others_not(void **state)
{
	struct rig r = rig_of(&usual);
	struct in6_addr any = {0};

	(void)state;
	edge(&r, 8, 3);
	assert_true(seam_edge(r.s, now(&r), &any, false, 0));
	put(&r, N, stream(1, 8), 2, 1);
	put(&r, F, stream(1, 8), 2, 1);
	put(&r, N, stream(1, 8), 3, 2);
	arrive(&r);
	expect(&r, "1");
	put(&r, F, stream(1, 8), 3, 2);
	expect(&r, "2");
	end(&r);
}

static void streams_do_not_wait_for_each_other(void **state)
{
	struct rig r = rig_of(&usual);
	struct seam_stream b = stream(2, 9), all = stream(0, 9), c = stream(3, 9), a = A;

	(void)state;
	edge(&r, 9, 8);
	put(&r, N, a, 8, 10);
	put(&r, N, b, 8, 20);
	arrive(&r);
	put(&r, F, a, 8, 10);
	expect(&r, "10");
	assert_true(seam_is_closed(r.s, &a));
	assert_false(seam_is_closed(r.s, &b));
	assert_false(seam_is_closed(r.s, &all));
	put(&r, F, b, 7, 19);
	put(&r, F, b, 8, 20);
	expect(&r, "19 20");
	assert_true(seam_is_closed(r.s, &b));
	assert_false(seam_is_closed(r.s, &all)); /* a third source may have sent before the edge */
	assert_false(seam_is_closed(r.s, &c));
	after(&r, 200);
	assert_true(seam_is_closed(r.s, &all));
	assert_true(seam_is_closed(r.s, &c));
	put(&r, N, c, 8, 30); /* nothing forwarded of it can be on the way */
	expect(&r, "30");
	end(&r);
}

/* The native path is the slower one: closed is what cannot see a packet of before the edge any more. */
static void native_packets_of_before_the_edge_come_last(void **state)
{
	struct rig r = rig_of(&usual);
	struct seam_stream a = A;

	(void)state;
	arrive(&r);
	edge(&r, 9, 8);
	put(&r, F, A, 7, 1);
	put(&r, F, A, 8, 2);
	assert_false(seam_is_closed(r.s, &a));
	after(&r, 150);
	put(&r, N, A, 7, 1);
	after(&r, 199);
	assert_false(seam_is_closed(r.s, &a));
	after(&r, 1);
	assert_true(seam_is_closed(r.s, &a)); /* silence shows it, too */
	expect(&r, "1");
	end(&r);
	r = rig_of(&usual);
	arrive(&r);
	edge(&r, 9, 8);
	put(&r, F, A, 8, 2);
	put(&r, N, A, 8, 2);
	assert_true(seam_is_closed(r.s, &a));
	expect(&r, "2");
	end(&r);
}

static void unicast_ends_by_its_marker(void **state)
{
	struct rig r = rig_of(&usual);
	struct seam_stream u = {0};

	(void)state;
	put(&r, F, u, 0, 1);
	arrive(&r);
	put(&r, F, u, 0, 2);
	expect(&r, "1 2");
	put(&r, N, u, 0, 4);
	put(&r, F, u, 0, 3);
	expect(&r, "3");
	assert_false(seam_unicast_is_closed(r.s));
	seam_end_marker(r.s, now(&r));
	pop(&r);
	expect(&r, "4");
	put(&r, N, u, 0, 5);
	expect(&r, "5");
	assert_true(seam_unicast_is_closed(r.s));
	end(&r);
}

static void unicast_without_the_marker(void **state)
{
	struct rig r = rig_of(&usual);
	struct seam_stream u = {0};

	(void)state;
	arrive(&r);
	after(&r, 1000);
	put(&r, N, u, 0, 2);
	after(&r, 150);
	put(&r, F, u, 0, 1);
	after(&r, 199);
	expect(&r, "1");
	after(&r, 1);
	expect(&r, "2");
	assert_int_equal(r.counts[SEAM_COUNT_WAIT], 1);
	end(&r);

	/* Nothing comes at all: the anchor's answer tells. */
	r = rig_of(&usual);
	arrive(&r);
	seam_moved(r.s, now(&r));
	after(&r, 199);
	assert_false(seam_unicast_is_closed(r.s));
	after(&r, 1);
	assert_true(seam_unicast_is_closed(r.s));
	end(&r);
}

static void the_oldest_goes(void **state)
{
	struct seam_limits few = usual;
	struct rig r;
	uint32_t octets;

	(void)state;
	few.packets = 3;
	r = rig_of(&few);
	edge(&r, 9, 8);
	for (unsigned i = 1; i <= 5; i++)
		put(&r, F, A, 7, i);
	assert_int_equal(seam_held(r.s, &octets), 3);
	assert_int_equal(octets, 300);
	arrive(&r);
	expect(&r, "3 4 5");
	assert_int_equal(r.counts[SEAM_COUNT_OVERFLOW], 2);
	end(&r);

	few = usual;
	few.octets = 250;
	r = rig_of(&few);
	edge(&r, 9, 8);
	for (unsigned i = 1; i <= 5; i++)
		put(&r, F, A, 7, i);
	arrive(&r);
	expect(&r, "4 5");
	few.octets = 99; /* less than one */
	end(&r);
	r = rig_of(&few);
	put(&r, F, A, 7, 1);
	assert_int_equal(r.counts[SEAM_COUNT_OVERFLOW], 1);
	end(&r);
}

/* Many nodes at once: together they hold no more than that, and what is released makes room for others. */
static void all_seams_together_have_a_limit(void **state)
{
	struct seam_pool pool = {.max = 3 * (sizeof(struct seam_packet) + 100)};
	struct seam_limits l = usual;
	struct rig a, b;

	(void)state;
	l.pool = &pool;
	a = rig_of(&l);
	b = rig_of(&l);
	put(&a, F, A, 7, 1);
	put(&a, F, A, 7, 2);
	put(&b, F, A, 7, 3);
	put(&b, F, A, 7, 4); /* in the place of its own oldest one */
	put(&a, F, A, 7, 5);
	assert_int_equal(a.counts[SEAM_COUNT_OVERFLOW], 2);
	assert_int_equal(pool.octets, pool.max);
	edge(&b, 9, 8);
	arrive(&b);
	expect(&b, "4");
	put(&a, F, A, 7, 6);
	assert_int_equal(pool.octets, pool.max);
	seam_free(b.s);
	edge(&a, 9, 8);
	arrive(&a);
	expect(&a, "2 5 6");
	assert_int_equal(pool.octets, 0);
	put(&a, F, stream(2, 9), 7, 7);
	seam_free(a.s);
	assert_int_equal(pool.octets, 0);
}

static void what_is_too_old_goes(void **state)
{
	struct rig r = rig_of(&usual);
	uint32_t octets;

	(void)state;
	edge(&r, 9, 8);
	put(&r, F, A, 7, 1);
	after(&r, 300);
	put(&r, F, A, 7, 2);
	assert_int_equal(seam_next_deadline(r.s).ns, now(&r).ns + 200 * MS);
	after(&r, 200);
	assert_int_equal(seam_held(r.s, &octets), 1);
	assert_int_equal(r.counts[SEAM_COUNT_AGED], 1);
	arrive(&r);
	expect(&r, "2");
	end(&r);
}

/* Old, but about to go: the release is paced by the caller. */
static void what_is_being_released_is_not_too_old(void **state)
{
	struct rig r = rig_of(&usual);
	struct seam_packet *p;

	(void)state;
	edge(&r, 9, 8);
	put(&r, F, A, 7, 1);
	put(&r, F, A, 7, 2);
	r.now_ms += 499;
	seam_arrive(r.s, now(&r));
	r.now_ms += 10;
	p = seam_pop(r.s, now(&r));
	free(p);
	seam_expire(r.s, now(&r));
	assert_true(seam_next_deadline(r.s).ns > now(&r).ns);
	pop(&r);
	expect(&r, "2");
	end(&r);
}

static void what_the_end_leaves_is_counted(void **state)
{
	struct rig r = rig_of(&usual);

	(void)state;
	put(&r, F, A, 7, 1);
	put(&r, N, A, 7, 1);
	put(&r, F, (struct seam_stream){0}, 0, 2);
	end(&r);
	assert_int_equal(r.counts[SEAM_COUNT_ENDED], 3);
}

static void at_the_end_a_node_that_is_there_gets_it(void **state)
{
	struct rig r = rig_of(&usual);
	struct seam_stream u = {0};

	(void)state;
	edge(&r, 9, 8);
	put(&r, F, A, 7, 1);
	put(&r, N, A, 8, 2);
	put(&r, N, u, 0, 4);
	put(&r, F, u, 0, 3);
	put(&r, N, stream(1, 8), 5, 9); /* of this one no edge is known */
	seam_finish(r.s, now(&r));
	pop(&r);
	expect(&r, ""); /* nowhere to go */
	arrive(&r);
	expect(&r, "1 9 3 2 4");
	end(&r);
	assert_int_equal(all_counts[SEAM_COUNT_ENDED], 0);
}

/* A peer may name whatever streams it likes. */
static void streams_have_a_limit(void **state)
{
	struct seam_limits many = usual;
	struct rig r;

	(void)state;
	many.packets = 5000;
	many.octets = 1 << 24;
	r = rig_of(&many);
	for (unsigned i = 0; i < 2000; i++) {
		struct seam_stream k = stream(1, 9);

		k.source.s6_addr[1] = (uint8_t)(i >> 8);
		k.source.s6_addr[2] = (uint8_t)i;
		put(&r, F, k, 7, i);
	}
	assert_int_equal(r.counts[SEAM_COUNT_HELD], 1024);
	assert_int_equal(r.counts[SEAM_COUNT_OVERFLOW], 2000 - 1024);
	end(&r);
}

static void memory_that_runs_out(void **state)
{
	(void)state;
#if OUR_MEMORY
	for (long left = 0; left < 40; left++) {
		struct rig r = {.now_ms = 1000, .counts = all_counts, .blocks = memory_live};

		memory_left = left;
		r.s = seam_new(&usual, 1, r.counts);
		if (r.s) {
			struct in6_addr g = addr(9);

			put(&r, F, A, 7, 1);
			seam_edge(r.s, now(&r), &g, true, 8);
			put(&r, N, A, 8, 2);
			arrive(&r);
			after(&r, 1000);
		}
		memory_left = -1;
		end(&r);
	}
#endif
}

static void counts_have_names(void **state)
{
	(void)state;
	for (int i = 0; i < SEAM_COUNTS; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(seam_count_name((enum seam_count)i), seam_count_name((enum seam_count)j));
	assert_string_equal(seam_count_name(SEAM_COUNT_LATE), "seam-late");
	assert_string_equal(seam_count_name(SEAM_COUNTS), "?");
}

/* ---- at random ---------------------------------------------------------------------------------------- */

#define PACKETS 300
#define STREAMS 3

/* One packet's copies, and what happens to them. All times in microseconds. */
struct copy {
	int64_t at;
	uint8_t path, stream;
	uint16_t number;
	uint32_t label;
};

struct world {
	struct rng rng;
	struct rig r;
	struct copy copies[2 * STREAMS * PACKETS];
	unsigned n;
	int64_t t;
	bool lossy;
	bool lost[STREAMS][SEAM_PATHS][PACKETS];
	uint32_t label[STREAMS][PACKETS];
	int64_t forward_at; /* when pMAG began, as the anchor's packets see it */
	int64_t mark, edge_at, arrive_at, train;
	bool known, arrived;
	unsigned past; /* packets that went past the seam */
	uint32_t first; /* label */
	int64_t sent[STREAMS][PACKETS];
	uint8_t got[STREAMS][PACKETS];
	int last[STREAMS];
};

static uint64_t below(struct world *w, uint64_t n) { return rng_below(&w->rng, n); }

static int by_time(const void *a, const void *b)
{
	const struct copy *x = a, *y = b;

	return x->at != y->at ? (x->at > y->at) - (x->at < y->at) : (x->number > y->number) - (x->number < y->number);
}

/* Each path keeps the order of a stream, and delays it by at most `most`. */
static void path_of(struct world *w, int stream_, enum seam_path path, int64_t least, int64_t most)
{
	int64_t last = 0;

	for (int i = 0; i < PACKETS; i++) {
		int64_t at = w->sent[stream_][i] + least + (int64_t)below(w, (uint64_t)(most - least));

		if (at < last)
			at = last;
		last = at;
		w->lost[stream_][path][i] = w->lossy && below(w, 20) == 0;
		/* What pMAG got before it began, it delivered. */
		if (path == SEAM_FORWARDED && w->sent[stream_][i] < w->forward_at)
			continue;
		if (!w->lost[stream_][path][i])
			w->copies[w->n++] = (struct copy){at, (uint8_t)path, (uint8_t)stream_, (uint16_t)i, w->label[stream_][i]};
	}
}

static void got(struct world *w, unsigned number)
{
	unsigned s = number >> 16, i = number & 0xffff;

	assert_in_range(i, 0, PACKETS - 1);
	assert_int_equal(w->got[s][i], 0);
	w->got[s][i] = 1;
	assert_true((int)i > w->last[s]);
	w->last[s] = (int)i;
}

static void world_pop(struct world *w)
{
	unsigned most = (unsigned)below(w, 4) + 1; /* paced */
	struct seam_packet *p;

	while (most-- && (p = seam_pop(w->r.s, (mono_t){w->t * 1000}))) {
		unsigned number;

		memcpy(&number, p->bytes, sizeof(number));
		got(w, number);
		free(p);
	}
}

static void world_until(struct world *w, int64_t t)
{
	while (seam_next_deadline(w->r.s).ns <= t * 1000) {
		w->t = seam_next_deadline(w->r.s).ns / 1000;
		seam_expire(w->r.s, (mono_t){w->t * 1000});
		world_pop(w);
	}
	w->t = t;
	world_pop(w);
}

static void world_make(struct world *w, uint64_t seed, bool lossy)
{
	const struct seam_limits l = {.packets = 100000, .octets = 1 << 30, .age = span_s(100), .wait = span_ms(200)};

	memset(w, 0, sizeof(*w));
	memset(all_counts, 0, sizeof(all_counts));
	w->rng = rng_of(seed);
	w->lossy = lossy;
	w->r.counts = all_counts;
	w->r.blocks = memory_live;
	w->r.s = seam_new(&l, seed, all_counts);
	w->forward_at = (int64_t)below(w, 200000);
	w->mark = w->forward_at + (int64_t)below(w, 200000);
	w->edge_at = w->mark + (int64_t)below(w, 60000);
	/* It may come before the edge is known, but not for longer than it is waited for. */
	w->arrive_at = w->forward_at + (int64_t)below(w, 500000);
	if (w->arrive_at < w->edge_at - 190000)
		w->arrive_at = w->edge_at - 190000;
	w->train = below(w, 2) ? 10000 : INT64_MAX;
	w->first = (uint32_t)(below(w, 2) ? rng_u64(&w->rng) : 0 - below(w, 4)) & 0xfffff;
}

static void world_send(struct world *w, int s)
{
	int64_t t = (int64_t)below(w, 5000), gap = (int64_t)below(w, 4000) + 100, another = w->mark + 50000;

	w->last[s] = -1;
	for (int i = 0; i < PACKETS; i++) {
		t += 1 + (int64_t)below(w, (uint64_t)gap);
		if (below(w, 100) == 0)
			t += (int64_t)below(w, 400000);
		w->sent[s][i] = t;
		/* Other nodes' handovers mark the group too. */
		w->label[s][i] = (w->first + (t >= w->mark) + (t >= another ? 1 + (t - another) / w->train : 0)) & 0xfffff;
		if (t < w->forward_at) {
			w->got[s][i] = 1;
			w->last[s] = i;
		}
	}
}

/* The edge and the arrival, if they come before `t`. */
static void world_happens(struct world *w, int64_t t)
{
	for (;;) {
		bool edge_next = !w->known && (w->arrived || w->edge_at <= w->arrive_at);
		int64_t next = edge_next ? w->edge_at : w->arrived ? INT64_MAX : w->arrive_at;

		if (next > t)
			return;
		world_until(w, next);
		if (edge_next) {
			struct in6_addr g = addr(9);

			w->known = true;
			assert_true(seam_edge(w->r.s, (mono_t){next * 1000}, &g, true, (w->first + 1) & 0xfffff));
		} else {
			w->arrived = true;
			seam_arrive(w->r.s, (mono_t){next * 1000});
		}
	}
}

static void world_copy(struct world *w, const struct copy *c)
{
	unsigned number = (unsigned)c->stream << 16 | c->number;
	struct seam_stream key = {addr(c->stream + 1), addr(9)};
	uint32_t label = c->path == SEAM_FORWARDED ? c->label & 0xff : c->label;

	world_happens(w, c->at);
	world_until(w, c->at);
	if (c->path == SEAM_NATIVE && seam_is_closed(w->r.s, &key)) { /* as the fast path */
		w->past++;
		got(w, number);
		return;
	}
	if (seam_put(w->r.s, (mono_t){w->t * 1000}, (enum seam_path)c->path, &key, label, (uint8_t *)&number,
		     sizeof(number)) == SEAM_PASS)
		got(w, number);
}

static void one_world(uint64_t seed, bool lossy)
{
	static struct world w;
	int64_t least[SEAM_PATHS], spread[SEAM_PATHS];

	world_make(&w, seed, lossy);
	for (int i = 0; i < SEAM_PATHS; i++) {
		least[i] = (int64_t)below(&w, 50000) + 1;
		spread[i] = (int64_t)below(&w, 50000) + 1;
	}
	for (int s = 0; s < STREAMS; s++) {
		world_send(&w, s);
		for (int i = 0; i < SEAM_PATHS; i++)
			path_of(&w, s, (enum seam_path)i, least[i], least[i] + spread[i]);
	}
	qsort(w.copies, w.n, sizeof(w.copies[0]), by_time);
	for (unsigned i = 0; i < w.n; i++)
		world_copy(&w, &w.copies[i]);
	world_happens(&w, w.t + 10000000);
	world_until(&w, w.t + 10000000);
	while (seam_ready(w.r.s))
		world_pop(&w);
	for (int s = 0; s < STREAMS; s++)
		for (int i = 0; i < PACKETS; i++) {
			enum seam_path path = w.sent[s][i] < w.mark ? SEAM_FORWARDED : SEAM_NATIVE;

			if (w.sent[s][i] >= w.forward_at)
				assert_int_equal(w.got[s][i], !w.lost[s][path][i]);
		}
	assert_int_equal(all_counts[SEAM_COUNT_LATE], 0);
	assert_true(seam_is_closed(w.r.s, &(struct seam_stream){.group = addr(9)}));
	assert_int_equal(w.n, w.past + all_counts[SEAM_COUNT_PASSED] + all_counts[SEAM_COUNT_RELEASED] +
				      all_counts[SEAM_COUNT_BEFORE_EDGE] + all_counts[SEAM_COUNT_PAST_EDGE]);
	end(&w.r);
}

static void at_random(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 400; seed++)
		one_world(seed, false);
}

/* What a path loses is lost, and nothing else. */
static void at_random_with_losses(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 400; seed++)
		one_world(seed, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_packet_once_and_in_order),
		cmocka_unit_test(labels_are_serial_numbers),
		cmocka_unit_test(a_group_marked_for_many),
		cmocka_unit_test(everything_waits_for_the_edge),
		cmocka_unit_test(without_the_edge_it_waits_for_so_long),
		cmocka_unit_test(silence_ends_the_forwarded_part),
		cmocka_unit_test(late_before_the_arrival_is_in_time),
		cmocka_unit_test(a_path_that_reorders_at_the_edge),
		cmocka_unit_test(an_anchor_that_does_not_mark),
		cmocka_unit_test(a_group_may_be_marked_and_others_not),
		cmocka_unit_test(streams_do_not_wait_for_each_other),
		cmocka_unit_test(native_packets_of_before_the_edge_come_last),
		cmocka_unit_test(unicast_ends_by_its_marker),
		cmocka_unit_test(unicast_without_the_marker),
		cmocka_unit_test(the_oldest_goes),
		cmocka_unit_test(all_seams_together_have_a_limit),
		cmocka_unit_test(what_is_too_old_goes),
		cmocka_unit_test(what_is_being_released_is_not_too_old),
		cmocka_unit_test(what_the_end_leaves_is_counted),
		cmocka_unit_test(at_the_end_a_node_that_is_there_gets_it),
		cmocka_unit_test(streams_have_a_limit),
		cmocka_unit_test(memory_that_runs_out),
		cmocka_unit_test(counts_have_names),
		cmocka_unit_test(at_random),
		cmocka_unit_test(at_random_with_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
