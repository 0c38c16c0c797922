/* SPDX-License-Identifier: BSD-2-Clause */
/* Link-layer addresses that are no node of ours: those about which the policy store is being asked, and those that it
 * does not know. They are small, bounded and short-lived, so that any number of bogus addresses costs neither nodes nor
 * a question for each frame. */
#include <stdlib.h>
#include <string.h>

#include "mag/mag_priv.h"

#define REPORT_MAX 1500

struct mag_stranger *mag_stranger_find(const struct mag *mag, uint32_t ifindex, const struct lladdr *lladdr)
{
	const struct htab *t = &mag->strangers;

	for (struct hnode *h = htab_first(t, mag_lladdr_hash(t, ifindex, lladdr)); h; h = htab_same(h)) {
		struct mag_stranger *s = hnode_owner(h, struct mag_stranger, by_lladdr);

		if (s->ifindex == ifindex && lladdr_eq(&s->lladdr, lladdr))
			return s;
	}
	return NULL;
}

static struct mag_stranger *find_request(const struct mag *mag, uint32_t request)
{
	const struct htab *t = &mag->requests;

	for (struct hnode *h = htab_first(t, htab_hash(t, &request, sizeof(request))); h; h = htab_same(h)) {
		struct mag_stranger *s = hnode_owner(h, struct mag_stranger, by_request);

		if (s->request == request)
			return s;
	}
	return NULL;
}

static void stop_asking(struct mag *mag, struct mag_stranger *s)
{
	if (s->asking)
		htab_del(&mag->requests, &s->by_request);
	s->asking = false;
}

void mag_stranger_free(struct mag *mag, struct mag_stranger *s)
{
	stop_asking(mag, s);
	if (s->keyed)
		htab_del(&mag->strangers, &s->by_lladdr);
	list_del(&s->in_held);
	heap_clear(&mag->heap, &s->hold);
	free(s->report);
	slab_put(&mag->stranger_slab, s);
}

void mag_strangers_forget_link(struct mag *mag, uint32_t ifindex)
{
	struct hnode *h, *next;

	for (h = htab_next(&mag->strangers, NULL); h; h = next) {
		struct mag_stranger *s = hnode_owner(h, struct mag_stranger, by_lladdr);

		next = htab_next(&mag->strangers, h);
		if (s->ifindex == ifindex)
			mag_stranger_free(mag, s);
	}
	for (h = htab_next(&mag->requests, NULL); h; h = next) {
		struct mag_stranger *s = hnode_owner(h, struct mag_stranger, by_request);

		next = htab_next(&mag->requests, h);
		if (s->ifindex == ifindex)
			mag_stranger_free(mag, s);
	}
}

static struct mag_stranger *stranger_new(struct mag *mag, const struct mag_stranger *seen)
{
	struct mag_stranger *s = slab_get(&mag->stranger_slab);

	if (!s && !list_empty(&mag->held)) {
		/* Room for who comes now, at the price of a second question for who was refused longest ago. */
		mag_count(mag, MAG_C_LIMIT_STRANGERS);
		mag_stranger_free(mag, list_owner(list_first(&mag->held), struct mag_stranger, in_held));
		s = slab_get(&mag->stranger_slab);
	}
	if (!s)
		return NULL;
	*s = *seen;
	s->asking = s->keyed = false;
	s->report = NULL;
	s->report_len = 0;
	list_init(&s->in_held);
	deadline_init(&s->hold, DL_STRANGER);
	if (s->lladdr.len &&
	    !htab_add(&mag->strangers, &s->by_lladdr, mag_lladdr_hash(&mag->strangers, s->ifindex, &s->lladdr))) {
		slab_put(&mag->stranger_slab, s);
		return NULL;
	}
	s->keyed = s->lladdr.len != 0;
	return s;
}

uint32_t mag_request_number(struct mag *mag)
{
	do
		mag->request_last++;
	while (!mag->request_last || find_request(mag, mag->request_last) ||
	       mag_handover_request_taken(mag, mag->request_last));
	return mag->request_last;
}

static bool ask(struct mag *mag, struct mag_stranger *s)
{
	struct fx_profile q = {.lladdr = s->lladdr};

	s->request = mag_request_number(mag);
	if (!htab_add(&mag->requests, &s->by_request, htab_hash(&mag->requests, &s->request, sizeof(s->request))))
		return false;
	s->asking = true;
	q.request = s->request;
	q.id_len = s->mn.len;
	q.id = s->mn.len ? (const uint8_t *)s->mn.s : NULL;
	mag_count(mag, MAG_C_STORE_ASKED);
	fxq_profile(mag->fxq, &q);
	return true;
}

