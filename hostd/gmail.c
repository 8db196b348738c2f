/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See gateway.h: a person gives us the right to a Gmail account. The client's
 * own credentials, when they come along, are stored first, and the profile's
 * gateway begins with them; it alone speaks to Google, and keeps the verifier
 * and the token. What passes here is an address to visit and a code.
 */
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "hostd/forward.h"
#include "hostd/gateway.h"
#include "hostd/host.h"
#include "hostd/init.h"
#include "hostd/stream.h"

#define RELOAD_S	30
#define EXCHANGE_MS	90000		/* two answers of Google's, thirty seconds each at most */

PASS_ON(gateway_consent)

static void
consent(struct ask *a)
{
	struct error e = { 0 };

	if (forward(a, "gatewayd", MSG_gateway_consent, &(struct gateway_consent){ .redirect = ask_str(a, "redirect_uri") }, FORWARD_MS,
	    on_gateway_consent, &e) == 0)
		return;
	if (e.code == ERR_not_found)
		error_set(&e, ERR_unavailable, "no gateway runs for this profile; alpi gateway enable gmail");
	ask_error(a, &e);
}

static void
on_reloaded(void *arg, const char *lines, const struct error *e)
{
	if (lines == NULL)
		ask_error(arg, e);
	else
		consent(arg);
}

static void
on_stored(void *arg, const json_t *result, const struct error *e)
{
	struct ask *a = arg;
	cleanup_free char *order = xasprintf("reload %s", ask_str(a, "profile"));

	if (result == NULL)
		ask_error(a, e);
	else
		init_order(a->host, order, RELOAD_S, on_reloaded, a);
}

/* The variables that came along; an empty object: none. */
static json_t *
variables(const struct ask *a)
{
	static const char *const names[][2] = { { "client_id", "GMAIL_CLIENT_ID" }, { "client_secret", "GMAIL_CLIENT_SECRET" },
	    { "allowed_senders", "GMAIL_ALLOWED_SENDERS" } };
	json_t *out = json_object();

	for (size_t i = 0; i < COUNT(names); i++) {
		const json_t *v = json_object_get(a->params, names[i][0]);

		if (json_is_string(v))
			json_object_set(out, names[i][1], (json_t *)v);
	}
	return out;
}

int
gmail_begin(struct ask *a, struct error *e)
{
	json_t *config = variables(a);

	if (json_object_size(config) > 0) {
		settings_order(a->host->settings, "gateway_set", json_pack("{s:s, s:s, s:o}", "profile", ask_str(a, "profile"), "name", "gmail",
		    "config", config), on_stored, a);
		return 0;
	}
	json_decref(config);
	consent(a);
	return 0;
}

static void
on_exchange(void *arg, const void *reply, const struct error *e)
{
	struct ask *a = arg;

	if (reply != NULL)
		stream_emit(a->host->stream, "gateway_changed", json_pack("{s:s, s:s, s:s}", "profile", ask_str(a, "profile"), "name", "gmail",
		    "action", "authorized"));
	forward_answer(a, MSG_gateway_exchange, reply, e);
}

int
gmail_exchange(struct ask *a, struct error *e)
{
	return forward(a, "gatewayd", MSG_gateway_exchange, &(struct gateway_exchange){ .state = ask_str(a, "state"), .code = ask_str(a, "code") },
	    EXCHANGE_MS, on_exchange, e);
}
