/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See view.h: which paths a worker sees, as a list made while the real file
 * system can still be looked at. It hides by not showing; the few things
 * hidden by covering are those that lie inside something the operator chose
 * to show. view.c makes a root of it.
 */
#include "toolrunner/view.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/paths.h"

/* What programs need to run at all. /etc is not shown as a whole: it holds secrets too. */
static const struct {
	const char	*path;
	enum view_kind	 kind;
} everyone[] = {
	{ "/usr", VIEW_READ }, { "/bin", VIEW_READ }, { "/sbin", VIEW_READ }, { "/lib", VIEW_READ },
	{ "/lib32", VIEW_READ }, { "/lib64", VIEW_READ }, { "/libx32", VIEW_READ },
	{ "/etc/alternatives", VIEW_READ }, { "/etc/ca-certificates", VIEW_READ }, { "/etc/hosts", VIEW_READ },
	{ "/etc/ld.so.cache", VIEW_READ }, { "/etc/localtime", VIEW_READ }, { "/etc/nsswitch.conf", VIEW_READ },
	{ "/etc/os-release", VIEW_READ }, { "/etc/pki/tls", VIEW_READ }, { "/etc/resolv.conf", VIEW_READ },
	{ "/etc/services", VIEW_READ }, { "/etc/ssl/certs", VIEW_READ }, { "/etc/ssl/openssl.cnf", VIEW_READ },
	{ "/dev/full", VIEW_DEVICE }, { "/dev/null", VIEW_DEVICE }, { "/dev/random", VIEW_DEVICE },
	{ "/dev/urandom", VIEW_DEVICE }, { "/dev/zero", VIEW_DEVICE },
	{ "/tmp", VIEW_PRIVATE },
};

/* A person's secrets stay covered even when the operator shows the home they lie in. */
static const struct {
	const char	*name;
	enum view_kind	 kind;
} private_things[] = {
	{ ".ssh", VIEW_HIDE_DIR }, { ".gnupg", VIEW_HIDE_DIR }, { ".aws", VIEW_HIDE_DIR }, { ".kube", VIEW_HIDE_DIR },
	{ ".docker", VIEW_HIDE_DIR }, { ".config/gh", VIEW_HIDE_DIR }, { ".config/gcloud", VIEW_HIDE_DIR },
	{ ".local/share/keyrings", VIEW_HIDE_DIR }, { ".mozilla", VIEW_HIDE_DIR },
	{ ".netrc", VIEW_HIDE_FILE }, { ".npmrc", VIEW_HIDE_FILE }, { ".pypirc", VIEW_HIDE_FILE },
	{ ".pgpass", VIEW_HIDE_FILE }, { ".git-credentials", VIEW_HIDE_FILE },
};

