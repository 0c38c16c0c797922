/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Small numbers by key, in an array that the programs read and the daemon writes, both in place. A number is one word, so
 * that a program sees it as it was or as it is, and setting one costs no system call.
 *
 * A word stands in one of two lines of ABI_LINE_WORDS. Where a key belongs and what its word keeps of it is the caller's to
 * say (struct abi_place, dp_abi.h): dp_routes.h, dp_flows.h. */
#include "bpf/dp_abi.h"

#include <stdbool.h>
#include <stdint.h>

/* `bits` at least so many that the words are a quarter more than the keys: a line is full once in thousands of keys. */
uint8_t lines_bits(uint32_t keys_max, uint8_t bits_max);
/* The number + 1, or 0. */
uint32_t lines_find(const struct abi_line *lines, const struct abi_place *at);
void lines_ahead(const struct abi_line *lines, const struct abi_place *at); /* they are fetched meanwhile */
/* A new one, or another number for an old one. False: both lines are full. */
bool lines_set(struct abi_line *lines, const struct abi_place *at, uint32_t number);
bool lines_del(struct abi_line *lines, const struct abi_place *at); /* false: not there */
