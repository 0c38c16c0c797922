/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The lab's cables: namespaces, links, addresses and routes, and the plugging of nodes into MAGs. */
#include "lab/topo.h"

int plug_check_free(struct lab *lab); /* -EEXIST after it told: one of the names is taken */
int plug_build(struct lab *lab);      /* everything but the nodes' attachment. 0 or negative errno */
void plug_demolish(struct lab *lab);  /* what there is of it; without errors for what there is not */

/* Move the far end of a node's link to a MAG (NULL: to nowhere) and note it in the lab. The node sees its carrier
 * go and come. *ret_up (may be NULL) is the moment at which the new link was switched on. */
int plug_move(struct lab *lab, struct lab_mn *mn, const struct lab_mag *mag, mono_t *ret_up);
/* The same of many at once, as of those in one train. All links go before the first comes up; *ret_up is when. */
int plug_move_all(struct lab *lab, struct lab_mn *const mns[], size_t n, const struct lab_mag *mag, mono_t *ret_up);
/* The interface of that node's link at its MAG. */
const char *plug_access_name(const struct lab *lab, const struct lab_mn *mn, const struct lab_mag *mag, char buf[16]);
