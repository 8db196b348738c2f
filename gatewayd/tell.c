/* SPDX-License-Identifier: Apache-2.0 */
/* See tell.h. Nothing depends on it: with hostd away an event is lost, and the state stands in status. */
#include "gatewayd/tell.h"

#include "common/call.h"
#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/breaker.h"
#include "gatewayd/gateway.h"

#define TELL_MS	5000

static void
on_told(void *arg, const void *reply, const struct error *e)
{
}

static void
on_change(void *arg, const struct breaker *b, const char *platform, const char *previous)
{
	struct gateway *g = arg;
	const char *why = breaker_why(b);
	int64_t until = breaker_until(b);
	cleanup_json json_t *data = json_pack("{s:s, s:s, s:s, s:s, s:o}", "platform", platform, "previous", previous, "status",
	    breaker_status(b), "reason", why != NULL ? why : "", "disabled_until", until > 0 ? json_integer(until) : json_null());

	if (data != NULL)
		request_send(g->daemon, "default/hostd", MSG_event_push, &(struct event_push){ .kind = "gateway.state", .data = data },
		    NULL, TELL_MS, on_told, NULL, NULL);
}

void
tell_begin(struct gateway *g)
{
	breaker_watch(on_change, g);
}
