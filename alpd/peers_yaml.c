/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See peers_yaml.h. A change is made twice: on the tree that a reader sees,
 * and on the text. The new text is taken only if a reader sees the new tree
 * in it; first with nothing but the row's own lines replaced, and where that
 * does not do (braces, aliases, odd indents) with the whole document written
 * anew, which costs the comments.
 */
#include "alpd/peers_yaml.h"

#include <ctype.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/yaml.h"
#include "common/yaml_edit.h"

/* What a row of the bus holds (proto/types.def). */
#define ROWS_MAX	1024
#define ID_MAX		128
#define PUBKEY_MAX	256
#define ALIAS_MAX	256
#define ADDRESS_MAX	512
#define METHODS_MAX	64
#define TOOLS_MAX	256
#define SAME_MAX	64		/* rows of one id that are removed together */
#define WORD_MAX	128		/* of a method or a tool's pattern */

/* ---- reading ------------------------------------------------------------------------------------- */

json_t *
peers_yaml_list(const char *text, size_t len, struct error *e)
{
	json_t *all = yaml_parse(text, len, e);

	if (json_is_array(all))
		return all;
	if (json_is_null(all) || (json_is_object(all) && json_object_size(all) == 0)) {
		json_decref(all);
		return json_array();
	}
	if (all != NULL)
		error_set(e, ERR_invalid, "it holds no list");
	json_decref(all);
	return NULL;
}

/* A scalar as the text it is for the reference; NULL: there is none. */
static char *
scalar(const json_t *v)
{
	if (json_is_string(v))
		return json_string_length(v) == 0 ? NULL : xstrdup(json_string_value(v));
	if (json_is_boolean(v))
		return xstrdup(json_is_true(v) ? "True" : "False");
	return json_is_number(v) ? json_text(v) : NULL;
}

/* As scalar, NULL also when it is too long for a row. */
static char *
word(const json_t *v, size_t most)
{
	cleanup_free char *text = scalar(v);

	return text == NULL || strlen(text) > most ? NULL : steal(text);
}

static char **
words(const json_t *list, size_t most)
{
	char **out = xcalloc(most + 1, sizeof(*out));
	const json_t *row;
	size_t n = 0, i;

	json_array_foreach(list, i, row)
		if (json_is_string(row) && json_string_length(row) <= WORD_MAX && n < most)
			out[n++] = xstrdup(json_string_value(row));
	return out;
}

static void
words_free(char **list)
{
	for (char **w = list; w != NULL && *w != NULL; w++)
		free(*w);
	free(list);
}

/* "name", "na*", "name:action"; nothing that a grant's caveat could not hold. */
static bool
is_pattern(const json_t *v)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.*";
	const char *s = json_string_value(v);
	size_t name, action;

	if (s == NULL || (name = strspn(s, letters)) == 0 || strlen(s) > WORD_MAX)
		return false;
	if (s[name] == '\0')
		return true;
	action = strspn(s + name + 1, letters);
	return s[name] == ':' && action > 0 && s[name + 1 + action] == '\0';
}

/* A policy that is not understood to the last word is none that may be half applied. */
static bool
is_policy(const json_t *tools)
{
	const json_t *list = json_object_get(tools, "allow"), *row;
	size_t i;

	if (json_object_size(tools) != 1 || !json_is_array(list) || json_array_size(list) > TOOLS_MAX)
		return false;
	json_array_foreach(list, i, row)
		if (!is_pattern(row))
			return false;
	return true;
}

static int
per_minute(const json_t *limit)
{
	const json_t *n = json_object_get(limit, "per_minute");

	if (!json_is_integer(n) || json_integer_value(n) <= 0)
		return PEERS_PER_MINUTE;
	return json_integer_value(n) > INT32_MAX ? INT32_MAX : (int)json_integer_value(n);
}

static void
peer_clear(struct peer *p)
{
	free(p->id);
	free(p->pubkey);
	free(p->alias);
	free(p->address);
	words_free(p->allow);
	words_free(p->tools);
	*p = (struct peer){ 0 };
}

