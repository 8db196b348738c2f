/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON objects to message structs and back, by the field tables of proto.
 * Both directions hold the same rules: unknown fields are refused, required
 * ones must be there, kinds and limits fit, text is UTF-8 without NUL, a
 * JSON value nests at most PROTO_DEPTH_MAX levels. Errors name the field,
 * "events[3].data", and never quote a value.
 */
#ifndef ALPI_CODEC_H
#define ALPI_CODEC_H

#include <jansson.h>

#include "common/error.h"
#include "proto/proto.h"

/* A decoded message: its struct, rows and the JSON tree its strings live in. */
struct decoded;

/* Decode an object. Strings and JSON values are borrowed from the tree, which gets one more reference. NULL: ERR_invalid, ERR_too_large. */
struct decoded	*codec_decode(const struct shape *s, json_t *object, struct error *e);
/* The struct; lives as long as the handle. */
const void	*decoded_struct(const struct decoded *d);
void		 decoded_free(struct decoded *d);	/* NULL is fine */

/* Encode a struct. A new object; JSON values in it are shared with the struct. NULL with the error. */
json_t	*codec_encode(const struct shape *s, const void *in, struct error *e);

#endif
