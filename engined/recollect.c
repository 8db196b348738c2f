/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See meaning.h: a question about earlier conversations. The model is asked
 * for the query's vector only when the index has something to compare it
 * with; whatever it answers, words are searched.
 */
#include "engined/meaning_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "engined/embedding.h"
#include "engined/engine.h"
#include "engined/recall.h"

struct meaning_question {
	TAILQ_ENTRY(meaning_question)	 link;
	struct meaning			*of;
	struct embed			*embed;
	struct event			*timer;
	struct recall_query		 query;		/* its texts are ours */
	char				*peer, *model;
	struct meaning_answer		 answer;
	char				 note[ERROR_TEXT_MAX];
	meaning_answered		*done;
	void				*arg;
};

void
recollect_cancel(struct meaning_question *q)
{
	if (q == NULL)
		return;
	TAILQ_REMOVE(&q->of->questions, q, link);
	embed_cancel(q->embed);
	event_free(q->timer);
	free((char *)q->query.text);
	free((char *)q->query.skip);
	free(q->peer);
	free(q->model);
	free(q);
}

void
recollect_cancel_all(struct meaning *m)
{
	while (!TAILQ_EMPTY(&m->questions))
		recollect_cancel(TAILQ_FIRST(&m->questions));
}

/* r NULL: only words are searched. */
static void
look(struct meaning_question *q, const struct embed_result *r)
{
	struct recall *recall = q->of->engine->recall;
	struct recall_meaning near = { .model = q->model };
	char note[ERROR_TEXT_MAX];
	struct error e = { 0 };

	if (r != NULL) {
		near.numbers = r->numbers;
		near.dim = r->dim;
	}
	q->answer.rows = recall_find_near(recall, &q->query, r == NULL ? NULL : &near, note, &e);
	q->answer.near = r != NULL && note[0] == '\0';
	q->answer.note = note[0] != '\0' ? note : q->note;
	q->done(q->arg, &q->answer, &e);
	json_decref(q->answer.rows);
	recollect_cancel(q);
}

static void
on_query(void *arg, const struct embed_result *r, const struct error *e)
{
	struct meaning_question *q = arg;

	q->embed = NULL;
	if (r == NULL) {
		snprintf(q->note, sizeof(q->note), "%s", e->text);
	} else {
		q->answer.tokens = embedding_charge(q->of->engine, q->peer, r);
		q->answer.cost = r->cost;
	}
	look(q, r);
}

static void
on_begin(evutil_socket_t fd, short what, void *arg)
{
	struct meaning_question *q = arg;
	struct engine *en = q->of->engine;
	struct error e = { 0 };
	int known = q->model == NULL ? 0 : recall_knows(en->recall, q->model, &e);

	if (known == 1)
		q->embed = embedding_ask_query(en, q->query.text, on_query, q, &e);
	if (q->embed != NULL)
		return;
	if (q->model != NULL)
		snprintf(q->note, sizeof(q->note), "%s", known == 0 ? "the index has no vectors of this model yet: index_sessions makes them" : e.text);
	look(q, NULL);
}

struct meaning_question *
recollect(struct meaning *m, const struct recall_query *query, const char *peer, meaning_answered *done, void *arg)
{
	struct meaning_question *q = xcalloc(1, sizeof(*q));
	struct timeval now = { 0 };

	*q = (struct meaning_question){ .of = m, .query = *query, .peer = xstrdup0(peer), .model = xstrdup0(embedding_model(m->engine)),
	    .done = done, .arg = arg };
	q->query.text = xstrdup(query->text);
	q->query.skip = xstrdup0(query->skip);
	q->timer = evtimer_new(m->engine->base, on_begin, q);
	evtimer_add(q->timer, &now);
	TAILQ_INSERT_TAIL(&m->questions, q, link);
	return q;
}
