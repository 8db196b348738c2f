/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: index_workspace, and what follows learn_file (spec/tools.md,
 * 7.6). Files are toolrunner's to read: it is asked for lists and for texts.
 * They change nothing but the index, so a call that was cut off is simply
 * made again.
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
#include "engined/turn.h"
#include "engined/workspace.h"

#define BATCH_MS	60000		/* for a batch of texts */

struct indexing *
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
	embed_cancel(x->embed);
	if (x->timer != NULL)
		event_free(x->timer);
	if (x->pass != NULL)
		workspace_forget(x->pass);
	shelf_hits_clear(x->hits, x->nhits);
	tool_result_clear(&x->learned);
	free(x->workspace);
	free(x->query);
	free(x);
}

void
indexing_end(struct indexing *x, char *text, const struct error *e)
{
	struct tool_result r = { .ok = text != NULL, .output = text, .error = text == NULL ? xstrdup(e->text) : NULL,
	    .tokens_in = x->tokens, .cost = x->cost };

	calls_end(x->turn, &r);
}

/* ---- vectors ---------------------------------------------------------------------------------------- */

void
indexing_spend(struct indexing *x, const struct embed_result *r)
{
	x->tokens += embedding_charge(x->turn->engine, x->turn->peer, r);
	x->cost += r->cost;
}

static void
on_vectors(void *arg, const struct embed_result *r, const struct error *e)
{
	struct indexing *x = arg;

	x->embed = NULL;
	if (r != NULL)
		indexing_spend(x, r);
	workspace_vectors(x->pass, r, e);
}

/* The server cannot even be asked: said from the loop, like any other answer. */
static void
on_no_server(evutil_socket_t fd, short what, void *arg)
{
	struct indexing *x = arg;

	workspace_vectors(x->pass, NULL, &x->why);
}

static void
on_embed(void *arg, json_t *texts)
{
	struct indexing *x = arg;
	struct timeval now = { 0 };

	if ((x->embed = embedding_ask(x->turn->engine, texts, BATCH_MS, on_vectors, x, &x->why)) != NULL)
		return;
	if (x->timer == NULL)
		x->timer = evtimer_new(x->turn->engine->base, on_no_server, x);
	evtimer_add(x->timer, &now);
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

/* What became of the vectors, when there were to be any. */
static void
add_vectors(const struct indexing *x, const struct workspace_result *r, json_t *j)
{
	if (embedding_model(x->turn->engine) == NULL)
		return;
	json_object_set_new(j, "embedded", json_integer(r->embedded));
	if (r->why_missing[0] == '\0')
		return;
	json_object_set_new(j, "not_embedded", json_integer(r->missing));
	json_object_set_new(j, "embeddings_error", json_string(r->why_missing));
}

static void
on_indexed(void *arg, const struct workspace_result *r, const struct error *e)
{
	cleanup_json json_t *j = NULL;
	struct indexing *x = arg;

	x->pass = NULL;
	if (r == NULL) {
		indexing_end(x, NULL, e);
		return;
	}
	j = json_pack("{s:b, s:I, s:I, s:I, s:I}", "ok", 1, "indexed", (json_int_t)r->indexed, "unchanged",
	    (json_int_t)r->unchanged, "removed", (json_int_t)r->removed, "skipped", (json_int_t)r->skipped);
	if (json_array_size(r->reasons) > 0)
		json_object_set(j, "skipped_files", r->reasons);
	add_vectors(x, r, j);
	indexing_end(x, json_text(j), NULL);
}

static const struct workspace_caller caller = { .ask = on_ask, .embed = on_embed, .progress = on_progress, .done = on_indexed };

static void
begin_index(struct turn *t)
{
	struct workspace_order o = { .path = json_str(t->now.args, "path", "."), .glob = json_str(t->now.args, "glob", WORKSPACE_GLOB),
	    .force = json_bool(t->now.args, "force", false), .embedder = embedding_model(t->engine), .ocr = json_bool(t->now.args, "ocr", false) };
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
	struct tool_result r = { .ok = true, .mutations = steal(x->learned.mutations), .tokens_in = x->tokens, .cost = x->cost };

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

static const struct workspace_caller learner = { .ask = on_ask, .embed = on_embed, .progress = on_progress, .done = on_learned };

void
indexing_learned(struct turn *t, struct tool_result *r)
{
	cleanup_json json_t *told = json_parse(r->output, strlen(r->output), 4, NULL);
	struct workspace_order o = { .path = json_str(told, "path", ".alpi/documents"), .glob = WORKSPACE_GLOB,
	    .embedder = embedding_model(t->engine), .ocr = json_bool(t->now.args, "ocr", false) };
	struct indexing *x = t->now.indexing = indexing_new(t);

	x->learned = *r;
	*r = (struct tool_result){ 0 };
	x->pass = workspace_begin(t->engine->workspace, &o, &learner, x);
}

/* ---- calls --------------------------------------------------------------------------------------------- */

void
indexing_begin(struct turn *t)
{
	if (strcmp(t->now.name, "index_workspace") == 0)
		begin_index(t);
	else
		lookup_begin(t);
}

void
indexing_cancel(struct turn *t)
{
	if (t->now.indexing->learned.ok)
		end_learned(t->now.indexing, "interrupted");
	else
		calls_fail(t, "interrupted");
}
