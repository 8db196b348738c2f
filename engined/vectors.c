/* SPDX-License-Identifier: Apache-2.0 */
/* See vectors.h. */
#include "engined/vectors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/sketch.h"

#define TEXT_BYTES	8192		/* of a piece; models read no more */
#define NUMBER	VECTORS_NUMBER

/* ---- models --------------------------------------------------------------------------------------- */

int
vectors_find(struct db *db, int64_t root, const char *model, struct vectors *v, struct error *e)
{
	sqlite3_stmt *s = db_query(db, e, "SELECT id, dim FROM models WHERE root = ? AND name = ?", "is", root, model);
	int more;

	*v = (struct vectors){ .root = root };
	if (s == NULL)
		return -1;
	if ((more = db_step(db, s, e)) == 1) {
		v->id = sqlite3_column_int64(s, 0);
		v->dim = sqlite3_column_int64(s, 1);
	}
	db_done(s);
	return more == -1 ? -1 : 0;
}

/* Is there any vector of it? 1, 0 or -1. */
static int
has_any(struct db *db, const struct vectors *v, struct error *e)
{
	sqlite3_stmt *s = db_query(db, e, "SELECT 1 FROM vectors WHERE id BETWEEN ? AND ? LIMIT 1", "ii", NUMBER(v, 0),
	    NUMBER(v, (int64_t)1 << 40) - 1);
	int more = s == NULL ? -1 : db_step(db, s, e);

	if (s != NULL)
		db_done(s);
	return more;
}

int
vectors_make(struct db *db, int64_t root, const char *model, int64_t dim, struct vectors *v, struct error *e)
{
	int any;

	if (vectors_find(db, root, model, v, e) == -1)
		return -1;
	if (v->id == 0) {
		if (db_run(db, e, "INSERT INTO models (root, name, dim) VALUES (?, ?, ?)", "isi", root, model, dim) == -1)
			return -1;
		*v = (struct vectors){ .root = root, .id = sqlite3_last_insert_rowid(db_handle(db)), .dim = dim };
	}
	if (v->dim == dim)
		return 0;
	if ((any = has_any(db, v, e)) == -1)
		return -1;
	if (any == 1)
		return error_set(e, ERR_conflict, "vectors of %lld numbers where the index has %lld: another model answers as %s now",
		    (long long)dim, (long long)v->dim, model);
	v->dim = dim;
	return db_run(db, e, "UPDATE models SET dim = ? WHERE id = ?", "ii", dim, v->id);
}

/* ---- what is missing ------------------------------------------------------------------------------- */

#define MISSING " FROM pieces p JOIN files f ON f.id = p.file WHERE f.root = ? AND p.id > ?" \
	" AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.id = ? + p.id)"

/* Servers refuse an empty text, and models read no more than the beginning. */
static char *
text_of(const char *content)
{
	size_t len = strlen(content);

	if (content[strspn(content, " \t\r\n")] == '\0')
		return xstrdup("(empty)");
	return xstrndup(content, utf8_cut(content, len, TEXT_BYTES));
}

int
vectors_take(struct db *db, sqlite3_stmt *s, int64_t *pieces, char **texts, int n, struct error *e)
{
	int found = 0, more;

	if (s == NULL)
		return -1;
	while ((more = db_step(db, s, e)) == 1 && found < n) {
		const char *content = (const char *)sqlite3_column_text(s, 1);

		pieces[found] = sqlite3_column_int64(s, 0);
		texts[found++] = text_of(content == NULL ? "" : content);
	}
	db_done(s);
	for (int i = 0; more == -1 && i < found; i++)
		free(texts[i]);
	return more == -1 ? -1 : found;
}

int
vectors_missing(struct db *db, const struct vectors *v, int64_t after, int64_t *pieces, char **texts, int n, struct error *e)
{
	sqlite3_stmt *s = db_query(db, e, "SELECT p.id, (SELECT content FROM words WHERE rowid = p.id)" MISSING
	    " ORDER BY p.id LIMIT ?", "iiii", v->root, after, NUMBER(v, 0), (int64_t)n);

	return vectors_take(db, s, pieces, texts, n, e);
}

