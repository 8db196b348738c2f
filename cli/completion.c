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

/* Words that may stand behind these (NULL: first), each once. */
static void
next_words(const char *before)
{
	const char *last = "";
	size_t n = before == NULL ? 0 : strlen(before) + 1, len, seen = 0;

	for (const struct command *c = commands; c->words != NULL; c++) {
		if (before != NULL && (strncmp(c->words, before, n - 1) != 0 || c->words[n - 1] != ' '))
			continue;
		len = strcspn(c->words + n, " ");
		if (len != seen || strncmp(c->words + n, last, len) != 0)
			printf(" %.*s", (int)len, c->words + n);
		last = c->words + n;
		seen = len;
	}
}

static void
print_case(const char *before)
{
	printf("\t'%s') offer='", before);
	next_words(before);
	printf("' ;;\n");
}

/* What is whole takes its options, whatever follows it. */
static void
print_cases(void)
{
	for (const struct group *g = groups; g->word != NULL; g++)
		print_case(g->word);
	for (const struct command *c = commands; c->words != NULL; c++) {
		const char *second = strchr(c->words, ' '), *third = second == NULL ? NULL : strchr(second + 1, ' ');
		cleanup_free char *two = third == NULL ? NULL : xstrndup(c->words, (size_t)(third - c->words));

		if (two != NULL)
			print_case(two);
		printf("\t'%s'|'%s '*) offer='", c->words, c->words);
		words_of_options(c->opts);
		words_of_options(common_options);
		printf("' ;;\n");
	}
}

/* The words before the cursor without options choose the case; bash and zsh read the same. */
static void
print_function(void)
{
	printf("_alpi_words() {\n\tlocal said=\"$*\" offer=''\n\tcase \"$said\" in\n\t'') offer='");
	next_words(NULL);
	words_of_options(common_options);
	printf("' ;;\n");
	print_cases();
	printf("\tesac\n\tprintf '%%s' \"$offer\"\n}\n");
}

static const char bash[] =
    "_alpi() {\n"
    "\tlocal said=() i\n"
    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
    "\t\tcase ${COMP_WORDS[i]} in -p|--profile) i=$((i + 1)) ;; -*) ;; *) said+=(\"${COMP_WORDS[i]}\") ;; esac\n"
    "\tdone\n"
    "\tCOMPREPLY=($(compgen -W \"$(_alpi_words \"${said[@]}\")\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
    "}\n"
    "complete -o default -F _alpi alpi\n";

/* Found in fpath, the file is the function's body the first time; sourced, it only defines it. */
static const char zsh[] =
    "_alpi() {\n"
    "\tlocal -a said\n"
    "\tlocal i\n"
    "\tfor ((i = 2; i < CURRENT; i++)); do\n"
    "\t\tcase $words[i] in -p|--profile) i=$((i + 1)) ;; -*) ;; *) said+=(\"$words[i]\") ;; esac\n"
    "\tdone\n"
    "\tcompadd -- ${=\"$(_alpi_words \"${said[@]}\")\"} || _files\n"
    "}\n"
    "if [[ $funcstack[1] == _alpi ]]; then _alpi \"$@\"; else compdef _alpi alpi; fi\n";

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
