/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THE table of tools, and the check of a call's arguments against it. A
 * description is paid for on every request that shows it: it says what a
 * model would get wrong without it and no more.
 */
#include "toolrunner/tool.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

#define PARAMETERS_DEPTH 8

/* The actions of terminal that start a program; the others look at one, or end it. */
static const char *
terminal_command(const json_t *args)
{
	const char *action = json_str(args, "action", "run");

	if (strcmp(action, "run") != 0 && strcmp(action, "background") != 0)
		return NULL;
	return json_str(args, "command", "");
}

const struct tool tools[] = {
	{
		.name = "read_file", .core = true, .needs = CAP_read, .limit_s = 30, .run = tool_read_file,
		.box = { FS_READ, NET_NONE, false, SKILL_NONE },
		.summary = "read a text file",
		.description = "Read a text file. Lines come numbered.",
		.parameters = "{\"type\":\"object\",\"properties\":{"
		    "\"path\":{\"type\":\"string\"},"
		    "\"offset\":{\"type\":\"integer\",\"description\":\"first line, from 0\",\"default\":0},"
		    "\"limit\":{\"type\":\"integer\",\"default\":2000}},\"required\":[\"path\"]}",
	}, {
		.name = "write_file", .core = true, .needs = CAP_write, .limit_s = 30, .run = tool_write_file,
		.box = { FS_WRITE, NET_NONE, true, SKILL_NONE },	/* python3 checks the syntax of .py and .toml */
		.summary = "create or replace a file",
		.description = "Create or replace a whole file; parent directories are made.",
		.parameters = "{\"type\":\"object\",\"properties\":{"
		    "\"path\":{\"type\":\"string\"},"
		    "\"content\":{\"type\":\"string\"}},\"required\":[\"path\",\"content\"]}",
	}, {
		.name = "edit_file", .core = true, .needs = CAP_write, .limit_s = 30, .run = tool_edit_file,
		.box = { FS_WRITE, NET_NONE, true, SKILL_NONE },
		.summary = "replace one place in a file",
		.description = "Replace old_string, which must occur exactly once in the file, by new_string.",
		.parameters = "{\"type\":\"object\",\"properties\":{"
		    "\"path\":{\"type\":\"string\"},"
		    "\"old_string\":{\"type\":\"string\"},"
		    "\"new_string\":{\"type\":\"string\"}},\"required\":[\"path\",\"old_string\",\"new_string\"]}",
	}, {
		.name = "search", .core = true, .needs = CAP_read, .limit_s = 30, .run = tool_search,
		.box = { FS_READ, NET_NONE, false, SKILL_NONE },
		.summary = "search in files or for files",
		.description = "Search file contents by regular expression, or with target \"files\" for files by glob. "
		    "Lower-case patterns ignore case. Skips .git, node_modules and the like.",
		.parameters = "{\"type\":\"object\",\"properties\":{"
		    "\"pattern\":{\"type\":\"string\"},"
		    "\"path\":{\"type\":\"string\",\"default\":\".\"},"
		    "\"target\":{\"type\":\"string\",\"enum\":[\"content\",\"files\"],\"default\":\"content\"},"
		    "\"file_glob\":{\"type\":\"string\",\"description\":\"only files with such names\"},"
		    "\"case_sensitive\":{\"type\":\"boolean\",\"default\":false},"
		    "\"limit\":{\"type\":\"integer\",\"default\":200},"
		    "\"include_noise\":{\"type\":\"boolean\",\"default\":false}},\"required\":[\"pattern\"]}",
	}, {
		.name = "terminal", .core = true, .needs = CAP_exec, .limit_s = 120, .run = tool_terminal,
		.box = { FS_WRITE, NET_ANY, true, SKILL_NONE }, .command = terminal_command, .shown_skills = true,
		.summary = "run a shell command",
		.description = "Run a shell command in the workspace, sandboxed. \"background\" starts one and returns its pid "
		    "for status, output and kill.",
		.parameters = "{\"type\":\"object\",\"properties\":{"
		    "\"action\":{\"type\":\"string\",\"enum\":[\"run\",\"background\",\"status\",\"output\",\"kill\"],\"default\":\"run\"},"
		    "\"command\":{\"type\":\"string\"},"
		    "\"timeout\":{\"type\":\"integer\",\"description\":\"seconds\",\"default\":120},"
		    "\"cwd\":{\"type\":\"string\"},"
		    "\"pid\":{\"type\":\"integer\"}}}",
	}, {
		.name = "skill", .needs = CAP_exec, .limit_s = 600, .limit_max_s = 600, .run = tool_skill, .skill_arg = "name",
		.box = { FS_WRITE, NET_ANY, true, SKILL_WHOLE },
		.summary = "run the script of a skill",
		.description = "Run a skill's scripts/run.py. \"invoke\" returns only the JSON that its output_schema describes.",
		.parameters = "{\"type\":\"object\",\"properties\":{"
		    "\"action\":{\"type\":\"string\",\"enum\":[\"run\",\"test\",\"invoke\",\"validate\"]},"
		    "\"name\":{\"type\":\"string\"},"
		    "\"args\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
		    "\"script\":{\"type\":\"string\",\"default\":\"run.py\"},"
		    "\"timeout\":{\"type\":\"integer\",\"description\":\"seconds\",\"default\":600}},\"required\":[\"action\",\"name\"]}",
	}, {
		.name = "db", .needs = CAP_remember, .limit_s = 30, .run = tool_db, .skill_arg = "skill",
		.box = { FS_NONE, NET_NONE, false, SKILL_STATE },
		.summary = "the SQLite database of a skill",
		.description = "SQL on a skill's own database. \"query\" reads with one statement and returns a JSON list of objects; "
		    "\"exec\" changes: one statement, or several without params, which happen all or not at all.",
		.parameters = "{\"type\":\"object\",\"properties\":{"
		    "\"action\":{\"type\":\"string\",\"enum\":[\"query\",\"exec\"]},"
		    "\"skill\":{\"type\":\"string\"},"
		    "\"sql\":{\"type\":\"string\"},"
		    "\"params\":{\"type\":\"array\",\"description\":\"for the ? of the statement\"}},"
		    "\"required\":[\"action\",\"skill\",\"sql\"]}",
	},
	{
		.name = "index_workspace", .bulk = true, .needs = CAP_read, .limit_s = 120, .run = tool_index_workspace,
		.box = { FS_READ, NET_NONE, true, SKILL_NONE },	/* programs that read documents */
		.summary = "files and their text, for the index",
		.description = "For engined: a page of the list of files, or the text of the files in paths.",
		.parameters = "{\"type\":\"object\",\"properties\":{"
		    "\"path\":{\"type\":\"string\"},"
		    "\"glob\":{\"type\":\"string\"},"
		    "\"after\":{\"type\":\"string\"},"
		    "\"paths\":{\"type\":\"array\"},"
		    "\"ocr\":{\"type\":\"boolean\"}}}",
	}, {
		.name = "search_workspace", .bulk = true, .needs = CAP_read, .limit_s = 30, .run = tool_search_workspace,
		.box = { FS_READ, NET_NONE, false, SKILL_NONE },
		.summary = "which of the files found may be read",
		.description = "For engined: those of the files in paths that are there and may be read.",
		.parameters = "{\"type\":\"object\",\"properties\":{"
		    "\"paths\":{\"type\":\"array\"}},\"required\":[\"paths\"]}",
	}, {
		.name = "read_image", .bulk = true, .needs = CAP_read, .limit_s = 60, .run = tool_read_image,
		.box = { FS_READ, NET_NONE, true, SKILL_NONE },	/* programs that decode */
		.summary = "an image as models take it",
		.description = "For engined: the image at path, made to fit, as base64.",
		.parameters = "{\"type\":\"object\",\"properties\":{"
		    "\"path\":{\"type\":\"string\"}},\"required\":[\"path\"]}",
	}, {
		.name = "send_message", .bulk = true, .needs = CAP_read, .limit_s = 30, .run = tool_read_pieces,
		.box = { FS_READ, NET_NONE, false, SKILL_NONE },
		.summary = "the bytes of an attachment",
		.description = "For engined: a piece of the file at path, from offset on, as base64.",
		.parameters = "{\"type\":\"object\",\"properties\":{"
		    "\"path\":{\"type\":\"string\"},"
		    "\"offset\":{\"type\":\"integer\",\"default\":0}},\"required\":[\"path\"]}",
	}, {
		.name = "email", .bulk = true, .needs = CAP_write, .limit_s = 30, .run = tool_email,
		.box = { FS_WRITE, NET_NONE, false, SKILL_NONE },
		.summary = "the files of mails",
		.description = "For engined: with data a piece of the file at path, whose size is given, to be put there; else a piece of that "
		    "file, from offset on, as base64.",
		.parameters = "{\"type\":\"object\",\"properties\":{"
		    "\"path\":{\"type\":\"string\"},"
		    "\"offset\":{\"type\":\"integer\",\"default\":0},"
		    "\"size\":{\"type\":\"integer\"},"
		    "\"data\":{\"type\":\"string\"}},\"required\":[\"path\"]}",
	}, {
		.name = "learn_file", .needs = CAP_write, .limit_s = 30, .run = tool_learn_file,
		.box = { FS_WRITE, NET_NONE, false, SKILL_NONE },
		.summary = "keep a document and index it",
		.description = "Keep a copy of a document (text, PDF, DOCX) in the workspace and index it for search_workspace.",
		.parameters = "{\"type\":\"object\",\"properties\":{"
		    "\"name\":{\"type\":\"string\"},"
		    "\"source_path\":{\"type\":\"string\"},"
		    "\"folder\":{\"type\":\"string\"},"
		    "\"ocr\":{\"type\":\"boolean\",\"default\":false,\"description\":\"read the text in pictures and scans\"}},\"required\":[\"name\",\"source_path\"]}",
	},
	{ 0 }
};

