/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The offline dialect: a few fixed rules in place of a model. It needs no
 * network and no key, answers the same to the same, and says what it is. It
 * is for trying alpi out and for seeing tools, approvals and journals work
 * without a provider; it does not pretend to understand anything.
 */
#include "engined/dialect.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/translate.h"

#define QUOTE_MAX 4000		/* bytes of a tool's result in the final answer */
#define CALLS_MAX 16

static char *
trimmed(const char *s, size_t n)
{
	while (n > 0 && isspace((unsigned char)*s)) {
		s++;
		n--;
	}
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		n--;
	return xstrndup(s, n);
}

/* ---- rules: what stands behind the verb -> the tool's arguments, NULL when it does not fit ---- */

static json_t *
one(const char *name, const char *value)
{
	return value[0] == '\0' ? NULL : json_pack("{s:s}", name, value);
}

static json_t *
args_read(const char *rest)
{
	return one("path", rest);
}

static json_t *
args_run(const char *rest)
{
	return one("command", rest);
}

static json_t *
args_write(const char *rest)
{
	const char *colon = strchr(rest, ':');
	cleanup_free char *path = colon != NULL ? trimmed(rest, (size_t)(colon - rest)) : NULL;

	if (path == NULL || path[0] == '\0')
		return NULL;
	return json_pack("{s:s, s:s}", "path", path, "content", colon[1] == ' ' ? colon + 2 : colon + 1);
}

static json_t *
args_edit(const char *rest)
{
	const char *colon = strchr(rest, ':'), *arrow = colon != NULL ? strstr(colon, "->") : NULL;
	cleanup_free char *path = NULL, *old = NULL, *new = NULL;

	if (arrow == NULL)
		return NULL;
	path = trimmed(rest, (size_t)(colon - rest));
	old = trimmed(colon + 1, (size_t)(arrow - colon - 1));
	new = trimmed(arrow + 2, strlen(arrow + 2));
	if (path[0] == '\0' || old[0] == '\0')
		return NULL;
	return json_pack("{s:s, s:s, s:s}", "path", path, "old_string", old, "new_string", new);
}

static json_t *
args_search(const char *rest)
{
	const char *in = NULL;
	cleanup_free char *word = NULL, *path = NULL;

	for (const char *p = rest; (p = strstr(p, " in ")) != NULL; p++)
		in = p;
	word = trimmed(rest, in != NULL ? (size_t)(in - rest) : strlen(rest));
	path = in != NULL ? trimmed(in + 4, strlen(in + 4)) : xstrdup(".");
	return word[0] == '\0' || path[0] == '\0' ? NULL : json_pack("{s:s, s:s}", "pattern", word, "path", path);
}

static json_t *
args_list(const char *rest)
{
	return json_pack("{s:s, s:s, s:s}", "pattern", "*", "target", "files", "path", rest[0] != '\0' ? rest : ".");
}

static json_t *
args_todo(const char *rest)
{
	if (strncasecmp(rest, "add ", 4) == 0 && rest[4 + strspn(rest + 4, " ")] != '\0')
		return json_pack("{s:s, s:s}", "action", "add", "content", rest + 4 + strspn(rest + 4, " "));
	if (strncasecmp(rest, "complete ", 9) == 0)
		return json_pack("{s:s, s:i}", "action", "complete", "index", atoi(rest + 9));
	if (strcasecmp(rest, "list") == 0 || strcasecmp(rest, "clear") == 0)
		return json_pack("{s:s}", "action", tolower((unsigned char)rest[0]) == 'l' ? "list" : "clear");
	return NULL;
}

/* "TOOL {json}", or the tool's name alone */
static json_t *
args_call(const char *rest)
{
	size_t n = strcspn(rest, " ");

	if (n == 0)
		return NULL;
	rest += n;
	rest += strspn(rest, " ");
	return rest[0] == '\0' ? json_object() : json_parse(rest, strlen(rest), 32, NULL);
}

