/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job is the oldest message of a chat until it is sent. What it says to
 * engined or to the platform stands in the inbox before; so a job can be
 * dropped at any moment, and be begun again from its row. turns.c chooses
 * jobs, turn.c has engined answer them, delivery.c brings the answers back,
 * and giving.c the files that a turn made for its reader.
 */
#ifndef ALPI_GATEWAYD_JOB_H
#define ALPI_GATEWAYD_JOB_H

#include <sys/queue.h>

#include "common/follow.h"
#include "common/heard.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inbox.h"

struct giving;
struct taking;

struct job {
	LIST_ENTRY(job)		 link;
	struct turns		*in;
	struct gateway		*gateway;
	const struct line	*line;
	struct row		 row;
	struct follow		*follow;	/* NULL: no turn runs */
	struct request		*request;	/* for a command's answer */
	const struct command	*command;
	char			**models;	/* to choose from, of /model; NULL: none */
	struct sending		*sending;
	struct event		*timer;		/* typing; then, the next try to send */
	char			**parts;
	size_t			 n_parts;
	json_t			*made;		/* the files that follow them; NULL: none */
	struct giving		*giving;	/* the one of them that is next; NULL: not yet */
	struct taking		*taking;	/* its files; NULL: not */
	struct heard		 heard;
	unsigned		 failures;	/* to send what is next, in a row */
	bool			 stopped;	/* somebody said so */
};

/* It is over, or begins again from its row after ms. j is gone. */
void	 job_drop(struct job *j, int64_t ms);
/* It begins again a little later, for this reason. j is gone. */
void	 job_drop_for(struct job *j, const struct error *e);
/* A turn of a chat's conversation, for a row that was received; then, and for a row that runs, to its end. j may be gone after. */
void	 job_begin_turn(struct job *j);
void	 job_follow(struct job *j);
/* Has it files that are not at engined yet? True: they are being taken, and its turn begins after. */
bool	 job_takes_files(struct job *j);
void	 taking_free(struct taking *k);		/* NULL is fine */
/* This is the answer: kept, then delivered. spent: NULL for one without a turn. j may be gone after. */
void	 job_answer(struct job *j, const char *text, const struct spent *spent);
/* The parts of its reply, and the files behind them, that have not left yet. j may be gone after. */
void	 job_deliver(struct job *j);
/* One more has left. j may be gone after. */
void	 job_delivered(struct job *j);
/* What is next was not taken now, or not by now; it goes again after this, at the earliest. j may be gone after. */
void	 job_later(struct job *j, int64_t ms);
/* What is left of the answer, and the names of its files, are filed for the person. j is gone after, or begins again later. */
void	 job_give_up(struct job *j, const char *why);
struct letter job_letter(const struct job *j);
/* Of what engined did not begin: it may be a little later. */
bool	 job_passes(const struct error *why);
/* A grant of the message's sender for one of the daemons; the caller frees. NULL with the error. */
char	*job_grant(const struct job *j, const char *daemon, uint32_t caps, struct error *e);

/* What is said of a file that is not sent: its line of the listing; the caller frees. */
char	*giving_line(const json_t *file);
/* The next of its files on its way, or go on with it. */
void	 job_give(struct job *j, size_t index);
void	 giving_free(struct giving *v);		/* NULL is fine */

#endif
