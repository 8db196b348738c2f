/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before a platform is asked again: longer after each failure, and never all at once. */
#ifndef ALPI_GATEWAYD_PAUSE_H
#define ALPI_GATEWAYD_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

/* Up to a fifth more, by chance. In ms. */
int64_t	 pause_jitter(int64_t ms);
/* After so many failures in a row (1: the first): twice as long each time, ten minutes or `least` at most; with jitter. In ms. */
int64_t	 pause_growing(int64_t least, unsigned failures);
/* Was it tried for a day since then (Unix seconds), and often? One that waited for us to come back has its tries, too. */
bool	 pause_is_in_vain(int64_t since, unsigned failures);

#endif
