/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Commands of `roamcast lab` that stand in files of their own. argv[0] is the command. Exit status; 2: usage. */
#include "lab/streams.h"

int lab_cmd_stream(struct lab *lab, int argc, char **argv);
