/* SPDX-License-Identifier: Apache-2.0 */
/* What init handed over for a platform. All of it stands in the boot message; a change of it is a new process. */
#ifndef ALPI_GATEWAYD_SETTINGS_H
#define ALPI_GATEWAYD_SETTINGS_H

#include "common/boot.h"

/* A variable that is set to something, borrowed from the boot message; NULL. */
const char *settings_value(const struct boot *b, const char *name);
/* An address without slashes at its end; the caller frees. */
char	*settings_base(const char *url);

#endif
