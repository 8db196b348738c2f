/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a request to our webhook is what it says, and what it says:
 *
 *   X-Alpi-Timestamp: Unix seconds
 *   X-Alpi-Signature: sha256=HEX of HMAC-SHA-256 over TIMESTAMP "." BODY
 *   {"chat_id": "..", "text": "..", "sender": "..", "id": ".."}
 *
 * Who holds the secret may speak; nothing is read of a body before that is
 * sure. Pure: the clock's time comes in, and a request that was here before
 * is known by its name, not here.
 */
#ifndef ALPI_GATEWAYD_WEBHOOK_CHECK_H
#define ALPI_GATEWAYD_WEBHOOK_CHECK_H

#include <stddef.h>
#include <stdint.h>

#define WEBHOOK_BODY_MAX	(128 * 1024)
#define WEBHOOK_TEXT_MAX	65536
#define WEBHOOK_NAME_MAX	128		/* bytes of chat_id, sender, id */
#define WEBHOOK_WINDOW_S	300		/* that a clock may be wrong, or a request late */
#define WEBHOOK_SECRET_MIN	16

struct webhook_request {			/* borrowed; a header that is not there is NULL */
	const char	*timestamp, *signature;
	const char	*body;
	size_t		 len;
};

struct webhook_message {
	char	*ref;			/* "id LENGTH:CHAT ID", or "signature HEX" without one: the same again for the same request */
	char	*chat, *sender, *text;
};

/* 202 with the message, or the status to refuse with: 400, 401 (not signed), 403 (too old, or of the future), 413. *why: static. */
int	 webhook_check(const char *secret, const struct webhook_request *r, int64_t now_s, struct webhook_message *out, const char **why);
void	 webhook_message_clear(struct webhook_message *m);

#endif
