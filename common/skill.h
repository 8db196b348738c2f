/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What several programs must agree on about a skill (spec/memory-skills.md,
 * section 6): its name and its place, the flat lines at the head of its
 * SKILL.md, and which variables it may be given. Whoever wrote the file is
 * not trusted; what does not fit is not there. Libc only: init reads none of
 * it, but holds names to the same rules.
 */
#ifndef ALPI_SKILL_H
#define ALPI_SKILL_H

#include <stdbool.h>
#include <stddef.h>

#define SKILL_NAME_MAX		61
#define SKILL_FILE_MAX		(1024 * 1024)	/* bytes of a SKILL.md */
#define SKILL_VARIABLES_MAX	64		/* that one skill may declare; the others count as not declared */
#define SKILL_VARIABLE_MAX	128		/* bytes of a variable's name */

/* The folders below skills/ in which skills lie, then NULL. */
extern const char *const skill_categories[];

bool	 skill_name_ok(const char *name);

/*
 * The lines between a first line "---" and the next one: [*begin, *end). Where the text after them begins, or NULL:
 * there is no such head.
 */
const char *skill_head(const char *text, size_t len, const char **begin, const char **end);
/* The value of the last line with this key, without the blanks around it; the caller frees. NULL: there is none. */
char	*skill_value(const char *text, size_t len, const char *key);
/* "['a', \"b\"]" or "a, b" as words, ended by NULL; the caller frees with skill_words_free. */
char	**skill_words(const char *value);
/* words (NULL: none yet) with this one, once; more than max are left out. May move. */
char	**skill_words_add(char **words, const char *word, size_t max);
void	 skill_words_free(char **words);		/* NULL is fine */

/* The variables that a SKILL.md declares (requires_env, and env of older ones), each once, in its order. As skill_words. */
char	**skill_declared(const char *text, size_t len);
/* A letter or '_', then letters, digits, '_'. */
bool	 skill_variable_ok(const char *name);
/*
 * Is this one that no skill is given, whatever it declares: keys of providers and gateways, which are other daemons',
 * and what would change how programs start?
 */
bool	 skill_variable_refused(const char *name);

#endif
