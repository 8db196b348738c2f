/* SPDX-License-Identifier: Apache-2.0 */
/* See script.h. */
#include "scheduled/script.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "scheduled/job.h"
#include "scheduled/schedule.h"

#define WAIT_MS		25000
#define ANSWER_MS	8000
#define AGAIN_MS	500
#define WORDS_MAX	256

struct script {
	struct schedule	*in;
	char		*key, *grant;
	json_t		*args;
	bool		 begun;		/* tool.next was sent, now or by a process that died */
	struct request	*request;
	struct event	*timer;
	script_done	*done;
	void		*arg;
	char		*outcome, *text;	/* what the timer tells; NULL: it tries again */
};

/* ---- words -------------------------------------------------------------------------------------- */

/* One word: quotes, backslashes, the home for its variable. Where it ends; NULL: a quote is open. */
static const char *
read_word(const char *p, const char *home, struct buf *word)
{
	char quote = '\0';

	for (; *p != '\0' && (quote != '\0' || strchr(" \t\r\n", *p) == NULL); p++) {
		size_t name = strncmp(p, "${ALPI_HOME}", 12) == 0 ? 12 : strncmp(p, "$ALPI_HOME", 10) == 0 ? 10 : 0;

		if (quote != '\'' && name > 0) {
			buf_puts(word, home);
			p += name - 1;
		} else if (quote == '\0' && (*p == '"' || *p == '\''))
			quote = *p;
		else if (*p == quote)
			quote = '\0';
		else if (*p == '\\' && quote != '\'' && p[1] != '\0')
			buf_addc(word, *++p);
		else
			buf_addc(word, *p);
	}
	return quote == '\0' ? p : NULL;
}

static json_t *
words_of(const char *home, const char *p, struct error *e)
{
	cleanup_json json_t *list = json_array();

	while (*(p += strspn(p, " \t\r\n")) != '\0') {
		cleanup_buf struct buf word = BUF(65536);

		if ((p = read_word(p, home, &word)) == NULL || json_array_size(list) == WORDS_MAX) {
			error_set(e, ERR_invalid, p == NULL ? "a quote is not closed" : "it has too many words");
			return NULL;
		}
		json_array_append_new(list, json_string(buf_str(&word)));
	}
	return steal(list);
}

static bool
is_python(const char *word)
{
	const char *tail = strncmp(word, "python", 6) == 0 ? word + 6 : NULL;

	return tail != NULL && (*tail == '\0' || strcmp(tail, "3") == 0 ||
	    (strncmp(tail, "3.", 2) == 0 && tail[2] != '\0' && tail[2 + strspn(tail + 2, "0123456789")] == '\0'));
}

/* The skill and the script of HOME/skills/CATEGORY/NAME/scripts/SCRIPT.py: {name, script}. New reference; NULL. */
static json_t *
skill_of(const char *home, const char *path)
{
	size_t n = strlen(home), len;
	char name[128], script[128];

	if (strncmp(path, home, n) != 0 || strstr(path, "..") != NULL || path[n] != '/')
		return NULL;
	if (sscanf(path + n, "/skills/%*[^/]/%127[^/]/scripts/%127s", name, script) != 2)
		return NULL;
	len = strlen(script);
	if (len < 4 || strcmp(script + len - 3, ".py") != 0 || script[0] == '.' || strchr(script, '/') != NULL ||
	    strlen(strstr(path + n, "/scripts/") + strlen("/scripts/")) != len)
		return NULL;
	return json_pack("{s:s, s:s}", "name", name, "script", script);
}

json_t *
script_parse(const char *home, const char *line, struct error *e)
{
	cleanup_json json_t *words = words_of(home, line, e);
	json_t *args, *call = NULL;
	size_t at = 0;

	if (words == NULL)
		return NULL;
	if (json_array_size(words) > 0 && is_python(json_string_value(json_array_get(words, 0))))
		at++;
	if (at < json_array_size(words))
		call = skill_of(home, json_string_value(json_array_get(words, at)));
	if (call == NULL) {
		error_set(e, ERR_invalid, "a job without an agent runs [python3] ${ALPI_HOME}/skills/CATEGORY/NAME/scripts/SCRIPT.py and "
		    "arguments, no flags and no shell");
		return NULL;
	}
	args = json_array();
	while (++at < json_array_size(words))
		json_array_append(args, json_array_get(words, at));
	json_object_set_new(call, "action", json_string("run"));
	json_object_set_new(call, "args", args);
	return call;
}

