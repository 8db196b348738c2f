/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See mailbox.h: the platform's row, and when a look begins. How far the
 * mailbox was read moves in the transaction that puts the mails on disk; the
 * file imap-state.json follows it, for the reference implementation.
 */
#include "gatewayd/mailbox.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/restrict.h"
#include "gatewayd/breaker.h"
#include "gatewayd/intake.h"
#include "gatewayd/mime.h"
#include "gatewayd/settings.h"
#include "gatewayd/split.h"
#include "gatewayd/state.h"

#define RETRY_MS	5000
#define INTERVAL_S	60
#define INTERVAL_MAX_S	86400

/* ---- how far it was read ----------------------------------------------------------------------------- */

/* {"<address>": uid}; what stands there of other accounts stays. */
static void
state_write(const struct mailbox *m)
{
	json_t *state = state_load(m->state);

	json_object_set_new(state, m->address, json_integer(m->uid));
	state_save(m->state, state);
}

/* By our own word, else by the reference implementation's, which did not keep the mailbox's validity. */
static void
read_mark(struct mailbox *m)
{
	cleanup_free char *mark = inbox_mark(m->gateway->inbox, MAILBOX, m->address);
	cleanup_json json_t *state = NULL;

	if (mark != NULL && sscanf(mark, "%" SCNd64 " %" SCNd64, &m->validity, &m->uid) == 2)
		return;
	state = state_load(m->state);
	m->validity = -1;
	m->uid = json_int(state, m->address, -1);
}

int
mailbox_keep(struct mailbox *m, const struct arrival *rows, size_t n, int64_t validity, int64_t uid, struct error *e)
{
	cleanup_free char *mark = xasprintf("%" PRId64 " %" PRId64, validity, uid);

	if (intake(m->gateway, MAILBOX, m->address, rows, n, mark, e) == -1)
		return -1;
	m->validity = validity;
	m->uid = uid;
	state_write(m);
	return 0;
}

/* ---- looks -------------------------------------------------------------------------------------------- */

static void look(struct mailbox *m);

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	look(arg);
}

