/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that come in. The only way to a handler is through here: the
 * message is JSON within the limits, the channel table has the row, the
 * token is the caller's, the peer has our uid, the grant (where the handler
 * needs one) verifies and holds the capability, the whole body decodes.
 * So a handler never checks shape or permission.
 */
#ifndef ALPI_DISPATCH_H
#define ALPI_DISPATCH_H

#include "common/daemon.h"
#include "common/error.h"
#include "common/grant.h"
#include "proto/proto.h"

struct call {
	struct daemon		*daemon;
	void			*ctx;		/* daemon->ctx */
	const char		*from;		/* the calling unit, "default/hostd"; lives as long as the call */
	enum msg		 type;
	const struct grant	*grant;		/* verified; NULL where the row needs none. Copy what must last */
};

#define CALL_LATER 1

/*
 * A handler gets the decoded request (a struct of proto.h). It returns 0
 * after call_reply, -1 with the error set (dispatch answers and logs it), or
 * CALL_LATER: the call stays valid until call_reply or call_fail, once.
 * `in` and what hangs from it live until the handler returns.
 */
typedef int handler_fn(struct call *c, const void *in, struct error *e);

struct handler {
	enum msg	 type;
	handler_fn	*fn;
	enum cap	 needs;		/* CAP_none: the channel is permission enough */
};

/* Answer with the message's reply struct. Always 0, so that it can be returned. Frees the call. */
int	call_reply(struct call *c, const void *reply);
/* Answer with an error and log it. Frees the call. */
void	call_fail(struct call *c, const struct error *e);

#endif