static const struct rule {
	const char	*verb, *tool, *form;
	bool		 greedy;	/* takes all that follows: it may hold " and run " */
	json_t		*(*args)(const char *rest);
} rules[] = {
	{ "read",	"read_file",	"read FILE",			false,	args_read },
	{ "write",	"write_file",	"write FILE: TEXT",		true,	args_write },
	{ "edit",	"edit_file",	"edit FILE: OLD -> NEW",	true,	args_edit },
	{ "run",	"terminal",	"run COMMAND",			false,	args_run },
	{ "search",	"search",	"search WORD [in PATH]",	false,	args_search },
	{ "list",	"search",	"list [PATH]",			false,	args_list },
	{ "todo",	"todo",		"todo add TEXT",		false,	args_todo },
	{ "call",	NULL,		"call TOOL {JSON}",		true,	args_call },
};

/* The rule whose verb the text begins with, or NULL; *rest is what follows. */
static const struct rule *
find_rule(const char *text, const char **rest)
{
	for (size_t i = 0; i < COUNT(rules); i++) {
		size_t n = strlen(rules[i].verb);

		if (strncasecmp(text, rules[i].verb, n) != 0 || (text[n] != '\0' && !isspace((unsigned char)text[n])))
			continue;
		*rest = text + n;
		return &rules[i];
	}
	return NULL;
}

/* Where the next command of the text begins: behind " and ", "; " or a newline, if a verb stands there. */
static const char *
next_command(const char *text, const char **end)
{
	static const char *const joints[] = { " and ", "; ", "\n" };
	const char *rest;

	for (const char *p = text; *p != '\0'; p++)
		for (size_t i = 0; i < COUNT(joints); i++) {
			size_t n = strlen(joints[i]);

			if (strncasecmp(p, joints[i], n) == 0 && find_rule(p + n, &rest) != NULL) {
				*end = p;
				return p + n;
			}
		}
	*end = text + strlen(text);
	return NULL;
}

/* ---- the answer ---------------------------------------------------------------------------- */

static json_t *
only_text(const char *text)
{
	return json_pack("{s:s, s:[]}", "text", text, "tool_calls");
}

static json_t *
introduction(void)
{
	cleanup_buf struct buf b = BUF(0);

	(void)buf_puts(&b, "I am not a language model. I am alpi's offline stand-in: a few fixed rules that need no network "
	    "and no key. I understand:\n\n");
	for (size_t i = 0; i < COUNT(rules); i++)
		(void)buf_addf(&b, "    %s\n", rules[i].form);
	(void)buf_puts(&b, "\nSeveral can be joined: run date and run uptime. To talk to a model, run `alpi setup`.");
	return only_text(buf_str(&b));
}

static bool
has_tool(const json_t *tools, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(tools, i, row)
		if (strcmp(json_str(json_object_get(row, "function"), "name", ""), name) == 0)
			return true;
	return false;
}

/* Add the call one command asks for; 0, or -1 with a sentence in why. */
static int
add_call(const struct provider_request *r, json_t *calls, const char *command, struct buf *why)
{
	const char *rest;
	const struct rule *rule = find_rule(command, &rest);
	cleanup_free char *value = trimmed(rest, strlen(rest)), *named = xstrndup(value, strcspn(value, " "));
	cleanup_json json_t *args = rule->args(value);
	const char *tool = rule->tool != NULL ? rule->tool : named;
	cleanup_free char *text = NULL, *id = NULL;

	if (!json_is_object(args)) {
		(void)buf_addf(why, "That should read: %s", rule->form);
		return -1;
	}
	if (!has_tool(r->tools, tool)) {
		(void)buf_addf(why, "The tool %s is not available here, so I cannot do that.", tool);
		return -1;
	}
	text = json_text(args);
	id = xasprintf("offline_%zu_%zu", json_array_size(r->messages), json_array_size(calls));
	json_array_append_new(calls, json_pack("{s:s, s:s, s:s}", "id", id, "name", tool, "arguments", text));
	return 0;
}

