/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/streams.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/helper.h"
#include "lab/say.h"
#include "lab/stream.h"

#define SETTLE span_ms(200) /* for what is under way when a sender stops */

static const char *file_of(const struct lab *lab, const char *name, const char *node, char buf[LAB_PATH_MAX])
{
	return lab_path(lab, buf, "stream.%s.%s.json", name, node);
}

static void proc_name(char buf[64], const char *name, const char *node)
{
	snprintf(buf, 64, "stream.%s.%s", name, node);
}

/* Streams of one name are told apart from their predecessors on the same group and port. */
static uint32_t id_of(const char *name, const char *to)
{
	uint32_t h = 2166136261u;
	for (const char *p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	for (const char *p = to; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return h;
}

static int read_meta(const struct lab *lab, const char *name, struct stream *s, uint32_t *id)
{
	char path[LAB_PATH_MAX];
	json_t *o = json_load_file(file_of(lab, name, "meta", path), 0, NULL);
	const char *to, *source, *from;
	int port, rate, size, passive;
	json_int_t ident;
	if (json_unpack(o, "{sssssssisisisbsI}", "to", &to, "source", &source, "from", &from, "port", &port, "rate",
			&rate, "size", &size, "passive", &passive, "id", &ident) < 0) {
		json_decref(o);
		lab_say("no stream '%s' in this lab", name);
		return -ENOENT;
	}
	*s = (struct stream){.port = (unsigned)port, .rate = (unsigned)rate, .size = (unsigned)size};
	s->passive = passive != 0;
	snprintf(s->name, sizeof(s->name), "%s", name);
	snprintf(s->to, sizeof(s->to), "%s", to);
	snprintf(s->source, sizeof(s->source), "%s", source);
	snprintf(s->from, sizeof(s->from), "%s", from);
	*id = (uint32_t)ident;
	json_decref(o);
	return 0;
}

static int write_meta(const struct lab *lab, const struct stream *s, uint32_t id)
{
	char path[LAB_PATH_MAX];
	json_t *o =
	    json_pack("{sssssssisisisbsI}", "to", s->to, "source", s->source, "from", s->from, "port", (int)s->port,
		      "rate", (int)s->rate, "size", (int)s->size, "passive", (int)s->passive, "id", (json_int_t)id);
	int r = !o || json_dump_file(o, file_of(lab, s->name, "meta", path), 0) < 0 ? -EIO : 0;
	json_decref(o);
	return r;
}

static int start_end(struct lab *lab, const char *name, const char *node, const char *const argv[], const char *file)
{
	char pname[64], log[LAB_PATH_MAX];
	proc_name(pname, name, node);
	int r = helper_start(lab, pname, node, argv, file, lab_path(lab, log, "streams.log"));
	if (r)
		lab_say("stream %s at %s: %s (%s may tell more)", name, node, strerror(-r), log);
	return r;
}

int streams_join(struct lab *lab, const char *name, const char *node, const struct stream_wish *wish)
{
	struct stream s;
	char program[PATH_MAX], file[LAB_PATH_MAX], port[16], ident[16];
	uint32_t id;
	int r = read_meta(lab, name, &s, &id);
	if (r)
		return r;
	if (!lab_has_node(lab, node)) {
		lab_say("no node '%s' in this lab", node);
		return -ENOENT;
	}
	snprintf(port, sizeof(port), "%u", s.port);
	snprintf(ident, sizeof(ident), "%u", id);
	file_of(lab, name, node, file);
	snprintf(program, sizeof(program), "/proc/self/exe");
	struct stream_wish plain = {.sources = {s.source}, .n_sources = s.source[0] != '\0', .passive = s.passive};
	if (!wish)
		wish = &plain;
	const char *argv[16 + 4 * STREAMS_SOURCES_MAX] = {
	    program,
	    "lab",
	    "_recv",
	    "--group",
	    s.to,
	    "--file",
	    file,
	    "--port",
	    port,
	    "--id",
	    ident,
	    "--dev",
	    lab_mn(lab, node) ? "eth0" : "up0",
	};
	size_t n = 13;
	for (size_t i = 0; i < wish->n_sources; i++) {
		argv[n++] = "--source";
		argv[n++] = wish->sources[i];
	}
	for (size_t i = 0; i < wish->n_blocked; i++) {
		argv[n++] = "--block";
		argv[n++] = wish->blocked[i];
	}
	if (wish->passive)
		argv[n++] = "--passive";
	return start_end(lab, name, node, argv, file);
}

static int start_sender(struct lab *lab, const struct stream *s, uint32_t id)
{
	char program[PATH_MAX], file[LAB_PATH_MAX], port[16], ident[16], rate[16], size[16], count[24];
	snprintf(port, sizeof(port), "%u", s->port);
	snprintf(ident, sizeof(ident), "%u", id);
	snprintf(rate, sizeof(rate), "%u", s->rate);
	snprintf(size, sizeof(size), "%u", s->size);
	snprintf(count, sizeof(count), "%lu", s->count);
	snprintf(program, sizeof(program), "/proc/self/exe");
	file_of(lab, s->name, "sender", file);
	const char *argv[20] = {program, "lab",	 "_send", "--to",   s->to, "--file", file, "--port",
				port,	 "--id", ident,	  "--rate", rate,  "--size", size};
	if (s->count) {
		argv[15] = "--count";
		argv[16] = count;
	}
	char pname[64], end[64];
	int r = start_end(lab, s->name, s->from, argv, file);
	proc_name(pname, s->name, s->from);
	proc_name(end, s->name, "sender");
	struct lab_proc *p = lab_proc(lab, pname);
	if (p) /* the source may be a receiver of its own stream too: its sender has a name of its own */
		snprintf(p->name, sizeof(p->name), "%s", end);
	return r;
}

int streams_start(struct lab *lab, const struct stream *s)
{
	char path[LAB_PATH_MAX];
	if (access(file_of(lab, s->name, "meta", path), F_OK) == 0) {
		lab_say("stream '%s' exists already", s->name);
		return -EEXIST;
	}
	uint32_t id = id_of(s->name, s->to) ^ (uint32_t)(proc_clock().ns >> 10);
	int r = write_meta(lab, s, id);
	return r || !s->from[0] ? r : start_sender(lab, s, id);
}

static void stop_matching(struct lab *lab, const char *start, bool whole)
{
	struct proc list[64];
	size_t n = 0;
	for (size_t i = lab->n_procs; i > 0; i--) {
		struct lab_proc *p = &lab->procs[i - 1];
		if (whole ? strcmp(p->name, start) != 0 : strncmp(p->name, start, strlen(start)) != 0)
			continue;
		if (n == 64) {
			proc_stop(list, n, span_s(3));
			n = 0;
		}
		list[n++] = p->proc;
		lab_proc_drop(lab, p);
	}
	proc_stop(list, n, span_s(3));
}

int streams_leave(struct lab *lab, const char *name, const char *node)
{
	char pname[64];
	proc_name(pname, name, node);
	if (!lab_proc(lab, pname)) {
		lab_say("stream '%s' has no receiver at '%s'", name, node);
		return -ENOENT;
	}
	stop_matching(lab, pname, true);
	return 0;
}

int streams_stop_sender(struct lab *lab, const char *name)
{
	char pname[64];
	proc_name(pname, name, "sender");
	stop_matching(lab, pname, true);
	return 0;
}

int streams_stop(struct lab *lab, const char *name)
{
	struct stream s;
	uint32_t id;
	char start[64];
	int r = read_meta(lab, name, &s, &id);
	if (r)
		return r;
	streams_stop_sender(lab, name);
	proc_nap(SETTLE);
	proc_name(start, name, "");
	stop_matching(lab, start, false);
	return 0;
}

/* ---- files ----------------------------------------------------------------------------------------------- */

/* "stream.NAME.END.json" -> END of that stream, or NULL. */
static const char *end_of(char *file, const char *name)
{
	size_t n = strlen(name), len = strlen(file);
	if (strncmp(file, "stream.", 7) != 0 || strncmp(file + 7, name, n) != 0 || file[7 + n] != '.' || len < n + 14 ||
	    strcmp(file + len - 5, ".json") != 0)
		return NULL;
	file[len - 5] = '\0';
	return file + 8 + n;
}

void streams_forget(struct lab *lab, const char *name)
{
	char path[LAB_PATH_MAX];
	DIR *d = opendir(lab->dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		char file[256];
		snprintf(file, sizeof(file), "%s", e->d_name);
		if (end_of(file, name))
			unlink(lab_path(lab, path, "%s", e->d_name));
	}
	if (d)
		closedir(d);
}

json_t *streams_names(const struct lab *lab)
{
	json_t *list = json_array();
	DIR *d = opendir(lab->dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		char *tail = strstr(e->d_name, ".meta.json");
		if (strncmp(e->d_name, "stream.", 7) == 0 && tail)
			json_array_append_new(list, json_stringn(e->d_name + 7, (size_t)(tail - e->d_name - 7)));
	}
	if (d)
		closedir(d);
	return list;
}

/* How many numbers the sender is ahead of what the receiver has seen last: under way, or not delivered any more. */
static void add_behind(json_t *node, json_t *sender)
{
	json_t *sent = json_object_get(sender, "sent"), *last = json_object_get(node, "last");
	if (sent && last) {
		json_int_t behind = json_integer_value(sent) - 1 - json_integer_value(last);
		json_object_set_new(node, "behind", json_integer(behind > 0 ? behind : 0));
	}
}

json_t *streams_report(const struct lab *lab, const char *name)
{
	struct stream s;
	char path[LAB_PATH_MAX];
	uint32_t id;
	if (read_meta(lab, name, &s, &id) < 0)
		return NULL;
	json_t *nodes = json_object(), *all;
	json_t *sender = json_load_file(file_of(lab, name, "sender", path), 0, NULL);
	const char *end;
	for (size_t i = 0; (end = lab_node_name(lab, i)); i++) {
		json_t *node = json_load_file(file_of(lab, name, end, path), 0, NULL);
		if (!node)
			continue;
		add_behind(node, sender);
		json_object_set_new(nodes, end, node);
	}
	all = json_pack("{sssssssisbsoso}", "name", name, "group", s.to, "source", s.source, "port", (int)s.port,
			"passive", (int)s.passive, "sender", sender ? sender : json_null(), "nodes", nodes);
	return all;
}

static long long whole(json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

void streams_print(json_t *report)
{
	const char *node, *source = json_string_value(json_object_get(report, "source"));
	json_t *o;
	printf("%s: %s%s%s, sent %lld\n", json_string_value(json_object_get(report, "name")),
	       json_string_value(json_object_get(report, "group")), source[0] ? " from " : "", source,
	       whole(json_object_get(report, "sender"), "sent"));
	printf("  %-12s %10s %8s %8s %9s %8s %10s %10s\n", "node", "received", "lost", "dup", "reordered", "behind",
	       "gap ms", "delay ms");
	json_object_foreach(json_object_get(report, "nodes"), node, o) {
		printf("  %-12s %10lld %8lld %8lld %9lld %8lld %10.1f %10.3f\n", node, whole(o, "received"),
		       whole(o, "lost"), whole(o, "duplicates"), whole(o, "reordered"), whole(o, "behind"),
		       json_real_value(json_object_get(json_array_get(json_object_get(o, "gaps"), 0), "ms")),
		       json_real_value(json_object_get(o, "delay_avg_ms")));
	}
}
