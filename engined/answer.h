/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One answer of a model while it comes in: what every dialect has in the
 * end, whatever its events look like. Text goes straight on; tool calls are
 * put together here. Everything a server can make grow has its limit here.
 */
#ifndef ALPI_ANSWER_H
#define ALPI_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"
#include "engined/mend.h"
#include "engined/provider.h"

struct answer_sink {
	void	(*text)(void *arg, const char *text, size_t len);
	void	(*reasoning)(void *arg, const char *text, size_t len);
};

struct answer_call;

struct answer {
	const struct answer_sink *sink;
	void		*arg;
	struct mend	 text, reasoning;
	size_t		 shown;			/* bytes of text and reasoning so far */
	struct answer_call *calls;
	size_t		 ncalls;
	size_t		 argument_bytes;	/* of all calls */
	bool		 yielded;		/* a delta of any kind came: no retry any more */
	bool		 complete;		/* the server said why it stopped: nothing is missing but perhaps the usage */
	bool		 closed;		/* the server said that nothing at all follows */
	char		 finish[32];		/* as the server said it, "" before */
	int64_t		 input_tokens, output_tokens;	/* -1: not told */
	double		 cost_usd;
	bool		 refused;		/* an error object came */
	int		 status;		/* the HTTP status it named, 0 without */
	json_t		*extra;			/* see provider_result */
	json_t		*work;			/* the dialect's own notes */
};

/* One delta of a tool call; what is absent is NULL. */
struct answer_delta {
	int64_t		 index;			/* -1: the server does not number */
	const char	*id, *name, *arguments;
	size_t		 len;			/* of arguments */
};

void	 answer_init(struct answer *a, const struct answer_sink *sink, void *arg);
void	 answer_clear(struct answer *a);

/* Parse what the server sent, mending text that was cut inside a character. New reference, or NULL with ERR_provider. */
json_t	*answer_parse(struct answer *a, const char *text, size_t len, struct error *e);
/*
 * If j tells an error ({"error":{"message"}}, {"error":""} or, without any of the members of an answer, {"message"}):
 * -1 with ERR_provider and its words, status noted. Else 0.
 */
int	 answer_refused(struct answer *a, const json_t *j, struct error *e);

/* 0, or -1 with ERR_too_large. Empty and NULL texts are nothing. */
int	 answer_text(struct answer *a, const char *text, size_t len, struct error *e);
int	 answer_reasoning(struct answer *a, const char *text, size_t len, struct error *e);
int	 answer_call(struct answer *a, const struct answer_delta *d, struct error *e);
void	 answer_finish(struct answer *a, const char *reason);
/* The stream is over: what was held back of a character is told. */
void	 answer_end(struct answer *a);

/* The calls as in provider_result; new reference. */
json_t	*answer_calls(const struct answer *a);
/* "tool_calls" where there are calls, whatever the server said; else its word, else "stop". */
const char *answer_reason(const struct answer *a);

#endif
