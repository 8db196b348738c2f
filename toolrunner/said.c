/* SPDX-License-Identifier: Apache-2.0 */
/* See said.h. The words are the libraries' and shells' own; a program that says it in others gets no hint. */
#include "toolrunner/said.h"

#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "common/mem.h"
#include "toolrunner/sandbox.h"

/* ---- text ---------------------------------------------------------------------------------------- */

/* The length of the escape sequence at s (s[0] is ESC). */
static size_t
escape_length(const char *s, size_t len)
{
	size_t i = 2;

	if (len < 2)
		return len;
	if (s[1] == '[') {				/* CSI ... a byte of @ to ~ */
		while (i < len && ((unsigned char)s[i] < 0x40 || (unsigned char)s[i] > 0x7e))
			i++;
	} else if (strchr("]PX^_", s[1]) != NULL) {	/* a string, ended by BEL or ESC \ */
		while (i < len && s[i] != '\a' && !(s[i] == '\\' && s[i - 1] == '\033'))
			i++;
	} else if (s[1] >= 0x20 && s[1] <= 0x2f) {	/* a character set */
		return len < 3 ? len : 3;
	} else {
		return 2;
	}
	return i < len ? i + 1 : len;
}

static void
remove_escapes(struct buf *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->len;)
		if (b->data[i] == '\033')
			i += escape_length(b->data + i, b->len - i);
		else
			b->data[kept++] = b->data[i++];
	if (b->data != NULL)
		b->data[b->len = kept] = '\0';
}

void
said_add(struct buf *b, const struct capture *c)
{
	capture_text(c, b);
	remove_escapes(b);
}

void
said_end_line(struct buf *b)
{
	if (b->len > 0 && b->data[b->len - 1] != '\n')
		buf_addc(b, '\n');
}

int
said_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- what the sandbox had to do with it ---------------------------------------------------------- */

static const char *const network_words[] = {
	"Network is unreachable", "Could not resolve host", "Temporary failure in name resolution",
	"Name or service not known", "Failed to connect", "Couldn't connect", "unable to resolve host",
	"Connection refused", "network is unreachable", "No address associated with hostname",
};

/* Where a program's complaint names an absolute path: the path, the caller frees. NULL: it does not. */
static char *
path_in(const char *line, size_t len)
{
	const char *p = memchr(line, '/', len), *end;

	if (p == NULL)
		return NULL;
	end = p + strcspn(p, "'\"`: \t\n,;)");
	return end <= line + len ? xstrndup(p, (size_t)(end - p)) : NULL;
}

/* The hint for a complaint about a path that the sandbox grants less than `wanted`; the caller frees. NULL: none. */
static char *
path_hint(const char *text, const char *complaint, enum tool_fs wanted)
{
	const char *at = strstr(text, complaint), *line = at;
	cleanup_free char *path = NULL;

	if (at == NULL)
		return NULL;
	while (line > text && line[-1] != '\n')
		line--;
	path = path_in(line, (size_t)(at - line));
	if (path == NULL || sandbox_shows(path) >= wanted)
		return NULL;
	return xasprintf("[sandbox] %s is outside what the sandbox %s; %s in config.yaml opens more paths", path,
	    wanted == FS_WRITE ? "lets commands write" : "shows", wanted == FS_WRITE ? "sandbox.write" : "sandbox.read");
}

/* Has a program complained about the network? A connection that Landlock refuses is "Permission denied" too. */
static bool
is_about_network(const char *text)
{
	for (size_t i = 0; i < COUNT(network_words); i++)
		if (strstr(text, network_words[i]) != NULL)
			return true;
	return strstr(text, "Permission denied") != NULL && strstr(text, "connect") != NULL;
}

char *
said_hint(const char *text)
{
	char *hint;

	if (sandbox_network() != NET_ANY && is_about_network(text))
		return xstrdup("[sandbox] commands have no network; sandbox.network: any in config.yaml opens it");
	if ((hint = path_hint(text, "No such file or directory", FS_READ)) != NULL ||
	    (hint = path_hint(text, "Read-only file system", FS_WRITE)) != NULL)
		return hint;
	return path_hint(text, "Permission denied", FS_WRITE);
}
