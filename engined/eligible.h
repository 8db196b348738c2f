/* SPDX-License-Identifier: Apache-2.0 */
/* Can a skill be used here (spec/memory-skills.md, section 6.2)? Of variables only the names are known to us. */
#ifndef ALPI_ENGINED_ELIGIBLE_H
#define ALPI_ENGINED_ELIGIBLE_H

#include <jansson.h>

#include "engined/skills.h"

struct eligible {
	const char	*env;		/* names of the variables that are set, with a blank before each; NULL: none */
	const json_t	*config;	/* what stands in config.yaml itself */
};

/* What it lacks, as in "variable A_KEY, program ffmpeg"; the caller frees. NULL: nothing. */
char	*eligible_missing(const struct eligible *el, const struct skill *s);

#endif
