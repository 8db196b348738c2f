/* SPDX-License-Identifier: Apache-2.0 */
/* What a program said, made readable, and what the sandbox had to do with its complaints. For tools that run programs. */
#ifndef ALPI_SAID_H
#define ALPI_SAID_H

#include "common/buf.h"
#include "toolrunner/command.h"

/* All that a stream held, without the escape sequences of terminals. */
void	 said_add(struct buf *b, const struct capture *c);
void	 said_end_line(struct buf *b);
/* As a shell counts: 128 and the signal for one that was killed. */
int	 said_status(int status);
/* One line that names the setting, when the reason of a failure looks like the sandbox; the caller frees. NULL: it does not. */
char	*said_hint(const char *text);

#endif
