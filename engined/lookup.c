/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See indexing.h: search_workspace (spec/tools.md, 7.6). Words are always
 * searched; with an embedding model, vectors too, and the two orders are
 * made one. What is found is shown only after toolrunner has said which of
 * the files this turn may read now.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/embedding.h"
#include "engined/engine.h"
#include "engined/fetch.h"
#include "engined/indexing.h"
#include "engined/match.h"
#include "engined/page.h"
#include "engined/rank.h"
#include "engined/turn.h"
#include "engined/vectors.h"
#include "engined/workspace.h"

#define K_MAX		50
#define BOTH_LEAST	20		/* of each order, when there are two */

static size_t
wanted(const struct indexing *x)
{
	int64_t k = json_int(x->turn->now.args, "k", 5);

	return k < 1 ? 1 : k > K_MAX ? K_MAX : (size_t)k;
}

/* ---- two orders made one ------------------------------------------------------------------------------ */

static struct shelf_hit *
known(struct indexing *x, int64_t piece)
{
	for (size_t i = 0; i < x->nhits; i++)
		if (x->hits[i].piece == piece)
			return &x->hits[i];
	return NULL;
}

static int
best_first(const void *va, const void *vb)
{
	const struct shelf_hit *a = va, *b = vb;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return a->piece < b->piece ? -1 : a->piece > b->piece;
}

/* Reciprocal rank fusion: what stands high in one order or well in both comes first. 0 or -1. */
static int
fuse(struct indexing *x, struct words *shelf, int64_t root, const struct vectors_hit *near, int n, struct error *e)
{
	for (size_t i = 0; i < x->nhits; i++)
		x->hits[i].score = rank_share(i);
	for (int i = 0; i < n; i++) {
		struct shelf_hit *h = known(x, near[i].piece), new;
		int found = h != NULL || x->nhits == SHELF_K_MAX ? 0 : shelf_hit(shelf, root, near[i].piece, &new, e);

		if (found == -1)
			return -1;
		if (h != NULL)
			h->score += rank_share((size_t)i);
		if (found == 1) {
			new.score = rank_share((size_t)i);
			x->hits[x->nhits++] = new;
		}
	}
	qsort(x->hits, x->nhits, sizeof(x->hits[0]), best_first);
	return 0;
}

/* What is near the query joins what has its words. 0 or -1. */
static int
look_near(struct indexing *x, struct words *shelf, int64_t root, size_t k, struct error *e)
{
	struct vectors_hit near[SHELF_K_MAX];
	struct vectors v;
	int n;

	if (vectors_find(shelf->db, root, embedding_model(x->turn->engine), &v, e) == -1)
		return -1;
	if (v.id == 0 || v.dim != x->dim) {
		snprintf(x->note, sizeof(x->note), "the index has no vectors of this model that fit: index_workspace makes them");
		return 0;
	}
	if ((n = vectors_search(shelf->db, &v, x->query, near, (int)k, e)) == -1)
		return -1;
	return fuse(x, shelf, root, near, n, e);
}

/* ---- what the index has ------------------------------------------------------------------------------- */

static size_t
candidates(const struct indexing *x)
{
	size_t k = 2 * wanted(x);

	return k > SHELF_K_MAX / 2 && x->query != NULL ? SHELF_K_MAX / 2 : k < BOTH_LEAST && x->query != NULL ? BOTH_LEAST : k;
}

static int
look_in(struct indexing *x, struct words *shelf, int64_t root, struct error *e)
{
	int n = shelf_search(shelf, root, json_str(x->turn->now.args, "query", ""), x->hits, candidates(x), e);

	if (n == -1)
		return -1;
	x->nhits = (size_t)n;
	return x->query == NULL || embedding_model(x->turn->engine) == NULL ? 0 : look_near(x, shelf, root, candidates(x), e);
}

/* What the index has; 1, 0: nothing of this workspace is in it, -1 on error. */
static int
look(struct indexing *x, struct error *e)
{
	struct workspace *w = x->turn->engine->workspace;
	int64_t root, files = 0, pieces;
	struct words *shelf = workspace_shelf(w, e);

	shelf_hits_clear(x->hits, x->nhits);
	x->nhits = 0;
	if (shelf == NULL)
		return -1;
	if ((root = shelf_root(shelf, x->workspace, false, e)) == -1 || shelf_size(shelf, root, &files, &pieces, e) == -1 ||
	    look_in(x, shelf, root, e) == -1) {
		workspace_distrust(w, e);
		return -1;
	}
	return files > 0;
}

