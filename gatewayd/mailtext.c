/* SPDX-License-Identifier: Apache-2.0 */
/* See mailtext.h. */
#include "gatewayd/mailtext.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/civil.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/commands.h"
#include "gatewayd/mailfile.h"

#define META_MAX	65536

char *
mailtext_prompt(const struct mime_mail *m)
{
	struct buf b = BUF(0);
	size_t all = m->nfiles + m->files_left;
	char id[17];

	if (command_find(m->text) != NULL)
		return xstrdup(m->text);
	random_hex(id, 8);
	buf_addf(&b, "Subject: %s\n[MAIL %s]\n%s", m->subject == NULL ? "(none)" : m->subject, id, m->text);
	for (size_t i = 0; i < m->nfiles && i < MAILFILE_MAX; i++)
		buf_addf(&b, "\n[attachment %zu: %s]", i + 1, m->files[i].name);
	buf_addf(&b, "\n[END MAIL %s]", id);
	if (all > 0)
		buf_addf(&b, "\n[%zu attachments]", all);
	if (all > MAILFILE_MAX)
		buf_addf(&b, "\n[those behind the first %d were left out]", MAILFILE_MAX);
	return buf_take(&b);
}

const char *
mailtext_mention(const struct mime_mail *m)
{
	return m->text[0] == '@' ? m->text : NULL;
}

char *
mailtext_meta(const struct mime_mail *m, const char *thread)
{
	cleanup_json json_t *meta = json_pack("{s:s*, s:s*, s:s*, s:s*}", "subject", m->subject, "message_id", m->message_id,
	    "references", m->references, "thread", thread);

	return json_text(meta);
}

bool
mailtext_day(const char *text, int *year, int *month, int *day)
{
	return strlen(text) == 10 && strspn(text, "0123456789-") == 10 && text[4] == '-' && text[7] == '-' &&
	    sscanf(text, "%4d-%2d-%2d", year, month, day) == 3 && *year >= 1970 && *month >= 1 && *month <= 12 && *day >= 1 &&
	    *day <= civil_month_days(*year, *month);
}

/* "2026-11-21T10:00:00Z" */
static char *
date_text(int64_t seconds)
{
	char text[32];
	time_t when = (time_t)seconds;
	struct tm tm;

	if (seconds == 0 || gmtime_r(&when, &tm) == NULL || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return xstrdup("");
	return xstrdup(text);
}

static char *
or_empty(const char *text)
{
	return xstrdup(text == NULL ? "" : text);
}

void
mailtext_row(struct mail_row *row, const struct mime_mail *m)
{
	row->from = or_empty(m->from_name);
	row->to = or_empty(m->to);
	row->subject = or_empty(m->subject);
	row->date = date_text(m->date);
}

void
mailtext_rows_free(struct mail_row *rows, size_t n)
{
	for (size_t i = 0; rows != NULL && i < n; i++) {
		free(rows[i].uid);
		free(rows[i].from);
		free(rows[i].to);
		free(rows[i].subject);
		free(rows[i].date);
	}
	free(rows);
}

char *
mailtext_message_id(const char *key, const char *address)
{
	const char *at = strrchr(address, '@');
	unsigned char hash[crypto_generichash_BYTES];
	char hex[2 * 16 + 1];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)key, strlen(key), NULL, 0);
	sodium_bin2hex(hex, sizeof(hex), hash, 16);
	return xasprintf("<alpi.%s@%s>", hex, at == NULL || at[1] == '\0' ? "localhost" : at + 1);
}

char *
mailtext_answer(const char *from, const char *to, const char *meta, const char *key, const char *text, const struct mime_file *file,
    size_t *len, struct error *e)
{
	cleanup_json json_t *m = meta == NULL ? NULL : json_parse(meta, strnlen(meta, META_MAX), 4, NULL);
	const char *asked = json_str(m, "message_id", NULL);
	cleanup_free char *id = mailtext_message_id(key, from), *subject = mime_reply_subject(json_str(m, "subject", NULL));
	cleanup_free char *references = mime_reply_references(json_str(m, "references", NULL), asked);

	return mime_write(&(struct mime_draft){ .message_id = id, .from = from, .to = to, .subject = subject, .in_reply_to = asked,
	    .references = references, .text = text, .automated = true, .files = file,
	    .nfiles = file != NULL, .date = clock_wall_ms() / 1000 }, len, e);
}
