/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Network namespaces by name, as `ip netns` knows them. */
#include <stdbool.h>
#include <stddef.h>

int netns_enter(const char *name); /* this process moves there for good. 0 or negative errno */
bool netns_exists(const char *name);

/* Settings below /proc/sys/net of a namespace: pairs of path and value, ended by NULL. A path that this kernel
 * has not is skipped where it begins with '-'. 0 or negative errno. */
int netns_set(const char *name, const char *const pairs[]);

/* Switch an interface on, without a program between, so that a caller's clock is near the event. 0 or negative
 * errno. */
int netns_link_up(const char *name, const char *dev);

/* Have an interface send nothing that its hardware would have to finish: no segments to cut, no checksums to compute.
 * What hears its packets on the other end needs them whole. 0 or negative errno. */
int netns_offload_off(const char *name, const char *dev);
