/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block at the head of a SKILL.md (spec/memory-skills.md, section 6.1):
 * flat lines `key: value` between two lines `---`. Not YAML: no nesting, no
 * second line. A change touches the lines it is about; all others keep their
 * bytes. common/skill.h reads the same block for those who need one value.
 */
#ifndef ALPI_ENGINED_FRONTMATTER_H
#define ALPI_ENGINED_FRONTMATTER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

#define FRONT_LINE_MAX	16384		/* bytes of one line */
#define FRONT_ROWS_MAX	256		/* lines of the block */

struct front_row {
	char	*key, *value;		/* without blanks around; key "": no pair (a comment, a blank line, something else) */
	size_t	 at, len;		/* the line in the text, its end included */
};

struct front {
	struct front_row	*rows;
	size_t			 n;
	size_t			 head;	/* offset behind the first `---` */
	size_t			 body;	/* offset behind the second */
	const char		*eol;	/* how lines end, "\n" or "\r\n" */
};

/* Read the block of a text. 0; -1 with what is wrong: none there, no end, not UTF-8, too long. */
int	 front_parse(const char *text, size_t len, struct front *out, struct error *e);
void	 front_clear(struct front *f);

/* The value of a key, of the last line with it; borrowed. NULL: not there. */
const char *front_get(const struct front *f, const char *key);
/* Its items, ended by NULL; none: empty. skill_words_free frees. */
char	**front_list(const struct front *f, const char *key);

/*
 * The text with keys set (string, list of strings, boolean; an object becomes one line of JSON) or, by null, taken
 * out. The caller frees. NULL: an unknown key, a value that does not fit one line.
 */
char	*front_change(const char *text, size_t len, const json_t *fields, struct error *e);
/* A new block of these fields, in the order of the specification, its end included. As above. */
char	*front_make(const json_t *fields, struct error *e);

#endif
