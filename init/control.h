/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders of people: one line to ROOT/run/init.sock, lines back, "ok" or "error TEXT" last. Only our own user
 * and root are heard; a client that is slow, silent or gone holds nobody up.
 */
#ifndef INIT_CONTROL_H
#define INIT_CONTROL_H

#include <stddef.h>

struct order;

/* The order in a line without its newline (which is cut up), and its X, "" without. NULL: not in the grammar. */
const struct order *control_parse(char *line, const char **x);
/* Listen. 0 or -1 with errno. */
int	 control_open(const char *path);
/* After each event: answer those whose units have settled, and when init is `over` everybody. */
void	 control_round(int over);

#endif
