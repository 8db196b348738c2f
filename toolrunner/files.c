/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See files.h. The rules about paths are the second line: the sandbox shows
 * no key and no home of ours. They are for what lies in a workspace that its
 * owner shares with a model: a project's .env, a deployment key.
 */
#include "toolrunner/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

#include "common/atomic.h"
#include "common/audit.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/lint.h"
#include "toolrunner/sandbox.h"

#define SECRETS_MAX	64
#define SIMILAR_MAX	5
#define PREVIEW_CHARS	400

/* ---- second names of secrets --------------------------------------------------------------------- */

static struct secret_file {
	dev_t	dev;
	ino_t	ino;
} secrets[SECRETS_MAX];
static size_t nsecrets;

static void
remember(const char *path)
{
	struct stat st;

	if (nsecrets < SECRETS_MAX && lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 1)
		secrets[nsecrets++] = (struct secret_file){ st.st_dev, st.st_ino };
}

/* The files of a directory whose names begin so; "" for all. */
static void
remember_in(const char *above, const char *name, const char *prefix)
{
	cleanup_free char *dir = above == NULL ? NULL : path_join(above, name);
	DIR *d = dir == NULL ? NULL : opendir(dir);
	struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL)
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
			cleanup_free char *path = path_join(dir, entry->d_name);

			remember(path);
		}
	if (d != NULL)
		closedir(d);
}

void
files_remember_secrets(const char *root, const char *person, const char *workspace)
{
	static const char *const single[] = { ".netrc", ".npmrc", ".pypirc", ".pgpass", ".git-credentials",
	    ".aws/credentials", ".docker/config.json", ".kube/config" };

	remember_in(root, "", ".env");
	remember_in(root, "alp/secrets", "");
	remember_in(root, "secrets", "");
	remember_in(workspace, "", ".env");
	remember_in(person, ".ssh", "");
	remember_in(person, ".gnupg", "");
	for (size_t i = 0; person != NULL && i < COUNT(single); i++) {
		cleanup_free char *path = path_join(person, single[i]);

		remember(path);
	}
}

static bool
is_secret(const struct stat *st)
{
	for (size_t i = 0; st->st_nlink > 1 && i < nsecrets; i++)
		if (secrets[i].dev == st->st_dev && secrets[i].ino == st->st_ino)
			return true;
	return false;
}

/* ---- resolving and opening ----------------------------------------------------------------------- */

struct denylist_env
files_env(const struct tool_call *call)
{
	return (struct denylist_env){ .person = call->person, .root = call->root, .workspace = call->workspace };
}

bool
files_permitted(const char *path, const struct stat *st, const struct denylist_env *env)
{
	return denylist_match(path, env) == NULL && (!S_ISREG(st->st_mode) || !is_secret(st));
}

char *
files_resolve(const struct tool_call *call, const char *path, struct error *e)
{
	struct denylist_env env = files_env(call);
	char *resolved = NULL;
	const char *rule;

	switch (denylist_check(path, &env, &rule, &resolved, e)) {
	case 0:
		return resolved;
	case 1:
		error_set(e, ERR_denied, "%s is a sensitive path and is not touched (rule %s)", path, rule);
		break;
	}
	free(resolved);
	return NULL;
}

/* How near a name comes to the wanted one; 0: not at all. */
static int
nearness(const char *name, const char *wanted)
{
	size_t half = strlen(wanted) / 2;

	if (strcasestr(name, wanted) != NULL)
		return 3;
	if (strncasecmp(name, wanted, half > 3 ? half : 3) == 0)
		return 2;
	return strcasestr(wanted, name) != NULL ? 1 : 0;
}

static int
only_visible(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

/* Names beside the missing one, nearest first. */
static void
add_similar(struct buf *b, const char *dir, const char *wanted)
{
	struct dirent **names;
	int n = scandir(dir, &names, only_visible, alphasort), found = 0;

	for (int rank = 3; rank > 0; rank--)
		for (int i = 0; i < n && found < SIMILAR_MAX; i++)
			if (nearness(names[i]->d_name, wanted) == rank) {
				cleanup_free char *path = path_join(dir, names[i]->d_name);

				buf_addf(b, "%s%s", found++ == 0 ? "; similar paths: " : ", ", path);
			}
	for (int i = 0; i < n; i++)
		free(names[i]);
	if (n >= 0)
		free(names);
}

/* Why it did not open: not shown, or not there. Always -1. */
static int
explain(const char *resolved, enum tool_fs wanted, struct error *e)
{
	const char *slash = strrchr(resolved, '/');
	cleanup_free char *dir = xstrndup(resolved, slash == resolved ? 1 : (size_t)(slash - resolved));
	cleanup_buf struct buf similar = BUF(ERROR_TEXT_MAX / 2);
	int reason = errno;

	if (sandbox_shows(resolved) < wanted)
		return error_set(e, ERR_denied, "%s is outside what the sandbox %s; %s in config.yaml opens more paths", resolved,
		    wanted == FS_WRITE ? "lets tools write" : "shows", wanted == FS_WRITE ? "sandbox.write" : "sandbox.read");
	if (reason == ENOENT && wanted == FS_READ)
		add_similar(&similar, dir, slash + 1);
	errno = reason;
	if (reason != ENOENT)
		return error_errno(e, "%s", resolved);
	return error_set(e, ERR_not_found, "not found: %s%s", resolved, buf_str(&similar));
}

/* The path holds no links any more, so none is followed: what was judged is what is opened. */
static int
open_exactly(const char *path)
{
#ifdef __linux__
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
	    .resolve = RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS };

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
#else
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
#endif
}

