/* SPDX-License-Identifier: Apache-2.0 */
/* See matrix_sync.h. A name becomes part of an address and of log lines, so one of other characters names nothing. */
#include "gatewayd/matrix_sync.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"

#define LETTERS		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define TOKEN_MAX	4096		/* bytes of a place in the stream of events */

/* ---- text --------------------------------------------------------------------------------------------- */

/* A name with this first letter, or NULL. */
static char *
read_name(const json_t *j, char first)
{
	const char *s = json_string_value(j);
	size_t n = s == NULL ? 0 : strlen(s);

	if (n < 2 || n > MATRIX_ID_MAX || s[0] != first)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return NULL;
	return xstrdup(s);
}

static char *
read_token(const json_t *object, const char *name)
{
	const char *s = json_str(object, name, "");

	return *s == '\0' || strlen(s) > TOKEN_MAX ? NULL : xstrdup(s);
}

static char *
read_text(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0' ? NULL : xstrndup(text, utf8_cut(text, strlen(text), MATRIX_TEXT_MAX));
}

/* ---- an event ------------------------------------------------------------------------------------------- */

static void
event_clear(struct matrix_event *ev)
{
	free(ev->room);
	free(ev->sender);
	free(ev->id);
	free(ev->text);
	free(ev->server);
	free(ev->media);
	free(ev->name);
	free(ev->mime);
	free(ev->files);
	*ev = (struct matrix_event){ 0 };
}

/* mxc://SERVER/MEDIA */
static int
read_uri(const char *uri, struct matrix_event *ev)
{
	const char *server = uri + 6, *media;
	size_t n, m;

	if (strncmp(uri, "mxc://", 6) != 0)
		return -1;
	n = strspn(server, LETTERS ".-:[]");
	media = server + n + 1;
	if (n == 0 || n > MATRIX_ID_MAX || server[n] != '/' || server[strspn(server, ".")] == '/')
		return -1;
	m = strspn(media, LETTERS "-_");
	if (m == 0 || m > MATRIX_ID_MAX || media[m] != '\0')
		return -1;
	ev->server = xstrndup(server, n);
	ev->media = xstrdup(media);
	return 0;
}

/* With a "filename", the body is what was written under it. */
static void
read_file(struct matrix_event *ev, const json_t *content)
{
	const char *body = json_str(content, "body", ""), *name = json_str(content, "filename", body);
	const json_t *info = json_object_get(content, "info");

	if (read_uri(json_str(content, "url", ""), ev) == -1)
		return;
	ev->kind = MATRIX_FILE;
	ev->name = xstrndup(name, utf8_cut(name, strlen(name), MATRIX_ID_MAX));
	ev->mime = xstrdup0(json_str(info, "mimetype", NULL));
	ev->size = json_int(info, "size", -1);
	if (strcmp(name, body) != 0)
		ev->text = read_text(body);
}

/* "m.image": "image"; NULL: it is no file. */
static const char *
what_of(const char *type)
{
	static const char *const types[] = { "m.image", "m.file", "m.audio", "m.video" };

	for (size_t i = 0; i < COUNT(types); i++)
		if (strcmp(types[i], type) == 0)
			return types[i] + 2;
	return NULL;
}

static bool
is_edit(const json_t *content)
{
	return strcmp(json_str(json_object_get(content, "m.relates_to"), "rel_type", ""), "m.replace") == 0;
}

/* 0, or -1: no message, or a part of one that stands elsewhere. */
static int
read_message(struct matrix_event *ev, const json_t *content)
{
	const char *type = json_str(content, "msgtype", "");

	if (*type == '\0' || is_edit(content))
		return -1;
	ev->kind = MATRIX_MUTE;
	if ((ev->what = what_of(type)) != NULL)
		read_file(ev, content);
	else if (strcmp(type, "m.text") == 0 && (ev->text = read_text(json_str(content, "body", ""))) != NULL)
		ev->kind = MATRIX_TEXT;
	return 0;
}

