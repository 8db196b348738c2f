/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command really runs: `sudo -u x env A=b timeout 5 sh -c 'rm -r y'`
 * is five commands, the last of them in a text of its own. Each is added to
 * the script, so that the rules of the approval gate see all of them.
 */
#ifndef ALPI_UNWRAP_H
#define ALPI_UNWRAP_H

#include <stdbool.h>
#include <stddef.h>

#include "toolrunner/lexer.h"

#define PROGRAM_MAX 64

/* Add every command that the commands of s run. 0, or -1: s->broken says why. */
int	 script_unwrap(struct script *s);

/* The program's name: after the last slash or backslash, lower case, without ".exe"; "" when there are no words. */
void	 program_name(const struct command *c, char out[PROGRAM_MAX]);
/* Is name one of these (separated by single blanks)? */
bool	 in_set(const char *set, const char *name);
/* sh and its kin; everything that runs what it reads, versioned names included. */
bool	 is_shell(const char *program);
bool	 is_interpreter(const char *program);
/* Its words are a command or a text of which script_unwrap made commands of their own. */
bool	 is_wrapper(const char *program);
/* The command in the text itself that this one was taken out of (sudo of `sudo rm`); itself when it stands there. */
int	 script_base(const struct script *s, int command);

/* Options: is one of these letters given in a cluster, or one of the long names (blank-separated, abbreviations count)? */
bool	 has_option(const struct command *c, const char *letters, const char *longs);
/* A walk over the operands: words that are no options, and all words after "--". Begin with OPERANDS(c). */
struct operands {
	const struct command	*c;
	size_t			 i;		/* the word behind the last one given */
	bool			 ended;		/* "--" was passed */
};
#define OPERANDS(command) { .c = (command), .i = 1 }

const struct word *next_operand(struct operands *o);	/* NULL at the end */

#endif
