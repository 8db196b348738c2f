/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mail, from the bytes that strangers send to what the inbox needs, and from
 * an answer to the bytes that are sent. Pure: nothing here knows of servers,
 * lists or files. Every text that comes out is valid UTF-8 of bounded size,
 * whatever the mail says about itself.
 */
#ifndef ALPI_GATEWAYD_MIME_H
#define ALPI_GATEWAYD_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define MIME_MAX	(25 * 1024 * 1024)	/* of a whole mail; who fetches asks for the size first */
#define MIME_TEXT_MAX	65536			/* of its text, in bytes */
#define MIME_FILES_MAX	16			/* parts beyond are counted only */

struct mime_file {
	char	*name;		/* a file's name without a folder; "attachment" when it has none */
	char	*type;		/* lower-case, as the sender calls it: "image/png" */
	void	*bytes;
	size_t	 len;
};

/* What is not in the mail is NULL, in text "". */
struct mime_mail {
	char	*message_id;	/* with its angle brackets */
	char	*from;		/* the address alone, lower-case */
	char	*from_name;
	char	*to, *cc;	/* as a line to show */
	char	*subject;	/* on one line */
	char	*in_reply_to;	/* "<a@b>" */
	char	*references;	/* "<a@b> <c@d>", the latest ones of very many */
	int64_t	 date;		/* seconds of the epoch; 0: it says none that can be read */
	char	*text;		/* line ends are \n; the plain part, else the HTML one without its tags */
	bool	 automated;	/* a machine sent it (gateway.md, section 9): never to be answered */
	struct mime_file *files;
	size_t	 nfiles;
	size_t	 files_left;	/* how many more there were */
};

/* An answer or a mail of our own. What may be NULL stands so; the rest is required. */
struct mime_draft {
	const char	*message_id;	/* "<a@b>"; NULL: none is written */
	const char	*from, *to;	/* one address each; to: also several with commas */
	const char	*cc;		/* NULL */
	const char	*subject;
	const char	*in_reply_to, *references;	/* of the mail that is answered; NULL */
	const char	*text;		/* UTF-8 */
	bool		 automated;	/* says that a machine answers, so that no other does */
	int64_t		 date;		/* seconds of the epoch */
	const struct mime_file *files;
	size_t		 nfiles;
};

/* Once, before restrict and the first thread: the library's own start. */
void	 mime_begin(void);

/* NULL: ERR_too_large (beyond MIME_MAX); ERR_invalid, it has no sender that could be answered. */
struct mime_mail *mime_read(const void *bytes, size_t len, struct error *e);
/* What a list shows of a mail, of its headers alone: from may be NULL, and from_name is all that stands there, "Ann <ann@x>". */
struct mime_mail *mime_headers(const void *bytes, size_t len);
/* The same of a mail that is only looked at: from is NULL where mime_read finds no sender. */
struct mime_mail *mime_look(const void *bytes, size_t len, struct error *e);
void	 mime_free(struct mime_mail *m);		/* NULL is fine */
/* The addresses of a header, bare and lower-case, at most `most`; what is none is left out. NULL-terminated, the caller frees each and all. */
char	**mime_addresses(const void *bytes, size_t len, const char *header, size_t most);
/* Is it one bare address, nothing around it? */
bool	 mime_is_address(const char *text);

/* The bytes of a mail with CRLF line ends; the caller frees. NULL with ERR_invalid: an address that is none, or a line end in a header. */
char	*mime_write(const struct mime_draft *d, size_t *len, struct error *e);

/* "[alpi] re: x", however often x was answered before; "[alpi]" for NULL. The caller frees. */
char	*mime_reply_subject(const char *subject);
/* What an answer's References say: those of the mail, then its own id; NULL when it has none. The caller frees. */
char	*mime_reply_references(const char *references, const char *message_id);
/* Does a program, not a person, write under this (lower-case) address? */
bool	 mime_is_robot(const char *address);

#endif
