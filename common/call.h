/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that go out. At most once on the wire: nothing is sent again by
 * the transport. When the callee dies, or is not there, or does not answer
 * in time, the callback gets an error; what matters carries a key in its
 * body and is asked again by the caller under the same key.
 */
#ifndef ALPI_CALL_H
#define ALPI_CALL_H

#include "common/daemon.h"
#include "common/error.h"
#include "proto/proto.h"

struct request;

/*
 * Runs once on the loop, never inside request_send. reply is the decoded
 * reply struct, valid during the callback, or NULL with the error:
 * ERR_unavailable (not sent: nobody there), ERR_gone (sent, the callee died:
 * it may or may not have happened; also when it had died just before and we had
 * not seen that yet), ERR_timeout, or what the callee answered. Requests arrive
 * in the order they were sent in; callbacks come in any order.
 */
typedef void request_done(void *arg, const void *reply, const struct error *e);

/*
 * Ask a unit. `unit` is "daemon" for one of our own profile or
 * "profile/daemon". `grant` may be NULL. timeout_ms > 0; a callee that is
 * just restarting is waited for within it, at most 3 s (then ERR_unavailable).
 * The body is encoded before this returns and not kept.
 * Returns a handle for request_cancel, or NULL with the error (no such
 * channel, body refused by proto, ERR_busy: too many open requests to that
 * unit). The handle dies with the callback.
 */
struct request *request_send(struct daemon *d, const char *unit, enum msg type,
	    const void *body, const char *grant, int timeout_ms,
	    request_done *done, void *arg, struct error *e);

/* Forget a request: its callback will not run. The callee is not told. */
void	request_cancel(struct request *r);

#endif
