/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi-hostd: the control plane. It serves people's clients on
 * host/host.sock, owns the turns they begin, and asks the engineds of all
 * profiles on their behalf. It reads what strangers send; so after restrict
 * it can touch host/ and the run folder only, and settings are changed by a
 * child that sees nothing but checked orders.
 */
#include <stdlib.h>
#include <string.h>

#include "common/daemon.h"
#include "common/db.h"
#include "common/dispatch.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "hostd/approvals.h"
#include "hostd/host.h"
#include "hostd/peers.h"
#include "hostd/settings.h"
#include "hostd/sock.h"
#include "hostd/stream.h"
#include "hostd/turns.h"

/* hostd without its child cannot keep its promises: init starts both anew. */
static void
settings_lost(void *arg)
{
	struct host *h = arg;

	log_error("the settings child ended");
	daemon_exit(h->daemon, 1);
}

static void
on_ready(struct daemon *d)
{
	struct host *h = d->ctx;

	settings_serve(h->settings, d->base, settings_lost, h);
	turns_serve(h->turns);
	sock_serve(h->sock);
}

/* Open turns and questions are rows on disk; clients come back to the next one of us. */
static void
on_end(struct daemon *d)
{
	struct host *h = d->ctx;

	sock_close(steal(h->sock));
	turns_close(steal(h->turns));
	approvals_close(steal(h->approvals));
	db_close(steal(h->db));
}

static void
on_unit(struct daemon *d, const char *unit, int present)
{
	struct host *h = d->ctx;
	cleanup_free char *profile = xstrndup(unit, strcspn(unit, "/"));

	json_object_del(h->removed, profile);
	if (present)
		peers_unit(h, unit);
}

static int
open_files(struct host *h, const char *root, struct error *e)
{
	cleanup_free char *dir = path_join(root, "host"), *file = path_join(dir, "turns.sqlite");

	h->removed = json_object();
	h->person = home_person();
	h->root_real = realpath(root, NULL);
	if (make_dirs(dir, 0700, e) == -1 || host_device_id(root, h->device_id, e) == -1 ||
	    host_db(&h->db, file, e) == -1 ||
	    (h->stream = stream_open(root, h->daemon->base, e)) == NULL ||
	    (h->approvals = approvals_open(h, e)) == NULL ||
	    (h->turns = turns_open(h, e)) == NULL ||
	    (h->sock = sock_listen(h, root, e)) == NULL)
		return -1;
	return 0;
}

int
main(int argc, char *argv[])
{
	struct daemon d = DAEMON("hostd", host_handlers);
	struct host h = { .daemon = &d, .send = request_send, .cancel = request_cancel };
	struct error e = { 0 };
	cleanup_free char *self = NULL;

	if (argc > 1 && strcmp(argv[1], "--settings") == 0)
		return settings_main(argc, argv);

	/* parse: the boot message on fd 3 */
	d.ctx = &h;
	d.on_ready = on_ready;
	d.on_unit = on_unit;
	d.on_end = on_end;
	if (daemon_boot(&d, argc, argv, &e) == -1)
		return daemon_fail(&d, &e);

	/* open: the child that may touch settings, our own files, the socket */
	self = path_join(d.boot.libexec, "alpi-hostd");
	if ((h.settings = settings_start(self, d.boot.root, &e)) == NULL ||
	    open_files(&h, d.boot.root, &e) == -1)
		return daemon_fail(&d, &e);

	/* restrict: no file but below host/ and run/, no program */
	if (host_fence(d.boot.root, d.boot.run, &e) == -1)
		return daemon_fail(&d, &e);

	/* serve: clients, engineds' events, turns of before */
	return daemon_serve(&d, &h);
}
