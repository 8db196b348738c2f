/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See answer.h. Calls are found by index; servers that leave the index out,
 * give every call the same one, or leave the id out are met half-way.
 */
#include "engined/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"

#define DEPTH_MAX		32
#define ALL_ARGUMENTS_MAX	(8u << 20)
#define ID_MAX			256
#define NAME_MAX_BYTES		256

struct answer_call {
	int64_t		 index;
	struct buf	 id, name, arguments;
	bool		 cut;
};

void
answer_init(struct answer *a, const struct answer_sink *sink, void *arg)
{
	*a = (struct answer){ .sink = sink, .arg = arg, .input_tokens = -1, .output_tokens = -1 };
}

void
answer_clear(struct answer *a)
{
	for (size_t i = 0; i < a->ncalls; i++) {
		buf_clear(&a->calls[i].id);
		buf_clear(&a->calls[i].name);
		buf_clear(&a->calls[i].arguments);
	}
	free(a->calls);
	mend_clear(&a->text);
	mend_clear(&a->reasoning);
	json_decref(a->extra);
	json_decref(a->work);
	*a = (struct answer){ .sink = a->sink, .arg = a->arg };
}

/* ---- JSON ---------------------------------------------------------------------------------- */

json_t *
answer_parse(struct answer *a, const char *text, size_t len, struct error *e)
{
	cleanup_free char *mended = NULL;
	size_t mended_len;
	json_t *j;

	if ((j = json_parse(text, len, DEPTH_MAX, NULL)) != NULL)
		return j;
	mended = mend_json(text, len, &mended_len);
	if ((j = json_parse(mended, mended_len, DEPTH_MAX, e)) == NULL) {
		if (e != NULL)
			e->code = ERR_provider;
		error_add(e, "the server sent something that is not JSON");
		return NULL;
	}
	a->text.on = a->reasoning.on = true;
	return j;
}

/* What an error object says in words; borrowed. */
static const char *
words_of(const json_t *error)
{
	const json_t *inner = json_object_get(error, "error");
	const char *said = json_str(error, "message", NULL);

	if (json_is_string(error))
		return json_string_value(error);
	if (said == NULL && inner != NULL)	/* some put one into another */
		said = json_is_string(inner) ? json_string_value(inner) : json_str(inner, "message", NULL);
	if (said == NULL)
		said = json_str(error, "detail", json_str(error, "type", NULL));
	return said;
}

int
answer_refused(struct answer *a, const json_t *j, struct error *e)
{
	const json_t *error = json_object_get(j, "error");
	const char *said;
	int64_t status;

	if (json_is_array(j))			/* Gemini puts its error into a list */
		return answer_refused(a, json_array_get(j, 0), e);
	if (error == NULL && json_object_get(j, "choices") == NULL && json_is_string(json_object_get(j, "message")))
		error = j;
	if (error == NULL || json_is_null(error) || json_is_false(error))
		return 0;
	a->refused = true;
	status = json_int(error, "code", json_int(error, "status", 0));
	a->status = status >= 100 && status < 600 ? (int)status : 0;
	said = words_of(error);
	return error_set(e, ERR_provider, "%s", said != NULL && said[0] != '\0' ? said : "an error without words");
}

/* ---- text ---------------------------------------------------------------------------------- */

static int
show(struct answer *a, struct mend *m, void (*to)(void *, const char *, size_t), const char *text, size_t len,
    bool last, struct error *e)
{
	cleanup_buf struct buf whole = BUF(0);

	if (a->shown + len > PROVIDER_TEXT_MAX)
		return error_set(e, ERR_too_large, "the answer is longer than %u bytes", PROVIDER_TEXT_MAX);
	a->shown += len;
	if (m->on) {
		mend_text(m, text, len, last, &whole);
		text = buf_str(&whole);
		len = whole.len;
	}
	if (len > 0)
		to(a->arg, text, len);
	return 0;
}

int
answer_text(struct answer *a, const char *text, size_t len, struct error *e)
{
	if (text == NULL || len == 0)
		return 0;
	a->yielded = true;
	return show(a, &a->text, a->sink->text, text, len, false, e);
}

int
answer_reasoning(struct answer *a, const char *text, size_t len, struct error *e)
{
	if (text == NULL || len == 0)
		return 0;
	a->yielded = true;
	return show(a, &a->reasoning, a->sink->reasoning, text, len, false, e);
}

void
answer_end(struct answer *a)
{
	(void)show(a, &a->reasoning, a->sink->reasoning, "", 0, true, NULL);
	(void)show(a, &a->text, a->sink->text, "", 0, true, NULL);
}

void
answer_finish(struct answer *a, const char *reason)
{
	if (reason == NULL || reason[0] == '\0')
		return;
	snprintf(a->finish, sizeof(a->finish), "%s", reason);
	a->complete = true;
}

/* ---- tool calls ---------------------------------------------------------------------------- */

static bool
given(const char *s)
{
	return s != NULL && s[0] != '\0';
}

/*
 * The call a delta belongs to, or NULL for a new one. The newest with this
 * index, unless the delta begins another call: it names a tool under an id
 * that is not this call's (servers that send whole calls all numbered 0).
 */
