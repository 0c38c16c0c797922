/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The lab's daemons: their configurations, their policy store, starting them, and asking them. */
#include "lab/topo.h"

/* Write configurations and policy, start all daemons, wait until each answers. 0; negative errno after it told. */
int daemons_start(struct lab *lab);
int daemons_start_one(struct lab *lab, const char *node); /* again, after it ended */
int daemons_write_conf(struct lab *lab);
/* Import profiles (a file as `roamcast policy import` takes it) into the lab's policy store. */
int daemons_import(struct lab *lab, const char *file);
/* Put a request of the control protocol to the daemon of `node`; takes the reference to `request`. A new reference to
 * the result; NULL where the daemon does not answer, or refuses (then *ret_error, if not NULL, is a new reference to
 * the error object). */
json_t *daemons_ask(const struct lab *lab, const char *node, json_t *request, json_t **ret_error);
/* {"command": "show", "what": WHAT} */
json_t *daemons_show(const struct lab *lab, const char *node, const char *what);
void daemons_show_log(const struct lab *lab, const char *node); /* its end, to standard error */
