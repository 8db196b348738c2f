/* SPDX-License-Identifier: Apache-2.0 */
/* See rules_own.h: where commands write, by redirection or by the operands of programs that do. */
#include "toolrunner/rules_own.h"

#include <limits.h>
#include <string.h>

#include "common/mem.h"
#include "toolrunner/unwrap.h"

static enum tier
look_dd(struct sight *v)
{
	char path[PATH_MAX];

	for (size_t i = 1; i < v->c->nwords; i++) {
		const char *t = v->c->words[i].text;

		if (strncasecmp(t, "of=", 3) == 0 && below(clean_path(t + 3, path), "/dev"))
			return TIER_DANGEROUS;
	}
	return TIER_SAFE;
}

/* A device one writes to without harm. */
static bool
harmless_device(const char *path)
{
	static const char *const names[] = { "null", "zero", "full", "tty", "stdout", "stderr", "stdin", "fd", "shm", "pts", "random", "urandom" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (below(path + strlen("/dev/"), names[i]))
			return true;
	return false;
}

enum tier
look_device_redirect(struct sight *v)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < v->c->nredirs; i++) {
		const char *t = clean_path(v->c->redirs[i].target.text, path);

		if (v->c->redirs[i].op == REDIR_WRITE && strncmp(t, "/dev/", 5) == 0 && !harmless_device(t))
			return TIER_DANGEROUS;
	}
	return strcmp(v->program, "dd") == 0 ? look_dd(v) : TIER_SAFE;
}

/* The paths a command writes: redirections, and the operands of programs that write them. */
static bool
writes_to(const struct sight *v, bool (*is)(const struct word *w))
{
	const struct word *w, *last = NULL;
	struct operands o = OPERANDS(v->c);

	for (size_t k = 0; k < v->c->nredirs; k++)
		if (v->c->redirs[k].op == REDIR_WRITE && is(&v->c->redirs[k].target))
			return true;
	while ((w = next_operand(&o)) != NULL) {
		struct word value = { .text = w->text + 3, .from = -1 };

		if (in_set("tee truncate shred", v->program) && is(w))
			return true;
		if (strcmp(v->program, "sed") == 0 && has_option(v->c, "i", "in-place") && is(w))
			return true;
		if (strcmp(v->program, "dd") == 0 && strncasecmp(w->text, "of=", 3) == 0 && is(&value))
			return true;
		last = w;
	}
	return last != NULL && in_set("cp mv install ln rsync", v->program) && is(last);
}

static bool
word_system(const struct word *w)
{
	return system_path(w->text);
}

enum tier
look_system_write(struct sight *v)
{
	return writes_to(v, word_system) ? TIER_DANGEROUS : TIER_SAFE;
}

enum tier
look_profile_write(struct sight *v)
{
	return writes_to(v, names_profile) ? TIER_DANGEROUS : TIER_SAFE;
}
