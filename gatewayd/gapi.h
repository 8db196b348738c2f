/* SPDX-License-Identifier: Apache-2.0 */
/* One request to Google's servers, and the JSON it is answered with. No error that comes of it holds an address, a token or a body. */
#ifndef ALPI_GATEWAYD_GAPI_H
#define ALPI_GATEWAYD_GAPI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/http.h"

struct gapi_call;

struct gapi_request {
	const char	*method, *url;
	const char	*bearer;	/* the access token; NULL: none */
	const char	*type, *body;	/* NULL: no body */
	size_t		 max;		/* bytes of an answer; 0: 4 MiB */
};

struct gapi_answer {
	bool		 ok;
	int		 status;	/* of HTTP; 0: no whole answer came */
	const json_t	*said;		/* an object, when ok */
	const char	*code;		/* else the server's word for it: "invalid_grant", "UNAUTHENTICATED"; "" */
	const char	*why;		/* in a line */
	bool		 too_large;
	int64_t		 retry_ms;	/* what the server asks us to wait; -1: it does not say */
};

typedef void gapi_done(void *arg, const struct gapi_answer *a);

/* Never NULL: the callback runs once, from the loop, unless gapi_cancel comes before; not after the http is freed. */
struct gapi_call *gapi_start(struct http *http, struct event_base *base, const struct gapi_request *r, gapi_done *done, void *arg);
/* A text as it may stand behind a = in an address or a form; the caller frees. */
char	*gapi_escape(const char *text);
void	 gapi_cancel(struct gapi_call *c);	/* NULL is fine */

#endif
