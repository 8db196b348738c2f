/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one call of the tool `email`: look, write, ask, act; each kind
 * of call takes those of the steps that it needs. The letter is finished
 * before the question: what was shown is what leaves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/audit.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/email_show.h"
#include "gatewayd/mailbook.h"
#include "gatewayd/mailcalls_own.h"
#include "gatewayd/outfile.h"

#define DONE_MS		(10 * 60 * 1000)	/* a result is kept so long */
#define HELD_S		60
#define LETTERS_MAX	(64u << 20)		/* bytes that wait for people */
#define WHY_MAX		1000			/* bytes of a server's words */
#define OTHER		"the account is another one than the one it was meant for; nothing was done"
#define UNKNOWN		"outcome unknown: the account did not say whether it was done. It may have been; look before you repeat it."

/* ---- which account -------------------------------------------------------------------------------------- */

static const char *
address_now(const struct line *l)
{
	return l->platform->mail->address(l->self);
}

int
mailcall_choose(struct mailcall *x, struct error *e)
{
	const char *wanted = x->ask.account;
	bool asleep = false;
	size_t n = 0;

	for (const struct line *l = x->in->gateway->lines; l->platform != NULL; l++) {
		if (l->self == NULL || l->platform->mail == NULL || (wanted != NULL && strcmp(l->platform->name, wanted) != 0))
			continue;
		if (address_now(l) == NULL) {
			asleep = true;
			continue;
		}
		x->line = l;
		n++;
	}
	if (n == 1) {
		x->address = xstrdup(address_now(x->line));
		return 0;
	}
	if (n > 1)
		return error_set(e, ERR_invalid, "there are two accounts: say \"account\", imap or gmail");
	if (asleep)
		return error_set(e, ERR_unsupported, "nobody has authorised the Gmail account; \"alpi gateway gmail authorize\" does that");
	if (wanted != NULL)
		return error_set(e, ERR_unsupported, "there is no mail account %.40s in this profile", wanted);
	return error_set(e, ERR_unsupported, "no mail account is set up in this profile; \"alpi setup\" does that");
}

/* Somebody has authorised another one while a person was asked, or the call waited. */
static bool
is_another(const struct mailcall *x)
{
	const char *now = address_now(x->line);

	return now == NULL || strcmp(now, x->address) != 0;
}

/* ---- its end --------------------------------------------------------------------------------------------- */

