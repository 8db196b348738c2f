/* SPDX-License-Identifier: Apache-2.0 */
/* See embed.h. */
#include "engined/embed.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/endpoint.h"
#include "engined/vectors.h"

#define BODY_MAX	(32u << 20)
#define DEPTH		8
#define COST_MAX	1000.0		/* USD of one request; more is nonsense */

struct embed {
	struct endpoint	*request;
	char		*provider;
	struct target	 price;		/* no more of it than that */
	size_t		 count;
	embed_done	*done;
	void		*arg;
};

/* ---- the answer ------------------------------------------------------------------------------------ */

static int
read_vector(const json_t *row, size_t at, struct embed_result *r, struct error *e)
{
	const json_t *list = json_object_get(row, "embedding"), *number;
	size_t i;

	if ((int64_t)json_array_size(list) != r->dim)
		return error_set(e, ERR_provider, "the server lies about its dimension: a vector of %zu numbers after one of %lld",
		    json_array_size(list), (long long)r->dim);
	json_array_foreach(list, i, number) {
		float f = (float)json_number_value(number);

		if (!json_is_number(number) || !isfinite(f))
			return error_set(e, ERR_provider, "the server's vector has something in it that is no number");
		r->numbers[at * (size_t)r->dim + i] = f;
	}
	return 0;
}

/* The place of a row: what it says, each once, or its own. */
static int
read_rows(const json_t *rows, struct embed_result *r, struct error *e)
{
	cleanup_free bool *seen = xcalloc(r->count, sizeof(*seen));
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		int64_t at = json_int(row, "index", (int64_t)i);

		if (at < 0 || (size_t)at >= r->count || seen[at])
			return error_set(e, ERR_provider, "the server answered for a text that was not sent");
		seen[at] = true;
		if (read_vector(row, (size_t)at, r, e) == -1)
			return -1;
	}
	return 0;
}

int
embed_read(const char *body, size_t len, size_t count, struct embed_result *r, struct error *e)
{
	cleanup_json json_t *j = json_parse(body, len, DEPTH, e);
	const json_t *rows = json_object_get(j, "data");
	size_t dim = json_array_size(json_object_get(json_array_get(rows, 0), "embedding"));

	*r = (struct embed_result){ .count = count, .dim = (int64_t)dim, .tokens = json_int(json_object_get(j, "usage"), "prompt_tokens", 0) };
	if (j == NULL)
		return error_set(e, ERR_provider, "the server's answer is not JSON");
	if (json_array_size(rows) != count || count == 0)
		return error_set(e, ERR_provider, "the server answered with %zu vectors for %zu texts", json_array_size(rows), count);
	if (dim == 0 || dim > VECTORS_DIM_MAX)
		return error_set(e, ERR_provider, "the server's vectors have %zu numbers; 1 to %d can be kept", dim, VECTORS_DIM_MAX);
	if (r->tokens < 0 || r->tokens > INT32_MAX)
		r->tokens = 0;
	r->cost = json_num(json_object_get(j, "usage"), "cost", 0);
	if (!(r->cost >= 0 && r->cost < COST_MAX))
		r->cost = 0;
	r->numbers = xcalloc(count * dim, sizeof(float));
	if (read_rows(rows, r, e) == 0)
		return 0;
	embed_clear(r);
	return -1;
}

void
embed_clear(struct embed_result *r)
{
	free(r->numbers);
	*r = (struct embed_result){ 0 };
}

/* ---- the request ---------------------------------------------------------------------------------------- */

static void
embed_free(struct embed *x)
{
	free(x->provider);
	free(x);
}

void
embed_cancel(struct embed *x)
{
	if (x == NULL)
		return;
	endpoint_cancel(x->request);
	embed_free(x);
}

static void
on_answer(void *arg, const struct buf *body, const struct error *why)
{
	struct embed *x = arg;
	struct embed_result r = { 0 };
	struct error e = { 0 };

	if (body == NULL)
		x->done(x->arg, NULL, why);
	else if (embed_read(buf_str(body), body->len, x->count, &r, &e) == -1) {
		error_add(&e, "%s", x->provider);
		x->done(x->arg, NULL, &e);
	} else {
		r.cost = target_cost(&x->price, r.cost, r.tokens, 0);
		x->done(x->arg, &r, NULL);
	}
	embed_clear(&r);
	embed_free(x);
}

struct embed *
embed_start(struct event_base *base, struct http *http, const struct target *t, json_t *texts, int timeout_ms, embed_done *done,
    void *arg, struct error *e)
{
	cleanup_json json_t *order = json_pack("{s:s, s:o}", "model", t->name, "input", texts);
	cleanup_free char *body = json_text(order);
	struct embed *x = xcalloc(1, sizeof(*x));

	*x = (struct embed){ .provider = xstrdup(t->provider), .price = { .price_in = t->price_in }, .count = json_array_size(texts),
	    .done = done, .arg = arg };
	x->request = endpoint_start(base, http, &(struct endpoint_request){ .target = t, .path = "/embeddings",
	    .type = "application/json", .body = body, .len = strlen(body), .most = BODY_MAX, .timeout_ms = timeout_ms }, on_answer, x, e);
	if (x->request != NULL)
		return x;
	embed_free(x);
	return NULL;
}
