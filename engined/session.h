/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations on disk: sessions/<id>.json (spec/engine.md, sections 9 and
 * 10). A session is kept as the JSON tree it was read as, so what we do not
 * understand is written back untouched; only the record of our own turn is
 * ours. All three generations of the format are read. Nothing here knows of
 * running turns.
 */
#ifndef ALPI_ENGINED_SESSION_H
#define ALPI_ENGINED_SESSION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define SESSION_ID_MAX		64
#define SESSION_TEXT_MAX	65536		/* bytes of user and assistant */
#define SESSION_REASONING_MAX	16384
#define SESSION_ARGS_MAX	16384
#define SESSION_STEP_REASONING	8192
#define SESSION_RESULT_CHARS	400
#define SESSION_PEER_MAX	65536		/* bytes of what a peer said */

bool	 session_id_ok(const char *id);
void	 session_new_id(char out[13]);
/* HOME/sessions/<id>.json and HOME/sessions/_events_<id>.jsonl; the caller frees. */
char	*session_path(const char *home, const char *id);
char	*session_sidecar(const char *home, const char *id);

/* A session without turns. */
json_t	*session_new(const char *id, const char *model);
/* Text of a session file to its tree; NULL with ERR_invalid. */
json_t	*session_parse(const char *text, size_t len, struct error *e);
json_t	*session_load(const char *home, const char *id, struct error *e);
/*
 * Write it whole; a session without turns is not written. 0 or -1: the old file is as it was. Readers see it at once;
 * until session_sync the file that was safe on disk stays under a second name, which session_load falls back on, so
 * that not even a power loss can take the earlier turns.
 */
int	 session_save(const char *home, const json_t *session, struct error *e);
/* What was saved is on disk, not only in memory. Slow: not while somebody waits. 0 or -1. */
int	 session_sync(const char *home, const char *id, struct error *e);
/* Remove the file and its sidecar. 0 or -1: not_found. */
int	 session_delete(const char *home, const char *id, struct error *e);

json_t	*session_turns(const json_t *session);		/* borrowed; never NULL for a loaded session */
/* "chat", or what a system bracket at the start of the first text says: "schedule", "gateway", "workgroup", "system". */
const char *session_kind(const json_t *session);

/* A turn's record with its request; and one finished tool call, result as the screen shows it. New references. */
json_t	*session_turn(double at, const char *user, const json_t *attachments);
json_t	*session_tool(double at, const char *name, bool ok, double seconds, const json_t *args, const char *result);

/*
 * What a resumed conversation shows the model, appended to messages: a note, then the texts of the first
 * `upto` turns. Tool traffic is never replayed. Nothing is appended when there is nothing to show.
 */
void	 session_replay(const json_t *session, size_t upto, json_t *messages);

#endif
