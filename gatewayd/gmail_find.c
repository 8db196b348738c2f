/* SPDX-License-Identifier: Apache-2.0 */
/* See gmail_find.h. Each word that is searched for stands in quotes that it cannot end, so none is read as an operator. */
#include "gatewayd/gmail_find.h"

#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/gmail_read.h"
#include "gatewayd/mailtext.h"

/* The names that Gmail shows, and that its IMAP server gives. */
static const struct { const char *name, *label; } own[] = {
	{ "INBOX", "INBOX" }, { "Sent", "SENT" }, { "Sent Mail", "SENT" }, { "Drafts", "DRAFT" }, { "Draft", "DRAFT" },
	{ "Trash", "TRASH" }, { "Bin", "TRASH" }, { "Spam", "SPAM" }, { "Junk", "SPAM" }, { "Starred", "STARRED" },
	{ "Important", "IMPORTANT" }, { "All Mail", "" }, { "All", "" }, { "Archive", "" },
};

const char *
gmail_own_label(const char *folder)
{
	static const char *const before[] = { "[Gmail]/", "[Google Mail]/" };

	for (size_t i = 0; i < COUNT(before); i++)
		if (strncasecmp(folder, before[i], strlen(before[i])) == 0)
			folder += strlen(before[i]);
	for (size_t i = 0; i < COUNT(own); i++)
		if (strcasecmp(folder, own[i].name) == 0)
			return own[i].label;
	return NULL;
}

const char *
gmail_label(const json_t *said, const char *folder)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(said, "labels"), i, row)
		if (strcasecmp(json_str(row, "name", ""), folder) == 0 && gmail_is_id(json_str(row, "id", "")))
			return json_str(row, "id", NULL);
	return NULL;
}

static void
add(struct buf *b, const char *key, const char *text)
{
	if (text == NULL || *text == '\0')
		return;
	(void)buf_addf(b, "%s%s\"", b->len > 0 ? " " : "", key);
	for (; *text != '\0'; text++)
		(void)buf_addc(b, *text == '"' || *text == '\\' || (unsigned char)*text < ' ' ? ' ' : *text);
	(void)buf_addc(b, '"');
}

char *
gmail_query(const struct mail_order *o, struct error *e)
{
	struct buf b cleanup_buf = BUF(0);
	int year, month, day;

	add(&b, "from:", o->from);
	add(&b, "to:", o->to);
	add(&b, "subject:", o->subject);
	add(&b, "", o->body);
	if (o->since != NULL && *o->since != '\0') {
		if (!mailtext_day(o->since, &year, &month, &day))
			return error_set(e, ERR_invalid, "since must be a date as in 2026-11-21"), NULL;
		(void)buf_addf(&b, "%safter:%d/%02d/%02d", b.len > 0 ? " " : "", year, month, day);
	}
	if (o->unread_only)
		(void)buf_addf(&b, "%sis:unread", b.len > 0 ? " " : "");
	return b.len == 0 ? xstrdup("") : buf_take(&b);
}
