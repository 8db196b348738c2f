/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a skill's block, by the severities of spec/memory-skills.md, section 6.1, and with a text by the scanner. */
#ifndef ALPI_ENGINED_SKILL_CHECK_H
#define ALPI_ENGINED_SKILL_CHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "engined/frontmatter.h"

struct finding {
	bool	 error;			/* else a warning */
	char	*text;
};

struct findings {
	struct finding	*rows;
	size_t		 n;
};

void	 findings_add(struct findings *f, bool error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void	 findings_clear(struct findings *f);
/* The first that is an error; NULL: none. Borrowed. */
const char *findings_error(const struct findings *f);
/* "error: ...\nwarning: ...", NULL when there is nothing. The caller frees. */
char	*findings_text(const struct findings *f);

/* Rules beside those of common/skill.h: a category's name, a file's. */
bool	 skill_category_ok(const char *category);
bool	 skill_file_ok(const char *filename);
/* The categories, ", " between; static. */
const char *skill_category_names(void);

/* Check a block of the skill that lies in category/name (NULL: not said) against the table. */
void	 skill_check(const struct front *f, const char *category, const char *name, struct findings *out);
/*
 * Refuse what the scanner of skills finds in a file called `what`: 0, or -1 naming the classes. declaring: the
 * SKILL.md whose variables may be read.
 */
int	 skill_scan(const char *what, const char *text, size_t len, const char *declaring, size_t declaring_len, struct error *e);

#endif
