/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See ask.h. The person decides over exactly what is shown: control
 * characters of a command appear as escapes, keys typed before the question
 * do not count, and nothing but a plain answer is one.
 */
#include "cli/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/print.h"
#include "cli/text.h"
#include "common/json.h"
#include "common/mem.h"

#define CANCELLED "User cancelled clarification."	/* a constant of the wire */

static int
subscribe(struct asks *a, struct error *e)
{
	stream_close(a->events);
	a->events = stream_open(a->cli, "host.events.subscribe", json_pack("{s:[s, s, s, s]}", "kinds",
	    "approval.request", "approval.resolved", "clarification.request",
	    "clarification.resolved"), e);
	return a->events == NULL ? -1 : 0;
}

static json_t *
find(const struct asks *a, const char *id, size_t *at)
{
	json_t *ask;
	size_t i;

	json_array_foreach(a->open, i, ask)
		if (strcmp(json_str(ask, "request_id", ""), id) == 0) {
			*at = i;
			return ask;
		}
	return NULL;
}

static void
add(struct asks *a, json_t *ask, const char *kind)
{
	size_t at;

	if (find(a, json_str(ask, "request_id", ""), &at) != NULL ||
	    strcmp(json_str(ask, "profile", a->cli->profile), a->cli->profile) != 0)
		return;
	json_object_set_new(ask, "kind", json_string(kind));
	json_array_append(a->open, ask);
}

static void
add_pending(struct asks *a, const char *method, const char *kind)
{
	cleanup_json json_t *result = client_call(a->cli, method, json_object(), NULL);
	size_t i;
	json_t *ask;

	json_array_foreach(json_object_get(result, "requests"), i, ask)
		add(a, ask, kind);
}

int
asks_open(struct asks *a, struct cli *c, struct error *e)
{
	*a = (struct asks){ .cli = c, .open = json_array() };
	if (subscribe(a, e) == -1)
		return -1;
	add_pending(a, "host.approval.pending", "approval.request");
	return 0;
}

void
asks_close(struct asks *a)
{
	stream_close(a->events);
	json_decref(a->open);
	*a = (struct asks){ 0 };
}

int
asks_fd(const struct asks *a)
{
	return stream_fd(a->events);
}

static void
take(struct asks *a, const json_t *frame)
{
	const char *event = json_str(frame, "event", "");
	json_t *data = json_object_get(frame, "data");
	size_t at;

	if (strstr(event, ".request") != NULL)
		add(a, data, event);
	else if (strstr(event, ".resolved") != NULL && find(a, json_str(data, "request_id", ""), &at) != NULL)
		json_array_remove(a->open, at);
}

void
asks_update(struct asks *a)
{
	struct error e = { 0 };
	json_t *frame;
	int got;

	if (a->events == NULL) {
		if (subscribe(a, &e) == 0)
			add_pending(a, "host.approval.pending", "approval.request");
		return;
	}
	while ((got = stream_next(a->events, &frame, &e)) == 1) {
		take(a, frame);
		json_decref(frame);
	}
	if (got == -1) {
		stream_close(a->events);
		a->events = NULL;
	}
}

/* ---- the person --------------------------------------------------------------------------- */

static json_t *
next(const struct asks *a, const char *session)
{
	size_t i;
	json_t *ask;

	json_array_foreach(a->open, i, ask) {
		const char *of = json_str(ask, "session_id", NULL);

		if (of == NULL || (session != NULL && strcmp(of, session) == 0))
			return ask;
	}
	return NULL;
}

bool
asks_waiting(const struct asks *a, const char *session)
{
	return next(a, session) != NULL;
}

/*
 * A line typed after the question was put. 1 and the line, 0 when the question was
 * settled elsewhere meanwhile, -1 for Ctrl-C or the end of input.
 */
static int
answer_line(struct asks *a, const char *id, char *line, size_t size)
{
	struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .events = POLLIN } };
	int before = interrupt_count();
	size_t at;
	ssize_t n;

	for (;;) {
		p[1].fd = asks_fd(a);
		interrupt_poll(p, 2, a->events == NULL ? 200 : -1);
		if (interrupt_count() > before)
			return -1;
		if (p[1].revents != 0 || a->events == NULL)
			asks_update(a);
		if (find(a, id, &at) == NULL)
			return 0;
		if (p[0].revents == 0)
			continue;
		if ((n = read(STDIN_FILENO, line, size - 1)) <= 0)
			return -1;
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		return 1;
	}
}

static const struct {
	const char *typed, *choice;
} answers[] = {
	{ "o", "once" }, { "once", "once" }, { "y", "once" }, { "yes", "once" },
	{ "s", "session" }, { "session", "session" },
	{ "a", "always" }, { "always", "always" },
	{ "d", "deny" }, { "deny", "deny" }, { "n", "deny" }, { "no", "deny" },
};

static const char *
choice_of(const char *typed)
{
	for (size_t i = 0; i < COUNT(answers); i++)
		if (strcasecmp(answers[i].typed, typed) == 0)
			return answers[i].choice;
	return NULL;
}

