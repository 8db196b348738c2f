/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs about what waits for a person (host-plane.md, 5 and 8). approvals.c keeps the questions. */
#ifndef HOSTD_QUESTIONS_H
#define HOSTD_QUESTIONS_H

#include "hostd/client.h"

method_fn	activity_list, approval_pending, approval_respond, clarification_pending, clarification_respond;

#endif
