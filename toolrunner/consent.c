/* SPDX-License-Identifier: Apache-2.0 */
/* See consent.h. */
#include "toolrunner/consent.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"

#define SESSIONS_MAX	256		/* remembered at once; the one longest unused goes first */
#define LOG_BYTES_MAX	1000000
#define LOG_BACKUPS	3
#define LOG_COMMAND_MAX	160

struct session {
	struct session	*next;		/* most lately used first */
	char		*origin, *id;
	const char	*labels[LABELS_MAX + 1];	/* static texts */
	size_t		 n;
};

static struct session **
find(struct runner *r, const char *origin, const char *id)
{
	struct session **s;

	for (s = &r->sessions; *s != NULL; s = &(*s)->next)
		if (strcmp((*s)->origin, origin) == 0 && strcmp((*s)->id, id) == 0)
			return s;
	return s;
}

const char *const *
consent_session(const struct runner *r, const char *origin, const char *id)
{
	const struct session *s;

	for (s = r->sessions; s != NULL; s = s->next)
		if (strcmp(s->origin, origin) == 0 && strcmp(s->id, id) == 0)
			return s->labels;
	return NULL;
}

static void
session_free(struct session *s)
{
	free(s->origin);
	free(s->id);
	free(s);
}

static void
forget_beyond(struct runner *r, size_t most)
{
	struct session **s = &r->sessions, *gone;

	while (*s != NULL && most > 0) {
		s = &(*s)->next;
		most--;
	}
	while ((gone = *s) != NULL) {
		*s = gone->next;
		session_free(gone);
	}
}

void
consent_remember(struct runner *r, const char *origin, const char *id, const char *label)
{
	struct session **at = find(r, origin, id), *s = *at;

	if (s != NULL)
		*at = s->next;
	else {
		s = xcalloc(1, sizeof(*s));
		s->origin = xstrdup(origin);
		s->id = xstrdup(id);
	}
	s->next = r->sessions;
	r->sessions = s;
	if (s->n < LABELS_MAX)
		s->labels[s->n++] = label;
	forget_beyond(r, SESSIONS_MAX);
}

void
consent_clear(struct runner *r)
{
	forget_beyond(r, 0);
}

/* ---- the log ------------------------------------------------------------------------------ */

/* Only at start: a process without rights in logs/ cannot rename there. */
static void
rotate(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1 || st.st_size < LOG_BYTES_MAX)
		return;
	for (int i = LOG_BACKUPS; i > 0; i--) {
		cleanup_free char *to = xasprintf("%s.%d", path, i);
		cleanup_free char *from = i > 1 ? xasprintf("%s.%d", path, i - 1) : xstrdup(path);

		if (rename(from, to) == -1)
			continue;	/* that one is not there */
	}
}

int
consent_open_log(const char *home, struct error *e)
{
	cleanup_free char *dir = path_join(home, "logs"), *path = path_join(dir, "approval.log");
	int fd;

	if (make_dirs(dir, 0700, e) == -1)
		return -1;
	rotate(path);
	if ((fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)) == -1)
		return error_errno(e, "%s", path);
	return fd;
}

/* The command on one line, at most LOG_COMMAND_MAX characters. */
static char *
one_line(const char *command)
{
	size_t len = strlen(command), end = utf8_offset(command, len, LOG_COMMAND_MAX);
	char *out = xstrndup(command, end);

	for (char *p = out; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	return out;
}

static char *
log_line(const struct consent_fact *f)
{
	cleanup_free char *command = one_line(f->command);
	int64_t now = clock_wall_ms();
	time_t s = (time_t)(now / 1000);
	char at[32];
	struct tm tm;

	localtime_r(&s, &tm);
	strftime(at, sizeof(at), "%Y-%m-%d %H:%M:%S", &tm);
	return xasprintf("%s,%03d INFO alpi.approval %s severity=%s pattern=%s reason=%s cmd=%s\n", at, (int)(now % 1000),
	    f->allowed ? "ALLOW" : "DENY", tier_name(f->tier), f->label == NULL ? "-" : f->label, f->reason, command);
}

static int
audit_fact(struct runner *r, const struct consent_fact *f, struct error *e)
{
	char hash[65];
	cleanup_json json_t *detail = NULL;

	audit_hash(f->command, strlen(f->command), hash);
	detail = json_pack("{s:s, s:s, s:s?, s:s, s:s}", "call", f->key, "severity", tier_name(f->tier), "label", f->label,
	    "reason", f->reason, "command", hash);
	return audit_add(r->audit, "approval", f->who, f->allowed ? "allow" : "deny", detail, e);
}

int
consent_record(struct runner *r, const struct consent_fact *f, struct error *e)
{
	cleanup_free char *line = log_line(f);
	size_t len = strlen(line);

	if (audit_fact(r, f, e) == -1)
		return -1;
	if (write(r->approval_fd, line, len) != (ssize_t)len)
		return error_errno(e, "approval.log");
	return 0;
}
