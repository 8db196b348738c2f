/* SPDX-License-Identifier: Apache-2.0 */
/* `alpi completion`: a script made from the command table, so that it never lags behind. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "common/mem.h"

static void
words_of_options(const struct opt *o)
{
	for (; o != NULL && o->name != NULL; o++)
		if (o->help != NULL)
			printf(" --%s", o->name);
}

/* Words that may follow a group (or, for NULL, stand first), each once. */
static void
next_words(const char *group)
{
	const char *last = "";
	size_t n = group == NULL ? 0 : strlen(group);

	for (const struct command *c = commands; c->words != NULL; c++) {
		size_t first = strcspn(c->words, " ");

		if (group == NULL && (strncmp(last, c->words, first) != 0 || last[first] > ' '))
			printf(" %.*s", (int)first, c->words);
		else if (group != NULL && strncmp(c->words, group, n) == 0 && c->words[n] == ' ')
			printf(" %s", c->words + n + 1);
		last = c->words;
	}
}

static void
print_cases(void)
{
	for (const struct group *g = groups; g->word != NULL; g++) {
		printf("\t'%s') words='", g->word);
		next_words(g->word);
		printf("' ;;\n");
	}
	for (const struct command *c = commands; c->words != NULL; c++) {
		printf("\t'%s') words='", c->words);
		words_of_options(c->opts);
		words_of_options(common_options);
		printf("' ;;\n");
	}
}

/* The words before the cursor without options choose the case; bash and zsh read the same. */
static void
print_function(void)
{
	printf("_alpi_words() {\n\tlocal said=\"$*\" words=''\n\tcase \"$said\" in\n\t'') words='");
	next_words(NULL);
	words_of_options(common_options);
	printf("' ;;\n");
	print_cases();
	printf("\tesac\n\tprintf '%%s' \"$words\"\n}\n");
}

static const char bash[] =
    "_alpi() {\n"
    "\tlocal said=() i\n"
    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
    "\t\tcase ${COMP_WORDS[i]} in -p|--profile) i=$((i + 1)) ;; -*) ;; *) [ ${#said[@]} -lt 2 ] && said+=(\"${COMP_WORDS[i]}\") ;; esac\n"
    "\tdone\n"
    "\tCOMPREPLY=($(compgen -W \"$(_alpi_words \"${said[@]}\")\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
    "}\n"
    "complete -o default -F _alpi alpi\n";

static const char zsh[] =
    "_alpi() {\n"
    "\tlocal -a said\n"
    "\tlocal w\n"
    "\tfor w in \"${(@)words[2,CURRENT-1]}\"; do\n"
    "\t\tcase $w in -*) ;; *) (( ${#said} < 2 )) && said+=(\"$w\") ;; esac\n"
    "\tdone\n"
    "\tcompadd -- $(_alpi_words \"${said[@]}\")\n"
    "}\n"
    "compdef _alpi alpi\n";

int
completion_command(struct cli *c, const struct args *a)
{
	bool is_zsh = strcmp(a->rest[0], "zsh") == 0;

	if (!is_zsh && strcmp(a->rest[0], "bash") != 0)
		return cli_usage(a, "completion knows bash and zsh, not \"%s\"", a->rest[0]);
	if (is_zsh)
		printf("#compdef alpi\n");
	print_function();
	fputs(is_zsh ? zsh : bash, stdout);
	return 0;
}
