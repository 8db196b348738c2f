/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search (tools.md, 7.1): text in files, or files by name, by a walk of our
 * own. Links are not followed and every file and directory is judged before
 * it is opened, so a search never shows what read_file would refuse.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "toolrunner/tool.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/files.h"
#include "toolrunner/walk.h"

#define FILE_MAX	(32 * 1024 * 1024)	/* larger files are named, not searched */
#define LINE_MAX_SHOWN	500
#define MATCH_LIMIT	1000000			/* steps of the matcher: a hostile pattern ends here */

struct search {
	struct tool_call	*call;
	const char		*pattern, *glob;
	bool			 names;		/* target files */
	bool			 fold;		/* letter case does not matter */
	int64_t			 found, limit;
	size_t			 skipped;	/* files too large */
	bool			 too_hard;	/* the matcher gave up somewhere */
	pcre2_code		*code;
	pcre2_match_data	*match;
	pcre2_match_context	*context;
	struct buf		 text;
};

static bool
is_full(const struct search *s)
{
	return s->found >= s->limit || s->call->result.output.len + 8192 > TOOL_OUTPUT_MAX;
}

/* ---- names --------------------------------------------------------------------------------------- */

static bool
name_matches(const struct search *s, const char *relative)
{
	const char *name = path_base(relative);

	if (s->pattern[strcspn(s->pattern, "*?[")] != '\0')
		return walk_glob(s->pattern, relative, s->fold);
	return (s->fold ? strcasestr(name, s->pattern) : strstr(name, s->pattern)) != NULL;
}

/* ---- text ---------------------------------------------------------------------------------------- */

static void
show_line(struct search *s, const char *relative, size_t number, const char *line, size_t len)
{
	struct buf *out = &s->call->result.output;
	size_t cut = utf8_cut(line, len, LINE_MAX_SHOWN);

	while (cut > 0 && line[cut - 1] == '\r')
		cut--;
	buf_addf(out, "%s%s:%zu:", out->len > 0 ? "\n" : "", relative, number);
	buf_add(out, line, cut);
	if (len > LINE_MAX_SHOWN)
		buf_puts(out, "…");
	s->found++;
}

/* Where the next match in text[from, len) begins; len when there is none. */
static size_t
next_match(struct search *s, const char *text, size_t len, size_t from)
{
	int r = pcre2_match(s->code, (PCRE2_SPTR)text, len, from, 0, s->match, s->context);

	if (r < 0 && r != PCRE2_ERROR_NOMATCH)
		s->too_hard = true;
	return r < 0 ? len : pcre2_get_ovector_pointer(s->match)[0];
}

/* The whole text is searched at once, then the line that was hit by itself: a match never spans lines. */
static void
search_text(struct search *s, const char *relative)
{
	const char *text = s->text.data, *nl;
	size_t number = 1, counted = 0, start, end;

	for (size_t at = 0; at < s->text.len && !is_full(s); at = end + 1) {
		if ((start = next_match(s, text, s->text.len, at)) >= s->text.len)
			return;
		while (start > at && text[start - 1] != '\n')
			start--;
		nl = memchr(text + start, '\n', s->text.len - start);
		end = nl == NULL ? s->text.len : (size_t)(nl - text);
		for (; counted < start; counted++)
			number += text[counted] == '\n';
		if (next_match(s, text + start, end - start, 0) < end - start ||
		    (end == start && pcre2_match(s->code, (PCRE2_SPTR)"", 0, 0, 0, s->match, s->context) >= 0))
			show_line(s, relative, number, text + start, end - start);
	}
}

static void
search_file(struct search *s, int dir, const char *name, const char *relative, off_t size)
{
	cleanup_close int fd = -1;
	ssize_t n;

	if (size > FILE_MAX) {
		s->skipped++;
		return;
	}
	if ((fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) == -1)
		return;
	buf_reset(&s->text);
	s->text.max = FILE_MAX;
	for (;;) {
		char block[65536];

		if ((n = read(fd, block, sizeof(block))) <= 0 || buf_add(&s->text, block, (size_t)n) == -1)
			break;
		if (s->text.len == (size_t)n && files_is_binary(block, (size_t)n))
			return;
	}
	if (s->text.len > 0)
		search_text(s, relative);
}

/* ---- the walk ------------------------------------------------------------------------------------ */

