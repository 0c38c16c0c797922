/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/delays.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/helper.h"
#include "lab/say.h"

#define PAIR_MAX (2 * LAB_NODE_MAX + 32)

/* 0, or a negative errno after it told. */
static int launch(struct lab *lab, const char *const argv[], const char *file)
{
	char log[LAB_PATH_MAX];
	int r = helper_start(lab, DELAYS_PROC, "net", argv, file, lab_path(lab, log, "relay.log"));
	if (r)
		lab_say("the relay of the transport links: %s (%s may tell more)", strerror(-r), log);
	return r;
}

int delays_start(struct lab *lab)
{
	char file[LAB_PATH_MAX];
	const char **argv = calloc(2 * lab->n_mags + 6, sizeof(*argv));
	char(*pairs)[PAIR_MAX] = calloc(lab->n_mags + 1, sizeof(*pairs));
	size_t n = 0, n_pairs = 0;
	int r = argv && pairs ? 0 : -ENOMEM;
	if (!r) {
		argv[n++] = "/proc/self/exe";
		argv[n++] = "lab";
		argv[n++] = "_relay";
		argv[n++] = "--file";
		argv[n++] = lab_path(lab, file, "relay.json");
	}
	for (size_t i = 0; !r && i < lab->n_mags; i++) {
		const struct lab_mag *m = &lab->mags[i];
		if (!m->delay.ns)
			continue;
		snprintf(pairs[n_pairs], PAIR_MAX, "%s,%s-d,%lld", m->name, m->name, (long long)span_to_us(m->delay));
		argv[n++] = "--pair";
		argv[n++] = pairs[n_pairs++];
	}
	if (!r && n_pairs)
		r = launch(lab, argv, file);
	free(argv);
	free(pairs);
	return r;
}