int
vectors_count(struct db *db, const struct vectors *v, int64_t *missing, int64_t *pieces, struct error *e)
{
	sqlite3_stmt *s = db_query(db, e, "SELECT (SELECT count(*)" MISSING "),"
	    " (SELECT coalesce(sum(pieces), 0) FROM files WHERE root = ?)", "iiii", v->root, (int64_t)0, NUMBER(v, 0), v->root);
	int more;

	if (s == NULL)
		return -1;
	if ((more = db_step(db, s, e)) == 1) {
		*missing = sqlite3_column_int64(s, 0);
		*pieces = sqlite3_column_int64(s, 1);
	}
	db_done(s);
	return more == 1 ? 0 : -1;
}

/* ---- change --------------------------------------------------------------------------------------------- */

static void
to_length_one(const float *numbers, int64_t dim, float *out)
{
	double sum = 0;

	for (int64_t i = 0; i < dim; i++)
		sum += (double)numbers[i] * numbers[i];
	for (int64_t i = 0; i < dim; i++)
		out[i] = sum > 0 ? (float)(numbers[i] / sqrt(sum)) : 0;
}

/* Bits of sign. */
static void
to_sketch(const float *numbers, int64_t dim, unsigned char *out)
{
	memset(out, 0, (size_t)(dim + 7) / 8);
	for (int64_t i = 0; i < dim; i++)
		if (numbers[i] > 0)
			out[i / 8] |= (unsigned char)(1 << i % 8);
}

static void
to_bytes(const float *numbers, int64_t dim, unsigned char *out)
{
	for (int64_t i = 0; i < dim; i++) {
		uint32_t u;

		memcpy(&u, &numbers[i], sizeof(u));
		for (int k = 0; k < 4; k++)
			*out++ = (unsigned char)(u >> 8 * k);
	}
}

int
vectors_put(struct db *db, const struct vectors *v, int64_t piece, const float *numbers, struct error *e)
{
	float unit[VECTORS_DIM_MAX];
	unsigned char bytes[4 * VECTORS_DIM_MAX], sketch[VECTORS_DIM_MAX / 8];

	to_length_one(numbers, v->dim, unit);
	to_bytes(unit, v->dim, bytes);
	to_sketch(unit, v->dim, sketch);
	if (db_run(db, e, "INSERT OR REPLACE INTO vectors (id, numbers) SELECT ?, ? FROM pieces WHERE id = ?", "ibi",
	    NUMBER(v, piece), bytes, (size_t)v->dim * 4, piece) == -1)
		return -1;
	return db_changes(db) == 0 ? 0 : sketch_put(db, v, piece, sketch, e);
}

static int
remove_range(struct db *db, int64_t from, int64_t to, struct error *e)
{
	if (db_run(db, e, "DELETE FROM vectors WHERE id BETWEEN ? AND ?", "ii", from, to) == -1)
		return -1;
	return sketch_remove(db, from, to, e);
}

/* The models of a workspace but one; how many of at most n, -1 on error. */
static int
models_but(struct db *db, int64_t root, int64_t but, int64_t *ids, int n, struct error *e)
{
	sqlite3_stmt *s = db_query(db, e, "SELECT id FROM models WHERE root = ? AND id <> ?", "ii", root, but);
	int found = 0, more;

	if (s == NULL)
		return -1;
	while (found < n && (more = db_step(db, s, e)) == 1)
		ids[found++] = sqlite3_column_int64(s, 0);
	db_done(s);
	return found < n && more == -1 ? -1 : found;
}

#define MODELS_MAX 64

int
vectors_remove(struct db *db, int64_t root, int64_t first, int64_t n, struct error *e)
{
	int64_t ids[MODELS_MAX];
	int found = models_but(db, root, 0, ids, MODELS_MAX, e);

	for (int i = 0; i < found; i++) {
		struct vectors v = { .root = root, .id = ids[i] };

		if (remove_range(db, NUMBER(&v, first), NUMBER(&v, first + n - 1), e) == -1)
			return -1;
	}
	return found == -1 ? -1 : 0;
}

