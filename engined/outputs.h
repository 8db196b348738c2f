/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outputs/outputs.jsonl of the profile: what a person was to be shown, and
 * whether they have seen it (spec/engine.md, section 14). One row a line,
 * oldest first, the newest 500; a line that this program did not have to
 * change keeps its bytes. On disk before a function returns.
 */
#ifndef ALPI_ENGINED_OUTPUTS_H
#define ALPI_ENGINED_OUTPUTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

#define OUTPUT_BODY_MAX		8192		/* bytes */
#define OUTPUT_TITLE_MAX	256
#define OUTPUT_ID		13		/* 12 hex digits and a NUL */

struct output {
	const char	*profile, *key;		/* a key that was used before files nothing */
	const char	*source, *source_id;	/* who filed it */
	const char	*title;			/* NULL or "": none */
	const char	*body;
	const char	*type;			/* NULL: info */
	const char	*session;		/* NULL: none */
	const json_t	*delivered_to;		/* NULL: nowhere */
};

/* File it; id is what it is called. 1: it was there, 0: it is new, -1. */
int	 outputs_add(const char *home, const struct output *o, char id[OUTPUT_ID], struct error *e);
/* Rows, newest first; status "unread", "read" or NULL for both. New reference. */
json_t	*outputs_list(const char *home, const char *status, size_t limit, struct error *e);
json_t	*outputs_read(const char *home, const char *id, struct error *e);
/* It was seen: one row, or with NULL all. How many were not, or -1 (ERR_not_found). */
int	 outputs_mark(const char *home, const char *id, struct error *e);
int	 outputs_delete(const char *home, const char *id, struct error *e);

#endif
