/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON whose canonical print is what is signed (alp-wire.md, 3). A text is
 * parsed into a tree that keeps every number as it was written, so that
 * printing it again needs no bignums; and no doubles but for reals in a form
 * that a sender must not use, or whose form alone does not tell: they are
 * printed anew, as all other receivers do. What the canonical form cannot say
 * is refused while parsing: ill-formed UTF-8, lone surrogates, repeated names,
 * NaN, reals beyond a double, more than DOC_DEPTH levels. Nothing here
 * recurses.
 */
#ifndef ALPD_CANONICAL_H
#define ALPD_CANONICAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

#define DOC_DEPTH	64		/* levels that are accepted; the root is the first */

struct doc;				/* a parsed text */
struct node;				/* one value of it; lives as long as the doc */

enum node_kind { NODE_NULL, NODE_FALSE, NODE_TRUE, NODE_INTEGER, NODE_REAL, NODE_STRING, NODE_ARRAY, NODE_OBJECT };

/* Parse a whole text; its bytes are borrowed and must outlive the doc. NULL with ERR_invalid. */
struct doc	*doc_parse(const char *text, size_t len, struct error *e);
void		 doc_free(struct doc *d);		/* NULL is fine */
const struct node *doc_root(const struct doc *d);

static inline void
cleanup_doc_(struct doc **d)
{
	doc_free(*d);
}
#define cleanup_doc __attribute__((cleanup(cleanup_doc_)))

/* All accessors take NULL for a value that is not there. */
enum node_kind	 node_kind(const struct node *n);	/* NODE_NULL for NULL */
bool		 node_is(const struct node *n, enum node_kind kind);	/* false for NULL, unlike node_kind */
/* A member of an object by its (unescaped, NUL-free) name; NULL: none, or no object. */
const struct node *node_get(const struct node *object, const char *name);
/* The first row of an array and the one after a row; NULL: no more. */
const struct node *node_first(const struct node *array);
const struct node *node_next(const struct node *row);
/* The unescaped bytes of a string, not NUL-terminated, borrowed from the doc or its text; NULL: not a string. */
const char	*node_str(const struct node *n, size_t *len);
/* The same as a C string the caller frees; NULL: not a string, or it holds a NUL. */
char		*node_dup(const struct node *n);
/* The same where a NUL does no harm: it reads as U+FFFD. NULL: not a string. */
char		*node_text(const struct node *n);
/* A string equal to s? */
bool		 node_equals(const struct node *n, const char *s);
/* The value of an integer that fits; false: it is none. */
bool		 node_int(const struct node *n, int64_t *value);
/* The value of any number; false: it is none, or an integer that no double can hold. */
bool		 node_num(const struct node *n, double *value);
/* The value as a jansson tree (integers beyond 64 bits become reals, finite ones). New reference, or NULL for NULL. */
json_t		*node_json(const struct node *n);

/* Append the canonical form of a value; `without` names a member of a member, "alp.sig", that is left out, or is NULL. */
void		 canonical_node(struct buf *b, const struct node *n, const char *without);
/* Append a string in its canonical form, quotes included; text is valid UTF-8. */
void		 canonical_string(struct buf *b, const char *text, size_t len);
/* Append a finite real: the shortest digits that read back to the same double, in the form of 3.1. */
void		 canonical_real(struct buf *b, double value);
/* Append a jansson tree in canonical form (its reals by canonical_real). */
void		 canonical_json(struct buf *b, const json_t *value);

#endif
