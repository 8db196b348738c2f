/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message platforms as an operator knows them (spec/gateway.md, section
 * 2): which variables of .env a platform reads, and which files it leaves in
 * a home. One table for what asks for them, stores them, shows them and
 * removes them; how a platform is spoken to is gatewayd's knowledge.
 */
#ifndef ALPI_GATEWAYS_H
#define ALPI_GATEWAYS_H

#include <stdbool.h>

enum gateway_key_kind {
	GATEWAY_TEXT,
	GATEWAY_LIST,		/* comma separated */
	GATEWAY_ALLOW,		/* a list too: whom it lets in; while all of these are empty, nobody */
	GATEWAY_SECRET		/* comes in, is never shown */
};

struct gateway_key {
	const char	*env;
	const char	*option;	/* of alpi gateway enable; of a secret: --OPTION-stdin */
	enum gateway_key_kind kind;
	bool		 needed;	/* without it the platform is not configured; of one without such keys, any will do */
	const char	*question;
};

struct gateway_kind {
	const char	*name;		/* "telegram" */
	const char	*label;		/* "Telegram" */
	const struct gateway_key *keys;	/* ends with a row without env */
	const char	*token;		/* a file that must be there too, of the home; NULL: none */
	const char	*files[4];	/* of the home, which go with the platform; ends with NULL */
};

/* A file of a home, by the platform's name: it was removed, and gatewayd has not forgotten it yet. */
#define GATEWAY_REMOVED	"gateway/.removed-%s"

extern const struct gateway_kind gateway_kinds[];	/* ends with a row without a name */
extern const char *const gateway_variables[];		/* all of the keys' variables; ends with NULL */

bool	 gateway_needs(const struct gateway_kind *g);	/* certain ones of its keys */
/* The first variable that a platform lacks, by whether it has one; NULL: it is configured. */
const char *gateway_lacks(const struct gateway_kind *g, bool (*has)(const void *from, const char *env), const void *from);
const struct gateway_kind *gateway_kind_find(const char *name);	/* NULL: there is none */
/* One of a platform's keys by its variable; NULL. */
const struct gateway_key *gateway_key_find(const struct gateway_kind *g, const char *env);

#endif
