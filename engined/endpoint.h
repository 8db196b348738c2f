/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to a side of a model's server that is no conversation: texts to
 * vectors, speech to text. A failure that may pass is tried again twice; what
 * is said of one does not hold the key.
 */
#ifndef ALPI_ENGINED_ENDPOINT_H
#define ALPI_ENGINED_ENDPOINT_H

#include <event2/event.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/http.h"
#include "engined/target.h"

struct endpoint;

struct endpoint_request {
	const struct target	*target;	/* all of it is borrowed, and copied */
	const char		*path, *type;	/* "/embeddings"; the body's Content-Type */
	const void		*body;
	size_t			 len, most;	/* bytes of the body; of an answer */
	int			 timeout_ms;
};

/* Runs once, from the loop, never inside endpoint_start; body is NULL with the reason, and lives until it returns. The handle is gone then. */
typedef void endpoint_done(void *arg, const struct buf *body, const struct error *e);
/* NULL with the error: this target has no such side. */
struct endpoint *endpoint_start(struct event_base *base, struct http *http, const struct endpoint_request *r, endpoint_done *done,
	    void *arg, struct error *e);
void	 endpoint_cancel(struct endpoint *x);		/* done will not run; NULL is fine */

#endif
