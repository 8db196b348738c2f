/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a dialect is: how a request is written and how an answer is read.
 * provider.c does everything else. A dialect never sees a socket, a timer or
 * a caller; its functions are pure but for the answer they fill.
 */
#ifndef ALPI_DIALECT_H
#define ALPI_DIALECT_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"
#include "engined/answer.h"
#include "engined/provider.h"
#include "engined/sse.h"

struct dialect {
	const char	*name;
	const char	*auth;			/* "Name: value %s", the key comes in; NULL: none */
	const char	*header;		/* one more header or NULL */
	/* Where a request goes, made of the target; the caller frees. */
	char		*(*url)(const struct provider_request *r);
	/* The body; new reference. */
	json_t		*(*body)(const struct provider_request *r);
	/* One event of the stream: 0, or -1 with the error. Sets a->complete and a->closed. */
	int		 (*event)(struct answer *a, const struct sse_event *ev, struct error *e);
	/* A whole answer. 0 or -1. */
	int		 (*whole)(struct answer *a, const json_t *j, struct error *e);
	/* Instead of all that: {"text", "tool_calls": [{id, name, arguments}]} without any server; new reference. */
	json_t		*(*compose)(const struct provider_request *r);
};

extern const struct dialect openai_dialect, anthropic_dialect, gemini_dialect, offline_dialect;

/* ---- what several dialects share (dialect.c) ---- */

/* The effort to ask for: "low", "medium", "high", or NULL when none is wanted or the model does not reason. */
const char	*dialect_effort(const struct provider_request *r);
/* The text of a message's content, be it a string or a list of parts; the caller frees. */
char	*content_text(const json_t *content);
/* All system messages joined in order with an empty line between; "" when there are none. The caller frees. */
char	*system_text(const json_t *messages);
/* A data: URL's media type (the caller frees) and the base64 behind the comma (borrowed). 0, or -1. */
int	 data_url(const char *url, char **type, const char **base64);
/* Append a turn's part to the newest message of this role, or begin one: {"role", list_name: [part]}. Takes part. */
void	 append_part(json_t *list, const char *role, const char *list_name, json_t *part);

#endif