static void
look_in(struct mailbox *m, int64_t ms)
{
	event_add(m->timer, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
}

static void
on_fine(struct mailbox *m)
{
	if (breaker_ok(m->breaker))
		log_info(MAILBOX " is read again");
	free(steal(m->said));
}

static void
on_polled(struct mailbox *m, const char *why)
{
	if (why != NULL && (m->said == NULL || strcmp(m->said, why) != 0)) {
		log_warn(MAILBOX " is not read: %s", why);
		free(m->said);
		m->said = xstrdup(why);
	}
	look_in(m, why == NULL ? m->interval_ms : breaker_failed(m->breaker, why, m->interval_ms < RETRY_MS ? m->interval_ms : RETRY_MS));
	mailbox_poll_free(steal(m->poll));
}

static void
look(struct mailbox *m)
{
	if (m->poll == NULL)
		m->poll = mailbox_look(m, on_fine, on_polled);
}

void
mailbox_wake(struct mailbox *m)
{
	if (m->poll != NULL || breaker_left(m->breaker) == 0)
		return;
	on_fine(m);
	look_in(m, 0);
}

/* ---- settings ------------------------------------------------------------------------------------------- */

static const char *
or_else(const char *value, const char *otherwise)
{
	return value != NULL ? value : otherwise;
}

/* They stand in an address, and end nothing in it. */
static bool
is_host(const char *host)
{
	for (const char *c = host; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && strchr(".-_:[]", *c) == NULL)
			return false;
	return strlen(host) <= 253;
}

static bool
is_port(const char *port)
{
	return strspn(port, "0123456789") == strlen(port) && strlen(port) <= 5 && atoi(port) > 0 && atoi(port) <= 65535;
}

static const char *
what_is_wrong(const struct boot *b, const struct mailbox *m)
{
	if (m->imap.password == NULL)
		return "IMAP_ADDRESS is set, IMAP_PASSWORD is not";
	if (m->imap.host == NULL || m->smtp.host == NULL)
		return "IMAP_ADDRESS is set, IMAP_HOST and SMTP_HOST are not both";
	if (!is_host(m->imap.host) || !is_host(m->smtp.host))
		return "IMAP_HOST and SMTP_HOST must be names of hosts";
	if (!is_port(m->imap.port) || !is_port(m->smtp.port))
		return "IMAP_PORT and SMTP_PORT must be numbers of ports";
	if (strchr(m->address, '@') == NULL || strpbrk(m->address, " <>,;\"") != NULL)
		return "IMAP_ADDRESS is no mail address";
	return NULL;
}

static char *
lower(const char *text)
{
	char *own = xstrdup(text);

	for (char *c = own; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return own;
}

static void
read_logins(struct mailbox *m, const struct boot *b)
{
	const char *address = settings_value(b, "IMAP_ADDRESS"), *password = settings_value(b, "IMAP_PASSWORD");
	const char *ca = settings_value(b, "IMAP_CA_FILE");

	m->imap = (struct imap_login){ settings_value(b, "IMAP_HOST"), or_else(settings_value(b, "IMAP_PORT"), "993"), address, password, ca };
	m->smtp = (struct smtp_login){ settings_value(b, "SMTP_HOST"), or_else(settings_value(b, "SMTP_PORT"), "587"), address, password, ca };
}

static void
read_options(struct mailbox *m, const struct boot *b)
{
	const char *interval = boot_option(b, "gateway.imap.poll_interval"), *mark = boot_option(b, "gateway.imap.mark_as_read");
	int64_t s = interval == NULL ? INTERVAL_S : strtoll(interval, NULL, 10);

	m->interval_ms = (s < 1 ? 1 : s > INTERVAL_MAX_S ? INTERVAL_MAX_S : s) * 1000;
	m->mark_as_read = mark == NULL || strcmp(mark, "false") != 0;
}

/* ---- the row -------------------------------------------------------------------------------------------- */

static void
mailbox_stop(void *self)
{
	struct mailbox *m = self;

	event_del(m->timer);
	mailbox_poll_free(steal(m->poll));
}

static void
mailbox_free(void *self)
{
	struct mailbox *m = self;

	if (m->timer != NULL) {
		mailbox_stop(m);
		event_free(m->timer);
	}
	mailfiles_clear(&m->files);
	transfers_free(m->transfers);
	breaker_free(m->breaker);
	allow_clear(&m->allow);
	free(m->address);
	free(m->state);
	free(m->said);
	free(m);
}

static int
open_rest(struct mailbox *m, const struct boot *b, struct error *e)
{
	cleanup_free char *senders = lower(or_else(settings_value(b, "IMAP_ALLOWED_SENDERS"), ""));

	if ((m->transfers = transfers_new(m->gateway->daemon->base, e)) == NULL ||
	    (m->imap.ca != NULL && restrict_path(m->imap.ca, "r!", e) == -1))
		return -1;
	mime_begin();
	m->files = (struct mailfiles){ .ops = &mailbox_mail, .self = m, .base = m->gateway->daemon->base };
	allow_read(&m->allow, senders, NULL);
	read_options(m, b);
	m->state = path_join(b->home, "gateway/imap-state.json");
	m->breaker = breaker_open(b->home, MAILBOX);
	m->timer = evtimer_new(m->gateway->daemon->base, on_timer, m);
	read_mark(m);
	return 0;
}

static int
mailbox_open(struct gateway *g, void **self, const char **wrong, struct error *e)
{
	const struct boot *b = &g->daemon->boot;
	const char *address = settings_value(b, "IMAP_ADDRESS");
	struct error why = { 0 };
	struct mailbox *m;

	if (address == NULL)
		return 0;
	m = xcalloc(1, sizeof(*m));
	m->gateway = g;
	m->address = lower(address);
	read_logins(m, b);
	*wrong = what_is_wrong(b, m);
	if (*wrong == NULL && open_rest(m, b, &why) == -1)
		*wrong = "IMAP_CA_FILE cannot be read";
	if (*wrong == NULL)
		*self = m;
	else
		mailbox_free(m);
	return 0;
}

static void
mailbox_serve(void *self)
{
	struct mailbox *m = self;

	look_in(m, breaker_left(m->breaker));
}

static const char *
mailbox_account(const void *self)
{
	return ((const struct mailbox *)self)->address;
}

static const struct breaker *
mailbox_breaker(const void *self)
{
	return ((const struct mailbox *)self)->breaker;
}

static const struct allow *
mailbox_allow(const void *self)
{
	return &((const struct mailbox *)self)->allow;
}

/* A mail is as long as it is. */
static char **
mailbox_split(const char *reply)
{
	return split_text(reply, SIZE_MAX / 8);
}

static struct fetching *
mailbox_fetch(void *self, const char *id, fetched_fn *done, void *arg)
{
	return mailfile_fetch(&((struct mailbox *)self)->files, id, done, arg);
}

const struct platform mailbox_platform = {
	.name = MAILBOX,
	.banner = "INBOUND EMAIL",
	.open = mailbox_open,
	.serve = mailbox_serve,
	.stop = mailbox_stop,
	.free = mailbox_free,
	.account = mailbox_account,
	.breaker = mailbox_breaker,
	.allow = mailbox_allow,
	.split = mailbox_split,
	.send = mailbox_send,
	.send_file = mailbox_send_file,
	.caption = SIZE_MAX,
	.cancel = mailbox_cancel,
	.fetch = mailbox_fetch,
	.fetch_cancel = mailfile_cancel,
	.probe = mailbox_probe,
	.mail = &mailbox_mail,
};