int
files_open(const struct tool_call *call, const char *resolved, struct stat *st, struct error *e)
{
	struct denylist_env env = files_env(call);
	char link[64], real[PATH_MAX];
	int fd = open_exactly(resolved);
	ssize_t n;

	if (fd == -1)
		return explain(resolved, FS_READ, e);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, real, sizeof(real) - 1);
	real[n > 0 ? n : 0] = '\0';
	if (fstat(fd, st) == 0 && files_permitted(n > 0 ? real : resolved, st, &env))
		return fd;
	close(fd);
	return error_set(e, ERR_denied, "%s is another name of a sensitive file and is not touched", resolved);
}

int
files_read(const struct tool_call *call, const char *resolved, struct buf *b, struct error *e)
{
	char block[65536];
	struct stat st;
	cleanup_close int fd = files_open(call, resolved, &st, e);
	ssize_t n;

	if (fd == -1)
		return -1;
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERR_invalid, "%s is not a regular file", resolved);
	b->max = FILES_EDIT_MAX;
	while ((n = read(fd, block, sizeof(block))) != 0) {
		if (n == -1 && errno != EINTR)
			return error_errno(e, "read %s", resolved);
		if (n > 0 && buf_add(b, block, (size_t)n) == -1)
			return error_set(e, ERR_too_large, "%s is larger than %d bytes", resolved, FILES_EDIT_MAX);
	}
	return 0;
}

bool
files_is_binary(const char *data, size_t len)
{
	size_t control = 0;

	if (len > 8192)
		len = 8192;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c == '\0')
			return true;
		control += c == 0x7f || (c < 0x20 && strchr("\t\n\r\f\b\033", c) == NULL);
	}
	return control * 10 > len * 3;
}

/* ---- changing ------------------------------------------------------------------------------------ */

static json_int_t
count_lines(const char *text, size_t len)
{
	json_int_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n + (len > 0 && text[len - 1] != '\n');
}

/* The length of the lines at the beginning that are the same. */
static size_t
same_lines(const char *a, size_t alen, const char *b, size_t blen)
{
	size_t line = 0;

	for (size_t i = 0; i < alen && i < blen && a[i] == b[i]; i++)
		if (a[i] == '\n')
			line = i + 1;
	return line;
}

static size_t
same_tail(const char *a, size_t alen, const char *b, size_t blen, size_t from)
{
	size_t n = 0, line = 0;

	while (from + n < alen && from + n < blen && a[alen - 1 - n] == b[blen - 1 - n]) {
		n++;
		if (from + n == alen || from + n == blen || a[alen - 1 - n] == '\n')
			line = n;
	}
	return line;
}

static void
add_marked(struct buf *b, char mark, const char *text, size_t len)
{
	for (const char *end = text + len, *next; text < end && b->len < PREVIEW_CHARS * 4; text = next) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));

		next = nl == NULL ? end : nl + 1;
		buf_addf(b, "%c%.*s\n", mark, (int)((nl == NULL ? end : nl) - text), text);
	}
}

/* The lines that differ, as far as they fit. */
static char *
preview(const char *old, size_t oldlen, const char *new, size_t newlen)
{
	size_t head = same_lines(old, oldlen, new, newlen), tail = same_tail(old, oldlen, new, newlen, head);
	cleanup_buf struct buf b = BUF(0);
	char *text;

	add_marked(&b, '-', old + head, oldlen - head - tail);
	add_marked(&b, '+', new + head, newlen - head - tail);
	text = utf8_clean(buf_str(&b), b.len);
	text[utf8_offset(text, strlen(text), PREVIEW_CHARS)] = '\0';
	return text;
}

static void
record(struct tool_call *call, const char *path, const char *op, const struct buf *before, const char *text, size_t len)
{
	const char *old = before == NULL ? "" : buf_str(before);
	size_t oldlen = before == NULL ? 0 : before->len;
	cleanup_free char *diff = preview(old, oldlen, text, len), *clean = utf8_clean(path, strlen(path));
	char sha_before[65], sha_after[65];
	json_t *row;

	audit_hash(old, oldlen, sha_before);
	audit_hash(text, len, sha_after);
	row = json_pack("{s:s s:s s:s? s:s s:I s:I s:I s:I s:s}", "path", clean, "op", op, "sha_before",
	    before == NULL ? NULL : sha_before, "sha_after", sha_after, "bytes_before", (json_int_t)oldlen, "bytes_after",
	    (json_int_t)len, "lines_before", count_lines(old, oldlen), "lines_after", count_lines(text, len),
	    "diff_preview", diff);
	if (call->result.mutations == NULL)
		call->result.mutations = json_array();
	json_array_append_new(call->result.mutations, row);
}

static bool
is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

int
files_save(struct tool_call *call, const char *resolved, const char *op, const struct buf *before, const char *text,
    size_t len, struct error *e)
{
	const char *slash = strrchr(resolved, '/');
	cleanup_free char *dir = xstrndup(resolved, slash == resolved ? 1 : (size_t)(slash - resolved));
	cleanup_free char *skills = call->home == NULL ? NULL : path_join(call->home, "skills");
	struct stat st;
	int mode = 0644;

	if (skills != NULL && is_below(resolved, skills))
		return error_set(e, ERR_denied, "%s belongs to a skill; the skill tool changes it", resolved);
	if (lint_check(resolved, text, len, e) == -1)
		return -1;
	if (sandbox_shows(resolved) != FS_WRITE)
		return explain(resolved, FS_WRITE, e);
	if (before != NULL && stat(resolved, &st) == 0)
		mode = st.st_mode & 0777;
	if (make_dirs(dir, 0755, e) == -1 || atomic_write(resolved, text, len, mode, e) == -1)
		return -1;
	record(call, resolved, op, before, text, len);
	return 0;
}
