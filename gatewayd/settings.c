/* SPDX-License-Identifier: Apache-2.0 */
/* See settings.h. What is said about a token never quotes it. */
#include "gatewayd/settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"

#define API		"https://api.telegram.org"
#define DIGITS		"0123456789"
#define WORD		DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"

static bool
has(char **list, const char *text, size_t len)
{
	for (; *list != NULL; list++)
		if (strlen(*list) == len && memcmp(*list, text, len) == 0)
			return true;
	return false;
}

char **
settings_list(const char *text)
{
	static const char white[] = " \t\r\n";
	char **list = xcalloc(1, sizeof(*list));
	size_t n = 0;

	while (text != NULL && *text != '\0') {
		const char *item = text + strspn(text, white);
		size_t len = strcspn(item, ",");

		text = item + len + (item[len] == ',');
		while (len > 0 && strchr(white, item[len - 1]) != NULL)
			len--;
		if (len == 0 || has(list, item, len))
			continue;
		list = xreallocarray(list, n + 2, sizeof(*list));
		list[n++] = xstrndup(item, len);
		list[n] = NULL;
	}
	return list;
}

void
settings_list_free(char **list)
{
	for (char **p = list; p != NULL && *p != NULL; p++)
		free(*p);
	free(list);
}

/* The token goes into addresses: digits, a colon, and nothing that an address could take for something else. */
static bool
is_token(const char *token)
{
	size_t n = strspn(token, DIGITS);

	return n > 0 && n < 20 && token[n] == ':' && strlen(token) <= 128 && token[n + 1] != '\0' &&
	    token[n + 1 + strspn(token + n + 1, WORD)] == '\0';
}

/* In clear only to this machine: the token is in every request. */
static bool
is_safe(const char *url)
{
	static const char *const starts[] = { "http://127.0.0.1", "http://localhost", "http://[::1]" };
	size_t n;

	if (strncmp(url, "https://", 8) == 0)
		return url[8] != '\0';
	for (size_t i = 0; i < COUNT(starts); i++)
		if (strncmp(url, starts[i], n = strlen(starts[i])) == 0 && (url[n] == '\0' || url[n] == ':' || url[n] == '/'))
			return strchr(url, '@') == NULL;
	return false;
}

static const char *
value(const struct boot *b, const char *name)
{
	const char *v = boot_secret(b, name);

	return v != NULL && *v != '\0' ? v : NULL;
}

void
settings_read(struct settings *s, const struct boot *b)
{
	struct telegram_settings *t = &s->telegram;
	const char *token = value(b, "TELEGRAM_BOT_TOKEN"), *api = value(b, "TELEGRAM_API_URL");

	t->chats = settings_list(value(b, "TELEGRAM_ALLOWED_CHAT_IDS"));
	if (value(b, "TELEGRAM_ALLOWED_USER_IDS") != NULL)
		t->users = settings_list(value(b, "TELEGRAM_ALLOWED_USER_IDS"));
	if (token != NULL && !is_token(token))
		t->wrong = "TELEGRAM_BOT_TOKEN is no bot token (digits, a colon, letters)";
	else if (token != NULL && api != NULL && !is_safe(api))
		t->wrong = "TELEGRAM_API_URL must begin with https:// or be on this machine";
	if (token == NULL || t->wrong != NULL)
		return;
	t->token = token;
	t->account = xstrndup(token, strspn(token, DIGITS));
	t->api = xstrdup(api != NULL ? api : API);
	while (t->api[strlen(t->api) - 1] == '/')
		t->api[strlen(t->api) - 1] = '\0';
}

void
settings_clear(struct settings *s)
{
	settings_list_free(s->telegram.chats);
	settings_list_free(s->telegram.users);
	free(s->telegram.account);
	free(s->telegram.api);
	*s = (struct settings){ 0 };
}

bool
settings_admits(const struct telegram_settings *t, const char *chat, const char *sender)
{
	return has(t->chats, chat, strlen(chat)) && (t->users == NULL || has(t->users, sender, strlen(sender)));
}
