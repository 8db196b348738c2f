/* SPDX-License-Identifier: Apache-2.0 */
/*
 * skill (memory-skills.md, 7.2): run a skill's scripts/run.py, or look its scripts over. What the skill
 * asks for beside variables (programs, a platform) is looked for here, where
 * the script will be; whether it may have its variables was decided before.
 */
#include "toolrunner/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/schema.h"
#include "common/skill.h"
#include "toolrunner/command.h"
#include "toolrunner/produced.h"
#include "toolrunner/said.h"
#include "toolrunner/tools/skill_check.h"

#define OUT_HALF	(384 * 1024)
#define ERR_HALF	(96 * 1024)
#define MOST		(16 * 1024 * 1024)	/* bytes that a script may put out; then it is ended */
#define ARGS_MAX	256
#define ARG_BYTES	65536
#define OUTPUT_DEPTH	48
#define LAST_LINE	300

struct skill {
	const char	*name;
	struct buf	 text;		/* its SKILL.md */
	char		*script;	/* NULL: it has none */
	json_t		*schema;	/* NULL: it declares none */
};

/* ---- what the skill is ------------------------------------------------------------------------ */

static int
read_text(const struct tool_call *call, struct buf *b, struct error *e)
{
	cleanup_free char *path = path_join(call->skill, "SKILL.md");
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	char chunk[16384];
	ssize_t n = -1;

	if (fd == -1)
		return error_errno(e, "%s", path);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		if (buf_add(b, chunk, (size_t)n) == -1)
			return error_set(e, ERR_too_large, "%s is larger than %d bytes", path, SKILL_FILE_MAX);
	return n == 0 ? 0 : error_errno(e, "%s", path);
}

static int
read_schema(struct skill *s, struct error *e)
{
	cleanup_free char *text = skill_value(buf_str(&s->text), s->text.len, "output_schema");

	if (text == NULL || *text == '\0')
		return 0;
	if ((s->schema = json_parse(text, strlen(text), OUTPUT_DEPTH, e)) == NULL || schema_check(s->schema, e) == -1)
		return error_add(e, "skill %s: output_schema", s->name);
	return 0;
}

static int
skill_read(struct skill *s, const struct tool_call *call, struct error *e)
{
	const char *name = json_str(call->args, "script", "run.py");	/* a job may name another one */
	cleanup_free char *script = xasprintf("%s/scripts/%s", call->skill, name);
	struct stat st;

	s->name = json_str(call->args, "name", "");
	s->text.max = SKILL_FILE_MAX;
	if (read_text(call, &s->text, e) == -1 || read_schema(s, e) == -1)
		return -1;
	if (strchr(name, '/') == NULL && lstat(script, &st) == 0 && S_ISREG(st.st_mode))
		s->script = steal(script);
	return 0;
}

static void
skill_clear(struct skill *s)
{
	buf_clear(&s->text);
	free(s->script);
	json_decref(s->schema);
}

/* ---- may it run here -------------------------------------------------------------------------- */

/* A program on the PATH that can be seen from in here; the caller frees. NULL: there is none. */
static char *
find_program(const char *name)
{
	const char *path = getenv("PATH");

	for (size_t n; path != NULL && *path != '\0'; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		cleanup_free char *whole = xasprintf("%.*s/%s", (int)n, path, name);
		/* Where Landlock hides it alone, access() still sees it. */
		cleanup_close int fd = open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

		if (whole[0] == '/' && fd != -1 && access(whole, X_OK) == 0)
			return steal(whole);
	}
	return NULL;
}

static int
check_bins(const struct skill *s, struct error *e)
{
	cleanup_free char *value = skill_value(buf_str(&s->text), s->text.len, "requires_bins");
	char **words = skill_words(value == NULL ? "" : value);
	int result = 0;

	for (char **w = words; *w != NULL && result == 0; w++) {
		cleanup_free char *found = find_program(*w);

		if (found == NULL)
			result = error_set(e, ERR_unavailable, "skill %s needs the program %.64s, which is not on the PATH of the sandbox",
			    s->name, *w);
	}
	skill_words_free(words);
	return result;
}

