/* SPDX-License-Identifier: Apache-2.0 */
/* See vision.h. */
#include "engined/vision.h"

#include <ctype.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/target.h"

/* Families whose models see, found anywhere in a name in small letters; and some of them that do not. */
static const char *const seeing[] = {
	"vision", "gpt-4o", "gpt-4.1", "gpt-4.5", "gpt-4-turbo", "gpt-5", "chatgpt", "o1", "o3", "o4-", "claude-3", "claude-4",
	"claude-opus", "claude-sonnet", "claude-haiku", "gemini", "gemma-3", "gemma3", "llava", "-vl", "vl-", "2.5vl", "3vl",
	"pixtral", "llama-4", "llama4", "grok-4", "minicpm-v", "moondream", "mistral-small-3", "mistral-medium-3", "internvl",
};
static const char *const blind[] = { "o1-mini", "o3-mini", "o1-preview", "embed", "gemma3:1b", "gemma3:270m", "gemma-3-1b", "-audio", "-tts" };

static bool
holds(const char *name, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *at = strstr(name, words[i]);

		/* "o1" must begin a word: "solo1" is somebody else's model */
		if (at != NULL && (at == name || strlen(words[i]) > 3 || !isalnum((unsigned char)at[-1])))
			return true;
	}
	return false;
}

bool
vision_has(const json_t *config, const struct target *t)
{
	const json_t *said = json_object_get(config, "model_vision");
	cleanup_free char *name = xstrdup(t->name == NULL ? "" : t->name);

	if (json_is_boolean(said))
		return json_is_true(said);
	for (char *c = name; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return holds(name, seeing, COUNT(seeing)) && !holds(name, blind, COUNT(blind));
}
