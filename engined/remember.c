/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See remember.h. What a turn adds after it has read text of strangers is
 * filed as a candidate and not kept: a person decides, by
 * `alpi memory promote`.
 */
#include "engined/remember.h"

#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/memory.h"
#include "engined/promotion.h"

#define BATCH_MAX	20

typedef char *action_fn(const struct remember *, const json_t *, enum memory_file, struct error *);

/* ---- what is shown -------------------------------------------------------------------------- */

/* How full it is, then its text. */
static void
add_state(struct buf *b, const char *home, enum memory_file f, const char *form_limited, const char *form_free)
{
	cleanup_free char *text = memory_read(home, f, NULL);
	size_t used = memory_used(home, f), limit = memory_limit(f);
	size_t pct = limit == 0 ? 0 : used * 100 / limit;

	buf_addf(b, limit == 0 ? form_free : form_limited, memory_name(f), limit == 0 ? used : pct, used, limit);
	buf_puts(b, text == NULL || text[0] == '\0' ? "(empty)" : text);
	if (pct >= MEMORY_HINT_PCT)
		buf_addf(b, "\n%s is %zu%% full: put entries together that belong together.", memory_name(f), pct);
}

static char *
changed(const struct remember *r, enum memory_file f, const char *said)
{
	struct buf b = BUF(0);

	buf_addf(&b, "%s\n\n", said);
	add_state(&b, r->home, f, "%s: %zu%% (%zu/%zu chars)\n", "%s: %zu chars\n");
	return buf_take(&b);
}

static char *
do_read(const struct remember *r, const json_t *args, enum memory_file f, struct error *e)
{
	cleanup_free char *text = memory_read(r->home, f, e);
	struct buf b = BUF(0);

	if (text == NULL)
		return NULL;
	add_state(&b, r->home, f, "[%s: %zu%% \xe2\x80\x94 %zu/%zu chars]\n", "[%s: %zu chars]\n");
	return buf_take(&b);
}

/* ---- add ------------------------------------------------------------------------------------ */

static char *
add_one(const struct remember *r, enum memory_file f, const char *text, enum confidence conf, struct error *e)
{
	if (!r->foreign)
		return memory_add(r->home, f, text, conf, e);
	if (promotion_add(r->home, r->source == NULL ? "manual" : r->source, r->session, r->model, f, text, conf, PROMOTION_FOREIGN, e) == -1)
		return NULL;
	return xasprintf("not kept yet, because text of others is in this conversation; a person decides (alpi memory promote): %s", text);
}

/* What is refused is skipped with a note; nothing kept at all is an error. */
static char *
add_batch(const struct remember *r, enum memory_file f, const json_t *list, enum confidence conf, struct error *e)
{
	cleanup_buf struct buf b = BUF(0);
	size_t i, kept = 0;
	json_t *entry;

	json_array_foreach(list, i, entry) {
		struct error why = { 0 };
		cleanup_free char *said = i < BATCH_MAX && json_is_string(entry) ?
		    add_one(r, f, json_string_value(entry), conf, &why) : NULL;

		kept += said != NULL;
		buf_addf(&b, "%s%s%s", i > 0 ? "\n" : "", said == NULL ? "skipped: " : "",
		    said != NULL ? said : why.text[0] != '\0' ? why.text : "not a text, or too many at once");
	}
	if (kept > 0)
		return changed(r, f, buf_str(&b));
	error_set(e, ERR_invalid, "memory: nothing was kept\n%.800s", buf_str(&b));
	return NULL;
}

static char *
do_add(const struct remember *r, const json_t *args, enum memory_file f, struct error *e)
{
	const char *content = json_str(args, "content", NULL);
	const json_t *entries = json_object_get(args, "entries");
	cleanup_free char *said = NULL;
	enum confidence conf;

	if (confidence_of(json_str(args, "confidence", "normal"), &conf) == -1) {
		error_set(e, ERR_invalid, "memory: \"confidence\" is low, normal or high");
		return NULL;
	}
	if ((content != NULL) == json_is_array(entries)) {
		error_set(e, ERR_invalid, "memory: add takes \"content\" or \"entries\"");
		return NULL;
	}
	if (content == NULL)
		return add_batch(r, f, entries, conf, e);
	said = add_one(r, f, content, conf, e);
	return said == NULL ? NULL : changed(r, f, said);
}

/* ---- change --------------------------------------------------------------------------------- */

static int
may_change(const struct remember *r, struct error *e)
{
	return r->foreign ? error_set(e, ERR_denied, "memory: text of others is in this conversation, so this turn may not change what is known; "
	    "the person can (alpi memory), or ask for it again in a new conversation") : 0;
}

