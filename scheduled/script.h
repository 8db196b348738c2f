/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run of a job without an agent (spec/scheduler.md, 6): the script of a
 * skill, in toolrunner's sandbox. A prompt is split into words as a shell
 * would, and no shell reads it.
 */
#ifndef SCHEDULED_SCRIPT_H
#define SCHEDULED_SCRIPT_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"

struct schedule;
struct script;

/* outcome: ok with what it put out, error, timeout, or interrupted: it may have run, and its result is lost. */
typedef void script_done(void *arg, const char *outcome, const char *text);

/*
 * The call that a command line asks for: {action, name, script, args} of the tool skill, which runs one of a skill's scripts.
 * New reference; NULL with ERR_invalid for everything else.
 */
json_t	*script_parse(const char *home, const char *line, struct error *e);
/* Does a prompt look like "python… SCRIPT": then it is meant for no agent. */
bool	 script_is_meant(const char *home, const char *line);

/* Run it under this key; resumed: a process that died may have. NULL with the error. Done runs from the loop. */
struct script *script_start(struct schedule *s, const char *key, const char *grant, const json_t *job, bool resumed,
	    script_done *done, void *arg, struct error *e);
/* End it; done comes as usual. */
void	 script_end(struct script *p);
void	 script_free(struct script *p);			/* NULL is fine */

#endif
