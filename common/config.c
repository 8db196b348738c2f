/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See config.h. Reading turns a YAML document into a JSON tree; writing edits
 * the document itself, node by node, so that nothing we do not know is lost.
 * Both are bounded: a file of 1 MiB; 64 levels, 100 anchors, 100,000 nodes
 * and 4 MiB of text after aliases.
 */
#include "common/config.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/env.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"

#define DEPTH_MAX 64
#define ANCHORS_MAX 100		/* and directives */
#define NODES_MAX 100000
#define TEXT_MAX (4 * CONFIG_MAX_BYTES)

/* spec/engine.md, section 3; the sandbox block is ours (docs/alpi.yaml.5). */
static const char defaults_text[] =
    "model: ''\n"
    "fallback_models: []\n"
    "model_reasoning: {effort: ''}\n"
    "workspace: ''\n"
    "public_bio: ''\n"
    "paused: false\n"
    "providers: {ollama: [], openrouter: {models: []}}\n"
    "tools:\n"
    "  max_steps_per_turn: 40\n"
    "  deny: []\n"
    "  terminal: {sandbox: false, allow_network: false, approval: {allowlist: []}}\n"
    "  web_extract: {model: ''}\n"
    "  read_image: {model: ''}\n"
    "  browser: {vision: false, allow_local: false}\n"
    "  tts: {voice: en-US-AriaNeural, rate: '', pitch: '', auto_read: false}\n"
    "  stt: {model: base, language: ''}\n"
    "  budget: {per_result_chars: 100000}\n"
    "tui: {show_cost: true, show_tokens: true, show_reasoning: true, accent: '#c8a24e',\n"
    "  theme: dark, auto_resume: false}\n"
    "mcp: {servers: {}}\n"
    "gateway:\n"
    "  telegram: {}\n"
    "  matrix: {}\n"
    "  imap: {poll_interval: 60, mark_as_read: true}\n"
    "  gmail: {poll_interval: 60, mark_as_read: true}\n"
    "runtime: {first_byte_timeout_s: 300, stream_idle_timeout_s: 120, max_retries: 2,\n"
    "  retry_backoff_s: 1.5}\n"
    "memory: {review_interval: 0}\n"
    "budget: {}\n"
    "alp: {}\n"
    "host: {tcp_port: 49200, device_name: '', allow_public_bind: false}\n"
    "network: {host: ''}\n"
    "service: {gateway: true, schedule: true, alp: true, workgroups: true, host: true,\n"
    "  prefetch: auto}\n"
    "sandbox: {read: [], write: [], network: none, allow_missing: []}\n";

/* ---- YAML to JSON ------------------------------------------------------------------------------ */

struct reading {
	yaml_document_t	*doc;
	size_t		 nodes, text;	/* so far */
	struct error	*e;
};

static int
one_of(const char *s, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(s, *words) == 0)
			return 1;
	return 0;
}

/* Integers as YAML 1.1 writes them: 12, -3, 1_000, 0x1f, 0b101, 017. */
static int
parse_integer(const char *s, json_int_t *out)
{
	char digits[72];
	size_t n = 0;
	int base = 10, negative = *s == '-';
	char *end;

	if (*s == '-' || *s == '+')
		s++;
	if (!isdigit((unsigned char)*s))
		return -1;
	if (s[0] == '0' && s[1] == 'x') {
		base = 16;
		s += 2;
	} else if (s[0] == '0' && s[1] == 'b') {
		base = 2;
		s += 2;
	} else if (s[0] == '0' && s[1] != '\0') {
		base = 8;
	}
	for (; *s != '\0' && n < sizeof(digits) - 1; s++)
		if (*s != '_')
			digits[n++] = *s;
	digits[n] = '\0';
	if (n == 0 || n > 63 || !isxdigit((unsigned char)digits[0]))
		return -1;
	*out = (json_int_t)strtoll(digits, &end, base);
	if (*end != '\0')
		return -1;
	if (negative)
		*out = -*out;
	return 0;
}

/* Reals need a point, an exponent needs a sign: what the reference's reader takes for text stays text. */
static int
parse_real(const char *s, double *out)
{
	const char *p = s + (*s == '-' || *s == '+');
	int digits = 0, point = 0;
	char *end;

	for (; isdigit((unsigned char)*p) || (*p == '.' && !point); p++) {
		point |= *p == '.';
		digits |= *p != '.';
	}
	if (!point || !digits)
		return -1;
	if ((*p == 'e' || *p == 'E') && (p[1] == '+' || p[1] == '-') && isdigit((unsigned char)p[2]))
		for (p += 2; isdigit((unsigned char)*p); p++)
			continue;
	if (*p != '\0')
		return -1;
	*out = strtod(s, &end);
	return *end == '\0' && isfinite(*out) ? 0 : -1;
}

