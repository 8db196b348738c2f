/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a document that was attached to a request: its bytes come with
 * the call, because where they wait a worker sees nothing. They lie in memory
 * while a program reads them; this worker is shown no file of the person's.
 */
#include "toolrunner/tool.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sodium.h>

#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/text.h"

static int
write_all(int fd, const unsigned char *data, size_t len)
{
	ssize_t n;

	for (size_t done = 0; done < len; done += n > 0 ? (size_t)n : 0)
		if ((n = write(fd, data + done, len - done)) == -1 && errno != EINTR)
			return -1;
	return lseek(fd, 0, SEEK_SET) == -1 ? -1 : 0;
}

int
tool_read_document(struct tool_call *call, struct error *e)
{
	const char *base64 = json_str(call->args, "data", "");
	size_t room = strlen(base64) / 4 * 3 + 1, len = 0;
	cleanup_free unsigned char *data = xmalloc(room);
	cleanup_close int fd = memfd_create("document", MFD_CLOEXEC);

	if (sodium_base642bin(data, room, base64, strlen(base64), NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
		return error_set(e, ERR_invalid, "its bytes are no base64");
	if (fd == -1 || write_all(fd, data, len) == -1)
		return error_errno(e, "memory for it");
	if (text_attached(fd, json_str(call->args, "name", ""), &call->result.output, e) == -1)
		return -1;
	call->result.ok = true;
	return 0;
}
