/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi gateway gmail authorize`: shows the address at which a person says
 * yes, and waits for their browser to come back to a port of this machine. One
 * whose browser is elsewhere pastes the address that it ended at, or the code
 * in it. Nothing secret passes here: the code is worth something only with
 * the verifier that gatewayd keeps.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "common/json.h"
#include "common/mem.h"

#define WAIT_MS		300000		/* as long as gatewayd remembers */
#define REQUEST_MAX	8192

static int
listen_here(int port, int *got, struct error *e)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&at, sizeof(at)) == -1 || listen(fd, 4) == -1 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) == -1) {
		error_errno(e, "listen at 127.0.0.1:%d", port);
		if (fd != -1)
			close(fd);
		return -1;
	}
	*got = ntohs(at.sin_port);
	return fd;
}

/* ---- what came back ------------------------------------------------------------------------------------- */

static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A value of ?a=b&c=d, up to a blank; the caller frees. NULL: it is not there, or holds what no value holds. */
static char *
query_value(const char *text, const char *name)
{
	const char *p = strchr(text, '?');
	size_t len = strlen(name), n = 0;
	char *out;

	while (p != NULL && !(strncmp(p + 1, name, len) == 0 && p[1 + len] == '='))
		p = strchr(p + 1, '&');
	if (p == NULL)
		return NULL;
	p += 2 + len;
	out = xmalloc(strlen(p) + 1);
	for (; *p != '\0' && strchr("& \t\r\n#", *p) == NULL; p++)
		if (*p == '%' && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
			out[n++] = (char)(hex(p[1]) << 4 | hex(p[2]));
			p += 2;
		} else {
			out[n++] = *p == '+' ? ' ' : *p;
		}
	out[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] <= ' ') {
			free(out);
			return NULL;
		}
	return out;
}

/* The code in an address or request line that has our state. NULL: it is not ours (e untouched), or it says no. */
static char *
code_in(const char *text, const char *state, struct error *e)
{
	cleanup_free char *said = query_value(text, "state"), *code = query_value(text, "code"), *error = query_value(text, "error");

	if (said == NULL || strcmp(said, state) != 0)
		return NULL;
	if (error != NULL)
		error_set(e, ERR_denied, "Google says: %.100s", error);
	return error != NULL ? NULL : steal(code);
}

static void
answer(int fd, const char *words)
{
	cleanup_free char *text = xasprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n%s", strlen(words), words);

	if (send(fd, text, strlen(text), MSG_NOSIGNAL) == -1)
		return;				/* whoever it was has gone */
	shutdown(fd, SHUT_WR);
}

/* One visitor: a browser with our code, or anybody else. */
static char *
from_browser(int listener, const char *state, struct error *e)
{
	cleanup_close int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	char line[REQUEST_MAX];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;
	char *code;

	if (fd == -1 || poll(&p, 1, 2000) != 1 || (n = recv(fd, line, sizeof(line) - 1, 0)) <= 0)
		return NULL;
	line[n] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	code = strncmp(line, "GET ", 4) == 0 ? code_in(line, state, e) : NULL;
	answer(fd, code != NULL ? "Done. You can close this page and go back to the terminal.\n" :
	    e->code != 0 ? "You said no; nothing was changed.\n" : "This is not what alpi waits for.\n");
	return code;
}

/* An address with a state that is not ours is an old one; what is no address is a code. */
static char *
from_terminal(const char *state, struct error *e)
{
	char line[REQUEST_MAX], *code;

	if (fgets(line, sizeof(line), stdin) == NULL) {
		error_set(e, ERR_cancelled, "nothing was changed");
		return NULL;
	}
	line[strcspn(line, " \t\r\n")] = '\0';
	if (strchr(line, '?') == NULL)
		return *line == '\0' ? NULL : xstrdup(line);
	if ((code = code_in(line, state, e)) == NULL && e->code == 0)
		fprintf(stderr, "That address is of another attempt.\n");
	return code;
}

/* NULL with the error. */
static char *
wait_for_code(int listener, const char *state, struct error *e)
{
	struct pollfd p[2] = { { .fd = listener, .events = POLLIN }, { .fd = isatty(STDIN_FILENO) ? STDIN_FILENO : -1, .events = POLLIN } };
	char *code = NULL;

	while (code == NULL && e->code == 0) {
		int n = poll(p, COUNT(p), WAIT_MS);

		if (n == 0)
			error_set(e, ERR_timeout, "nobody came back within five minutes");
		else if (n == -1)
			error_set(e, ERR_cancelled, "interrupted; nothing was changed");
		else if (p[0].revents != 0)
			code = from_browser(listener, state, e);
		else if (p[1].revents != 0)
			code = from_terminal(state, e);
	}
	return code;
}

/* ---- the command ---------------------------------------------------------------------------------------- */

static json_t *
begin(struct cli *c, int port, struct error *e)
{
	cleanup_free char *redirect = xasprintf("http://127.0.0.1:%d/", port);

	return client_call(c, "host.gateway.gmail.begin", json_pack("{s:s, s:s}", "profile", c->profile, "redirect_uri", redirect), e);
}

static json_t *
authorize(struct cli *c, int listener, int port, struct error *e)
{
	cleanup_json json_t *begun = begin(c, port, e);
	const char *state = json_str(begun, "state", "");
	cleanup_free char *code = NULL;

	if (begun == NULL)
		return NULL;
	fprintf(stderr, "Open this address in a browser and say yes there:\n\n  %s\n\n"
	    "A browser on another machine ends at a page that it cannot open: paste its address here.\n", json_str(begun, "auth_url", ""));
	if ((code = wait_for_code(listener, state, e)) == NULL)
		return NULL;
	return client_call(c, "host.gateway.gmail.exchange", json_pack("{s:s, s:s, s:s}", "profile", c->profile, "state", state, "code", code), e);
}

int
gateway_gmail_command(struct cli *c, const struct args *a)
{
	const char *text = arg_option(a, "port");
	char *end = NULL;
	long port = text == NULL ? 0 : strtol(text, &end, 10);
	struct error e = { 0 };
	cleanup_close int listener = -1;
	cleanup_json json_t *result = NULL;
	int got;

	if (text != NULL && (*text == '\0' || *end != '\0' || port < 1 || port > 65535))
		return cli_usage(a, "--port is a number from 1 to 65535");
	if ((listener = listen_here((int)port, &got, &e)) == -1 || (result = authorize(c, listener, got, &e)) == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json"))
		print_json(stdout, result);
	else
		printf("authorised %s\n", json_str(result, "email", ""));
	return 0;
}
