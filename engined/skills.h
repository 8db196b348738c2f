/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The skills of a profile as they lie in skills/<category>/<name>/
 * (spec/memory-skills.md, section 6): which there are, one by its name, what
 * is wrong with it. People and other programs write there too: a skill that
 * is broken is shown as such, and links are not followed.
 */
#ifndef ALPI_ENGINED_SKILLS_H
#define ALPI_ENGINED_SKILLS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "common/skill.h"
#include "engined/frontmatter.h"
#include "engined/skill_check.h"

#define SKILL_BODY_CHARS	100000

struct skill {
	char		*category, *name;
	char		*path;		/* "category/name", below skills/ */
	char		*text;		/* SKILL.md; "" when it cannot be read */
	size_t		 len;
	struct front	 front;		/* without rows when there is no block */
	struct findings	 findings;	/* of the schema */
};

struct skills {
	struct skill	**rows;		/* by category, then by name */
	size_t		 n;
};

/* The folder skills/ of a home, made where it is missing; a descriptor, or -1. */
int	 skills_dir(const char *home, struct error *e);
/* All skills; clear them after. What cannot be read at all is as if it were not there. */
void	 skills_load(const char *home, struct skills *out);
void	 skills_clear(struct skills *s);

/* The skill with this name, in whichever category; the caller frees. NULL: not_found, conflict (twice there), denied (@alpi/...). */
struct skill *skill_find(const char *home, const char *name, struct error *e);
/* The one in this category, whatever lies in others; NULL or "": as skill_find. */
struct skill *skill_find_in(const char *home, const char *category, const char *name, struct error *e);
void	 skill_free(struct skill *s);

/* Was it made by the agent? Others are changed only when that is confirmed. */
bool	 skill_is_agents(const struct skill *s);
bool	 skill_is_pinned(const struct skill *s);
/* Its prose, behind the block; borrowed. */
const char *skill_prose(const struct skill *s);
/* Its folder as an absolute path; the caller frees. */
char	*skill_folder(const char *home, const struct skill *s);

/* The folders that a skill has, and what holds there. */
struct skill_subdir {
	const char	*name;
	bool		 scanned, private;	/* private: nobody else may read it */
};

/* NULL: a skill has no such folder. */
const struct skill_subdir *skill_subdir(const char *name);
/* The i-th of them; NULL: there are no more. */
const struct skill_subdir *skill_subdir_at(size_t i);

#endif
