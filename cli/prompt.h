/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line from the person: edited and remembered on a terminal, read as it is
 * elsewhere. The history is the person's, not the agent's: it lies in
 * $XDG_STATE_HOME/alpi, not in a profile.
 */
#ifndef ALPI_CLI_PROMPT_H
#define ALPI_CLI_PROMPT_H

#include <stdbool.h>

enum prompt_end { PROMPT_LINE, PROMPT_INTERRUPT, PROMPT_EOF };

struct prompt;

struct prompt *prompt_open(void);
void	 prompt_close(struct prompt *p);
/* Read a message; a line that ends with a backslash goes on. *line is the caller's, NULL unless PROMPT_LINE. */
enum prompt_end prompt_read(struct prompt *p, char **line);

#endif
