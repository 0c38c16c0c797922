/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The commands of roamcast(8) in one table: from it come the parsing of words into requests, abbreviations, the usage
 * text and the completion of the shell. */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum command_kind {
	COMMAND_REQUEST, /* one request, one answer */
	COMMAND_MONITOR, /* then events until interrupted */
	COMMAND_HANDOVER, /* then the event that tells how it went */
	COMMAND_POLICY,	 /* the command line makes the request out of files and edits */
	COMMAND_LAB,	 /* lab and demo have their own options */
	COMMAND_DEMO,
	COMMAND_HELP,
};

struct command {
	const char *words; /* "show nodes" */
	const char *args;  /* "MN GROUP [SOURCE]"; "..." = the program looks at them itself */
	const char *help;
	enum command_kind kind;
};

/* The command that the first words mean (unique beginnings of words will do); *n_words of them belong to it. NULL:
 * none, or several; `why` says which. */
const struct command *command_find(int argc, char *const *argv, int *n_words, char *why, size_t why_size);
/* The request for its arguments: a new reference, or NULL with `why`. */
json_t *command_request(const struct command *c, int argc, char *const *argv, char *why, size_t why_size);
/* What may stand next after these complete words: words of commands, or names of arguments in angle brackets ("<MN>"),
 * one a line. */
void command_complete(int argc, char *const *argv, FILE *to);
void command_usage(FILE *to);
void command_each(void (*each)(void *arg, const struct command *c), void *arg);
