/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The lab's daemons: their configurations, their policy store, starting them, and asking them. */
#include "lab/topo.h"

/* Write configurations and policy, start all daemons, wait until each answers. 0; negative errno after it told. */
int daemons_start(struct lab *lab);
int daemons_start_one(struct lab *lab, const char *node); /* again, after it ended */
int daemons_write_conf(struct lab *lab);
/* Import profiles (JSON as `roamcast policy import` takes it) into the lab's policy store. */
int daemons_import(struct lab *lab, const char *file);
/* What the daemon of `node` says to `roamcast ARGS... --json`: a new reference, NULL where it does not answer. */
json_t *daemons_ask(const struct lab *lab, const char *node, const char *const args[]);
/* The same for whoever wants no answer: the exit status of `roamcast ARGS...`. */
int daemons_tell(const struct lab *lab, const char *node, const char *const args[]);
const char *daemons_socket(const struct lab *lab, const char *node, char buf[LAB_PATH_MAX]);
