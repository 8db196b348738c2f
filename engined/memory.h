/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile's notes, memories/{USER,MEMORY,AGENT}.md (spec/memory-skills.md,
 * sections 1 to 3): what may be kept, what is kept already, how it is changed.
 * A file is replaced whole, with the one before it beside as .bak, under one
 * lock for all three; what is not changed keeps its bytes.
 */
#ifndef ALPI_ENGINED_MEMORY_H
#define ALPI_ENGINED_MEMORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "engined/entry.h"

enum memory_file { MEMORY_USER, MEMORY_WORLD, MEMORY_AGENT, MEMORY_FILES };

#define MEMORY_BYTES_MAX	(1024 * 1024)	/* of a file that is read to be changed */
#define MEMORY_HINT_PCT		80		/* from here on it should be tidied up */

/* "USER.md", and 0 with *out for such a name; -1: no such file. */
const char *memory_name(enum memory_file f);
int	 memory_file_of(const char *name, enum memory_file *out);
/* The most characters it may hold; 0: no limit. */
size_t	 memory_limit(enum memory_file f);

/* Its text without trailers, "" when there is none. NULL with the error: not readable, not UTF-8. The caller frees. */
char	*memory_read(const char *home, enum memory_file f, struct error *e);
/* Characters of it that count. */
size_t	 memory_used(const char *home, enum memory_file f);

/* A name for what a file holds: 32 hex digits and a NUL. */
#define MEMORY_REV	33

/* All of a file, trailers and all, and its name; "" when there is none. NULL with the error. The caller frees (memory_whole.c). */
char	*memory_whole(const char *home, enum memory_file f, char rev[MEMORY_REV], struct error *e);
/* Put a text in its place, if it is still what `rev` names; else *stale. 0 with the name of what is there now, or -1. */
int	 memory_put_whole(const char *home, enum memory_file f, const char *text, char rev[MEMORY_REV], bool *stale, struct error *e);

/*
 * Add one text: checked by the scanner, against the other file and against its own; what is there already is made
 * stronger instead. What was done, for a reader; NULL with the error: denied (the scanner), exists (the other file),
 * full, invalid, io. The caller frees.
 */
char	*memory_add(const char *home, enum memory_file f, const char *text, enum confidence conf, struct error *e);
/* Put a text in the place of the one entry (of AGENT.md: the one place) that holds `match`. As above; also not_found, conflict. */
char	*memory_replace(const char *home, enum memory_file f, const char *match, const char *text, struct error *e);
char	*memory_remove(const char *home, enum memory_file f, const char *match, struct error *e);
/* Let go of what was never sure, never said again, and is a month old. Best effort. */
void	 memory_prune(const char *home);
/* What is wrong with a text as a note, without keeping it: labels, ", " between; NULL: nothing. The caller frees. */
char	*memory_doubts(const char *home, enum memory_file f, const char *text);

#endif
