/* SPDX-License-Identifier: Apache-2.0 */
/* See produced.h. A script may name any path: only regular files below the workspace or the skill's own folder are taken. */
#include "toolrunner/produced.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/denylist.h"
#include "toolrunner/files.h"

#define OBJECT_MAX	65536		/* bytes of the object, whose end is looked for */
#define FILE_MAX	(20 * 1024 * 1024)
#define OFFICE		"application/vnd.openxmlformats-officedocument."

/* What may be handed on: how the name ends, and where the file must hold which bytes. */
static const struct type {
	const char	*ending, *mime, *kind;
	size_t		 at;
	const char	*magic;		/* "": any text */
} types[] = {
	{ ".png",  "image/png",  "image", 0, "\x89PNG\r\n\x1a\n" },
	{ ".jpg",  "image/jpeg", "image", 0, "\xff\xd8\xff" },
	{ ".jpeg", "image/jpeg", "image", 0, "\xff\xd8\xff" },
	{ ".gif",  "image/gif",  "image", 0, "GIF8" },
	{ ".webp", "image/webp", "image", 8, "WEBP" },
	{ ".pdf",  "application/pdf", "document", 0, "%PDF" },
	{ ".docx", OFFICE "wordprocessingml.document", "document", 0, "PK\3\4" },
	{ ".xlsx", OFFICE "spreadsheetml.sheet", "document", 0, "PK\3\4" },
	{ ".pptx", OFFICE "presentationml.presentation", "document", 0, "PK\3\4" },
	{ ".ogg",  "audio/ogg",  "audio", 0, "OggS" },
	{ ".wav",  "audio/wav",  "audio", 8, "WAVE" },
	{ ".mp4",  "video/mp4",  "video", 4, "ftyp" },
	{ ".txt",  "text/plain", "document", 0, "" },
	{ ".md",   "text/markdown", "document", 0, "" },
	{ ".csv",  "text/csv",   "document", 0, "" },
	{ ".json", "application/json", "document", 0, "" },
	{ ".html", "text/html",  "document", 0, "" },
};

/* ---- the object ------------------------------------------------------------------------------- */

/* Bytes of the object that the text begins with; 0: it begins with none. */
static size_t
object_length(const char *text, size_t len)
{
	bool quoted = false;
	int depth = 0;

	for (size_t i = 0; i < len && i < OBJECT_MAX; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && text[i] == '{')
			depth++;
		else if (!quoted && text[i] == '}' && --depth == 0)
			return i + 1;
		if (depth == 0)
			return 0;
	}
	return 0;
}

/* The path it names; the caller frees. */
static char *
named(const char *output, size_t len)
{
	size_t n = object_length(output, len);
	cleanup_json json_t *j = n == 0 ? NULL : json_parse(output, n, 16, NULL);
	const char *out = json_str(j, "out", "");

	return out[0] == '/' ? realpath(out, NULL) : NULL;
}

/* ---- the file --------------------------------------------------------------------------------- */

static bool
is_below(const char *path, const char *folder)
{
	cleanup_free char *real = folder == NULL ? NULL : realpath(folder, NULL);
	size_t n = real == NULL ? 0 : strlen(real);

	return n > 1 && strncmp(path, real, n) == 0 && path[n] == '/';
}

static const struct type *
type_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; i < COUNT(types); i++)
		if (dot != NULL && strcasecmp(dot, types[i].ending) == 0)
			return &types[i];
	return NULL;
}

static bool
begins_right(int fd, const struct type *t)
{
	char head[4096];
	ssize_t n = pread(fd, head, sizeof(head), 0);
	size_t m = strlen(t->magic);

	if (n <= 0)
		return false;
	return m == 0 ? !files_is_binary(head, (size_t)n) : (size_t)n >= t->at + m && memcmp(head + t->at, t->magic, m) == 0;
}

json_t *
produced_find(const struct tool_call *call, const char *output, size_t len)
{
	cleanup_free char *path = named(output, len);
	const struct type *type = path == NULL ? NULL : type_of(path);
	struct denylist_env env = files_env(call);
	cleanup_close int fd = -1;
	struct stat st;

	if (type == NULL || !(is_below(path, call->workspace) || is_below(path, call->skill)))
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd == -1 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX ||
	    !files_permitted(path, &st, &env) || !begins_right(fd, type))
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:I, s:s}", "path", path, "name", path_base(path), "mime", type->mime,
	    "size", (json_int_t)st.st_size, "kind", type->kind);
}
