/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes to skills (spec/memory-skills.md, sections 6 and 7.1). What would
 * be wrong after a change refuses it: the scanner and the schema look at the
 * result, not at what was put in. A file is replaced whole, with the one
 * before it beside as .bak, except for credentials; a new skill lands whole
 * or not at all. Who may change what is for the caller to know.
 */
#ifndef ALPI_ENGINED_SKILL_EDIT_H
#define ALPI_ENGINED_SKILL_EDIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "engined/skills.h"

#define SKILL_QUOTA	40		/* skills that the agent has made */
#define SKILL_FILES_MAX	256		/* files of a new skill */

struct skill_part {			/* a file of a new skill */
	const char	*path;		/* "SKILL.md" or "scripts/run.py" */
	const void	*data;
	size_t		 len;
};

/*
 * Put a new skill in its place; parts[0] is its SKILL.md. check: only say whether it would be. 0, or -1: exists,
 * invalid (the schema, a path), denied (the scanner), too_large, full (the quota), io.
 */
int	 skill_land(const char *home, const char *category, const char *name, const struct skill_part *parts, size_t n,
	    bool check, struct error *e);
/* A new one of fields (name, description, category, ...) and prose; origin is "agent" or "user". */
int	 skill_create(const char *home, const json_t *fields, const char *prose, const char *origin, struct error *e);

/* New prose; the block keeps its bytes. */
int	 skill_edit(const char *home, const struct skill *s, const char *prose, struct error *e);
/* One place of the prose, or (subdir not NULL) of a file. */
int	 skill_patch(const char *home, const struct skill *s, const char *subdir, const char *filename, const char *old,
	    const char *new, struct error *e);
/* What such a patch would make of a file. The caller frees; NULL with the error. */
char	*skill_patched(const char *home, const struct skill *s, const char *subdir, const char *filename, const char *old,
	    const char *new, struct error *e);
int	 skill_set_meta(const char *home, const struct skill *s, const json_t *fields, struct error *e);
int	 skill_add_file(const char *home, const struct skill *s, const char *subdir, const char *filename, const void *data,
	    size_t len, struct error *e);
int	 skill_remove_file(const char *home, const struct skill *s, const char *subdir, const char *filename, struct error *e);
int	 skill_reset_state(const char *home, const struct skill *s, struct error *e);
/* Move it to skills/.archive. Where to, below skills/, the caller's; NULL with the error. */
char	*skill_delete(const char *home, const struct skill *s, struct error *e);

/* "scripts/run.py" of a folder and a name that a skill can have. The caller frees; NULL with the error. */
char	*skill_file_path(const char *subdir, const char *filename, struct error *e);

#endif
