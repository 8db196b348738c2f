/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of inbound.c share. A turn that a peer asked for (struct
 * job, inbound_job.c, and inbound_turn.c on engined's side) and the answer to
 * whoever asked (struct voice, inbound_voice.c) end apart, so each knows the
 * other only as long as it is there. Nobody else includes this.
 */
#ifndef ALPD_INBOUND_OWN_H
#define ALPD_INBOUND_OWN_H

#include <stdbool.h>

#include <event2/event.h>

#include "alpd/inbound.h"
#include "common/buf.h"
#include "common/follow.h"
#include "common/heard.h"

struct job;

/* What a caller hears. */
struct voice {
	struct link_call	*call;
	struct job		*job;		/* NULL: the turn is over */
	bool			 stream, started;
	struct buf		 unsent;	/* text that waits for room */
	char			*final;		/* the last words, after that */
	struct event		*silence;
};

/* The turn. */
struct job {
	struct inbound	*in;
	struct follow	*follow;
	struct voice	*voice;			/* NULL: nobody listens any more */
	char		 key[65];
	char		*turn, *session, *from, *peer, *text, *thread;
	const char	*history;
	bool		 stream;
	struct heard	 heard;
};

struct inbound {
	struct alpd	*alpd;
	char		*path;			/* alp/asks.json */
	struct job	*job;
};

/* ---- inbound_job.c ---------------------------------------------------------------------------------- */

/* The one of this profile; job_free makes room for the next and leaves its voice alone. */
struct job	*job_new(struct inbound *in);
void		 job_free(struct job *j);
/* Its row: on disk before engined is asked. */
int		 job_write(const struct job *j, struct error *e);
/* The row of before as in->job; ERR_not_found: there is none. */
int		 job_read(struct inbound *in, struct error *e);
void		 job_forget(const struct inbound *in);

/* ---- inbound_turn.c --------------------------------------------------------------------------------- */

/* Follow its turn from now on: nothing is asked before follow_go or follow_end. Its end frees the job. */
void		 job_follow(struct job *j);

/* ---- inbound_voice.c -------------------------------------------------------------------------------- */

struct voice	*voice_new(struct job *j, struct link_call *c);
void		 voice_free(struct voice *v);
/* Silence in a stream is broken from now on. */
void		 voice_listen(struct voice *v);
/* {"event": name, "session_id": ...} */
void		 voice_tell(struct voice *v, const char *name);
/* What waits, as far as there is room; then the last words. v may be gone after. */
void		 voice_speak(struct voice *v);

#endif