void
mailcall_arm(struct mailcall *x, int64_t ms)
{
	event_add(x->timer, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
}

static void
drop_files(const struct mailcall *x)
{
	int64_t size;

	for (size_t i = 0; email_file(&x->ask, i, &size) != NULL; i++) {
		cleanup_free char *key = email_file_key(x->key, i);

		outfile_drop(x->in->gateway->daemon->boot.home, key);
	}
}

/* text is taken. */
static void
end(struct mailcall *x, char *text, const char *code)
{
	x->state = MAILCALL_done;
	x->ok = code == NULL;
	x->text = text;
	x->code = code;
	email_letter_clear(&x->letter);
	drop_files(x);
	mailcall_arm(x, DONE_MS);
	mailcalls_changed(x);
}

void
mailcall_fail(struct mailcall *x, enum error_code code, const char *why)
{
	if (x->work != NULL)
		x->line->platform->mail->end(steal(x->work));
	end(x, xasprintf("email %s: %.*s", x->ask.kind->name, (int)utf8_cut(why, strlen(why), WHY_MAX), why), error_name(code));
}

static void
fail(struct mailcall *x, const struct error *e)
{
	mailcall_fail(x, e->code, e->text);
}

/* ---- it changes something --------------------------------------------------------------------------------- */

/* What is said of one that went well; the caller frees. */
static char *
done_text(const struct mailcall *x)
{
	const struct email *m = &x->ask;

	if (m->kind->writes)
		return xasprintf("%s: sent from %s to %s", m->kind->name, x->address, x->letter.to);
	if (m->kind->action == EMAIL_move)
		return xasprintf("moved from %s to %s", m->folder, m->dest);
	return xasprintf("moved from %s to the trash", m->folder);
}

static void
on_acted(void *arg, const struct mail_result *r)
{
	struct mailcall *x = arg;
	bool ok = r->outcome == OUT_sent, unknown = r->outcome == OUT_later;
	const char *why = unknown ? UNKNOWN : r->why == NULL ? "the account refuses it" : r->why;
	cleanup_free char *text = ok ? done_text(x) : xasprintf("email %s: %.*s", x->ask.kind->name,
	    (int)utf8_cut(why, strlen(why), WHY_MAX), why);
	struct error e = { 0 };

	x->work = NULL;
	log_info("email %s call=%s %s", x->ask.kind->name, x->key, ok ? "done" : unknown ? "unknown" : "refused");
	/* Should this fail, a gatewayd after us says that the outcome is unknown, and does nothing twice either. */
	if (mailbook_end(x->in->db, x->key, ok, text, &e) == -1)
		log_warn("call %s is not closed on disk: %s", x->key, e.text);
	end(x, steal(text), ok ? NULL : error_name(ERR_unavailable));
}

static void
act(struct mailcall *x)
{
	struct mail_order o = {
		.act = x->ask.kind->act, .folder = x->ask.folder, .uid = x->ask.uid, .dest = x->ask.dest,
		.bytes = x->letter.bytes, .len = x->letter.len,
		.receivers = (const char *const *)x->letter.receivers, .n_receivers = x->letter.n,
	};
	struct error e = { 0 };

	if (x->in->gateway->draining) {
		mailcall_fail(x, ERR_unavailable, "the gateway is stopping; nothing was done");
		return;
	}
	if (is_another(x)) {
		mailcall_fail(x, ERR_conflict, OTHER);
		return;
	}
	if (mailbook_begin(x->in->db, x->key, x->turn, &e) == -1) {
		fail(x, &e);
		return;
	}
	x->state = MAILCALL_acting;
	mailcalls_changed(x);
	x->work = x->line->platform->mail->begin(x->line->self, &o, on_acted, x);
}

/* ---- a person allows it ------------------------------------------------------------------------------------ */

static int
record(struct mailcall *x, bool allowed, const char *reason, struct error *e)
{
	char hash[65];
	cleanup_json json_t *detail = NULL;

	audit_hash(x->shown, strlen(x->shown), hash);
	detail = json_pack("{s:s, s:s, s:s, s:s, s:s}", "call", x->key, "severity", "caution", "label", x->ask.kind->label,
	    "reason", reason, "command", hash);
	return audit_add(x->in->audit, "approval", x->who, allowed ? "allow" : "deny", detail, e);
}

void
mailcall_decide(struct mailcall *x, bool allowed, const char *reason)
{
	struct error e = { 0 };

	event_del(x->timer);
	if (record(x, allowed, reason, &e) == -1) {
		error_add(&e, "the decision cannot be written down");
		fail(x, &e);
	} else if (!allowed) {
		mailcall_fail(x, ERR_denied, reason);
	} else {
		act(x);
	}
}

/* shown is taken. */
static void
ask(struct mailcall *x, char *shown)
{
	x->shown = shown;
	if (!x->approver) {
		cleanup_free char *why = xasprintf("to %s needs an approval, and nobody is here to give it", x->ask.kind->label);

		mailcall_decide(x, false, why);
		return;
	}
	random_hex(x->ticket, 16);
	x->state = MAILCALL_asking;
	mailcall_arm(x, MAILCALLS_ASK_S * 1000);
	mailcalls_changed(x);
}

/* ---- it looks, and writes ------------------------------------------------------------------------------------ */

/* r NULL: it is about no mail. */
static void
compose(struct mailcall *x, const struct mail_result *r)
{
	struct email_source s = { .home = x->in->gateway->daemon->boot.home, .key = x->key, .address = x->address,
	    .account = x->line->platform->name, .bytes = r == NULL ? NULL : r->bytes, .len = r == NULL ? 0 : r->len };
	struct error e = { 0 };

	if (email_write(&x->ask, &s, &x->letter, &e) == -1)
		fail(x, &e);
	else if (mailcalls_letters(x->in) > LETTERS_MAX)
		mailcall_fail(x, ERR_busy, "too many large mails wait for somebody's answer already");
	else
		ask(x, steal(x->letter.shown));
}

static void
show_deleted(struct mailcall *x, const struct mail_result *r)
{
	struct email_source s = { .address = x->address, .account = x->line->platform->name, .bytes = r->bytes, .len = r->len };
	struct error e = { 0 };
	char *shown = email_shown_delete(&x->ask, &s, &e);

	if (shown == NULL)
		fail(x, &e);
	else
		ask(x, shown);
}

static void
answer(struct mailcall *x, char *text, const struct error *e)
{
	if (text == NULL)
		fail(x, e);
	else
		end(x, text, NULL);
}

static void
show_mail(struct mailcall *x, const struct mail_result *r)
{
	struct error e = { 0 };

	answer(x, email_show_mail(&x->ask, r, &e), &e);
}

static void
on_release(evutil_socket_t fd, short what, void *arg)
{
	mailcalls_let_go(arg);
}

void
mailcalls_let_go(struct mailcalls *all)
{
	if (all->release != NULL)
		event_free(steal(all->release));
	free(all->held.address);
	free(all->held.folder);
	free(all->held.uid);
	mime_free(all->held.mail);
	all->held = (struct mailcalls_held){ 0 };
}

/* mail is taken. */
static void
hold(struct mailcall *x, struct mime_mail *mail)
{
	struct mailcalls *all = x->in;

	mailcalls_let_go(all);
	all->held = (struct mailcalls_held){ .line = x->line, .address = xstrdup(x->address),
	    .folder = xstrdup(x->ask.folder), .uid = xstrdup(x->ask.uid), .mail = mail };
	all->release = evtimer_new(all->gateway->daemon->base, on_release, all);
}

/* Of the mail that is held. The next one will be asked for soon. */
static void
give_piece(struct mailcall *x)
{
	struct error e = { 0 };

	event_add(x->in->release, &(struct timeval){ .tv_sec = HELD_S });
	answer(x, email_show_piece(&x->ask, x->in->held.mail, &e), &e);
}

static void
show_piece(struct mailcall *x, const struct mail_result *r)
{
	struct error e = { 0 };
	struct mime_mail *mail = mime_look(r->bytes, r->len, &e);

	if (mail == NULL) {
		fail(x, &e);
		return;
	}
	hold(x, mail);
	give_piece(x);
}

static void
show_list(struct mailcall *x, const struct mail_result *r)
{
	end(x, email_show_list(r), NULL);
}

/* What follows the look. */
static void (*const seen[])(struct mailcall *, const struct mail_result *) = {
	[EMAIL_list] = show_list,
	[EMAIL_search] = show_list,
	[EMAIL_read] = show_mail,
	[EMAIL_reply] = compose,
	[EMAIL_forward] = compose,
	[EMAIL_delete] = show_deleted,
	[EMAIL_download] = show_piece,
};

static void
on_seen(void *arg, const struct mail_result *r)
{
	struct mailcall *x = arg;

	x->work = NULL;
	if (r->outcome == OUT_sent)
		seen[x->ask.kind->action](x, r);
	else
		mailcall_fail(x, ERR_unavailable, r->why == NULL ? "the account cannot be reached" : r->why);
}

static bool
is_held(const struct mailcall *x)
{
	const struct mailcalls_held *h = &x->in->held;

	return x->ask.kind->action == EMAIL_download && h->line == x->line && strcmp(h->address, x->address) == 0 &&
	    strcmp(h->uid, x->ask.uid) == 0 && strcmp(h->folder, x->ask.folder) == 0;
}

static void
look(struct mailcall *x)
{
	const struct email *m = &x->ask;
	struct mail_order o = {
		.act = m->kind->one ? MAIL_fetch : MAIL_list, .folder = m->folder, .uid = m->uid,
		.from = m->from, .to = m->to, .subject = m->subject, .body = m->body, .since = m->since,
		.unread_only = m->unread_only, .limit = m->limit,
	};

	x->state = MAILCALL_looking;
	if (is_another(x))
		mailcall_fail(x, ERR_conflict, OTHER);
	else if (is_held(x))
		give_piece(x);
	else
		x->work = x->line->platform->mail->begin(x->line->self, &o, on_seen, x);
}

void
mailcall_go(struct mailcall *x)
{
	event_del(x->timer);
	if (x->ask.kind->looks || x->ask.kind->act == MAIL_list)
		look(x);
	else if (x->ask.kind->writes)
		compose(x, NULL);
	else
		act(x);
}
