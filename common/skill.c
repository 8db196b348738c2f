/* SPDX-License-Identifier: Apache-2.0 */
/* See skill.h. */
#include "common/skill.h"

#include <string.h>

#include "common/mem.h"
#include "common/strip.h"

const char *const skill_categories[] = {
	"software", "data", "research", "productivity", "communication", "media", "system", "finance", "personal",
	"creative", "security", "meta", "miscellaneous", NULL
};

/* The first are secrets of other daemons; the rest belongs to the environment that every program is given. */
static const char *const refused[] = {
	"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY", "GROQ_API_KEY",
	"TELEGRAM_BOT_TOKEN", "MATRIX_ACCESS_TOKEN", "IMAP_PASSWORD", "SMTP_PASSWORD", "GMAIL_CLIENT_SECRET",
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TZ", "PWD", "TMPDIR", "LANG", "IFS", "ENV", "BASH_ENV",
	"WORKSPACE",
};
static const char *const refused_beginnings[] = { "EMAIL__", "ALPI_", "LD_", "LC_", "PYTHON", "MALLOC_", "GLIBC_" };

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
skill_name_ok(const char *name)
{
	size_t n = 0;

	if (!is_lower(name[0]))
		return false;
	while (n <= SKILL_NAME_MAX && (is_lower(name[n]) || is_digit(name[n]) || name[n] == '-'))
		n++;
	return name[n] == '\0' && n >= 2 && n <= SKILL_NAME_MAX;
}

/* ---- the head of a SKILL.md ------------------------------------------------------------------- */

/* The line at `at`, without the blanks at its end; *next: where the following one begins. */
static size_t
line_length(const char *at, const char *end, const char **next)
{
	const char *stop = memchr(at, '\n', (size_t)(end - at));
	size_t len = (size_t)((stop == NULL ? end : stop) - at);

	*next = stop == NULL ? end : stop + 1;
	while (len > 0 && is_blank(at[len - 1]))
		len--;
	return len;
}

static bool
is_mark(const char *at, size_t len)
{
	return len == 3 && memcmp(at, "---", 3) == 0;
}

const char *
skill_head(const char *text, size_t len, const char **begin, const char **end)
{
	const char *stop = text + len, *next;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)	/* some editors put a mark of the encoding first */
		text += 3;
	if (text == stop || !is_mark(text, line_length(text, stop, &next)))
		return NULL;
	*begin = next;
	while (next < stop) {
		*end = next;
		if (is_mark(*end, line_length(*end, stop, &next)))
			return next;
	}
	return NULL;
}

char *
skill_value(const char *text, size_t len, const char *key)
{
	const char *at, *end, *next, *colon, *value = NULL, *name;
	size_t n, size, found = 0;

	if (skill_head(text, len, &at, &end) == NULL)
		return NULL;
	for (; at < end; at = next) {
		n = line_length(at, end, &next);
		if ((colon = memchr(at, ':', n)) == NULL)
			continue;
		name = at;
		size = (size_t)(colon - at);
		strip(&name, &size);
		if (size != strlen(key) || memcmp(name, key, size) != 0)
			continue;
		value = colon + 1;
		found = n - (size_t)(value - at);
		strip(&value, &found);
	}
	return value == NULL || memchr(value, '\0', found) != NULL ? NULL : xstrndup(value, found);
}

/* ---- lists ------------------------------------------------------------------------------------ */

static void
add_word(char ***words, size_t *n, const char *at, size_t len)
{
	*words = xreallocarray(*words, *n + 2, sizeof(**words));
	(*words)[(*n)++] = xstrndup(at, len);
	(*words)[*n] = NULL;
}

char **
skill_words(const char *value)
{
	char **words = xcalloc(1, sizeof(*words));
	size_t n = 0, len, step;

	for (; *value != '\0'; value += step) {
		const char *at = value;

		len = strcspn(value, ",");
		step = len + (value[len] == ',');
		while (len > 0 && (is_blank(*at) || strchr("[]'\"", *at) != NULL)) {
			at++;
			len--;
		}
		while (len > 0 && (is_blank(at[len - 1]) || strchr("[]'\"", at[len - 1]) != NULL))
			len--;
		if (len > 0)
			add_word(&words, &n, at, len);
	}
	return words;
}

static bool
holds(char *const *words, const char *word)
{
	for (; words != NULL && *words != NULL; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

char **
skill_words_add(char **words, const char *word, size_t max)
{
	size_t n = 0;

	while (words != NULL && words[n] != NULL)
		n++;
	if (n < max && !holds(words, word))
		add_word(&words, &n, word, strlen(word));
	return words;
}

void
skill_words_free(char **words)
{
	for (char **w = words; w != NULL && *w != NULL; w++)
		free(*w);
	free(words);
}

/* ---- variables -------------------------------------------------------------------------------- */

bool
skill_variable_ok(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

	return n > 0 && n <= SKILL_VARIABLE_MAX && name[n] == '\0' && !is_digit(name[0]);
}

bool
skill_variable_refused(const char *name)
{
	for (size_t i = 0; i < COUNT(refused); i++)
		if (strcmp(name, refused[i]) == 0)
			return true;
	for (size_t i = 0; i < COUNT(refused_beginnings); i++)
		if (strncmp(name, refused_beginnings[i], strlen(refused_beginnings[i])) == 0)
			return true;
	return false;
}

char **
skill_declared(const char *text, size_t len)
{
	static const char *const keys[] = { "requires_env", "env" };
	char **names = xcalloc(1, sizeof(*names));

	for (size_t i = 0; i < COUNT(keys); i++) {
		cleanup_free char *value = skill_value(text, len, keys[i]);
		char **words = skill_words(value == NULL ? "" : value);

		for (char **w = words; *w != NULL; w++)
			if (skill_variable_ok(*w))
				names = skill_words_add(names, *w, SKILL_VARIABLES_MAX);
		skill_words_free(words);
	}
	return names;
}
