/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both sides said in a session, turn after turn, out of its file: for
 * the index, which wants nothing else of it and cannot wait until a file of
 * many megabytes is a tree. Each turn is read by the JSON library and gone
 * again before the next, so neither time nor memory grow with the file.
 */
#ifndef ALPI_ENGINED_SAID_H
#define ALPI_ENGINED_SAID_H

#include <jansson.h>

#include "common/buf.h"
#include "common/error.h"

struct said;

/* HOME/sessions/<id>.json; NULL: it cannot be opened. */
struct said *said_open(const char *home, const char *id, struct error *e);
/* The same with an open file, which is closed with it. */
struct said *said_take(int fd);
void	 said_close(struct said *s);
/* Append the next turn's texts. 1, 0: there are no more turns, -1: this is no session file, as far as it was read. */
int	 said_next(struct said *s, struct buf *text, struct error *e);
/* When it began, once all turns are read; `otherwise` when it does not say. */
double	 said_started_at(const struct said *s, double otherwise);

/* "user: ...\n" and "alpi: ...\n" of a turn, as they are indexed. */
void	 said_add(struct buf *text, const json_t *turn);

#endif
