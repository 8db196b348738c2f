/* SPDX-License-Identifier: Apache-2.0 */
/* See page.h. */
#include "engined/page.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"

#define DEPTH	4

static bool
path_ok(const json_t *path)
{
	size_t n = json_string_length(path);

	return json_is_string(path) && n > 0 && n <= PAGE_PATH_MAX && strlen(json_string_value(path)) == n;
}

/* ---- lists ---------------------------------------------------------------------------------------- */

/* [path, mtime_us, size] */
static int
read_row(const json_t *row, struct shelf_file *f)
{
	const json_t *path = json_array_get(row, 0), *mtime = json_array_get(row, 1), *size = json_array_get(row, 2);

	if (!path_ok(path) || !json_is_integer(mtime) || !json_is_integer(size) || json_integer_value(size) < 0)
		return -1;
	*f = (struct shelf_file){ .path = xstrdup(json_string_value(path)), .mtime_us = json_integer_value(mtime),
	    .size = json_integer_value(size) };
	return 0;
}

static int
read_rows(const json_t *rows, struct page_list *out)
{
	json_t *row;
	size_t i;

	if (!json_is_array(rows))
		return -1;
	out->files = xcalloc(json_array_size(rows) + 1, sizeof(*out->files));
	json_array_foreach(rows, i, row) {
		if (read_row(row, &out->files[i]) == -1)
			return -1;
		out->count++;
	}
	return 0;
}

int
page_list_read(const char *text, struct page_list *out, struct error *e)
{
	cleanup_json json_t *page = json_parse(text, strlen(text), DEPTH, e);

	*out = (struct page_list){ 0 };
	if (page == NULL)
		return error_add(e, "list of files");
	out->workspace = xstrdup(json_str(page, "workspace", ""));
	out->scope = xstrdup(json_str(page, "scope", ""));
	out->more = json_bool(page, "more", false);
	if (out->workspace[0] == '/' && read_rows(json_object_get(page, "files"), out) == 0 && (out->count > 0 || !out->more))
		return 0;
	page_list_clear(out);
	return error_set(e, ERR_unavailable, "list of files: it does not have its form");
}

void
page_list_clear(struct page_list *l)
{
	free(l->workspace);
	free(l->scope);
	shelf_files_free(l->files, l->count);
	*l = (struct page_list){ 0 };
}

/* ---- texts ---------------------------------------------------------------------------------------- */

static int
read_header(const json_t *header, struct page_text *out, size_t *bytes)
{
	const char *gone = json_str(header, "gone", NULL), *why = json_str(header, "skipped", gone);
	int64_t n = json_int(header, "bytes", -1), size = json_int(header, "size", 0);

	if (!path_ok(json_object_get(header, "path")) || n < 0 || size < 0)
		return -1;
	*bytes = (size_t)n;
	out->file = (struct shelf_file){ .path = xstrdup(json_str(header, "path", "")),
	    .mtime_us = json_int(header, "mtime_us", 0), .size = size };
	out->why = xstrdup0(why);
	out->gone = gone != NULL;
	return 0;
}

static int
broken(struct page_text *t, struct error *e)
{
	page_text_clear(t);
	return error_set(e, ERR_unavailable, "texts of files: the page does not have its form");
}

int
page_text_next(const char *page, size_t len, size_t *at, struct page_text *out, struct error *e)
{
	const char *from = page + *at, *end = *at < len ? memchr(from, '\n', len - *at) : NULL;
	cleanup_json json_t *header = end == NULL ? NULL : json_parse(from, (size_t)(end - from), DEPTH, NULL);
	size_t left = end == NULL ? 0 : len - (size_t)(end + 1 - page), bytes;

	*out = (struct page_text){ 0 };
	if (*at >= len)
		return 0;
	if (header == NULL || read_header(header, out, &bytes) == -1 || bytes >= left || end[1 + bytes] != '\n')
		return broken(out, e);
	if (out->why == NULL)
		out->text = xstrndup(end + 1, bytes);
	*at = (size_t)(end + 1 - page) + bytes + 1;
	return 1;
}

void
page_text_clear(struct page_text *t)
{
	free(t->file.path);
	free(t->text);
	free(t->why);
	*t = (struct page_text){ 0 };
}
