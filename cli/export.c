/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi sessions export: a whole conversation on standard output, as Markdown
 * for people or as the JSON of its file. hostd answers with as many turns as
 * fit into a message, the newest first; the older ones are fetched after
 * them. What models and strangers wrote goes out without control characters.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/text.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

/* Put the turns of an older part in front of those that are here. */
static void
join(json_t *session, const json_t *older)
{
	json_t *turns = json_deep_copy(json_object_get(older, "turns"));

	json_array_extend(turns, json_object_get(session, "turns"));
	json_object_set_new(session, "turns", turns);
}

/* All of it; new reference or NULL. */
static json_t *
fetch(struct cli *c, const char *id, struct error *e)
{
	json_t *session = NULL;
	int64_t before = 0, offset;

	do {
		cleanup_json json_t *part = client_call(c, "host.session.read",
		    json_pack("{s:s, s:s, s:I}", "profile", c->profile, "id", id, "before_turn", (json_int_t)before), e);

		offset = json_int(part, "turns_offset", 0);
		if (part == NULL || (before > 0 && offset >= before)) {
			json_decref(session);
			if (part != NULL)
				error_set(e, ERR_too_large, "turn %lld of %s does not fit into a message", (long long)offset, id);
			return NULL;
		}
		if (session == NULL)
			session = json_incref(json_object_get(part, "session"));
		else
			join(session, json_object_get(part, "session"));
		before = offset;
	} while (before > 0);
	return session;
}

/* ---- Markdown ------------------------------------------------------------------------------- */

static void
put_text(struct buf *out, const char *text)
{
	struct text_filter f = { .n = 0 };

	text_filter_add(&f, text, strlen(text), out);
	text_filter_end(&f, out);
	buf_puts(out, "\n\n");
}

static void
put_time(struct buf *out, double at)
{
	time_t t = at > 0 && at < 253402300800.0 ? (time_t)at : 0;
	char text[32];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M", localtime_r(&t, &tm));
	buf_puts(out, text);
}

static void
put_tools(struct buf *out, const json_t *turn)
{
	json_t *tool;
	size_t i;

	json_array_foreach(json_object_get(turn, "tools"), i, tool) {
		const json_t *args = json_object_get(tool, "args");
		const char *preview = json_is_string(args) ? json_string_value(args) : json_str(args, "preview", "");
		cleanup_free char *name = text_line(json_str(tool, "name", "?"), 64), *line = text_line(preview, 200);

		buf_addf(out, "- tool **%s** (%s) %s\n", name,
		    strcmp(json_str(tool, "status", "ok"), "ok") == 0 ? "ok" : "failed", line);
	}
	buf_puts(out, i > 0 ? "\n" : "");
}

static void
put_turn(struct buf *out, const json_t *turn, size_t number)
{
	buf_addf(out, "## %zu. ", number);
	put_time(out, json_num(turn, "at", 0));
	buf_puts(out, "\n\n### user\n\n");
	put_text(out, json_str(turn, "user", ""));
	put_tools(out, turn);
	buf_puts(out, "### alpi\n\n");
	put_text(out, json_str(turn, "assistant", ""));
	if (json_bool(turn, "interrupted", false))
		buf_puts(out, "(interrupted)\n\n");
}

static void
print_markdown(const json_t *session)
{
	cleanup_free char *id = text_line(json_str(session, "id", ""), 64), *model = text_line(json_str(session, "model", ""), 200);
	cleanup_buf struct buf out = BUF(0);
	json_t *turn;
	size_t i;

	buf_addf(&out, "# Session %s\n\n%s, ", id, model);
	put_time(&out, json_num(session, "started_at", 0));
	buf_puts(&out, "\n\n");
	json_array_foreach(json_object_get(session, "turns"), i, turn)
		put_turn(&out, turn, i + 1);
	fwrite(buf_str(&out), 1, out.len, stdout);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void
print_file(const json_t *session)
{
	cleanup_free char *text = json_dumps(session, JSON_INDENT(2) | JSON_ENSURE_ASCII);

	printf("%s\n", text == NULL ? "null" : text);
}

int
sessions_export_command(struct cli *c, const struct args *a)
{
	const char *format = arg_has(a, "json") ? "json" : arg_has(a, "format") ? arg_option(a, "format") : "markdown";
	cleanup_json json_t *session = NULL;
	struct error e = { 0 };

	if (strcmp(format, "json") != 0 && strcmp(format, "markdown") != 0)
		return cli_usage(a, "there is no format \"%s\": markdown, json", format);
	if ((session = fetch(c, a->rest[0], &e)) == NULL)
		return cli_fail(&e);
	if (strcmp(format, "json") == 0)
		print_file(session);
	else
		print_markdown(session);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : cli_failf("standard output cannot be written");
}
