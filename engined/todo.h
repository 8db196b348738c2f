/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The to-do list of a conversation (spec/tools.md, 7.1): what the model plans
 * to do, one item in progress at most. It lives in memory only; after a crash
 * the turn's recorded calls are applied again, which is why a call depends on
 * nothing but the list and its arguments.
 */
#ifndef ALPI_ENGINED_TODO_H
#define ALPI_ENGINED_TODO_H

#include <jansson.h>
#include <stddef.h>

#include "common/error.h"

#define TODO_ITEMS_MAX	100
#define TODO_TEXT_MAX	500		/* bytes of an item */

struct todo {
	struct todo_item	*items;
	size_t			 count;
};

void	 todo_clear(struct todo *t);
/* Carry out one call. The list as text, or NULL with an error for the model. The caller frees. */
char	*todo_call(struct todo *t, const json_t *args, struct error *e);
/* Items that are not done; their texts, one line each ("- text"), when lines is not NULL (the caller frees). */
size_t	 todo_open(const struct todo *t, char **lines);

#endif
