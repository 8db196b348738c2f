/* SPDX-License-Identifier: Apache-2.0 */
/* A unit's process: what it learns on descriptor 3, what it inherits (nothing else). */
#ifndef INIT_SPAWN_H
#define INIT_SPAWN_H

#include "init/units.h"

/* The same for every unit; main sets it first. */
extern struct site {
	char	*root, *libexec;
	char	 run[1100];
	int	 debug, drop;			/* ALPI_DEBUG, -u */
} site;

/* Is there room in a socket's address for the inboxes of a profile? */
int	 spawn_fits(const char *profile);
/* Compose the boot message, tell the neighbours, execute the program. 0 or -1; at its end, or then, spawn_clear. */
int	 spawn_unit(struct unit *u, void (*on_boot)(void *arg));
void	 spawn_clear(struct unit *u);
/* Tell a unit to reload, with the present secrets; tell its neighbours to forget it. */
void	 spawn_reload(struct unit *u);
void	 spawn_drop(struct unit *u);
/* What alpi-init-plan says, some milliseconds later; the caller frees. NULL: it failed, what it said is in *why. */
char	*spawn_plan(char *why, size_t size);

#endif
