/* SPDX-License-Identifier: Apache-2.0 */
/* The tool skill, and what a person asks of the skills by `alpi skill` (spec/memory-skills.md, section 7). */
#ifndef ALPI_ENGINED_SKILL_TOOL_H
#define ALPI_ENGINED_SKILL_TOOL_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"
#include "engined/eligible.h"

/* Who asks. */
struct skill_asker {
	const char	*home;
	struct eligible	 el;
	bool		 person;	/* at the command: every skill is theirs to change */
	const char	*note;		/* goes with the answer about a file that was written; NULL: none */
};

/* Carry out one call. The text for whoever asked, the caller's; NULL with the error. */
char	*skill_call(const struct skill_asker *a, const json_t *args, struct error *e);
/*
 * May this skill's script run here and now? 0 with whether it has one; or -1: there is no such skill, it lacks something,
 * or what it has is not right.
 */
int	 skill_may_run(const struct skill_asker *a, const char *name, bool *script, struct error *e);
/* Is there such a skill, with something for an interpreter to parse? */
bool	 skill_has_python(const struct skill_asker *a, const char *name);
/* Does the action start its script? */
bool	 skill_runs(const char *action);
/* Does the action change skills? */
bool	 skill_changes(const char *action);
/* Is what the call shows a skill itself, which is there to be followed, and not what a skill has written? */
bool	 skill_shows(const json_t *args);

#endif
