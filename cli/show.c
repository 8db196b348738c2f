/* SPDX-License-Identifier: Apache-2.0 */
/* See show.h. Everything goes through one buffer per step, so that a step is one write. */
#include "cli/show.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/print.h"
#include "cli/turn.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"

#define DIM	"\033[2m"
#define GREEN	"\033[32m"
#define RED	"\033[31m"
#define PLAIN	"\033[0m"

static void
emit(const struct buf *b)
{
	fwrite(buf_str(b), 1, b->len, stdout);
	fflush(stdout);
}

static const char *
colour(const struct show *s, const char *code)
{
	return s->colour ? code : "";
}

void
show_init(struct show *s)
{
	*s = (struct show){ .live = print_moves(STDOUT_FILENO), .colour = print_colour(STDOUT_FILENO) };
	render_init(&s->render, s->colour);
}

static void
drop_tool(struct show_tool *t)
{
	free(t->id);
	free(t->name);
	free(t->preview);
	free(t->state);
	*t = (struct show_tool){ 0 };
}

void
show_clear(struct show *s)
{
	for (size_t i = 0; i < SHOW_TOOLS_MAX; i++)
		drop_tool(&s->tools[i]);
	render_clear(&s->render);
	json_decref(s->sum);
	s->sum = NULL;
}

/* ---- lines -------------------------------------------------------------------------------- */

static void
erase_status(struct show *s, struct buf *out)
{
	if (s->status)
		buf_puts(out, "\r\033[K");
	s->status = false;
}

static void
end_text(struct show *s, struct buf *out)
{
	erase_status(s, out);
	if (s->writing)
		render_end(&s->render, out);
	if (s->thinking)
		buf_addf(out, "%s\n", colour(s, PLAIN));
	s->writing = s->thinking = false;
}

void
show_pause(struct show *s)
{
	cleanup_buf struct buf out = BUF(0);

	end_text(s, &out);
	emit(&out);
}

void
show_note(const struct show *s, const char *fmt, ...)
{
	cleanup_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	printf("%s%s%s\n", colour(s, DIM), text, colour(s, PLAIN));
	fflush(stdout);
}

/* "✓ terminal  uname -s  0.2s", never wider than the screen. */
static void
put_tool(const struct show *s, const struct show_tool *t, const char *about, const char *mark, const char *code, struct buf *out)
{
	char time[32];
	size_t room = print_width(STDOUT_FILENO);
	cleanup_free char *name = text_line(t->name, room < 46 ? room - 12 : 32);
	size_t used = text_width(name) + 14;
	cleanup_free char *preview = room > used + 4 ? text_line(about, room - used) : xstrdup("");

	print_duration((double)(clock_mono_ms() - t->since) / 1000, time, sizeof(time));
	buf_addf(out, "%s%s%s %s%s%s%s  %s%s", colour(s, code), mark, colour(s, PLAIN), name,
	    colour(s, DIM), *preview ? "  " : "", preview, time, colour(s, PLAIN));
}

void
show_begin(struct show *s)
{
	s->since = clock_mono_ms();
	s->failed = s->interrupted = false;
}

bool
show_busy(const struct show *s)
{
	return s->live && s->since != 0 && !s->writing && !s->thinking;
}

static const char *
spinner(void)
{
	static const char *const spin[] = { "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏" };

	return spin[clock_mono_ms() / 100 % (int64_t)COUNT(spin)];
}

/* The model is silent: how long already. */
static void
put_waiting(struct show *s, struct buf *out)
{
	char time[32];

	print_duration((double)(clock_mono_ms() - s->since) / 1000, time, sizeof(time));
	buf_addf(out, "%s%s %s%s", colour(s, DIM), spinner(), time, colour(s, PLAIN));
	s->status = true;
}

/* The tool that runs longest, and how many more there are. */
static void
put_status(struct show *s, struct buf *out)
{
	const struct show_tool *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < SHOW_TOOLS_MAX; i++) {
		if (s->tools[i].id == NULL)
			continue;
		n++;
		if (first == NULL || s->tools[i].since < first->since)
			first = &s->tools[i];
	}
	if (first == NULL) {
		put_waiting(s, out);
		return;
	}
	put_tool(s, first, first->state ? first->state : first->preview, spinner(), DIM, out);
	if (n > 1)
		buf_addf(out, "%s +%zu%s", colour(s, DIM), n - 1, colour(s, PLAIN));
	s->status = true;
}

void
show_tick(struct show *s)
{
	cleanup_buf struct buf out = BUF(0);

	if (!show_busy(s))
		return;
	erase_status(s, &out);
	put_status(s, &out);
	emit(&out);
}

/* ---- frames ------------------------------------------------------------------------------- */

static struct show_tool *
find_tool(struct show *s, const char *id)
{
	for (size_t i = 0; i < SHOW_TOOLS_MAX; i++)
		if (id == NULL ? s->tools[i].id == NULL :
		    s->tools[i].id != NULL && strcmp(s->tools[i].id, id) == 0)
			return &s->tools[i];
	return NULL;
}

static void
on_text(struct show *s, const json_t *frame, struct buf *out)
{
	const char *text = json_str(frame, "text", "");

	if (!s->writing)
		end_text(s, out);
	s->writing = true;
	render_add(&s->render, text, strlen(text), out);
}

static void
on_reasoning(struct show *s, const json_t *frame, struct buf *out)
{
	const char *text = json_str(frame, "text", "");
	struct text_filter f = { .n = 0 };

	if (!s->live)
		return;
	if (!s->thinking) {
		end_text(s, out);
		buf_puts(out, colour(s, DIM));
	}
	s->thinking = true;
	text_filter_add(&f, text, strlen(text), out);
	text_filter_end(&f, out);
}