/* Is path the directory `above` or below it? */
static bool
is_within(const char *path, const char *above)
{
	size_t n = strlen(above);

	if (n == 1)
		return true;
	return strncmp(path, above, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static struct view_entry *
add(struct view *v, const char *path, enum view_kind kind, bool directory)
{
	struct view_entry *row;

	v->rows = xreallocarray(v->rows, v->count + 1, sizeof(*v->rows));
	row = &v->rows[v->count++];
	*row = (struct view_entry){ .path = xstrdup(path), .source = xstrdup(path), .kind = kind, .fd = -1,
	    .directory = directory };
	return row;
}

/* A path of our own table that is a link: into what is shown anyway it stays one, else its target is shown under its name. */
static void
add_linked(struct view *v, const char *path, enum view_kind kind)
{
	char real[PATH_MAX], target[PATH_MAX];
	struct view_entry *row;
	struct stat st;
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n <= 0 || realpath(path, real) == NULL || stat(real, &st) == -1)
		return;
	target[n] = '\0';
	row = add(v, path, is_within(real, "/usr") ? VIEW_LINK : kind, S_ISDIR(st.st_mode));
	free(row->source);
	row->source = xstrdup(row->kind == VIEW_LINK ? target : real);
}

/* Only a workspace of ours may be shown of alpi's own home: ROOT/workspace, ROOT/profiles/NAME/workspace, or below. */
static bool
is_own_workspace(const char *path, const char *root)
{
	const char *rest = path + strlen(root), *slash;

	if (strncmp(rest, "/profiles/", 10) == 0) {
		if ((slash = strchr(rest + 10, '/')) == NULL)
			return false;
		rest = slash;
	}
	return is_within(rest, "/workspace");
}

/* A name that is reached through links still leads there. */
static void
add_other_name(struct view *v, const char *path, const char *real)
{
	size_t n = strlen(path);
	struct view_entry *row;

	if (strcmp(path, real) == 0 || path[n - 1] == '/' || strstr(path, "/.") != NULL || strstr(path, "//") != NULL)
		return;
	row = add(v, path, VIEW_LINK, false);
	free(row->source);
	row->source = xstrdup(real);
}

static int
add_chosen(struct view *v, const char *path, enum view_kind kind, const char *root, const char *what, struct error *e)
{
	char real[PATH_MAX];
	struct stat st;

	if (realpath(path, real) == NULL || stat(real, &st) == -1)
		return error_errno(e, "%s %s", what, path);
	if (strcmp(real, "/") == 0)
		return error_set(e, ERR_denied, "%s / would show the whole machine, which no tool may see", what);
	if (is_within(real, "/proc"))
		return error_set(e, ERR_denied, "%s %s: each call has a /proc of its own", what, path);
	if (root != NULL && is_within(real, root) && !is_own_workspace(real, root))
		return error_set(e, ERR_denied, "%s %s lies in alpi's own home, which no tool may see", what, path);
	add(v, real, kind, S_ISDIR(st.st_mode));
	add_other_name(v, path, real);
	return 0;
}

/* HOME/skills/CATEGORY/NAME, without a link below HOME; the caller frees. NULL: it is not there, or elsewhere. */
static char *
skill_place(const char *path, struct error *e)
{
	cleanup_free char *home = xstrdup(path);
	char real[PATH_MAX], real_home[PATH_MAX];
	size_t n = strlen(home);

	for (int parts = 0; parts < 3 && n > 0; parts++)
		while (n > 0 && home[--n] != '/')
			;
	home[n] = '\0';
	if (realpath(path, real) == NULL || realpath(home, real_home) == NULL) {
		error_errno(e, "skill %s", path);
		return NULL;
	}
	if (strlen(real) == strlen(real_home) + strlen(path + n) && is_within(real, real_home) &&
	    strcmp(real + strlen(real_home), path + n) == 0)
		return xstrdup(real);
	error_set(e, ERR_denied, "skill %s is reached through a link, which is not followed", path);
	return NULL;
}

/* The one skill that this call is about. Of alpi's own home nothing else is shown. */
static int
add_skill(struct view *v, const struct sandbox *s, struct error *e)
{
	cleanup_free char *place = s->skill == NULL || s->box.skill == SKILL_NONE ? NULL : skill_place(s->skill, e), *state = NULL;
	struct stat st;

	if (place == NULL)
		return s->skill == NULL || s->box.skill == SKILL_NONE ? 0 : -1;
	state = path_join(place, "state");
	if (mkdir(state, 0700) == -1 && errno != EEXIST)
		return error_errno(e, "%s", state);
	if (lstat(state, &st) == -1 || !S_ISDIR(st.st_mode))
		return error_set(e, ERR_denied, "%s is not a folder", state);
	if (s->box.skill == SKILL_WHOLE)
		add(v, place, VIEW_DATA, true);
	add(v, state, VIEW_STATE, true);
	add_other_name(v, s->skill, place);
	return 0;
}

/* Paths of the configuration that do not exist on this machine are left out. */
static int
add_list(struct view *v, const char *const *paths, enum view_kind kind, const char *root, const char *what,
    struct error *e)
{
	for (; paths != NULL && *paths != NULL; paths++)
		if (access(*paths, F_OK) == 0 && add_chosen(v, *paths, kind, root, what, e) == -1)
			return -1;
	return 0;
}

/* Does something that is shown hold this path? */
static bool
is_shown(const struct view *v, const char *path)
{
	for (size_t i = 0; i < v->count; i++)
		if ((v->rows[i].kind == VIEW_READ || v->rows[i].kind == VIEW_WRITE) &&
		    is_within(path, v->rows[i].path))
			return true;
	return false;
}

static void
hide_if_shown(struct view *v, const char *path, enum view_kind kind)
{
	struct stat st;

	if (is_shown(v, path) && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) == (kind == VIEW_HIDE_DIR))
		add(v, path, kind, kind == VIEW_HIDE_DIR);
}

