/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn_file (tools.md, 7.1): a copy of a document among those of the
 * workspace, .alpi/documents, and a line about it in their manifest. engined
 * has it indexed afterwards.
 */
#include "toolrunner/tool.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/civil.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/files.h"
#include "toolrunner/text.h"
#include "toolrunner/walk.h"

#define DOCUMENTS	".alpi/documents"
#define FILE_MAX	TEXT_IMAGE_MAX
#define NAME_MAX_BYTES	100
#define CLASHES_MAX	1000

/* ---- names --------------------------------------------------------------------------------------- */

static const struct {
	const char	*suffix, *mime;
} mimes[] = {
	{ ".pdf", "application/pdf" }, { ".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
	{ ".txt", "text/plain" }, { ".md", "text/markdown" }, { ".html", "text/html" }, { ".csv", "text/csv" },
	{ ".json", "application/json" }, { ".png", "image/png" }, { ".jpg", "image/jpeg" }, { ".jpeg", "image/jpeg" },
};

static const char *
suffix_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot == NULL || dot == name || strlen(dot) > 10 || strchr(dot, '/') != NULL ? "" : dot;
}

static const char *
mime_of(const char *name)
{
	for (size_t i = 0; i < COUNT(mimes); i++)
		if (strcasecmp(suffix_of(name), mimes[i].suffix) == 0)
			return mimes[i].mime;
	return "application/octet-stream";
}

/* What a model or a person calls a document, as one element of a path; "" when nothing of it is left. The caller frees. */
static char *
plain_name(const char *name)
{
	char *out = xstrndup(name, utf8_cut(name, strlen(name), NAME_MAX_BYTES)), *to = out;

	for (const char *from = out; *from != '\0'; from++) {
		unsigned char c = (unsigned char)*from;
		bool fine = isalnum(c) || c >= 0x80 || strchr("._-", c) != NULL;

		if (fine && !(to == out && c == '.'))		/* no hidden file, and no ".." */
			*to++ = (char)c;
		else if (to > out && to[-1] != '-')
			*to++ = '-';
	}
	while (to > out && to[-1] == '-')
		to--;
	*to = '\0';
	return out;
}

/* Folder of the copy, relative to the workspace; the caller frees. */
static char *
folder_of(const char *wanted, const struct civil *now)
{
	cleanup_free char *folder = plain_name(wanted);

	if (folder[0] != '\0')
		return xasprintf(DOCUMENTS "/%s", folder);
	return xasprintf(DOCUMENTS "/%04lld/%02d", (long long)now->year, now->month);
}

/* A name that nothing has yet, absolute; NULL with the error. */
static char *
free_name(const char *dir, const char *stem, const char *suffix, struct error *e)
{
	for (int n = 1; n <= CLASHES_MAX; n++) {
		cleanup_free char *path = n == 1 ? xasprintf("%s/%s%s", dir, stem, suffix) : xasprintf("%s/%s-%d%s", dir, stem, n, suffix);
		struct stat st;

		if (lstat(path, &st) == -1 && errno == ENOENT)
			return steal(path);
	}
	error_set(e, ERR_exists, "learn_file: there are %d documents of this name", CLASHES_MAX);
	return NULL;
}

/* ---- the copy --------------------------------------------------------------------------------------- */

static int
read_source(struct tool_call *call, const char *source, struct buf *b, struct error *e)
{
	char block[65536];
	struct stat st;
	cleanup_close int fd = files_open(call, source, &st, e);
	ssize_t n;

	if (fd == -1)
		return -1;
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERR_invalid, "%s is not a regular file", source);
	b->max = FILE_MAX;
	while ((n = read(fd, block, sizeof(block))) != 0) {
		if (n == -1 && errno != EINTR)
			return error_errno(e, "read %s", source);
		if (n > 0 && buf_add(b, block, (size_t)n) == -1)
			return error_set(e, ERR_too_large, "%s is larger than %d bytes", source, FILE_MAX);
	}
	return 0;
}

/* Absolute, without links; the folder is made. The caller frees. */
static char *
place(struct tool_call *call, const char *name, const char *source, const struct civil *now, struct error *e)
{
	cleanup_free char *stem = plain_name(name), *folder = folder_of(json_str(call->args, "folder", ""), now);
	cleanup_free char *whole = path_join(call->workspace, folder), *dir = files_resolve(call, whole, e), *dated = NULL;
	char suffix[12];

	snprintf(suffix, sizeof(suffix), "%s", suffix_of(stem)[0] != '\0' ? suffix_of(stem) : suffix_of(source));
	if (dir == NULL || make_dirs(dir, 0755, e) == -1)
		return NULL;
	if (suffix_of(stem)[0] != '\0')
		stem[strlen(stem) - strlen(suffix)] = '\0';
	dated = xasprintf("%04lld-%02d-%02d-%s", (long long)now->year, now->month, now->day, stem[0] != '\0' ? stem : "document");
	return free_name(dir, dated, suffix, e);
}

static int
note(struct tool_call *call, const char *path, const char *source, size_t size, const struct civil *now, struct error *e)
{
	cleanup_free char *manifest = path_join(call->workspace, DOCUMENTS "/manifest.jsonl");
	cleanup_free char *resolved = files_resolve(call, manifest, e), *line = NULL, *when = NULL;
	cleanup_free char *clean = utf8_clean(source, strlen(source));
	const char *slash = strrchr(clean, '/');
	cleanup_json json_t *row = NULL;
	cleanup_buf struct buf b = BUF(0);

	if (resolved == NULL)
		return -1;
	when = xasprintf("%04lld-%02d-%02dT%02d:%02d:%02dZ", (long long)now->year, now->month, now->day, now->hour, now->minute, now->second);
	row = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "path", walk_shown(path, call->workspace),
	    "original_name", slash == NULL ? clean : slash + 1, "mime", mime_of(path), "size", (json_int_t)size,
	    "learned_at", when, "source", clean);
	line = json_text(row);
	buf_addf(&b, "%s\n", line);
	return atomic_append(resolved, buf_str(&b), b.len, 0644, true, e);
}

int
tool_learn_file(struct tool_call *call, struct error *e)
{
	const char *name = json_str(call->args, "name", "");
	cleanup_free char *source = files_resolve(call, json_str(call->args, "source_path", ""), e), *path = NULL, *text = NULL;
	cleanup_buf struct buf b = BUF(0);
	cleanup_json json_t *out = NULL;
	struct civil now;

	civil_from(clock_wall_ms() / 1000, &now);
	if (source == NULL || read_source(call, source, &b, e) == -1 || (path = place(call, name, source, &now, e)) == NULL ||
	    atomic_write(path, buf_str(&b), b.len, 0644, e) == -1)
		return -1;
	if (note(call, path, source, b.len, &now, e) == -1) {
		unlink(path);
		return error_add(e, "the manifest cannot be written");
	}
	out = json_pack("{s:b, s:s}", "ok", 1, "path", walk_shown(path, call->workspace));
	text = json_text(out);
	buf_puts(&call->result.output, text);
	call->result.ok = true;
	return 0;
}
