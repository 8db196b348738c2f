/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of proto/: limits are sane, names are plain, the graph is the one architecture.md draws. */
#include "tests/check.h"

#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "proto/proto.h"

static void
check_name(const char *name, const char *letters)
{
	assert_non_null(name);
	assert_in_range(strlen(name), 1, 64);
	assert_int_equal(strspn(name, letters), strlen(name));
}

static void	check_shape(const struct shape *s);

static void
check_field(const struct shape *s, const struct field *f)
{
	static const uint64_t most[] = {
		[STRING] = PROTO_MESSAGE_MAX, [INTEGER] = INT64_MAX, [NUMBER] = 0, [BOOL] = 0,
		[JSON] = PROTO_MESSAGE_MAX, [STRINGS] = 10000, [LIST] = 10000,
	};

	check_name(f->name, "abcdefghijklmnopqrstuvwxyz0123456789_");
	assert_true(f->offset < s->size);
	if (most[f->kind] == 0)
		assert_int_equal(f->max, 0);
	else
		assert_true(f->max >= 1 && f->max <= most[f->kind]);
	assert_true((f->kind == LIST) == (f->rows != NULL));
	for (const struct field *other = s->fields; other < f; other++)
		assert_string_not_equal(other->name, f->name);
	if (f->kind == LIST)
		check_shape(f->rows);
}

static void
check_shape(const struct shape *s)
{
	for (const struct field *f = s->fields; f < s->fields + s->nfields; f++)
		check_field(s, f);
	assert_null(s->fields[s->nfields].name);
}

static void
test_every_field_has_a_sane_limit(void **state)
{
	for (int i = MSG_none + 1; i < MSG_count; i++) {
		check_shape(&proto_message((enum msg)i)->request);
		check_shape(&proto_message((enum msg)i)->reply);
	}
}

static void
test_names_and_numbers_lead_to_each_other(void **state)
{
	assert_null(proto_message(MSG_none));
	assert_null(proto_message(MSG_count));
	assert_null(proto_message((enum msg)-1));
	assert_int_equal(proto_number("no.such"), MSG_none);
	assert_int_equal(proto_number("turn.start"), MSG_turn_start);
	for (int i = MSG_none + 1; i < MSG_count; i++) {
		check_name(proto_message((enum msg)i)->wire, "abcdefghijklmnopqrstuvwxyz_.");
		assert_int_equal(proto_number(proto_message((enum msg)i)->wire), i);
	}
}

static void
test_every_message_has_a_channel(void **state)
{
	int used[MSG_count] = { 0 };

	for (const struct channel *c = proto_channels; c->caller != NULL; c++) {
		used[c->type]++;
		assert_true(proto_allowed(c->caller, c->callee, c->type));
		assert_true(proto_linked(c->caller, c->callee));
		assert_string_not_equal(c->caller, c->callee);
	}
	for (int i = MSG_none + 1; i < MSG_count; i++)
		assert_true(used[i] > 0);
}

static void
test_what_has_no_row_is_not_allowed(void **state)
{
	assert_true(proto_allowed("hostd", "engined", MSG_turn_start));
	assert_false(proto_allowed("engined", "hostd", MSG_turn_start));
	assert_false(proto_allowed("hostd", "engined", MSG_tool_exec));
	assert_false(proto_allowed("hostd", "engined", MSG_none));
	assert_false(proto_allowed("stranger", "engined", MSG_turn_start));
}

/*
 * The design's graph, written out a second time: above all there is no way between alpd and toolrunner, gatewayd and
 * toolrunner, alpd and gatewayd, hostd and toolrunner, and none from toolrunner to anyone.
 */
static void
test_nobody_is_linked_who_was_not_meant_to_be(void **state)
{
	static const struct {
		const char *caller, *callees;
	} meant[] = {
		{ "toolrunner", "" },
		{ "engined",	" toolrunner hostd alpd scheduled gatewayd " },
		{ "hostd",	" engined alpd scheduled gatewayd " },
		{ "alpd",	" engined hostd " },
		{ "scheduled",	" engined toolrunner hostd " },
		{ "gatewayd",	" engined hostd " },
	};
	size_t known = 0;

	for (size_t i = 0; i < COUNT(meant); i++)
		for (const struct channel *c = proto_channels; c->caller != NULL; c++) {
			cleanup_free char *callee = xasprintf(" %s ", c->callee);

			if (strcmp(c->caller, meant[i].caller) != 0)
				continue;
			known++;
			if (strstr(meant[i].callees, callee) == NULL)
				fail_msg("%s may ask %s", c->caller, c->callee);
		}
	for (const struct channel *c = proto_channels; c->caller != NULL; c++)
		known--;
	assert_int_equal(known, 0);
	assert_false(proto_linked("hostd", "toolrunner"));
	assert_true(proto_linked("hostd", "engined"));
}

