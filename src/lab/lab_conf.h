/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the lab's daemons are told: configuration files and profiles. */
#include "lab/topo.h"

int lab_conf_lma(const struct lab *lab, size_t lma, const char *file); /* 0 or negative errno */
int lab_conf_mag(const struct lab *lab, size_t mag, const char *file);
int lab_conf_policy(const struct lab *lab, const char *file);
