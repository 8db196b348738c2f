/* SPDX-License-Identifier: Apache-2.0 */
/* One request of Matrix's client-server API. The token is in a header, and in no line that is shown. */
#ifndef ALPI_GATEWAYD_MATRIX_API_H
#define ALPI_GATEWAYD_MATRIX_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/http.h"

struct matrix_call;

struct matrix_server {
	struct http		*http;
	struct event_base	*base;
	char			*url;		/* without a slash at its end */
	char			*token;
};

struct matrix_answer {
	bool		 ok;
	int		 status;	/* of HTTP; 0: nothing that it said came through */
	const char	*errcode;	/* "M_FORBIDDEN"; "" when it gives none */
	const json_t	*body;		/* when ok, of matrix_ask; NULL when it is no object that can be read */
	const void	*bytes;		/* when ok, of matrix_load */
	size_t		 len;
	const char	*type;
	const char	*why;		/* unless ok, in a line */
	bool		 large;		/* of status 0: a file is larger than matrix_load was told */
	int64_t		 retry_ms;	/* what the server asks us to wait; -1: it does not say */
};

typedef void matrix_done(void *arg, const struct matrix_answer *a);

/*
 * Ask for JSON at a path, with an object that this takes over (NULL: none), and wait for an answer for so long.
 * Never NULL: the callback runs once, from the loop, unless matrix_cancel comes before; not after the http is freed.
 */
struct matrix_call *matrix_ask(const struct matrix_server *m, const char *method, const char *path, json_t *body, int wait_ms,
	    matrix_done *done, void *arg);
/* The same for a file of at most so many bytes. */
struct matrix_call *matrix_load(const struct matrix_server *m, const char *path, size_t most, matrix_done *done, void *arg);
/* Bring a file there, of this type. As matrix_ask. */
struct matrix_call *matrix_upload(const struct matrix_server *m, const char *path, const char *type, const void *bytes, size_t len,
	    matrix_done *done, void *arg);
void	 matrix_cancel(struct matrix_call *c);	/* NULL is fine */

#endif
