/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pairs (from, nonce) of the last 300 s, kept across restarts in
 * alp/secrets/replay.jsonl (alp-wire.md, 3.3), one memory for all transports.
 * The file is opened before the process restricts itself and never again, so
 * it cannot be renamed into place: while it is rewritten its live entries
 * also stand in alp/replay.new, and both are read at the start.
 */
#ifndef ALPD_REPLAY_H
#define ALPD_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define REPLAY_WINDOW_US	(300 * INT64_C(1000000))
#define REPLAY_NONCE_MAX	256		/* bytes; a longer nonce is refused */
#define REPLAY_MAX		262144		/* live pairs; beyond that the oldest are forgotten only when dead, new ones refused */

struct replay;

/* Open or make the file below home/alp (0600, no symbolic link) and take up what is live at now_us. NULL on error. */
struct replay	*replay_open(const char *home, int64_t now_us, struct error *e);
void		 replay_close(struct replay *r);	/* NULL is fine */
/* Remember a pair. 1: it is new, and written; 0: it was seen; -1: it cannot be written, so the request must be dropped. */
int		 replay_add(struct replay *r, const char *from, const char *nonce, int64_t now_us, struct error *e);
size_t		 replay_live(const struct replay *r);

#endif
