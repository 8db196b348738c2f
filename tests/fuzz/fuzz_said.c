/* SPDX-License-Identifier: Apache-2.0 */
/* A session's texts, turn after turn, are those of the whole file read as a tree. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/said.h"
#include "engined/session.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a tree says; false: it is no session, or not read without mending. */
static bool
read_tree(const uint8_t *data, size_t size, struct buf *text)
{
	cleanup_json json_t *plain = json_parse((const char *)data, size, 64, NULL);
	cleanup_json json_t *session = plain == NULL ? NULL : session_parse((const char *)data, size, NULL);
	json_t *turn;
	size_t i;

	if (session == NULL)
		return false;
	json_array_foreach(session_turns(session), i, turn)
		said_add(text, turn);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_buf struct buf text = BUF(0), tree = BUF(0);
	int fd = memfd_create("session", MFD_CLOEXEC), more;
	struct said *s;

	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	s = said_take(fd);
	while ((more = said_next(s, &text, NULL)) == 1)
		;
	(void)said_started_at(s, 0);
	said_close(s);
	if (read_tree(data, size, &tree) && (more != 0 || strcmp(buf_str(&text), buf_str(&tree)) != 0))
		abort();
	return 0;
}
