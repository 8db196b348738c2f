/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's multi interface on the event loop: it tells which sockets and
 * which timer to watch, the loop watches them. common/http.h and the mail
 * servers of gatewayd stand on it.
 */
#ifndef ALPI_MULTI_H
#define ALPI_MULTI_H

#include <curl/curl.h>
#include <event2/event.h>
#include <stdbool.h>

#include "common/error.h"

struct multi;

/* Both from the loop, with libcurl off the stack: handles may be added and removed there. */
struct multi_events {
	void	(*done)(void *arg, CURL *easy, CURLcode code);	/* a handle's transfer is over */
	void	(*idle)(void *arg);				/* libcurl has returned, and all that is over was told; NULL: nothing */
};

/* NULL with the error. The caller frees it, after its handles. */
struct multi *multi_new(struct event_base *base, const struct multi_events *ev, void *arg, struct error *e);
void	 multi_free(struct multi *m);		/* NULL is fine */
/* For its options, and to add and remove handles: while multi_inside that must wait for `idle`. */
CURLM	*multi_handle(struct multi *m);
/* libcurl is on the stack: one of the callbacks of a handle runs. */
bool	 multi_inside(const struct multi *m);

#endif
