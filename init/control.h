/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders of people: fixed words on ROOT/run/init.sock, one line in, lines
 * out, "ok" or "error TEXT" last. Only our own user and root are heard. A
 * client that is slow, silent or gone holds nobody up.
 */
#ifndef INIT_CONTROL_H
#define INIT_CONTROL_H

#include <stddef.h>

#define CONTROL_LINE_MAX 256

struct order;

/* The order in a line without its newline, and its X ("" without), borrowed from the line; NULL: not in the grammar. */
const struct order *control_parse(char *line, const char **x);

/* Listen on PATH (an old socket there is removed). 0 or -1 with errno. */
int	 control_open(const char *path);
/* After each batch of events: answer those whose units have settled. */
void	 control_round(void);
/* Answer whoever still waits, and close. */
void	 control_close(void);
/* Are the units that X names settled? Then 1, and *why names the failed ones, "" when there are none. */
int	 control_settled(const char *x, char *why, size_t size);

#endif
