/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between processes: one inbox that others ask, one connection to
 * each inbox we ask, both spoken as nng's REQ and REP sockets speak (wire.h).
 * Texts only: what they mean, and who may send them, is the business of
 * dispatch and call, the only users of this file.
 *
 * It is not libnng: the one that Debian 12 has (1.5.2) stops for good when a
 * process at the other end dies while a message is coming in. Its reaper then
 * waits for a read that was never begun, no connection is made again, and
 * nng_close does not return. Here nothing waits but the loop, without threads.
 */
#ifndef ALPI_BUS_H
#define ALPI_BUS_H

#include <event2/event.h>
#include <stddef.h>

#include "common/error.h"

struct bus;
struct bus_message;		/* one question that came in */
struct bus_peer;		/* another process's inbox */
struct bus_ask;			/* one question that went out */

#define BUS_ASKS_MAX	4096			/* open questions to one peer */
#define BUS_BYTES_MAX	(64 * 1024 * 1024)	/* their bytes; also those of answers that callers do not take */

/* A question came in: answer or ignore it, now or later. */
typedef void bus_request_fn(void *arg, struct bus_message *m);
/* A question ended: the answer's text, or NULL and why: ERR_gone (it had been sent) or ERR_unavailable (it had not). */
typedef void bus_done_fn(void *arg, const char *text, size_t len, const struct error *e);

/* Never NULL. */
struct bus *bus_new(struct event_base *base, bus_request_fn *on_request, void *arg);
/* Send what has been answered (waits, at most a second), forget what was asked without a callback, free. NULL is fine. */
void	 bus_free(struct bus *b);
/* Open the inbox at a path (0600); a socket that a dead process left there is replaced. 0 or -1. */
int	 bus_listen(struct bus *b, const char *path, struct error *e);
/* Who comes from here on finds nobody; those who are connected stay. NULL is fine. */
void	 bus_unlisten(struct bus *b);

/* The question's bytes, not NUL-terminated; borrowed until bus_message_read, bus_answer or bus_ignore. */
const char *bus_message_text(const struct bus_message *m, size_t *len);
/* The bytes are understood and can be freed. */
void	 bus_message_read(struct bus_message *m);
/* The user of the asking process, as the kernel said when it connected. */
long	 bus_message_uid(const struct bus_message *m);
/* Answer once; frees m. -1: nothing was sent and m stays, since too much lies unsent already; `must` sends all the same. */
int	 bus_answer(struct bus_message *m, const char *text, size_t len, int must);
/* Never answer; frees m. The asker waits out its time. */
void	 bus_ignore(struct bus_message *m);
/* Questions that wait for our answer. */
size_t	 bus_held(const struct bus *b);

/* The inbox at a path, connected to when it is asked; lives as long as the bus. Never NULL. */
struct bus_peer *bus_peer(struct bus *b, const char *path);
/* 1 while a connection stands. */
int	 bus_peer_connected(const struct bus_peer *p);
/* Ask. The callback runs once, from the loop. NULL: ERR_busy (too many open questions), ERR_too_large. */
struct bus_ask *bus_ask(struct bus_peer *p, const char *text, size_t len, bus_done_fn *done, void *arg, struct error *e);
/* 1 when the question has left us: it may have an effect even if no answer comes. */
int	 bus_ask_sent(const struct bus_ask *a);
/* Wait no longer: the callback runs now, and its error says whether the question had left us. */
void	 bus_ask_end(struct bus_ask *a);
/* Forget it: the callback will not run, and a late answer is dropped. */
void	 bus_ask_cancel(struct bus_ask *a);

#endif
