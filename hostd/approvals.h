/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions that wait for a person: approvals (toolrunner asks, through
 * engined) and clarifications (the model asks). host-plane.md, 8. On disk
 * before engined's event is acknowledged, so a restart loses none. The first
 * answer wins; silence is decided by those who asked, here it is mirrored.
 */
#ifndef HOSTD_APPROVALS_H
#define HOSTD_APPROVALS_H

#include <jansson.h>

#include "common/error.h"

struct approvals;
struct ask;
struct host;

/* Take up the questions of before a restart. NULL on error. */
struct approvals *approvals_open(struct host *h, struct error *e);
void	 approvals_close(struct approvals *p);

/* engined of this profile asks (kind "approval.request" or "clarification.request"); data is borrowed. The event's number or -1. */
int64_t	 approvals_request(struct approvals *p, const char *profile, const char *kind, const json_t *data, struct error *e);
/* engined says that a question is settled or void ("approval.resolved", "clarification.resolved"). */
int64_t	 approvals_resolved(struct approvals *p, const char *profile, const json_t *data);
/* A turn ended: what it still asked is void. */
void	 approvals_drop_session(struct approvals *p, const char *profile, const char *session);

/* Rows of host.approval.pending and host.clarification.pending ("approval", "clarification"). New reference. */
json_t	*approvals_pending(const struct approvals *p, const char *kind);
/* A client answers; the request is answered from here. */
int	 approvals_respond(struct approvals *p, const char *kind, struct ask *a, struct error *e);

#endif
