/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A skill that somebody else has made, in our layout or in the open one of
 * Agent Skills (a SKILL.md with YAML at its head: name, description, license,
 * metadata, allowed-tools). The files come unpacked; nothing of them is
 * trusted, and what they say of their origin is not taken over.
 */
#ifndef ALPI_ENGINED_SKILL_IMPORT_H
#define ALPI_ENGINED_SKILL_IMPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"

#define SKILL_IMPORT_MAX	(4 * 1024 * 1024)	/* bytes of all files together */

struct skill_import_order {
	const json_t	*files;			/* [{path, data}], data in base64 */
	const char	*name, *category;	/* instead of its own; NULL: its own, or miscellaneous */
	bool		 check;			/* only say what would be */
};

/* Carry out an order (proto/skill.def). The report, a new reference; NULL with the error. */
json_t	*skill_import_files(const char *home, const struct skill_import_order *o, struct error *e);

#endif
