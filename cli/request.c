/* SPDX-License-Identifier: Apache-2.0 */
/* See request.h. */
#include "cli/request.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

static int
read_stdin(struct buf *b, struct error *e)
{
	char piece[65536];
	ssize_t n;

	while ((n = read(STDIN_FILENO, piece, sizeof(piece))) != 0) {
		if (n == -1 && errno != EINTR)
			return error_errno(e, "standard input");
		if (n > 0 && buf_add(b, piece, (size_t)n) == -1)
			return error_set(e, ERR_too_large, "the text is larger than %d bytes", REQUEST_TEXT_MAX);
	}
	return 0;
}

int
request_check_text(const char *text, size_t len, struct error *e)
{
	cleanup_free char *clean = utf8_clean(text, len);
	size_t at = 0;

	while (at < len && clean[at] == text[at])
		at++;
	if (at < len)
		return error_set(e, ERR_invalid, "the text is no UTF-8 (byte %zu)", at + 1);
	if (strspn(text, " \t\r\n") == len)
		return error_set(e, ERR_invalid, "there is no text");
	return 0;
}

char *
request_text(const char *arg, struct error *e)
{
	cleanup_buf struct buf b = BUF(REQUEST_TEXT_MAX);

	if (strcmp(arg, "-") == 0) {
		if (read_stdin(&b, e) == -1)
			return NULL;
		while (b.len > 0 && b.data[b.len - 1] == '\n')	/* what echo adds is not meant */
			b.data[--b.len] = '\0';
	} else if (buf_puts(&b, arg) == -1) {
		error_set(e, ERR_too_large, "the text is larger than %d bytes", REQUEST_TEXT_MAX);
		return NULL;
	}
	return request_check_text(buf_str(&b), b.len, e) == -1 ? NULL : buf_take(&b);
}

/* The conversation a person had last: not one of a platform, a job or a peer (spec/engine.md, 10). */
static const char *
newest_local(const json_t *sessions)
{
	size_t i;
	json_t *row;

	json_array_foreach(sessions, i, row) {
		const char *id = json_str(row, "id", "_");

		if (id[0] != '_' && json_str(row, "first_user", "")[0] != '[')
			return id;
	}
	return NULL;
}

int
request_session(struct cli *c, const struct args *a, char **out, struct error *e)
{
	cleanup_json json_t *list = NULL;

	*out = xstrdup0(arg_option(a, "session"));
	if (*out != NULL || !arg_has(a, "continue"))
		return 0;
	list = client_call(c, "host.sessions.list", json_pack("{s:s, s:i}", "profile", c->profile,
	    "limit", 100), e);
	if (list == NULL)
		return -1;
	*out = xstrdup0(newest_local(json_object_get(list, "sessions")));
	return 0;
}

int
request_check_session(struct cli *c, const char *session, struct error *e)
{
	cleanup_json json_t *read = client_call(c, "host.session.read", json_pack("{s:s, s:s, s:i}", "profile",
	    c->profile, "id", session, "tail_turns", 1), e);

	return read != NULL || e->code == ERR_unsupported ? 0 : -1;
}

json_t *
request_params(struct cli *c, const struct args *a, const char *text, const char *session)
{
	cleanup_free char *cwd = getcwd(NULL, 0);
	json_t *params = json_pack("{s:s, s:s, s:s, s:b, s:b}", "profile", c->profile, "text", text,
	    "surface", "cli", "interactive", !arg_has(a, "once"), "no_save", arg_has(a, "no-save"));

	if (cwd != NULL)
		json_object_set_new(params, "cwd", json_string(cwd));
	if (session != NULL)
		json_object_set_new(params, "session_id", json_string(session));
	if (arg_has(a, "model"))
		json_object_set_new(params, "model", json_string(arg_option(a, "model")));
	return params;
}
