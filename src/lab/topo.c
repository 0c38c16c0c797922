/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/topo.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/args.h"
#include "lab/relay.h"
#include "lab/say.h"

#define LAB_ROOT "/run/roamcast/lab"

/* ---- names and addresses --------------------------------------------------------------------------------- */

bool lab_prefix_valid(const char *prefix)
{
	size_t n = strlen(prefix);
	if (n < 1 || n >= LAB_PREFIX_MAX || prefix[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)prefix[i]) && prefix[i] != '-')
			return false;
	return true;
}

static bool node_name_valid(const char *name)
{
	size_t n = strlen(name);
	if (n < 1 || n >= LAB_NODE_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]))
			return false;
	return strcmp(name, "src") != 0 && strcmp(name, "rtr") != 0 && strcmp(name, "net") != 0;
}

void lab_dir_of(const char *prefix, char buf[LAB_PATH_MAX])
{
	snprintf(buf, LAB_PATH_MAX, LAB_ROOT "/%s", prefix);
}

const char *lab_netns(const struct lab *lab, const char *node, char buf[LAB_PATH_MAX])
{
	snprintf(buf, LAB_PATH_MAX, "%s-%s", lab->prefix, lab_host(lab, node));
	return buf;
}

const char *lab_path(const struct lab *lab, char buf[LAB_PATH_MAX], const char *fmt, ...)
{
	va_list args;
	int n = snprintf(buf, LAB_PATH_MAX, "%s/", lab->dir);
	va_start(args, fmt);
	vsnprintf(buf + n, LAB_PATH_MAX - (size_t)n, fmt, args);
	va_end(args);
	return buf;
}

const char *lab_socket(const struct lab *lab, const char *node, char buf[LAB_PATH_MAX])
{
	return lab_path(lab, buf, "%s.sock", lab_host(lab, node));
}

static const char *print_addr(char buf[LAB_ADDR_MAX], const char *fmt, size_t n)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(buf, LAB_ADDR_MAX, fmt, (unsigned)n);
#pragma GCC diagnostic pop
	return buf;
}

const char *lab_lma_addr(size_t lma, char buf[LAB_ADDR_MAX])
{
	return print_addr(buf, "2001:db8:ff::%x", lma + 1);
}

const char *lab_lma_upstream(size_t lma, char buf[LAB_ADDR_MAX])
{
	return print_addr(buf, "2001:db8:aaaa::10:%x", lma + 1);
}

const char *lab_lma_pool(size_t lma, char buf[LAB_ADDR_MAX])
{
	return print_addr(buf, "2001:db8:f%02x::/48", lma);
}

const char *lab_mag_addr(size_t mag, char buf[LAB_ADDR_MAX])
{
	return print_addr(buf, "2001:db8:ff::1:%x", mag + 1);
}

const char *lab_mn_mac(size_t mn, char buf[LAB_ADDR_MAX])
{
	snprintf(buf, LAB_ADDR_MAX, "02:52:4e:00:%02x:%02x", (unsigned)((mn + 1) >> 8) & 255, (unsigned)(mn + 1) & 255);
	return buf;
}

const char *lab_mn_id(const struct lab_mn *mn, char buf[LAB_ADDR_MAX])
{
	snprintf(buf, LAB_ADDR_MAX, "%s@" LAB_MNID_REALM, mn->name);
	return buf;
}

size_t lab_index_of_mn(const struct lab *lab, const struct lab_mn *mn)
{
	return (size_t)(mn - lab->mns);
}
size_t lab_index_of_mag(const struct lab *lab, const struct lab_mag *mag)
{
	return (size_t)(mag - lab->mags);
}

struct lab_mn *lab_mn(struct lab *lab, const char *name)
{
	for (size_t i = 0; i < lab->n_mns; i++)
		if (!strcmp(lab->mns[i].name, name))
			return &lab->mns[i];
	return NULL;
}

