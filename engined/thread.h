/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What peers have said to us and we to them, mentions/<name>.json
 * (alp-wire.md, 12.2; engine.md, 10). A name is "peer" or
 * "peer@conversation"; alpd, which knows who asks, chooses it. Unknown
 * members stay; a file that does not parse is left alone.
 */
#ifndef ALPI_ENGINED_THREAD_H
#define ALPI_ENGINED_THREAD_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"

#define THREAD_TURNS	20		/* the newest that are kept */

bool	 thread_name_ok(const char *name);
/* The turns of a thread, rows {at, user, assistant}; none when there is no such file or it does not parse. New reference. */
json_t	*thread_turns(const char *home, const char *name);
/* Add a turn at Unix time `at` (seconds), once however often it is said; on disk when it returns. 0 or -1. */
int	 thread_append(const char *home, const char *name, double at, const char *user, const char *assistant, struct error *e);
/* Put the turns, and before them that a peer wrote its part, behind the first message. */
void	 thread_show(json_t *messages, const char *peer, const json_t *turns);

#endif
