/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words that people and models look for, as an expression of SQLite's
 * full-text search. The text is data: none of its characters means anything
 * in the expression. Words are looked for by their beginning; which of them
 * say most is for the index to weigh.
 */
#ifndef ALPI_ENGINED_MATCH_H
#define ALPI_ENGINED_MATCH_H

#include <stddef.h>

#define MATCH_WORDS	24		/* what follows them is not looked for */
#define MATCH_WORD_MAX	64		/* bytes; a longer word is looked for by these */

struct match {
	char	word[MATCH_WORDS][MATCH_WORD_MAX + 1];	/* letters in lower case as far as ASCII goes, each word once */
	size_t	count;
};

/* The words of a text that have `least` characters or more. */
void	 match_words(struct match *m, const char *text, size_t least);
/* One word, any of all words, or all of them; "" when there are none. The caller frees. */
char	*match_word(const struct match *m, size_t i);
char	*match_any(const struct match *m);
char	*match_all(const struct match *m);
/* How often the words stand in a text, also inside of others. */
size_t	 match_count(const struct match *m, const char *text);

#endif
