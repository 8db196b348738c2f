/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs of peers on their way to a person (alp-wire.md, 9.5): the whole of
 * it goes into a file without a name, and nothing is handed on before its
 * size and hash were checked. Several who want the same one share it.
 */
#ifndef ALPD_FETCH_H
#define ALPD_FETCH_H

#include "alpd/alpd.h"
#include "common/dispatch.h"

#define FETCHES_MAX	8		/* at once; more are refused */
#define FETCH_KEEP_S	60		/* without a question */

struct fetches	*fetches_new(struct alpd *a);
void		 fetches_free(struct fetches *f);	/* NULL is fine */

handler_fn	 fetch_get;		/* link.get_blob of the bus */

#endif
