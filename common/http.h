/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP on the event loop: one libcurl multi per process, connections reused.
 * Redirects are not followed. Bodies stream to a callback; limits and idle
 * times are the caller's.
 */
#ifndef ALPI_HTTP_H
#define ALPI_HTTP_H

#include <event2/event.h>
#include <stddef.h>

#include "common/error.h"

struct http;
struct http_call;

struct http_request {
	const char	 *method;		/* "GET", "POST" */
	const char	 *url;			/* http or https */
	const char	**headers;		/* "Name: value", NULL-terminated; may be NULL */
	const void	 *body;			/* copied */
	size_t		  body_len;
	int		  connect_ms;		/* 0: 10000 */
	int		  first_byte_ms;	/* from the start to the first body byte; 0: no limit */
	int		  idle_ms;		/* largest gap between body bytes; 0: no limit */
	size_t		  max_body;		/* bytes of the answer; past it the call fails with ERR_too_large */
};

struct http_events {
	/* Status line and headers are in; retry_after_ms is from Retry-After (seconds or date), -1 without. */
	void	(*head)(void *arg, int status, const char *content_type, long retry_after_ms);
	/* Body bytes. Return 0, or -1 to end the call (done then gets ERR_cancelled). */
	int	(*data)(void *arg, const void *bytes, size_t len);
	/* Once, last; e is NULL for a whole answer of whatever status, else ERR_timeout, ERR_unavailable (connect, DNS, TLS), ERR_gone (cut), ERR_too_large. */
	void	(*done)(void *arg, const struct error *e);
};

struct http *http_new(struct event_base *base, struct error *e);
void	 http_free(struct http *h);
/* Start; no callback runs before this returns. NULL with the error when the request itself is unusable. */
struct http_call *http_start(struct http *h, const struct http_request *r, const struct http_events *ev, void *arg, struct error *e);
/* End a call at once; no further callback. Safe inside its own callbacks. */
void	 http_cancel(struct http_call *c);
/* The tests' and the bench's local servers: proxies of the environment are ignored for loopback, kept otherwise. */

#endif
