/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi: the command line. A client of hostd (host/host.sock) and of init
 * (run/init.sock); it holds no secret, decides nothing, and starts a daemon
 * when none runs. The commands stand in commands.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "common/json.h"
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

	if (argc == 0 || strcmp(argv[0], "help") == 0)
		return help_all(stdout), 0;
	if ((command = command_find(argc, argv, &used)) != NULL)
		return help_command(stdout, command), 0;
	if ((g = group_find(argv[0])) == NULL)
		return help_unknown(NULL, argv[0]);
	return argc > 1 ? help_unknown(g->word, argv[1]) : (help_group(stdout, g), 0);
}

/* A group without its second word: its help, asked for or not. */
static int
group_alone(struct args *a, const struct group *g, int lead, char *const *options)
{
	const struct command as = { .words = g->word };
	struct error e = { 0 };

	if (args_parse(a, &as, lead, options, &e) == -1)
		return cli_usage(a, "%s", e.text);
	if (arg_has(a, "help"))
		return help_group(stdout, g), 0;
	return help_group(stderr, g), EXIT_USAGE;
}

/* A first word that is no command: a group, a call for help, or a slip. */
static int
no_such_command(struct args *a, int lead, int argc, char *const *argv)
{
	const struct group *g = group_find(argv[0]);

	if (g == NULL && strcmp(argv[0], "help") == 0)
		return help_words(argc - 1, argv + 1);
	if (g == NULL)
		return help_unknown(NULL, argv[0]);
	return argc > 1 ? help_unknown(g->word, argv[1]) : group_alone(a, g, lead, argv - lead);
}

/* "schedule -p work list" is "-p work schedule list"; how many words stand in front then. */
static int
options_first(int lead, int argc, char **argv)
{
	char *group = lead < argc ? argv[lead] : NULL;
	int more = group == NULL || group_find(group) == NULL ? 0 : leading(argc - lead - 1, argv + lead + 1);

	memmove(argv + lead, argv + lead + 1, (size_t)more * sizeof(*argv));
	if (more > 0)
		argv[lead + more] = group;
	return lead + more;
}

static int
command_line(int argc, char **argv)
{
	static struct args a;
	struct error e = { 0 };
	const struct command *command;
	int used, lead = options_first(leading(argc, argv), argc, argv);

	if (lead == argc)
		return without_command(&a, argc, argv);
	if ((command = command_find(argc - lead, argv + lead, &used)) == NULL)
		return no_such_command(&a, lead, argc - lead, argv + lead);
	if (args_parse(&a, command, lead, argv, &e) == -1 ||
	    args_parse(&a, command, argc - lead - used, argv + lead + used, &e) == -1 ||
	    args_check(&a, &e) == -1)
		return cli_usage(&a, "%s", e.text);
	if (arg_has(&a, "help"))
		return help_command(stdout, command), 0;
	if (arg_has(&a, "version"))
		return printf("alpi %s\n", ALPI_VERSION), 0;
	return run(command, &a);
}

/* The first word that is no text, 0: none. What we ask and what we answer is JSON, which holds nothing else. */
static int
not_text(int argc, char *const *argv)
{
	for (int i = 1; i < argc; i++) {
		cleanup_free char *clean = utf8_clean(argv[i], strlen(argv[i]));

		if (strcmp(clean, argv[i]) != 0)
			return i;
	}
	return 0;
}

/* A standard stream that came closed would be the next socket's number, and what we print an order to the daemon. */
static void
hold_standard_streams(void)
{
	int fd;

	while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) != -1 && fd <= STDERR_FILENO)
		continue;
	if (fd != -1)
		close(fd);
}

/* What nobody could be told is not done: a full disk or a closed stream is no success. */
static int
say_it_all(int code)
{
	bool lost = ferror(stdout);

	errno = 0;
	if (fflush(stdout) == 0 && !lost)
		return code;
	fprintf(stderr, "Error: standard output: %s\n", errno != 0 ? strerror(errno) : "not all of it could be written");
	return code != 0 ? code : EXIT_FAILED;
}

int
main(int argc, char *argv[])
{
	int wrong = not_text(argc, argv);

	hold_standard_streams();
	if (wrong != 0)
		return cli_usage(NULL, "argument %d is no UTF-8: %s", wrong, argv[wrong]);
	return say_it_all(command_line(argc - 1, argv + 1));
}
