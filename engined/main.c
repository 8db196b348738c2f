/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi-engined: turns, models, sessions, budgets of one profile. It reads
 * what models and strangers write and holds the provider keys, nothing else:
 * no other secret, no file outside the folders below, no program to run.
 */
#include <stdlib.h>
#include <time.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "common/daemon.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/restrict.h"
#include "engined/catalog.h"
#include "engined/engine.h"
#include "engined/handlers.h"
#include "engined/journal.h"
#include "engined/ledger.h"
#include "engined/provider.h"
#include "engined/settings.h"
#include "engined/speech.h"
#include "engined/staging.h"

/* What a home may lack, and what may be touched of it. */
static const struct {
	const char *name, *rights;
} folders[] = {
	{ "sessions", "rw" },
	{ "logs",     "rw" },
	{ "mentions", "rw" },
	{ "memories", "rw" },
	{ "skills",   "rw" },
	{ "outputs",  "rw" },
	{ STAGING_DIR, "rw" },
	{ SPEECH_DIR, "rw" },
	{ "rag",      "rw" },
};

static int
open_folders(const char *home, struct error *e)
{
	for (size_t i = 0; i < COUNT(folders); i++) {
		cleanup_free char *path = path_join(home, folders[i].name);

		if (make_dirs(path, 0700, e) == -1 || restrict_path(path, folders[i].rights, e) == -1)
			return -1;
	}
	return 0;
}

/* A file that does not load is no reason not to start: all defaults, and status says why. */
static int
open_settings(struct engine *en, struct error *e)
{
	struct error why = { 0 };

	if ((en->settings = settings_start(en->home, e)) == NULL)
		return -1;
	if ((en->config = settings_read(en->settings, &en->own_config, &why)) == NULL) {
		log_warn("config not loaded, all defaults: %s", why.text);
		en->config_error = xstrdup(why.text);
		en->config = json_object();
	}
	return 0;
}

static int
open_files(struct engine *en, struct error *e)
{
	cleanup_free char *journal = path_join(en->home, "sessions/_journal.sqlite");

	if (open_folders(en->home, e) == -1 || open_settings(en, e) == -1 ||
	    (en->journal = journal_open(journal, e)) == NULL)
		return -1;
	en->ledger = ledger_open(en->home);
	en->catalog = catalog_new(en->home);
	return 0;
}

static void
on_ready(struct daemon *d)
{
	struct error e = { 0 };

	engine_tools(d->ctx, true);
	if (engine_resume(d->ctx, &e) == -1) {	/* to go on would be to forget them */
		log_error("open turns cannot be taken up: %s", e.text);
		daemon_exit(d, 1);
	}
}

static void
on_reload(struct daemon *d)
{
	engine_config(d->ctx, true);
	engine_tools(d->ctx, true);
}

/* Open turns stand in the journal: the next start takes them up. */
static void
on_drain(struct daemon *d)
{
	((struct engine *)d->ctx)->draining = true;
	engine_close(d->ctx);
	daemon_exit(d, 0);
}

static void
on_unit(struct daemon *d, const char *unit, int present)
{
	if (present)
		engine_tools(d->ctx, true);
}

static void
on_end(struct daemon *d)
{
	engine_clear(d->ctx);
}

/* One thread allocates: few arenas, and memory goes back when a burst is over. */
static void
tune_memory(void)
{
#ifdef __GLIBC__
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, 256 * 1024);
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
#endif
}

int
main(int argc, char *argv[])
{
	struct daemon d = DAEMON("engined", engine_handlers);
	struct engine en = { .daemon = &d };
	struct error e = { 0 };
	int status;

	/* parse: the boot message on fd 3 */
	tune_memory();
	tzset();
	if (daemon_boot(&d, argc, argv, &e) == -1)
		return daemon_fail(&d, &e);
	en.base = d.base;
	en.home = d.boot.home;

	/* open: the reader of config.yaml, journal, ledger, connections */
	if (open_files(&en, &e) == -1 || (en.provider = provider_new(d.base, &e)) == NULL)
		return daemon_fail(&d, &e);
	engine_init(&en);

	/* restrict: sessions and their index, logs, memories, skills, outputs, what was sent along, the bus, HTTPS; no program, no other file */
	if (restrict_self("stdio db bus net", &e) == -1)
		return daemon_fail(&d, &e);

	/* serve: take up open turns, then the loop */
	d.on_ready = on_ready;
	d.on_reload = on_reload;
	d.on_drain = on_drain;
	d.on_unit = on_unit;
	d.on_end = on_end;
	status = daemon_serve(&d, &en);
	provider_free(en.provider);
	ledger_close(en.ledger);
	journal_close(en.journal);
	catalog_free(en.catalog);
	settings_stop(en.settings);
	return status;
}
