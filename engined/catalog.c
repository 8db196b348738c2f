/* SPDX-License-Identifier: Apache-2.0 */
/* See catalog.h. */
#include "engined/catalog.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/redact.h"
#include "engined/session.h"

#define TEXT_CHARS	240		/* of the three texts of a row */

struct row {
	struct catalog_file entry;
	json_t		*json;		/* NULL: the file cannot be read */
};

struct catalog {
	char		*home;
	struct row	*rows;		/* sorted by id */
	size_t		 nrows;
};

struct catalog *
catalog_new(const char *home)
{
	struct catalog *c = xcalloc(1, sizeof(*c));

	c->home = xstrdup(home);
	return c;
}

static void
drop_rows(struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_decref(rows[i].json);
	free(rows);
}

void
catalog_free(struct catalog *c)
{
	if (c == NULL)
		return;
	drop_rows(c->rows, c->nrows);
	free(c->home);
	free(c);
}

static int
newer_first(const void *va, const void *vb)
{
	const struct catalog_file *a = va, *b = vb;

	if (a->mtime.tv_sec != b->mtime.tv_sec)
		return a->mtime.tv_sec > b->mtime.tv_sec ? -1 : 1;
	if (a->mtime.tv_nsec != b->mtime.tv_nsec)
		return a->mtime.tv_nsec > b->mtime.tv_nsec ? -1 : 1;
	return strcmp(a->id, b->id);
}

static int
by_id(const void *va, const void *vb)
{
	return strcmp(((const struct row *)va)->entry.id, ((const struct row *)vb)->entry.id);
}

int
catalog_look(int dir, const char *name, struct catalog_file *out)
{
	size_t len = strlen(name);
	struct stat st;

	if (len < 6 || len - 5 > SESSION_ID_MAX || strcmp(name + len - 5, ".json") != 0)
		return 0;
	memcpy(out->id, name, len - 5);
	out->id[len - 5] = '\0';
	if (!session_id_ok(out->id) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1 || !S_ISREG(st.st_mode))
		return 0;
	out->mtime = st.st_mtim;
	out->size = st.st_size;
	return 1;
}

/* All session files, newest first; the caller frees. */
static struct catalog_file *
scan(const char *home, size_t *count)
{
	cleanup_free char *path = xasprintf("%s/sessions", home);
	struct catalog_file *list = NULL;
	size_t n = 0, room = 0;
	struct dirent *de;
	DIR *dir;

	*count = 0;
	if ((dir = opendir(path)) == NULL)
		return NULL;
	while ((de = readdir(dir)) != NULL) {
		if (n == room)
			list = xreallocarray(list, room = room ? room * 2 : 64, sizeof(*list));
		n += (size_t)catalog_look(dirfd(dir), de->d_name, &list[n]);
	}
	closedir(dir);
	if (n > 0)
		qsort(list, n, sizeof(*list), newer_first);
	*count = n;
	return list;
}

static json_t *
shortened(const json_t *turn, const char *name)
{
	cleanup_free char *text = cut_chars(json_str(turn, name, ""), TEXT_CHARS);

	return json_string(text);
}

static json_t *
read_row(const char *home, const struct catalog_file *en)
{
	json_t *session = session_load(home, en->id, NULL), *turns, *first, *last, *row;
	double mtime = (double)en->mtime.tv_sec + (double)en->mtime.tv_nsec / 1e9;

	if (session == NULL)
		return NULL;
	turns = session_turns(session);
	first = json_array_get(turns, 0);
	last = json_array_size(turns) > 0 ? json_array_get(turns, json_array_size(turns) - 1) : NULL;
	row = json_pack("{s:s, s:f, s:f, s:f, s:o, s:o, s:o, s:s, s:I, s:I}", "id", en->id, "mtime", mtime,
	    "updated_at", json_num(last, "ended_at", mtime), "started_at", json_num(session, "started_at", mtime),
	    "first_user", shortened(first, "user"), "last_user", shortened(last, "user"),
	    "last_assistant", shortened(last, "assistant"), "kind", session_kind(session),
	    "turns", (json_int_t)json_array_size(turns), "size_bytes", (json_int_t)en->size);
	json_decref(session);
	return row;
}

/* The kept row of this very file, else a fresh one. New reference or NULL. */
static json_t *
row_for(struct catalog *c, const struct catalog_file *en)
{
	struct row key = { .entry = *en }, *r;

	r = c->nrows == 0 ? NULL : bsearch(&key, c->rows, c->nrows, sizeof(*r), by_id);
	if (r != NULL && r->entry.size == en->size && newer_first(&r->entry, en) == 0)
		return json_incref(r->json);
	return read_row(c->home, en);
}

json_t *
catalog_list(struct catalog *c, size_t limit)
{
	size_t count, n, keep;
	struct catalog_file *list = scan(c->home, &count);
	json_t *out = json_array();
	struct row *rows;

	keep = limit < CATALOG_ROWS ? limit : CATALOG_ROWS;
	rows = xcalloc(keep + 1, sizeof(*rows));
	for (n = 0; n < count && n < keep; n++) {
		rows[n].entry = list[n];
		rows[n].json = row_for(c, &list[n]);
		if (rows[n].json != NULL)
			json_array_append(out, rows[n].json);
	}
	free(list);
	drop_rows(c->rows, c->nrows);
	c->rows = rows;
	c->nrows = n;
	qsort(rows, n, sizeof(*rows), by_id);
	return out;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

void
catalog_window(const struct session_read *m, size_t total, size_t *from, size_t *to)
{
	*from = m->after_turn > 0 ? least((size_t)m->after_turn, total) : 0;
	*to = m->before_turn > 0 ? least((size_t)m->before_turn, total) : total;
	if (*to < *from)
		*to = *from;
	if (m->tail_turns > 0 && *to - *from > (size_t)m->tail_turns)
		*from = *to - (size_t)m->tail_turns;
	if (m->max_turns > 0 && *to - *from > (size_t)m->max_turns) {
		if (m->after_turn > 0)
			*to = *from + (size_t)m->max_turns;
		else
			*from = *to - (size_t)m->max_turns;
	}
}
