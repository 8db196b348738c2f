/* SPDX-License-Identifier: Apache-2.0 */
/* THE table of the approval gate: what makes a command caution or dangerous. */
#ifndef ALPI_RULES_H
#define ALPI_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "toolrunner/approve.h"
#include "toolrunner/lexer.h"

/* Apply every rule to every command of a script that was read and unwrapped; findings in the table's order. */
void	 rules_apply(const struct script *s, struct verdict *v);
bool	 rules_has_label(const char *label);

#endif
