/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See peers_patch.h. A change is made twice: on the tree that a reader sees,
 * and on the text. The new text is taken only if a reader sees the new tree
 * in it; first with nothing but the row's own lines replaced, and where that
 * does not do (braces, aliases, odd indents) with the whole document written
 * anew, which costs the comments.
 */
#include "alpd/peers_patch.h"

#include <string.h>

#include "alpd/peers_yaml.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/yaml.h"
#include "common/yaml_edit.h"

/* ---- the tree -------------------------------------------------------------------------------------- */

static json_t *
changed(const json_t *all, const struct peers_change *c)
{
	json_t *out = json_deep_copy(all), *row = json_array_get(out, c->row);

	if (c->add != NULL)
		json_array_append(out, (json_t *)c->add);
	else if (c->allow == NULL)
		json_array_remove(out, c->row);
	else if (json_array_size(c->allow) == 0)
		json_object_del(row, "allow");
	else
		json_object_set(row, "allow", c->allow);
	return out;
}

/* ---- the document ---------------------------------------------------------------------------------- */

static void
drop_item(yaml_document_t *doc, int list, size_t at)
{
	yaml_node_t *n = yaml_document_get_node(doc, list);
	yaml_node_item_t *i = n->data.sequence.items.start + at;

	memmove(i, i + 1, (size_t)(n->data.sequence.items.top - i - 1) * sizeof(*i));
	n->data.sequence.items.top--;
}

/* The document's root is a list with that row. */
static void
change_document(yaml_document_t *doc, const struct peers_change *c)
{
	yaml_node_t *list = yaml_document_get_node(doc, 1);
	int row;

	if (c->add != NULL) {
		if (list->data.sequence.items.start == list->data.sequence.items.top)
			list->data.sequence.style = YAML_BLOCK_SEQUENCE_STYLE;
		yaml_document_append_sequence_item(doc, 1, yaml_add_value(doc, c->add));
		return;
	}
	row = list->data.sequence.items.start[c->row];
	if (c->allow == NULL)
		drop_item(doc, 1, c->row);
	else if (json_array_size(c->allow) == 0)
		yaml_drop_pair(doc, row, "allow");
	else
		yaml_put_pair(doc, row, "allow", yaml_add_value(doc, c->allow));
}

static bool
has_row(yaml_document_t *doc, const struct peers_change *c)
{
	const yaml_node_t *list = yaml_document_get_root_node(doc), *row;

	if (list == NULL || list->type != YAML_SEQUENCE_NODE)
		return false;
	if (c->add != NULL)
		return true;
	if (c->row >= (size_t)(list->data.sequence.items.top - list->data.sequence.items.start))
		return false;
	row = yaml_document_get_node(doc, list->data.sequence.items.start[c->row]);
	return row->type == YAML_MAPPING_NODE;
}

static int
new_list(yaml_document_t *doc, struct error *e)
{
	if (!yaml_document_initialize(doc, NULL, NULL, NULL, 1, 1))
		return error_set(e, ERR_internal, "yaml document");
	yaml_document_add_sequence(doc, NULL, YAML_BLOCK_SEQUENCE_STYLE);
	return 0;
}

/* All of a text written anew, appended to out. */
static int
rewrite(const char *text, size_t len, const struct peers_change *c, struct buf *out, struct error *e)
{
	yaml_document_t doc;

	if (yaml_load(&doc, text, len, e) == -1)
		return -1;
	if (!has_row(&doc, c)) {
		yaml_document_delete(&doc);
		if (c->add == NULL)
			return error_set(e, ERR_invalid, "the row is written in a way that cannot be changed here");
		if (new_list(&doc, e) == -1)
			return -1;
	}
	change_document(&doc, c);
	return yaml_emit(&doc, out, e);
}

/* ---- the row's lines -------------------------------------------------------------------------------- */

/* Where the line with a row's dash begins; -1: it is not as people write lists. */
static ssize_t
line_of(const char *text, size_t len, yaml_document_t *doc, size_t row)
{
	const yaml_node_t *list = yaml_document_get_root_node(doc);
	const yaml_node_t *item = yaml_document_get_node(doc, list->data.sequence.items.start[row]);
	size_t at = utf8_offset(text, len, item->start_mark.index);

	while (at > 0 && strchr(" \t\r\n", text[at - 1]) != NULL)
		at--;
	if (at == 0 || text[at - 1] != '-')
		return -1;
	for (at--; at > 0 && text[at - 1] == ' '; at--)
		continue;
	return at == 0 || text[at - 1] == '\n' ? (ssize_t)at : -1;
}

/* Blank lines and comments at the end belong to what follows. */
static size_t
without_tail(const char *text, size_t from, size_t to)
{
	size_t line;

	while (to > from) {
		for (line = to - 1; line > from && text[line - 1] != '\n'; line--)
			continue;
		if (strchr("#\r\n", text[line + strspn(text + line, " \t")]) == NULL)
			break;
		to = line;
	}
	return to;
}

/* The lines of a row. 0 or -1. */
static int
lines_of(const char *text, size_t len, size_t row, size_t *from, size_t *to)
{
	const yaml_node_t *list;
	yaml_document_t doc;
	ssize_t first = -1, next = -1;
	size_t n;

	if (yaml_load(&doc, text, len, NULL) == -1)
		return -1;
	list = yaml_document_get_root_node(&doc);
	if (list != NULL && list->type == YAML_SEQUENCE_NODE && list->data.sequence.style != YAML_FLOW_SEQUENCE_STYLE) {
		n = (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
		first = row < n ? line_of(text, len, &doc, row) : -1;
		next = row + 1 < n ? line_of(text, len, &doc, row + 1) : (ssize_t)len;
	}
	yaml_document_delete(&doc);
	if (first == -1 || next <= first)
		return -1;
	*from = (size_t)first;
	*to = without_tail(text, (size_t)first, (size_t)next);
	return 0;
}

/* Only the row's lines; what becomes of it is looked at later. */
static int
patch(const char *text, size_t len, const struct peers_change *c, struct buf *out, struct error *e)
{
	struct peers_change here = { .add = c->add, .allow = c->allow };
	size_t from = len, to = len;

	if (c->add == NULL && lines_of(text, len, c->row, &from, &to) == -1)
		return -1;
	if (buf_add(out, text, from) == -1)
		return -1;
	if (c->add != NULL && from > 0 && text[from - 1] != '\n')
		buf_addc(out, '\n');
	if ((c->add != NULL || c->allow != NULL) && rewrite(text + from, to - from, &here, out, e) == -1)
		return -1;
	return buf_add(out, text + to, len - to);
}

/* ---- the one or the other --------------------------------------------------------------------------- */

static bool
reads_as(const struct buf *text, const json_t *want)
{
	cleanup_json json_t *got = peers_yaml_list(buf_str(text), text->len, NULL);

	return got != NULL && json_equal(got, want);
}

char *
peers_patch(const char *text, size_t len, const json_t *all, const struct peers_change *c, struct error *e)
{
	cleanup_json json_t *want = changed(all, c);
	cleanup_buf struct buf out = BUF(YAML_MAX_BYTES);

	if (json_equal(all, want))
		return xstrndup(text, len);
	if (patch(text, len, c, &out, NULL) == 0 && reads_as(&out, want))
		return xstrdup(buf_str(&out));
	buf_reset(&out);
	if (rewrite(text, len, c, &out, e) == -1)
		return NULL;
	if (reads_as(&out, want))
		return xstrdup(buf_str(&out));
	error_set(e, ERR_invalid, "this change has to be made by hand");
	return NULL;
}
