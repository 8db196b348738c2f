/* SPDX-License-Identifier: Apache-2.0 */
/* A document that somebody sent: its words within the bound, or a reason. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/mem.h"
#include "toolrunner/docx.h"

#define MOST	4096

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	cleanup_close int fd = memfd_create("docx", MFD_CLOEXEC);
	cleanup_buf struct buf out = BUF(0);
	struct error e = { 0 };

	if (fd == -1 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) == -1)
		abort();
	if (docx_text(fd, MOST, &out, &e) == -1 && e.text[0] == '\0')
		abort();
	if (out.len > MOST)
		abort();
	return 0;
}
