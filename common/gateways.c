/* SPDX-License-Identifier: Apache-2.0 */
/* See gateways.h. */
#include "common/gateways.h"

#include <stddef.h>
#include <string.h>

static const struct gateway_key telegram[] = {
	{ "TELEGRAM_BOT_TOKEN",        "token",   GATEWAY_SECRET, true,  "the bot's token, from @BotFather" },
	{ "TELEGRAM_ALLOWED_CHAT_IDS", "chats",   GATEWAY_ALLOW,  false, "chats that may write, by number, comma separated" },
	{ "TELEGRAM_ALLOWED_USER_IDS", "users",   GATEWAY_LIST,   false, "people who may write there (empty: whoever is in such a chat)" },
	{ "TELEGRAM_API_URL",          "api-url", GATEWAY_TEXT,   false, "another Bot API server (empty: Telegram's own)" },
	{ 0 }
};

static const struct gateway_key imap[] = {
	{ "IMAP_ADDRESS",         "address",   GATEWAY_TEXT,   true,  "mail address" },
	{ "IMAP_PASSWORD",        "password",  GATEWAY_SECRET, true,  "its password" },
	{ "IMAP_HOST",            "host",      GATEWAY_TEXT,   true,  "IMAP server" },
	{ "IMAP_PORT",            "port",      GATEWAY_TEXT,   false, "its port (empty: 993)" },
	{ "SMTP_HOST",            "smtp-host", GATEWAY_TEXT,   true,  "SMTP server" },
	{ "SMTP_PORT",            "smtp-port", GATEWAY_TEXT,   false, "its port (empty: 587)" },
	{ "IMAP_CA_FILE",         "ca-file",   GATEWAY_TEXT,   false, "file of who signs their certificates (empty: the system's)" },
	{ "IMAP_ALLOWED_SENDERS", "senders",   GATEWAY_ALLOW,  false, "addresses that may write, comma separated" },
	{ 0 }
};

static const struct gateway_key gmail[] = {
	{ "GMAIL_CLIENT_ID",       "client-id",     GATEWAY_TEXT,   true,  "OAuth client id" },
	{ "GMAIL_CLIENT_SECRET",   "client-secret", GATEWAY_SECRET, true,  "OAuth client secret" },
	{ "GMAIL_ALLOWED_SENDERS", "senders",       GATEWAY_ALLOW,  false, "addresses that may write, comma separated" },
	{ "GMAIL_API_URL",         "api-url",       GATEWAY_TEXT,   false, "another server for all of Google's (empty: Google's own)" },
	{ 0 }
};

static const struct gateway_key matrix[] = {
	{ "MATRIX_HOMESERVER_URL",   "homeserver", GATEWAY_TEXT,   true,  "homeserver, https://..." },
	{ "MATRIX_USER_ID",          "user",       GATEWAY_TEXT,   true,  "our user id, @name:server" },
	{ "MATRIX_ACCESS_TOKEN",     "token",      GATEWAY_SECRET, true,  "its access token" },
	{ "MATRIX_DEVICE_ID",        "device",     GATEWAY_TEXT,   false, "device id (may be empty)" },
	{ "MATRIX_ALLOWED_ROOMS",    "rooms",      GATEWAY_ALLOW,  false, "rooms that may write, !id:server, comma separated" },
	{ "MATRIX_ALLOWED_CHAT_IDS", NULL,         GATEWAY_ALLOW,  false, NULL },	/* the reference's other name for it */
	{ "MATRIX_ALLOWED_SENDERS",  "senders",    GATEWAY_LIST,   false, "people who may write there (empty: whoever is in such a room)" },
	{ "MATRIX_ALLOWED_USER_IDS", NULL,         GATEWAY_LIST,   false, NULL },	/* and for this */
	{ 0 }
};