/* 0, or -1: nothing of it matters to us. */
static int
read_event(struct matrix_event *ev, const json_t *j, const char *room, const char *self)
{
	const char *type = json_str(j, "type", "");

	*ev = (struct matrix_event){ .size = -1 };
	if (strcmp(type, "m.room.encryption") == 0 || strcmp(type, "m.room.encrypted") == 0)
		ev->kind = MATRIX_SEALED;
	else if (strcmp(type, "m.room.message") != 0 || read_message(ev, json_object_get(j, "content")) == -1)
		return -1;
	ev->room = xstrdup(room);
	ev->sender = read_name(json_object_get(j, "sender"), '@');
	ev->id = read_name(json_object_get(j, "event_id"), '$');
	if (ev->sender != NULL && ev->id != NULL && (ev->kind == MATRIX_SEALED || strcmp(ev->sender, self) != 0))
		return 0;
	event_clear(ev);
	return -1;
}

/* Append those of a list that matter; step -1: from its end. */
static void
read_events(struct matrix_sync *s, const json_t *list, const char *room, const char *self, bool backwards)
{
	size_t most = json_array_size(list);

	s->rows = xreallocarray(s->rows, s->n + most + 1, sizeof(*s->rows));
	for (size_t i = 0; i < most; i++)
		if (read_event(&s->rows[s->n], json_array_get(list, backwards ? most - 1 - i : i), room, self) == 0)
			s->n++;
}

/* ---- an answer -------------------------------------------------------------------------------------------- */

static void
read_room(struct matrix_sync *s, const char *room, const json_t *j, const char *self)
{
	const json_t *timeline = json_object_get(j, "timeline");
	char *from = read_token(timeline, "prev_batch");

	read_events(s, json_object_get(json_object_get(j, "state"), "events"), room, self, false);
	read_events(s, json_object_get(timeline, "events"), room, self, false);
	if (!json_bool(timeline, "limited", false) || from == NULL) {
		free(from);
		return;
	}
	s->gaps = xreallocarray(s->gaps, s->n_gaps + 1, sizeof(*s->gaps));
	s->gaps[s->n_gaps++] = (struct matrix_gap){ .room = xstrdup(room), .from = from };
}

int
matrix_sync_read(const json_t *answer, const char *self, struct matrix_sync *out)
{
	json_t *rooms = json_object_get(answer, "rooms"), *j;
	const char *name;

	*out = (struct matrix_sync){ .next = read_token(answer, "next_batch") };
	if (out->next == NULL)
		return -1;
	json_object_foreach(json_object_get(rooms, "join"), name, j) {
		cleanup_json json_t *key = json_string(name);
		cleanup_free char *room = read_name(key, '!');

		if (room != NULL)
			read_room(out, room, j, self);
	}
	out->invites = json_object_size(json_object_get(rooms, "invite"));
	return 0;
}

int
matrix_page_read(const json_t *answer, const char *room, const char *self, struct matrix_sync *out, char **end)
{
	const json_t *chunk = json_object_get(answer, "chunk");
	struct matrix_sync page = { 0 };

	*end = NULL;
	if (!json_is_array(chunk))
		return -1;
	read_events(&page, chunk, room, self, true);
	page.rows = xreallocarray(page.rows, page.n + out->n + 1, sizeof(*page.rows));
	for (size_t i = 0; i < out->n; i++)
		page.rows[page.n + i] = out->rows[i];
	free(out->rows);
	out->rows = page.rows;
	out->n += page.n;
	if (json_array_size(chunk) > 0)
		*end = read_token(answer, "end");
	return 0;
}

void
matrix_sync_clear(struct matrix_sync *s)
{
	for (size_t i = 0; i < s->n; i++)
		event_clear(&s->rows[i]);
	for (size_t i = 0; i < s->n_gaps; i++) {
		free(s->gaps[i].room);
		free(s->gaps[i].from);
	}
	free(s->rows);
	free(s->gaps);
	free(s->next);
	*s = (struct matrix_sync){ 0 };
}
