/* SPDX-License-Identifier: Apache-2.0 */
/* The handler of attachment.stage: pieces of a file, as base64, into the staging folder. */
#ifndef ALPI_ENGINED_UPLOAD_H
#define ALPI_ENGINED_UPLOAD_H

#include "common/error.h"

struct call;

int	 upload_stage(struct call *c, const void *in, struct error *e);

#endif
