/* SPDX-License-Identifier: Apache-2.0 */
/* See walk.h. */
#include "toolrunner/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/paths.h"

#define DEPTH_MAX	64

static const char *const noise[] = {
	".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".pytest_cache", ".mypy_cache",
	".ruff_cache", "dist", "build", ".next", ".cache",
};

/* ---- the way ---------------------------------------------------------------------------------------- */

static bool
is_noise(const char *name)
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

/* Sorted, ended by NULL. */
static char **
names_in(DIR *d)
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

static void walk_open(const struct walk *w, int fd, const char *path, const char *relative, int depth);

static void
visit(const struct walk *w, int dir, const char *name, const char *path, const char *relative, int depth)
{
	struct stat st;
	int fd;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1 || !files_permitted(path, &st, &w->env))
		return;
	if (S_ISREG(st.st_mode)) {
		w->file(w->arg, dir, name, relative, &st);
		return;
	}
	if (!S_ISDIR(st.st_mode) || depth >= DEPTH_MAX || (!w->noise && is_noise(name)))
		return;
	if ((fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) != -1)
		walk_open(w, fd, path, relative, depth + 1);
}

/* Takes fd. */
static void
walk_open(const struct walk *w, int fd, const char *path, const char *relative, int depth)
{
	DIR *d = fdopendir(fd);
	char **names;

	if (d == NULL) {
		close(fd);
		return;
	}
	names = names_in(d);
	for (size_t i = 0; names[i] != NULL; i++) {
		cleanup_free char *below = path_join(path, names[i]);
		cleanup_free char *shown = relative[0] == '\0' ? xstrdup(names[i]) : path_join(relative, names[i]);

		if (w->wanted(w->arg, relative, names[i], shown))
			visit(w, dirfd(d), names[i], below, shown, depth);
		free(names[i]);
	}
	free(names);
	closedir(d);
}

void
walk_folder(const struct walk *w, int fd, const char *path, const char *relative)
{
	walk_open(w, fd, path, relative, 0);
}

/* ---- names ------------------------------------------------------------------------------------------ */

const char *
walk_shown(const char *path, const char *workspace)
{
	cleanup_free char *real = realpath(workspace, NULL);
	const char *root = real == NULL ? workspace : real;
	size_t n = strlen(root);

	if (strncmp(path, root, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return path;
	return path[n] == '/' ? path + n + 1 : "";
}

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
