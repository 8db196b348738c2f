/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See yaml.h. People and other programs write these files, so both the time
 * that loading takes and what comes of it are bounded: 1 MiB, 64 levels, 100
 * anchors, 100,000 nodes and 4 MiB of text after aliases.
 */
#include "common/yaml.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"

#define DEPTH_MAX 64
#define ANCHORS_MAX 100		/* and directives */
#define NODES_MAX 100000
#define TEXT_MAX (4 * YAML_MAX_BYTES)

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

/* A reader takes one document; what follows it would be read by nobody. */
static int
check_end(yaml_parser_t *parser, struct error *e)
{
	yaml_document_t next;
	int more = 1;

	if (yaml_parser_load(parser, &next)) {
		more = yaml_document_get_root_node(&next) != NULL;
		yaml_document_delete(&next);
	}
	return more ? error_set(e, ERR_invalid, "line %zu: more than one document", parser->mark.line + 1) : 0;
}

int
yaml_load(yaml_document_t *doc, const char *text, size_t len, struct error *e)
{
	yaml_parser_t parser;
	int result = 0;

	if (len > YAML_MAX_BYTES)
		return error_set(e, ERR_too_large, "larger than %d bytes", YAML_MAX_BYTES);
	if (check_bounds(text, len, e) == -1)
		return -1;
	if (!yaml_parser_initialize(&parser))
		return error_set(e, ERR_internal, "yaml parser");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, doc))
		result = error_set(e, ERR_invalid, "line %zu column %zu: %s", parser.problem_mark.line + 1,
		    parser.problem_mark.column + 1, parser.problem == NULL ? "not YAML" : parser.problem);
	else if (yaml_document_get_root_node(doc) != NULL && check_end(&parser, e) == -1) {
		yaml_document_delete(doc);
		result = -1;
	}
	yaml_parser_delete(&parser);
	return result;
}

json_t *
yaml_parse(const char *text, size_t len, struct error *e)
{
	yaml_document_t doc;
	struct reading r = { .doc = &doc, .e = e };
	json_t *out;

	if (yaml_load(&doc, text, len, e) == -1)
		return NULL;
	out = yaml_document_get_root_node(&doc) == NULL ? json_object() : convert(&r, 1, 0);
	yaml_document_delete(&doc);
	return out;
}

int
yaml_reads_as_text(const char *s)
{
	yaml_node_t probe = { .data.scalar = { .value = (unsigned char *)s, .length = strlen(s),
	    .style = YAML_PLAIN_SCALAR_STYLE } };
	json_t *j = scalar(&probe);
	int text = json_is_string(j);

	json_decref(j);
	return text;
}