static const struct gateway_key webhook[] = {
	{ "WEBHOOK_POST_URL",         "post-url", GATEWAY_TEXT,   false, "where messages are posted to (empty: nowhere)" },
	{ "WEBHOOK_SECRET",           "secret",   GATEWAY_SECRET, false, "secret of those who post to us (empty: nobody does)" },
	{ "WEBHOOK_ALLOWED_CHAT_IDS", "chats",    GATEWAY_LIST,   false, "chats that they may name, comma separated (leave out: any)" },
	{ 0 }
};

static const struct gateway_key ntfy[] = {
	{ "NTFY_TOPIC", "topic",  GATEWAY_TEXT,   true,  "the topic that your phone listens to" },
	{ "NTFY_URL",   "server", GATEWAY_TEXT,   false, "another server (empty: ntfy.sh)" },
	{ "NTFY_TOKEN", "token",  GATEWAY_SECRET, false, "its access token (empty: none)" },
	{ 0 }
};

const struct gateway_kind gateway_kinds[] = {
	{ "telegram", "Telegram", telegram, NULL,                       { "gateway/telegram-state.json" } },
	{ "imap",     "IMAP",     imap,     NULL,                       { "gateway/imap-state.json" } },
	{ "gmail",    "Gmail",    gmail,    "secrets/gmail_token.json",
	    { "gateway/gmail-state.json", "secrets/gmail_token.json", "secrets/.gmail_token.lock" } },
	{ "matrix",   "Matrix",   matrix,   NULL,                       { "gateway/matrix-state.json" } },
	{ "webhook",  "Webhook",  webhook,  NULL,                       { NULL } },
	{ "ntfy",     "ntfy",     ntfy,     NULL,                       { NULL } },
	{ 0 }
};

/* What init hands to the one unit that gets them; the unit test holds this list and the tables together. */
const char *const gateway_variables[] = {
	"TELEGRAM_BOT_TOKEN", "TELEGRAM_ALLOWED_CHAT_IDS", "TELEGRAM_ALLOWED_USER_IDS", "TELEGRAM_API_URL",
	"IMAP_ADDRESS", "IMAP_PASSWORD", "IMAP_HOST", "IMAP_PORT", "SMTP_HOST", "SMTP_PORT", "IMAP_CA_FILE", "IMAP_ALLOWED_SENDERS",
	"GMAIL_CLIENT_ID", "GMAIL_CLIENT_SECRET", "GMAIL_ALLOWED_SENDERS", "GMAIL_API_URL",
	"MATRIX_HOMESERVER_URL", "MATRIX_USER_ID", "MATRIX_ACCESS_TOKEN", "MATRIX_DEVICE_ID", "MATRIX_ALLOWED_ROOMS",
	"MATRIX_ALLOWED_CHAT_IDS", "MATRIX_ALLOWED_SENDERS", "MATRIX_ALLOWED_USER_IDS",
	"WEBHOOK_POST_URL", "WEBHOOK_SECRET", "WEBHOOK_ALLOWED_CHAT_IDS", "NTFY_TOPIC", "NTFY_URL", "NTFY_TOKEN",
	NULL
};

bool
gateway_needs(const struct gateway_kind *g)
{
	for (const struct gateway_key *k = g->keys; k->env != NULL; k++)
		if (k->needed)
			return true;
	return false;
}

const char *
gateway_lacks(const struct gateway_kind *g, bool (*has)(const void *from, const char *env), const void *from)
{
	bool any = false;

	for (const struct gateway_key *k = g->keys; k->env != NULL; k++) {
		if (k->needed && !has(from, k->env))
			return k->env;
		any |= has(from, k->env);
	}
	return any ? NULL : g->keys->env;
}

const struct gateway_kind *
gateway_kind_find(const char *name)
{
	for (const struct gateway_kind *g = gateway_kinds; g->name != NULL; g++)
		if (strcmp(g->name, name) == 0)
			return g;
	return NULL;
}

const struct gateway_key *
gateway_key_find(const struct gateway_kind *g, const char *env)
{
	for (const struct gateway_key *k = g->keys; k->env != NULL; k++)
		if (strcmp(k->env, env) == 0)
			return k;
	return NULL;
}
