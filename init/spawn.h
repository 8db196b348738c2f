/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a unit's process: what it learns on descriptor 3, what it inherits
 * (nothing else), what its environment is.
 */
#ifndef INIT_SPAWN_H
#define INIT_SPAWN_H

#include <sys/types.h>

#include "init/units.h"

/* Facts that are the same for every unit; main sets them before the first spawn. */
struct site {
	const char	*root;		/* absolute */
	char		 run[1024];	/* ROOT/run */
	const char	*libexec;	/* where the programs are */
	const char	*person;	/* the person's home */
	int		 debug;
	int		 drop;		/* -u: each unit runs as the user of its row */
};

extern struct site site;

/* Compose the boot message, tell the neighbours, execute the program. 0, or -1 with the reason in the log. */
int	 spawn_unit(struct unit *u, void (*on_boot)(void *arg));
/* "reload" and the present secrets. */
void	 spawn_reload(struct unit *u);
/* The unit is gone for good: its neighbours forget it. */
void	 spawn_drop(struct unit *u);
/* Run alpi-init-plan; its standard output comes back in *out. The pid, or -1. */
pid_t	 spawn_plan(int *out);

#endif
