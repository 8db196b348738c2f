/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a model says of notes (spec/engine.md, section 11): the notes it
 * proposes as text, and the calls of the tool memory that it makes when
 * nobody watches. Both are a stranger's bytes; nothing is kept here.
 */
#ifndef ALPI_ENGINED_CANDIDATES_H
#define ALPI_ENGINED_CANDIDATES_H

#include <jansson.h>

#define CANDIDATES_MAX	5

/*
 * {"candidates": [{target, text, confidence}]}, with or without a fence and words around it, and cut off or not: at most CANDIDATES_MAX
 * rows with a known target, a text and a confidence of the three words. New reference, never NULL.
 */
json_t	*candidates_parse(const char *text);
/* The arguments of a call [{name, arguments, error?}] when it adds notes; NULL: it is another. New reference. */
json_t	*candidates_add(const json_t *call);

#endif
