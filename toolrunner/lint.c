/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See lint.h. JSON and YAML are parsed here; for Python and TOML the
 * interpreter is asked when the sandbox has one, with nothing but the text.
 * Only syntax is judged: tags, anchors and several documents are fine.
 */
#include "toolrunner/lint.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <yaml.h>

#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/command.h"

#define DEPTH_MAX	256
#define PYTHON_MS	5000

static int
lint_json(const char *text, size_t len, struct error *e)
{
	cleanup_json json_t *j = json_parse(text, len, DEPTH_MAX, e);

	return j == NULL ? -1 : 0;
}

static int
lint_yaml(const char *text, size_t len, struct error *e)
{
	yaml_parser_t parser;
	yaml_event_t event;
	int end = 0, r = 0;

	if (!yaml_parser_initialize(&parser))
		return error_set(e, ERR_internal, "yaml parser");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (r == 0 && !end) {
		if (!yaml_parser_parse(&parser, &event)) {
			r = error_set(e, ERR_invalid, "line %zu column %zu: %s", parser.problem_mark.line + 1,
			    parser.problem_mark.column + 1, parser.problem == NULL ? "does not parse" : parser.problem);
		} else {
			end = event.type == YAML_STREAM_END_EVENT;
			yaml_event_delete(&event);
		}
	}
	yaml_parser_delete(&parser);
	return r;
}

static const char *
python(void)
{
	static const char *const places[] = { "/usr/bin/python3", "/usr/local/bin/python3", "/bin/python3" };

	for (size_t i = 0; i < COUNT(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

/* The last line of an interpreter's complaint is the one that says what is wrong. */
static int
complaint(const char *text, struct error *e)
{
	size_t end = strlen(text), start;

	while (end > 0 && text[end - 1] == '\n')
		end--;
	for (start = end; start > 0 && text[start - 1] != '\n'; start--)
		continue;
	return error_set(e, ERR_invalid, "%.*s", (int)(end - start), text + start);
}

/* An interpreter that is missing, slow or broken says nothing about the text. */
static int
ask_python(const char *program, const char *text, size_t len, struct error *e)
{
	const char *const argv[] = { python(), "-I", "-W", "ignore", "-c", program, NULL };
	struct command c = { .argv = argv, .limit_ms = PYTHON_MS, .out.half = 4096, .err.half = 4096 };
	cleanup_close int input = memfd_create("lint", MFD_CLOEXEC);
	cleanup_buf struct buf said = BUF(0);
	int r = 0;

	if (argv[0] == NULL || input == -1 || write(input, text, len) != (ssize_t)len || lseek(input, 0, SEEK_SET) == -1)
		return 0;
	c.input = input;
	if (command_run(&c, NULL) == -1)
		return 0;
	capture_text(&c.out, &said);
	if (!c.timed_out && WIFEXITED(c.status) && WEXITSTATUS(c.status) == 3)
		r = complaint(buf_str(&said), e);
	command_clear(&c);
	return r;
}

static int
lint_python(const char *text, size_t len, struct error *e)
{
	return ask_python("import sys\n"
	    "try: compile(sys.stdin.buffer.read(), 'file', 'exec', dont_inherit=True)\n"
	    "except (SyntaxError, ValueError) as x: print('line %s: %s' % (getattr(x, 'lineno', '?'), "
	    "getattr(x, 'msg', x))); sys.exit(3)\n", text, len, e);
}

static int
lint_toml(const char *text, size_t len, struct error *e)
{
	return ask_python("import sys\n"
	    "try: import tomllib\n"
	    "except ImportError: sys.exit(0)\n"
	    "try: tomllib.load(sys.stdin.buffer)\n"
	    "except ValueError as x: print(x); sys.exit(3)\n", text, len, e);
}

static const struct {
	const char	*suffix;
	int		(*check)(const char *text, size_t len, struct error *e);
} kinds[] = {
	{ ".json", lint_json }, { ".yaml", lint_yaml }, { ".yml", lint_yaml }, { ".py", lint_python }, { ".toml", lint_toml },
};

int
lint_check(const char *path, const char *text, size_t len, struct error *e)
{
	size_t n = strlen(path), s;

	for (size_t i = 0; i < COUNT(kinds); i++) {
		s = strlen(kinds[i].suffix);
		if (n > s && strcasecmp(path + n - s, kinds[i].suffix) == 0 && kinds[i].check(text, len, e) == -1)
			return error_add(e, "%s does not parse, nothing was written", path);
	}
	return 0;
}
