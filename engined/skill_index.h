/* SPDX-License-Identifier: Apache-2.0 */
/* What a model is told of the skills before it is asked (spec/memory-skills.md, section 6.2). */
#ifndef ALPI_ENGINED_SKILL_INDEX_H
#define ALPI_ENGINED_SKILL_INDEX_H

#include "engined/eligible.h"

#define SKILL_HINT	"# SKILL HINT"

/*
 * The block of the system prompt with every skill that can be used, and the message for a turn whose text names a
 * keyword of some. The caller frees; NULL: there is nothing to show.
 */
char	*skill_index(const struct skills *all, const struct eligible *el, const char *user_text, char **hint);

#endif
