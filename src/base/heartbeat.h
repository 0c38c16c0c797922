/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Does a peer live, and has it kept its state? What either side remembers for that (RFC 5847 3.1, 3.2), without the
 * messages and without the consequences.
 *
 * A restart shows as another Restart Counter, so the first answer matters: until there was one, questions are repeated
 * soon. A peer that never answered is not judged: it may know no Heartbeat and not say so either. */
#include "base/heap.h"

#include <stdbool.h>

#define HEARTBEAT_FIRST span_s(1) /* between questions while nothing is known of the peer */

struct heartbeat {
	struct deadline due; /* of the next request; not set: none is sent */
	uint32_t seq;	     /* of the last request */
	uint32_t counter;    /* the peer's Restart Counter, if known */
	uint16_t missed;     /* requests without an answer, one after the other */
	bool awaited, known, dead;
	bool unsupported; /* it said that it knows no Heartbeat: it is not asked again */
	mono_t heard;	  /* its last answer; MONO_NEVER: none */
};

/* As it is shown. */
enum heartbeat_state {
	HEARTBEAT_OFF,	       /* nothing is asked: there is no session, or it is switched off */
	HEARTBEAT_ASKED,       /* no answer yet, ever */
	HEARTBEAT_ANSWERING,
	HEARTBEAT_MISSING,     /* one at least of those that may be missed */
	HEARTBEAT_LOST,	       /* given up */
	HEARTBEAT_UNSUPPORTED, /* it knows no Heartbeat */
};
const char *heartbeat_state_name(enum heartbeat_state s);
struct heartbeat_view {
	enum heartbeat_state state;
	bool answered, known; /* ever; with a Restart Counter */
	span_t since;	      /* the last answer */
	uint32_t counter;     /* the peer's Restart Counter */
};
struct heartbeat_view heartbeat_look(const struct heartbeat *h, mono_t now);

enum heartbeat_news {
	HEARTBEAT_UNMATCHED, /* not the answer to the last request, nor news: nothing has changed */
	HEARTBEAT_ALIVE,
	HEARTBEAT_BACK,	     /* it had been given up, and has its state */
	HEARTBEAT_RESTARTED, /* it has lost its state since the last answer */
};

/* `seq`: of the first request, less one. */
void heartbeat_init(struct heartbeat *h, uint32_t kind, uint32_t seq);
/* There are no sessions with the peer any more: nothing is asked, what it said is kept. */
void heartbeat_rest(struct heartbeat *h, struct heap *heap);
/* Before a request, whose number is then h->seq: counts the last one if it was not answered. True: the peer is given up
 * by that, now. */
bool heartbeat_ask(struct heartbeat *h, unsigned allowed /* MISSING_HEARTBEATS_ALLOWED */);
/* How long to wait for the next request. */
span_t heartbeat_gap(const struct heartbeat *h, span_t interval, unsigned allowed);
enum heartbeat_news heartbeat_answer(struct heartbeat *h, mono_t now, uint32_t seq, const uint32_t *counter);
/* Sent by itself after a start (flag U), with no number that could be matched: an older counter is an old message. */
enum heartbeat_news heartbeat_unsolicited(struct heartbeat *h, mono_t now, const uint32_t *counter);
