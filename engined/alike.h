/* SPDX-License-Identifier: Apache-2.0 */
/* Do two notes say the same, and does one say what does not last (spec/memory-skills.md, section 2)? */
#ifndef ALPI_ENGINED_ALIKE_H
#define ALPI_ENGINED_ALIKE_H

#include <stdbool.h>
#include <stddef.h>

/* Decomposed, without non-spacing marks, in full case folding. The caller frees. */
char	*alike_fold(const char *text);
/*
 * Where the words of want (not empty) stand in text when both are folded: from the first to behind the last character that takes
 * part. How often, at most 2; *from and *to are of the first place.
 */
int	 alike_find(const char *text, const char *want, size_t *from, size_t *to);
/* A new text against one that is there. */
bool	 alike(const char *there, const char *text);
/* What a text holds that should not be kept, as labels ("operational state"); each once, ", " between; NULL: nothing. The caller frees. */
char	*alike_warnings(const char *text);

#endif
