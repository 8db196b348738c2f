/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for the service manager that started us (sd_notify(3), without its
 * library). Without one, nothing is said; what cannot be sent at once is lost.
 */
#ifndef ALPI_NOTIFY_H
#define ALPI_NOTIFY_H

#include <stdint.h>

/* Read NOTIFY_SOCKET and WATCHDOG_USEC; before the environment is emptied. */
void	notify_open(void);
/* "READY=1", "STATUS=…", and so on, one per line. */
void	notify_send(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Say WATCHDOG=1 when it is time, twice as often as asked. When to call again, by clock_mono_ms; 0: no need. */
int64_t	notify_beat(void);

#endif
