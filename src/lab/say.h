/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* To standard error, "roamcast lab: ...". */
void lab_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
