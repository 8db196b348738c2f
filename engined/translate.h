/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation is kept in OpenAI form (spec/engine.md, section 4.1); this
 * takes it apart for the dialects that are written another way. They have in
 * common that turns hold lists of parts, that one role never speaks twice in
 * a row and that the user begins; the parts are each dialect's own, a form.
 *
 * Messages come from sessions, models and tools: what is of the wrong kind is
 * left out, and arguments that are not JSON become none. Pictures that are
 * not part of the message itself are never fetched.
 */
#ifndef ALPI_TRANSLATE_H
#define ALPI_TRANSLATE_H

#include <jansson.h>

struct form {
	const char	*parts;		/* the member of a turn that holds its parts */
	json_t		*(*text)(const char *text);	/* a new reference, as the next */
	json_t		*(*image)(const char *type, const char *base64);
};

/* The text of a message's content, be it a string or a list of parts; the caller frees. */
char	*content_text(const json_t *content);
/* All system messages joined in order with an empty line between; "" when there are none. The caller frees. */
char	*system_text(const json_t *messages);
/* The tool call with this id, of any message; borrowed, or NULL. */
const json_t *find_call(const json_t *messages, const char *id);
/* What a call passes, always an object; new reference. */
json_t	*call_arguments(const json_t *call);

/* Add a part to the last turn if it is this role's, else to a new one. Takes part. */
void	 add_part(json_t *turns, const struct form *f, const char *role, json_t *part);
/* As one part; NULL and "" are none, since servers refuse them. */
void	 add_text(json_t *turns, const struct form *f, const char *role, const char *text);
/* A message's content, texts and pictures (data: URLs), part by part. */
void	 add_content(json_t *turns, const struct form *f, const char *role, const json_t *content);
/* The assistant is about to speak: if nobody did before, the user does. */
void	 add_beginning(json_t *turns, const struct form *f);

#endif
