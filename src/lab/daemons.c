/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/daemons.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lab/lab_conf.h"

#define START_PATIENCE span_s(15)
#define LOG_LINES 12
#define ARGS_MAX 16

const char *daemons_socket(const struct lab *lab, const char *node, char buf[LAB_PATH_MAX])
{
	return lab_path(lab, buf, "%s.sock", node);
}

static int run_roamcast(const struct lab *lab, const char *node, const char *const args[], const char *last, char **out)
{
	char program[PATH_MAX], sock[LAB_PATH_MAX];
	const char *argv[ARGS_MAX + 5];
	size_t n = 0;
	argv[n++] = proc_program("roamcast", program, sizeof(program));
	argv[n++] = "-s";
	argv[n++] = daemons_socket(lab, node, sock);
	for (size_t i = 0; args[i] && i < ARGS_MAX; i++)
		argv[n++] = args[i];
	if (last)
		argv[n++] = last;
	argv[n] = NULL;
	return proc_run(argv, NULL, out, true);
}

json_t *daemons_ask(const struct lab *lab, const char *node, const char *const args[])
{
	char *text = NULL;
	int r = run_roamcast(lab, node, args, "--json", &text);
	json_t *answer = r == 0 ? json_loads(text, 0, NULL) : NULL;
	free(text);
	return answer;
}

int daemons_tell(const struct lab *lab, const char *node, const char *const args[])
{
	return run_roamcast(lab, node, args, NULL, NULL);
}

int daemons_import(struct lab *lab, const char *file)
{
	char program[PATH_MAX], store[LAB_PATH_MAX];
	const char *argv[] = {proc_program("roamcast", program, sizeof(program)), "policy", "--store",
			      lab_path(lab, store, "policy.db"), "import", file, NULL};
	int r = proc_run(argv, NULL, NULL, false);
	if (r == 0)
		return 0;
	lab_say("`%s policy import %s` failed", program, file);
	return r < 0 ? r : -EIO;
}

int daemons_write_conf(struct lab *lab)
{
	char path[LAB_PATH_MAX];
	int r = 0;
	for (size_t i = 0; !r && i < lab->n_lmas; i++)
		r = lab_conf_lma(lab, i, lab_path(lab, path, "%s.yaml", lab->lmas[i].name));
	for (size_t i = 0; !r && i < lab->n_mags; i++)
		r = lab_conf_mag(lab, i, lab_path(lab, path, "%s.yaml", lab->mags[i].name));
	if (!r)
		r = lab_conf_policy(lab, lab_path(lab, path, "policy.json"));
	if (r)
		lab_say("%s: %s", path, strerror(-r));
	return r;
}

static bool answers(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || strlen(path) >= sizeof(un.sun_path)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	memcpy(un.sun_path, path, strlen(path) + 1);
	bool yes = connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0;
	close(fd);
	return yes;
}

static void show_log(const struct lab *lab, const char *node)
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

static int await(struct lab *lab, const char *node, mono_t until)
{
	char path[LAB_PATH_MAX];
	daemons_socket(lab, node, path);
	while (!answers(path)) {
		struct lab_proc *p = lab_proc(lab, node);
		bool late = mono_reached(until, proc_clock());
		if (p && proc_alive(&p->proc) && !late) {
			proc_nap(span_ms(10));
			continue;
		}
		lab_say("%s: the daemon %s; the end of its log:", node, late ? "does not answer" : "has ended");
		show_log(lab, node);
		return -ECHILD;
	}
	return 0;
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
	for (size_t i = 0; !r && i < lab->n_lmas; i++)
		r = launch(lab, lab->lmas[i].name);
	for (size_t i = 0; !r && i < lab->n_mags; i++)
		r = launch(lab, lab->mags[i].name);
	for (size_t i = 0; !r && i < lab->n_lmas; i++)
		r = await(lab, lab->lmas[i].name, until);
	for (size_t i = 0; !r && i < lab->n_mags; i++)
		r = await(lab, lab->mags[i].name, until);
	return r;
}
