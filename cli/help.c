/* SPDX-License-Identifier: Apache-2.0 */
/* See help.h: everything here is read from the command table. */
#include "cli/help.h"

#include <string.h>

#include "cli/commands.h"
#include "cli/text.h"
#include "common/mem.h"

#define ALIKE 0.6	/* from here on a word is worth suggesting (spec/services-cli.md, 9) */

/* The first word of a command; a group is listed once, as a whole. */
static size_t
first_word(const struct command *c)
{
	return strcspn(c->words, " ");
}

static bool
begins_group(const struct command *c)
{
	size_t n = first_word(c);

	if (c->words[n] == '\0')
		return false;
	return c == commands || strncmp((c - 1)->words, c->words, n + 1) != 0;
}

static void
list_options(FILE *f, const struct opt *o)
{
	char left[80], letter[8];

	for (; o != NULL && o->name != NULL; o++) {
		if (o->help == NULL)
			continue;
		snprintf(letter, sizeof(letter), o->letter ? "-%c, " : "    ", o->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name, o->value ? " " : "",
		    o->value ? o->value : "");
		fprintf(f, "  %-24s  %s\n", left, o->help);
	}
}

void
help_all(FILE *f)
{
	fprintf(f, "alpi %s: a personal agent\n\n"
	    "usage: alpi [-p PROFILE] [-c] [COMMAND ...]     without a command: chat\n\ncommands:\n", ALPI_VERSION);
	for (const struct command *c = commands; c->words != NULL; c++) {
		cleanup_free char *word = xstrndup(c->words, first_word(c));
		const struct group *g = group_find(word);

		if (c->words[first_word(c)] == '\0' || begins_group(c))
			fprintf(f, "  %-12s  %s\n", word, g != NULL ? g->help : c->help);
	}
	fprintf(f, "\noptions:\n");
	fprintf(f, "  %-24s  %s\n", "-c, --continue", "chat: go on with the newest conversation");
	list_options(f, common_options);
	fprintf(f, "      --version%*sprint the version\n\n`alpi COMMAND --help` tells more; alpi(1) everything.\n", 13, "");
}

void
help_group(FILE *f, const struct group *g)
{
	size_t n = strlen(g->word);

	fprintf(f, "alpi %s: %s\n\ncommands:\n", g->word, g->help);
	for (const struct command *c = commands; c->words != NULL; c++) {
		char left[120];

		if (strncmp(c->words, g->word, n) != 0 || c->words[n] != ' ')
			continue;
		snprintf(left, sizeof(left), "%s %s", c->words + n + 1, c->args);
		fprintf(f, "  %-24s  %s\n", left, c->help);
	}
	fprintf(f, "\noptions:\n");
	list_options(f, common_options);
}

void
help_command(FILE *f, const struct command *c)
{
	fprintf(f, "alpi %s: %s\n\nusage: alpi %s [OPTIONS]%s%s\n\noptions:\n", c->words, c->help,
	    c->words, *c->args ? " " : "", c->args);
	list_options(f, c->opts);
	list_options(f, common_options);
}

/* The part of a command's words that stands where the unknown word stood; NULL: elsewhere. */
static char *
candidate(const struct command *c, const char *first)
{
	size_t n = first == NULL ? 0 : strlen(first);

	if (first == NULL)
		return xstrndup(c->words, first_word(c));
	if (strncmp(c->words, first, n) != 0 || c->words[n] != ' ')
		return NULL;
	return xstrdup(c->words + n + 1);
}

static char *
most_alike(const char *first, const char *word)
{
	char *best = NULL;
	double high = ALIKE;

	for (const struct command *c = commands; c->words != NULL; c++) {
		cleanup_free char *other = candidate(c, first);
		size_t n = strlen(word);

		if (other != NULL && n > 0 && strncmp(other, word, n) == 0 && other[n] == ' ') {	/* a group in a group */
			free(best);
			return steal(other);
		}
		if (other == NULL || likeness(word, other) < high || (best != NULL && likeness(word, other) == high))
			continue;
		high = likeness(word, other);
		free(best);
		best = steal(other);
	}
	return best;
}

int
help_unknown(const char *first, const char *word)
{
	cleanup_free char *meant = most_alike(first, word), *safe = text_line(word, 60);

	fprintf(stderr, "Error: no command '%s%s%s'.", first ? first : "", first ? " " : "", safe);
	if (meant != NULL)
		fprintf(stderr, " Did you mean '%s%s%s'?", first ? first : "", first ? " " : "", meant);
	fprintf(stderr, "\nTry: alpi %s%s--help\n", first ? first : "", first ? " " : "");
	return EXIT_USAGE;
}