void mag_stranger_keep(struct mag *mag, struct mag_stranger *s, const uint8_t *packet, size_t len)
{
	uint8_t *copy;

	if (!s->asking || len > REPORT_MAX)
		return;
	copy = malloc(len);
	if (!copy) {
		mag_count(mag, MAG_C_OUT_OF_MEMORY);
		return;
	}
	memcpy(copy, packet, len);
	free(s->report);
	s->report = copy;
	s->report_len = len;
}

void mag_stranger_hold(struct mag *mag, struct now now, const struct mag_stranger *seen, span_t hold)
{
	struct mag_stranger *s = seen->lladdr.len ? mag_stranger_find(mag, seen->ifindex, &seen->lladdr) : NULL;

	if (s || !seen->lladdr.len)
		return;
	s = stranger_new(mag, seen);
	if (!s)
		return;
	s->heard = now.mono;
	list_add(&mag->held, &s->in_held);
	mag_set(mag, &s->hold, mono_add(now.mono, hold));
}

bool mag_stranger_heard(struct mag *mag, struct now now, const struct mag_stranger *seen)
{
	struct mag_stranger *s;
	struct event e;

	if (!limiter_take(&mag->store, now.mono)) {
		mag_count(mag, MAG_C_STORE_LIMITED);
		return false;
	}
	if (seen->lladdr.len && (s = mag_stranger_find(mag, seen->ifindex, &seen->lladdr)))
		mag_stranger_free(mag, s); /* an operator's word is worth another question */
	s = stranger_new(mag, seen);
	if (!s) {
		mag_count(mag, MAG_C_LIMIT_STRANGERS);
		e = mag_event_of(EV_LIMIT, NULL);
		e.lladdr = seen->lladdr;
		e.mn = seen->mn;
		e.ifindex = seen->ifindex;
		mag_limit_event(mag, now, &e, "unknown-nodes");
		return false;
	}
	s->heard = now.mono;
	if (!ask(mag, s)) {
		mag_stranger_free(mag, s);
		mag_count(mag, MAG_C_OUT_OF_MEMORY);
		return false;
	}
	/* The store may never answer: then the question is put again when the address is heard after this. */
	mag_set(mag, &s->hold, mono_add(now.mono, mag->conf.unknown_hold));
	if (limiter_take(&mag->refusal_events, now.mono)) {
		e = mag_event_of(EV_NODE_SEEN, NULL);
		e.lladdr = s->lladdr;
		e.mn = s->mn;
		e.ifindex = s->ifindex;
		memcpy(e.detail, s->trigger, strnlen(s->trigger, sizeof(e.detail) - 1));
		fxq_event(mag->fxq, &e);
	}
	return true;
}

void mag_stranger_expire(struct mag *mag, struct now now, struct mag_stranger *s)
{
	struct mag_stranger seen = {.ifindex = s->ifindex, .lladdr = s->lladdr, .trigger = s->trigger};
	bool back = s->sent_away && s->heard_again;

	mag_stranger_free(mag, s);
	if (back)
		(void)mag_stranger_heard(mag, now, &seen);
}

/* The store knows no such node: it is not asked again for a while. */
static void unknown(struct mag *mag, struct now now, struct mag_stranger *s)
{
	struct event e = mag_event_of(EV_NODE_UNKNOWN, NULL);

	mag_count(mag, MAG_C_STORE_UNKNOWN);
	e.lladdr = s->lladdr;
	e.mn = s->mn;
	e.ifindex = s->ifindex;
	if (limiter_take(&mag->refusal_events, now.mono))
		fxq_event(mag->fxq, &e);
	stop_asking(mag, s);
	if (!s->keyed) {
		mag_stranger_free(mag, s);
		return;
	}
	list_add(&mag->held, &s->in_held);
	mag_set(mag, &s->hold, mono_add(now.mono, mag->conf.unknown_hold));
}

void mag_profile(struct mag *mag, struct now now, uint32_t request, const struct profile *p)
{
	struct mag_stranger *s = find_request(mag, request);
	struct mag_stranger seen;
	uint8_t *report;

	if (!s && mag_handover_profile(mag, now, request, p)) {
		mag_settle(mag, now);
		return;
	}
	if (!s) {
		mag_count(mag, MAG_C_STORE_LATE);
		return;
	}
	if (!p) {
		unknown(mag, now, s);
		mag_settle(mag, now);
		return;
	}
	seen = *s;
	report = s->report; /* taken over */
	s->report = NULL;
	mag_stranger_free(mag, s);
	if (!mag->stopping)
		mag_node_identified(mag, now, &seen, p);
	if (report)
		mag_node_report(mag, now, &seen);
	free(report);
	mag_settle(mag, now);
}
