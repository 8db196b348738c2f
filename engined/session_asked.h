/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handlers of session.* but the search (recall_asked.h): conversations
 * as they are on disk, for whoever shows them to a person. An id is a file's
 * name and is checked as one first; a session with a running turn is shown
 * as it stands and never deleted.
 */
#ifndef ALPI_ENGINED_SESSION_ASKED_H
#define ALPI_ENGINED_SESSION_ASKED_H

#include "common/error.h"

struct call;

int	 session_asked_list(struct call *c, const void *in, struct error *e);
int	 session_asked_read(struct call *c, const void *in, struct error *e);
int	 session_asked_delete(struct call *c, const void *in, struct error *e);
int	 session_asked_events(struct call *c, const void *in, struct error *e);

#endif
