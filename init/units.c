/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With the channel table this is the whole topology. A plan comes from a program that has read YAML of any
 * origin: it is believed in which profiles there are, and in nothing that init knows itself.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/init.h"

#define BIT(daemon)	(1u << (daemon))
#define SOON_MS		100			/* saving a file is several changes */

/* With -u: init changes no owner, so the homes and run/ must let in the users of these rows. */
const struct unit_kind unit_kinds[DAEMONS] = {
	/*                 daemon        user, as root   one per  after              secrets           verifies */
	[D_toolrunner] = { "toolrunner", "_alpi_tool",   PROFILE, 0,                 SECRETS_NONE,     1 },
	[D_engined] =    { "engined",    "_alpi_engine", PROFILE, BIT(D_toolrunner), SECRETS_PROVIDER, 0 },
	[D_hostd] =      { "hostd",      "_alpi_host",   MACHINE, BIT(D_engined),    SECRETS_NONE,     0 },
};

struct unit *units;
static struct source folders;
static int64_t look_at;				/* when to look for changes; 0: nothing changed */
static int plan;				/* the number of the newest */
static char warning[512];			/* what it warned of */

int
unit_relation(const struct unit *a, const struct unit *b)
{
	const struct unit_kind *ka = &unit_kinds[a->daemon], *kb = &unit_kinds[b->daemon];
	int relation = ka->after & BIT(b->daemon) ? AFTER : 0;

	/* Units meet within a profile; what there is once for the machine meets all. */
	if (a == b || (ka->scope == PROFILE && kb->scope == PROFILE && strcmp(a->profile, b->profile) != 0))
		return 0;
#define CHANNEL(x, y, message) relation |= a->daemon == D_##x && b->daemon == D_##y ? CALLS : 0;
#include "proto/channels.def"
#define CEILING(x, caps) relation |= a->daemon == D_##x && kb->verifies ? MINTS : 0;
#include "proto/caps.def"
	return relation;
}

struct unit *
units_next(struct unit *u, const char *x)
{
	for (u = u == NULL ? units : u->next; u != NULL; u = u->next)
		if (strcmp(x, "all") == 0 || strcmp(x, u->name) == 0 || strcmp(x, u->profile) == 0)
			break;
	return u;
}

/* Where the list points, or would point, to this unit. */
static struct unit **
place_of(const char *profile, enum daemon daemon)
{
	struct unit **p = &units;

	while (*p != NULL && ((*p)->daemon != daemon || strcmp((*p)->profile, profile) != 0))
		p = &(*p)->next;
	return p;
}

void
unit_forget(struct unit *u)
{
	*place_of(u->profile, u->daemon) = u->next;
	explicit_bzero(u->keys, sizeof(u->keys));
	free(u);
}

static struct unit *
unit_new(const char *profile, enum daemon daemon)
{
	struct unit *u = calloc(1, sizeof(*u));
	int other = strcmp(profile, "default") != 0;

	if (u == NULL)
		abort();
	u->daemon = daemon;
	u->state = STOPPED;
	u->boot.fd = u->tail.pipe.fd = -1;
	snprintf(u->profile, sizeof(u->profile), "%s", profile);
	snprintf(u->name, sizeof(u->name), "%s/%s", profile, unit_kinds[daemon].daemon);
	snprintf(u->tail.name, sizeof(u->tail.name), "%s[%s]", unit_kinds[daemon].daemon, profile);
	snprintf(u->home, sizeof(u->home), "%s%s", other ? "./profiles/" : ".", other ? profile : "");
	for (size_t i = 0; i < DAEMONS; i++)
		secrets_key(u->keys[i]);
	return u;
}

static int
was_planned(const char *profile)
{
	struct unit *u = NULL;

	while ((u = units_next(u, profile)) != NULL && u->wanted != plan - 1)
		continue;
	return u != NULL;
}

/*
 * "unit PROFILE/DAEMON HOME"; or its configuration does not load: "warn PROFILE TEXT", so what ran goes on, and
 * before that "first PROFILE/DAEMON HOME": if nothing ran, its units come and say what is wrong to those who ask.
 */
