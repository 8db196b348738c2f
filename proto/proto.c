/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See proto.h. The tables are expanded here a few times: into the field
 * lists the codec walks, into the message and channel tables, and into what
 * `alpi proto` prints. There is no code for any single message.
 */
#include "proto/proto.h"

#include <string.h>

#include "common/mem.h"

enum need { OPTIONAL, REQUIRED };

/* ---- shapes and messages -------------------------------------------------------------------- */

#define TYPE(type) static const struct shape type##_shape;
#include "proto/all.def"

#define TYPE(type)	static const struct field type##_fields[] = {
#define MESSAGE(m, wire) static const struct field m##_fields[] = {
#define REPLY(m)	{ 0 } }; static const struct field m##_reply_fields[] = {
#define FIELD(owner, KIND, name, need, max) \
	{ #name, KIND, need, max, offsetof(struct owner, name), NULL },
#define LIST(owner, type, name, need, max) \
	{ #name, LIST, need, max, offsetof(struct owner, name), &type##_shape },
#define END		{ 0 } };
#include "proto/all.def"

#define SHAPE(title, owner) \
	{ title, sizeof(struct owner), owner##_fields, COUNT(owner##_fields) - 1 }

#define TYPE(type) static const struct shape type##_shape = SHAPE(#type, type);
#include "proto/all.def"

static const struct shape *const types[] = {
#define TYPE(type) &type##_shape,
#include "proto/all.def"
};

static const struct message messages[MSG_count] = {
#define MESSAGE(m, wire) [MSG_##m] = { wire, SHAPE(wire, m), SHAPE(wire, m##_reply) },
#include "proto/all.def"
};

const struct message *
proto_message(enum msg type)
{
	return type > MSG_none && type < MSG_count ? &messages[type] : NULL;
}

enum msg
proto_number(const char *wire)
{
	for (int i = MSG_none + 1; i < MSG_count; i++)
		if (strcmp(messages[i].wire, wire) == 0)
			return (enum msg)i;
	return MSG_none;
}

/* ---- channels and capabilities -------------------------------------------------------------- */

const struct channel proto_channels[] = {
#define CHANNEL(caller, callee, message) { #caller, #callee, MSG_##message },
#include "proto/channels.def"
	{ 0 }
};

static const struct {
	const char *name, *scope;
} daemons[] = {
#define PROFILE		"profile"
#define MACHINE		"machine"
#define DAEMON(name, scope) { #name, scope },
#include "proto/channels.def"
};

static const struct {
	const char	*name;
	int		 number;
	const char	*sentence;
} caps[] = {
#define CAP(name, bit, sentence) { #name, bit, sentence },
#include "proto/caps.def"
};

static const struct {
	const char *daemon, *caps;
} ceilings[] = {
#define CEILING(daemon, caps) { #daemon, caps },
#include "proto/caps.def"
};

int
proto_allowed(const char *caller, const char *callee, enum msg type)
{
	for (const struct channel *c = proto_channels; c->caller != NULL; c++)
		if (c->type == type && strcmp(c->caller, caller) == 0 && strcmp(c->callee, callee) == 0)
			return 1;
	return 0;
}

int
proto_linked(const char *caller, const char *callee)
{
	for (const struct channel *c = proto_channels; c->caller != NULL; c++)
		if (strcmp(c->caller, caller) == 0 && strcmp(c->callee, callee) == 0)
			return 1;
	return 0;
}

int
cap_number(const char *name)
{
	for (size_t i = 0; i < COUNT(caps); i++)
		if (strcmp(caps[i].name, name) == 0)
			return caps[i].number;
	return -1;
}

const char *
cap_name(int number)
{
	for (size_t i = 0; i < COUNT(caps); i++)
		if (caps[i].number == number)
			return caps[i].name;
	return NULL;
}

const char *
cap_sentence(int number)
{
	for (size_t i = 0; i < COUNT(caps); i++)
		if (caps[i].number == number)
			return caps[i].sentence;
	return NULL;
}

/* The capabilities that a line of words names; proto's own lines hold only known ones (test_proto). */
static uint32_t
caps_of(const char *words)
{
	uint32_t mask = 0;
	char name[32];
	size_t n;

	for (; *words != '\0'; words += n + strspn(words + n, " ")) {
		n = strcspn(words, " ");
		if (n < sizeof(name)) {
			memcpy(name, words, n);
			name[n] = '\0';
			mask |= cap_number(name) > 0 ? (uint32_t)1 << cap_number(name) : 0;
		}
	}
	return mask;
}

uint32_t
cap_ceiling(const char *daemon)
{
	for (size_t i = 0; i < COUNT(ceilings); i++)
		if (strcmp(ceilings[i].daemon, daemon) == 0)
			return caps_of(ceilings[i].caps);
	return 0;
}

/* ---- for readers: JSON Schema and the graph ------------------------------------------------- */

static json_t *
schema_ref(const char *name, const char *suffix)
{
	return json_pack("{s:s++}", "$ref", "#/$defs/", name, suffix);
}

static json_t *
schema_string(const struct field *f)
{
	/* JSON Schema counts characters, the bus counts bytes: the second is the stricter. */
	return json_pack("{s:s, s:I, s:I}", "type", "string",
	    "maxLength", (json_int_t)f->max, "maxBytes", (json_int_t)f->max);
}

static json_t *
schema_integer(const struct field *f)
{
	return json_pack("{s:s, s:I, s:I}", "type", "integer",
	    "minimum", -(json_int_t)f->max, "maximum", (json_int_t)f->max);
}

static json_t *
schema_number(const struct field *f)
{
	return json_pack("{s:s}", "type", "number");
}

static json_t *
schema_bool(const struct field *f)
{
	return json_pack("{s:s}", "type", "boolean");
}

static json_t *
schema_json(const struct field *f)
{
	return json_pack("{s:I, s:i}", "maxBytes", (json_int_t)f->max, "maxDepth", PROTO_DEPTH_MAX);
}

static json_t *
schema_strings(const struct field *f)
{
	return json_pack("{s:s, s:I, s:{s:s, s:i, s:i}}", "type", "array", "maxItems", (json_int_t)f->max,
	    "items", "type", "string", "maxLength", PROTO_STRING_ROW_MAX, "maxBytes", PROTO_STRING_ROW_MAX);
}

static json_t *
schema_list(const struct field *f)
{
	return json_pack("{s:s, s:I, s:o}", "type", "array", "maxItems", (json_int_t)f->max,
	    "items", schema_ref(f->rows->name, ""));
}

static json_t *(*const schema_of_kind[])(const struct field *) = {
	[STRING] = schema_string, [INTEGER] = schema_integer, [NUMBER] = schema_number, [BOOL] = schema_bool,
	[JSON] = schema_json, [STRINGS] = schema_strings, [LIST] = schema_list,
};

static json_t *
schema_shape(const struct shape *s)
{
	json_t *properties = json_object(), *required = json_array();

	for (size_t i = 0; i < s->nfields; i++) {
		json_object_set_new(properties, s->fields[i].name, schema_of_kind[s->fields[i].kind](&s->fields[i]));
		if (s->fields[i].required)
			json_array_append_new(required, json_string(s->fields[i].name));
	}
	return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties,
	    "required", required, "additionalProperties", 0);
}

/* The envelope of one request; init's tokens and grants are opaque to it. */
static json_t *
schema_request(const struct message *m)
{
	return json_pack("{s:s, s:{s:{s:i}, s:{s:s}, s:{s:s, s:s}, s:{s:s}, s:o}, s:[s,s,s,s], s:b}", "type", "object",
	    "properties", "v", "const", PROTO_VERSION, "type", "const", m->wire,
	    "token", "type", "string", "pattern", "^[0-9a-f]{64}$", "grant", "type", "string",
	    "body", schema_ref(m->wire, ""), "required", "v", "type", "token", "body", "additionalProperties", 0);
}

static json_t *
schema_answer(const struct message *m)
{
	return json_pack("{s:s, s:{s:{s:i}, s:o}, s:[s,s], s:b}", "type", "object",
	    "properties", "v", "const", PROTO_VERSION, "body", schema_ref(m->wire, ".reply"),
	    "required", "v", "body", "additionalProperties", 0);
}

static json_t *
schema_error(void)
{
	return json_pack("{s:s, s:{s:{s:i}, s:{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}}, s:[s,s,s], s:b}}, s:[s,s], s:b}",
	    "type", "object", "properties", "v", "const", PROTO_VERSION, "error", "type", "object",
	    "properties", "code", "type", "integer", "name", "type", "string", "message", "type", "string",
	    "required", "code", "name", "message", "additionalProperties", 0, "required", "v", "error",
	    "additionalProperties", 0);
}

static void
schema_message(const struct message *m, json_t *defs, json_t *requests, json_t *answers)
{
	char name[96];

	json_object_set_new(defs, m->wire, schema_shape(&m->request));
	snprintf(name, sizeof(name), "%s.reply", m->wire);
	json_object_set_new(defs, name, schema_shape(&m->reply));
	json_array_append_new(requests, schema_request(m));
	json_array_append_new(answers, schema_answer(m));
}

json_t *
proto_schema(void)
{
	json_t *defs = json_object(), *requests = json_array(), *answers = json_array();

	for (size_t i = 0; i < COUNT(types); i++)
		json_object_set_new(defs, types[i]->name, schema_shape(types[i]));
	for (int i = MSG_none + 1; i < MSG_count; i++)
		schema_message(&messages[i], defs, requests, answers);
	json_array_append_new(answers, schema_error());
	json_object_set_new(defs, "request", json_pack("{s:o}", "oneOf", requests));
	json_object_set_new(defs, "answer", json_pack("{s:o}", "anyOf", answers));
	return json_pack("{s:s, s:s, s:[{s:s}, {s:s}], s:o}", "$schema", "https://json-schema.org/draft/2020-12/schema",
	    "title", "alpi bus messages", "anyOf", "$ref", "#/$defs/request", "$ref", "#/$defs/answer", "$defs", defs);
}

static json_t *
graph_ceiling(const char *daemon)
{
	json_t *out = json_array();

	for (size_t i = 0; i < COUNT(caps); i++)
		if (cap_ceiling(daemon) & ((uint32_t)1 << caps[i].number))
			json_array_append_new(out, json_string(caps[i].name));
	return out;
}

json_t *
proto_graph(void)
{
	json_t *nodes = json_array(), *edges = json_array(), *rights = json_array();

	for (size_t i = 0; i < COUNT(daemons); i++)
		json_array_append_new(nodes, json_pack("{s:s, s:s, s:o}", "name", daemons[i].name,
		    "scope", daemons[i].scope, "ceiling", graph_ceiling(daemons[i].name)));
	for (const struct channel *c = proto_channels; c->caller != NULL; c++)
		json_array_append_new(edges, json_pack("{s:s, s:s, s:s}", "caller", c->caller,
		    "callee", c->callee, "message", messages[c->type].wire));
	for (size_t i = 0; i < COUNT(caps); i++)
		json_array_append_new(rights, json_pack("{s:s, s:i, s:s}", "name", caps[i].name,
		    "number", caps[i].number, "allows", caps[i].sentence));
	return json_pack("{s:o, s:o, s:o}", "daemons", nodes, "channels", edges, "capabilities", rights);
}