static void
test_capabilities_have_names_numbers_and_sentences(void **state)
{
	assert_int_equal(cap_number("exec"), CAP_exec);
	assert_int_equal(cap_number("nothing"), -1);
	assert_string_equal(cap_name(CAP_read), "read");
	assert_null(cap_name(31));
	assert_null(cap_sentence(31));
	for (int i = 0; i < 32; i++) {
		if (cap_name(i) == NULL)
			continue;
		assert_int_equal(cap_number(cap_name(i)), i);
		assert_true(strlen(cap_sentence(i)) > 10);
	}
}

static void
test_only_origins_have_a_ceiling(void **state)
{
	assert_int_equal(cap_ceiling("hostd"), 1u << CAP_read | 1u << CAP_write | 1u << CAP_exec |
	    1u << CAP_network | 1u << CAP_approve | 1u << CAP_remember | 1u << CAP_peer |
	    1u << CAP_schedule | 1u << CAP_message | 1u << CAP_mail);
	assert_int_equal(cap_ceiling("scheduled") & (1u << CAP_approve | 1u << CAP_schedule), 0);
	assert_int_equal(cap_ceiling("alpd"), 1u << CAP_read | 1u << CAP_write | 1u << CAP_exec | 1u << CAP_network |
	    1u << CAP_approve);			/* a peer's turn neither remembers nor asks further peers */
	assert_int_equal(cap_ceiling("gatewayd"), 1u << CAP_read | 1u << CAP_write | 1u << CAP_exec | 1u << CAP_network |
	    1u << CAP_message | 1u << CAP_peer);
	assert_int_equal(cap_ceiling("engined"), 0);
	assert_int_equal(cap_ceiling("toolrunner"), 0);
	assert_int_equal(cap_ceiling("stranger"), 0);
}

/* Every "$ref" of a schema leads to a definition. */
static void
check_refs(const json_t *schema, const json_t *v)
{
	const char *ref = json_str(v, "$ref", NULL), *name;
	json_t *member;
	size_t i;

	if (ref != NULL) {
		assert_memory_equal(ref, "#/$defs/", 8);
		assert_non_null(json_object_get(json_object_get(schema, "$defs"), ref + 8));
	}
	json_object_foreach((json_t *)v, name, member)
		check_refs(schema, member);
	json_array_foreach(v, i, member)
		check_refs(schema, member);
}

static void
test_the_schema_is_json_and_complete(void **state)
{
	json_t *schema cleanup_json = proto_schema(), *again cleanup_json = NULL;
	cleanup_free char *text = NULL;
	struct error e = { 0 };
	json_t *defs, *start;

	assert_non_null(schema);
	text = json_text(schema);
	assert_non_null(again = json_parse(text, strlen(text), PROTO_DEPTH_MAX, &e));
	assert_true(json_equal(schema, again));
	assert_string_equal(json_str(schema, "$schema", ""), "https://json-schema.org/draft/2020-12/schema");
	check_refs(schema, schema);
	defs = json_object_get(schema, "$defs");
	for (int i = MSG_none + 1; i < MSG_count; i++)
		assert_non_null(json_object_get(defs, proto_message((enum msg)i)->wire));
	start = json_object_get(defs, "turn.start");
	assert_string_equal(json_string_value(json_array_get(json_object_get(start, "required"), 0)), "key");
	assert_true(json_is_false(json_object_get(start, "additionalProperties")));
	assert_int_equal(json_array_size(json_at(defs, "request.oneOf")), MSG_count - 1);
}

static void
test_the_graph_names_daemons_channels_and_capabilities(void **state)
{
	json_t *graph cleanup_json = proto_graph(), *channels = json_object_get(graph, "channels");
	const struct channel *c = proto_channels;
	json_t *row;
	size_t i;

	assert_int_equal(json_array_size(json_object_get(graph, "daemons")), 6);
	assert_int_equal(json_array_size(json_object_get(graph, "capabilities")), 11);
	json_array_foreach(channels, i, row) {
		assert_string_equal(json_str(row, "caller", ""), c->caller);
		assert_string_equal(json_str(row, "callee", ""), c->callee);
		assert_int_equal(proto_number(json_str(row, "message", "")), c->type);
		c++;
	}
	assert_null(c->caller);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_field_has_a_sane_limit),
		TEST(test_names_and_numbers_lead_to_each_other),
		TEST(test_every_message_has_a_channel),
		TEST(test_what_has_no_row_is_not_allowed),
		TEST(test_nobody_is_linked_who_was_not_meant_to_be),
		TEST(test_capabilities_have_names_numbers_and_sentences),
		TEST(test_only_origins_have_a_ceiling),
		TEST(test_the_schema_is_json_and_complete),
		TEST(test_the_graph_names_daemons_channels_and_capabilities),
	};

	return RUN(tests);
}
