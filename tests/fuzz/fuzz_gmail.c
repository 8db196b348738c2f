/* SPDX-License-Identifier: Apache-2.0 */
/* What Gmail's server says, as each of its answers: a page of history, a message, its bytes, a token. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/gmail_read.h"
#include "gatewayd/mailtext.h"
#include "gatewayd/oauth.h"

static void
check_page(const json_t *said)
{
	struct gmail_page p;

	gmail_page_read(&p, said);
	for (size_t i = 0; i < p.n; i++)
		if (!gmail_is_id(p.ids[i]))
			abort();
	if ((p.last != NULL && !gmail_is_id(p.last)) || (p.now != NULL && !gmail_is_id(p.now)))
		abort();
	gmail_page_clear(&p);
}

static void
check_mail(struct mime_mail *m)
{
	cleanup_free char *meta = NULL, *text = NULL, *answer = NULL;
	size_t len;

	if (m == NULL)
		return;
	meta = mailtext_meta(m, NULL);
	text = mailtext_prompt(m);
	answer = mailtext_answer("me@gmail.example", m->from, meta, "k", m->text, NULL, &len, NULL);
	if (answer != NULL && strlen(answer) == len) {
		struct mime_mail *back = mime_read(answer, len, NULL);

		if (back == NULL || !back->automated || strcmp(back->from, "me@gmail.example") != 0)
			abort();
		mime_free(back);
	}
	mime_free(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_json json_t *said = json_parse((const char *)data, size, 48, NULL);
	struct oauth_token t = { 0 };
	struct gmail_message m;
	size_t len;
	void *raw;

	mime_begin();
	if (!json_is_object(said))
		return 0;
	check_page(said);
	if (gmail_message_read(&m, said) == 0 && !gmail_is_id(m.id))
		abort();
	check_mail(gmail_headers(said));
	if ((raw = gmail_raw(said, &len)) != NULL)
		check_mail(mime_read(raw, len, NULL));
	free(raw);
	if (oauth_token_read(&t, said, NULL) == 0 && strpbrk(t.refresh, "\r\n") != NULL)
		abort();
	if (oauth_token_take(&t, said, 0, NULL) == 0 && strpbrk(t.access, " \r\n") != NULL)
		abort();
	oauth_token_clear(&t);
	return 0;
}
