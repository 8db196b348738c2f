/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server says when it refuses comes as JSON of many shapes, as text
 * or as the HTML page of some proxy. A person gets one readable line of it.
 */
#ifndef ALPI_REFUSAL_H
#define ALPI_REFUSAL_H

#include <stddef.h>

#define REFUSAL_MAX 300		/* bytes of the line */

/* One line of valid UTF-8, "" when the body says nothing; the caller frees. */
char	*refusal_line(const char *body, size_t len);

#endif
