/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of the bus: whole messages both ways over a Unix stream, as
 * nng's ipc transport frames them (the SP mapping: a greeting of 8 bytes each
 * way, then messages of a type byte, a length of 8 bytes, the payload, whose
 * first 4 bytes are the question's number). So nngcat can ask an inbox.
 *
 * Everything runs on the loop's thread, and nothing of a connection is called
 * from inside a function of this header: what ends a connection is told from
 * the loop.
 */
#ifndef ALPI_WIRE_H
#define ALPI_WIRE_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define WIRE_REQ	0x30		/* nng's number for the side that asks */
#define WIRE_REP	0x31		/* and for the side that answers */
#define WIRE_HEAD	13		/* bytes before the text: type, length, number */
#define WIRE_NUMBER	0x80000000u	/* the bit that every number has */

struct wire;

/* A message on its way out. The caller owns it and its text, and keeps both until all is written or the wire is closed. */
struct wire_out {
	TAILQ_ENTRY(wire_out)	 link;
	unsigned char		 head[WIRE_HEAD];
	const char		*text;
	size_t			 len;
	size_t			 written;	/* of head and text; above 0 it cannot be taken back */
};

/* What the owner of a connection is told, all from the loop; after `down` the owner closes it. */
struct wire_events {
	void	(*up)(void *arg);						/* the other side has greeted */
	void	(*message)(void *arg, uint32_t number, char *bytes, size_t len);	/* bytes are the owner's, NUL behind them, text from WIRE_TEXT on */
	void	(*sent)(void *arg, struct wire_out *out);			/* all written: the kernel has it */
	void	(*down)(void *arg);						/* the end: it closed, broke, or spoke otherwise */
};

#define WIRE_TEXT	4		/* where the text begins in a message's bytes */

/* Greet over a connected stream that does not wait, of which this becomes the owner. max: bytes of a text. Never NULL. */
struct wire *wire_new(struct event_base *base, int fd, uint16_t we, uint16_t they, size_t max,
	    const struct wire_events *events, void *arg);
/* Close; NULL is fine. May be called from the events. What was not sent is not. */
void	 wire_close(struct wire *w);
/* Name the message and send it after those before it; up must have been told. */
void	 wire_send(struct wire *w, struct wire_out *out, uint32_t number, const char *text, size_t len);
/* Take back one of which nothing was written. */
void	 wire_withdraw(struct wire *w, struct wire_out *out);
/* Write what the kernel takes now. */
void	 wire_flush(struct wire *w);
/* 1 while something is to be written. */
int	 wire_pending(const struct wire *w);
/* The descriptor, for poll. */
int	 wire_fd(const struct wire *w);

#endif
