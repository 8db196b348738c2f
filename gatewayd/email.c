/* SPDX-License-Identifier: Apache-2.0 */
/* See email.h. */
#include "gatewayd/email.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/mailtext.h"

#define LIMIT		20
#define LIMIT_MAX	100
#define LINE_MAX_BYTES	500		/* of a folder, a subject, what is searched for */

static const struct email_kind kinds[] = {
	/* action          name                   label                       one    looks  writes */
	{ EMAIL_list,     "list",                NULL,                       false, false, false, MAIL_list },
	{ EMAIL_search,   "search",              NULL,                       false, false, false, MAIL_list },
	{ EMAIL_read,     "read",                NULL,                       true,  true,  false, MAIL_fetch },
	{ EMAIL_send,     "send",                "send a mail",              false, false, true,  MAIL_send },
	{ EMAIL_reply,    "reply",               "reply to a mail",          true,  true,  true,  MAIL_send },
	{ EMAIL_forward,  "forward",             "forward a mail",           true,  true,  true,  MAIL_send },
	{ EMAIL_move,     "move",                NULL,                       true,  false, false, MAIL_move },
	{ EMAIL_delete,   "delete",              "delete a mail",            true,  true,  false, MAIL_trash },
	{ EMAIL_download, "download_attachment", NULL,                       true,  true,  false, MAIL_fetch },
};

/* ---- one argument ------------------------------------------------------------------------------------ */

