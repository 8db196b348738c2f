/* SPDX-License-Identifier: Apache-2.0 */
/* `alpi cron next`: an expression in plain words. */
#ifndef ALPI_CLI_CRON_H
#define ALPI_CLI_CRON_H

#include "common/cron.h"

/* "at 09:30 on Monday to Friday"; the caller frees. */
char	*cron_words(const struct cron *c);

#endif
