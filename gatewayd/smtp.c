/* SPDX-License-Identifier: Apache-2.0 */
/* See smtp.h. */
#include "gatewayd/smtp.h"

#include <string.h>

#include "common/mem.h"

#define SEND_MS	30000L

struct smtp {
	struct transfer		*transfer;
	struct curl_slist	*to;
	char			*bytes;
	size_t			 len, at;
	smtp_done		*done;
	void			*arg;
};

static size_t
on_read(char *to, size_t size, size_t n, void *arg)
{
	struct smtp *s = arg;
	size_t most = size * n, left = s->len - s->at, len = left < most ? left : most;

	memcpy(to, s->bytes + s->at, len);
	s->at += len;
	return len;
}

/* 5xx is the server's last word on a mail; but 530, 534, 535 and 538 speak of the login or of TLS, which can be mended. */
static bool
is_final(long status)
{
	return status >= 500 && status < 600 && status != 530 && (status < 534 || status > 538);
}

/* What is not known to be taken goes again, under the same Message-ID. */
static void
on_done(void *arg, CURLcode code, const char *why)
{
	struct smtp *s = arg;
	long status = 0;

	curl_easy_getinfo(transfer_easy(s->transfer), CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK)
		s->done(s->arg, OUT_sent, false, NULL);
	else if (code == CURLE_LOGIN_DENIED)
		s->done(s->arg, OUT_later, false, "the mail server refuses the address or the password");
	else
		s->done(s->arg, is_final(status) ? OUT_never : OUT_later, s->at == s->len && status < 400, why);
}

CURL *
smtp_handle(const struct smtp_login *l)
{
	const char *domain = strrchr(l->user, '@');
	cleanup_free char *url = xasprintf("%s://%s:%s/%s", strcmp(l->port, "465") == 0 ? "smtps" : "smtp", l->host, l->port,
	    domain == NULL ? "" : domain + 1);

	return transfer_handle(url, l->user, l->password, l->ca);
}

struct smtp *
smtp_send(struct transfers *t, const struct smtp_login *l, const char *const *to, size_t n, char *bytes, size_t len, smtp_done *done,
    void *arg)
{
	CURL *easy = smtp_handle(l);
	struct smtp *s = xcalloc(1, sizeof(*s));

	*s = (struct smtp){ .bytes = bytes, .len = len, .done = done, .arg = arg };
	for (size_t i = 0; i < n; i++)
		s->to = curl_slist_append(s->to, to[i]);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, SEND_MS + (long)(len / 50));	/* and what 50 KB/s take */
	curl_easy_setopt(easy, CURLOPT_MAIL_FROM, l->user);
	curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, s->to);
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(easy, CURLOPT_READDATA, s);
	curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)len);
	s->transfer = transfer_start(t, easy, on_done, s);
	return s;
}

void
smtp_end(struct smtp *s)
{
	if (s == NULL)
		return;
	transfer_end(s->transfer);
	curl_slist_free_all(s->to);
	free(s->bytes);
	free(s);
}
