/* SPDX-License-Identifier: Apache-2.0 */
/* See rules_own.h: commands that run what came from elsewhere, or what only running tells. */
#include "toolrunner/rules_own.h"

#include <string.h>

#include "common/paths.h"
#include "toolrunner/unwrap.h"

enum tier
look_pipe(struct sight *v)
{
	return is_interpreter(v->program) && flow_reaches(v, &v->downloads, rule_downloaders) ? TIER_DANGEROUS : TIER_SAFE;
}

/* A program or a script that only running tells. */
enum tier
look_computed(struct sight *v)
{
	if (v->c->nwords > 0 && v->c->words[0].flags & WORD_COMPUTED)
		return TIER_CAUTION;
	for (size_t i = 1; strcmp(v->program, "eval") == 0 && i < v->c->nwords; i++)
		if (v->c->words[i].flags & WORD_COMPUTED)
			return TIER_CAUTION;
	return is_interpreter(v->program) && flow_reaches(v, &v->decoded, rule_decoders) ? TIER_CAUTION : TIER_SAFE;
}

static void
note_file(struct sight *v, const char *path)
{
	if (*path_base(path) != '\0' && v->nfiles < DOWNLOADS_MAX)
		v->files[v->nfiles++] = path_base(path);
}

/* Remember where a downloader puts what it gets. */
static void
note_download(struct sight *v)
{
	bool curl = strcmp(v->program, "curl") == 0, named = false, remote = !curl;

	if (!in_set(rule_downloaders, v->program))
		return;
	for (size_t i = 0; i < v->c->nredirs; i++)
		if (v->c->redirs[i].op == REDIR_WRITE)
			note_file(v, v->c->redirs[i].target.text);
	for (size_t i = 1; i + 1 < v->c->nwords; i++) {
		const char *t = v->c->words[i].text;

		remote |= curl && (strcmp(t, "--remote-name") == 0 || (t[0] == '-' && t[1] != '-' && strchr(t, 'O') != NULL));
		if (in_set("--output --output-document --out", t) || (t[0] == '-' && t[1] != '-' && t[strlen(t) - 1] == (curl ? 'o' : 'O'))) {
			note_file(v, v->c->words[i + 1].text);
			named = true;
		}
	}
	for (size_t i = 1; remote && !named && i < v->c->nwords; i++)
		if (strstr(v->c->words[i].text, "://") != NULL)
			note_file(v, v->c->words[i].text);
}

static bool
downloaded(const struct sight *v, const char *path)
{
	for (size_t i = 0; i < v->nfiles; i++)
		if (strcmp(path_base(path), v->files[i]) == 0)
			return true;
	return false;
}

/* curl -o x …; sh x */
enum tier
look_download_run(struct sight *v)
{
	bool runs = is_interpreter(v->program);

	note_download(v);
	if (v->c->nwords > 0 && downloaded(v, v->c->words[0].text))
		return TIER_CAUTION;
	if (strcmp(v->program, "chmod") == 0 && v->c->nwords > 2)
		runs = strchr(v->c->words[1].text, 'x') != NULL || strpbrk(v->c->words[1].text, "1357") != NULL;
	for (size_t i = 1; runs && i < v->c->nwords; i++)
		if (downloaded(v, v->c->words[i].text))
			return TIER_CAUTION;
	return TIER_SAFE;
}
