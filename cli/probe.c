/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See probe.h. The command has no HTTP library on purpose: it starts in a
 * millisecond. This is enough for the two questions it has, both to servers
 * that the person named.
 */
#include "cli/probe.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"

#define BODY_MAX (1024 * 1024)

struct place {
	char host[256], port[8];
};

/* "http://host:port/..." or https; the port is the scheme's when none is named. */
static int
parse_url(const char *url, struct place *p, struct error *e)
{
	int tls = strncmp(url, "https://", 8) == 0, end = 0;
	const char *rest = tls ? url + 8 : strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;

	snprintf(p->port, sizeof(p->port), "%s", tls ? "443" : "80");
	if (rest == NULL || (sscanf(rest, "[%255[0-9a-fA-F:.]]%n", p->host, &end) != 1 &&
	    sscanf(rest, "%255[^:/?#@]%n", p->host, &end) != 1))
		return error_set(e, ERR_invalid, "%s: an address begins with http:// or https:// and a host", url);
	if (rest[end] == ':' && sscanf(rest + end + 1, "%7[0-9]", p->port) != 1)
		return error_set(e, ERR_invalid, "%s: no port behind the colon", url);
	return 0;
}

static int
wait_for(int fd, short what, int64_t until)
{
	struct pollfd p = { .fd = fd, .events = what };
	int64_t left = until - clock_mono_ms();

	return left > 0 && poll(&p, 1, (int)left) == 1;
}

static int
try_address(const struct addrinfo *a, int64_t until)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), failed = 0;
	socklen_t n = sizeof(failed);

	if (fd == -1)
		return -1;
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0 || (errno == EINPROGRESS &&
	    wait_for(fd, POLLOUT, until) && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &n) == 0 && failed == 0))
		return fd;
	close(fd);
	return -1;
}

static int
connect_to(const struct place *p, int64_t until)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found = NULL;
	int fd = -1;

	if (getaddrinfo(p->host, p->port, &hints, &found) != 0)
		return -1;
	for (const struct addrinfo *a = found; a != NULL && fd == -1; a = a->ai_next)
		fd = try_address(a, until);
	freeaddrinfo(found);
	return fd;
}

int
probe_reachable(const char *url, int timeout_ms)
{
	struct place p = { 0 };
	cleanup_close int fd = -1;

	if (parse_url(url, &p, NULL) == -1)
		return 0;
	fd = connect_to(&p, clock_mono_ms() + timeout_ms);
	return fd != -1;
}

/* Everything up to the end of the connection (HTTP/1.0). */
static int
read_answer(int fd, int64_t until, struct buf *b)
{
	char piece[8192];
	ssize_t n;

	for (;;) {
		if (!wait_for(fd, POLLIN, until))
			return -1;
		if ((n = recv(fd, piece, sizeof(piece), 0)) == 0)
			return 0;
		if (n < 0 || buf_add(b, piece, (size_t)n) == -1)
			return -1;
	}
}

json_t *
probe_get(const char *url, const char *path, int timeout_ms, struct error *e)
{
	cleanup_buf struct buf answer = BUF(BODY_MAX);
	cleanup_close int fd = -1;
	cleanup_free char *request = NULL;
	int64_t until = clock_mono_ms() + timeout_ms;
	struct place p = { 0 };
	const char *body;

	if (parse_url(url, &p, e) == -1)
		return NULL;
	request = xasprintf("GET %s HTTP/1.0\r\nHost: %s:%s\r\nAccept: application/json\r\n\r\n", path, p.host, p.port);
	fd = connect_to(&p, until);
	if (fd == -1 || send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request) ||
	    read_answer(fd, until, &answer) == -1 ||
	    (body = strstr(buf_str(&answer), "\r\n\r\n")) == NULL) {
		error_set(e, ERR_unavailable, "%s does not answer", url);
		return NULL;
	}
	body += 4;
	return json_parse(body, answer.len - (size_t)(body - answer.data), 32, e);
}

char *
probe_ollama_url(void)
{
	const char *host = getenv("OLLAMA_HOST");

	if (host == NULL || *host == '\0')
		return xstrdup("http://127.0.0.1:11434");
	if (strncmp(host, "http", 4) == 0)
		return xstrdup(host);
	if (strncmp(host, "0.0.0.0", 7) == 0)
		return xasprintf("http://127.0.0.1%s", host[7] == ':' ? host + 7 : ":11434");
	return xasprintf("http://%s%s", host, strchr(host, ':') != NULL ? "" : ":11434");
}
