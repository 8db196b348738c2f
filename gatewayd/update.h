/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Telegram's getUpdates brings, read from strangers' bytes into what the
 * inbox needs. Pure: nothing here knows of lists, files or turns.
 */
#ifndef ALPI_GATEWAYD_UPDATE_H
#define ALPI_GATEWAYD_UPDATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define UPDATE_DEPTH	32
#define UPDATE_TEXT_MAX	65536		/* bytes; Telegram's own limit is 4096 characters */

enum update_kind {
	UPDATE_MESSAGE,		/* text for us */
	UPDATE_MUTE,		/* one of a known chat that holds nothing we read */
	UPDATE_PRESS,		/* a button below a message of ours; its text is what the button says */
	UPDATE_OTHER		/* no message at all */
};

struct update {
	int64_t		 id;
	enum update_kind kind;
	char		 chat[24], sender[24];	/* numbers; a group's is negative. A message that nobody signed: the chat's */
	char		*text;			/* valid UTF-8; NULL unless UPDATE_MESSAGE or UPDATE_PRESS */
	char		 callback[65];		/* of UPDATE_PRESS, with the number of the message */
	int64_t		 message;
	json_t		*files;			/* [{id, name, kind, size}] (media.h); NULL: none */
	char		 album[32];		/* its name; "": none. The first message of one has the files of all, the others are nothing */
	const char	*what;			/* "sticker", ..; static */
};

/*
 * An answer of the Bot API from its bytes, or NULL. An update that is no JSON for us is in it with its number alone: the others are
 * read, and it is not asked for again. *bad: how many of them.
 */
json_t	*updates_answer(const char *text, size_t len, size_t *bad);
/* "/word@other": a command that another bot of the same chat shall answer; a name has no case. */
bool	 update_is_for_another(const struct update *u, const char *bot);
/*
 * The updates of an answer's `result`, in the order of their ids. What is no object or has no id is left out.
 * NULL-able list of *n rows, to be freed with updates_free.
 */
struct update *updates_read(const json_t *result, size_t *n);
void	 updates_free(struct update *rows, size_t n);

#endif
