/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ALPI_TOOLS_SKILL_CHECK_H
#define ALPI_TOOLS_SKILL_CHECK_H

#include "toolrunner/tool.h"

/* Put out what is wrong with the scripts of the call's skill, by this interpreter. 0, or -1: nobody knows. */
int	 skill_check_scripts(struct tool_call *call, const char *python, struct error *e);

#endif
