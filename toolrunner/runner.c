/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the main process opens, and what it gives up after that; apart from
 * main.c so that a test can stand behind the same fence.
 */
#include "toolrunner/runner.h"

#include "common/restrict.h"
#include "toolrunner/consent.h"

int
runner_open(struct runner *r, struct error *e)
{
	if ((r->launcher = launcher_start(r->boot, r->base, e)) == NULL ||
	    (r->audit = audit_open(r->boot->home, "toolrunner", e)) == NULL ||
	    (r->approval_fd = consent_open_log(r->boot->home, e)) == -1)
		return -1;
	return 0;
}

/* The bus, and the notes on background commands; no other file, no program, no network. */
int
runner_fence(struct error *e)
{
	return restrict_self("stdio files bus", e);
}
