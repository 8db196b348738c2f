/* SPDX-License-Identifier: Apache-2.0 */
/* See text.h. */
#include "toolrunner/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/files.h"

#define BLOCK	65536

/* All of it, at most max bytes. */
static int
read_all(int fd, struct buf *b, size_t max, struct error *e)
{
	cleanup_free char *block = xmalloc(BLOCK);
	ssize_t n;

	while ((n = read(fd, block, BLOCK)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return error_errno(e, "read");
		if (b->len + (size_t)n > max)
			return error_set(e, ERR_too_large, "larger than %zu bytes", max);
		buf_add(b, block, (size_t)n);
	}
	return 0;
}

/* A NUL would end the text for everybody who reads it later. */
static void
add_clean(struct buf *out, struct buf *text)
{
	cleanup_free char *clean = NULL;

	for (size_t i = 0; i < text->len; i++)
		if (text->data[i] == '\0')
			text->data[i] = ' ';
	clean = utf8_clean(buf_str(text), text->len);
	buf_add(out, clean, utf8_cut(clean, strlen(clean), TEXT_MAX));
}

int
text_of(int fd, const char *path, const struct stat *st, struct buf *out, struct error *e)
{
	cleanup_buf struct buf text = BUF(0);

	if (read_all(fd, &text, TEXT_MAX, e) == -1)
		return -1;
	if (files_is_binary(buf_str(&text), text.len < BLOCK ? text.len : BLOCK))
		return error_set(e, ERR_invalid, "binary");
	add_clean(out, &text);
	return 0;
}
