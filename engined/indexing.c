/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: the tools on the index of the workspace (spec/tools.md, 7.6).
 * Files are toolrunner's to read: it is asked for lists, for texts, and, for
 * what a search has found, whether this turn may still see it. They change
 * nothing but the index, so a call that was cut off is simply made again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/fetch.h"
#include "engined/match.h"
#include "engined/page.h"
#include "engined/turn.h"
#include "engined/workspace.h"

#define K_MAX	50

struct indexing {
	struct turn		*turn;
	struct fetch		*fetch;		/* NULL: nothing is asked */
	struct workspace_pass	*pass;		/* NULL: none runs */
	char			*workspace;	/* where a search looked */
	struct shelf_hit	 hits[SHELF_K_MAX];
	size_t			 nhits;
	struct tool_result	 learned;	/* of learn_file, before the file is indexed; not ok: it is another tool */
};

static struct indexing *
indexing_new(struct turn *t)
{
	struct indexing *x = xcalloc(1, sizeof(*x));

	x->turn = t;
	return x;
}

void
indexing_free(struct indexing *x)
{
	if (x == NULL)
		return;
	fetch_cancel(x->fetch);
	if (x->pass != NULL)
		workspace_forget(x->pass);
	shelf_hits_clear(x->hits, x->nhits);
	tool_result_clear(&x->learned);
	free(x->workspace);
	free(x);
}

/* The call ends, and x with it; text NULL: with the error. */
static void
end_call(struct indexing *x, char *text, const struct error *e)
{
	struct tool_result r = { .ok = text != NULL, .output = text, .error = text == NULL ? xstrdup(e->text) : NULL };

	calls_end(x->turn, &r);
}

/* ---- index_workspace ------------------------------------------------------------------------------ */

static void
on_page(void *arg, const char *output, const struct error *e)
{
	struct indexing *x = arg;

	x->fetch = NULL;
	workspace_page(x->pass, output, e);
}

static void
on_ask(void *arg, json_t *args)
{
	struct indexing *x = arg;

	x->fetch = fetch_begin(x->turn, "index_workspace", args, on_page, x);
}

static void
on_progress(void *arg, const char *text)
{
	struct indexing *x = arg;

	calls_tool_state(x->turn, text);
}

static void
on_indexed(void *arg, const struct workspace_result *r, const struct error *e)
{
	cleanup_json json_t *j = NULL;
	struct indexing *x = arg;

	x->pass = NULL;
	if (r == NULL) {
		end_call(x, NULL, e);
		return;
	}
	j = json_pack("{s:b, s:I, s:I, s:I, s:I}", "ok", 1, "indexed", (json_int_t)r->indexed, "unchanged",
	    (json_int_t)r->unchanged, "removed", (json_int_t)r->removed, "skipped", (json_int_t)r->skipped);
	if (json_array_size(r->reasons) > 0)
		json_object_set(j, "skipped_files", r->reasons);
	end_call(x, json_text(j), NULL);
}

static const struct workspace_caller caller = { .ask = on_ask, .progress = on_progress, .done = on_indexed };

static void
begin_index(struct turn *t)
{
	struct workspace_order o = { .path = json_str(t->now.args, "path", "."), .glob = json_str(t->now.args, "glob", WORKSPACE_GLOB),
	    .force = json_bool(t->now.args, "force", false), .ocr = json_bool(t->now.args, "ocr", false) };
	struct indexing *x = t->now.indexing = indexing_new(t);

	x->pass = workspace_begin(t->engine->workspace, &o, &caller, x);
}

/* ---- learn_file ---------------------------------------------------------------------------------------- */

/* The file is there, whatever became of the index. */
static void
end_learned(struct indexing *x, const char *why)
{
	const char *text = x->learned.output;
	json_t *j = json_parse(text, strlen(text), 4, NULL);
	struct tool_result r = { .ok = true, .mutations = steal(x->learned.mutations) };

	json_object_set_new(j, "indexed", json_boolean(why == NULL));
	if (why != NULL)
		json_object_set_new(j, "error", json_string(why));
	r.output = j == NULL ? xstrdup(text) : json_text(j);
	json_decref(j);
	calls_end(x->turn, &r);
}

