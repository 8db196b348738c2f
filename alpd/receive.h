/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to a message that came in (alp-wire.md, 4): dropped without a
 * byte, refused with a signed error, or handed to its method. The order of
 * the checks is the protocol.
 */
#ifndef ALPD_RECEIVE_H
#define ALPD_RECEIVE_H

#include <stdbool.h>

#include "alpd/alpd.h"
#include "alpd/envelope.h"
#include "alpd/peers.h"

struct link_call;

/* What a session gives for one message, and hears of it. */
struct link_port {
	/* Send one signed text. 0, or -1: it does not take it (now: ERR_busy; for good: the session is gone). */
	int	(*send)(void *arg, const char *text, size_t len, struct error *e);
	/* The answer is complete (or there is none): `drop` says close without a byte. The call is freed after. */
	void	(*end)(void *arg, bool drop);
	/* Where it came from, for the audit row: "unix" or "host:port". Borrowed. */
	const char *(*address)(void *arg);
};

/* A request that passed steps 1 to 13. */
struct link_call {
	struct alpd		*alpd;
	const struct link_port	*port;
	void			*arg;		/* of the port */
	struct envelope		 env;
	const struct link_method *method;
	char			*peer_id;	/* our id of the sender */
	char			*address;	/* for the audit row */
	void			(*gone)(struct link_call *c);	/* the caller left; set by a method that answers later */
	void			(*drained)(struct link_call *c);	/* sending may go on */
	void			*state;		/* the method's own */
};

/* remote: the Noise static of the session, NULL on a Unix socket. The text is kept as long as the call. NULL: it ended already. */
struct link_call *receive_message(struct alpd *a, const char *text, size_t len, const uint8_t *remote,
	    const struct link_port *port, void *arg);
/* The session ended while the call was open: it is told and freed. */
void	receive_gone(struct link_call *c);
/* The session takes bytes again. */
void	receive_drained(struct link_call *c);

/* One method of section 9: it answers through these, now or later. */
typedef void link_method_fn(struct link_call *c);
struct link_method {
	const char	*name;
	link_method_fn	*fn;
	bool		 quiet;			/* without effect: no audit row */
	bool		 chunked;		/* with `offset` > 0 it counts against RATE_CHUNKS */
};
extern const struct link_method link_methods[];	/* methods.c; ends with a row of zeroes */

/* Answer and end the call. result, data: canonical JSON. */
void	link_result(struct link_call *c, const char *result);
void	link_final(struct link_call *c, const char *result);			/* ends a stream */
void	link_error(struct link_call *c, int code, const char *name, const char *data);
void	link_refuse(struct link_call *c, int code, const char *name, const char *detail);	/* data {"detail":…} */
void	link_invalid(struct link_call *c, const char *name, const char *detail);	/* -32602 with {"detail":…} */
/* One chunk. 0, or -1: not now (drained follows), or gone. */
int	link_chunk(struct link_call *c, const char *result, struct error *e);

#endif