static json_t *
scalar(const yaml_node_t *n)
{
	static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL };
	static const char *const no[] = { "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", NULL };
	static const char *const none[] = { "", "~", "null", "Null", "NULL", NULL };
	const char *s = (const char *)n->data.scalar.value;
	cleanup_free char *clean = NULL;
	json_int_t integer;
	double real;

	if (n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strlen(s) == n->data.scalar.length) {
		if (one_of(s, yes))
			return json_true();
		if (one_of(s, no))
			return json_false();
		if (one_of(s, none))
			return json_null();
		if (parse_integer(s, &integer) == 0)
			return json_integer(integer);
		if (parse_real(s, &real) == 0)
			return json_real(real);
	}
	clean = utf8_clean(s, n->data.scalar.length);
	return json_string(clean);
}

/* An alias costs four bytes and may stand for much text. */
static int
count_text(struct reading *r, const yaml_node_t *n)
{
	r->text += n->data.scalar.length;
	if (r->text <= TEXT_MAX)
		return 0;
	return error_set(r->e, ERR_too_large, "line %zu: more than %d bytes of text", n->start_mark.line + 1, TEXT_MAX);
}

/* What a value may be called; other tags ask a reader to make something of it. */
static int
is_plain_tag(const char *tag)
{
	static const char *const known[] = { "str", "int", "float", "bool", "null", "map", "seq", NULL };
	static const char prefix[] = "tag:yaml.org,2002:";
	size_t n = sizeof(prefix) - 1;

	return strncmp(tag, prefix, n) == 0 && one_of(tag + n, known);
}

static json_t *
convert(struct reading *r, int index, int depth)
{
	yaml_node_t *n = yaml_document_get_node(r->doc, index);
	json_t *out, *value;

	if (++r->nodes > NODES_MAX || depth > DEPTH_MAX || n == NULL) {
		error_set(r->e, ERR_invalid, "more than %d values or %d levels", NODES_MAX, DEPTH_MAX);
		return NULL;
	}
	if (!is_plain_tag((const char *)n->tag)) {
		error_set(r->e, ERR_invalid, "line %zu: tag %.60s is not supported", n->start_mark.line + 1, n->tag);
		return NULL;
	}
	if (n->type == YAML_SCALAR_NODE)
		return count_text(r, n) == -1 ? NULL : scalar(n);
	if (n->type == YAML_SEQUENCE_NODE) {
		out = json_array();
		for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
			if ((value = convert(r, *i, depth + 1)) == NULL)
				goto failed;
			json_array_append_new(out, value);
		}
		return out;
	}
	out = json_object();
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		yaml_node_t *k = yaml_document_get_node(r->doc, p->key);
		cleanup_free char *name = NULL;

		if (k->type != YAML_SCALAR_NODE) {
			error_set(r->e, ERR_invalid, "line %zu: a key must be a plain word", k->start_mark.line + 1);
			goto failed;
		}
		if (count_text(r, k) == -1 || (value = convert(r, p->value, depth + 1)) == NULL)
			goto failed;
		name = utf8_clean((const char *)k->data.scalar.value, k->data.scalar.length);
		json_object_set_new(out, name, value);
	}
	return out;
failed:
	json_decref(out);
	return NULL;
}

struct bounds {
	int	depth, anchors;
};

static int
count_token(struct bounds *b, yaml_token_type_t type)
{
	switch (type) {
	case YAML_BLOCK_SEQUENCE_START_TOKEN:
	case YAML_BLOCK_MAPPING_START_TOKEN:
	case YAML_FLOW_SEQUENCE_START_TOKEN:
	case YAML_FLOW_MAPPING_START_TOKEN:
		return ++b->depth > DEPTH_MAX ? -1 : 0;
	case YAML_BLOCK_END_TOKEN:
	case YAML_FLOW_SEQUENCE_END_TOKEN:
	case YAML_FLOW_MAPPING_END_TOKEN:
		b->depth--;
		return 0;
	case YAML_ANCHOR_TOKEN:
	case YAML_TAG_DIRECTIVE_TOKEN:
		return ++b->anchors > ANCHORS_MAX ? -1 : 0;
	default:
		return 0;
	}
}

/*
 * libyaml's time grows with the square of a text's depth and of its anchors:
 * a megabyte of brackets costs minutes. Its tokens come one by one, so the
 * text is looked through before it is loaded. What is no YAML stops the look
 * too; loading says why.
 */
static int
check_bounds(const char *text, size_t len, struct error *e)
{
	struct bounds b = { 0 };
	yaml_parser_t parser;
	yaml_token_t token;
	int result = 0, more;

	if (!yaml_parser_initialize(&parser))
		return error_set(e, ERR_internal, "yaml parser");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	do {
		if (!yaml_parser_scan(&parser, &token))
			break;
		if (count_token(&b, token.type) == -1)
			result = error_set(e, ERR_invalid, "line %zu: more than %d levels or %d anchors",
			    token.start_mark.line + 1, DEPTH_MAX, ANCHORS_MAX);
		more = token.type != YAML_STREAM_END_TOKEN;
		yaml_token_delete(&token);
	} while (more && result == 0);
	yaml_parser_delete(&parser);
	return result;
}

