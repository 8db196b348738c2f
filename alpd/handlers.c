/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the other daemons may ask of the link (proto/link.def,
 * proto/peers.def), and who answers.
 */
#include "alpd/alpd.h"
#include "alpd/asks.h"
#include "alpd/fetch.h"
#include "alpd/pinning.h"
#include "alpd/relay.h"

const struct handler link_handlers[] = {
	/* message		handler		the grant needs */
	{ MSG_link_roster,	pinning_roster,	CAP_none },
	{ MSG_link_ask,		asks_ask,	CAP_peer },
	{ MSG_link_next,	asks_next,	CAP_none },
	{ MSG_link_cancel,	asks_cancel,	CAP_none },
	{ MSG_link_ping,	relay_ping,	CAP_none },
	{ MSG_link_put_blob,	relay_put_blob,	CAP_none },
	{ MSG_link_get_blob,	fetch_get,	CAP_none },
	{ MSG_peers_list,	pinning_list,	CAP_none },
	{ MSG_peers_add,	pinning_add,	CAP_none },
	{ MSG_peers_remove,	pinning_remove,	CAP_none },
	{ MSG_peers_allow,	pinning_allow,	CAP_none },
	{ MSG_peers_pending,	pinning_pending,	CAP_none },
	{ MSG_peers_accept,	pinning_accept,	CAP_none },
	{ MSG_peers_discard,	pinning_discard,	CAP_none },
	{ 0 }
};