static void
print_command(const json_t *ask)
{
	bool colour = print_colour(STDOUT_FILENO);
	cleanup_free char *command = text_visible(json_str(ask, "command", ""));
	cleanup_free char *cwd = text_line(json_str(ask, "cwd", ""), 0);
	cleanup_free char *pattern = text_line(json_str(ask, "pattern", ""), 0);
	char *save = NULL;

	printf("%s? The agent wants to run this%s%s%s%s%s%s\n", colour ? "\033[1;33m" : "", *cwd ? " in " : "", cwd,
	    *pattern ? " (" : "", pattern, *pattern ? ")" : "", colour ? "\033[0m" : "");
	for (char *l = strtok_r(command, "\n", &save); l != NULL; l = strtok_r(NULL, "\n", &save))
		printf("    %s\n", l);
}

/* The choice, "" when it was settled elsewhere, NULL for Ctrl-C. */
static const char *
ask_approval(struct asks *a, const json_t *ask)
{
	const char *choice = NULL;
	char line[64];
	int got;

	print_command(ask);
	while (choice == NULL) {
		printf("  [o]nce, for this [s]ession, [a]lways, [d]eny: ");
		fflush(stdout);
		if ((got = answer_line(a, json_str(ask, "request_id", ""), line, sizeof(line))) == -1)
			return NULL;
		if (got == 0) {
			printf("\n  settled without you (time is up, or somebody else answered)\n");
			return "";
		}
		choice = choice_of(line);
	}
	return choice;
}

/* A number stands for a label; several, separated by commas, where many are allowed. */
static char *
clarified(const json_t *ask, const char *line)
{
	const json_t *choices = json_object_get(ask, "choices");
	cleanup_json json_t *many = json_array();
	cleanup_free char *copy = xstrdup(line);
	char *save = NULL, *end;

	for (char *w = strtok_r(copy, ", ", &save); w != NULL; w = strtok_r(NULL, ", ", &save)) {
		unsigned long n = strtoul(w, &end, 10);

		if (*end != '\0' || n == 0 || n > json_array_size(choices))
			return json_bool(ask, "allow_other", true) && *line ? xstrdup(line) : NULL;
		json_array_append(many, json_object_get(json_array_get(choices, n - 1), "label"));
	}
	if (json_bool(ask, "multi", false) && json_array_size(many) > 0)
		return json_text(many);
	return json_array_size(many) == 1 ? xstrdup0(json_string_value(json_array_get(many, 0))) : NULL;
}

static void
print_question(const json_t *ask)
{
	cleanup_free char *question = text_visible(json_str(ask, "question", ""));
	size_t i;
	json_t *row;

	printf("? %s\n", question);
	json_array_foreach(json_object_get(ask, "choices"), i, row) {
		cleanup_free char *text = text_line(json_str(row, "label", ""), 0);

		printf("    %zu  %s\n", i + 1, text);
	}
}

/* What the person answered; NULL when it was settled elsewhere. */
static char *
ask_clarification(struct asks *a, const json_t *ask)
{
	char line[4096], *answer = NULL;
	int got;

	print_question(ask);
	while (answer == NULL) {
		printf("  %s: ", json_bool(ask, "multi", false) ? "numbers" : "number or text");
		fflush(stdout);
		if ((got = answer_line(a, json_str(ask, "request_id", ""), line, sizeof(line))) == 0)
			return NULL;
		answer = got == -1 ? xstrdup(CANCELLED) : clarified(ask, line);
	}
	return answer;
}

static void
respond(struct asks *a, const char *method, const char *id, const char *choice)
{
	struct error e = { 0 };
	cleanup_json json_t *result = client_call(a->cli, method, json_pack("{s:s, s:s, s:s}",
	    "profile", a->cli->profile, "request_id", id, "choice", choice), &e);
	cleanup_free char *why = NULL;

	if (result != NULL && json_bool(result, "ok", true))
		return;
	why = text_line(result != NULL ? json_str(result, "reason", "it was settled already") : e.text, 0);
	printf("  the answer was not taken: %s\n", why);
}

/* Put one question; -1 when the person wants to stop the turn. */
static int
put(struct asks *a, json_t *ask)
{
	cleanup_free char *id = xstrdup(json_str(ask, "request_id", "")), *text = NULL;
	bool approval = strcmp(json_str(ask, "kind", ""), "approval.request") == 0;
	const char *choice;
	size_t at;

	tcflush(STDIN_FILENO, TCIFLUSH);
	if (approval)
		choice = ask_approval(a, ask);
	else
		choice = (text = ask_clarification(a, ask)) != NULL ? text : "";
	if (choice == NULL || *choice != '\0')
		respond(a, approval ? "host.approval.respond" : "host.clarification.respond", id,
		    choice != NULL ? choice : "deny");
	if (find(a, id, &at) != NULL)
		json_array_remove(a->open, at);
	return choice == NULL ? -1 : 0;
}

int
asks_answer(struct asks *a, const char *session)
{
	json_t *ask;
	int result = 0;

	while (result == 0 && (ask = next(a, session)) != NULL) {
		json_incref(ask);
		result = put(a, ask);
		json_decref(ask);
	}
	return result;
}
