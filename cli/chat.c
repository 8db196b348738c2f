/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi` and `alpi chat`: a conversation. The turn runs in the daemons; here
 * it is only watched, and its questions are put to the person.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/attach.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/interrupt.h"
#include "cli/once.h"
#include "cli/print.h"
#include "cli/prompt.h"
#include "cli/request.h"
#include "cli/setup.h"
#include "cli/show.h"
#include "cli/turn.h"
#include "common/json.h"
#include "common/mem.h"

struct chat {
	struct cli	  *cli;
	const struct args *args;
	struct show	   show;
	struct asks	   asks;
	struct prompt	  *prompt;
	char		  *session;	/* NULL: a new one */
	char		  *model;	/* NULL: the configured one */
	bool		   person;	/* somebody can answer questions */
	bool		   attached;	/* the files went with the first turn */
	bool		   leave;
	int		   code;
};

/* ---- words that begin with a slash -------------------------------------------------------- */

static void	slash_help(struct chat *h, const char *rest);
static void	run_turn(struct chat *h, const char *text);

static void
slash_new(struct chat *h, const char *rest)
{
	free(h->session);
	h->session = NULL;
	show_note(&h->show, "a new conversation");
}

static void
slash_status(struct chat *h, const char *rest)
{
	struct error e = { 0 };
	cleanup_json json_t *s = client_call(h->cli, "host.engine.status", json_pack("{s:s}", "profile",
	    h->cli->profile), &e);

	printf("profile  %s\nsession  %s\nmodel    %s\n", h->cli->profile, h->session ? h->session : "(new)",
	    h->model ? h->model : json_str(s, "model", ""));
	if (s == NULL)
		cli_fail(&e);
	else if (json_str(s, "missing_key", NULL) != NULL)
		printf("missing  %s (alpi setup)\n", json_str(s, "missing_key", ""));
}

static void
print_configured(struct chat *h)
{
	struct error e = { 0 };
	cleanup_json json_t *s = client_call(h->cli, "host.engine.status", json_pack("{s:s}", "profile", h->cli->profile), &e);

	if (s == NULL)
		cli_fail(&e);
	else
		show_note(&h->show, "%s, as configured", json_str(s, "model", ""));
}

static void
slash_model(struct chat *h, const char *rest)
{
	if (*rest != '\0') {
		free(h->model);
		h->model = xstrdup(rest);
		show_note(&h->show, "from here on: %s", rest);
	} else if (h->model != NULL) {
		show_note(&h->show, "%s, in this conversation", h->model);
	} else {
		print_configured(h);
	}
}

static void
print_sessions(const json_t *list)
{
	static const struct column columns[] = {
		{ "SESSION", "id", PRINT_TEXT, 0 },
		{ "UPDATED", "updated_at", PRINT_AGE, 0 },
		{ "TURNS", "turns", PRINT_NUMBER, 0 },
		{ "BEGINS", "first_user", PRINT_TEXT, 48 },
	};

	print_table(stdout, columns, COUNT(columns), list, "no conversations yet");
}

static void
go_on_with(struct chat *h, const char *session)
{
	struct error e = { 0 };

	if (request_check_session(h->cli, session, &e) == -1) {
		cli_fail(&e);
		return;
	}
	free(h->session);
	h->session = xstrdup(session);
	show_note(&h->show, "going on with %s", session);
}

/* Without an id the newest ones; with one go on with it. */
static void
slash_sessions(struct chat *h, const char *rest)
{
	struct error e = { 0 };
	cleanup_json json_t *result = NULL;

	if (*rest != '\0') {
		go_on_with(h, rest);
		return;
	}
	result = client_call(h->cli, "host.sessions.list", json_pack("{s:s, s:i}", "profile",
	    h->cli->profile, "limit", 10), &e);
	if (result == NULL)
		cli_fail(&e);
	else
		print_sessions(json_object_get(result, "sessions"));
}

static void
slash_compact(struct chat *h, const char *rest)
{
	if (h->session == NULL)
		show_note(&h->show, "nothing was said yet");
	else
		run_turn(h, "/compact");
}

static void
slash_exit(struct chat *h, const char *rest)
{
	h->leave = true;
}

static const struct {
	const char *word, *args, *help;
	void	  (*run)(struct chat *, const char *rest);
} slashes[] = {
	{ "/help", "", "this list", slash_help },
	{ "/new", "", "begin a new conversation", slash_new },
	{ "/status", "", "profile, session and model", slash_status },
	{ "/model", "[NAME]", "show the model, or take another for this conversation", slash_model },
	{ "/sessions", "[ID]", "list conversations, or go on with one", slash_sessions },
	{ "/compact", "", "make this conversation shorter for the model", slash_compact },
	{ "/exit", "", "leave (or Ctrl-D)", slash_exit },
};

static void
slash_help(struct chat *h, const char *rest)
{
	for (size_t i = 0; i < COUNT(slashes); i++) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", slashes[i].word, slashes[i].args);
		printf("  %-16s  %s\n", left, slashes[i].help);
	}
	printf("  A backslash at the end of a line goes on in the next. Ctrl-C interrupts the turn.\n");
}

static void
slash_unknown(const char *word)
{
	double high = 0.6;
	const char *meant = NULL;
	cleanup_free char *safe = text_line(word, 40);

	for (size_t i = 0; i < COUNT(slashes); i++)
		if (likeness(word, slashes[i].word) >= high) {
			high = likeness(word, slashes[i].word);
			meant = slashes[i].word;
		}
	printf("no %s here.%s%s%s /help lists what there is\n", safe, meant ? " Did you mean " : "",
	    meant ? meant : "", meant ? "?" : "");
}

static void
slash(struct chat *h, const char *line)
{
	cleanup_free char *word = xstrndup(line, strcspn(line, " "));
	const char *rest = line + strlen(word);

	rest += strspn(rest, " ");
	for (size_t i = 0; i < COUNT(slashes); i++)
		if (strcmp(slashes[i].word, word) == 0) {
			slashes[i].run(h, rest);
			return;
		}
	slash_unknown(word);
}

/* ---- a turn ------------------------------------------------------------------------------- */

static void
take(struct chat *h, const json_t *frame)
{
	const char *session = json_str(frame, "session_id", NULL);

	if (session != NULL && (h->session == NULL || strcmp(h->session, session) != 0)) {
		free(h->session);
		h->session = xstrdup(session);
	}
	show_frame(&h->show, frame);
}

/* Wait for the turn, its questions or the clock; put what is asked. -1: stop the turn. */
static int
wait_turn(struct chat *h, struct turn *t)
{
	struct pollfd p[2] = {
		{ .fd = turn_fd(t), .events = POLLIN }, { .fd = asks_fd(&h->asks), .events = POLLIN },
	};
	bool down = h->person && asks_fd(&h->asks) == -1;

	interrupt_poll(p, 2, show_busy(&h->show) ? 100 : down ? 500 : -1);
	if (p[1].revents != 0 || down)
		asks_update(&h->asks);
	if (asks_waiting(&h->asks, h->session)) {
		show_pause(&h->show);
		return asks_answer(&h->asks, h->session);
	}
	show_tick(&h->show);
	return 0;
}

/* The first Ctrl-C stops the turn, the second leaves. */
static void
follow(struct chat *h, struct turn *t, struct error *e)
{
	int asked = 0, got;
	json_t *frame;

	while ((got = turn_next(t, &frame, e)) != -1) {
		if (got == 1) {
			take(h, frame);
			json_decref(frame);
			continue;
		}
		if (wait_turn(h, t) == -1 || interrupt_count() > asked) {
			if (asked > 0 && interrupt_count() > asked) {
				h->leave = true;
				h->code = EXIT_INTERRUPT;
				return;
			}
			asked = interrupt_count() > 0 ? interrupt_count() : 1;
			turn_cancel(t);
		}
	}
}

static void
run_turn(struct chat *h, const char *text)
{
	struct error e = { 0 };
	struct turn *t = NULL;
	json_t *params;

	if (request_check_text(text, strlen(text), &e) == -1) {
		h->code = cli_fail(&e);
		return;
	}
	params = request_params(h->cli, h->args, text, h->session);
	if (h->model != NULL)
		json_object_set_new(params, "model", json_string(h->model));
	json_object_set_new(params, "interactive", json_boolean(h->person));
	if (!h->attached && attach_files(h->cli, h->args, params, &e) == -1)
		h->leave = true;	/* the next line would meet the same files */
	else
		t = turn_start(h->cli, json_incref(params), &e);
	h->attached = true;
	json_decref(params);
	if (t == NULL) {
		h->code = cli_fail(&e);
		return;
	}
	interrupt_reset();
	interrupt_catch();
	show_begin(&h->show);
	follow(h, t, &e);
	show_end(&h->show);
	interrupt_release();
	h->code = e.code != ERR_none ? cli_fail(&e) : h->leave ? EXIT_INTERRUPT : h->show.failed ? EXIT_FAILED : 0;
	turn_free(t);
}

/* ---- the conversation --------------------------------------------------------------------- */

/* "/model a/b" is a command; "/etc/hosts" and "//" are what somebody says. */
static bool
is_slash(const char *word)
{
	return *word == '/' && word[1 + strcspn(word + 1, " /")] != '/';
}

static void
say(struct chat *h, const char *line)
{
	const char *word = line + strspn(line, " \t");

	if (*word == '\0')
		return;
	if (is_slash(word))
		slash(h, word);
	else
		run_turn(h, line);
}

static void
converse(struct chat *h)
{
	int interrupts = 0;
	char *line;

	while (!h->leave) {
		enum prompt_end end = prompt_read(h->prompt, &line);

		if (end == PROMPT_EOF)
			break;
		if (end == PROMPT_INTERRUPT && ++interrupts == 2) {
			h->code = EXIT_INTERRUPT;
			break;
		}
		if (end == PROMPT_INTERRUPT) {
			show_note(&h->show, "Ctrl-C again leaves");
			continue;
		}
		interrupts = 0;
		say(h, line);
		free(line);
	}
	if (h->person && h->code == EXIT_FAILED)	/* what a turn came to, they saw */
		h->code = 0;
}

/* Nothing to talk to yet: offer to change that. -1 when there is no daemon to ask, or with no error when it was left undone. */
static int
offer_setup(struct chat *h, struct error *e)
{
	cleanup_json json_t *s = client_call(h->cli, "host.engine.status", json_pack("{s:s}", "profile",
	    h->cli->profile), e);

	if (s == NULL)
		return e->code == ERR_unsupported ? 0 : -1;
	if (*json_str(s, "model", "") != '\0' || !confirm("No model is configured. Choose one now?"))
		return 0;
	return setup_interactive(h->cli);
}

static int
greet(struct chat *h, struct error *e)
{
	if (request_session(h->cli, h->args, &h->session, e) == -1)
		return -1;
	if (h->session != NULL && arg_has(h->args, "session") && request_check_session(h->cli, h->session, e) == -1)
		return -1;
	if (!h->person)
		return 0;
	if (offer_setup(h, e) == -1 || asks_open(&h->asks, h->cli, e) == -1)
		return -1;
	show_note(&h->show, "%s%s · /help lists the commands, Ctrl-D leaves",
	    h->session ? "going on with " : "a new conversation", h->session ? h->session : "");
	return 0;
}

static int
chat(struct chat *h)
{
	struct error e = { 0 };

	h->person = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	h->show.usage = h->person;
	h->prompt = prompt_open();
	if (greet(h, &e) == -1)
		h->code = e.code != ERR_none ? cli_fail(&e) : EXIT_FAILED;	/* else setup has said it */
	else {
		if (h->args->nrest > 0)
			run_turn(h, h->args->rest[0]);
		converse(h);
	}
	asks_close(&h->asks);
	prompt_close(h->prompt);
	show_clear(&h->show);
	free(h->session);
	free(h->model);
	return h->code;
}

int
chat_command(struct cli *c, const struct args *a)
{
	struct chat h = { .cli = c, .args = a };

	if (arg_has(a, "explain-prompt"))
		return once_explain(c, a);
	if (arg_has(a, "once") && a->nrest > 0)
		return cli_usage(a, "the text of --once is one argument: put it in quotes");
	if (arg_has(a, "once"))
		return once_run(c, a);
	if (arg_has(a, "json") || arg_has(a, "emit-events"))
		return cli_usage(a, "--json and --emit-events go with --once");
	show_init(&h.show);
	return chat(&h);
}
