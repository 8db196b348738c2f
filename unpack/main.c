/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi-unpack reads a ZIP from its input and writes {files} or {error} as one
 * line of JSON. A program of its own, because the format and its library are
 * large and the bytes are a stranger's: it can read its input, write its
 * output and end, nothing else.
 */
#include <stdio.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/restrict.h"
#include "unpack/zip.h"

static int
read_input(struct buf *b, struct error *e)
{
	char block[65536];
	ssize_t n;

	while ((n = read(STDIN_FILENO, block, sizeof(block))) > 0)
		if (buf_add(b, block, (size_t)n) == -1)
			return error_set(e, ERR_too_large, "the ZIP is larger than %u bytes", ZIP_BYTES_MAX);
	return n == 0 ? 0 : error_errno(e, "read the ZIP");
}

int
main(void)
{
	cleanup_buf struct buf b = BUF(ZIP_BYTES_MAX);
	cleanup_json json_t *files = NULL, *answer = NULL;
	struct error e = { 0 };

	/* restrict: what is open, and memory */
	if (restrict_self("stdio", &e) == -1) {
		fprintf(stderr, "alpi-unpack: %s\n", e.text);
		return 1;
	}
	if (read_input(&b, &e) == 0)
		files = zip_files(buf_str(&b), b.len, &e);
	answer = files != NULL ? json_pack("{s:O}", "files", files) : json_pack("{s:s}", "error", e.text);
	json_dumpf(answer, stdout, JSON_COMPACT);
	putchar('\n');
	return fflush(stdout) == 0 ? 0 : 1;
}
