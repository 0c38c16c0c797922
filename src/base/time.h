/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Instants and spans as different types, so that units cannot be mixed. Engines receive "now" as an
 * argument and never read a clock. */
#include <stdbool.h>
#include <stdint.h>

/* An instant of the monotonic clock, nanoseconds. */
typedef struct {
	int64_t ns;
} mono_t;

/* A length of time, nanoseconds. */
typedef struct {
	int64_t ns;
} span_t;

/* An instant of UTC, nanoseconds since 1970-01-01. */
typedef struct {
	int64_t ns;
} wall_t;

/* What "now" means to an engine: the monotonic clock for its deadlines, UTC for the Timestamp option
 * and for the start and end of subscriptions. */
struct now {
	mono_t mono;
	wall_t wall;
};

#define MONO_NEVER ((mono_t){INT64_MAX})
#define WALL_NEVER ((wall_t){INT64_MAX})

static inline span_t span_ns(int64_t ns) { return (span_t){ns}; }
static inline span_t span_us(int64_t us) { return (span_t){us * 1000}; }
static inline span_t span_ms(int64_t ms) { return (span_t){ms * 1000000}; }
static inline span_t span_s(int64_t s) { return (span_t){s * 1000000000}; }
static inline int64_t span_to_ms(span_t s) { return s.ns / 1000000; }
static inline int64_t span_to_us(span_t s) { return s.ns / 1000; }
static inline span_t span_mul(span_t s, int64_t n) { return (span_t){s.ns * n}; }
static inline span_t span_min(span_t a, span_t b) { return a.ns < b.ns ? a : b; }
static inline span_t span_max(span_t a, span_t b) { return a.ns > b.ns ? a : b; }

/* MONO_NEVER plus anything stays MONO_NEVER. */
static inline mono_t mono_add(mono_t t, span_t s)
{
	if (t.ns == INT64_MAX || s.ns > INT64_MAX - t.ns)
		return MONO_NEVER;
	return (mono_t){t.ns + s.ns};
}
static inline span_t mono_sub(mono_t a, mono_t b) { return (span_t){a.ns - b.ns}; }
static inline bool mono_before(mono_t a, mono_t b) { return a.ns < b.ns; }
static inline bool mono_reached(mono_t deadline, mono_t now) { return deadline.ns <= now.ns; }
static inline mono_t mono_min(mono_t a, mono_t b) { return a.ns < b.ns ? a : b; }
static inline mono_t mono_max(mono_t a, mono_t b) { return a.ns > b.ns ? a : b; }
static inline bool mono_is_never(mono_t t) { return t.ns == INT64_MAX; }
