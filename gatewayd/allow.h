/* SPDX-License-Identifier: Apache-2.0 */
/* Who may write to us on a platform: closed unless opened (gateway.md, section 3). */
#ifndef ALPI_GATEWAYD_ALLOW_H
#define ALPI_GATEWAYD_ALLOW_H

#include <stdbool.h>
#include <stddef.h>

struct allow {
	char	**chats;	/* NULL-terminated; empty: nobody is heard */
	char	**users;	/* NULL: whoever is in such a chat */
};

/* The lists as operators write them, "a, b,,a"; users NULL: there is no second gate. */
void	 allow_read(struct allow *a, const char *chats, const char *users);
/* One more list of chats beside what is there. */
void	 allow_add(struct allow *a, const char *chats);
void	 allow_clear(struct allow *a);
bool	 allow_admits(const struct allow *a, const char *chat, const char *sender);
bool	 allow_has_chat(const struct allow *a, const char *chat);
size_t	 allow_chats(const struct allow *a);

#endif