/* False: this row pins nobody. An address that is there but cannot be used must not become a Unix socket. */
static bool
read_row(const json_t *row, struct peer *p)
{
	const json_t *key = json_object_get(row, "pubkey"), *tools = json_object_get(row, "tools");
	cleanup_free char *address = scalar(json_object_get(row, "address"));

	*p = (struct peer){ 0 };
	if (!json_is_string(key) || (address != NULL && strlen(address) > ADDRESS_MAX))
		return false;
	p->id = word(json_object_get(row, "id"), ID_MAX);
	p->pubkey = word(key, PUBKEY_MAX);
	if (p->id == NULL || p->pubkey == NULL) {
		peer_clear(p);
		return false;
	}
	p->alias = word(json_object_get(row, "alias"), ALIAS_MAX);
	p->address = steal(address);
	p->allow = words(json_object_get(row, "allow"), METHODS_MAX);
	p->per_minute = per_minute(json_object_get(row, "rate_limit"));
	p->tools_broken = tools != NULL && !is_policy(tools);
	if (tools != NULL && !p->tools_broken)
		p->tools = words(json_object_get(tools, "allow"), TOOLS_MAX);
	return true;
}

int
peers_yaml_read(const char *text, size_t len, struct peer_list *out, struct error *e)
{
	cleanup_json json_t *all = peers_yaml_list(text, len, e);
	const json_t *row;
	size_t i;

	*out = (struct peer_list){ 0 };
	if (all == NULL)
		return -1;
	out->rows = xcalloc(json_array_size(all) < ROWS_MAX ? json_array_size(all) + 1 : ROWS_MAX, sizeof(*out->rows));
	json_array_foreach(all, i, row)
		if (out->n < ROWS_MAX && read_row(row, &out->rows[out->n]))
			out->n++;
	return 0;
}

void
peer_list_clear(struct peer_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		peer_clear(&l->rows[i]);
	free(l->rows);
	*l = (struct peer_list){ 0 };
}

/* ---- changes of the tree --------------------------------------------------------------------------- */

struct change {
	size_t		 row;		/* the row's place in the list */
	const json_t	*add;		/* a new row at the end */
	json_t		*allow;		/* the row's new methods; with neither the row goes */
};

/* The place of the first row that pins somebody and fits. -1: there is none. */
static ssize_t
find(const json_t *all, const char *id)
{
	const json_t *row;
	size_t i;

	json_array_foreach(all, i, row) {
		struct peer p;
		bool found = read_row(row, &p) && strcmp(p.id, id) == 0;

		peer_clear(&p);
		if (found)
			return (ssize_t)i;
	}
	return -1;
}

static json_t *
changed(const json_t *all, const struct change *c)
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

