/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the notes on disk, and what may never get there; for memory.c, which knows entries, and memory_whole.c, which does not. */
#ifndef ALPI_ENGINED_MEMORY_STORE_H
#define ALPI_ENGINED_MEMORY_STORE_H

#include "engined/memory.h"

/* The file as it is; when there is none, "", and of AGENT.md the voice that it begins with. NULL: it cannot be read, or is no text. The caller frees. */
char	*memory_load(const char *home, enum memory_file f, struct error *e);
/* The file before goes beside it, then the new one into its place. 0 or -1. */
int	 memory_store(const char *home, enum memory_file f, const char *old, const char *text, struct error *e);
/* One writer at a time, also beside another implementation's lock on the file itself. Released by closing; -1. */
int	 memory_lock(const char *home, struct error *e);
/* The classes that the scanner finds in a text, ", " between; NULL: none. The caller frees. */
char	*memory_hits(const char *text);
/* 0, or -1 with these classes. */
int	 memory_scan(const char *text, struct error *e);

#endif
