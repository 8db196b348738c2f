/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text form of USER.md and MEMORY.md: entries with a line of their own,
 * the section sign, between two, and of each its text and a trailer that says
 * how sure it is (spec/memory-skills.md, section 1). What is not changed keeps
 * its bytes.
 */
#ifndef ALPI_ENGINED_ENTRY_H
#define ALPI_ENGINED_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

enum confidence { CONF_LOW, CONF_NORMAL, CONF_HIGH };

struct trailer {
	bool		 present;
	enum confidence	 conf;
	char		 captured[11];		/* YYYY-MM-DD, "" when absent */
	long		 reinforced;
};

struct entries {
	char	**rows;				/* as they stand in the file, trailers included */
	size_t	  n;
};

/* The entries of a file; the caller clears. An empty file has none. */
void	 entries_parse(const char *text, struct entries *out);
void	 entries_clear(struct entries *es);
/* The file, with its final newline; "" when there are none. The caller frees. */
char	*entries_join(const struct entries *es);
/* Add one at the end, put another text in the place of one, take one out; the text is taken. */
void	 entries_add(struct entries *es, char *row);
void	 entries_set(struct entries *es, size_t i, char *row);
void	 entries_remove(struct entries *es, size_t i);

/* A text without trailers and without blanks around it. The caller frees. */
char	*entry_strip(const char *text);
/* The last trailer of an entry; absent ones are normal and never reinforced. */
struct trailer entry_trailer(const char *row);
/* An entry of these. The caller frees. */
char	*entry_make(const char *text, const struct trailer *t);
/* A new entry's text as it is kept: no empty lines, headings, seeds or delimiters. NULL: nothing is left. The caller frees. */
char	*entry_clean(const char *text);

/* 0, or -1: no such word. */
int	 confidence_of(const char *word, enum confidence *out);

#endif
