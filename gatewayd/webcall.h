/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request and its whole answer, for platforms that speak HTTP. What
 * went wrong is a line that holds neither the address nor a header: there are
 * tokens in both.
 */
#ifndef ALPI_GATEWAYD_WEBCALL_H
#define ALPI_GATEWAYD_WEBCALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/http.h"

struct webcall;

struct webcall_request {
	const char	 *method, *url;		/* borrowed, as all of it */
	const char	**headers;		/* NULL-terminated; may be NULL */
	const void	 *body;
	size_t		  len;
	int		  wait_ms;		/* for the first byte */
	size_t		  most;			/* bytes of an answer */
};

struct webcall_answer {
	int		 status;	/* of HTTP; 0: no whole answer came */
	const char	*type;		/* Content-Type; "" */
	struct buf	*body;		/* may be taken */
	const char	*why;		/* in a line, of status 0; NULL */
	bool		 large;		/* of status 0: more came than was asked for at most */
	int64_t		 retry_ms;	/* of Retry-After; -1 */
};

typedef void webcall_done(void *arg, const struct webcall_answer *a);

/* Never NULL: the callback runs once, from the loop, unless webcall_cancel comes before; not after the http is freed. */
struct webcall *webcall_start(struct http *http, struct event_base *base, const struct webcall_request *r, webcall_done *done, void *arg);
void	 webcall_cancel(struct webcall *c);	/* NULL is fine */

/* A name as a part of an address: everything but letters, digits and "-_.~" becomes %XX. The caller frees. */
char	*webcall_escape(const char *name);

#endif