/* The person's home: empty and writable, so that "~" works; or its secrets covered where the home itself is shown. */
static void
add_person(struct view *v, const char *person)
{
	char real[PATH_MAX];

	if (person == NULL || realpath(person, real) == NULL || strcmp(real, "/") == 0)
		return;
	if (!is_shown(v, real))
		add(v, real, VIEW_PRIVATE, true);
	add_other_name(v, person, real);
	for (size_t i = 0; i < COUNT(private_things); i++) {
		cleanup_free char *path = path_join(real, private_things[i].name);

		hide_if_shown(v, path, private_things[i].kind);
	}
}

/* Parents before children; of two rows for one path, the one that shows more first. */
static int
by_path(const void *a, const void *b)
{
	const struct view_entry *x = a, *y = b;
	const unsigned char *p = (const unsigned char *)x->path, *q = (const unsigned char *)y->path;

	while (*p != '\0' && *p == *q)
		p++, q++;
	if (*p == *q)
		return (int)y->kind - (int)x->kind;
	return (*p == '/' ? 1 : *p == '\0' ? 0 : *p + 2) - (*q == '/' ? 1 : *q == '\0' ? 0 : *q + 2);
}

static void
clear_row(struct view_entry *row)
{
	free(row->path);
	free(row->source);
	if (row->fd != -1)
		close(row->fd);
}

static void
sort_unique(struct view *v)
{
	size_t kept = 0;

	qsort(v->rows, v->count, sizeof(*v->rows), by_path);
	for (size_t i = 0; i < v->count; i++) {
		if (kept > 0 && strcmp(v->rows[i].path, v->rows[kept - 1].path) == 0)
			clear_row(&v->rows[i]);
		else
			v->rows[kept++] = v->rows[i];
	}
	v->count = kept;
}

int
view_plan(struct view *v, const struct sandbox *s, struct error *e)
{
	char buffer[PATH_MAX];
	const char *root = s->root == NULL ? NULL : realpath(s->root, buffer);
	enum view_kind own = s->box.fs == FS_WRITE ? VIEW_WRITE : VIEW_READ;

	if (s->box.fs != FS_NONE && (add_chosen(v, s->workspace, own, root, "workspace", e) == -1 ||
	    add_list(v, s->read, VIEW_READ, root, "sandbox.read:", e) == -1 ||
	    add_list(v, s->write, own, root, "sandbox.write:", e) == -1))
		return -1;
	if (add_skill(v, s, e) == -1)
		return -1;
	add_person(v, s->person);
	if (root != NULL)
		hide_if_shown(v, root, VIEW_HIDE_DIR);
	sort_unique(v);
	return 0;
}

bool
view_holds(const struct view_entry *row, const char *path)
{
	return is_within(path, row->path);
}

void
view_everyone(struct view *v)
{
	struct stat st;

	for (size_t i = 0; i < COUNT(everyone); i++) {
		if (lstat(everyone[i].path, &st) == -1)
			continue;
		if (S_ISLNK(st.st_mode))
			add_linked(v, everyone[i].path, everyone[i].kind);
		else
			add(v, everyone[i].path, everyone[i].kind, S_ISDIR(st.st_mode));
	}
	sort_unique(v);
}
