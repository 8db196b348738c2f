/* SPDX-License-Identifier: Apache-2.0 */
/* What a message holds beside its text: of Telegram, read from strangers' bytes; and what all platforms say of files. Pure. */
#ifndef ALPI_GATEWAYD_MEDIA_H
#define ALPI_GATEWAYD_MEDIA_H

#include <jansson.h>

#define MEDIA_MAX	(20 * 1024 * 1024)	/* bytes; Telegram gives bots no larger ones */
#define MEDIA_NO_TEXT "(sent without a text)"	/* of a message that is only a file */

/*
 * The file of a message: {id, name, kind, size}, id being what the server knows it by, kind one of photo, document, voice, audio.
 * New reference; NULL: it holds none that can be had.
 */
json_t	*media_of(const json_t *message);

/* What a recording is called where it is kept: its id and what kind of sound its name says it is. The caller frees. */
char	*media_recording(const json_t *file);

#endif
