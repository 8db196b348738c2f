/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are (spec/engine.md, section 1). The machine root is
 * ALPI_HOME (two levels up when its parent is named "profiles"), else
 * ~/.alpi; a profile NAME lives in ROOT/profiles/NAME, "default" in ROOT.
 */
#ifndef ALPI_PATHS_H
#define ALPI_PATHS_H

#include "common/error.h"

/* "a/b" with one slash between; the caller frees. */
char	*path_join(const char *a, const char *b);
/* What a path calls its file: what stands behind the last slash. Borrowed from it. */
const char *path_base(const char *path);
/* Leading "~" or "~/" replaced by home; the caller frees. Other text is copied. */
char	*path_expand(const char *path, const char *home);

/* The person's home directory (HOME, else the password file); the caller frees. NULL: none. */
char	*home_person(void);
/* The machine root by the environment; the caller frees. NULL with the error when there is no HOME. */
char	*home_root(struct error *e);
/* ALPI_HOME's own profile name when its parent is "profiles", else ALPI_PROFILE, else "default"; the caller frees. */
char	*profile_from_env(void);
/* 0 for a name a profile can have ("default" included), else -1 with a sentence about the rule. */
int	 profile_check(const char *name, struct error *e);
/* The home of a profile; the caller frees. */
char	*profile_home(const char *root, const char *name);
/* Names of the profiles on disk, "default" first, then sorted; NULL-terminated, the caller frees with profile_list_free. */
char	**profile_list(const char *root);
void	 profile_list_free(char **names);

/*
 * Create what is missing of a home: directories (0700), .gitignore, config.yaml, AGENT.md seeds.
 * Files that exist are left alone. 0 or -1.
 */
int	 home_create(const char *home, struct error *e);

/* Create a directory and its parents with this mode where missing. 0 or -1. */
int	 make_dirs(const char *path, int mode, struct error *e);

#endif