static int
check_platform(const struct skill *s, struct error *e)
{
	cleanup_free char *value = skill_value(buf_str(&s->text), s->text.len, "platforms");
	char **words = skill_words(value == NULL ? "" : value);
	bool fits = words[0] == NULL;

	for (char **w = words; *w != NULL; w++)
		fits |= strcmp(*w, "linux") == 0;
	skill_words_free(words);
	return fits ? 0 : error_set(e, ERR_unavailable, "skill %s is for %s, and this is linux", s->name, value);
}

/* ---- running ---------------------------------------------------------------------------------- */

static void
on_tick(void *arg, int64_t seconds)
{
	struct tool_call *call = arg;
	char line[64];

	snprintf(line, sizeof(line), "still running after %llds", (long long)seconds);
	call->progress(call, line);
}

/* Interpreter, script, arguments; the array is the caller's, what it points to is borrowed. NULL with the error. */
static const char **
arguments(const struct skill *s, const char *python, const json_t *list, struct error *e)
{
	const char **argv = xcalloc(json_array_size(list) + 3, sizeof(*argv));
	const json_t *value;
	size_t i;

	argv[0] = python;
	argv[1] = s->script;
	json_array_foreach((json_t *)list, i, value) {
		argv[2 + i] = json_string_value(value);
		if (argv[2 + i] == NULL || i >= ARGS_MAX || strlen(argv[2 + i]) > ARG_BYTES) {
			error_set(e, ERR_invalid, "skill: args holds at most %d texts of at most %d bytes each", ARGS_MAX, ARG_BYTES);
			free(argv);
			return NULL;
		}
	}
	return argv;
}

static void
set_variables(const struct tool_call *call, const struct skill *s)
{
	setenv("ALPI_HOME", call->home, 1);
	setenv("ALPI_SKILL_NAME", s->name, 1);
	setenv("ALPI_SKILL_DIR", call->skill, 1);
	setenv("WORKSPACE", call->workspace, 1);
	setenv("ALPI_WORKSPACE", call->workspace, 1);
	setenv("PWD", call->skill, 1);
}

static int
no_python(const struct skill *s, struct error *e)
{
	return error_set(e, ERR_unavailable, "skill %s is a Python script, and there is no python3 on the PATH of the sandbox (%s)",
	    s->name, getenv("PATH") == NULL ? "empty" : getenv("PATH"));
}

static int
run_script(struct tool_call *call, const struct skill *s, struct command *c, struct error *e)
{
	cleanup_free char *python = find_program("python3");
	cleanup_free const char **argv = NULL;

	if (check_platform(s, e) == -1 || check_bins(s, e) == -1)
		return -1;
	if (python == NULL)
		return no_python(s, e);
	if ((argv = arguments(s, python, json_object_get(call->args, "args"), e)) == NULL)
		return -1;
	set_variables(call, s);
	*c = (struct command){ .argv = argv, .cwd = call->skill, .input = -1, .out.half = OUT_HALF, .err.half = ERR_HALF,
	    .most = MOST, .limit_ms = call->limit_ms, .tick = on_tick, .tick_arg = call };
	return command_run(c, e);
}

/* ---- what came of it -------------------------------------------------------------------------- */

/* Of a traceback the last line says what happened. */
static const char *
last_line(struct buf *err, int *len)
{
	const char *text = buf_str(err), *end = text + err->len, *begin;

	while (end > text && (end[-1] == '\n' || end[-1] == ' '))
		end--;
	for (begin = end; begin > text && begin[-1] != '\n';)
		begin--;
	*len = end - begin > LAST_LINE ? LAST_LINE : (int)(end - begin);
	return begin;
}

/* Did it end well? If not, why. */
static int
judge(const struct skill *s, const struct command *c, struct buf *err, struct error *e)
{
	int n = said_status(c->status), len;
	const char *why = last_line(err, &len);

	if (c->timed_out)
		return error_set(e, ERR_timeout, "skill %s: Timed out after %llds", s->name, (long long)(c->limit_ms + 999) / 1000);
	if (c->too_much)
		return error_set(e, ERR_too_large, "skill %s put out more than %d MB and was ended", s->name, MOST / 1024 / 1024);
	if (n == 0)
		return 0;
	return error_set(e, ERR_internal, "skill %s failed (exit %d)%s%.*s", s->name, n, len > 0 ? ": " : "", len, why);
}

