/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of the workspace on its way to gatewayd: it comes from toolrunner
 * piece by piece, under the turn's grant, and goes on as it comes. Nothing of
 * it stays here; what was cut off is done again from the start.
 */
#ifndef ALPI_ENGINED_HANDOVER_H
#define ALPI_ENGINED_HANDOVER_H

#include <stdint.h>

#include "common/error.h"

struct handover;
struct turn;

struct handover_file {
	const char	*tool;			/* for whom toolrunner reads it; static */
	const char	*path;
	const char	*key;			/* what gatewayd knows it by */
	const char	*channel, *chat;	/* whom it is for: a file that could not be sent is refused; NULL: not asked */
};

/* One of them, once, from the loop; the handover is then for the owner to free. */
struct handover_events {
	void	(*done)(struct turn *t, int64_t size);			/* gatewayd has all of it; bytes */
	void	(*unread)(struct turn *t, const struct error *e);	/* toolrunner does not give it */
	void	(*refused)(struct turn *t, const struct error *e);	/* gatewayd gave no answer, or said no */
};

/* All of f is copied but the tool. The request that is out stands in the turn, and ends with its call. */
struct handover *handover_begin(struct turn *t, const struct handover_file *f, const struct handover_events *ev);
void	 handover_free(struct handover *h);	/* NULL is fine */

#endif
