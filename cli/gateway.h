/* SPDX-License-Identifier: Apache-2.0 */
/* Switching on a message platform, also a step of `alpi setup`. */
#ifndef ALPI_CLI_GATEWAY_H
#define ALPI_CLI_GATEWAY_H

#include "cli/args.h"

/* The options that give a platform's settings, for tables of options. */
#define GATEWAY_OPTIONS											\
	{ "token-stdin", 0, NULL, "telegram, matrix, ntfy: read the token from standard input" },		\
	{ "chats", 0, "IDS", "telegram, webhook: the chats that may write, comma separated" },			\
	{ "users", 0, "IDS", "telegram: the people who may write there (whoever is in such a chat)" },	\
	{ "api-url", 0, "URL", "telegram: another Bot API server" },					\
	{ "address", 0, "ADDRESS", "imap: the mail address" },						\
	{ "password-stdin", 0, NULL, "imap: read the password from standard input" },			\
	{ "host", 0, "HOST", "imap: the IMAP server" },							\
	{ "port", 0, "PORT", "imap: its port (993)" },							\
	{ "smtp-host", 0, "HOST", "imap: the SMTP server" },						\
	{ "smtp-port", 0, "PORT", "imap: its port (587)" },						\
	{ "client-id", 0, "ID", "gmail: the OAuth client" },						\
	{ "client-secret-stdin", 0, NULL, "gmail: read its secret from standard input" },		\
	{ "senders", 0, "LIST", "imap, gmail, matrix: who may write, comma separated" },		\
	{ "homeserver", 0, "URL", "matrix: the homeserver" },						\
	{ "user", 0, "ID", "matrix: our user id" },							\
	{ "device", 0, "ID", "matrix: our device id" },							\
	{ "rooms", 0, "IDS", "matrix: the rooms that may write, comma separated" },			\
	{ "post-url", 0, "URL", "webhook: where messages are posted to" },				\
	{ "secret-stdin", 0, NULL, "webhook: read the secret of those who post to us from standard input" },	\
	{ "topic", 0, "NAME", "ntfy: the topic" },							\
	{ "server", 0, "URL", "ntfy: another server" }

/* Configure a platform by options, and at a terminal by questions; then try it. The exit status. */
int	gateway_switch_on(struct cli *c, const struct args *a, const char *name);
/* Offer the platforms at the end of a setup; 0, or the exit status of what failed. */
int	gateway_offer(struct cli *c, const struct args *a);

#endif
