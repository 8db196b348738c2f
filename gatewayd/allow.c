/* SPDX-License-Identifier: Apache-2.0 */
/* See allow.h. */
#include "gatewayd/allow.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

static size_t
count(char **list)
{
	size_t n = 0;

	while (list != NULL && list[n] != NULL)
		n++;
	return n;
}

static bool
has(char **list, const char *text, size_t len)
{
	for (; *list != NULL; list++)
		if (strlen(*list) == len && memcmp(*list, text, len) == 0)
			return true;
	return false;
}

/* Trimmed, nothing empty, nothing twice. */
static char **
add_list(char **list, const char *text)
{
	static const char white[] = " \t\r\n";
	size_t n = count(list);

	if (list == NULL)
		list = xcalloc(1, sizeof(*list));
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

static void
free_list(char **list)
{
	for (char **p = list; p != NULL && *p != NULL; p++)
		free(*p);
	free(list);
}

void
allow_read(struct allow *a, const char *chats, const char *users)
{
	*a = (struct allow){ .chats = add_list(NULL, chats), .users = users == NULL ? NULL : add_list(NULL, users) };
}

void
allow_add(struct allow *a, const char *chats)
{
	a->chats = add_list(a->chats, chats);
}

void
allow_clear(struct allow *a)
{
	free_list(a->chats);
	free_list(a->users);
	*a = (struct allow){ 0 };
}

bool
allow_has_chat(const struct allow *a, const char *chat)
{
	return has(a->chats, chat, strlen(chat));
}

bool
allow_admits(const struct allow *a, const char *chat, const char *sender)
{
	return allow_has_chat(a, chat) && (a->users == NULL || has(a->users, sender, strlen(sender)));
}

size_t
allow_chats(const struct allow *a)
{
	return count(a->chats);
}
