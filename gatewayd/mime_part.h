/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mail cut into its parts, without a copy. The cutting is ours because the
 * library's parser recurses as deep as a mail says and compares each line with
 * every boundary: 200 KB from a stranger end it, 20 MB keep it busy for ever.
 * Here depth, parts and lengths have an end, and one pass a level is all.
 */
#ifndef ALPI_GATEWAYD_MIME_PART_H
#define ALPI_GATEWAYD_MIME_PART_H

#include <stdbool.h>
#include <stddef.h>

#define PART_DEPTH	10
#define PARTS_MAX	256
#define HEADER_MAX	8192		/* bytes of one header that are looked at */

struct span {
	const char	*at;
	size_t		 len;
};

/* One leaf. What is not said is "". */
struct part {
	struct span	 body;		/* as it is in the mail */
	char		*type;		/* lower-case: "text/plain" */
	char		*charset;
	char		*name;		/* of a file, as it is in the mail, decoded */
	bool		 attached;	/* not to be shown with the text */
	enum { PART_plain, PART_quoted, PART_base64 } encoding;
};

struct parts {
	struct part	*rows;
	size_t		 n;
	bool		 more;		/* beyond the limits */
};

/* The headers of bytes that begin with them, and what comes after the empty line. */
void	 part_split(struct span all, struct span *head, struct span *body);
/* The value of the n-th header (0: the first) of this name, unfolded; the caller frees. NULL: there is none. */
char	*part_header(struct span head, const char *name, size_t n);
/* Encoded words decoded, on one line, valid UTF-8; NULL stays NULL. The caller frees. */
char	*part_words(const char *value);

/* The leaves of a mail, in their order; free with parts_clear. */
void	 parts_read(struct span mail, struct parts *out);
void	 parts_clear(struct parts *p);
/* The bytes of a part's body, at most `most` of what is in the mail decoded; never NULL, the caller frees. */
char	*part_decode(const struct part *p, size_t most, size_t *len);
/* The text of such bytes: valid UTF-8, bad bytes replaced, line ends \n. The caller frees. */
char	*part_text(const char *bytes, size_t len, const char *charset);

#endif