static void
on_tool_start(struct show *s, const json_t *frame, struct buf *out)
{
	struct show_tool *t = find_tool(s, NULL);

	end_text(s, out);
	if (t == NULL)
		return;
	t->id = xstrdup(json_str(frame, "tool_id", ""));
	t->name = xstrdup(json_str(frame, "name", "tool"));
	t->preview = xstrdup(json_str(frame, "preview", ""));
	t->since = clock_mono_ms();
}

static void
on_tool_state(struct show *s, const json_t *frame, struct buf *out)
{
	struct show_tool *t = find_tool(s, json_str(frame, "tool_id", ""));
	const char *text = json_str(frame, "text", "");

	if (t == NULL || *text == '\0')
		return;
	end_text(s, out);
	free(t->state);
	t->state = xstrdup(text);
}

/* The first line of what a failed tool said. */
static void
put_reason(const struct show *s, const char *output, struct buf *out)
{
	cleanup_free char *first = xstrndup(output, strcspn(output, "\n"));
	cleanup_free char *line = text_line(first, print_width(STDOUT_FILENO) - 4);

	if (*line != '\0')
		buf_addf(out, "  %s%s%s\n", colour(s, DIM), line, colour(s, PLAIN));
}

static void
on_tool_end(struct show *s, const json_t *frame, struct buf *out)
{
	struct show_tool *t = find_tool(s, json_str(frame, "tool_id", ""));
	bool ok = json_bool(frame, "ok", false);

	end_text(s, out);
	if (t == NULL)
		return;
	put_tool(s, t, t->preview, ok ? "✓" : "✗", ok ? GREEN : RED, out);
	buf_addc(out, '\n');
	if (!ok)
		put_reason(s, json_str(frame, "output", ""), out);
	drop_tool(t);
}

static void
on_usage(struct show *s, const json_t *frame, struct buf *out)
{
	turn_add_usage(&s->sum, frame);
}

static void
put_line(struct show *s, const char *code, const char *mark, const char *text, struct buf *out)
{
	cleanup_free char *line = text_visible(text);

	end_text(s, out);
	buf_addf(out, "%s%s%s%s\n", colour(s, code), mark, line, colour(s, PLAIN));
}

static void
on_error(struct show *s, const json_t *frame, struct buf *out)
{
	s->failed = true;
	put_line(s, RED, "[error] ", json_str(frame, "text", "failed"), out);
}

static void
on_interrupted(struct show *s, const json_t *frame, struct buf *out)
{
	s->interrupted = true;
	put_line(s, DIM, "interrupted", "", out);
}

static void
on_restart(struct show *s, const json_t *frame, struct buf *out)
{
	put_line(s, DIM, "the engine was restarted; this answer begins again", "", out);
}

static void
on_compact(struct show *s, const json_t *frame, struct buf *out)
{
	put_line(s, DIM, "the conversation was shortened to fit the model", "", out);
}

static void
put_attachments(struct show *s, const json_t *list, struct buf *out)
{
	size_t i;
	json_t *row;

	end_text(s, out);
	buf_puts(out, "Attachments:\n");
	json_array_foreach(list, i, row) {
		cleanup_free char *line = xasprintf("- %s %s %s", json_str(row, "mime", ""),
		    json_str(row, "name", ""), json_str(row, "path", ""));
		cleanup_free char *safe = text_line(line, 0);

		buf_addf(out, "%s\n", safe);
	}
}

static void
on_reply(struct show *s, const json_t *frame, struct buf *out)
{
	const json_t *list = json_object_get(frame, "attachments");

	if (json_array_size(list) > 0)
		put_attachments(s, list, out);
}

static const struct {
	const char *event;
	void	  (*show)(struct show *, const json_t *, struct buf *);
} frames[] = {
	{ "assistant_delta", on_text },
	{ "reasoning_delta", on_reasoning },
	{ "tool_start", on_tool_start },
	{ "tool_state", on_tool_state },
	{ "tool_end", on_tool_end },
	{ "usage", on_usage },
	{ "error", on_error },
	{ "interrupted", on_interrupted },
	{ "restart_step", on_restart },
	{ "auto_compact", on_compact },
	{ "reply", on_reply },
};

void
show_frame(struct show *s, const json_t *frame)
{
	cleanup_buf struct buf out = BUF(0);
	const char *event = json_str(frame, "event", "");

	for (size_t i = 0; i < COUNT(frames); i++)
		if (strcmp(frames[i].event, event) == 0)
			frames[i].show(s, frame, &out);
	if (s->since != 0)
		s->since = clock_mono_ms();
	if (show_busy(s) && !s->status)
		put_status(s, &out);
	emit(&out);
}

/* "1204 in · 88 out · $0.0012 · openai/x" */
static void
put_usage(const struct show *s)
{
	double cost = json_num(s->sum, "cost", 0);
	cleanup_free char *model = text_line(json_str(s->sum, "model", ""), 60);
	char money[32] = "";

	if (cost > 0)
		snprintf(money, sizeof(money), " · $%.4f", cost);
	show_note(s, "%lld in · %lld out%s%s%s",
	    (long long)json_int(s->sum, "tokens_in", 0),
	    (long long)json_int(s->sum, "tokens_out", 0), money, *model ? " · " : "", model);
}

void
show_end(struct show *s)
{
	s->since = 0;
	show_pause(s);
	for (size_t i = 0; i < SHOW_TOOLS_MAX; i++)
		drop_tool(&s->tools[i]);
	if (s->usage && s->sum != NULL)
		put_usage(s);
	json_decref(s->sum);
	s->sum = NULL;
}
