/* SPDX-License-Identifier: Apache-2.0 */
/* "@peer" in what a person wrote (alp-wire.md, 12.1). */
#ifndef ALPI_ENGINED_MENTION_H
#define ALPI_ENGINED_MENTION_H

#include <stdbool.h>
#include <stddef.h>

struct mention {
	char	*peer;
	char	*prompt;		/* what is left of the text; never empty */
};

/*
 * The first mention of a text (valid UTF-8), true and *m to be cleared; or false. With a roster (NULL: none) of n ids
 * that first mention must be one of them, a later one does not count.
 */
bool	mention_parse(const char *text, const char *const *roster, size_t n, struct mention *m);
void	mention_clear(struct mention *m);

#endif
