/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workspace's AGENTS.md. engined cannot see a file: a worker of
 * toolrunner reads it under the grant of the turn that is about to begin, so
 * only what the sandbox shows can be found. What was read serves the turns of
 * the same requester in the same workspace for a minute.
 *
 * Its authors are strangers. The text stands between marks it cannot forge,
 * as the project's and never as the owner's, and a turn that is shown it has
 * read text of others.
 */
#ifndef ALPI_ENGINED_PROJECT_H
#define ALPI_ENGINED_PROJECT_H

#include <stdbool.h>

#define PROJECT_MARK	"# PROJECT TEXT"	/* how the note for the model begins; it is for one turn */

struct engine;
struct turn;

/* Before a turn is made ready: false when the file is being read, and the turn is woken after. */
bool	 project_ready(struct turn *t);
/* The note for the model, NULL: there is no such file. Borrowed until the loop goes on. */
const char *project_text(const struct engine *en, const char *owner, const char *workspace);
/* Does this turn get it? Not those of peers and sub-agents, nor those whose tools are limited. */
bool	 project_wanted(const struct turn *t);
/* The turn ends or goes: what it reads for itself and others is read by another. */
void	 project_leave(struct turn *t);
void	 project_clear(struct engine *en);

#endif
