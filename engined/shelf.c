/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See shelf.h. The pieces of a file have numbers in a row. A file's name is
 * searched with its first piece, so that asking for a file by name finds it.
 */
#include "engined/shelf.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/piece.h"
#include "engined/redact.h"
#include "engined/vectors.h"

#define SHRINK		32		/* pieces that go in a step */

static const char *const steps[] = {
	"CREATE TABLE roots (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);"
	"CREATE TABLE files (id INTEGER PRIMARY KEY, root INTEGER NOT NULL, path TEXT NOT NULL, mtime_us INTEGER NOT NULL,"
	" size INTEGER NOT NULL, first INTEGER NOT NULL, pieces INTEGER NOT NULL, UNIQUE (root, path));"
	"CREATE TABLE pieces (id INTEGER PRIMARY KEY, file INTEGER NOT NULL, line INTEGER NOT NULL, last INTEGER NOT NULL);"
	"CREATE VIRTUAL TABLE words USING fts5(name, content, tokenize = 'unicode61 remove_diacritics 2');",
	VECTORS_TABLES,
	VECTORS_ANEW "INSERT INTO words (words, rank) VALUES ('automerge', 0);",
	NULL
};

static const struct words_kind workspaces = {
	.file = "rag/workspace.sqlite", .what = "workspace", .steps = steps,
	.number = "SELECT coalesce(max(id), 0) + 1 FROM pieces",
	.best = WORDS_BEST("rowid"), .newest = WORDS_NEWEST("rowid")
};

struct words *
shelf_open(const char *home, struct error *e)
{
	return words_open(home, &workspaces, e);
}

/* ---- what is known ------------------------------------------------------------------------------ */

int64_t
shelf_root(struct words *x, const char *workspace, bool make, struct error *e)
{
	int64_t id = 0;

	if (make && db_run(x->db, e, "INSERT OR IGNORE INTO roots (path) VALUES (?)", "s", workspace) == -1)
		return -1;
	if (words_row(x, db_query(x->db, e, "SELECT id FROM roots WHERE path = ?", "s", workspace), &id, 1, e) == -1)
		return -1;
	return id;
}

int
shelf_files(struct words *x, int64_t root, struct shelf_file **out, size_t *count, struct error *e)
{
	sqlite3_stmt *s = db_query(x->db, e, "SELECT path, mtime_us, size, pieces FROM files WHERE root = ? ORDER BY path", "i", root);
	struct shelf_file *list = NULL;
	size_t n = 0, room = 0;
	int more;

	if (s == NULL)
		return -1;
	while ((more = db_step(x->db, s, e)) == 1) {
		if (n == room)
			list = xreallocarray(list, room = room ? room * 2 : 64, sizeof(*list));
		list[n++] = (struct shelf_file){ .path = db_text(s, 0),
		    .mtime_us = sqlite3_column_int64(s, 1), .size = sqlite3_column_int64(s, 2),
		    .empty = sqlite3_column_int64(s, 3) == 0 };
	}
	db_done(s);
	if (more == -1) {
		shelf_files_free(list, n);
		return -1;
	}
	*out = list;
	*count = n;
	return 0;
}

void
shelf_files_free(struct shelf_file *files, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(files[i].path);
	free(files);
}

int
shelf_size(struct words *x, int64_t root, int64_t *files, int64_t *pieces, struct error *e)
{
	int64_t n[2] = { 0, 0 };

	if (words_row(x, db_query(x->db, e, "SELECT count(*), coalesce(sum(pieces), 0) FROM files WHERE root = ? AND pieces > 0",
	    "i", root), n, 2, e) == -1)
		return -1;
	*files = n[0];
	*pieces = n[1];
	return 0;
}

/* ---- change -------------------------------------------------------------------------------------- */

int
shelf_shrink(struct words *x, int64_t root, const char *path, int64_t most, struct error *e)
{
	int64_t f[3] = { 0, 0, 0 }, left;	/* id, first, pieces */

	if (words_row(x, db_query(x->db, e, "SELECT id, first, pieces FROM files WHERE root = ? AND path = ?", "is", root, path),
	    f, 3, e) == -1)
		return -1;
	left = f[2] > most ? f[2] - most : 0;
	if (f[2] > 0 && (words_drop(x, root, f[1] + left, f[2] - left, e) == -1 ||
	    db_run(x->db, e, "DELETE FROM pieces WHERE id BETWEEN ? AND ?", "ii", f[1] + left, f[1] + f[2] - 1) == -1))
		return -1;
	if (left == 0)
		return db_run(x->db, e, "DELETE FROM files WHERE id = ?", "i", f[0]);
	return db_run(x->db, e, "UPDATE files SET size = -1, pieces = ? WHERE id = ?", "ii", left, f[0]) == -1 ? -1 : 1;
}

/* ---- a file comes in ------------------------------------------------------------------------------ */

struct shelf_growth {
	struct shelf_file file;		/* its path is ours */
	int64_t		 root;
	char		*text;		/* NULL: it has none */
	struct pieces	 cut;
	int64_t		 id;		/* 0: what it had is not gone yet */
	int64_t		 pieces;	/* that are in */
};

struct shelf_growth *
shelf_growth_new(int64_t root, const struct shelf_file *file, const char *text)
{
	struct shelf_growth *g = xcalloc(1, sizeof(*g));

	*g = (struct shelf_growth){ .file = *file, .root = root, .text = xstrdup0(text) };
	g->file.path = xstrdup(file->path);
	return g;
}

