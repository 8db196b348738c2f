/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See profile.h. A snapshot asks for all its sections at once and answers
 * when the last has come; one that cannot be had is null, and why stands
 * beside it, so that a switched-off scheduler does not take the page away.
 */
#include "hostd/profile.h"

#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "hostd/engine.h"
#include "hostd/forward.h"
#include "hostd/host.h"
#include "proto/proto.h"

/* Who may change nothing here need not see keys' ends, servers and paths (host-plane.md, 2). */
static json_t *
what_members_see(const json_t *detail)
{
	static const char *const names[] = { "models", "voice_id", "voice_auto_read" };
	json_t *o = json_object();

	for (size_t i = 0; i < COUNT(names); i++)
		json_object_set(o, names[i], json_object_get(detail, names[i]));
	return o;
}

static bool
is_admin(const struct ask *a)
{
	return a->client != NULL && a->client->role == ROLE_ADMIN;
}

static json_t *
detail_for(const struct ask *a, const json_t *detail)
{
	return is_admin(a) ? json_deep_copy(detail) : what_members_see(detail);
}

static void
on_detail(void *arg, const json_t *detail, const struct error *e)
{
	struct ask *a = arg;

	if (detail == NULL)
		ask_error(a, e);
	else
		ask_result(a, detail_for(a, detail));
}

int
profile_detail(struct ask *a, struct error *e)
{
	return forward_order(a, "detail", on_detail);
}

static void
on_storage(void *arg, const json_t *rows, const struct error *e)
{
	if (rows == NULL)
		ask_error(arg, e);
	else
		ask_result(arg, json_pack("{s:O}", "storage", rows));
}

int
profile_storage(struct ask *a, struct error *e)
{
	return forward_order(a, "storage", on_storage);
}

/* ---- a snapshot ------------------------------------------------------------------------------------ */

struct section {
	const char	*name;
	bool		 members;	/* may see it, too */
	const char	*order;		/* of the settings child; NULL: */
	const char	*daemon;	/* one of the profile's, and what it is asked */
	enum msg	 type;
	const void	*body;
	const char	*member;	/* what of the answer it is; NULL: all */
	void		(*rename)(json_t *answer);	/* NULL: its names are the host plane's */
};

static const struct section sections[] = {
	{ .name = "detail", .members = true, .order = "detail" },
	{ .name = "storage", .order = "storage" },
	{ .name = "email", .order = "mail_accounts" },
	{ .name = "usage", .daemon = "engined", .type = MSG_usage_daily, .body = &(const struct usage_daily){ 0 },
	    .rename = usage_rename },
	{ .name = "schedules", .daemon = "scheduled", .type = MSG_job_list, .body = &(const struct job_list){ 0 }, .member = "jobs" },
};

struct snapshot {
	struct ask	*ask;
	json_t		*result, *missing;	/* sections; the reasons of those that cannot be had */
	size_t		 waiting;
};

/* A section that was asked for. */
struct part {
	struct snapshot		*of;
	const struct section	*section;
};

static void
end_when_whole(struct snapshot *s)
{
	if (s->waiting > 0)
		return;
	if (json_object_size(s->missing) > 0)
		json_object_set(s->result, "missing", s->missing);
	ask_result(s->ask, s->result);
	json_decref(s->missing);
	free(s);
}

/* A section has come, or not: value (taken) NULL. The part is gone. */
static void
arrive(struct part *p, json_t *value, const struct error *e)
{
	struct snapshot *s = p->of;

	if (value == NULL)
		json_object_set_new(s->missing, p->section->name, json_string(e->text));
	json_object_set_new(s->result, p->section->name, value == NULL ? json_null() : value);
	s->waiting--;
	free(p);
	end_when_whole(s);
}

static void
on_order(void *arg, const json_t *result, const struct error *e)
{
	struct part *p = arg;

	if (result != NULL && strcmp(p->section->name, "detail") == 0)
		arrive(p, detail_for(p->of->ask, result), NULL);
	else
		arrive(p, json_deep_copy(result), e);
}

static void
on_reply(void *arg, const void *reply, const struct error *e)
{
	struct part *p = arg;
	struct error local = { 0 };
	cleanup_json json_t *whole = reply == NULL ? NULL : forward_json(p->section->type, reply, &local);

	if (whole != NULL && p->section->rename != NULL)
		p->section->rename(whole);
	if (whole == NULL)
		arrive(p, NULL, reply == NULL ? e : &local);
	else if (p->section->member == NULL)
		arrive(p, steal(whole), NULL);
	else
		arrive(p, json_incref(json_object_get(whole, p->section->member)), NULL);
}

static void
ask_section(struct snapshot *s, const struct section *section)
{
	struct part *p = xcalloc(1, sizeof(*p));
	struct host *h = s->ask->host;
	const char *profile = ask_str(s->ask, "profile");
	cleanup_free char *unit = NULL;
	struct error e = { 0 };

	*p = (struct part){ .of = s, .section = section };
	s->waiting++;
	if (section->order != NULL)
		settings_order(h->settings, section->order, json_pack("{s:s}", "profile", profile), on_order, p);
	else if ((unit = host_unit(h, profile, section->daemon, &e)) == NULL ||
	    h->send(h->daemon, unit, section->type, section->body, NULL, FORWARD_MS, on_reply, p, &e) == NULL)
		arrive(p, NULL, &e);
}

/* Is it among the ones asked for? No list: all are. */
static bool
is_wanted(const json_t *names, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(names, i, row)
		if (strcmp(json_string_value(row), name) == 0)
			return true;
	return !json_is_array(names);
}

/* Sections that are not known here are of a newer client, and left out like unknown parameters. */
int
profile_snapshot(struct ask *a, struct error *e)
{
	const json_t *names = json_object_get(a->params, "sections");
	struct snapshot *s = xcalloc(1, sizeof(*s));

	*s = (struct snapshot){ .ask = a, .result = json_object(), .missing = json_object(), .waiting = 1 };
	for (size_t i = 0; i < COUNT(sections); i++)
		if (is_wanted(names, sections[i].name) && (sections[i].members || is_admin(a)))
			ask_section(s, &sections[i]);
	s->waiting--;			/* it was kept from ending while it began */
	end_when_whole(s);
	return 0;
}
