/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mail account's row of the table, driven without the daemon: gatewayd's own
 * code against a server, one order after the other.
 *
 *   mailops HOME PLATFORM
 *
 * The settings come from the environment under their own names. An order is a
 * line of JSON on standard input: act (list, fetch, move, trash, send), folder, uid, dest, from,
 * to, subject, body, since, unread_only, limit, bytes, receivers. Prints one line of JSON for each.
 */
#include <stdio.h>
#include <string.h>

#include "common/http.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inbox.h"
#include "gatewayd/mail.h"

static const char *const acts[] = { [MAIL_list] = "list", [MAIL_fetch] = "fetch", [MAIL_move] = "move", [MAIL_trash] = "trash",
    [MAIL_send] = "send" };
static const char *const outcomes[] = { [OUT_sent] = "done", [OUT_later] = "unknown", [OUT_never] = "never" };

static void
print(const struct mail_result *r)
{
	cleanup_free char *bytes = r->bytes == NULL ? NULL : utf8_clean(r->bytes, r->len);
	cleanup_json json_t *out = json_pack("{s:s, s:s*, s:s*, s:b}", "outcome", outcomes[r->outcome], "why", r->why, "bytes", bytes,
	    "unread", r->unread);
	json_t *rows = json_array();
	cleanup_free char *text = NULL;

	for (size_t i = 0; i < r->n_rows; i++) {
		const struct mail_row *m = &r->rows[i];

		json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "uid", m->uid, "from", m->from, "to", m->to,
		    "subject", m->subject, "date", m->date, "folder", m->folder, "unread", m->unread, "files", m->files));
	}
	json_object_set_new(out, "rows", rows);
	text = json_text(out);
	puts(text);
}

static void
on_done(void *arg, const struct mail_result *r)
{
	print(r);
	event_base_loopbreak(arg);
}

static void
run(const struct platform *p, void *self, struct event_base *base, const char *text)
{
	cleanup_json json_t *j = json_parse(text, strlen(text), 4, NULL);
	const json_t *list = json_object_get(j, "receivers");
	const char *act = json_str(j, "act", ""), *receivers[8] = { NULL };
	struct mail_order o = { .folder = json_str(j, "folder", NULL), .uid = json_str(j, "uid", NULL), .dest = json_str(j, "dest", NULL),
	    .from = json_str(j, "from", NULL), .to = json_str(j, "to", NULL), .subject = json_str(j, "subject", NULL),
	    .body = json_str(j, "body", NULL), .since = json_str(j, "since", NULL), .unread_only = json_bool(j, "unread_only", false),
	    .limit = (size_t)json_int(j, "limit", 20), .bytes = json_str(j, "bytes", ""), .receivers = receivers };

	for (size_t i = 0; i < COUNT(acts); i++)
		if (strcmp(act, acts[i]) == 0)
			o.act = (enum mail_act)i;
	o.len = strlen(o.bytes);
	for (; o.n_receivers < json_array_size(list) && o.n_receivers < COUNT(receivers); o.n_receivers++)
		receivers[o.n_receivers] = json_string_value(json_array_get(list, o.n_receivers));
	p->mail->begin(self, &o, on_done, base);
	event_base_dispatch(base);
}

static void
read_settings(struct boot *b)
{
	static char *const names[] = { "IMAP_ADDRESS", "IMAP_PASSWORD", "IMAP_HOST", "IMAP_PORT", "SMTP_HOST", "SMTP_PORT", "IMAP_CA_FILE",
	    "GMAIL_CLIENT_ID", "GMAIL_CLIENT_SECRET", "GMAIL_API_URL" };

	b->secrets = xcalloc(COUNT(names), sizeof(*b->secrets));
	for (size_t i = 0; i < COUNT(names); i++)
		if (getenv(names[i]) != NULL)
			b->secrets[b->nsecrets++] = (struct boot_secret){ xstrdup(names[i]), xstrdup(getenv(names[i])) };
}

int
main(int argc, char *argv[])
{
	struct daemon d = { .name = "gatewayd", .base = event_base_new() };
	struct gateway g = { .daemon = &d };
	const struct platform *p = argc == 3 && strcmp(argv[2], "gmail") == 0 ? &gmail_platform : &mailbox_platform;
	const char *wrong = NULL;
	struct error e = { 0 };
	void *self = NULL;
	char *line = NULL;
	size_t size = 0;

	if (argc != 3)
		return 2;
	d.boot.home = xstrdup(argv[1]);
	read_settings(&d.boot);
	if ((g.inbox = inbox_open(d.boot.home, &e)) == NULL || (g.http = http_new(d.base, &e)) == NULL ||
	    p->open(&g, &self, &wrong, &e) == -1 || self == NULL) {
		fprintf(stderr, "%s\n", wrong != NULL ? wrong : e.text);
		return 1;
	}
	while (getline(&line, &size, stdin) > 0)
		run(p, self, d.base, line);
	free(line);
	p->free(self);
	http_free(g.http);
	inbox_close(g.inbox);
	boot_clear(&d.boot);
	event_base_free(d.base);
	return 0;
}
