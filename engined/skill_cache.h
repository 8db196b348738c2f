/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The skills as every turn needs them, read again only when something of them
 * changed on disk: people edit skills with editors of their own, so each look
 * asks the file system after every folder and every SKILL.md.
 */
#ifndef ALPI_ENGINED_SKILL_CACHE_H
#define ALPI_ENGINED_SKILL_CACHE_H

#include "engined/skills.h"

struct skill_cache;

struct skill_cache *skill_cache_new(const char *home);
void	 skill_cache_free(struct skill_cache *c);	/* NULL is accepted */
/* All skills as they lie there now, without their prose; borrowed until the next look. */
const struct skills *skill_cache_look(struct skill_cache *c);

#endif
