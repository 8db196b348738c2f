/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON that holds the words of many strangers: one of them may write what no
 * parser takes, and the rest of the answer is needed. What is only odd in a
 * value is mended before it is parsed; what is no JSON stays none.
 */
#ifndef ALPI_JSON_FOREIGN_H
#define ALPI_JSON_FOREIGN_H

#include <stddef.h>

#include <jansson.h>

#include "common/error.h"

/*
 * As json_parse, and: ill-formed UTF-8, a NUL and half a surrogate pair become U+FFFD, another control character a blank, a number
 * that is too large 0; of members with one name the last counts.
 */
json_t	*json_foreign(const char *text, size_t len, int max_depth, struct error *e);

#endif
