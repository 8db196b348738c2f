/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many tokens something is when no server has counted them: a quarter of
 * its characters (spec/engine.md, section 11), and a fixed number for an
 * image, whose base64 is not what a model reads. Estimates only; what a
 * server says of an answer goes before them.
 */
#ifndef ALPI_TOKENS_H
#define ALPI_TOKENS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Of the texts in it, however deep; each is one at least. */
int64_t	 tokens_of(const json_t *value);
/* Of so many bytes of text; one at least. */
int64_t	 tokens_of_bytes(size_t n);
/* Of a request's body, which holds those messages (OpenAI chat form) in any dialect. */
int64_t	 tokens_of_request(const char *body, const json_t *messages);

#endif
