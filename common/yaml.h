/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML as the reference's reader understands it: 1.1 core scalars
 * (true/yes/on, null/~, integers, reals with a point; quoted text is text),
 * maps, lists. Anchors are followed within limits, tags other than the core
 * ones are refused.
 */
#ifndef ALPI_YAML_H
#define ALPI_YAML_H

#include <jansson.h>
#include <stddef.h>
#include <yaml.h>

#include "common/error.h"

#define YAML_MAX_BYTES (1024 * 1024)

/* YAML text to a tree; NULL with ERR_invalid naming line and column. An empty text is an empty object. */
json_t	*yaml_parse(const char *text, size_t len, struct error *e);
/* One document of libyaml, within the same limits; the caller deletes it. 0 or -1. */
int	 yaml_load(yaml_document_t *doc, const char *text, size_t len, struct error *e);
/* Would these words without quotes be read as text, not as a number, a truth value or nothing? 1 or 0. */
int	 yaml_reads_as_text(const char *s);

#endif