/* Parse one document; the caller deletes it. 0 or -1. */
static int
load_document(yaml_document_t *doc, const char *text, size_t len, struct error *e)
{
	yaml_parser_t parser;
	int result = 0;

	if (len > CONFIG_MAX_BYTES)
		return error_set(e, ERR_too_large, "larger than %d bytes", CONFIG_MAX_BYTES);
	if (check_bounds(text, len, e) == -1)
		return -1;
	if (!yaml_parser_initialize(&parser))
		return error_set(e, ERR_internal, "yaml parser");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, doc))
		result = error_set(e, ERR_invalid, "line %zu column %zu: %s", parser.problem_mark.line + 1,
		    parser.problem_mark.column + 1, parser.problem == NULL ? "not YAML" : parser.problem);
	yaml_parser_delete(&parser);
	return result;
}

json_t *
yaml_parse(const char *text, size_t len, struct error *e)
{
	yaml_document_t doc;
	struct reading r = { .doc = &doc, .e = e };
	json_t *out;

	if (load_document(&doc, text, len, e) == -1)
		return NULL;
	out = yaml_document_get_root_node(&doc) == NULL ? json_object() : convert(&r, 1, 0);
	yaml_document_delete(&doc);
	return out;
}

/* ---- reading ----------------------------------------------------------------------------------- */

json_t *
config_defaults(void)
{
	struct error e = { 0 };
	json_t *j = yaml_parse(defaults_text, sizeof(defaults_text) - 1, &e);

	if (j == NULL)
		abort();
	return j;
}

/* Lay `over` on `base`: maps recurse, anything else replaces. */
static void
merge(json_t *base, json_t *over)
{
	const char *name;
	json_t *value, *old;

	json_object_foreach(over, name, value) {
		old = json_object_get(base, name);
		if (json_is_object(old) && json_is_object(value))
			merge(old, value);
		else
			json_object_set(base, name, value);
	}
}

/* The file alone, an empty object when there is none. */
static json_t *
load_file(const char *home, struct error *e)
{
	cleanup_free char *path = path_join(home, "config.yaml");
	cleanup_buf struct buf text = BUF(0);
	struct error local = { 0 };
	json_t *j;

	if (file_read(path, CONFIG_MAX_BYTES, &text, &local) == -1) {
		if (local.code == ERR_not_found)
			return json_object();
		if (e != NULL)
			*e = local;
		return NULL;
	}
	j = yaml_parse(buf_str(&text), text.len, e);
	if (j != NULL && json_is_null(j)) {		/* a file of comments only */
		json_decref(j);
		j = json_object();
	}
	if (j != NULL && !json_is_object(j)) {
		error_set(e, ERR_invalid, "the file must hold keys and values");
		json_decref(j);
		j = NULL;
	}
	if (j == NULL)
		error_add(e, "%s", path);
	return j;
}

json_t *
config_load(const char *home, struct error *e)
{
	cleanup_json json_t *file = load_file(home, e);
	json_t *all;

	if (file == NULL)
		return NULL;
	all = config_defaults();
	merge(all, file);
	return all;
}

int
config_is_set(const char *home, const char *key)
{
	cleanup_json json_t *file = load_file(home, NULL);

	return json_at(file, key) != NULL;
}

static const json_t *
defaults(void)
{
	static json_t *kept;

	if (kept == NULL)
		kept = config_defaults();
	return kept;
}

const char *
config_str(const json_t *config, const char *key)
{
	const char *s = json_string_value(json_at(config, key));

	if (s == NULL)
		s = json_string_value(json_at(defaults(), key));
	return s == NULL ? "" : s;
}

bool
config_bool(const json_t *config, const char *key)
{
	const json_t *j = json_at(config, key);

	return json_is_true(json_is_boolean(j) ? j : json_at(defaults(), key));
}

double
config_num(const json_t *config, const char *key, double least)
{
	const json_t *j = json_at(config, key);

	if (!json_is_number(j) || json_number_value(j) < least)
		j = json_at(defaults(), key);
	return json_number_value(j);
}

int64_t
config_int(const json_t *config, const char *key, int64_t least)
{
	double value = config_num(config, key, (double)least);

	return value > 9e18 ? INT64_MAX : (int64_t)value;
}

