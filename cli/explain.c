/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi approval check` and `alpi path check`: what toolrunner would decide,
 * told by toolrunner itself, so that there is one classifier and not two.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "common/buf.h"
#include "common/mem.h"

/* The arguments again, for the program that knows. */
static size_t
forward(const struct args *a, char **argv, size_t n)
{
	for (size_t i = 0; i < a->ngiven; i++) {
		const struct opt *o = a->given[i].opt;

		if (strcmp(o->name, "profile") == 0)
			continue;
		argv[n++] = xasprintf("--%s", o->name);
		if (o->value != NULL)
			argv[n++] = xstrdup(a->given[i].value);
	}
	argv[n++] = xstrdup("--");
	return n;
}

/* A command may come as one word or as many: `-- rm -rf x` is what was typed. */
static char *
joined(const struct args *a)
{
	struct buf b = BUF(0);

	for (size_t i = 0; i < a->nrest; i++)
		buf_addf(&b, "%s%s", i ? " " : "", a->rest[i]);
	return buf_take(&b);
}

int
explain_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_free char *path = program_path("alpi-toolrunner");
	char *argv[2 * ARGS_MAX + 8] = { "alpi-toolrunner", "--explain" };
	size_t n = 2;

	argv[n++] = xstrndup(a->command->words, strcspn(a->command->words, " "));
	n = forward(a, argv, n);
	argv[n++] = joined(a);
	setenv("ALPI_HOME", c->home, 1);	/* whose allow list and workspace */
	execv(path, argv);
	error_errno(&e, "%s", path);
	return cli_fail(&e);
}
