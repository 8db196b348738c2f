/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be learned from an Ollama server beside its OpenAI side: whether
 * it is one, and how large a model's context window is (spec/engine.md,
 * 4.2). Learned once per server and model; a server that was not there is
 * asked again the next time. What it says is a number for our arithmetic and
 * is bounded as such; whatever goes wrong only means that less is known.
 */
#ifndef ALPI_OLLAMA_H
#define ALPI_OLLAMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/http.h"

#define OLLAMA_WINDOW 32768	/* of a model whose server does not say */

struct ollama_probe;

struct ollama {
	struct http	*http;
	json_t		*servers;	/* url -> {name: window}; null: no Ollama server */
	LIST_HEAD(, ollama_probe) probes;	/* that run */
};

void	 ollama_init(struct ollama *o, struct http *http);
void	 ollama_clear(struct ollama *o);	/* cancels what runs; http must still be there */

/* The window of a model on the server whose OpenAI side is at url (".../v1"); 0: not an Ollama server; -1: not known yet. */
int64_t	 ollama_window(const struct ollama *o, const char *url, const char *name);
/* Learn it, then call done, later on the loop. The handle ends with done or ollama_cancel. NULL when url is unusable. */
struct ollama_probe *ollama_probe(struct ollama *o, const char *url, const char *name, void (*done)(void *arg), void *arg);
/* Done will not run. NULL is accepted. */
void	 ollama_cancel(struct ollama_probe *q);

/* The window in an answer of /api/show: `num_ctx N` among the parameters, else the model's context_length, else OLLAMA_WINDOW. */
int64_t	 ollama_show_window(const json_t *show);

#endif
