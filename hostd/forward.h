/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Most verbs of the host plane are requests to another daemon, or orders to
 * the settings child, and its answer back with the same names.
 */
#ifndef HOSTD_FORWARD_H
#define HOSTD_FORWARD_H

#include <jansson.h>

#include "common/call.h"
#include "hostd/client.h"
#include "hostd/settings.h"

#define FORWARD_MS	15000

/* Ask a daemon of the verb's profile; done gets the ask. 0, or -1 with the error (ERR_not_found: no such unit). */
int	 forward(struct ask *a, const char *daemon, enum msg type, const void *body, int timeout_ms, request_done *done,
	    struct error *e);
/* A reply of the bus as JSON. New reference, or NULL with the error. */
json_t	*forward_json(enum msg type, const void *reply, struct error *e);
/* Answer the verb with a reply of the bus, or its error. */
void	 forward_answer(struct ask *a, enum msg type, const void *reply, const struct error *e);
/* The same for an order, with `ok` for clients that look for it. */
void	 forward_answer_ok(struct ask *a, enum msg type, const void *reply, const struct error *e);
/* An order for the settings child with the verb's own parameters; done gets the ask. Always 0. */
int	 forward_order(struct ask *a, const char *what, settings_done *done);

/* on_MSG: a request_done that answers its ask. */
#define PASS_ON(msg)							\
	static void							\
	on_##msg(void *arg, const void *reply, const struct error *e)	\
	{								\
		forward_answer(arg, MSG_##msg, reply, e);		\
	}
#define ANSWER_OK(msg)							\
	static void							\
	on_##msg(void *arg, const void *reply, const struct error *e)	\
	{								\
		forward_answer_ok(arg, MSG_##msg, reply, e);		\
	}

#endif
