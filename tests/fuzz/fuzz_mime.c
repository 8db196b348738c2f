/* SPDX-License-Identifier: Apache-2.0 */
/* A stranger's mail, read; an answer to it written and read again; and whom an answer to all of them would go to. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/mime.h"
#include "gatewayd/mime_html.h"

static void
check_utf8(const char *text)
{
	cleanup_free char *clean = text == NULL ? NULL : utf8_clean(text, strlen(text));

	if (text != NULL && strcmp(clean, text) != 0)
		abort();
}

static void
answer(const struct mime_mail *m)
{
	cleanup_free char *subject = mime_reply_subject(m->subject), *references = mime_reply_references(m->references, m->message_id);
	struct mime_draft d = { .message_id = "<x@y>", .from = "me@here", .to = m->from, .subject = subject,
	    .in_reply_to = m->message_id, .references = references, .text = m->text, .automated = true,
	    .files = m->files, .nfiles = m->nfiles < 2 ? m->nfiles : 2 };
	struct error e = { 0 };
	size_t len;
	cleanup_free char *bytes = mime_write(&d, &len, &e);
	struct mime_mail *back;

	if (bytes == NULL)
		abort();
	if ((back = mime_read(bytes, len, &e)) == NULL || !back->automated || strcmp(back->from, "me@here") != 0)
		abort();
	if (back->nfiles != d.nfiles || (d.nfiles > 0 && back->files[0].len != m->files[0].len))
		abort();
	mime_free(back);
}

#define MOST	5

/* Joined as a header of ours has them; the caller frees. */
static char *
join(char *const *all)
{
	struct buf b = BUF(0);

	for (size_t i = 0; all[i] != NULL; i++)
		(void)buf_addf(&b, "%s%s", i > 0 ? ", " : "", all[i]);
	return buf_take(&b);
}

static void
free_all(char **all)
{
	for (char **a = all; *a != NULL; a++)
		free(*a);
	free(all);
}

/* What a stranger's header holds goes into one of ours: each is one address, and all of them are the same when read again. */
static void
answer_all(const uint8_t *data, size_t size, const char *header, const char *from)
{
	char **all = mime_addresses(data, size, header, MOST), **back;
	cleanup_free char *line = join(all), *bytes = NULL, *again = NULL;
	struct mime_draft d = { .from = "me@here", .to = line, .subject = "x", .text = "" };
	size_t n = 0, len;
	struct error e = { 0 };

	for (; all[n] != NULL; n++)
		if (!mime_is_address(all[n]))
			abort();
	if (n > MOST || (from != NULL && (n != 1 || strcmp(all[0], from) != 0)))
		abort();
	free_all(all);
	if (n == 0)
		return;
	if ((bytes = mime_write(&d, &len, &e)) == NULL)
		abort();
	back = mime_addresses(bytes, len, "To", MOST);
	again = join(back);
	free_all(back);
	if (strcmp(again, line) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool begun;
	struct error e = { 0 };
	struct mime_mail *m;
	cleanup_free char *html = xstrndup((const char *)data, size);

	if (!begun)
		mime_begin();
	begun = true;
	free(html_text(html));
	answer_all(data, size, "To", NULL);
	answer_all(data, size, "Cc", NULL);
	answer_all(data, size, "Reply-To", NULL);
	if ((m = mime_read(data, size, &e)) == NULL)
		return 0;
	check_utf8(m->from_name);
	check_utf8(m->subject);
	check_utf8(m->to);
	check_utf8(m->cc);
	check_utf8(m->text);
	for (size_t i = 0; i < m->nfiles; i++)
		check_utf8(m->files[i].name);
	if (m->nfiles > MIME_FILES_MAX || strlen(m->text) > MIME_TEXT_MAX)
		abort();
	answer(m);
	answer_all(data, size, "From", m->from);
	mime_free(m);
	return 0;
}
