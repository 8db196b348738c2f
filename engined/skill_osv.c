/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: before a script lands in a skill, the packages that it imports
 * are looked up (spec/memory-skills.md, 7.1). skills.osv decides what a
 * database that does not answer means: "on" lets the file in and says so,
 * "strict" keeps it out, "off" never asks.
 */
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/beneath.h"
#include "engined/engine.h"
#include "engined/osv.h"
#include "engined/provider.h"
#include "engined/skill_edit.h"
#include "engined/turn.h"

struct scouting {
	struct turn	*turn;
	struct osv	*osv;
	struct packages	 packages;
	void		(*go)(struct turn *t, const char *note);
};

void
scouting_free(struct scouting *x)
{
	if (x == NULL)
		return;
	osv_cancel(x->osv);
	packages_clear(&x->packages);
	free(x);
}

/* ---- what is imported --------------------------------------------------------------------------- */

/* The modules beside a file, as they are imported; ended by NULL, free with beneath_names_free. */
static char **
modules_of(const char *home, const struct skill *s, const char *subdir)
{
	cleanup_close int all = skills_dir(home, NULL), dir = all == -1 ? -1 : beneath_dir(all, s->path, 0, NULL);
	char **names = dir == -1 ? NULL : beneath_names(dir, subdir, false);

	for (char **n = names; n != NULL && *n != NULL; n++) {
		char *end = strrchr(*n, '.');

		(*n)[end != NULL && strcmp(end, ".py") == 0 ? end - *n : 0] = '\0';
	}
	return names;
}

/* The file as it would be; NULL: there is none, or it would be refused anyway. The caller frees. */
static char *
text_of(const char *home, const struct skill *s, const json_t *args)
{
	const char *action = json_str(args, "action", ""), *subdir = json_str(args, "subdir", NULL);

	if (subdir == NULL || skill_subdir(subdir) == NULL || !skill_subdir(subdir)->scanned)
		return NULL;
	if (strcmp(action, "add_file") == 0)
		return xstrdup0(json_str(args, "content", NULL));
	if (strcmp(action, "patch") != 0)
		return NULL;
	return skill_patched(home, s, subdir, json_str(args, "filename", ""), json_str(args, "old_string", ""),
	    json_str(args, "new_string", ""), NULL);
}

static void
packages_of(const char *home, const json_t *args, struct packages *out)
{
	struct skill *s = skill_find(home, json_str(args, "name", ""), NULL);
	cleanup_free char *text = s == NULL ? NULL : text_of(home, s, args);
	char **own = text == NULL ? NULL : modules_of(home, s, json_str(args, "subdir", ""));

	*out = (struct packages){ 0 };
	if (text != NULL)
		imports_read(imports_language(json_str(args, "filename", ""), text), text, own, out);
	beneath_names_free(own);
	skill_free(s);
}

/* ---- what is known of it ------------------------------------------------------------------------ */

/* A word that is none of these is one that somebody meant to be careful with. */
static bool
is_mode(const struct engine *en, const char *mode)
{
	const json_t *v = json_at(en->config, "skills.osv");
	const char *text = json_is_string(v) ? json_string_value(v) : json_is_false(v) ? "off" : json_is_true(v) ? "on" : "strict";

	if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0)
		text = "strict";
	return strcmp(text, mode) == 0;
}

/* In words of ours: of the server's there is at most an id. */
static void
refuse(struct turn *t, char *take)
{
	struct tool_result r = { .ours = true, .error = take };

	calls_end(t, &r);
}

static void
not_looked_up(struct scouting *x, const char *why)
{
	cleanup_free char *names = packages_text(&x->packages), *note = NULL;
	struct turn *t = x->turn;
	const char *colon = names[0] != '\0' ? ": " : "";

	if (is_mode(t->engine, "strict")) {
		refuse(t, xasprintf("the file was not written: skills.osv is strict, and what it imports was not looked up%s%s (%s)",
		    colon, names, why));
	} else {
		note = xasprintf("not looked up in the OSV database of malware%s%s (%s)", colon, names, why);
		x->go(t, note);
	}
}

static void
on_looked(void *arg, const char *malware, const struct error *e)
{
	struct scouting *x = arg;
	struct turn *t = x->turn;
	cleanup_free char *names = packages_text(&x->packages), *text = NULL;

	x->osv = NULL;
	if (malware != NULL) {
		refuse(t, xasprintf("the file was not written: it imports a package that is known as malware: %s", malware));
	} else if (e != NULL) {
		not_looked_up(x, e->text);
	} else if (x->packages.unnamed) {
		not_looked_up(x, "these are not malware, but not all that is imported can be looked up");
	} else {
		text = xasprintf("looked up in the OSV database, none is known as malware: %s", names);
		x->go(t, text);
	}
}

void
scouting_begin(struct turn *t, void (*go)(struct turn *t, const char *note))
{
	struct engine *en = t->engine;
	struct scouting *x = t->now.scouting = xcalloc(1, sizeof(*x));
	struct error e = { 0 };

	*x = (struct scouting){ .turn = t, .go = go };
	packages_of(en->home, t->now.args, &x->packages);
	if (x->packages.n == 0 && !x->packages.unnamed)
		go(t, NULL);
	else if (is_mode(en, "off"))
		not_looked_up(x, "skills.osv is off");
	else if (x->packages.n == 0)
		not_looked_up(x, "no package can have the name that is imported");
	else if ((x->osv = osv_ask(en->base, provider_http(en->provider), config_str(en->config, "skills.osv_url"), &x->packages,
	    on_looked, x, &e)) == NULL)
		not_looked_up(x, e.text);
}

void
scouting_cancel(struct turn *t)
{
	calls_fail(t, "interrupted");
}
