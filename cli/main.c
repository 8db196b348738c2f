/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi: the command line. A client of hostd (host/host.sock) and of init
 * (run/init.sock); it holds no secret, decides nothing, and starts a daemon
 * when none runs. The commands stand in commands.c.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "common/mem.h"
#include "common/paths.h"

/* Whose profile, by option, environment or default; and where it lives. */
static int
choose_profile(struct cli *c, const struct args *a, struct error *e)
{
	c->profile = xstrdup0(arg_option(a, "profile"));
	if (c->profile == NULL)
		c->profile = profile_from_env();
	if (profile_check(c->profile, e) == -1 || (c->root = home_root(e)) == NULL)
		return -1;
	c->home = profile_home(c->root, c->profile);
	return 0;
}

static int
run(const struct command *command, struct args *a)
{
	struct cli c = { 0 };
	struct error e = { 0 };
	int code;

	code = choose_profile(&c, a, &e) == -1 ? cli_fail(&e) : command->run(&c, a);
	free(c.profile);
	free(c.root);
	free(c.home);
	return code;
}

/* Options that may stand in front of the command: how many words they take. */
static int
leading(int argc, char *const *argv)
{
	int n = 0;

	while (n < argc && argv[n][0] == '-' && argv[n][1] != '\0') {
		bool valued = strcmp(argv[n], "-p") == 0 || strcmp(argv[n], "--profile") == 0;

		n += valued ? 2 : 1;
	}
	return n < argc ? n : argc;
}

/* No command: help, version, or a chat with the options given. */
static int
without_command(struct args *a, int argc, char *const *argv)
{
	struct error e = { 0 };
	int used;
	char *chat[] = { "chat" };

	if (args_parse(a, command_find(1, chat, &used), argc, argv, &e) == -1)
		return cli_usage(NULL, "%s", e.text);
	if (arg_has(a, "help"))
		return help_all(stdout), 0;
	if (arg_has(a, "version"))
		return printf("alpi %s\n", ALPI_VERSION), 0;
	return run(a->command, a);
}

/* help, help GROUP, help COMMAND. */
static int
help_words(int argc, char *const *argv)
{
	const struct command *command;
	const struct group *g;
	int used;

	if (argc == 0)
		return help_all(stdout), 0;
	if ((command = command_find(argc, argv, &used)) != NULL)
		return help_command(stdout, command), 0;
	if ((g = group_find(argv[0])) == NULL)
		return help_unknown(NULL, argv[0]);
	return argc > 1 ? help_unknown(g->word, argv[1]) : (help_group(stdout, g), 0);
}

/* A first word that is no command: a group without its second word, or a slip. */
static int
no_such_command(int argc, char *const *argv)
{
	const struct group *g = group_find(argv[0]);

	if (g == NULL && strcmp(argv[0], "help") == 0)
		return help_words(argc - 1, argv + 1);
	if (g == NULL)
		return help_unknown(NULL, argv[0]);
	if (argc > 1 && argv[1][0] != '-')
		return help_unknown(g->word, argv[1]);
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return help_group(stdout, g), 0;
	return help_group(stderr, g), EXIT_USAGE;
}

int
main(int argc, char *argv[])
{
	static struct args a;
	struct error e = { 0 };
	const struct command *command;
	int used, lead = leading(argc - 1, argv + 1);

	if (lead == argc - 1)
		return without_command(&a, argc - 1, argv + 1);
	if ((command = command_find(argc - 1 - lead, argv + 1 + lead, &used)) == NULL)
		return no_such_command(argc - 1 - lead, argv + 1 + lead);
	if (args_parse(&a, command, lead, argv + 1, &e) == -1 ||
	    args_parse(&a, command, argc - 1 - lead - used, argv + 1 + lead + used, &e) == -1 ||
	    args_check(&a, &e) == -1)
		return cli_usage(&a, "%s", e.text);
	if (arg_has(&a, "help"))
		return help_command(stdout, command), 0;
	if (arg_has(&a, "version"))
		return printf("alpi %s\n", ALPI_VERSION), 0;
	return run(command, &a);
}
