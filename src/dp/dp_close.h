/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Descriptors whose closing takes its time: nobody waits for it but who frees the closer. */
struct dp_closer *dp_closer_new(void); /* NULL: out of memory */
void dp_close_later(struct dp_closer *c, int fd);
struct dp_closer *dp_closer_free(struct dp_closer *c); /* once all are closed; returns NULL */
