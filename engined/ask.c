/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: what people are asked (host-plane.md, section 8). An approval
 * is toolrunner's or gatewayd's question: we pass it to hostd's clients and can neither
 * invent an answer nor show another command than the one that runs, because
 * the answer is sealed over what was shown. A clarification is the model's
 * own question, the tool ask_user.
 */
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/turn.h"

#define ANSWER_S	300
#define CANCELLED	"User cancelled clarification."		/* what clients send; a wire constant */
#define ALLOW		"Allow"
#define NOBODY		"Nobody can answer questions here. Decide yourself and say what you assumed."
#define SILENCE		"Nobody answered within five minutes. Decide yourself and say what you assumed."

static double
now_s(void)
{
	return (double)clock_wall_ms() / 1000;
}

/* Whoever watches the parent of a sub-agent decides. */
static const char *
shown_session(const struct turn *t)
{
	return t->agent == NULL ? t->row.session : json_str(t->agent, "session", "");
}

bool
ask_is(const struct turn *t, const char *id)
{
	return t->now.asking != NULL && strcmp(json_str(t->now.asking, "request_id", ""), id) == 0;
}

/* ---- approvals ----------------------------------------------------------------------------------------- */

void
ask_approval(struct turn *t, const struct tool_next_reply *r)
{
	t->now.settled = false;
	t->now.asking = json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:s, s:f, s:I}", "verifier", runner_of(t), "request_id",
	    r->ticket == NULL ? "" : r->ticket, "command", r->command, "severity", r->severity, "pattern", r->pattern,
	    "cwd", r->cwd, "session_id", shown_session(t), "ts", now_s(), "timeout_s", (json_int_t)r->timeout_s);
	engine_push(t->engine, "approval.request", json_incref(t->now.asking));
}

void
ask_approved(struct turn *t, const char *choice, const char *responder)
{
	json_t *q = t->now.asking;

	if (!t->now.settled)
		engine_push(t->engine, "approval.resolved", json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:f}",
		    "request_id", json_str(q, "request_id", ""), "choice", choice, "pattern", json_str(q, "pattern", ""),
		    "severity", json_str(q, "severity", ""), "responder", responder, "session_id", shown_session(t), "ts", now_s()));
	t->now.settled = true;
	if (strcmp(responder, "host") == 0)
		return;			/* toolrunner still has to say what it makes of it */
	json_decref(steal(t->now.asking));
}

/* ---- ask_user --------------------------------------------------------------------------------------------- */

static json_t *
choices_of(const json_t *question)
{
	return json_object_get(question, "choices");
}

static bool
is_label(const json_t *question, const char *text)
{
	json_t *c;
	size_t i;

	json_array_foreach(choices_of(question), i, c)
		if (strcmp(json_str(c, "label", ""), text) == 0)
			return true;
	return false;
}

/* 2 to 4 choices (8 with multi) with labels of their own, or none at all and a free answer. */
static int
check_choices(const json_t *args, struct error *e)
{
	size_t n = json_array_size(choices_of(args)), most = json_bool(args, "multi", false) ? 8 : 4, i;
	json_t *c;

	if (json_str(args, "question", "")[0] == '\0')
		return error_set(e, ERR_invalid, "ask_user: \"question\" is missing");
	if (n == 0 && json_bool(args, "allow_other", true))
		return 0;
	if (n < 2 || n > most)
		return error_set(e, ERR_invalid, "ask_user: \"choices\" must be 2 to %zu", most);
	json_array_foreach(choices_of(args), i, c) {
		const char *label = json_str(c, "label", "");

		if (label[0] == '\0')
			return error_set(e, ERR_invalid, "ask_user: choice %zu has no \"label\"", i + 1);
		for (size_t k = 0; k < i; k++)
			if (strcmp(json_str(json_array_get(choices_of(args), k), "label", ""), label) == 0)
				return error_set(e, ERR_invalid, "ask_user: two choices are called \"%.80s\"", label);
	}
	return 0;
}

static void
answered(struct turn *t, const char *text)
{
	struct tool_result r = { .ok = true, .output = xstrdup(text) };

	calls_end(t, &r);
}

static void
settle(struct turn *t, const char *choice, bool timed_out)
{
	engine_push(t->engine, "clarification.resolved", json_pack("{s:s, s:s, s:b, s:s, s:f}",
	    "request_id", json_str(t->now.asking, "request_id", ""), "choice", choice, "timed_out", (int)timed_out,
	    "session_id", t->row.session, "ts", now_s()));
}

