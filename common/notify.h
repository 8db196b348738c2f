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
/* How often the manager wants to hear WATCHDOG=1, twice over: in ms; 0: never. */
int64_t	notify_pulse_ms(void);

#endif
