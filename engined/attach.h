/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request with files (spec/engine.md, 15): the message that a model is
 * shown, and what the session keeps of them. The bytes stand in memory, in
 * that message, while the turn runs.
 */
#ifndef ALPI_ENGINED_ATTACH_H
#define ALPI_ENGINED_ATTACH_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"

struct attach {
	const char	*home, *text;
	const json_t	*files;		/* rows {path, name?, mime?, shown?} of files that were staged */
	bool		 sees;		/* the model takes images */
	bool		 late;		/* the turn is taken up again: a file that went since is told, not an error */
};

/* The content of the user's message, and in *rows {name, mime, size, path} each. New references; NULL with the error. */
json_t	*attach_content(const struct attach *a, json_t **rows, struct error *e);
/* The message, or a copy of it without images: what later turns are shown, and what goes to disk. New reference. */
json_t	*attach_without_images(json_t *message);
/* An image as a part of a message in OpenAI form. New reference. */
json_t	*attach_image(const char *mime, const void *data, size_t len);

#endif
