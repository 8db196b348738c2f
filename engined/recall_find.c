/* SPDX-License-Identifier: Apache-2.0 */
/* See recall.h: looking into the index as it is. What has the words and what is near in meaning are two orders, made one. */
#include "engined/recall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/mem.h"
#include "engined/fts.h"
#include "engined/match.h"
#include "engined/rank.h"
#include "engined/session.h"
#include "engined/vectors.h"

#define BOTH_LEAST	20		/* of each order, when there are two */

int64_t
recall_size(struct recall *r, struct error *e)
{
	struct words *index = recall_index(r, e);
	int64_t sessions = -1, pieces;
	struct error why = { 0 };

	if (index == NULL)
		return -1;
	if (fts_size(index, &sessions, &pieces, &why) == 0)
		return sessions;
	recall_distrust(r, &why);
	return error_set(e, why.code, "index of the sessions: %s", why.text);
}

void
recall_when(double at, char out[32])
{
	time_t t = at > 0 && at < 253402300800.0 ? (time_t)at : 0;
	struct tm tm;

	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
}

int
recall_knows(struct recall *r, const char *model, struct error *e)
{
	struct words *index = recall_index(r, e);
	struct vectors v;

	if (index == NULL || vectors_find(index->db, FTS_ROOT, model, &v, e) == -1)
		return -1;
	return v.id != 0;
}

/* ---- rows ------------------------------------------------------------------------------------------ */

/* Whoever deletes a file by hand means its words too. */
static bool
still_there(const struct recall *r, const char *id)
{
	cleanup_free char *path = session_path(recall_home(r), id);

	return access(path, F_OK) == 0;
}

static json_t *
row_of(const struct fts_hit *h)
{
	char when[32], score[32];

	recall_when(h->started_at, when);
	snprintf(score, sizeof(score), "%.4g", h->score);
	return json_pack("{s:s, s:s, s:s, s:f}", "session_id", h->session, "when", when, "snippet", h->snippet,
	    "score", strtod(score, NULL));
}

static json_t *
rows_of(const struct recall *r, const struct fts_hit *hits, size_t n, size_t k)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < n && json_array_size(rows) < k; i++)
		if (still_there(r, hits[i].session))
			json_array_append_new(rows, row_of(&hits[i]));
	return rows;
}

/* ---- two orders made one ----------------------------------------------------------------------------- */

struct found {
	struct fts_hit	hits[2 * FTS_K_MAX];
	size_t		n;
};

static struct fts_hit *
known(struct found *f, const char *session)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->hits[i].session, session) == 0)
			return &f->hits[i];
	return NULL;
}

static int
best_first(const void *va, const void *vb)
{
	const struct fts_hit *a = va, *b = vb;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return strcmp(a->session, b->session);
}

/* What is near joins what has the words; the near ones are taken. */
static void
fuse(struct found *f, struct fts_hit *near, size_t n)
{
	for (size_t i = 0; i < f->n; i++)
		f->hits[i].score = rank_share(i);
	for (size_t i = 0; i < n; i++) {
		struct fts_hit *h = known(f, near[i].session);

		if (h != NULL) {
			h->score += rank_share(i);
			free(near[i].snippet);
		} else {
			near[i].score = rank_share(i);
			f->hits[f->n++] = near[i];
		}
	}
	qsort(f->hits, f->n, sizeof(f->hits[0]), best_first);
}

/* 0, or -1 on error. */
static int
look_near(struct words *index, const struct recall_meaning *m, struct found *f, size_t k, const char *skip, char *note, struct error *e)
{
	struct fts_hit near[FTS_K_MAX];
	struct vectors v;
	int n;

	if (vectors_find(index->db, FTS_ROOT, m->model, &v, e) == -1)
		return -1;
	if (v.id == 0 || v.dim != m->dim) {
		snprintf(note, ERROR_TEXT_MAX, "the index has no vectors of this model that fit: index_sessions makes them");
		return 0;
	}
	if ((n = fts_near(index, &v, m->numbers, skip, near, k, e)) == -1)
		return -1;
	fuse(f, near, (size_t)n);
	return 0;
}

static size_t
candidates(const struct recall_meaning *m, size_t k)
{
	if (m != NULL && k < BOTH_LEAST)
		return BOTH_LEAST;
	return k < FTS_K_MAX ? k : FTS_K_MAX;
}

/* What has the words, and what is near, if m is not NULL. 0 or -1. */
static int
look(struct words *index, const struct recall_query *q, const struct recall_meaning *m, struct found *f, char *note, struct error *e)
{
	size_t k = candidates(m, q->k);
	int n = (q->counted ? fts_count : fts_search)(index, q->text, q->skip, f->hits, k, e);

	if (n == -1)
		return -1;
	f->n = (size_t)n;
	if (m == NULL || look_near(index, m, f, k, q->skip, note, e) == 0)
		return 0;
	fts_hits_clear(f->hits, f->n);
	return -1;
}

json_t *
recall_find_near(struct recall *r, const struct recall_query *q, const struct recall_meaning *m, char note[ERROR_TEXT_MAX],
    struct error *e)
{
	struct error why = { 0 };
	struct found f = { .n = 0 };
	struct words *index;
	struct match words;
	json_t *rows;

	note[0] = '\0';
	match_words(&words, q->text, 1);
	if (words.count == 0) {
		error_set(e, ERR_invalid, "there is no word in the query");
		return NULL;
	}
	if ((index = recall_index(r, e)) == NULL)
		return NULL;
	if (look(index, q, m, &f, note, &why) == -1) {
		recall_distrust(r, &why);
		error_set(e, why.code, "index of the sessions: %s", why.text);
		return NULL;
	}
	rows = rows_of(r, f.hits, f.n, q->k);
	fts_hits_clear(f.hits, f.n);
	return rows;
}

json_t *
recall_find(struct recall *r, const char *query, size_t k, const char *skip, struct error *e)
{
	char note[ERROR_TEXT_MAX];

	return recall_find_near(r, &(struct recall_query){ .text = query, .skip = skip, .k = k }, NULL, note, e);
}
