/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi-alpd: the link to other alpis (alp-wire.md). It reads what strangers
 * send over TCP; so after restrict it can touch alp/ only, and the identity
 * lies with a child that does nothing else.
 */
#include "common/daemon.h"
#include "common/dispatch.h"

static const struct handler link_handlers[] = { { 0 } };

int
main(int argc, char *argv[])
{
	struct daemon d = DAEMON("alpd", link_handlers);
	struct error e = { 0 };

	if (daemon_boot(&d, argc, argv, &e) == -1)
		return daemon_fail(&d, &e);
	return daemon_serve(&d, NULL);
}
