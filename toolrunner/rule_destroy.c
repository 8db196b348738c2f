/* SPDX-License-Identifier: Apache-2.0 */
/* See rules_own.h: commands that delete, overwrite or take away what was there, or take the rights to. */
#include "toolrunner/rules_own.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "toolrunner/unwrap.h"

enum tier
look_rm(struct sight *v)
{
	return has_option(v->c, "rR", "recursive") ? TIER_CAUTION : TIER_SAFE;
}

enum tier
look_rm_sensitive(struct sight *v)
{
	const struct word *w;
	struct operands o = OPERANDS(v->c);

	if (look_rm(v) == TIER_SAFE)
		return TIER_SAFE;
	while ((w = next_operand(&o)) != NULL)
		if (sensitive(w))
			return TIER_DANGEROUS;
	return TIER_SAFE;
}

/* Does a mode let everybody write: an octal with that bit, or a+w, o=rw, +w for all? */
static bool
world_writable(const char *mode)
{
	bool all = false;
	const char *p = mode;

	if (isdigit((unsigned char)*p))
		return strspn(p, "01234567") == strlen(p) && (strtol(p, NULL, 8) & 02) != 0;
	for (; *p != '\0' && *p != '+' && *p != '='; p++)
		if (*p == '-' || *p == ',')
			return *p == ',' && world_writable(p + 1);
		else
			all |= *p == 'a' || *p == 'o';
	for (; *p != '\0' && *p != ','; p++)
		if (*p == 'w' && all)
			return true;
	return *p == ',' && world_writable(p + 1);
}

enum tier
look_chmod(struct sight *v)
{
	const struct word *w;
	struct operands o = OPERANDS(v->c);

	while ((w = next_operand(&o)) != NULL)
		if (world_writable(w->text))
			return TIER_CAUTION;
	return TIER_SAFE;
}

enum tier
look_chown(struct sight *v)
{
	const struct word *w;
	bool owner = !has_option(v->c, "", "reference");
	struct operands o = OPERANDS(v->c);

	if (!has_option(v->c, "R", "recursive"))
		return TIER_SAFE;
	while ((w = next_operand(&o)) != NULL) {
		if (!owner && sensitive(w))
			return TIER_DANGEROUS;
		owner = false;
	}
	return TIER_SAFE;
}

enum tier
look_mkfs(struct sight *v)
{
	return TIER_DANGEROUS;
}

/* A function that calls itself through a pipe or into the background. */
enum tier
look_bomb(struct sight *v)
{
	if (v->c->function == -1 || v->c->nwords == 0 || strcmp(v->c->words[0].text, v->s->functions[v->c->function]) != 0)
		return TIER_SAFE;
	return v->c->segment > 0 || v->s->pipes[v->c->pipe].async ? TIER_DANGEROUS : TIER_SAFE;
}

/* SQL at the shell's prompt is a program of that name; in quotes it is the floor's. */
enum tier
look_sql(struct sight *v)
{
	return v->c->nwords > 1 && in_set("TABLE DATABASE SCHEMA table database schema", v->c->words[1].text) ? TIER_CAUTION : TIER_SAFE;
}

/* The index of git's subcommand, its own options passed; 0 without one. */
static size_t
git_command(const struct command *c)
{
	for (size_t i = 1; i < c->nwords; i++) {
		const char *t = c->words[i].text;

		if (t[0] != '-')
			return i;
		i += in_set("-C -c --git-dir --work-tree --namespace --exec-path --config-env", t);
	}
	return 0;
}

enum tier
look_force_push(struct sight *v)
{
	size_t i = git_command(v->c);

	if (i == 0 || strcasecmp(v->c->words[i].text, "push") != 0)
		return TIER_SAFE;
	while (++i < v->c->nwords) {
		const char *t = v->c->words[i].text;

		if (strncasecmp(t, "--force", 7) == 0 || strcmp(t, "--mirror") == 0 || t[0] == '+' ||
		    (t[0] == '-' && t[1] != '-' && strchr(t, 'f') != NULL))
			return TIER_CAUTION;
	}
	return TIER_SAFE;
}

enum tier
look_hard_reset(struct sight *v)
{
	size_t i = git_command(v->c);

	if (i == 0 || strcasecmp(v->c->words[i].text, "reset") != 0)
		return TIER_SAFE;
	while (++i < v->c->nwords)
		if (strncasecmp(v->c->words[i].text, "--hard", 6) == 0)
			return TIER_CAUTION;
	return TIER_SAFE;
}

enum tier
look_sudo(struct sight *v)
{
	return TIER_CAUTION;
}

enum tier
look_kill(struct sight *v)
{
	for (size_t i = 1; i < v->c->nwords; i++) {
		const char *t = v->c->words[i].text, *next = i + 1 < v->c->nwords ? v->c->words[i + 1].text : "";

		if (in_set("-s -n --signal", t))
			t = next;
		else if (strncmp(t, "--signal=", 9) == 0)
			t += 9;
		else if (t[0] == '-' && t[1] == 's' && t[2] != '\0')
			t += 2;
		else if (t[0] != '-' || *++t == '\0')
			continue;
		t += strncasecmp(t, "SIG", 3) == 0 ? 3 : 0;
		if (strcmp(t, "9") == 0 || strcasecmp(t, "KILL") == 0)
			return TIER_CAUTION;
	}
	return TIER_SAFE;
}

enum tier
look_find_delete(struct sight *v)
{
	for (size_t i = 1; i < v->c->nwords; i++)
		if (strcmp(v->c->words[i].text, "-delete") == 0)
			return TIER_CAUTION;
	return TIER_SAFE;
}
