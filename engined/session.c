/* SPDX-License-Identifier: Apache-2.0 */
/* See session.h. */
#include "engined/session.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "engined/redact.h"

#define SCHEMA		2
#define FILE_MAX	(64 * 1024 * 1024)
#define DEPTH_MAX	64

bool
session_id_ok(const char *id)
{
	size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return n > 0 && n <= SESSION_ID_MAX && id[n] == '\0' && id[0] != '_';
}

void
session_new_id(char out[13])
{
	random_hex(out, 6);
}

char *
session_path(const char *home, const char *id)
{
	return xasprintf("%s/sessions/%s.json", home, id);
}

char *
session_sidecar(const char *home, const char *id)
{
	return xasprintf("%s/sessions/_events_%s.jsonl", home, id);
}

json_t *
session_new(const char *id, const char *model)
{
	return json_pack("{s:i, s:s, s:s, s:f, s:f, s:i, s:i, s:f, s:i, s:[]}",
	    "schema_version", SCHEMA, "id", id, "model", model,
	    "started_at", (double)clock_wall_ms() / 1000, "elapsed", 0.0,
	    "input_tokens", 0, "output_tokens", 0, "cost_usd", 0.0, "last_ctx_tokens", 0, "turns");
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The value of the four hex digits at s, -1 when they are not. */
static int
hex4(const char *s)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)s[i]))
			return -1;
		value = value * 16 + (isdigit((unsigned char)s[i]) ? s[i] - '0' : tolower((unsigned char)s[i]) - 'a' + 10);
	}
	return value;
}

static bool
is_low_surrogate(const char *s)
{
	return s[0] == '\\' && s[1] == 'u' && hex4(s + 2) >= 0xdc00 && hex4(s + 2) <= 0xdfff;
}

/*
 * The reference escapes every string it is given, lone surrogates and NULs
 * included, and no strict parser takes those. They become U+FFFD, in place.
 */
static void
mend_escapes(char *text)
{
	char *s = text;
	int code;

	while ((s = strchr(s, '\\')) != NULL) {
		code = s[1] == 'u' ? hex4(s + 2) : -1;
		if (code >= 0xd800 && code <= 0xdbff && is_low_surrogate(s + 6))
			s += 12;
		else if (code == 0 || (code >= 0xd800 && code <= 0xdfff))
			memcpy(s + 2, "fffd", 4), s += 6;
		else
			s += s[1] == '\0' ? 1 : 2;
	}
}

static int
check(json_t *session, struct error *e)
{
	json_t *turns = json_object_get(session, "turns"), *turn;
	size_t i;

	if (!json_is_object(session))
		return error_set(e, ERR_invalid, "not an object");
	if (turns == NULL)
		json_object_set_new(session, "turns", turns = json_array());
	if (!json_is_array(turns))
		return error_set(e, ERR_invalid, "\"turns\" is not a list");
	json_array_foreach(turns, i, turn)
		if (!json_is_object(turn))
			return error_set(e, ERR_invalid, "turn %zu is not an object", i + 1);
	return 0;
}

json_t *
session_parse(const char *text, size_t len, struct error *e)
{
	json_t *session = json_parse(text, len, DEPTH_MAX, e);

	if (session == NULL && memchr(text, '\0', len) == NULL) {
		cleanup_free char *mended = xstrndup(text, len);

		mend_escapes(mended);
		session = json_parse(mended, strlen(mended), DEPTH_MAX, e);
	}
	if (session == NULL || check(session, e) == 0)
		return session;
	json_decref(session);
	return NULL;
}

static json_t *
load_file(const char *path, struct error *e)
{
	cleanup_buf struct buf b = BUF(0);

	return file_read(path, FILE_MAX, &b, e) == -1 ? NULL : session_parse(buf_str(&b), b.len, e);
}

/* The name under which the last synced file waits for the next sync. */
static char *
safe_path(const char *home, const char *id)
{
	return xasprintf("%s/sessions/.%s.safe", home, id);
}

json_t *
session_load(const char *home, const char *id, struct error *e)
{
	cleanup_free char *path = session_path(home, id), *safe = safe_path(home, id);
	json_t *session = load_file(path, e);

	if (session == NULL && access(path, F_OK) == 0)
		session = load_file(safe, NULL);
	if (session == NULL) {
		if (e != NULL && e->code == ERR_not_found)
			error_set(e, ERR_not_found, "no session %s", id);
		else
			error_add(e, "session %s", id);
		return NULL;
	}
	json_object_set_new(session, "id", json_string(id));	/* where it was found is where it is saved */
	return session;
}

json_t *
session_turns(const json_t *session)
{
	return json_object_get(session, "turns");
}

static const struct {
	const char	*start, *kind;
} kinds[] = {
	{ "[SCHEDULED:",	 "schedule" },
	{ "[INBOUND",		 "gateway" },
	{ "[workgroup-poller]",	 "workgroup" },
	{ "[engine]",		 "system" },
	{ "[system",		 "system" },
};

const char *
session_kind(const json_t *session)
{
	const char *first = json_str(json_array_get(session_turns(session), 0), "user", "");

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strncmp(first, kinds[i].start, strlen(kinds[i].start)) == 0)
			return kinds[i].kind;
	return "chat";
}

/* ---- writing --------------------------------------------------------------------------------- */

