/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the index of the workspace needs of it: engined, which keeps the
 * index, cannot see a file. It asks for pages of a list of files, for pages
 * of their text, and before it shows what it found, whether the files may
 * still be read. Each is a call like any other, judged by the turn's grant.
 */
#include "toolrunner/tool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/files.h"
#include "toolrunner/text.h"
#include "toolrunner/walk.h"

#define PAGE_FILES	2000		/* of a list */
#define PAGE_PATHS	512		/* that may be asked about at once */
#define PAGE_MS		5000		/* documents are slow: what was read by then is handed over */
#define PATH_MAX_BYTES	4096
#define WHY_MAX		300		/* bytes of a reason */

struct listing {
	struct tool_call	*call;
	const char		*glob, *after;
	json_t			*files;
	bool			 more;
};

static int64_t
mtime_us(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000;
}

/* ---- the list ------------------------------------------------------------------------------------- */

/* As the walk meets them: what is in a folder comes before what has a longer name than the folder. */
static int
path_order(const char *a, const char *b)
{
	for (; *a != '\0' && *a == *b; a++, b++)
		;
	if (*a == *b)
		return 0;
	if (*a == '/' || *b == '/')
		return *a == '\0' ? -1 : *b == '\0' ? 1 : *a == '/' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static bool
is_above(const char *folder, const char *path)
{
	size_t n = strlen(folder);

	return n == 0 || (strncmp(folder, path, n) == 0 && path[n] == '/');
}

static bool
ends_with(const char *folder, const char *end)
{
	size_t n = strlen(folder), m = strlen(end);

	return n >= m && strcmp(folder + n - m, end) == 0 && (n == m || folder[n - m - 1] == '/');
}

/* Our own folder in a workspace: only the documents in it were put there to be read. */
static bool
is_ours(const char *folder, const char *name)
{
	if (ends_with(folder, ".alpi/documents"))
		return strcmp(name, "manifest.jsonl") == 0;
	return ends_with(folder, ".alpi") && strcmp(name, "documents") != 0;
}

static void
add_file(void *arg, int dir, const char *file, const char *relative, const struct stat *st)
{
	struct listing *l = arg;
	json_t *name = json_string(relative);		/* NULL: a name that is no text cannot be asked for either */

	if (name == NULL || !walk_glob(l->glob, relative, false)) {
		json_decref(name);
		return;
	}
	if (json_array_size(l->files) == PAGE_FILES) {
		l->more = true;
		json_decref(name);
		return;
	}
	json_array_append_new(l->files, json_pack("[o, I, I]", name, (json_int_t)mtime_us(st), (json_int_t)st->st_size));
}

static bool
wanted(void *arg, const char *folder, const char *name, const char *relative)
{
	const struct listing *l = arg;

	return !l->more && !is_ours(folder, name) && (is_above(relative, l->after) || path_order(relative, l->after) > 0);
}

static void
put_list(struct listing *l, const char *scope)
{
	cleanup_json json_t *page = json_pack("{s:s, s:s, s:O, s:b}", "workspace", l->call->workspace, "scope", scope,
	    "files", l->files, "more", (int)l->more);
	cleanup_free char *text = json_text(page);

	buf_puts(&l->call->result.output, text);
	l->call->result.ok = true;
}

/* The files below a path, page by page: those that come after the one named. */
static int
list_files(struct tool_call *call, struct error *e)
{
	cleanup_free char *path = files_resolve(call, json_str(call->args, "path", "."), e);
	cleanup_json json_t *files = json_array();
	struct listing l = { .call = call, .glob = json_str(call->args, "glob", "**/*"),
	    .after = json_str(call->args, "after", ""), .files = files };
	struct walk w = { .env = files_env(call), .arg = &l, .wanted = wanted, .file = add_file };
	const char *scope;
	struct stat st;
	int fd;

	if (path == NULL || (fd = files_open(call, path, &st, e)) == -1)
		return -1;
	scope = walk_shown(path, call->workspace);
	if (S_ISDIR(st.st_mode)) {
		walk_folder(&w, fd, path, scope);
	} else {
		if (S_ISREG(st.st_mode) && l.after[0] == '\0')
			add_file(&l, AT_FDCWD, path, scope, &st);
		close(fd);
	}
	put_list(&l, scope);
	return 0;
}

/* ---- texts ------------------------------------------------------------------------------------------ */

static int
open_listed(struct tool_call *call, const char *path, struct stat *st, struct error *e)
{
	cleanup_free char *whole = path[0] == '/' ? xstrdup(path) : path_join(call->workspace, path);
	cleanup_free char *resolved = files_resolve(call, whole, e);
	int fd = resolved == NULL ? -1 : files_open(call, resolved, st, e);

	if (fd != -1 && !S_ISREG(st->st_mode)) {
		close(fd);
		return error_set(e, ERR_invalid, "not a regular file");
	}
	return fd;
}

/* One line of JSON, then as many bytes of text as it says, then a newline. False: it does not fit any more. */
static bool
put_text(struct buf *out, json_t *header, const struct buf *text)
{
	cleanup_free char *line = NULL;

	json_object_set_new(header, "bytes", json_integer((json_int_t)text->len));
	line = json_text(header);
	if (out->len + strlen(line) + text->len + 2 > TOOL_OUTPUT_MAX)
		return false;
	buf_addf(out, "%s\n", line);
	buf_add(out, buf_str(text), text->len);
	buf_addc(out, '\n');
	return true;
}

static bool
add_text(struct tool_call *call, const char *path)
{
	cleanup_buf struct buf text = BUF(0);
	cleanup_json json_t *header = json_pack("{s:s}", "path", path);
	struct error why = { 0 };
	struct stat st = { 0 };
	cleanup_close int fd = open_listed(call, path, &st, &why);

	if (fd == -1 || text_of(fd, path, json_bool(call->args, "ocr", false), &text, &why) == -1) {
		cleanup_free char *clean = utf8_clean(why.text, utf8_cut(why.text, strlen(why.text), WHY_MAX));

		json_object_set_new(header, fd == -1 ? "gone" : "skipped", json_string(clean));
	}
	if (why.code != ERR_unavailable) {	/* else it is as if it had changed, and looked at again */
		json_object_set_new(header, "mtime_us", json_integer((json_int_t)mtime_us(&st)));
		json_object_set_new(header, "size", json_integer((json_int_t)st.st_size));
	}
	return put_text(&call->result.output, header, &text);
}

static const json_t *
paths_of(const struct tool_call *call, struct error *e)
{
	const json_t *paths = json_object_get(call->args, "paths"), *path;
	size_t i;

	if (json_array_size(paths) > PAGE_PATHS) {
		error_set(e, ERR_invalid, "%s: more than %d paths", call->name, PAGE_PATHS);
		return NULL;
	}
	json_array_foreach(paths, i, path)
		if (!json_is_string(path) || json_string_length(path) > PATH_MAX_BYTES) {
			error_set(e, ERR_invalid, "%s: a path is not a short text", call->name);
			return NULL;
		}
	return paths;
}

/* As many of the named files as fit, in that order. */
static int
read_texts(struct tool_call *call, struct error *e)
{
	const json_t *paths = paths_of(call, e), *path;
	int64_t until = clock_mono_ms() + PAGE_MS;
	size_t i;

	if (e->code != 0)
		return -1;
	json_array_foreach(paths, i, path)
		if (!add_text(call, json_string_value(path)) || clock_mono_ms() > until)
			break;
	call->result.ok = true;
	return 0;
}

int
tool_index_workspace(struct tool_call *call, struct error *e)
{
	return json_object_get(call->args, "paths") == NULL ? list_files(call, e) : read_texts(call, e);
}

/* ---- what was found --------------------------------------------------------------------------------- */

/* Those of the paths that may be read now, as in the list. */
int
tool_search_workspace(struct tool_call *call, struct error *e)
{
	cleanup_json json_t *files = json_array(), *page = NULL;
	const json_t *paths = paths_of(call, e), *path;
	cleanup_free char *text = NULL;
	size_t i;

	if (e->code != 0)
		return -1;
	json_array_foreach(paths, i, path) {
		struct stat st;
		cleanup_close int fd = open_listed(call, json_string_value(path), &st, NULL);

		if (fd != -1)
			json_array_append_new(files, json_pack("[O, I, I]", path, (json_int_t)mtime_us(&st), (json_int_t)st.st_size));
	}
	page = json_pack("{s:s, s:O}", "workspace", call->workspace, "files", files);
	text = json_text(page);
	buf_puts(&call->result.output, text);
	call->result.ok = true;
	return 0;
}
