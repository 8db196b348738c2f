/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pairs (from, nonce) of the last 300 s, kept across restarts in
 * alp/secrets/replay.jsonl (alp-wire.md, 3.3), one memory for all transports.
 * The file is opened before the process restricts itself and never again, so
 * it cannot be renamed into place: while it is rewritten its live entries
 * also stand in alp/replay.new, and both are read at the start.
 *
 * What the clock may do. A message passes the clock check only within 120 s of
 * its time, so one that passed when the clock said T could pass again only
 * when it says T - 240 s to T + 240 s. Hence:
 *  - A pair is forgotten when the clock is more than 300 s past the time at
 *    which it was seen, and for no other reason. One that was seen in what is
 *    now the future, the clock having been set back, stays until that is past.
 *  - The latest time of any pair that was forgotten is kept. While the clock
 *    is not 240 s past it, it was set back into a time of which we have
 *    forgotten something, and nothing is accepted. A step back of less than
 *    60 s is not noticed; one from a wrong hour to the right one after a pair
 *    of that hour was forgotten closes the link until the hour comes again,
 *    or alpd is started anew: then the file decides, and a pair that is no
 *    longer in it is not known.
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
/*
 * Bring what was added to the disk, and rewrite the file when most of it is dead. replay_add leaves both undone so that a
 * request costs one write: the owner of the loop calls this from a timer, one second after the first replay_add since the
 * last call (less than a machine needs to lose its power and be back), and replay_close does it too. It may take some
 * milliseconds. 0, or -1: to be called again; nothing is lost meanwhile but against loss of power.
 */
int		 replay_sync(struct replay *r, struct error *e);
size_t		 replay_live(const struct replay *r);	/* pairs that are remembered */

#endif
