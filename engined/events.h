/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a turn tells: numbered frames, pulled with turn.next. A frame is
 * written to the session's sidecar before it is shown. Deltas that nobody
 * has seen yet grow together. What was shown and acknowledged (asked for by
 * a later number) leaves memory, and so does the oldest when more than
 * EVENTS_MEMORY piles up: the sidecar has it. In a crowd of turns the words
 * of each are shown less often, so that what showing costs stays bounded and
 * others on the machine keep their share; whatever else is told is told at
 * once.
 *
 * A number stands for one frame for ever. Each life of a turn, which is how
 * often it was taken up again by a new process, has its own range of numbers
 * above those of the lives before: so it does not matter whether the sidecar
 * still has all that was shown (it is not synced, and a full disk stops it).
 */
#ifndef ALPI_ENGINED_EVENTS_H
#define ALPI_ENGINED_EVENTS_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "common/dispatch.h"
#include "common/error.h"

#define EVENTS_MEMORY	(256 * 1024)	/* bytes of frames kept for one turn */
#define EVENTS_REPLY	(1024 * 1024)	/* bytes of frames in one answer, about */
#define EVENTS_LIFE	(1LL << 32)	/* numbers of one life: far more than frames, and exact as doubles for 2 million lives */

struct frame;
struct waiter;

struct events {
	struct event_base	*base;
	char			*sidecar;	/* NULL: frames are in memory only */
	char			*request_id;
	int64_t			 last;		/* number of the newest frame */
	int64_t			 floor;		/* those of this life are above */
	int64_t			 written;	/* up to here the sidecar has them */
	int64_t			 urgent;	/* number of the newest frame that is no delta */
	int64_t			 shown_ms;	/* when deltas were shown last; clock_mono_ms */
	const size_t		*crowd;		/* how many turns run, borrowed; NULL: this one */
	size_t			 bytes;
	bool			 told;		/* frames of an earlier life are in the sidecar */
	bool			 ended;		/* the newest frame is the turn's last */
	bool			 broken;	/* the sidecar cannot be written: keep what we have */
	TAILQ_HEAD(frames_head, frame) frames;
	LIST_HEAD(, waiter)	 waiters;
};

/* Nothing is on disk yet; sidecar is a path, copied. */
void	 events_init(struct events *ev, struct event_base *base, const char *sidecar, const char *request_id);
/* Those of a new turn: empties the sidecar. 0 or -1. */
int	 events_begin(struct events *ev, const char *turn, struct error *e);
/* Those of a turn that is taken up again, in its `life` (from 1): behind what the sidecar has of this turn. */
void	 events_resume(struct events *ev, const char *turn, int64_t life);
/* Free everything; waiters are answered with what there is. */
void	 events_clear(struct events *ev);

/* One frame; kind is a literal, data (taken) an object or NULL for none. */
void	 events_add(struct events *ev, const char *kind, json_t *data);
/* One more piece of a text; kind is a literal. */
void	 events_delta(struct events *ev, const char *kind, const char *text, size_t len);
/* The newest frame was the last. Nothing is added after. */
void	 events_end(struct events *ev);
/* Keep nothing on disk: remove the sidecar, unless a frame that nobody has seen is only there (0 then, else 1). */
int	 events_forget(struct events *ev);

/* Answer a turn.next, now or when there is something or wait_ms are over. CALL_LATER or 0. */
int	 events_next(struct events *ev, struct call *c, int64_t after, int64_t wait_ms);
/* Answer a turn.next from the rows of sidecar_read; `done` as in the reply. */
int	 events_reply_rows(struct call *c, const json_t *rows, bool done);

#endif