/* A text on one line, of `most` bytes; absent or empty is NULL in *out. */
static int
line_of(const struct email *m, const char *name, const char **out, struct error *e)
{
	const json_t *value = json_object_get(m->args, name);
	const char *text = json_string_value(value);

	*out = NULL;
	if (value == NULL || json_is_null(value))
		return 0;
	if (text == NULL)
		return error_set(e, ERR_invalid, "\"%s\" must be a text", name);
	if (strlen(text) > LINE_MAX_BYTES)
		return error_set(e, ERR_invalid, "\"%s\" is longer than %d bytes", name, LINE_MAX_BYTES);
	for (const char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return error_set(e, ERR_invalid, "\"%s\" cannot hold a line end or another control character", name);
	*out = text[0] == '\0' ? NULL : text;
	return 0;
}

/* An account's own name of a mail: a number, or what Gmail calls it. */
static int
read_uid(struct email *m, struct error *e)
{
	const json_t *value = json_object_get(m->args, "uid");

	if (json_is_integer(value))
		snprintf(m->uid, sizeof(m->uid), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_string(value) && json_string_length(value) < sizeof(m->uid))
		snprintf(m->uid, sizeof(m->uid), "%s", json_string_value(value));
	if (m->uid[0] == '\0')
		return error_set(e, ERR_invalid, "\"uid\" is missing: list or search the mails first");
	if (strspn(m->uid, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-") != strlen(m->uid))
		return error_set(e, ERR_invalid, "\"uid\" is none of a list's: %.40s", m->uid);
	return 0;
}

static int
check_since(const char *since, struct error *e)
{
	int year, month, day;

	if (since == NULL || mailtext_day(since, &year, &month, &day))
		return 0;
	return error_set(e, ERR_invalid, "\"since\" is a day, as 2026-01-31, not %.40s", since);
}

static int
check_list(const struct email *m, const char *name, size_t most, struct error *e)
{
	const json_t *list = json_object_get(m->args, name);
	const json_t *row;
	size_t i;

	if (list == NULL || json_is_null(list))
		return 0;
	if (!json_is_array(list) || json_array_size(list) > most)
		return error_set(e, ERR_invalid, "\"%s\" must be a list of at most %zu texts", name, most);
	json_array_foreach(list, i, row)
		if (!json_is_string(row) && !json_is_object(row))
			return error_set(e, ERR_invalid, "\"%s\" must be a list of texts", name);
	return 0;
}

/* ---- the parts of a call ------------------------------------------------------------------------------- */

static const struct email_kind *
find_kind(const char *name)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static int
read_where(struct email *m, struct error *e)
{
	if (line_of(m, "account", &m->account, e) == -1 || line_of(m, "folder", &m->folder, e) == -1 ||
	    line_of(m, "dest_folder", &m->dest, e) == -1 || (m->kind->one && read_uid(m, e) == -1))
		return -1;
	if (m->folder == NULL)
		m->folder = "INBOX";
	if (m->kind->action == EMAIL_move && m->dest == NULL)
		return error_set(e, ERR_invalid, "\"dest_folder\" is missing");
	return 0;
}

static int
read_wanted(struct email *m, struct error *e)
{
	int64_t limit = json_int(m->args, "limit", LIMIT);

	if (line_of(m, "from_", &m->from, e) == -1 || line_of(m, "to", &m->to, e) == -1 || line_of(m, "subject", &m->subject, e) == -1 ||
	    line_of(m, "body", &m->body, e) == -1 || line_of(m, "since", &m->since, e) == -1 || check_since(m->since, e) == -1)
		return -1;
	if (limit < 1 || limit > LIMIT_MAX)
		return error_set(e, ERR_invalid, "\"limit\" is 1 to %d", LIMIT_MAX);
	m->limit = (size_t)limit;
	m->unread_only = json_bool(m->args, "unread_only", false);
	if (m->kind->action == EMAIL_search && m->from == NULL && m->to == NULL && m->subject == NULL && m->body == NULL &&
	    m->since == NULL && !m->unread_only)
		return error_set(e, ERR_invalid, "nothing to search for: give from_, to, subject, body, since or unread_only, or list");
	return 0;
}

static int
check_files(const struct email *m, struct error *e)
{
	int64_t size, all = 0;

	for (size_t i = 0; email_file(m, i, &size) != NULL; i++) {
		if (size < 0)
			return error_set(e, ERR_invalid, "\"attachments\" must be a list of paths");
		if (size > EMAIL_ALL_MAX)
			return error_set(e, ERR_too_large, "a file has at most 20 MB");
		all += size;
	}
	return all <= EMAIL_ALL_MAX ? 0 : error_set(e, ERR_too_large, "the files of a mail have at most 20 MB together");
}

static int
check_receivers(const struct email *m, struct error *e)
{
	size_t n = json_array_size(json_object_get(m->args, "recipients"));

	if (m->kind->action == EMAIL_reply && n > 0)
		return error_set(e, ERR_invalid, "a reply goes to whom the mail says; for others forward it, or put them into \"cc\"");
	if (m->kind->action != EMAIL_reply && n == 0)
		return error_set(e, ERR_invalid, "\"recipients\" is missing");
	return 0;
}

static int
read_letter(struct email *m, struct error *e)
{
	const json_t *text = json_object_get(m->args, "message_body");

	if (check_list(m, "recipients", EMAIL_RECEIVERS_MAX, e) == -1 || check_list(m, "cc", EMAIL_RECEIVERS_MAX, e) == -1 ||
	    check_list(m, "attachments", EMAIL_FILES_MAX, e) == -1 || check_receivers(m, e) == -1 || check_files(m, e) == -1 ||
	    line_of(m, "subject_new", &m->title, e) == -1)
		return -1;
	m->text = json_is_string(text) ? json_string_value(text) : "";
	m->reply_all = json_bool(m->args, "reply_all", false);
	if (m->kind->action == EMAIL_send && m->title == NULL)
		return error_set(e, ERR_invalid, "\"subject_new\" is missing: the subject of the mail");
	if (m->kind->action != EMAIL_forward && m->text[strspn(m->text, " \t\r\n")] == '\0')
		return error_set(e, ERR_invalid, "\"message_body\" is missing or empty");
	if (strlen(m->text) > EMAIL_TEXT_MAX)
		return error_set(e, ERR_too_large, "\"message_body\" is longer than %d bytes; a longer text goes as a file", EMAIL_TEXT_MAX);
	return 0;
}

static int
read_file(struct email *m, struct error *e)
{
	if (line_of(m, "attachment_name", &m->file, e) == -1)
		return -1;
	if (m->file == NULL)
		return error_set(e, ERR_invalid, "\"attachment_name\" is missing: read the mail, it lists them");
	m->offset = (size_t)json_int(m->args, "offset", 0);
	return 0;
}

int
email_read(struct email *m, json_t *args, struct error *e)
{
	*m = (struct email){ .kind = find_kind(json_str(args, "action", "")), .args = json_incref(args) };
	if (m->kind == NULL)
		return error_set(e, ERR_invalid, "\"action\" is list, search, read, send, reply, forward, move, delete or download_attachment");
	if (read_where(m, e) == -1)
		return -1;
	if (m->kind->writes)
		return read_letter(m, e);
	if (m->kind->act == MAIL_list)
		return read_wanted(m, e);
	return m->kind->action == EMAIL_download ? read_file(m, e) : 0;
}

void
email_clear(struct email *m)
{
	json_decref(m->args);
	*m = (struct email){ 0 };
}

const char *
email_file(const struct email *m, size_t i, int64_t *size)
{
	const json_t *row = json_array_get(json_object_get(m->args, "attachments"), i);

	*size = json_int(row, "size", -1);
	return row == NULL ? NULL : json_str(row, "name", "");
}
