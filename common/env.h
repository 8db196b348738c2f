/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a .env (spec/engine.md, section 2), read where they stand. One
 * reader for init, which hands secrets out, and for the settings, which show
 * and change them.
 */
#ifndef ALPI_ENV_H
#define ALPI_ENV_H

#include <stddef.h>

struct env_line {
	const char	*raw, *name, *value;		/* borrowed from the text, none ends with a NUL */
	size_t		 raw_len, name_len, value_len;	/* name_len 0: a comment or no variable */
};

/* Take the next line off *text, which ends at `end`. 1, or 0 when there is none. */
int	 env_next(const char **text, const char *end, struct env_line *out);
/* The value that counts, of the last line with this name; borrowed. NULL: there is none. */
const char *env_value(const char *text, size_t size, const char *name, size_t *len);

/*
 * The text of HOME/.env in one allocation that env_free wipes; a file that is missing, unreadable
 * or too large is an empty one.
 */
char	*env_read(const char *home, size_t *size);
void	 env_free(char *text, size_t size);

#endif