bool
script_is_meant(const char *home, const char *line)
{
	cleanup_json json_t *words = words_of(home, line, NULL), *call = NULL;

	if (json_array_size(words) < 2 || !is_python(json_string_value(json_array_get(words, 0))))
		return false;
	call = script_parse(home, line, NULL);
	return call != NULL;
}

/* ---- the call ------------------------------------------------------------------------------------ */

static void step(struct script *p);

void
script_free(struct script *p)
{
	if (p == NULL)
		return;
	if (p->request != NULL)
		p->in->cancel(p->request);
	event_free(p->timer);
	json_decref(p->args);
	free(p->key);
	free(p->grant);
	free(p->outcome);
	free(p->text);
	free(p);
}

static void
later(struct script *p, int ms)
{
	event_add(p->timer, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
}

static void
end(struct script *p, const char *outcome, const char *text)
{
	p->outcome = xstrdup(outcome);
	p->text = xstrdup(text);
	later(p, 0);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct script *p = arg;

	if (p->outcome != NULL)
		p->done(p->arg, p->outcome, p->text);	/* which frees p */
	else
		step(p);
}

static bool
is_away(const struct error *e)
{
	return e->code == ERR_unavailable || e->code == ERR_gone || e->code == ERR_timeout;
}

static void
on_next(void *arg, const void *reply, const struct error *e)
{
	const struct tool_next_reply *r = reply;
	struct script *p = arg;

	p->request = NULL;
	if (r == NULL) {
		if (is_away(e))
			later(p, AGAIN_MS);
		else
			end(p, "error", e->text);
	} else if (strcmp(r->state, "unknown") == 0)
		end(p, "interrupted", "It was interrupted; whether it did its work is not known.");
	else if (strcmp(r->state, "done") != 0)
		step(p);
	else if (r->ok)
		end(p, "ok", r->output == NULL ? "" : r->output);
	else
		end(p, r->code != NULL && strcmp(r->code, "timeout") == 0 ? "timeout" : "error",
		    r->error == NULL ? "it failed" : r->error);
}

static void
on_taken(void *arg, const void *reply, const struct error *e)
{
	struct script *p = arg;

	p->request = NULL;
	if (reply == NULL && e->code == ERR_unavailable) {
		later(p, AGAIN_MS);
		return;
	}
	if (reply == NULL && !is_away(e)) {
		end(p, "error", e->text);
		return;
	}
	p->begun = true;
	step(p);
}

/* A call that may have begun is asked for and never begun again. */
static void
step(struct script *p)
{
	struct schedule *s = p->in;
	struct error e = { 0 };

	if (p->begun)
		p->request = s->send(s->daemon, "toolrunner", MSG_tool_next, &(struct tool_next){ .key = p->key,
		    .wait_ms = WAIT_MS }, NULL, WAIT_MS + ANSWER_MS, on_next, p, &e);
	else
		p->request = s->send(s->daemon, "toolrunner", MSG_tool_exec, &(struct tool_exec){ .key = p->key,
		    .turn = "scheduled", .tool = "skill", .args = p->args }, p->grant, ANSWER_MS, on_taken, p, &e);
	if (p->request == NULL && is_away(&e))
		later(p, AGAIN_MS);
	else if (p->request == NULL)
		end(p, "error", e.text);
}

struct script *
script_start(struct schedule *s, const char *key, const char *grant, const json_t *job, bool resumed, script_done *done,
    void *arg, struct error *e)
{
	json_t *args = script_parse(s->home, json_str(job, "prompt", ""), e);
	struct script *p;

	if (args == NULL)
		return NULL;
	json_object_set_new(args, "timeout", json_integer(job_timeout_s(job)));
	p = xcalloc(1, sizeof(*p));
	p->in = s;
	p->key = xstrdup(key);
	p->grant = xstrdup(grant);
	p->args = args;
	p->begun = resumed;
	p->done = done;
	p->arg = arg;
	p->timer = evtimer_new(s->daemon->base, on_timer, p);
	later(p, 0);
	return p;
}

static void
on_cancelled(void *arg, const void *reply, const struct error *e)
{
}

void
script_end(struct script *p)
{
	struct schedule *s = p->in;

	if (p->outcome != NULL)
		return;
	if (p->request != NULL)
		s->cancel(steal(p->request));
	s->send(s->daemon, "toolrunner", MSG_tool_cancel, &(struct tool_cancel){ .key = p->key }, NULL, ANSWER_MS, on_cancelled,
	    NULL, NULL);
	end(p, "timeout", "its time is over");
}
