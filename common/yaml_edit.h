/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing a document of libyaml node by node, so that the keys we do not
 * know and the order of all stay. Comments do not: libyaml skips them, so
 * whoever wants to keep them replaces a part of the text only.
 */
#ifndef ALPI_YAML_EDIT_H
#define ALPI_YAML_EDIT_H

#include <jansson.h>
#include <yaml.h>

#include "common/buf.h"
#include "common/error.h"

/* A value as a new node; text that a reader would take for something else is quoted. The node's number. */
int	 yaml_add_value(yaml_document_t *doc, const json_t *value);
/* The pair of a mapping whose key is name; the last one, as readers take it. NULL: none. */
yaml_node_pair_t *yaml_find_pair(yaml_document_t *doc, int map, const char *name);
void	 yaml_put_pair(yaml_document_t *doc, int map, const char *name, int value);
void	 yaml_drop_pair(yaml_document_t *doc, int map, const char *name);
/* The document's text; takes the document, whether it succeeds or not. 0 or -1. */
int	 yaml_emit(yaml_document_t *take_doc, struct buf *out, struct error *e);

#endif
