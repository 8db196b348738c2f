/* SPDX-License-Identifier: Apache-2.0 */
/* A request to a peer, how it ended, and what bob does that more than one file needs. */
#ifndef TESTS_CLIENT_FIXTURE_H
#define TESTS_CLIENT_FIXTURE_H

#include "tests/unit/link_fixture.h"

/* ---- one request ----------------------------------------------------------------------------------- */

struct outcome {
	bool			 ended;
	enum client_how		 how;
	int			 code;
	bool			 sent;
	char			*word, *via, *why;
	json_t			*result, *chunks;
	size_t			 wanted;	/* chunks; then it stops */
};

static inline bool
on_chunk(void *arg, const struct node *result)
{
	struct outcome *o = arg;

	json_array_append_new(o->chunks, node_json(result));
	return json_array_size(o->chunks) < o->wanted;
}

static inline void
on_end(void *arg, const struct client_end *end)
{
	struct outcome *o = arg;

	assert_false(o->ended);
	o->ended = true;
	o->how = end->how;
	o->code = end->code;
	o->sent = end->sent;
	o->word = xstrdup(client_word(end));
	o->via = xstrdup0(end->via);
	o->why = xstrdup0(end->why);
	o->result = node_json(end->result);
	assert_int_equal(end->why == NULL, end->how == CLIENT_OK);
}

static inline struct outcome
outcome_new(void)
{
	return (struct outcome){ .chunks = json_array(), .wanted = SIZE_MAX };
}

static inline void
outcome_clear(struct outcome *o)
{
	free(o->word);
	free(o->via);
	free(o->why);
	json_decref(o->result);
	json_decref(o->chunks);
	*o = (struct outcome){ 0 };
}

static const struct client_order ping = { .lane = LANE_REST, .method = "link.ping", .params = "{}",
    .connect_ms = CLIENT_MS, .reply_ms = CLIENT_MS, .repeatable = true };
static const struct client_order stream = { .lane = LANE_ASK, .method = "link.ask", .params = "{\"stream\":true}",
    .connect_ms = CLIENT_MS, .reply_ms = CLIENT_MS, .chunk = on_chunk };

static inline struct client_call *
begin(struct fixture *f, const char *id, struct client_order order, struct outcome *o)
{
	order.end = on_end;
	order.arg = o;
	return client_ask(f->a.client, peers_by_id(f->a.peers, id), &order);
}

static inline struct outcome
ask(struct fixture *f, const char *id, struct client_order order)
{
	static struct outcome o;

	o = outcome_new();
	begin(f, id, order, &o);
	assert_false(o.ended);		/* never from within */
	while (!o.ended)
		pump(f);
	return o;
}

static inline void
expect(struct fixture *f, struct client_order order, enum client_how how, const char *word)
{
	struct outcome o = ask(f, "bob", order);

	if (o.how != how)
		fail_msg("it ended as %d: %s", o.how, o.why == NULL ? "" : o.why);
	assert_string_equal(o.word, word);
	outcome_clear(&o);
}

/* ---- what bob can do -------------------------------------------------------------------------------- */

static inline void
answers(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_says(b, l, v, "{\"agent_name\":\"bob\"}", NULL);
	bob_done(l);
}

static inline void
says_nothing(struct bob *b, struct line *l, const struct envelope *v)
{
}

static inline void
drops(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_close(l);
}

/* An answer to another request: the text is changed and so must be signed anew, over a request with another id. */
static inline void
answers_another_id(struct bob *b, struct line *l, const struct envelope *v)
{
	struct envelope other = *v;
	struct doc *d = doc_parse("\"00000000000000000000000000000000\"", 34, NULL);

	other.id = doc_root(d);
	bob_says(b, l, &other, "{}", NULL);
	doc_free(d);
	bob_done(l);
}

static inline void
streams_on(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_says(b, l, v, "{\"n\":1}", "chunk");
}

#endif