/* To the model's question a text; to ours what was decided. */
static void
pass_on(struct turn *t, const char *text)
{
	if (t->now.decided != NULL)
		t->now.decided(t, strcmp(text, ALLOW) == 0);
	else
		answered(t, text);
}

static void
on_silence(evutil_socket_t fd, short what, void *arg)
{
	struct turn *t = arg;

	settle(t, "", true);
	pass_on(t, SILENCE);
}

/* Show a question; choices is taken. */
static void
show(struct turn *t, const char *question, json_t *choices, bool other, bool multi)
{
	struct timeval tv = { .tv_sec = ANSWER_S };
	char id[33];

	random_hex(id, 16);
	t->now.asking = json_pack("{s:s, s:s, s:o, s:b, s:b, s:s, s:f, s:i}", "request_id", id, "question", question,
	    "choices", choices, "allow_other", (int)other, "multi", (int)multi, "session_id", t->row.session, "ts", now_s(),
	    "timeout_s", ANSWER_S);
	engine_push(t->engine, "clarification.request", json_incref(t->now.asking));
	t->now.timer = evtimer_new(t->engine->base, on_silence, t);
	evtimer_add(t->now.timer, &tv);
}

/* A question for whoever writes to us from outside: the model puts it into its answer, and the next message says. */
static void
relay(struct turn *t, const json_t *question, const json_t *choices)
{
	cleanup_buf struct buf b = BUF(0);
	json_t *row;
	size_t i;

	buf_addf(&b, "Put this question to the user in your answer, as it stands, and end there; their next message answers it.\n\n%s",
	    json_str(question, "question", ""));
	json_array_foreach(choices, i, row) {
		const char *more = json_str(row, "description", "");

		buf_addf(&b, "\n%zu. %s%s%s", i + 1, json_str(row, "label", ""), more[0] != '\0' ? ": " : "", more);
	}
	answered(t, buf_str(&b));
}

void
ask_begin(struct turn *t)
{
	json_t *args = t->now.args, *choices = choices_of(args);
	struct error e = { 0 };

	if (check_choices(args, &e) == -1)
		calls_fail(t, e.text);
	else if (turn_of_gateway(t))
		relay(t, args, choices);
	else if (!t->interactive)
		answered(t, NOBODY);
	else
		show(t, json_str(args, "question", ""), choices == NULL ? json_array() : json_incref(choices),
		    json_bool(args, "allow_other", true), json_bool(args, "multi", false));
}

void
ask_permission(struct turn *t, const char *question, void (*decided)(struct turn *, bool))
{
	t->now.decided = decided;
	show(t, question, json_pack("[{s:s}, {s:s}]", "label", ALLOW, "label", "Refuse"), false, false);
}

void
ask_cancel(struct turn *t)
{
	settle(t, "", false);
	calls_fail(t, "interrupted by the user");
}

/* A JSON list of labels to one text, NULL: it is none, or holds what was not offered. */
static char *
join_labels(const json_t *question, const char *choice)
{
	cleanup_json json_t *list = json_parse(choice, strlen(choice), 4, NULL);
	bool other = json_bool(question, "allow_other", true);
	cleanup_buf struct buf b = BUF(0);
	json_t *label;
	size_t i;

	if (!json_is_array(list))
		return NULL;
	json_array_foreach(list, i, label) {
		if (!json_is_string(label) || (!other && !is_label(question, json_string_value(label))))
			return NULL;
		buf_addf(&b, "%s%s", i > 0 ? ", " : "", json_string_value(label));
	}
	return buf_take(&b);
}

int
ask_answer(struct turn *t, const char *choice, struct error *e)
{
	const json_t *q = t->now.asking;
	cleanup_free char *text = NULL;

	if (strcmp(choice, CANCELLED) == 0 || is_label(q, choice))
		text = xstrdup(choice);
	else if (json_bool(q, "multi", false))
		text = join_labels(q, choice);
	if (text == NULL && json_bool(q, "allow_other", true))
		text = xstrdup(choice);
	if (text == NULL)
		return error_set(e, ERR_invalid, "not one of the answers offered");
	settle(t, text, false);
	pass_on(t, text);
	return 0;
}
