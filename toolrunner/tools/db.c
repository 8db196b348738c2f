/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db (tools.md, 7.1): SQL on a skill's own state/db.sqlite. query reads with
 * one statement; exec changes, and what it does with several statements
 * happens as a whole or not at all.
 */
#include "toolrunner/tool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/base.h"

#define ROWS_MAX	10000

/* ---- statements ------------------------------------------------------------------------------- */

/* The next statement of the text; NULL at its end (0) and on an error (-1). */
static int
next_statement(const struct base *b, const char **text, sqlite3_stmt **out, struct error *e)
{
	*out = NULL;
	while (*out == NULL && **text != '\0')
		if (sql.prepare_v2(b->handle, *text, -1, out, text) != SQLITE_OK)
			return base_failed(b, e);
	return 0;
}

static int
bind_value(sqlite3_stmt *s, int i, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		return sql.bind_text64(s, i, json_string_value(v), json_string_length(v), SQLITE_STATIC, SQLITE_UTF8);
	case JSON_INTEGER:
		return sql.bind_int64(s, i, json_integer_value(v));
	case JSON_REAL:
		return sql.bind_double(s, i, json_real_value(v));
	case JSON_TRUE:
	case JSON_FALSE:
		return sql.bind_int(s, i, json_is_true(v));
	case JSON_NULL:
		return sql.bind_null(s, i);
	default:
		return SQLITE_MISMATCH;
	}
}

static int
bind(const struct base *b, sqlite3_stmt *s, const json_t *params, struct error *e)
{
	int want = sql.bind_parameter_count(s), have = (int)json_array_size(params), code;

	if (want != have)
		return error_set(e, ERR_invalid, "db: the statement has %d placeholders, and params holds %d", want, have);
	for (int i = 0; i < have; i++) {
		code = bind_value(s, i + 1, json_array_get(params, (size_t)i));
		if (code == SQLITE_MISMATCH)
			return error_set(e, ERR_invalid, "db: params[%d] is a list or an object; a value is a text, a number or null", i);
		if (code != SQLITE_OK)
			return base_failed(b, e);
	}
	return 0;
}

/* ---- query ------------------------------------------------------------------------------------ */

static json_t *
blob(const unsigned char *bytes, int n)
{
	struct buf b = BUF(0);
	json_t *text;

	buf_puts(&b, "X'");
	for (int i = 0; i < n; i++)
		buf_addf(&b, "%02X", bytes[i]);
	buf_puts(&b, "'");
	text = json_string(buf_str(&b));
	buf_clear(&b);
	return text;
}

static json_t *
value_of(sqlite3_stmt *s, int i)
{
	cleanup_free char *clean = NULL;
	double d;

	switch (sql.column_type(s, i)) {
	case SQLITE_INTEGER:
		return json_integer(sql.column_int64(s, i));
	case SQLITE_FLOAT:
		d = sql.column_double(s, i);
		return isfinite(d) ? json_real(d) : json_null();
	case SQLITE_BLOB:
		return blob(sql.column_blob(s, i), sql.column_bytes(s, i));
	case SQLITE_TEXT:
		clean = utf8_clean((const char *)sql.column_text(s, i), (size_t)sql.column_bytes(s, i));
		return json_string(clean);
	default:
		return json_null();
	}
}

/* A second column of the same name gets a number, so that nothing is lost. */
static json_t *
row_of(sqlite3_stmt *s)
{
	json_t *row = json_object();

	for (int i = 0; i < sql.column_count(s); i++) {
		const char *given = sql.column_name(s, i);
		cleanup_free char *name = utf8_clean(given, strlen(given));

		for (int n = 2; json_object_get(row, name) != NULL; n++) {
			char *other = xasprintf("%s:%d", given, n);

			free(name);
			name = utf8_clean(other, strlen(other));
			free(other);
		}
		json_object_set_new(row, name, value_of(s, i));
	}
	return row;
}

static int
add_row(struct buf *out, sqlite3_stmt *s, int n, struct error *e)
{
	cleanup_json json_t *row = row_of(s);
	cleanup_free char *text = json_text(row);

	if (n >= ROWS_MAX)
		return error_set(e, ERR_too_large, "db: more than %d rows; say LIMIT", ROWS_MAX);
	if (buf_puts(out, n > 0 ? ",\n" : "") == -1 || buf_puts(out, text) == -1)
		return error_set(e, ERR_too_large, "db: the rows are more than %d bytes; ask for fewer, or for less of each", TOOL_OUTPUT_MAX);
	return 0;
}

