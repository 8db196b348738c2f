/* SPDX-License-Identifier: Apache-2.0 */
/* How much of a tool's result a model is given (spec/tools.md, section 1), whichever daemon ran the tool. */
#ifndef ALPI_BUDGET_H
#define ALPI_BUDGET_H

#include <jansson.h>
#include <stdint.h>

/* Characters that a result of the tool may have: its own limit, else that of all tools; negative: any number. */
int64_t	 budget_of(const json_t *config, const char *tool);
/* The first `budget` characters without the blanks at their end, and a line about the rest. The caller frees. */
char	*budget_cut(const char *text, int64_t budget);

#endif
