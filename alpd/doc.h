/* SPDX-License-Identifier: Apache-2.0 */
/* The parser's state, shared by its grammar (doc.c) and its values (doc_value.c). */
#ifndef ALPD_DOC_H
#define ALPD_DOC_H

#include "alpd/node.h"

/* What the grammar allows next. */
enum want { WANT_VALUE, WANT_ROW_OR_END, WANT_NAME, WANT_NAME_OR_END, WANT_COLON, WANT_NEXT, WANT_NOTHING };

struct parser {
	struct doc	*doc;
	const char	*at, *end;
	char		*room;			/* behind the last byte of doc->unescaped */
	enum want	 want;
	int		 depth;			/* containers that are open */
	uint32_t	 open[DOC_DEPTH];
	uint32_t	 last[DOC_DEPTH];	/* the child that came last; 0: none yet */
	size_t		 odd;			/* reals that do not print as they are written */
	const char	*why;			/* what is wrong at `at` */
};

static inline int
doc_fail(struct parser *s, const char *why)
{
	s->why = why;
	return -1;
}

/* A node more, the last child of the open container. */
struct node *doc_add(struct parser *s, enum node_kind kind, const char *text, size_t len);
/* The value that begins at s->at, added; s->at is behind it after. 0, or -1 by doc_fail. */
int	 doc_string(struct parser *s);
int	 doc_number(struct parser *s);
int	 doc_word(struct parser *s);

#endif
