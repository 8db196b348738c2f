/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See daemon.h. init is the only one whose word counts here: it speaks on
 * descriptor 3, and when that ends so do we. What it says is taken in at
 * once, wherever we are; what follows from it is done from the loop.
 */
#include "common/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "common/bus.h"
#include "common/inbox.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/restrict.h"
#include "common/trim.h"

#define FILES_MAX	8192		/* descriptors; what the hard limit allows of it */
#define KEEP_BYTES	(256 * 1024)	/* larger free memory goes back to the kernel */

enum { FIRST, USUAL, PRIORITIES };	/* init and signals come before the rest */

/* A unit that came or went, to be told of from the loop. */
struct change {
	struct change	*next;
	char		*unit;
	int		 present;
};

struct daemon_own {
	struct event	*control, *term, *intr, *notice;
	char		 line[BOOT_LINE_MAX];	/* what init has sent of a line so far */
	size_t		 len;
	int		 init_gone, exiting, status;
	struct change	*changes, **last_change;
};

/* ---- what init says ------------------------------------------------------------------------- */

static void
note_change(struct daemon_own *o, const char *unit, int present)
{
	struct change *c = xcalloc(1, sizeof(*c));

	c->unit = xstrdup(unit);
	c->present = present;
	*o->last_change = c;
	o->last_change = &c->next;
}

/* One line; if it brought or took a unit that we may call, that is noted. */
static void
control_line(struct daemon *d, const char *line)
{
	size_t skip = strcspn(line, " ");
	const char *rest = line + skip + (line[skip] == ' ');
	cleanup_free char *unit = xstrndup(rest, strcspn(rest, " "));
	int before = boot_find(&d->boot.calls, unit) != NULL, after;
	struct error e = { 0 };

	if (boot_line(&d->boot, line, &e) == -1)
		log_error("init says what is not understood: %s", e.text);
	after = boot_find(&d->boot.calls, unit) != NULL;
	if (before != after)
		note_change(d->own, unit, after);
}

/* Take the whole lines out of the buffer; it may hold secrets, so the rest is wiped. */
static void
control_lines(struct daemon *d)
{
	struct daemon_own *o = d->own;
	char *end, *start = o->line;
	size_t left = o->len;

	while ((end = memchr(start, '\n', left)) != NULL) {
		*end++ = '\0';
		left -= (size_t)(end - start);
		control_line(d, start);
		start = end;
	}
	memmove(o->line, start, left);
	sodium_memzero(o->line + left, o->len - left);
	o->len = left;
}

void
daemon_control(struct daemon *d)
{
	struct daemon_own *o = d->own;
	ssize_t n;

	if (o == NULL || o->init_gone)
		return;
	for (;;) {
		n = recv(BOOT_FD, o->line + o->len, sizeof(o->line) - o->len, MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {		/* the end, an error, or a line that does not fit: not our init any more */
			o->init_gone = 1;
			break;
		}
		o->len += (size_t)n;
		control_lines(d);
	}
	if (o->init_gone || o->changes != NULL || d->boot.reload)
		event_active(o->notice, EV_TIMEOUT, 0);
}

static void
drain(struct daemon *d)
{
	if (d->draining)		/* init and the service manager both ask */
		return;
	d->draining = 1;
	if (d->on_drain != NULL)
		d->on_drain(d);
	else				/* there is nothing to hand back */
		daemon_exit(d, 0);
}

static void
tell_change(struct daemon *d)
{
	struct daemon_own *o = d->own;
	struct change *c = o->changes;

	if ((o->changes = c->next) == NULL)
		o->last_change = &o->changes;
	if (d->on_unit != NULL)
		d->on_unit(d, c->unit, c->present);
	free(c->unit);
	free(c);
}

static void
on_notice(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	struct daemon_own *o = d->own;

	while (o->changes != NULL)
		tell_change(d);
	if (d->boot.reload) {
		d->boot.reload = 0;
		if (d->on_reload != NULL)
			d->on_reload(d);
	}
	if (o->init_gone) {
		event_del(o->control);
		bus_unlisten(d->bus);	/* those that the next init starts wait for the one after us: we are not told their tokens */
		drain(d);
	}
}

static void
on_control(evutil_socket_t fd, short what, void *arg)
{
	daemon_control(arg);
}

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	drain(arg);
}

/* ---- parse ---------------------------------------------------------------------------------- */

static void
usage(const char *name)
{
	printf("alpi-%s %s\n\n"
	    "A part of alpi that alpi-init starts, watches and restarts; nothing to run by hand.\n"
	    "\"alpi daemon status\" shows how it stands, alpi-%s(8) tells what it does.\n", name, ALPI_VERSION, name);
}

static int
arguments(const struct daemon *d, int argc, char *argv[], struct error *e)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("alpi-%s %s\n", d->name, ALPI_VERSION);
		exit(0);
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(d->name);
		exit(0);
	}
	if (argc > 1)
		return error_set(e, ERR_invalid, "%s is no argument of alpi-%s", argv[1], d->name);
	return 0;
}

/* One arena, fixed thresholds: what a large message took goes back, and a dozen threads do not make a dozen heaps. */
static void
small_memory(void)
{
#ifdef __GLIBC__
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, KEEP_BYTES);
	mallopt(M_TRIM_THRESHOLD, KEEP_BYTES);
