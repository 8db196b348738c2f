/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts to vectors, by a server that speaks OpenAI's /embeddings, as Ollama
 * does. The server is believed in nothing: that it answers for each text,
 * with finite numbers, and as many for one as for another, is checked.
 */
#ifndef ALPI_ENGINED_EMBED_H
#define ALPI_ENGINED_EMBED_H

#include <event2/event.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/http.h"
#include "engined/target.h"

#define EMBED_BATCH	64		/* texts at once */

/* What a server answered, in the order of the texts. */
struct embed_result {
	float	*numbers;		/* count times dim */
	size_t	 count;
	int64_t	 dim;
	int64_t	 tokens;		/* as it says; 0: it does not */
	double	 cost;			/* USD, where it says so; as embed_done gets it, target_cost */
};

/* An answer to `count` texts. 0 or -1; embed_clear frees. */
int	 embed_read(const char *body, size_t len, size_t count, struct embed_result *r, struct error *e);
void	 embed_clear(struct embed_result *r);

struct embed;

/* Runs once, from the loop, never inside embed_start; r is NULL with the reason, and lives until it returns. The handle is gone then. */
typedef void embed_done(void *arg, const struct embed_result *r, const struct error *e);
/* texts is taken. A failure that may pass is tried again twice. NULL with the error: this target has no such side. */
struct embed *embed_start(struct event_base *base, struct http *http, const struct target *t, json_t *texts, int timeout_ms,
	    embed_done *done, void *arg, struct error *e);
void	 embed_cancel(struct embed *x);		/* done will not run; NULL is fine */

#endif
