/* SPDX-License-Identifier: Apache-2.0 */
/* See said.h. What stands between the values is looked at here, the values themselves are jansson's. */
#include "engined/said.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/session.h"

#define WINDOW	16384

struct said {
	int	 fd;
	off_t	 at;			/* the next byte to look at */
	off_t	 given;			/* behind what the library has been given of a value */
	off_t	 from;			/* where the window begins */
	size_t	 len;
	json_t	*started_at;
	enum { START, MEMBERS, TURNS, END } where;
	char	 window[WINDOW];
};

struct said *
said_take(int fd)
{
	struct said *s = xcalloc(1, sizeof(*s));

	s->fd = fd;
	return s;
}

struct said *
said_open(const char *home, const char *id, struct error *e)
{
	cleanup_free char *path = session_path(home, id);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd != -1)
		return said_take(fd);
	error_errno(e, "session %s", id);
	return NULL;
}

void
said_close(struct said *s)
{
	if (s == NULL)
		return;
	close(s->fd);
	json_decref(s->started_at);
	free(s);
}

double
said_started_at(const struct said *s, double otherwise)
{
	return json_is_number(s->started_at) ? json_number_value(s->started_at) : otherwise;
}

/* ---- bytes ------------------------------------------------------------------------------------------ */

/* What there is from `at` on, at least a byte; NULL at the end. */
static const char *
bytes_at(struct said *s, off_t at, size_t *n)
{
	if (at < s->from || at >= s->from + (off_t)s->len) {
		ssize_t got = pread(s->fd, s->window, sizeof(s->window), at);

		s->from = at;
		s->len = got > 0 ? (size_t)got : 0;
	}
	*n = s->len - (size_t)(at - s->from);
	return *n == 0 ? NULL : s->window + (at - s->from);
}

/* The next byte that says something; it stays. '\0' at the end. */
static char
next_mark(struct said *s)
{
	const char *b;
	size_t n;

	while ((b = bytes_at(s, s->at, &n)) != NULL && strchr(" \t\r\n", *b) != NULL)
		s->at++;
	return b == NULL ? '\0' : *b;
}

static bool
take_mark(struct said *s, char mark)
{
	if (next_mark(s) != mark)
		return false;
	s->at++;
	return true;
}

static size_t
give(void *to, size_t room, void *arg)
{
	struct said *s = arg;
	size_t n;
	const char *b = bytes_at(s, s->given, &n);

	if (b == NULL)
		return 0;
	n = n < room ? n : room;
	memcpy(to, b, n);
	s->given += (off_t)n;
	return n;
}

/* The value that stands here. New reference, or NULL. */
static json_t *
take_value(struct said *s)
{
	json_error_t where;
	json_t *value;

	next_mark(s);
	s->given = s->at;
	value = json_load_callback(give, s, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &where);
	if (value != NULL)
		s->at += where.position;
	return value;
}

/* ---- the session ------------------------------------------------------------------------------------- */

static void
add_side(struct buf *b, const char *who, const char *text)
{
	if (text[0] != '\0')
		buf_addf(b, "%s: %s\n", who, text);
}

void
said_add(struct buf *text, const json_t *turn)
{
	add_side(text, "user", json_str(turn, "user", ""));
	add_side(text, "alpi", json_str(turn, "assistant", ""));
}

/* A member of the session's object. 0, or -1: it is none. */
static int
member(struct said *s)
{
	cleanup_json json_t *key = take_value(s), *value = NULL;
	const char *name = json_string_value(key);

	if (name == NULL || !take_mark(s, ':'))
		return -1;
	if (strcmp(name, "turns") == 0) {
		s->where = TURNS;
		return take_mark(s, '[') ? 0 : -1;
	}
	if ((value = take_value(s)) == NULL)
		return -1;
	if (strcmp(name, "started_at") == 0) {
		json_decref(s->started_at);
		s->started_at = json_incref(value);
	}
	return 0;
}

/* 0, or -1: it is none. */
static int
turn(struct said *s, struct buf *text)
{
	cleanup_json json_t *value = take_value(s);

	if (!json_is_object(value))
		return -1;
	said_add(text, value);
	return 0;
}

int
said_next(struct said *s, struct buf *text, struct error *e)
{
	int done = s->where == START ? (take_mark(s, '{') ? 0 : -1) : 0;

	if (s->where == START)
		s->where = MEMBERS;
	while (done == 0 && s->where != END) {
		take_mark(s, ',');
		if (s->where == TURNS && next_mark(s) != ']')
			return turn(s, text) == 0 ? 1 : error_set(e, ERR_invalid, "a turn is broken");
		if (take_mark(s, s->where == TURNS ? ']' : '}'))
			s->where = s->where == TURNS ? MEMBERS : END;
		else
			done = member(s);
	}
	return done == 0 ? 0 : error_set(e, ERR_invalid, "no session file");
}