#endif
}

static void
many_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1 || r.rlim_cur >= FILES_MAX)
		return;
	r.rlim_cur = r.rlim_max < FILES_MAX ? r.rlim_max : FILES_MAX;
	if (setrlimit(RLIMIT_NOFILE, &r) == -1)
		log_warn("descriptors stay limited to %llu", (unsigned long long)r.rlim_cur);
}

static int
read_boot(struct daemon *d, struct error *e)
{
	struct stat st;

	if (fstat(BOOT_FD, &st) == -1 || !S_ISSOCK(st.st_mode))
		return error_set(e, ERR_invalid, "alpi-init starts this program; by hand: alpi daemon start");
	fcntl(BOOT_FD, F_SETFD, FD_CLOEXEC);
	if (boot_read(&d->boot, BOOT_FD, e) == -1)
		return error_add(e, "boot");
	if (strcmp(d->boot.daemon, d->name) != 0)
		return error_set(e, ERR_invalid, "boot: meant for %s, this is alpi-%s", d->boot.daemon, d->name);
	log_verbose(boot_option(&d->boot, "debug") != NULL);
	return 0;
}

/* The folder of our inbox; init has usually made it. Listening there is what every daemon may still do later. */
static int
make_run(const struct daemon *d, struct error *e)
{
	cleanup_free char *dir = xasprintf("%s/%s", d->boot.run, d->boot.profile);

	if ((mkdir(d->boot.run, 0700) == -1 && errno != EEXIST) || (mkdir(dir, 0700) == -1 && errno != EEXIST))
		return error_errno(e, "%s", dir);
	return restrict_path(dir, "w!", e);
}

static struct event *
listen_to(struct daemon *d, int fd, short what, event_callback_fn fn)
{
	struct event *ev = event_new(d->base, fd, what, fn, d);

	event_priority_set(ev, FIRST);
	if (what != 0)
		event_add(ev, NULL);
	return ev;
}

static void
open_loop(struct daemon *d)
{
	struct event_config *c = event_config_new();
	struct daemon_own *o = xcalloc(1, sizeof(*o));

	event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK);
	d->base = event_base_new_with_config(c);
	event_config_free(c);
	event_base_priority_init(d->base, PRIORITIES);
	o->last_change = &o->changes;
	d->own = o;
	signal(SIGPIPE, SIG_IGN);
	o->control = listen_to(d, BOOT_FD, EV_READ | EV_PERSIST, on_control);
	o->term = listen_to(d, SIGTERM, EV_SIGNAL | EV_PERSIST, on_signal);
	o->intr = listen_to(d, SIGINT, EV_SIGNAL | EV_PERSIST, on_signal);
	o->notice = listen_to(d, -1, 0, on_notice);
}

int
daemon_boot(struct daemon *d, int argc, char *argv[], struct error *e)
{
	if (arguments(d, argc, argv, e) == -1)
		return -1;
	small_memory();
	umask(077);
	if (sodium_init() == -1)
		return error_set(e, ERR_internal, "libsodium does not start");
	if (read_boot(d, e) == -1 || make_run(d, e) == -1)
		return -1;
	many_files();
	open_loop(d);
	return 0;
}

/* ---- serve ---------------------------------------------------------------------------------- */

static void
close_loop(struct daemon *d)
{
	struct daemon_own *o = d->own;
	struct event *const events[] = { o->control, o->term, o->intr, o->notice };

	for (size_t i = 0; i < COUNT(events); i++)
		event_free(events[i]);
	while (o->changes != NULL) {
		d->on_unit = NULL;
		tell_change(d);
	}
	event_base_free(d->base);
	sodium_memzero(o->line, sizeof(o->line));
	free(o);
	d->own = NULL;
	d->base = NULL;
}

static int
open_bus(struct daemon *d, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/%s.ipc", d->boot.run, d->boot.unit);

	d->bus = bus_new(d->base, inbox_take, d);
	daemon_control(d);
	if (d->own->init_gone)
		return error_set(e, ERR_gone, "init is gone");
	if (bus_listen(d->bus, path, e) == -1)
		return -1;
	if (d->on_ready != NULL)
		d->on_ready(d);
	if (write(BOOT_FD, "R", 1) != 1)
		log_warn("init does not hear that we are ready: %s", strerror(errno));
	return 0;
}

int
daemon_serve(struct daemon *d, void *ctx)
{
	struct error e = { 0 };
	int status;

	d->ctx = ctx;
	if (open_bus(d, &e) == -1)
		status = daemon_fail(d, &e);
	else {
		trim_code();		/* what only starting needed */
		if (!d->own->exiting)
			event_base_dispatch(d->base);
		status = d->own->status;
	}
	if (d->on_end != NULL)
		d->on_end(d);
	bus_free(steal(d->bus));
	close_loop(d);
	boot_clear(&d->boot);
	return status;
}

int
daemon_fail(struct daemon *d, const struct error *e)
{
	log_error("%s does not start: %s", d->name, e->text);
	return 1;
}

void
daemon_exit(struct daemon *d, int status)
{
	d->own->exiting = 1;
	d->own->status = status;
	event_base_loopbreak(d->base);
}