static void
visit_file(void *arg, int dir, const char *name, const char *relative, const struct stat *st)
{
	struct search *s = arg;
	struct buf *out = &s->call->result.output;

	if (s->glob[0] != '\0' && !walk_glob(s->glob, relative, false))
		return;
	if (!s->names) {
		search_file(s, dir, name, relative, st->st_size);
	} else if (name_matches(s, relative)) {
		buf_addf(out, "%s%s", out->len > 0 ? "\n" : "", relative);
		s->found++;
	}
}

static bool
wanted(void *arg, const char *folder, const char *name, const char *relative)
{
	return !is_full(arg);
}

/* ---- the call ------------------------------------------------------------------------------------ */

static bool
has_upper(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\\' && text[1] != '\0')
			text++;			/* \S is a class, not a letter */
		else if (isupper((unsigned char)*text))
			return true;
	return false;
}

static int
compile(struct search *s, struct error *e)
{
	uint32_t options = PCRE2_MULTILINE | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | (s->fold ? PCRE2_CASELESS : 0);
	PCRE2_UCHAR text[200];
	PCRE2_SIZE at;
	int code;

	s->code = pcre2_compile((PCRE2_SPTR)s->pattern, PCRE2_ZERO_TERMINATED, options, &code, &at, NULL);
	if (s->code == NULL) {
		pcre2_get_error_message(code, text, sizeof(text));
		return error_set(e, ERR_invalid, "search: pattern, at character %zu: %s", at, (char *)text);
	}
	pcre2_jit_compile(s->code, PCRE2_JIT_COMPLETE);		/* without it the matcher is slower, not wrong */
	s->match = pcre2_match_data_create(1, NULL);
	s->context = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(s->context, MATCH_LIMIT);
	return 0;
}

/* target content or files, and the names that other tools have for them (tools.md, 7.1). */
static int
set_target(struct search *s, const char *target, struct error *e)
{
	static const struct { const char *name; bool names; } targets[] = {
		{ "content", false }, { "grep", false }, { "rg", false },
		{ "files", true }, { "find", true }, { "glob", true }, { "ls", true },
	};

	for (size_t i = 0; i < COUNT(targets); i++)
		if (strcmp(target, targets[i].name) == 0) {
			s->names = targets[i].names;
			return 0;
		}
	return error_set(e, ERR_invalid, "search: target is content or files, not %s", target);
}

static int
set_up(struct search *s, const json_t *args, struct error *e)
{
	s->pattern = json_str(args, "pattern", "");
	s->glob = json_str(args, "file_glob", "");
	s->limit = json_int(args, "limit", 200);
	s->fold = !json_bool(args, "case_sensitive", false) && !has_upper(s->pattern);
	if (s->limit <= 0 || s->limit > 10000)
		s->limit = 200;
	if (s->pattern[0] == '\0')
		return error_set(e, ERR_invalid, "search: pattern is empty");
	if (set_target(s, json_str(args, "target", "content"), e) == -1)
		return -1;
	return s->names ? 0 : compile(s, e);
}

static void
finish(struct search *s)
{
	struct buf *out = &s->call->result.output;

	if (s->found == 0)
		buf_puts(out, "(no matches)");
	else if (is_full(s))
		buf_addf(out, "\n… [stopped after %lld results]", (long long)s->found);
	if (s->skipped > 0)
		buf_addf(out, "\n… [%zu files larger than %d MB not searched]", s->skipped, FILE_MAX / 1024 / 1024);
	if (s->too_hard)
		buf_puts(out, "\n… [the pattern was too expensive for some lines]");
	s->call->result.ok = true;
	pcre2_match_context_free(s->context);
	pcre2_match_data_free(s->match);
	pcre2_code_free(s->code);
	buf_clear(&s->text);
}

int
tool_search(struct tool_call *call, struct error *e)
{
	cleanup_free char *path = files_resolve(call, json_str(call->args, "path", "."), e);
	struct search s = { .call = call };
	struct walk w = { .env = files_env(call), .noise = json_bool(call->args, "include_noise", false), .arg = &s,
	    .wanted = wanted, .file = visit_file };
	const char *shown;
	struct stat st;
	int fd;

	if (path == NULL || set_up(&s, call->args, e) == -1)
		return -1;
	if ((fd = files_open(call, path, &st, e)) == -1)
		return -1;
	shown = walk_shown(path, call->workspace);
	if (S_ISDIR(st.st_mode)) {
		walk_folder(&w, fd, path, shown);
	} else {
		visit_file(&s, AT_FDCWD, path, shown, &st);
		close(fd);
	}
	finish(&s);
	return 0;
}
