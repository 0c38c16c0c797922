/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Tell the service manager (systemd's notification protocol: a datagram to $NOTIFY_SOCKET). Without one, nothing happens. */
void notify_ready(const char *status);
void notify_reloading(void);
void notify_stopping(void);
void notify_watchdog(void);
/* How often the manager wants to hear of us, in microseconds; 0 = not at all. */
unsigned long notify_watchdog_us(void);