static json_t *
obey(const struct provider_request *r, const char *text)
{
	cleanup_json json_t *calls = json_array();
	cleanup_buf struct buf why = BUF(0);
	const char *command = text, *end, *next, *rest;

	while (command != NULL && json_array_size(calls) < CALLS_MAX) {
		cleanup_free char *alone = NULL;

		next = next_command(command, &end);
		if (find_rule(command, &rest)->greedy) {
			end = command + strlen(command);
			next = NULL;
		}
		alone = xstrndup(command, (size_t)(end - command));
		if (add_call(r, calls, alone, &why) == -1)
			return only_text(buf_str(&why));
		command = next;
	}
	return json_pack("{s:s, s:O}", "text", "", "tool_calls", calls);
}

/* A result without the marks around it (tools_wrap): they speak to a model, not to a person. */
static const char *
unwrapped(const char *text, size_t *len)
{
	const char *first = strchr(text, '\n'), *last = strrchr(text, '\n');

	*len = strlen(text);
	if (strncmp(text, "[UNTRUSTED OUTPUT ", 18) != 0 || first == NULL || strncmp(last + 1, "[END OUTPUT ", 12) != 0)
		return text;
	*len = last > first ? (size_t)(last - first) - 1 : 0;
	return first + 1;
}

static void
quote(struct buf *b, const json_t *messages, const json_t *m)
{
	cleanup_free char *content = content_text(json_object_get(m, "content"));
	const json_t *call = find_call(messages, json_str(m, "tool_call_id", ""));
	const char *name = json_str(json_object_get(call, "function"), "name", "the tool");
	size_t n;
	const char *text = unwrapped(content, &n);

	(void)buf_addf(b, "%s%s %s:\n\n", b->len > 0 ? "\n\n" : "", name,
	    strncmp(text, "ERROR:", 6) == 0 ? "failed" : "answered");
	(void)buf_add(b, text, utf8_cut(text, n, QUOTE_MAX));
	if (n > QUOTE_MAX)
		(void)buf_puts(b, "\n(cut here)");
}

/* What the tools said since the user spoke; NULL when nothing did. */
static json_t *
report(const struct provider_request *r, size_t user)
{
	cleanup_buf struct buf b = BUF(0);

	for (size_t i = user; i < json_array_size(r->messages); i++) {
		const json_t *m = json_array_get(r->messages, i);

		if (strcmp(json_str(m, "role", ""), "tool") == 0)
			quote(&b, r->messages, m);
	}
	return b.len > 0 ? only_text(buf_str(&b)) : NULL;
}

/* The engine reminds of open to-dos until they are gone; rules cannot work on them. */
static json_t *
give_up_todos(const struct provider_request *r)
{
	cleanup_buf struct buf why = BUF(0);
	json_t *calls = json_array();

	if (add_call(r, calls, "todo clear", &why) == -1) {
		json_decref(calls);
		return only_text("There are open to-dos; fixed rules cannot work on them.");
	}
	return json_pack("{s:s, s:o}", "text", "Fixed rules cannot work on to-dos, so I clear the list.", "tool_calls", calls);
}

static json_t *
compose(const struct provider_request *r)
{
	size_t n = json_array_size(r->messages), user = n;
	cleanup_free char *content = NULL, *text = NULL;
	const char *rest;
	json_t *said;

	while (user > 0 && strcmp(json_str(json_array_get(r->messages, user - 1), "role", ""), "user") != 0)
		user--;
	if ((said = report(r, user)) != NULL)
		return said;
	content = content_text(json_object_get(json_array_get(r->messages, user > 0 ? user - 1 : 0), "content"));
	text = trimmed(content, strlen(content));
	if (strncmp(text, "[engine]", 8) == 0)
		return give_up_todos(r);
	return find_rule(text, &rest) != NULL ? obey(r, text) : introduction();
}

const struct dialect offline_dialect = {
	.name = "offline",
	.compose = compose,
};
