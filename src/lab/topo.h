/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The shape of a lab and where its nodes are: made from options or from a topology file, kept in a state file of
 * the same format (JSON) with what is running.
 *
 *      src            rtr                     lma                 net                 mag1                mn1
 *   +--------+   +-----------+   up0   +------------+   tr0   +---------+   tr0   +---------+  acc1   +--------+
 *   |   up0 -+---+-- br0 ----+---------+- roamcastd -+--------+-- br0 --+---------+ roamcastd+--------+ eth0   |
 *   +--------+   | querier,  |   :5:   +------------+  :ff:   |  plain  |         +---------+  veth   +--------+
 *   correspondent| snooper = |         +------------+         |  switch |         +---------+
 *   and source   | the judge |---------+ lma2 ...   +---------+         +---------+ mag2 ... |   an unmodified
 *                +-----------+         +------------+         +---------+         +---------+   Linux host
 *
 * Namespaces are called PREFIX-NODE. `net` also keeps the far ends of nodes that are attached nowhere, and the
 * bridge of a MAG whose access link is shared by its nodes (interface acc0 there). */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lab/proc.h"

#define LAB_NODE_MAX   14 /* a name is an interface name too, with a letter before it */
#define LAB_PREFIX_MAX 32
#define LAB_COUNT_MAX  250 /* of MAGs, and of LMAs; four times that of mobile nodes */
#define LAB_PATH_MAX   160
#define LAB_ADDR_MAX   48

/* Well-known addresses. */
#define LAB_SRC_ADDR   "2001:db8:aaaa::5"
#define LAB_MNID_REALM "lab.example"

struct lab_lma {
	char name[LAB_NODE_MAX];
};

struct lab_mag {
	char name[LAB_NODE_MAX];
	bool shared;		 /* its nodes stand on one link */
	span_t delay;		 /* of its transport link, one way; 0: none is added */
	char with[LAB_NODE_MAX]; /* the LMA whose namespace and daemon it shares, or "": it has its own */
};

struct lab_mn {
	char name[LAB_NODE_MAX];
	char at[LAB_NODE_MAX]; /* name of a MAG, or "" */
	unsigned lma;	       /* index of its LMA */
	json_t *profile;       /* what goes over the default profile, or NULL */
};

struct lab_proc {
	char name[64]; /* "lma", "stream-s1-mn2" ... */
	struct proc proc;
};

struct lab {
	char prefix[LAB_PREFIX_MAX];
	char dir[LAB_PATH_MAX];
	char dataplane[8]; /* auto, ebpf, user */
	struct lab_lma *lmas;
	struct lab_mag *mags;
	struct lab_mn *mns;
	struct lab_proc *procs;
	size_t n_lmas, n_mags, n_mns, n_procs;
	json_t *settings; /* over the daemons' configuration: {"KEY" or "NODE:KEY": "VALUE"}. Or NULL */
	int lock;	  /* descriptor; -1: not held */
};

/* A new shape with default names. 0; -EINVAL after it told why; -ENOMEM. */
int lab_shape(struct lab *lab, const char *prefix, unsigned lmas, unsigned mags, unsigned mns);
/* From a topology or state file. `prefix` NULL: the file's, or the default one. */
int lab_read(struct lab *lab, const char *file, const char *prefix);
/* The lab that is up under `prefix`, locked against other lab commands until lab_release(). -ENOENT told. */
int lab_open(struct lab *lab, const char *prefix);
int lab_lock(struct lab *lab); /* makes the lab's folder */
int lab_save(struct lab *lab);
/* "KEY=VALUE" or "NODE:KEY=VALUE". -EINVAL after it told. */
int lab_set(struct lab *lab, const char *text);
/* Delay of a MAG's transport link. -EINVAL after it told: it has none of its own. */
int lab_delay(struct lab_mag *mag, span_t delay);
void lab_release(struct lab *lab);

json_t *lab_to_json(const struct lab *lab); /* a new reference, or NULL */
void lab_dir_of(const char *prefix, char buf[LAB_PATH_MAX]);
bool lab_prefix_valid(const char *prefix);

struct lab_mn *lab_mn(struct lab *lab, const char *name); /* NULL: no such */
struct lab_mag *lab_mag(struct lab *lab, const char *name);
const char *lab_node_name(const struct lab *lab, size_t i); /* of them all, or NULL behind the last */
bool lab_has_node(const struct lab *lab, const char *name);

/* The node whose namespace and daemon these are: another one for a MAG that shares an LMA's. */
const char *lab_host(const struct lab *lab, const char *node);
const char *lab_daemon(const struct lab *lab, size_t i); /* the i-th daemon's node, or NULL behind the last */
/* The MAG that shares this LMA's daemon, or NULL. */
const struct lab_mag *lab_mag_with(const struct lab *lab, size_t lma);

/* Names and addresses that follow from the place in the list. All return `buf`. */
const char *lab_netns(const struct lab *lab, const char *node, char buf[LAB_PATH_MAX]);
const char *lab_path(const struct lab *lab, char buf[LAB_PATH_MAX], const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
const char *lab_socket(const struct lab *lab, const char *node, char buf[LAB_PATH_MAX]); /* of the node's daemon */
const char *lab_lma_addr(size_t lma, char buf[LAB_ADDR_MAX]);	  /* LMAA, on the transport network */
const char *lab_lma_upstream(size_t lma, char buf[LAB_ADDR_MAX]); /* on the source's link */
const char *lab_lma_pool(size_t lma, char buf[LAB_ADDR_MAX]);	  /* of home network prefixes */
const char *lab_mag_addr(size_t mag, char buf[LAB_ADDR_MAX]);	  /* Proxy-CoA */
const char *lab_mn_mac(size_t mn, char buf[LAB_ADDR_MAX]);
const char *lab_mn_id(const struct lab_mn *mn, char buf[LAB_ADDR_MAX]);
size_t lab_index_of_mn(const struct lab *lab, const struct lab_mn *mn);
size_t lab_index_of_mag(const struct lab *lab, const struct lab_mag *mag);

/* Processes of this lab. */
int lab_proc_add(struct lab *lab, const char *name, struct proc proc);
struct lab_proc *lab_proc(struct lab *lab, const char *name);
void lab_proc_drop(struct lab *lab, struct lab_proc *p);
