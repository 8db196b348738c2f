/* SPDX-License-Identifier: Apache-2.0 */
/* See rules_own.h: where what commands put out goes to, over all pipelines and substitutions of a script. */
#include "toolrunner/rules_own.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "toolrunner/unwrap.h"

const char rule_downloaders[] = "curl wget fetch aria2c axel http https xh lynx";
const char rule_decoders[] = "base64 base32 xxd openssl uudecode gunzip zcat xzcat bzcat zstdcat gpg";
static const char printers[] = "echo printf grep egrep fgrep rg cat man which type whatis apropos help true false test [";
static const char filters[] = "head tail sort uniq wc cut tr column less more nl fold tac rev jq";

static bool
computes(const struct sight *v, const struct command *c, const char *set)
{
	char program[PROGRAM_MAX];

	program_name(c, program);
	if (!in_set(set, program))
		return false;
	return set != rule_decoders || in_set("gunzip zcat xzcat bzcat zstdcat gpg uudecode", program) ||
	    (strcmp(program, "openssl") == 0 && c->nwords > 1) || has_option(c, "dDr", "decode");
}

void
flow_mark(const struct sight *v, struct flow *f, const char *set)
{
	const struct script *s = v->s;

	f->least = xcalloc(s->npipes, sizeof(*f->least));
	f->into = xcalloc(s->ncommands, sizeof(*f->into));
	for (size_t i = 0; i < s->npipes; i++)
		f->least[i] = INT_MAX;
	for (size_t i = 0; i < s->ncommands; i++) {
		int pipe = s->commands[i].pipe, segment = s->commands[i].segment;

		if (!computes(v, &s->commands[i], set))
			continue;
		for (; pipe != -1; segment = s->pipes[pipe].segment, pipe = s->pipes[pipe].parent) {
			if (segment < f->least[pipe])
				f->least[pipe] = segment;
			if (s->pipes[pipe].link == PIPE_INTO)
				f->into[s->pipes[pipe].owner] = true;
		}
	}
}

void
flow_clear(struct flow *f)
{
	free(f->least);
	free(f->into);
}

bool
flow_reaches(const struct sight *v, const struct flow *f, const char *set)
{
	const struct script *s = v->s;
	int pipe = v->c->pipe, segment = v->c->segment;

	for (int k = (int)(v->c - s->commands); k != -1; k = s->commands[k].origin)
		if (f->into[k])
			return true;
	for (size_t i = 0; i < v->c->nwords; i++)
		if (v->c->words[i].from != -1 && f->into[v->c->words[i].from])
			return true;
	for (; pipe != -1; segment = s->pipes[pipe].segment, pipe = s->pipes[pipe].parent) {
		if (f->least[pipe] < segment)
			return true;
		if (s->pipes[pipe].link == PIPE_FROM && computes(v, &s->commands[s->pipes[pipe].owner], set))
			return true;
	}
	return false;
}

void
live_mark(struct sight *v)
{
	const struct script *s = v->s;
	char program[PROGRAM_MAX];

	v->live = xcalloc(s->npipes, sizeof(*v->live));
	for (size_t i = 0; i < s->npipes; i++)
		v->live[i] = -1;
	for (size_t i = 0; i < s->ncommands; i++) {
		const struct command *c = &s->commands[i];
		int pipe = c->pipe, segment = c->segment;
		bool writes = false;

		program_name(c, program);
		for (size_t k = 0; k < c->nredirs; k++)
			writes |= c->redirs[k].op == REDIR_WRITE && strcmp(c->redirs[k].target.text, "/dev/null") != 0;
		if (!writes && (c->nwords == 0 || in_set(printers, program) || in_set(filters, program)))
			continue;
		segment += writes;		/* a file is where a later segment would be */
		for (; pipe != -1; segment = s->pipes[pipe].segment, pipe = s->pipes[pipe].parent)
			if (segment > v->live[pipe])
				v->live[pipe] = segment;
	}
}

bool
inert(const struct sight *v)
{
	const struct script *s = v->s;
	int pipe = v->c->pipe, segment = v->c->segment;

	if (!in_set(printers, v->program) &&
	    !(strcmp(v->program, "git") == 0 && v->c->nwords > 1 && in_set("commit tag log show grep", v->c->words[1].text)))
		return false;
	if (strcmp(v->program, "rg") == 0 && has_option(v->c, "", "pre hostname-bin"))
		return false;
	for (; pipe != -1; segment = s->pipes[pipe].segment, pipe = s->pipes[pipe].parent)
		if (v->live[pipe] > segment || s->pipes[pipe].link == PIPE_INTO)
			return false;
	return true;
}