struct lab_mag *lab_mag(struct lab *lab, const char *name)
{
	for (size_t i = 0; i < lab->n_mags; i++)
		if (!strcmp(lab->mags[i].name, name))
			return &lab->mags[i];
	return NULL;
}

static size_t lma_index(const struct lab *lab, const char *name)
{
	size_t i = 0;
	while (i < lab->n_lmas && strcmp(lab->lmas[i].name, name) != 0)
		i++;
	return i;
}

const char *lab_node_name(const struct lab *lab, size_t i)
{
	static const char *const others[] = {"src", "rtr", "net"};
	if (i < lab->n_lmas)
		return lab->lmas[i].name;
	i -= lab->n_lmas;
	if (i < lab->n_mags)
		return lab->mags[i].name;
	i -= lab->n_mags;
	if (i < lab->n_mns)
		return lab->mns[i].name;
	i -= lab->n_mns;
	return i < sizeof(others) / sizeof(others[0]) ? others[i] : NULL;
}

bool lab_has_node(const struct lab *lab, const char *name)
{
	const char *n;
	for (size_t i = 0; (n = lab_node_name(lab, i)); i++)
		if (!strcmp(n, name))
			return true;
	return false;
}

const char *lab_host(const struct lab *lab, const char *node)
{
	for (size_t i = 0; i < lab->n_mags; i++)
		if (lab->mags[i].with[0] && !strcmp(lab->mags[i].name, node))
			return lab->mags[i].with;
	return node;
}

const char *lab_daemon(const struct lab *lab, size_t i)
{
	if (i < lab->n_lmas)
		return lab->lmas[i].name;
	i -= lab->n_lmas;
	for (size_t m = 0; m < lab->n_mags; m++)
		if (!lab->mags[m].with[0] && i-- == 0)
			return lab->mags[m].name;
	return NULL;
}

const struct lab_mag *lab_mag_with(const struct lab *lab, size_t lma)
{
	for (size_t i = 0; i < lab->n_mags; i++)
		if (!strcmp(lab->mags[i].with, lab->lmas[lma].name))
			return &lab->mags[i];
	return NULL;
}

/* ---- making and freeing ---------------------------------------------------------------------------------- */

static int set_prefix(struct lab *lab, const char *prefix)
{
	if (!lab_prefix_valid(prefix)) {
		lab_say("prefix '%s': letters, digits and '-', at most %d of them", prefix, LAB_PREFIX_MAX - 1);
		return -EINVAL;
	}
	snprintf(lab->prefix, sizeof(lab->prefix), "%s", prefix);
	lab_dir_of(prefix, lab->dir);
	return 0;
}

static int allocate(struct lab *lab, size_t lmas, size_t mags, size_t mns)
{
	if (lmas < 1 || lmas > LAB_COUNT_MAX || mags < 1 || mags > LAB_COUNT_MAX || mns > 4 * LAB_COUNT_MAX) {
		lab_say("a lab has 1 to %d LMAs, 1 to %d MAGs, and up to %d mobile nodes; not %zu, %zu and %zu", LAB_COUNT_MAX,
			LAB_COUNT_MAX, 4 * LAB_COUNT_MAX, lmas, mags, mns);
		return -EINVAL;
	}
	lab->lmas = calloc(lmas, sizeof(*lab->lmas));
	lab->mags = calloc(mags + 1, sizeof(*lab->mags));
	lab->mns = calloc(mns + 1, sizeof(*lab->mns));
	if (!lab->lmas || !lab->mags || !lab->mns)
		return -ENOMEM;
	lab->n_lmas = lmas;
	lab->n_mags = mags;
	lab->n_mns = mns;
	for (size_t i = 0; i < lmas; i++)
		snprintf(lab->lmas[i].name, LAB_NODE_MAX, i ? "lma%u" : "lma", (unsigned)i + 1);
	for (size_t i = 0; i < mags; i++)
		snprintf(lab->mags[i].name, LAB_NODE_MAX, "mag%u", (unsigned)i + 1);
	for (size_t i = 0; i < mns; i++) {
		snprintf(lab->mns[i].name, LAB_NODE_MAX, "mn%u", (unsigned)i + 1);
		lab->mns[i].lma = (unsigned)(i % lmas);
	}
	return 0;
}