int
vectors_set_aside(struct db *db, const struct vectors *v, struct error *e)
{
	return db_run(db, e, "UPDATE models SET name = name || ' of ' || dim || ' numbers' WHERE id = ?", "i", v->id);
}

int
vectors_drop_others(struct db *db, const struct vectors *v, int most, struct error *e)
{
	struct vectors other = { .root = v->root };
	int found = models_but(db, v->root, v->id, &other.id, 1, e);
	int64_t from = NUMBER(&other, 0), to = NUMBER(&other, (int64_t)1 << 40) - 1;

	if (found != 1)
		return found;
	if (db_run(db, e, "DELETE FROM vectors WHERE id IN (SELECT id FROM vectors WHERE id BETWEEN ? AND ? LIMIT ?)", "iii",
	    from, to, (int64_t)most) == -1)
		return -1;
	if (db_changes(db) == most)
		return 1;
	if (remove_range(db, from, to, e) == -1 || db_run(db, e, "DELETE FROM models WHERE id = ?", "i", other.id) == -1)
		return -1;
	return 1;
}

/* ---- search ------------------------------------------------------------------------------------------- */

static double
product(const float *a, const unsigned char *bytes, int64_t dim)
{
	double sum = 0;

	for (int64_t i = 0; i < dim; i++, bytes += 4) {
		uint32_t u = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
		float f;

		memcpy(&f, &u, sizeof(f));
		sum += (double)a[i] * (double)f;
	}
	return sum;
}

static void
insert(struct vectors_hit *hits, int *n, int k, int64_t piece, double score)
{
	int at = *n < k ? (*n)++ : k;

	while (at > 0 && hits[at - 1].score < score) {
		if (at < k)
			hits[at] = hits[at - 1];
		at--;
	}
	if (at < k)
		hits[at] = (struct vectors_hit){ piece, score };
}

/* 0, or -1 on error. */
static int
weigh(struct db *db, const struct vectors *v, const float *unit, int64_t piece, struct vectors_hit *hits, int *n, int k,
    struct error *e)
{
	sqlite3_stmt *s = db_query(db, e, "SELECT numbers FROM vectors WHERE id = ?", "i", NUMBER(v, piece));
	int more;

	if (s == NULL)
		return -1;
	if ((more = db_step(db, s, e)) == 1 && sqlite3_column_bytes(s, 0) == v->dim * 4)
		insert(hits, n, k, piece, product(unit, sqlite3_column_blob(s, 0), v->dim));
	db_done(s);
	return more == -1 ? -1 : 0;
}

static int
by_number(const void *a, const void *b)
{
	return *(const int64_t *)a < *(const int64_t *)b ? -1 : *(const int64_t *)a > *(const int64_t *)b;
}

/* Neighbours lie in one page, so those near are weighed in the order of the file. */
static int
look(struct db *db, const struct vectors *v, const float *unit, struct vectors_hit *hits, int k, struct error *e)
{
	cleanup_free struct sketch_near *near = xcalloc(1, sizeof(*near));
	unsigned char sketch[VECTORS_DIM_MAX / 8];
	int n = 0;

	to_sketch(unit, v->dim, sketch);
	if (sketch_nearest(db, v, sketch, near, e) == -1)
		return -1;
	qsort(near->piece, near->n, sizeof(near->piece[0]), by_number);
	for (size_t i = 0; i < near->n; i++)
		if (weigh(db, v, unit, near->piece[i], hits, &n, k, e) == -1)
			return -1;
	return n;
}

int
vectors_search(struct db *db, const struct vectors *v, const float *numbers, struct vectors_hit *hits, int k, struct error *e)
{
	float unit[VECTORS_DIM_MAX];
	int n;

	to_length_one(numbers, v->dim, unit);
	if (db_run(db, e, "BEGIN", "") == -1)		/* one lock, not a thousand */
		return -1;
	n = look(db, v, unit, hits, k, e);
	db_rollback(db);
	return n;
}