static int
read_rows(const struct base *b, sqlite3_stmt *s, struct buf *out, struct error *e)
{
	int code, n = 0;

	buf_puts(out, "[");
	while ((code = sql.step(s)) == SQLITE_ROW)
		if (add_row(out, s, n++, e) == -1)
			return -1;
	if (code != SQLITE_DONE)
		return base_failed(b, e);
	return buf_puts(out, "]") == -1 ? error_set(e, ERR_too_large, "db: the rows are too many") : 0;
}

static int
query(const struct base *b, const json_t *args, struct buf *out, struct error *e)
{
	const char *text = json_str(args, "sql", "");
	sqlite3_stmt *s, *second;
	int result;

	if (next_statement(b, &text, &s, e) == -1)
		return -1;
	if (s == NULL)
		return error_set(e, ERR_invalid, "db: sql is empty");
	if ((result = next_statement(b, &text, &second, e)) == 0 && second != NULL)
		result = error_set(e, ERR_invalid, "db: query takes one statement");
	else if (result == 0 && !sql.stmt_readonly(s))
		result = error_set(e, ERR_invalid, "db: this statement changes something; use exec");
	if (result == 0 && (result = bind(b, s, json_object_get(args, "params"), e)) == 0)
		result = read_rows(b, s, out, e);
	sql.finalize(second);
	sql.finalize(s);
	return result;
}

/* ---- exec ------------------------------------------------------------------------------------- */

static int
run_one(const struct base *b, sqlite3_stmt *s, const json_t *params, struct error *e)
{
	int code = SQLITE_ROW;

	if (bind(b, s, params, e) == -1)
		return -1;
	while (code == SQLITE_ROW)
		code = sql.step(s);
	return code == SQLITE_DONE ? 0 : base_failed(b, e);
}

static int
run_all(const struct base *b, const char *text, const json_t *params, struct error *e)
{
	sqlite3_stmt *s;
	int result;

	while ((result = next_statement(b, &text, &s, e)) == 0 && s != NULL) {
		result = run_one(b, s, params, e);
		sql.finalize(s);
		if (result == -1)
			return -1;
	}
	return result;
}

/* Is there more than one statement in it? What does not compile yet counts as one more: an earlier one may make its table. */
static bool
is_several(const struct base *b, const char *text)
{
	sqlite3_stmt *s;
	bool more;

	if (next_statement(b, &text, &s, NULL) == -1 || s == NULL)
		return false;
	sql.finalize(s);
	more = next_statement(b, &text, &s, NULL) == -1 || s != NULL;
	sql.finalize(s);
	return more;
}

static int
exec_several(const struct base *b, const char *text, const json_t *params, struct error *e)
{
	if (json_array_size(params) > 0)
		return error_set(e, ERR_invalid, "db: params go with one statement, and these are several");
	if (base_transaction(b, "BEGIN IMMEDIATE", e) == -1)
		return -1;
	if (run_all(b, text, params, e) == 0 && base_transaction(b, "COMMIT", e) == 0)
		return 0;
	base_transaction(b, "ROLLBACK", NULL);
	return -1;
}

static int
exec(const struct base *b, const json_t *args, struct buf *out, struct error *e)
{
	const char *text = json_str(args, "sql", "");
	const json_t *params = json_object_get(args, "params");

	if ((is_several(b, text) ? exec_several : run_all)(b, text, params, e) == -1)
		return -1;
	buf_addf(out, "rows affected: %lld", (long long)sql.total_changes64(b->handle));
	return 0;
}

static const struct {
	const char	*name;
	int		(*run)(const struct base *, const json_t *, struct buf *, struct error *);
} actions[] = {
	{ "query", query }, { "exec", exec },
};

int
tool_db(struct tool_call *call, struct error *e)
{
	const char *action = json_str(call->args, "action", "");
	struct base b = { 0 };
	cleanup_free char *path = xasprintf("%s/state/db.sqlite", call->skill);
	int result = base_open(&b, path, call->limit_ms, e);

	for (size_t i = 0; i < COUNT(actions) && result == 0; i++)
		if (strcmp(actions[i].name, action) == 0)
			result = actions[i].run(&b, call->args, &call->result.output, e);
	base_close(&b);
	call->result.ok = result == 0;
	return result;
}