int lab_shape(struct lab *lab, const char *prefix, unsigned lmas, unsigned mags, unsigned mns)
{
	*lab = (struct lab){.lock = -1, .dataplane = "auto"};
	int r = set_prefix(lab, prefix);
	if (!r)
		r = allocate(lab, lmas, mags, mns);
	if (r)
		lab_release(lab);
	return r;
}

void lab_release(struct lab *lab)
{
	for (size_t i = 0; i < lab->n_mns; i++)
		json_decref(lab->mns[i].profile);
	json_decref(lab->settings);
	free(lab->lmas);
	free(lab->mags);
	free(lab->mns);
	free(lab->procs);
	if (lab->lock >= 0)
		close(lab->lock);
	*lab = (struct lab){.lock = -1};
}

/* ---- processes ------------------------------------------------------------------------------------------- */

int lab_proc_add(struct lab *lab, const char *name, struct proc proc)
{
	struct lab_proc *bigger = realloc(lab->procs, (lab->n_procs + 1) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	lab->procs = bigger;
	struct lab_proc *p = &bigger[lab->n_procs++];
	*p = (struct lab_proc){.proc = proc};
	snprintf(p->name, sizeof(p->name), "%s", name);
	return 0;
}

struct lab_proc *lab_proc(struct lab *lab, const char *name)
{
	for (size_t i = 0; i < lab->n_procs; i++)
		if (!strcmp(lab->procs[i].name, name))
			return &lab->procs[i];
	return NULL;
}

void lab_proc_drop(struct lab *lab, struct lab_proc *p)
{
	*p = lab->procs[--lab->n_procs];
}

/* ---- settings -------------------------------------------------------------------------------------------- */

int lab_set(struct lab *lab, const char *text)
{
	const char *equals = strchr(text, '=');
	if (!equals || equals == text || !equals[1]) {
		lab_say("'%s': KEY=VALUE or NODE:KEY=VALUE is expected", text);
		return -EINVAL;
	}
	if (!lab->settings && !(lab->settings = json_object()))
		return -ENOMEM;
	char *key = strndup(text, (size_t)(equals - text));
	int r = !key || json_object_set_new(lab->settings, key, json_string(equals + 1)) < 0 ? -ENOMEM : 0;
	free(key);
	return r;
}

static int take_settings(struct lab *lab, const char *file, json_t *settings)
{
	const char *key;
	json_t *v;
	json_object_foreach(settings, key, v) {
		if (json_is_string(v))
			continue;
		lab_say("%s: settings.%s: a text is expected, as it stands in a configuration file", file, key);
		return -EINVAL;
	}
	lab->settings = json_incref(settings);
	return 0;
}

/* ---- files ----------------------------------------------------------------------------------------------- */

static json_t *nodes_to_json(const struct lab *lab)
{
	json_t *lmas = json_array(), *mags = json_array(), *mns = json_array();
	for (size_t i = 0; i < lab->n_lmas; i++)
		json_array_append_new(lmas, json_pack("{ss}", "name", lab->lmas[i].name));
	for (size_t i = 0; i < lab->n_mags; i++) {
		json_t *mag = json_pack("{sssbss}", "name", lab->mags[i].name, "shared", (int)lab->mags[i].shared, "with",
					lab->mags[i].with);
		if (lab->mags[i].delay.ns)
			json_object_set_new(mag, "delay", json_sprintf("%lldus", (long long)span_to_us(lab->mags[i].delay)));
		json_array_append_new(mags, mag);
	}
	for (size_t i = 0; i < lab->n_mns; i++) {
		const struct lab_mn *m = &lab->mns[i];
		json_t *mn = json_pack("{ssssss}", "name", m->name, "at", m->at, "lma", lab->lmas[m->lma].name);
		if (m->profile)
			json_object_set(mn, "profile", m->profile);
		json_array_append_new(mns, mn);
	}
	return json_pack("{sosososs}", "lmas", lmas, "mags", mags, "mns", mns, "dataplane", lab->dataplane);
}

json_t *lab_to_json(const struct lab *lab)
{
	json_t *all = nodes_to_json(lab);
	json_t *procs = json_array();
	if (!all || !procs)
		return NULL;
	for (size_t i = 0; i < lab->n_procs; i++)
		json_array_append_new(procs, json_pack("{sssisI}", "name", lab->procs[i].name, "pid",
						       (int)lab->procs[i].proc.pid, "start",
						       (json_int_t)lab->procs[i].proc.start));
	json_object_set_new(all, "prefix", json_string(lab->prefix));
	json_object_set_new(all, "processes", procs);
	if (lab->settings)
		json_object_set(all, "settings", lab->settings);
	return all;
}

static int take_name(const char *file, const char *kind, size_t i, json_t *o, char *name)
{
	const char *given = json_string_value(json_object_get(o, "name"));
	if (given && !node_name_valid(given)) {
		lab_say("%s: %s[%zu].name '%s': letters and digits, at most %d, and not src, rtr or net", file, kind, i,
			given, LAB_NODE_MAX - 1);
		return -EINVAL;
	}
	if (given)
		snprintf(name, LAB_NODE_MAX, "%s", given);
	return 0;
}

static int take_with(struct lab *lab, const char *file, size_t i, const char *lma)
{
	if (!lma || !*lma)
		return 0;
	size_t j = lma_index(lab, lma);
	if (j == lab->n_lmas || lab_mag_with(lab, j)) {
		lab_say("%s: mags[%zu].with '%s' is %s", file, i, lma,
			j == lab->n_lmas ? "no LMA of this lab" : "taken by another MAG");
		return -EINVAL;
	}
	snprintf(lab->mags[i].with, sizeof(lab->mags[i].with), "%s", lma);
	return 0;
}

int lab_delay(struct lab_mag *mag, span_t delay)
{
	if (delay.ns && mag->with[0]) {
		lab_say("%s has the transport link of %s: no delay can be put before it alone", mag->name, mag->with);
		return -EINVAL;
	}
	mag->delay = delay;
	return 0;
}

static int take_delay(struct lab_mag *mag, const char *file, size_t i, json_t *o)
{
	const char *text = json_string_value(o);
	span_t delay;
	if (!o)
		return 0;
	if (!text || !args_span(text, &delay) || span_to_us(delay) > RELAY_DELAY_MAX_US) {
		lab_say("%s: mags[%zu].delay: a text as \"5ms\" is expected, up to %d ms", file, i,
			RELAY_DELAY_MAX_US / 1000);
		return -EINVAL;
	}
	return lab_delay(mag, delay);
}

static int take_mn(struct lab *lab, const char *file, size_t i, json_t *o)
{
	struct lab_mn *mn = &lab->mns[i];
	const char *at = json_string_value(json_object_get(o, "at"));
	const char *lma = json_string_value(json_object_get(o, "lma"));
	if (at && at[0] && !lab_mag(lab, at)) {
		lab_say("%s: mns[%zu].at '%s' is no MAG of this lab", file, i, at);
		return -EINVAL;
	}
	if (at)
		snprintf(mn->at, sizeof(mn->at), "%s", at);
	if (lma) {
		size_t j = lma_index(lab, lma);
		if (j == lab->n_lmas) {
			lab_say("%s: mns[%zu].lma '%s' is no LMA of this lab", file, i, lma);
			return -EINVAL;
		}
		mn->lma = (unsigned)j;
	}
	mn->profile = json_incref(json_object_get(o, "profile"));
	return 0;
}

/* A key that is not in `known` is an error: it would be a setting that has no effect. */
static int check_keys(const char *file, const char *where, json_t *o, const char *known)
{
	const char *key;
	json_t *v;
	json_object_foreach(o, key, v) {
		const char *at = known;
		size_t n = strlen(key);
		while (*at && (strncmp(at, key, n) != 0 || (at[n] != ' ' && at[n] != '\0'))) {
			at += strcspn(at, " ");
			at += *at == ' ';
		}
		if (*at)
			continue;
		lab_say("%s: %s'%s' is not known; here stand: %s", file, where, key, known);
		return -EINVAL;
	}
	return 0;
}

static int check_all_keys(const char *file, json_t *root)
{
	static const struct {
		const char *list, *where, *known;
	} lists[] = {
	    {"lmas", "in lmas: ", "name"},
	    {"mags", "in mags: ", "name shared with delay"},
	    {"mns", "in mns: ", "name at lma profile"},
	};
	size_t i;
	json_t *o;
	int r = check_keys(file, "", root, "prefix dataplane lmas mags mns settings processes");
	for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++)
		json_array_foreach(json_object_get(root, lists[l].list), i, o)
			r = r ? r : check_keys(file, lists[l].where, o, lists[l].known);
	return r;
}

