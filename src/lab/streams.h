/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Numbered test streams through a lab: one sender, any number of receivers, and what each of them saw. */
#include "lab/topo.h"

#define STREAMS_NAME_MAX 17
#define STREAMS_GROUP	 "ff3e::8000:1"

struct stream {
	char name[STREAMS_NAME_MAX];
	char to[LAB_ADDR_MAX];	   /* group, or a node's address */
	char source[LAB_ADDR_MAX]; /* for source-specific receivers; "" any source */
	char from[LAB_NODE_MAX];   /* node that sends; "" nobody (receivers only) */
	unsigned port, rate, size;
	unsigned long count; /* 0: until stopped */
	bool passive;	     /* receivers join nothing and watch the link */
};

#define STREAMS_SOURCES_MAX 16

/* What one receiver asks for, instead of what the stream says. */
struct stream_wish {
	const char *sources[STREAMS_SOURCES_MAX]; /* source-specific memberships; none: any source */
	const char *blocked[STREAMS_SOURCES_MAX]; /* but these (any source only) */
	size_t n_sources, n_blocked;
	bool passive;
};

/* All return 0, or a negative errno after they told. The caller saves the lab. */
int streams_start(struct lab *lab, const struct stream *s);
/* Start a receiver; `wish` NULL: as the stream says. */
int streams_join(struct lab *lab, const char *name, const char *node, const struct stream_wish *wish);
int streams_leave(struct lab *lab, const char *name, const char *node); /* stop it; its last report stays */
int streams_stop_sender(struct lab *lab, const char *name);
/* Stop the sender, give what is under way time to arrive, stop the receivers. */
int streams_stop(struct lab *lab, const char *name);
void streams_forget(struct lab *lab, const char *name); /* remove the files of a stopped stream */
/* {name, group, source, port, sender: {...}, nodes: {mn1: {...}}}: a new reference; NULL: no such stream. */
json_t *streams_report(const struct lab *lab, const char *name);
json_t *streams_names(const struct lab *lab); /* array of strings */
void streams_print(json_t *report);	      /* as a table */
