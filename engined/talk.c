/* SPDX-License-Identifier: Apache-2.0 */
/* See talk.h. */
#include "engined/talk.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "proto/proto.h"

struct talk *
talk_find(const struct talks *all, const char *session)
{
	struct talk *t;

	TAILQ_FOREACH(t, all, link)
		if (strcmp(t->session, session) == 0)
			return t;
	return NULL;
}

static void
drop(struct talks *all, struct talk *t)
{
	TAILQ_REMOVE(all, t, link);
	free(t->messages);
	json_decref(t->loaded);
	todo_clear(&t->todo);
	free(t);
}

static void
set_messages(struct talk *t, const json_t *messages, size_t turns)
{
	free(t->messages);
	t->messages = messages == NULL ? NULL : json_text(messages);
	t->bytes = t->messages == NULL ? 0 : strlen(t->messages);
	t->turns = turns;
	if (t->bytes > TALK_BYTES) {
		free(steal(t->messages));
		t->bytes = 0;
	}
}

json_t *
talk_messages(const struct talk *t)
{
	return t->messages == NULL ? NULL : json_parse(t->messages, t->bytes, PROTO_DEPTH_MAX, NULL);
}

struct talk *
talk_take(struct talks *all, const char *session)
{
	struct talk *t = talk_find(all, session);

	if (t == NULL) {
		t = xcalloc(1, sizeof(*t) + strlen(session) + 1);
		strcpy(t->session, session);
	} else {
		TAILQ_REMOVE(all, t, link);
	}
	if (t->loaded == NULL)
		t->loaded = json_object();
	TAILQ_INSERT_HEAD(all, t, link);
	t->busy = true;
	return t;
}

static bool
is_empty(const struct talk *t)
{
	return t->messages == NULL && t->loaded == NULL && t->todo.count == 0;
}

/* Let go of what holds nothing, and of what was used least recently. */
static void
trim(struct talks *all)
{
	size_t count = 0, bytes = 0;
	struct talk *t, *next;

	for (t = TAILQ_FIRST(all); t != NULL; t = next) {
		next = TAILQ_NEXT(t, link);
		if (t->busy)
			continue;
		count++;
		bytes += t->bytes;
		if (count > TALKS_MAX || is_empty(t))
			drop(all, t);
		else if (bytes > TALKS_BYTES)
			set_messages(t, NULL, 0);
	}
}

void
talk_release(struct talks *all, struct talk *t, const json_t *messages, size_t turns, bool foreign)
{
	t->busy = false;
	t->foreign = foreign;
	if (json_object_size(t->loaded) == 0)
		json_decref(steal(t->loaded));
	set_messages(t, messages, turns);
	trim(all);
}

void
talk_forget(struct talks *all, const char *session)
{
	struct talk *t = talk_find(all, session);

	if (t != NULL && t->busy)
		set_messages(t, NULL, 0);
	else if (t != NULL)
		drop(all, t);
}

void
talk_clear(struct talks *all)
{
	struct talk *t;

	while ((t = TAILQ_FIRST(all)) != NULL)
		drop(all, t);
}
