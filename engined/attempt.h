/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One try at an answer (spec/engine.md, section 5): the request goes out,
 * its stream is read into an answer, and a watchdog looks on. It trusts
 * nothing that comes back: sizes are bounded, times are bounded, and a
 * connection that ends before the server said why it stopped is an error,
 * never a short answer. Whether to try again is not decided here.
 */
#ifndef ALPI_ATTEMPT_H
#define ALPI_ATTEMPT_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "common/http.h"
#include "engined/answer.h"
#include "engined/dialect.h"
#include "engined/retry.h"

struct attempt;

/* All of it is read before attempt_start returns; the dialect is static. */
struct attempt_order {
	const struct dialect	*dialect;
	const char		*url, *key, *body;	/* key NULL: none */
	json_t			*composed;	/* instead of a server's: the answer itself, as dialect->compose makes it */
	int			 first_byte_ms, idle_ms;	/* 0: no limit */
	bool			 whole;		/* one answer instead of a stream */
};

struct attempt_events {
	/* Valid UTF-8 in whole characters. */
	void	(*text)(void *arg, const char *text, size_t len);
	void	(*reasoning)(void *arg, const char *text, size_t len);
	/* Once, last: the one or the other. What they are given lives until they return; the attempt is gone then. */
	void	(*done)(void *arg, const struct answer *answer);
	void	(*failed)(void *arg, const struct failure *f);
};

/* Begin; no callback runs before this returns. NULL with the error when the request itself is unusable. */
struct attempt *attempt_start(struct event_base *base, struct http *http, const struct attempt_order *o,
	    const struct attempt_events *ev, void *arg, struct error *e);
/* Forget it at once: no further callback. Safe inside its own callbacks; NULL is accepted. */
void	 attempt_cancel(struct attempt *a);

#endif
