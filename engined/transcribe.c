/* SPDX-License-Identifier: Apache-2.0 */
/* See transcribe.h. */
#include "engined/transcribe.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/endpoint.h"

#define ANSWER_MAX	(1024 * 1024)
#define DEPTH		16
#define COST_MAX	1000.0		/* USD of one request; more is nonsense */
#define WAIT_MS		120000
#define BLANK		" \t\r\n"

struct transcribe {
	struct target	 price;		/* no more of it than that */
	transcribe_done	*done;
	void		*arg;
};

/* ---- the answer ------------------------------------------------------------------------------------ */

static int64_t
tokens(const json_t *usage, const char *name, const char *other)
{
	int64_t n = json_int(usage, name, json_int(usage, other, 0));

	return n < 0 || n > INT32_MAX ? 0 : n;
}

int
transcript_read(const char *body, size_t len, struct transcript *t, struct error *e)
{
	cleanup_json json_t *j = json_parse(body, len, DEPTH, e);
	const json_t *usage = json_object_get(j, "usage");
	const char *text = json_string_value(json_object_get(j, "text"));
	size_t n;

	*t = (struct transcript){ 0 };
	if (text == NULL)
		return error_set(e, ERR_provider, "the server's answer holds no text");
	text += strspn(text, BLANK);
	n = utf8_cut(text, strlen(text), TRANSCRIPT_MAX);
	while (n > 0 && strchr(BLANK, text[n - 1]) != NULL)
		n--;
	t->text = xstrndup(text, n);
	t->tokens_in = tokens(usage, "input_tokens", "prompt_tokens");
	t->tokens_out = tokens(usage, "output_tokens", "completion_tokens");
	t->cost = json_num(usage, "cost", 0);
	if (!(t->cost >= 0 && t->cost < COST_MAX))
		t->cost = 0;
	return 0;
}

void
transcript_clear(struct transcript *t)
{
	free(t->text);
	*t = (struct transcript){ 0 };
}

/* ---- the request --------------------------------------------------------------------------------------- */

static void
add_field(struct buf *b, const char *mark, const char *name, const char *value)
{
	buf_addf(b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", mark, name, value);
}

char *
transcribe_form(struct buf *form, const char *model, const char *language, const char *name, const struct buf *sound)
{
	char mark[33];

	random_hex(mark, sizeof(mark) / 2);
	add_field(form, mark, "model", model);
	add_field(form, mark, "response_format", "json");
	if (language[0] != '\0')
		add_field(form, mark, "language", language);
	buf_addf(form, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
	    "Content-Type: application/octet-stream\r\n\r\n", mark, name);
	buf_add(form, buf_str(sound), sound->len);
	buf_addf(form, "\r\n--%s--\r\n", mark);
	return xasprintf("multipart/form-data; boundary=%s", mark);
}

static void
on_answer(void *arg, const struct buf *body, const struct error *why)
{
	struct transcribe *x = arg;
	struct transcript t = { 0 };
	struct error e = { 0 };

	if (body == NULL)
		x->done(x->arg, NULL, why);
	else if (transcript_read(buf_str(body), body->len, &t, &e) == -1)
		x->done(x->arg, NULL, &e);
	else {
		t.cost = target_cost(&x->price, t.cost, t.tokens_in, t.tokens_out);
		x->done(x->arg, &t, NULL);
	}
	transcript_clear(&t);
	free(x);
}

int
transcribe_start(struct event_base *base, struct http *http, const struct target *t, const char *language, const char *name,
    const struct buf *sound, transcribe_done *done, void *arg, struct error *e)
{
	cleanup_buf struct buf form = BUF(0);
	cleanup_free char *type = transcribe_form(&form, t->name, language, name, sound);
	struct transcribe *x = xcalloc(1, sizeof(*x));

	*x = (struct transcribe){ .price = { .price_in = t->price_in, .price_out = t->price_out }, .done = done, .arg = arg };
	if (endpoint_start(base, http, &(struct endpoint_request){ .target = t, .path = "/audio/transcriptions", .type = type,
	    .body = buf_str(&form), .len = form.len, .most = ANSWER_MAX, .timeout_ms = WAIT_MS }, on_answer, x, e) != NULL)
		return 0;
	free(x);
	return -1;
}
