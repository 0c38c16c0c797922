/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/heartbeat.h"

void heartbeat_init(struct heartbeat *h, uint32_t kind, uint32_t seq)
{
	*h = (struct heartbeat){.seq = seq, .heard = MONO_NEVER};
	deadline_init(&h->due, kind);
}

void heartbeat_rest(struct heartbeat *h, struct heap *heap)
{
	heap_clear(heap, &h->due);
	h->awaited = false;
	h->missed = 0;
}

bool heartbeat_ask(struct heartbeat *h, unsigned allowed)
{
	bool given_up;

	if (h->awaited && h->missed < UINT16_MAX)
		h->missed++;
	given_up = h->known && !h->dead && h->missed > allowed;
	h->dead |= given_up;
	h->awaited = true;
	h->seq++;
	return given_up;
}

span_t heartbeat_gap(const struct heartbeat *h, span_t interval, unsigned allowed)
{
	return h->known || h->missed > allowed ? interval : span_min(interval, HEARTBEAT_FIRST);
}

static enum heartbeat_news heard(struct heartbeat *h, mono_t now, const uint32_t *counter)
{
	bool restarted = counter && h->known && h->counter != *counter, back = h->dead;

	h->heard = now;
	h->missed = 0;
	h->dead = false;
	if (counter) {
		h->counter = *counter;
		h->known = true;
	}
	return restarted ? HEARTBEAT_RESTARTED : back ? HEARTBEAT_BACK : HEARTBEAT_ALIVE;
}

enum heartbeat_news heartbeat_answer(struct heartbeat *h, mono_t now, uint32_t seq, const uint32_t *counter)
{
	if (!h->awaited || seq != h->seq)
		return HEARTBEAT_UNMATCHED;
	h->awaited = false;
	return heard(h, now, counter);
}

enum heartbeat_news heartbeat_unsolicited(struct heartbeat *h, mono_t now, const uint32_t *counter)
{
	if (!counter || (h->known && (int32_t)(*counter - h->counter) < 0))
		return HEARTBEAT_UNMATCHED;
	return heard(h, now, counter);
}

const char *heartbeat_state_name(enum heartbeat_state s)
{
	static const char *const names[] = {
		[HEARTBEAT_OFF] = "off",	 [HEARTBEAT_ASKED] = "asked", [HEARTBEAT_ANSWERING] = "answering",
		[HEARTBEAT_MISSING] = "missing", [HEARTBEAT_LOST] = "lost",   [HEARTBEAT_UNSUPPORTED] = "unsupported",
	};

	return names[s];
}

static enum heartbeat_state state_of(const struct heartbeat *h)
{
	if (h->unsupported)
		return HEARTBEAT_UNSUPPORTED;
	if (h->dead)
		return HEARTBEAT_LOST;
	if (mono_is_never(h->due.at))
		return HEARTBEAT_OFF;
	if (mono_is_never(h->heard))
		return HEARTBEAT_ASKED;
	return h->missed ? HEARTBEAT_MISSING : HEARTBEAT_ANSWERING;
}

struct heartbeat_view heartbeat_look(const struct heartbeat *h, mono_t now)
{
	struct heartbeat_view v = {.state = state_of(h), .known = h->known, .counter = h->counter};

	v.answered = !mono_is_never(h->heard);
	if (v.answered)
		v.since = mono_sub(now, h->heard);
	return v;
}
