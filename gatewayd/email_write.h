/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mail of the tool `email`, finished before anybody is asked whether it may
 * leave: its bytes, to whom they go, and all of it as a person is shown it.
 * What a person has seen is what leaves.
 */
#ifndef ALPI_GATEWAYD_EMAIL_WRITE_H
#define ALPI_GATEWAYD_EMAIL_WRITE_H

#include <stddef.h>

#include "common/error.h"
#include "gatewayd/email.h"

struct email_letter {
	char	*bytes;
	size_t	 len;
	char	**receivers;		/* bare addresses, NULL-terminated */
	size_t	 n;
	char	*to;			/* the same, as a line */
	char	*shown;			/* for the person */
};

/* Where a mail comes from; borrowed. */
struct email_source {
	const char	*home, *key;	/* of the files that the turn has handed over, key/0 and so on, and of the Message-ID */
	const char	*address, *account;
	const void	*bytes;		/* the mail that is answered or passed on, as it came; NULL: none */
	size_t		 len;
};

/* 0, or -1 with what is wrong; email_letter_clear after both. */
int	 email_write(const struct email *m, const struct email_source *s, struct email_letter *out, struct error *e);
void	 email_letter_clear(struct email_letter *l);
/* The name of the i-th file of a call among those that go out; the caller frees. */
char	*email_file_key(const char *key, size_t i);
/* A mail that is to be deleted, as a person is shown it. NULL with the error. The caller frees. */
char	*email_shown_delete(const struct email *m, const struct email_source *s, struct error *e);

#endif
