/* SPDX-License-Identifier: Apache-2.0 */
/* See consent.h. */
#include "toolrunner/consent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/logfile.h"
#include "common/mem.h"
#include "common/paths.h"

#define SESSIONS_MAX	256		/* remembered at once; the one longest unused goes first */
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

int
consent_open_log(const char *home, struct error *e)
{
	cleanup_free char *dir = path_join(home, "logs"), *path = path_join(dir, "approval.log");

	if (make_dirs(dir, 0700, e) == -1)
		return -1;
	logfile_rotate(path, 1);	/* only at start: later we have no right to rename there */
	return logfile_open(path, e);
}

/* Of the command as much as LOG_COMMAND_MAX characters. */
static char *
log_line(const struct consent_fact *f)
{
	size_t shown = utf8_offset(f->command, strlen(f->command), LOG_COMMAND_MAX);
	cleanup_free char *text = xasprintf("INFO %s severity=%s pattern=%s reason=%s cmd=%.*s", f->allowed ? "ALLOW" : "DENY",
	    tier_name(f->tier), f->label == NULL ? "-" : f->label, f->reason, (int)shown, f->command);

	return logfile_line("alpi.approval", text);
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