/* ---- changes of the text ---------------------------------------------------------------------------- */

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
change_document(yaml_document_t *doc, const struct change *c)
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
has_row(yaml_document_t *doc, const struct change *c)
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
rewrite(const char *text, size_t len, const struct change *c, struct buf *out, struct error *e)
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
patch(const char *text, size_t len, const struct change *c, struct buf *out, struct error *e)
{
	struct change here = { .add = c->add, .allow = c->allow };
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

static bool
reads_as(const struct buf *text, const json_t *want)
{
	cleanup_json json_t *got = peers_yaml_list(buf_str(text), text->len, NULL);

	return got != NULL && json_equal(got, want);
}

static char *
change(const char *text, size_t len, const json_t *all, const struct change *c, struct error *e)
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

/* ---- the changes ------------------------------------------------------------------------------------- */

static json_t *
list_of(char *const *rows)
{
	json_t *out = json_array();

	for (char *const *r = rows; r != NULL && *r != NULL; r++)
		json_array_append_new(out, json_string(*r));
	return out;
}

/* What is empty is left out. */
static json_t *
new_row(const struct peer *p)
{
	json_t *row = json_pack("{s:s, s:s}", "id", p->id, "pubkey", p->pubkey), *allow = list_of(p->allow);

	if (p->alias != NULL && p->alias[0] != '\0')
		json_object_set_new(row, "alias", json_string(p->alias));
	if (p->address != NULL && p->address[0] != '\0')
		json_object_set_new(row, "address", json_string(p->address));
	if (json_array_size(allow) > 0)
		json_object_set(row, "allow", allow);
	if (p->per_minute > 0 && p->per_minute != PEERS_PER_MINUTE)
		json_object_set_new(row, "rate_limit", json_pack("{s:i}", "per_minute", p->per_minute));
	if (p->tools != NULL)
		json_object_set_new(row, "tools", json_pack("{s:o}", "allow", list_of(p->tools)));
	json_decref(allow);
	return row;
}

static int
check_new(const struct peer_list *l, const struct peer *row, struct error *e)
{
	if (l->n >= ROWS_MAX)
		return error_set(e, ERR_full, "%d peers are pinned already", ROWS_MAX);
	for (size_t i = 0; i < l->n; i++) {
		if (strcasecmp(l->rows[i].id, row->id) == 0)
			return error_set(e, ERR_exists, "there is a peer %s already", l->rows[i].id);
		if (strcmp(l->rows[i].pubkey, row->pubkey) == 0)
			return error_set(e, ERR_exists, "this key is pinned already, as %s", l->rows[i].id);
	}
	return 0;
}

char *
peers_yaml_add(const char *text, size_t len, const struct peer *row, struct error *e)
{
	cleanup_json json_t *all = peers_yaml_list(text, len, e), *add = new_row(row);
	struct change c = { .add = add };
	struct peer_list now;
	int status;

	if (all == NULL || peers_yaml_read(text, len, &now, e) == -1)
		return NULL;
	status = check_new(&now, row, e);
	peer_list_clear(&now);
	return status == -1 ? NULL : change(text, len, all, &c, e);
}

/* Every row of that id: a second one must not take the place of the first. */
char *
peers_yaml_remove(const char *text, size_t len, const char *id, struct error *e)
{
	cleanup_free char *now = xstrndup(text, len);

	for (int n = 0; n < SAME_MAX; n++) {
		cleanup_json json_t *all = peers_yaml_list(now, strlen(now), e);
		ssize_t row = all == NULL ? -1 : find(all, id);
		char *next;

		if (all == NULL)
			return NULL;
		if (row == -1 && n > 0)
			return steal(now);
		if (row == -1) {
			error_set(e, ERR_not_found, "no peer %.64s", id);
			return NULL;
		}
		if ((next = change(now, strlen(now), all, &(struct change){ .row = (size_t)row }, e)) == NULL)
			return NULL;
		free(now);
		now = next;
	}
	error_set(e, ERR_invalid, "%.64s stands there too often to be removed here", id);
	return NULL;
}

/* The row's methods with this one, or without it; each once, in order. */
static json_t *
new_allow(const json_t *row, const char *method, bool on)
{
	json_t *out = json_array(), *old;
	bool there = false;
	size_t i;

	json_array_foreach(json_object_get(row, "allow"), i, old) {
		bool same = json_is_string(old) && strcmp(json_string_value(old), method) == 0;

		if (!same || (on && !there))
			json_array_append(out, old);
		there |= same;
	}
	if (on && !there)
		json_array_append_new(out, json_string(method));
	return out;
}

char *
peers_yaml_allow(const char *text, size_t len, const char *id, const char *method, bool on, struct error *e)
{
	cleanup_json json_t *all = peers_yaml_list(text, len, e), *allow = NULL;
	ssize_t row = all == NULL ? -1 : find(all, id);

	if (all == NULL)
		return NULL;
	if (row == -1) {
		error_set(e, ERR_not_found, "no peer %.64s", id);
		return NULL;
	}
	allow = new_allow(json_array_get(all, (size_t)row), method, on);
	if (json_array_size(allow) > METHODS_MAX) {
		error_set(e, ERR_full, "%s may call %d methods already", id, METHODS_MAX);
		return NULL;
	}
	return change(text, len, all, &(struct change){ .row = (size_t)row, .allow = allow }, e);
}
