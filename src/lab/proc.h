/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Programs that the lab runs: to their end, or beside it. A process that is kept is known by its id and its
 * start time, so that an id used again by the system is never signalled. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/time.h"

struct proc {
	pid_t pid;	/* 0: none */
	uint64_t start; /* clock ticks since boot, /proc/PID/stat field 22 */
};

/* Run to the end, with `input` on standard input (NULL: nothing). Where `output` is not NULL, *output becomes
 * the malloc'ed standard output, whatever the exit status; the caller frees it. `quiet` sends standard error
 * nowhere. Returns the exit status 0..255 (128 + n: ended by signal n), or a negative errno. */
int proc_run(const char *const argv[], const char *input, char **output, bool quiet);

/* Start a program in a session of its own, in network namespace `netns` (NULL: this one), its standard output
 * appended to file `out` and its standard error to `err` (NULL: to nowhere). 0 or negative errno. */
int proc_start(struct proc *ret, const char *netns, const char *const argv[], const char *out, const char *err);

struct proc proc_self(void);
bool proc_alive(const struct proc *p);
int proc_signal(const struct proc *p, int sig); /* 0 or negative errno; -ESRCH: no such process any more */
/* True once the process has ended, false after `patience`. */
bool proc_wait(const struct proc *p, span_t patience);
/* Ask all to end (SIGTERM), make them after `patience` (SIGKILL). On return none of them runs. */
void proc_stop(const struct proc *procs, size_t n, span_t patience);

mono_t proc_clock(void); /* CLOCK_MONOTONIC, the same in every namespace */
/* Sleep; returns early on a signal. */
void proc_nap(span_t s);
/* The folder this program stands in, or "". */
const char *proc_own_folder(void);
/* Path of another program of ours: beside this one, one folder up (the tests' tools), or by PATH. */
const char *proc_program(const char *name, char *buf, size_t size);
