/* SPDX-License-Identifier: Apache-2.0 */
/* See client.h. */
#include "cli/client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/control.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/unixsock.h"

#define ANSWER_MAX	28027562	/* bytes of one line, both ways */
#define ANSWER_DEPTH	64

struct stream {
	int		fd;
	struct buf	in;
	size_t		seen;		/* bytes of `in` known to hold no newline */
	bool		over;
};

/* What the numbers of host-plane.md, 3 are called in our own list; one number has two meanings, and tells them by its message. */
static const struct {
	int		number;
	const char	*message;	/* NULL: any */
	enum error_code	code;
} codes[] = {
	{ -32601, NULL, ERR_unsupported }, { -32602, NULL, ERR_invalid }, { -32000, NULL, ERR_denied },
	{ -32001, NULL, ERR_denied }, { -32004, NULL, ERR_not_found }, { -32008, "name-taken", ERR_exists },
	{ -32008, "precondition-failed", ERR_busy }, { -32009, NULL, ERR_conflict }, { -32029, NULL, ERR_busy },
};

static int
connect_host(const struct cli *c, struct error *e)
{
	cleanup_free char *path = path_join(c->root, "host/host.sock");

	return unix_connect(path, e);
}

static int
send_all(int fd, const char *data, size_t len, struct error *e)
{
	ssize_t n;

	for (; len > 0; data += n, len -= (size_t)n) {
		n = send(fd, data, len, MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n == -1)
			return error_errno(e, "send to the daemon");
	}
	return 0;
}

struct stream *
stream_open(const struct cli *c, const char *method, json_t *params, struct error *e)
{
	cleanup_json json_t *request = json_pack("{s:i, s:s, s:o}", "id", 1, "method", method,
	    "params", params);
	cleanup_free char *text = json_text(request), *line = xasprintf("%s\n", text);
	struct stream *s;
	int fd;

	if (request == NULL) {
		error_set(e, ERR_invalid, "the request holds something that is no UTF-8");
		return NULL;
	}
	if (strlen(line) > ANSWER_MAX) {
		error_set(e, ERR_too_large, "the request is larger than %d bytes", ANSWER_MAX);
		return NULL;
	}
	if ((fd = connect_host(c, e)) == -1)
		return NULL;
	if (send_all(fd, line, strlen(line), e) == -1 && e->code != ERR_gone) {	/* that is told by what is read */
		close(fd);
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->fd = fd;
	s->in.max = ANSWER_MAX;
	return s;
}

void
stream_close(struct stream *s)
{
	if (s == NULL)
		return;
	close(s->fd);
	buf_clear(&s->in);
	free(s);
}

int
stream_fd(const struct stream *s)
{
	return s == NULL ? -1 : s->fd;
}

/* Take what the socket holds. 1: something came, 0: nothing now, -1: too much. */
static int
fill(struct stream *s, struct error *e)
{
	char piece[65536];
	ssize_t n = recv(s->fd, piece, sizeof(piece), MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return 0;
	if (n <= 0) {
		s->over = true;
		return 0;
	}
	if (buf_add(&s->in, piece, (size_t)n) == -1)
		return error_set(e, ERR_too_large, "the daemon's answer is larger than %d bytes", ANSWER_MAX);
	return 1;
}

int
stream_next(struct stream *s, json_t **line, struct error *e)
{
	char *end = NULL;
	size_t n;
	int got = 1;

	while (s->in.len == 0 || (end = memchr(s->in.data + s->seen, '\n', s->in.len - s->seen)) == NULL) {
		s->seen = s->in.len;
		if (s->over)
			return error_set(e, ERR_gone, "the daemon closed the connection");
		if ((got = fill(s, e)) == -1 || (got == 0 && !s->over))
			return got;
	}
	n = (size_t)(end - s->in.data);
	*line = json_parse(s->in.data, n, ANSWER_DEPTH, e);
	buf_drain(&s->in, n + 1);
	s->seen = 0;
	return *line == NULL ? -1 : 1;
}

int
client_refusal(const json_t *answer, struct error *e)
{
	const json_t *err = json_object_get(answer, "error");
	int number = (int)json_int(err, "code", 0);
	const char *message = json_str(err, "message", "failed");
	const char *detail = json_str(json_object_get(err, "data"), "detail", NULL);

	error_set(e, ERR_internal, "%s", detail != NULL && *detail != '\0' ? detail : message);
	for (size_t i = 0; i < COUNT(codes); i++)
		if (e != NULL && codes[i].number == number && (codes[i].message == NULL || strcmp(codes[i].message, message) == 0))
			e->code = codes[i].code;
	if (number == -32601)
		error_add(e, "the running daemon does not know this");
	return -1;
}

static json_t *
wait_answer(struct stream *s, struct error *e)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	json_t *answer = NULL, *result;
	int got;

	while ((got = stream_next(s, &answer, e)) == 0)
		poll(&p, 1, -1);
	if (got == -1)
		return NULL;
	if ((result = json_incref(json_object_get(answer, "result"))) == NULL)
		client_refusal(answer, e);
	json_decref(answer);
	return result;
}

void
client_deaf(struct error *e)
{
	if (e->code == ERR_unavailable)
		error_add(e, "hostd does not run (alpi daemon status says why)");
}

json_t *
client_call(struct cli *c, const char *method, json_t *params, struct error *e)
{
	struct error first = { 0 };
	struct stream *s = stream_open(c, method, json_incref(params), &first);
	json_t *result = NULL;

	if (s == NULL && first.code == ERR_unavailable && !c->stay_down &&
	    control_ensure(c, &first) == 0 && (s = stream_open(c, method, json_incref(params), &first)) == NULL)
		client_deaf(&first);
	json_decref(params);
	if (s != NULL)
		result = wait_answer(s, &first);
	stream_close(s);
	if (result == NULL && e != NULL)
		*e = first;
	return result;
}
