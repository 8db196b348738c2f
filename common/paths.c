/* SPDX-License-Identifier: Apache-2.0 */
/* See paths.h. */
#include "common/paths.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/mem.h"

#define PROFILE_NAME_MAX 64

/* What a fresh home holds; modes as in spec/engine.md, section 1.2. */
static const char *const home_dirs[] = {
	"memories", "secrets", "sessions", "skills", "schedule/output", "logs", "host", "mentions",
	"outputs", "workspace",
};

static const struct {
	const char	*name, *text;
} home_files[] = {
	{ ".gitignore",
	  ".env\nsecrets/\nsessions/\nmentions/\ngateway/sessions/\nschedule/output/\nlogs/\ncache/\n"
	  "skills/**/secrets/\nrun/\n" },
	{ "config.yaml",
	  "model: \"\"\nproviders:\n  ollama: []\nmcp:\n  servers: {}\ngateway: {}\n" },
	{ "memories/AGENT.md",
	  "You are alpi, a personal agent. You speak directly and plainly, say what you did and what\n"
	  "failed, and keep it short.\n" },
	{ "memories/USER.md", "" },
	{ "memories/MEMORY.md", "" },
};

char *
path_join(const char *a, const char *b)
{
	size_t n = strlen(a);

	while (n > 1 && a[n - 1] == '/')
		n--;
	while (*b == '/')
		b++;
	return xasprintf("%.*s%s%s", (int)n, a, n == 1 && a[0] == '/' ? "" : "/", b);
}

const char *
path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

char *
path_expand(const char *path, const char *home)
{
	if (path[0] == '~' && (path[1] == '/' || path[1] == '\0') && home != NULL)
		return path[1] == '\0' ? xstrdup(home) : path_join(home, path + 1);
	return xstrdup(path);
}

char *
home_person(void)
{
	const char *home = getenv("HOME");
	struct passwd *pw;

	if (home != NULL && home[0] == '/')
		return xstrdup(home);
	pw = getpwuid(getuid());
	return pw == NULL ? NULL : xstrdup0(pw->pw_dir);
}

/* The directory that holds path, or NULL at the top. */
static char *
parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL || slash == path ? NULL : xstrndup(path, (size_t)(slash - path));
}

static char *
env_home(void)
{
	const char *value = getenv("ALPI_HOME");
	cleanup_free char *person = home_person();
	cleanup_free char *cwd = NULL;
	cleanup_free char *path = NULL;
	size_t n;

	if (value == NULL || value[0] == '\0')
		return NULL;
	path = path_expand(value, person);
	if (path[0] != '/' && (cwd = getcwd(NULL, 0)) != NULL) {
		char *whole = path_join(cwd, path);

		free(path);
		path = whole;
	}
	for (n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	return steal(path);
}

/* When home is ROOT/profiles/NAME, the ROOT; else NULL. */
static char *
root_above(const char *home)
{
	cleanup_free char *profiles = parent_of(home);
	const char *last = profiles == NULL ? NULL : strrchr(profiles, '/');

	return last != NULL && strcmp(last, "/profiles") == 0 ? parent_of(profiles) : NULL;
}

char *
home_root(struct error *e)
{
	cleanup_free char *home = env_home();
	cleanup_free char *person = NULL;
	char *root;

	if (home != NULL)
		return (root = root_above(home)) != NULL ? root : steal(home);
	if ((person = home_person()) == NULL) {
		error_set(e, ERR_not_found, "no home directory: set HOME or ALPI_HOME");
		return NULL;
	}
	return path_join(person, ".alpi");
}

char *
profile_from_env(void)
{
	cleanup_free char *home = env_home();
	cleanup_free char *root = home == NULL ? NULL : root_above(home);
	const char *name = getenv("ALPI_PROFILE");

	if (root != NULL)
		return xstrdup(strrchr(home, '/') + 1);
	return xstrdup(name == NULL || name[0] == '\0' ? "default" : name);
}

int
profile_check(const char *name, struct error *e)
{
	int good = isalnum((unsigned char)name[0]) && strlen(name) <= PROFILE_NAME_MAX &&
	    strstr(name, "..") == NULL && strcmp(name, "alpi") != 0;

	for (const char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("._-", *p) == NULL)
			good = 0;
	if (good)
		return 0;
	return error_set(e, ERR_invalid, "'%.80s' is no profile name: a letter or digit, then letters, digits, "
	    "'.', '_' or '-', at most %d, without '..'; 'alpi' is reserved", name, PROFILE_NAME_MAX);
}

char *
profile_home(const char *root, const char *name)
{
	return strcmp(name, "default") == 0 ? xstrdup(root) : xasprintf("%s/profiles/%s", root, name);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **
profile_list(const char *root)
{
	cleanup_free char *dir = path_join(root, "profiles");
	char **names = xcalloc(2, sizeof(*names));
	size_t n = 0;
	struct dirent *d;
	struct stat st;
	DIR *handle;

	names[n++] = xstrdup("default");
	if ((handle = opendir(dir)) == NULL)
		return names;
	while ((d = readdir(handle)) != NULL) {
		if (profile_check(d->d_name, NULL) == -1 || strcmp(d->d_name, "default") == 0 ||
		    fstatat(dirfd(handle), d->d_name, &st, 0) == -1 || !S_ISDIR(st.st_mode))
			continue;
		names = xreallocarray(names, n + 2, sizeof(*names));
		names[n++] = xstrdup(d->d_name);
	}
	closedir(handle);
	qsort(names + 1, n - 1, sizeof(*names), by_name);
	names[n] = NULL;
	return names;
}

void
profile_list_free(char **names)
{
	if (names == NULL)
		return;
	for (size_t i = 0; names[i] != NULL; i++)
		free(names[i]);
	free(names);
}

int
make_dirs(const char *path, int mode, struct error *e)
{
	cleanup_free char *copy = xstrdup(path);
	struct stat st;
	int failed;

	for (char *p = copy + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, (mode_t)mode) == -1 && (failed = errno) != EEXIST && stat(copy, &st) == -1) {
			errno = failed;
			return error_errno(e, "make %s", copy);
		}
		*p = '/';
	}
	if (mkdir(copy, (mode_t)mode) == -1 && (errno != EEXIST || stat(copy, &st) == -1 || !S_ISDIR(st.st_mode)))
		return error_errno(e, "make %s", path);
	return 0;
}

int
home_create(const char *home, struct error *e)
{
	for (size_t i = 0; i < COUNT(home_dirs); i++) {
		cleanup_free char *dir = path_join(home, home_dirs[i]);

		if (make_dirs(dir, 0700, e) == -1)
			return -1;
	}
	for (size_t i = 0; i < COUNT(home_files); i++) {
		cleanup_free char *path = path_join(home, home_files[i].name);

		if (access(path, F_OK) == 0)
			continue;
		if (atomic_write(path, home_files[i].text, strlen(home_files[i].text), 0600, e) == -1)
			return -1;
	}
	return 0;
}
