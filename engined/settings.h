/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.yaml, read by a child that stays outside our fence. The file is
 * replaced by rename whenever it changes, so no rule on a path could keep it
 * readable without opening the whole home, .env and keys included. The child
 * is forked before the daemon restricts itself, knows one order ("read it
 * again"), reads one file and answers with its tree; it never sees a message
 * of anybody else.
 */
#ifndef ALPI_ENGINED_SETTINGS_H
#define ALPI_ENGINED_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"

struct settings;

/* Fork the child. No thread may exist yet. NULL on error. */
struct settings *settings_start(const char *home, struct error *e);
void	 settings_stop(struct settings *s);	/* NULL is fine */
/* Has the file changed since the last settings_read? */
bool	 settings_changed(const struct settings *s);
/*
 * The configuration over its defaults; steps_set: tools.max_steps_per_turn stands in the file itself.
 * New reference, or NULL: it does not load, or the child does not answer within 2 s.
 */
json_t	*settings_read(struct settings *s, bool *steps_set, struct error *e);

#endif
