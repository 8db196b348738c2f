/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi-alpd: the link to other alpis (alp-wire.md). It reads what strangers
 * send over TCP; so after restrict it can touch alp/ and the run folder
 * only, the key's folder is out of its sight, and the identity lies with a
 * child that does nothing else.
 */
#include <string.h>

#include "alpd/alpd.h"
#include "alpd/anchor.h"
#include "alpd/asks.h"
#include "alpd/blob.h"
#include "alpd/budget.h"
#include "alpd/client.h"
#include "alpd/fetch.h"
#include "alpd/identity.h"
#include "alpd/inbound.h"
#include "alpd/peers.h"
#include "alpd/ratelimit.h"
#include "alpd/replay.h"
#include "alpd/server.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/restrict.h"

#define DRAIN_S	5			/* init waits ten seconds */

/* Without its child this process is nobody: init starts both anew. */
static void
on_key_gone(evutil_socket_t fd, short what, void *arg)
{
	log_error("the key child ended");
	daemon_exit(arg, 1);
}

static void
on_ready(struct daemon *d)
{
	struct alpd *a = d->ctx;

	event_base_once(d->base, identity_fd(a->self), EV_READ, on_key_gone, d, NULL);
	server_serve(a->server);
	inbound_serve(a->inbound);
	log_info("identity=%s tcp=%s confined: %s", identity_name(a->self),
	    a->settings.no_tcp == NULL ? a->settings.bind : "off", restrict_report());
}

static void
on_drained(void *arg)
{
	daemon_exit(arg, 0);
}

static void
on_drain_time(evutil_socket_t fd, short what, void *arg)
{
	daemon_exit(arg, 0);
}

/* No new work; the answer that is being given may end. */
static void
on_drain(struct daemon *d)
{
	struct timeval limit = { .tv_sec = DRAIN_S };
	struct alpd *a = d->ctx;

	a->draining = true;
	event_base_once(d->base, -1, EV_TIMEOUT, on_drain_time, d, &limit);
	server_drain(a->server, on_drained, d);
}

/* Peers see that we left; what they asked for stands in alp/asks.json. */
static void
on_end(struct daemon *d)
{
	struct alpd *a = d->ctx;
	struct error e = { 0 };

	if (anchor_now(a->anchor, &e) == -1)
		log_warn("the audit chains are not signed: %s", e.text);
	anchor_free(steal(a->anchor));
	server_close(steal(a->server));
	inbound_close(steal(a->inbound));
	asks_free(steal(a->asks));
	fetches_free(steal(a->fetches));
	client_free(steal(a->client));
	budget_free(steal(a->budget));
	evdns_base_free(steal(a->dns), 0);
}

/* What lies in or before the key's folder, and what reads files of the system; most of it while the child starts. */
static int
open_before(struct alpd *a, const char *program, struct error *e)
{
	const struct boot *b = &a->daemon->boot;

	if ((a->self = identity_spawn(program, a->home, e)) == NULL ||
	    alpd_settings_read(&a->settings, b->profile, a->home, e) == -1 ||
	    (a->audit = audit_open(a->home, "alpd", e)) == NULL)
		return -1;
	a->dns = evdns_base_new(a->base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (a->dns == NULL)
		return error_set(e, ERR_internal, "the resolver does not start");
	if (identity_meet(a->self, e) == -1 || (a->replay = replay_open(a->home, clock_wall_ms() * 1000, e)) == NULL)
		return -1;
	return 0;
}

static int
open_rest(struct alpd *a, struct error *e)
{
	a->rates = ratelimit_new();
	a->budget = budget_new(a);
	if ((a->peers = peers_open(a->home, e)) == NULL || (a->blobs = blobs_open(a->home, e)) == NULL ||
	    (a->server = server_listen(a, e)) == NULL || (a->inbound = inbound_open(a, e)) == NULL ||
	    (a->anchor = anchor_new(a, e)) == NULL)
		return -1;
	a->client = client_new(a);
	a->asks = asks_new(a);
	a->fetches = fetches_new(a);
	return 0;
}

int
main(int argc, char *argv[])
{
	struct daemon d = DAEMON("alpd", link_handlers);
	struct alpd a = { .daemon = &d, .send = request_send, .cancel = request_cancel };
	cleanup_free char *self = NULL;
	struct error e = { 0 };
	int status;

	if (argc > 1 && strcmp(argv[1], "--key") == 0)
		return key_main(argc, argv);

	/* parse: the boot message on fd 3 */
	d.ctx = &a;
	d.on_ready = on_ready;
	d.on_drain = on_drain;
	d.on_end = on_end;
	if (daemon_boot(&d, argc, argv, &e) == -1)
		return daemon_fail(&d, &e);
	a.base = d.base;
	a.root = d.boot.root;
	a.home = d.boot.home;

	/* open: the child that has the key, our settings, our files; between them the key goes out of sight */
	self = path_join(d.boot.libexec, "alpi-alpd");
	if (open_before(&a, self, &e) == -1 || alpd_hide(a.root, a.home, &e) == -1 || open_rest(&a, &e) == -1)
		return daemon_fail(&d, &e);

	/* restrict: no file but below alp/ and run/, no program, no port but the one that is open */
	if (alpd_fence(a.home, d.boot.run, &e) == -1)
		return daemon_fail(&d, &e);

	/* serve: peers, and whoever of this machine asks for them */
	status = daemon_serve(&d, &a);
	identity_stop(a.self);
	peers_close(a.peers);
	blobs_close(a.blobs);
	replay_close(a.replay);
	ratelimit_free(a.rates);
	audit_close(a.audit);
	alpd_settings_clear(&a.settings);
	return status;
}
