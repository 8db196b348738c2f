/* SPDX-License-Identifier: Apache-2.0 */
/* What config.yaml says of the platforms, read once before restrict; a change of it is a new process. */
#ifndef ALPI_GATEWAYD_OPTIONS_H
#define ALPI_GATEWAYD_OPTIONS_H

#include <stdbool.h>

#include "common/boot.h"

/* Each gateway.PLATFORM.KEY that holds one value, beside init's options: boot_option(b, "gateway.imap.poll_interval"). */
void	 options_read(struct boot *b);
/* Nobody switched it off: gateway.PLATFORM.enabled. */
bool	 options_enabled(const struct boot *b, const char *platform);

#endif