void
shelf_growth_free(struct shelf_growth *g)
{
	if (g == NULL)
		return;
	pieces_end(&g->cut);
	free(g->file.path);
	free(g->text);
	free(g);
}

static int
add_piece(struct words *x, struct shelf_growth *g, const struct piece *p, struct error *e)
{
	cleanup_free char *content = xstrndup(p->text, p->len);
	int64_t id = x->next++;

	if (db_run(x->db, e, "INSERT INTO words (rowid, name, content) VALUES (?, ?, ?)", "iss", id,
	    g->pieces++ == 0 ? g->file.path : "", content) == -1)
		return -1;
	return db_run(x->db, e, "INSERT INTO pieces (id, file, line, last) VALUES (?, ?, ?, ?)", "iiii", id, g->id, p->first, p->last);
}

/* A step of letting go of what it had. Then its row is there, of no file's size. */
static int
begin(struct words *x, struct shelf_growth *g, struct error *e)
{
	int more = shelf_shrink(x, g->root, g->file.path, SHRINK, e);

	if (more != 0)
		return more;
	if (db_run(x->db, e, "INSERT INTO files (root, path, mtime_us, size, first, pieces) VALUES (?, ?, ?, -1, ?, 0)",
	    "isii", g->root, g->file.path, g->file.mtime_us, x->next) == -1)
		return -1;
	g->id = sqlite3_last_insert_rowid(db_handle(x->db));
	if (g->text != NULL)
		pieces_begin(&g->cut, g->text);
	return 1;
}

int
shelf_grow(struct words *x, struct shelf_growth *g, struct error *e)
{
	struct piece p;

	if (g->id == 0)
		return begin(x, g, e);
	if (g->text != NULL && pieces_next(&g->cut, &p))
		return add_piece(x, g, &p, e) == -1 ? -1 : 1;
	return db_run(x->db, e, "UPDATE files SET size = ?, pieces = ? WHERE id = ?", "iii", g->file.size, g->pieces, g->id);
}

int
shelf_pause(struct words *x, const struct shelf_growth *g, struct error *e)
{
	return db_run(x->db, e, "UPDATE files SET pieces = ? WHERE id = ?", "ii", g->pieces, g->id);
}

/* ---- search ---------------------------------------------------------------------------------------- */

/* Where the piece stands. 1, or 0: in another workspace, -1 on error. */
static int
place(struct words *x, int64_t root, int64_t piece, struct shelf_hit *h, struct error *e)
{
	sqlite3_stmt *s = db_query(x->db, e, "SELECT f.path, f.mtime_us, p.line, p.last FROM pieces p JOIN files f ON f.id = p.file"
	    " WHERE p.id = ? AND f.root = ?", "ii", piece, root);
	int more;

	if (s == NULL)
		return -1;
	if ((more = db_step(x->db, s, e)) == 1)
		*h = (struct shelf_hit){ .piece = piece, .path = db_text(s, 0),
		    .mtime_us = sqlite3_column_int64(s, 1), .first = sqlite3_column_int64(s, 2), .last = sqlite3_column_int64(s, 3) };
	db_done(s);
	return more;
}

/* Where the hits go. */
struct taking {
	struct words	 *x;
	int64_t		  root;
	struct shelf_hit *hits;
	int		  n;
};

static bool
is_new(const struct taking *t, const struct shelf_hit *h)
{
	for (int i = 0; i < t->n; i++)
		if (t->hits[i].first == h->first && strcmp(t->hits[i].path, h->path) == 0)
			return false;
	return true;
}

static int
take(void *arg, sqlite3_stmt *row, struct error *e)
{
	struct taking *t = arg;
	struct shelf_hit h;
	int found = place(t->x, t->root, sqlite3_column_int64(row, 0), &h, e);

	if (found == 1 && !is_new(t, &h)) {
		free(h.path);
		return 0;
	}
	if (found == 1) {
		h.score = sqlite3_column_double(row, 1);
		h.snippet = cut_chars((const char *)sqlite3_column_text(row, 2), SHELF_SNIPPET);
		t->hits[t->n++] = h;
	}
	return found;
}

int
shelf_search(struct words *x, int64_t root, const char *query, struct shelf_hit *hits, size_t k, struct error *e)
{
	struct taking t = { .x = x, .root = root, .hits = hits };

	if (words_search(x, query, k < SHELF_K_MAX ? (int)k : SHELF_K_MAX, take, &t, e) == 0)
		return t.n;
	shelf_hits_clear(hits, (size_t)t.n);
	return -1;
}

int
shelf_hit(struct words *x, int64_t root, int64_t piece, struct shelf_hit *hit, struct error *e)
{
	int found = place(x, root, piece, hit, e);
	sqlite3_stmt *s = found != 1 ? NULL : db_query(x->db, e, "SELECT content FROM words WHERE rowid = ?", "i", piece);
	int more = s == NULL ? -1 : db_step(x->db, s, e);

	if (found != 1)
		return found;
	if (more == 1)
		hit->snippet = cut_chars((const char *)sqlite3_column_text(s, 0), SHELF_SNIPPET);
	else
		free(steal(hit->path));
	if (s != NULL)
		db_done(s);
	return more;
}

void
shelf_hits_clear(struct shelf_hit *hits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(hits[i].path);
		free(hits[i].snippet);
	}
}
