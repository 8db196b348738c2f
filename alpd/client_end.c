/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a request to a peer ended, in the words of programs and people
 * (client.h). A refusal is known by its name, which is the peer's word: one
 * that we do not know is a refusal and nothing more.
 */
#include <string.h>

#include "alpd/client.h"
#include "common/mem.h"

static const struct ending {
	const char	*word;
	enum error_code	 code;
	bool		 transient;
} endings[] = {
	[CLIENT_OK] = { "ok", ERR_none, false },
	[CLIENT_REFUSED] = { "refused", ERR_denied, false },
	[CLIENT_OFFLINE] = { "target-offline", ERR_unavailable, true },
	[CLIENT_DROPPED] = { "dropped", ERR_denied, false },
	[CLIENT_TIMEOUT] = { "timeout", ERR_timeout, true },
	[CLIENT_LOST] = { "lost", ERR_gone, true },
	[CLIENT_BAD] = { "bad-answer", ERR_invalid, false },
};

/* Refusals (alp-wire.md, 11) by name: one code stands for several of them. */
static const struct ending refusals[] = {
	{ "rate-limited", ERR_busy, true },
	{ "target-busy", ERR_busy, true },
	{ "budget-exceeded", ERR_budget, false },
	{ "blob-not-found", ERR_not_found, false },
	{ "invalid-blob", ERR_invalid, false },
	{ "invalid-params", ERR_invalid, false },
	{ "method-not-found", ERR_unsupported, false },
	{ "internal-error", ERR_internal, false },
};

static const struct ending *
ending_of(const struct client_end *how)
{
	for (size_t i = 0; how->how == CLIENT_REFUSED && i < COUNT(refusals); i++)
		if (strcmp(refusals[i].word, how->name) == 0)
			return &refusals[i];
	return &endings[how->how];
}

const char *
client_word(const struct client_end *how)
{
	return how->name != NULL && how->name[0] != '\0' ? how->name : ending_of(how)->word;
}

bool
client_transient(const struct client_end *how)
{
	return ending_of(how)->transient;
}

int
client_error(const struct client_end *how, struct error *e)
{
	return error_set(e, ending_of(how)->code, "%s", how->why);
}
