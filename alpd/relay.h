/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of the bus that are passed on to a peer and end with its one
 * answer. What takes longer has a page of its own: asks.h, fetch.h.
 */
#ifndef ALPD_RELAY_H
#define ALPD_RELAY_H

#include "alpd/alpd.h"
#include "common/dispatch.h"

handler_fn	 relay_ping, relay_put_blob;	/* link.ping, link.put_blob; ERR_not_found: no such peer */

#endif
