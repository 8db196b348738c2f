/* SPDX-License-Identifier: Apache-2.0 */
/* What a platform brought, all at once: on disk together with the mark up to where it was read, or not at all. */
#ifndef ALPI_GATEWAYD_INTAKE_H
#define ALPI_GATEWAYD_INTAKE_H

#include <stddef.h>

#include "common/error.h"
#include "gatewayd/inbox.h"

struct gateway;

/*
 * n rows of an account, those of strangers only counted, and the mark, NULL when it does not move. After 0 the platform may forget
 * them, and their turns begin; after -1 nothing of it is kept.
 */
int	 intake(struct gateway *g, const char *platform, const char *account, const struct arrival *rows, size_t n, const char *mark,
	    struct error *e);

#endif
