/* SPDX-License-Identifier: Apache-2.0 */
/* See dialect.h: what several dialects share. */
#include "engined/dialect.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

/* Models that take an effort (spec/engine.md, 4.2), by what stands behind the last slash. */
static const char *const reasoning_models[] = {
	"o[1-9]*", "gpt-5*", "claude-3-7*", "claude-3.7*", "claude-*-[4-9]*", "gemini-2.[5-9]*", "gemini-[3-9]*",
	"deepseek-r1*", "grok-3-mini*", "grok-3*reasoning*", "grok-4*",
};

static bool
reasons(const char *name)
{
	const char *slash = strrchr(name, '/');

	if (slash != NULL)
		name = slash + 1;
	for (size_t i = 0; i < COUNT(reasoning_models); i++)
		if (fnmatch(reasoning_models[i], name, FNM_CASEFOLD) == 0)
			return true;
	return false;
}

const char *
dialect_effort(const struct provider_request *r)
{
	static const char *const known[] = { "low", "medium", "high" };

	/* OpenRouter drops what a model does not take; others refuse the request. */
	for (size_t i = 0; r->effort != NULL && i < COUNT(known); i++)
		if (strcmp(r->effort, known[i]) == 0 &&
		    (reasons(r->target->name) || strcmp(r->target->provider, "openrouter") == 0))
			return known[i];
	return NULL;
}

char *
content_text(const json_t *content)
{
	struct buf b = BUF(0);
	const json_t *part;
	size_t i;

	if (json_is_string(content))
		return xstrdup(json_string_value(content));
	json_array_foreach(content, i, part)
		(void)buf_puts(&b, json_is_string(part) ? json_string_value(part) : json_str(part, "text", ""));
	return buf_take(&b);
}

char *
system_text(const json_t *messages)
{
	struct buf b = BUF(0);
	const json_t *m;
	size_t i;

	json_array_foreach(messages, i, m) {
		cleanup_free char *text = NULL;

		if (strcmp(json_str(m, "role", ""), "system") != 0)
			continue;
		text = content_text(json_object_get(m, "content"));
		if (b.len > 0)
			(void)buf_puts(&b, "\n\n");
		(void)buf_puts(&b, text);
	}
	return buf_take(&b);
}

int
data_url(const char *url, char **type, const char **base64)
{
	const char *semicolon, *comma;

	if (url == NULL || strncasecmp(url, "data:", 5) != 0)
		return -1;
	semicolon = strchr(url, ';');
	comma = strchr(url, ',');
	if (semicolon == NULL || comma == NULL || comma - semicolon < 7 || strncmp(comma - 7, ";base64", 7) != 0)
		return -1;
	*type = xstrndup(url + 5, (size_t)(semicolon - url - 5));
	*base64 = comma + 1;
	return 0;
}

void
append_part(json_t *list, const char *role, const char *list_name, json_t *part)
{
	json_t *last = json_array_get(list, json_array_size(list) - 1);

	if (last == NULL || strcmp(json_str(last, "role", ""), role) != 0) {
		last = json_object();
		json_object_set_new(last, "role", json_string(role));
		json_object_set_new(last, list_name, json_array());
		json_array_append_new(list, last);
	}
	json_array_append_new(json_object_get(last, list_name), part);
}
