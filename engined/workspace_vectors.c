/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See workspace_pass.h: vectors for the pieces that have none, a batch at a
 * time. Each batch is kept at once, so what an interruption or a kill costs
 * is one batch. A server that fails ends this part of the pass, not the pass.
 */
#include "engined/workspace_pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define DROP_MOST	500		/* vectors of another model removed in a slice */

/* No more of them in this pass. */
static void
stop(struct workspace_pass *p, const struct error *e)
{
	if (e != NULL)
		snprintf(p->result.why_missing, sizeof(p->result.why_missing), "%s", e->text);
	free(steal(p->embedder));
}

static void
ask(struct workspace_pass *p, char **texts, int n)
{
	json_t *list = json_array();
	char text[80];

	for (int i = 0; i < n; i++) {
		json_array_append_new(list, json_string(texts[i]));
		free(texts[i]);
	}
	snprintf(text, sizeof(text), "asking for vectors: %lld of %lld", (long long)p->result.embedded, (long long)p->begun);
	p->caller->progress(p->arg, text);
	p->asked = true;
	p->caller->embed(p->arg, list);
}

static int
begin(struct workspace_pass *p, struct db *db, struct error *e)
{
	int64_t pieces;

	if (vectors_find(db, p->root, p->embedder, &p->vectors, e) == -1)
		return -1;
	return vectors_count(db, &p->vectors, &p->begun, &pieces, e);
}

/* All have theirs: those of other models go. 1: not all of them yet, 0, -1. */
static int
tidy(struct workspace_pass *p, struct words *shelf, struct error *e)
{
	int more = p->vectors.id == 0 ? 0 : words_begin(shelf, e);

	if (p->vectors.id == 0 || more == -1)
		return more;
	more = vectors_drop_others(shelf->db, &p->vectors, DROP_MOST, e);
	if (words_end(shelf, more != -1, e) == -1)
		return -1;
	if (more == 1)
		pass_soon(p);
	return more;
}

static int
count_missing(struct workspace_pass *p, struct db *db, struct error *e)
{
	int64_t pieces;

	return vectors_count(db, &p->vectors, &p->result.missing, &pieces, e);
}

int
pass_vectors(struct workspace_pass *p, struct words *shelf, struct error *e)
{
	struct db *db = shelf->db;
	char *texts[EMBED_BATCH];
	int n;

	if (p->embedder == NULL)
		return 0;
	if (p->after == 0 && begin(p, db, e) == -1)
		return -1;
	if ((n = vectors_missing(db, &p->vectors, p->after, p->sent, texts, EMBED_BATCH, e)) == -1)
		return -1;
	if (n > 0) {
		ask(p, texts, n);
		return 1;
	}
	return tidy(p, shelf, e);
}

static int
keep(struct workspace_pass *p, struct words *shelf, const struct embed_result *r, struct error *e)
{
	struct db *db = shelf->db;
	int done;

	if (words_begin(shelf, e) == -1)
		return -1;
	done = vectors_make(db, p->root, p->embedder, r->dim, &p->vectors, e);
	for (size_t i = 0; done == 0 && i < r->count; i++)
		done = vectors_put(db, &p->vectors, p->sent[i], r->numbers + i * (size_t)r->dim, e);
	if (words_end(shelf, done == 0, e) == -1)
		return -1;
	return done;
}

int
pass_take_vectors(struct workspace_pass *p, struct words *shelf, const struct embed_result *r, const struct error *why,
    struct error *e)
{
	int done = r == NULL ? 0 : keep(p, shelf, r, e);

	if (r != NULL && done == 0) {
		p->result.embedded += (int64_t)r->count;
		p->after = p->sent[r->count - 1];
		return 0;
	}
	if (done == -1 && e->code != ERR_conflict)
		return -1;
	if (count_missing(p, shelf->db, r == NULL ? e : NULL) == -1)
		return -1;
	stop(p, r == NULL ? why : e);
	return 0;
}
