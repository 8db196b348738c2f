/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.yaml, read by a process that stays outside our fence. The file is
 * replaced by rename whenever it changes, so no rule on a path could keep it
 * readable without opening the whole home, .env and keys included.
 *
 * Outside are two: a keeper, forked before the daemon restricts itself, knows
 * one order ("read it again") and parses nothing; for each order it forks a
 * reader, which reads one file, answers with its tree and ends. A reader that
 * dies or hangs costs one reading and nothing else. Neither ever sees a
 * message of anybody else, and what a reader answers is taken for what the
 * person configured.
 */
#ifndef ALPI_ENGINED_SETTINGS_H
#define ALPI_ENGINED_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"

struct settings;

/* Fork the keeper. No thread may exist yet. NULL on error. */
struct settings *settings_start(const char *home, struct error *e);
void	 settings_stop(struct settings *s);	/* NULL is fine; does not wait */
/* Has the file changed since it was last read? */
bool	 settings_changed(const struct settings *s);
/*
 * The configuration over its defaults, and in *own, unless that is NULL, what stands in the file itself (a new reference too).
 * Waits for it, some 2 s at most. New reference, or NULL: ERR_invalid, it does not load; ERR_unavailable, the reader
 * had no answer and is gone, so that the file still counts as changed; ERR_gone, the keeper itself is, for good.
 */
json_t	*settings_read(struct settings *s, json_t **own, struct error *e);

#endif
