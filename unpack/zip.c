/* SPDX-License-Identifier: Apache-2.0 */
/* See zip.h. libzip reads the format; sizes are counted as bytes come, whatever the headers promise. */
#include "unpack/zip.h"

#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

#include "common/json.h"
#include "common/mem.h"

struct unpacking {
	zip_t	*zip;
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
check_kind(struct unpacking *u, zip_uint64_t i, const char *path, struct error *e)
{
	zip_uint32_t attributes = 0;
	zip_uint8_t system = 0;
	unsigned kind;

	if (zip_file_get_external_attributes(u->zip, i, 0, &system, &attributes) == -1)
		return error_set(e, ERR_invalid, "\"%.200s\": %s", path, zip_strerror(u->zip));
	kind = attributes >> 16 & S_IFMT;
	if (system != ZIP_OPSYS_UNIX || kind == 0 || kind == S_IFREG)
		return 0;
	return error_set(e, ERR_denied, "\"%.200s\" is %s", path, kind == S_IFLNK ? "a link" : "no regular file");
}

/* ---- content ----------------------------------------------------------------------------------- */

/* Read what is there, up to a byte more than may be. */
static int
read_entry(struct unpacking *u, zip_uint64_t i, const char *path, char *out, size_t *len, struct error *e)
{
	zip_file_t *f = zip_fopen_index(u->zip, i, 0);
	zip_int64_t n = 0;

	if (f == NULL)
		return error_set(e, ERR_invalid, "\"%.200s\": %s", path, zip_strerror(u->zip));
	for (*len = 0; *len <= ZIP_FILE_MAX && (n = zip_fread(f, out + *len, ZIP_FILE_MAX + 1 - *len)) > 0; )
		*len += (size_t)n;
	zip_fclose(f);
	if (n < 0)
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
	size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
	cleanup_free char *text = xmalloc(size);

	sodium_bin2base64(text, size, (const unsigned char *)data, len, sodium_base64_VARIANT_ORIGINAL);
	json_array_append_new(u->files, json_pack("{s:s, s:s}", "path", path, "data", text));
}

static int
take(struct unpacking *u, zip_uint64_t i, struct error *e)
{
	const char *path = zip_get_name(u->zip, i, ZIP_FL_ENC_GUESS);
	cleanup_free char *room = NULL, *folder = NULL;
	size_t len = path == NULL ? 0 : strlen(path);

	if (len == 0)
		return error_set(e, ERR_invalid, "an entry has no name");
	if (path[len - 1] == '/') {		/* a folder: it comes with its files */
		folder = xstrndup(path, len - 1);
		return zip_path_check(folder, e);
	}
	room = xmalloc(ZIP_FILE_MAX + 1);
	if (zip_path_check(path, e) == -1 || check_new(u, path, e) == -1 || check_kind(u, i, path, e) == -1 ||
	    read_entry(u, i, path, room, &len, e) == -1)
		return -1;
	add_row(u, path, room, len);
	return 0;
}

static int
take_all(struct unpacking *u, struct error *e)
{
	zip_int64_t n = zip_get_num_entries(u->zip, 0);

	if (n > ZIP_ENTRIES_MAX)
		return error_set(e, ERR_too_large, "more than %d entries", ZIP_ENTRIES_MAX);
	for (zip_int64_t i = 0; i < n; i++)
		if (take(u, (zip_uint64_t)i, e) == -1)
			return -1;
	return 0;
}

static zip_t *
open_bytes(const void *bytes, size_t len, struct error *e)
{
	zip_error_t why;
	zip_source_t *source;
	zip_t *zip = NULL;

	zip_error_init(&why);
	source = zip_source_buffer_create(bytes, len, 0, &why);
	if (source == NULL || (zip = zip_open_from_source(source, ZIP_RDONLY, &why)) == NULL) {
		error_set(e, ERR_invalid, "this is no ZIP that can be read: %s", zip_error_strerror(&why));
		zip_source_free(source);
	}
	zip_error_fini(&why);
	return zip;
}

json_t *
zip_files(const void *bytes, size_t len, struct error *e)
{
	struct unpacking u = { .zip = NULL };

	if (len > ZIP_BYTES_MAX) {
		error_set(e, ERR_too_large, "the ZIP is larger than %u bytes", ZIP_BYTES_MAX);
		return NULL;
	}
	if ((u.zip = open_bytes(bytes, len, e)) == NULL)
		return NULL;
	u.files = json_array();
	if (take_all(&u, e) == -1) {
		json_decref(u.files);
		u.files = NULL;
	}
	zip_discard(u.zip);
	return u.files;
}
