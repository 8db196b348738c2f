/* SPDX-License-Identifier: Apache-2.0 */
/* See candidates.h. */
#include "engined/candidates.h"

#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/entry.h"
#include "engined/memory.h"

#define DEPTH_MAX	8

/* A word; or a number from 0 to 1, as some models put it. */
static const char *
confidence_word(const json_t *value)
{
	const char *word = json_string_value(value);
	enum confidence conf;

	if (json_is_number(value))
		return json_number_value(value) < 0.4 ? "low" : json_number_value(value) < 0.8 ? "normal" : "high";
	return word != NULL && confidence_of(word, &conf) == 0 ? word : "normal";
}

static void
take_row(json_t *out, const json_t *row)
{
	const char *target = json_str(row, "target", ""), *text = json_str(row, "text", "");
	enum memory_file f;

	if (json_array_size(out) < CANDIDATES_MAX && memory_file_of(target, &f) == 0 && text[strspn(text, " \t\r\n")] != '\0')
		json_array_append_new(out, json_pack("{s:s, s:s, s:s}", "target", memory_name(f), "text", text,
		    "confidence", confidence_word(json_object_get(row, "confidence"))));
}

/* From the first bracket to the last. Of an answer that was cut off, the rows before the cut. */
static json_t *
parse_said(const char *text)
{
	const char *from = strchr(text, '{'), *to = strrchr(text, '}');
	cleanup_free char *closed = NULL;
	json_t *said;

	if (from == NULL || to < from)
		return NULL;
	if ((said = json_parse(from, (size_t)(to + 1 - from), DEPTH_MAX, NULL)) != NULL)
		return said;
	closed = xasprintf("%.*s]}", (int)(to + 1 - from), from);
	return json_parse(closed, strlen(closed), DEPTH_MAX, NULL);
}

json_t *
candidates_parse(const char *text)
{
	json_t *said = parse_said(text);
	json_t *out = json_array(), *row;
	size_t i;

	json_array_foreach(json_object_get(said, "candidates"), i, row)
		take_row(out, row);
	json_decref(said);
	return out;
}

json_t *
candidates_add(const json_t *call)
{
	const char *text = json_str(call, "arguments", "");
	json_t *args;

	if (strcmp(json_str(call, "name", ""), "memory") != 0 || json_object_get(call, "error") != NULL)
		return NULL;
	args = json_parse(text, strlen(text), DEPTH_MAX, NULL);
	if (strcmp(json_str(args, "action", ""), "add") == 0)
		return args;
	json_decref(args);
	return NULL;
}
