/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people allowed: labels remembered for a session, and the log of every
 * decision. A session's set is kept apart by origin and session of the
 * verified grant, so an answer at the keyboard never serves a turn that came
 * in another way.
 */
#ifndef ALPI_CONSENT_H
#define ALPI_CONSENT_H

#include <stdbool.h>

#include "common/error.h"
#include "toolrunner/approve.h"
#include "toolrunner/runner.h"

struct consent_fact {
	const char	*key, *who, *command, *label;
	enum tier	 tier;
	bool		 allowed;
	const char	*reason;
};

/* Labels allowed for this session, NULL-terminated; NULL: none. Borrowed until the next consent_remember. */
const char *const *consent_session(const struct runner *r, const char *origin, const char *session);
void	 consent_remember(struct runner *r, const char *origin, const char *session, const char *label);
void	 consent_clear(struct runner *r);

/* Open HOME/logs/approval.log for appending, rotated when it is long (1 MB, 3 older files). A descriptor or -1. */
int	 consent_open_log(const char *home, struct error *e);
/* Put a decision on disk: the audit chain, then the log. 0, or -1: it must not have its effect. */
int	 consent_record(struct runner *r, const struct consent_fact *f, struct error *e);

#endif
