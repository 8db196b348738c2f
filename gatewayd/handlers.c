/* SPDX-License-Identifier: Apache-2.0 */
/* What hostd may ask, how the platforms are, and engined: that messages be sent, and what is in the mailbox. Nothing that is said here holds a token. */
#include "gatewayd/allow.h"
#include "gatewayd/breaker.h"
#include "gatewayd/gateway.h"
#include "gatewayd/gmail.h"
#include "gatewayd/inbox.h"
#include "gatewayd/mailcalls.h"
#include "gatewayd/posts.h"
#include "gatewayd/turns.h"

#define ROWS_MAX	16

static struct gateway_row
row_of(const struct gateway *g, const struct line *l)
{
	struct gateway_row row = { .name = l->platform->name, .status = "disabled", .last_error = l->wrong,
	    .ignored = inbox_ignored(g->inbox, l->platform->name), .waiting = inbox_waiting(g->inbox, l->platform->name) };
	const struct breaker *b;

	if (l->self == NULL)
		return row;
	b = l->platform->breaker(l->self);
	row.chats = (int64_t)allow_chats(l->platform->allow(l->self));
	row.status = breaker_status(b);
	row.failures = breaker_failures(b);
	row.last_error = breaker_why(b) != NULL ? breaker_why(b) : l->wrong;
	row.disabled_until = breaker_until(b);
	return row;
}

static int
gateway_status(struct call *c, const void *in, struct error *e)
{
	const struct gateway *g = c->ctx;
	struct gateway_row rows[ROWS_MAX];
	size_t n = 0;

	for (const struct line *l = g->lines; l->platform != NULL && n < ROWS_MAX; l++)
		if (l->self != NULL || l->wrong != NULL)
			rows[n++] = row_of(g, l);
	return call_reply(c, &(struct gateway_status_reply){ .platforms = rows, .n_platforms = n,
	    .waiting = inbox_open_rows(g->inbox), .running = (int64_t)turns_running(g->turns) });
}

const struct handler gateway_handlers[] = {
	{ MSG_gateway_status,   gateway_status, CAP_none },
	{ MSG_gateway_probe,    gateway_probe,  CAP_none },
	{ MSG_gateway_consent,  gmail_consent,  CAP_none },
	{ MSG_gateway_exchange, gmail_exchange, CAP_none },
	{ MSG_message_file,     posts_file,     CAP_message },
	{ MSG_message_send,     posts_send,     CAP_message },
	{ MSG_message_next,     posts_next,     CAP_none },
	{ MSG_tool_exec,        mailcalls_exec_asked,    CAP_mail },
	{ MSG_tool_next,        mailcalls_next_asked,    CAP_none },	/* a key is known to its turn alone */
	{ MSG_tool_cancel,      mailcalls_cancel_asked,  CAP_none },
	{ MSG_tool_approve,     mailcalls_approve_asked, CAP_none },	/* the person's seal is the permission */
	{ 0 }
};
