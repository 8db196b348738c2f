/* SPDX-License-Identifier: Apache-2.0 */
/* See meaning.h: vectors in the background. */
#include "engined/meaning_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "engined/embedding.h"
#include "engined/engine.h"
#include "engined/fts.h"
#include "engined/recall.h"

#define BATCH_MS	60000		/* for a batch of texts */
#define DROP_MOST	500		/* vectors of another model removed in a slice */

static void on_slice(evutil_socket_t fd, short what, void *arg);

struct meaning *
meaning_new(struct engine *en)
{
	struct meaning *m = xcalloc(1, sizeof(*m));

	m->engine = en;
	m->slice = evtimer_new(en->base, on_slice, m);
	TAILQ_INIT(&m->questions);
	return m;
}

void
meaning_free(struct meaning *m)
{
	if (m == NULL)
		return;
	recollect_cancel_all(m);
	embed_cancel(m->embed);
	event_free(m->slice);
	free(m->model);
	free(m);
}

static void
soon(struct meaning *m)
{
	struct timeval now = { 0 };

	evtimer_add(m->slice, &now);
}

/* No more of it for now; e NULL: all is done. */
static void
stop(struct meaning *m, const struct error *e)
{
	snprintf(m->why, sizeof(m->why), "%s", e == NULL ? "" : e->text);
	if (e != NULL)
		log_warn("vectors of the sessions: %s", e->text);
	m->running = false;
	recall_hold(m->engine->recall, false);
}

void
meaning_update(struct meaning *m, bool anew)
{
	if (embedding_model(m->engine) == NULL)
		return;
	m->anew |= anew;
	if (m->running)
		return;
	m->running = true;
	recall_hold(m->engine->recall, true);
	soon(m);
}

/* ---- a slice -------------------------------------------------------------------------------------------- */

static void on_vectors(void *arg, const struct embed_result *r, const struct error *e);

/* A batch is asked for. That nobody can be asked says nothing of the index. */
static void
ask(struct meaning *m, char **texts, int n)
{
	json_t *list = json_array();
	struct error e = { 0 };

	for (int i = 0; i < n; i++) {
		json_array_append_new(list, json_string(texts[i]));
		free(texts[i]);
	}
	m->discarded = recall_discarded(m->engine->recall);
	if ((m->embed = embedding_ask(m->engine, list, BATCH_MS, on_vectors, m, &e)) == NULL)
		stop(m, &e);
}

/* All have theirs: those of other models go. 1: not all of them yet, 0, -1. */
static int
tidy(struct meaning *m, struct words *index, struct error *e)
{
	int more;

	if (m->vectors.id == 0)
		return 0;
	if (words_begin(index, e) == -1)
		return -1;
	more = vectors_drop_others(index->db, &m->vectors, DROP_MOST, e);
	if (words_end(index, more != -1, e) == -1)
		return -1;
	return more;
}

/* 1: go on soon, 0: all is done or a batch was asked for, -1: the index failed. */
static int
go_on(struct meaning *m, struct words *index, struct error *e)
{
	char *texts[MEANING_BATCH];
	bool more;
	int n;

	if (vectors_find(index->db, FTS_ROOT, m->model, &m->vectors, e) == -1 ||
	    (n = fts_missing(index, &m->vectors, m->sent, texts, MEANING_BATCH, &more, e)) == -1)
		return -1;
	if (n > 0) {
		ask(m, texts, n);
		return 0;
	}
	return more && m->vectors.id != 0 ? 1 : tidy(m, index, e);
}

static void
on_slice(evutil_socket_t fd, short what, void *arg)
{
	struct meaning *m = arg;
	const char *model = embedding_model(m->engine);
	struct words *index;
	struct error e = { 0 };
	int more = 0;

	if (model == NULL) {		/* the settings have changed */
		stop(m, NULL);
		return;
	}
	free(m->model);
	m->model = xstrdup(model);
	if ((index = recall_index(m->engine->recall, &e)) == NULL || (more = go_on(m, index, &e)) == -1) {
		recall_distrust(m->engine->recall, &e);
		stop(m, &e);
	} else if (more == 1) {
		soon(m);
	} else if (m->embed == NULL && m->running) {
		m->anew = false;
		stop(m, NULL);
	}
}

/* ---- a batch -------------------------------------------------------------------------------------------- */

/* Another dimension: when that was asked for, all vectors are made again, once. 1: they are, 0: not, -1. */
static int
begin_anew(struct meaning *m, struct db *db, struct error *e)
{
	if (!m->anew || m->vectors.id == 0)
		return 0;
	m->anew = false;
	return vectors_set_aside(db, &m->vectors, e) == -1 ? -1 : 1;
}

static int
put(struct meaning *m, struct words *index, const struct embed_result *r, struct error *e)
{
	struct db *db = index->db;
	int done, anew = 0;

	if (words_begin(index, e) == -1)
		return -1;
	done = vectors_make(db, FTS_ROOT, m->model, r->dim, &m->vectors, e);
	if (done == -1 && e->code == ERR_conflict && (anew = begin_anew(m, db, e)) == 1)
		done = vectors_make(db, FTS_ROOT, m->model, r->dim, &m->vectors, e);
	for (size_t i = 0; done == 0 && i < r->count; i++)
		done = vectors_put(db, &m->vectors, m->sent[i], r->numbers + i * (size_t)r->dim, e);
	if (words_end(index, done == 0, e) == -1)
		return -1;
	return done;
}

static void
on_vectors(void *arg, const struct embed_result *r, const struct error *e)
{
	struct meaning *m = arg;
	struct recall *recall = m->engine->recall;
	struct error why = { 0 };
	struct words *index;

	m->embed = NULL;
	if (r == NULL) {
		stop(m, e);
		return;
	}
	embedding_charge(m->engine, NULL, r);
	if (recall_discarded(recall) != m->discarded) {	/* the pieces have other numbers now */
		soon(m);
	} else if ((index = recall_index(recall, &why)) == NULL || put(m, index, r, &why) == -1) {
		recall_distrust(recall, &why);
		stop(m, &why);
	} else {
		soon(m);
	}
}

/* ---- what is told ------------------------------------------------------------------------------------------ */

void
meaning_tell(struct meaning *m, json_t *told)
{
	const char *model = embedding_model(m->engine);
	struct words *index = model == NULL ? NULL : recall_index(m->engine->recall, NULL);
	struct vectors v;
	int64_t n;

	if (index == NULL || vectors_find(index->db, FTS_ROOT, model, &v, NULL) == -1 || (n = fts_waiting(index, &v, NULL)) == -1)
		return;
	json_object_set_new(told, "waiting_for_vectors", json_integer(n));
	if (n > 0 && m->why[0] != '\0')
		json_object_set_new(told, "embeddings_error", json_string(m->why));
}
