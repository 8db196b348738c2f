/* SPDX-License-Identifier: Apache-2.0 */
/* What a chat sends: text, session, where we stand (spec/host-plane.md, 7). */
#ifndef ALPI_CLI_REQUEST_H
#define ALPI_CLI_REQUEST_H

#include <jansson.h>

#include "cli/args.h"
#include "cli/cli.h"

#define REQUEST_TEXT_MAX (1024 * 1024)

/* The params of chat.send for this command line; session may be NULL. New reference. */
json_t	*request_params(struct cli *c, const struct args *a, const char *text, const char *session);
/* The text itself, or standard input for "-". The caller frees; NULL: unreadable, empty, too large, not UTF-8. */
char	*request_text(const char *arg, struct error *e);
/* Can it be sent? UTF-8, and more than blanks. 0 or -1. */
int	 request_check_text(const char *text, size_t len, struct error *e);
/* The session to go on with: --session ID, or with -c the newest; *out NULL: a new one. The caller frees. 0 or -1. */
int	 request_session(struct cli *c, const struct args *a, char **out, struct error *e);
/* Is there such a conversation? 0 or -1. */
int	 request_check_session(struct cli *c, const char *session, struct error *e);

#endif
