/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where one message ends and the next begins on a stream (alp-wire.md, 6,
 * 7.1, 7.2). A length is checked when its bytes are there, before anything
 * else is read or allocated for it.
 */
#ifndef ALPD_FRAME_H
#define ALPD_FRAME_H

#include <event2/buffer.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX	1048576		/* ciphertext of a message */
#define FRAME_MIN	16
#define FRAME_HANDSHAKE_MAX 65535

enum frame_kind {
	FRAME_LINE,			/* ended by '\n', at most ENVELOPE_LINE_MAX bytes without it */
	FRAME_HANDSHAKE,		/* u16 BE */
	FRAME_MESSAGE,			/* u32 BE, FRAME_MIN to FRAME_MAX */
};

/*
 * How much of `in` is the next frame: 1 and *head bytes to skip, *body bytes to take (a line's newline is one more to
 * drain: *tail); 0: not all there yet; -1: it breaks a limit, close. `eof`: no more will come, so a last line is whole.
 */
int	frame_next(enum frame_kind kind, struct evbuffer *in, int eof, size_t *head, size_t *body, size_t *tail);
/* The same for bytes in memory (frame_next pulls up no more than it must). */
int	frame_parse(enum frame_kind kind, const void *bytes, size_t len, int eof, size_t *head, size_t *body, size_t *tail);
/* Append the head of a frame with a body of len bytes, and the tail of one. */
void	frame_begin(enum frame_kind kind, struct evbuffer *out, size_t len);
void	frame_end(enum frame_kind kind, struct evbuffer *out);

#endif
