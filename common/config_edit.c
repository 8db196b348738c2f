/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See config.h. A change edits the YAML document itself, node by node, and
 * the lines of .env one by one, so that nothing we do not know is lost.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/config.h"
#include "common/env.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/yaml.h"
#include "common/yaml_edit.h"

/* ---- config.yaml ------------------------------------------------------------------------------- */

static int
is_mapping(yaml_document_t *doc, int node)
{
	return yaml_document_get_node(doc, node)->type == YAML_MAPPING_NODE;
}

/* Set below map; parents that are missing or no maps are made. */
static void
set_at(yaml_document_t *doc, int map, const char *key, const json_t *value)
{
	const char *dot = strchr(key, '.');
	cleanup_free char *name = dot == NULL ? NULL : xstrndup(key, (size_t)(dot - key));
	yaml_node_pair_t *p;
	int child;

	if (dot == NULL) {
		yaml_put_pair(doc, map, key, yaml_add_value(doc, value));
		return;
	}
	p = yaml_find_pair(doc, map, name);
	if (p != NULL && is_mapping(doc, p->value)) {
		child = p->value;
	} else {
		child = yaml_document_add_mapping(doc, NULL, YAML_BLOCK_MAPPING_STYLE);
		yaml_put_pair(doc, map, name, child);
	}
	set_at(doc, child, dot + 1, value);
}

static void
unset_at(yaml_document_t *doc, int map, const char *key)
{
	const char *dot = strchr(key, '.');
	cleanup_free char *name = dot == NULL ? NULL : xstrndup(key, (size_t)(dot - key));
	yaml_node_pair_t *p;
	yaml_node_t *child;

	if (dot == NULL) {
		yaml_drop_pair(doc, map, key);
		return;
	}
	if ((p = yaml_find_pair(doc, map, name)) == NULL || !is_mapping(doc, p->value))
		return;
	unset_at(doc, p->value, dot + 1);
	child = yaml_document_get_node(doc, p->value);
	if (child->data.mapping.pairs.start == child->data.mapping.pairs.top)
		yaml_drop_pair(doc, map, name);
}

static int
open_document(yaml_document_t *doc, const char *path, struct error *e)
{
	cleanup_buf struct buf text = BUF(0);
	struct error local = { 0 };
	yaml_node_t *root;

	if (file_read(path, CONFIG_MAX_BYTES, &text, &local) == -1 && local.code != ERR_not_found) {
		if (e != NULL)
			*e = local;
		return -1;
	}
	if (yaml_load(doc, buf_str(&text), text.len, e) == -1)
		return error_add(e, "%s", path);
	root = yaml_document_get_root_node(doc);
	if (root == NULL || (root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0)) {
		yaml_document_delete(doc);
		if (!yaml_document_initialize(doc, NULL, NULL, NULL, 1, 1))
			return error_set(e, ERR_internal, "yaml document");
		yaml_document_add_mapping(doc, NULL, YAML_BLOCK_MAPPING_STYLE);
		return 0;
	}
	if (root->type == YAML_MAPPING_NODE)
		return 0;
	yaml_document_delete(doc);
	return error_set(e, ERR_invalid, "%s: the file must hold keys and values", path);
}

int
config_set(const char *home, const char *key, const json_t *value, struct error *e)
{
	cleanup_free char *path = path_join(home, "config.yaml");
	cleanup_buf struct buf out = BUF(CONFIG_MAX_BYTES);
	cleanup_json json_t *file = NULL;
	yaml_document_t doc;

	if (key[0] == '\0' || key[0] == '.' || strstr(key, "..") != NULL || key[strlen(key) - 1] == '.')
		return error_set(e, ERR_invalid, "'%.100s' is no configuration key", key);
	if ((file = config_file(home, e)) == NULL || open_document(&doc, path, e) == -1)	/* what nobody can read is nobody's to change */
		return -1;
	if (value == NULL)
		unset_at(&doc, 1, key);
	else
		set_at(&doc, 1, key, value);
	if (yaml_emit(&doc, &out, e) == -1)
		return error_add(e, "%s", path);
	return atomic_write(path, buf_str(&out), out.len, 0600, e);
}

int
config_append(const char *home, const char *key, const char *value, struct error *e)
{
	cleanup_json json_t *file = config_file(home, e);
	cleanup_json json_t *list = NULL;
	json_t *row;
	size_t i;

	if (file == NULL)
		return -1;
	list = json_is_array(json_at(file, key)) ? json_copy(json_at(file, key)) : json_array();
	json_array_foreach(list, i, row)
		if (json_is_string(row) && strcmp(json_string_value(row), value) == 0)
			return 0;
	json_array_append_new(list, json_string(value));
	return config_set(home, key, list, e);
}

/* ---- .env -------------------------------------------------------------------------------------- */

json_t *
env_parse(const char *text, size_t len)
{
	const char *end = text + len;
	json_t *out = json_object();
	struct env_line line;

	while (env_next(&text, end, &line))
		if (line.name_len > 0) {
			cleanup_free char *name = utf8_clean(line.name, line.name_len);
			cleanup_free char *value = utf8_clean(line.value, line.value_len);

			json_object_set_new(out, name, json_string(value));
		}
	return out;
}

json_t *
env_load(const char *home)
{
	size_t size;
	char *text = env_read(home, &size);
	json_t *out = env_parse(text, size);

	env_free(text, size);
	return out;
}

static int
env_check(const char *name, const char *value, struct error *e)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	if (n == 0 || n > 64 || name[n] != '\0' || isdigit((unsigned char)name[0]))
		return error_set(e, ERR_invalid, "'%.80s' is no variable name (A-Z, 0-9, _; at most 64)", name);
	if (value != NULL && value[strcspn(value, "\r\n")] != '\0')
		return error_set(e, ERR_invalid, "the value of %s holds a line break", name);
	return 0;
}

/* Does reading the bare value give it back? Blanks and quotes at the ends need a pair of quotes around. */
static int
needs_quotes(const char *value)
{
	size_t n = strlen(value);

	return n > 0 && (isspace((unsigned char)value[0]) || isspace((unsigned char)value[n - 1]) ||
	    ((value[0] == '"' || value[0] == '\'') && n > 1 && value[n - 1] == value[0]));
}

int
env_set(const char *home, const char *name, const char *value, struct error *e)
{
	cleanup_free char *path = path_join(home, ".env");
	cleanup_buf struct buf text = BUF(0), out = BUF(CONFIG_MAX_BYTES);
	const char *p, *quote;
	struct error local = { 0 };
	struct env_line line;

	if (env_check(name, value, e) == -1)
		return -1;
	if (file_read(path, CONFIG_MAX_BYTES, &text, &local) == -1 && local.code != ERR_not_found) {
		if (e != NULL)
			*e = local;
		return -1;
	}
	for (p = buf_str(&text); env_next(&p, buf_str(&text) + text.len, &line);) {
		if (line.name_len == strlen(name) && strncmp(line.name, name, line.name_len) == 0)
			continue;
		buf_add(&out, line.raw, line.raw_len);
		buf_addc(&out, '\n');
	}
	quote = value != NULL && needs_quotes(value) ? "\"" : "";
	if (value != NULL && buf_addf(&out, "%s=%s%s%s\n", name, quote, value, quote) == -1)
		return error_set(e, ERR_too_large, "%s: larger than %d bytes", path, CONFIG_MAX_BYTES);
	return atomic_write(path, buf_str(&out), out.len, 0600, e);
}
