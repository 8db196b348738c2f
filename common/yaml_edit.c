/* SPDX-License-Identifier: Apache-2.0 */
/* See yaml_edit.h. */
#include "common/yaml_edit.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/yaml.h"

yaml_node_pair_t *
yaml_find_pair(yaml_document_t *doc, int map, const char *name)
{
	yaml_node_t *n = yaml_document_get_node(doc, map), *k;
	yaml_node_pair_t *found = NULL;

	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		k = yaml_document_get_node(doc, p->key);
		if (k->type == YAML_SCALAR_NODE && strcmp((char *)k->data.scalar.value, name) == 0)
			found = p;
	}
	return found;
}

static int
add_text(yaml_document_t *doc, const char *s, yaml_scalar_style_t style)
{
	return yaml_document_add_scalar(doc, NULL, (const unsigned char *)s, (int)strlen(s), style);
}

/* Text that a reader would take for something else, or that needs it, is quoted. */
static int
add_string(yaml_document_t *doc, const char *s)
{
	return add_text(doc, s, yaml_reads_as_text(s) ? YAML_ANY_SCALAR_STYLE : YAML_SINGLE_QUOTED_SCALAR_STYLE);
}

int
yaml_add_value(yaml_document_t *doc, const json_t *value)
{
	cleanup_free char *text = NULL;
	const char *name;
	json_t *row;
	size_t i;
	int node;

	switch (json_typeof(value)) {
	case JSON_STRING:
		return add_string(doc, json_string_value(value));
	case JSON_ARRAY:
		node = yaml_document_add_sequence(doc, NULL, YAML_BLOCK_SEQUENCE_STYLE);
		json_array_foreach(value, i, row)
			yaml_document_append_sequence_item(doc, node, yaml_add_value(doc, row));
		return node;
	case JSON_OBJECT:
		node = yaml_document_add_mapping(doc, NULL, YAML_BLOCK_MAPPING_STYLE);
		json_object_foreach((json_t *)value, name, row)
			yaml_document_append_mapping_pair(doc, node, add_string(doc, name), yaml_add_value(doc, row));
		return node;
	default:
		text = json_text(value);
		return add_text(doc, text, YAML_PLAIN_SCALAR_STYLE);
	}
}

void
yaml_put_pair(yaml_document_t *doc, int map, const char *name, int value)
{
	yaml_node_pair_t *p = yaml_find_pair(doc, map, name);
	yaml_node_t *n = yaml_document_get_node(doc, map);

	if (p != NULL) {
		p->value = value;
		return;
	}
	if (n->data.mapping.pairs.start == n->data.mapping.pairs.top)
		n->data.mapping.style = YAML_BLOCK_MAPPING_STYLE;
	yaml_document_append_mapping_pair(doc, map, add_string(doc, name), value);
}

void
yaml_drop_pair(yaml_document_t *doc, int map, const char *name)
{
	yaml_node_t *n = yaml_document_get_node(doc, map);
	yaml_node_pair_t *p;

	while ((p = yaml_find_pair(doc, map, name)) != NULL) {
		memmove(p, p + 1, (size_t)(n->data.mapping.pairs.top - p - 1) * sizeof(*p));
		n->data.mapping.pairs.top--;
	}
}

static int
collect(void *out, unsigned char *bytes, size_t len)
{
	return buf_add(out, bytes, len) == 0;
}

static void
say_null(yaml_document_t *doc, int node)
{
	yaml_node_t *n = yaml_document_get_node(doc, node);

	if (n->type != YAML_SCALAR_NODE || n->data.scalar.length > 0 || n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return;
	free(n->data.scalar.value);
	n->data.scalar.value = (yaml_char_t *)xstrdup("null");
	n->data.scalar.length = strlen("null");
}

/* Nothing at all, between brackets, libyaml would write as a text that is empty. */
static void
say_nulls(yaml_document_t *doc)
{
	for (yaml_node_t *n = doc->nodes.start; n < doc->nodes.top; n++) {
		if (n->type == YAML_SEQUENCE_NODE && n->data.sequence.style == YAML_FLOW_SEQUENCE_STYLE)
			for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++)
				say_null(doc, *i);
		if (n->type == YAML_MAPPING_NODE && n->data.mapping.style == YAML_FLOW_MAPPING_STYLE)
			for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++)
				say_null(doc, p->value);
	}
}

int
yaml_emit(yaml_document_t *take_doc, struct buf *out, struct error *e)
{
	yaml_emitter_t emitter;
	int ok;

	if (!yaml_emitter_initialize(&emitter)) {
		yaml_document_delete(take_doc);
		return error_set(e, ERR_internal, "yaml emitter");
	}
	yaml_emitter_set_output(&emitter, collect, out);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	say_nulls(take_doc);
	ok = yaml_emitter_open(&emitter) && yaml_emitter_dump(&emitter, take_doc) && yaml_emitter_close(&emitter);
	yaml_emitter_delete(&emitter);
	return ok ? 0 : error_set(e, ERR_internal, "yaml emitter");
}
