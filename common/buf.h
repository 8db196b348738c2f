/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte buffer that grows up to a ceiling. Past the ceiling nothing is
 * added and the call fails: what comes from outside can never grow us
 * without bound. The data is always followed by a NUL that is not counted.
 */
#ifndef ALPI_BUF_H
#define ALPI_BUF_H

#include <stddef.h>

struct buf {
	char	*data;		/* NULL while empty */
	size_t	 len;		/* bytes */
	size_t	 cap;		/* bytes allocated, the NUL included */
	size_t	 max;		/* ceiling for len, in bytes; 0 means none */
};

/* A local buffer that frees itself; MAX as in struct buf. */
#define BUF(MAX) { .max = (MAX) }
#define cleanup_buf __attribute__((cleanup(buf_clear)))

/* Free the data; the ceiling stays and the buffer can be used again. */
void	 buf_clear(struct buf *b);
/* Forget the content, keep the memory. */
void	 buf_reset(struct buf *b);

/* Append. 0, or -1 when the ceiling would be passed (nothing was added). */
int	 buf_add(struct buf *b, const void *data, size_t len);
int	 buf_puts(struct buf *b, const char *s);
int	 buf_addc(struct buf *b, char c);
int	 buf_addf(struct buf *b, const char *fmt, ...)
	     __attribute__((format(printf, 2, 3)));

/* Remove n bytes (at most len) from the front. */
void	 buf_drain(struct buf *b, size_t n);
/* The content as a NUL-terminated string, "" when empty; borrowed. */
const char *buf_str(const struct buf *b);
/* Hand the content over as a string the caller frees; the buffer is empty after. */
char	*buf_take(struct buf *b);

#endif