static void
take(const char *line)
{
	char word[6] = "", profile[65] = "", daemon[33] = "";
	struct unit **p, *u = NULL;
	int d = 0, text = 0;

	if (sscanf(line, "%5s %64[A-Za-z0-9._-]/%32s", word, profile, daemon) == 3 &&
	    (strcmp(word, "unit") == 0 || (strcmp(word, "first") == 0 && !was_planned(profile)))) {
		while (d < DAEMONS && strcmp(unit_kinds[d].daemon, daemon) != 0)
			d++;
		if (d < DAEMONS && profile[0] != '.' && spawn_fits(profile)) {
			p = place_of(profile, (enum daemon)d);
			*p = *p != NULL ? *p : unit_new(profile, (enum daemon)d);
			(*p)->wanted = plan;
			return;
		}
	}
	if (strcmp(word, "first") == 0)
		return;
	if (sscanf(line, "warn %64s %n", profile, &text) == 1)
		while ((u = units_next(u, profile)) != NULL)
			u->wanted = plan;
	snprintf(warning, sizeof(warning), "%s: %s", text > 0 ? profile : "not possible", line + text);
	logs_say("WARNING %s", warning);
}

/* What the newest plan means for a unit: go, come (back), or read again what changed. */
static void
follow(struct unit *u)
{
	static const char *const names[] = { "config.yaml", ".env" };
	uint64_t stamp = 1;
	char path[160];
	struct stat st;

	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", u->home, names[i]);
		if (stat(path, &st) == 0)
			stamp = stamp * 31 + (uint64_t)(st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec) + st.st_ino;
	}
	if (u->wanted != plan)
		unit_stop(u);
	else if (u->stamp == 0 || u->leave)
		unit_start(u);
	else if (u->stamp != stamp)
		spawn_reload(u);
	u->leave = u->wanted != plan;
	u->stamp = stamp;
}

void
units_apply(char *lines)
{
	plan++;
	for (char *line; (line = strsep(&lines, "\n")) != NULL;)
		if (*line != '\0')
			take(line);
	for (struct unit *u = units; u != NULL; u = u->next)
		follow(u);
}

static void
changed(void *arg)
{
	char events[4096];

	if (read(folders.fd, events, sizeof(events)) > 0 && look_at == 0)
		look_at = now_ms() + SOON_MS;
}

static void
watch(const char *dir, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	inotify_add_watch(folders.fd, path, IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR);
}

void
units_round(void)
{
	struct dirent *d;
	char *lines;
	DIR *dir;

	if (folders.fn == NULL)
		source_open(&folders, inotify_init1(IN_CLOEXEC | IN_NONBLOCK), changed, NULL);
	else if (look_at == 0 || look_at > now_ms()) {
		loop_until(look_at);
		return;
	}
	look_at = 0;
	/* Folders are watched before they are read: what changes in between is seen by the next look. */
	watch(".", ".");
	for (dir = opendir("profiles"); dir != NULL && (d = readdir(dir)) != NULL;)
		if (strcmp(d->d_name, "..") != 0)
			watch("profiles", d->d_name);
	if (dir != NULL)
		closedir(dir);
	warning[0] = '\0';
	if ((lines = spawn_plan(warning, sizeof(warning))) != NULL)
		units_apply(lines);
	else
		logs_say("ERROR %s", warning);
	free(lines);
}

int
units_settled(const char *x, char *why, size_t size)
{
	size_t n = 0;

	snprintf(why, size, "%s%s", units == NULL ? "nothing to run: " : "", units == NULL ? warning : "");
	for (struct unit *u = NULL; (u = units_next(u, x)) != NULL;) {
		if (u->stop || (u->state != READY && u->state != STOPPED && u->state != FAILED))
			return 0;
		if (u->state == FAILED && n < size)
			n += (size_t)snprintf(why + n, size - n, "%s%s", n == 0 ? "failed: " : ", ", u->name);
	}
	return look_at == 0;
}
