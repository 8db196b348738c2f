/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that a server cut in the wrong place. A model writes tokens, not
 * characters, and some servers put half a character at the end of one delta
 * and the other half at the start of the next: raw bytes, or one of the two
 * escapes of a surrogate pair. No JSON parser takes that.
 *
 * mend_json marks such halves with private code points so that the text
 * parses; mend_text takes the marks out again, joins what belongs together
 * and makes U+FFFD of what belongs to nothing.
 */
#ifndef ALPI_MEND_H
#define ALPI_MEND_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

struct mend {
	struct buf	held;		/* the half that waits for the next delta */
	bool		on;		/* mend_json was needed: texts may hold marks */
};

/* A copy of a JSON text that does not parse, with its halves marked; the caller frees. */
char	*mend_json(const char *text, size_t len, size_t *out_len);
/* Append to out what is whole by now; with `last` also what never became whole. */
void	 mend_text(struct mend *m, const char *text, size_t len, bool last, struct buf *out);
void	 mend_clear(struct mend *m);

#endif
