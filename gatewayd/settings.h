/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which platforms are switched on, and whom each of them lets in. All of it
 * comes from init's boot message; a change of it is a new process.
 */
#ifndef ALPI_GATEWAYD_SETTINGS_H
#define ALPI_GATEWAYD_SETTINGS_H

#include <stdbool.h>

#include "common/boot.h"

struct telegram_settings {
	const char	*token;			/* borrowed from the boot message. NULL: not configured, or not usable */
	const char	*wrong;			/* why it is not; NULL */
	char		*account;		/* the bot's number, which its token begins with */
	char		*api;			/* base address, without a slash at its end */
	char		**chats, **users;	/* NULL-terminated; users NULL: whoever is in such a chat */
};

struct settings {
	struct telegram_settings telegram;
};

void	 settings_read(struct settings *s, const struct boot *b);
void	 settings_clear(struct settings *s);
/* May this one speak to us? An empty list of chats lets nobody in. */
bool	 settings_admits(const struct telegram_settings *t, const char *chat, const char *sender);

/* "a, b,,a" -> a, b: trimmed, nothing empty, nothing twice. NULL-terminated; free with settings_list_free. Never NULL. */
char	**settings_list(const char *text);
void	 settings_list_free(char **list);

#endif
