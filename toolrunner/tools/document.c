/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a model is shown of a file that was attached to a request: its bytes
 * come with the call, because where they wait a worker sees nothing. They lie
 * in memory while a program reads them; this worker is shown no file of the
 * person's.
 */
#include "toolrunner/tool.h"

#include <string.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/picture.h"
#include "toolrunner/scan.h"
#include "toolrunner/text.h"

static void
put_image(struct tool_call *call, const struct buf *image)
{
	cleanup_free char *text = base64_text(buf_str(image), image->len);

	buf_puts(&call->result.output, text);
}

static int
read_image(struct tool_call *call, int fd, struct error *e)
{
	cleanup_buf struct buf image = BUF(PICTURE_FIT);

	if (picture_fit(fd, "the image", &image, e) == NULL)
		return -1;
	put_image(call, &image);
	return 0;
}

static int
read_page(struct tool_call *call, int fd, int page, struct error *e)
{
	cleanup_buf struct buf image = BUF(PICTURE_FIT);

	if (json_bool(call->args, "ocr", false))
		return scan_text(fd, page, &call->result.output, e);
	if (scan_image(fd, page, &image, e) == -1)
		return -1;
	put_image(call, &image);
	return 0;
}

static int
read_text(struct tool_call *call, int fd, const char *name, struct error *e)
{
	int scan = 0;

	if (text_attached(fd, name, &call->result.output, &scan, e) == -1)
		return -1;
	if (scan > 0)
		call->result.produced = json_pack("{s:i}", "pages", scan);
	return 0;
}

static int
read_file(struct tool_call *call, int fd, struct error *e)
{
	const char *name = json_str(call->args, "name", "");
	int page = (int)json_int(call->args, "page", 0);

	if (strcmp(name, "a.image") == 0)
		return read_image(call, fd, e);
	return page > 0 ? read_page(call, fd, page, e) : read_text(call, fd, name, e);
}

int
tool_read_document(struct tool_call *call, struct error *e)
{
	const char *base64 = json_str(call->args, "data", "");
	size_t len = 0;
	cleanup_free unsigned char *data = base64_bytes(base64, strlen(base64), &len);

	if (data == NULL)
		return error_set(e, ERR_invalid, "its bytes are no base64");
	cleanup_close int fd = picture_in_memory(&(struct buf){ .data = (char *)data, .len = len }, e);
	if (fd == -1 || read_file(call, fd, e) == -1)
		return -1;
	call->result.ok = true;
	return 0;
}
