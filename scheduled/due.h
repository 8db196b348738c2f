/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which job is due, and when to look next (spec/scheduler.md, 4). A heap of
 * the jobs that wait, by time, and one of those that are due, by their place
 * in the file: a look costs what is due, not what there is. Nothing here asks
 * a clock or a disk.
 */
#ifndef SCHEDULED_DUE_H
#define SCHEDULED_DUE_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduled/jobs.h"

#define NEVER	INT64_MAX

struct heap {
	struct job	**jobs;
	size_t		 n, room;
	bool		 by_order;
};

struct due {
	struct heap	 waiting, ready;
};

void	 due_init(struct due *d);
void	 due_clear(struct due *d);
/* Forget all jobs, without looking at them: they may be gone. */
void	 due_forget(struct due *d);

/* When it is due, in ms; what was missed is due once, at the first time that was missed. NEVER: not by itself. */
int64_t	 due_of(const struct job *j, int64_t now);
/* Put a job where it belongs now; after any change of it. */
void	 due_arm(struct due *d, struct job *j, int64_t now);
void	 due_drop(struct due *d, struct job *j);
/* It is looked at again then, whenever it is due. */
void	 due_later(struct due *d, struct job *j, int64_t at);
/* The due job that comes first, which leaves the heaps; NULL: none. */
struct job *due_take(struct due *d, int64_t now);
/* When the next becomes due: NEVER, or in the past when one is. */
int64_t	 due_next(const struct due *d);

#endif
