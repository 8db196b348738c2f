/* SPDX-License-Identifier: Apache-2.0 */
/* See program.h. */
#include "toolrunner/program.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "toolrunner/command.h"

#define PROGRAM_MS	30000		/* for one file */

bool
program_is_there(const char *path)
{
	return access(path, X_OK) == 0;
}

/* Why it has no answer for us; its words are about the file. */
static int
complaint(const struct command *c, const char *name, struct error *e)
{
	cleanup_buf struct buf said = BUF(0);

	if (c->timed_out)
		return error_set(e, ERR_unavailable, "%s took more than %d s", name, PROGRAM_MS / 1000);
	capture_text(&c->err, &said);
	if (said.len == 0)
		buf_puts(&said, "it failed");
	return error_set(e, ERR_invalid, "%s: %.*s", name, (int)strcspn(buf_str(&said), "\n"), buf_str(&said));
}

static int
take_output(const struct program *p, const struct command *c, const char *name, struct buf *out, struct error *e)
{
	if (c->timed_out || (!c->too_much && (!WIFEXITED(c->status) || WEXITSTATUS(c->status) != 0)))
		return complaint(c, name, e);
	if ((p->whole && c->out.total > p->keep) || buf_add(out, buf_str(&c->out.head), c->out.head.len) == -1)
		return error_set(e, ERR_too_large, "%s made more than %zu bytes of it", name, p->keep);
	return 0;
}

int
program_read(const struct program *p, int fd, struct buf *out, struct error *e)
{
	struct command c = { .argv = p->argv, .input = fd, .limit_ms = PROGRAM_MS, .most = 2 * p->keep, .out.half = p->keep,
	    .err.half = 1000 };
	const char *name = strrchr(p->argv[0], '/') + 1;
	int done;

	if (!program_is_there(p->argv[0]))
		return error_set(e, ERR_unavailable, "%s is not installed: the package %s has it", name, p->package);
	if (lseek(fd, 0, SEEK_SET) == -1)
		return error_errno(e, "%s", name);
	if (command_run(&c, e) == -1)
		return -1;
	done = take_output(p, &c, name, out, e);
	command_clear(&c);
	return done;
}
