/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jansson with limits. Foreign text is parsed here and nowhere else:
 * bounded depth (checked before the parser sees it, without recursion), no
 * duplicate names, no NUL in strings.
 */
#ifndef ALPI_JSON_H
#define ALPI_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

static inline void
cleanup_json_(json_t **j)
{
	json_decref(*j);
}
#define cleanup_json __attribute__((cleanup(cleanup_json_)))

/* Parse a whole text: any value, at most max_depth levels. New reference, or NULL with ERR_invalid naming line and column. */
json_t	*json_parse(const char *text, size_t len, int max_depth, struct error *e);
/* The deepest nesting of a text, by its brackets outside strings: what must be known before a recursive parser may see it. */
int	 json_depth(const char *text, size_t len);
/* As json_parse for a file of at most max_bytes; ERR_not_found, ERR_too_large, ERR_invalid. */
json_t	*json_load(const char *path, size_t max_bytes, int max_depth, struct error *e);
/* Compact text, UTF-8 not escaped; the caller frees. */
char	*json_text(const json_t *j);
/* As json_text with sorted keys. */
char	*json_text_sorted(const json_t *j);

/* Members of an object, borrowed; the default when absent or of another kind. A NULL object has none. */
const char	*json_str(const json_t *object, const char *name, const char *otherwise);
int64_t		 json_int(const json_t *object, const char *name, int64_t otherwise);	/* reals are truncated */
double		 json_num(const json_t *object, const char *name, double otherwise);
bool		 json_bool(const json_t *object, const char *name, bool otherwise);
/* Follow "a.b.c" through objects; borrowed or NULL. */
json_t		*json_at(const json_t *object, const char *dotted);

/*
 * A copy of text as valid UTF-8: every ill-formed byte and every NUL becomes U+FFFD. The caller frees.
 * Whatever a tool, file or stranger produced goes through this before it enters JSON.
 */
char	*utf8_clean(const char *text, size_t len);
/* The largest n <= max such that the first n bytes of text do not cut a character. */
size_t	 utf8_cut(const char *text, size_t len, size_t max);
/* Number of code points of a valid text; the byte offset of code point n (or len). */
size_t	 utf8_count(const char *text, size_t len);
size_t	 utf8_offset(const char *text, size_t len, size_t n);

#endif
