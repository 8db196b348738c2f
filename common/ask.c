/* SPDX-License-Identifier: Apache-2.0 */
/* See ask.h. What is answered is believed; it is bounded all the same. */
#include "common/ask.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/unixsock.h"

#define ANSWER_MAX (1024 * 1024)

int
ask_verdict(struct buf *answer, struct error *e)
{
	char *last;

	while (answer->len > 0 && answer->data[answer->len - 1] == '\n')
		answer->data[--answer->len] = '\0';
	last = answer->len == 0 ? NULL : strrchr(answer->data, '\n');
	last = last != NULL ? last + 1 : answer->data;
	if (last == NULL)
		return error_set(e, ERR_gone, "the daemon ended without an answer");
	if (strncmp(last, "error ", 6) == 0)
		return error_set(e, ERR_denied, "%s", last + 6);
	if (strcmp(last, "ok") != 0)
		return error_set(e, ERR_gone, "the daemon ended in the middle of its answer");
	answer->len = (size_t)(last - answer->data);
	answer->data[answer->len] = '\0';
	return 0;
}

int
ask_line(const char *path, const char *line, struct buf *answer, struct error *e)
{
	cleanup_buf struct buf all = BUF(ANSWER_MAX);
	cleanup_close int fd = unix_connect(path, e);
	cleanup_free char *text = xasprintf("%s\n", line);
	char piece[4096];
	ssize_t n;

	if (fd == -1)
		return -1;
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
		return error_errno(e, "%s", line);
	while ((n = read(fd, piece, sizeof(piece))) > 0 || (n == -1 && errno == EINTR))
		if (n > 0 && buf_add(&all, piece, (size_t)n) == -1)
			return error_set(e, ERR_too_large, "%s: the answer has no end", line);
	if (ask_verdict(&all, e) == -1)
		return -1;
	return answer == NULL ? 0 : buf_add(answer, buf_str(&all), all.len);
}