/* As atomic_write, but what was there stays reachable and nothing waits for the disk. */
static int
replace(const char *path, const char *safe, const char *text, struct error *e)
{
	cleanup_free char *temp = xasprintf("%s.tmp", safe);

	unlink(temp);
	if (atomic_append(temp, text, strlen(text), 0600, 0, e) == -1) {
		unlink(temp);
		return -1;
	}
	if (link(path, safe) == -1 && errno != ENOENT && errno != EEXIST)	/* EEXIST: an older one waits; it is as safe */
		goto failed;
	if (rename(temp, path) == 0)
		return 0;
failed:
	error_errno(e, "%s", path);
	unlink(temp);
	return -1;
}

int
session_save(const char *home, const json_t *session, struct error *e)
{
	const char *id = json_str(session, "id", "");
	cleanup_free char *path = session_path(home, id), *safe = safe_path(home, id), *text = NULL;

	if (json_array_size(session_turns(session)) == 0)
		return 0;
	if ((text = json_dumps(session, JSON_INDENT(2) | JSON_ENSURE_ASCII)) == NULL)
		return error_set(e, ERR_internal, "session cannot be written as JSON");
	return replace(path, safe, text, e) == -1 ? error_add(e, "session %s", id) : 0;
}

static int
sync_path(const char *path, int flags, struct error *e)
{
	cleanup_close int fd = open(path, flags | O_CLOEXEC);

	return fd == -1 || fsync(fd) == -1 ? error_errno(e, "sync %s", path) : 0;
}

int
session_sync(const char *home, const char *id, struct error *e)
{
	cleanup_free char *path = session_path(home, id), *safe = safe_path(home, id);
	cleanup_free char *folder = xasprintf("%s/sessions", home);

	if (sync_path(path, O_RDONLY, e) == -1 || sync_path(folder, O_RDONLY | O_DIRECTORY, e) == -1)
		return -1;
	unlink(safe);
	return 0;
}

int
session_delete(const char *home, const char *id, struct error *e)
{
	cleanup_free char *path = session_path(home, id), *sidecar = session_sidecar(home, id), *safe = safe_path(home, id);

	if (unlink(path) == -1)
		return error_errno(e, "session %s", id);
	unlink(sidecar);
	unlink(safe);
	return 0;
}

json_t *
session_turn(double at, const char *user, const json_t *attachments)
{
	json_t *turn = json_pack("{s:f}", "at", at);

	put_text(turn, "user", "user_meta", user, SESSION_TEXT_MAX);
	json_object_set_new(turn, "assistant", json_string(""));
	json_object_set_new(turn, "tools", json_array());
	if (json_array_size(attachments) > 0)
		json_object_set_new(turn, "attachments", json_deep_copy(attachments));
	return turn;
}

json_t *
session_tool(double at, const char *name, bool ok, double seconds, const json_t *args, const char *result)
{
	cleanup_free char *text = json_text_sorted(args), *clean = redact(result), *cut = strcmp(name, "peer") == 0 ?
	    cut_bytes(clean, SESSION_PEER_MAX) : cut_chars(clean, SESSION_RESULT_CHARS);
	double rounded = (double)(int64_t)(seconds * 1000 + 0.5) / 1000;

	return json_pack("{s:f, s:s, s:s, s:b, s:f, s:o, s:s}", "at", at, "name", name, "status", ok ? "ok" : "failed",
	    "ok", ok, "duration_s", rounded, "args", preview(text, SESSION_ARGS_MAX), "result", cut);
}

/* ---- replay ---------------------------------------------------------------------------------- */

#define RESUMED_NOTE "[resumed conversation] What follows happened earlier. Tool calls of those turns are not shown; " \
	"look again before you rely on a file or a result from then."

static void
say(json_t *messages, const char *role, const char *text)
{
	json_array_append_new(messages, json_pack("{s:s, s:s}", "role", role, "content", text));
}

/* A turn's files on a line of their own: "[TITLE: FILE, ...]", FILE being its name and one more member. */
static void
add_files(struct buf *b, const json_t *list, const char *title, const char *file, const char *member)
{
	json_t *a;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	buf_addf(b, "%s[%s: ", b->len > 0 ? "\n" : "", title);
	json_array_foreach(list, i, a) {
		buf_puts(b, i > 0 ? ", " : "");
		buf_addf(b, file, json_str(a, "name", "?"), json_str(a, member, "?"));
	}
	buf_addc(b, ']');
}

static void
replay_turn(const json_t *turn, bool first, json_t *messages)
{
	cleanup_buf struct buf user = BUF(0), assistant = BUF(0);

	buf_puts(&user, json_str(turn, "user", ""));
	add_files(&user, json_object_get(turn, "attachments"), "attached", "%s (%s)", "mime");
	buf_puts(&assistant, json_str(turn, "assistant", ""));
	add_files(&assistant, json_object_get(turn, "output_attachments"), "produced this turn", "%s \xe2\x86\x92 %s", "path");
	if (assistant.len == 0)
		return;
	if (first)
		say(messages, "system", RESUMED_NOTE);
	say(messages, "user", buf_str(&user));
	say(messages, "assistant", buf_str(&assistant));
}

void
session_replay(const json_t *session, size_t upto, json_t *messages)
{
	size_t before = json_array_size(messages), i;
	json_t *turns = session_turns(session), *turn;

	json_array_foreach(turns, i, turn)
		if (i < upto)
			replay_turn(turn, json_array_size(messages) == before, messages);
}
