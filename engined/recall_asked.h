/* SPDX-License-Identifier: Apache-2.0 */
/* session.search: earlier conversations for a person. */
#ifndef ALPI_ENGINED_RECALL_ASKED_H
#define ALPI_ENGINED_RECALL_ASKED_H

#include "common/dispatch.h"
#include "common/error.h"

int	 recall_asked(struct call *c, const void *in, struct error *e);

#endif
