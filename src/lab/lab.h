/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The virtual domain: `roamcast lab` and `roamcast demo`.
 *
 * A lab is a domain in network namespaces of this machine: a source, a multicast router, LMAs, MAGs and mobile
 * nodes. The nodes run nothing of ours. See topo.h for the picture. */

/* argv[0] is the program, argv[1] "lab" or "demo". The exit status: 0 done, 1 failed, 2 wrong usage. */
int lab_main(int argc, char **argv);
int demo_main(int argc, char **argv);
