/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the main process and its launcher say to each other, and the two
 * faces of alpi-worker. Orders and news are fixed structs, one per
 * datagram of a SOCK_SEQPACKET pair, so the launcher parses nothing.
 * Descriptors travel beside an order: for START the worker's end of its
 * conversation with the main process, and for a background command the log.
 */
#ifndef ALPI_LAUNCH_H
#define ALPI_LAUNCH_H

#include <stdint.h>

#define LAUNCH_CHILDREN_MAX	128	/* workers at once, background commands included */
#define LAUNCH_FDS_MAX		2

/* Where a process finds what it was given. */
#define LAUNCH_FD_CONTROL	0	/* the launcher: its end of the pair */
#define WORK_FD_TALK		0	/* a worker: its job comes in here, progress and result go out */
#define WORK_FD_LOG		3	/* a worker of a background command: where the output goes */

enum launch_order_kind {
	LAUNCH_START,			/* make a worker; answered by STARTED, later ENDED */
	LAUNCH_SIGNAL,			/* send `signal` to worker `id`; not answered */
	LAUNCH_CONFIG,			/* open HOME/config.yaml; answered by OPENED */
	LAUNCH_SKILL,			/* open the SKILL.md of the skill `name`, wherever it lies; answered by OPENED */
};

#define LAUNCH_OWN_NET		1u	/* START: a network namespace of its own, with nothing in it */
#define LAUNCH_MAKE_WORKSPACE	2u	/* START: make HOME/workspace when it is missing */

struct launch_order {
	uint32_t	kind, id, flags;
	int32_t		signal;
	char		name[64];	/* of a skill, checked; ends with a NUL */
};

enum launch_news_kind {
	LAUNCH_STARTED,			/* pid, or -1 with errno in status */
	LAUNCH_ENDED,			/* wait status; nothing of the call runs any more */
	LAUNCH_OPENED,			/* the descriptor beside it, or errno in status; of a skill, pid is the number of its category */
};

struct launch_news {
	uint32_t	kind, id;
	int32_t		pid, status;
};

/* `alpi-worker --launch HOME`: serves orders until the other end is closed. The exit status. */
int	launch_main(int argc, char *argv[]);
/* `alpi-worker --worker NAMESPACES`: one call, inside its sandbox (work.c). Does not return. */
int	work_main(int argc, char *argv[]);

#endif
