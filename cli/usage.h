/* SPDX-License-Identifier: Apache-2.0 */
/* What each day cost, as a table with a bar per day. */
#ifndef ALPI_CLI_USAGE_H
#define ALPI_CLI_USAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The answer of host.usage.daily on a screen of so many columns. */
void	 usage_print(FILE *f, const json_t *result, size_t width, bool colour);

#endif
