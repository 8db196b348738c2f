/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model's answer, whoever serves it (spec/engine.md, sections 4 and 5).
 * The caller says where (target.h) and hands over the conversation in OpenAI
 * chat form; it gets deltas, then one end: done or failed. Watchdogs, retries
 * and their pauses, limits of what a server may send, and the differences
 * between servers are all behind this page.
 *
 * The caller is believed, the server in nothing: its text is repaired and
 * bounded, its calls are text that somebody else has to check. Nothing is
 * stored here, no tool is run and no money is counted beyond what one answer
 * says of itself. Everything runs on the loop; nothing blocks.
 */
#ifndef ALPI_PROVIDER_H
#define ALPI_PROVIDER_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "engined/target.h"

#define PROVIDER_TEXT_MAX	(4u << 20)	/* text and reasoning of one answer; past it the answer fails */
#define PROVIDER_ARGUMENTS_MAX	(1u << 20)	/* arguments of one call; past it the call gets an "error" */
#define PROVIDER_CALLS_MAX	128		/* calls of one answer; past it the answer fails */
#define PROVIDER_WINDOW		200000		/* context window of a model that nobody describes */

struct provider;		/* one per process: the connections, and what is known of servers */
struct provider_call;
struct http;
struct ollama_probe;

/* runtime.* of the configuration, in milliseconds. */
struct provider_limits {
	int	first_byte_ms, idle_ms;		/* 0: no limit */
	int	max_retries, backoff_ms;
};

struct provider_request {
	const struct target		*target;	/* copied */
	struct provider_limits		 limits;
	json_t				*messages;	/* OpenAI chat form; role tool has tool_call_id */
	json_t				*tools;		/* [{"type":"function","function":{name,description,parameters}}]; NULL or empty: none */
	const char			*effort;	/* "low", "medium", "high"; NULL or "": not sent */
	int				 most;		/* tokens of the answer, thinking not counted; 0: as many as the model gives */
	bool				 whole;		/* one answer instead of a stream: no delta but one text */
};

struct provider_result {
	/*
	 * [{id, name, arguments}], arguments as the text the model wrote (it may not be JSON). A call that was
	 * cut off also has "error": do not run it, give the model that sentence as its result. Empty: no calls.
	 */
	json_t		*tool_calls;	/* borrowed, never NULL */
	json_t		*extra;		/* members to keep in this step's assistant message for the same provider; borrowed or NULL */
	const char	*finish_reason;	/* "stop", "tool_calls", "length", ... */
	int64_t		 input_tokens, output_tokens;
	bool		 estimated;	/* the server sent no usage: tokens.h */
	double		 cost_usd;	/* target_cost */
};

/* Text is valid UTF-8 in whole characters, and NUL-terminated. Any member but done and failed may be NULL. */
struct provider_events {
	void	(*text)(void *arg, const char *text, size_t len);
	void	(*reasoning)(void *arg, const char *text, size_t len);
	/* Attempt number `attempt` (the first retry is 1) begins in wait_ms; nothing was shown so far. */
	void	(*retrying)(void *arg, int attempt, int wait_ms, const struct error *why);
	/* Once, last: the one or the other. The handle is gone when it returns. */
	void	(*done)(void *arg, const struct provider_result *r);
	void	(*failed)(void *arg, const struct error *e);	/* text for people, with the provider's name; retries are used up */
};

/* NULL with the error when the HTTP library does not start. */
struct provider *provider_new(struct event_base *base, struct error *e);
struct http *provider_http(struct provider *p);	/* its connections, for what else is asked of such servers; borrowed */
void	 provider_free(struct provider *p);	/* cancels what runs, without a callback; NULL is accepted */

/* Fills all of l; a value that is absent or of the wrong kind is the default. */
void	 provider_limits(const json_t *config, struct provider_limits *l);

/* Context window in tokens as far as known: PROVIDER_WINDOW until a local server was asked. */
int64_t	 provider_window(const struct provider *p, const struct target *t);
/*
 * Learn the window of a model on an Ollama server (once per model; at most 3 s when the server is there), then call
 * done, later on the loop. provider_start does this by itself; a caller that compacts by the window asks first.
 * NULL when there is nothing to learn: done will not run. The handle ends with done, ollama_cancel or provider_free.
 */
struct ollama_probe *provider_probe(struct provider *p, const struct target *t, void (*done)(void *arg), void *arg);

/* The body exactly as it would be posted; the caller frees. The offline dialect posts nothing; its size is told in OpenAI form. */
char	*provider_body(const struct provider *p, const struct provider_request *r);

/*
 * Ask. Messages and tools are read before this returns (not kept by reference). No callback runs before it returns.
 * NULL with the error when the request is unusable.
 */
struct provider_call *provider_start(struct provider *p, const struct provider_request *r, const struct provider_events *ev,
	    void *arg, struct error *e);
/*
 * What an answer has used that will not come to its end: true when something of it was shown, and r holds estimates (and no calls).
 * For a call that is to be cancelled, or has failed.
 */
bool	 provider_unfinished(const struct provider_call *c, struct provider_result *r);
/* Forget it at once: no further callback. Safe inside its own callbacks; NULL is accepted. */
void	 provider_cancel(struct provider_call *c);

#endif
