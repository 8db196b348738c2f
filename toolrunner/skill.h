/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tools that work on a skill: which folder the name stands for, and which of
 * the secrets that init gave this profile's toolrunner its process gets. Both
 * are found out here and not told by the caller: what a skill may have is
 * what its own SKILL.md declares.
 */
#ifndef ALPI_TOOLRUNNER_SKILL_H
#define ALPI_TOOLRUNNER_SKILL_H

#include <jansson.h>

#include "common/error.h"
#include "toolrunner/runner.h"
#include "toolrunner/tool.h"

/*
 * The skill of this call: its folder (the caller frees), and its variables (new reference), which are none unless
 * programs run. 0, also for a tool that works on none; or -1: there is no such skill, or a variable that it declares is
 * missing or never given to skills. Blocks shortly.
 */
int	skill_take(const struct runner *r, const struct tool *t, const json_t *args, char **folder, json_t **env, struct error *e);
/* The variables that there are of those that these skills declare (names, a blank between); NULL: none. New reference. */
json_t	*skill_shown(const struct runner *r, const char *names);
/* The same for a SKILL.md already read: its variables. NULL with the error. */
json_t	*skill_env(const struct boot *boot, const char *text, size_t len, struct error *e);

#endif
