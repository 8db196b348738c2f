/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as text and back: base64 as RFC 4648, section 4 has it, with padding,
 * and in its one spelling. For keys and signatures, whose sizes are known,
 * libsodium is called where they are.
 */
#ifndef ALPI_BASE64_H
#define ALPI_BASE64_H

#include <stddef.h>

/* The text of len bytes. The caller frees. */
char	*base64_text(const void *data, size_t len) __attribute__((malloc, returns_nonnull));
/*
 * What len characters of text stand for, their number in *n, and a NUL behind
 * them; an empty text is no bytes. The caller frees. NULL: not base64.
 */
void	*base64_bytes(const char *text, size_t len, size_t *n);

#endif
