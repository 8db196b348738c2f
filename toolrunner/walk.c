/* SPDX-License-Identifier: Apache-2.0 */
/* See walk.h. */
#include "toolrunner/walk.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/paths.h"

static const char *const noise[] = {
	".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".pytest_cache", ".mypy_cache",
	".ruff_cache", "dist", "build", ".next", ".cache",
};

bool
walk_glob(const char *glob, const char *relative, bool fold)
{
	int flags = fold ? FNM_CASEFOLD : 0;

	if (strchr(glob, '/') == NULL)
		return fnmatch(glob, path_base(relative), flags) == 0;
	if (strncmp(glob, "**/", 3) == 0 && walk_glob(glob + 3, relative, fold))
		return true;
	/* Without FNM_PATHNAME "*" crosses slashes, which is what "**" means; a lone "*" must not. */
	return fnmatch(glob, relative, strstr(glob, "**") == NULL ? flags | FNM_PATHNAME : flags) == 0;
}

bool
walk_noise(const char *name)
{
	for (size_t i = 0; i < COUNT(noise); i++)
		if (strcmp(name, noise[i]) == 0)
			return true;
	return false;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **
walk_names(DIR *d)
{
	size_t n = 0, room = 16;
	char **names = xcalloc(room, sizeof(*names));
	struct dirent *entry;

	while ((entry = readdir(d)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (n + 1 == room)
			names = xreallocarray(names, room *= 2, sizeof(*names));
		names[n++] = xstrdup(entry->d_name);
	}
	names[n] = NULL;
	qsort(names, n, sizeof(*names), compare);
	return names;
}

const char *
walk_shown(const char *path, const char *workspace)
{
	size_t n = strlen(workspace);

	if (strncmp(path, workspace, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return path;
	return path[n] == '/' ? path + n + 1 : "";
}
