/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which packages of others a script imports, as far as its text says so:
 * names that are put together while it runs are not seen. A name that a
 * script imports is not always that of the package; the common ones that
 * differ are known. What is not known is looked up as it stands there.
 */
#ifndef ALPI_ENGINED_IMPORTS_H
#define ALPI_ENGINED_IMPORTS_H

#include <stdbool.h>
#include <stddef.h>

#define IMPORTS_MAX	256

enum language { LANGUAGE_NONE, LANGUAGE_PYTHON, LANGUAGE_JAVASCRIPT };

struct packages {
	const char	*ecosystem;	/* as OSV calls it; NULL: the file is no script */
	char		*names[IMPORTS_MAX];
	size_t		 n;
	bool		 unnamed;	/* more than that, or a name that no package can have */
};

/* By the file's name, else by its first line. */
enum language imports_language(const char *filename, const char *text);
/* What a script imports that is neither the language's own nor one of `own` (modules beside it; ended by NULL, may be NULL). */
void	 imports_read(enum language l, const char *text, char *const *own, struct packages *out);
void	 packages_clear(struct packages *p);
/* "a, b". The caller frees. */
char	*packages_text(const struct packages *p);

#endif
