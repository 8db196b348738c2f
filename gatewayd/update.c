/* SPDX-License-Identifier: Apache-2.0 */
/* See update.h. */
#include "gatewayd/update.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "common/json_foreign.h"
#include "common/mem.h"
#include "gatewayd/media.h"

/* The members of an update that hold a message for us. */
static const char *const messages[] = { "message", "edited_message" };

/* What a message can hold beside text. */
static const char *const contents[] = {
	"photo", "document", "voice", "audio", "video", "video_note", "animation", "sticker", "contact", "location",
	"venue", "poll", "dice",
};

/* ---- an answer ----------------------------------------------------------------------------------------- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind `word`, blanks and the character c; NULL. */
static const char *
behind(const char *at, const char *end, const char *word, char c)
{
	if ((at = memmem(at, (size_t)(end - at), word, strlen(word))) == NULL)
		return NULL;
	for (at += strlen(word); at < end && is_blank(*at); at++)
		;
	return at < end && *at == c ? at + 1 : NULL;
}

/* The end of the value at `at`, by brackets and quotes; NULL: it has none. */
static const char *
end_of_value(const char *at, const char *end)
{
	bool quoted = false;

	for (int depth = 0; at < end; at++) {
		if (quoted && *at == '\\')
			at++;
		else if (*at == '"')
			quoted = !quoted;
		else if (!quoted && (*at == '{' || *at == '['))
			depth++;
		else if (!quoted && depth == 0 && (*at == ',' || *at == ']'))
			return at;
		else if (!quoted && (*at == '}' || *at == ']'))
			depth--;
	}
	return NULL;
}

/* Its number is the first of that name: Telegram writes it first, and what people write there has its quotes escaped. */
static json_t *
number_alone(const char *at, const char *end)
{
	const char *digits = behind(at, end, "\"update_id\"", ':');
	int64_t id = 0;

	while (digits != NULL && digits < end && is_blank(*digits))
		digits++;
	for (; digits != NULL && digits < end && *digits >= '0' && *digits <= '9' && id < INT64_MAX / 100; digits++)
		id = id * 10 + (*digits - '0');
	return id == 0 ? json_null() : json_pack("{s:I}", "update_id", (json_int_t)id);
}

/* Each update by itself. */
static json_t *
rows_of(const char *at, const char *end, size_t *bad)
{
	json_t *rows = json_array(), *row;
	const char *next;

	while ((next = end_of_value(at, end)) != NULL) {
		if ((row = json_foreign(at, (size_t)(next - at), UPDATE_DEPTH, NULL)) == NULL) {
			row = number_alone(at, next);
			++*bad;
		}
		json_array_append_new(rows, row);
		if (*next == ']')
			break;
		at = next + 1;
	}
	return rows;
}

json_t *
updates_answer(const char *text, size_t len, size_t *bad)
{
	json_t *whole = json_foreign(text, len, UPDATE_DEPTH, NULL);
	const char *end = text + len, *rows, *at;

	*bad = 0;
	if (whole != NULL || (at = behind(text, end, "\"result\"", ':')) == NULL)
		return whole;
	for (rows = at; rows < end && is_blank(*rows); rows++)
		;
	return rows < end && *rows == '[' ? json_pack("{s:b, s:o}", "ok", 1, "result", rows_of(rows + 1, end, bad)) : NULL;
}

/* ---- an update ------------------------------------------------------------------------------------------- */

static const json_t *
message_of(const json_t *update)
{
	for (size_t i = 0; i < COUNT(messages); i++) {
		const json_t *m = json_object_get(update, messages[i]);

		if (json_is_object(m))
			return m;
	}
	return NULL;
}

/* An id is a whole number; what else stands there names nobody. -1. */
static int
read_id(const json_t *owner, char out[24])
{
	const json_t *id = json_object_get(owner, "id");

	if (!json_is_integer(id))
		return -1;
	snprintf(out, 24, "%" PRId64, (int64_t)json_integer_value(id));
	return 0;
}

static const char *
what_of(const json_t *m)
{
	for (size_t i = 0; i < COUNT(contents); i++)
		if (json_object_get(m, contents[i]) != NULL)
			return contents[i];
	return "no text";
}