const struct tool document_tool = {
	.name = "read_document", .bulk = true, .run = tool_read_document, .box = { FS_NONE, NET_NONE, true, SKILL_NONE },
};

/* What a model may say for a value of the enumeration (tools.md, 7.1); the tool knows them too. */
static const struct {
	const char	*tool, *argument, *alias;
} aliases[] = {
	{ "search", "target", "grep" }, { "search", "target", "rg" },
	{ "search", "target", "find" }, { "search", "target", "glob" }, { "search", "target", "ls" },
};

const struct tool *
tool_find(const char *name)
{
	for (const struct tool *t = tools; t->name != NULL; t++)
		if (strcmp(t->name, name) == 0)
			return t;
	return NULL;
}

const struct tool *
tool_of_worker(const char *name)
{
	return strcmp(name, document_tool.name) == 0 ? &document_tool : tool_find(name);
}

const json_t *
tool_parameters(const struct tool *t)
{
	static json_t *parsed[COUNT(tools)];
	json_t **p = &parsed[t - tools];
	struct error e = { 0 };

	if (*p == NULL && (*p = json_parse(t->parameters, strlen(t->parameters), PARAMETERS_DEPTH, &e)) == NULL)
		abort();	/* a row that does not parse never leaves the tests */
	return *p;
}

