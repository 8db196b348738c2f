/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speech to text, by a server that speaks OpenAI's /audio/transcriptions. The
 * words are a stranger's, like those of any message; what the server says of
 * its price is believed within bounds.
 */
#ifndef ALPI_ENGINED_TRANSCRIBE_H
#define ALPI_ENGINED_TRANSCRIBE_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/http.h"
#include "engined/target.h"

#define TRANSCRIPT_MAX	65536		/* bytes of a text */

struct transcript {
	char	*text;			/* valid UTF-8, without white space around it; "": nothing is said */
	int64_t	 tokens_in, tokens_out;	/* as the server says; 0: it does not */
	double	 cost;			/* USD, where it says so; as transcribe_done gets it, target_cost */
};

/* A server's answer. 0 or -1; transcript_clear frees. */
int	 transcript_read(const char *body, size_t len, struct transcript *t, struct error *e);
void	 transcript_clear(struct transcript *t);

/* The form that is posted; returns its Content-Type, which the caller frees. language "": the server finds out. */
char	*transcribe_form(struct buf *form, const char *model, const char *language, const char *name, const struct buf *sound);

/* Runs once, from the loop, never inside transcribe_start; t is NULL with the reason, and lives until it returns. */
typedef void transcribe_done(void *arg, const struct transcript *t, const struct error *e);
/* name ends in what kind of sound it is; all of it is copied. 0, or -1 with ERR_invalid: this target has no such side. */
int	 transcribe_start(struct event_base *base, struct http *http, const struct target *t, const char *language, const char *name,
	    const struct buf *sound, transcribe_done *done, void *arg, struct error *e);

#endif
