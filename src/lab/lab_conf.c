/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/lab_conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "lab/daemons.h"

#define KEY_MAX 128

/* ---- a tree of settings, written as YAML -------------------------------------------------------------------- */

/* Plain where YAML takes it as this text, else in quotes. What begins as a list or mapping is one: a user's setting is
 * given as it would stand in the file, and no text of ours begins so. */
static void write_scalar(const char *s, FILE *f)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/";
	if (*s == '[' || *s == '{' || (*s && s[strspn(s, plain)] == '\0')) {
		fputs(s, f);
		return;
	}
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		fputc(*s, f);
	}
	fputc('"', f);
}

static void write_value(json_t *v, int depth, FILE *f);

static void write_mapping(json_t *o, int depth, bool inline_first, FILE *f)
{
	const char *key;
	json_t *v;
	json_object_foreach(o, key, v) {
		fprintf(f, "%*s%s:", inline_first ? 0 : depth * 2, "", key);
		inline_first = false;
		write_value(v, depth + 1, f);
	}
}

static void write_value(json_t *v, int depth, FILE *f)
{
	size_t i;
	json_t *item;
	if (json_is_object(v)) {
		fputc('\n', f);
		write_mapping(v, depth, false, f);
	} else if (json_is_array(v)) {
		fputs(json_array_size(v) ? "\n" : " []\n", f);
		json_array_foreach(v, i, item) {
			fprintf(f, "%*s- ", depth * 2, "");
			if (json_is_object(item)) {
				write_mapping(item, depth + 1, true, f);
			} else {
				write_scalar(json_string_value(item), f);
				fputc('\n', f);
			}
		}
	} else {
		fputc(' ', f);
		write_scalar(json_string_value(v), f);
		fputc('\n', f);
	}
}

static int write_file(json_t *tree, const char *path)
{
	FILE *f = tree ? fopen(path, "we") : NULL;
	if (!f) {
		int r = tree ? -errno : -ENOMEM;
		json_decref(tree);
		return r;
	}
	fputs("# written by `roamcast lab`\n", f);
	write_mapping(tree, 0, false, f);
	json_decref(tree);
	return fclose(f) == 0 ? 0 : -EIO;
}

/* Set "a.b.c", with what lies between. The lab's own values are texts, as in the file. */
static void set(json_t *tree, const char *key, json_t *value)
{
	char part[KEY_MAX];
	const char *dot;
	while ((dot = strchr(key, '.'))) {
		snprintf(part, sizeof(part), "%.*s", (int)(dot - key), key);
		json_t *next = json_object_get(tree, part);
		if (!json_is_object(next)) {
			next = json_object();
			json_object_set_new(tree, part, next);
		}
		tree = next;
		key = dot + 1;
	}
	json_object_set_new(tree, key, value);
}

/* ---- daemons ------------------------------------------------------------------------------------------------ */

static json_t *common(const struct lab *lab, const char *node)
{
	char path[LAB_PATH_MAX];
	json_t *t = json_object();
	set(t, "name", json_string(node));
	set(t, "lab", json_string("yes"));
	set(t, "security", json_string("none"));
	set(t, "enterprise-number", json_string("32473"));
	set(t, "control.socket", json_string(lab_socket(lab, node, path)));
	set(t, "policy.store", json_string(lab_path(lab, path, "policy.db")));
	set(t, "dataplane.backend", json_string(lab->dataplane));
	set(t, "dataplane.transport", json_pack("[s]", "tr0"));
	return t;
}

/* The user's settings over ours: "KEY" for every daemon that has this role, "NODE:KEY" for one. */
static void overlay(const struct lab *lab, json_t *tree, const char *node, const char *role)
{
	const char *key;
	json_t *v;
	json_object_foreach(lab->settings, key, v) {
		const char *colon = strchr(key, ':');
		const char *k = colon ? colon + 1 : key;
		if (colon && (strncmp(key, node, (size_t)(colon - key)) != 0 || node[colon - key]))
			continue;
		bool of_role = !strncmp(k, "lma.", 4) || !strncmp(k, "mag.", 4);
		if (of_role && strncmp(k, role, 3) != 0)
			continue;
		set(tree, k, json_incref(v));
	}
}

static void set_mag(const struct lab *lab, json_t *tree, size_t mag)
{
	char a[LAB_ADDR_MAX];
	/* No tunnel leads from a host to itself: a daemon in both roles has its nodes anchored at another LMA. */
	size_t lma = 0;
	while (lma < lab->n_lmas && !strcmp(lab->lmas[lma].name, lab->mags[mag].with))
		lma++;
	set(tree, "mag.address", json_string(lab_mag_addr(mag, a)));
	set(tree, "mag.lma", json_string(lma < lab->n_lmas ? lab_lma_addr(lma, a) : "from-profile"));
	set(tree, "mag.access",
	    json_pack("[{ssss}]", "match", "acc*", "kind", lab->mags[mag].shared ? "shared" : "point-to-point"));
	json_t *candidates = json_array();
	for (size_t i = 0; i < lab->n_mags && json_array_size(candidates) < MAG_CANDIDATES_MAX; i++)
		if (i != mag)
			json_array_append_new(candidates, json_pack("{ssss}", "name", lab->mags[i].name, "address",
								    lab_mag_addr(i, a)));
	set(tree, "mag.candidates", candidates);
	overlay(lab, tree, lab->mags[mag].name, "mag");
}

int lab_conf_lma(const struct lab *lab, size_t lma, const char *file)
{
	const struct lab_mag *own = lab_mag_with(lab, lma);
	const char *node = lab->lmas[lma].name;
	char a[LAB_ADDR_MAX];
	json_t *t = common(lab, node), *mags = json_array();
	for (size_t i = 0; i < lab->n_mags; i++)
		if (&lab->mags[i] != own)
			json_array_append_new(
			    mags, json_pack("{ssss}", "name", lab->mags[i].name, "address", lab_mag_addr(i, a)));
	set(t, "lma.address", json_string(lab_lma_addr(lma, a)));
	set(t, "lma.upstream", json_string("up0"));
	set(t, "lma.mags", mags);
	set(t, "lma.pools", json_pack("[s]", lab_lma_pool(lma, a)));
	overlay(lab, t, node, "lma");
	if (own)
		set_mag(lab, t, lab_index_of_mag(lab, own));
	return write_file(t, file);
}

int lab_conf_mag(const struct lab *lab, size_t mag, const char *file)
{
	json_t *t = common(lab, lab->mags[mag].name);
	set_mag(lab, t, mag);
	return write_file(t, file);
}

/* ---- profiles ----------------------------------------------------------------------------------------------- */

int lab_conf_policy(const struct lab *lab, const char *file)
{
	json_t *all = json_array();
	char id[LAB_ADDR_MAX], mac[LAB_ADDR_MAX], lma[LAB_ADDR_MAX];
	for (size_t i = 0; i < lab->n_mns; i++) {
		const struct lab_mn *mn = &lab->mns[i];
		json_t *p = json_pack("{sss[s]ss}", "mn", lab_mn_id(mn, id), "link-layer-addresses", lab_mn_mac(i, mac),
				      "lma", lab_lma_addr(mn->lma, lma));
		if (mn->profile)
			json_object_update(p, mn->profile);
		json_array_append_new(all, p);
	}
	int r = json_dump_file(all, file, JSON_INDENT(1)) < 0 ? -EIO : 0;
	json_decref(all);
	return r;
}
