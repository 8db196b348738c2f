/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See attach.h. No daemon opens the person's files, so their bytes go
 * through the socket; what they are, and whether they may be attached, is
 * decided there.
 */
#include "cli/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/client.h"
#include "common/base64.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"

#define FILES_MAX	10
#define FILE_MAX	(20 * 1024 * 1024)
#define TURN_MAX	(40 * 1024 * 1024)

static int
read_all(int fd, const char *path, struct buf *b, struct error *e)
{
	char piece[65536];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n == -1 && errno != EINTR)
			return error_errno(e, "%s", path);
		if (n > 0 && buf_add(b, piece, (size_t)n) == -1)
			return error_set(e, ERR_too_large, "%s: a file has at most 20 MB", path);
	}
	return 0;
}

/* A whole regular file. One that would keep us waiting, as a pipe does, is not opened for that. */
static int
read_file(const char *path, struct buf *b, struct error *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		return error_errno(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERR_invalid, "%s: no regular file", path);
	if (st.st_size == 0)
		return error_set(e, ERR_invalid, "%s is empty", path);
	return read_all(fd, path, b, e);
}

/* It arrived: where it waits, and where the person has it. Takes nothing. */
static void
add_row(json_t *list, const json_t *result, const char *path)
{
	json_t *row = json_copy(json_object_get(result, "attachment"));

	if (row == NULL)
		row = json_object();
	json_object_set_new(row, "shown", json_string(path));
	json_array_append_new(list, row);
}

static int
send_file(struct cli *c, const char *path, const struct buf *b, json_t *list, struct error *e)
{
	cleanup_free char *data = base64_text(buf_str(b), b->len);
	cleanup_json json_t *result = NULL;
	json_t *params;

	params = json_pack("{s:s, s:s, s:s}", "profile", c->profile, "name", path_base(path), "data_base64", data);
	if (params == NULL)
		return error_set(e, ERR_invalid, "the name of a file is not UTF-8");
	if ((result = client_call(c, "host.attachments.stage", params, e)) == NULL)
		return -1;
	add_row(list, result, path);
	return 0;
}

static int
add_file(struct cli *c, const char *name, json_t *list, size_t *bytes, struct error *e)
{
	cleanup_free char *path = realpath(name, NULL);
	cleanup_buf struct buf b = BUF(FILE_MAX);

	if (path == NULL)
		return error_errno(e, "%s", name);
	if (read_file(path, &b, e) == -1)
		return -1;
	if ((*bytes += b.len) > TURN_MAX)
		return error_set(e, ERR_too_large, "the files of a turn have at most 40 MB together");
	return send_file(c, path, &b, list, e);
}

int
attach_files(struct cli *c, const struct args *a, json_t *params, struct error *e)
{
	cleanup_json json_t *list = json_array();
	size_t bytes = 0;

	for (size_t i = 0; i < a->ngiven; i++) {
		if (strcmp(a->given[i].opt->name, "attach") != 0)
			continue;
		if (json_array_size(list) == FILES_MAX)
			return error_set(e, ERR_invalid, "a turn has at most %d files", FILES_MAX);
		if (add_file(c, a->given[i].value, list, &bytes, e) == -1)
			return -1;
	}
	if (json_array_size(list) > 0)
		json_object_set(params, "attachments", list);
	return 0;
}
