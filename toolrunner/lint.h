/* SPDX-License-Identifier: Apache-2.0 */
/* Does a text parse as what its file's name says it is (tools.md, 6)? */
#ifndef ALPI_LINT_H
#define ALPI_LINT_H

#include <stddef.h>

#include "common/error.h"

/* 0 for a text that parses or of which nothing is known; -1 with ERR_invalid and the place of the first mistake. */
int	lint_check(const char *path, const char *text, size_t len, struct error *e);

#endif
