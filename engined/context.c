/* SPDX-License-Identifier: Apache-2.0 */
/* See context.h. */
#include "engined/context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/attach.h"
#include "engined/memory.h"
#include "engined/project.h"
#include "engined/prompt.h"
#include "engined/session.h"
#include "engined/skill_index.h"
#include "engined/talk.h"

#define NOW		"# NOW"

/* ---- parts of the system prompt ---------------------------------------------------------------- */

/* A memory file, trimmed, without the trailers of its entries; NULL when there is nothing. */
static char *
memory_file(const char *home, const char *name)
{
	cleanup_free char *path = xasprintf("%s/memories/%s", home, name), *text = NULL;
	cleanup_buf struct buf raw = BUF(0);
	struct error e = { 0 };

	if (file_read(path, MEMORY_BYTES_MAX, &raw, &e) == -1) {
		if (e.code != ERR_not_found)
			log_warn("the model does not know what %s says: %s", name, e.text);
		return NULL;
	}
	text = entry_strip(buf_str(&raw));
	return text[0] == '\0' ? NULL : utf8_clean(text, strlen(text));
}

static char *
part_agent(const struct context *c)
{
	char *text = memory_file(c->home, "AGENT.md");

	return text == NULL ? xstrdup(prompt_agent) : text;
}

static char *
part_base(const struct context *c)
{
	return xstrdup(prompt_base);
}

static char *
part_environment(const struct context *c)
{
	if (c->workspace == NULL)
		return xasprintf("# ENVIRONMENT\nalpi " ALPI_VERSION ". Workspace: not set; relative paths begin in %s/workspace. "
		    "Profile home: %s.", c->home, c->home);
	return xasprintf("# ENVIRONMENT\nalpi " ALPI_VERSION ". Workspace: %s; relative paths begin there. Profile home: %s.",
	    c->workspace, c->home);
}

static char *
part_time(const struct context *c)
{
	return xasprintf("# TIME\nTime zone: %s. The date is in the latest " NOW " message.", c->zone);
}

static char *
part_surface(const struct context *c)
{
	return xstrdup0(prompt_surface(c->surface));
}

/* Families that promise more than they do. A hyphen before "mini": there is one in "gemini", too. */
static char *
part_guidance(const struct context *c)
{
	bool weak = c->local || strstr(c->model, "-mini") != NULL || strstr(c->model, "flash") != NULL;

	return weak ? xstrdup(prompt_guidance) : NULL;
}

static char *
part_skills(const struct context *c)
{
	return xstrdup0(c->skills);
}

static char *
under_heading(const char *heading, char *text)
{
	char *out = text == NULL ? NULL : xasprintf("%s\n%s", heading, text);

	free(text);
	return out;
}

static char *
part_user(const struct context *c)
{
	return under_heading("# USER PROFILE", memory_file(c->home, "USER.md"));
}

static char *
part_memory(const struct context *c)
{
	return under_heading("# AGENT MEMORY", memory_file(c->home, "MEMORY.md"));
}

/* The order is spec/engine.md, section 8; the rows between guidance and user profile come with what they speak of. */
static const struct {
	const char	*name;
	char		*(*text)(const struct context *);
} table[] = {
	{ "agent profile", part_agent },
	{ "base prompt",   part_base },
	{ "environment",   part_environment },
	{ "time",          part_time },
	{ "surface",       part_surface },
	{ "guidance",      part_guidance },
	{ "skills",        part_skills },
	{ "user profile",  part_user },
	{ "memory",        part_memory },
};

_Static_assert(COUNT(table) <= CONTEXT_PARTS, "room for every part");

void
context_parts(const struct context *c, struct context_part parts[CONTEXT_PARTS])
{
	memset(parts, 0, CONTEXT_PARTS * sizeof(*parts));
	for (size_t i = 0; i < COUNT(table); i++)
		parts[i] = (struct context_part){ .name = table[i].name, .text = table[i].text(c) };
}

char *
context_prompt(const struct context *c)
{
	struct context_part parts[CONTEXT_PARTS];
	struct buf b = BUF(0);

	context_parts(c, parts);
	for (size_t i = 0; i < CONTEXT_PARTS; i++) {
		if (parts[i].text != NULL)
			buf_addf(&b, "%s%s", b.len > 0 ? "\n\n" : "", parts[i].text);
		free(parts[i].text);
	}
	return buf_take(&b);
}

/* ---- time -------------------------------------------------------------------------------------- */

char *
context_zone(void)
{
	const char *tz = getenv("TZ"), *name;
	char link[256];
	ssize_t n;

	if (tz != NULL && tz[0] != '\0')
		return xstrdup(tz[0] == ':' ? tz + 1 : tz);
	if ((n = readlink("/etc/localtime", link, sizeof(link) - 1)) > 0) {
		link[n] = '\0';
		if ((name = strstr(link, "zoneinfo/")) != NULL)
			return xstrdup(name + 9);
	}
	tzset();
	return xstrdup(tzname[0] != NULL && tzname[0][0] != '\0' ? tzname[0] : "UTC");
}

char *
context_now(const char *zone, int64_t wall_ms)
{
	time_t t = (time_t)(wall_ms / 1000);
	char local[64], utc[64];
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(local, sizeof(local), "%A %Y-%m-%d %H:%M", &tm);
	gmtime_r(&t, &tm);
	strftime(utc, sizeof(utc), "%Y-%m-%d %H:%M", &tm);
	return xasprintf(NOW "\n%s %s\n%s UTC", local, zone, utc);
}

/* ---- messages ---------------------------------------------------------------------------------- */

void
message_add(json_t *messages, const char *role, const char *text)
{
	json_array_append_new(messages, json_pack("{s:s, s:s}", "role", role, "content", text));
}

json_t *
context_messages(const char *prompt, const struct talk *talk, const json_t *session, size_t upto, const char *now,
    const char *user)
{
	cleanup_json json_t *known = talk == NULL || talk->turns != upto ? NULL : talk_messages(talk);
	json_t *messages = json_array();

	message_add(messages, "system", prompt);
	if (known != NULL)
		json_array_extend(messages, known);
	else if (session != NULL)
		session_replay(session, upto, messages);
	message_add(messages, "system", now);
	message_add(messages, "user", user);
	return messages;
}

void
context_hint(json_t *messages, const char *text)
{
	json_array_insert_new(messages, json_array_size(messages) - 1, json_pack("{s:s, s:s}", "role", "system", "content", text));
}

void
context_project(json_t *messages, const char *text)
{
	json_array_insert_new(messages, 1, json_pack("{s:s, s:s}", "role", "system", "content", text));
}

/* Is it a note for one turn, which a later one has no use for? */
static bool
is_of_turn(const json_t *m)
{
	const char *text = json_str(m, "content", "");

	return strcmp(json_str(m, "role", ""), "system") == 0 &&
	    (strncmp(text, NOW, strlen(NOW)) == 0 || strncmp(text, SKILL_HINT, strlen(SKILL_HINT)) == 0 ||
	    strncmp(text, PROJECT_MARK, strlen(PROJECT_MARK)) == 0);
}

json_t *
context_history(const json_t *messages)
{
	json_t *out = json_array(), *m;
	size_t i;

	json_array_foreach(messages, i, m)
		if (i > 0 && !is_of_turn(m))
			json_array_append_new(out, attach_without_images(m));	/* shown in their own turn only */
	return out;
}

int64_t
context_tokens(size_t bytes)
{
	return bytes < 4 ? 1 : (int64_t)(bytes / 4);
}
