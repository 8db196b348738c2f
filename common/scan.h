/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text scanners (spec/memory-skills.md, section 5): classes of text that
 * a skill, a note or a foreign text should not hold. They raise the cost of an
 * attack and explain themselves; confinement is the boundary.
 *
 * Bytes are scanned, whatever their encoding. Characters that nobody sees are
 * taken out before anything is matched, so that they hide nothing.
 */
#ifndef ALPI_SCAN_H
#define ALPI_SCAN_H

#include <stddef.h>

/* SCAN_SHELL: a file of a skill that is a shell's by its name; one whose first line says so is known as SCAN_SKILL, too. */
enum scan_kind { SCAN_SKILL, SCAN_INJECTION, SCAN_MEMORY, SCAN_SHELL };

struct scan_hit {
	const char	*id;		/* the class, "exec.os-system" */
	const char	*why;		/* what it is, in a few words */
	size_t		 line;		/* where, from 1 */
};

struct scan_hits {
	struct scan_hit	*rows;		/* in the order of the specification; of the env. classes each place, of the others the first */
	size_t		 n;
};

/* 0 and *out for "skill", "injection" or "memory"; -1. */
int	 scan_kind_of(const char *word, enum scan_kind *out);
/*
 * Scan a text of any length. declared: the variables the skill declares, NULL-terminated; NULL: none.
 * The hits are the caller's to clear. What takes too long to decide counts as a hit.
 */
void	 scan_text(enum scan_kind kind, const char *text, size_t len, const char *const *declared, struct scan_hits *out);
void	 scan_hits_clear(struct scan_hits *h);
/* The classes of injection that a foreign text shows, by their ids with ", " between; the caller frees. NULL: none. */
char	*scan_injection(const char *text, size_t len);

#endif
