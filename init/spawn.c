/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens are made fresh for both ends whenever one of them starts, and kept nowhere here; nor is a secret, which is
 * read when a unit starts or reloads. Neighbours hear of theirs before the new process exists, so none can refuse it.
 * One thread: fork is safe.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/child.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/skill.h"
#include "common/unixsock.h"
#include "init/init.h"

#define BOOT_BYTES	(1024 * 1024)		/* what the kernel gives of it is enough for a thousand profiles */
#define PLAN_SECONDS	10

struct site site;

int
spawn_fits(const char *profile)
{
	return strlen(site.run) + strlen(profile) + strlen("//toolrunner.ipc") <= UNIX_PATH_BYTES;
}

/* ---- what a unit is told ---------------------------------------------------------------------- */

/* One that does not read what it is told is cut off: it ends, and learns everything at its next start. */
static void
flush(struct unit *u)
{
	if (u->out != NULL && fflush(u->out) == EOF)
		shutdown(u->boot.fd, SHUT_RDWR);
	explicit_bzero(u->buffer, sizeof(u->buffer));
}

static void
tell(struct unit *u, const char *word, const struct unit *about, const char *key)
{
	if (u->out != NULL)
		fprintf(u->out, "%s %s%s%s\n", word, about->name, *key != '\0' ? " " : "", key);
}

/* What a and b share when a may ask b: a token; when a mints grants that b verifies: the key. */
static void
introduce(struct unit *a, struct unit *b)
{
	int relation = unit_relation(a, b);
	char token[KEY_HEX];

	if (relation & CALLS) {
		random_hex(token, BOOT_KEY_BYTES);
		tell(a, "call", b, token);
		tell(b, "accept", a, token);
	}
	if (relation & MINTS) {
		tell(a, "mint", b, b->keys[a->daemon]);
		tell(b, "verify", a, b->keys[a->daemon]);
	}
}

void
spawn_needs(struct unit *u, char **needs)
{
	for (char **old = u->needs; u->out != NULL && old != NULL && *old != NULL; old++)
		fprintf(u->out, "secret %s=\n", *old);
	skill_words_free(u->needs);
	u->needs = needs;
}

static void
write_env(struct unit *u, int all)
{
	const struct unit_kind *kind = &unit_kinds[u->daemon];

	boot_write_secrets(u->out, u->home, kind->secrets, all);
	boot_write_secrets(u->out, u->home, (const char *const *)u->needs, all);
	if (kind->told_names)
		boot_write_names(u->out, u->home);
}

static void
compose(struct unit *u)
{
	struct boot b = { .unit = u->name, .root = site.root, .home = u->home, .run = site.run, .libexec = site.libexec };

	boot_write_head(u->out, &b, site.debug);
	for (struct unit *v = units; v != NULL; v = v->next) {
		introduce(u, v);
		if (v == u)
			continue;
		introduce(v, u);
		flush(v);
	}
	write_env(u, 0);
	fprintf(u->out, "end\n");
	flush(u);
}

void
spawn_reload(struct unit *u)
{
	if (u->out == NULL)
		return;
	log_info("%s reloads", u->name);
	fprintf(u->out, "reload\n");
	write_env(u, 1);
	flush(u);
}

void
spawn_drop(struct unit *u)
{
	for (struct unit *v = units; v != NULL; v = v->next)
		if (v != u && (unit_relation(u, v) | unit_relation(v, u))) {
			tell(v, "drop", u, "");
			flush(v);
		}
}

/* ---- its process ------------------------------------------------------------------------------ */

/* Our end of its descriptor 3. It is written through a stream of its own, so that source and stream close apart. */
static int
open_boot(struct unit *u, int fd, void (*on_boot)(void *arg))
{
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ BOOT_BYTES }, sizeof(int));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	source_open(&u->boot, fd, on_boot, u);
	if ((u->out = fdopen(fcntl(fd, F_DUPFD_CLOEXEC, 0), "w")) == NULL)
		return -1;
	return setvbuf(u->out, u->buffer, _IOFBF, sizeof(u->buffer));
}

int
spawn_unit(struct unit *u, void (*on_boot)(void *arg))
{
	const struct unit_kind *kind = &unit_kinds[u->daemon];
	cleanup_free char *inboxes = xasprintf("%s/%s", site.run, u->profile);
	cleanup_free char *program = xasprintf("%s/alpi-%s", site.libexec, kind->daemon);
	char *argv[] = { program, NULL };
	int err[2], boot[2] = { -1, -1 };

	mkdir(inboxes, 0700);
	if (pipe2(err, O_CLOEXEC) == -1)
		return -1;
	source_open(&u->tail.pipe, err[0], tail_read, &u->tail);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, boot) == 0 && open_boot(u, boot[0], on_boot) == 0) {
		compose(u);
		u->pid = child_start(&(struct child){ argv, site.drop ? kind->user : NULL, { -1, -1, err[1], boot[1] }, !kind->drains });
	}
	close(err[1]);
	close(boot[1]);
	return u->pid > 0 ? 0 : -1;
}

void
spawn_clear(struct unit *u)
{
	tail_close(&u->tail);
	source_close(&u->boot);
	if (u->out != NULL)
		fclose(u->out);
	u->out = NULL;
	u->pid = 0;
}

/* A small confined program of ours is waited for, with a limit, because what it reads is anybody's. */
int
spawn_plan(void (*take)(const char *line))
{
	cleanup_free char *program = xasprintf("%s/alpi-init-plan", site.libexec);
	char *argv[] = { program, site.root, NULL };
	const struct child c = { argv, site.drop ? "_alpi_plan" : NULL, { -1, -1, -1, -1 }, .bound = 1 };

	return child_lines(&c, PLAN_SECONDS, take);
}
