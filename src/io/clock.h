/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include "base/time.h"

/* The real clocks, read together. */
struct now clock_now(void);
