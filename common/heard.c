/* SPDX-License-Identifier: Apache-2.0 */
/* See heard.h. */
#include "common/heard.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"

static void
take_delta(struct heard *h, const json_t *data)
{
	buf_puts(&h->said, json_str(data, "text", ""));
}

static void
forget_said(struct heard *h, const json_t *data)
{
	buf_reset(&h->said);
}

static void
take_usage(struct heard *h, const json_t *data)
{
	h->tokens_in += json_int(data, "tokens_in", 0);
	h->tokens_out += json_int(data, "tokens_out", 0);
	h->cost += json_num(data, "cost", 0);
}

static void
take_reply(struct heard *h, const json_t *data)
{
	free(h->reply);
	h->reply = xstrdup(json_str(data, "text", ""));
	json_decref(h->files);
	h->files = json_incref(json_object_get(data, "attachments"));
}

static void
take_interrupted(struct heard *h, const json_t *data)
{
	h->interrupted = true;
}

/* The model's server may take the same question a little later; who says so knows better than the code does. */
static void
take_failure(struct heard *h, const json_t *data)
{
	const char *code = json_str(data, "code", "");
	bool passing = strcmp(code, "timeout") == 0 || strcmp(code, "unavailable") == 0 || strcmp(code, "gone") == 0;

	heard_failure(h, json_str(data, "text", ""), json_bool(data, "transient", passing));
}

static const struct {
	const char	*kind;
	void		(*take)(struct heard *h, const json_t *data);
} kinds[] = {
	{ "assistant_delta", take_delta },
	{ "tool_start",      forget_said },
	{ "restart_step",    forget_said },
	{ "usage",           take_usage },
	{ "reply",           take_reply },
	{ "interrupted",     take_interrupted },
	{ "error",           take_failure },
};

void
heard_event(struct heard *h, const struct turn_event *ev)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kinds[i].kind, ev->kind) == 0)
			kinds[i].take(h, ev->data);
}

void
heard_failure(struct heard *h, const char *text, bool transient)
{
	free(h->failure);
	h->failure = xstrdup(text);
	h->transient = transient;
}

void
heard_clear(struct heard *h)
{
	buf_clear(&h->said);
	free(h->reply);
	free(h->failure);
	json_decref(h->files);
	*h = (struct heard)HEARD;
}