/* ---- checking arguments ------------------------------------------------------------------- */

static bool
is_integer(const json_t *v)
{
	double d = json_number_value(v);

	if (json_is_integer(v))
		return true;
	return json_is_real(v) && d > -9e15 && d < 9e15 && d == (double)(int64_t)d;	/* 3.0 */
}

static bool
is_string(const json_t *v)
{
	return json_is_string(v);
}

static bool
is_number(const json_t *v)
{
	return json_is_number(v);
}

static bool
is_boolean(const json_t *v)
{
	return json_is_boolean(v);
}

static bool
is_array(const json_t *v)
{
	return json_is_array(v);
}

static const struct {
	const char	*name;
	bool		(*is)(const json_t *v);
} kinds[] = {
	{ "string", is_string }, { "integer", is_integer }, { "number", is_number }, { "boolean", is_boolean }, { "array", is_array },
};

static bool
is_kind(const json_t *value, const char *kind)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kinds[i].name, kind) == 0)
			return kinds[i].is(value);
	return false;
}

/* The values of an enumeration, for people: "run, background". */
static char *
words_of(const json_t *list)
{
	struct buf b = BUF(0);
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		buf_addf(&b, "%s%s", i > 0 ? ", " : "", json_string_value(v));
	return buf_take(&b);
}

static bool
is_listed(const struct tool *t, const char *name, const json_t *list, const json_t *value)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (json_equal(v, value))
			return true;
	for (i = 0; i < COUNT(aliases); i++)
		if (strcmp(aliases[i].tool, t->name) == 0 && strcmp(aliases[i].argument, name) == 0 &&
		    json_is_string(value) && strcmp(aliases[i].alias, json_string_value(value)) == 0)
			return true;
	return false;
}

static int
check_one(const struct tool *t, const char *name, const json_t *value, struct error *e)
{
	const json_t *known = json_object_get(tool_parameters(t), "properties"), *p = json_object_get(known, name);
	const json_t *list = json_object_get(p, "enum");
	const char *kind = json_str(p, "type", "");
	cleanup_free char *words = list == NULL ? NULL : words_of(list);

	if (p == NULL)
		return error_set(e, ERR_invalid, "%s: there is no argument %.64s", t->name, name);
	if (json_is_null(value))
		return 0;		/* models write null for what they leave out */
	if (!is_kind(value, kind))
		return error_set(e, ERR_invalid, "%s: argument %s must be %s %s", t->name, name, strchr("aeiou", kind[0]) ? "an" : "a", kind);
	if (list != NULL && !is_listed(t, name, list, value))
		return error_set(e, ERR_invalid, "%s: argument %s must be one of %s", t->name, name, words);
	return 0;
}

int
tool_check_args(const struct tool *t, const json_t *args, struct error *e)
{
	const char *name;
	json_t *value;
	size_t i;

	if (!json_is_object(args))
		return error_set(e, ERR_invalid, "%s: the arguments must be an object", t->name);
	json_object_foreach((json_t *)args, name, value)
		if (check_one(t, name, value, e) == -1)
			return -1;
	json_array_foreach(json_object_get(tool_parameters(t), "required"), i, value) {
		name = json_string_value(value);
		if (json_object_get(args, name) == NULL || json_is_null(json_object_get(args, name)))
			return error_set(e, ERR_invalid, "%s: argument %s is missing", t->name, name);
	}
	return 0;
}

int64_t
tool_limit_ms(const struct tool *t, const json_t *args, bool job)
{
	bool settable = json_object_get(json_object_get(tool_parameters(t), "properties"), "timeout") != NULL;
	int64_t s = settable ? json_int(args, "timeout", t->limit_s) : t->limit_s;
	int64_t most = t->limit_max_s > 0 && !job ? t->limit_max_s : TOOL_LIMIT_MAX_S;

	if (s < 1)
		s = t->limit_s;
	return (s < most ? s : most) * 1000;
}
