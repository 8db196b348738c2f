/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a dialect is: how a request is written and how an answer is read
 * (spec/engine.md, section 4). provider.c and attempt.c do everything else. A
 * dialect never sees a socket, a timer or a caller; its functions are pure
 * but for the answer they fill. What they read comes from a server and may
 * be of any shape; the answer bounds how much of it is kept.
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

/* Is there no model behind it, but fixed rules? */
static inline bool
target_by_rules(const struct target *t)
{
	return t->dialect != NULL && t->dialect->compose != NULL;
}

/* The effort to ask for: "low", "medium", "high", or NULL when none is wanted or the model does not reason. */
const char	*dialect_effort(const struct provider_request *r);
/* The same in tokens, for servers that want a number; 0 for none. */
int	 dialect_thinking_budget(const struct provider_request *r);

#endif
