/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Matrix server's /sync and /messages bring, read from strangers' bytes
 * into what the inbox needs. Pure: nothing here knows of lists, files or turns.
 */
#ifndef ALPI_GATEWAYD_MATRIX_SYNC_H
#define ALPI_GATEWAYD_MATRIX_SYNC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MATRIX_DEPTH	512		/* an event of 64 KiB can nest deep, and one event must not hide the others */
#define MATRIX_TEXT_MAX	65536		/* bytes; a whole event is no larger */
#define MATRIX_ID_MAX	255		/* bytes, of any name that the protocol has */

enum matrix_kind {
	MATRIX_TEXT,		/* text for us */
	MATRIX_FILE,		/* m.image, m.file, m.audio, m.video, with what was written under it */
	MATRIX_MUTE,		/* a message that holds nothing we read */
	MATRIX_SEALED		/* the room is encrypted */
};

struct matrix_event {
	enum matrix_kind kind;
	char		*room, *sender, *id;	/* each at most MATRIX_ID_MAX, of printing characters */
	char		*text;			/* valid UTF-8; NULL: none */
	const char	*what;			/* MATRIX_FILE: image, file, audio, video; static */
	char		*server, *media;	/* MATRIX_FILE: whose, and its name there */
	char		*name, *mime;		/* MATRIX_FILE: as the sender calls it; mime NULL: not said */
	int64_t		 size;			/* MATRIX_FILE: as the sender says; -1 */
	char		*files;			/* of whoever fetches it, as a turn takes attachments; NULL */
};

/* A room whose timeline begins later than what was read before. */
struct matrix_gap {
	char	*room, *from;
};

struct matrix_sync {
	char			*next;		/* where the following one begins */
	struct matrix_event	*rows;		/* a room's in their order */
	size_t			 n;
	struct matrix_gap	*gaps;
	size_t			 n_gaps;
	size_t			 invites;	/* rooms that we are asked into */
};

/* An answer of /sync, without what `self` wrote. 0, or -1: it is none (out is empty then). */
int	 matrix_sync_read(const json_t *answer, const char *self, struct matrix_sync *out);
/* An answer of /messages, read backwards from a gap: put before the rows of out. *end: where the page before it begins, NULL at the end; the caller frees. */
int	 matrix_page_read(const json_t *answer, const char *room, const char *self, struct matrix_sync *out, char **end);
void	 matrix_sync_clear(struct matrix_sync *s);

#endif