static void
on_learned(void *arg, const struct workspace_result *r, const struct error *e)
{
	struct indexing *x = arg;

	x->pass = NULL;
	if (r == NULL)
		end_learned(x, e->text);
	else
		end_learned(x, json_array_size(r->reasons) == 0 ? NULL : json_str(json_array_get(r->reasons, 0), "reason", "skipped"));
}

static const struct workspace_caller learner = { .ask = on_ask, .progress = on_progress, .done = on_learned };

void
indexing_learned(struct turn *t, struct tool_result *r)
{
	cleanup_json json_t *told = json_parse(r->output, strlen(r->output), 4, NULL);
	struct workspace_order o = { .path = json_str(told, "path", ".alpi/documents"), .glob = WORKSPACE_GLOB,
	    .ocr = json_bool(t->now.args, "ocr", false) };
	struct indexing *x = t->now.indexing = indexing_new(t);

	x->learned = *r;
	*r = (struct tool_result){ 0 };
	x->pass = workspace_begin(t->engine->workspace, &o, &learner, x);
}

/* ---- search_workspace ------------------------------------------------------------------------------- */

static size_t
wanted(const struct indexing *x)
{
	int64_t k = json_int(x->turn->now.args, "k", 5);

	return k < 1 ? 1 : k > K_MAX ? K_MAX : (size_t)k;
}

/* What the index has; 1, 0: nothing of this workspace is in it, -1 on error. */
static int
look(struct indexing *x, struct error *e)
{
	struct workspace *w = x->turn->engine->workspace;
	int64_t root, files = 0, pieces;
	struct shelf *shelf = workspace_shelf(w, e);
	int n = 0;

	shelf_hits_clear(x->hits, x->nhits);
	x->nhits = 0;
	if (shelf == NULL)
		return -1;
	if ((root = shelf_root(shelf, x->workspace, false, e)) == -1 || shelf_size(shelf, root, &files, &pieces, e) == -1 ||
	    (n = shelf_search(shelf, root, json_str(x->turn->now.args, "query", ""), x->hits, 2 * wanted(x), e)) == -1) {
		workspace_distrust(w, e);
		return -1;
	}
	x->nhits = (size_t)n;
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

	for (size_t i = 0; i < x->nhits && json_array_size(rows) < wanted(x); i++) {
		const struct shelf_file *now = find_file(l, x->hits[i].path);

		if (now != NULL)
			json_array_append_new(rows, hit_row(&x->hits[i], now));
	}
	return json_text(rows);
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
		end_call(x, NULL, output == NULL ? e : &why);
		return;
	}
	if (strcmp(l.workspace, x->workspace) == 0) {
		end_call(x, show(x, &l), NULL);
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
		end_call(x, known == 0 ? xstrdup("Nothing of this workspace is indexed yet: call index_workspace first.") : NULL, &e);
		return;
	}
	for (size_t i = 0; i < x->nhits; i++)
		json_array_append_new(paths, json_string(x->hits[i].path));
	x->fetch = fetch_begin(x->turn, "search_workspace", json_pack("{s:o}", "paths", paths), on_checked, x);
}

static void
begin_search(struct turn *t)
{
	const char *workspace = turn_workspace(t->engine, t->workspace);
	struct indexing *x = t->now.indexing = indexing_new(t);
	struct error e = { 0 };
	struct match words;

	match_words(&words, json_str(t->now.args, "query", ""), 1);
	if (words.count == 0) {
		error_set(&e, ERR_invalid, "search_workspace: there is no word in the query");
		end_call(x, NULL, &e);
		return;
	}
	x->workspace = workspace == NULL ? xasprintf("%s/workspace", t->engine->home) : xstrdup(workspace);
	ask_about(x);
}

/* ---- calls --------------------------------------------------------------------------------------------- */

void
indexing_begin(struct turn *t)
{
	if (strcmp(t->now.name, "index_workspace") == 0)
		begin_index(t);
	else
		begin_search(t);
}

void
indexing_cancel(struct turn *t)
{
	if (t->now.indexing->learned.ok)
		end_learned(t->now.indexing, "interrupted");
	else
		calls_fail(t, "interrupted");
}
