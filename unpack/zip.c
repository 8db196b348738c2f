/* SPDX-License-Identifier: Apache-2.0 */
/* See zip.h. minizip reads the format; sizes are counted as bytes come, whatever the headers promise. */
#include "unpack/zip.h"

#include <minizip/unzip.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"

#define FLAG_ENCRYPTED	1
#define MADE_ON_UNIX	3		/* upper byte of "version made by" */
#define MADE_ON_MACOS	19

struct unpacking {
	unzFile	 zip;
	json_t	*files;
	size_t	 total;
};

/* ---- names ------------------------------------------------------------------------------------ */

static int
check_element(const char *path, const char *at, size_t len, struct error *e)
{
	if (len == 0)
		return error_set(e, ERR_denied, "\"%.200s\": an empty name in the path", path);
	if ((len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.'))
		return error_set(e, ERR_denied, "\"%.200s\" leads out of its folder", path);
	return 0;
}

int
zip_path_check(const char *path, struct error *e)
{
	size_t len;

	if (strlen(path) > ZIP_PATH_MAX)
		return error_set(e, ERR_too_large, "a path is longer than %d bytes", ZIP_PATH_MAX);
	if (path[0] == '/' || (path[0] != '\0' && path[1] == ':'))
		return error_set(e, ERR_denied, "\"%.200s\" is an absolute path", path);
	for (const char *p = path; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || *p == '\\')
			return error_set(e, ERR_denied, "a path holds a backslash or a control character");
	for (const char *p = path; ; p += len + 1) {
		len = strcspn(p, "/");
		if (check_element(path, p, len, e) == -1)
			return -1;
		if (p[len] == '\0')
			return 0;
	}
}

static int
check_new(const struct unpacking *u, const char *path, struct error *e)
{
	json_t *row;
	size_t i;

	json_array_foreach(u->files, i, row)
		if (strcmp(json_str(row, "path", ""), path) == 0)
			return error_set(e, ERR_invalid, "\"%.200s\" is in it twice", path);
	return 0;
}

/* Whoever packs on Unix says what a file was: only regular ones are files to us. */
static int
check_kind(const unz_file_info64 *info, const char *path, struct error *e)
{
	unsigned kind = info->external_fa >> 16 & S_IFMT, made_on = info->version >> 8 & 0xff;

	if (info->flag & FLAG_ENCRYPTED)
		return error_set(e, ERR_denied, "\"%.200s\" is encrypted", path);
	if ((made_on != MADE_ON_UNIX && made_on != MADE_ON_MACOS) || kind == 0 || kind == S_IFREG)
		return 0;
	return error_set(e, ERR_denied, "\"%.200s\" is %s", path, kind == S_IFLNK ? "a link" : "no regular file");
}

/* The name of the entry we stand at, whole and readable. */
static int
name_of(struct unpacking *u, unz_file_info64 *info, char path[ZIP_PATH_MAX + 2], struct error *e)
{
	cleanup_free char *clean = NULL;

	if (unzGetCurrentFileInfo64(u->zip, info, path, ZIP_PATH_MAX + 1, NULL, 0, NULL, 0) != UNZ_OK)
		return error_set(e, ERR_invalid, "an entry is damaged");
	path[ZIP_PATH_MAX + 1] = '\0';
	if (info->size_filename > ZIP_PATH_MAX)
		return error_set(e, ERR_too_large, "a path is longer than %d bytes", ZIP_PATH_MAX);
	path[info->size_filename] = '\0';
	clean = utf8_clean(path, info->size_filename);
	if (info->size_filename == 0 || strlen(path) != info->size_filename || strcmp(clean, path) != 0)
		return error_set(e, ERR_denied, "the name of an entry is empty, or no UTF-8 text");
	return 0;
}

/* ---- content ----------------------------------------------------------------------------------- */

/* Read what is there, up to a byte more than may be. */
static int
read_entry(struct unpacking *u, const char *path, char *out, size_t *len, struct error *e)
{
	int n = 0;

	if (unzOpenCurrentFile(u->zip) != UNZ_OK)
		return error_set(e, ERR_invalid, "\"%.200s\" is damaged, or packed in a way that is not known here", path);
	for (*len = 0; *len <= ZIP_FILE_MAX && (n = unzReadCurrentFile(u->zip, out + *len, (unsigned)(ZIP_FILE_MAX + 1 - *len))) > 0; )
		*len += (size_t)n;
	if (unzCloseCurrentFile(u->zip) != UNZ_OK || n < 0)
		return error_set(e, ERR_invalid, "\"%.200s\" is damaged", path);
	if (*len > ZIP_FILE_MAX)
		return error_set(e, ERR_too_large, "\"%.200s\" is larger than %u bytes", path, ZIP_FILE_MAX);
	if ((u->total += *len) > ZIP_TOTAL_MAX)
		return error_set(e, ERR_too_large, "the files together are larger than %u bytes", ZIP_TOTAL_MAX);
	return 0;
}

static void
add_row(struct unpacking *u, const char *path, const char *data, size_t len)
{
	cleanup_free char *text = base64_text(data, len);

	json_array_append_new(u->files, json_pack("{s:s, s:s}", "path", path, "data", text));
}

static int
take(struct unpacking *u, struct error *e)
{
	cleanup_free char *room = NULL;
	char path[ZIP_PATH_MAX + 2];
	unz_file_info64 info;
	size_t len;

	if (name_of(u, &info, path, e) == -1)
		return -1;
	if (path[len = strlen(path) - 1] == '/') {		/* a folder: it comes with its files */
		path[len] = '\0';
		return zip_path_check(path, e);
	}
	room = xmalloc(ZIP_FILE_MAX + 1);
	if (zip_path_check(path, e) == -1 || check_new(u, path, e) == -1 || check_kind(&info, path, e) == -1 ||
	    read_entry(u, path, room, &len, e) == -1)
		return -1;
	add_row(u, path, room, len);
	return 0;
}

static int
take_all(struct unpacking *u, struct error *e)
{
	int r = unzGoToFirstFile(u->zip);

	for (size_t n = 0; r == UNZ_OK; r = unzGoToNextFile(u->zip)) {
		if (n++ == ZIP_ENTRIES_MAX)
			return error_set(e, ERR_too_large, "more than %d entries", ZIP_ENTRIES_MAX);
		if (take(u, e) == -1)
			return -1;
	}
	return r == UNZ_END_OF_LIST_OF_FILE ? 0 : error_set(e, ERR_invalid, "the ZIP is damaged");
}

struct given {
	const void	*bytes;
	size_t		 len;
};

static voidpf ZCALLBACK
open_given(voidpf opaque, const void *name, int mode)
{
	const struct given *g = opaque;

	return fmemopen((void *)g->bytes, g->len, "rb");
}

json_t *
zip_files(const void *bytes, size_t len, struct error *e)
{
	struct given given = { .bytes = bytes, .len = len };
	struct unpacking u = { .zip = NULL };
	zlib_filefunc64_def functions;

	if (len > ZIP_BYTES_MAX) {
		error_set(e, ERR_too_large, "the ZIP is larger than %u bytes", ZIP_BYTES_MAX);
		return NULL;
	}
	fill_fopen64_filefunc(&functions);
	functions.zopen64_file = open_given;
	functions.opaque = &given;
	if (len == 0 || (u.zip = unzOpen2_64("", &functions)) == NULL) {
		error_set(e, ERR_invalid, "this is no ZIP that can be read");
		return NULL;
	}
	u.files = json_array();
	if (take_all(&u, e) == -1) {
		json_decref(u.files);
		u.files = NULL;
	}
	unzClose(u.zip);
	return u.files;
}
