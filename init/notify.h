/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sd_notify without its library: one datagram to the service manager that
 * asked for it (NOTIFY_SOCKET), and the watchdog's pulse (WATCHDOG_USEC).
 */
#ifndef INIT_NOTIFY_H
#define INIT_NOTIFY_H

/* Read what the service manager asked for; start the watchdog's pulse. */
void	 notify_open(void);
/* "READY=1", "STATUS=...", several joined by newlines. Nothing where nobody asked. */
void	 notify_send(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