static char *
do_replace(const struct remember *r, const json_t *args, enum memory_file f, struct error *e)
{
	cleanup_free char *said = may_change(r, e) == -1 ? NULL :
	    memory_replace(r->home, f, json_str(args, "match", ""), json_str(args, "content", ""), e);

	return said == NULL ? NULL : changed(r, f, said);
}

static char *
do_remove(const struct remember *r, const json_t *args, enum memory_file f, struct error *e)
{
	cleanup_free char *said = may_change(r, e) == -1 ? NULL : memory_remove(r->home, f, json_str(args, "match", ""), e);

	return said == NULL ? NULL : changed(r, f, said);
}

/* ---- candidates ----------------------------------------------------------------------------- */

/* All files, for a program. One that cannot be read keeps nobody from the others. */
static char *
do_show(const struct remember *r, const json_t *args, enum memory_file f, struct error *e)
{
	cleanup_json json_t *rows = json_array();

	for (f = 0; f < MEMORY_FILES; f++) {
		struct error why = { 0 };
		cleanup_free char *text = memory_read(r->home, f, &why);

		json_array_append_new(rows, json_pack("{s:s, s:I, s:I, s:s, s:s*}", "name", memory_name(f),
		    "used", (json_int_t)memory_used(r->home, f), "limit", (json_int_t)memory_limit(f), "text", text == NULL ? "" : text,
		    "error", text == NULL ? why.text : NULL));
	}
	return json_text(rows);
}

static char *
do_list(const struct remember *r, const json_t *args, enum memory_file f, struct error *e)
{
	cleanup_json json_t *rows = promotion_list(r->home, e);

	return rows == NULL ? NULL : json_text(rows);
}

static char *
do_discard(const struct remember *r, const json_t *args, enum memory_file f, struct error *e)
{
	const char *id = json_str(args, "id", "");

	return promotion_discard(r->home, id, e) == -1 ? NULL : xasprintf("discarded %s", id);
}

static char *
apply_row(const struct remember *r, const json_t *row, struct error *e)
{
	enum confidence conf = CONF_NORMAL;
	enum memory_file f;
	cleanup_free char *said = NULL;

	confidence_of(json_str(row, "confidence", ""), &conf);
	memory_file_of(json_str(row, "target", ""), &f);
	if ((said = memory_add(r->home, f, json_str(row, "text", ""), conf, e)) == NULL ||
	    promotion_discard(r->home, json_str(row, "id", ""), e) == -1)
		return NULL;
	return steal(said);
}

static char *
do_apply(const struct remember *r, const json_t *args, enum memory_file f, struct error *e)
{
	cleanup_json json_t *rows = r->person ? promotion_list(r->home, e) : NULL;
	json_t *row;
	size_t i;

	if (!r->person)
		error_set(e, ERR_denied, "memory: a person applies candidates (alpi memory promote)");
	if (rows == NULL)
		return NULL;
	json_array_foreach(rows, i, row)
		if (strcmp(json_str(row, "id", ""), json_str(args, "id", "")) == 0)
			return apply_row(r, row, e);
	error_set(e, ERR_not_found, "no candidate is called %.64s", json_str(args, "id", ""));
	return NULL;
}

/* ---- the table ------------------------------------------------------------------------------ */

static const struct {
	const char	*name;
	bool		 of_file;
	action_fn	*run;
} actions[] = {
	{ "read", true, do_read }, { "add", true, do_add }, { "replace", true, do_replace }, { "remove", true, do_remove },
	{ "show", false, do_show }, { "promotion_list", false, do_list }, { "promotion_discard", false, do_discard }, { "promotion_apply", false, do_apply },
};

char *
remember_call(const struct remember *r, const json_t *args, struct error *e)
{
	const char *action = json_str(args, "action", "");
	enum memory_file f = MEMORY_USER;

	for (size_t i = 0; i < COUNT(actions); i++) {
		if (strcmp(actions[i].name, action) != 0)
			continue;
		if (!actions[i].of_file || memory_file_of(json_str(args, "target", ""), &f) == 0)
			return actions[i].run(r, args, f, e);
		error_set(e, ERR_invalid, "memory: the notes are USER.md, MEMORY.md and AGENT.md, \"target\" is \"%.64s\"",
		    json_str(args, "target", ""));
		return NULL;
	}
	error_set(e, ERR_invalid, "memory: \"action\" is read, add, replace, remove (with \"target\" USER.md, MEMORY.md or AGENT.md), "
	    "promotion_list or promotion_discard");
	return NULL;
}
