/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi logs`: the files of a profile as one stream, in the order of their
 * times (spec/services-cli.md, 3). A line without a time belongs to the one
 * before it. Reads only; needs no daemon.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/text.h"
#include "common/buf.h"
#include "common/mem.h"
#include "common/paths.h"

#define TAIL_BYTES	(4 * 1024 * 1024)	/* of a file; rotation is at 1 MB */
#define LINE_BYTES	65536
#define TIME_LEN	19			/* "2026-11-21 01:02:03" */

static const char *const sources[] = { "service", "gateway", "schedule", "agent", "approval" };

#define SOURCES COUNT(sources)

struct source {
	const char	*name;
	char		*path;
	int		 fd;		/* -1: not there yet */
	ino_t		 inode;
	struct buf	 part;		/* a line that has no end yet */
	char		 time[TIME_LEN + 1];
};

struct row {
	char		 time[TIME_LEN + 1];
	const char	*source;
	char		*text;
	size_t		 order;
};

struct rows {
	struct row	*row;
	size_t		 count, room;
};

static bool
has_time(const char *line)
{
	static const char shape[] = "dddd-dd-dd dd:dd:dd";

	for (size_t i = 0; i < TIME_LEN; i++)
		if (shape[i] == 'd' ? line[i] < '0' || line[i] > '9' : line[i] != shape[i])
			return false;
	return true;
}

static void
add_row(struct rows *rows, struct source *s, const char *line)
{
	struct row *r;

	if (rows->count == rows->room) {
		rows->room = rows->room ? rows->room * 2 : 256;
		rows->row = xreallocarray(rows->row, rows->room, sizeof(*rows->row));
	}
	if (has_time(line))
		memcpy(s->time, line, TIME_LEN);
	r = &rows->row[rows->count];
	*r = (struct row){ .source = s->name, .text = text_line(line, 0), .order = rows->count };
	memcpy(r->time, s->time, sizeof(r->time));
	rows->count++;
}

/* Take the whole lines out of what was read. */
static void
split(struct rows *rows, struct source *s)
{
	char *start = s->part.data, *end;
	size_t left = s->part.len;

	while (left > 0 && ((end = memchr(start, '\n', left)) != NULL)) {
		*end = '\0';
		add_row(rows, s, start);
		left -= (size_t)(end + 1 - start);
		start = end + 1;
	}
	buf_drain(&s->part, s->part.len - left);
	if (s->part.len > LINE_BYTES) {
		add_row(rows, s, s->part.data);
		buf_reset(&s->part);
	}
}

static void
read_on(struct rows *rows, struct source *s)
{
	char piece[65536];
	ssize_t n;

	while ((n = read(s->fd, piece, sizeof(piece))) > 0) {
		buf_add(&s->part, piece, (size_t)n);
		split(rows, s);
	}
}

/* Begin at most TAIL_BYTES before the end, at the start of a line. */
static void
open_tail(struct rows *rows, struct source *s, const char *path)
{
	struct stat st;
	size_t before = rows->count;

	if ((s->fd = open(path, O_RDONLY | O_CLOEXEC)) == -1 || fstat(s->fd, &st) == -1)
		return;
	s->inode = st.st_ino;
	if (st.st_size <= TAIL_BYTES) {
		read_on(rows, s);
		return;
	}
	lseek(s->fd, st.st_size - TAIL_BYTES, SEEK_SET);
	read_on(rows, s);
	if (rows->count > before) {		/* the first one was cut */
		free(rows->row[before].text);
		memmove(&rows->row[before], &rows->row[before + 1], (rows->count - before - 1) * sizeof(struct row));
		rows->count--;
	}
}

/* The rotated file first, so that the last N lines are there right after a rotation too. */
static void
open_source(struct rows *rows, struct source *s)
{
	cleanup_free char *older = xasprintf("%s.1", s->path);

	open_tail(rows, s, older);
	if (s->fd != -1)
		close(s->fd);
	buf_reset(&s->part);
	open_tail(rows, s, s->path);
}

static int
compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int d = strcmp(x->time, y->time);

	if (d == 0)
		d = strcmp(x->source, y->source);
	return d != 0 ? d : x->order < y->order ? -1 : x->order > y->order;
}

static void
print_rows(struct rows *rows, size_t last)
{
	size_t from = rows->count > last ? rows->count - last : 0;

	if (rows->count > 1)
		qsort(rows->row, rows->count, sizeof(*rows->row), compare);
	for (size_t i = 0; i < rows->count; i++) {
		if (i >= from)
			printf("[%-8s] %s\n", rows->row[i].source, rows->row[i].text);
		free(rows->row[i].text);
	}
	rows->count = 0;
	fflush(stdout);
}

/* The file was rotated (another inode) or emptied (shorter than we have read). */
static void
check_rotation(struct rows *rows, struct source *s)
{
	struct stat st;

	if (stat(s->path, &st) == -1)
		return;
	if (s->fd != -1 && st.st_ino == s->inode && st.st_size >= lseek(s->fd, 0, SEEK_CUR))
		return;
	if (s->fd != -1)
		close(s->fd);
	buf_reset(&s->part);
	if ((s->fd = open(s->path, O_RDONLY | O_CLOEXEC)) == -1)
		return;
	s->inode = st.st_ino;
	read_on(rows, s);
}

static void
follow(struct source *s, size_t n)
{
	struct timespec second = { 1, 0 };
	struct rows rows = { 0 };

	for (;;) {
		for (size_t i = 0; i < n; i++) {
			if (s[i].fd != -1)
				read_on(&rows, &s[i]);
			check_rotation(&rows, &s[i]);
		}
		print_rows(&rows, SIZE_MAX);
		nanosleep(&second, NULL);
	}
}

static bool
known(const char *name)
{
	for (size_t i = 0; i < SOURCES; i++)
		if (strcmp(sources[i], name) == 0)
			return true;
	return false;
}

/* The sources asked for. service.log is the machine's: shown with the root profile, or by name. */
static size_t
choose(const struct cli *c, const char *only, struct source *s)
{
	size_t n = 0;

	for (size_t i = 0; i < SOURCES; i++) {
		bool machine = strcmp(sources[i], "service") == 0;

		if (only != NULL ? strcmp(only, sources[i]) != 0 : machine && strcmp(c->root, c->home) != 0)
			continue;
		s[n++] = (struct source){ .name = sources[i], .fd = -1,
		    .path = xasprintf("%s/logs/%s.log", machine ? c->root : c->home, sources[i]) };
	}
	return n;
}

int
logs_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	struct source s[SOURCES];
	struct rows rows = { 0 };
	const char *only = arg_option(a, "source");
	size_t n, found;
	long tail;

	if (arg_number(a, "tail", 0, 100, &tail, &e) == -1)
		return cli_usage(a, "%s", e.text);
	if (only != NULL && !known(only))
		return cli_usage(a, "no log is called \"%s\": service, gateway, schedule, agent, approval", only);
	if (cli_need_profile(c) != 0)
		return EXIT_FAILED;
	n = choose(c, only, s);
	for (size_t i = 0; i < n; i++)
		open_source(&rows, &s[i]);
	found = rows.count;
	print_rows(&rows, (size_t)tail);
	if (found == 0)
		printf("nothing was logged yet in %s/logs\n", c->home);
	if (arg_has(a, "follow"))
		follow(s, n);
	for (size_t i = 0; i < n; i++) {
		if (s[i].fd != -1)
			close(s[i].fd);
		free(s[i].path);
		buf_clear(&s[i].part);
	}
	free(rows.row);
	return 0;
}
