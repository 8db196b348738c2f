/* SPDX-License-Identifier: Apache-2.0 */
/* What one row of jobs.json says. Only jobs.c and those who show jobs look in here. */
#ifndef SCHEDULED_JOB_H
#define SCHEDULED_JOB_H

#include "scheduled/jobs.h"

#define ZONE_MACHINE	"/etc/localtime"
#define CHANNEL_INBOX	"alpi"		/* the channel that is outputs alone */
#define PROMPT_HEAD	80		/* characters by which two prompts are the same */

/* The zones that jobs name, each read once. */
struct zones {
	struct zone	*machine;
	struct named_zone {
		struct named_zone *next;
		char		*name;
		struct zone	*zone;
	} *named;
};

int	 zones_open(struct zones *z, struct error *e);
void	 zones_close(struct zones *z);
/* Read the machine's anew; none is known after by name. -1: it stays. */
int	 zones_again(struct zones *z, struct error *e);

/* Fill an empty job from any JSON value; what makes no sense is `broken`. */
void	 job_read(struct job *j, const json_t *row, struct zones *z);
/* What a new row has to hold beyond that: 0, or -1 with ERR_invalid. */
int	 job_check(const json_t *row, struct error *e);
/* Same kind, same time, same beginning of the prompt? */
bool	 job_is_twin(const json_t *a, const json_t *b);
/* As it is written into the file, without the first line's blanks. The caller frees. */
char	*job_text(const json_t *row);
/* How alike two ids are, 0 to 1. */
double	 job_likeness(const char *a, const char *b);
/* The time limit of its runs. */
int	 job_timeout_s(const json_t *row);
bool	 job_notifies(const json_t *row);
/* The platform its replies go to; "alpi": to outputs alone; NULL: it does not say. Borrowed. */
const char *job_channel(const json_t *row);

#endif
