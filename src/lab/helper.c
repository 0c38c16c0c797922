/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/helper.h"

#include <errno.h>
#include <unistd.h>

#include "lab/proc.h"

#define READY_PATIENCE span_s(5)

int helper_start(struct lab *lab, const char *name, const char *node, const char *const argv[], const char *file,
		 const char *log)
{
	char ns[LAB_PATH_MAX];
	struct proc p;
	unlink(file);
	int r = proc_start(&p, lab_netns(lab, node, ns), argv, NULL, log);
	if (!r) {
		struct lab_proc *old = lab_proc(lab, name);
		if (old)
			lab_proc_drop(lab, old);
		r = lab_proc_add(lab, name, p);
	}
	mono_t until = mono_add(proc_clock(), READY_PATIENCE);
	while (!r && access(file, F_OK) < 0) {
		if (!proc_alive(&p) || mono_reached(until, proc_clock()))
			r = -ECHILD;
		else
			proc_nap(span_ms(2));
	}
	return r;
}
