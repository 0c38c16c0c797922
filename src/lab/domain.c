/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/domain.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/daemons.h"
#include "lab/delays.h"
#include "lab/plug.h"
#include "lab/say.h"

#define END_PATIENCE span_s(5)

static int raise_all(struct lab *lab, const struct domain_options *o, const volatile sig_atomic_t *stop)
{
	int r = plug_build(lab);
	if (!r && !*stop)
		r = delays_start(lab);
	if (!r && !*stop && o->daemons)
		r = daemons_start(lab);
	if (!r && !*stop && o->daemons && o->profiles)
		r = daemons_import(lab, o->profiles);
	for (size_t i = 0; !r && !*stop && i < lab->n_mns; i++) {
		struct lab_mag *mag = lab->mns[i].at[0] ? lab_mag(lab, lab->mns[i].at) : NULL;
		lab->mns[i].at[0] = '\0'; /* where it shall be, not where it is */
		if (mag)
			r = plug_move(lab, &lab->mns[i], mag, NULL);
	}
	return *stop ? -EINTR : r;
}

static void remove_folder(const char *dir)
{
	char path[LAB_PATH_MAX + 256];
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

/* The lab's folder, its lock, and the folders above where this was the last lab. */
static void remove_files(const struct lab *lab)
{
	char path[LAB_PATH_MAX + 8];
	remove_folder(lab->dir);
	snprintf(path, sizeof(path), "%s.lock", lab->dir);
	unlink(path);
	for (char *slash = strrchr(path, '/'); slash && slash != path; slash = strrchr(path, '/')) {
		*slash = '\0';
		if (strcmp(path, "/run") == 0 || rmdir(path) < 0)
			break;
	}
}

int domain_up(struct lab *lab, const struct domain_options *o, const volatile sig_atomic_t *stop)
{
	char state[LAB_PATH_MAX];
	int r = lab_lock(lab);
	if (r)
		return r;
	if (access(lab_path(lab, state, "state.json"), F_OK) == 0) {
		lab_say("a lab with prefix '%s' is up already (`roamcast lab down --prefix %s`)", lab->prefix,
			lab->prefix);
		return -EEXIST;
	}
	r = plug_check_free(lab);
	if (r) {
		remove_files(lab);
		return r;
	}
	/* Before anything is made: whatever happens to this process, `lab down` finds what there is. */
	r = lab_save(lab);
	if (!r)
		r = raise_all(lab, o, stop);
	if (!r)
		r = lab_save(lab);
	if (r)
		domain_down(lab);
	return r;
}

void domain_down(struct lab *lab)
{
	struct proc *all = calloc(lab->n_procs + 1, sizeof(*all));
	/* The cables last: what the daemons have to say at their end is to arrive. */
	struct proc cables = {0};
	size_t n = 0;
	for (size_t i = 0; all && i < lab->n_procs; i++) {
		if (strcmp(lab->procs[i].name, DELAYS_PROC) == 0)
			cables = lab->procs[i].proc;
		else
			all[n++] = lab->procs[i].proc;
	}
	if (all)
		proc_stop(all, n, END_PATIENCE);
	proc_stop(&cables, 1, END_PATIENCE);
	free(all);
	plug_demolish(lab);
	remove_files(lab);
	lab_release(lab);
}
