/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The two ends of a test stream, each a program in its own namespace (`roamcast lab _send`, `_recv`). Each keeps
 * one JSON object in a file, replaced as a whole up to ten times a second and once at its end (SIGTERM). */

#define STREAM_PORT	5001
#define STREAM_SIZE_MIN 24
#define STREAM_SIZE_MAX 1452
#define STREAM_RATE_MAX 200000

/* _send --to ADDR --file F [--port P] [--rate N] [--size N] [--count N] [--id N] [--hops N] */
int stream_send_main(int argc, char **argv);
/* _recv --group ADDR --file F [--port P] [--id N] [--dev IF] [--source S]... [--block S]... [--passive]
 *
 * An ordinary UDP socket: source-specific memberships where sources are named, else an any-source one with the
 * blocked sources left out. --passive joins nothing and looks at the link instead: it shows what reaches a node
 * that has not asked. */
int stream_recv_main(int argc, char **argv);