/* The JSON that was put out, checked. 0 or -1. */
static int
check_output(const struct skill *s, const struct buf *out, const struct command *c, struct error *e)
{
	cleanup_json json_t *value = NULL;

	if (c->out.total > 2 * OUT_HALF)
		return error_set(e, ERR_too_large, "skill %s: its output is larger than %d bytes", s->name, 2 * OUT_HALF);
	if ((value = json_parse(buf_str(out), out->len, OUTPUT_DEPTH, e)) == NULL)
		return error_add(e, "skill %s: its output is not the JSON that output_schema declares", s->name);
	if (schema_fits(s->schema, value, e) == -1)
		return error_add(e, "skill %s: its output does not fit output_schema", s->name);
	return 0;
}

static void
fail(struct result *r, const struct error *e)
{
	snprintf(r->error, sizeof(r->error), "%s", e->text);
	snprintf(r->code, sizeof(r->code), "%s", e->code == ERR_internal ? "" : error_name(e->code));
}

static void
add_errors(struct result *r, struct buf *err)
{
	cleanup_free char *hint = r->ok ? NULL : said_hint(err->len > 0 ? buf_str(err) : buf_str(&r->output));

	if (err->len > 0) {
		said_end_line(&r->output);
		buf_addf(&r->output, "[stderr]\n%s", buf_str(err));
	}
	if (hint != NULL) {
		said_end_line(&r->output);
		buf_puts(&r->output, hint);
	}
}

/* The output as a person would see it; of an invoke that went well only the JSON. */
static void
conclude(struct tool_call *call, const struct skill *s, const struct command *c, const char *action)
{
	struct result *r = &call->result;
	cleanup_buf struct buf out = BUF(0), err = BUF(0);
	struct error e = { 0 };

	said_add(&out, &c->out);
	said_add(&err, &c->err);
	r->ok = judge(s, c, &err, &e) == 0 && (s->schema == NULL || check_output(s, &out, c, &e) == 0);
	if (r->ok && strcmp(action, "test") == 0)
		buf_addf(&r->output, "[test ok] %s\n", s->name);
	buf_add(&r->output, buf_str(&out), out.len);
	if (r->ok)
		r->produced = produced_find(call, buf_str(&out), out.len);
	else
		fail(r, &e);
	if (!r->ok || strcmp(action, "invoke") != 0)
		add_errors(r, &err);
}

static int
validate(struct tool_call *call, const struct skill *s, struct error *e)
{
	cleanup_free char *python = find_program("python3");

	return python == NULL ? no_python(s, e) : skill_check_scripts(call, python, e);
}

/* Nothing runs that validate finds an error in. Where Python has no say, the run itself tells. */
static int
check_scripts(const struct tool_call *call, const struct skill *s, struct error *e)
{
	cleanup_free char *python = find_program("python3");
	struct tool_call look = { .skill = call->skill, .result.output.max = TOOL_OUTPUT_MAX };
	struct error none = { 0 };
	const char *wrong = NULL;

	if (python != NULL && skill_check_scripts(&look, python, &none) == 0)
		wrong = strstr(buf_str(&look.result.output), "error: ");
	if (wrong != NULL)
		error_set(e, ERR_invalid, "%s does not run before this is right: %.*s", s->name, (int)strcspn(wrong, "\n"), wrong);
	buf_clear(&look.result.output);
	return wrong == NULL ? 0 : -1;
}

/* ---- the actions ------------------------------------------------------------------------ */

static int
carry_out(struct tool_call *call, const struct skill *s, struct error *e)
{
	const char *action = json_str(call->args, "action", "");
	struct command c = { 0 };
	int result;

	if (strcmp(action, "validate") == 0)
		return validate(call, s, e);
	if (s->script == NULL)
		return error_set(e, ERR_not_found, "skill %s has no scripts/run.py to %s", s->name, action);
	if (s->schema == NULL && strcmp(action, "invoke") == 0)
		return error_set(e, ERR_invalid, "skill %s declares no output_schema, which invoke needs; use run", s->name);
	if (check_scripts(call, s, e) == -1)
		return -1;
	if ((result = run_script(call, s, &c, e)) == 0)
		conclude(call, s, &c, action);
	command_clear(&c);
	return result;
}

int
tool_skill(struct tool_call *call, struct error *e)
{
	struct skill s = { 0 };
	int result = skill_read(&s, call, e) == 0 ? carry_out(call, &s, e) : -1;

	skill_clear(&s);
	return result;
}
