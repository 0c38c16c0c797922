/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/daemons.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lab/lab_conf.h"
#include "lab/say.h"
#include "store/store.h"

#define START_PATIENCE span_s(15)
#define LOG_LINES      12

/* A connection to that daemon's control socket; negative errno where nobody listens. */
static int call(const struct lab *lab, const char *node)
{
	char path[LAB_PATH_MAX];
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = 2};
	lab_socket(lab, node, path);
	if (strlen(path) >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	memcpy(un.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static json_t *exchange(const struct lab *lab, const char *node, json_t *request)
{
	int fd = call(lab, node);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r+e");
	char *line = NULL;
	size_t size = 0;
	json_t *answer = NULL;
	if (!f) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (json_dumpf(request, f, JSON_COMPACT) == 0 && fputc('\n', f) != EOF && fflush(f) == 0 &&
	    getline(&line, &size, f) > 0)
		answer = json_loads(line, 0, NULL);
	free(line);
	fclose(f);
	return answer;
}

json_t *daemons_ask(const struct lab *lab, const char *node, json_t *request, json_t **ret_error)
{
	json_t *answer = exchange(lab, node, request);
	json_t *result = json_is_true(json_object_get(answer, "ok")) ? json_object_get(answer, "result") : NULL;
	if (!result && ret_error)
		*ret_error = json_incref(json_object_get(answer, "error"));
	json_incref(result);
	json_decref(answer);
	json_decref(request);
	return result;
}

json_t *daemons_show(const struct lab *lab, const char *node, const char *what)
{
	return daemons_ask(lab, node, json_pack("{ssss}", "command", "show", "what", what), NULL);
}

int daemons_import(struct lab *lab, const char *file)
{
	char path[LAB_PATH_MAX], why[512] = "";
	struct store *store;
	json_error_t e;
	json_t *profiles = json_load_file(file, 0, &e);
	if (!profiles) {
		lab_say("%s:%d:%d: %s", file, e.line, e.column, e.text);
		return -EINVAL;
	}
	int r = store_open(&store, lab_path(lab, path, "policy.db"), NULL, NULL, NULL, why, sizeof(why));
	if (!r) {
		r = store_import(store, profiles, false, why, sizeof(why));
		store_close(store);
	}
	if (r)
		lab_say("%s: %s", file, why);
	json_decref(profiles);
	return r;
}

int daemons_write_conf(struct lab *lab)
{
	char path[LAB_PATH_MAX];
	int r = 0;
	for (size_t i = 0; !r && i < lab->n_lmas; i++)
		r = lab_conf_lma(lab, i, lab_path(lab, path, "%s.yaml", lab->lmas[i].name));
	for (size_t i = 0; !r && i < lab->n_mags; i++)
		if (!lab->mags[i].with[0])
			r = lab_conf_mag(lab, i, lab_path(lab, path, "%s.yaml", lab->mags[i].name));
	if (!r)
		r = lab_conf_policy(lab, lab_path(lab, path, "policy.json"));
	if (r)
		lab_say("%s: %s", path, strerror(-r));
	return r;
}

void daemons_show_log(const struct lab *lab, const char *node)
{
	char path[LAB_PATH_MAX], line[512], last[LOG_LINES][512];
	FILE *f = fopen(lab_path(lab, path, "%s.log", node), "re");
	unsigned n = 0;
	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		memcpy(last[n++ % LOG_LINES], line, sizeof(line));
	fclose(f);
	for (unsigned i = n > LOG_LINES ? n - LOG_LINES : 0; i < n; i++)
		fprintf(stderr, "  %s: %s", node, last[i % LOG_LINES]);
}

static int launch(struct lab *lab, const char *node)
{
	char program[PATH_MAX], conf[LAB_PATH_MAX], log[LAB_PATH_MAX], ns[LAB_PATH_MAX];
	const char *argv[] = {proc_program("roamcastd", program, sizeof(program)), "-c",
			      lab_path(lab, conf, "%s.yaml", node), NULL};
	struct proc p;
	lab_path(lab, log, "%s.log", node);
	int r = proc_start(&p, lab_netns(lab, node, ns), argv, log, log);
	if (r) {
		lab_say("%s: %s", program, strerror(-r));
		return r;
	}
	struct lab_proc *old = lab_proc(lab, node);
	if (old)
		lab_proc_drop(lab, old);
	return lab_proc_add(lab, node, p);
}

/* It listens when all that it needs is there. */
static int await(struct lab *lab, const char *node, mono_t until)
{
	for (;;) {
		struct lab_proc *p = lab_proc(lab, node);
		int fd = call(lab, node);
		if (fd >= 0) {
			close(fd);
			return 0;
		}
		bool late = mono_reached(until, proc_clock());
		if (p && proc_alive(&p->proc) && !late) {
			proc_nap(span_ms(10));
			continue;
		}
		lab_say("%s: the daemon %s; the end of its log:", node, late ? "does not answer" : "has ended");
		daemons_show_log(lab, node);
		return -ECHILD;
	}
}

int daemons_start_one(struct lab *lab, const char *node)
{
	int r = launch(lab, node);
	return r ? r : await(lab, node, mono_add(proc_clock(), START_PATIENCE));
}

int daemons_start(struct lab *lab)
{
	char path[LAB_PATH_MAX];
	mono_t until = mono_add(proc_clock(), START_PATIENCE);
	int r = daemons_write_conf(lab);
	if (!r)
		r = daemons_import(lab, lab_path(lab, path, "policy.json"));
	for (size_t i = 0; !r && lab_daemon(lab, i); i++)
		r = launch(lab, lab_daemon(lab, i));
	for (size_t i = 0; !r && lab_daemon(lab, i); i++)
		r = await(lab, lab_daemon(lab, i), until);
	return r;
}