static int take_nodes(struct lab *lab, const char *file, json_t *root)
{
	json_t *lmas = json_object_get(root, "lmas"), *mags = json_object_get(root, "mags");
	json_t *mns = json_object_get(root, "mns");
	int r = allocate(lab, lmas ? json_array_size(lmas) : 1, json_array_size(mags), json_array_size(mns));
	for (size_t i = 0; !r && i < lab->n_lmas; i++)
		r = take_name(file, "lmas", i, json_array_get(lmas, i), lab->lmas[i].name);
	for (size_t i = 0; !r && i < lab->n_mags; i++) {
		json_t *o = json_array_get(mags, i);
		r = take_name(file, "mags", i, o, lab->mags[i].name);
		lab->mags[i].shared = json_is_true(json_object_get(o, "shared"));
		if (!r)
			r = take_with(lab, file, i, json_string_value(json_object_get(o, "with")));
		if (!r)
			r = take_delay(&lab->mags[i], file, i, json_object_get(o, "delay"));
	}
	for (size_t i = 0; !r && i < lab->n_mns; i++) {
		json_t *o = json_array_get(mns, i);
		r = take_name(file, "mns", i, o, lab->mns[i].name);
		if (!r)
			r = take_mn(lab, file, i, o);
	}
	return r;
}

