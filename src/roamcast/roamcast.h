/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Between the files of the command line. */
#include "show/command.h"
#include "show/show.h"

/* Exit status of the program. */
enum {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,
	EXIT_USAGE = 2,
	EXIT_NO_DAEMON = 3
};

struct options {
	const char *socket;
	const char *store; /* policy commands: on this file, without a daemon */
	bool json, replace;
	const char *to, *from; /* handover --to, attach --from */
	bool cancel, no_wait;  /* handover */
	struct show_style style;
	int limit; /* 0 = not given */
};

/* ---- the daemon ---- */
struct client;
/* NULL: not reached, and said why. `quiet`: say nothing. */
struct client *client_open(const char *socket, bool quiet);
struct client *client_close(struct client *c);
/* Sends the request (its reference is taken) and waits for the answer: the whole answer object, or NULL, said why. */
json_t *client_ask(struct client *c, json_t *request);
/* The next line that the daemon sends, however long it takes; NULL: the connection has ended. */
json_t *client_next(struct client *c);

/* ---- commands ---- */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* "roamcast: ..." to standard error */
/* Prints the error of an answer. */
void complain_answer(const json_t *answer);
/* One request (reference taken): to the daemon, or for `policy` with --store to the file. The result, a new reference,
 * or NULL with the exit status. */
json_t *request_result(const struct options *o, json_t *request, int *status);
int handover_command(const struct options *o, const struct command *c, int argc, char **argv);
int policy_command(const struct options *o, const struct command *c, int argc, char **argv);