char **
config_list(const json_t *config, const char *key)
{
	const json_t *list = json_at(config, key);
	char **out = xcalloc(json_array_size(list) + 1, sizeof(*out));
	const json_t *row;
	size_t i, n = 0;

	json_array_foreach(list, i, row) {
		const char *s = json_string_value(row);
		size_t len;
		int known = 0;

		if (s == NULL)
			continue;
		while (isspace((unsigned char)*s))
			s++;
		for (len = strlen(s); len > 0 && isspace((unsigned char)s[len - 1]); len--)
			continue;
		for (size_t k = 0; k < n; k++)
			known |= strlen(out[k]) == len && strncmp(out[k], s, len) == 0;
		if (len > 0 && !known)
			out[n++] = xstrndup(s, len);
	}
	return out;
}

void
config_list_free(char **list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

/* ---- changing ---------------------------------------------------------------------------------- */

/* The pair of a mapping whose key is name; the last one, as readers take it. NULL: none. */
static yaml_node_pair_t *
find_pair(yaml_document_t *doc, int map, const char *name)
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
	yaml_node_t probe = { .data.scalar = { .value = (unsigned char *)s, .length = strlen(s),
	    .style = YAML_PLAIN_SCALAR_STYLE } };
	json_t *j = scalar(&probe);
	int plain = json_is_string(j);

	json_decref(j);
	return add_text(doc, s, plain ? YAML_ANY_SCALAR_STYLE : YAML_SINGLE_QUOTED_SCALAR_STYLE);
}

static int
add_value(yaml_document_t *doc, const json_t *value)
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
			yaml_document_append_sequence_item(doc, node, add_value(doc, row));
		return node;
	case JSON_OBJECT:
		node = yaml_document_add_mapping(doc, NULL, YAML_BLOCK_MAPPING_STYLE);
		json_object_foreach((json_t *)value, name, row)
			yaml_document_append_mapping_pair(doc, node, add_string(doc, name), add_value(doc, row));
		return node;
	default:
		text = json_text(value);
		return add_text(doc, text, YAML_PLAIN_SCALAR_STYLE);
	}
}

static void
put_pair(yaml_document_t *doc, int map, const char *name, int value)
{
	yaml_node_pair_t *p = find_pair(doc, map, name);
	yaml_node_t *n = yaml_document_get_node(doc, map);

	if (p != NULL) {
		p->value = value;
		return;
	}
	if (n->data.mapping.pairs.start == n->data.mapping.pairs.top)
		n->data.mapping.style = YAML_BLOCK_MAPPING_STYLE;
	yaml_document_append_mapping_pair(doc, map, add_string(doc, name), value);
}

static void
drop_pair(yaml_document_t *doc, int map, const char *name)
{
	yaml_node_t *n = yaml_document_get_node(doc, map);
	yaml_node_pair_t *p;

	while ((p = find_pair(doc, map, name)) != NULL) {
		memmove(p, p + 1, (size_t)(n->data.mapping.pairs.top - p - 1) * sizeof(*p));
		n->data.mapping.pairs.top--;
	}
}

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
		put_pair(doc, map, key, add_value(doc, value));
		return;
	}
	p = find_pair(doc, map, name);
	if (p != NULL && is_mapping(doc, p->value)) {
		child = p->value;
	} else {
		child = yaml_document_add_mapping(doc, NULL, YAML_BLOCK_MAPPING_STYLE);
		put_pair(doc, map, name, child);
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
		drop_pair(doc, map, key);
		return;
	}
	if ((p = find_pair(doc, map, name)) == NULL || !is_mapping(doc, p->value))
		return;
	unset_at(doc, p->value, dot + 1);
	child = yaml_document_get_node(doc, p->value);
	if (child->data.mapping.pairs.start == child->data.mapping.pairs.top)
		drop_pair(doc, map, name);
}

static int
collect(void *out, unsigned char *bytes, size_t len)
{
	return buf_add(out, bytes, len) == 0;
}

/* Takes the document, whether it succeeds or not. */
static int
emit(yaml_document_t *take_doc, struct buf *out, struct error *e)
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
	ok = yaml_emitter_open(&emitter) && yaml_emitter_dump(&emitter, take_doc) && yaml_emitter_close(&emitter);
	yaml_emitter_delete(&emitter);
	return ok ? 0 : error_set(e, ERR_internal, "yaml emitter");
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
	if (load_document(doc, buf_str(&text), text.len, e) == -1)
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
	if ((file = load_file(home, e)) == NULL || open_document(&doc, path, e) == -1)	/* what nobody can read is nobody's to change */
		return -1;
	if (value == NULL)
		unset_at(&doc, 1, key);
	else
		set_at(&doc, 1, key, value);
	if (emit(&doc, &out, e) == -1)
		return error_add(e, "%s", path);
	return atomic_write(path, buf_str(&out), out.len, 0600, e);
}

int
config_append(const char *home, const char *key, const char *value, struct error *e)
{
	cleanup_json json_t *file = load_file(home, e);
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
