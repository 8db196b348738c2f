/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the file tools share (tools.md, 2 and 6): a path is resolved, judged,
 * opened without following anything, and judged again by what was opened;
 * a change is checked, written whole or not at all, and recorded.
 */
#ifndef ALPI_FILES_H
#define ALPI_FILES_H

#include <stdbool.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/error.h"
#include "toolrunner/denylist.h"
#include "toolrunner/tool.h"

#define FILES_EDIT_MAX (8 * 1024 * 1024)	/* bytes of a file that is changed */

/*
 * Before the sandbox: note those secrets that have a second name somewhere, so that this name can be refused too.
 * Any argument may be NULL.
 */
void	files_remember_secrets(const char *root, const char *person, const char *workspace);

/* Where paths of this call are judged. */
struct denylist_env files_env(const struct tool_call *call);
/* May what stands at this absolute path, already looked at, be read? False for denied paths and second names of secrets. */
bool	files_permitted(const char *path, const struct stat *st, const struct denylist_env *env);
/* Resolve and judge; the absolute path, the caller frees. NULL: denied, with the rule. */
char	*files_resolve(const struct tool_call *call, const char *path, struct error *e);
/* Open a resolved path read-only; st is filled in. -1: not there (with similar names), denied, or outside the sandbox. */
int	 files_open(const struct tool_call *call, const char *resolved, struct stat *st, struct error *e);
/* Read a resolved regular file of at most FILES_EDIT_MAX bytes. 0 or -1. */
int	 files_read(const struct tool_call *call, const char *resolved, struct buf *b, struct error *e);
/* Is the beginning of a file binary? */
bool	 files_is_binary(const char *data, size_t len);
/*
 * Check the new text, make the parents, replace the file (before: NULL when it is new) and add the record to the result.
 * 0 or -1: the file is as it was.
 */
int	 files_save(struct tool_call *call, const char *resolved, const char *op, const struct buf *before,
	    const char *text, size_t len, struct error *e);

#endif
