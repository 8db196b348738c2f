/* SPDX-License-Identifier: Apache-2.0 */
/* What hostd may ask: how the platforms are. Nothing that is said here holds a token. */
#include "gatewayd/breaker.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inbox.h"
#include "gatewayd/telegram.h"
#include "gatewayd/turns.h"

static struct gateway_row
telegram_row(const struct gateway *g)
{
	struct gateway_row row = { .name = "telegram", .status = "disabled", .last_error = g->settings.telegram.wrong,
	    .ignored = inbox_ignored(g->inbox, "telegram") };
	const struct breaker *b;

	while (g->settings.telegram.chats[row.chats] != NULL)
		row.chats++;
	if (g->telegram == NULL)
		return row;
	b = telegram_breaker(g->telegram);
	row.status = breaker_status(b);
	row.failures = breaker_failures(b);
	row.last_error = breaker_why(b);
	row.disabled_until = breaker_until(b);
	return row;
}

static int
gateway_status(struct call *c, const void *in, struct error *e)
{
	const struct gateway *g = c->ctx;
	struct gateway_row row = telegram_row(g);

	return call_reply(c, &(struct gateway_status_reply){ .platforms = &row, .n_platforms = 1,
	    .waiting = inbox_open_rows(g->inbox), .running = (int64_t)turns_running(g->turns) });
}

const struct handler gateway_handlers[] = {
	{ MSG_gateway_status, gateway_status, CAP_none },
	{ 0 }
};
