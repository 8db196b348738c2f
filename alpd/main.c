/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi-alpd: the link to other alpis (alp-wire.md). It reads what strangers
 * send over TCP; so after restrict it can touch alp/ only, and the identity
 * lies with a child that does nothing else.
 */
#include <string.h>

#include "alpd/identity.h"
#include "common/daemon.h"
#include "common/dispatch.h"
#include "common/mem.h"

static const struct {
	const char	*option;
	int		(*main)(int argc, char *argv[]);
} faces[] = {
	{ "--key", key_main },
};

static const struct handler link_handlers[] = { { 0 } };

int
main(int argc, char *argv[])
{
	struct daemon d = DAEMON("alpd", link_handlers);
	struct error e = { 0 };

	for (size_t i = 0; argc > 1 && i < COUNT(faces); i++)
		if (strcmp(argv[1], faces[i].option) == 0)
			return faces[i].main(argc, argv);

	if (daemon_boot(&d, argc, argv, &e) == -1)
		return daemon_fail(&d, &e);
	return daemon_serve(&d, NULL);
}