static int check_names_differ(const struct lab *lab, const char *file)
{
	const char *a, *b;
	for (size_t i = 0; (a = lab_node_name(lab, i)); i++) {
		for (size_t j = i + 1; (b = lab_node_name(lab, j)); j++) {
			if (strcmp(a, b) != 0)
				continue;
			lab_say("%s: two nodes are called '%s'", file, a);
			return -EINVAL;
		}
	}
	return 0;
}

static int take_procs(struct lab *lab, json_t *list)
{
	size_t i;
	json_t *o;
	int r = 0;
	json_array_foreach(list, i, o) {
		struct proc p = {.pid = (pid_t)json_integer_value(json_object_get(o, "pid")),
				 .start = (uint64_t)json_integer_value(json_object_get(o, "start"))};
		const char *name = json_string_value(json_object_get(o, "name"));
		if (!r && name)
			r = lab_proc_add(lab, name, p);
	}
	return r;
}

int lab_read(struct lab *lab, const char *file, const char *prefix)
{
	json_error_t e;
	json_t *root = json_load_file(file, 0, &e);
	*lab = (struct lab){.lock = -1, .dataplane = "auto"};
	if (!json_is_object(root)) {
		if (root)
			lab_say("%s: an object { } is expected", file);
		else if (e.line < 0)
			lab_say("%s", e.text); /* it could not be opened, and the text has its name */
		else
			lab_say("%s:%d:%d: %s", file, e.line, e.column, e.text);
		json_decref(root);
		return -EINVAL;
	}
	const char *own = json_string_value(json_object_get(root, "prefix"));
	const char *dataplane = json_string_value(json_object_get(root, "dataplane"));
	if (dataplane)
		snprintf(lab->dataplane, sizeof(lab->dataplane), "%s", dataplane);
	int r = set_prefix(lab, prefix ? prefix : own ? own : "rc");
	if (!r)
		r = check_all_keys(file, root);
	if (!r)
		r = take_settings(lab, file, json_object_get(root, "settings"));
	if (!r)
		r = take_nodes(lab, file, root);
	if (!r)
		r = check_names_differ(lab, file);
	if (!r)
		r = take_procs(lab, json_object_get(root, "processes"));
	json_decref(root);
	if (r)
		lab_release(lab);
	return r;
}

