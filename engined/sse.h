/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events, incremental and bounded. Bytes may be cut anywhere;
 * lines end with LF, CRLF or CR. What the bytes mean is the caller's.
 */
#ifndef ALPI_SSE_H
#define ALPI_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/error.h"

#define SSE_MAX (4u << 20)	/* one line, and the data of one event */

struct sse_event {		/* strings live until the callback returns */
	const char	*name;	/* "message" when the server gave none */
	const char	*data;	/* lines joined by LF, NUL-terminated */
	size_t		 len;
	const char	*id;	/* the last one seen, "" before */
};

/* 0: go on. Anything else ends the feed, which returns it; the parser is not touched afterwards. */
typedef int sse_callback(void *arg, const struct sse_event *ev);

struct sse {
	struct buf	 line, data, name, id;
	long		 retry_ms;	/* the server's wish, -1 without */
	bool		 after_cr;	/* an LF that comes now belongs to the CR before it */
	bool		 begun;		/* the first line is over: no byte order mark any more */
	bool		 has_data;	/* an empty `data` line is data too */
};

void	 sse_init(struct sse *s);
void	 sse_clear(struct sse *s);
/* 0, -1 with ERR_too_large, or what the callback returned. */
int	 sse_feed(struct sse *s, const void *bytes, size_t len, sse_callback *cb, void *arg, struct error *e);
/* The stream is over: an event that lacks only its last line ends is told too. Returns as sse_feed. */
int	 sse_end(struct sse *s, sse_callback *cb, void *arg, struct error *e);

#endif