static void
read_message(struct update *u, const json_t *m)
{
	const char *text = json_str(m, "text", json_str(m, "caption", ""));
	json_t *file;

	if (read_id(json_object_get(m, "chat"), u->chat) == -1)
		return;
	if (read_id(json_object_get(m, "from"), u->sender) == -1)
		memcpy(u->sender, u->chat, sizeof(u->sender));
	u->kind = UPDATE_MUTE;
	u->what = what_of(m);
	if ((file = media_of(m)) != NULL) {
		u->files = json_pack("[o]", file);
		snprintf(u->album, sizeof(u->album), "%s", json_str(m, "media_group_id", ""));
	}
	if (text[strspn(text, " \t\r\n")] == '\0') {
		if (file == NULL)
			return;
		text = MEDIA_NO_TEXT;
	}
	u->kind = UPDATE_MESSAGE;
	u->text = xstrndup(text, utf8_cut(text, strlen(text), UPDATE_TEXT_MAX));
}

/* Without all of it a press is none. The message may be one that the server has half forgotten: its number and chat stay. */
static void
read_press(struct update *u, const json_t *q)
{
	const json_t *m = json_object_get(q, "message");
	const char *id = json_str(q, "id", ""), *data = json_str(q, "data", "");

	if (*id == '\0' || strlen(id) >= sizeof(u->callback) || *data == '\0' || strlen(data) > 64 ||
	    read_id(json_object_get(m, "chat"), u->chat) == -1 || read_id(json_object_get(q, "from"), u->sender) == -1)
		return;
	u->kind = UPDATE_PRESS;
	u->message = json_int(m, "message_id", 0);
	memcpy(u->callback, id, strlen(id) + 1);
	u->text = xstrdup(data);
}

bool
update_is_for_another(const struct update *u, const char *bot)
{
	const char *at;
	size_t n;

	if (u->kind != UPDATE_MESSAGE || u->text[0] != '/')
		return false;
	at = u->text + strcspn(u->text, " \t\r\n@");
	if (*at != '@')
		return false;
	n = strcspn(++at, " \t\r\n");
	return n != strlen(bot) || strncasecmp(at, bot, n) != 0;
}

/* One message with all the files of an album, and its one text. */
static void
join(struct update *to, struct update *from)
{
	json_array_extend(to->files, from->files);
	if (strcmp(to->text, MEDIA_NO_TEXT) == 0) {
		free(to->text);
		to->text = xstrdup(from->text);
	}
	json_decref(steal(from->files));
	free(steal(from->text));
	from->kind = UPDATE_OTHER;
}

/* Telegram sends an album as a message for each file. */
static void
join_albums(struct update *rows, size_t n)
{
	struct update *first = NULL;

	for (size_t i = 0; i < n; i++) {
		struct update *u = &rows[i];

		if (u->album[0] == '\0' || u->kind != UPDATE_MESSAGE)
			continue;
		if (first != NULL && first->id != u->id && strcmp(first->album, u->album) == 0 && strcmp(first->chat, u->chat) == 0 &&
		    strcmp(first->sender, u->sender) == 0)
			join(first, u);
		else
			first = u;
	}
}

static int
by_id(const void *a, const void *b)
{
	const struct update *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

struct update *
updates_read(const json_t *result, size_t *n)
{
	size_t most = json_is_array(result) ? json_array_size(result) : 0;
	struct update *rows = xcalloc(most + 1, sizeof(*rows));

	*n = 0;
	for (size_t i = 0; i < most; i++) {
		const json_t *row = json_array_get(result, i), *id = json_object_get(row, "update_id");
		const json_t *m = message_of(row);

		if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) == INT64_MAX)
			continue;
		rows[*n] = (struct update){ .id = json_integer_value(id), .kind = UPDATE_OTHER };
		if (m != NULL)
			read_message(&rows[*n], m);
		else if (json_object_get(row, "callback_query") != NULL)
			read_press(&rows[*n], json_object_get(row, "callback_query"));
		(*n)++;
	}
	qsort(rows, *n, sizeof(*rows), by_id);
	join_albums(rows, *n);
	return rows;
}

void
updates_free(struct update *rows, size_t n)
{
	for (size_t i = 0; rows != NULL && i < n; i++) {
		free(rows[i].text);
		json_decref(rows[i].files);
	}
	free(rows);
}