static json_t *
hit_row(const struct shelf_hit *h, const struct shelf_file *now)
{
	char score[32];
	json_t *row;

	snprintf(score, sizeof(score), "%.4g", h->score);
	row = json_pack("{s:s, s:s, s:I, s:I, s:f}", "path", h->path, "snippet", h->snippet, "line_start",
	    (json_int_t)h->first, "line_end", (json_int_t)h->last, "score", strtod(score, NULL));
	if (now->mtime_us != h->mtime_us)
		json_object_set_new(row, "changed_since", json_true());
	return row;
}

static const struct shelf_file *
find_file(const struct page_list *l, const char *path)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->files[i].path, path) == 0)
			return &l->files[i];
	return NULL;
}

/* The rows of files that this turn may read. */
static char *
show(const struct indexing *x, const struct page_list *l)
{
	cleanup_json json_t *rows = json_array();
	cleanup_free char *text = NULL;

	for (size_t i = 0; i < x->nhits && json_array_size(rows) < wanted(x); i++) {
		const struct shelf_file *now = find_file(l, x->hits[i].path);

		if (now != NULL)
			json_array_append_new(rows, hit_row(&x->hits[i], now));
	}
	text = json_text(rows);
	return x->note[0] == '\0' ? steal(text) : xasprintf("%s\nOnly words were searched: %s", text, x->note);
}

static void ask_about(struct indexing *x);

static void
on_checked(void *arg, const char *output, const struct error *e)
{
	struct indexing *x = arg;
	struct page_list l;
	struct error why = { 0 };

	x->fetch = NULL;
	if (output == NULL || page_list_read(output, &l, &why) == -1) {
		indexing_end(x, NULL, output == NULL ? e : &why);
		return;
	}
	if (strcmp(l.workspace, x->workspace) == 0) {
		indexing_end(x, show(x, &l), NULL);
	} else {			/* the settings have just changed: toolrunner knows where this turn works */
		free(x->workspace);
		x->workspace = steal(l.workspace);
		ask_about(x);
	}
	page_list_clear(&l);
}

static void
ask_about(struct indexing *x)
{
	json_t *paths = json_array();
	struct error e = { 0 };
	int known = look(x, &e);

	if (known != 1) {
		json_decref(paths);
		indexing_end(x, known == 0 ? xstrdup("Nothing of this workspace is indexed yet: call index_workspace first.") : NULL, &e);
		return;
	}
	for (size_t i = 0; i < x->nhits; i++)
		json_array_append_new(paths, json_string(x->hits[i].path));
	x->fetch = fetch_begin(x->turn, "search_workspace", json_pack("{s:o}", "paths", paths), on_checked, x);
}

/* ---- the query as a vector ------------------------------------------------------------------------------ */

static void
on_query(void *arg, const struct embed_result *r, const struct error *e)
{
	struct indexing *x = arg;

	x->embed = NULL;
	if (r == NULL) {
		snprintf(x->note, sizeof(x->note), "%s", e->text);
	} else {
		indexing_spend(x, r);
		x->dim = r->dim;
		x->query = xreallocarray(NULL, (size_t)r->dim, sizeof(float));
		memcpy(x->query, r->numbers, (size_t)r->dim * sizeof(float));
	}
	ask_about(x);
}

static void
ask_vector(struct indexing *x)
{
	const char *query = json_str(x->turn->now.args, "query", "");
	struct error e = { 0 };

	if ((x->embed = embedding_ask_query(x->turn->engine, query, on_query, x, &e)) == NULL) {
		snprintf(x->note, sizeof(x->note), "%s", e.text);
		ask_about(x);
	}
}

/* ---- the call --------------------------------------------------------------------------------------------- */

void
lookup_begin(struct turn *t)
{
	const char *workspace = turn_workspace(t->engine, t->workspace);
	struct indexing *x = t->now.indexing = indexing_new(t);
	struct error e = { 0 };
	struct match words;

	match_words(&words, json_str(t->now.args, "query", ""), 1);
	if (words.count == 0) {
		error_set(&e, ERR_invalid, "search_workspace: there is no word in the query");
		indexing_end(x, NULL, &e);
		return;
	}
	x->workspace = workspace == NULL ? xasprintf("%s/workspace", t->engine->home) : xstrdup(workspace);
	if (embedding_model(t->engine) == NULL)
		ask_about(x);
	else
		ask_vector(x);
}
