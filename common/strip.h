/* SPDX-License-Identifier: Apache-2.0 */
/*
 * White space around words in files that persons write, in any locale: blank,
 * tab, line feed, vertical tab, form feed, carriage return. Libc only.
 */
#ifndef ALPI_STRIP_H
#define ALPI_STRIP_H

#include <stdbool.h>
#include <stddef.h>

bool	 is_blank(char c);
/* Leave the white space at both ends of *len bytes at *at out. */
void	 strip(const char **at, size_t *len);

#endif
