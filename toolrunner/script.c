/* SPDX-License-Identifier: Apache-2.0 */
/* What a text was found to hold (lexer.h): tables that grow within the limits, and the variables it sets. */
#include "toolrunner/lex.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* ---- the script -------------------------------------------------------------------------- */

const char script_too_deep[] = "nested too deep", script_too_many[] = "too many words", script_too_big[] = "expands to too much";

int
script_break(struct script *s, const char *why)
{
	if (s->broken == NULL)
		s->broken = why;
	return -1;
}

/* Did a limit end the reading, rather than the grammar? */
bool
script_over(const struct script *s)
{
	return s->broken == script_too_deep || s->broken == script_too_many || s->broken == script_too_big;
}

int
script_count(struct script *s, size_t bytes)
{
	s->growth += bytes;
	if (++s->tokens > SCRIPT_TOKENS_MAX)
		return script_break(s, script_too_many);
	return s->growth > SCRIPT_GROWTH_MAX ? script_break(s, script_too_big) : 0;
}

char *
script_keep(struct script *s, char *take)
{
	if (s->nstrings == s->capstrings) {
		s->capstrings = s->capstrings ? s->capstrings * 2 : 64;
		s->strings = xreallocarray(s->strings, s->capstrings, sizeof(*s->strings));
	}
	return s->strings[s->nstrings++] = take;
}

int
script_pipe(struct script *s, const struct scope *sc)
{
	if (s->npipes == s->cappipes) {
		s->cappipes = s->cappipes ? s->cappipes * 2 : 16;
		s->pipes = xreallocarray(s->pipes, s->cappipes, sizeof(*s->pipes));
	}
	s->pipes[s->npipes] = (struct pipeline){
		.link = sc->link, .parent = sc->parent, .segment = sc->segment, .owner = sc->owner,
	};
	return (int)s->npipes++;
}

int
script_command(struct script *s, const struct place *at, int depth)
{
	if (script_count(s, 0) == -1)
		return -1;
	if (s->ncommands == s->capcommands) {
		s->capcommands = s->capcommands ? s->capcommands * 2 : 16;
		s->commands = xreallocarray(s->commands, s->capcommands, sizeof(*s->commands));
	}
	s->commands[s->ncommands] = (struct command){
		.pipe = at->pipe, .segment = at->segment, .function = at->function, .origin = at->origin, .depth = depth,
	};
	return (int)s->ncommands++;
}

struct scope
script_scope(const struct script *s, int command, enum pipe_link link, int owner)
{
	const struct command *c = &s->commands[command];

	return (struct scope){ link, c->pipe, c->segment, owner, c->function, c->origin };
}

void
script_word(struct script *s, int command, struct word w)
{
	struct command *c = &s->commands[command];

	if ((c->nwords & (c->nwords - 1)) == 0)		/* grow at powers of two */
		c->words = xreallocarray(c->words, c->nwords ? c->nwords * 2 : 1, sizeof(*c->words));
	c->words[c->nwords++] = w;
}

size_t
script_redir(struct script *s, int command, enum redir_op op, struct word target)
{
	struct command *c = &s->commands[command];

	if ((c->nredirs & (c->nredirs - 1)) == 0)
		c->redirs = xreallocarray(c->redirs, c->nredirs ? c->nredirs * 2 : 1, sizeof(*c->redirs));
	c->redirs[c->nredirs] = (struct redir){ .op = op, .target = target };
	return c->nredirs++;
}

void
script_clear(struct script *s)
{
	for (size_t i = 0; i < s->ncommands; i++) {
		free(s->commands[i].words);
		free(s->commands[i].redirs);
	}
	for (size_t i = 0; i < s->nstrings; i++)
		free(s->strings[i]);
	for (size_t i = 0; i < s->nvariables; i++) {
		free(s->variables[i].name);
		free(s->variables[i].text);
		free(s->variables[i].marks);
	}
	for (size_t i = 0; i < s->nfunctions; i++)
		free(s->functions[i]);
	free(s->commands);
	free(s->pipes);
	free(s->strings);
	free(s->variables);
	free(s->functions);
	*s = (struct script){ 0 };
}

/* ---- variables --------------------------------------------------------------------------- */

struct variable *
variable_find(struct script *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->nvariables; i++)
		if (strlen(s->variables[i].name) == len && memcmp(s->variables[i].name, name, len) == 0)
			return &s->variables[i];
	return NULL;
}

/* Remember what the text sets; a NULL draft: only running tells. Too many names: the later ones stay unknown. */
void
variable_set(struct script *s, const char *name, size_t len, const struct draft *d)
{
	struct variable *v = variable_find(s, name, len);
	bool known = d != NULL && (d->marks.len == 0 || memchr(d->marks.data, COMPUTED, d->marks.len) == NULL);

	if (v == NULL) {
		if (s->nvariables == 256)
			return;
		s->variables = xreallocarray(s->variables, s->nvariables + 1, sizeof(*s->variables));
		v = &s->variables[s->nvariables++];
		*v = (struct variable){ .name = xstrndup(name, len) };
	}
	free(v->text);
	free(v->marks);
	v->text = known ? xstrdup(buf_str(&d->text)) : NULL;
	v->marks = known ? xstrdup(buf_str(&d->marks)) : NULL;
	v->from = d == NULL ? -1 : d->from;
}
