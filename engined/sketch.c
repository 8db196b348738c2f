/* SPDX-License-Identifier: Apache-2.0 */
/* See sketch.h. */
#include "engined/sketch.h"

#include <stdbool.h>
#include <string.h>

#include "common/mem.h"

#define MASK	8		/* bytes: bit i stands for the piece at place i */

/* ---- blocks --------------------------------------------------------------------------------------- */

static size_t
sketch_len(const struct vectors *v)
{
	return (size_t)(v->dim + 7) / 8;
}

/* A row of sketches; NULL: there is none, or on error. The caller frees. */
static unsigned char *
read_block(struct db *db, int64_t id, size_t *len, struct error *e)
{
	sqlite3_stmt *s = db_query(db, e, "SELECT bits FROM sketches WHERE id = ?", "i", id);
	unsigned char *block = NULL;

	*len = 0;
	if (s == NULL)
		return NULL;
	if (db_step(db, s, e) == 1 && (*len = (size_t)sqlite3_column_bytes(s, 0)) > MASK)
		block = memcpy(xcalloc(1, *len), sqlite3_column_blob(s, 0), *len);
	db_done(s);
	return block;
}

static int
write_block(struct db *db, int64_t id, const unsigned char *block, size_t len, struct error *e)
{
	static const unsigned char none[MASK];

	if (memcmp(block, none, MASK) == 0)
		return db_run(db, e, "DELETE FROM sketches WHERE id = ?", "i", id);
	return db_run(db, e, "INSERT OR REPLACE INTO sketches (id, bits) VALUES (?, ?)", "ib", id, block, len);
}

static bool
has(const unsigned char *block, size_t place)
{
	return block[place / 8] & 1 << place % 8;
}

int
sketch_put(struct db *db, const struct vectors *v, int64_t piece, const unsigned char *bits, struct error *e)
{
	int64_t number = VECTORS_NUMBER(v, piece);
	size_t place = (size_t)(number % SKETCH_BLOCK), len = sketch_len(v), had, whole = MASK + SKETCH_BLOCK * len;
	struct error why = { 0 };
	cleanup_free unsigned char *block = read_block(db, number / SKETCH_BLOCK, &had, &why);

	if (why.code != 0)
		return error_set(e, why.code, "%s", why.text);
	if (had != whole) {
		free(block);
		block = xcalloc(1, whole);
	}
	block[place / 8] |= (unsigned char)(1 << place % 8);
	memcpy(block + MASK + place * len, bits, len);
	return write_block(db, number / SKETCH_BLOCK, block, whole, e);
}

/* Of one row those at the places from one to the other. */
static int
clear(struct db *db, int64_t id, size_t from, size_t to, struct error *e)
{
	struct error why = { 0 };
	size_t len;
	cleanup_free unsigned char *block = read_block(db, id, &len, &why);

	if (why.code != 0)
		return error_set(e, why.code, "%s", why.text);
	for (size_t i = from; block != NULL && i <= to; i++)
		block[i / 8] &= (unsigned char)~(1 << i % 8);
	return block == NULL ? 0 : write_block(db, id, block, len, e);
}

int
sketch_remove(struct db *db, int64_t from, int64_t to, struct error *e)
{
	int64_t first = from / SKETCH_BLOCK, last = to / SKETCH_BLOCK;
	size_t begin = (size_t)(from % SKETCH_BLOCK), end = (size_t)(to % SKETCH_BLOCK);

	if (first == last)
		return clear(db, first, begin, end, e);
	if (clear(db, first, begin, SKETCH_BLOCK - 1, e) == -1 || clear(db, last, 0, end, e) == -1)
		return -1;
	return db_run(db, e, "DELETE FROM sketches WHERE id > ? AND id < ?", "ii", first, last);
}

/* ---- search --------------------------------------------------------------------------------------------- */

static int
differ(const unsigned char *a, const unsigned char *b, size_t len)
{
	int n = 0;
	size_t i = 0;

	for (; i + 8 <= len; i += 8) {
		uint64_t x, y;

		memcpy(&x, a + i, 8);
		memcpy(&y, b + i, 8);
		n += __builtin_popcountll(x ^ y);
	}
	for (; i < len; i++)
		n += __builtin_popcount((unsigned)(a[i] ^ b[i]));
	return n;
}

static void
sift_down(struct sketch_near *h, size_t i)
{
	for (;;) {
		size_t big = i, left = 2 * i + 1, right = left + 1;
		int64_t piece = h->piece[i];
		int apart = h->apart[i];

		if (left < h->n && h->apart[left] > h->apart[big])
			big = left;
		if (right < h->n && h->apart[right] > h->apart[big])
			big = right;
		if (big == i)
			return;
		h->piece[i] = h->piece[big];
		h->apart[i] = h->apart[big];
		h->piece[big] = piece;
		h->apart[big] = apart;
		i = big;
	}
}

static void
keep_near(struct sketch_near *h, int64_t piece, int apart)
{
	if (h->n < VECTORS_NEAR) {
		h->piece[h->n] = piece;
		h->apart[h->n++] = apart;
		for (size_t i = h->n / 2; h->n == VECTORS_NEAR && i-- > 0;)
			sift_down(h, i);
	} else if (apart < h->apart[0]) {
		h->piece[0] = piece;
		h->apart[0] = apart;
		sift_down(h, 0);
	}
}

static void
compare(struct sketch_near *h, const unsigned char *block, int64_t first, const unsigned char *bits, size_t len)
{
	for (size_t i = 0; i < SKETCH_BLOCK; i++)
		if (has(block, i))
			keep_near(h, first + (int64_t)i, differ(bits, block + MASK + i * len, len));
}

int
sketch_nearest(struct db *db, const struct vectors *v, const unsigned char *bits, struct sketch_near *near, struct error *e)
{
	int64_t zero = VECTORS_NUMBER(v, 0);
	sqlite3_stmt *s = db_query(db, e, "SELECT id, bits FROM sketches WHERE id BETWEEN ? AND ?", "ii", zero / SKETCH_BLOCK,
	    (zero + ((int64_t)1 << 40) - 1) / SKETCH_BLOCK);
	size_t len = sketch_len(v);
	int more;

	if (s == NULL)
		return -1;
	while ((more = db_step(db, s, e)) == 1)
		if ((size_t)sqlite3_column_bytes(s, 1) == MASK + SKETCH_BLOCK * len)
			compare(near, sqlite3_column_blob(s, 1), sqlite3_column_int64(s, 0) * SKETCH_BLOCK - zero, bits, len);
	db_done(s);
	return more;
}
