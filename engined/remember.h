/* SPDX-License-Identifier: Apache-2.0 */
/* The tool memory, and what a person asks of the notes by `alpi memory` (spec/memory-skills.md, sections 3 and 4). */
#ifndef ALPI_ENGINED_REMEMBER_H
#define ALPI_ENGINED_REMEMBER_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"

/* Who asks. */
struct remember {
	const char	*home, *session, *model;
	const char	*source;	/* of what waits for a person; NULL: manual */
	bool		 person;	/* at the command: may apply candidates */
	bool		 foreign;	/* in a turn that has read text of strangers: what it adds waits for a person */
};

/* Carry out one call. The text for whoever asked, the caller's; NULL with the error. */
char	*remember_call(const struct remember *r, const json_t *args, struct error *e);

#endif