static int make_dirs(const char *dir)
{
	char path[LAB_PATH_MAX];
	snprintf(path, sizeof(path), "%s", dir);
	for (char *p = path + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char c = *p;
		*p = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
		if (!c)
			return 0;
		*p = c;
	}
}

/* Two commands on one lab wait for each other. The lock file stands beside the folder, which comes and goes; who
 * takes the lab down removes it while still holding the lock, so a lock on a removed file is none. */
static int take_lock(const char *dir)
{
	char path[LAB_PATH_MAX + 8];
	snprintf(path, sizeof(path), "%s.lock", dir);
	for (;;) {
		struct stat st;
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return -errno;
		while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
			;
		if (fstat(fd, &st) == 0 && st.st_nlink > 0)
			return fd;
		close(fd);
	}
}

int lab_lock(struct lab *lab)
{
	int r = make_dirs(lab->dir);
	int fd = r ? r : take_lock(lab->dir);
	if (fd < 0) {
		lab_say("%s: %s", lab->dir, strerror(-fd));
		return fd;
	}
	lab->lock = fd;
	return 0;
}

static int no_such_lab(const char *prefix)
{
	lab_say("no lab is up under prefix '%s' (`roamcast lab up` raises one)", prefix);
	return -ENOENT;
}

int lab_open(struct lab *lab, const char *prefix)
{
	char dir[LAB_PATH_MAX], path[LAB_PATH_MAX + 16];
	*lab = (struct lab){.lock = -1};
	if (!lab_prefix_valid(prefix))
		return set_prefix(lab, prefix);
	lab_dir_of(prefix, dir);
	snprintf(path, sizeof(path), "%s/state.json", dir);
	if (access(path, R_OK) < 0)
		return no_such_lab(prefix);
	int lock = take_lock(dir);
	if (lock < 0) {
		lab_say("%s: %s", dir, strerror(-lock));
		return lock;
	}
	/* While we waited for the lock it may have been taken down. */
	bool gone = access(path, R_OK) < 0;
	int r = gone ? no_such_lab(prefix) : lab_read(lab, path, prefix);
	if (!r) {
		lab->lock = lock;
		return 0;
	}
	if (gone) {
		snprintf(path, sizeof(path), "%s.lock", dir);
		unlink(path);
	}
	close(lock);
	return r;
}

int lab_save(struct lab *lab)
{
	char tmp[LAB_PATH_MAX], path[LAB_PATH_MAX];
	json_t *all = lab_to_json(lab);
	if (!all)
		return -ENOMEM;
	int r = json_dump_file(all, lab_path(lab, tmp, "state.json.new"), JSON_INDENT(1)) < 0 ? -EIO : 0;
	json_decref(all);
	if (!r && rename(tmp, lab_path(lab, path, "state.json")) < 0)
		r = -errno;
	return r;
}
