/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Delay on the lab's cables: a program (`roamcast lab _relay`) that passes whole frames from one interface to another
 * of its namespace and back, each the same time after it came, in order. The kernel's netem does that where it is
 * built; this does it everywhere. */

#define RELAY_PAIRS_MAX 250
#define RELAY_DELAY_MAX_US 10000000

/* _relay --file F --pair IF,IF,MICROSECONDS...
 *
 * Both interfaces are up. Frames are to have their checksums and no more than the MTU's length: those who send them
 * must not leave that to their devices (netns_offload_off()). Runs until SIGTERM; F has its counts, as the ends of a
 * stream have theirs. */
int relay_main(int argc, char **argv);
