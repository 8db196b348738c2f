/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small part of JSON Schema in which a skill says what it puts out
 * (spec/memory-skills.md, 7.3): type, enum, properties, required, items.
 * Other keywords mean nothing. Schema and value may be anybody's.
 */
#ifndef ALPI_SCHEMA_H
#define ALPI_SCHEMA_H

#include <jansson.h>

#include "common/error.h"

#define SCHEMA_DEPTH 32

/* Is this a schema, at every depth? 0, or -1 with ERR_invalid and the place, as in "$.properties.a: ...". */
int	schema_check(const json_t *schema, struct error *e);
/* Does the value fit? 0, or -1 with ERR_invalid and the place, as in "$.a[0].b: ...". A schema that is none fits nothing. */
int	schema_fits(const json_t *schema, const json_t *value, struct error *e);

#endif
