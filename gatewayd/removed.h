/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A platform that was removed (gateway.md, section 2). The inbox is ours
 * alone, and we may not run while somebody removes a platform: whoever does
 * leaves a mark in gateway/ first, and we forget when we begin next.
 */
#ifndef ALPI_GATEWAYD_REMOVED_H
#define ALPI_GATEWAYD_REMOVED_H

#include "common/error.h"

struct inbox;

/* Forget what was removed: where it was read, what waits there, its files; the mark last, so that a kill in between only repeats it. */
int	 removed_forget(const char *home, struct inbox *in, struct error *e);

#endif
