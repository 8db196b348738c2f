/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why something failed: one code of proto/errors.def and one line of text.
 * The place that knows sets it, callers may prepend, and two places print
 * it: dispatch (the answer and a log line) and main (before exit).
 */
#ifndef ALPI_ERROR_H
#define ALPI_ERROR_H

enum error_code {
#define ERROR(name, number, wire) ERR_##name = (number),
#include "proto/errors.def"
#undef ERROR
};

#define ERROR_TEXT_MAX 512

struct error {
	enum error_code	code;
	char		text[ERROR_TEXT_MAX];
};

/*
 * Each returns -1, so that a failing function can end in `return error_…`.
 * A NULL error is accepted and ignored. Text beyond the limit is cut on a
 * UTF-8 boundary.
 */
int	error_set(struct error *e, enum error_code code, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
/* Prepend "fmt: " to the text; the code stays. */
int	error_add(struct error *e, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* "fmt: strerror(errno)"; the code follows errno (ENOENT: not_found, ENOSPC: full, ...). */
int	error_errno(struct error *e, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* The wire name of a code ("not-found"), static; ERR_internal's for an unknown number. */
const char	*error_name(enum error_code code);

#endif