static struct answer_call *
find_call(const struct answer *a, const struct answer_delta *d)
{
	struct answer_call *c = NULL;

	for (size_t i = a->ncalls; i-- > 0 && c == NULL;)
		if (d->index >= 0 ? a->calls[i].index == d->index :
		    !given(d->id) || strcmp(buf_str(&a->calls[i].id), d->id) == 0)
			c = &a->calls[i];
	if (c == NULL || !given(d->name) || c->name.len == 0)
		return c;
	if (given(d->id) && c->id.len > 0 && strcmp(buf_str(&c->id), d->id) != 0)
		return NULL;
	if (d->index < 0 && !given(d->id))	/* neither number nor id: a name begins a call */
		return NULL;
	return c;
}

static struct answer_call *
new_call(struct answer *a, const struct answer_delta *d, struct error *e)
{
	struct answer_call *c;

	if (a->ncalls == PROVIDER_CALLS_MAX) {
		error_set(e, ERR_too_large, "the answer has more than %d tool calls", PROVIDER_CALLS_MAX);
		return NULL;
	}
	a->calls = xreallocarray(a->calls, a->ncalls + 1, sizeof(*a->calls));
	c = &a->calls[a->ncalls++];
	*c = (struct answer_call){
		.index = d->index, .id = BUF(ID_MAX), .name = BUF(NAME_MAX_BYTES), .arguments = BUF(PROVIDER_ARGUMENTS_MAX),
	};
	return c;
}

/* A name may come in pieces; a server that repeats the id with the whole name repeats, it does not go on. */
static void
add_name(struct answer_call *c, const struct answer_delta *d, bool id_again)
{
	if (!given(d->name) || (id_again && strcmp(buf_str(&c->name), d->name) == 0))
		return;
	(void)buf_puts(&c->name, d->name);	/* past the ceiling it is no tool's name anyway */
}

static void
add_arguments(struct answer *a, struct answer_call *c, const struct answer_delta *d)
{
	if (d->arguments == NULL || c->cut)
		return;
	if (a->argument_bytes + d->len > ALL_ARGUMENTS_MAX || buf_add(&c->arguments, d->arguments, d->len) == -1) {
		c->cut = true;
		a->argument_bytes -= c->arguments.len;
		buf_clear(&c->arguments);
		return;
	}
	a->argument_bytes += d->len;
}

int
answer_call(struct answer *a, const struct answer_delta *d, struct error *e)
{
	struct answer_call *c = find_call(a, d);
	bool id_again;

	a->yielded = true;
	if (c == NULL && (c = new_call(a, d, e)) == NULL)
		return -1;
	id_again = given(d->id) && strcmp(buf_str(&c->id), d->id) == 0;
	if (given(d->id) && c->id.len == 0)
		(void)buf_puts(&c->id, d->id);
	add_name(c, d, id_again);
	add_arguments(a, c, d);
	return 0;
}

/* The text without marks, halves and NULs. */
static json_t *
clean_string(const struct answer *a, const struct buf *b)
{
	cleanup_buf struct buf whole = BUF(0);
	struct mend m = { .on = true };
	json_t *s;

	if (!a->text.on)
		return json_stringn(buf_str(b), b->len);
	mend_text(&m, buf_str(b), b->len, true, &whole);
	s = json_stringn(buf_str(&whole), whole.len);
	mend_clear(&m);
	return s;
}

static const char *
fault_of(const struct answer *a, const struct answer_call *c)
{
	json_t *j;

	if (c->cut)
		return "the arguments were longer than 1 MiB and were cut off; the call was not run";
	if (c->name.len == 0)
		return "the call names no tool; it was not run";
	if (strcmp(a->finish, "length") != 0)
		return NULL;
	j = json_parse(buf_str(&c->arguments), c->arguments.len, DEPTH_MAX, NULL);
	json_decref(j);
	return j != NULL ? NULL : "the output limit cut the arguments off; the call was not run";
}

/* The server's id when it is there and no call before has it, else one of ours. */
static json_t *
id_of(const struct answer *a, size_t i)
{
	const char *id = buf_str(&a->calls[i].id);
	char own[32] = "call_";

	for (size_t k = 0; k < i && id[0] != '\0'; k++)
		if (strcmp(buf_str(&a->calls[k].id), id) == 0)
			id = "";
	if (id[0] != '\0')
		return clean_string(a, &a->calls[i].id);
	random_hex(own + 5, 12);
	return json_string(own);
}

json_t *
answer_calls(const struct answer *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->ncalls; i++) {
		const struct answer_call *c = &a->calls[i];
		const char *fault = fault_of(a, c);
		json_t *row = json_object();

		json_object_set_new(row, "id", id_of(a, i));
		json_object_set_new(row, "name", clean_string(a, &c->name));
		json_object_set_new(row, "arguments",
		    fault != NULL || c->arguments.len == 0 ? json_string("{}") : clean_string(a, &c->arguments));
		if (fault != NULL)
			json_object_set_new(row, "error", json_string(fault));
		json_array_append_new(list, row);
	}
	return list;
}

const char *
answer_reason(const struct answer *a)
{
	if (a->ncalls > 0 && strcmp(a->finish, "length") != 0)
		return "tool_calls";
	return a->finish[0] != '\0' ? a->finish : "stop";
}
