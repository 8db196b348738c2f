/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope (alp-wire.md, 2 to 4): made, signed, and checked as far as it
 * can be checked without knowing who may speak to us. What is made goes out
 * in canonical form with the signature put in, since wire order has no
 * meaning and so the text is printed once.
 */
#ifndef ALPD_ENVELOPE_H
#define ALPD_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "alpd/canonical.h"
#include "alpd/identity.h"

#define ENVELOPE_MAX		1048560		/* bytes of one message on either transport (6, 7.2) */
#define ENVELOPE_LINE_MAX	1048577		/* what is still accepted on a Unix socket */
#define ENVELOPE_CLOCK_US	(120 * INT64_C(1000000))
#define ENVELOPE_ID_BYTES	33		/* 32 hex digits and a NUL */

/* One that passed steps 1 to 5; everything points into doc, which it owns. */
struct envelope {
	struct doc		*doc;
	char			 from[IDENTITY_BYTES], to[IDENTITY_BYTES];
	char			*nonce;			/* any text without NUL, owned */
	int64_t			 ts_us;			/* microseconds since 1970 */
	const struct node	*id;			/* NULL: none */
	const struct node	*method, *params;	/* of a request; NULL: none */
	const struct node	*result, *error;	/* of a response; NULL: none */
	const struct node	*stream;		/* NULL: not in a stream */
};

/*
 * Check steps 1 to 5 of a message at this wall time (microseconds): JSON, shape, version, clock, signature.
 * 0 and v filled (clear it), or -1: drop it; the error's text is for our own log. `from` is canonical base64 of 32 bytes.
 */
int	 envelope_open(struct envelope *v, const char *text, size_t len, int64_t now_us, struct error *e);
void	 envelope_clear(struct envelope *v);
/* A timestamp to microseconds since 1970; false: no such time (3.3). */
bool	 envelope_time(const char *text, size_t len, int64_t *us);
/* Print one: "YYYY-MM-DDTHH:MM:SS.ffffffZ", no fraction when that is 0. */
void	 envelope_time_text(int64_t us, char out[32]);

/*
 * A signed request with a fresh id and nonce. params: canonical JSON text of an object, "{}" for none.
 * The text's length in *len; the caller frees. NULL: the key child is gone, or it would pass ENVELOPE_MAX.
 */
char	*envelope_request(struct identity *self, const char *to, const char *method, const char *params,
	    char id[ENVELOPE_ID_BYTES], size_t *len, struct error *e);
/* A signed response to v. stream: "chunk", "final" or NULL. result: canonical JSON text. As envelope_request. */
char	*envelope_result(struct identity *self, const struct envelope *v, const char *result, const char *stream,
	    size_t *len, struct error *e);
/* A signed error to v; data: canonical JSON text, "null" for none. As envelope_request. */
char	*envelope_error(struct identity *self, const struct envelope *v, int code, const char *message, const char *data,
	    size_t *len, struct error *e);

/* The client's part of step 7 on: v answers the request `id` that went to `from`, and has a result or an error. 0 or -1. */
int	 envelope_answers(const struct envelope *v, const char *self, const char *from, const char *id, struct error *e);

#endif
