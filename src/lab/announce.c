/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/announce.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lab/daemons.h"

#define LOOK_EVERY span_ms(2)

/* The state of the node's handover from that MAG, or NULL: there is none. A new reference. */
static json_t *state_of(struct lab *lab, const char *mag, const char *id)
{
	json_t *view = daemons_show(lab, mag, "handovers"), *o, *found = NULL;
	size_t i;
	json_array_foreach(json_object_get(view, "handovers"), i, o)
	{
		const char *mn = json_string_value(json_object_get(o, "mn"));
		if (!found && mn && !strcmp(mn, id) && !json_is_true(json_object_get(o, "incoming")))
			found = json_incref(json_object_get(o, "state"));
	}
	json_decref(view);
	return found;
}

static int await_ready(struct lab *lab, const char *mag, const char *id, mono_t end, char *why, size_t size)
{
	for (;;) {
		json_t *state = state_of(lab, mag, id);
		bool ready = state && !strcmp(json_string_value(state), "ready");
		bool late = mono_reached(end, proc_clock());
		if (!state || late)
			snprintf(why, size, state ? "not ready in time: %s" : "%s was refused, or cancelled",
				 state ? json_string_value(state) : "the handover");
		json_decref(state);
		if (ready)
			return 0;
		if (!state || late)
			return -EOPNOTSUPP;
		proc_nap(LOOK_EVERY);
	}
}

int announce(struct lab *lab, const struct lab_mn *mn, const struct lab_mag *to, span_t patience, char *why,
	     size_t size)
{
	char id[LAB_ADDR_MAX];
	mono_t end = mono_add(proc_clock(), patience);
	json_t *error = NULL;
	lab_mn_id(mn, id);
	json_t *r =
	    daemons_ask(lab, mn->at, json_pack("{ssssss}", "command", "handover", "mn", id, "to", to->name), &error);
	if (!r) {
		const char *text = json_string_value(json_object_get(error, "text"));
		snprintf(why, size, "%s", text ? text : "the daemon does not answer");
		json_decref(error);
		return -EOPNOTSUPP;
	}
	json_decref(r);
	return await_ready(lab, mn->at, id, end, why, size);
}
