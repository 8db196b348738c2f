/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_image (tools.md, 7.3), its half that touches the disk: the file as an
 * image that models take. engined shows it to one.
 */
#include "toolrunner/tool.h"

#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/files.h"
#include "toolrunner/picture.h"

/* {mime, data}, where others put out text. */
static void
put(struct tool_call *call, const char *mime, const struct buf *image)
{
	cleanup_free char *text = base64_text(buf_str(image), image->len);

	buf_addf(&call->result.output, "{\"mime\":\"%s\",\"data\":\"%s\"}", mime, text);
	call->result.ok = true;
}

int
tool_read_image(struct tool_call *call, struct error *e)
{
	cleanup_free char *path = files_resolve(call, json_str(call->args, "path", ""), e);
	cleanup_buf struct buf image = BUF(PICTURE_FIT);
	const char *mime;
	struct stat st;

	if (path == NULL)
		return -1;
	cleanup_close int fd = files_open(call, path, &st, e);
	if (fd == -1)
		return -1;
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERR_invalid, "%s is not a regular file", path);
	if ((mime = picture_fit(fd, path, &image, e)) == NULL)
		return -1;
	put(call, mime, &image);
	return 0;
}
